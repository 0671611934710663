"""What earns points, into which wallet, within which budget."""

from datetime import date, timedelta

import pytest

from customers.facts import InteractionFact
from customers.models import UndecidedFact
from customers.registration import CustomerFact, register
from loyalty.activity.account.session import NotSpendable
from loyalty.activity.account.spending import redeem
from loyalty.activity.backlog import catch_up
from loyalty.activity.intake import take_interactions, take_orders
from loyalty.activity.nightly import run_nights
from loyalty.configuration.checking import Refused
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.points.models import BudgetShare, EarningGroup, Entry, PointsPolicy
from tests import make
from tests.make import NOON, Rule, on, spendable

pytestmark = pytest.mark.django_db


STATUS_RULE = Rule(code="status", wallet="status", points="10")


def with_status(**scheme: object) -> Membership:
    draft = make.version(rules=[Rule(), STATUS_RULE], tiers=[("bronze", "0", "1"), ("gold", "1000", "2")])
    PointsPolicy.objects.create(version=draft, code="status", name="Status", is_spendable=False)
    make.fill(draft, scheme={"basis": "points", "wallet": "status"} | scheme)
    return make.member(publish(draft, effective_from=make.START, now=make.START).program)


def test_status_points_count_for_tiers_and_spendable_ones_for_rewards() -> None:
    ada = with_status()
    bought = make.buys(ada, "60.00")
    below = ada.standing.tier
    make.buys(ada, "40.00", at=NOON + timedelta(minutes=1))
    ada.standing.refresh_from_db()

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=1))

    assert (str(below), str(ada.standing.tier)) == ("Bronze", "Gold")
    assert (spendable(ada, NOON + timedelta(days=1)), spendable(ada, NOON + timedelta(days=1), "status")) == (40, 400)
    with pytest.raises(NotSpendable):
        redeem(ada, 10, reference="r1", wallet="status", now=NOON)


def test_a_new_version_brings_its_wallet_to_every_member() -> None:
    ada = make.member(make.program())
    draft = open_draft(ada.program)
    PointsPolicy.objects.create(version=draft, code="status", is_spendable=False)
    make.fill(draft, rules=[STATUS_RULE])
    publish(draft, effective_from=NOON, now=NOON)
    bob = make.member(ada.program)

    for who in (ada, bob):
        make.buys(who, "3.00", at=NOON + timedelta(hours=1))

    assert [spendable(who, NOON + timedelta(hours=1), "status") for who in (ada, bob)] == [30, 30]


def test_a_rule_for_a_wallet_that_the_version_does_not_have_is_refused() -> None:
    draft = make.version(rules=[STATUS_RULE])

    with pytest.raises(Refused) as refused:
        publish(draft, effective_from=NOON, now=NOON)

    assert "“status”" in str(refused.value)


def test_a_late_order_takes_the_multiplier_of_its_own_time() -> None:
    club = make.program(tiers=[("bronze", "0", "1"), ("gold", "100", "3")])
    ada = make.member(club)
    make.buys(ada, "100.00", at=NOON)

    late = make.buys(ada, "10.00", at=NOON - timedelta(days=1))
    now = make.buys(ada, "10.00", at=NOON + timedelta(days=1))

    assert [answer.decisions[0].order.points for answer in (late, now) if answer.decisions[0].order] == [10, 30]


def test_a_budget_caps_then_stops_and_a_return_makes_room_again() -> None:
    club = make.program(points={"budget": 100})
    ada, bob = make.member(club), make.member(club)
    bought = make.buys(ada, "70.00")
    capped = make.buys(bob, "50.00")
    stopped = make.buys(bob, "50.00", at=NOON + timedelta(minutes=1))

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=1))
    again = make.buys(bob, "50.00", at=NOON + timedelta(days=2))

    orders = [answer.decisions[0].order for answer in (bought, capped, stopped, again)]
    assert [(order.points, order.reason) for order in orders if order] == [
        (70, ""),
        (30, "over_budget"),
        (0, "over_budget"),
        (50, ""),
    ]
    shares = BudgetShare.objects.filter(program=club)
    assert (sum(share.granted for share in shares), sum(share.used for share in shares)) == (100, 80)


