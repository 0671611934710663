"""What an experiment says of the depths that it tries: who gets which, or why that is not known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np

from analytics.experiments.depth_reading import NO_MARGIN, DepthRead, DepthUnits, read_depths
from analytics.experiments.depth_results import ALL, OTHERS, DepthResult, Given
from analytics.experiments.offered import Offered, offered_by
from analytics.experiments.reading import limit_of
from analytics.experiments.results import Floats, Places, Result
from analytics.uplift.depth import Arms, Tried, cells_of
from analytics.uplift.depth_choosing import Cell, Circumstances, Decision, choose, range_of
from analytics.uplift.depth_prices import PricePoint, price_curve
from analytics.uplift.results import Reason
from loyalty.experiments.models import Experiment, Variant

MIN_IN_ARM = 100  # units of each arm in a segment of its own: of fewer nothing is told
DAY = 86_400


@dataclass(frozen=True)
class Told:
    """What is said of depths, and the digest of what it rests on."""

    result: DepthResult
    digest: str


def depths_told(experiment: Experiment, variants: list[Variant], result: Result, known_at: datetime) -> Told | None:
    """Return which depth pays for whom, as known at an instant; None where no depths are tried, or nothing may be told."""
    offered = offered_by(experiment, variants, known_at)
    if offered is None or (result.blocked is not None and result.blocked.code != "sample_ratio"):
        return None
    depths = sorted({0.0, *offered.depths.values()})
    named = [
        ", ".join(each.code for each in variants if offered.depths.get(each.code, 0.0) == depth) for depth in depths
    ]
    empty = DepthResult(
        offered.kind, offered.reward, offered.list_price, depths, named, Decision([], []), [], [], "", []
    )  # fmt: skip
    if offered.unfair is not None:
        return Told(replace(empty, decision=Decision([], [offered.unfair])), "")
    found = read_depths(experiment, variants, offered, known_at)
    if not len(found.units.part):
        return None
    places = np.array([depths.index(offered.depths.get(each.code, 0.0)) for each in variants], dtype=np.int32)
    return Told(
        _result(empty, found, places[found.units.part], _went(experiment, offered, found, result, known_at)),
        found.digest,
    )


def digest_with(digest: str, more: str) -> str:
    """Return the digest of a look's data with that of its depths, or of what was promised; empty where there are none."""
    return sha256(f"{digest}{more}".encode()).hexdigest() if more else digest


def _result(
    empty: DepthResult, found: DepthRead, depth: Places, went: tuple[Circumstances, Sequence[Reason]]
) -> DepthResult:
    circumstances, refused = went
    units, count = found.units, len(empty.depths)
    segment, names = _grouped(units, found.segments if found.segments_from else [], depth, count)
    arms = Arms.of(_tried(units, segment, depth), len(names), count)
    decision = choose(arms, empty.depths, names, circumstances)
    if refused:
        choices = [replace(each, depth=0.0, reason=Reason("refused")) for each in decision.choices]
        decision = Decision(choices, [*refused, *decision.refusals])
    given = [
        [Given(_mean(units.given, both), _mean(units.redeemed, both)) for both in _parts(segment == place, depth, count)]
        for place in range(len(names))
    ]  # fmt: skip
    return replace(
        empty, decision=decision, customers=[int(np.count_nonzero(segment == place)) for place in range(len(names))],
        given=given, segments_from=found.segments_from, curve=_curve(empty, units, depth),
    )  # fmt: skip


def _tried(units: DepthUnits, segment: Places, depth: Places) -> Tried:
    return Tried(segment, depth, units.earned, units.bought > 0, units.before)


def _parts(of: Any, depth: Places, count: int) -> list[Any]:
    return [of & (depth == place) for place in range(1, count)]


def _mean(values: Floats, of: Any) -> float:
    return float(values[of].mean()) if bool(of.any()) else 0.0


def _grouped(units: DepthUnits, names: Sequence[str], depth: Places, count: int) -> tuple[Places, Sequence[str]]:
    """Return each unit's segment: one with too few of any arm is among the others, and all are one where these are too few."""
    everybody = np.zeros(len(depth), dtype=np.int32), [ALL]
    if not names:
        return everybody
    sizes = np.zeros((len(names), count), dtype=np.int64)
    np.add.at(sizes, (units.segment, depth), 1)
    least = sizes.min(axis=1)
    kept = [int(place) for place in np.argsort(-least, kind="stable") if least[place] >= MIN_IN_ARM]
    while (
        kept
        and sizes[(rest := [place for place in range(len(names)) if place not in kept])].any()
        and (sizes[rest].sum(axis=0).min() < MIN_IN_ARM)
    ):
        kept.pop()  # the smallest goes to the others, so that these can be told
    kept = sorted(kept)
    if not kept:
        return everybody
    places = np.full(len(names), len(kept), dtype=np.int32)
    places[kept] = np.arange(len(kept), dtype=np.int32)
    found, told = places[units.segment], [names[place] for place in kept]
    return found, [*told, OTHERS] if bool((found == len(kept)).any()) else told


def _curve(empty: DepthResult, units: DepthUnits, depth: Places) -> Sequence[PricePoint]:
    """Return the curve of a reward's prices, of all members together; none of an offer that is no price."""
    if empty.list_price is None:
        return []
    count = len(empty.depths)
    arms = Arms.of(_tried(units, np.zeros(len(depth), dtype=np.int32), depth), 1, count)
    cells = cells_of(arms)
    told = [
        Cell(
            size, int(arms.customers[0, place + 1]), int(arms.customers[0, 0]),
            range_of(float(cells.effects[0, place]), float(cells.errors[0, place])),
            float(cells.shrunk[0, place]), float(cells.shrunk_errors[0, place]), float(cells.pays[0, place]),
        )
        for place, size in enumerate(empty.depths[1:])
    ]  # fmt: skip
    parts = _parts(np.ones(len(depth), dtype=bool), depth, count)
    at_list = _mean(units.owed, depth == 0)
    return price_curve(
        empty.list_price, told, [_mean(units.redeemed, each) for each in parts],
        [at_list - _mean(units.owed, each) for each in parts],
    )  # fmt: skip


def _crossed(result: Result) -> float:
    """Return the share of units that share a household with one of another arm."""
    units = sum(each.units for each in result.arms)
    return sum(each.crossed * each.units for each in result.arms) / units if units else 0.0


def _went(
    experiment: Experiment, offered: Offered, found: DepthRead, result: Result, known_at: datetime
) -> tuple[Circumstances, Sequence[Reason]]:
    """Return how an experiment went, and what alone forbids to tell."""
    starts: Any = experiment.starts_at
    end = limit_of(experiment, known_at)
    planned = experiment.ends_at
    days_left = 0.0
    if planned is not None and planned > known_at and experiment.ended_at is None:
        days_left = (planned - known_at).total_seconds() / DAY
    weeks = max((end - starts).total_seconds() / (7 * DAY), 1 / 7)
    went = Circumstances(
        sample_ratio_p=result.ratio.p_value, days_left=int(-(-days_left // 1)), window_days=experiment.window_days,
        days_between=found.days_between, shared=found.shared, price_changed=offered.changed,
        costs_known=offered.has_cost and found.are_points_valued and found.basis != NO_MARGIN,
        customers_a_week=(len(found.units.part) + result.waiting) / weeks, crossed=_crossed(result),
    )  # fmt: skip
    unplanned = not result.is_final and not days_left
    return went, [Reason("not_as_planned")] if unplanned else []
