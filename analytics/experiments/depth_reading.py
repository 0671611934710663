"""
The units of an experiment of depths as columns, by one statement: what each earned the shop after its planned exposure.

Earned is margin in the window, less what the rewards cost that were redeemed in it and not given back, less by how much more
points are owed at its end, as far as they are expected to be redeemed. What orders were paid with, by a reward or by points
alone, is less margin already, and is not counted twice. Segments are those of the last assignment that was kept of a month
before the experiment began: nothing that a depth did can have changed them, and they are never dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
from django.db import transaction

from analytics.copying import read_columns
from analytics.experiments.depth_results import NEVER_BOUGHT
from analytics.experiments.offered import Offered
from analytics.experiments.reading import MONEY, OWED, SIZE, money_of, parameters_of, spending_sql
from analytics.experiments.results import Floats, Places
from analytics.segments.models import SegmentRun
from analytics.segments.rules import TYPES
from analytics.statistics import give_memory, has_costs
from analytics.uplift.panel import Flags
from customers.models import Retailer
from loyalty.experiments.models import Experiment, Variant
from loyalty.points.books import books
from loyalty.points.statement import Clock

PAST_DAYS = 730  # in which times between purchases are looked for
NO_MARGIN = "no_margin"
FIELDS = {
    "part": "integer", "is_closed": "boolean", "segment": "integer", "customers": "integer", "orders": "integer",
    "redeemed": "integer", "used": "integer", "shared": "integer", "had": "boolean",
    **dict.fromkeys((*MONEY, "paid", "given", "owed", "gap"), "double precision"),
}  # fmt: skip
MORE = (
    "sum(o.paid_with_points) FILTER (WHERE o.occurred_at >= k.exposed_at) AS paid",
    "count(*) FILTER (WHERE o.occurred_at >= k.exposed_at) AS orders",
)
# What a reward costs: as its version says, or its amount. One that came back or lapsed costs nothing; one that waits may.
GAVE = f"""
, mine AS (
    SELECT k.person, k.exposed_at, k.until, m.id AS membership FROM counted k
    JOIN memberships_membership m ON m.customer_id = k.person AND m.program_id = %(program)s WHERE k.is_closed
), gave AS (
    SELECT k.person,
        sum(coalesce(w.cost, r.amount, 0) + r.matched) FILTER (WHERE r.ended_at IS NULL OR r.ended_at > %(known)s) AS given,
        count(*) FILTER (WHERE r.reward_key = ANY(%(keys)s::uuid[])) AS redeemed,
        count(o.id) FILTER (WHERE r.reward_key = ANY(%(keys)s::uuid[])) AS used,
        count(o.id) FILTER (WHERE r.reward_key = ANY(%(keys)s::uuid[])
            AND coalesce(c.merged_into_id, c.id) <> k.person) AS shared
    FROM mine k JOIN rewards_rewardredemption r ON r.membership_id = k.membership
        AND r.redeemed_at >= k.exposed_at AND r.redeemed_at < k.until AND r.recorded_at <= %(known)s
    JOIN rewards_reward w ON w.id = r.reward_id
    LEFT JOIN customers_order o ON o.retailer_id = %(retailer)s AND o.number = r.order_number AND r.order_number <> ''
        AND o.recorded_at <= %(known)s
    LEFT JOIN customers_customer c ON c.id = o.customer_id
    GROUP BY 1
){OWED}, owed AS (
    SELECT c.person, sum(c.points * v.worth) AS owed FROM changed c
    JOIN unnest(%(wallets)s::text[], %(worths)s::float8[]) AS v (code, worth) ON v.code = c.code GROUP BY 1
), had AS (
    SELECT DISTINCT k.person FROM campaigns_offergrant g JOIN customers_customer c ON c.id = g.customer_id
    JOIN counted k ON k.person = coalesce(c.merged_into_id, c.id) AND g.granted_at >= k.exposed_at AND g.granted_at < k.until
    WHERE k.is_closed AND g.offer_id = ANY(%(offers)s::bigint[]) AND g.granted_at <= %(known)s
), kind AS (
    SELECT customer_id AS person, array_position(%(segments)s::text[], segment::text) AS segment
    FROM analytics_customersegment WHERE run_id = %(run)s
), days AS (
    SELECT DISTINCT k.person, o.local_date AS day FROM counted k JOIN customers_order o ON o.customer_id = k.person
        AND o.occurred_at < k.exposed_at AND o.occurred_at >= k.exposed_at - %(past)s::interval
    WHERE o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s
), gaps AS (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS gap FROM (
        SELECT day - lag(day) OVER (PARTITION BY person ORDER BY day) AS gap FROM days) d WHERE gap IS NOT NULL
)
SELECT k.place::int - 1, k.is_closed, coalesce(min(t.segment), 0)::int, count(*)::int, coalesce(sum(s.orders), 0)::int,
    coalesce(sum(g.redeemed), 0)::int, coalesce(sum(g.used), 0)::int, coalesce(sum(g.shared), 0)::int,
    bool_or(h.person IS NOT NULL), {{sums}},
    coalesce((SELECT gap FROM gaps), %(days)s)::float8
