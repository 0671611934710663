"""The model itself says what was decided for cases that once went wrong: small, with their numbers."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.properties.model.past import OrderFact
from tests.properties.model.terms import (
    MAIN,
    BadgeTerms,
    ChallengeTerms,
    GoalTerms,
    Ladder,
    PlanTerms,
    ReferralTerms,
    Refused,
    RewardTerms,
    Step,
    Terms,
    WalletTerms,
)
from tests.properties.model.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def everything_is_decided_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model promise all that it can: that a late fact decides what came after it anew, too."""
    monkeypatch.setattr("tests.properties.model.past.DECIDES_ANEW", True)


STEPS = (Step("bronze", 0), Step("silver", 500), Step("gold", 1000))


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def world(*, bonus: int = 0, ladder: Ladder | None = None, names: str = "Ada", **wallet: Any) -> World:
    made = World(Terms(bonus=bonus, wallets={MAIN: WalletTerms(**wallet)}, ladder=ladder or Ladder()), START, "UTC")
    for name in names.split():
        made.enrol(name, START)
    return made


def buy(where: World, number: str, amount: int, at: str, *, now: str = "", who: str = "Ada", **given: Any) -> int:
    fact = OrderFact(number, who, on(at), Fraction(amount), 1, **given)
    return where.place_order(fact, on(now or at))


def back(where: World, number: str, at: str) -> None:
    where.give_back(f"back{number}", number, 1, on(at), on(at))


def look(where: World, at: str, who: str = "Ada") -> tuple[str, date | None]:
    where.advance(on(at))
    found = where.stand(who)
    return found.tier, found.keeps_until


def balance(where: World, at: str, who: str = "Ada") -> tuple[int, int, int, int]:
    return where.balance(who, MAIN, on(at))


def test_the_first_order_gets_its_bonus_and_enters_a_tier_that_multiplies_the_second() -> None:
    steps = (Step("bronze", 0), Step("silver", 100, Fraction(2), 50))
    ada = world(bonus=500, ladder=Ladder(steps))

    buy(ada, "a", 120, "2026-02-01T12:00")
    buy(ada, "b", 120, "2026-02-01T12:01")

    assert balance(ada, "2026-02-02") == (910, 0, 0, 0)


@pytest.mark.parametrize("downgrade", ["never", "grace", "period_end"])
def test_a_return_leaves_the_tier_that_another_order_gave_with_its_protection(downgrade: str) -> None:
    ladder = Ladder(STEPS, window="rolling", months=12, downgrade=downgrade, grace_days=20)
    ada = world(ladder=ladder)
    buy(ada, "december", 500, "2026-12-01")
    before = look(ada, "2027-02-01")
    buy(ada, "march", 1000, "2027-03-01")

    back(ada, "march", "2027-03-20")

    assert before == look(ada, "2027-03-21") == ("silver", date(2027, 12, 1) if downgrade == "period_end" else None)


def test_a_tier_stays_that_another_order_alone_had_reached() -> None:
    ladder = Ladder((Step("bronze", 0), Step("gold", 200)), window="calendar_year", downgrade="never")
    ada = world(ladder=ladder)
    for number, amount, at in (("a", 150, "2026-03-01"), ("b", 60, "2026-03-02"), ("c", 60, "2026-03-03")):
        buy(ada, number, amount, at)

    back(ada, "b", "2026-12-30")

    assert look(ada, "2027-03-03") == ("gold", None)


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_returns_of_what_points_paid_leave_nothing_in_any_order(order: str) -> None:
    ada = world()
    buy(ada, "a", 100, "2026-02-01")
    ada.redeem("Ada", 100, "r", on("2026-02-02"))
    buy(ada, "b", 100, "2026-02-03", paid=Fraction(100), redemptions=("r",))

    for day, number in enumerate(order):
        back(ada, number, f"2026-02-1{day}")

    assert balance(ada, "2026-03-01") == (0, 0, 0, 0)


@pytest.mark.parametrize("owes", [False, True])
def test_a_gift_that_was_spent_is_no_gain(owes: bool) -> None:  # noqa: FBT001 - drawn
    ada = world(ladder=Ladder((Step("bronze", 0), Step("silver", 100, gift=50))), owes=owes)
    for turn in range(5):
        buy(ada, f"o{turn}", 100, f"2026-02-0{turn + 1}")
        if turn == 0 or not owes:
            ada.redeem("Ada", 50, f"r{turn}", on(f"2026-02-0{turn + 1}T10:00"))
        back(ada, f"o{turn}", f"2026-02-0{turn + 1}T12:00")

    assert balance(ada, "2026-03-01") == (0, 0, 0, 50 if owes else 0)


