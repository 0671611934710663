"""What the pages of funnels and of the journey map show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.acquisition.reading import margin_of
from analytics.audit.running import latest
from analytics.dashboards import charts
from analytics.dashboards.drawing import Drawing, Series
from analytics.kpis.scores import Score, share
from analytics.paths.contacts import TopicCount, count_contacts
from analytics.paths.counting import FunnelResult, Stage
from analytics.paths.definitions import NamedFunnel, funnels_of
from analytics.paths.mapping import PAUSE_DAYS, SESSION_MINUTES, JourneyMap, Touchpoint, journey_map, map_period
from analytics.paths.reading import CountedFunnel, count_funnel, known_until, period_of
from analytics.paths.touchpoints import Touch
from analytics.paths.words import TOUCHES, lasting
from customers.core.calendar import day_before, local_date
from customers.core.money import decimals_of
from customers.core.numbers import percent, shown
from customers.models import Retailer
from customers.segment_names import TYPE_NAMES

DIMENSIONS = {
    "all": gettext_lazy("All customers"), "channel": gettext_lazy("Channel of the first step"),
    "segment": gettext_lazy("Type of customer"),
}  # fmt: skip
DAYS = {"30": 30, "90": 90, "365": 365}
USUAL_DAYS = "90"
SHOWN_GROUPS = 8


@dataclass(frozen=True)
class AskedFunnel:
    """A funnel that was counted as somebody asked for it."""

    funnel: NamedFunnel
    days: int
    by: str
    found: CountedFunnel | None
    order_margin: float | None


def asked_funnel(retailer: Retailer, given: Mapping[str, str], *, now: datetime) -> AskedFunnel:
    """
    Count a funnel.

    :param given: `funnel`, `days` and `by` as the reader chose them; what is not known is as usual
    """
    known, funnels = known_until(retailer, now), funnels_of(retailer)
    funnel = next((each for each in funnels if each.code == given.get("funnel")), funnels[0])
    days = DAYS.get(given.get("days", ""), DAYS[USUAL_DAYS])
    by = given["by"] if given.get("by") in DIMENSIONS else "all"
    if known is None:
        return AskedFunnel(funnel, days, by, None, None)
    found = count_funnel(retailer, funnel.definition, period_of(retailer, funnel.definition, days, known), by)
    return AskedFunnel(funnel, days, by, found, order_margin(retailer, found))


def order_margin(retailer: Retailer, found: CountedFunnel) -> float | None:
    """Return what an order brings on average; None where no margin is known, or the funnel does not end in an order."""
    if found.order_value is None:
        return None
    margin = margin_of(retailer, latest(retailer.pk))
    return None if margin.basis == "none" else margin.of(found.order_value, found.order_paid)


def funnel_page(retailer: Retailer, given: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return what the page of a funnel shows."""
    asked = asked_funnel(retailer, given, now=now)
    context: dict[str, Any] = {
        "funnels": funnels_of(retailer), "funnel": asked.funnel, "days": DAYS, "chosen_days": asked.days,
        "dimensions": DIMENSIONS.items(), "by": asked.by, "found": asked.found,
        "steps": [TOUCHES[each] for each in asked.funnel.definition.steps],
    }  # fmt: skip
    if asked.found is None:
        return context
    return context | {
        "period": _period(retailer, asked.found),
        "waiting": _waiting(asked),
        "not_shown": asked.found.not_shown,
        "groups": [
            {"name": "" if asked.by == "all" else _group(asked.by, each.group), "overall": _overall(each),
             "rows": [_row(stage, asked, retailer.currency) for stage in each.stages]}
            for each in asked.found.results[:SHOWN_GROUPS]
        ],
        "left_out": max(len(asked.found.results) - SHOWN_GROUPS, 0),
        "chart": _drawing(asked).on_page(),
        "has_cost": asked.order_margin is not None,
        "order_margin": "" if asked.order_margin is None else _money(asked.order_margin, retailer.currency),
        "window": asked.funnel.definition.window_days,
    }  # fmt: skip


def _period(retailer: Retailer, found: CountedFunnel) -> str:
    days = {
        "since": formats.date_format(local_date(found.period.since, retailer.tzinfo)),
        "until": formats.date_format(day_before(local_date(found.period.until, retailer.tzinfo))),
    }
    return _("Customers who began from %(since)s to %(until)s: the window of each is over.") % days


