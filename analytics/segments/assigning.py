"""Every buyer of a value run gets its type, tags, scores and stage: in blocks, stored, and written down for the floors below."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.models import ValueRun
from analytics.segments.facts import Known, read_facts, reported
from analytics.segments.models import CustomerSegment, SegmentRun, SegmentSize, thresholds_of
from analytics.segments.rules import (
    STAGES,
    TAGS,
    TYPES,
    Cuts,
    Floats,
    Standing,
    Thresholds,
    cuts_of,
    rfm_of,
    stages_of,
    tags_of,
    types_of,
)
from analytics.statistics import KEPT as KEPT_OF_ORDER
from customers.core import bulk
from customers.core.segments import SegmentTag

BLOCK = 100_000
NOBODY = UUID(int=0)

IS_PREDICTED = """
SELECT EXISTS (SELECT 1 FROM analytics_customervalue WHERE run_id = %s AND value_if_active IS NOT NULL)
"""
# Value is what a customer would bring if active: what is predicted already contains the risk. Without a prediction, it is the
# margin so far.
BUYERS = """
SELECT v.customer_id, CASE WHEN %(predicted)s THEN coalesce(v.value_if_active, v.historic_margin) ELSE v.historic_margin
    END::float8, v.historic_revenue::float8, s.purchase_days,
    %(cut)s::date - s.first_day, %(cut)s::date - s.last_day, v.at_risk, v.probability_of_buying
