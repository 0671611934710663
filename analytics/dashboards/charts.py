"""How the admin's charts look, and how numbers are written beside them. Each chart stands with its table."""

import json
from collections.abc import Sequence
from typing import Any

from django.utils.translation import get_language

from customers.core.money import decimals_of
from customers.core.numbers import shown

COLOURS = {"bar": "var(--color-primary-500)", "line": "#c98a1b", "grid": "#8884"}
SHADE = "#4a7fb533"
INK = "#888"  # of what is written in charts: it can be read on light ground and on dark
# For lines that stand beside each other: told apart by who sees few colours, too.
MANY = ("#2f7d7a", "#c98a1b", "#7a5ea8", "#b4441f", "#4a7fb5", "#6b7d2a", "#a8487a", "#777777")


def data(labels: Sequence[str | list[str]], *series: dict[str, Any]) -> str:
    """Return what a chart shows, as JSON; a label may have lines."""
    return json.dumps({"labels": list(labels), "datasets": list(series)})


def series(label: str, values: list[Any], axis: str, kind: str, colour: str = "") -> dict[str, Any]:
    """
    Return one row of bars or one line.

    :param values: None where there is nothing to show
    :param kind: "bar" or "line"
    """
    colour = colour or COLOURS[kind]
    return {
        "label": label,
        "data": values,
        "type": kind,
        "yAxisID": axis,
        "backgroundColor": colour,
        "borderColor": colour,
        "borderWidth": 0 if kind == "bar" else 2,
        "borderRadius": 3,
        "pointRadius": 3,
        "maxBarThickness": 42,
        "order": 1 if kind == "bar" else 0,
    }


def dots(label: str, values: list[Any], colour: str) -> dict[str, Any]:
    """Return one row of dots that no line joins."""
    return series(label, values, "y", "line", colour) | {"showLine": False, "pointRadius": 5, "borderWidth": 1}


def intervals(label: str, ends: list[Any], colour: str) -> dict[str, Any]:
    """Return the intervals of a row of dots, as thin bars from end to end."""
    found = [None if each is None else list(each) for each in ends]
    look = {"maxBarThickness": 4, "borderRadius": 2, "borderSkipped": False, "grouped": False}
    return series(label, found, "y", "bar", colour or COLOURS["line"]) | look


def band(label: str, count: int, low: float, high: float) -> dict[str, Any]:
    """Return a shaded range across so many labels, as bars that leave nothing between them."""
    look = {"maxBarThickness": 10_000, "borderRadius": 0, "barPercentage": 1, "categoryPercentage": 1, "order": 2}
    return series(label, [[low, high]] * count, "y", "bar", SHADE) | look | {"grouped": False, "borderSkipped": False}


def options(y_title: str, *, second: str = "", x_title: str = "", legend: bool = False, is_flat: bool = False) -> str:
    """
    Return how a chart looks, as JSON.

    :param second: the title of a second axis, on the right, which series name "orders"
    :param is_flat: whether labels stand below each other, and values go to the right
    """
    scales: dict[str, Any] = {
        "x": {
            "grid": {"display": False},
            "title": {"display": bool(x_title), "text": x_title, "color": INK},
            "ticks": {"color": INK},
        },
        "y": {
            "beginAtZero": True,
            "title": {"display": True, "text": y_title, "color": INK},
            "grid": {"color": COLOURS["grid"]},
            "ticks": {"color": INK},
        },
    }
    if second:
        scales["orders"] = {
            "beginAtZero": True,
            "position": "right",
            "title": {"display": True, "text": second, "color": INK},
            "grid": {"display": False},
            "ticks": {"color": INK},
        }
    if is_flat:
        scales = {"x": scales["y"], "y": scales["x"]}
        scales["y"]["ticks"] |= {"autoSkip": False, "font": {"size": 11}}
    return json.dumps(
        {
            "indexAxis": "y" if is_flat else "x",
            "responsive": True,
            "maintainAspectRatio": False,
            "animation": False,
            "locale": get_language(),
            "plugins": {"legend": {"display": bool(second) or legend, "labels": {"color": INK, "boxWidth": 14}}},
            "scales": scales,
        }
    )


def whole(number: int) -> str:
    return shown(number, 0)


def amount(number: Any, currency: str) -> str:
    """Return an amount without its currency, in the decimals of that."""
    return shown(number or 0, decimals_of(currency))
