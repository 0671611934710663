"""A what-if's result as charts, each with its table."""

import json
from datetime import date
from decimal import Decimal
from itertools import cycle
from typing import Any

from django.utils import formats
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.core.languages import said_text
from customers.core.money import decimals_of
from customers.core.numbers import shown
from loyalty.configuration.wording import number

COLOURS = ("#9aa5b1", "var(--color-primary-500)")
TIER_COLOURS = ("#cbd5d1", "#7fb9ab", "#2a6559", "#c98a1b", "#8a5a9b", "#b4441f")


def charts_of(result: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of a what-if shows: charts, and sentences with the figures that matter."""
    return {"charts": [_issued(result), *_tiers(result)], "figures": _figures(result), "moves": _moves(result)}


def _issued(result: dict[str, Any]) -> dict[str, Any]:
    labels = [_month(month) for month in result["months"]]
    sides = [(_("as it was"), result["actual"]), (_("with this version"), result["draft"])]
    nets = [
        [issued - back for issued, back in zip(side["issued"], side["returned"], strict=True)] for _name, side in sides
    ]
    data = [
        {"label": name, "data": values, "backgroundColor": colour, "borderRadius": 3, "maxBarThickness": 32}
        for (name, _side), values, colour in zip(sides, nets, COLOURS, strict=True)
    ]
    rows = [(label, *(number(values[place]) for values in nets)) for place, label in enumerate(labels)]
    return _chart(_("Points given, net of returns"), labels, data, [_("month"), *(name for name, _ in sides)], rows)


def _tiers(result: dict[str, Any]) -> list[dict[str, Any]]:
    labels = [_month(month) for month in result["months"]]
    tiers = [{"code": "", "name": _("no tier"), "name_fr": _("no tier")}, *result["tiers"]]
    found = []
    for title, side in (
        (_("Members per tier, as it was"), result["actual"]),
        (_("Members per tier, with this version"), result["draft"]),
    ):
        # A tier has its colour in both charts, also where another one is not shown.
        shown = [
            (tier, colour)
            for tier, colour in zip(tiers, cycle(TIER_COLOURS), strict=False)
            if any(side["tiers"].get(tier["code"], []))
        ]
        data = [
            {
                "label": _name(tier),
                "data": side["tiers"][tier["code"]],
                "backgroundColor": colour,
                "stack": "tiers",
            }
            for tier, colour in shown
        ]
        rows = [
            (label, *(number(side["tiers"][tier["code"]][place]) for tier, _colour in shown))
            for place, label in enumerate(labels)
        ]
        found.append(
            _chart(title, labels, data, [_("month"), *(_name(tier) for tier, _colour in shown)], rows, stacked=True)
        )
    return found


def _chart(  # noqa: PLR0913 - a chart and its table
    title: str,
    labels: list[str],
    data: list[dict[str, Any]],
    headers: list[str],
    rows: list[Any],
    *,
    stacked: bool = False,
) -> dict[str, Any]:
    scales = {
        "x": {"grid": {"display": False}, "stacked": stacked, "ticks": {"color": "#888"}},
        "y": {"beginAtZero": True, "stacked": stacked, "grid": {"color": "#8884"}, "ticks": {"color": "#888"}},
    }
    options = {
        "responsive": True,
        "maintainAspectRatio": False,
        "animation": False,
        "locale": get_language(),
        "plugins": {"legend": {"display": True, "labels": {"color": "#888", "boxWidth": 14}}},
        "scales": scales,
    }
    return {
        "title": title,
        "headers": headers,
        "rows": rows,
        "data": json.dumps({"labels": labels, "datasets": data}),
        "options": json.dumps(options),
        "wide": not stacked,
    }


def _figures(result: dict[str, Any]) -> list[dict[str, str]]:
    draft, actual, currency = result["draft"], result["actual"], result["currency"]

    def money_of(value: Any) -> str:
        return _money(value, currency)

    def both(now: Any, then: Any, unit: str = "") -> str:
        write = money_of if unit else number
        difference = Decimal(then) - Decimal(now)
        return (
            _("%(now)s as it was") % {"now": f"{write(now)}{unit}"}
            + f" · {_sign(difference)}{write(abs(difference))}{unit}"
        )

    money = f" {currency}"
    return [
        {"figure": number(draft["net"]), "label": _("points given, net"), "note": both(actual["net"], draft["net"])},
        {
            "figure": money_of(draft["cost"]) + money,
            "label": _("what they cost"),
            "note": both(actual["cost"], draft["cost"], money),
        },
        {
            "figure": money_of(draft["liability"]) + money,
            "label": _("liability at the end"),
            "note": both(actual["liability"], draft["liability"], money),
        },
        {
            "figure": number(result["movers"]),
            "label": _("members on another tier"),
            "note": _("of %(count)s") % {"count": number(result["members"])},
        },
        *_break_even(result),
    ]


def _break_even(result: dict[str, Any]) -> list[dict[str, str]]:
    if result["break_even"] is None:
        return []
    share = Decimal(result["break_even"]) * 100
    facts = {"margin": _money(result["margin"], result["currency"]), "currency": result["currency"]}
    note = _("of the margin of these orders, %(margin)s %(currency)s: so much more it must bring to pay for itself")
    return [{"figure": f"{_sign(share)}{number(abs(share))} %", "label": _("extra cost"), "note": note % facts}]


def _moves(result: dict[str, Any]) -> list[dict[str, Any]]:
    tiers = {tier["code"]: _name(tier) for tier in result["tiers"]}
    none = _("no tier")
    return [
        {"from": tiers.get(move["from"], none), "to": tiers.get(move["to"], none), "members": number(move["members"])}
        for move in result["moves"]
    ]


def _name(tier: dict[str, str]) -> str:
    return said_text(tier, "name")


def _sign(value: Decimal) -> str:
    return "+" if value > 0 else "−" if value < 0 else "±"


def _money(value: Any, currency: str) -> str:
    return shown(Decimal(value), decimals_of(currency))


def _month(text: str) -> str:
    return formats.date_format(date.fromisoformat(f"{text}-01"), "N Y")
