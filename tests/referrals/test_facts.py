"""A referral is what the true sequence of facts makes of it, in whatever order they are told."""

from datetime import timedelta
from typing import Any

import pytest

from customers.facts import CorrectionFact
from customers.recording import record_orders
from loyalty.activity.account.households import transfer
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.referring import NoReferrals
from loyalty.activity.account.spending import redeem
from loyalty.activity.backlog import catch_up
from loyalty.activity.correcting import take_claim, take_correction
from loyalty.activity.intake import take_orders
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.points.models import Grant
from loyalty.points.proof import prove
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralPolicy
from loyalty.referrals.overview import overview
from tests import make
from tests.make import NOON, on
from tests.referrals.make_referrals import claims, person, points, program, referred

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
BOTH, NONE = [(0, 100), (0, 50)], [(0, 0), (0, 0)]


def pair(**policy: Any) -> tuple[Any, Any]:
    club = program(policy=policy)
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    return ada, bob


def correct(who: Any, number: str, amount: str, *, at: Any, now: Any, count: int = 1, customer: str = "bob") -> None:
    fact = make.order(customer, amount, at=at, name=number)
    take_correction(who.retailer, CorrectionFact(fact, count), now=now)


def test_an_earlier_order_that_is_told_late_is_the_first() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON + 2 * DAY)
    before = points(ada, bob, at=NOON + 2 * DAY)

    make.buys(bob, "10.00", at=NOON + DAY, recorded=NOON + 3 * DAY)

    assert (before, points(ada, bob, at=NOON + 3 * DAY)) == (BOTH, NONE)
    assert referred(bob) == ("taken_back", "below_minimum")


def test_an_order_from_before_the_claim_that_is_told_late_was_bought_before() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON + DAY)

    make.buys(bob, "10.00", at=NOON - DAY, recorded=NOON + 3 * DAY)

    assert points(ada, bob, at=NOON + 3 * DAY) == NONE
    assert referred(bob) == ("taken_back", "bought_before")


def test_an_order_from_before_the_claim_that_turns_out_to_be_somebody_elses_was_not_bought_before() -> None:
    ada, bob = pair()
    person(bob.program, "eve")
    make.buys(bob, "9.00", at=NOON - DAY, name="o1", recorded=NOON + DAY)
    make.buys(bob, "30.00", at=NOON + 2 * DAY)
    before = (referred(bob), points(ada, bob, at=NOON + 2 * DAY))

    correct(bob, "o1", "9.00", at=NOON - DAY, now=NOON + 3 * DAY, customer="eve")

    assert before == (("open", "bought_before"), NONE)
    assert (referred(bob), points(ada, bob, at=NOON + 3 * DAY)) == (("earned", ""), BOTH)


@pytest.mark.parametrize("at", [NOON - 30 * DAY, make.START - DAY])  # the other one is before any rules
def test_an_order_from_before_the_membership_that_is_told_late_was_bought_before(at: Any) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob", since=NOON - timedelta(hours=1))
    claims(bob, ada)
    make.buys(bob, "30.00", at=NOON + DAY)

    make.buys(bob, "10.00", at=at, recorded=NOON + 3 * DAY)

    assert points(ada, bob, at=NOON + 3 * DAY) == NONE
    assert referred(bob) == ("taken_back", "bought_before")


def test_a_guests_order_that_turns_out_to_be_the_friends_was_bought_before() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON + DAY)
    take_orders(bob.retailer, [make.order(None, "9.00", at=NOON - DAY, name="g1")], now=NOON + DAY)

    take_claim(bob.retailer, "g1", "bob", reference="receipt", now=NOON + 3 * DAY)

    assert points(ada, bob, at=NOON + 3 * DAY) == NONE
    assert referred(bob) == ("taken_back", "bought_before")


