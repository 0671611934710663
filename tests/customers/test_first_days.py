"""The first of a month, as French writes it."""

from datetime import UTC, date, datetime

import pytest
from django.template import Context, Template
from django.utils import translation
from django.utils.formats import date_format

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 21)


@pytest.mark.parametrize(
    ("day", "language", "form", "expected"),
    [
        (FIRST, "fr", "DATE_FORMAT", "1er septembre 2026"),
        (LAST, "fr", "DATE_FORMAT", "21 septembre 2026"),
        (FIRST, "fr", "MONTH_DAY_FORMAT", "1er septembre"),
        (FIRST, "fr", "l j F", "mardi 1er septembre"),
        (FIRST, "fr", "SHORT_DATE_FORMAT", "01/09/2026"),
        (FIRST, "fr", r"\j F", "j septembre"),
        (FIRST, "fr", "YEAR_MONTH_FORMAT", "septembre 2026"),
        (FIRST, "en", "j F Y", "1 September 2026"),
        (datetime(2026, 9, 1, 9, 5, tzinfo=UTC), "fr", "DATETIME_FORMAT", "1er septembre 2026 09:05"),
    ],
)
def test_french_calls_the_first_of_a_month_so_and_no_other_day(
    day: date, language: str, form: str, expected: str
) -> None:
    with translation.override(language):
        shown = Template(f"{{{{ day|date:'{form}' }}}}").render(Context({"day": day}))

        assert (date_format(day, form), shown) == (expected, expected)