def _waiting(asked: AskedFunnel) -> str:
    assert asked.found is not None
    count = asked.found.waiting
    if not count:
        return ""
    return ngettext(
        "%(count)s customer began since and still has time: it is not counted yet.",
        "%(count)s customers began since and still have time: they are not counted yet.",
        count,
    ) % {"count": charts.whole(count)}


def _group(by: str, code: str) -> str:
    if by == "segment":
        return str(TYPE_NAMES[code]) if code in TYPE_NAMES else _("no type yet")
    return code or _("not known")


def _overall(result: FunnelResult) -> str:
    return _("%(share)s of %(n)s reach the last step (%(range)s), in %(time)s (median).") % {
        "share": _share(result.overall), "n": charts.whole(result.began), "range": _range(result.overall),
        "time": lasting(result.seconds),
    }  # fmt: skip


def _row(stage: Stage, asked: AskedFunnel, currency: str) -> dict[str, str]:
    counted, is_first = stage.counted, stage.counted.step == 1
    is_last = counted.step == len(asked.funnel.definition.steps)
    return {
        "name": f"{counted.step}. {TOUCHES[asked.funnel.definition.steps[counted.step - 1]]}",
        "customers": charts.whole(counted.reached),
        "of_before": "-" if is_first else _share(stage.of_before),
        "overall": _share(stage.overall),
        "time": lasting(counted.seconds),
        "stopped": "-" if is_last else charts.whole(counted.stopped),
        "value": "-" if stage.mean_value is None else _money(stage.mean_value, currency),
        "valued": _("n = %(n)s") % {"n": charts.whole(counted.valued)} if counted.valued else "",
        "friction": "-" if is_last or not counted.reached else _friction(stage),
        "reasons": ", ".join(_reasons(stage)),
        "finished": _finished(stage),
        "cost": "-"
        if stage.cost(asked.order_margin) is None
        else _money(stage.cost(asked.order_margin) or 0, currency),
    }


def _friction(stage: Stage) -> str:
    return _("%(some)s of %(all)s (%(share)s)") % {
        "some": charts.whole(stage.counted.troubled), "all": charts.whole(stage.counted.reached),
        "share": _share(stage.friction),
    }  # fmt: skip


def _reasons(stage: Stage) -> list[str]:
    parts = (
        (_("support %(n)s"), stage.counted.by_support), (_("not satisfied %(n)s"), stage.counted.by_survey),
        (_("cart left %(n)s"), stage.counted.by_cart), (_("stopped there %(n)s"), stage.counted.ended),
    )  # fmt: skip
    return [words % {"n": charts.whole(number)} for words, number in parts if number]


def _finished(stage: Stage) -> str:
    if stage.with_friction.value is None:
        return "-"
    ends = {"with": _share(stage.with_friction), "without": _share(stage.without_friction)}
    return _("%(with)s against %(without)s") % ends


def _drawing(asked: AskedFunnel) -> Drawing:
    """Return a funnel as bars: customers by step, or for groups the share of those who began."""
    assert asked.found is not None
    labels = [f"{place}. {TOUCHES[each]}" for place, each in enumerate(asked.funnel.definition.steps, 1)]
    results = asked.found.results[:SHOWN_GROUPS]
    return (
        _of_all(asked.funnel.name, labels, results[0]) if asked.by == "all" else _of_groups(asked.by, labels, results)
    )


def _of_all(name: str, labels: Sequence[str], result: FunnelResult) -> Drawing:
    rows = [
        (label, charts.whole(stage.counted.reached), _share(stage.overall))
        for label, stage in zip(labels, result.stages, strict=True)
    ]
    return Drawing(
        name, labels, [Series(_("customers"), [stage.counted.reached for stage in result.stages])],
        [_("step"), _("customers"), _("of all")], rows, y_title=_("customers"), wide=True, is_flat=True,
    )  # fmt: skip


def _of_groups(by: str, labels: Sequence[str], results: Sequence[FunnelResult]) -> Drawing:
    series = [
        Series(_group(by, each.group), [_scaled(stage.overall) for stage in each.stages], colour=charts.MANY[place])
        for place, each in enumerate(results)
    ]
    rows = [(label, *(_share(each.stages[place].overall) for each in results)) for place, label in enumerate(labels)]
    return Drawing(
        _("Share of those who began, by step"), labels, series, [_("step"), *(each.name for each in series)], rows,
        y_title="%", wide=True,
    )  # fmt: skip


def _scaled(found: Score) -> float | None:
    return None if found.value is None else round(found.value * 100, 1)


