"""Runs of customers' values, on real tables: what they say, what they keep, and what they leave where they fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import psycopg
import pytest
from django.db import connection
from django.test import Client

from analytics import reading, runs, statistics, writing
from analytics.models import CustomerSegment, CustomerValue, ValueRun
from analytics.runs import AnotherRun, CutAhead, CutBeforeData, compute_value, latest_run
from analytics.segments import assigning
from analytics.segments.overview import runs_of, written_down
from analytics.tasks import run_asked, value_everyone
from analytics.wording import activation_of, basis_of, formula_of, reason_of, spend_of
from customers.correcting import record_corrections
from customers.facts import CorrectionFact, OrderFact, ReturnFact, ReturnLineFact
from customers.models import Insight, Retailer
from customers.recording import record_orders, record_returns
from customers.registration import CustomerFact, register
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
START = datetime(2025, 6, 1, 12, tzinfo=UTC)


def histories(customers: int, days: int = 360) -> list[OrderFact]:
    """Return orders of customers who buy at Gamma-distributed rates and leave at Gamma-distributed rates."""
    rng = np.random.default_rng(11)
    facts: list[OrderFact] = []
    for customer in range(customers):
        rate, leaves = rng.gamma(1.2, 1 / 20), rng.exponential(1 / rng.gamma(0.8, 1 / 150))
        born, mean = rng.uniform(0, days / 3), rng.gamma(6.0, 4.0)
        at = born
        while at < min(days, born + leaves):
            amount = f"{rng.gamma(4.0, mean / 4.0) + 0.5:.2f}"
            facts.append(make.order(f"c{customer}", amount, at=START + timedelta(days=at)))
            at += rng.exponential(1 / rate)
    return facts


def shop_with_history(customers: int = 300, days: int = 360) -> Retailer:
    shop = make.retailer(margin_rate=Decimal("0.30"))
    record_orders(shop, histories(customers, days), now=NOON)
    return shop


def test_a_run_is_validated_stored_and_written_down() -> None:
    shop = shop_with_history()

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.status, run.model, run.differences, run.basis) == ("done", "Pareto/NBD", 0, "rate")
    assert set(run.parameters) == {"r", "alpha", "s", "beta", "p", "q", "v"}
    assert [origin["days"] for origin in run.held_out["origins"]] == [162, 162, 162]
    assert {frozenset(origin["models"]) for origin in run.held_out["origins"]} == {frozenset({"Pareto/NBD", "MBG/NBD"})}
    assert run.held_out["gate"]["code"] == "passed"
    assert len(run.held_out["purchases"]["groups"]) == 10
    assert CustomerValue.objects.filter(run=run).count() == run.customers == 300
    values = CustomerValue.objects.filter(run=run)
    assert run.total_value == sum(value.predicted_value for value in values)
    assert run.total_low < run.total_value < run.total_high
    assert sum(each["actual"] for each in run.card["frequencies"]) == 300
    assert [each["week"] for each in run.card["tracking"]] == list(range(1, 25))
    assert run.card["published"] == {"written": 300, "removed": 0}


def told(insight: Insight) -> dict[str, object]:
    return {name: getattr(insight, name) for name in writing.TOLD if name not in writing.OF_RUN}


def test_what_is_written_down_is_what_the_run_said() -> None:
    shop = shop_with_history(150)

    run = compute_value(shop, now=NOON)

    assert run is not None
    values = {value.customer_id: value for value in CustomerValue.objects.filter(run=run)}
    insights = list(Insight.objects.all())
    assert {insight.pk for insight in insights} == values.keys()
    for insight in insights:
        value = values[insight.pk]
        assert told(insight) == {name: getattr(value, name) for name in told(insight)}
        assert (insight.run_id, insight.as_of, insight.horizon_days, insight.currency) == (
            run.pk, run.data_cut, 365, "EUR",
        )  # fmt: skip
        assert value.historic_margin == round(value.historic_revenue * Decimal("0.30"), 2)
        assert value.value_low <= value.value_high
        assert value.predicted_value <= value.value_if_active
        assert 0 <= (value.probability_of_buying or 0) <= 1
        assert value.at_risk in {True, False}
    assert sorted({value.value_decile or 0 for value in values.values()}) == list(range(1, 11))


def test_a_second_run_writes_down_only_what_changed_and_keeps_the_first() -> None:
    shop = shop_with_history(150)
    first = compute_value(shop, now=NOON)
    record_orders(shop, [make.order("c0", "5.00", at=START + timedelta(days=1), name="more")], now=NOON)

    second = compute_value(shop, now=NOON)

    assert first is not None
    assert second is not None
    assert first.card["published"] == {"written": 150, "removed": 0}
    assert second.card["change"]["run"] == first.pk
    written = second.card["published"]["written"]
    assert Insight.objects.filter(run_id=second.pk).count() == written
    assert Insight.objects.filter(run_id=first.pk).count() == 150 - written
    values = CustomerValue.objects.filter(run=second)
    assert {each.pk: told(each) for each in Insight.objects.all()} == {
        each.customer_id: {name: getattr(each, name) for name in writing.TOLD if name not in writing.OF_RUN}
        for each in values
    }


def test_the_same_data_say_the_same_and_nothing_is_written_again() -> None:
    shop = shop_with_history(150)
    first = compute_value(shop, now=NOON)
    names = [field.name for field in CustomerValue._meta.fields if field.name not in {"id", "run"}]
    before = list(CustomerValue.objects.order_by("customer_id").values_list(*names))

    second = compute_value(shop, now=NOON)

    assert first is not None
    assert second is not None
    assert list(CustomerValue.objects.filter(run=second).order_by("customer_id").values_list(*names)) == before
    unlike = [
        name
        for name in ("held_out", "parameters", "factor", "total_value", "total_low", "total_high")
        if getattr(first, name) != getattr(second, name)
    ]
    assert unlike == []
    assert second.card["published"] == {"written": 0, "removed": 0}


def test_an_earlier_cut_is_computed_as_it_was_known_and_not_written_down() -> None:
    shop = shop_with_history(150)
    days = [(START + timedelta(days=each)).date() for each in (300, 359)]
    later = [fact for fact in histories(150) if fact.occurred_at.date() > days[0]]
    assert later
    then = make.retailer(margin_rate=Decimal("0.30"))
    record_orders(then, [fact for fact in histories(150) if fact.occurred_at.date() <= days[0]], now=NOON)
    register(shop, [CustomerFact("late", identified_at=NOON)], now=NOON)
    compute_value(shop, now=NOON)
    insights = list(Insight.objects.order_by("pk").values())

    again = compute_value(shop, now=NOON, cut=days[0])
    known_then = compute_value(then, now=NOON, cut=None)

    assert again is not None
    assert known_then is not None
    assert (again.is_current, known_then.data_cut) == (False, days[0])
    assert again.never_bought == known_then.never_bought == 0
    assert latest_run(shop.pk) != again
    assert list(Insight.objects.filter(customer__retailer=shop).order_by("pk").values()) == insights

    def said(run: ValueRun) -> dict[str, tuple[object, ...]]:
        rows = CustomerValue.objects.filter(run=run).select_related("customer")
        return {row.customer.external_id: (row.historic_revenue, row.predicted_value, row.at_risk) for row in rows}

    assert said(again) == said(known_then)


@pytest.mark.parametrize(("cut", "error"), [("2027-01-01", CutAhead), ("2025-01-01", CutBeforeData)])
def test_a_cut_without_data_is_refused_and_leaves_no_run(cut: str, error: type[Exception]) -> None:
    shop = shop_with_history(20)

    with pytest.raises(error, match=r"202\d"):
        compute_value(shop, now=NOON, cut=datetime.fromisoformat(cut).date())

    assert ValueRun.objects.count() == 0


def test_nothing_bought_is_no_run() -> None:
    assert compute_value(make.retailer(), now=NOON) is None


HOSTILE = {
    "one customer": (
        [make.order("ada", "10.00", at=START), make.order("ada", "20.00", at=START + timedelta(days=200))],
        "Customers who bought: 1. A prediction needs 100.",
    ),
    "too short": (
        [make.order(f"c{each}", "10.00", at=START + timedelta(days=each % 9)) for each in range(120)],
        "The orders are of 9 days; a prediction needs 90.",
    ),
    "nobody came again": (
        [make.order(f"c{each}", "10.00", at=START + timedelta(days=each)) for each in range(300)],
        "Nobody bought on two days: who comes again, and how often, cannot be told.",
    ),
    "everybody came again, but late": (
        [
            make.order(f"c{each}", "10.00", at=START + timedelta(days=day), name=f"{each}-{day}")
            for each in range(150)
            for day in (each, each + 150)
        ],
        (
            "At an origin of the back-test nobody had bought on two days yet: no model can be tried on time that it has "
            "not seen."
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_data_that_carry_no_prediction_say_what_is_missing(name: str) -> None:
    facts, words = HOSTILE[name]
    shop = make.retailer()
    record_orders(shop, facts, now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.status, reason_of(run)) == ("refused", words)
    assert set(Insight.objects.values_list("predicted_value", "probability_active", "at_risk")) == {(None, None, None)}
    assert Insight.objects.filter(historic_revenue__gt=0).count() == run.customers


def test_who_returned_everything_has_no_value_any_more() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", name="A1")], now=NOON)
    compute_value(shop, now=NOON)
    record_returns(shop, [ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))], now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.customers, run.card["published"]) == (0, {"written": 0, "removed": 1})
    assert reason_of(run) == "Everything that was bought came back: there is nothing to predict."
    assert Insight.objects.count() == 0


def priced(facts: list[OrderFact], amount: str) -> Retailer:
    shop = make.retailer()
    first = {(fact.customer, fact.occurred_at.date()): fact for fact in reversed(facts)}
    same = [make.order(fact.customer, amount, at=fact.occurred_at) for fact in first.values()]
    record_orders(shop, same, now=NOON)
    return shop


def test_of_whom_no_order_is_left_nothing_is_said_any_more() -> None:
    shop = make.retailer()
    bought = make.order("ada", "10.00", at=START)
    record_orders(shop, [bought], now=NOON)
    compute_value(shop, now=NOON)
    assert Insight.objects.count() == 1

    record_corrections(shop, [CorrectionFact(replace(bought, customer=None), 1)], now=NOON)

    assert compute_value(shop, now=NOON) is None
    assert Insight.objects.count() == 0


def test_of_a_run_that_died_no_segments_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", at=START)], now=NOON)

    def killed(*_given: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(assigning, "_finish", killed)
        with pytest.raises(SystemExit):
            compute_value(shop, now=NOON)
    run = compute_value(shop, now=NOON)

    assert run is not None
    assert list(CustomerSegment.objects.values_list("run", flat=True)) == [run.pk]


def test_where_goods_cost_more_than_they_bring_ranges_are_still_ranges() -> None:
    shop = make.retailer(margin_rate=None)
    dear = [
        replace(fact, lines=tuple(replace(line, unit_cost=line.net_amount * 2) for line in fact.lines))
        for fact in histories(120)
    ]
    record_orders(shop, dear, now=NOON)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")  # nothing was counted of tables yet

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert run.status == "done"
    assert run.total_low < run.total_value < run.total_high < 0
    values = CustomerValue.objects.filter(run=run)
    assert [value.pk for value in values if value.value_low > value.value_high] == []


def test_one_price_is_expected_again() -> None:
    shop = priced(histories(300), "9.99")

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.status, run.basis) == ("done", "revenue")
    assert spend_of(run).startswith("Every purchase day came to ")
    assert set(CustomerValue.objects.values_list("expected_order_value", flat=True)) == {Decimal("9.99")}


def test_a_heavy_tail_makes_nobodys_expectation() -> None:
    rng = np.random.default_rng(3)
    shop = make.retailer()
    facts = histories(300)
    who = {f"c{place}": float(amount) for place, amount in enumerate(10.0 * rng.pareto(0.7, 300) + 1.0)}
    tailed = [make.order(each.customer, f"{who[str(each.customer)]:.2f}", at=each.occurred_at) for each in facts]
    record_orders(shop, tailed, now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert run.card["spend"]["code"] in {"heavy_tail", "mean_does_not_exist"}
    assert "A few customers spend so much more than all others" in spend_of(run)
    assert len(set(CustomerValue.objects.values_list("expected_order_value", flat=True))) == 1


def test_a_run_that_is_wrong_on_time_it_had_not_seen_publishes_no_prediction() -> None:
    facts = histories(300)
    shop = make.retailer()
    stops = START + timedelta(days=200)  # as if the shop had closed: everybody leaves on one day
    kept = [fact for fact in facts if fact.occurred_at < stops]
    few = [make.order(f"c{each}", "5.00", at=START + timedelta(days=300 + each)) for each in range(60)]
    record_orders(shop, [*kept, *few], now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.status, run.code, run.model, run.total_value) == ("refused", "too_biased", "", None)
    assert reason_of(run).startswith("On time that it had not seen the model was off by ")
    assert run.held_out["origins"][0]["models"]["Pareto/NBD"]["purchases"]["bias"] > 0.25
    assert set(CustomerValue.objects.values_list("predicted_value", flat=True)) == {None}


def test_margin_is_by_the_lines_costs_where_they_have_one() -> None:
    shop = make.retailer(margin_rate=Decimal("0.50"))
    with_cost = replace(make.line("100.00", quantity="4"), unit_cost=Decimal(20))
    record_orders(shop, [make.order("ada", with_cost, "10.00", name="A1"), make.order("bob", "10.00")], now=NOON)
    record_returns(shop, [ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))], now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    found = dict(CustomerValue.objects.values_list("customer__external_id", "historic_margin"))
    assert found == {"ada": Decimal("20.00"), "bob": Decimal("5.00")}  # 75 - 3 x 20, and half of 10
    assert run.basis == "costs_and_rate"
    assert run.costed_share == pytest.approx(75 / 95)
    assert run.margin_share == pytest.approx(25 / 95)
    assert basis_of(run).startswith(
        "Values are margin by the lines' costs, and by the margin rate where there is none; they are of"
    )
    assert formula_of(run) == "Nobody has been a customer for 90 days: how often one comes in a year is not known."


def test_goods_cost_however_they_were_paid() -> None:
    shop = make.retailer(margin_rate=Decimal("0.30"))
    costed = replace(make.line("100.00", quantity="1"), unit_cost=Decimal(60))
    orders = [
        make.order("ada", "100.00", name="A1", paid_with_points=Decimal(30)),
        make.order("bob", costed, "100.00", name="B1", paid_with_points=Decimal(50)),
        make.order("charlie", "80.00", name="C1"),
        make.order("dora", "10.00", name="D1", at=NOON - timedelta(days=9)),
        make.order("dora", "20.00", name="D2", paid_with_points=Decimal(20)),
    ]
    record_orders(shop, orders, now=NOON)
    record_returns(shop, [ReturnFact("R1", "B1", NOON, (ReturnLineFact(Decimal("0.5"), 2),))], now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    found = dict(CustomerValue.objects.values_list("customer__external_id", "historic_margin"))
    # 70 - .7 x 100; of 150 kept three quarters were paid: 112.50 - 60 - .7 x 50; 80 - .7 x 80; and 10 - .7 x (10 + 20).
    assert found == {"ada": Decimal(0), "bob": Decimal("17.50"), "charlie": Decimal("24.00"), "dora": Decimal("-11.00")}
    assert run.costed_share == pytest.approx(100 / 360)
    assert run.margin_share == pytest.approx(30.5 / 272.5)


def test_where_no_rate_is_known_goods_cost_the_share_of_those_whose_costs_are_known() -> None:
    shop = make.retailer(margin_rate=None)
    costed = replace(make.line("100.00", quantity="1"), unit_cost=Decimal(60))
    orders = [
        make.order("ada", costed, name="A1", paid_with_points=Decimal(50)),
        make.order("bob", "100.00", name="B1", paid_with_points=Decimal(30)),
    ]
    record_orders(shop, orders, now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert run.basis == "costs_extended"
    found = dict(CustomerValue.objects.values_list("customer__external_id", "historic_margin"))
    assert found == {"ada": Decimal("-10.00"), "bob": Decimal("10.00")}  # 50 - 60, and 70 - 60


def test_an_earlier_day_knows_what_points_had_paid_by_then() -> None:
    shop = make.retailer(margin_rate=Decimal("0.30"))
    orders = [
        make.order("ada", "100.00", name="A1", at=NOON - timedelta(days=9), paid_with_points=Decimal(30)),
        make.order("ada", "50.00", name="A2", at=NOON, paid_with_points=Decimal(50)),
    ]
    record_orders(shop, orders, now=NOON)
    record_returns(shop, [ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal("0.5"), 1),))], now=NOON)

    then = compute_value(shop, now=NOON, cut=(NOON - timedelta(days=9)).date())
    today = compute_value(shop, now=NOON)

    assert then is not None
    assert today is not None
    margins = {each.run_id: each.historic_margin for each in CustomerValue.objects.all()}
    assert margins == {then.pk: Decimal(0), today.pk: Decimal("-35.00")}  # 70 - .7 x 100, and 35 - .7 x (50 + 50)


def test_a_value_by_formula_says_what_it_rests_on() -> None:
    shop = make.retailer(margin_rate=Decimal("0.50"))
    days = {"ada": (0, 100), "bob": (140,)}
    orders = [make.order(who, "10.00", at=NOON - timedelta(days=200 - day)) for who, on in days.items() for day in on]
    record_orders(shop, orders, now=NOON)

    run = compute_value(shop, now=NOON)

    # Two purchase days in Ada's 140 days: 5.218 a year, by which Bob, who is new, is valued too. Three years at half of 10.
    assert run is not None
    assert set(CustomerValue.objects.values_list("formula_value", flat=True)) == {Decimal("78.27")}
    assert formula_of(run) == (
        "Average purchase day × purchases a year × 3 years × margin. For who has been a customer for less than 90 days, "
        "everybody’s 5.22 purchases a year stand in."
    )


def test_who_brought_it_all_back_has_not_stayed() -> None:
    shop = make.retailer()
    ten, five = [f"c{place}" for place in range(10)], range(5)
    orders = [make.order(who, "10.00", at=NOON - timedelta(days=300)) for who in ten]
    orders += [make.order(ten[each], "10.00", at=NOON - timedelta(days=100), name=f"b{each}") for each in five]
    orders += [make.order("gone", "10.00", at=NOON - timedelta(days=290), name="b5")]
    orders += [make.order(ten[6], "10.00", at=NOON - timedelta(days=90), paid_with_points=Decimal(10))]
    orders += [make.order("old", "10.00", at=NOON - timedelta(days=days)) for days in (364, 0)]
    record_orders(shop, orders, now=NOON)
    backs = [("b0", 90), ("b1", 90), ("b2", 1), ("b5", 280)]
    lines = (ReturnLineFact(Decimal(1), 1),)
    facts = [ReturnFact(f"r{name}", name, NOON - timedelta(days=days), lines) for name, days in backs]
    record_returns(shop, facts, now=NOON)

    now, a_week_before = (reading.churn_a_year(shop, NOON.date(), known=known) for known in (None, date(2026, 6, 8)))

    # Of ten who bought and kept it in the first half-year two did so in the second, and three as was known a week before.
    assert [round(each or 0, 9) for each in (now, a_week_before)] == [0.96, 0.91]


def test_two_runs_of_a_retailer_do_not_go_on_at_once() -> None:
    shop = shop_with_history(20)
    runs.ask(shop, now=NOON, author="ada")

    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [runs.LOCK, shop.pk])
        with pytest.raises(AnotherRun, match="is being computed already"):
            compute_value(shop, now=NOON)
        assert runs.run_next(shop, now=NOON) is False

    assert [run.status for run in ValueRun.objects.all()] == ["asked"]


def test_a_night_that_finds_another_run_going_on_is_carried_out_after_it() -> None:
    shop = shop_with_history(20)

    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [runs.LOCK, shop.pk])
        value_everyone()
        value_everyone()
    run_asked()

    assert list(ValueRun.objects.values_list("status", "author", "customers", "is_current")) == [
        ("refused", "", 20, True)
    ]


@contextmanager
def another_session() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    given = connection.settings_dict
    with psycopg.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"], dbname=given["NAME"]
    ) as session:
        yield session


def test_what_is_asked_for_is_computed_by_a_worker() -> None:
    shop = shop_with_history(20)
    asked = runs.ask(shop, now=NOON, author="ada", horizon_days=100, discount_rate=Decimal(0), data_cut=None)
    late = runs.ask(shop, now=NOON, author="ada", data_cut=datetime(2030, 1, 1, tzinfo=UTC).date())
    assert runs.retailers_with_asked() == [shop.pk]

    assert [runs.run_next(shop, now=NOON) for _ in range(3)] == [True, True, False]

    asked.refresh_from_db()
    late.refresh_from_db()
    assert (asked.status, asked.horizon_days, asked.customers) == ("refused", 100, 20)
    assert (late.status, "cannot be cut on" in reason_of(late)) == ("failed", True)
    assert latest_run(shop.pk) == asked


def test_of_those_who_never_bought_first_purchases_are_expected() -> None:
    rng = np.random.default_rng(2)
    facts, waits = [], {}
    for place, fact in enumerate(histories(300)):
        who = str(fact.customer)
        if who not in waits and place:
            waits[who] = min(float(rng.exponential(20.0)), (fact.occurred_at - START).total_seconds() / 86_400)
        facts.append(fact)
    shop = make.retailer()
    register(
        shop,
        [CustomerFact(who, identified_at=first_of(facts, who) - timedelta(days=wait)) for who, wait in waits.items()],
        now=NOON,
    )
    register(
        shop, [CustomerFact(f"n{each}", identified_at=START + timedelta(days=each)) for each in range(100)], now=NOON
    )
    record_orders(shop, facts, now=NOON)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.never_bought, run.card["activation"]["code"]) == (100, "activated")
    expected = run.card["activation"]["values"]["expected"]
    assert 0 <= expected < 20
    assert activation_of(run).startswith(f"Of 100 who never bought, {expected} are expected to within 365 days")


def test_who_registered_after_the_last_order_waits_since_then() -> None:
    shop, other = make.retailer(zone="Europe/Paris"), make.retailer()
    for who, since in (("ada", "2026-06-01T12:00"), ("bob", "2026-06-05T12:00"), ("cyd", "2026-06-10T22:30")):
        make.customer(shop, who, since=make.on(since))
        make.customer(other, who, since=make.on(since))
    record_orders(
        shop, [make.order("ada", "10.00", at=make.on(f"2026-06-{day}T12:00")) for day in ("04", "10")], now=NOON
    )
    statistics.refresh(shop)
    cut = date(2026, 6, 10)

    def waits(known: date | None) -> list[tuple[int, bool]]:
        days, bought = reading.waits(shop, cut, 1.0, known=known)
        return sorted(zip(days.tolist(), bought.tolist(), strict=True))

    # It is past midnight in Paris when cyd registers, on the day after the last order.
    assert waits(None) == [(0, False), (3, True), (5, False)]
    assert waits(cut) == [(3, True), (5, False)]


def test_who_registered_since_the_last_order_is_expected_to_buy_as_the_others_were() -> None:
    shop = shop_with_history(150)
    for each in range(100):
        make.customer(shop, f"n{each}", since=START + timedelta(days=each))
    first = [make.order(f"n{each}", "20.00", at=START + timedelta(days=each + 5 + each % 20)) for each in range(50)]
    record_orders(shop, first, now=NOON)
    before = compute_value(shop, now=NOON)
    for each in range(1_000):
        make.customer(shop, f"late{each}", since=NOON)

    run = compute_value(shop, now=NOON)

    # Of the hundred half bought within 24 days, and the others waited for months; so will half of the thousand.
    assert before is not None
    assert run is not None
    assert activation_of(before).startswith("Of 50 who never bought, 0 are expected")
    assert activation_of(run).startswith("Of 1,050 who never bought, 500 are expected")


def test_while_a_run_goes_on_a_customers_history_is_of_those_that_ended(client: Client) -> None:
    shop = shop_with_history(60)
    first = compute_value(shop, now=NOON)
    headers = {"authorization": f"Api-Key {make.key(shop)}"}
    seen: list[list[int]] = []

    def look(step: str, done: int, _of: int) -> None:
        if (step, done) == ("publishing", 0):
            told = client.get("/api/v1/analytics/customers/c0", headers=headers).json()["history"]
            seen.append([each["run"] for each in told])

    compute_value(shop, now=NOON, on_progress=look)

    assert first is not None
    assert seen == [[first.pk]]


def first_of(facts: list[OrderFact], who: str) -> datetime:
    return min(fact.occurred_at for fact in facts if fact.customer == who)


def test_a_history_that_begins_before_its_data_is_told() -> None:
    shop, cut_off = make.retailer(), make.retailer()
    facts = histories(150)
    record_orders(shop, facts, now=NOON)
    record_orders(cut_off, [fact for fact in facts if fact.occurred_at >= START + timedelta(days=100)], now=NOON)

    found = [compute_value(each, now=NOON) for each in (shop, cut_off)]

    assert [run.is_truncated for run in found if run is not None] == [False, True]


def test_a_run_that_waited_while_the_night_ran_is_the_last_one_and_keeps_its_values() -> None:
    shop = shop_with_history(20)
    asked = runs.ask(shop, now=NOON, author="ada", horizon_days=100, discount_rate=Decimal("0.10"), data_cut=None)
    night = compute_value(shop, now=NOON + timedelta(hours=1))
    assert runs.run_next(shop, now=NOON + timedelta(hours=2))

    shown = written_down(runs_of(shop.pk))

    assert night is not None
    assert night.pk > asked.pk
    assert latest_run(shop.pk) == asked
    assert (shown and shown.pk) == asked.pk
    assert set(Insight.objects.values_list("horizon_days", flat=True)) == {100}
    assert dict(ValueRun.objects.values_list("pk", "has_values")) == {asked.pk: True, night.pk: False}
