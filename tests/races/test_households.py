"""Households whose members join and leave at once: members are locked in the order of their ids, then their household."""

from functools import partial
from uuid import UUID

import pytest
from django.db import transaction

from customers.core.ids import new_id
from loyalty.memberships.households import MAX_MEMBERS, HouseholdFull, InAnotherHousehold, leave, share
from loyalty.memberships.locking import lock_memberships
from loyalty.memberships.models import Household, HouseholdMember, Membership
from tests import make
from tests.make import NOON
from tests.races.interleaving import Work, interleaved

pytestmark = pytest.mark.usefixtures("committed_db")

ADDED = 'INSERT INTO "memberships_householdmember"'
LEFT = 'DELETE FROM "memberships_householdmember"'


def people(count: int) -> list[Membership]:
    club = make.program()
    return [make.member(club) for _ in range(count)]


def sharing(first: Membership, *others: Membership) -> Work:
    return partial(share, first, others, now=NOON)


def homes() -> list[set[Membership]]:
    """Return who lives together."""
    found: dict[object, set[Membership]] = {home: set() for home in Household.objects.values_list("pk", flat=True)}
    for row in HouseholdMember.objects.select_related("membership"):
        found[row.household_id].add(row.membership)
    return list(found.values())


def test_two_who_ask_for_each_other_at_once_have_one_household() -> None:
    ada, bob = people(2)

    first, second = interleaved(sharing(ada, bob), sharing(bob, ada), after=ADDED)

    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert (first[1], second[1], first[0]) == (True, False, second[0])
    assert homes() == [{ada, bob}]


def test_two_households_that_want_the_same_members_the_other_way_round_do_not_wait_in_a_circle() -> None:
    ada, bob, eve, zoe = people(4)

    first, second = interleaved(sharing(ada, eve, zoe), sharing(bob, zoe, eve), after=ADDED)

    assert isinstance(first, tuple)
    assert isinstance(second, InAnotherHousehold)
    assert homes() == [{ada, eve, zoe}]


def test_two_known_households_that_want_the_same_members_do_not_wait_in_a_circle() -> None:
    ada, bob, eve, zoe = people(4)
    for who in (ada, bob):
        share(who, [], now=NOON)

    _first, second = interleaved(sharing(bob, zoe, eve), sharing(ada, eve, zoe), after=ADDED)

    assert isinstance(second, InAnotherHousehold)
    assert sorted(map(len, homes())) == [1, 3]


def test_the_last_two_who_leave_at_once_leave_no_household() -> None:
    ada, bob = people(2)
    share(ada, [bob], now=NOON)

    told = interleaved(partial(leave, ada, now=NOON), partial(leave, bob, now=NOON), after=LEFT)

    assert (told, homes()) == ([True, True], [])


def test_who_leaves_twice_at_once_leaves_once() -> None:
    ada, bob = people(2)
    share(ada, [bob], now=NOON)

    told = interleaved(partial(leave, ada, now=NOON), partial(leave, ada, now=NOON), after=LEFT)

    assert (told, homes()) == ([True, False], [{bob}])


def test_who_joins_a_household_whose_last_member_leaves_opens_one() -> None:
    ada, bob = people(2)
    share(ada, [], now=NOON)

    told = interleaved(partial(leave, ada, now=NOON), sharing(ada, bob), after=LEFT)

    assert (told[0], homes()) == (True, [{ada, bob}])


def test_of_two_who_want_the_last_place_one_gets_it() -> None:
    ada, *others = people(MAX_MEMBERS + 1)
    share(ada, others[:-2], now=NOON)

    told = interleaved(sharing(others[0], others[-2]), sharing(others[1], others[-1]), after=ADDED)

    assert isinstance(told[1], HouseholdFull)
    assert homes() == [{ada, *others[:-1]}]


def test_members_are_locked_in_the_order_of_their_ids_whatever_order_they_are_named_in() -> None:
    found = people(3)
    stranger = new_id()

    locked: list[object] = interleaved(
        partial(_locking, [who.pk for who in reversed(found)], stranger),
        partial(_locking, [found[0].pk, found[2].pk], stranger),
        after="FOR NO KEY UPDATE",
    )

    assert locked == [[who.pk for who in found], [found[0].pk, found[2].pk]]


def _locking(ids: list[UUID], stranger: UUID) -> object:
    with transaction.atomic():
        return lock_memberships([*ids, stranger])