def test_a_claim_that_is_told_late_finds_the_order_that_it_preceded() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    bought = make.buys(bob, "50.00", "30.00", at=NOON + DAY)
    make.returns(bob, bought, (1, "1"), at=NOON + 2 * DAY)

    claims(bob, ada, at=NOON, now=NOON + 3 * DAY)

    row = Referral.objects.get()
    assert (row.status, row.orders[0]["amount"], row.earned_at) == ("earned", "30.00", NOON + DAY)
    assert points(ada, bob, at=NOON + 3 * DAY) == BOTH
    assert points(ada, bob, at=NOON + 15 * DAY) == [(100, 0), (50, 0)]


def test_an_import_in_any_order_of_files_comes_to_the_same() -> None:
    ada, bob = pair()
    shop = bob.retailer
    code = code_of(ada, now=NOON)
    record_orders(shop, [make.order(bob, "45.00", at=NOON + 4 * DAY)], now=NOON + 9 * DAY)
    record_orders(shop, [make.order(bob, "35.00", at=NOON + 2 * DAY, promotion_code=code)], now=NOON + 9 * DAY)

    catch_up(shop, now=NOON + 9 * DAY)

    row = Referral.objects.get()
    assert (row.status, row.round, row.earned_at) == ("earned", 1, NOON + 2 * DAY)
    assert points(ada, bob, at=NOON + 9 * DAY) == BOTH


def test_a_correction_below_the_minimum_takes_both_back_and_one_above_gives_them_again() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON + DAY, name="o1")

    correct(bob, "o1", "20.00", at=NOON + DAY, now=NOON + 2 * DAY)
    below = points(ada, bob, at=NOON + 2 * DAY)
    correct(bob, "o1", "40.00", at=NOON + DAY, now=NOON + 3 * DAY, count=2)

    assert (below, points(ada, bob, at=NOON + 3 * DAY)) == (NONE, BOTH)
    assert Referral.objects.get().round == 2
    assert points(ada, bob, at=NOON + 15 * DAY) == [(100, 0), (50, 0)]


def test_an_order_that_turns_out_to_be_somebody_elses_earns_nothing() -> None:
    ada, bob = pair()
    person(bob.program, "eve")
    make.buys(bob, "30.00", at=NOON + DAY, name="o1")

    correct(bob, "o1", "30.00", at=NOON + DAY, now=NOON + 2 * DAY, customer="eve")

    assert points(ada, bob, at=NOON + 2 * DAY) == NONE
    assert referred(bob)[0] == "taken_back"


def test_an_order_that_is_moved_before_the_claim_was_bought_before() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON + DAY, name="o1")

    correct(bob, "o1", "30.00", at=NOON - DAY, now=NOON + 2 * DAY)

    assert points(ada, bob, at=NOON + 2 * DAY) == NONE
    assert referred(bob) == ("taken_back", "bought_before")


def test_returned_whole_and_bought_again_it_is_earned_again_and_never_twice() -> None:
    ada, bob = pair()
    first = make.buys(bob, "30.00", at=NOON + DAY)
    make.returns(bob, first, (1, "1"), at=NOON + 2 * DAY)
    gone = points(ada, bob, at=NOON + 2 * DAY)
    make.buys(bob, "40.00", at=NOON + 3 * DAY)
    make.buys(bob, "50.00", at=NOON + 4 * DAY)

    assert (gone, points(ada, bob, at=NOON + 4 * DAY)) == (NONE, BOTH)
    assert points(ada, bob, at=NOON + 40 * DAY) == [(100, 0), (50, 0)]


def test_nothing_left_of_the_first_order_the_next_one_is_the_first() -> None:
    ada, bob = pair()
    first = make.buys(bob, "30.00", at=NOON + DAY)
    make.buys(bob, "40.00", at=NOON + 3 * DAY)

    make.returns(bob, first, (1, "1"), at=NOON + 4 * DAY)

    assert points(ada, bob, at=NOON + 4 * DAY) == BOTH
    assert referred(bob) == ("earned", "")


