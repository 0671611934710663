"""What a customer agreed to, and whether it is enough. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from customers.core.values import dataclass

SERVICE, PROGRAM, MARKETING = "service", "program", "marketing"
EMAIL, SMS, PUSH, INBOX, WEBHOOK = "email", "sms", "push", "inbox", "webhook"
PROFILING = "profiling"
EXISTING_CUSTOMER = "existing_customer"
Consents = Mapping[str, bool]  # by purpose; who said nothing has none


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a customer's will."""

    purpose: str
    granted: bool
    occurred_at: datetime


def consents_at(statements: Iterable[Statement], now: datetime) -> Consents:
    """
    Return what holds at an instant: the newest by when it was said, for each purpose; of two at once, the one that withdraws.

    When it was recorded says nothing: a grant that is recorded late does not undo a withdrawal that was said after it.
    """
    newest: dict[str, Statement] = {}
    for each in statements:
        found = newest.get(each.purpose)
        if each.occurred_at <= now and (
            found is None or (each.occurred_at, not each.granted) > (found.occurred_at, not found.granted)
        ):
            newest[each.purpose] = each
    return {purpose: each.granted for purpose, each in newest.items()}


def allows(consents: Consents, *, kind: str, channel: str, ground: str = "", has_bought: bool = False) -> bool:
    """
    Tell whether a message of a kind may go by a channel.

    Service needs no consent, and neither does what stands in a member's own inbox. What belongs to the program needs the
    consent to it, and no channel that was withdrawn. Marketing needs the channel's consent; where the retailer relies on it
    being somebody who bought (`ground`), a sale and no withdrawal.
    """
    if kind == SERVICE or channel == INBOX:
        return True
    if kind == PROGRAM or channel == WEBHOOK:
        return consents.get(PROGRAM, False) and consents.get(channel, True)
    if ground == EXISTING_CUSTOMER and has_bought:
        return consents.get(channel, True)
    return consents.get(channel, False)