def test_buying_and_returning_never_lengthens_a_tier_or_a_grace() -> None:
    by_period = world(ladder=Ladder(STEPS, window="rolling", months=12, downgrade="period_end"))
    buy(by_period, "a", 500, "2026-01-10")
    buy(by_period, "b", 1000, "2026-12-20")
    back(by_period, "b", "2026-12-20T12:00")
    graceful = world(ladder=Ladder(STEPS, window="rolling", months=1, downgrade="grace", grace_days=20))
    buy(graceful, "a", 500, "2026-02-01")
    for turn, day in enumerate(("2026-03-02", "2026-03-17", "2026-04-01")):
        buy(graceful, f"b{turn}", 500, day)
        back(graceful, f"b{turn}", f"{day}T12:00")

    assert look(by_period, "2026-12-21") == ("silver", date(2027, 1, 10))
    assert look(graceful, "2026-03-21T23:59:59") == ("silver", date(2026, 3, 22))
    assert look(graceful, "2026-03-22") == look(graceful, "2026-04-02") == ("bronze", None)


def test_a_household_gets_back_what_each_gave_and_spends_no_more_than_all_have() -> None:
    home = world(names="Ada Bob")
    home.join_household(["Ada", "Bob"], START)
    for who in ("Ada", "Bob"):
        buy(home, who, 50, "2026-02-01", who=who)

    home.hold("Ada", 80, "h", on("2026-02-02"))
    during = [balance(home, "2026-02-02", who) for who in ("Ada", "Bob")]
    home.release("h", on("2026-02-03"))

    assert during == [(0, 0, 80, 0), (20, 0, 0, 0)]
    assert [balance(home, "2026-02-03", who)[0] for who in ("Ada", "Bob")] == [50, 50]
    with pytest.raises(Refused):
        home.redeem("Ada", 101, "r", on("2026-02-04"))


def test_what_is_reported_late_counts_as_if_in_time() -> None:
    lowered = world(ladder=Ladder(STEPS, downgrade="at_once"))
    steps = (*STEPS[:2], Step("gold", 800))
    terms = Terms(ladder=Ladder(steps, downgrade="at_once"))
    lowered.publish(terms, on("2026-10-01"), on("2026-09-01"))
    by_year = world(ladder=Ladder(STEPS, window="calendar_year", downgrade="period_end"))

    buy(lowered, "a", 900, "2026-09-30", now="2026-10-05")
    buy(by_year, "a", 500, "2026-12-30", now="2027-01-05")

    assert look(lowered, "2026-10-06") == ("gold", None)
    assert look(by_year, "2027-01-05") == ("silver", date(2028, 1, 1))


@pytest.mark.parametrize("days", [("2026-03-01", "2026-03-02"), ("2026-03-02", "2026-03-01")])
def test_the_bonus_of_the_first_order_is_there_once_whatever_comes_back(days: tuple[str, str]) -> None:
    again, late = world(bonus=100), world(bonus=100)
    buy(again, "a", 10, "2026-03-01")
    back(again, "a", "2026-03-02")
    for number in days:
        buy(late, number, 10, number, now="2026-03-03")

    assert buy(again, "b", 10, "2026-03-03") == 110
    assert balance(late, "2026-03-03")[0] == 120
    back(late, "2026-03-02", "2026-03-04")
    assert balance(late, "2026-03-04")[0] == 110


@pytest.mark.parametrize(
    ("at", "grace", "until"),
    [("2026-07-25T10:00", {"grace_days": 1}, date(2026, 7, 27)),
     ("2026-07-31T10:00", {"to_month_end": True}, date(2026, 8, 1))],
)  # fmt: skip
def test_a_grace_counts_from_the_day_on_which_a_member_stops_qualifying(at: str, grace: Any, until: date) -> None:
    ladder = Ladder(STEPS, downgrade="grace", **grace)
    ada = world(ladder=ladder)
    buy(ada, "a", 500, "2026-02-01")
    higher = replace(ladder, steps=(STEPS[0], Step("silver", 600), STEPS[2]))

    ada.publish(Terms(ladder=higher), on(at), on("2026-07-01"))

    assert look(ada, at) == ("silver", until)
    ada.advance(on(f"{until.isoformat()}T00:00") - timedelta(seconds=1))
    assert ada.stand("Ada").tier == "silver"
    assert look(ada, f"{until.isoformat()}T00:00") == ("bronze", None)