@pytest.mark.parametrize(("on_return", "left"), [("allow_negative", [-100, -50]), ("stop_at_zero", [0, 0])])
def test_after_the_waiting_what_was_spent_is_taken_by_the_programs_policy(on_return: str, left: list[int]) -> None:
    club = program(points={"on_return": on_return})
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    bought = make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON + 20 * DAY)
    redeem(ada, 100, reference="r1", now=NOON + 20 * DAY)
    redeem(bob, 50, reference="r1", now=NOON + 20 * DAY)

    make.returns(bob, bought, (1, "0.5"), at=NOON + 25 * DAY)

    points(ada, bob, at=NOON + 25 * DAY)
    assert [make.wallet_of(each).balance for each in (ada, bob)] == left
    assert referred(bob) == ("taken_back", "below_minimum")


def test_whether_nights_have_run_makes_no_difference() -> None:
    found = []
    for runs in (True, False):
        club = program()
        ada, bob = person(club, "ada"), person(club, "bob")
        claims(bob, ada)
        bought = make.buys(bob, "30.00", at=NOON)
        for day in range(1, 17 if runs else 1):
            run_nights(club, until=(NOON + day * DAY).date(), now=NOON + day * DAY)
        redeem(ada, 100, reference="r1", now=NOON + 17 * DAY)
        make.returns(bob, bought, (1, "1"), at=NOON + 18 * DAY)
        found.append((points(ada, bob, at=NOON + 19 * DAY), make.wallet_of(ada).shortfall))

    assert found[0] == found[1]


def test_a_friend_that_leaves_while_it_waits_takes_the_referrers_reward_along() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON)

    leave(bob, now=NOON + 5 * DAY)

    assert points(ada, at=NOON + 5 * DAY) == [(0, 0)]
    assert referred(bob) == ("taken_back", "friend_left")


def test_a_friend_that_leaves_after_the_waiting_leaves_the_reward() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON)

    leave(bob, now=NOON + 15 * DAY)

    assert points(ada, at=NOON + 15 * DAY) == [(100, 0)]


def test_a_referrer_that_has_left_gets_nothing_and_its_friend_what_was_promised() -> None:
    ada, bob = pair()
    leave(ada, now=NOON + DAY)

    make.buys(bob, "30.00", at=NOON + 2 * DAY)

    assert points(ada, bob, at=NOON + 2 * DAY) == [(0, 0), (0, 50)]
    assert list(Grant.objects.order_by("points").values_list("given", "reason")) == [(50, ""), (0, "not_a_member_then")]


def test_the_promotion_code_of_the_first_order_may_be_the_claim() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    fact = make.order(bob, "30.00", at=NOON + DAY, promotion_code=code_of(ada, now=NOON).lower())

    take_orders(bob.retailer, [fact], now=NOON + DAY)

    assert (referred(bob), Referral.objects.get().channel) == (("earned", ""), "order")
    assert points(ada, bob, at=NOON + DAY) == BOTH


def test_another_promotion_code_and_one_of_a_later_order_are_no_claims() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    code = code_of(ada, now=NOON)
    for place, said in enumerate(("SUMMER", "NOBODY22", code)):
        fact = make.order(bob, "30.00", at=NOON + place * DAY, promotion_code=said)
        take_orders(bob.retailer, [fact], now=NOON + place * DAY)

    assert referred(bob) == ("refused", "bought_before")
    assert points(ada, bob, at=NOON + 3 * DAY) == NONE


