"""
The units of an experiment as columns, by one statement: what each brought after its planned exposure, and as long before it.

Facts count by when they occurred, and only what was recorded until an instant, so that the same can be read again later. A
window that reaches past the experiment's end does not count. Who was held out of everything meanwhile is in no other
experiment; who was a member before, also one who left and came back, cannot be left uninvited, and is in no experiment of that
form. A merged customer's assignment is that of the customer who it turned out to be, unless that one has its own.

The value of an order is what was paid for it with money, less what came back of it; its margin is that of `analytics.margins`, by
the retailer's rate where costs are not known, else by the share that the known ones leave.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from analytics import statistics
from analytics.copying import read_columns
from analytics.experiments.results import Floats, Units
from analytics.experiments.varying import alike_from
from analytics.margins import margin, rate_of_goods
from analytics.statistics import give_memory, has_costs, with_money
from customers.models import Retailer
from loyalty.experiments.assigning import HOLD_OUTS
from loyalty.experiments.models import Experiment, Variant
from loyalty.tiers.models import Tier

SIZE = 250_000  # rows of a block
SIDES = ("outcome", "before")
COUNTED = {"value": "", "paid": "_paid", "costed": "_costed", "cost": "_cost"}  # of each side, as its columns end
MONEY = tuple(f"{side}{ending}" for ending in COUNTED.values() for side in SIDES)
FIELDS = {
    "part": "integer", "is_closed": "boolean", "customers": "integer", "misplaced": "integer", "took_up": "boolean",
    "crossed": "boolean", **dict.fromkeys(MONEY, "double precision"),
}  # fmt: skip

# One row a person; the limit is the instant by which a window must have ended. Windows are counted from the planned exposure
# on, or from an instant before which no arm was treated otherwise; the first of them, unless a later one is asked for.
ENTERED = """
WITH entered AS (
    SELECT DISTINCT ON (person) person, unit_key, variant_id, bucket, begins AS exposed_at,
        begins + %(window)s::interval AS until, begins + %(window)s::interval <= %(limit)s AS is_closed
    FROM (
        SELECT coalesce(c.merged_into_id, c.id) AS person, c.merged_into_id IS NULL AS is_own, a.*,
            greatest(a.exposed_at, %(since)s::timestamptz) + %(later)s::interval AS begins
        FROM experiments_assignment a JOIN customers_customer c ON c.id = a.customer_id
        WHERE a.experiment_id = %(experiment)s AND a.assigned_at <= %(known)s
    ) a ORDER BY person, is_own DESC, assigned_at, id
), outside AS (
    SELECT coalesce(c.merged_into_id, c.id) AS person, min(a.exposed_at) AS since,
        max(coalesce(least(x.ended_at, x.ends_at), 'infinity')) AS until
    FROM experiments_experiment x
    JOIN experiments_variant v ON v.experiment_id = x.id AND v.is_control
    JOIN experiments_assignment a ON a.experiment_id = x.id AND a.variant_id = v.id
    JOIN customers_customer c ON c.id = a.customer_id
    WHERE x.retailer_id = %(retailer)s AND x.layer = 'global' AND x.id <> %(experiment)s AND %(is_nested)s
        AND (x.program_id IS NULL OR x.program_id = %(program)s) AND a.assigned_at <= %(known)s
    GROUP BY 1
), already AS (
    SELECT coalesce(c.merged_into_id, c.id) AS person, least(m.enrolled_at, min(p.enrolled_at)) AS at, m.recorded_at
    FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
    LEFT JOIN memberships_membershipperiod p ON p.membership_id = m.id
    WHERE %(only_others)s AND m.retailer_id = %(retailer)s AND (%(program)s::bigint IS NULL OR m.program_id = %(program)s)
    GROUP BY m.id, c.id
), counted AS MATERIALIZED (
    SELECT e.*, v.place, v.low, v.high FROM entered e
    JOIN unnest(%(variants)s::bigint[], %(lows)s::int[], %(highs)s::int[]) WITH ORDINALITY AS v (id, low, high, place)
        ON v.id = e.variant_id
    WHERE NOT EXISTS (
        SELECT 1 FROM outside o WHERE o.person = e.person AND o.since < e.until AND o.until > e.exposed_at)
        AND NOT (%(only_others)s AND EXISTS (
            SELECT 1 FROM already m WHERE m.person = e.person AND m.at < e.exposed_at AND m.recorded_at < e.exposed_at))
)
"""
THEN = {
    "returns": "r.retailer_id = %(retailer)s AND r.occurred_at <= %(known)s AND r.recorded_at <= %(known)s",
    "lines": "l.retailer_id = %(retailer)s",
}
BACK, COSTS = (f", {each.format(**THEN)}\n" for each in (statistics.BACK, statistics.COSTS))
SPENT = """
, spent AS (
    SELECT k.person, {sums}
    FROM counted k JOIN customers_order o ON o.customer_id = k.person AND o.occurred_at < k.until
        AND o.occurred_at >= k.exposed_at - %(window)s::interval
    {money}
    WHERE k.is_closed AND o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s
    GROUP BY 1
)
"""
JOINED = """
, joined AS (
    SELECT coalesce(c.merged_into_id, c.id) AS person, p.enrolled_at, p.left_at
    FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
    JOIN (
        SELECT id, enrolled_at, left_at FROM memberships_membership WHERE retailer_id = %(retailer)s UNION ALL
        SELECT membership_id, enrolled_at, left_at FROM memberships_membershipperiod WHERE retailer_id = %(retailer)s
    ) p ON p.id = m.id
    WHERE m.retailer_id = %(retailer)s AND (%(program)s::bigint IS NULL OR m.program_id = %(program)s)
        AND m.recorded_at <= %(known)s
), took AS (
    SELECT DISTINCT k.person FROM counted k JOIN joined j ON j.person = k.person
        AND j.enrolled_at < k.until AND (j.left_at IS NULL OR j.left_at > k.exposed_at)
    WHERE k.is_closed
)
"""
# Who came to the tier within its window, or to a higher one: raised by chance, or by what it reached itself.
RISEN = """
, took AS (
    SELECT DISTINCT k.person FROM counted k
    JOIN memberships_membership m ON m.customer_id = k.person AND m.program_id = %(program)s
    JOIN tiers_tierchange c ON c.membership_id = m.id AND c.to_tier_id = ANY(%(tiers)s::bigint[])
    WHERE k.is_closed AND c.occurred_at >= k.exposed_at AND c.occurred_at < k.until AND c.recorded_at <= %(known)s
)
"""
# What went over with a merge was done before.
EARNED = """
, took AS (
    SELECT DISTINCT k.person FROM counted k
    JOIN memberships_membership m ON m.customer_id = k.person AND (%(program)s::bigint IS NULL OR m.program_id = %(program)s)
    JOIN points_wallet w ON w.membership_id = m.id JOIN points_entry e ON e.wallet_id = w.id AND e.kind IN ('earn', 'redeem')
    WHERE k.is_closed AND e.occurred_at >= k.exposed_at AND e.occurred_at < k.until AND e.recorded_at <= %(known)s
        AND NOT e.explanation ? 'merged'
)
"""
# By how much more points each of `mine` has at the end of a window than at its beginning, wallet by wallet and bit by bit. What a
# till holds stays its member's until it is confirmed, or an order says that it was paid with it.
OWED = """
, changed AS (
    SELECT k.person, w.code, e.available_change + e.pending_change - e.owed_change AS points
    FROM mine k JOIN points_wallet w ON w.membership_id = k.membership JOIN points_entry e ON e.wallet_id = w.id
        AND e.occurred_at >= k.exposed_at AND e.occurred_at < k.until AND e.recorded_at <= %(known)s
    UNION ALL
    SELECT k.person, w.code, CASE WHEN b.at = k.until THEN h.points ELSE -h.points END
    FROM mine k JOIN points_wallet w ON w.membership_id = k.membership JOIN points_hold h ON h.wallet_id = w.id
    CROSS JOIN LATERAL (VALUES (k.exposed_at), (k.until)) AS b (at)
    WHERE h.held_at < b.at AND h.held_at <= %(known)s AND (h.ended_at IS NULL OR h.ended_at >= b.at OR h.ended_at > %(known)s)
        AND NOT EXISTS (
            SELECT 1 FROM customers_order o WHERE o.customer_id = k.person AND o.redemptions ? h.reference
                AND o.occurred_at < b.at AND o.recorded_at <= %(known)s)
)
"""
# Who shared a household by then, since it was reached, with somebody in another arm: what the one gets, the other may use. Who
# has left its household since shared it all the same.
NEAR = """
, sharing AS MATERIALIZED (
    SELECT h.household_id, k.person, k.variant_id, greatest(h.joined_at, k.exposed_at) AS since, h.left_at
    FROM (
        SELECT membership_id, household_id, joined_at, 'infinity' AS left_at FROM memberships_householdmember
        WHERE retailer_id = %(retailer)s
        UNION ALL SELECT membership_id, household_id, joined_at, left_at FROM memberships_householdstay
        WHERE retailer_id = %(retailer)s
    ) h JOIN memberships_membership m ON m.id = h.membership_id JOIN customers_customer c ON c.id = m.customer_id
    JOIN counted k ON k.person = coalesce(c.merged_into_id, c.id)
    WHERE h.joined_at <= %(known)s AND h.left_at > k.exposed_at
), near AS (
    SELECT DISTINCT a.person FROM sharing a JOIN sharing b ON b.household_id = a.household_id
        AND b.variant_id <> a.variant_id AND a.since < b.left_at AND b.since < a.left_at
)
"""
ROWS = """
SELECT k.place::int - 1, k.is_closed, count(*)::int,
    (count(*) FILTER (WHERE k.bucket < k.low OR k.bucket >= k.high))::int, bool_or(t.person IS NOT NULL),
    bool_or(n.person IS NOT NULL OR (%(control_is_out)s AND k.place = %(control)s AND t.person IS NOT NULL)), {sums}
