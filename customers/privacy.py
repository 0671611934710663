"""
What is held on a person, given to it as one document; and a person erased, with the books kept.

Each app says in a part of its own what it holds and how it forgets it; `settings.PRIVACY_PARTS` names them, because this
floor does not know those above it. Orders and points stay, on a row that says of nobody: every sum remains what it was, and
what time does to points goes on. The retailer's id, and the numbers, lead nowhere any more; whoever is registered under them
later is somebody new.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.module_loading import import_string

from customers.checks import ERASED_PREFIX, require_name
from customers.core import bulk
from customers.core.values import dataclass
from customers.identifying import UnknownCustomer, note_changes
from customers.models import Customer, Erasure, Retailer

REASON_LENGTH = 100
Rows = Iterable[Mapping[str, Any]]  # plain values by name


@dataclass(frozen=True, slots=True)
class Section:
    """
    A part of what is held on a person.

    :param name: a word for programs, and the name of its file
    :param title: what it is, for people
    """

    name: str
    title: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Person:
    """
    A person, as all parts see it.

    :param ids: of its own row, and of those that were merged into it
    :param names: the retailer's ids that lead to it
    :param renamed: numbers and codes that lead nowhere any more, with what stands in their place; filled while it is erased
    """

    customer: Customer
    ids: tuple[UUID, ...]
    names: tuple[str, ...]
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def retailer(self) -> Retailer:
        return self.customer.retailer


def _nothing(_person: Person, _now: datetime) -> Sequence[Section]:
    return ()


def _no_loss(_person: Person, _now: datetime) -> dict[str, Any]:
    return {}


def _keep(_person: Person, _now: datetime) -> None:
    return None


def _lock_nothing(_person: Person) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Part:
    """
    What one app holds on persons.

    :param tables: the tables in which it does, or that it has looked at and that say nothing of a person
    :param holds: returns it
    :param loses: returns what a person can no longer use once it is erased
    :param lock_first: holds what others hold while they wait for the person's rows, before those are held
    :param lock: holds what must not change meanwhile, before any part looks at anything
    :param erase: forgets the person in them; what is counted stays
    """

    name: str
    tables: tuple[str, ...]
    holds: Callable[[Person, datetime], Sequence[Section]] = _nothing
    loses: Callable[[Person, datetime], dict[str, Any]] = _no_loss
    lock_first: Callable[[Person], None] = _lock_nothing
    lock: Callable[[Person], None] = _lock_nothing
    erase: Callable[[Person, datetime], None] = _keep


@dataclass(frozen=True, slots=True)
class Erased:
    """
    What became of a person.

    :param is_new: whether this call erased it
    :param orders: that stay, of nobody, as `interactions`
    :param lost: what the person cannot use any more, by part: memberships with their points
    """

    is_new: bool
    orders: int = 0
    interactions: int = 0
    lost: dict[str, Any] = field(default_factory=dict)


def parts() -> tuple[Part, ...]:
    """Return all parts, in the order in which they forget: those that end something before those that rename."""
    return tuple(import_string(path) for path in settings.PRIVACY_PARTS)


def person_of(customer: Customer) -> Person:
    """Return the person that a customer's row is of, with those that were merged into it."""
    root = customer.merged_into or customer
    rows = list(Customer.objects.filter(pk=root.pk) | Customer.objects.filter(merged_into=root))
    rows.sort(key=lambda row: (row.pk != root.pk, row.pk))
    return Person(root, tuple(row.pk for row in rows), tuple(row.external_id for row in rows))


def find(retailer: Retailer, external_id: str) -> Customer:
    """
    Return the customer to whom an id leads.

    :raises UnknownCustomer: when it leads to nobody
    """
    found = Customer.objects.known_as(external_id).filter(retailer=retailer).select_related("retailer").first()
    if found is None:
        raise UnknownCustomer(customer=external_id)
    return found


