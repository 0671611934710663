"""Instants on pages are by the clock that the page names."""

import re
from datetime import UTC, datetime
from pathlib import Path

from django.utils import timezone

from customers.core.instants import day_said, instant_said

ROOT = Path(__file__).resolve().parents[2]
LATE = datetime(2026, 11, 30, 0, 55, tzinfo=UTC)
BY_THE_DATABASE = re.compile(
    r"date_format\([a-z_.]*_at\b"
)  # as it is stored, which is by another clock than the page's


def test_an_instant_is_told_by_the_pages_clock_and_so_is_its_day() -> None:
    with timezone.override("America/New_York"):
        assert instant_said(LATE) == "Nov. 29, 2026, 7:55 p.m."
        assert day_said(LATE) == "Nov. 29, 2026"


def test_nobody_writes_an_instant_by_the_databases_clock() -> None:
    paths = [path for folder in ("customers", "loyalty", "analytics") for path in (ROOT / folder).rglob("*.py")]

    assert [str(path.relative_to(ROOT)) for path in paths if BY_THE_DATABASE.search(path.read_text())] == []