FROM counted k LEFT JOIN spent s ON s.person = k.person LEFT JOIN took t ON t.person = k.person
LEFT JOIN near n ON n.person = k.person
GROUP BY k.unit_key, k.place, k.is_closed ORDER BY k.unit_key, k.place, k.is_closed
"""


TOOK = {Experiment.Form.NOT_INVITED.value: JOINED, Experiment.Form.NEAR_MISS.value: RISEN}


@dataclass(frozen=True)
class Read:
    """
    An experiment's units as they were read.

    :param misplaced: customers whose stored variant is not that of their bucket
    :param waiting: customers whose window had not closed
    :param digest: of all their numbers: two readings of the same data have the same
    :param basis: what the metric is: revenue, or how its margin is known
    """

    units: Units
    misplaced: int
    waiting: int
    digest: str
    basis: str


def read(experiment: Experiment, variants: list[Variant], *, known_at: datetime) -> Read:
    """
    Return an experiment's units, as they were known at an instant.

    :param variants: all of it, in order
    """
    retailer = experiment.retailer
    by_margin = experiment.metric == Experiment.Metric.MARGIN
    knows_costs = by_margin and has_costs(retailer)
    with transaction.atomic():
        give_memory()
        found = list(
            read_columns(
                _sql(experiment, knows_costs=knows_costs), parameters_of(experiment, variants, known_at), FIELDS, SIZE
            )
        )
    rows: Any = np.concatenate(found) if found else np.empty(0, dtype=[(name, np.float64) for name in FIELDS])
    closed = rows["is_closed"].astype(bool)
    outcome, before, basis = money_of(retailer, rows[closed], by_margin=by_margin)
    units = Units(
        rows["part"][closed].astype(np.int32), rows["customers"][closed].astype(np.float64), outcome, before,
        rows["took_up"][closed].astype(np.float64), rows["crossed"][closed].astype(np.float64),
    )  # fmt: skip
    return Read(
        units, misplaced=int(rows["misplaced"].sum()), waiting=int(rows["customers"][~closed].sum()),
        digest=_digest(units), basis=basis,
    )  # fmt: skip


def limit_of(experiment: Experiment, known_at: datetime) -> datetime:
    """
    Return the instant by which a window must have ended to count: until then arms were treated differently.

    That is until it ends, or until a version comes into force that has no part for its variants any more.
    """
    ends = (experiment.ends_at, experiment.ended_at, alike_from(experiment, known_at))
    return min([known_at, *(end for end in ends if end is not None)])


def parameters_of(experiment: Experiment, variants: list[Variant], known_at: datetime) -> dict[str, Any]:
    """Return what the statements of an experiment name."""
    shares = [each.share_bp for each in variants]
    highs = [sum(shares[: place + 1]) for place in range(len(shares))]
    return {
        "retailer": experiment.retailer_id, "experiment": experiment.pk, "program": experiment.program_id, "known": known_at,
        "limit": limit_of(experiment, known_at), "window": f"{24 * experiment.window_days} hours",
        "is_nested": experiment.layer != Experiment.Layer.GLOBAL, "variants": [each.pk for each in variants],
        "lows": [high - share for high, share in zip(highs, shares, strict=True)], "highs": highs,
        "control": next(place for place, each in enumerate(variants, start=1) if each.is_control),
        "only_others": experiment.form == Experiment.Form.NOT_INVITED,
        "control_is_out": experiment.form in HOLD_OUTS, "since": None, "later": "0 hours", "tiers": _tiers(experiment),
    }  # fmt: skip


def _tiers(experiment: Experiment) -> list[int]:
    """Return the rows of near misses' tier, and of those above it, in all versions; nothing for other experiments."""
    if experiment.tier_key is None:
        return []
    own = Tier.objects.filter(version=OuterRef("version"), key=experiment.tier_key).values("rank")
    rows = Tier.objects.filter(version__program=experiment.program_id).annotate(least=Subquery(own))
    return list(rows.filter(rank__gte=F("least")).order_by("pk").values_list("pk", flat=True))


