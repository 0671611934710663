"""Two customers turn out to be one: what the one has goes to the other, and its external id leads there."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.checks import require_name
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.identifying import UnknownCustomer, note_changes
from customers.models import CustomerMerge, Retailer


class SameCustomer(DomainError):
    code = "same_customer"
    kind = Kind.INVALID
    message = _("{source} cannot be merged into {target}: {target} is {source}, or leads to it.")


class MergedElsewhere(DomainError):
    code = "merged_elsewhere"
    kind = Kind.CONFLICT
    message = _("{source} was merged into {found} before. Merge {found} if that is meant.")


@dataclass(frozen=True, slots=True)
class MergedCustomer:
    """
    A customer that was merged, and the one that stays.

    :param is_new: whether this call merged it
    :param orders: how many orders went over, as `interactions`
    :param interaction_ids: which interactions went over
    """

    source_id: UUID
    target_id: UUID
    is_new: bool
    orders: int = 0
    interactions: int = 0
    interaction_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an external id leads: `id` is its own row, `root` that of the customer who stays."""

    id: UUID
    root: UUID
    root_name: str

    @property
    def is_alias(self) -> bool:
        return self.id != self.root


PLACES = """
SELECT c.external_id, c.id, coalesce(t.id, c.id), coalesce(t.external_id, c.external_id)
FROM customers_customer c LEFT JOIN customers_customer t ON t.id = c.merged_into_id
WHERE c.retailer_id = %s AND c.external_id = ANY(%s)
"""
# One merge of a retailer at a time: what leads where must not change between the question and the locks.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('customers.merging'), %s)"
# Aliases first, as all who hold customers do (customers.identifying): whoever names one of them waits, or is waited for.
LOCK = """
SELECT id FROM customers_customer WHERE id = ANY(%(both)s) OR merged_into_id = ANY(%(both)s)
ORDER BY merged_into_id IS NULL, external_id FOR UPDATE
"""
MOVE_ORDERS = """
WITH theirs AS (SELECT id FROM customers_order WHERE customer_id = %s ORDER BY id FOR NO KEY UPDATE)
UPDATE customers_order o SET customer_id = %s FROM theirs t WHERE o.id = t.id
"""
MOVE_INTERACTIONS = "UPDATE customers_interaction SET customer_id = %s WHERE customer_id = %s RETURNING id"
# Consents are never changed: the target's history gets each of the source's statements, as it was made.
COPY_CONSENTS = """
INSERT INTO customers_consent (customer_id, purpose, granted, occurred_at, source, wording, recorded_at)
SELECT %s, purpose, granted, occurred_at, source, wording, %s FROM customers_consent WHERE customer_id = %s ORDER BY id
"""
# What analytics learned of the source was learned of a part of a person; the target is counted again. Until then it is what is
# known of one of whom nothing else is, as long as neither has bought since.
KEEP_INSIGHT = """
UPDATE customers_insight i SET customer_id = %(target)s WHERE i.customer_id = %(source)s
    AND NOT EXISTS (SELECT 1 FROM customers_insight t WHERE t.customer_id = %(target)s)
    AND NOT EXISTS (SELECT 1 FROM customers_order o WHERE o.customer_id = %(target)s AND o.local_date > i.as_of)
"""
FORGET_INSIGHT = """
WITH suggested AS (DELETE FROM customers_suggestion WHERE customer_id = %s) DELETE FROM customers_insight WHERE customer_id = %s
"""
POINT = """
UPDATE customers_customer SET merged_into_id = %(target)s WHERE id = %(source)s OR merged_into_id = %(source)s
"""
FILL = """
UPDATE customers_customer t SET {texts}, birth_date = coalesce(t.birth_date, s.birth_date),
    acquisition_cost = coalesce(t.acquisition_cost, s.acquisition_cost),
    identified_at = least(t.identified_at, s.identified_at)
FROM customers_customer s WHERE s.id = %s AND t.id = %s
""".format(
    texts=", ".join(
        f"{name} = coalesce(nullif(t.{name}, ''), s.{name})"
        for name in ("email", "phone", "first_name", "last_name", "language", "acquisition_channel")
    )
)