def test_a_budget_of_a_month_begins_anew_and_a_new_version_may_change_it() -> None:
    ada = make.member(make.program(points={"budget": 100, "budget_period": "month"}))
    june = make.buys(ada, "130.00", at=NOON)
    draft = open_draft(ada.program)
    PointsPolicy.objects.filter(version=draft).update(budget=120)
    publish(draft, effective_from=NOON + timedelta(hours=1), now=NOON)

    more = make.buys(ada, "130.00", at=NOON + timedelta(hours=2))
    july = make.buys(ada, "130.00", at=on("2026-07-01T00:00"))

    assert [answer.decisions[0].order.points for answer in (june, more, july) if answer.decisions[0].order] == [
        100,
        20,
        120,
    ]


def test_interactions_earn_once_each() -> None:
    rules = [Rule(), Rule(code="review", kind="per_interaction", interaction="review", points="25")]
    ada = make.member(make.program(rules=rules, points={"period_limit": 40}))
    facts = [
        InteractionFact(f"i{place}", ada.customer.external_id, kind, NOON + timedelta(minutes=place))
        for place, kind in enumerate(["review", "visit", "review", "review"])
    ]

    answers = take_interactions(ada.program.retailer, [*facts, facts[0]], now=NOON)
    again = take_interactions(ada.program.retailer, facts, now=NOON)

    decided = [answer.decisions[0].interaction for answer in answers if answer.decisions]
    assert [(each.points, each.reason) for each in decided if each] == [
        (25, ""),
        (0, "no_rule_gave_points"),
        (15, "over_period_limit"),
        (0, "over_period_limit"),
    ]
    assert (spendable(ada, NOON), [answer.decisions for answer in again]) == (40, [(), (), (), ()])


def test_imported_interactions_are_decided_with_the_backlog() -> None:
    from customers.recording import record_interactions
    from loyalty.activity.backlog import catch_up

    rules = [Rule(), Rule(code="review", kind="per_interaction", interaction="review", points="25")]
    ada = make.member(make.program(rules=rules))
    fact = InteractionFact("i1", ada.customer.external_id, "review", NOON)
    record_interactions(ada.program.retailer, [fact], now=NOON)

    done = [catch_up(ada.program.retailer, now=NOON, until=NOON.date()) for _ in range(2)]

    assert ([each.interactions for each in done if each], spendable(ada, NOON)) == ([1, 0], 25)


@pytest.mark.parametrize(("kind", "points"), [("per_item", 9), ("per_order", 3)])
def test_points_per_item_and_per_order(kind: str, points: int) -> None:
    ada = make.member(make.program(rules=[Rule(kind=kind, points="3")]))

    bought = make.buys(ada, make.line("5.00", quantity="2"), make.line("1.00"))

    assert bought.decisions[0].order is not None
    assert bought.decisions[0].order.points == points


def test_the_last_of_one_wallets_budget_is_found_where_another_wallet_is_at_its_limit() -> None:
    """What a till locks of a budget is a share: one that is too small must not pass for an empty budget."""
    draft = make.version(rules=[Rule(), STATUS_RULE], points={"period_limit": 10})
    PointsPolicy.objects.create(version=draft, code="status", is_spendable=False, budget=1600)
    who = make.member(publish(draft, effective_from=make.START, now=make.START).program)

    bought = make.buys(who, "150.00")

    assert bought.decisions[0].order is not None
    assert bought.decisions[0].order.reason == "over_period_limit"
    assert [award.points for award in bought.decisions[0].order.awards] == [10, 1500]


