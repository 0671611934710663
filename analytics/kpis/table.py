"""All figures of a board as rows: for files, and for retailers' systems."""

from collections.abc import Iterator

from analytics.kpis.board import Board

COLUMNS = ("kpi", "by", "group", "period", "per", "value", "low", "high", "n", "is_over", "is_partial")


def rows_of(
    found: Board,
) -> Iterator[tuple[str, str, str, str, str, float | None, float | None, float | None, int, bool, bool]]:
    """Yield a row for each figure, group and period; shares as in 0.35, no value where nothing could be counted."""
    for (code, group), series in found.series.items():
        for point in series.points:
            yield (
                code, found.dimension, group, point.period.start.isoformat(), found.grain.value, _round(point.value),
                _round(point.low), _round(point.high), point.n, point.is_over, point.is_partial,
            )  # fmt: skip


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
