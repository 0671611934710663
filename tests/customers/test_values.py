"""Values are compared and hashed by their fields; that nobody changes them is the type checker's to say (ADR 43)."""

import re
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest

from customers.core.values import dataclass

ROOT = Path(__file__).resolve().parents[2]
OF_THE_LIBRARY = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0


@dataclass(frozen=True)
class Named(Point):
    name: str = ""


@dataclass
class Open:
    x: int


def test_values_are_compared_and_hashed_by_their_fields() -> None:
    assert Point(1, 2) == Point(1, 2) != Point(2, 1)
    assert {Point(1, 2): "there"}[Point(1, 2)] == "there"
    assert Point(1) != Named(1)
    assert hash(Named(1, 2, "a")) == hash(Named(1, 2, "a"))
    assert repr(Named(1, 2, "a")) == "Named(x=1, y=2, name='a')"


def test_a_value_is_made_again_with_other_fields() -> None:
    assert replace(Named(1, 2, "a"), y=3) == Named(1, 3, "a")
    assert [each.name for each in fields(Named)] == ["x", "y", "name"]


def test_what_is_not_frozen_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open(1))


def test_setting_a_field_costs_no_guard_at_run_time() -> None:
    point = Point(1)
    try:
        point.__setattr__("x", 2)
    except FrozenInstanceError:  # what the standard library does, by a call for each field of each value that is made
        pytest.fail("frozen at run time")
    assert point == Point(2)


@pytest.mark.parametrize("package", ["customers", "loyalty"])
def test_frozen_values_of_the_house_are_made_one_way(package: str) -> None:
    sources = {path: path.read_text() for path in (ROOT / package).rglob("*.py") if path.name != "values.py"}

    assert [str(path) for path, text in sources.items() if "frozen=True" in text and OF_THE_LIBRARY.search(text)] == []
