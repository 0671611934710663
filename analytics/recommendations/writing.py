"""The only writer of suggestions: of a run's blocks of customers, and of what is said of products."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from django.db import connection, transaction

from analytics.recommendations.models import RecommendationRun
from analytics.recommendations.picking import NONE, Lists
from analytics.recommendations.reasons import CODES, Reasons
from analytics.recommendations.relating import Related
from customers.core import bulk
from customers.core.consents import NEWEST_FIRST
from customers.models import PopularProduct, RelatedProduct, Retailer, Suggestion

# Merges and erasures take the same lock: nothing is written of who leaves meanwhile.
NOBODY_LEAVES = "SELECT pg_advisory_xact_lock(hashtext('customers.merging'), %s)"
COLUMNS = ("retailer_id", "customer_id", "list", "rank", "sku", "reason", "because_sku", "days_bought", "run_id")
# Read again under the lock, because a consent may have been withdrawn, or a person erased, since the run began.
STILL = f"""
SELECT c.id FROM customers_customer c
JOIN LATERAL (
    SELECT granted FROM customers_consent s
    WHERE s.customer_id = c.id AND s.purpose = 'profiling' AND s.occurred_at <= clock_timestamp()
    ORDER BY {NEWEST_FIRST} LIMIT 1
) last ON last.granted
WHERE c.id = ANY(%s) AND c.merged_into_id IS NULL AND c.erased_at IS NULL
"""
FORGET = "DELETE FROM customers_suggestion WHERE customer_id = ANY(%s)"
FORGET_OTHERS = "DELETE FROM customers_suggestion WHERE retailer_id = %s AND run_id <> %s"
FORGET_ALL = """
WITH a AS (DELETE FROM customers_suggestion WHERE retailer_id = %(retailer)s),
b AS (DELETE FROM customers_popularproduct WHERE retailer_id = %(retailer)s),
c AS (DELETE FROM customers_relatedproduct WHERE retailer_id = %(retailer)s)
UPDATE customers_retailer SET has_suggestions = false WHERE id = %(retailer)s
"""
# What was written down stays: it is served again when the data carry it again.
SERVE = """
UPDATE customers_retailer r SET has_suggestions = %(carried)s AND (
    EXISTS (SELECT 1 FROM customers_popularproduct WHERE retailer_id = r.id)
    OR EXISTS (SELECT 1 FROM customers_relatedproduct WHERE retailer_id = r.id)
    OR EXISTS (SELECT 1 FROM customers_suggestion WHERE retailer_id = r.id))
WHERE r.id = %(retailer)s RETURNING has_suggestions
"""
Row = tuple[object, ...]


def write_block(
    run: RecommendationRun, ids: Sequence[UUID], found: Mapping[str, tuple[Lists, Reasons]], skus: Sequence[str]
) -> None:
    """Write the lists of a block of customers in the place of their earlier ones."""
    with transaction.atomic():
        bulk.fetch(NOBODY_LEAVES, [run.retailer_id])
        still = {pk for (pk,) in bulk.fetch(STILL, [list(ids)])}
        bulk.execute(FORGET, [list(ids)])
        bulk.insert(Suggestion, COLUMNS, _rows(run, ids, found, skus, still))


def _rows(
    run: RecommendationRun, ids: Sequence[UUID], found: Mapping[str, tuple[Lists, Reasons]], skus: Sequence[str],
    still: set[UUID],
) -> Iterator[Row]:  # fmt: skip
    for name, (lists, said) in found.items():
        columns = (lists.items.tolist(), said.code.tolist(), said.other.tolist(), said.days.tolist())
        for pk, items, codes, others, days in zip(ids, *columns, strict=True):
            if pk not in still:
                continue
            for rank, (item, code, other, times) in enumerate(zip(items, codes, others, days, strict=True), 1):
                if item != NONE:
                    because = "" if other == NONE else skus[other]
                    yield run.retailer_id, pk, name, rank, skus[item], CODES[code], because, times, run.pk


def write_products(
    run: RecommendationRun, popular: Iterable[int], pairs: Iterable[Related], skus: Sequence[str]
) -> None:
    """Write what is popular and what goes with what, and let suggestions of earlier runs go: all are of this one now."""
    retailer = run.retailer
    with transaction.atomic():
        for table in ("popularproduct", "relatedproduct"):
            bulk.execute(f"DELETE FROM customers_{table} WHERE retailer_id = %s", [retailer.pk])
        bulk.execute(FORGET_OTHERS, [retailer.pk, run.pk])
        rows = ((retailer.pk, rank, skus[item], run.pk) for rank, item in enumerate(popular, 1))
        bulk.insert(PopularProduct, ("retailer_id", "rank", "sku", "run_id"), rows)
        goes = ((retailer.pk, skus[each.item], each.relation, each.rank, skus[each.other], run.pk) for each in pairs)
        bulk.insert(RelatedProduct, ("retailer_id", "sku", "relation", "rank", "related_sku", "run_id"), goes)
        retailer.has_suggestions = True
        retailer.save(update_fields=["has_suggestions"])


def serve(retailer: Retailer, *, is_carried: bool) -> None:
    """Suggest what was written down, as long as the data carry it; nothing otherwise."""
    ((retailer.has_suggestions,),) = bulk.fetch(SERVE, {"retailer": retailer.pk, "carried": is_carried})


def forget(retailer: Retailer) -> None:
    """Suggest nothing any more."""
    with transaction.atomic():
        bulk.fetch(NOBODY_LEAVES, [retailer.pk])
        with connection.cursor() as cursor:
            cursor.execute(FORGET_ALL, {"retailer": retailer.pk})
        retailer.has_suggestions = False
