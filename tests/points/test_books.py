"""Deferred revenue by portfolio: what transfers do not change, what a revised estimate does (IFRS 15, example 52)."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from customers.facts import CorrectionFact, ReturnFact, ReturnLineFact
from customers.models import Order
from loyalty.activity.account.households import transfer
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import redeem, reverse
from loyalty.activity.correcting import take_correction
from loyalty.activity.intake import take_returns
from loyalty.activity.nightly import run_nights
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Household, HouseholdMember, Membership
from loyalty.points.closing import close_month
from loyalty.points.journal import DEFERRED, REVENUE, MonthEnd, month_end
from loyalty.points.liability import month_of, owed, owed_by_lot
from loyalty.points.models import Lot, PointsPolicy
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON, on

pytestmark = pytest.mark.django_db
JUNE, JULY, AUGUST = (on(f"2026-0{month}-01") for month in (6, 7, 8))
LATER = on("2027-01-01")
HALF = {"point_value": Decimal("0.5"), "redeemed_share": 1, "may_transfer": True}


def household(count: int, **policy: object) -> list[Membership]:
    """Return members of one household; the first bought for 100.00: 50.00 of points beside it, so 33.33 are deferred."""
    club = make.program(points=HALF | policy)
    members = [make.member(club) for _ in range(count)]
    home = Household.objects.create(retailer=club.retailer, program=club, created_at=NOON)
    for each in members:
        HouseholdMember.objects.create(household=home, membership=each, retailer=club.retailer, joined_at=NOON)
    make.buys(members[0], "100.00", name="o1")
    return members


def deferred(program: Program, at: datetime = JULY) -> Decimal:
    return sum((each.deferred for each in owed(program, at=at)), Decimal(0))


def by_lot(program: Program) -> list[tuple[str, int, Decimal]]:
    return [(lot.member, lot.available, round(lot.deferred, 2)) for lot in owed_by_lot(program, at=JULY)]


@pytest.mark.parametrize("times", [1, 2, 10])
def test_an_orders_share_stays_with_its_points_however_often_they_move(times: int) -> None:
    members = household(times + 1)
    for place, (giver, taker) in enumerate(pairwise(members)):
        transfer(giver, taker, 100, reference=f"t{place}", now=NOON + timedelta(minutes=place))

    assert (deferred(members[0].program), by_lot(members[0].program)) == (
        Decimal("33.33"),
        [(members[-1].number, 100, Decimal("33.33"))],
    )


def test_points_that_come_back_to_their_giver_are_the_same() -> None:
    ada, bob = household(2)
    for turn in range(5):
        transfer(ada, bob, 100, reference=f"there{turn}", now=NOON)
        transfer(bob, ada, 100, reference=f"back{turn}", now=NOON)

    assert by_lot(ada.program) == [(ada.number, 100, Decimal("33.33"))]
    assert Lot.objects.exclude(from_lot=None).values_list("origin__order").distinct().count() == 1


def test_a_part_that_moves_takes_its_part_and_leads_to_the_first_lot() -> None:
    ada, bob, eve = household(3)
    transfer(ada, bob, 60, reference="t1", now=NOON)
    transfer(bob, eve, 45, reference="t2", now=NOON)
    redeem(eve, 15, reference="r1", now=NOON)

    assert sorted(by_lot(ada.program)) == sorted(
        [(ada.number, 40, Decimal("13.33")), (bob.number, 15, Decimal("5.00")), (eve.number, 30, Decimal("10.00"))]
    )
    assert deferred(ada.program) == Decimal("28.33")
    first = Lot.objects.get(from_lot=None)
    assert set(Lot.objects.exclude(from_lot=None).values_list("origin", flat=True)) == {first.pk}


def test_a_households_redemption_earns_the_share_of_whose_points_they_were() -> None:
    ada, bob = household(2)
    redeem(bob, 30, reference="r1", now=NOON)  # all of them come from Ada

    month = month_end(ada.program, since=JUNE, until=JULY, now=LATER)

    assert [(line.event, line.debit) for line in month.lines if line.account == DEFERRED and line.debit] == [
        ("redeemed", Decimal("10.00"))
    ]
    assert [each.deferred for each in month.after] == [Decimal("23.33")]


def test_a_return_takes_back_the_share_of_the_points_that_came_back() -> None:
    ada, bob = household(2)
    transfer(ada, bob, 100, reference="there", now=NOON)
    transfer(bob, ada, 70, reference="back", now=NOON)
    all_of_it = ReturnFact("back", "o1", NOON + timedelta(days=1), (ReturnLineFact(Decimal(1), 1),))
    take_returns(ada.retailer, [all_of_it], now=NOON + timedelta(days=1))

    # The 70 are taken; the 30 that are with Bob are still owed to him, and still paid for.
    assert [(who, points) for who, points, _share in by_lot(ada.program)] == [(bob.number, 30)]
    assert deferred(ada.program) == Decimal("10.00")


def corrected(who: Membership | None, amount: str, version: int, *, at: datetime = NOON) -> None:
    """Let the order o1 say, some days later, that it was of another amount, at another instant, or another customer's."""
    order = Order.objects.get(number="o1")
    fact = make.order(who, make.line(amount, sku="bike"), at=at, name="o1")
    answer = take_correction(order.retailer, CorrectionFact(fact, version), now=NOON + timedelta(days=5))
    assert answer.outcome.error is None


