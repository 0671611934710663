"""Referrals at the same moment: claims beside claims, orders and merges, each meeting made certain."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.referring import AlreadyReferred, Claimed, claim_referral, review_referral
from loyalty.activity.account.referring import note_member_signals as note
from loyalty.activity.account.spending import redeem
from loyalty.activity.backlog import catch_up
from loyalty.activity.intake import take_orders
from loyalty.points.models import Grant
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral
from tests import make
from tests.make import NOON
from tests.races.interleaving import interleaved
from tests.referrals.make_referrals import claims, person, points, program, referred

pytestmark = pytest.mark.usefixtures("committed_db")

LOCKED = "FOR NO KEY UPDATE"  # of members
JUDGED = "pg_advisory_xact_lock"  # claims of a program
DAY = timedelta(days=1)


def trio(**policy: Any) -> Any:
    club = program(policy=policy)
    return [person(club, name) for name in ("ada", "bob", "eve")]


def claim(friend: Any, advocate: Any, **given: Any) -> Any:
    return partial(claim_referral, friend, code_of(advocate, now=NOON), channel="shop", now=NOON, **given)


def test_of_two_claims_of_one_friend_at_once_one_stands() -> None:
    ada, bob, eve = trio()

    first, second = interleaved(claim(bob, ada), claim(bob, eve), after=LOCKED)

    assert isinstance(first, Claimed)
    assert isinstance(second, AlreadyReferred)
    assert Referral.objects.get().advocate == ada


def test_the_same_claim_twice_at_once_is_one() -> None:
    ada, bob, _ = trio()

    first, second = interleaved(claim(bob, ada), claim(bob, ada), after=LOCKED)

    assert [first.is_new, second.is_new] == [True, False]  # type: ignore[attr-defined] # both were claimed
    assert Referral.objects.count() == 1


def test_two_who_refer_each_other_at_once_are_seen() -> None:
    ada, bob, _ = trio()

    interleaved(claim(bob, ada), claim(ada, bob), after=JUDGED)

    assert [referred(bob), referred(ada)] == [("open", ""), ("refused", "cycle")]


def test_of_two_claims_from_one_address_at_once_the_eleventh_is_held() -> None:
    ada, bob, eve = trio()
    for place in range(9):
        claims(person(ada.program, f"f{place}"), ada, signals={"ip": "here"})

    interleaved(claim(bob, ada, signals={"ip": "here"}), claim(eve, ada, signals={"ip": "here"}), after=JUDGED)

    assert [referred(bob)[0], referred(eve)[0]] == ["open", "held"]


def test_an_order_beside_its_approval_earns_once() -> None:
    for is_first in (True, False):
        ada, bob, _ = trio()
        note(ada, {"device": "d"}, now=NOON - DAY)
        claims(bob, ada, signals={"device": "d"})
        pk = Referral.objects.get(friend=bob).pk
        order = partial(take_orders, bob.retailer, [make.order(bob, "30.00", at=NOON)], now=NOON)
        approve = partial(review_referral, pk, approve=True, author="sue", note="ok", now=NOON)

        interleaved(*((order, approve) if is_first else (approve, order)), after=LOCKED)

        assert (referred(bob), Referral.objects.get(pk=pk).round) == (("earned", ""), 1)
        assert points(ada, bob, at=NOON) == [(0, 100), (0, 50)]


def test_a_friends_order_beside_the_merge_of_its_referrer_rewards_who_stays() -> None:
    for is_first in (True, False):
        ada, bob, eve = trio()
        claims(bob, ada)
        order = partial(take_orders, bob.retailer, [make.order(bob, "30.00", at=NOON)], now=NOON)
        merging = partial(take_merge, ada.retailer, "ada", "eve", reference="crm", now=NOON)

        interleaved(*((order, merging) if is_first else (merging, order)), after=LOCKED)

        assert points(eve, bob, at=NOON + DAY) == [(0, 100), (0, 50)]
        assert make.wallet_of(ada).pending == 0
        assert Grant.objects.filter(membership__in=[ada, bob, eve]).count() == 2


def test_a_claim_beside_the_merge_of_friend_and_referrer_gives_nothing() -> None:
    for is_first in (True, False):
        ada, bob, _ = trio()
        merging = partial(take_merge, ada.retailer, "bob", "ada", reference="crm", now=NOON)
        claiming = claim(bob, ada)

        interleaved(*((claiming, merging) if is_first else (merging, claiming)), after=LOCKED)
        take_orders(ada.retailer, [make.order(ada, "30.00", at=NOON + DAY)], now=NOON + DAY)

        assert points(ada, at=NOON + DAY) == [(0, 0)]
        assert not Referral.objects.filter(friend__in=[ada, bob], status__in=["open", "held", "earned"]).exists()


def test_a_grant_beside_a_redemption_is_given_once() -> None:
    ada, bob, _ = trio(waiting_days=0)
    claims(bob, ada)
    make.buys(bob, "30.00", at=NOON)

    interleaved(
        partial(redeem, ada, 100, reference="r1", now=NOON + DAY), partial(catch_up, ada.retailer, now=NOON + DAY),
        after=LOCKED,
    )  # fmt: skip

    assert points(ada, bob, at=NOON + DAY) == [(0, 0), (50, 0)]


def test_a_referrer_whose_friends_order_at_once_gets_no_more_than_its_limit() -> None:
    ada, *friends = trio(advocate_limit=1)
    for friend in friends:
        claims(friend, ada)
    orders = [
        partial(take_orders, ada.retailer, [make.order(friend, "30.00", at=NOON)], now=NOON) for friend in friends
    ]

    interleaved(*orders, after=LOCKED)

    assert points(ada, *friends, at=NOON) == [(0, 100), (0, 50), (0, 50)]
