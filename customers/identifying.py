"""
From a retailer's ids to customers: found, registered where they are new, and held until the transaction ends.

An id of a customer that was merged leads to the one that stays. Who names customers holds their rows (FOR KEY SHARE), so that
none of them is merged away meanwhile: aliases first, then in the order of external ids, as a merge does.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.checks import past_of
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.models import Customer, FactChange, Retailer

NAMED = """
SELECT external_id, coalesce(merged_into_id, id), identified_at FROM customers_customer
WHERE retailer_id = %s AND external_id = ANY(%s)
ORDER BY merged_into_id IS NULL, external_id FOR KEY SHARE
"""
# What a merge wrote meanwhile is read again behind the wait for it.
HELD = "SELECT merged_into_id FROM customers_customer WHERE id = %s FOR KEY SHARE"
HELD_TOGETHER = """
SELECT id, merged_into_id FROM customers_customer WHERE id = ANY(%b::uuid[])
ORDER BY merged_into_id IS NULL, external_id FOR KEY SHARE
"""
# Locked in one order before it is written, so that two of these do not wait for each other.
LOWER = """
WITH later AS (
    SELECT c.id, s.seen_at FROM customers_customer c
    JOIN (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS seen_at) s ON s.id = c.id
    WHERE c.identified_at > s.seen_at ORDER BY c.external_id FOR NO KEY UPDATE OF c
)
UPDATE customers_customer c SET identified_at = least(c.identified_at, l.seen_at) FROM later l WHERE c.id = l.id
"""


class UnknownCustomer(DomainError):
    code = "unknown_customer"
    kind = Kind.NOT_FOUND
    message = _("There is no customer {customer}.")


@dataclass(frozen=True, slots=True)
class NamedCustomer:
    """
    A customer whom an external id leads to.

    :param identified_at: the earliest instant known; of an alias, at least as late as that of the customer it leads to
    """

    id: UUID
    identified_at: datetime


def identify(retailer: Retailer, named: Iterable[tuple[str, datetime]], *, now: datetime) -> dict[str, UUID]:
    """
    Return the id of each customer by external id, registering those of whom we hear for the first time.

    :param named: external ids with the instant at which each was seen; a customer keeps the earliest
    :raises InvalidFact: for an instant that has not come
    """
    seen = earliest(named)
    first_seen = {external_id: past_of("occurred_at", instant, now) for external_id, instant in seen.items()}
    found = find_or_register(retailer, first_seen, now=now)
    lower_identified((found[external_id], instant) for external_id, instant in first_seen.items())
    return {external_id: customer.id for external_id, customer in found.items()}


def hold_who_stays(key: UUID) -> UUID:
    """Hold a customer, and the one into whom it was merged, until the transaction ends; return the one who is there."""
    while (into := bulk.fetch(HELD, [key])[0][0]) is not None:
        key = into
    return key


def hold_all(keys: Iterable[UUID]) -> dict[UUID, UUID]:
    """
    Hold customers as `hold_who_stays` does, in the order of all who hold several; return who is there for each.

    Whoever writes rows that name customers, or changes a membership twice, needs their rows when it commits. So it holds them
    before the memberships: merges and erasures lock them in that order, too.
    """
    rows = bulk.fetch(HELD_TOGETHER, [sorted(set(keys))])
    return {key: key if into is None else hold_who_stays(into) for key, into in rows}


def earliest(named: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    """Return the earliest instant by external id."""
    first_seen: dict[str, datetime] = {}
    for external_id, instant in named:
        first_seen[external_id] = min(instant, first_seen.get(external_id, instant))
    return first_seen


def find_customer(retailer: Retailer, external_id: str) -> NamedCustomer:
    """
    Return the customer whom an external id leads to.

    :raises UnknownCustomer: when the id was never heard of, which may be a slip
    """
    found = _named(retailer, [external_id])
    if external_id not in found:
        raise UnknownCustomer(customer=external_id)
    return found[external_id]


def find_or_register(
    retailer: Retailer, first_seen: Mapping[str, datetime], *, now: datetime
) -> dict[str, NamedCustomer]:
    """Return customers by external id; those that are new are registered as of the instant given for them."""
    if not first_seen:
        return {}
    found = _named(retailer, first_seen)
    missing = sorted(first_seen.keys() - found.keys())
    # fmt: off
    rows = [(new_id(), retailer.pk, external_id, "", "", "", "", "", "", first_seen[external_id], now)
            for external_id in missing]
    columns = ("id", "retailer_id", "external_id", "email", "phone", "first_name", "last_name", "language",
               "acquisition_channel", "identified_at", "recorded_at")
    # fmt: on
    bulk.insert(Customer, columns, rows, suffix="ON CONFLICT (retailer_id, external_id) DO NOTHING")
    return found | _named(retailer, missing) if missing else found


def lower_identified(seen: Iterable[tuple[NamedCustomer, datetime]]) -> None:
    """Let customers be known from the earliest instant at which they were seen; nothing is sent when none is earlier."""
    earlier: dict[UUID, datetime] = {}
    for customer, instant in seen:
        if instant < customer.identified_at:
            earlier[customer.id] = min(instant, earlier.get(customer.id, instant))
    if earlier:
        bulk.execute(LOWER, [list(earlier), list(earlier.values())])


def note_changes(retailer: Retailer, customers: Iterable[UUID | None]) -> None:
    """Tell analytics about whom something was recorded."""
    touched = sorted({customer for customer in customers if customer is not None})
    bulk.insert(FactChange, ("retailer_id", "customer_id"), [(retailer.pk, customer) for customer in touched])


def _named(retailer: Retailer, external_ids: Iterable[str]) -> dict[str, NamedCustomer]:
    rows = bulk.fetch(NAMED, [retailer.pk, list(external_ids)])
    return {external_id: NamedCustomer(pk, identified_at) for external_id, pk, identified_at in rows}
