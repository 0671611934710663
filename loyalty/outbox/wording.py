"""Why a post was not taken, in words."""

from django.utils.translation import gettext_lazy as _

from loyalty.outbox.models import Delivery
from loyalty.outbox.posting import Reason

WORDS = {
    Reason.NO_ADDRESS: _("no http or https address"),
    Reason.UNKNOWN_HOST: _("its name has no address"),
    Reason.INSIDE: _("%(detail)s is not on the internet"),
    Reason.UNREACHABLE: _("cannot be reached: %(detail)s"),
    Reason.NOT_SECURE: _("no secure connection: %(detail)s"),
    Reason.TIMED_OUT: _("did not answer in time"),
    Reason.NOT_HTTP: _("answered no HTTP"),
    Reason.STATUS: _("answered %(detail)s"),
    Reason.FAILED: _("could not be sent; the log says why"),
}


def reason_of(delivery: Delivery) -> Reason | None:
    """Return why the last try of a delivery was not taken; None where it was, or where there was none."""
    reason = delivery.last_error.partition(" ")[0]
    return Reason(reason) if reason in set(Reason) else None


def said_of(delivery: Delivery) -> str:
    """Return why the last try of a delivery was not taken, in the reader's language; empty where it was."""
    reason = reason_of(delivery)
    return str(WORDS[reason]) % {"detail": delivery.last_error.partition(" ")[2]} if reason else delivery.last_error