def _sql(experiment: Experiment, *, knows_costs: bool) -> str:
    took = TOOK.get(experiment.form, EARNED)
    sums = ", ".join(f"coalesce(sum(s.{name}), 0)::float8" for name in MONEY)
    return f"{spending_sql(knows_costs=knows_costs)}{took}{NEAR}{ROWS.format(sums=sums)}"


def spending_sql(*more: str, knows_costs: bool) -> str:
    """
    Return the tables of who is counted and what they spent.

    :param more: further sums over the orders of a person's two windows
    """
    sums = sums_of_sides(outcome="o.occurred_at >= k.exposed_at", before="o.occurred_at < k.exposed_at")
    spent = SPENT.format(sums=", ".join([*sums, *more]), money=with_money(knows_costs=knows_costs))
    return f"{ENTERED}{BACK}{COSTS if knows_costs else ''}{spent}"


def sums_of_sides(*, outcome: str, before: str) -> list[str]:
    """Return the sums of what orders brought after and before, in the order of MONEY, by which orders are on either side."""
    return [
        f"coalesce(sum(m.{kind}) FILTER (WHERE {is_on}), 0) AS {side}{ending}"
        for kind, ending in COUNTED.items()
        for side, is_on in zip(SIDES, (outcome, before), strict=True)
    ]


def money_of(retailer: Retailer, rows: Any, *, by_margin: bool) -> tuple[Floats, Floats, str]:
    """Return what units brought after and before, and by what it is known."""
    outcome, before = rows["outcome"].astype(np.float64), rows["before"].astype(np.float64)
    if not by_margin:
        return outcome, before, "revenue"
    costed, cost = (float(rows[f"outcome_{name}"].sum() + rows[f"before_{name}"].sum()) for name in ("costed", "cost"))
    known = None if retailer.margin_rate is None else float(retailer.margin_rate)
    rate = rate_of_goods(known, costed=costed, cost=cost)
    if rate is None:
        return outcome, before, "no_margin"
    margins = [
        margin(rate=rate, **{kind: rows[f"{side}{ending}"].astype(np.float64) for kind, ending in COUNTED.items()})
        for side in SIDES
    ]
    if costed <= 0:
        return margins[0], margins[1], "rate"
    return margins[0], margins[1], "costs_and_rate" if known is not None else "costs"


def _digest(units: Units) -> str:
    found = sha256(str(len(units)).encode())
    for column in (units.part, units.customers, units.outcome, units.before, units.took_up, units.crossed):
        found.update(np.ascontiguousarray(column).data)
    return found.hexdigest()
