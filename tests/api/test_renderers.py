"""Answers are told as the framework's own renderer tells them."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils.translation import gettext_lazy, override
from rest_framework.renderers import JSONRenderer

from loyalty.api.renderers import QuickJSONRenderer
from loyalty.points.models import Entry


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 3, 29, 1, 59, 59, 999_999, UTC),
        datetime(2026, 3, 29, 1, tzinfo=ZoneInfo("UTC")),
        datetime(2026, 3, 29, 3, tzinfo=ZoneInfo("Europe/Paris")),
        datetime(2026, 3, 29, 3, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        date(2026, 2, 28),
        time(9, 30),
        timedelta(days=2, seconds=3),
        Decimal("0.10"),
        Decimal("1E+3"),
        2**53 + 1,
        2**64,
        -(2**70),
        UUID(int=7),
        Entry.Kind.EARN,
        "épicerie \u2028 </script> \x00",
        ("a", 1, None, True),
        {1: "a number as a name"},
    ],
    ids=repr,
)
def test_a_value_is_told_as_by_the_framework(value: object) -> None:
    told = QuickJSONRenderer().render({"a": [value], "b": value}).replace("\u2028".encode(), b"\\u2028")

    assert told == JSONRenderer().render({"a": [value], "b": value})


def test_what_is_lazy_is_told_in_the_readers_language() -> None:
    with override("fr"):
        assert QuickJSONRenderer().render({"said": gettext_lazy("through the day")}) == b'{"said":"au jour inclus"}'


def test_nothing_is_no_text_at_all() -> None:
    assert QuickJSONRenderer().render(None) == b""


def test_what_can_be_read_once_is_not_lost_where_the_framework_has_to_write() -> None:
    told = QuickJSONRenderer().render({"names": (each for each in ("Ada", "Bob")), "number": 2**64})

    assert told == b'{"names":["Ada","Bob"],"number":18446744073709551616}'