def _share(found: Score) -> str:
    return "-" if found.value is None else percent(found.value)


def _range(found: Score) -> str:
    if found.low is None or found.high is None:
        return "-"
    return _("%(low)s to %(high)s") % {"low": percent(found.low), "high": percent(found.high)}


def _money(amount: float, currency: str) -> str:
    return f"{shown(amount, decimals_of(currency))}\u00a0{currency}"


def map_page(retailer: Retailer, given: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return what the page of the journey map shows."""
    days = DAYS.get(given.get("days", ""), DAYS[USUAL_DAYS])
    known = known_until(retailer, now)
    asked = asked_map(retailer, days, known)
    found = asked.touchpoints
    # Also those of whom nobody knows yet what follows them, which have no row.
    columns = [touch for touch in Touch if any(touch in point.nexts for point in found)]
    context: dict[str, Any] = {
        "days": DAYS,
        "chosen_days": days,
        "found": found,
        "columns": [TOUCHES[each] for each in columns],
    }
    if known is None:
        return context
    since, until = map_period(days, known)
    return context | {
        "period": _("Touchpoints from %(since)s to %(until)s.") % {
            "since": formats.date_format(local_date(since, retailer.tzinfo)),
            "until": formats.date_format(local_date(until, retailer.tzinfo)),
        },
        "basis": _(
            "Read along a row: of 100 touchpoints of this kind, so many were followed by that one. The same kind again within "
            "%(minutes)s minutes is one. After %(days)s days without any a customer has stopped; what is younger and has not "
            "been followed is not counted."
        ) % {"minutes": SESSION_MINUTES, "days": PAUSE_DAYS},
        "rows": [_map_row(each, columns, retailer.currency) for each in found],
        "not_shown": asked.not_shown,
        "passages": _passages(found),
        "contacts": [_contact_row(each) for each in asked_contacts(retailer, days, known)],
    }  # fmt: skip


def asked_map(retailer: Retailer, days: int, known: datetime | None) -> JourneyMap:
    """Return the map of the last days that are known; nothing before the first fact."""
    if known is None:
        return JourneyMap()
    since, until = map_period(days, known)
    return journey_map(retailer, since=since, until=until)


def asked_contacts(retailer: Retailer, days: int, known: datetime | None) -> list[TopicCount]:
    """Return what contacts of the last days that are known were about; nothing before the first fact."""
    if known is None:
        return []
    since, until = map_period(days, known)
    return count_contacts(retailer, since=since, until=until)


def _contact_row(found: TopicCount) -> tuple[str, ...]:
    counts = (found.contacts, found.customers, found.solved, found.unsolved, found.still_open, found.unknown)
    return (_about(found), *map(charts.whole, counts), _share(share(found.solved, found.ended)))


def _about(found: TopicCount) -> str:
    if found.topic is None:
        words = ngettext("%(count)s other topic", "%(count)s other topics", found.topics)
        return words % {"count": charts.whole(found.topics)}
    return found.topic or _("no topic")


def _map_row(point: Touchpoint, columns: Sequence[Any], currency: str) -> dict[str, Any]:
    nexts = [point.nexts[each].times if each in point.nexts else 0 for each in columns]
    return {
        "name": TOUCHES[point.touch],
        "n": charts.whole(point.times),
        "customers": charts.whole(point.customers),
        "cells": [_cell(times, point.times) for times in nexts],
        "stopped": _cell(point.stopped.times, point.times),
        "friction": percent(point.ended_by_friction / point.times),
        "value": "-" if point.mean_value is None else _money(point.mean_value, currency),
        "valued": _("n = %(n)s") % {"n": charts.whole(point.valued)} if point.valued else "",
    }


def _cell(times: int, of: int) -> dict[str, Any]:
    share = times / of
    return {"words": percent(share, 0) if times else "", "heat": round(share * 100)}


def _passages(found: Sequence[Touchpoint]) -> list[tuple[str, ...]]:
    """Return what most often follows what, with how long it takes."""
    rows = [(point, touch, passage) for point in found for touch, passage in point.nexts.items()]
    rows.sort(key=lambda row: -row[2].times)
    return [
        (
            f"{TOUCHES[point.touch]} → {TOUCHES[touch]}", charts.whole(passage.times), charts.whole(passage.customers),
            percent(passage.times / point.times), lasting(passage.seconds),
        )
        for point, touch, passage in rows[:20]
    ]  # fmt: skip
