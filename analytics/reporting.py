"""What customers are worth as one file to send: HTML with its pictures in it, which asks nothing of a network."""

from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.dashboards import charts
from analytics.dashboards.drawing import Drawing, Series
from analytics.dashboards.value import Overview, overview
from customers.core.errors import DomainError, Kind
from customers.models import Retailer

WIDTH, HEIGHT = 760, 240
ROW, FLAT_LABELS = 22, 260  # of labels that stand below each other
COLOURS = {"bar": "#2f7d7a", "line": charts.COLOURS["line"], "dots": charts.COLOURS["line"]}
MARKS: dict[str, Any] = {
    "bar": {"type": "bar"},
    "line": {"type": "line", "point": {"size": 20}, "strokeWidth": 2},
    "dots": {"type": "point", "filled": True, "size": 70, "opacity": 1},
}
LOCALES = {"fr": "fr-FR", "en": "en-GB"}
CONFIG = {
    "font": "Helvetica, Arial, sans-serif",
    "axis": {"grid": False, "labelColor": "#555", "titleColor": "#555", "titleFontWeight": "normal"},
    "axisY": {"grid": True, "gridColor": "#ddd", "domain": False},
    "legend": {"orient": "top", "title": None, "labelLimit": 0},  # a name is never cut
    "view": {"stroke": None},
}


class NoDrawing(DomainError):
    code = "no_drawing"
    kind = Kind.REFUSED
    message = _(
        "Reports need the packages of the extra “reports” on the server: pip install 'loyalty-backend[reports]'."
    )


def value_report(retailer: Retailer, *, now: datetime, language: str = "") -> str:
    """
    Return what a retailer's customers are worth, as a page of HTML.

    :param language: en or fr; the reader's if it is empty
    :raises NoDrawing: where the packages that draw are not installed
    """
    if find_spec("vl_convert") is None:
        raise NoDrawing
    with translation.override(language or translation.get_language()):
        said = overview(retailer)
        pictures = [_picture(each) for each in said.drawings]
        return render_to_string("analytics/value_report.html", _context(said, pictures, now))


def _context(said: Overview, pictures: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    language = translation.get_language() or "en"
    return {"said": said, "retailer": said.retailer, "pictures": pictures, "now": now, "language": language}


def _picture(drawing: Drawing) -> dict[str, Any]:
    return {"drawing": drawing, "svg": "" if drawing.instead else draw(drawing)}


def draw(drawing: Drawing) -> SafeString:
    """Return a drawing as SVG, in the reader's language."""
    import vl_convert  # noqa: PLC0415 - of an extra

    locale: Any = LOCALES.get(translation.get_language() or "", "en-GB")
    drawn = vl_convert.vegalite_to_svg(vegalite(drawing), format_locale=locale)
    named = f'<svg role="img" aria-label="{escape(drawing.title)}" '
    return SafeString(drawn.replace("<svg ", named, 1))


def vegalite(drawing: Drawing) -> dict[str, Any]:
    """Return a drawing as Vega-Lite has it: a band behind all, then bars, lines and dots over them."""
    names = [each.name for each in drawing.series]
    bars_first = sorted(drawing.series, key=lambda each: ("bar", "line", "dots").index(each.kind))
    layers = [layer for each in bars_first for layer in _layers(each, drawing, names)]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH - (FLAT_LABELS if drawing.is_flat else 0),
        "height": max(HEIGHT, ROW * len(drawing.labels)) if drawing.is_flat else HEIGHT,
        "background": None,
        "config": CONFIG,
        "layer": [*_band(drawing), *layers],
    }


def _band(drawing: Drawing) -> Iterator[dict[str, Any]]:
    """Yield the range that is shaded across."""
    if drawing.band:
        low, high, _name = drawing.band
        across, end = ("x", "x2") if drawing.is_flat else ("y", "y2")
        yield {
            "data": {"values": [{"low": low, "high": high}]},
            "mark": {"type": "rect", "color": "#4a7fb5", "opacity": 0.18},
            "encoding": {across: {"field": "low", "type": "quantitative"}, end: {"field": "high"}},
        }


def _layers(series: Series, drawing: Drawing, names: list[str]) -> Iterator[dict[str, Any]]:
    colours = [each.colour or COLOURS[each.kind] for each in drawing.series]
    labels, numbers = ("y", "x") if drawing.is_flat else ("x", "y")
    encoding: dict[str, Any] = {
        labels: {
            "field": "label", "type": "ordinal", "sort": list(drawing.labels),
            "axis": {
                "title": drawing.x_title or None, "labelOverlap": not drawing.is_flat, "labelLimit": FLAT_LABELS,
                "labelAngle": 0 if drawing.is_flat else _angle(drawing), "grid": drawing.is_flat, "domain": not drawing.is_flat,
            },
        },
        numbers: {"field": "value", "type": "quantitative", "axis": {"title": drawing.y_title, "grid": True}},
        "color": {
            "field": "series", "type": "nominal", "scale": {"domain": names, "range": colours},
            "legend": {} if len(names) > 1 else None,
        },
    }  # fmt: skip
    data = {"values": list(_points(series, drawing))}
    if series.ends:
        at = encoding[numbers]
        ends = {numbers: {**at, "field": "low"}, f"{numbers}2": {"field": "high"}}
        yield {"data": data, "mark": {"type": "rule", "strokeWidth": 2}, "encoding": {**encoding, **ends}}
    yield {"data": data, "mark": MARKS[series.kind], "encoding": encoding}


def _angle(drawing: Drawing) -> int:
    """Return by how much labels are turned: those that do not fit beside each other."""
    return -40 if max(map(len, drawing.labels), default=0) * len(drawing.labels) * 7 > WIDTH else 0


def _points(series: Series, drawing: Drawing) -> Iterator[dict[str, Any]]:
    ends = series.ends or [None] * len(series.values)
    for label, value, end in zip(drawing.labels, series.values, ends, strict=True):
        inside: dict[str, Any] = {} if end is None else {"low": end[0], "high": end[1]}
        yield {"label": label, "value": value, "series": series.name, **inside}
