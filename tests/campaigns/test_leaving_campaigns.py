"""Who is not there any more for whom a campaign goes on: left, merged; and who would be in it twice."""

from datetime import date, datetime, timedelta

import pytest

from customers.models import Erasure
from customers.privacy import erase
from loyalty.activity.account.merging import take_merge
from loyalty.activity.models import NightRun
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.learning import on_events
from loyalty.campaigns.journeys.nights import find_due, find_on
from loyalty.campaigns.models import Campaign, Entry, Message, Outcome
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from tests import make
from tests.campaigns.make_campaigns import ada, journey, says, says_by, waits
from tests.campaigns.test_journeys import CART, TEN, World, at, outcomes

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def event(kind: str, member: Membership, at: datetime) -> Event:
    return Event(
        retailer=member.retailer, type=kind, subject=str(member.pk), payload={}, occurred_at=at, recorded_at=at
    )


def leaves(member: Membership, at: datetime) -> None:
    Membership.objects.filter(pk=member.pk).update(left_at=at)


def with_a_cart() -> World:
    """Return a world in which somebody left a cart, of which a message speaks four hours later."""
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"))
    world.cart("C1", TEN)
    world.work(TEN)
    return world


def test_who_leaves_the_program_leaves_its_campaigns_whether_they_say_so_or_not() -> None:
    world = with_a_cart()

    leaves(world.member, TEN + HOUR)
    on_events([event("membership.left", world.member, TEN + HOUR)], now=TEN + HOUR)

    assert (world.entries(), outcomes()) == ([("cart:C1", "left")], [("exited", "left")])
    world.work(TEN + 4 * HOUR)
    assert (world.box.taken, Message.objects.count()) == ([], 0)


def test_who_left_is_told_nothing_although_nobody_told_of_it() -> None:
    world = with_a_cart()

    leaves(world.member, TEN + HOUR)
    world.work(TEN + 4 * HOUR)

    assert (world.entries(), world.box.taken) == ([("cart:C1", "left")], [])


def test_who_leaves_one_program_stays_in_the_campaigns_of_another() -> None:
    world = World()
    other = make.program(world.owner)
    ada(other)
    for club in (world.club, other):
        journey(club, CART, waits("PT4H"), says_by("email"), exits=[{"fact": "left"}])
    world.cart("C1", TEN)
    world.work(TEN)

    leaves(world.member, TEN + HOUR)
    on_events([event("membership.left", world.member, TEN + HOUR)], now=TEN + HOUR)

    found = Entry.objects.values_list("campaign__program", "reason")
    assert set(found) == {(world.club.pk, "left"), (other.pk, "")}


def test_who_comes_back_is_not_in_what_it_left() -> None:
    world = with_a_cart()
    leaves(world.member, TEN + HOUR)
    on_events([event("membership.left", world.member, TEN + HOUR)], now=TEN + HOUR)

    Membership.objects.filter(pk=world.member.pk).update(left_at=None, enrolled_at=TEN + 2 * HOUR)
    world.work(TEN + 4 * HOUR)

    assert (world.entries(), world.box.taken) == ([("cart:C1", "left")], [])


@pytest.mark.parametrize(
    ("kind", "occurrence"), [("anniversary", "anniversary:2026"), ("birthday", "birthday:2026"), ("lapsed", "lapse:x")]
)
def test_of_who_was_merged_no_step_is_taken_before_it_goes_on_for_who_stays(kind: str, occurrence: str) -> None:
    world = World()
    make.customer(world.owner, "stays")
    live = journey(world.club, {"kind": kind}, waits("P1D"), says_by("email"))
    assert live.version is not None
    found = [Candidate(world.member.customer_id, occurrence, date(2026, 11, 28))]
    assert enter(live, live.version, found, entered_at=TEN, now=TEN) == 1

    take_merge(world.owner, "ada", "stays", reference="crm", now=TEN + HOUR)

    assert [advance_due(world.owner, now=TEN + DAY) for _ in range(2)] == [0, 0]  # and nobody asks for ever
    assert (world.entries(), outcomes(), Message.objects.count()) == ([(occurrence, "")], [], 0)


def orders_of(world: World, *hours: int) -> Campaign:
    for hour in hours:
        world.order(at(f"2026-11-25T{hour:02d}:00Z"))
    return journey(
        world.club, {"kind": "review", "days": 1}, says_by("email"), again_after_days=30, at_most_one_active=False
    )


