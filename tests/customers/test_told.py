"""What is told is what REST framework would tell, whatever a value lacks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers

from customers.api.fields import ExactField
from customers.api.told import Told, told


class PlaceOut(serializers.Serializer[Any]):
    city = serializers.CharField(required=False)
    zone = serializers.CharField(default="UTC")


class PlaceTold(Told):
    city = serializers.CharField(required=False)
    zone = serializers.CharField(default="UTC")


FIELDS: dict[str, Any] = {
    "name": lambda _: serializers.CharField(),
    "shout": lambda _: serializers.CharField(source="called"),
    "city": lambda _: serializers.CharField(source="place.city", allow_null=True, default=None),
    "price": lambda _: ExactField(),
    "at": lambda _: serializers.DateTimeField(allow_null=True),
    "rank": lambda _: serializers.IntegerField(required=False),
    "secret": lambda _: serializers.CharField(write_only=True),
    "place": lambda place: place(allow_null=True),
    "others": lambda place: place(many=True),
    "whole": lambda _: serializers.SerializerMethodField(),
}


def kind_of(base: Any, place: Any) -> Any:
    """Return a serializer of the same fields with one base or the other."""
    fields = {name: make(place) for name, make in FIELDS.items()}
    return type("Out", (base,), {**fields, "get_whole": lambda _self, value: str(type(value))})


ORDINARY, QUICK = kind_of(serializers.Serializer, PlaceOut), kind_of(Told, PlaceTold)


@dataclass
class Shop:
    name: Any
    price: Decimal = Decimal("1.500")
    at: datetime | None = datetime(2026, 1, 2, tzinfo=UTC)
    place: Any = None
    others: list[Any] = field(default_factory=list)

    def called(self) -> str:
        return f"{self.name}!"


WHOLE = {"name": "a", "called": "A", "price": Decimal(2), "at": None, "rank": 3, "place": None, "others": []}


@pytest.mark.parametrize(
    "value",
    [
        Shop("a"),
        Shop("b", at=None, place={"city": "Lyon"}, others=[{"city": None, "zone": "X"}, {}]),
        WHOLE,
        {**WHOLE, "place": {"zone": None}, "rank": None},
    ],
)
def test_it_is_told_as_rest_framework_tells_it(value: Any) -> None:
    assert told(QUICK, value) == dict(ORDINARY().to_representation(value))
    assert QUICK([value, value], many=True).data == ORDINARY([value, value], many=True).data


def test_what_has_to_be_there_is_missed() -> None:
    with pytest.raises(KeyError, match="name"):
        told(QUICK, {"called": "A"})
