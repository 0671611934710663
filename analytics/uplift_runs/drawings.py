"""A measurement's pictures, each with its table: for the page, and for the report that is sent."""

from collections.abc import Sequence
from datetime import date

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics.dashboards import charts
from analytics.dashboards.drawing import Drawing, Series
from analytics.uplift.plan import Limits
from analytics.uplift.results import Balance, Estimate, Measured, Point
from analytics.uplift_runs import words
from analytics.uplift_runs.pictures import EventStudy
from analytics.uplift_runs.words import percent
from customers.core.numbers import shown

TEAL, GREY = "#2f7d7a", "#9aa5b1"
MIN_YEAR = 1970
MONTHS_A_YEAR = 12


def estimates(said: Measured, level: float) -> Drawing:
    """Return the estimates as dots with their intervals, in the band that they span."""
    return _of_estimates(
        _("What each method finds: more revenue because of the program"),
        said.estimates,
        level,
        basis=_about_methods() if said.grade != "D" else _("For who checks it: by the reasons above none of these is an effect."),
        band=said.band,
        instead="" if said.estimates else _("No estimate could be made."),
    )  # fmt: skip


def _about_methods() -> str:
    return _(
        "No method is right in every case, so the answer is the band from the lowest to the highest end of all. The "
        "symmetric ratios leave out one, two or three months in which people decide to join; AIPW compares customers "
        "with the same history."
    )


def placebo(said: Measured, level: float) -> Drawing:
    """Return the same methods at a time when nobody had joined."""
    return _of_estimates(
        _("Placebo: the same methods before anybody joined"),
        said.placebo,
        level,
        basis=_(
            "Joining is moved so far back that the window ends before it. What is found here is no effect: intervals that do "
            "not hold nothing say that members were changing already."
        ),
        instead="" if said.placebo else _("The history is too short for a placebo."),
    )


def _of_estimates(  # noqa: PLR0913 - what is drawn, and what is said of it
    title: str,
    found: Sequence[Estimate],
    level: float,
    *,
    basis: str,
    band: tuple[float, float] | None = None,
    instead: str = "",
) -> Drawing:
    told = [(each, each.effect) for each in found if each.effect is not None]
    if not told and not instead:
        instead = words.sentence(found[0].reason) if found[0].reason else _("No estimate could be made.")
    return Drawing(
        title=title,
        labels=[_short(each.method) for each, _effect in told],
        series=[
            Series(
                _("estimate"), [hundred(effect.value) for _each, effect in told], "dots", TEAL,
                [(hundred(effect.low), hundred(effect.high)) for _each, effect in told], interval_name(level),
            )
        ],
        headers=[_("method"), _("effect"), _("at least"), _("at most"), _("standard error"), _("members"), _("others")],
        rows=[_estimate_row(each) for each in found],
        y_title=_("effect in %"),
        basis=basis,
        instead=instead,
        band=(hundred(band[0]), hundred(band[1]), _("band")) if band else None,
    )  # fmt: skip


def _estimate_row(each: Estimate) -> list[str]:
    counts = [charts.whole(each.members), charts.whole(each.controls)]
    if each.effect is None:
        reason = words.sentence(each.reason) if each.reason else "-"
        return [f"{words.method_name(each.method)}: {reason}", "-", "-", "-", "-", *counts]
    effect = each.effect
    ends = [percent(value, 2, signed=True) for value in (effect.value, effect.low, effect.high)]
    return [words.method_name(each.method), *ends, percent(effect.error, 2), *counts]


def _short(method: str) -> str:
    kind, _joint, lag = method.rpartition("_")
    if kind == "symmetric":
        return pgettext("a method of estimation", "symmetric %(lag)s") % {"lag": lag}
    return {"aipw": "AIPW", "holdout": _("hold-out")}.get(method, method)


def interval_name(level: float) -> str:
    return _("%(level)s interval") % {"level": percent(level, 0)}


def event_study(studies: Sequence[EventStudy], currency: str, level: float) -> Drawing:
    """Return what members spent beyond others, by months since joining, those before it too."""
    title = _("Event study: spend beyond others’, by months since joining")
    if not studies:
        return Drawing(title=title, instead=_("No whole month before joining can be compared with others’."), wide=True)
    months = sorted({point.at for study in studies for point in (*study.leads, *study.effects)})
    drawn = [month for month in months if month]
    colours = (TEAL, charts.MANY[1])
    return Drawing(
        title=title,
        labels=[f"{int(month):+d}" for month in drawn],
        series=[_study_series(each, drawn, level, colour) for each, colour in zip(studies, colours, strict=False)],
        headers=[
            _("months since joining"),
            *(head for each in studies for head in (words.method_name(each.method), _("at least"), _("at most"))),
            _("members"),
        ],
        rows=[_study_row(studies, month) for month in months],
        y_title=_("%(currency)s per member and month") % {"currency": currency},
        x_title=_("months since joining; that of joining is in the table"),
        basis=_(
            "A picture, not the answer: calendar months mix the order at which people join into the result, and where they "
            "join after a month of much spending, the first months look too low. Months before joining (left of 0) should lie "
            "around nothing. Errors are clustered by customer."
        ),
        wide=True,
    )  # fmt: skip


def _study_series(study: EventStudy, months: Sequence[float], level: float, colour: str) -> Series:
    found = {point.at: point for point in (*study.leads, *study.effects)}
    values = [round(found[month].value, 4) if month in found else None for month in months]
    ends = [(round(found[month].low, 4), round(found[month].high, 4)) if month in found else None for month in months]
    return Series(words.method_name(study.method), values, "dots", colour, ends, interval_name(level))


