"""
What an experiment can detect before it starts, from what the retailer's own customers brought in the last windows.

Computed here, and handed to `loyalty.experiments`, which freezes it with the plan.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from analytics.copying import read_columns
from analytics.experiments.near_misses import NearMisses, near_misses_now, require_somebody
from analytics.experiments.reading import BACK, COSTS, MONEY, SIZE, money_of, sums_of_sides
from analytics.statistics import give_memory, has_costs, with_money
from analytics.uplift.power import Advice, Detectable, Past, detectable, needed, outlook
from analytics.uplift.randomised import per_customer
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import plan
from loyalty.experiments.rules import BUCKETS

ASKED_SHARES = (0.02, 0.05, 0.10)  # effects for which the number of customers is told
LEVEL = 0.95
FIELDS = {"customers": "integer", **dict.fromkeys(MONEY, "double precision")}
SPAN = """
SELECT min(occurred_at), max(occurred_at) FROM customers_order
WHERE retailer_id = %(retailer)s AND customer_id IS NOT NULL AND occurred_at <= %(now)s
"""
PEOPLE = """
WITH people AS (
    SELECT c.id AS person, coalesce(h.household_id, c.id) AS unit FROM customers_customer c
    LEFT JOIN LATERAL (
        SELECT h.household_id FROM memberships_membership m JOIN memberships_householdmember h ON h.membership_id = m.id
        WHERE %(by_household)s AND m.customer_id = c.id AND (%(program)s::bigint IS NULL OR m.program_id = %(program)s)
        ORDER BY h.household_id LIMIT 1
    ) h ON true
    WHERE c.retailer_id = %(retailer)s AND c.merged_into_id IS NULL AND c.erased_at IS NULL
        AND (%(among)s::uuid[] IS NULL OR c.id = ANY(%(among)s::uuid[]))
        AND NOT (%(only_others)s AND EXISTS (
            SELECT 1 FROM memberships_membership m WHERE m.customer_id = c.id AND m.left_at IS NULL
                AND (%(program)s::bigint IS NULL OR m.program_id = %(program)s)))
)
"""
SPENT = """
, spent AS (
    SELECT o.customer_id AS person, {sums}
    FROM customers_order o {money}
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.occurred_at > %(first)s AND o.occurred_at <= %(known)s
    GROUP BY 1
)
SELECT count(*)::int, {totals} FROM people p LEFT JOIN spent s ON s.person = p.person GROUP BY p.unit ORDER BY p.unit
"""


class TooLittleToPlanFrom(DomainError):
    code = "too_little_to_plan_from"
    kind = Kind.REFUSED
    message = _(
        "What can be detected is computed from the orders of one whole window, {window_days} days, of at least two customers; "
        "there are orders of {days} days."
    )


@dataclass(frozen=True)
class VariantForecast:
    """A variant, how many customers it will have, and what it can detect against the control."""

    code: str
    customers: int
    detectable: Detectable


@dataclass(frozen=True)
class Forecast:
    """
    What an experiment of this design would detect among the customers of now.

    :param mean: what a customer brought in the last window, in units of the currency
    :param deviation: between customers
    :param correlation: with the window before; 0 where the orders do not reach so far back
    :param needed: customers in all that would detect effects of 2, 5 and 10 percent, with these shares
    :param advice: as_asked, half_and_half, or not_measurable
    :param near: of near misses, who they are; None of other experiments
    """

    customers: int
    window_days: int
    metric: str
    basis: str
    until: datetime
    mean: float
    deviation: float
    correlation: float
    variants: Sequence[VariantForecast]
    needed: dict[str, int]
    half: Detectable
    advice: Advice
    near: NearMisses | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what is frozen with the plan."""
        found = asdict(self) | {"until": self.until.isoformat()}
        return {name: said for name, said in found.items() if name != "near" or said is not None}


def forecast(experiment: Experiment, *, now: datetime) -> Forecast:
    """
    Return what an experiment can detect: two statements, whatever the number of customers.

    :raises TooLittleToPlanFrom: when the orders do not fill one window
    :raises NobodyNear: of near misses, where there are none; and NoSuchTierNow where the program has no such tier
    """
    if experiment.form != Experiment.Form.NEAR_MISS:
        return _forecast(experiment, None, now)
    keys, near = near_misses_now(experiment, now=now)
    require_somebody(experiment, keys)
    return replace(_forecast(experiment, None, now, keys), near=near)


def forecast_among(experiment: Experiment, customers: int, *, now: datetime) -> Forecast:
    """
    Return what an experiment can detect among so many customers, who bring what all of them do.

    :raises TooLittleToPlanFrom: as `forecast`
    """
    return _forecast(experiment, customers, now)