def test_an_order_of_the_first_minutes_of_a_double_week_in_paris_reported_late_from_a_till_in_utc() -> None:
    week = {"field": "date", "from": "2026-03-30", "to": "2026-04-05"}
    draft = make.version(
        zone="Europe/Paris",
        rules=[Rule(group="week"), Rule(code="double", points="2", group="week", condition=week)],
    )
    EarningGroup.objects.create(version=draft, code="week")
    ada = make.member(publish(draft, effective_from=make.START, now=make.START).program)
    local = {"2026-03-29T22:30": 20, "2026-03-29T21:59": 10, "2026-04-05T21:59": 20, "2026-04-05T22:00": 10}

    given_points = {}
    for text in local:  # summer time began on the 29th: 22:30 in UTC is 00:30 on the 30th
        fact = make.order(ada, "10.00", at=on(text))
        (answer,) = take_orders(ada.program.retailer, [fact], now=on(text) + timedelta(days=2))
        given_points[text] = answer.decisions[0].order.points if answer.decisions[0].order else None

    assert given_points == local


def test_a_return_is_decided_for_the_tier_channel_and_group_of_its_order() -> None:
    gold = {"all": [{"field": "tier", "in": ["gold"]}, {"field": "channel", "in": ["web"]}]}
    rules = [Rule(), Rule(code="gold", points="3", condition=gold)]
    ada = make.member(make.program(rules=rules, tiers=[("bronze", "0", "1"), ("gold", "100", "1")]))
    make.buys(ada, "100.00")
    fact = make.order(ada, "10.00", "20.00", at=NOON + timedelta(hours=1), channel="web")
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON + timedelta(hours=1))

    back = make.returns(ada, bought, (2, "1"))

    order, after = bought.decisions[0].order, back.decisions[0].order
    assert order is not None
    assert after is not None
    assert (order.points, after.awards[0].points_kept) == (120, 40)


def test_the_order_that_reaches_a_tier_is_decided_and_returned_on_the_one_before() -> None:
    rules = [Rule(), Rule(code="gold", points="3", condition={"field": "tier", "in": ["gold"]})]
    ada = make.member(make.program(rules=rules, tiers=[("bronze", "0", "1"), ("gold", "100", "1")]))
    bought = make.buys(ada, "100.00", "50.00")

    back = make.returns(ada, bought, (2, "1"))

    assert back.decisions[0].order is not None
    assert back.decisions[0].order.awards[0].points_kept == 100


def test_birthdays_and_anniversaries_are_given_once_a_year_on_their_day() -> None:
    rules = [
        Rule(),
        Rule(code="birthday", kind="birthday", points="50", uses_multiplier=False),
        Rule(code="joined", kind="anniversary", points="20", condition={"field": "tier", "in": ["gold"]}),
    ]
    club = make.program(rules=rules, tiers=[("gold", "0", "2")])
    make.member(club, since=on("2026-02-10T15:00"), born=date(2000, 2, 29))

    run_nights(club, until=date(2028, 3, 31), now=NOON)

    assert list(Entry.objects.order_by("id").values_list("cause", "available_change", "occurred_at")) == [
        ("birthday:2026", 50, on("2026-02-28")),
        ("anniversary:2027", 40, on("2027-02-10")),
        ("birthday:2027", 50, on("2027-02-28")),
        ("anniversary:2028", 40, on("2028-02-10")),
        ("birthday:2028", 50, on("2028-02-29")),
    ]


def test_a_birthday_stays_within_the_budget() -> None:
    club = make.program(rules=[Rule(code="b", kind="birthday", points="50")], points={"budget": 80})
    for _ in range(2):
        make.member(club, born=date(2000, 6, 20))

    run_nights(club, until=date(2026, 6, 20), now=NOON)

    assert sorted(Entry.objects.values_list("available_change", flat=True)) == [30, 50]
    assert sum(share.used for share in BudgetShare.objects.all()) == 80


def test_a_birth_date_that_is_told_later_counts_from_then_on() -> None:
    club = make.program(rules=[Rule(code="b", kind="birthday", points="50")])
    ada = make.member(club)
    told = CustomerFact(ada.customer.external_id, birth_date=(NOON + timedelta(days=3)).date().replace(year=2000))

    for _ in range(2):
        register(club.retailer, [told], now=NOON)
        catch_up(club.retailer, now=NOON)
    run_nights(club, until=(NOON + timedelta(days=3)).date(), now=NOON + timedelta(days=4))

    assert list(Entry.objects.values_list("available_change", flat=True)) == [50]
    assert not UndecidedFact.objects.exists()
