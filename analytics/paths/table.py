"""Funnels and the journey map as rows: for files, and for retailers' systems."""

from collections.abc import Iterator, Sequence

from analytics.paths.counting import FunnelResult, Stage
from analytics.paths.mapping import JourneyMap
from analytics.paths.reading import CountedFunnel
from analytics.paths.touchpoints import FunnelSteps

FUNNEL_COLUMNS = (
    "group", "step", "touchpoint", "customers", "share_of_step_before", "share_of_first", "low", "high", "median_seconds",
    "stopped", "friction", "friction_support", "friction_survey", "friction_cart", "friction_stopped", "finished_with_friction",
    "finished_without_friction", "value_of_who_stopped", "valued", "margin_difference", "not_shown",
)  # fmt: skip
MAP_COLUMNS = (
    "touchpoint",
    "next",
    "times",
    "share",
    "customers",
    "median_seconds",
    "value_of_who_stopped",
    "valued",
    "not_shown",
)
STOPPED = "none"


def funnel_rows(found: CountedFunnel, funnel: FunnelSteps, order_margin: float | None) -> Iterator[tuple[object, ...]]:
    """Yield a row for each group and step; shares as in 0.35."""
    for result in found.results:
        for stage, touch in zip(result.stages, funnel.steps, strict=True):
            yield (
                result.group,
                stage.counted.step,
                touch.value,
                *_numbers(result, stage, order_margin),
                found.not_shown,
            )


def _numbers(result: FunnelResult, stage: Stage, order_margin: float | None) -> Sequence[object]:
    counted = stage.counted
    return (
        counted.reached, None if stage is result.stages[0] else _round(stage.of_before.value), _round(stage.overall.value),
        _round(stage.overall.low), _round(stage.overall.high), _round(counted.seconds), counted.stopped, counted.troubled,
        counted.by_support, counted.by_survey, counted.by_cart, counted.ended, _round(stage.with_friction.value),
        _round(stage.without_friction.value), _round(stage.mean_value), counted.valued, _round(stage.cost(order_margin)),
    )  # fmt: skip


def map_rows(found: JourneyMap) -> Iterator[tuple[object, ...]]:
    """Yield a row for each touchpoint and what followed; `none` for nothing in 30 days."""
    for each in found.touchpoints:
        for touch, passage in each.nexts.items():
            share = _round(passage.times / each.times)
            yield (
                each.touch.value,
                touch.value,
                passage.times,
                share,
                passage.customers,
                _round(passage.seconds),
                None,
                None,
                "",
            )
        stopped = each.stopped
        yield (
            each.touch.value, STOPPED, stopped.times, _round(stopped.times / each.times), stopped.customers, None,
            _round(each.mean_value), each.valued, found.not_shown,
        )  # fmt: skip


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