def _study_row(studies: Sequence[EventStudy], month: float) -> list[str]:
    cells, members = list[str](), 0
    for study in studies:
        point = next((each for each in (*study.leads, *study.effects) if each.at == month), None)
        cells += ["-"] * 3 if point is None else [shown(each, 2) for each in (point.value, point.low, point.high)]
        members = max(members, point.n if point else 0)
    return [f"{int(month):+d}" if month else "0", *cells, charts.whole(members)]


def leads(said: Measured, level: float) -> Drawing:
    """Return how members and others moved before the order at which they joined."""
    title = _("Before joining: members against weighted others")
    if not said.leads:
        return Drawing(title=title, instead=_("The history before joining is too short to be compared by month."))
    return Drawing(
        title=title,
        labels=[f"{int(each.at)}" for each in said.leads],
        series=[_dots(_("members above others"), said.leads, level)],
        headers=[_("month before joining"), _("members above others"), _("at least"), _("at most"), _("members")],
        rows=[_point_row(f"{int(each.at)}", each) for each in said.leads],
        y_title=_("difference in %"),
        x_title=_("months before the order at which they joined"),
        basis=_(
            "Against the baseline of lag 1. These months should lie around nothing; the last one (-1) may not, for then people "
            "decide to join."
        ),
    )


def _dots(name: str, points: Sequence[Point], level: float) -> Series:
    ends = [(hundred(each.low), hundred(each.high)) for each in points]
    return Series(name, [hundred(each.value) for each in points], "dots", TEAL, ends, interval_name(level))


def _point_row(label: str, each: Point) -> list[str]:
    return [
        label,
        *(percent(value, 1, signed=True) for value in (each.value, each.low, each.high)),
        charts.whole(each.n),
    ]


def balance(said: Measured, limit: float = Limits.difference) -> Drawing:
    """Return how alike members and others are, before weighting and after it."""
    title = _("Balance: how alike members and others are")
    if not said.balance:
        return Drawing(title=title, instead=_("Nobody was weighted."))
    ordered: list[Balance] = sorted(said.balance, key=lambda each: -abs(each.before))
    return Drawing(
        title=title,
        labels=[words.covariate_name(each.name) for each in ordered],
        series=[
            Series(_("before weighting"), [round(each.before, 4) for each in ordered], "dots", GREY),
            Series(_("after weighting"), [round(each.after, 4) for each in ordered], "dots", TEAL),
        ],
        headers=[_("trait"), _("before weighting"), _("after weighting")],
        rows=[(words.covariate_name(each.name), shown(each.before, 3), shown(each.after, 3)) for each in ordered],
        y_title=_("difference in standard deviations"),
        basis=_("Others are weighted so that they are like members. After that no difference should exceed %(limit)s.")
        % {"limit": shown(limit, 1)},
        band=(-limit, limit, _("allowed")),
        is_flat=True,
    )


def capture(said: Measured) -> Drawing:
    """Return which share of orders is linked to a customer, by month."""
    title = _("Capture: share of orders that are linked to a customer")
    if not said.capture:
        return Drawing(title=title, instead=_("There are no orders."))
    jump = "-" if said.capture_jump is None else words.written(said.capture_jump, "points")
    return Drawing(
        title=title,
        labels=[month_name(each.at) for each in said.capture],
        series=[Series(_("linked orders in %"), [hundred(each.value) for each in said.capture], "line", TEAL)],
        headers=[_("month"), _("linked orders"), _("at least"), _("at most"), _("orders")],
        rows=[
            [
                month_name(each.at),
                *(percent(value) for value in (each.value, each.low, each.high)),
                charts.whole(each.n),
            ]
            for each in said.capture
        ],
        y_title=_("linked orders in %"),
        basis=_(
            "If joining makes more orders visible, spending seems to rise although it does not. Difference at joining: %(jump)s; "
            "above %(limit)s nothing is told."
        )
        % {"jump": jump, "limit": words.written(Limits.jump, "points")},
    )


def overlap(said: Measured) -> Drawing:
    """Return how many others are as likely to join as each tenth of the members."""
    title = _("Overlap: others as likely to join as members")
    if not said.overlap_weights:
        return Drawing(title=title, instead=_("Nobody was weighted."))
    tenths = [f"{int(each.at)}" for each in said.overlap_weights]
    return Drawing(
        title=title,
        labels=tenths,
        series=[
            Series(_("others in %"), [hundred(each.low) for each in said.overlap_weights], "bar", GREY),
            Series(_("weighted others in %"), [hundred(each.value) for each in said.overlap_weights], "line", TEAL),
        ],
        headers=[_("tenth of the members"), _("others"), _("weighted others"), _("orders compared")],
        rows=[
            (tenth, percent(each.low), percent(each.value), charts.whole(each.n))
            for tenth, each in zip(tenths, said.overlap_weights, strict=True)
        ],
        y_title=_("share in %"),
        x_title=_("tenth of the members (10 is the likeliest to join)"),
        basis=_("With weights each tenth should hold 10 % of the others, as it holds 10 % of the members."),
    )


def month_name(at: float) -> str:
    """Return a month that is counted since January 1970."""
    year, month = divmod(int(at), MONTHS_A_YEAR)
    return formats.date_format(date(MIN_YEAR + year, month + 1, 1), "N Y")


def hundred(share: float) -> float:
    """Return a share in percent, as charts take it."""
    return round(share * 100, 3)
