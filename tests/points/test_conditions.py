"""One tree, three readers: Python decides by it, SQL counts by it, and a JSON Schema describes it."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from customers.core import bulk
from customers.models import Customer, OrderLine
from loyalty.activity.history import load_orders
from loyalty.activity.intake import take_orders
from loyalty.memberships.models import Membership
from loyalty.points.conditions import (
    WEEKDAYS,
    Basket,
    InvalidCondition,
    Line,
    Occasion,
    compiled,
    never_holds,
    parse,
    schema,
)
from loyalty.points.matching import matches, to_sql
from tests import make
from tests.make import NOON

PARIS = ZoneInfo("Europe/Paris")
VALIDATOR = Draft202012Validator({"$ref": "#/$defs/condition", "$defs": {"condition": schema()}})

TEXTS = {
    "category": "ab",
    "brand": "xy",
    "sku": "12",
    "channel": "ws",
    "store": "pq",
    "promotion_code": "k",
    "tier": "g",
}
HOURS = st.integers(0, 23)


def _text_leaf(name: str) -> st.SearchStrategy[dict[str, Any]]:
    values = st.lists(st.sampled_from([*TEXTS[name], ""]), min_size=1, max_size=2)
    return values.map(lambda some: {"field": name, "in": some})


def _hours(first: int, last: int) -> dict[str, str]:
    return {"field": "time", "from": f"{first:02}:30", "to": f"{last:02}:00"}


def _from_day(n: int) -> dict[str, str]:
    return {"field": "date", "from": (date(2026, 3, 27) + timedelta(days=n)).isoformat()}


LEAVES = st.one_of(
    *map(_text_leaf, TEXTS),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4).map(lambda days: {"field": "weekday", "in": days}),
    st.builds(lambda name, flag: {"field": name, "is": flag}, st.sampled_from(["is_gift", "is_first"]), st.booleans()),
    st.integers(0, 30).map(lambda low: {"field": "order_amount", "from": str(low), "to": str(low + 10)}),
    st.integers(0, 4).map(_from_day),
    st.builds(_hours, HOURS, HOURS),
)
TREES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds(lambda some: {"all": some}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda some: {"any": some}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, parts),
    ),
    max_leaves=6,
)


@pytest.fixture
def past() -> tuple[Membership, list[Any]]:
    """Two members' orders around a change to summer time, told apart by every field that a condition knows."""
    club = make.program(tiers=[("g", "0", "1")], zone="Europe/Paris")
    ada = make.member(club, "ada")
    facts = [
        make.order(
            ada,
            make.line(f"{5 * n + 1}.00", category="ab "[n % 3].strip(), brand="xy"[n % 2], sku="12"[n % 2]),
            make.line("3.00", category="b", brand="x", sku="2"),
            at=datetime(2026, 3, 28, 22, 30, tzinfo=UTC) + timedelta(hours=7 * n),
            channel="ws "[n % 3].strip(), store="pq"[n % 2], promotion_code="k" if n % 4 == 0 else "", is_gift=n % 3 == 0,
        )
        for n in range(9)
    ]  # fmt: skip
    take_orders(club.retailer, facts, now=NOON)
    ids = list(OrderLine.objects.values_list("order_id", flat=True).distinct())
    return ada, sorted(load_orders(ids), key=lambda order: order.occurred_at)


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=TREES)
def test_python_and_sql_agree_on_every_line(past: tuple[Membership, list[Any]], said: dict[str, Any]) -> None:
    ada, orders = past
    node = parse(said)
    holds = compiled(node)
    wanted = {
        (order.order_id, line.sku, line.net_amount)
        for place, order in enumerate(orders)
        for line in order.basket.lines
        if holds(line, order.basket, Occasion(order.occurred_at, PARIS, is_first=place == 0, tier="g"))
    }
    parameters: dict[str, Any] = {"zone": "Europe/Paris", "member": ada.pk}
    sql = f"""SELECT o.id, l.sku, l.net_amount FROM memberships_membership m
        JOIN customers_order o ON o.customer_id = m.customer_id JOIN customers_orderline l ON l.order_id = o.id
        JOIN tiers_standing s ON s.membership_id = m.id JOIN tiers_tier t ON t.id = s.tier_id
        WHERE m.id = %(member)s AND ({to_sql(node, parameters)})"""

    assert set(bulk.fetch(sql, parameters)) == wanted
    assert VALIDATOR.is_valid(said)
    if never_holds(node):
        assert not wanted


