"""The promises to members and retailers, with the numbers in which they were made."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from customers.facts import InteractionFact, OrderEventFact
from loyalty.activity.adjusting import adjust
from loyalty.activity.desk import InsufficientPoints, NotSpendable
from loyalty.activity.households import OtherProgram, SameMember, TransfersClosed, transfer
from loyalty.activity.intake import take_interactions, take_order_events, take_orders
from loyalty.activity.nightly import run_nights
from loyalty.activity.spending import hold, redeem, release, reverse
from loyalty.configuration.drafts import UnknownWallet, open_draft, publish
from loyalty.memberships.models import Household, HouseholdMember, Membership
from loyalty.points.models import BudgetShare, EarningRule, Entry, Lot, PointsPolicy, Wallet
from loyalty.points.statement import balance
from tests import make
from tests.make import NOON, Rule

pytestmark = pytest.mark.django_db


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spendable(who: Membership, at: datetime, wallet: str = "points") -> int:
    return balance(Wallet.objects.get(membership=who, code=wallet), at=at, zone=who.program.tzinfo).available


def given(who: Membership, points: int, at: datetime) -> None:
    adjust(who, points, reference=make.number("gift"), reason="a start", author="test", now=at)


def test_what_was_paid_with_points_earns_none_and_comes_back_with_the_last_return() -> None:
    ada = make.member(make.program())
    given(ada, 1000, NOON)
    redeem(ada, 500, reference="reward-5", now=NOON)
    line = make.line("20.00", quantity="2")
    fact = make.order(ada, line, paid_with_points=Decimal(5), redemptions=("reward-5",))
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON)
    balances = [spendable(ada, NOON)]

    for day in (1, 2):
        make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=day))
        balances.append(spendable(ada, NOON + timedelta(days=day)))

    assert balances == [515, 505, 1000]


def test_a_redemption_that_was_undone_is_not_given_back_again_by_the_return() -> None:
    ada = make.member(make.program())
    given(ada, 1000, NOON)
    booked = redeem(ada, 500, reference="reward-5", now=NOON)
    fact = make.order(ada, "10.00", paid_with_points=Decimal(5), redemptions=("reward-5",))
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON)
    reverse(ada, booked.entry_id, now=NOON)

    make.returns(ada, bought, (1, "1"))

    assert spendable(ada, NOON + timedelta(days=1)) == 1000


def test_what_comes_back_is_there_to_be_taken() -> None:
    ada = make.member(make.program())
    given(ada, 500, NOON)
    redeem(ada, 500, reference="reward-5", now=NOON)
    fact = make.order(ada, "25.00", paid_with_points=Decimal(5), redemptions=("reward-5",))
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON)
    redeem(ada, 20, reference="another", now=NOON)

    answer = make.returns(ada, bought, (1, "1"))

    assert answer.effects[0].order_return is not None
    assert (answer.effects[0].order_return.shortfall, spendable(ada, NOON + timedelta(days=1))) == (0, 480)


@pytest.mark.parametrize("change", ["doubled", "switched off"])
def test_a_return_takes_what_the_order_earned_under_its_own_rules(change: str) -> None:
    ada = make.member(make.program())
    bought = make.buys(ada, "50.00")
    draft = open_draft(ada.program)
    EarningRule.objects.filter(version=draft).delete()
    make.fill(draft, rules=[Rule(points="2") if change == "doubled" else Rule(code="other", categories=["NONE"])])
    publish(draft, effective_from=NOON + timedelta(hours=1), now=NOON)
    before = spendable(ada, NOON)

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=1))

    assert (before, spendable(ada, NOON + timedelta(days=1))) == (50, 0)


def test_a_month_of_life_after_two_weeks_of_waiting() -> None:
    ada = make.member(make.program(points={"pending_days": 14, "expiry": "months", "expiry_count": 1}))

    make.buys(ada, "100.00", at=on("2026-03-01T10:00"))

    instants = [
        "2026-03-01T10:00",
        "2026-03-14T23:59:59",
        "2026-03-15T00:00",
        "2026-04-15T23:59:59",
        "2026-04-16T00:00",
    ]
    assert [spendable(ada, on(instant)) for instant in instants] == [0, 0, 100, 100, 0]


def test_a_return_before_activation_cancels_only_what_is_pending() -> None:
    ada = make.member(make.program(points={"pending_days": 14, "expiry": "months", "expiry_count": 1}))
    make.buys(ada, "30.00", at=on("2026-02-01T10:00"))
    bought = make.buys(ada, "100.00", at=on("2026-03-01T10:00"))
    run_nights(ada.program, until=date(2026, 3, 1), now=NOON)

    make.returns(ada, bought, (1, "1"), at=on("2026-03-10T10:00"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.pending, spendable(ada, on("2026-03-15T00:00"))) == (30, 0, 30)


def test_points_wait_for_the_delivery_of_their_order_and_then_some_days() -> None:
    policy = {"pending_event": "delivered", "pending_days": 2, "expiry": "months", "expiry_count": 1}
    ada = make.member(make.program(points=policy))
    bought = make.buys(ada, "100.00", name="o1", at=on("2026-03-01T10:00"))
    late = on("2026-06-01T00:00")
    run_nights(ada.program, until=late.date(), now=late)
    waiting = make.wallet_of(ada)
    fact = OrderEventFact("o1", "delivered", on("2026-03-05T18:00"))

    for _ in range(2):  # the same again changes nothing
        take_order_events(ada.program.retailer, [fact], now=on("2026-03-06T10:00"))

    lot = Lot.objects.get()
    assert bought.effects[0].order is not None
    assert (waiting.pending, waiting.available) == (100, 0)
    assert (lot.active_at, lot.expires_at) == (on("2026-03-07T00:00"), on("2026-04-08T00:00"))
    assert [spendable(ada, on(f"2026-{day}")) for day in ("03-06", "03-07", "04-07", "04-08")] == [0, 100, 100, 0]


def test_points_that_wait_for_an_event_alone_are_active_with_it() -> None:
    ada = make.member(make.program(points={"pending_event": "delivered"}))
    make.buys(ada, "100.00", name="o1")

    fact = OrderEventFact("o1", "delivered", NOON + timedelta(days=1))
    take_order_events(ada.program.retailer, [fact], now=NOON + timedelta(days=1))

    assert make.wallet_of(ada).available == 100
    assert list(Entry.objects.order_by("id").values_list("kind", flat=True)) == ["earn", "activate"]


def test_a_delivery_that_is_known_before_its_order_is_decided_counts() -> None:
    from customers.recording import record_order_events, record_orders
    from loyalty.activity.backlog import catch_up

    ada = make.member(make.program(points={"pending_event": "delivered"}))
    shop = ada.program.retailer
    record_orders(shop, [make.order(ada, "100.00", name="o1")], now=NOON)
    record_order_events(shop, [OrderEventFact("o1", "delivered", NOON + timedelta(days=1))], now=NOON)

    catch_up(shop, now=NOON, until=NOON.date())

    assert [spendable(ada, NOON + timedelta(days=day)) for day in (0, 1)] == [0, 100]


def test_points_are_not_active_before_a_date() -> None:
    ada = make.member(make.program(points={"pending_until": date(2026, 7, 1)}))

    make.buys(ada, "10.00", at=NOON)
    make.buys(ada, "7.00", at=on("2026-07-03T12:00"))

    assert [spendable(ada, on(at)) for at in ("2026-06-30T23:59", "2026-07-01T00:00", "2026-07-03T12:00")] == [
        7,
        17,
        17,
    ]


@pytest.mark.parametrize(
    ("earned", "last_day"),
    [("2026-06-29", "06-30"), ("2026-06-30", "06-30"), ("2026-07-01", "12-31"), ("2026-12-31", "12-31")],
)
def test_points_expire_on_the_next_of_fixed_dates(earned: str, last_day: str) -> None:
    ada = make.member(make.program(points={"expiry": "fixed_dates", "expiry_dates": ["06-30", "12-31"]}))

    make.buys(ada, "10.00", at=on(f"{earned}T12:00"))

    after = on(f"2026-{last_day}") + timedelta(days=1)
    assert (spendable(ada, after - timedelta(seconds=1)), spendable(ada, after)) == (10, 0)


def test_points_live_as_long_as_their_member_is_active() -> None:
    ada = make.member(make.program(points={"expiry": "inactivity", "expiry_count": 3}))
    make.buys(ada, "10.00", at=on("2026-01-31T12:00"))  # through 30 April
    make.buys(ada, "5.00", at=on("2026-04-30T12:00"))  # through 30 July
    redeem(ada, 1, reference="r1", now=on("2026-07-30T23:00"))  # through 30 October

    run_nights(ada.program, until=date(2026, 10, 30), now=NOON)
    alive = make.wallet_of(ada).available
    run_nights(ada.program, until=date(2026, 10, 31), now=NOON)

    assert (alive, make.wallet_of(ada).available) == (14, 0)
    assert [spendable(ada, on(at)) for at in ("2026-10-30T23:59", "2026-10-31T00:00")] == [0, 0]


def test_what_died_of_inactivity_does_not_live_again_with_the_next_order() -> None:
    ada = make.member(make.program(points={"expiry": "inactivity", "expiry_count": 1}))
    make.buys(ada, "10.00", at=on("2026-01-15T12:00"))

    make.buys(ada, "7.00", at=on("2026-02-16T00:00"))  # no night has been

    wallet = make.wallet_of(ada)
    assert (wallet.available, list(Entry.objects.order_by("id").values_list("kind", flat=True))) == (
        7,
        ["earn", "expire", "earn"],
    )


STATUS_RULE = Rule(code="status", wallet="status", points="10")


def with_status(**ladder: object) -> Membership:
    draft = make.version(rules=[Rule(), STATUS_RULE], tiers=[("bronze", "0", "1"), ("gold", "1000", "2")])
    PointsPolicy.objects.create(version=draft, code="status", name="Status", is_spendable=False)
    make.fill(draft, ladder={"basis": "points", "wallet": "status"} | ladder)
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

    with pytest.raises(UnknownWallet) as refused:
        publish(draft, effective_from=NOON, now=NOON)

    assert "“status”" in str(refused.value)


def test_a_late_order_takes_the_multiplier_of_its_own_time() -> None:
    club = make.program(tiers=[("bronze", "0", "1"), ("gold", "100", "3")])
    ada = make.member(club)
    make.buys(ada, "100.00", at=NOON)

    late = make.buys(ada, "10.00", at=NOON - timedelta(days=1))
    now = make.buys(ada, "10.00", at=NOON + timedelta(days=1))

    assert [answer.effects[0].order.points for answer in (late, now) if answer.effects[0].order] == [10, 30]


def test_a_budget_caps_then_stops_and_a_return_makes_room_again() -> None:
    club = make.program(points={"budget": 100})
    ada, bob = make.member(club), make.member(club)
    bought = make.buys(ada, "70.00")
    capped = make.buys(bob, "50.00")
    stopped = make.buys(bob, "50.00", at=NOON + timedelta(minutes=1))

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=1))
    again = make.buys(bob, "50.00", at=NOON + timedelta(days=2))

    orders = [answer.effects[0].order for answer in (bought, capped, stopped, again)]
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

    assert [answer.effects[0].order.points for answer in (june, more, july) if answer.effects[0].order] == [
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

    decided = [answer.effects[0].interaction for answer in answers if answer.effects]
    assert [(each.points, each.reason) for each in decided if each] == [
        (25, ""),
        (0, "no_rule_gave_points"),
        (15, "over_period_limit"),
        (0, "over_period_limit"),
    ]
    assert (spendable(ada, NOON), [answer.effects for answer in again]) == (40, [(), (), (), ()])


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

    assert bought.effects[0].order is not None
    assert bought.effects[0].order.points == points


def lots_of(who: Membership) -> list[tuple[int, int, datetime | None]]:
    lots = Lot.objects.filter(wallet__membership=who).order_by("expires_at", "id")
    return list(lots.values_list("amount", "available", "expires_at"))


TRANSFERS = {"may_transfer": True, "expiry": "days", "expiry_count": 10}


def test_a_transfer_keeps_each_lots_expiry_and_moves_nothing_else() -> None:
    club = make.program(points=TRANSFERS)
    ada, bob = make.member(club), make.member(club)
    make.buys(ada, "30.00", at=NOON)
    make.buys(ada, "50.00", at=NOON + timedelta(days=1))
    now = NOON + timedelta(days=2)

    booked = transfer(ada, bob, 60, reference="gift", now=now)
    again = transfer(ada, bob, 60, reference="gift", now=now)

    ends = [datetime(2026, 6, day, tzinfo=UTC) for day in (26, 27)]
    assert (booked.available, again.is_new) == (20, False)
    assert lots_of(ada) == [(30, 0, ends[0]), (50, 20, ends[1])]
    assert lots_of(bob) == [(30, 30, ends[0]), (30, 30, ends[1])]


def test_pending_and_expired_points_do_not_move() -> None:
    club = make.program(points=TRANSFERS | {"pending_days": 2})
    ada, bob = make.member(club), make.member(club)
    make.buys(ada, "30.00", at=NOON - timedelta(days=20))
    make.buys(ada, "50.00", at=NOON)

    with pytest.raises(InsufficientPoints) as refused:
        transfer(ada, bob, 1, reference="gift", now=NOON)

    assert (refused.value.facts["available"], lots_of(bob)) == (0, [])


def test_transfers_stay_within_a_program_that_allows_them() -> None:
    ada, bob = (make.member(make.program()) for _ in range(2))
    eve = make.member(ada.program)
    make.buys(ada, "30.00")

    for taker, refusal in ((bob, OtherProgram), (ada, SameMember), (eve, TransfersClosed)):
        with pytest.raises(refusal):
            transfer(ada, taker, 10, reference="gift", now=NOON)


def household(*members: Membership) -> None:
    shop = members[0].retailer
    home = Household.objects.create(retailer=shop, program=members[0].program, created_at=NOON)
    for who in members:
        HouseholdMember.objects.create(membership=who, household=home, retailer=shop, joined_at=NOON)


def test_a_household_spends_what_all_have_and_what_expires_first_goes_first() -> None:
    club = make.program(points={"expiry": "days", "expiry_count": 10})
    ada, bob, eve = (make.member(club) for _ in range(3))
    household(ada, bob, eve)
    for who, amount, day in ((ada, "10.00", 3), (bob, "20.00", 2), (eve, "30.00", 1)):
        make.buys(who, amount, at=NOON + timedelta(days=day))
    now = NOON + timedelta(days=3, minutes=1)

    booked = redeem(ada, 45, reference="tent", now=now)
    with pytest.raises(InsufficientPoints) as refused:
        redeem(ada, 16, reference="boat", now=now)
    held, _ = hold(ada, 15, reference="till", now=now)
    release(held.pk, now=now)

    assert (booked.points, refused.value.facts["available"]) == (45, 15)
    assert [spendable(who, now) for who in (ada, bob, eve)] == [15, 0, 0]
    assert Entry.objects.filter(wallet__membership=eve).order_by("id").last().explanation["points"] == 30  # type: ignore[union-attr]


def test_the_same_redemption_of_a_household_again_takes_nothing_more() -> None:
    club = make.program()
    ada, bob = make.member(club), make.member(club)
    household(ada, bob)
    make.buys(bob, "20.00")

    first, again = (redeem(ada, 15, reference="tent", now=NOON) for _ in range(2))

    assert (first.entry_id, again.is_new, spendable(bob, NOON)) == (again.entry_id, False, 5)


def test_a_fact_paid_with_more_points_than_it_cost_is_refused() -> None:
    from customers.facts import InvalidFact

    fact = make.order("ada", "10.00")

    with pytest.raises(InvalidFact) as refused:
        replace(fact, paid_with_points=Decimal("10.01"))

    assert refused.value.reason == "more_than_amount"


def test_what_has_expired_of_an_order_is_not_taken_from_others_when_it_comes_back() -> None:
    ada = make.member(make.program(points={"expiry": "days", "expiry_count": 10}))
    bought = make.buys(ada, "100.00", at=NOON)
    make.buys(ada, "30.00", at=NOON + timedelta(days=9))

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=12))  # no night has been

    assert spendable(ada, NOON + timedelta(days=12)) == 30


def test_a_return_takes_points_that_are_due_whether_or_not_the_night_has_been() -> None:
    policy = {"pending_days": 1, "on_return": "allow_negative"}
    ada = make.member(make.program(points=policy))
    bought = make.buys(ada, "50.00", at=NOON)
    make.buys(ada, "50.00", at=NOON + timedelta(minutes=1))
    redeem(ada, 50, reference="r1", now=NOON + timedelta(days=1))

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=2))

    assert (make.wallet_of(ada).available, make.wallet_of(ada).owed) == (0, 0)