def test_a_longer_life_is_two_months_once() -> None:
    ladder = Ladder((Step("bronze", 0, extra_months=1),))
    ada = world(ladder=ladder, expiry="months", count=1)

    buy(ada, "a", 10, "2026-01-31")

    assert (balance(ada, "2026-03-31T23:59")[0], balance(ada, "2026-04-01T00:00")[0]) == (10, 0)


def test_a_late_order_proves_that_points_had_not_expired() -> None:
    ada = world(expiry="inactivity", count=1)
    buy(ada, "a", 10, "2026-02-01")
    expired = balance(ada, "2026-03-05")

    buy(ada, "b", 5, "2026-02-20", now="2026-03-06")

    assert (expired[0], balance(ada, "2026-03-06")[0]) == (0, 15)


def test_own_points_on_hold_are_taken_when_the_hold_ends() -> None:
    ada = world(owes=True)
    buy(ada, "a", 100, "2026-02-01")
    ada.hold("Ada", 60, "h", on("2026-02-02"))

    back(ada, "a", "2026-02-03")
    during = balance(ada, "2026-02-03")
    ada.release("h", on("2026-02-04"))

    assert (during, balance(ada, "2026-02-04")) == ((0, 0, 60, 0), (0, 0, 0, 0))


def test_a_corrected_order_is_as_if_it_had_been_the_only_one() -> None:
    corrected, only = (world(bonus=5, ladder=Ladder(STEPS, downgrade="never"), owes=True) for _ in range(2))
    buy(corrected, "a", 700, "2026-02-01")
    corrected.redeem("Ada", 600, "r", on("2026-02-02"))

    corrected.correct(OrderFact("a", "Ada", on("2026-02-01"), Fraction(40), 2), on("2026-02-03"))
    buy(only, "a", 80, "2026-02-01")

    assert balance(corrected, "2026-02-04") == (0, 0, 0, 600 - 85)
    assert look(corrected, "2026-02-04") == look(only, "2026-02-04") == ("bronze", None)
    corrected.reverse("r", on("2026-02-05"))
    assert balance(corrected, "2026-02-05") == balance(only, "2026-02-05") == (85, 0, 0, 0)


def test_merged_customers_have_both_their_points_and_one_tier() -> None:
    both = world(names="Ada Bob", ladder=Ladder(STEPS, downgrade="never"), expiry="days", count=30)
    buy(both, "a", 300, "2026-02-01")
    buy(both, "b", 300, "2026-02-10", who="Bob")
    both.hold("Ada", 100, "h", on("2026-02-11"))

    both.merge("Ada", "Bob", on("2026-02-12"))
    back(both, "a", "2026-02-13")
    both.release("h", on("2026-02-14"))

    assert balance(both, "2026-02-14") == (300, 0, 0, 0)
    assert balance(both, "2026-03-12T23:59") == (300, 0, 0, 0)
    assert (balance(both, "2026-03-13")[0], look(both, "2026-03-13")) == (0, ("bronze", None))


def test_who_holds_points_is_not_merged_before_the_hold_ends() -> None:
    both = world(names="Ada Bob")
    buy(both, "b", 300, "2026-02-10", who="Bob")
    both.hold("Bob", 100, "h", on("2026-02-11"))

    with pytest.raises(Refused):
        both.merge("Ada", "Bob", on("2026-02-11T00:01"))

    both.merge("Ada", "Bob", on("2026-02-12"))
    assert balance(both, "2026-02-12") == (300, 0, 0, 0)


def test_two_of_one_order_of_spending_are_redeemed_from_the_members_own_first() -> None:
    home = world(names="Ada Bob")
    home.join_household(["Ada", "Bob"], START)
    buy(home, "a", 21, "2026-02-01")
    home.transfer("Ada", "Bob", 1, "t", on("2026-02-02"))

    home.hold("Bob", 12, "h", on("2026-02-03"))
    home.confirm("h", 4, on("2026-02-03T00:01"))

    assert [balance(home, "2026-02-04", who)[0] for who in ("Ada", "Bob")] == [17, 0]