def test_a_referrer_gets_no_more_than_its_limit_and_a_taken_one_makes_room() -> None:
    club = program(policy={"advocate_limit": 1})
    ada, *friends = (person(club, name) for name in ("ada", "bob", "eve", "joe"))
    bought = []
    for place, friend in enumerate(friends[:2]):
        claims(friend, ada)
        bought.append(make.buys(friend, "30.00", at=NOON + place * timedelta(hours=1)))
        points(ada, at=NOON + place * timedelta(hours=1))
    limited = points(ada, *friends[:2], at=NOON + DAY)
    make.returns(friends[0], bought[0], (1, "1"), at=NOON + DAY)
    claims(friends[2], ada, at=NOON + DAY)
    make.buys(friends[2], "30.00", at=NOON + 2 * DAY)

    assert limited == [(0, 100), (0, 50), (0, 50)]
    assert points(ada, *friends, at=NOON + 2 * DAY) == [(0, 100), (0, 0), (0, 50), (0, 50)]
    assert list(Grant.objects.filter(given=0).values_list("points", "reason")) == [(100, "over_limit")]


def test_a_limit_is_of_a_period_of_the_programs_zone() -> None:
    club = program(policy={"advocate_limit": 1, "limit_period": "month"}, zone="Europe/Paris")
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    claims(bob, ada)
    claims(eve, ada)

    make.buys(bob, "30.00", at=on("2026-06-30T21:59"))
    make.buys(eve, "30.00", at=on("2026-06-30T22:00"))

    assert points(ada, at=on("2026-07-01T12:00")) == [(0, 200)]


def test_the_budget_is_never_passed_and_gets_back_what_is_taken_back() -> None:
    club = program(policy={"budget": 300})
    ada, *friends = (person(club, name) for name in ("ada", "bob", "eve", "joe"))
    bought = []
    for friend in friends[:2]:
        claims(friend, ada)
        bought.append(make.buys(friend, "30.00", at=NOON))
    points(ada, at=NOON)
    claims(friends[2], ada)
    make.buys(friends[2], "30.00", at=NOON + DAY)
    spent = points(ada, *friends, at=NOON + DAY)
    make.returns(friends[0], bought[0], (1, "1"), at=NOON + 2 * DAY)
    points(ada, at=NOON + 2 * DAY)
    zoe = person(club, "zoe")
    claims(zoe, ada, at=NOON + 2 * DAY)
    make.buys(zoe, "30.00", at=NOON + 3 * DAY)

    assert spent == [(0, 200), (0, 50), (0, 50), (0, 0)]
    assert points(ada, *friends, zoe, at=NOON + 3 * DAY) == [(0, 200), (0, 0), (0, 50), (0, 0), (0, 50)]


def test_a_dry_run_of_an_order_leaves_no_trace() -> None:
    ada, bob = pair()

    take_orders(bob.retailer, [make.order(bob, "30.00", at=NOON)], now=NOON, dry_run=True)

    assert (referred(bob), Grant.objects.count()) == (("open", ""), 0)
    assert points(ada, bob, at=NOON) == NONE


def test_a_friend_merged_with_an_older_customer_had_bought_before() -> None:
    ada, bob = pair()
    take_orders(bob.retailer, [make.order("old", "9.00", at=NOON - 9 * DAY)], now=NOON)
    make.buys(bob, "30.00", at=NOON + DAY)

    take_merge(bob.retailer, "old", "bob", reference="crm", now=NOON + 2 * DAY)

    assert points(ada, bob, at=NOON + 2 * DAY) == NONE
    assert referred(bob) == ("taken_back", "bought_before")


def test_a_referrer_merged_into_its_friend_was_nobody_else() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)

    take_merge(bob.retailer, "ada", "bob", reference="crm", now=NOON + DAY)

    assert points(bob, at=NOON + DAY) == [(0, 0)]
    assert referred(bob) == ("taken_back", "same_customer")


@pytest.mark.parametrize("stays", ["ada", "eve"])
def test_a_referrers_limit_is_that_of_all_who_were_merged_into_it(stays: str) -> None:
    club = program(policy={"advocate_limit": 1, "limit_period": "ever", "waiting_days": 0})
    ada, eve, bob, cyd = (person(club, name) for name in ("ada", "eve", "bob", "cyd"))
    claims(bob, ada)
    make.buys(bob, "30.00", at=NOON)
    points(ada, at=NOON)
    take_merge(club.retailer, "eve" if stays == "ada" else "ada", stays, reference="crm", now=NOON + HOUR)
    one = ada if stays == "ada" else eve

    claims(cyd, one, at=NOON + 2 * HOUR)
    make.buys(cyd, "30.00", at=NOON + 3 * HOUR)

    assert points(one, cyd, at=NOON + 3 * HOUR) == [(100, 0), (50, 0)]


