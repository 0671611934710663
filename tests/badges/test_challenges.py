"""Challenges that orders meet, in whatever order they are told, and what returns, corrections and merges make of them."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.batches import Status
from customers.facts import CorrectionFact
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import hold, redeem, release, reverse
from loyalty.activity.correcting import take_correction
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.badges.models import ChallengeAward, MemberProgress, PastWindow
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.points.proof import prove
from loyalty.programs.models import Program
from tests import make
from tests.badges import game

pytestmark = pytest.mark.django_db
LEVELS = [{"times": 1, "name": "Bronze"}, {"times": 3, "name": "Silver"}]

PARIS = "Europe/Paris"
THREE_WEEKS = {"code": "weeks", "metric": "week_streak", "target": "3", "badge": "regular", "points": 50}
REGULAR = {"code": "regular"}
SHOES, HATS = ({"field": "category", "in": [each]} for each in ("shoes", "hats"))
KEPT = {"code": "regular", "takes_back": False}


def test_the_third_order_meets_a_challenge_and_says_so() -> None:
    club = game.program({"code": "three", "target": "3", "points": 30})
    ada = make.member(club)

    make.buys(ada, "10", at=make.on("2026-06-01"))
    make.buys(ada, "10", at=make.on("2026-06-02"))
    assert game.awards_of(ada) == []
    bought = make.buys(ada, "10", at=make.on("2026-06-03"), name="A3")

    assert game.awards_of(ada) == [("three", "", 1, 30)]
    assert make.spendable(ada, make.on("2026-06-03")) == 60
    given = ChallengeAward.objects.get()
    assert given.cause == f"order:{bought.outcome.id}"
    assert given.occurred_at == make.on("2026-06-03")
    said = Event.objects.get(type="challenge.completed").payload
    assert said | {"program": "", "member": ""} == {
        "program": "", "member": "", "challenge": "three", "badge": "", "level": 0, "number": 1, "points": 30,
        "cause": given.cause, "balances": {"points": 60},
    }  # fmt: skip


PARISIAN_WEEKS = ["2026-03-16T10:00", "2026-03-23T10:00", "2026-03-30T00:30"]  # the clock changed on the 29th


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_three_weeks_in_a_row_are_met_in_whatever_order_they_are_told(order: tuple[int, ...]) -> None:
    club = game.program(THREE_WEEKS, badges=[REGULAR], zone=PARIS)
    ada = make.member(club)
    days = [datetime.fromisoformat(text).replace(tzinfo=club.tzinfo).astimezone(UTC) for text in PARISIAN_WEEKS]
    recorded = make.on("2026-04-02")

    for place in order:
        make.buys(ada, "10", at=days[place], recorded=recorded)

    assert game.awards_of(ada) == [("weeks", "", 1, 50)]
    assert game.progress_of(ada) == {"weeks": (1, [{"2026-03-16": 1, "2026-03-23": 1, "2026-03-30": 1}])}


def test_half_past_midnight_after_the_clock_change_is_the_next_week() -> None:
    club = game.program(THREE_WEEKS, badges=[REGULAR], zone=PARIS)
    ada = make.member(club)

    for at in ("2026-03-22T23:30", "2026-03-29T21:30", "2026-03-29T22:30"):  # of UTC: Monday, Sunday, Monday in Paris
        make.buys(ada, "10", at=make.on(at))

    assert game.progress_of(ada) == {"weeks": (0, [{"2026-03-23": 2, "2026-03-30": 1}])}


@pytest.mark.parametrize("badge", [REGULAR, KEPT])
def test_an_award_goes_with_a_return_only_if_its_badge_says_so(badge: dict[str, Any]) -> None:
    club = game.program(THREE_WEEKS, badges=[badge])
    ada = make.member(club)
    third = make.buys(ada, "10", at=make.on("2026-06-15"))
    make.buys(ada, "10", at=make.on("2026-06-01"), recorded=make.on("2026-06-16"))
    second = make.buys(ada, "10", at=make.on("2026-06-08"), recorded=make.on("2026-06-16"))
    assert game.awards_of(ada) == [("weeks", "", 1, 50)]

    make.returns(ada, second, (1, "1"), at=make.on("2026-06-20"))

    is_kept = badge is KEPT
    assert game.awards_of(ada) == ([("weeks", "", 1, 50)] if is_kept else [])
    assert make.spendable(ada, make.on("2026-06-20")) == 20 + 50 * is_kept
    given = ChallengeAward.objects.get()
    assert (given.end_reason, given.ended_at) == (("", None) if is_kept else ("returned", make.on("2026-06-20")))
    assert third.outcome.status is Status.CREATED


def test_what_is_met_anew_after_a_return_is_given_anew_and_what_was_kept_is_not_given_twice() -> None:
    for badge, ended in ((REGULAR, 1), (KEPT, 0)):
        club = game.program({"code": "two", "target": "2", "badge": "regular", "points": 50}, badges=[badge])
        ada = make.member(club)
        first = make.buys(ada, "10", at=make.on("2026-06-01"))
        make.buys(ada, "10", at=make.on("2026-06-02"))
        make.returns(ada, first, (1, "1"), at=make.on("2026-06-03"))

        make.buys(ada, "10", at=make.on("2026-06-04"))

        assert game.awards_of(ada) == [("two", "", 1, 50)]
        assert ChallengeAward.objects.filter(membership=ada).exclude(ended_at=None).count() == ended
        assert make.spendable(ada, make.on("2026-06-04")) == 70


def test_points_that_were_spent_before_they_are_taken_back_are_missing_of_the_next_award() -> None:

    club = game.program({"code": "two", "target": "2", "points": 50, "repeats": True})
    ada = make.member(club)
    first = make.buys(ada, "10", at=make.on("2026-06-01"))
    make.buys(ada, "10", at=make.on("2026-06-02"))
    redeem(ada, 70, reference="all", now=make.on("2026-06-02"))
    make.returns(ada, first, (1, "1"), at=make.on("2026-06-03"))
    assert ChallengeAward.objects.get().missing == 50

    make.buys(ada, "10", at=make.on("2026-06-04"))

    assert game.awards_of(ada) == [("two", "", 1, 50)]
    assert make.spendable(ada, make.on("2026-06-04")) == 10


def test_a_return_of_one_line_counts_less_money_and_its_category_no_more() -> None:
    club = game.program(
        {"code": "spend", "metric": "spend", "target": "30", "points": 5},
        {"code": "three", "metric": "categories", "target": "3", "points": 7, "takes_back": False},
    )
    ada = make.member(club)
    lines = [make.line("10", category=name) for name in ("BREAD", "WINE", "MILK")]
    bought = make.buys(ada, *lines, at=make.on("2026-06-01"))
    assert game.awards_of(ada) == [("spend", "", 1, 5), ("three", "", 1, 7)]

    make.returns(ada, bought, (2, "1"), at=make.on("2026-06-02"))

    assert game.awards_of(ada) == [("three", "", 1, 7)]
    assert game.progress_of(ada) == {"spend": (0, [{"": 200_000}]), "three": (1, [{"BREAD": 1, "MILK": 1}])}


def test_each_month_is_a_window_of_its_own_and_a_late_order_counts_in_its_own() -> None:
    club = game.program({"code": "two", "target": "2", "points": 10, "window": "month"})
    ada = make.member(club)
    make.buys(ada, "10", at=make.on("2026-01-31T20:00"))
    make.buys(ada, "10", at=make.on("2026-02-01T20:00"))
    assert game.awards_of(ada) == []

    make.buys(ada, "10", at=make.on("2026-01-05"), recorded=make.on("2026-02-02"))

    assert game.awards_of(ada) == [("two", "M2026-01-01", 1, 10)]


def test_a_window_that_ended_long_ago_is_kept_apart_and_found_again() -> None:
    club = game.program({"code": "two", "target": "2", "points": 10, "window": "month"})
    ada = make.member(club)
    make.buys(ada, "10", at=make.on("2026-01-31"))
    make.buys(ada, "10", at=make.on("2026-06-01"))
    assert game.progress_of(ada) == {"two M2026-06-01": (0, [{"": 1}])}
    assert [row.window for row in PastWindow.objects.all()] == ["M2026-01-01"]

    late = make.buys(ada, "10", at=make.on("2026-01-05"), recorded=make.on("2026-06-02"))
    assert game.awards_of(ada) == [("two", "M2026-01-01", 1, 10)]
    make.returns(ada, late, (1, "1"), at=make.on("2026-06-03"))

    assert game.awards_of(ada) == []
    assert game.progress_of(ada) == {"two M2026-06-01": (0, [{"": 1}])}
    assert PastWindow.objects.get().state[:2] == [0, [{"": 1}]]


def test_a_correction_leaves_the_progress_that_the_corrected_order_would_have_made() -> None:
    club = game.program({"code": "spend", "metric": "spend", "target": "30", "points": 5, "window": "month"})
    ada = make.member(club)
    make.buys(ada, "40", at=make.on("2026-06-01"), name="A1")
    assert game.awards_of(ada) == [("spend", "M2026-06-01", 1, 5)]

    lower = make.order(ada, "20", at=make.on("2026-06-01"), name="A1")
    take_correction(club.retailer, CorrectionFact(lower, 1), now=make.on("2026-06-02"))
    assert (game.awards_of(ada), game.progress_of(ada)) == ([], {"spend M2026-06-01": (0, [{"": 200_000}])})

    moved = make.order(ada, "35", at=make.on("2026-05-30"), name="A1")
    take_correction(club.retailer, CorrectionFact(moved, 2), now=make.on("2026-06-03"))
    assert game.awards_of(ada) == [("spend", "M2026-05-01", 1, 5)]
    assert game.progress_of(ada) == {"spend M2026-05-01": (1, [{"": 350_000}])}


def test_an_order_that_turns_out_to_be_anothers_counts_for_that_one() -> None:
    club = game.program({"code": "one", "target": "1", "points": 5})
    ada, bob = make.member(club), make.member(club)
    make.buys(ada, "40", at=make.on("2026-06-01"), name="A1")

    his = make.order(bob, "40", at=make.on("2026-06-01"), name="A1")
    take_correction(club.retailer, CorrectionFact(his, 1), now=make.on("2026-06-02"))

    assert (game.awards_of(ada), game.awards_of(bob)) == ([], [("one", "", 1, 5)])
    assert (game.progress_of(ada), game.progress_of(bob)) == ({}, {"one": (1, [{"": 1}])})


def test_two_accounts_of_one_person_have_met_together_what_neither_has_alone() -> None:
    club = game.program(THREE_WEEKS, badges=[REGULAR])
    ada, other = make.member(club), make.member(club)
    make.buys(ada, "10", at=make.on("2026-06-01"))
    make.buys(other, "10", at=make.on("2026-06-08"))
    make.buys(ada, "10", at=make.on("2026-06-15"))

    take_merge(
        club.retailer, other.customer.external_id, ada.customer.external_id, reference="same", now=make.on("2026-06-16")
    )

    assert game.awards_of(ada) == [("weeks", "", 1, 50)]
    assert game.awards_of(other) == []
    assert replay(club, now=make.on("2026-06-17")).deviations == []


def test_awards_of_both_accounts_are_kept_and_the_next_is_given_when_both_together_have_earned_it() -> None:
    club = game.program({"code": "two", "target": "2", "points": 10, "window": "month", "repeats": True})
    ada, other = make.member(club), make.member(club)
    for who in (ada, other):
        for day in (1, 2, 3):
            make.buys(who, "10", at=make.on(f"2026-06-0{day}"))

    take_merge(
        club.retailer, other.customer.external_id, ada.customer.external_id, reference="same", now=make.on("2026-06-16")
    )

    window = "M2026-06-01"
    assert game.awards_of(ada) == [("two", window, 1, 10), ("two", window, 2, 10), ("two", window, 3, 10)]


def merge(source: Membership, target: Membership, day: str) -> None:
    take_merge(
        source.retailer, source.customer.external_id, target.customer.external_id, reference="same", now=make.on(day)
    )


def test_two_awards_of_one_challenge_of_two_accounts_both_come_back_with_their_orders() -> None:
    club = game.program({"code": "one", "target": "1", "points": 50})
    ada, eva = make.member(club), make.member(club)
    bought = [make.buys(who, "10", at=make.on("2026-06-01")) for who in (ada, eva)]
    merge(eva, ada, "2026-06-02")

    make.returns(ada, bought[0], (1, "1"), at=make.on("2026-06-03"))
    assert [points for *_, points in game.awards_of(ada)] == [50]
    make.returns(ada, bought[1], (1, "1"), at=make.on("2026-06-04"))

    assert (game.awards_of(ada), game.progress_of(ada)) == ([], {})
    assert make.spendable(ada, make.on("2026-06-04")) == 0


def test_levels_of_two_accounts_come_back_level_by_level() -> None:
    levels = [{"target": 1, "points": 3}, {"target": "2", "points": 4}]
    club = game.program({"code": "steps", "levels": levels})
    ada, eva = make.member(club), make.member(club)
    own = make.buys(ada, "10", at=make.on("2026-06-01"))
    hers = [make.buys(eva, "10", at=make.on(f"2026-06-0{day}")) for day in (1, 2)]
    merge(eva, ada, "2026-06-03")

    found = [[number for *_, number, _points in game.awards_of(ada)]]
    for bought in (hers[1], hers[0], own):
        make.returns(ada, bought, (1, "1"), at=make.on("2026-06-04"))
        found.append([number for *_, number, _points in game.awards_of(ada)])

    assert found == [[1, 3, 4], [1, 3, 4], [1, 3], []]
    assert make.spendable(ada, make.on("2026-06-04")) == 0


@pytest.mark.parametrize(("first", "then"), [(0, 1), (1, 0)])
def test_a_badge_that_two_challenges_give_keeps_its_points_while_one_of_them_is_met(first: int, then: int) -> None:
    club = game.program(
        {"code": "a", "target": "1", "points": 7, "badge": "once", "condition": SHOES},
        {"code": "b", "target": "1", "points": 5, "badge": "once", "condition": HATS},
        badges=[{"code": "once", "points": 50}],
    )
    ada = make.member(club)
    bought = [make.buys(ada, make.line("1.00", category=each), at=make.on("2026-06-01")) for each in ("shoes", "hats")]
    found = []

    for place in (first, then):
        make.returns(ada, bought[place], (1, "1"), at=make.on("2026-06-02"))
        left = sum(points for *_, points in game.awards_of(ada))
        found.append((left, make.spendable(ada, make.on("2026-06-02"))))

    kept = 50 + (5 if first == 0 else 7)
    assert found == [(kept, kept + 1), (0, 0)]


def test_a_levelled_badge_that_two_challenges_give_loses_the_level_and_not_the_award() -> None:
    levels = [{"times": 1, "name": "Bronze"}, {"times": 2, "name": "Gold"}]
    club = game.program(
        {"code": "a", "target": "1", "badge": "buyer", "condition": SHOES},
        {"code": "b", "target": "1", "badge": "buyer", "condition": HATS},
        {"code": "c", "target": "2", "badge": "buyer"},
        badges=[{"code": "buyer", "kind": "levelled", "levels": levels, "points": 100}],
    )
    ada = make.member(club)
    bought = [make.buys(ada, make.line("1.00", category=each), at=make.on("2026-06-01")) for each in ("shoes", "hats")]
    assert game.awards_of(ada) == [("a", "", 1, 100), ("b", "", 1, 100), ("c", "", 1, 0)]

    make.returns(ada, bought[0], (1, "1"), at=make.on("2026-06-02"))

    assert game.awards_of(ada) == [("b", "", 1, 100)]
    assert make.spendable(ada, make.on("2026-06-02")) == 101


def test_a_levelled_badge_is_given_level_by_level_and_a_challenge_in_levels_gives_each_levels_points() -> None:
    levels = [{"times": 1, "name": "Bronze"}, {"times": 3, "name": "Gold"}]
    club = game.program(
        {"code": "each", "target": "1", "repeats": True, "badge": "buyer"},
        {"code": "steps", "levels": [{"target": 1, "points": 3}, {"target": "3", "points": 4}]},
        badges=[{"code": "buyer", "kind": "levelled", "levels": levels, "points": 100}],
    )
    ada = make.member(club)

    for day in (1, 2, 3):
        make.buys(ada, "10", at=make.on(f"2026-06-0{day}"))

    assert game.awards_of(ada) == [
        ("each", "", 1, 100), ("each", "", 2, 0), ("each", "", 3, 100), ("steps", "", 1, 3), ("steps", "", 2, 4),
    ]  # fmt: skip
    assert list(ChallengeAward.objects.filter(challenge__code="each").order_by("number").values_list("level", flat=True)) == [
        1, 1, 2,
    ]  # fmt: skip


def test_only_members_of_the_tier_count_and_a_return_decides_by_the_tier_of_its_order() -> None:
    club = game.program(
        {"code": "gold", "target": "1", "points": 5, "tiers": ["gold"]},
        tiers=[("gold", "100", "1")],
    )
    ada = make.member(club)
    first = make.buys(ada, "100", at=make.on("2026-06-01"))
    assert game.awards_of(ada) == []

    second = make.buys(ada, "10", at=make.on("2026-06-02"))
    assert game.awards_of(ada) == [("gold", "", 1, 5)]
    make.returns(ada, first, (1, "1"), at=make.on("2026-06-03"))
    assert game.progress_of(ada) == {"gold": (1, [{"": 1}])}
    make.returns(ada, second, (1, "1"), at=make.on("2026-06-04"))
    assert game.progress_of(ada) == {}


def test_reviews_count_for_a_challenge_of_reviews() -> None:
    club = game.program({"code": "reviewer", "target": "2", "interaction": "review", "points": 9})
    ada = make.member(club)

    for day in (1, 2):
        game.does(ada, "review", make.on(f"2026-06-0{day}"))
        game.does(ada, "photo", make.on(f"2026-06-0{day}"))

    assert game.awards_of(ada) == [("reviewer", "", 1, 9)]


def test_who_leaves_loses_all_and_begins_anew() -> None:
    from loyalty.activity.account.leaving import leave

    club = game.program({"code": "two", "target": "2", "points": 10})
    ada = make.member(club)
    for day in (1, 2):
        make.buys(ada, "10", at=make.on(f"2026-06-0{day}"))

    leave(ada, now=make.on("2026-06-03"))
    assert (game.awards_of(ada), game.progress_of(ada)) == ([], {})
    assert ChallengeAward.objects.get().end_reason == "left"

    make.member(club, ada.customer.external_id, since=make.on("2026-06-04"))
    make.buys(ada, "10", at=make.on("2026-06-05"))
    assert game.progress_of(ada) == {"two": (0, [{"": 1}])}


def test_a_new_version_gives_what_it_asks_less_for_and_takes_nothing_for_asking_more() -> None:
    from decimal import Decimal

    from loyalty.activity.nightly import run_nights
    from loyalty.badges.models import Challenge
    from loyalty.configuration.drafts import open_draft, publish

    club = game.program({"code": "three", "target": "3", "points": 10}, {"code": "two", "target": "2", "points": 20})
    ada = make.member(club)
    first, _second = (make.buys(ada, "10", at=make.on(f"2026-06-0{day}")) for day in (1, 2))
    draft = open_draft(club)
    Challenge.objects.filter(version=draft, code="three").update(target=Decimal(2))
    Challenge.objects.filter(version=draft, code="two").update(target=Decimal(9))
    publish(draft, effective_from=make.on("2026-06-10"), now=make.on("2026-06-05"))

    run_nights(club, until=make.on("2026-06-11").date(), now=make.on("2026-06-11"))
    assert game.awards_of(ada) == [("three", "", 1, 10), ("two", "", 1, 20)]

    make.returns(ada, first, (1, "1"), at=make.on("2026-06-12"))
    assert game.awards_of(ada) == []


def test_an_import_told_backwards_ends_as_the_orders_did_live() -> None:
    from loyalty.activity.backlog import catch_up

    made = []
    for backwards in (False, True):
        club = game.program(
            THREE_WEEKS,
            {"code": "month", "metric": "spend", "target": "25", "window": "month", "repeats": True, "points": 1},
            {"code": "last", "target": "3", "window": "rolling", "window_days": 10, "repeats": True, "points": 2},
            badges=[REGULAR],
        )
        ada = make.member(club)
        start = make.on("2026-03-01")
        days = [start + timedelta(days=each) for each in (0, 3, 8, 9, 14, 20, 31, 33, 36)]
        for at in reversed(days) if backwards else days:
            make.buys(ada, "12.50", at=at, recorded=make.on("2026-06-01") if backwards else at)
        catch_up(club.retailer, now=make.on("2026-06-01"))
        made.append((game.awards_of(ada), game.all_of(ada)))
        assert replay(club, now=make.on("2026-06-01")).deviations == []

    assert made[0] == made[1]
    assert [award for award in made[0][0] if award[0] == "last"] == [("last", "", 1, 2), ("last", "", 2, 2)]


def test_a_program_without_challenges_has_no_progress() -> None:
    ada = make.member(make.program())

    make.buys(ada, "10", at=make.on("2026-06-01"))

    assert not MemberProgress.objects.exists()
    assert isinstance(ada, Membership)


def test_an_order_in_time_takes_no_statement_more_for_ten_challenges() -> None:
    counts = []
    ten = [{"target": "100", "window": window} for window in ("month", "week", "membership", "rolling", "year")] * 2
    for challenges in ([], ten):
        club = game.program(*challenges)
        ada = make.member(club)
        for day in (1, 2):
            make.buys(ada, "10", at=make.on(f"2026-06-0{day}"))
        with CaptureQueriesContext(connection) as seen:
            make.buys(ada, "10", at=make.on("2026-06-02T01:00"))
        counts.append(len(seen))

    assert counts[0] == counts[1]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({"metric": "count", "target": "1", "points": 50}, 50),
        ({"metric": "spend", "target": "20", "points": 50, "window": "month"}, 50),
        ({"metric": "categories", "target": "1", "points": 50}, 100),  # one of both is enough for what both met alike
    ],
)
def test_awards_of_both_accounts_go_with_what_met_them_and_none_is_left_when_all_has_come_back(
    asked: dict[str, Any], left: int, first: int
) -> None:
    review = make.Rule(code="review", kind="per_interaction", interaction="review")
    club = game.program({"code": "once", **asked}, rules=(review,))
    ada, other = make.member(club), make.member(club)
    bought = [make.buys(who, make.line("20", category="TEA"), at=make.on("2026-06-01")) for who in (ada, other)]
    source, target = other.customer.external_id, ada.customer.external_id
    take_merge(club.retailer, source, target, reference="same", now=make.on("2026-06-16"))
    assert make.wallet_of(ada).available == 100

    make.returns(ada, bought[first], (1, "1"), at=make.on("2026-06-17"))
    assert make.wallet_of(ada).available == left
    make.returns(ada, bought[1 - first], (1, "1"), at=make.on("2026-06-18"))

    assert (game.awards_of(ada), make.wallet_of(ada).available) == ([], 0)


def test_what_is_missing_of_an_award_is_settled_once_by_points_that_come_back() -> None:

    club = game.program({"code": "two", "target": "2", "points": 50, "repeats": True})
    ada = make.member(club)
    first = make.buys(ada, "10", at=make.on("2026-06-01"))
    make.buys(ada, "10", at=make.on("2026-06-02"))
    spent = redeem(ada, 70, reference="all", now=make.on("2026-06-02"))
    make.returns(ada, first, (1, "1"), at=make.on("2026-06-03"))
    reverse(ada, spent.entry_id, now=make.on("2026-06-03T12:00"))
    big = make.buys(ada, "60", at=make.on("2026-06-04"))  # the award again: nothing is missing of it any more
    redeem(ada, make.spendable(ada, make.on("2026-06-04")), reference="again", now=make.on("2026-06-04"))
    make.returns(ada, big, (1, "1"), at=make.on("2026-06-05"))  # 60 of the order and 50 of the award are missing

    for day in (6, 7, 8):
        make.buys(ada, "10", at=make.on(f"2026-06-0{day}"))

    # Of the two awards since, one made good what was missing.
    assert make.spendable(ada, make.on("2026-06-08")) == 30 + 50


def test_a_badges_level_that_came_with_an_award_which_stays_is_missing_of_nothing_when_an_earlier_one_goes() -> None:
    club = game.program(
        {"code": "monthly", "target": "1", "points": 5, "window": "month", "badge": "fan"},
        badges=[{"code": "fan", "points": 11, "kind": "levelled", "levels": LEVELS}],
        points={"expiry": "days", "expiry_count": 9},
    )
    ada = make.member(club)
    _, april, may = (make.buys(ada, "100", at=make.on(f"2026-0{month}-10")) for month in (3, 4, 5))
    assert make.wallet_of(ada).available == 100 + 5 + 11  # the third one's; what March gave has expired
    run_nights(club, until=make.on("2026-06-01").date(), now=make.on("2026-06-01"))

    for day, bought in enumerate((april, may), start=1):
        make.returns(ada, bought, (1, "1"), at=make.on(f"2026-06-0{day}"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.shortfall, len(game.awards_of(ada))) == (0, 0, 1)
    make.buys(ada, "100", at=make.on("2026-06-03"))
    assert make.wallet_of(ada).available == 100 + 5
    assert prove().differences == []


def test_what_was_spent_of_an_award_is_missing_though_another_one_has_expired_that_carries_less_now() -> None:
    club = game.program(
        {"code": "monthly", "target": "1", "points": 5, "window": "month", "badge": "fan"},
        badges=[{"code": "fan", "points": 11, "kind": "levelled", "levels": LEVELS}],
        points={"expiry": "days", "expiry_count": 9, "on_return": "stop_at_zero"},
    )
    ada = make.member(club)
    make.buys(ada, "100", at=make.on("2026-03-10"))
    april = make.buys(ada, "100", at=make.on("2026-04-10"))
    redeem(ada, 105, reference="r", now=make.on("2026-04-12"))
    make.buys(ada, "100", at=make.on("2026-05-10"))
    run_nights(club, until=make.on("2026-06-01").date(), now=make.on("2026-06-01"))
    make.returns(ada, april, (1, "1"), at=make.on("2026-06-01"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.shortfall, len(game.awards_of(ada))) == (0, 100 + 5, 2)


def test_an_award_that_made_good_one_which_came_back_is_missing_no_more() -> None:

    club = game.program({"code": "one", "target": "1", "points": 50, "repeats": True})
    ada = make.member(club)
    first = make.buys(ada, "100", at=make.on("2026-06-01"))
    spent = redeem(ada, 150, reference="first", now=make.on("2026-06-01"))
    make.returns(ada, first, (1, "1"), at=make.on("2026-06-01"))
    second = make.buys(ada, "100", at=make.on("2026-06-02"))  # its award makes good the first one
    redeem(ada, 100, reference="second", now=make.on("2026-06-02"))
    make.returns(ada, second, (1, "1"), at=make.on("2026-06-02"))

    reverse(ada, spent.entry_id, now=make.on("2026-06-03"))
    make.buys(ada, "100", at=make.on("2026-06-04"))

    # What the second order gave is missing still: what comes back settles it, and earnings do not.
    assert make.spendable(ada, make.on("2026-06-04")) == 100 + 50


def test_a_badge_of_two_awards_that_have_expired_and_are_undone_is_missing_of_nothing() -> None:
    club = game.program(
        {"code": "first", "target": "1", "points": 30, "badge": "fan"},
        {"code": "large", "metric": "spend", "target": "100", "points": 30, "badge": "fan"},
        badges=[{"code": "fan", "points": 11, "kind": "once"}],
        points={"expiry": "days", "expiry_count": 9},
    )
    ada = make.member(club)
    bought = make.buys(ada, "100", at=make.on("2026-05-01"))
    assert make.wallet_of(ada).available == 100 + 30 + 30 + 11
    run_nights(club, until=make.on("2026-06-01").date(), now=make.on("2026-06-01"))

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-01"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.shortfall, game.awards_of(ada)) == (0, 0, [])
    make.buys(ada, "100", at=make.on("2026-06-02"))
    assert make.wallet_of(ada).available == 100 + 30 + 30 + 11
    assert prove().differences == []
    assert replay(club, now=make.on("2026-06-02")).deviations == []


def test_what_is_held_of_a_badge_that_came_with_an_award_which_is_gone_is_taken_when_the_hold_ends() -> None:
    club = game.program(
        {"code": "first", "target": "1", "points": 30, "badge": "fan"},
        {"code": "large", "metric": "spend", "target": "100", "points": 30, "badge": "fan"},
        badges=[{"code": "fan", "points": 11, "kind": "once"}],
        points={"expiry": "days", "expiry_count": 9, "pending_event": "delivered"},
    )
    ada = make.member(club)
    bought = make.buys(ada, "100", at=make.on("2026-05-01"))
    held, _ = hold(ada, 28, reference="till", now=make.on("2026-05-02"), life=timedelta(days=90))
    run_nights(club, until=make.on("2026-06-01").date(), now=make.on("2026-06-01"))
    assert make.wallet_of(ada).held == 28

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-01"))
    release(held.pk, now=make.on("2026-06-02"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.held, wallet.shortfall, game.awards_of(ada)) == (0, 0, 0, [])
    assert prove().differences == []
    assert replay(club, now=make.on("2026-06-02")).deviations == []


def test_what_was_spent_of_a_badge_that_came_with_an_award_which_is_gone_is_lacking_no_more_when_it_comes_back() -> (
    None
):
    club = game.program(
        {"code": "first", "target": "1", "points": 30, "badge": "fan"},
        {"code": "large", "metric": "spend", "target": "100", "points": 30, "badge": "fan"},
        badges=[{"code": "fan", "points": 11, "kind": "once"}],
        points={"expiry": "days", "expiry_count": 9, "pending_event": "delivered"},
    )
    ada = make.member(club)
    bought = make.buys(ada, "100", at=make.on("2026-05-01"))
    spent = redeem(ada, 40, reference="r", now=make.on("2026-05-02"))
    run_nights(club, until=make.on("2026-06-01").date(), now=make.on("2026-06-01"))
    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-01"))
    assert make.wallet_of(ada).shortfall == 40

    reverse(ada, spent.entry_id, now=make.on("2026-06-02"))

    assert (make.wallet_of(ada).available, make.wallet_of(ada).shortfall) == (0, 0)
    make.buys(ada, "100", at=make.on("2026-06-03"))
    assert make.wallet_of(ada).available == 30 + 30 + 11
    assert prove().differences == []
    assert replay(club, now=make.on("2026-06-03")).deviations == []


@pytest.mark.parametrize("end", ["open", "released"])
def test_a_replay_knows_that_what_is_held_was_not_taken_with_an_award(end: str) -> None:
    club = game.program(
        {"code": "large", "metric": "spend", "target": "100", "points": 30, "badge": "fan"}, badges=[{"code": "fan"}],
        points={"pending_days": 30},
    )  # fmt: skip
    ada = make.member(club)
    adjust(ada, 20, reference="a", reason="sorry", author="sue", now=make.on("2026-05-01"))
    held, _ = hold(ada, 20, reference="cart", life=timedelta(days=20), now=make.on("2026-05-01"))
    make.buys(ada, "50", at=make.on("2026-05-02"))
    large = make.buys(ada, "80", at=make.on("2026-05-03"))
    redeem(ada, 30, reference="r", now=make.on("2026-05-04"))
    make.returns(ada, large, (1, "1"), at=make.on("2026-05-05"))  # the 30 that are spent come from what is pending
    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.held, wallet.pending) == (0, 20, 20)
    if end == "released":
        release(held.pk, now=make.on("2026-05-06"))

    assert replay(club, now=make.on("2026-05-07")).deviations == []


def monthly() -> Program:
    """Return a program in which each order of a month meets a challenge, and the third award has a level more."""
    return game.program(
        {"code": "any", "target": "1", "points": 7, "repeats": True, "window": "month", "badge": "regular"},
        badges=[{"code": "regular", "points": 11, "kind": "levelled", "levels": LEVELS}],
        points={"expiry": "days", "expiry_count": 9},
    )


def test_what_comes_back_of_an_award_that_carries_less_replaces_that_and_no_more() -> None:
    club = monthly()
    ada = make.member(club)
    bought = [make.buys(ada, "0.40", at=make.on(day)) for day in ("2026-05-01", "2026-05-02", "2026-06-01")]
    assert [points for *_, points in game.awards_of(ada)] == [18, 7, 18]
    spent = redeem(ada, 18, reference="r", now=make.on("2026-06-02"))  # all that the third award gave
    run_nights(club, until=make.on("2026-07-01").date(), now=make.on("2026-07-01"))
    make.returns(ada, bought[1], (1, "1"), at=make.on("2026-07-01"))
    assert make.wallet_of(ada).shortfall == 11  # its own seven had expired

    reverse(ada, spent.entry_id, now=make.on("2026-07-02"))

    assert (make.wallet_of(ada).available, make.wallet_of(ada).shortfall) == (0, 0)
    make.returns(ada, bought[2], (1, "1"), at=make.on("2026-07-03"))  # its seven came back, and had expired
    assert make.wallet_of(ada).shortfall == 0
    assert prove().differences == []
    assert replay(club, now=make.on("2026-07-03")).deviations == []


def test_what_comes_back_to_an_award_that_is_gone_is_lacking_no_more_of_the_badge_that_came_with_it() -> None:
    club = monthly()
    ada = make.member(club)
    large, *small = (
        make.buys(ada, amount, at=make.on(day))
        for amount, day in [
            ("90", "2026-05-28"),
            ("0.40", "2026-05-29"),
            ("0.40", "2026-05-30"),
            ("0.40", "2026-06-01"),
        ]
    )
    spent = redeem(ada, 100, reference="r", now=make.on("2026-06-01"))
    left = make.wallet_of(ada).available
    assert left == 90 + 18 + 7 + 18 + 7 - 100
    make.returns(
        ada, large, (1, "1"), at=make.on("2026-06-02")
    )  # takes what is left of the awards, and the third one goes
    for order in reversed(small):
        make.returns(ada, order, (1, "1"), at=make.on("2026-06-03"))
    assert make.wallet_of(ada).shortfall == 100

    reverse(ada, spent.entry_id, now=make.on("2026-07-02"))

    assert (make.wallet_of(ada).available, make.wallet_of(ada).shortfall, game.awards_of(ada)) == (0, 0, [])
    assert prove().differences == []
    assert replay(club, now=make.on("2026-07-02")).deviations == []


@pytest.mark.parametrize(
    ("badge", "left"),
    [
        ({"kind": "once"}, [50, 50, 50, 0]),
        ({"kind": "repeatable"}, [150, 100, 50, 0]),
        ({"kind": "levelled", "levels": LEVELS}, [100, 50, 50, 0]),
    ],
)
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_badges_points_stay_as_long_as_another_award_gives_them(
    badge: dict[str, Any], left: list[int], order: tuple[int, ...]
) -> None:
    tea, cups = ({"field": "category", "in": [category]} for category in ("TEA", "CUPS"))
    review = make.Rule(code="review", kind="per_interaction", interaction="review")
    club = game.program(
        {"code": "tea", "badge": "fan", "condition": tea, "window": "month"},
        {"code": "cups", "badge": "fan", "condition": cups},
        badges=[{"code": "fan", "points": 50, **badge}],
        rules=(review,),
    )
    ada = make.member(club)
    days = [("TEA", "2026-05-01"), ("TEA", "2026-06-01"), ("CUPS", "2026-06-02")]
    bought = [make.buys(ada, make.line("10", category=kind), at=make.on(day)) for kind, day in days]
    found = [make.wallet_of(ada).available]

    for place in order:
        make.returns(ada, bought[place], (1, "1"), at=make.on("2026-06-10"))
        found.append(make.wallet_of(ada).available)

    assert (found, game.awards_of(ada)) == (left, [])
    assert replay(club, now=make.on("2026-06-11")).deviations == []
