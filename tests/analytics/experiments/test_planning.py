"""What an experiment can detect, from a retailer's own customers."""

from typing import Any

import numpy as np
import pytest

from analytics.experiments.planning import Forecast, TooLittleToPlanFrom, forecast, plan_from_data
from analytics.uplift.power import Past, detectable, needed
from customers.facts import OrderFact
from customers.models import Retailer
from customers.recording import record_orders
from loyalty.experiments.planning import VariantFact
from loyalty.experiments.running import start
from tests import make
from tests.analytics.experiments.shops import DAY, WINDOW, line
from tests.experiments.make_experiments import drafted
from tests.make import START

pytestmark = pytest.mark.django_db
TENTH = (VariantFact("out", 1_000, is_control=True), VariantFact("in", 9_000))
PER_WINDOW = [5 + 4 * (place % 9) for place in range(50)]
NEXT = [amount + place % 4 for place, amount in enumerate(PER_WINDOW)]


def shop(*, windows: int = 2, idle: int = 10) -> Retailer:
    """Return a retailer whose 50 customers bought in each window, and some who never did."""
    owner = make.retailer()
    orders = [
        OrderFact(
            f"o{which}-{place}",
            START - (which * WINDOW + place % 20) * DAY,
            (line(f"{amount}.00"),),
            customer=f"c{place}",
        )
        for which, amounts in enumerate((NEXT, PER_WINDOW))
        for place, amount in enumerate(amounts)
        if which < windows
    ]
    orders.append(OrderFact("first", START - (WINDOW * windows + 5) * DAY, (line("1.00"),), customer="c0"))
    record_orders(owner, orders, now=START)
    for place in range(idle):
        make.customer(owner, f"idle{place}", since=START - 200 * DAY)
    return owner


def told(owner: Retailer, code: str = "hold-out", **given: Any) -> Forecast:
    plain: dict[str, Any] = {"metric": "revenue", "window_days": WINDOW, "variants": TENTH, "form": "no_benefits"}
    return forecast(drafted(owner, make.program(owner), code, **(plain | given)), now=START)


def test_what_is_detected_is_computed_from_what_customers_brought() -> None:
    found = told(shop())

    after, before = (np.array([*amounts, *[0] * 10], dtype=np.float64) for amounts in (NEXT, PER_WINDOW))
    past = Past(after.mean(), after.var(), float(np.corrcoef(after, before)[0, 1]))
    (variant,) = found.variants
    assert (found.customers, variant.customers, variant.code) == (60, 54, "in")
    assert (found.mean, found.deviation, found.correlation) == pytest.approx(
        (past.mean, past.variance**0.5, past.correlation)
    )
    assert variant.detectable.amount == pytest.approx(detectable(past, 54, 6).amount)
    assert found.half.amount == pytest.approx(detectable(past, 30, 30).amount)
    assert found.needed["5%"] == pytest.approx(needed(past, 0.05 * past.mean, held_out=0.1), abs=1)
    assert found.basis == "revenue"


def test_of_a_few_customers_who_spend_as_they_did_the_advice_is_half_and_half() -> None:
    assert told(shop()).advice == "half_and_half"


def test_without_a_window_before_nothing_is_known_of_the_past() -> None:
    assert told(shop(windows=1)).correlation == 0


def test_orders_of_less_than_a_window_are_too_little() -> None:
    owner = make.retailer()
    record_orders(owner, [OrderFact("o1", START - DAY, (line("1.00"),), customer="c0")], now=START)

    with pytest.raises(TooLittleToPlanFrom) as refused:
        told(owner)

    assert refused.value.facts == {"window_days": WINDOW, "days": 0}


def test_who_is_a_member_already_is_not_counted_where_others_are_not_invited() -> None:
    owner = shop()
    club = make.program(owner)
    make.member(club, "c1")
    draft = drafted(owner, club, form="not_invited", metric="revenue", window_days=WINDOW)

    assert forecast(draft, now=START).customers == 59


def test_more_variants_detect_less() -> None:
    owner = shop()
    thirds = (VariantFact("a", 3_334, is_control=True), VariantFact("b", 3_333), VariantFact("c", 3_333))
    pair = (VariantFact("a", 5_000, is_control=True), VariantFact("b", 5_000))

    three, two = (
        told(owner, layer="variant", form="variants", variants=each, code=code)
        for code, each in (("x", thirds), ("y", pair))
    )

    assert [each.code for each in three.variants] == ["b", "c"]
    assert three.variants[0].detectable.amount > 1.2 * two.variants[0].detectable.amount


def test_the_plan_is_frozen_with_what_it_detects_and_starts() -> None:
    owner = shop()
    draft = drafted(owner, make.program(owner), metric="revenue", window_days=WINDOW, variants=TENTH)

    planned = plan_from_data(draft, author="Grace", now=START)

    assert planned.plan["detectable"]["variants"][0]["code"] == "in"
    assert planned.plan["detectable"]["customers"] == 60
    assert start(planned, author="Grace", now=START).state == "running"