def test_the_points_of_a_corrected_order_have_the_share_of_what_it_says_now() -> None:
    """100.00 less 50.00 give 50 points: 25.00 beside 50.00, so 16.67; and so on, whatever was taken or given before."""
    ada, bob = household(2)
    shares = []
    for version, (who, amount) in enumerate(
        [(ada, "50.00"), (ada, "200.00"), (ada, "50.00"), (bob, "50.00"), (None, "50.00"), (ada, "100.00")], start=1
    ):
        corrected(who, amount, version)
        shares.append(deferred(ada.program))

    assert shares == [Decimal(each) for each in ("16.67", "66.67", "16.67", "16.67", "0", "33.33")]


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_points_of_an_order_that_moved_have_the_share_that_they_had(*, is_closed: bool) -> None:
    """Of 100 points for which 33.33 are deferred 40 are redeemed; those that gave way to others of another day count no more."""
    ada, bob = household(2, expiry="days", expiry_count=200)
    spent = redeem(ada, 40, reference="r", now=NOON)
    if is_closed:
        close_month(ada.program, JUNE.date(), now=JULY + timedelta(days=1))
    corrected(ada, "100.00", 1, at=NOON - timedelta(days=1))
    assert deferred(ada.program, LATER) == Decimal("20.00")

    take_merge(ada.retailer, ada.customer.external_id, bob.customer.external_id, reference="m", now=AUGUST)
    reverse(bob, spent.entry_id, now=AUGUST)
    assert deferred(ada.program, LATER) == Decimal("33.33")


@pytest.mark.parametrize("at", [NOON - timedelta(days=1), on("2026-05-20")], ids=["same month", "another month"])
def test_points_of_a_closed_month_go_with_the_price_that_they_came_with(at: datetime) -> None:
    """
    Of 100.00 33.33 were deferred for 100 points when June was closed.

    In July the order is bob's, of another day, and of 1000.00: no more points, 50.00 beside 1000.00, so 47.62.
    """
    club = make.program(points=HALF, rules=[make.Rule(cap=100)])
    ada, bob = make.member(club), make.member(club)
    make.buys(ada, "100.00", name="o1")
    close_month(club, JUNE.date(), now=JULY + timedelta(days=1))

    fact = make.order(bob, "1000.00", at=at, name="o1")
    take_correction(club.retailer, CorrectionFact(fact, 1), now=JULY + timedelta(days=5))

    july = month_end(club, since=JULY, until=AUGUST, now=LATER)
    lines = {line.event: line.credit - line.debit for line in july.lines if line.account == DEFERRED}
    assert lines == {"taken_back": Decimal("-33.33"), "earned": Decimal("47.62")}
    assert deferred(club, AUGUST) == Decimal("47.62")


def test_no_more_than_its_price_is_the_share_of_points_that_a_correction_could_not_take() -> None:
    """All 100 were spent when the order turns out to be of 1.00: 50.00 beside 1.00, so 0.98 of it were theirs."""
    (ada,) = household(1)
    redeem(ada, 100, reference="r", now=NOON)
    corrected(ada, "1.00", 1)

    month = month_end(ada.program, since=JUNE, until=JULY, now=LATER)

    assert [(line.event, line.debit) for line in month.lines if line.account == DEFERRED and line.debit] == [
        ("redeemed", Decimal("0.98"))
    ]


def test_two_orders_keep_their_own_shares_when_both_move() -> None:
    """The second order gives 20 points for 80.00: 10.00 beside 80.00, so 80 × 10 / 90 = 8.89."""
    ada, bob = household(2)
    club = ada.program
    draft = open_draft(club, author="ada", now=NOON)
    draft.earning_rules.update(points=Decimal("0.25"))
    publish(draft, effective_from=NOON + timedelta(days=1), now=NOON)
    make.buys(ada, "80.00", at=NOON + timedelta(days=2))
    for turn, (giver, taker) in enumerate([(ada, bob), (bob, ada), (ada, bob)]):
        transfer(giver, taker, 120, reference=f"t{turn}", now=NOON + timedelta(days=3))

    assert sorted(by_lot(club)) == [(bob.number, 20, Decimal("8.89")), (bob.number, 100, Decimal("33.33"))]
    assert deferred(club) == Decimal("42.22")


