"""One tree, three readers: Python decides by it, SQL counts by it, and a JSON Schema describes it."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from customers.core import bulk
from customers.models import Customer, OrderLine
from loyalty.activity.history import load_orders
from loyalty.activity.intake import take_orders
from loyalty.configuration.checking import Refused
from loyalty.configuration.drafts import publish
from loyalty.configuration.wording import rule_in_words
from loyalty.engine.basket import Basket, Line, Occasion
from loyalty.engine.profile import SEGMENTS
from loyalty.memberships.models import Membership
from loyalty.points.conditions import (
    FIELDS,
    WEEKDAYS,
    InvalidCondition,
    compiled,
    never_holds,
    parse,
    parse_stored,
    schema,
    to_json,
)
from loyalty.points.matching import matches, to_sql
from loyalty.points.models import EarningRule
from loyalty.points.models.policy import words_for
from loyalty.programs.models import ProgramVersion
from tests import make
from tests.make import NOON
from tests.plans import make_plans
from tests.plans.make_plans import joined
from tests.segments.profiles import known_as

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
    "plan": "m",
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
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).map(lambda some: {"field": "segment", "in": some}),
    st.integers(7, 9)
    .flatmap(lambda first: st.sampled_from([{"from": first}, {"to": first}, {"from": 7, "to": first}]))
    .map(lambda bounds: {"field": "value_decile", **bounds}),
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


KIND = frozenset({"vip", "gift_buyer", "new", "middle_value"})
KNOWN: dict[str, Any] = {"tier": "g", "plan": "m", "segments": KIND, "value_decile": 8}


@pytest.fixture
def past() -> tuple[Membership, list[Any]]:
    """Two members' orders around a change to summer time, told apart by every field that a condition knows."""
    club = make_plans.program({"code": "m", "price": "0"}, tiers=[("g", "0", "1")], zone="Europe/Paris")
    ada = make.member(club, "ada")
    joined(ada, "m", at=datetime(2026, 3, 28, 12, tzinfo=UTC))
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
    known_as(ada, segment="vip", tags=["gift_buyer"], life_stage="new", value_decile=8, at_risk=False)
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
        if holds(line, order.basket, Occasion(order.occurred_at, PARIS, is_first=place == 0, **KNOWN))
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
        ({"field": "segment", "in": ["vip", "gold"]}, "/in", "not_a_segment"),
        ({"field": "segment", "in": ["never_bought"]}, "/in", "not_a_segment"),
        ({"field": "value_decile", "from": 0}, "/from", "not_a_value_decile"),
        ({"field": "value_decile", "to": 11}, "/to", "not_a_value_decile"),
        ({"field": "value_decile", "from": True}, "/from", "not_a_value_decile"),
        ({"field": "value_decile", "from": "9"}, "/from", "not_a_value_decile"),
        ({"field": "date", "from": "31/03/2026"}, "/from", "not_a_date"),
        ({"field": "time", "to": "25:00"}, "/to", "not_a_time"),
        ({"field": "order_amount", "from": "much"}, "/from", "not_a_order_amount"),
        ({"field": "date"}, "", "no_bounds"),
        ({"field": "sku", "in": ["milk", "a\x00b"]}, "/in", "not_a_text"),
        ({"field": "sku", "in": ["\ud800"]}, "/in", "not_a_text"),
        ({"field": "order_amount", "from": "NaN"}, "/from", "not_a_order_amount"),
        ({"field": "order_amount", "to": "sNaN"}, "/to", "not_a_order_amount"),
        ({"field": "order_amount", "to": float("nan")}, "/to", "not_a_order_amount"),
        ({"field": "order_amount", "to": "-Infinity"}, "/to", "not_a_order_amount"),
        ({"field": "order_amount", "from": "1e999999999999"}, "/from", "not_a_order_amount"),
        ({"field": "order_amount", "from": "1e99999999999999999999"}, "/from", "not_a_order_amount"),
        ({"field": "order_amount", "from": 10**5_000}, "/from", "not_a_order_amount"),
        ({"field": "order_amount", "from": "1e-400"}, "/from", "not_a_order_amount"),
        ({"field": "order_amount", "from": True}, "/from", "not_a_order_amount"),
        ({"field": "time", "from": "10:00+02:00"}, "/from", "not_a_time"),
        ({"field": "time", "from": "09:00", "to": "10:00Z"}, "/to", "not_a_time"),
        ({"field": "time", "from": 600}, "/from", "not_a_time"),
        ({"field": "date", "from": "2026-03-27T10:00:00Z"}, "/from", "not_a_date"),
        ({"field": ["category"], "in": ["A"]}, "/field", "unknown_field"),
        ({"field": "category", "in": [["A"]]}, "/in", "not_a_list"),
        ({"field": "category", "in": [{"A": 1}]}, "/in", "not_a_list"),
        ({"\ud800": 1, "all": [{}]}, "/?", "unknown_word"),
        ({"any": [{}] * 201}, "/any/200", "too_large"),
        ({"all": [{"any": [{}] * 100}, {"not": {"any": [{}] * 101}}]}, "/all/1/not/any/100", "too_large"),
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
    ("said", "written"),
    [
        (None, {}),
        ({"field": "order_amount", "from": 50, "to": None}, {"field": "order_amount", "from": "50"}),
        (
            {"field": "order_amount", "from": "0050.500", "to": 1e3},
            {"field": "order_amount", "from": "50.5", "to": "1000"},
        ),
        ({"field": "order_amount", "to": "-0.00"}, {"field": "order_amount", "to": "0"}),
        ({"field": "order_amount", "to": "1E+12"}, {"field": "order_amount", "to": "1000000000000"}),
        ({"field": "time", "from": "18", "to": "20:00:00.0"}, {"field": "time", "from": "18:00", "to": "20:00"}),
        ({"field": "date", "from": "20260331"}, {"field": "date", "from": "2026-03-31"}),
        ({"field": "sku", "in": ["2", "1", "2"]}, {"field": "sku", "in": ["1", "2"]}),
        (
            {"not": {"any": [{}, {"field": "weekday", "in": ["sunday", "monday"]}]}},
            {"not": {"any": [{}, {"field": "weekday", "in": ["monday", "sunday"]}]}},
        ),
    ],
)
def test_a_condition_has_one_way_of_being_written(said: Any, written: Any) -> None:
    assert to_json(parse(said)) == written
    assert to_json(parse(written)) == written
    assert VALIDATOR.is_valid(written)


