"""Who may refer whom, what is held for a person to decide, and what that person decides."""

from datetime import timedelta
from typing import Any

import pytest

from customers.recording import record_orders
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.referring import (
    AlreadyReferred,
    NoReferrals,
    NoSuchCode,
    NotAMemberThen,
    NoteMissing,
    NotHeld,
    claim_referral,
    note_member_signals,
    review_referral,
)
from loyalty.activity.account.session import HasLeft
from loyalty.activity.backlog import catch_up
from loyalty.activity.intake import take_orders
from loyalty.memberships import households
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralSignal
from tests import make
from tests.make import NOON
from tests.referrals.make_referrals import claims, person, points, program, referred

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def suspicions(friend: Any) -> list[dict[str, Any]]:
    return list(Referral.objects.get(friend=friend).suspicions)


@pytest.mark.parametrize(
    ("ada", "bob", "reason"),
    [
        ({"email": "ada.lovelace@gmail.com"}, {"email": "Adalovelace+friend@googlemail.com"}, "same_email"),
        ({"email": "ada@outlook.com"}, {"email": "ADA+2@outlook.com"}, "same_email"),
        ({"email": "ada@shop.example"}, {"email": "ada+x@shop.example"}, "same_email"),
        ({"email": "ada+1@live.fr"}, {"email": "ada+2@live.fr."}, "same_email"),
        ({"phone": "+33 6 12 34 56 78"}, {"phone": "06.12.34.56.78"}, "same_phone"),
        ({"phone": "+33 (0)6 12 34 56 78"}, {"phone": "0033612345678"}, "same_phone"),
    ],
)
def test_nobody_refers_oneself(ada: dict[str, Any], bob: dict[str, Any], reason: str) -> None:
    club = program()
    first, second = person(club, "ada", **ada), person(club, "bob", **bob)

    claims(second, first)
    make.buys(second, "30.00", at=NOON + DAY)

    assert referred(second) == ("refused", reason)
    assert points(first, second, at=NOON + DAY) == [(0, 0), (0, 0)]


def test_an_address_that_differs_by_dots_alone_is_looked_at_where_its_provider_may_tell_dots_apart() -> None:
    club = program()
    ada, bob = (
        person(club, "ada", email="ada.lovelace@shop.example"),
        person(club, "bob", email="adalove-lace+x@shop.example"),
    )

    claims(bob, ada)

    assert referred(bob) == ("held", "suspicious")
    assert suspicions(bob) == [{"code": "nearly_same_email", "score": 60}]


@pytest.mark.parametrize(
    ("ada", "bob"),
    [
        ({"email": "ada@shop.example"}, {"email": "ad@shop.example"}),
        ({"email": "+ada@shop.example"}, {"email": "+eva@shop.example"}),
        ({"phone": "+33 6 12 34 56 78"}, {"phone": "+49 6 12 34 56 78"}),
        ({"email": "", "phone": ""}, {"email": "", "phone": ""}),
    ],
)
def test_who_only_looks_alike_is_somebody_else(ada: dict[str, Any], bob: dict[str, Any]) -> None:
    club = program()

    claims(person(club, "bob", **bob), person(club, "ada", **ada))

    assert Referral.objects.get().status == "open"


@pytest.mark.parametrize(
    ("kind", "status", "reason", "score"),
    [
        ("payment", "refused", "same_payment", 0),
        ("device", "held", "suspicious", 60),
        ("address", "held", "suspicious", 50),
        ("ip", "open", "", 20),
    ],
)
def test_what_both_have_in_common_is_refused_or_held(kind: str, status: str, reason: str, score: int) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    note_member_signals(ada, {kind: "12, Rue du Bac"}, now=NOON - DAY)

    claims(bob, ada, signals={kind: "12 rue du  bac" if kind == "address" else "12, Rue du Bac"})

    row = Referral.objects.get()
    assert (row.status, row.reason, row.score) == (status, reason, score)


