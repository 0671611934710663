"""Columns of values arrive as they were, and a statement is one to the server whatever its values are."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from customers.core import bulk
from customers.models import FactChange, Retailer

pytestmark = pytest.mark.django_db

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "boolean": st.booleans(),
    "bytea": st.binary(max_size=20),
    "date": st.dates(),
    "double precision": st.floats(allow_nan=False),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12),
    "text": TEXTS,
    "jsonb": st.none(),
    "timestamptz": st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    "uuid": st.uuids(),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_columns_arrive_as_they_were(kind: str) -> None:
    @given(st.lists(st.none() | KINDS[kind], max_size=5))
    def arrives(values: list[Any]) -> None:
        assert bulk.fetch(
            f"SELECT v FROM unnest(%b::{kind}[]) WITH ORDINALITY AS t(v, place) ORDER BY place", [values]
        ) == [(value,) for value in values]

    arrives()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_rows_of_a_select_list_arrive_as_they_were_however_many(kind: str) -> None:
    @given(st.lists(st.none() | KINDS[kind], max_size=3))
    def arrives(values: list[Any]) -> None:
        rows = bulk.fetch(
            f"SELECT unnest(%b::bigint[]) AS place, unnest(%b::{kind}[]) AS v ORDER BY place",
            [list(range(len(values))), values],
        )

        assert rows == list(enumerate(values))

    arrives()


def test_a_statement_is_prepared_for_one_row_and_for_many() -> None:
    sql = "SELECT /* twice */ unnest(%b::bigint[]) AS a, unnest(%b::jsonb[]) AS b, unnest(%b::numeric(14, 2)[]) AS c"
    rows = [(1, '{"a": 1}', Decimal("1.00")), (2, None, None)]

    found = [bulk.fetch(sql, bulk.columns_of(some)) for some in (rows[:1], rows[1:], rows, rows[:1], [*rows, *rows])]

    assert [len(each) for each in found] == [1, 1, 2, 1, 4]
    assert found[0] + found[1] == found[2]
    prepared = bulk.fetch("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%/* twice */%%'")
    assert prepared == [(2,)]


def test_what_one_row_cannot_hold_is_refused_as_among_many() -> None:
    with pytest.raises(DataError), transaction.atomic():
        bulk.fetch("SELECT unnest(%b::integer[]) AS a", [[2**40]])
    with pytest.raises(DataError), transaction.atomic():
        bulk.fetch("SELECT unnest(%b::integer[]) AS a", [[2**40, 1]])


def test_parameters_are_numbered_by_place_or_by_name() -> None:
    sql = "SELECT %(b)s::text, %(a)s::text, %(b)s::text || '%%', count(*) FROM unnest(%s::text[])"

    assert bulk.fetch(sql.replace("%s::text[]", "%(c)s::text[]"), {"a": "1", "b": "2", "c": ["x", "y"]}) == [
        ("2", "1", "2%", 2)
    ]
    assert bulk.fetch("SELECT %s::int - %s::int", [5, 3]) == [(2,)]


def test_a_statement_is_prepared_once_whatever_its_values_are() -> None:
    sql = "SELECT count(*) /* once */ FROM unnest(%b::bigint[], %b::numeric(14, 2)[], %b::uuid[], %b::jsonb[])"
    rows: list[list[tuple[Any, ...]]] = [
        [(1, Decimal("1.00"), None, "{}")],
        [(None, None, None, None)],
        [(2**40, Decimal("123456789.12"), UUID(int=7), None), (-1, 0, None, "[]")],
    ]

    for given_rows in (*rows, *rows):
        assert bulk.fetch(sql, bulk.columns_of(given_rows)) == [(len(given_rows),)]

    prepared = bulk.fetch("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%/* once */%%'")
    assert prepared == [(1,)]


def test_what_is_collected_is_sent_as_one_and_an_error_of_it_leaves_the_block(
    django_assert_num_queries: Any,
) -> None:
    shop = Retailer.objects.create(slug="shop", name="Shop")

    with django_assert_num_queries(1), bulk.together():
        bulk.execute("UPDATE customers_retailer SET name = %s WHERE id = %s", ["New", shop.pk])
        bulk.insert(FactChange, ("retailer_id", "customer_id"), [])
    with pytest.raises(IntegrityError), transaction.atomic(), bulk.together():
        bulk.insert(FactChange, ("retailer_id", "customer_id"), [(shop.pk, None)])

    shop.refresh_from_db()
    assert shop.name == "New"


def test_a_value_of_another_kind_is_refused_and_not_cut() -> None:
    with pytest.raises((DataError, TypeError)), transaction.atomic():
        bulk.fetch("SELECT %b::date[]", [["2026-01-01"]])
    for kind, number in (("smallint", 2**15), ("integer", 2**31), ("bigint", 2**63)):
        with pytest.raises((DataError, OverflowError)), transaction.atomic():
            bulk.fetch(f"SELECT %b::{kind}[]", [[number]])

    assert bulk.fetch("SELECT %b::date[]", [[date(2026, 1, 1)]]) == [([date(2026, 1, 1)],)]