FROM counted k LEFT JOIN spent s ON s.person = k.person LEFT JOIN gave g ON g.person = k.person
LEFT JOIN owed w ON w.person = k.person LEFT JOIN kind t ON t.person = k.person LEFT JOIN had h ON h.person = k.person
GROUP BY k.unit_key, k.place, k.is_closed ORDER BY k.unit_key, k.place, k.is_closed
"""


@dataclass(frozen=True)
class Exposure:
    """
    Which window of each unit is read.

    :param since: before which nobody was treated otherwise, whatever was planned; None where the planned exposure counts
    :param later: windows after the first one
    :param offers: the ids of those of which it is told who had one
    """

    since: datetime | None = None
    later: int = 0
    offers: Sequence[int] = ()


PLANNED = Exposure()


@dataclass(frozen=True)
class DepthUnits:
    """
    Those whose window is closed, as columns of equal length: a customer each, or a household.

    :param part: its place among the variants
    :param segment: its place among `segments`
    :param earned: after exposure, less what it cost
    :param before: the margin of the window before
    :param bought: whether anything was bought in the window
    :param given: what the rewards cost that were redeemed
    :param owed: by how much more points are owed
    :param redeemed: whether what is tried was redeemed
    """

    part: Places
    segment: Places
    earned: Floats
    before: Floats
    bought: Floats
    given: Floats
    owed: Floats
    redeemed: Floats


@dataclass(frozen=True)
class DepthRead:
    """
    An experiment of depths as it was read.

    :param segments_from: the day until which segments were known, ISO; empty where there were none
    :param basis: how the margin is known
    :param are_points_valued: what a point of the wallet that pays is worth is known
    :param days_between: two purchases, the median; two years where nobody bought twice in them
    :param shared: of the codes that are known to be used, those by others, as a share
    :param had: whether a unit was given one of the offers that were asked about
    """

    units: DepthUnits
    segments: Sequence[str]
    segments_from: str
    basis: str
    are_points_valued: bool
    days_between: float
    shared: float
    digest: str
    had: Flags


def read_depths(
    experiment: Experiment, variants: list[Variant], offered: Offered, known_at: datetime, exposure: Exposure = PLANNED
) -> DepthRead:
    """Return the units of an experiment of depths, as they were known at an instant."""
    retailer, worths = experiment.retailer, worths_of(experiment, known_at)
    run = _segments_before(experiment)
    parameters = parameters_of(experiment, variants, known_at) | {
        "keys": list(offered.keys), "wallets": list(worths), "worths": list(worths.values()),
        "segments": [str(each) for each in TYPES], "run": run.pk if run else 0, "past": f"{PAST_DAYS} days", "days": PAST_DAYS,
        "since": exposure.since, "later": f"{24 * experiment.window_days * exposure.later} hours",
        "offers": list(exposure.offers),
    }  # fmt: skip
    sums = ", ".join(
        f"coalesce(sum({name}), 0)::float8"
        for name in (*(f"s.{each}" for each in MONEY), "s.paid", "g.given", "w.owed")
    )
    sql = f"{spending_sql(*MORE, knows_costs=has_costs(retailer))}{GAVE.format(sums=sums)}"
    with transaction.atomic():
        give_memory()
        found = list(read_columns(sql, parameters, FIELDS, SIZE))
    rows: Any = np.concatenate(found) if found else np.empty(0, dtype=[(name, np.float64) for name in FIELDS])
    closed = rows["is_closed"].astype(bool)
    units, basis = _units(retailer, rows[closed])
    used = int(rows["used"].sum())
    return DepthRead(
        units, [NEVER_BOUGHT, *map(str, TYPES)], run.data_cut.isoformat() if run else "", basis,
        are_points_valued=not offered.wallet or offered.wallet in worths,
        days_between=float(rows["gap"][0]) if len(rows) else float(PAST_DAYS),
        shared=int(rows["shared"].sum()) / used if used else 0.0, digest=_digest(units),
        had=rows["had"][closed].astype(bool),
    )  # fmt: skip


def _units(retailer: Retailer, rows: Any) -> tuple[DepthUnits, str]:
    margin, before, basis = money_of(retailer, rows, by_margin=True)
    # What points paid without a reward costs as well: that it is less owed is no gain.
    earned = margin - np.maximum(rows["given"], rows["paid"]) - rows["owed"] + rows["paid"]
    flags = [(rows[name] > 0).astype(np.float64) for name in ("orders", "redeemed")]
    given, owed = (rows[name].astype(np.float64) for name in ("given", "owed"))
    part, segment = (rows[name].astype(np.int32) for name in ("part", "segment"))
    return DepthUnits(part, segment, earned.astype(np.float64), before, flags[0], given, owed, flags[1]), basis


def worths_of(experiment: Experiment, known_at: datetime) -> dict[str, float]:
    """Return what an open point of each wallet is expected to cost, as the books knew then."""
    program = experiment.program
    assert program is not None, "experiments of variants are of a program"
    found = books(program, since=known_at, until=known_at, clock=Clock.RECORDED)
    opens = {each.wallet: sum(cohort.open for cohort in each.after.cohorts.values()) for each in found}
    return {
        each.wallet: float(each.after.estimate.point_value) * (
            float(each.after.expected) / opens[each.wallet] if opens[each.wallet] else 1.0
        )
        for each in found
    }  # fmt: skip


def _segments_before(experiment: Experiment) -> SegmentRun | None:
    """Return the last assignment of a month before the one in which an experiment began, made before it did."""
    starts: Any = experiment.starts_at
    first = starts.astimezone(experiment.retailer.tzinfo).date().replace(day=1)
    runs = SegmentRun.objects.filter(retailer=experiment.retailer_id, data_cut__lt=first, run__ran_at__lt=starts)
    return runs.order_by("-data_cut", "-run__ran_at").first()


def _digest(units: DepthUnits) -> str:
    found = sha256()
    for column in vars(units).values():
        found.update(np.ascontiguousarray(column).data)
    return found.hexdigest()
