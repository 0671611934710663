"""The only writer of outcomes: what became of customers in campaigns, told once and never changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from customers.core import bulk
from loyalty.campaigns.models import Outcome

ONCE = "ON CONFLICT (campaign_id, customer_id, occurrence, reason) WHERE what = 'not_entered' DO NOTHING"


class NewOutcome(NamedTuple):
    """
    An outcome as its row has it.

    :param entry_id: None where nobody entered, or what was said is of no entry
    :param step: its position in the version; None where it is about no step
    :param reason: why, as it is told
    :param rule: which rule, cap or offer decided so
    """

    retailer_id: int
    campaign_id: UUID | None
    customer_id: UUID
    entry_id: UUID | None
    occurrence: str
    what: Outcome.What
    at: datetime
    step: int | None = None
    reason: str = ""
    rule: str = ""
    channel: str = ""


def tell(outcomes: Iterable[NewOutcome]) -> None:
    """Write outcomes down, in their order."""
    bulk.insert(Outcome, NewOutcome._fields, outcomes)


def tell_once(outcomes: Iterable[NewOutcome]) -> None:
    """Write down why customers did not enter; of a trigger that holds each night, for each reason once."""
    bulk.insert(Outcome, NewOutcome._fields, outcomes, suffix=ONCE)
