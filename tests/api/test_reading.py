"""Facts are read as any other body would be, whatever a caller sends; but null is as good as nothing."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from customers.api.strict import Strict
from loyalty.activity.api.reported import (
    FactReader,
    InteractionIn,
    OrderEventIn,
    OrderIn,
    OrderLineIn,
    ReturnIn,
    ReturnLineIn,
)

ODD = [" a", "a ", "a b", "é", "٣", "12.00\n", "0" * 16, "1.1234567", "\u200b"]
ODD_INSTANTS = ["2026-06-15T12:00:00.250000-09:30", "2026-02-30T12:00:00Z", "2026-06-15T24:00:00Z"]
TEXTS = st.sampled_from(["", " ", "o1", "x" * 101, "EUR", "a\x00b", "review", "2", "1.005", "-1", "1e3", "NaN", *ODD])
INSTANTS = [
    "2026-06-15T12:00:00Z",
    "2026-06-15T12:00:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    *ODD_INSTANTS,
]
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**16), st.floats(), TEXTS, st.lists(TEXTS, max_size=2), st.just({}),
    st.sampled_from(INSTANTS),
)  # fmt: skip


LINES: dict[type, type[FactReader]] = {OrderIn: OrderLineIn, ReturnIn: ReturnLineIn}
RIGHT = {
    "number": "o1", "order_number": "o1", "customer": "ada", "occurred_at": "2026-06-15T12:00:00Z", "sku": "x",
    "quantity": "2", "net_amount": "20.00", "kind": "review", "position": 1, "shipping_amount": "1.00", "redemptions": ["r1"],
    "discount": "0", "unit_price": "10", "unit_cost": "1.5", "is_gift": True, "score": 3,
    "paid_with_points": "0", "currency": "EUR",
}  # fmt: skip


def parent_of(kind: type[FactReader]) -> serializers.Serializer[Any]:
    """Return a serializer with the same fields that is no reader of its own."""
    fields: dict[str, Any] = deepcopy(kind._declared_fields)
    if kind in LINES:
        fields["lines"] = type(parent_of(LINES[kind]))(many=True)
    made: serializers.Serializer[Any] = type("Parent", (Strict,), fields | {"validate": kind.validate})()
    return made


def read(reader: serializers.Serializer[Any], said: Any) -> Any:
    try:
        return reader.run_validation(deepcopy(said))
    except serializers.ValidationError as error:
        return error.get_full_details()


def without_nulls(kind: type[FactReader], said: Any) -> Any:
    """Leave out what may be left out and is null."""
    if not isinstance(said, dict):
        return said
    fields = kind._declared_fields
    left = {name: value for name, value in said.items() if value is not None or fields[name].required}
    if isinstance(left.get("lines"), list):
        left["lines"] = [without_nulls(LINES[kind], line) for line in left["lines"]]
    return left


def mostly(usual: st.SearchStrategy[Any], rare: st.SearchStrategy[Any] = ANYTHING) -> st.SearchStrategy[Any]:
    return st.integers(0, 39).flatmap(lambda drawn: usual if drawn else st.one_of(rare, ANYTHING))


def said_of(kind: type[FactReader], name: str) -> st.SearchStrategy[Any]:
    """Return what callers send in a field: mostly what is right, and anything."""
    return mostly(
        st.lists(rows(LINES[kind]), min_size=1, max_size=2) if name == "lines" else st.just(RIGHT.get(name, "a"))
    )


def rows(kind: type[FactReader]) -> st.SearchStrategy[Any]:
    fields = kind._declared_fields
    whole = st.fixed_dictionaries(
        {name: said_of(kind, name) for name, field in fields.items() if field.required},
        optional={name: said_of(kind, name) for name, field in fields.items() if not field.required},
    )
    torn = st.fixed_dictionaries({}, optional={name: said_of(kind, name) for name in fields})
    return mostly(whole, torn)


@pytest.mark.parametrize("kind", [OrderIn, ReturnIn, InteractionIn, OrderEventIn])
@given(data=st.data())
def test_a_reader_says_what_its_parent_says(kind: type[FactReader], data: st.DataObject) -> None:
    said = data.draw(rows(kind))

    assert repr(read(kind(), said)) == repr(read(parent_of(kind), without_nulls(kind, said)))