# IFRS 15, illustrative example 52: sales of 100,000 earn 10,000 points of 1.00, of which 97 % are expected.


def example(members: int = 1, **policy: object) -> list[Membership]:
    club = make.program(
        points={"point_value": 1, "redeemed_share": Decimal("0.97")} | policy, rules=[make.Rule(points="0.1")]
    )
    found = [make.member(club) for _ in range(members)]
    for each in found:
        make.buys(each, f"{100_000 / members:.2f}")
    return found


def revised(program: Program, share: str | None, since: datetime) -> None:
    draft = open_draft(program, author="ada", now=since - timedelta(days=5))
    PointsPolicy.objects.filter(version=draft).update(redeemed_share=share)
    publish(draft, effective_from=since, now=since - timedelta(days=5))


def ended(program: Program, month: str) -> MonthEnd:
    since, until = month_of(month, program.tzinfo)
    return month_end(program, since=since, until=until, now=LATER)


def revenue(month: MonthEnd, *events: str) -> Decimal:
    """Return what a month earned by events, or by all but those that defer."""
    wanted = events or ("redeemed", "restored", "estimate", "breakage")
    lines = [line for line in month.lines if line.account == REVENUE and line.event in wanted]
    return sum((line.credit - line.debit for line in lines), Decimal(0))


@pytest.mark.parametrize("members", [1, 10])
def test_a_revised_estimate_reaches_the_points_that_are_open(members: int) -> None:
    """Whoever redeems: nine of ten members spend all they have, one nothing, and the sums are those of the example."""
    shoppers = example(members)
    club = shoppers[0].program
    spent = 0
    for month, points in ((JUNE + timedelta(days=29), 4_500), (JULY + timedelta(days=20), 4_000)):
        for place, shopper in enumerate(shoppers):
            has = 10_000 // members
            already = max(0, min(has, spent - place * has))
            now = max(0, min(has - already, spent + points - place * has - already))
            if now:
                redeem(shopper, now, reference=f"{month:%m}", now=month)
        spent += points
    revised(club, "0.99", JULY + timedelta(days=10))

    june, july = ended(club, "2026-06"), ended(club, "2026-07")

    assert [line.credit for line in june.lines if line.event == "earned" and line.credit] == [Decimal("8842.30")]
    assert (revenue(june), revenue(july)) == (Decimal("4102.10"), Decimal("3489.77"))
    assert (revenue(july, "redeemed"), revenue(july, "estimate")) == (Decimal("3646.31"), Decimal("-156.53"))
    assert [each.deferred for each in (*june.after, *july.after)] == [Decimal("4740.20"), Decimal("1250.43")]


def test_a_lower_estimate_earns_more_in_the_month_of_the_change() -> None:
    """92 % instead: 8,842.30 × 8,500 / 9,200 - 4,102.10."""
    (ada,) = example()
    redeem(ada, 4_500, reference="r1", now=JUNE + timedelta(days=29))
    redeem(ada, 4_000, reference="r2", now=JULY + timedelta(days=20))
    revised(ada.program, "0.92", JULY + timedelta(days=10))

    assert revenue(ended(ada.program, "2026-07")) == Decimal("4067.42")


def test_an_estimate_without_an_event_moves_its_month_alone() -> None:
    (ada,) = example()
    redeem(ada, 4_500, reference="r1", now=JUNE + timedelta(days=29))
    revised(ada.program, "0.99", JULY + timedelta(days=10))

    june, july, august = (ended(ada.program, f"2026-0{month}") for month in (6, 7, 8))

    assert (revenue(june), revenue(july), august.lines) == (Decimal("4102.10"), Decimal("-82.87"), [])
    assert {line.event for line in july.lines} == {"estimate"}


def test_more_redeemed_than_expected_earns_no_more_than_the_price() -> None:
    (ada,) = example()
    redeem(ada, 9_700, reference="r1", now=JUNE + timedelta(days=29))
    redeem(ada, 200, reference="r2", now=JULY + timedelta(days=1))
    redeem(ada, 100, reference="r3", now=JULY + timedelta(days=2))

    june, july = ended(ada.program, "2026-06"), ended(ada.program, "2026-07")

    assert (revenue(june), revenue(july)) == (Decimal("8842.30"), Decimal(0))
    assert [(each.open, each.deferred) for each in july.after] == [(0, Decimal(0))]