def back_again(member: Membership, at: Any) -> None:
    """Let a member leave, and come back within the hour."""
    leave(member, now=at)
    make.member(member.program, member.customer.external_id, since=at + HOUR)


def test_what_came_with_a_merge_goes_whatever_its_new_member_had_forfeited_before() -> None:
    ada, bob = pair()
    make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)
    back_again(ada, NOON + HOUR)

    take_merge(bob.retailer, "bob", "ada", reference="crm", now=NOON + DAY)

    assert points(ada, at=NOON + DAY) == [(0, 0)]
    assert make.wallet_of(ada).shortfall == 0
    assert referred(bob) == ("taken_back", "same_customer")
    assert prove().differences == []


def test_of_what_was_forfeited_before_a_merge_nothing_goes_again() -> None:
    ada, bob = pair(waiting_days=0, advocate_points=0)
    make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)
    redeem(bob, 20, reference="r", now=NOON)
    back_again(bob, NOON + DAY)
    make.given(ada, 70, NOON + DAY)

    take_merge(bob.retailer, "bob", "ada", reference="crm", now=NOON + 2 * DAY)

    assert points(ada, at=NOON + 2 * DAY) == [(70, 0)]
    assert referred(bob) == ("taken_back", "same_customer")
    assert prove().differences == []


@pytest.mark.parametrize("passed_on", [50, 20])
def test_what_a_friend_gave_to_another_one_goes_all_the_same_when_it_is_merged(passed_on: int) -> None:
    club = program(policy={"waiting_days": 0, "advocate_points": 0}, points={"pending_days": 0, "may_transfer": True})
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    claims(bob, ada)
    make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)
    transfer(bob, eve, passed_on, reference="t", now=NOON + HOUR)
    make.given(ada, 70, NOON + DAY)

    take_merge(club.retailer, "bob", "ada", reference="crm", now=NOON + DAY)

    assert points(ada, eve, at=NOON + DAY) == [(70 - passed_on, 0), (passed_on, 0)]
    assert referred(bob) == ("taken_back", "same_customer")
    assert prove().differences == []


def test_what_came_with_a_merge_is_forfeited_with_who_has_it() -> None:
    club = program()
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    claims(bob, ada)
    order = make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)
    take_merge(club.retailer, "bob", "eve", reference="crm", now=NOON + HOUR)
    back_again(eve, NOON + 2 * HOUR)

    make.returns(eve, order, (1, "1"), at=NOON + DAY)

    assert points(eve, at=NOON + DAY) == [(0, 0)]
    assert make.wallet_of(eve).shortfall == 0
    assert prove().differences == []


def test_a_merged_referrers_friends_are_those_of_who_stays() -> None:
    _, bob = pair()
    eve = person(bob.program, "eve")
    take_merge(bob.retailer, "ada", "eve", reference="crm", now=NOON + DAY)

    make.buys(bob, "30.00", at=NOON + 2 * DAY)

    assert points(eve, bob, at=NOON + 2 * DAY) == BOTH


def test_of_two_referrals_of_one_person_the_earlier_one_stays() -> None:
    club = program()
    ada, eve, bob, too = (person(club, name) for name in ("ada", "eve", "bob", "too"))
    claims(bob, ada, at=NOON)
    claims(too, eve, at=NOON + DAY)
    make.buys(too, "30.00", at=NOON + 2 * DAY)
    points(eve, too, at=NOON + 2 * DAY)

    take_merge(club.retailer, "too", "bob", reference="crm", now=NOON + 3 * DAY)

    assert referred(too) == ("refused", "referred_before")
    assert points(eve, ada, bob, at=NOON + 3 * DAY) == [(0, 0), *BOTH]
    assert referred(bob) == ("earned", "")


