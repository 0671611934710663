"""Words that several of the tables share, as people read them."""

from collections.abc import Mapping
from datetime import date

from django.db import models
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")
    PUSH = "push", _("push")
    WEBHOOK = "webhook", _("webhook")
    INBOX = "inbox", _("inbox")


class MessageKind(models.TextChoices):
    SERVICE = "service", _("service")
    PROGRAM = "program", _("about the program")
    MARKETING = "marketing", _("marketing")


class Ground(models.TextChoices):
    CONSENT = "consent", _("consent")
    EXISTING_CUSTOMER = "existing_customer", _("has bought, and did not refuse")


# The facts because of which somebody enters, by how their names begin.
FACTS: Mapping[str, Promise] = {
    "birthday": _("birthday in %(what)s"),
    "anniversary": _("anniversary in %(what)s"),
    "cart": _("cart %(what)s"),
    "order": _("order %(what)s"),
    "contact": _("contact %(what)s"),
    "wave": _("week %(what)s"),
    "enrolled": _("enrolled on %(what)s"),
    "expiry": _("points that expire on %(what)s"),
    "lapse": _("nothing bought since %(what)s"),
    "vip_risk": _("a VIP who bought nothing since %(what)s"),
    "renewal": _("renewal on %(what)s"),
    "stage:lapsing": _("waits longer than usual since %(what)s"),
}
ALONE: Mapping[str, Promise] = {
    "broadcast": _("said to all members"),
    "first_order": _("first order"),
    "stage:prospect": _("has not bought yet"),
    "stage:new": _("bought for the first time"),
    "stage:loyal": _("buys regularly"),
}
TIERS: Mapping[str, Promise] = {
    "tier": _("tier %(tier)s within reach"),
    "tier_risk": _("tier %(tier)s at risk"),
}
OF_DAYS = frozenset({"enrolled", "expiry", "lapse", "vip_risk", "renewal", "stage:lapsing"})


def occurrence_in_words(occurrence: str) -> str:
    """Return the fact because of which somebody was looked at; as it is written where it is none of ours."""
    if occurrence in ALONE:
        return str(ALONE[occurrence])
    kind, _colon, what = occurrence.rpartition(":") if occurrence.startswith("stage:") else occurrence.partition(":")
    if kind in FACTS:
        return str(FACTS[kind]) % {"what": _day(what) if kind in OF_DAYS else what}
    return str(TIERS[kind]) % {"tier": what.partition(":")[0]} if kind in TIERS else occurrence


def _day(what: str) -> str:
    try:
        return date_format(date.fromisoformat(what))
    except ValueError:
        return what
