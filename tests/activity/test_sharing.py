"""Points that move between members, and households that spend together."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.activity.account.households import OtherProgram, SameMember, TransfersClosed, transfer
from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.account.spending import hold, redeem, release
from loyalty.memberships.models import Household, HouseholdMember, Membership
from loyalty.points.models import Entry, Lot
from tests import make
from tests.make import NOON, spendable

pytestmark = pytest.mark.django_db


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
    assert [spendable(who, now) for who in (ada, bob, eve)] == [0, 15, 0]  # bob had brought them
    assert Entry.objects.filter(wallet__membership=eve).order_by("id").last().explanation["points"] == 30  # type: ignore[union-attr]


def test_the_same_redemption_of_a_household_again_takes_nothing_more() -> None:
    club = make.program()
    ada, bob = make.member(club), make.member(club)
    household(ada, bob)
    make.buys(bob, "20.00")

    first, again = (redeem(ada, 15, reference="tent", now=NOON) for _ in range(2))

    assert (first.entry_id, again.is_new, spendable(bob, NOON)) == (again.entry_id, False, 5)