def test_a_bonus_that_passes_on_is_as_old_as_the_return_and_comes_after_what_that_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.properties.model.past.DECIDES_ANEW", False)
    ada = world(bonus=10)
    for number, amount, at in (("a", 10, "2026-02-01"), ("b", 20, "2026-02-02"), ("c", 30, "2026-02-03")):
        buy(ada, number, amount, at)
    back(ada, "a", "2026-02-04")
    ada.redeem("Ada", 60, "r", on("2026-02-05"))

    back(ada, "b", "2026-02-06")

    assert balance(ada, "2026-02-06") == (10, 0, 0, 0)


def test_what_paid_for_an_order_comes_back_before_the_order_is_taken_back() -> None:
    ada = world(awaits="delivered")
    ada.adjust("Ada", 19, "a", on("2026-02-01"))
    ada.redeem("Ada", 11, "r", on("2026-02-02"))
    buy(ada, "a", 64, "2026-02-03", paid=Fraction(12), redemptions=("r",))
    ada.deliver("a", on("2026-02-03T01:00"), on("2026-02-03T01:00"))
    ada.adjust("Ada", -21, "b", on("2026-02-04"))
    buy(ada, "b", 219, "2026-02-05")

    back(ada, "a", "2026-02-06")

    assert balance(ada, "2026-02-06") == (0, 217, 0, 0)


def test_an_order_without_any_money_has_no_bonus() -> None:
    ada = world(bonus=10)
    fact = OrderFact("a", "Ada", on("2026-02-01"), Fraction(12), 2, Fraction(12), ("r",))

    assert ada.place_order(fact, on("2026-02-01")) == 22
    ada.give_back("backa", "a", 1, on("2026-02-02"), on("2026-02-02"))

    assert ada.keeps("a") == 0


def test_a_second_reversal_changes_nothing_even_after_leaving() -> None:
    ada = world()
    buy(ada, "a", 20, "2026-02-01")
    for reference in ("r", "s"):
        ada.redeem("Ada", 5, reference, on("2026-02-02"))
    ada.reverse("r", on("2026-02-03"))
    ada.leave("Ada", on("2026-02-04"))
    ada.enrol("Ada", on("2026-02-05"))

    ada.reverse("r", on("2026-02-06"))

    with pytest.raises(Refused):
        ada.reverse("s", on("2026-02-06"))
    assert balance(ada, "2026-02-06") == (0, 0, 0, 0)


def test_what_comes_back_of_an_ended_membership_gives_no_budget_back() -> None:
    ada = world(budget=150)
    buy(ada, "a", 40, "2026-02-01")
    ada.leave("Ada", on("2026-02-02"))
    ada.enrol("Ada", on("2026-02-03"))
    back(ada, "a", "2026-02-04")

    assert buy(ada, "b", 140, "2026-02-05") == 110


def test_a_merge_brings_nothing_of_a_membership_that_had_ended() -> None:
    both = world(names="Ada Bob", period_limit=90)
    buy(both, "b", 52, "2026-02-01", who="Bob")
    both.leave("Bob", on("2026-02-02"))
    both.enrol("Bob", on("2026-02-03"))
    both.merge("Ada", "Bob", on("2026-02-04"))

    assert buy(both, "a", 100, "2026-02-05") == 90


def test_a_correction_finds_the_room_that_its_own_order_leaves() -> None:
    ada = world(period_limit=90)
    buy(ada, "a", 79, "2026-02-01")
    buy(ada, "b", 81, "2026-02-02")

    ada.correct(OrderFact("a", "Ada", on("2026-02-01"), Fraction(39), 1), on("2026-02-03"))

    assert (ada.gave("a"), balance(ada, "2026-02-03")[0]) == (39, 90)


def test_who_leaves_and_comes_back_begins_anew_without_the_first_bonus() -> None:
    ada = world(bonus=100, ladder=Ladder(STEPS, downgrade="never"))
    buy(ada, "a", 600, "2026-02-01")
    ada.hold("Ada", 50, "h", on("2026-02-02"))

    ada.leave("Ada", on("2026-02-03"))
    ada.enrol("Ada", on("2026-03-01"))

    assert (balance(ada, "2026-03-01"), look(ada, "2026-03-01")) == ((0, 0, 0, 0), ("bronze", None))
    assert buy(ada, "b", 10, "2026-03-03") == 10
    back(ada, "a", "2026-03-04")
    assert balance(ada, "2026-03-04") == (10, 0, 0, 0)


