"""Members join, leave and come back while they are merged: nobody waits crosswise, and each is a member once."""

from datetime import timedelta
from functools import partial

import pytest

from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
HOLDS_MEMBERS = "FOR NO KEY UPDATE"


def merges(club: Program) -> object:
    return take_merge(club.retailer, "ada", "eve", reference="crm", now=NOON + HOUR)


def test_who_leaves_while_it_is_merged_has_left_and_is_merged() -> None:
    club = make.program(points={"pending_days": 0, "expiry": "days", "expiry_count": 30})
    ada, _eve = make.member(club, "ada"), make.member(club, "eve")
    make.given(ada, 100, NOON - 40 * DAY)  # which have ended: its clock is set anew, and then stopped

    left, merged = interleaved(partial(leave, ada, now=NOON), partial(merges, club), after=HOLDS_MEMBERS)

    assert getattr(left, "left_at", left) == NOON
    assert getattr(merged, "customer", merged) == "eve"
    assert Membership.objects.get(pk=ada.pk).left_at == NOON


def test_who_comes_back_while_it_is_merged_is_back_and_merged() -> None:
    club = make.program()
    ada, eve = make.member(club, "ada"), make.member(club, "eve")
    leave(ada, now=NOON)
    comes = partial(enrol, club, [(ada.customer_id, NOON + SECOND)], source="test", now=NOON + SECOND)

    back, merged = interleaved(comes, partial(merges, club), after=HOLDS_MEMBERS)

    assert isinstance(back, list), back
    assert getattr(merged, "customer", merged) == "eve"
    assert Membership.objects.get(pk=ada.pk).merged_into_id == eve.pk


def test_who_is_merged_while_it_is_enrolled_is_enrolled_as_the_one_who_stays() -> None:
    club = make.program()
    ada, eve = (make.customer(club.retailer, name) for name in ("ada", "eve"))
    joins = partial(enrol, club, [(ada.pk, NOON)], source="test", now=NOON + HOUR)

    _merged, joined = interleaved(partial(merges, club), joins, after="external_id FOR UPDATE")

    assert isinstance(joined, list), joined
    assert [each.customer_id for each in joined] == [eve.pk]
    assert list(Membership.objects.values_list("customer", flat=True)) == [eve.pk]


def test_who_enrolled_by_a_clock_that_is_ahead_is_merged() -> None:
    club = make.program()
    ada, _eve = make.member(club, "ada", since=NOON + HOUR + SECOND), make.member(club, "eve")

    merges(club)

    assert Membership.objects.get(pk=ada.pk).left_at == NOON + HOUR + SECOND