def test_of_signals_nothing_is_kept_but_digests() -> None:
    club = program()
    claims(person(club, "bob"), person(club, "ada"), signals={"device": "laptop-7", "ip": ""})

    (row,) = ReferralSignal.objects.all()

    assert (row.kind, len(row.digest), "laptop" in row.digest) == ("device", 64, False)


def test_members_of_one_household_are_held() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    households.share(ada, [bob], now=NOON)

    claims(bob, ada)

    assert referred(bob) == ("held", "suspicious")
    assert suspicions(bob) == [{"code": "same_household", "score": 60}]


def test_who_bought_before_is_no_new_customer() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    make.buys(bob, "5.00", at=NOON - DAY)

    claims(bob, ada)

    assert referred(bob) == ("refused", "bought_before")


def test_who_bought_before_it_was_a_member_is_no_new_customer() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob", since=NOON)
    make.buys(bob, "5.00", at=NOON - DAY)

    claims(bob, ada, at=NOON + DAY)

    assert referred(bob) == ("refused", "bought_before")


def test_two_do_not_refer_each_other_nor_do_three_in_a_ring() -> None:
    club = program()
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    claims(bob, ada)
    claims(eve, bob)

    claims(ada, bob)
    found = [referred(ada)]
    claims(ada, eve)
    found.append(referred(ada))

    assert found == [("refused", "cycle"), ("refused", "cycle")]
    assert [referred(bob), referred(eve)] == [("open", ""), ("open", "")]


def test_a_referral_that_was_taken_back_is_not_earned_again_where_that_would_close_a_ring() -> None:
    club = program(policy={"first_order_only": False})
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    bought = make.buys(bob, "30.00", at=NOON + HOUR)
    make.returns(bob, bought, (1, "1"), at=NOON + 2 * HOUR)
    claims(ada, bob, at=NOON + 3 * HOUR)
    make.buys(ada, "30.00", at=NOON + 4 * HOUR)

    make.buys(bob, "30.00", at=NOON + 5 * HOUR)

    assert [referred(ada), referred(bob)] == [("earned", ""), ("taken_back", "cycle")]
    assert points(ada, bob, at=NOON + DAY) == [(0, 50), (0, 100)]
    assert [referred(ada), referred(bob)] == [("earned", ""), ("taken_back", "cycle")]


def test_the_own_code_is_refused() -> None:
    club = program()
    ada = person(club, "ada")

    claims(ada, ada)

    assert referred(ada) == ("refused", "same_customer")


@pytest.mark.parametrize("is_by_order", [False, True])
def test_who_named_its_own_code_can_still_be_referred_by_another_one(*, is_by_order: bool) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, bob)

    if is_by_order:
        fact = make.order(bob, "30.00", at=NOON + HOUR, promotion_code=code_of(ada, now=NOON))
        take_orders(club.retailer, [fact], now=NOON + HOUR)
    else:
        claims(bob, ada, at=NOON + HOUR)
        make.buys(bob, "30.00", at=NOON + HOUR)

    assert referred(bob) == ("earned", "")
    assert points(ada, bob, at=NOON + DAY) == [(0, 100), (0, 50)]


@pytest.mark.parametrize("kind", ["address", "ip", "device"])
def test_the_eleventh_claim_from_one_address_in_seven_days_is_held_and_not_lost(kind: str) -> None:
    club = program()
    ada, *friends = (person(club, f"p{place}") for place in range(12))
    for place, friend in enumerate(friends[:10]):
        claims(friend, ada, at=NOON + timedelta(hours=place), signals={kind: "here"})

    claims(friends[10], ada, at=NOON + 6 * DAY, signals={kind: "here"})
    make.buys(friends[10], "30.00", at=NOON + 6 * DAY + timedelta(hours=1))

    assert [referred(friend)[0] for friend in friends] == ["open"] * 10 + ["held"]
    assert suspicions(friends[10]) == [{"code": "velocity", "score": 100, "count": 11}]
    assert points(ada, friends[10], at=NOON + 7 * DAY) == [(0, 0), (0, 0)]


