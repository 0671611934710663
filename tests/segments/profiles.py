"""What analytics is said to know of members."""

from typing import Any

from customers.models import Consent, Insight
from loyalty.memberships.models import Membership
from tests.make import NOON, START


def known_as(who: Membership, *, agreed: bool = True, **kind: Any) -> None:
    """Let analytics know something of a member, who agrees to a profile, or does not."""
    usual = {"run_id": 1, "as_of": NOON.date(), "horizon_days": 365, "currency": "EUR", "historic_revenue": 1}
    Insight.objects.update_or_create(customer=who.customer, defaults=usual | kind)
    agree(who, agreed=agreed)


def agree(who: Membership, *, agreed: bool) -> None:
    Consent.objects.create(
        customer=who.customer, purpose="profiling", granted=agreed, occurred_at=START, source="test", wording=""
    )