def player(*challenges: ChallengeTerms, badge: BadgeTerms | None = None, names: str = "Ada") -> World:
    made = World(Terms(challenges=challenges, badges=(badge,) if badge else ()), START, "UTC")
    for name in names.split():
        made.enrol(name, START)
    return made


def test_three_weeks_in_a_row_are_met_whatever_is_told_first_and_lost_with_the_one_between() -> None:
    ada = player(ChallengeTerms("weeks", (GoalTerms("week_streak", 3),), points=50))
    for day in ("2026-06-15", "2026-06-01", "2026-06-08"):
        buy(ada, day, 10, day, now="2026-06-16")
    won = ada.won("Ada")

    back(ada, "2026-06-08", "2026-06-20")

    assert (won, ada.won("Ada")) == ([("weeks", None, 50)], [])
    assert balance(ada, "2026-06-20") == (20, 0, 0, 0)


def test_a_badge_of_two_challenges_gives_its_points_once_whichever_goes() -> None:
    one, two = (
        ChallengeTerms(code, (GoalTerms("count", target),), points=5, badge="b")
        for code, target in (("x", 1), ("y", 2))
    )
    ada = player(one, two, badge=BadgeTerms("b", points=11))
    buy(ada, "a", 10, "2026-02-01")
    buy(ada, "b", 10, "2026-02-02")
    both = balance(ada, "2026-02-02")

    back(ada, "a", "2026-02-03")
    left = balance(ada, "2026-02-03")
    back(ada, "b", "2026-02-04")

    assert (both[0], left[0], balance(ada, "2026-02-04")[0]) == (41, 26, 0)


def test_what_met_a_challenge_of_the_last_days_once_counts_no_more() -> None:
    ada = player(ChallengeTerms("x", (GoalTerms("count", 2),), "rolling", 3, repeats=True, points=7))
    for day in (1, 2, 3, 5, 9):
        buy(ada, f"o{day}", 10, f"2026-02-0{day}")

    assert ada.won("Ada") == [("x", None, 7)] * 2


def test_an_award_that_stays_is_not_given_again() -> None:
    ada = player(ChallengeTerms("x", (GoalTerms("count", 2),), points=7, takes_back=False))
    for number in ("a", "b"):
        buy(ada, number, 10, "2026-02-01")
    back(ada, "b", "2026-02-02")
    buy(ada, "c", 10, "2026-02-03")

    assert balance(ada, "2026-02-03")[0] == 27


def test_of_two_who_are_one_a_second_award_goes_with_the_first_order_that_comes_back() -> None:
    both = player(ChallengeTerms("x", (GoalTerms("days", 1),), repeats=True, points=7), names="Ada Bob")
    for who in ("Ada", "Bob"):
        buy(both, who, 10, "2026-02-01", who=who)

    both.merge("Ada", "Bob", on("2026-02-02"))
    merged = balance(both, "2026-02-02")[0]
    back(both, "Ada", "2026-02-03")
    back(both, "Bob", "2026-02-04")

    assert (merged, balance(both, "2026-02-04")[0]) == (34, 0)


def circle(**said: Any) -> World:
    made = World(Terms(referrals=ReferralTerms(100, 50, **said), wallets={MAIN: WalletTerms()}), START, "UTC")
    for name in ("Ada", "Bob"):
        made.enrol(name, START)
    made.claim("Bob", "Ada", "", START, START)
    return made


def test_both_are_given_what_a_friends_order_earns_and_both_lose_it_below_the_minimum() -> None:
    both = circle(minimum=30, waiting_days=14)
    buy(both, "a", 30, "2026-02-01", who="Bob")
    waiting = [balance(both, "2026-02-14T23:59", who)[:2] for who in ("Ada", "Bob")]
    there = [balance(both, "2026-02-15", who)[0] for who in ("Ada", "Bob")]

    back(both, "a", "2026-02-16")

    assert (waiting, there) == ([(0, 100), (30, 50)], [100, 80])
    assert [balance(both, "2026-02-16", who)[0] for who in ("Ada", "Bob")] == [0, 0]
    assert both.referred("Bob") == ("taken_back", "order_returned", 1)