@pytest.mark.parametrize(
    ("said", "pointer", "reason"),
    [
        (7, "", "not_an_object"),
        ({"all": []}, "/all", "not_a_list"),
        ({"all": [{"field": "colour", "in": ["red"]}]}, "/all/0/field", "unknown_field"),
        ({"field": "category", "in": "FRESH"}, "/in", "not_a_list"),
        ({"field": "category", "in": ["A"], "or": 1}, "/or", "unknown_word"),
        ({"any": [{"field": "category", "in": ["A"]}], "all": []}, "/any", "unknown_word"),
        ({"field": "weekday", "in": ["lundi"]}, "/in", "not_a_weekday"),
        ({"field": "is_gift", "is": "yes"}, "/is", "not_a_flag"),
        ({"field": "date", "from": "31/03/2026"}, "/from", "not_a_date"),
        ({"field": "time", "to": "25:00"}, "/to", "not_a_time"),
        ({"field": "order_amount", "from": "much"}, "/from", "not_a_order_amount"),
        ({"field": "date"}, "", "no_bounds"),
        ({"field": "sku", "in": ["milk", "a\x00b"]}, "/in", "not_a_text"),
        (
            {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}}},
            "/not/not/not/not/not/not/not",
            "too_deep",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(said: Any, pointer: str, reason: str) -> None:
    with pytest.raises(InvalidCondition) as refused:
        parse(said)

    assert (refused.value.pointer, refused.value.reason) == (pointer, reason)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"all": [{"field": "category", "in": ["A"]}, {"field": "category", "in": ["B", "C"]}]}, "category"),
        ({"all": [{"field": "category", "in": ["A", "B"]}, {"field": "category", "in": ["B", "C"]}]}, None),
        ({"field": "date", "from": "2026-03-02", "to": "2026-03-01"}, "date"),
        (
            {"all": [{"field": "order_amount", "from": "50"}, {"all": [{"field": "order_amount", "to": "49.99"}]}]},
            "order_amount",
        ),
        ({"all": [{"field": "is_gift", "is": True}, {"field": "is_gift", "is": False}]}, "is_gift"),
        (
            {"any": [{"field": "date", "from": "2026-03-02", "to": "2026-03-01"}, {"field": "is_gift", "is": True}]},
            None,
        ),
        ({"field": "time", "from": "22:00", "to": "02:00"}, None),
    ],
)
def test_a_contradiction_is_found(said: Any, field: str | None) -> None:
    assert never_holds(parse(said)) == field


def test_hours_may_run_past_midnight_and_days_are_those_of_the_zone() -> None:
    night = compiled(parse({"field": "time", "from": "22:00", "to": "02:00"}))
    sunday = compiled(parse({"field": "weekday", "in": ["sunday"]}))
    line, basket = Line(Decimal(1)), Basket(())

    def at(text: str) -> Occasion:
        return Occasion(datetime.fromisoformat(text).replace(tzinfo=UTC), PARIS)

    # 29 March 2026: at 01:00 UTC the clocks of Paris go from 02:00 to 03:00.
    assert [night(line, basket, at(text)) for text in ("2026-03-29T00:59", "2026-03-29T01:00", "2026-03-28T20:59")] == [
        True, False, False,
    ]  # fmt: skip
    assert [sunday(line, basket, at(text)) for text in ("2026-03-28T23:00", "2026-03-29T21:59", "2026-03-29T22:00")] == [
        True, True, False,
    ]  # fmt: skip
    assert compiled(parse({"field": "time", "from": "23:00"}))(line, basket, at("2026-03-29T21:30")) is True
    assert time(23, 30) == at("2026-03-29T21:30").local.time()


@pytest.mark.django_db
def test_what_met_a_condition_in_the_past_is_counted() -> None:
    ada = make.member(make.program())
    for amount, category in (("10.00", "FRESH"), ("5.00", "FUEL"), ("7.00", "FRESH")):
        make.buys(ada, make.line(amount, category=category))
    Customer.objects.create(retailer=ada.retailer, external_id="stranger", identified_at=NOON)

    found = matches(parse({"field": "category", "in": ["FRESH"]}), program_id=ada.program_id, zone="UTC",
                    since=date(2026, 6, 1), until=date(2026, 6, 30))  # fmt: skip

    assert (found.members, found.orders, found.lines, found.amount, found.costed) == (1, 2, 2, Decimal(17), 0)