def test_the_eleventh_claim_on_the_eighth_day_is_none_of_eleven_in_seven() -> None:
    club = program()
    ada, *friends = (person(club, f"p{place}") for place in range(12))
    for friend in friends[:10]:
        claims(friend, ada, at=NOON, signals={"ip": "here"})

    claims(friends[10], ada, at=NOON + 7 * DAY, signals={"ip": "here"})

    assert referred(friends[10]) == ("open", "")


@pytest.mark.parametrize("hours", [0, 1])
def test_two_whose_codes_come_together_cannot_refer_each_other(hours: int) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    one = make.order(ada, "40.00", promotion_code=code_of(bob, now=NOON))
    two = make.order(bob, "40.00", at=NOON + timedelta(hours=hours), promotion_code=code_of(ada, now=NOON), name="zz")

    answers = take_orders(club.retailer, [two, one], now=NOON + DAY)

    statuses = sorted(referred(each) for each in (ada, bob))
    assert [len(answer.decisions) for answer in answers] == [1, 1]
    assert statuses == [("earned", ""), ("refused", "cycle")]
    assert referred(ada) == ("earned", "") or not hours
    assert sorted(points(ada, bob, at=NOON + DAY)) == [(0, 50), (0, 100)]


@pytest.mark.parametrize("is_imported", [False, True])
def test_claims_that_come_together_count_each_other(is_imported: bool) -> None:  # noqa: FBT001 - a case
    club = program()
    ada = person(club, "ada")
    code = code_of(ada, now=NOON)
    friends = [person(club, f"f{place}", email=f"anna{place}@mail.example") for place in range(4)]
    facts = [
        make.order(friend, "40.00", at=NOON + timedelta(minutes=place), promotion_code=code)
        for place, friend in enumerate(friends)
    ]

    if is_imported:
        record_orders(club.retailer, facts, now=NOON + DAY)
        catch_up(club.retailer, now=NOON + DAY)
    else:
        take_orders(club.retailer, facts, now=NOON + DAY)

    assert [suspicions(friend) for friend in friends] == [
        [], [], [{"code": "similar_email", "score": 40, "count": 2}], [{"code": "similar_email", "score": 40, "count": 3}],
    ]  # fmt: skip


@pytest.mark.parametrize("named", [{}, {"device": "here"}])
def test_a_device_that_the_shop_told_of_before_counts_as_one_of_the_claim(named: dict[str, str]) -> None:
    club = program()
    ada, *friends = (person(club, f"p{place}") for place in range(12))
    for friend in friends:
        note_member_signals(friend, {"device": "here"}, now=NOON - 30 * DAY)

    for place, friend in enumerate(friends):
        claims(friend, ada, at=NOON + timedelta(hours=place), signals=named)

    assert [referred(friend)[0] for friend in friends] == ["open"] * 10 + ["held"]


def test_a_claim_with_the_other_code_of_a_merged_referrer_is_the_same_claim() -> None:
    club = program()
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    claims(eve, ada)
    take_merge(club.retailer, "ada", "bob", reference="crm", now=NOON + HOUR)

    again = claims(eve, bob, at=NOON + DAY)

    assert (again.is_new, again.referral.code) == (False, code_of(ada, now=NOON))
    assert referred(eve) == ("open", "")
    with pytest.raises(AlreadyReferred):
        claims(eve, person(club, "dan"), at=NOON + DAY)