def test_nothing_expected_defers_nothing_and_divides_by_nothing() -> None:
    (ada,) = example(redeemed_share=0)
    redeem(ada, 1, reference="r1", now=NOON)

    june = ended(ada.program, "2026-06")

    assert ([each.deferred for each in june.after], list(june.lines)) == ([Decimal(0)], [])


def test_what_expires_beyond_the_breakage_earns_its_price_on_the_others() -> None:
    """80 of 100 are expected; 30 were redeemed and 70 expired: all of the price is earned."""
    (ada,) = example(expiry="days", expiry_count=20)
    redeem(ada, 3_000, reference="r1", now=NOON)
    run_nights(ada.program, until=AUGUST.date(), now=JULY + timedelta(days=20))

    june, july = ended(ada.program, "2026-06"), ended(ada.program, "2026-07")

    assert (revenue(june), revenue(july)) == (Decimal("2734.73"), Decimal("6107.57"))
    assert [(line.event, line.points) for line in july.lines] == [("breakage", 7_000), ("breakage", 7_000)]


def test_an_undone_redemption_defers_again_what_it_earned() -> None:
    (ada,) = example()
    spent = redeem(ada, 4_500, reference="r1", now=JUNE + timedelta(days=29))
    reverse(ada, spent.entry_id, now=JULY + timedelta(days=1))

    july = ended(ada.program, "2026-07")

    assert (revenue(july), revenue(july, "restored")) == (Decimal("-4102.10"), Decimal("-4102.10"))
    assert [each.deferred for each in july.after] == [Decimal("8842.30")]


def test_an_estimate_that_is_left_to_history_is_told_as_such() -> None:
    (ada,) = example()
    redeem(ada, 4_500, reference="r1", now=JUNE + timedelta(days=29))
    revised(ada.program, None, JULY + timedelta(days=10))

    july = ended(ada.program, "2026-07")

    # History saw only redemptions, so all of the open ones are expected: 8,842.30 × 5,500 / 10,000.
    assert [each.deferred for each in july.after] == [Decimal("4863.26")]
    assert {line.event for line in july.lines} == {"breakage"}


def test_a_version_that_is_not_in_force_yet_changes_no_estimate() -> None:
    (ada,) = example()
    revised(ada.program, "0.50", AUGUST)

    assert [each.expected for each in ended(ada.program, "2026-07").after] == [9_700]
    assert [each.expected for each in ended(ada.program, "2026-08").after] == [5_000]


def test_points_that_were_earned_before_they_had_a_value_are_valued_when_they_get_one() -> None:
    ada = make.member(make.program())
    make.buys(ada, "100.00")
    draft = open_draft(ada.program, author="ada", now=NOON)
    PointsPolicy.objects.filter(version=draft).update(point_value=Decimal("0.05"), redeemed_share=Decimal("0.8"))
    publish(draft, effective_from=JULY + timedelta(days=9), now=NOON)

    june, july = ended(ada.program, "2026-06"), ended(ada.program, "2026-07")

    assert (june.after, [each.liability for each in july.after]) == ([], [Decimal("4.00")])
    assert [(line.event, line.account, line.credit) for line in july.lines if line.credit] == [
        ("breakage", DEFERRED, Decimal("3.85"))
    ]


def test_a_value_that_is_taken_away_leaves_the_books_as_they_are() -> None:
    ada = make.member(make.program(points={"point_value": Decimal("0.05"), "redeemed_share": Decimal("0.8")}))
    make.buys(ada, "100.00")
    draft = open_draft(ada.program, author="ada", now=NOON)
    PointsPolicy.objects.filter(version=draft).update(point_value=None, redeemed_share=None)
    publish(draft, effective_from=JULY + timedelta(days=9), now=NOON)

    june, july = ended(ada.program, "2026-06"), ended(ada.program, "2026-07")

    assert (july.after, july.lines) == (june.after, [])


def test_a_months_end_by_the_occurred_clock_counts_what_occurred_in_it() -> None:
    (ada,) = example()
    make.buys(ada, "1000.00", at=JUNE + timedelta(days=3), recorded=JULY + timedelta(days=3))

    found = [
        month_end(ada.program, since=since, until=until, now=LATER, clock=clock)
        for clock in (Clock.RECORDED, Clock.OCCURRED)
        for since, until in ((JUNE, JULY), (JULY, AUGUST))
    ]

    assert [[each.open for each in month.after] for month in found] == [[10_000], [10_100], [10_100], [10_100]]
    assert [{(line.event, line.is_late) for line in month.lines} for month in found] == [
        {("earned", False)},
        {("earned", True)},
        {("earned", False)},
        set(),
    ]
