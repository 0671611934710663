"""What customers are worth, as charts with their tables: for the page, and for the report that is sent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.audit.running import latest, verdict_of
from analytics.audit.verdicts import Use, Verdict
from analytics.audit.words import instead, percent, why
from analytics.choosing import share_of
from analytics.dashboards import charts, figures_value
from analytics.dashboards.cards import Card
from analytics.dashboards.drawing import Drawing, Series
from analytics.dashboards.figures_value import Bar, Cohort, Past, Values
from analytics.models import ValueRun
from analytics.runs import latest_run
from analytics.scoring import RISK
from analytics.wording import basis_of, reason_of
from customers.core.money import decimals_of
from customers.core.numbers import shown
from customers.models import Retailer

SHARES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
DRAWN_SHARES = range(0, 101, 5)  # at even distances, so that the curve is what it looks like
LARGE = 1_000  # from here on amounts of cards are shown without decimals


@dataclass(frozen=True)
class HeatCell:
    """:param heat: from 0 to 100, how strong the colour of it is"""

    words: str
    heat: int


@dataclass(frozen=True)
class HeatMap:
    """
    Cohorts below each other, months since beside each other.

    :param rows: the cohort's name, how many customers it has, and its cells
    """

    title: str
    basis: str
    ages: list[int]
    rows: list[tuple[str, str, list[HeatCell]]]


@dataclass(frozen=True)
class Overview:
    """
    All that is shown of what a retailer's customers are worth.

    :param instead: why there are no predicted values, where there are none
    :param care: what is to be known when they are read
    :param past: rows of what earlier runs had expected, and what came
    :param no_cohorts: why there are none, where there are none
    """

    retailer: Retailer
    run: ValueRun | None
    instead: str = ""
    care: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    past: list[dict[str, str]] = field(default_factory=list)
    heat_maps: list[HeatMap] = field(default_factory=list)
    no_cohorts: str = ""

    @property
    def basis(self) -> str:
        return "" if self.run is None or self.instead else basis_of(self.run)


def overview(retailer: Retailer) -> Overview:
    """Return what is to be shown of a retailer: a fixed number of statements."""
    run = latest_run(retailer.pk)
    if run is None:
        return Overview(retailer, None, instead=_("No value has been computed yet."))
    audit = latest(retailer.pk)
    predicted, by_cohort = verdict_of(audit, Use.PREDICTED), verdict_of(audit, Use.COHORTS)
    no_values, no_cohorts = _why_no_values(run, predicted), _why_no_cohorts(run, by_cohort)
    said = Overview(
        retailer, run, instead=no_values, no_cohorts=no_cohorts, care=why(predicted, run.currency)
    ) if no_values else _of_values(retailer, run, predicted, no_cohorts)  # fmt: skip
    assert run.data_cut is not None, "it ran"
    if not no_cohorts:
        found = figures_value.cohorts(retailer.pk, run.data_cut)
        said.heat_maps.extend(_heat_maps(found, run.currency) if found else [])
    return said


def _why_no_values(run: ValueRun, verdict: Verdict) -> str:
    if run.total_value is None:
        return _("No prediction: %(reason)s") % {"reason": reason_of(run)}
    return instead(verdict, run.currency)


def _why_no_cohorts(run: ValueRun, verdict: Verdict) -> str:
    if run.is_truncated:
        return _(
            "No cohorts are shown, for the history is cut off: many first purchases of the first weeks are of customers who had "
            "bought before the data begin, so that the month of the first purchase is unknown."
        )
    return instead(verdict, run.currency)


def _of_values(retailer: Retailer, run: ValueRun, verdict: Verdict, no_cohorts: str) -> Overview:
    found = figures_value.values(retailer.pk)
    return Overview(
        retailer,
        run,
        care=why(verdict, run.currency),
        cards=_cards(run, found),
        drawings=[
            _histogram(run, found.bars),
            _concentration(found),
            _risk(run, found),
            tracking(run),
        ],
        past=[_past(each, run.currency) for each in figures_value.past(run)],
        no_cohorts=no_cohorts,
    )


def _cards(run: ValueRun, found: Values) -> list[Card]:
    at_risk = sum(each.at_risk for each in found.risks)
    if_active = sum((each.if_active for each in found.risks), Decimal(0))
    mean = found.total / found.customers if found.customers else None
    return [
        Card(
            _money(run.total_value, run.currency),
            _("predicted value of all"),
            _("with 90 %% probability between %(low)s and %(high)s")
            % {"low": _money(run.total_low, run.currency), "high": _money(run.total_high, run.currency)},
        ),
        Card(
            _money(mean, run.currency),
            _("predicted value of a customer"),
            ngettext("mean of %(count)s customer", "mean of %(count)s customers", found.customers)
            % {"count": charts.whole(found.customers)},
        ),
        Card(
            _share(found.share_of_first(10)),
            _("of the value with the first 10 % of customers"),
            _first_ones(found.customers)
            % {"one": _share(found.share_of_first(1)), "twenty": _share(found.share_of_first(20))},
        ),
        Card(
            _money(if_active, run.currency),
            _("value at risk"),
            ngettext("%(count)s customer at risk", "%(count)s customers at risk", at_risk)
            % {"count": charts.whole(at_risk)},
        ),
    ]  # fmt: skip


def _first_ones(customers: int) -> str:
    """Return how the shares of the first ones are told: one percent of fewer than a hundred is one of them."""
    if customers < figures_value.PERCENT:
        return _("%(one)s with the first customer, %(twenty)s with the first 20 %%")
    return _("%(one)s with the first 1 %%, %(twenty)s with the first 20 %%")


def _histogram(run: ValueRun, bars: list[Bar]) -> Drawing:
    labels = [_range(each, run.currency) for each in bars]
    return Drawing(
        title=_("Customers by predicted value (%(currency)s)") % {"currency": run.currency},
        labels=labels,
        series=[Series(_("customers"), [each.customers for each in bars])],
        headers=[_("predicted value"), _("customers"), _("value of these")],
        rows=[
            (label, charts.whole(each.customers), _amount(each.value, run.currency))
            for label, each in zip(labels, bars, strict=True)
        ],
        y_title=_("customers"),
        x_title=_("predicted value (%(currency)s)") % {"currency": run.currency},
        basis=_("Each bar holds the customers whose value is at least its first amount and below its second one."),
        wide=True,
    )


def _range(bar: Bar, currency: str) -> str:
    low, high = (None if each is None else _plain(each, currency) for each in (bar.low, bar.high))
    if low is None:
        return _("below %(amount)s") % {"amount": high}
    if high is None:
        return _("%(amount)s or more") % {"amount": low}
    return f"{low} – {high}"


def _concentration(found: Values) -> Drawing:
    shares = [found.share_of_first(each) for each in SHARES]
    title = _("Where the value is: share of the first customers")
    if None in shares:
        return Drawing(title=title, instead=_("All together are worth nothing, of which nobody has a share."))
    held = [share for share in shares if share is not None]
    drawn = [0.0, *(round((found.share_of_first(each) or 0.0) * 100, 1) for each in DRAWN_SHARES[1:])]
    return Drawing(
        title=title,
        labels=[f"{each} %" for each in DRAWN_SHARES],
        series=[
            Series(_("share of value (Lorenz curve)"), drawn, "line"),
            Series(_("if all were worth the same"), list(DRAWN_SHARES), "line", charts.MANY[-1]),
        ],
        headers=[_("first customers"), _("how many"), _("share of value")],
        rows=[
            (f"{each} %", charts.whole(-(-found.customers * each // 100)), percent(share))
            for each, share in zip(SHARES, held, strict=True)
        ],
        y_title=_("share of value, in percent"),
        x_title=_("share of customers, the highest values first"),
        basis=_("Customers stand in the order of their predicted value, the highest first."),
    )


def _risk(run: ValueRun, found: Values) -> Drawing:
    return Drawing(
        title=_("Value at risk by decile (%(currency)s)") % {"currency": run.currency},
        labels=[str(each.decile or "-") for each in found.risks],
        series=[
            Series(_("if they had not left"), [float(each.if_active) for each in found.risks]),
            Series(_("expected as it is"), [float(each.predicted) for each in found.risks], "line"),
        ],
        headers=[_("decile"), _("customers"), _("at risk"), _("if they had not left"), _("expected as it is")],
        rows=[
            (
                each.decile or "-", charts.whole(each.customers), charts.whole(each.at_risk),
                _amount(each.if_active, run.currency), _amount(each.predicted, run.currency),
            )
            for each in found.risks
        ],
        y_title=run.currency,
        x_title=_("decile (10 is the highest)"),
        basis=_(
            "At risk is whose probability of buying within the horizon has fallen below %(share)s of what it was on the day "
            "after the last purchase. Their value is what they would bring if they had not left."
        )
        % {"share": percent(RISK)},
    )  # fmt: skip


def tracking(run: ValueRun) -> Drawing:
    """Return what was bought after the latest origin, week by week, beside what was said there."""
    weeks = run.card.get("tracking", [])
    title = _("Forecast against fact: purchase days since the origin, added up")
    if not weeks:
        return Drawing(title=title, instead=_("No model was tried on time that it had not seen."), wide=True)
    return Drawing(
        title=title,
        labels=[str(each["week"]) for each in weeks],
        series=[
            Series(_("actual"), [each["actual"] for each in weeks]),
            Series(_("predicted"), [_rounded(each["predicted"]) for each in weeks], "line"),
        ],
        headers=[_("week"), _("actual"), _("predicted"), _("predicted is off by")],
        rows=[
            (
                each["week"], charts.whole(each["actual"]), _number(each["predicted"]),
                _off(each["predicted"], each["actual"]),
            )
            for each in weeks
        ],
        y_title=_("purchase days"),
        x_title=_("week"),
        basis=_tracked(run),
        wide=True,
    )  # fmt: skip


def _tracked(run: ValueRun) -> str:
    origin = formats.date_format(run.calibration_cut) if run.calibration_cut else "-"
    words = _(
        "The model was fitted on what was known on %(origin)s, and looked ahead; what came after it had not seen. Only "
        "customers of that day count."
    ) % {"origin": origin}
    share = share_of(run.customers) if run.customers else 1.0
    sample = _("They are a sample of %(share)s.") % {"share": percent(share)}
    return words if share >= 1 else f"{words} {sample}"


def _past(found: Past, currency: str) -> dict[str, str]:
    run = found.run
    assert run.data_cut is not None, "it ran"
    return {
        "cut": formats.date_format(run.data_cut),
        "model": run.model,
        "time": percent(min(found.days / run.horizon_days, 1.0)),
        "days": _("%(days)s of %(horizon)s days") % {"days": found.days, "horizon": run.horizon_days},
        "purchases": _number(found.purchases),
        "bought": charts.whole(found.bought),
        "bought_share": percent(found.bought / found.purchases) if found.purchases else "-",
        "revenue": "-" if found.revenue is None else _amount(found.revenue, currency),
        "came": _amount(found.came, currency),
        "came_share": percent(float(found.came) / found.revenue) if found.revenue else "-",
    }


def _heat_maps(found: list[Cohort], currency: str) -> list[HeatMap]:
    highest = max((each.revenue(age) for each in found for age in range(len(each.cells))), default=0.0)
    return [
        _heat_map(
            found,
            _("Who buys again: share of a cohort by month after the first purchase"),
            _(
                "Of the customers whose first purchase was in the month, how many bought in the month so many months "
                "later; in month 0 it is all. Whole months only."
            ),
            lambda cohort, age: HeatCell(f"{cohort.share(age) * 100:.0f} %", round(cohort.share(age) * 100)),
        ),
        _heat_map(
            found,
            _("Net revenue per customer of a cohort by month (%(currency)s)") % {"currency": currency},
            _(
                "Net revenue of the month, divided by all customers of the cohort, those too who did not buy. What came "
                "back and what was paid with points is no revenue."
            ),
            lambda cohort, age: HeatCell(
                _amount(cohort.revenue(age), currency), round(cohort.revenue(age) / highest * 100) if highest else 0
            ),
        ),
    ]


def _heat_map(found: list[Cohort], title: str, basis: str, cell: Callable[[Cohort, int], HeatCell]) -> HeatMap:
    return HeatMap(
        title,
        basis,
        list(range(max(len(each.cells) for each in found))),
        [
            (
                formats.date_format(each.month, "N Y"),
                charts.whole(each.customers),
                [cell(each, age) for age in range(len(each.cells))],
            )
            for each in found
        ],
    )


def _money(amount: Decimal | None, currency: str) -> str:
    """Return an amount as a card shows it: large ones without their decimals."""
    if amount is None:
        return "-"
    decimals = 0 if abs(amount) >= LARGE else decimals_of(currency)
    return f"{shown(amount, decimals)}\u00a0{currency}"


def _amount(amount: Any, currency: str) -> str:
    return shown(amount, decimals_of(currency))


def _plain(amount: Decimal, currency: str) -> str:
    """Return a bound of a bar, without decimals where it has none."""
    decimals = 0 if amount == amount.to_integral_value() else decimals_of(currency)
    return shown(amount, decimals)


def _number(value: float | None) -> str:
    return "-" if value is None else shown(value, 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _off(predicted: float | None, actual: float) -> str:
    if predicted is None or not actual:
        return "-"
    off = round((predicted / actual - 1) * 100, 1)
    return f"{'+' if off > 0 else ''}{formats.number_format(off, 1)} %"


def _share(part: float | None) -> str:
    return "-" if part is None else percent(part)