def test_friends_who_turned_out_to_be_the_referrer_count_whichever_of_both_stays() -> None:
    club = program()
    ada, bob, eve, dan = (person(club, name) for name in ("ada", "bob", "eve", "dan"))
    claims(bob, ada, at=NOON)
    make.buys(bob, "40.00", at=NOON)
    claims(eve, bob, at=NOON + HOUR)
    make.buys(eve, "40.00", at=NOON + HOUR)
    take_merge(club.retailer, "ada", "bob", reference="crm", now=NOON + DAY)
    take_merge(club.retailer, "eve", "bob", reference="crm too", now=NOON + DAY)

    claims(dan, bob, at=NOON + 2 * DAY)

    assert [referred(each) for each in (bob, eve)] == [("taken_back", "same_customer")] * 2
    assert suspicions(dan) == [{"code": "orders_returned", "score": 40, "count": 2}]


def test_similar_addresses_and_returned_orders_of_earlier_friends_add_up() -> None:
    club = program()
    ada = person(club, "ada", email="ada@shop.example")
    for place in (1, 2):
        friend = person(club, f"f{place}", email=f"eve{place}@mail.example")
        claims(friend, ada)
        bought = make.buys(friend, "40.00", at=NOON)
        make.returns(friend, bought, (1, "1"), at=NOON + DAY)
    eve = person(club, "f3", email="eve.3@mail.example")

    claims(eve, ada, at=NOON + 2 * DAY)

    assert referred(eve) == ("held", "suspicious")
    assert suspicions(eve) == [
        {"code": "similar_email", "score": 40, "count": 2},
        {"code": "orders_returned", "score": 40, "count": 2},
    ]


def test_an_order_just_above_the_minimum_holds_what_was_suspicious() -> None:
    club = program(policy={"hold_score": 40})
    ada, bob = person(club, "ada"), person(club, "bob")
    note_member_signals(ada, {"ip": "here"}, now=NOON - DAY)
    claims(bob, ada, signals={"ip": "here"})

    make.buys(bob, "30.50", at=NOON + DAY)

    assert referred(bob) == ("held", "suspicious")
    assert [each["code"] for each in suspicions(bob)] == ["same_ip", "just_above_minimum"]
    assert points(ada, bob, at=NOON + DAY) == [(0, 0), (0, 0)]


def held() -> tuple[Any, Any]:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    note_member_signals(ada, {"device": "phone"}, now=NOON - DAY)
    claims(bob, ada, signals={"device": "phone"})
    make.buys(bob, "30.00", at=NOON + DAY)
    return ada, bob


def test_what_is_approved_earns_as_of_the_order() -> None:
    ada, bob = held()

    review_referral(Referral.objects.get().pk, approve=True, author="sue", note="  sisters ", now=NOON + 3 * DAY)

    row = Referral.objects.get()
    assert (row.status, row.reviewed_by, row.review_note) == ("earned", "sue", "sisters")
    assert (row.earned_at, row.score) == (NOON + DAY, 60)
    assert points(ada, bob, at=NOON + 3 * DAY) == [(0, 100), (0, 50)]
    assert points(ada, bob, at=NOON + 15 * DAY) == [(100, 0), (50, 0)]


def test_approved_after_the_waiting_it_can_be_spent_at_once() -> None:
    ada, bob = held()

    review_referral(Referral.objects.get().pk, approve=True, author="sue", note="ok", now=NOON + 40 * DAY)

    assert points(ada, bob, at=NOON + 40 * DAY) == [(100, 0), (50, 0)]


def test_what_is_refused_ends_and_is_not_claimed_again() -> None:
    ada, bob = held()

    review_referral(Referral.objects.get().pk, approve=False, author="sue", note="one phone", now=NOON + 3 * DAY)
    claims(bob, ada, at=NOON + 4 * DAY)

    assert referred(bob) == ("refused", "refused_by_staff")
    assert Referral.objects.count() == 1
    assert points(ada, bob, at=NOON + 4 * DAY) == [(0, 0), (0, 0)]