def _forecast(experiment: Experiment, among: int | None, now: datetime, keys: Sequence[UUID] | None = None) -> Forecast:
    """Return what is detected. :param among: so many of all customers :param keys: these customers; all if both are None"""
    first, until = bulk.fetch(SPAN, {"retailer": experiment.retailer_id, "now": now})[0]
    window = timedelta(days=experiment.window_days)
    days = (until - first).days if first else 0
    if first is None or until - first < window:
        raise TooLittleToPlanFrom(window_days=experiment.window_days, days=days)
    is_of_others = among is None and experiment.form == Experiment.Form.NOT_INVITED
    whom = _Whom(is_of_others, None if keys is None else list(keys))
    past, customers, basis = _past(experiment, until, window, whom, knows_before=until - first >= 2 * window)
    if customers < 2:  # noqa: PLR2004 - one customer does not differ
        raise TooLittleToPlanFrom(window_days=experiment.window_days, days=days)
    return _told(experiment, past, customers if among is None else among, basis, until)


def plan_from_data(experiment: Experiment, *, author: str, now: datetime) -> Experiment:
    """
    Plan an experiment with what it can detect, as its retailer's own data say; from then on its plan is frozen by a digest.

    :raises TooLittleToPlanFrom: as `forecast`; then `loyalty.experiments.planning.plan` takes a reason instead
    """
    return plan(experiment, detectable=forecast(experiment, now=now).as_json(), author=author, now=now)


def _told(experiment: Experiment, past: Past, customers: int, basis: str, until: datetime) -> Forecast:
    variants = list(experiment.variants.in_order())
    control = next(each for each in variants if each.is_control)
    others = [each for each in variants if not each.is_control]
    level = 1 - (1 - LEVEL) / max(len(others), 1)
    held_out = control.share_bp / BUCKETS
    whole = outlook(past, customers, held_out=held_out, level=level)
    least = min((each.share_bp for each in others), default=control.share_bp)
    return Forecast(
        customers=customers, window_days=experiment.window_days, metric=experiment.metric, basis=basis, until=until,
        mean=past.mean, deviation=past.variance**0.5, correlation=past.correlation,
        variants=[
            VariantForecast(
                each.code, round(customers * each.share_bp / BUCKETS),
                detectable(past, customers * each.share_bp / BUCKETS, customers * held_out, level=level),
            )
            for each in others
        ],
        needed={
            f"{share:.0%}": _needed(past, share * past.mean, least / BUCKETS, held_out, level) for share in ASKED_SHARES
        } if past.mean > 0 else {},
        half=whole.half, advice=whole.advice,
    )  # fmt: skip


def _needed(past: Past, effect: float, treated: float, held_out: float, level: float) -> int:
    """Return how many customers of all variants detect an effect in the smallest of them."""
    both = treated + held_out
    return round(needed(past, effect, held_out=held_out / both, level=level) / both)


class _Whom(NamedTuple):
    """Whose past is looked at. :param only_others: who is no member :param among: these customers; all if None"""

    only_others: bool
    among: list[UUID] | None


def _past(
    experiment: Experiment, until: datetime, window: timedelta, whom: _Whom, *, knows_before: bool
) -> tuple[Past, int, str]:
    retailer = experiment.retailer
    by_margin = experiment.metric == Experiment.Metric.MARGIN
    knows_costs = by_margin and has_costs(retailer)
    parameters = {
        "retailer": retailer.pk, "program": experiment.program_id, "known": until, "first": until - 2 * window,
        "middle": until - window, "by_household": experiment.unit == Experiment.Unit.HOUSEHOLD,
        **whom._asdict(),
    }  # fmt: skip
    with transaction.atomic():
        give_memory()
        found = list(read_columns(_sql(knows_costs=knows_costs), parameters, FIELDS, SIZE))
    if not found:
        return Past(0.0, 0.0), 0, ""
    rows: Any = np.concatenate(found)
    outcome, before, basis = money_of(retailer, rows, by_margin=by_margin)
    customers = rows["customers"].astype(np.float64)
    size, whole = float(customers.mean()), float(customers.sum())
    mean = float(outcome.sum()) / whole
    after, past = (per_customer(each, customers, of=float(each.sum()) / whole, size=size) for each in (outcome, before))
    correlation = _correlation(after, past) if knows_before else 0.0
    return Past(mean, float(after.var()) * size, correlation), round(whole), basis


def _correlation(one: Any, other: Any) -> float:
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _sql(*, knows_costs: bool) -> str:
    sums = sums_of_sides(outcome="o.occurred_at > %(middle)s", before="o.occurred_at <= %(middle)s")
    spent = SPENT.format(
        sums=", ".join(sums), money=with_money(knows_costs=knows_costs),
        totals=", ".join(f"coalesce(sum(s.{name}), 0)::float8" for name in MONEY),
    )  # fmt: skip
    return f"{PEOPLE}{BACK}{COSTS if knows_costs else ''}{spent}"
