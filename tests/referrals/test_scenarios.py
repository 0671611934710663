"""What a referral gives, to whom, and when it is taken back."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.referring import note_member_signals
from loyalty.activity.intake import take_orders
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral
from tests import make
from tests.make import NOON, on
from tests.referrals.make_referrals import claims, person, points, program, referred

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ORDER_IN_TIME = 4  # statements


def test_both_rewards_are_pending_for_their_days_and_then_there() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)

    make.buys(bob, "30.00", at=NOON + DAY)

    assert points(ada, bob, at=NOON + DAY) == [(0, 100), (0, 50)]
    assert points(ada, bob, at=on("2026-06-29T23:59")) == [(0, 100), (0, 50)]
    assert points(ada, bob, at=on("2026-06-30T00:00")) == [(100, 0), (50, 0)]
    assert referred(bob) == ("earned", "")


@pytest.mark.parametrize(
    ("back", "after", "status"),
    [("30.01", [(0, 0), (0, 0)], ("taken_back", "below_minimum")), ("30.00", [(0, 100), (0, 50)], ("earned", ""))],
)
def test_both_are_cancelled_when_the_order_falls_below_the_minimum_and_kept_when_it_does_not(
    back: str, after: list[tuple[int, int]], status: tuple[str, str]
) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    bought = make.buys(bob, back, "29.99" if back == "30.01" else "30.00", at=NOON)

    make.returns(bob, bought, (1, "1"), at=NOON + 5 * DAY)

    assert points(ada, bob, at=NOON + 5 * DAY) == after
    assert referred(bob) == status


def test_an_order_below_the_minimum_earns_nothing() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)

    make.buys(bob, "29.99", at=NOON + DAY)
    make.buys(bob, "80.00", at=NOON + 2 * DAY)

    assert points(ada, bob, at=NOON + 2 * DAY) == [(0, 0), (0, 0)]
    assert referred(bob) == ("open", "below_minimum")


def test_the_first_order_that_reaches_the_minimum_may_count() -> None:
    club = program(policy={"first_order_only": False})
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)

    make.buys(bob, "29.99", at=NOON + DAY)
    make.buys(bob, "30.00", at=NOON + 2 * DAY)

    assert points(ada, bob, at=NOON + 2 * DAY) == [(0, 100), (0, 50)]


def test_a_friend_merged_into_its_referrer_was_no_friend() -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)

    take_merge(club.retailer, "bob", "ada", reference="crm", now=NOON + DAY)

    assert points(ada, bob, at=NOON + DAY) == [(0, 0), (0, 0)]
    assert referred(bob) == ("taken_back", "same_customer")


def test_a_batch_of_friends_costs_as_many_statements_as_one() -> None:
    club = program()
    ada = person(club, "ada")
    shop, found = club.retailer, []
    code = code_of(ada, now=NOON)
    for claimed, count in ((0, 1), (0, 1), (1, 1), (20, 20), (19, 20)):
        friends = [make.member(club, make.number("friend")) for _ in range(count)]
        for friend in friends[:claimed]:
            claims(friend, ada)
        facts = [make.order(friend, "40.00", at=NOON + DAY, promotion_code=code) for friend in friends]
        with CaptureQueriesContext(connection) as queries:
            take_orders(shop, facts, now=NOON + DAY)
        found.append(len(queries))

    _, claiming, known, many_known, many_and_claiming = found
    assert many_known == known
    assert many_and_claiming <= claiming
    assert Referral.objects.filter(status="earned").count() == 43


def test_an_order_in_a_program_without_referrals_asks_nothing_of_them() -> None:
    club = make.program()
    bob = make.member(club)
    make.buys(bob, "10.00")
    facts = [make.order(bob, "30.00", at=NOON + DAY, promotion_code="ABCDEFGH") for _ in range(2)]
    shop = club.retailer

    found = []
    for fact in facts:
        with CaptureQueriesContext(connection) as queries:
            take_orders(shop, [fact], now=NOON + DAY)
        found.append(len(queries))

    assert found == [ORDER_IN_TIME, ORDER_IN_TIME]


@pytest.mark.parametrize("first_order_only", [True, False])
def test_an_order_earns_however_many_before_it_came_back(*, first_order_only: bool) -> None:
    club = program(policy={"first_order_only": first_order_only})
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    for day in range(1, 13):
        at = NOON + day * DAY
        make.returns(bob, make.buys(bob, "30.00", at=at), (1, "1"), at=at + DAY / 2)

    make.buys(bob, "30.00", at=NOON + 13 * DAY)

    assert points(ada, bob, at=NOON + 13 * DAY) == [(0, 100), (0, 50)]


def test_the_limit_of_a_referrer_is_that_of_the_person_who_was_two_members() -> None:
    club = program(policy={"advocate_limit": 1, "limit_period": "month", "waiting_days": 0})
    ada, ida, bob, eve = (person(club, name) for name in ("ada", "ida", "bob", "eve"))
    claims(bob, ada)
    claims(eve, ida)
    first = make.buys(bob, "30.00", at=NOON + DAY)
    assert points(ada, ida, at=NOON + DAY) == [(100, 0), (0, 0)]

    take_merge(club.retailer, "ada", "ida", reference="one person", now=NOON + 2 * DAY)
    make.buys(eve, "30.00", at=NOON + 3 * DAY)
    assert points(ida, at=NOON + 3 * DAY) == [(100, 0)]
    make.returns(bob, first, (1, "1"), at=NOON + 4 * DAY)

    assert points(ida, at=NOON + 4 * DAY) == [(0, 0)]


@pytest.mark.parametrize(
    ("kind", "after"), [("device", ("held", "suspicious")), ("payment", ("refused", "same_payment"))]
)
def test_what_is_known_of_a_referrer_goes_with_it_through_a_merge(kind: str, after: tuple[str, str]) -> None:
    club = program()
    ada, ida, bob = (person(club, name) for name in ("ada", "ida", "bob"))
    note_member_signals(ada, {kind: "the one of the house"}, now=NOON)

    take_merge(club.retailer, "ada", "ida", reference="one person", now=NOON + DAY)
    claims(bob, ida, at=NOON + 2 * DAY, signals={kind: "the one of the house"})

    assert referred(bob) == after