@pytest.mark.parametrize("number", [2, 3])
def test_of_several_facts_that_one_night_finds_the_first_one_enters_and_the_others_wait_their_days(number: int) -> None:
    world = World()
    live = orders_of(world, *range(10, 10 + number))

    assert find_on(live, date(2026, 11, 27), now=at("2026-11-27T00:10Z")) == 1

    assert outcomes() == [("not_entered", "again_after")] * (number - 1)


def test_an_enrolment_that_is_told_twice_at_once_is_one_entry() -> None:
    world = World()
    journey(world.club, {"kind": "enrolled"}, says_by("email"), at_most_one_active=False)

    on_events([event("membership.enrolled", world.member, TEN)] * 2, now=TEN)

    assert (world.entries(), outcomes()) == ([(f"enrolled:{TEN.date()}", "")], [])


def test_waits_are_of_the_programs_zone_where_a_member_has_none_as_its_exposure_is() -> None:
    world = World()
    type(world.club).objects.filter(pk=world.club.pk).update(zone="Indian/Reunion")
    journey(world.club, CART, waits("P1D@09:00"), says_by("email"))
    world.cart("C1", TEN)

    world.work(TEN)

    entry = Entry.objects.get()
    nine = at("2026-11-28T05:00Z")  # in Réunion; in Paris it would be 08:00Z
    assert (entry.exposure_at, entry.next_at) == (nine, nine)


def test_a_broadcast_is_said_to_those_who_were_members_then_and_to_nobody_who_comes_later() -> None:
    world = World()
    live = journey(world.club, {"kind": "broadcast"}, says_by("email"), since=TEN)
    NightRun.objects.create(program=world.club, day=date(2026, 12, 30), until=TEN, ran_at=TEN)
    assert find_due(world.owner, now=TEN + HOUR) == 1

    newcomer = ada(world.club, "new")
    Membership.objects.filter(pk=newcomer.pk).update(enrolled_at=TEN + 2 * HOUR)
    for days in range(1, 5):
        assert find_due(world.owner, now=TEN + days * DAY) == 0

    assert list(Entry.objects.values_list("customer", "entered_at")) == [(world.member.customer_id, TEN)]
    live.refresh_from_db()
    assert live.found_until == date(2026, 11, 30)  # three days late, and no longer


def test_a_broadcast_that_a_night_missed_is_caught_up_while_it_is_worth_it() -> None:
    world = World()
    says(ada(world.club, "bob", agrees=()).customer, "email", at=TEN + 2 * DAY)
    journey(world.club, {"kind": "broadcast"}, says_by("email"), since=TEN)
    NightRun.objects.create(program=world.club, day=date(2026, 12, 30), until=TEN, ran_at=TEN)

    assert find_due(world.owner, now=TEN + DAY) == 1
    assert find_due(world.owner, now=TEN + 2 * DAY + HOUR) == 1  # who agrees meanwhile
    assert find_due(world.owner, now=TEN + 5 * DAY) == 0

    assert list(Entry.objects.values_list("entered_at", "reason")) == [(TEN, "")] * 2


def test_a_broadcast_is_caught_up_no_longer_than_it_lasts() -> None:
    world = World()
    says(ada(world.club, "bob", agrees=()).customer, "email", at=TEN + 2 * DAY)
    live = journey(world.club, {"kind": "broadcast"}, says_by("email"), since=TEN)
    Campaign.objects.filter(pk=live.pk).update(ends_at=TEN + DAY)
    NightRun.objects.create(program=world.club, day=date(2026, 12, 30), until=TEN, ran_at=TEN)

    assert [find_due(world.owner, now=TEN + days * DAY) for days in range(4)] == [1, 0, 0, 0]


def test_who_is_erased_may_have_been_refused_for_carts_of_any_number() -> None:
    world = with_a_cart()
    world.cart("C2", TEN)
    world.work(TEN)
    row = Outcome.objects.get(what="not_entered")  # it is in the campaign for the first cart
    world.cart(str(row.pk), TEN)  # whose number is that of a row
    world.work(TEN)
    assert outcomes("not_entered") == [("not_entered", "active")] * 2

    erase(world.member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=TEN + HOUR)

    kept = Outcome.objects.order_by("pk").values_list("occurrence", "pk")
    assert [occurrence for occurrence, _pk in kept] == [f"cart:erased:{pk}" for _occurrence, pk in kept]