@pytest.mark.parametrize("of_too", ["ada", "eve"])
def test_what_the_later_of_two_referrals_gives_back_makes_room_for_the_earlier_one(of_too: str) -> None:
    club = program(policy={"budget": 150})  # of one referral
    people = {name: person(club, name) for name in ("eve", "ada", "bob", "too")}
    claims(people["bob"], people["ada"], at=NOON)
    claims(people["too"], people[of_too], at=NOON + DAY)
    make.buys(people["too"], "30.00", at=NOON + 2 * DAY)
    assert points(people[of_too], people["too"], at=NOON + 2 * DAY) == BOTH

    take_merge(club.retailer, "too", "bob", reference="crm", now=NOON + 3 * DAY)
    run_nights(club, until=(NOON + 4 * DAY).date(), now=NOON + 4 * DAY)

    # The friend's order of the third day earned both, before what was given for it came back on the fourth.
    assert points(people["ada"], people["bob"], at=NOON + 4 * DAY) == BOTH
    assert prove().differences == []
    assert replay(club, now=NOON + 4 * DAY).deviations == []


@pytest.mark.parametrize("is_referred_too", [False, True])
@pytest.mark.parametrize("claimed", ["goes", "stays"])
@pytest.mark.parametrize("bought", ["goes", "stays"])
def test_a_referral_is_earned_by_what_its_friend_bought_as_another_one(
    claimed: str, bought: str, *, is_referred_too: bool
) -> None:
    club = program()
    ada, eve, goes, stays = (person(club, name) for name in ("ada", "eve", "goes", "stays"))
    first, second = (goes, stays) if claimed == "goes" else (stays, goes)
    claims(first, ada, at=NOON)
    if is_referred_too:
        claims(second, eve, at=NOON + DAY)
    order = make.buys(goes if bought == "goes" else stays, "30.00", at=NOON + 2 * DAY)

    take_merge(club.retailer, "goes", "stays", reference="crm", now=NOON + 3 * DAY)

    assert points(ada, eve, stays, at=NOON + 3 * DAY) == [(0, 100), (0, 0), (0, 50)]
    make.returns(stays, order, (1, "1"), at=NOON + 4 * DAY)
    assert points(ada, eve, stays, at=NOON + 4 * DAY) == [(0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("is_earlier", [False, True])
@pytest.mark.parametrize(("goes", "stays"), [("ada", "bob"), ("bob", "ada")])
def test_who_is_merged_with_its_referrer_goes_on_with_the_referral_of_that_one(
    goes: str, stays: str, *, is_earlier: bool
) -> None:
    club = program()
    ada, bob, cyd = (person(club, name) for name in ("ada", "bob", "cyd"))
    claims(bob, ada, at=NOON)
    claims(ada, cyd, at=NOON - DAY if is_earlier else NOON + DAY)
    make.buys(bob, "30.00", at=NOON + 2 * DAY)
    assert points(ada, bob, cyd, at=NOON + 2 * DAY) == [*BOTH, (0, 0)]

    take_merge(club.retailer, goes, stays, reference="crm", now=NOON + 3 * DAY)

    person_now = ada if stays == "ada" else bob
    assert points(cyd, person_now, at=NOON + 3 * DAY) == BOTH
    own = Referral.objects.exclude(reason="same_customer").get()
    assert (own.friend, own.advocate, own.status) == (person_now, cyd, "earned")
    assert prove().differences == []


@pytest.mark.parametrize("claimed", ["goes", "stays"])
def test_who_bought_before_as_another_one_has_earned_no_referral_by_what_it_bought_since(claimed: str) -> None:
    club = program()
    ada, goes, stays = (person(club, name) for name in ("ada", "goes", "stays"))
    first, other = (goes, stays) if claimed == "goes" else (stays, goes)
    make.buys(other, "9.00", at=NOON - DAY)
    claims(first, ada, at=NOON)
    make.buys(other, "30.00", at=NOON + DAY)

    take_merge(club.retailer, "goes", "stays", reference="crm", now=NOON + 3 * DAY)

    assert referred(stays) == ("open", "bought_before")
    assert points(ada, stays, at=NOON + 3 * DAY) == NONE
    assert Grant.objects.count() == 0


def test_a_smaller_first_order_as_another_one_takes_a_referral_back() -> None:
    club = program()
    ada, bob, too = (person(club, name) for name in ("ada", "bob", "too"))
    claims(bob, ada, at=NOON)
    make.buys(too, "29.99", at=NOON + DAY)
    make.buys(bob, "30.00", at=NOON + 2 * DAY)
    assert points(ada, bob, at=NOON + 2 * DAY) == BOTH

    take_merge(club.retailer, "too", "bob", reference="crm", now=NOON + 3 * DAY)

    assert points(ada, bob, at=NOON + 3 * DAY) == NONE
    assert referred(bob) == ("taken_back", "below_minimum")


@pytest.mark.parametrize("is_earlier", [False, True])
@pytest.mark.parametrize(("goes", "stays"), [("ada", "eve"), ("eve", "ada")])
def test_a_ring_that_a_merge_closes_ends_with_whom_it_made_one(goes: str, stays: str, *, is_earlier: bool) -> None:
    club = program()
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    claims(bob, ada, at=NOON + DAY if is_earlier else NOON - DAY)
    claims(eve, bob, at=NOON)
    make.buys(bob, "30.00", at=NOON + 2 * DAY)
    points(ada, bob, eve, at=NOON + 2 * DAY)

    take_merge(club.retailer, goes, stays, reference="crm", now=NOON + 3 * DAY)

    merged = eve if stays == "eve" else ada
    assert Referral.objects.exclude(friend=bob).values_list("friend", "status", "reason").get() == (
        merged.pk,
        "refused",
        "cycle",
    )
    assert referred(bob) == ("earned", "")
    assert points(merged, bob, at=NOON + 3 * DAY) == BOTH


def test_a_referral_counts_by_the_version_of_its_claim() -> None:
    ada, bob = pair()
    draft = open_draft(bob.program, author="sue", now=NOON)
    ReferralPolicy.objects.filter(version=draft).update(advocate_points=7, friend_points=0, minimum_amount=90)
    publish(draft, effective_from=NOON + DAY, now=NOON)
    eve = person(bob.program, "eve")
    claims(eve, ada, at=NOON + DAY)

    for friend, amount in ((bob, "30.00"), (eve, "90.00")):
        make.buys(friend, amount, at=NOON + 2 * DAY)

    assert points(ada, bob, eve, at=NOON + 2 * DAY) == [(0, 107), (0, 50), (0, 0)]


def test_a_version_without_referrals_keeps_those_that_were_claimed_and_takes_no_more() -> None:
    ada, bob = pair()
    draft = open_draft(bob.program, author="sue", now=NOON)
    ReferralPolicy.objects.filter(version=draft).delete()
    publish(draft, effective_from=NOON + DAY, now=NOON)

    make.buys(bob, "30.00", at=NOON + 2 * DAY)
    with pytest.raises(NoReferrals):
        claims(person(bob.program, "eve"), ada, at=NOON + 2 * DAY)

    assert points(ada, bob, at=NOON + 2 * DAY) == BOTH


def test_the_ledger_adds_up_and_a_past_lived_again_comes_to_the_same() -> None:
    ada, bob = pair()
    first = make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)
    make.returns(bob, first, (1, "1"), at=NOON + DAY)
    make.buys(bob, "40.00", at=NOON + 2 * DAY)
    points(ada, bob, at=NOON + 30 * DAY)

    found = replay(bob.program, now=NOON + 30 * DAY)

    assert (found.members, found.deviations) == (2, [])
    assert [make.wallet_of(each).available for each in (ada, bob)] == [100, 50]


@pytest.mark.parametrize("days", [0, 3])
def test_a_reward_that_was_spent_and_taken_back_is_no_gain_when_it_is_given_again(days: int) -> None:
    ada, bob = pair(waiting_days=days)
    first = make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON + 4 * DAY)
    redeem(ada, 100, reference="all", now=NOON + 4 * DAY)
    make.returns(bob, first, (1, "1"), at=NOON + 5 * DAY)

    make.buys(bob, "30.00", at=NOON + 6 * DAY)

    assert referred(bob) == ("earned", "")
    assert points(ada, bob, at=NOON + 20 * DAY)[0] == (0, 0)