def test_a_reward_that_was_spent_is_no_gain_when_it_is_given_again() -> None:
    both = circle()
    buy(both, "a", 30, "2026-02-01", who="Bob")
    both.redeem("Ada", 100, "r", on("2026-02-02"))
    back(both, "a", "2026-02-03")

    buy(both, "b", 30, "2026-02-04", who="Bob")

    assert (balance(both, "2026-02-04"), both.referred("Bob")) == ((0, 0, 0, 0), ("earned", "", 2))


def test_what_is_suspicious_waits_for_somebody_and_then_earns_as_of_its_order() -> None:
    both = World(Terms(referrals=ReferralTerms(100, 50)), START, "UTC")
    for name in ("Ada", "Bob"):
        both.enrol(name, START)
    both.claim("Bob", "Ada", "address", START, START)
    buy(both, "a", 30, "2026-02-01", who="Bob")
    held = both.referred("Bob"), balance(both, "2026-02-01")

    both.review("Bob", on("2026-02-05"), approve=True)

    assert (held, balance(both, "2026-02-05")[0]) == ((("held", "suspicious", 0), (0, 0, 0, 0)), 100)


def test_gifts_of_two_who_are_one_stay_as_long_as_both_have_what_their_tier_asks_for() -> None:
    both = world(ladder=Ladder((Step("bronze", 0), Step("silver", 60, gift=5))), names="Ada Bob")
    buy(both, "a", 70, "2026-02-01")
    buy(both, "b", 50, "2026-02-02", who="Bob")
    both.place_order(OrderFact("c", "Bob", on("2026-02-02T12:00"), Fraction(5), 3), on("2026-02-02T12:00"))
    both.merge("Bob", "Ada", on("2026-03-01"))

    found: list[int] = []
    for number, quantity in (("c", 2), ("c", 1), ("b", 1), ("a", 1)):
        both.give_back(
            f"back{len(found)}", number, quantity, on(f"2026-03-0{len(found) + 2}"), on(f"2026-03-0{len(found) + 2}")
        )
        found.append(balance(both, f"2026-03-0{len(found) + 2}", "Bob")[0])

    assert found == [125 + 10, 120 + 10, 70 + 5, 0]


PLUS, MAX = (
    PlanTerms("plus", 0, Fraction(10), multiplier=Fraction(2)),
    PlanTerms("max", 1, Fraction(25), multiplier=Fraction(3)),
)


def club(*rewards: RewardTerms, plans: tuple[PlanTerms, ...] = (), points: int = 0) -> World:
    made = World(Terms(plans=plans, rewards=rewards), START, "UTC")
    made.enrol("Ada", START)
    if points:
        made.adjust("Ada", points, "a", START)
    return made


def has_paid(ada: World, at: str, plan: str = "plus") -> None:
    ada.join_plan("Ada", plan, "pays", on(at))
    ada.collect(on(at))


def test_an_upgrade_on_the_eleventh_of_thirty_days_is_prorated_to_the_cent() -> None:
    ada = club(plans=(PLUS, MAX))
    has_paid(ada, "2026-06-01T12:00")

    ada.change_plan("Ada", "max", "", on("2026-06-11T12:00"))
    before = buy(ada, "a", 10, "2026-06-11T13:00")
    ada.collect(on("2026-06-11T14:00"))

    assert [invoice.lines for invoice in ada.plans["Ada"].invoices] == [
        (10,),
        (-Fraction(667, 100), Fraction(1667, 100)),
    ]
    assert (before, buy(ada, "b", 10, "2026-06-11T15:00")) == (20, 30)


def test_what_is_not_paid_ends_with_the_seventh_day_and_is_made_good_if_it_was_paid() -> None:
    ada = club(plans=(PLUS, MAX))
    has_paid(ada, "2026-06-01T12:00")
    ada.use_method("Ada", "later", on("2026-06-02"))
    ada.collect(on("2026-07-01T00:01"))
    assert ada.note_invoice("Ada", "i", on("2026-07-02"))

    last, first = buy(ada, "a", 10, "2026-07-07T23:59"), buy(ada, "b", 10, "2026-07-08T00:00")
    ada.tell_paid("i", on("2026-07-05"), on("2026-07-10"))

    assert (last, first, buy(ada, "c", 10, "2026-07-10T01:00")) == (20, 10, 20)
    assert ada.plan("Ada", on("2026-07-11"))[0] == "active"


