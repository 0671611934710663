"""A chart with its table, before it is known where it will be drawn: on a page or in a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from analytics.dashboards import charts

MANY_LABELS = 7  # below each other: more need more room
LINE = 20  # letters of a label beside its row; of a longer one a narrow chart would cut off the beginning


@dataclass(frozen=True)
class Series:
    """
    One row of bars, one line, or dots that may have intervals.

    :param values: as many as the drawing has labels; None where there is nothing to show
    :param kind: "bar", "line" or "dots"
    :param ends: of each dot its interval, which are called `ends_name`
    """

    name: str
    values: Sequence[float | None]
    kind: str = "bar"
    colour: str = ""
    ends: Sequence[tuple[float, float] | None] = ()
    ends_name: str = ""


@dataclass(frozen=True)
class Drawing:
    """
    Bars and lines over common labels.

    :param rows: of its table, as they are read; the first cell of each is its label
    :param basis: what the numbers rest on, in sentences
    :param instead: why there is none; it stands in its place
    :param band: a range of values that is shaded across, with its name
    :param is_flat: whether labels stand below each other, for long ones
    """

    title: str
    labels: Sequence[str] = ()
    series: Sequence[Series] = ()
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    y_title: str = ""
    x_title: str = ""
    basis: str = ""
    instead: str = ""
    wide: bool = False
    band: tuple[float, float, str] | None = None
    is_flat: bool = False

    def on_page(self) -> dict[str, Any]:
        """Return what the template of a chart takes."""
        lines = [row for each in self.series for row in _rows_of(each)]
        if self.band:
            low, high, name = self.band
            lines.append(charts.band(name, len(self.labels), low, high))
        labels = [in_lines(label) for label in self.labels] if self.is_flat else list(self.labels)
        return {
            "title": self.title,
            "headers": self.headers,
            "rows": self.rows,
            "data": charts.data(labels, *lines),
            "options": charts.options(self.y_title, x_title=self.x_title, legend=len(lines) > 1, is_flat=self.is_flat),
            "basis": self.basis,
            "instead": self.instead,
            "wide": self.wide,
            "is_tall": self.is_flat and len(self.labels) > MANY_LABELS,
        }


def in_lines(label: str) -> str | list[str]:
    """Return a label, in lines where it is long, as a page's chart takes it."""
    lines = wrap(label, LINE)
    return lines if len(lines) > 1 else label


def _rows_of(series: Series) -> list[dict[str, Any]]:
    """Return a series as a page's chart takes it: dots, and bars from the one end of their intervals to the other."""
    if series.kind != "dots":
        return [charts.series(series.name, list(series.values), "y", series.kind, series.colour)]
    rows = [charts.dots(series.name, list(series.values), series.colour)]
    if series.ends:
        rows.append(charts.intervals(series.ends_name, list(series.ends), series.colour))
    return rows