def export(customer: Customer, *, now: datetime) -> dict[str, Any]:
    """Return all that is held on a person, in its own language: sections of rows of plain values."""
    person = person_of(customer)
    language = person.customer.language or person.retailer.language
    with translation.override(language):
        sections = [section for part in parts() for section in part.holds(person, now)]
        sections.sort(key=lambda section: ORDER.index(section.name) if section.name in ORDER else len(ORDER))
        return {
            "retailer": person.retailer.name,
            "customer": person.customer.external_id,
            "made_at": now.isoformat(),
            "language": language,
            "sections": [
                {"name": each.name, "title": str(each.title), "rows": [_plain(row) for row in each.rows]}
                for each in sections
            ],
        }


# What a person looks for first; the others follow as they come.
ORDER = ("person", "consents", "memberships", "points", "orders", "returns", "interactions")


COUNTS = """
SELECT (SELECT count(*)::int FROM customers_order WHERE customer_id = ANY(%(ids)s)),
    (SELECT count(*)::int FROM customers_interaction WHERE customer_id = ANY(%(ids)s))
"""


def losses(customer: Customer, *, now: datetime) -> Erased:
    """Return what erasing a person would leave and take; nothing is done."""
    person = person_of(customer)
    if person.customer.erased_at is not None:
        return Erased(is_new=False)
    ((orders, interactions),) = bulk.fetch(COUNTS, {"ids": list(person.ids)})
    lost: dict[str, Any] = {}
    for part in parts():
        lost |= part.loses(person, now)
    return Erased(is_new=True, orders=orders, interactions=interactions, lost=lost)


@transaction.atomic
def erase(  # noqa: PLR0913 - whom, on whose word, why, when
    customer: Customer,
    *,
    asked_by: Erasure.AskedBy,
    reason: str,
    author: str = "",
    now: datetime,
    dry_run: bool = False,
) -> Erased:
    """
    Erase a person; again it changes nothing.

    Whoever reports for it meanwhile is before this, and erased with it, or after it, and about somebody new: its rows are
    locked as a merge locks them.

    :param reason: without the person's name, up to 100 characters: it is kept
    :param author: who of the staff
    :param dry_run: answer what would be left and lost, and leave no trace
    :raises InvalidFact: for a reason that cannot be
    """
    require_name("reason", reason, REASON_LENGTH)
    if dry_run:
        return losses(customer, now=now)
    person = _locked(customer)
    if person.customer.erased_at is not None:
        return Erased(is_new=False)
    for part in parts():
        part.lock(person)
    erased = losses(person.customer, now=now)
    for part in parts():
        part.erase(person, now)
    _forget_row(person, now)
    Erasure.objects.create(
        retailer=person.retailer,
        customer=person.customer,
        asked_by=asked_by,
        author=author,
        reason=reason,
        erased_at=now,
    )
    return erased


# One merge or erasure of a retailer at a time, and rows in the order of all who hold customers: see customers.merging.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('customers.merging'), %s)"
LOCK = """
SELECT id FROM customers_customer WHERE id = ANY(%s) OR merged_into_id = ANY(%s)
ORDER BY merged_into_id IS NULL, external_id FOR UPDATE
"""


def _locked(customer: Customer) -> Person:
    bulk.fetch(ONE_AT_A_TIME, [customer.retailer_id])
    # It looks for traces in what has no index for it; only this person's rows wait for it.
    bulk.execute("SET LOCAL statement_timeout = '10min'")
    found = Customer.objects.select_related("merged_into", "retailer").get(pk=customer.pk)
    root = found.merged_into_id or found.pk
    for part in parts():
        part.lock_first(person_of(found))
    bulk.fetch(LOCK, [[root], [root]])
    return person_of(Customer.objects.select_related("retailer", "merged_into").get(pk=root))


def _forget_row(person: Person, now: datetime) -> None:
    """Let the rows say of nobody; the names under which they are kept are told to nobody."""
    for key in person.ids:
        Customer.objects.filter(pk=key).update(
            external_id=f"{ERASED_PREFIX}{uuid4().hex}", email="", phone="", first_name="", last_name="", birth_date=None,
            language="", erased_at=now,
        )  # fmt: skip
    note_changes(person.retailer, [person.customer.pk])


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: instants in ISO 8601, amounts as texts."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_plain(inner) for inner in value]
    return str(value)