def with_bob_who_has_to_pay() -> World:
    """Return a world where bob joined max on 10 April, and has still to pay the invoice i."""
    both = club(plans=(PLUS, MAX))
    both.enrol("Bob", START)
    both.join_plan("Bob", "max", "later", on("2026-04-10T10:00"))
    assert both.note_invoice("Bob", "i", on("2026-04-10T10:00"))
    return both


def test_a_plan_begins_with_its_first_payment_whatever_else_was_asked_for_and_never_begun() -> None:
    both = with_bob_who_has_to_pay()
    both.join_plan("Ada", "plus", "later", on("2026-04-12T10:00"))
    both.cancel_plan("Ada", on("2026-04-12T11:00"))
    both.merge("Ada", "Bob", on("2026-04-13T10:00"))

    both.tell_paid("i", on("2026-04-11T10:00"), on("2026-04-14T10:00"))

    assert both.plan_changes("Ada") == [(on("2026-04-11T10:00"), "max")]


def test_a_plan_begins_after_the_last_change_that_was_told_of_who_took_it_over() -> None:
    both = with_bob_who_has_to_pay()
    has_paid(both, "2026-04-10T12:00")
    both.end_plan("Ada", on("2026-04-12T10:00"), refunds=True)
    both.merge("Ada", "Bob", on("2026-04-13T10:00"))

    both.tell_paid("i", on("2026-04-11T10:00"), on("2026-04-14T10:00"))

    assert both.plan_changes("Ada")[1:] == [(on("2026-04-12T10:00"), ""), (on("2026-04-12T10:00"), "max")]
    told = [buy(both, at, 10, at, now="2026-04-15T10:00") for at in ("2026-04-11T12:00", "2026-04-14T12:00")]
    assert told == [20, 30]


def test_credit_goes_back_of_the_fee_that_was_paid_last_also_of_those_of_who_was_merged() -> None:
    three = club(plans=(PLUS, MAX))
    three.enrol("Bob", START)
    for name, at in (("Bob", "2026-04-01T10:00"), ("Ada", "2026-04-02T10:00")):
        three.join_plan(name, "plus", "pays", on(at))
        three.collect(on(at))
        three.end_plan(name, on(at), refunds=False)
    three.merge("Ada", "Bob", on("2026-04-03T10:00"))
    plans = three.plans["Ada"]
    three.join_plan("Ada", "max", "later", on("2026-04-04T10:00"))
    plans.credit = Fraction(4)  # as of a plan that was merged
    three.cancel_plan("Ada", on("2026-04-04T11:00"))

    assert sorted((str(each.days.first), int(each.refunded)) for each in plans.invoices if each.status == "paid") == [
        ("2026-04-01", 0),
        ("2026-04-02", 4),
    ]


def test_a_reward_comes_back_with_the_order_that_it_paid_and_with_its_place_in_the_stock() -> None:
    ada = club(RewardTerms("off", "amount_off", 60, codes="generated", stock=1), points=100)
    ada.redeem_reward("Ada", "off", MAIN, None, "w", on("2026-02-01"))
    ada.hold_voucher("w", "k", on("2026-02-02"))
    ada.confirm_voucher("w", "k", on("2026-02-02"))
    buy(ada, "a", 30, "2026-02-02T12:00", redemptions=("w",))
    assert (balance(ada, "2026-02-03")[0], ada.stocks()) == (70, {"off": 1})

    back(ada, "a", "2026-02-04")

    assert (balance(ada, "2026-02-04")[0], ada.stocks(), ada.reward("w", on("2026-02-04"))) == (
        100,
        {"off": 0},
        "refunded",
    )


@pytest.mark.parametrize("gives_back", [False, True])
def test_an_unused_reward_ends_with_its_last_day_as_it_says(gives_back: bool) -> None:  # noqa: FBT001 - drawn
    off = RewardTerms("off", "amount_off", 60, codes="generated", valid_days=1, expiry_gives_back=gives_back)
    ada = club(off, points=100)
    ada.redeem_reward("Ada", "off", MAIN, None, "w", on("2026-02-01"))

    assert (ada.reward("w", on("2026-02-02T23:59")), balance(ada, "2026-02-02T23:59")[0]) == ("usable", 40)
    assert (ada.reward("w", on("2026-02-03")), balance(ada, "2026-02-03")[0]) == ("expired", 100 if gives_back else 40)
