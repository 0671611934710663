"""What products, moments and campaigns brought, by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from analytics.experiments.models import ExperimentLook
from analytics.experiments.results import ArmCost, ArmResult, Effect, Result
from analytics.statistics import rebuild
from analytics.uplift.results import Range, Reason
from analytics.uplift.sample_ratio import SampleRatio
from analytics.what_pays.campaigns import Why, campaign_returns
from analytics.what_pays.moments import week_of
from analytics.what_pays.period import Days, last_days
from analytics.what_pays.products import ProductReturn, products
from customers.cataloguing import ProductFact, record_products
from customers.facts import LineFact, OrderFact, ReturnFact, ReturnLineFact, line_of
from customers.models import Retailer
from customers.recording import record_orders, record_returns
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.experiments.models import Experiment
from tests import make
from tests.experiments.make_experiments import running

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
MARCH = Days(date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(zone="Europe/Paris", margin_rate=Decimal("0.4"))


def line(sku: str, amount: str, cost: str | None = None, quantity: int = 1, **given: Any) -> LineFact:
    return line_of(
        sku=sku, quantity=Decimal(quantity), net_amount=Decimal(amount),
        unit_cost=None if cost is None else Decimal(cost), **given,
    )  # fmt: skip


def buys(owner: Retailer, who: str | None, day: str, *lines: LineFact, **given: Any) -> str:
    name = make.number("o")
    when = datetime.fromisoformat(f"2026-{day}" + ("" if "T" in day else "T12:00Z"))
    record_orders(owner, [OrderFact(name, when, lines, customer=who, **given)], now=NOW)
    rebuild(owner)
    return name


def brings_back(owner: Retailer, number: str, position: int, quantity: int = 1) -> None:
    parts = (ReturnLineFact(Decimal(quantity), position=position),)
    record_returns(owner, [ReturnFact(make.number("r"), number, datetime(2026, 4, 9, tzinfo=UTC), parts)], now=NOW)
    rebuild(owner)


def by_sku(owner: Retailer, days: Days = MARCH) -> dict[str, ProductReturn]:
    return {each.sku: each for each in products(owner, days, limit=50)}


def test_margin_is_after_discounts_and_returns(shop: Retailer) -> None:
    number = buys(shop, "ada", "03-02", line("TEA", "24.00", "5", quantity=3, discount=Decimal(6)))
    brings_back(shop, number, 1)
    tea = by_sku(shop)["TEA"]

    assert (tea.listed, tea.discount, tea.net, tea.returned, tea.units) == (30, 6, 24, 8, 2)
    assert (tea.revenue, tea.costed, tea.margin, tea.margin_share) == (16, 16, 6, 0.375)
    assert (tea.discount_share, round(tea.returned_share or 0, 4)) == (0.2, 0.3333)


def test_what_points_paid_is_no_revenue(shop: Retailer) -> None:
    buys(shop, "ada", "03-02", line("TEA", "30.00", "10"), line("CUP", "10.00"), paid_with_points=Decimal(20))
    found = by_sku(shop)

    assert (found["TEA"].revenue, found["TEA"].margin) == (15, 5)
    assert (found["CUP"].revenue, found["CUP"].costed, found["CUP"].margin) == (5, 0, -1)  # 10 x .40 - 5


def test_without_cost_and_rate_no_margin_is_known(shop: Retailer) -> None:
    Retailer.objects.update(margin_rate=None)
    shop.refresh_from_db()
    buys(shop, "ada", "03-02", line("TEA", "30.00", "10"), line("CUP", "10.00"))
    buys(shop, "ada", "03-03", line("TEA", "30.00"))
    found = by_sku(shop)

    assert (found["CUP"].margin, found["CUP"].margin_share, found["TEA"].margin, found["TEA"].costed) == (
        None,
        None,
        None,
        30,
    )


def test_who_buys_it_again_and_who_came_for_it(shop: Retailer) -> None:
    buys(shop, "ada", "02-02", line("CUP", "5.00"))
    buys(shop, "ada", "03-02", line("TEA", "10.00"), line("CUP", "5.00"))
    buys(shop, "ada", "03-09", line("TEA", "10.00"))
    buys(shop, "bob", "03-03", line("TEA", "10.00"))
    buys(shop, "bob", "03-03", line("TEA", "10.00"))
    buys(shop, None, "03-04", line("TEA", "10.00"), line("CUP", "5.00"))
    tea = by_sku(shop)["TEA"]

    assert (tea.orders, tea.customers, tea.repeated, tea.new, tea.attached) == (5, 2, 1, 1, 2)
    assert (tea.repeat_rate.value, tea.new_share.value, tea.attach_rate.value) == (0.5, 0.5, 0.4)


def test_what_came_back_whole_was_kept_by_nobody(shop: Retailer) -> None:
    number = buys(shop, "ada", "03-02", line("TEA", "10.00"), line("CUP", "5.00"))
    brings_back(shop, number, 2)
    found = by_sku(shop)

    assert (found["CUP"].orders, found["CUP"].customers, found["CUP"].revenue, found["CUP"].margin) == (0, 0, 0, 0)
    assert (found["TEA"].attached, found["CUP"].repeat_rate.value, found["CUP"].margin_share) == (0, None, None)


def test_what_was_given_away_is_no_margin_where_none_is_known() -> None:
    shop = make.retailer(zone="Europe/Paris", margin_rate=None)
    buys(shop, "ada", "03-02", line("TEA", "10.00"), line("BAG", "0.00"), line("CUP", "12.00"))

    assert [(each.sku, each.margin) for each in products(shop, MARCH, limit=50)] == [
        ("CUP", None),
        ("TEA", None),
        ("BAG", None),
    ]


def test_gift_cards_are_no_products_and_other_days_do_not_count(shop: Retailer) -> None:
    buys(shop, "ada", "03-02", line("CARD", "50.00", is_gift_card=True), line("TEA", "10.00"))
    buys(shop, "ada", "04-01", line("CUP", "5.00"))
    buys(make.retailer(), "ada", "03-02", line("PEN", "5.00"))

    assert list(by_sku(shop)) == ["TEA"]


def test_those_with_most_margin_come_first_under_their_names(shop: Retailer) -> None:
    buys(
        shop,
        "ada",
        "03-02",
        line("TEA", "10.00", "9"),
        line("CUP", "5.00", "1", category="china"),
        line("PEN", "5.00", "1"),
    )
    record_products(shop, [ProductFact("CUP", name="A cup")], now=NOW)

    assert [(each.sku, each.name, each.category) for each in products(shop, MARCH, limit=2)] == [
        ("CUP", "A cup", "china"), ("PEN", "", ""),
    ]  # fmt: skip


def test_moments_are_of_the_shops_clock(shop: Retailer) -> None:
    buys(shop, "ada", "03-02T11:30Z", line("TEA", "10.00"))  # a Monday, 12:30 in Paris
    buys(shop, None, "03-09T11:59:59Z", line("TEA", "20.00"))
    buys(shop, "ada", "03-29T22:00Z", line("TEA", "30.00"))  # Monday 00:00, in summer time
    whole = buys(shop, "bob", "03-02T11:30Z", line("TEA", "10.00"))
    brings_back(shop, whole, 1)
    week = week_of(shop, MARCH)

    assert [(each.weekday, each.hour, each.orders, each.customers, each.revenue) for each in week.moments] == [
        (1, 0, 1, 1, 30.0), (1, 12, 2, 1, 30.0),
    ]  # fmt: skip
    assert (week.orders, week.at_midnight, week.occurred) == (3, 1, (5, 5, 4, 4, 4, 4, 5))
    assert [week.each_day(each) for each in week.moments] == [0.2, 0.4]


def test_the_days_end_with_the_last_one_that_is_known(shop: Retailer) -> None:
    assert last_days(shop, 90, NOW) is None
    buys(shop, "ada", "03-02", line("TEA", "10.00"))
    buys(shop, "ada", "05-20", line("TEA", "10.00"))

    assert last_days(shop, 30, NOW) == Days(date(2026, 5, 2), date(2026, 5, 31))
    assert last_days(shop, 365, NOW) == Days(date(2026, 3, 2), date(2026, 5, 31))


def campaign(owner: Retailer, name: str, experiment: Experiment | None = None, **given: Any) -> Campaign:
    club = experiment.program if experiment and experiment.program else make.program(owner)
    said = {"state": "draft", "kind": "broadcast", "created_at": NOW} | given
    made = Campaign.objects.create(retailer=owner, program=club, code=name, name=name, experiment=experiment, **said)
    if "state" not in given:
        version = CampaignVersion.objects.create(campaign=made, retailer=owner, number=1, kind="marketing")
        Campaign.objects.filter(pk=made.pk).update(state="live", version=version)
    return made


def controlled(owner: Retailer, code: str) -> Experiment:
    return running(owner, make.program(owner), code)


def look(
    of: Experiment, low: float, high: float, *, costs: tuple[float, float] | None = None, is_final: bool = True,
    blocked: Reason | None = None,
) -> ExperimentLook:  # fmt: skip
    """Keep a look at an experiment whose variant brought so much more per customer, of a hundred."""
    variants = {each.is_control: each.code for each in of.variants.all()}
    middle = Range((low + high) / 2, 1.0, low, high)
    total = Range(middle.value * 100, 100.0, low * 100, high * 100)
    arms = [
        ArmResult(code, is_control, 5_000, 100, 100, 10.0, 9.0, 11.0, 10.0, 0.0, 0.0)
        for is_control, code in variants.items()
    ]
    effect = Effect(
        variants[False], "effect" if low > 0 or high < 0 else "no_detectable_effect", middle, None, middle, middle, 0.95,
        0.01, 0.01, None, None, 1.0, None, total,
    )  # fmt: skip
    cost = [ArmCost(variants[not place], 100, each, 0, 0, 0) for place, each in enumerate(costs)] if costs else []
    result = Result(
        None if blocked else "A",
        blocked,
        is_final,
        SampleRatio(0.0, 1, 1.0, (100.0, 100.0), is_broken=False),
        arms,
        [] if blocked else [effect],
        0,
        None,
        cost,
    )
    return ExperimentLook.objects.create(
        experiment=of, retailer=of.retailer, looked_at=NOW, known_at=NOW, is_final=is_final, plan_hash=of.plan_hash,
        data_digest="d", code_version="v", currency="EUR", basis="rate", numbers=result.as_json(),
    )  # fmt: skip


def test_a_campaign_pays_by_its_control_alone(shop: Retailer) -> None:
    winning, losing = controlled(shop, "win"), controlled(shop, "lose")
    campaign(shop, "win-back", winning)
    campaign(shop, "birthday", losing)
    campaign(shop, "welcome")
    campaign(shop, "draft", state="draft")
    look(winning, 1.0, 3.0, costs=(0.0, 50.0))
    look(losing, -2.0, 1.0)
    found = campaign_returns(shop)

    assert [(each.names, each.pays, each.customers) for each in found.measured] == [
        (("win-back",), True, 100), (("birthday",), False, 100),
    ]  # fmt: skip
    assert found.measured[0].cost == 50.0
    assert found.measured[0].per_unit == Range(4.0, 2.0, 2.0, 6.0)
    assert (found.measured[1].cost, found.measured[1].per_unit) == (None, None)
    assert [(each.name, each.why) for each in found.unmeasured] == [("welcome", Why.NO_CONTROL)]


def test_campaigns_of_one_experiment_have_one_effect_together(shop: Retailer) -> None:
    both = controlled(shop, "both")
    campaign(shop, "a", both)
    campaign(shop, "b", both)
    look(both, 1.0, 3.0)

    assert [each.names for each in campaign_returns(shop).measured] == [("a", "b")]


def test_before_its_end_nothing_pays(shop: Retailer) -> None:
    open_still = controlled(shop, "open")
    campaign(shop, "a", open_still)
    look(open_still, 1.0, 3.0, is_final=False)

    assert [each.pays for each in campaign_returns(shop).measured] == [False]


def test_what_may_not_be_told_is_not_ranked(shop: Retailer) -> None:
    blocked, new = controlled(shop, "blocked"), controlled(shop, "new")
    campaign(shop, "a", blocked)
    campaign(shop, "b", new)
    look(blocked, 1.0, 3.0, blocked=Reason("nobody_long_enough", {"customers": 7.0}))
    found = campaign_returns(shop)

    assert found.measured == []
    assert sorted((each.name, each.why) for each in found.unmeasured) == [("a", Why.BLOCKED), ("b", Why.NOT_LOOKED)]


def test_nobody_else_sees_them(shop: Retailer) -> None:
    campaign(make.retailer(), "theirs")

    found = campaign_returns(shop)
    assert (found.measured, found.unmeasured) == ([], [])
