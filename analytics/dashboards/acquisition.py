"""The page of what channels cost and bring: figures with what they rest on, and charts with their tables."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.acquisition.channels import PERIODS, Channel, together, unattributed
from analytics.acquisition.reading import Acquisition, Margin, acquisition
from analytics.audit.running import latest, verdict_of
from analytics.audit.verdicts import Use
from analytics.audit.words import instead, percent, why
from analytics.clv.statements import Figure
from analytics.dashboards import charts
from analytics.what_pays.won import customers_won
from analytics.what_pays.won_page import won_sentences
from customers.core.calendar import day_before
from customers.core.money import decimals_of
from customers.models import Retailer

SHOWN_CHANNELS = 8  # lines of a chart that can be told apart; the table has all


def page(retailer: Retailer, *, now: datetime) -> dict[str, Any]:
    """Return what the page shows of a retailer: the reason in the place of all of it where the data do not carry it."""
    audit = latest(retailer.pk)
    verdict = verdict_of(audit, Use.CAC)
    context: dict[str, Any] = {"retailer": retailer, "instead": instead(verdict, retailer.currency)}
    if verdict.is_blocked:
        return context | {"reasons": why(verdict, retailer.currency)[1:]}
    found = acquisition(retailer, audit, now=now)
    if found is None:
        return context
    shown = [channel for channel in found.channels if channel.customers][:SHOWN_CHANNELS]
    lost = unattributed(found.channels)
    return context | {
        "care": why(verdict, retailer.currency),
        "channels": [_row(channel, retailer.currency) for channel in found.channels],
        "unattributed": charts.amount(lost, retailer.currency) if lost else "",
        "bases": _bases(found, retailer.currency),
        "won": won_sentences(customers_won(retailer)),
        "charts": [
            curve.chart(shown, retailer.currency) for curve in (_costs_curve(shown, found), _margin_curve(shown))
        ],
    }


def _row(channel: Channel, currency: str) -> dict[str, str]:
    return {
        "name": _name(channel),
        "spent": charts.amount(channel.spent, currency),
        "customers": charts.whole(channel.customers),
        "cost": _figure(channel.cost, currency),
        "payback": _payback(channel),
        "brought": charts.amount(channel.cumulated[-1], currency) if len(channel.margin) else "-",
        "highest": _figure(channel.highest, currency) if channel.customers else "-",
        "seen": _seen(channel),
    }


def _name(channel: Channel) -> str:
    return channel.name or _("not known")


def _figure(figure: Figure, currency: str) -> str:
    return "-" if math.isnan(figure.value) else charts.amount(figure.value, currency)


def _payback(channel: Channel) -> str:
    back = channel.payback
    if back.basis.code == "no_cost_known":
        return "-"
    if not channel.spent:
        return _("costs nothing")
    if back.period is None:
        return _("not yet: %(share)s is back") % {"share": percent(back.recovered_share)}
    return _("in month %(month)s") % {"month": back.period}


def _seen(channel: Channel) -> str:
    """Return how far a channel's highest cost looks, where that is less than a year."""
    if channel.highest.basis.code != "highest_cost_so_far" or not channel.customers:
        return ""
    months = max(int(channel.highest.basis.values["seen"]), 0)
    return ngettext("within %(count)s month", "within %(count)s months", months) % {"count": months}


def _bases(found: Acquisition, currency: str) -> list[str]:
    """Return what the figures rest on, a sentence each."""
    days = {"since": formats.date_format(found.since), "until": formats.date_format(day_before(found.until))}
    lines = [
        _("Months from %(since)s to %(until)s, whole ones only. A customer is new in the month of the first purchase.")
        % days,
        _(
            "Cost of a customer: what was entered for the channel and the month, divided by its new customers; where nothing was "
            "entered, what was reported of the customers themselves."
        ),
        _margin_in_words(found.margin),
        _(
            "Payback: the first month, 0 being that of the first purchase, by whose end the margin of an average customer covers "
            "its cost. A later month rests on those customers only who have lived it."
        ),
        _("Highest cost: the margin of an average customer by the end of month %(months)s.") % {"months": PERIODS},
    ]
    lines += _over_all(found, currency)
    if found.every > 1:
        lines.append(
            _("What customers bring rests on one of %(every)s of them, drawn evenly.") % {"every": found.every}
        )
    if found.left_out:
        lines.append(_("The months before are left out: their customers very likely came before the data begin."))
    return lines


def _over_all(found: Acquisition, currency: str) -> list[str]:
    """Return what a customer cost over all channels, where some came by themselves."""
    overall = together(found.channels)
    if not overall.organic or math.isnan(overall.paid.value):
        return []
    words = _(
        "Over all channels that cost something a new customer cost %(paid)s %(currency)s. With the %(organic)s who came through "
        "channels on which nothing was spent it is %(everybody)s %(currency)s. How many of the paid ones would have come "
        "anyway only an experiment says."
    )
    return [words % {
        "paid": _figure(overall.paid, currency), "everybody": _figure(overall.everybody, currency), "currency": currency,
        "organic": charts.whole(overall.organic),
    }]  # fmt: skip


def _margin_in_words(margin: Margin) -> str:
    if margin.basis == "none":
        return _(
            "No margin is known: what customers bring is revenue, less what came back and what was paid with points."
        )
    words = {
        "lines": _(
            "Margin: %(rate)s of what was bought and kept, by the costs of the lines, less what points paid of it."
        ),
        "rate": _("Margin: %(rate)s of what was bought and kept, the retailer’s rate, less what points paid of it."),
    }
    return words[margin.basis] % {"rate": percent(margin.rate)}


@dataclass(frozen=True)
class _Curve:
    """
    A line for each channel.

    :param unit: what the points of a line are, such as months
    :param values: a row for each channel, with None where nothing is known
    """

    title: str
    unit: str
    labels: list[str]
    values: list[list[float | None]]

    def chart(self, shown: list[Channel], currency: str) -> dict[str, Any]:
        """Return the chart, and its table with a column for each channel."""
        names = [_name(channel) for channel in shown]
        decimals = decimals_of(currency)
        lines = [
            charts.series(name, [_rounded(cell, decimals) for cell in row], "y", "line", charts.MANY[place])
            for place, (name, row) in enumerate(zip(names, self.values, strict=True))
        ]
        return {
            "title": self.title % {"currency": currency},
            "headers": [self.unit, *names],
            "rows": [
                (label, *("-" if cell is None else charts.amount(cell, currency) for cell in row))
                for label, row in zip(self.labels, zip(*self.values, strict=True), strict=True)
            ],
            "data": charts.data(self.labels, *lines),
            "options": charts.options(currency, x_title=self.unit, legend=True),
            "wide": True,
        }


def _costs_curve(shown: list[Channel], found: Acquisition) -> _Curve:
    months = sorted({month.month for channel in found.channels for month in channel.months})
    by_month = [{month.month: month.cost.value for month in channel.months} for channel in shown]
    values = [[_shown(costs.get(month)) for month in months] for costs in by_month]
    labels = [formats.date_format(month, "N Y") for month in months]
    return _Curve(_("Cost of a new customer by month (%(currency)s)"), _("month"), labels, values)


def _margin_curve(shown: list[Channel]) -> _Curve:
    longest = max((len(channel.margin) for channel in shown), default=0)
    values = [
        [*(_shown(float(each)) for each in channel.cumulated), *[None] * (longest - len(channel.margin))]
        for channel in shown
    ]
    title = _("What an average customer has brought by month after the first purchase (%(currency)s)")
    return _Curve(title, _("month after"), [str(age) for age in range(longest)], values)


def _shown(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