@pytest.mark.parametrize("days", [0, 3])
def test_a_reward_that_is_given_again_settles_nothing_that_its_referrer_lacks_of_an_order(days: int) -> None:
    club = program(rules=(make.Rule(),), policy={"waiting_days": days, "friend_points": 0})
    ada, bob = (person(club, name) for name in ("ada", "bob"))
    claims(bob, ada, at=NOON)
    mine = make.buys(ada, "60.00", at=NOON)
    redeem(ada, 60, reference="mug", now=NOON + HOUR)
    make.returns(ada, mine, (1, "1"), at=NOON + 2 * HOUR)
    assert make.wallet_of(ada).shortfall == 60
    first = make.buys(bob, "30.00", at=NOON + DAY)
    points(ada, bob, at=NOON + DAY)
    make.returns(bob, first, (1, "1"), at=NOON + 2 * DAY)
    points(ada, bob, at=NOON + 2 * DAY)

    make.buys(bob, "30.00", at=NOON + 3 * DAY)

    assert points(ada, bob, at=NOON + 20 * DAY)[0] == (100, 0)
    assert make.wallet_of(ada).shortfall == 60
    assert prove().differences == []
    assert replay(bob.program, now=NOON + 20 * DAY).deviations == []


def test_a_reward_that_paid_for_what_a_return_lacked_and_went_is_no_gain_when_it_is_given_again() -> None:
    club = program(rules=(make.Rule(),), policy={"waiting_days": 3, "advocate_points": 0})
    ada, bob = (person(club, name) for name in ("ada", "bob"))
    claims(bob, ada, at=NOON)
    mine = make.buys(bob, "80.00", at=NOON)
    points(bob, at=NOON)
    redeem(bob, 50, reference="mug", now=NOON + HOUR)

    make.returns(bob, mine, (1, "1"), at=NOON + 2 * HOUR)
    assert points(bob, at=NOON + 2 * HOUR) == [(0, 0)]
    assert make.wallet_of(bob).shortfall == 50
    make.buys(bob, "80.00", at=NOON + DAY)

    assert points(bob, at=NOON + DAY) == [(80, 0)]
    assert make.wallet_of(bob).shortfall == 0
    assert replay(bob.program, now=NOON + DAY).deviations == []


def test_who_was_referred_as_two_persons_reads_of_the_referral_that_goes_on() -> None:
    club = program()
    ada, cleo, bob, bobby = (person(club, name) for name in ("ada", "cleo", "bob", "bobby"))
    claims(bobby, ada, at=NOON)
    claims(bob, cleo, at=NOON + DAY)
    for friend in (bobby, bob):
        make.buys(friend, "40.00", at=NOON + 2 * DAY)

    take_merge(club.retailer, "bobby", "bob", reference="same", now=NOON + 3 * DAY)

    assert points(bob, ada, cleo, at=NOON + 20 * DAY) == [(50, 0), (100, 0), (0, 0)]
    mine = overview(bob, at=NOON + 20 * DAY).mine
    assert mine is not None
    assert (mine.state, mine.points) == ("rewarded", 50)
