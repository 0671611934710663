"""What is deleted, and when: the one list of it. What is not in here is kept, until its person is erased."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from customers.core.values import dataclass
from loyalty.access.models import PasswordReset, StaffInvitation
from loyalty.api.models import IdempotencyRecord, MemberToken
from loyalty.outbox.models import Delivery, Event
from loyalty.signin.models import MemberSession, SignInCode, SignInLimit
from loyalty.signin.sessions import live

Over = Callable[[datetime], Q]


@dataclass(frozen=True, slots=True)
class Rule:
    """
    Rows of a table that are over.

    :param name: for people, and for `manage.py prune --only`
    :param over: the condition of those that are, before an instant
    :param setting: for how many days they are kept; empty where they say themselves when they end
    """

    name: str
    model: type[Model]
    over: Over
    setting: str = ""

    def rows(self, now: datetime) -> QuerySet[Any]:
        """Return the rows that are over at an instant."""
        kept = timedelta(days=getattr(settings, self.setting)) if self.setting else timedelta(0)
        return self.model._default_manager.filter(self.over(now - kept))


def _told(before: datetime) -> Q:
    """Return the condition of events that all have heard of, or never will."""
    waiting = Delivery.objects.filter(event=OuterRef("pk"), delivered_at=None, is_dead=False)
    return Q(dispatched_at__lt=before) & ~Q(Exists(waiting))


def _ended(before: datetime) -> Q:
    """Return the condition of deliveries that arrived, or were given up."""
    return Q(delivered_at__lt=before) | Q(is_dead=True, queued_at__lt=before)


EVENTS = Rule("events", Event, _told, "EVENTS_KEPT_DAYS")
RULES = (
    Rule("deliveries", Delivery, _ended, "DELIVERIES_KEPT_DAYS"),
    EVENTS,
    Rule("answers", IdempotencyRecord, lambda before: Q(created_at__lt=before), "IDEMPOTENCY_KEPT_DAYS"),
    Rule("member-tokens", MemberToken, lambda before: Q(expires_at__lte=before)),
    Rule("member-sessions", MemberSession, lambda before: ~live(before)),
    Rule("sign-in-codes", SignInCode, lambda before: Q(asked_at__lt=before), "SIGNIN_CODES_KEPT_DAYS"),
    Rule("sign-in-tries", SignInLimit, lambda before: Q(ends_at__lte=before)),
    Rule("staff-sessions", Session, lambda before: Q(expire_date__lte=before)),
    Rule("password-resets", PasswordReset, lambda before: Q(asked_at__lt=before), "SIGNIN_CODES_KEPT_DAYS"),
    Rule("invitations", StaffInvitation, lambda before: Q(expires_at__lt=before), "INVITATIONS_KEPT_DAYS"),
)