def test_a_decision_needs_a_note_and_what_is_decided_is_decided() -> None:
    _, bob = held()
    pk = Referral.objects.get().pk

    with pytest.raises(NoteMissing):
        review_referral(pk, approve=True, author="sue", note=" ", now=NOON + DAY)
    review_referral(pk, approve=True, author="sue", note="ok", now=NOON + DAY)
    with pytest.raises(NotHeld):
        review_referral(pk, approve=True, author="tim", note="ok", now=NOON + DAY)

    assert Referral.objects.get().reviewed_by == "sue"
    assert referred(bob)[0] == "earned"


def test_what_was_approved_and_looks_bad_later_can_still_be_refused() -> None:
    ada, bob = held()
    pk = Referral.objects.get().pk
    review_referral(pk, approve=True, author="sue", note="ok", now=NOON + 2 * DAY)

    review_referral(pk, approve=False, author="tim", note="no", now=NOON + 3 * DAY)

    assert referred(bob) == ("refused", "refused_by_staff")
    assert points(ada, bob, at=NOON + 3 * DAY) == [(0, 0), (0, 0)]


def test_the_same_claim_again_changes_nothing_and_another_code_is_a_conflict() -> None:
    club = program()
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))

    first = claims(bob, ada)
    again = claims(bob, ada, at=NOON + DAY)
    with pytest.raises(AlreadyReferred):
        claims(bob, eve, at=NOON + DAY)

    assert (first.is_new, again.is_new) == (True, False)
    assert Referral.objects.get().claimed_at == NOON


def test_a_code_is_found_however_it_is_typed_and_an_unknown_one_is_told() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    code = code_of(ada, now=NOON)

    with pytest.raises(NoSuchCode):
        claim_referral(bob, "NOBODY22", channel="shop", now=NOON)
    claim_referral(bob, f" {code[:4].lower()}-{code[4:].lower()} ", channel="shop", now=NOON)

    assert (Referral.objects.get().code, code_of(ada, now=NOON)) == (code, code)


def test_claims_need_rules_and_a_member() -> None:
    club = program()
    ada, bob, eve = person(club, "ada"), person(club, "bob", since=NOON), person(club, "eve")
    plain = make.program(club.retailer)

    with pytest.raises(NotAMemberThen):
        claims(bob, ada, at=NOON - DAY, now=NOON)
    with pytest.raises(NoReferrals):
        claims(make.member(plain, "zoe"), make.member(plain, "joe"))
    leave(eve, now=NOON)
    with pytest.raises(HasLeft):
        claims(eve, ada)
    claims(bob, eve, at=NOON + DAY)

    assert referred(bob) == ("refused", "advocate_left")


def test_the_code_of_who_was_merged_leads_to_who_stays() -> None:
    club = program()
    ada, bob, eve = (person(club, name) for name in ("ada", "bob", "eve"))
    code = code_of(ada, now=NOON)
    take_merge(club.retailer, "ada", "eve", reference="crm", now=NOON)

    claim_referral(bob, code, channel="shop", now=NOON + DAY)

    assert Referral.objects.get().advocate == eve


def test_who_named_its_own_code_by_mistake_may_still_name_the_one_who_referred_it() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, bob)
    assert referred(bob) == ("refused", "same_customer")

    claims(bob, ada, at=NOON + DAY)
    make.buys(bob, "30.00", at=NOON + 2 * DAY)

    found = list(Referral.objects.filter(friend=bob).order_by("claimed_at").values_list("status", "reason"))
    assert found == [("refused", "same_customer"), ("earned", "")]


def test_who_named_a_friend_of_its_own_may_still_name_the_one_who_referred_it() -> None:
    club = program()
    ada, bob, cyd = (person(club, name) for name in ("ada", "bob", "cyd"))
    claims(bob, ada)
    claims(ada, bob, at=NOON + DAY)

    claims(ada, cyd, at=NOON + 2 * DAY)

    found = list(Referral.objects.filter(friend=ada).order_by("claimed_at").values_list("status", "reason"))
    assert found == [("refused", "cycle"), ("open", "")]
