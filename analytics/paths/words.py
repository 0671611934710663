"""Touchpoints, funnels and times in words."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.paths.touchpoints import Touch
from customers.core.numbers import shown

TOUCHES: Mapping[Touch, Promise] = {
    Touch.MESSAGE: _("message sent"),
    Touch.READ: _("message read in the inbox"),
    Touch.VISIT: _("visit"),
    Touch.VIEW: _("product view"),
    Touch.CART: _("cart left"),
    Touch.REDEMPTION: _("reward redeemed"),
    Touch.ORDER: _("order placed"),
    Touch.KEPT_ORDER: _("order kept"),
    Touch.DELIVERY: _("delivery"),
    Touch.RETURN: _("return"),
    Touch.SUPPORT: _("contact with support"),
    Touch.REVIEW: _("review or photo"),
    Touch.SURVEY: _("answer to a survey"),
    Touch.SHARE: _("share"),
    Touch.EVENT: _("event attended"),
}
SHIPPED_NAMES: Mapping[str, Promise] = {
    "visit-to-order": _("From a visit to an order"),
    "order-again": _("From an order to the next one"),
    "message-to-order": _("From a message to an order"),
    "order-to-return": _("From an order to a return"),
    "reward-to-order": _("From a redeemed reward to an order"),
}
MINUTE, HOUR, DAY = 60, 3_600, 86_400
TWO = 2


def lasting(seconds: float | None) -> str:
    """Return a time as the reader writes it, in its largest unit of which there are two; a dash for none."""
    if seconds is None:
        return "-"
    if seconds < TWO * HOUR:
        return gettext("%(count)s min") % {"count": shown(seconds / MINUTE, 0)}
    if seconds < TWO * DAY:
        return gettext("%(count)s h") % {"count": shown(seconds / HOUR, 1)}
    return gettext("%(count)s days") % {"count": shown(seconds / DAY, 1)}
