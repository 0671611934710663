"""Which texts the database can hold, and that lists of a version's parts are refused in words where it cannot."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from customers.core.texts import can_be_stored, depth_of
from loyalty.badges.models.fields import BadgeLevelsField


@pytest.mark.parametrize(
    ("said", "can"),
    [
        ("", True), ("é \U0001f600 \\u0000", True), (None, True), (1.5, True), ([{"a": ["b", 1]}], True),
        ("a\x00", False), ("\ud83d", False), ([{"a": ["\x00"]}], False), ({"\ud800": 1}, False),
        ([float("nan")], False), ({"a": float("inf")}, False),
    ],
)  # fmt: skip
def test_what_the_database_can_hold(said: Any, *, can: bool) -> None:
    assert can_be_stored(said) is can


def test_how_deep_something_is_nested_is_told_however_deep_it_is() -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]

    assert [depth_of(each) for each in (1, [], {"a": [1]}, [[], {"b": {}}], deep)] == [0, 1, 2, 3, 10_000]
    assert can_be_stored(deep)


@pytest.mark.parametrize("name", ["Gold\x00", "\ud800", "a\udfff"])
def test_a_level_is_not_called_what_cannot_be_stored(name: str) -> None:
    with pytest.raises(ValidationError, match="cannot be stored"):
        BadgeLevelsField().check_list([{"times": 1, "name": name}])
