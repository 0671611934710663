"""The only writer of customers and of their consents."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db import transaction

from customers.checks import InvalidFact, money_of, past_of, require_customer_id, require_in_range, require_line
from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.identifying import hold_who_stays, note_changes
from customers.models import Consent, Customer, Retailer, UndecidedFact


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
    """
    What became of one customer fact.

    :param id: of the customer to whom the external id leads; None where the fact was refused
    :param changed: whether anything of the customer is new; of several facts of one customer the last one says it
    """

    external_id: str
    id: UUID | None = None
    is_new: bool = False
    changed: bool = False
    error: DomainError | None = None


# fmt: off
LIMITS = {"email": 254, "phone": 32, "first_name": 100, "last_name": 100, "language": 2, "acquisition_channel": 50}
TEXTS = tuple(LIMITS)
MUTABLE = (*TEXTS, "birth_date", "acquisition_cost")
COLUMNS = ("id", "retailer_id", "external_id", *MUTABLE, "identified_at", "recorded_at")
UPSERT = """
ON CONFLICT (retailer_id, external_id) DO UPDATE SET
    identified_at = LEAST({table}.identified_at, excluded.identified_at), {changes}
WHERE {table}.identified_at > excluded.identified_at OR {differs}
RETURNING external_id, id, (xmax = 0)
"""
# fmt: on


@transaction.atomic
def register(retailer: Retailer, facts: Sequence[CustomerFact], *, now: datetime) -> list[Registered]:
    """
    Make customers known, or bring what is known of them up to date; the last fact of a customer counts.

    What is said of one who was merged is said of the one who stays.

    :returns: one entry per fact, in the facts' order; a fact that cannot be is refused in its entry
    """
    refused = {place: error for place, fact in enumerate(facts) if (error := _refusal(retailer, fact, now))}
    good = [fact for place, fact in enumerate(facts) if place not in refused]
    before, leads_to = _locked(retailer, {fact.external_id for fact in good})
    latest = {leads_to.get(fact.external_id, fact.external_id): fact for fact in good}
    rows = [_row(retailer, name, fact, before.get(name), now) for name, fact in sorted(latest.items())]
    written = {name: (pk, is_new) for name, pk, is_new in bulk.insert(Customer, COLUMNS, rows, suffix=_upsert())}
    note_changes(retailer, (pk for pk, _ in written.values()))
    _queue_birthdays(retailer, rows, before, now)
    ids = {row[2]: row[0] for row in rows} | {name: pk for name, (pk, _) in written.items()}
    found = []
    for place, fact in enumerate(facts):
        name = leads_to.get(fact.external_id, fact.external_id)
        if place in refused:
            found.append(Registered(fact.external_id, error=refused[place]))
        elif latest[name] is fact and name in written:
            found.append(Registered(fact.external_id, ids[name], is_new=written[name][1], changed=True))
        else:
            found.append(Registered(fact.external_id, ids[name]))
    return found


def _queue_birthdays(
    retailer: Retailer, rows: Sequence[tuple[Any, ...]], before: Mapping[str, Customer], now: datetime
) -> None:
    """Queue who has another birth date now: programs look again at when something is next due for such members."""
    place = COLUMNS.index("birth_date")
    changed = [known.pk for row in rows if (known := before.get(row[2])) and known.birth_date != row[place]]
    kind = UndecidedFact.Kind.CUSTOMER.value
    columns = ("retailer_id", "customer_id", "kind", "fact_id", "occurred_at")
    queued = [(retailer.pk, pk, kind, pk, now) for pk in changed]
    bulk.insert(UndecidedFact, columns, queued, suffix="ON CONFLICT DO NOTHING")


def _refusal(retailer: Retailer, fact: CustomerFact, now: datetime) -> DomainError | None:
    try:
        require_customer_id("external_id", fact.external_id)
        for column, limit in LIMITS.items():
            require_line(column, getattr(fact, column) or "", limit)
        if fact.acquisition_cost is not None:
            money_of("acquisition_cost", fact.acquisition_cost, retailer.currency)
        if fact.identified_at is not None:
            require_in_range("identified_at", fact.identified_at)
            past_of("identified_at", fact.identified_at, now)
    except InvalidFact as error:
        return error
    if fact.birth_date is not None and fact.birth_date > local_date(now, retailer.tzinfo):
        return InvalidFact("birth_date", "born_in_the_future", value=fact.birth_date.isoformat())
    return None


def _locked(retailer: Retailer, external_ids: AbstractSet[str]) -> tuple[dict[str, Customer], dict[str, str]]:
    """
    Lock customers in the order of their external ids.

    :returns: those that are known by their own external ids, and to which of these an alias leads
    """
    aliases = Customer.objects.filter(retailer=retailer, external_id__in=external_ids, merged_into__isnull=False)
    leads_to = dict(aliases.values_list("external_id", "merged_into__external_id"))
    names = {leads_to.get(name, name) for name in external_ids}
    wanted = Customer.objects.filter(retailer=retailer, external_id__in=names).order_by("external_id")
    found = {customer.external_id: customer for customer in wanted.select_for_update(no_key=True)}
    if any(customer.merged_into_id for customer in found.values()):  # while we waited for the lock
        return _locked(retailer, external_ids)
    return found, leads_to


def _row(retailer: Retailer, name: str, fact: CustomerFact, known: Customer | None, now: datetime) -> tuple[Any, ...]:
    cost = _kept(fact, known, "acquisition_cost")
    return (
        known.pk if known else new_id(),
        retailer.pk,
        name,
        *(_kept(fact, known, text) or "" for text in TEXTS),
        _kept(fact, known, "birth_date"),
        cost if cost is None else money_of("acquisition_cost", cost, retailer.currency),
        min(fact.identified_at or (known.identified_at if known else now), now),
        now,
    )


@cache
def _upsert() -> str:
    table = Customer._meta.db_table
    return UPSERT.format(
        table=table,
        changes=", ".join(f"{name} = excluded.{name}" for name in MUTABLE),
        differs=" OR ".join(f"{table}.{name} IS DISTINCT FROM excluded.{name}" for name in MUTABLE),
    )


def record_consent(  # noqa: PLR0913 - a consent has this many facts
    customer: Customer,
    purpose: str,
    *,
    granted: bool,
    occurred_at: datetime,
    source: str,
    wording: str = "",
    now: datetime,
) -> Consent:
    """
    Write down one statement of a customer's will; of one that is merged at this moment, of the one who stays.

    :raises InvalidFact: when it lies in the future
    """
    at = past_of("occurred_at", occurred_at, now)
    with transaction.atomic(savepoint=False):
        return Consent.objects.create(
            customer_id=hold_who_stays(customer.pk), purpose=purpose, granted=granted, occurred_at=at, source=source,
            wording=wording,
        )  # fmt: skip


def _kept(fact: CustomerFact, known: Customer | None, name: str) -> Any:
    """Return what the fact says, else what is known."""
    said = getattr(fact, name)
    return said if said is not None or known is None else getattr(known, name)