JUNK = st.one_of(
    st.sampled_from(
        ["NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e-400", "9" * 50, "10:00+02:00", "10:00Z", "24:00", "23:59:60",
         "2026-02-30", "2026-W13-5", "0001-01-01", "9999-12-31", "٢", "1_000", " 5 ", "-5", "\x00", "\ud800", "%s", "{0}",
         10**40, 1e308, float("nan"), float("inf"), True, None, "", [], {}, [[]], {"a": 1}]
    ),
    st.integers(), st.floats(), st.text(max_size=4), st.decimals().map(str), st.times().map(str), st.dates().map(str),
)  # fmt: skip
STRANGE = st.recursive(
    st.one_of(
        JUNK,
        LEAVES,
        st.fixed_dictionaries(
            {"field": st.sampled_from(FIELDS) | JUNK},
            optional={"in": st.lists(JUNK, max_size=3) | JUNK, "from": JUNK, "to": JUNK, "is": JUNK, "or": JUNK},
        ),
    ),
    lambda parts: st.one_of(
        st.builds(lambda word, some: {word: some}, st.sampled_from(["all", "any"]), st.lists(parts, max_size=3)),
        st.builds(lambda part: {"not": part}, parts),
    ),
    max_leaves=5,
)
FAR = (datetime(1, 1, 3, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC))
LINES = st.builds(
    Line, st.decimals(0, 10**11, places=2), st.text(max_size=2), st.text(max_size=2), st.text(max_size=2),
    st.decimals(0, 1_000, places=3),
)  # fmt: skip
BASKETS = st.builds(Basket, st.lists(LINES, max_size=3).map(tuple), channel=st.text(max_size=2), is_gift=st.booleans())
OCCASIONS = st.builds(
    Occasion, st.sampled_from(FAR), st.just(PARIS), is_first=st.booleans(), tier=st.sampled_from("g ")
)


