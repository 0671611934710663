"""The only writer of customers and of their consents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.ids import new_id
from customers.models import Consent, Customer, FactChange, Retailer


@dataclass(frozen=True, slots=True)
class CustomerFact:
    """
    What a retailer says of a customer. None leaves what is known as it is; an empty text clears it.

    :param external_id: the retailer's own id
    :param acquisition_cost: in the retailer's currency
    """

    external_id: str
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    language: str | None = None
    acquisition_channel: str | None = None
    acquisition_cost: Decimal | None = None
    identified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of one customer fact."""

    id: UUID
    external_id: str
    is_new: bool
    changed: bool


# fmt: off
TEXTS = ("email", "phone", "first_name", "last_name", "language", "acquisition_channel")
UPSERT = """
ON CONFLICT (retailer_id, external_id) DO UPDATE SET
    identified_at = LEAST({table}.identified_at, excluded.identified_at), {changes}
WHERE {table}.identified_at > excluded.identified_at OR {differs}
RETURNING id, external_id, (xmax = 0)
"""
# fmt: on


@transaction.atomic
def register(retailer: Retailer, facts: Sequence[CustomerFact], *, now: datetime) -> list[Registered]:
    """
    Make customers known, or bring what is known of them up to date; the last fact of an external id counts.

    :returns: one entry per distinct external id, in the order of their first mention
    """
    latest = {fact.external_id: fact for fact in facts}
    known_ones = Customer.objects.filter(retailer=retailer, external_id__in=latest).order_by("external_id")
    before = {customer.external_id: customer for customer in known_ones.select_for_update()}
    # fmt: off
    rows = [
        (
            known.pk if (known := before.get(fact.external_id)) else new_id(), retailer.pk, fact.external_id,
            *(_kept(fact, known, name) or "" for name in TEXTS),
            _kept(fact, known, "birth_date"), _kept(fact, known, "acquisition_cost"),
            fact.identified_at or (known.identified_at if known else now), now,
        )
        for fact in sorted(latest.values(), key=lambda fact: fact.external_id)
    ]
    # fmt: on
    mutable = (*TEXTS, "birth_date", "acquisition_cost")
    columns = ("id", "retailer_id", "external_id", *mutable, "identified_at", "recorded_at")
    table = Customer._meta.db_table
    suffix = UPSERT.format(
        table=table,
        changes=", ".join(f"{name} = excluded.{name}" for name in mutable),
        differs=" OR ".join(f"{table}.{name} IS DISTINCT FROM excluded.{name}" for name in mutable),
    )
    written = {
        external_id: (pk, is_new) for pk, external_id, is_new in bulk.insert(Customer, columns, rows, suffix=suffix)
    }
    bulk.insert(FactChange, ("retailer_id", "customer_id"), [(retailer.pk, pk) for pk, _ in written.values()])
    ids = {row[2]: row[0] for row in rows}
    return [
        Registered(
            id=written.get(name, (ids[name], False))[0],
            external_id=name,
            is_new=written.get(name, (None, False))[1],
            changed=name in written,
        )
        for name in latest
    ]


def record_consent(  # noqa: PLR0913 - a consent has this many facts
    customer: Customer, purpose: str, *, granted: bool, occurred_at: datetime, source: str, wording: str = ""
) -> Consent:
    """Write down one statement of a customer's will."""
    return Consent.objects.create(
        customer=customer, purpose=purpose, granted=granted, occurred_at=occurred_at, source=source, wording=wording
    )


def _kept(fact: CustomerFact, known: Customer | None, name: str) -> object:
    """Return what the fact says, else what is known."""
    said = getattr(fact, name)
    return said if said is not None or known is None else getattr(known, name)
