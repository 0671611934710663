"""Who may enter a campaign, as whatever finds them says it."""

from datetime import date
from uuid import UUID

from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A customer who may enter, because of one fact.

    :param occurrence: the fact, such as birthday:2026
    :param about: the day that it is all about; None where it is about none
    """

    customer_id: UUID
    occurrence: str
    about: date | None