@pytest.mark.django_db
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=STRANGE, basket=BASKETS, occasion=OCCASIONS)
def test_what_can_be_read_can_be_decided_for_any_order_counted_stored_and_read_again(
    past: tuple[Membership, list[Any]], said: Any, basket: Basket, occasion: Occasion
) -> None:
    ada, _orders = past
    try:
        node = parse(said)
    except InvalidCondition as error:
        words_for(error).encode()
        return

    holds = compiled(node)
    for line in (*basket.lines, Line(Decimal(0))):
        assert holds(line, basket, occasion) in {True, False}
    matches(node, program_id=ada.program_id, zone="Europe/Paris", since=date(2026, 1, 1), until=date(2026, 12, 31))
    written = to_json(node)
    assert parse(written) == node
    assert VALIDATOR.is_valid(written)
    assert bulk.fetch("SELECT %s::jsonb", [json.dumps(written)]) == [(written,)]
    never_holds(node)


def test_the_largest_condition_can_be_read_and_decided() -> None:
    most = {"any": [{"field": "sku", "in": ["milk"]}] * 200}

    assert compiled(parse(most))(Line(Decimal(1), sku="milk"), Basket(()), Occasion()) is True


@pytest.mark.parametrize(
    "said",
    [{"field": "order_amount", "from": "NaN"}, {"field": "time", "from": "10:00+02:00"}, {"any": [{}] * 201}, [], "x"],
)
def test_a_stored_condition_that_means_nothing_is_never_met(said: Any) -> None:
    node = parse_stored(said)

    assert compiled(node)(Line(Decimal(1)), Basket(()), Occasion()) is False
    assert to_sql(node, {}) == "false"
    assert never_holds(node) is None


@pytest.mark.django_db
@pytest.mark.parametrize("said", [{"field": "order_amount", "from": "NaN"}, {"field": "time", "from": "10:00+02:00"}])
def test_a_published_condition_that_an_older_release_took_stops_no_order(said: Any) -> None:
    draft = make.version(rules=[make.Rule(), make.Rule(code="broken", points="7")])
    EarningRule.objects.filter(version=draft, code="broken").update(condition=said)  # past the form and the document

    with pytest.raises(Refused) as refused:
        publish(draft, effective_from=make.START, now=make.START)
    ProgramVersion.objects.filter(pk=draft.pk).update(
        status="published", effective_from=make.START, published_at=make.START
    )
    ada = make.member(draft.program)
    make.buys(ada, "10.00")

    assert [finding.code for finding in refused.value.findings] == ["unreadable_condition"]
    assert make.wallet_of(ada).available == 10
    with translation.override("en"):
        words = rule_in_words(EarningRule.objects.get(version=draft, code="broken"), "EUR")
    assert words == "7 points per EUR spent, never: its condition cannot be read, times the tier’s multiplier."


@pytest.mark.django_db
def test_a_rule_stores_its_condition_in_the_one_way_of_writing_it() -> None:
    draft = make.version(rules=[make.Rule(condition={"field": "order_amount", "from": "50.00"})])
    (rule,) = EarningRule.objects.filter(version=draft)

    assert bulk.fetch("SELECT condition FROM points_earningrule") == [({"field": "order_amount", "from": "50"},)]
    assert rule.condition == {"field": "order_amount", "from": "50"}


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
        ({"all": [{"field": "segment", "in": ["vip"]}, {"field": "segment", "in": ["gift_buyer"]}]}, None),
        ({"field": "value_decile", "from": 9, "to": 8}, "value_decile"),
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
