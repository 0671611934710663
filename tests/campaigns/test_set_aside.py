"""What fails for one entry or one campaign is told and tried again, and stops nobody else's."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from customers.core import bulk
from customers.models import Customer
from loyalty.activity.account.merging import take_merge
from loyalty.activity.models import NightRun
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.carrying import follow_merges
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.learning import learn, on_events
from loyalty.campaigns.journeys.nights import find_due
from loyalty.campaigns.models import Campaign, CampaignVersion, Entry, Outcome, Step, WaitingFact
from loyalty.outbox.models import Event
from tests import make
from tests.campaigns.make_campaigns import ada, journey, publish_plainly, says_by, waits
from tests.campaigns.test_journeys import CART, TEN, World, outcomes

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BROKEN = {"kind": "wait", "wait": "for ever"}  # that no check would let through


def broken(world: World, trigger: Any, *steps: Any) -> Campaign:
    """Return a live campaign whose steps cannot all be taken, as a flaw of ours might make one."""
    row = Campaign.objects.create(
        retailer=world.owner, program=world.club, code=make.number("broken"), name="Broken", kind="journey", priority=90,
        created_at=make.START,
    )  # fmt: skip
    version = CampaignVersion.objects.create(
        campaign=row, retailer=world.owner, number=1, kind="marketing", trigger=trigger
    )
    for position, each in enumerate(steps):
        Step.objects.create(version=version, retailer=world.owner, position=position, **each)
    publish_plainly(version)
    row.refresh_from_db()
    return row


def enters(campaign: Campaign, world: World, name: str) -> None:
    assert campaign.version is not None
    found = [Candidate(ada(world.club, name).customer_id, f"lapse:{name}", date(2026, 1, 1))]
    assert enter(campaign, campaign.version, found, entered_at=TEN, now=TEN) == 1


def test_an_entry_whose_step_cannot_be_taken_waits_and_all_others_go_on() -> None:
    world = World()
    sound = journey(world.club, {"kind": "lapsed"}, says_by("email"), waits("PT1H"), says_by("email"))
    ill = broken(world, {"kind": "lapsed"}, waits("PT1H"), says_by("email"), BROKEN)
    enters(sound, world, "bob")
    enters(ill, world, "eve")
    enters(sound, world, "joe")

    for hours in range(4):
        world.work(TEN + hours * HOUR)

    assert sorted(each.address for each in world.box.taken) == ["bob@example.com"] * 2 + ["joe@example.com"] * 2
    assert list(Entry.objects.filter(campaign=sound).values_list("reason", flat=True)) == ["completed"] * 2
    waiting = Entry.objects.get(campaign=ill)
    assert (waiting.reason, waiting.step, waiting.next_at) == ("", 1, TEN + 4 * HOUR)
    told = Outcome.objects.filter(entry=waiting)
    assert [(each.what, each.reason, each.step, each.at) for each in told] == [("deferred", "set_aside", 1, TEN + HOUR)]


def test_an_entry_that_was_set_aside_goes_on_when_its_flaw_is_mended() -> None:
    world = World()
    ill = broken(world, {"kind": "lapsed"}, says_by("email"), BROKEN)
    enters(ill, world, "eve")
    world.work(TEN)
    assert world.box.taken == []
    mended = journey(world.club, {"kind": "lapsed"}, says_by("email"))
    Entry.objects.filter(campaign=ill).update(version=mended.version)

    world.work(TEN + HOUR - timedelta(seconds=1))
    assert world.box.taken == []
    world.work(TEN + HOUR)

    assert [each.address for each in world.box.taken] == ["eve@example.com"]
    assert outcomes() == [("deferred", "set_aside"), ("planned", ""), ("completed", ""), ("sent", "")]


def test_a_campaign_whose_night_fails_stops_no_other_one_and_is_caught_up_later() -> None:
    world = World()
    make.member(world.club, "eve", born=date(1990, 11, 27))
    ada(world.club, "eve")
    ill = broken(world, {"kind": "birthday"}, BROKEN, says_by("email"))
    sound = journey(world.club, {"kind": "birthday"}, says_by("email"), since=TEN - DAY)
    NightRun.objects.create(program=world.club, day=TEN.date(), until=TEN, ran_at=TEN)

    assert find_due(world.owner, now=TEN) == 1

    ill.refresh_from_db()
    sound.refresh_from_db()
    assert list(Entry.objects.values_list("campaign", flat=True)) == [sound.pk]
    assert (sound.found_until, ill.found_until) == (TEN.date(), TEN.date() - DAY)  # it has this night to catch up


def test_a_cart_begins_the_campaigns_that_work_beside_one_that_does_not() -> None:
    world = World()
    broken(world, CART, BROKEN, says_by("email"))
    sound = journey(world.club, CART, says_by("email"))
    world.cart("C1", TEN)

    assert learn(world.owner, now=TEN) == 1

    assert list(Entry.objects.values_list("campaign", "occurrence")) == [(sound.pk, "cart:C1")]
    assert learn(world.owner, now=TEN) == 0


def test_an_enrolment_begins_the_campaigns_that_work_beside_one_that_does_not() -> None:
    world = World()
    broken(world, {"kind": "enrolled"}, BROKEN, says_by("email"))
    sound = journey(world.club, {"kind": "enrolled"}, says_by("email"))

    on_events([told(world, "membership.enrolled", TEN)], now=TEN)

    assert list(Entry.objects.values_list("campaign", flat=True)) == [sound.pk]


def told(world: World, kind: str, at: datetime) -> Event:
    return Event(
        retailer=world.owner, type=kind, subject=str(world.member.pk), payload={}, occurred_at=at, recorded_at=at
    )


def test_a_change_that_cannot_be_judged_stops_nobody_elses_events() -> None:
    world = World()
    ill = broken(world, {"kind": "points_expiring", "points": "many"}, waits("P1D"), says_by("email"))
    assert ill.version is not None
    found = [Candidate(world.member.customer_id, "expiry:2026-12-31", date(2026, 12, 31))]
    assert enter(ill, ill.version, found, entered_at=TEN, now=TEN) == 1
    sound = journey(world.club, {"kind": "enrolled"}, says_by("email"))

    on_events([told(world, "tier.changed", TEN), told(world, "membership.enrolled", TEN)], now=TEN)

    assert dict(Entry.objects.values_list("campaign", "reason")) == {ill.pk: "", sound.pk: ""}


def test_nothing_is_taken_twice_for_an_entry_that_was_taken_alone() -> None:
    world = World()
    sound = journey(world.club, {"kind": "lapsed"}, says_by("email"), waits("PT1H"), says_by("email"))
    ill = broken(world, {"kind": "lapsed"}, says_by("email"), BROKEN)
    enters(sound, world, "bob")
    enters(ill, world, "eve")

    assert [advance_due(world.owner, now=TEN) for _ in range(3)] == [2, 0, 0]

    assert outcomes() == [("planned", ""), ("deferred", "set_aside")]


@pytest.mark.parametrize("is_joined_row_by_row", [False, True])
def test_a_merge_that_cannot_be_followed_waits_and_all_others_go_on(is_joined_row_by_row: bool) -> None:  # noqa: FBT001 - drawn
    if is_joined_row_by_row:  # what takes one at a time does so by whatever plan
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "indexscan", "indexonlyscan", "bitmapscan"):
            bulk.execute(f"SET LOCAL enable_{way} TO off")
    world = World()
    sound = journey(world.club, CART, waits("PT1H"), says_by("email"))
    ill = broken(world, {"kind": "unheard of"}, waits("PT1H"), says_by("email"))
    for live, name in ((ill, "bob"), (sound, "joe")):
        enters(live, world, name)
        make.member(world.club, f"new-{name}")
        take_merge(world.owner, name, f"new-{name}", reference="crm", now=TEN)
    Customer.objects.filter(external_id="new-joe").update(email="new@example.com")

    for hours in range(3):
        while follow_merges(world.owner, now=TEN + hours * HOUR):
            pass
        world.work(TEN + hours * HOUR)

    assert [each.address for each in world.box.taken] == ["new@example.com"]
    waiting = WaitingFact.objects.get(kind="merged")
    assert (waiting.customer.external_id, waiting.occurred_at) == ("bob", TEN + 3 * HOUR)