FROM analytics_customervalue v JOIN {statistics}
WHERE v.run_id = %(run)s AND v.customer_id > %(after)s AND s.first_day <= %(cut)s
ORDER BY v.customer_id LIMIT %(limit)s
"""
KEPT = "analytics_customerstatistics s ON s.customer_id = v.customer_id"
# The same from the orders themselves, as it stood at an earlier cut: a return counts if it had come back by then.
PAST = f"""LATERAL (
    SELECT min(day) AS first_day, max(day) AS last_day, count(*) AS purchase_days FROM (
        SELECT o.local_date AS day, sum({KEPT_OF_ORDER}) AS value FROM customers_order o LEFT JOIN LATERAL (
            SELECT sum(r.net_amount) AS amount FROM customers_return r
            WHERE r.order_id = o.id AND (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(cut)s) b ON true
        WHERE o.customer_id = v.customer_id AND o.local_date <= %(cut)s GROUP BY 1
    ) days WHERE value > 0
) s ON s.purchase_days > 0"""


@dataclass(frozen=True, slots=True)
class Block:
    """
    Some buyers of a run, in the order of their ids.

    :param spend: what they paid so far, net
    """

    ids: Sequence[UUID]
    standing: Standing
    spend: Floats

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was decided on some buyers, each a column."""

    segments: Sequence[str]
    tags: Sequence[str]
    stages: Sequence[str]
    scores: Sequence[Sequence[int]]
    categories: Sequence[str]
    brands: Sequence[str]


def assign(run: ValueRun, *, is_current: bool = True, size: int = BLOCK) -> SegmentRun | None:
    """
    Assign all buyers of a value run, store it, and write it down to their insights.

    Each block is written for itself, and what says that all are there is written last: a run that was cut off is assigned
    anew by another call. Where nothing was predicted, or the newest audit says that the data carry no prediction, value is the
    margin so far, and risk is told by gaps: a type would tell what is not shown.

    :param is_current: whether the run is of all the data; one of an earlier cut is kept to be looked at, and not written down
    :returns: None where nobody has a value in it
    """
    thresholds = thresholds_of(run.retailer)
    assert run.data_cut is not None, "it ran"
    buyers = Buyers(run, run.data_cut, size, _goes_by_prediction(run), KEPT if is_current else PAST)
    cuts = _cuts(buyers, thresholds)
    if cuts is None:
        if is_current:
            bulk.execute(TAKE_AWAY, [run.retailer_id, run.pk])
        return None
    with transaction.atomic():
        SegmentSize.objects.filter(run=run.pk).delete()
        SegmentRun.objects.filter(run=run).delete()
        CustomerSegment.objects.filter(run=run).delete()
    told: set[SegmentTag] = set()
    for block in buyers.blocks():
        known = read_facts(run.retailer, block.ids, buyers.cut)
        told |= reported(known.facts)
        _store(run, block, decide(block, known, cuts, thresholds))
    done = _finish(buyers, thresholds, [str(tag) for tag in TAGS if tag not in told])
    if is_current:
        _write_down(run)
    return done


def _goes_by_prediction(run: ValueRun) -> bool:
    if verdict(run.retailer, Use.PREDICTED).is_blocked:
        return False
    ((is_predicted,),) = bulk.fetch(IS_PREDICTED, [run.pk])
    return bool(is_predicted)


def forget_unfinished(run: ValueRun) -> None:
    """Forget what a run that did not come to an end had assigned."""
    if not SegmentRun.objects.filter(run=run).exists():
        CustomerSegment.objects.filter(run=run).delete()


def decide(block: Block, known: Known, cuts: Cuts, thresholds: Thresholds) -> Assigned:
    """Return what some buyers are."""
    standing = block.standing
    tags = tags_of(known.facts, standing, thresholds)
    loves = {tag: np.where(tags[tag], names, "") for tag, names in _favourites(known)}
    return Assigned(
        segments=[str(TYPES[code]) for code in types_of(standing, cuts, thresholds)],
        tags=_written_tags([tags[tag] for tag in TAGS]),
        stages=[str(STAGES[code]) for code in stages_of(standing, cuts, thresholds)],
        scores=[scores.tolist() for scores in rfm_of(standing, block.spend, cuts)],
        categories=loves[SegmentTag.CATEGORY_LOVER].tolist(),
        brands=loves[SegmentTag.BRAND_LOVER].tolist(),
    )


def _favourites(known: Known) -> tuple[tuple[SegmentTag, NDArray[np.object_]], ...]:
    return (SegmentTag.CATEGORY_LOVER, known.categories), (SegmentTag.BRAND_LOVER, known.brands)


# As PostgreSQL writes lists: there are as many combinations of tags as this is long.
COMBINATIONS = tuple(
    "{" + ",".join(str(tag) for place, tag in enumerate(TAGS) if mask >> place & 1) + "}"
    for mask in range(1 << len(TAGS))
)


def _written_tags(has: Sequence[NDArray[np.bool_]]) -> list[str]:
    masks = sum(
        (each.astype(np.int64) << place for place, each in enumerate(has)), np.zeros(len(has[0]), dtype=np.int64)
    )
    return [COMBINATIONS[mask] for mask in masks]


@dataclass(frozen=True, slots=True)
class Buyers:
    """
    All buyers of a run, to be read some at a time.

    :param cut: the last day of the run's data
    :param size: how many at a time
    :param predicted: whether they are told apart by what was predicted
    :param statistics: SQL of where their purchases are summed up
    """

    run: ValueRun
    cut: date
    size: int
    predicted: bool
    statistics: str

    def blocks(self) -> Iterator[Block]:
        """Yield them in the order of their ids."""
        sql, after = BUYERS.format(statistics=self.statistics), NOBODY
        asked = {"run": self.run.pk, "cut": self.cut, "zone": self.run.retailer.zone, "limit": self.size,
                 "predicted": self.predicted}  # fmt: skip
        while rows := bulk.fetch(sql, asked | {"after": after}):
            ids, value, spend, occasions, first, last, risk, buying = zip(*rows, strict=True)
            after = ids[-1]
            standing = Standing(
                value=np.nan_to_num(np.array(value, dtype=np.float64)),
                occasions=np.array(occasions, dtype=np.int32),
                since_first=np.array(first, dtype=np.int32),
                since_last=np.maximum(np.array(last, dtype=np.int32), 0),
                at_risk=np.array(risk, dtype=np.bool_) if self.predicted else None,
                buying=np.array(buying, dtype=np.float64) if self.predicted else None,
            )
            yield Block(ids, standing, np.array(spend, dtype=np.float64))


def _cuts(buyers: Buyers, thresholds: Thresholds) -> Cuts | None:
    """Return the cuts among all buyers; only five columns of them are held at once."""
    parts = [(block.standing, block.spend) for block in buyers.blocks()]
    if not parts:
        return None

    def whole(name: str) -> Any:
        return np.concatenate([getattr(standing, name) for standing, _spend in parts])

    everyone = Standing(whole("value"), whole("occasions"), whole("since_first"), whole("since_last"))
    return cuts_of(everyone, np.concatenate([spend for _standing, spend in parts]), thresholds)


STORE = """
INSERT INTO analytics_customersegment (run_id, customer_id, segment, tags, life_stage, recency_score, frequency_score,
    spend_score, favourite_category, favourite_brand)
SELECT %s, unnest(%b::uuid[]), unnest(%b::text[]), unnest(%b::text[])::varchar(20)[], unnest(%b::text[]),
    unnest(%b::smallint[]), unnest(%b::smallint[]), unnest(%b::smallint[]), unnest(%b::text[]), unnest(%b::text[])
"""
# What an insight says is changed only where it says something else: most customers are what they were the day before. Its run
# and day are those of the last change, as where values changed.
WRITE_DOWN = """
UPDATE customers_insight i SET segment = s.segment, tags = s.tags, life_stage = s.life_stage, rfm = s.rfm,
    favourite_category = s.favourite_category, favourite_brand = s.favourite_brand, run_id = %s, as_of = %s
FROM (
    SELECT customer_id, segment, tags, life_stage, concat(recency_score, frequency_score, spend_score) AS rfm,
        favourite_category, favourite_brand
    FROM analytics_customersegment WHERE run_id = %s AND customer_id = ANY(%s)
) s
WHERE i.customer_id = s.customer_id
    AND (i.segment, i.tags, i.life_stage, i.rfm, i.favourite_category, i.favourite_brand)
        IS DISTINCT FROM (s.segment, s.tags, s.life_stage, s.rfm, s.favourite_category, s.favourite_brand)
"""
# Of who is in the run no more, nothing is said any more.
TAKE_AWAY = """
UPDATE customers_insight i SET segment = '', tags = '{}', life_stage = '', rfm = '', favourite_category = '',
    favourite_brand = ''
FROM customers_customer c WHERE c.id = i.customer_id AND c.retailer_id = %s AND i.segment <> '' AND NOT EXISTS (
    SELECT 1 FROM analytics_customersegment s WHERE s.run_id = %s AND s.customer_id = i.customer_id)
"""
COUNT = """
INSERT INTO analytics_segmentsize (run_id, name, customers, historic_revenue, predicted_value, value_if_active)
SELECT s.run_id, n.name, count(*), sum(v.historic_revenue), sum(v.predicted_value), sum(v.value_if_active)
FROM analytics_customersegment s JOIN analytics_customervalue v ON v.run_id = s.run_id AND v.customer_id = s.customer_id
CROSS JOIN LATERAL unnest(s.tags || s.segment || s.life_stage) AS n(name)
WHERE s.run_id = %s GROUP BY 1, 2
"""
ALL_KNOWN = """
SELECT count(*) FROM customers_customer c WHERE retailer_id = %(retailer)s AND merged_into_id IS NULL AND erased_at IS NULL
    AND (%(now)s OR (identified_at AT TIME ZONE %(zone)s)::date <= %(cut)s)
    AND NOT EXISTS (SELECT 1 FROM analytics_customersegment s WHERE s.run_id = %(run)s AND s.customer_id = c.id)
"""
# The last run, of each month the one that looked furthest, and those of the first day that is kept, by which the uplift divides
# customers: the others' customers are forgotten, their sums are kept. One that looked back on a month takes no place of the one
# that was made in its time: experiments that began since go on by that.
FORGET = """
DELETE FROM analytics_customersegment WHERE run_id IN (
    SELECT run_id FROM analytics_segmentrun WHERE retailer_id = %(retailer)s AND run_id <> %(run)s AND data_cut <> (
        SELECT min(r.data_cut) FROM analytics_segmentrun r WHERE r.retailer_id = %(retailer)s
            AND EXISTS (SELECT 1 FROM analytics_customersegment s WHERE s.run_id = r.run_id)) AND run_id NOT IN (
        SELECT DISTINCT ON (date_trunc('month', s.data_cut), v.is_current) s.run_id
        FROM analytics_segmentrun s JOIN analytics_valuerun v ON v.id = s.run_id WHERE s.retailer_id = %(retailer)s
        ORDER BY date_trunc('month', s.data_cut), v.is_current, s.data_cut DESC, v.ran_at DESC, s.run_id DESC))
"""


def _store(run: ValueRun, block: Block, found: Assigned) -> None:
    columns = (found.segments, found.tags, found.stages, *found.scores, found.categories, found.brands)
    bulk.execute(STORE, [run.pk, block.ids, *columns])


def _finish(buyers: Buyers, thresholds: Thresholds, unknown: list[str]) -> SegmentRun:
    """Say that a run is complete, and forget what is not kept of others."""
    run = buyers.run
    known = {"retailer": run.retailer_id, "run": run.pk, "now": buyers.statistics is KEPT, "cut": buyers.cut,
             "zone": run.retailer.zone}  # fmt: skip
    with transaction.atomic():
        done = SegmentRun.objects.create(
            run=run,
            retailer=run.retailer,
            data_cut=buyers.cut,
            basis=SegmentRun.Basis.PREDICTION if buyers.predicted else SegmentRun.Basis.HISTORY,
            thresholds=asdict(thresholds),
            unknown=unknown,
            customers=CustomerSegment.objects.filter(run=run).count(),
            never_bought=bulk.fetch(ALL_KNOWN, known)[0][0],
        )
        bulk.execute(COUNT, [run.pk])
    bulk.change(FORGET, {"retailer": run.retailer_id, "run": run.pk})
    return done


def _write_down(run: ValueRun) -> None:
    """Let insights say what a run says, some at a time."""
    for ids in _ids_of(run, BLOCK):
        bulk.execute(WRITE_DOWN, [run.pk, run.cut, run.pk, ids])
    bulk.execute(TAKE_AWAY, [run.retailer_id, run.pk])


def _ids_of(run: ValueRun, size: int) -> Iterator[list[UUID]]:
    after = NOBODY
    sql = """SELECT customer_id FROM analytics_customersegment WHERE run_id = %s AND customer_id > %s
        ORDER BY customer_id LIMIT %s"""
    while rows := bulk.fetch(sql, [run.pk, after, size]):
        ids = [customer for (customer,) in rows]
        after = ids[-1]
        yield ids