# An order may name several; each stays in its place.
RENAME_REDEMPTIONS = """
UPDATE customers_order o SET redemptions = (
    SELECT jsonb_agg(CASE WHEN n.name = ANY(%b::text[]) THEN n.name || %s::text ELSE n.name END ORDER BY n.place)
    FROM jsonb_array_elements_text(o.redemptions) WITH ORDINALITY AS n (name, place)
) WHERE o.id = ANY(%b::uuid[]) AND o.redemptions ?| %b::text[]
"""


def rename_redemptions(orders: Iterable[UUID], names: Iterable[str], suffix: str) -> None:
    """Let orders name redemptions by other names: those of a customer who was merged, where the other one used the same."""
    named, ids = sorted(names), sorted(orders)
    if named and ids:
        bulk.execute(RENAME_REDEMPTIONS, [named, suffix, ids, named])


def wait_for_others(retailer: Retailer) -> None:
    """Let one merge or erasure of a retailer go on at a time, until the transaction ends; before it holds anything else."""
    bulk.fetch(ONE_AT_A_TIME, [retailer.pk])


@transaction.atomic(savepoint=False)
def merge(retailer: Retailer, source: str, target: str, *, reference: str, now: datetime) -> MergedCustomer:
    """
    Merge a customer into another one; the same merge again changes nothing.

    Orders and interactions go over, consents are added to the target's, and what is not known of the target is taken from
    the source. The source's row stays as an alias: its external id, and those that led to it, lead to the target from now on.
    What belongs to higher floors (memberships, points, tiers, tokens, statistics) is moved by whoever calls, in the same
    transaction: this holds both customers' rows until it ends.

    :param source: external id of the customer that goes
    :param target: external id of the one that stays, or one that leads to it
    :param reference: the retailer's own proof; up to 100 characters
    :raises UnknownCustomer: when one of them is not known
    :raises SameCustomer: when the target is the source, or leads to it
    :raises MergedElsewhere: when the source was merged into somebody else
    :raises InvalidFact: for a text that cannot be
    """
    for column, text in (("source", source), ("target", target), ("reference", reference)):
        require_name(column, text, 100)
    wait_for_others(retailer)
    places = _places(retailer, source, target)
    here, there = places[source], places[target]
    if here.is_alias and here.root == there.root:
        return MergedCustomer(here.id, there.root, is_new=False)
    if here.root == there.root:
        raise SameCustomer(source=source, target=target)
    if here.is_alias:
        raise MergedElsewhere(source=source, found=here.root_name)
    bulk.fetch(LOCK, {"both": [here.id, there.root]})
    merged = _move(here.id, there.root, now)
    CustomerMerge.objects.create(
        retailer=retailer, source_id=here.id, target_id=there.root, reference=reference, merged_at=now
    )
    note_changes(retailer, [here.id, there.root])
    return merged


def _places(retailer: Retailer, *names: str) -> dict[str, _Place]:
    rows = bulk.fetch(PLACES, [retailer.pk, list(names)])
    found = {external_id: _Place(*place) for external_id, *place in rows}
    for name in names:
        if name not in found:
            raise UnknownCustomer(customer=name)
    return found


def _move(source: UUID, target: UUID, now: datetime) -> MergedCustomer:
    orders = bulk.change(MOVE_ORDERS, [source, target])
    moved = tuple(key for (key,) in bulk.fetch(MOVE_INTERACTIONS, [target, source]))
    bulk.execute(COPY_CONSENTS, [target, now, source])
    bulk.change(KEEP_INSIGHT, {"source": source, "target": target})
    bulk.execute(FORGET_INSIGHT, [source, source])
    bulk.execute(FILL, [source, target])
    bulk.fetch(POINT, {"source": source, "target": target})
    return MergedCustomer(source, target, is_new=True, orders=orders, interactions=len(moved), interaction_ids=moved)
