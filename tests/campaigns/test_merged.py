"""Who was merged into another customer: what it is in goes on for the one who stays, and nothing is said twice."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from customers.models import Customer, Erasure
from customers.privacy import erase
from customers.registration import record_consent
from loyalty.activity.account.merging import take_merge
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.carrying import follow_merges
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.learning import on_events
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.journeys.nights import find_on
from loyalty.campaigns.messages.claiming import claim
from loyalty.campaigns.messages.reading import outcomes_of
from loyalty.campaigns.messages.sending import send
from loyalty.campaigns.models import Campaign, Entry, Message, OfferGrant, Outcome, Recipient, WaitingFact
from loyalty.campaigns.transports import Accepted, Answer, NotNow, Outgoing
from loyalty.experiments.contamination import contamination_of
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import Box, ada, cap, journey, says, says_by, send_all, shop, waits
from tests.campaigns.make_offers import club, offer
from tests.campaigns.test_holdouts import NIGHT, NOW, STARTS, hold_out, lapsed_world, members
from tests.campaigns.test_journeys import CART, EXITS, TEN, World, outcomes
from tests.campaigns.test_offer_steps import birthday, born, gives, go
from tests.campaigns.test_set_aside import told
from tests.campaigns.test_triggers import Club, enters, insight
from tests.experiments.make_experiments import arm_of

pytestmark = pytest.mark.django_db
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


class Two(World):
    """A world with a second member, Eve, into whom Ada is merged."""

    def __init__(self, *, agrees: Sequence[str] = ("email", "sms"), **channel: Any) -> None:
        super().__init__(**channel)
        self.eve: Membership = ada(self.club, "eve", agrees=agrees)

    def live(self, *steps: dict[str, Any], **given: Any) -> Campaign:
        usual = (waits("PT4H"), says_by("email"), waits("P3D"), says_by("email"))
        return journey(self.club, CART, *(steps or usual), **{"exits": EXITS, **given})

    def merge(self, now: Any, source: str = "ada", target: str = "eve") -> None:
        take_merge(self.owner, source, target, reference="crm", now=now)

    def work(self, now: Any) -> None:
        while follow_merges(self.owner, now=now):
            pass
        super().work(now)

    def sent(self) -> list[str]:
        return [each.address for each in self.box.taken]

    def whose(self) -> list[tuple[str, str, str]]:
        rows = Entry.objects.filter(retailer=self.owner).order_by("entered_at", "pk")
        return list(rows.values_list("customer__external_id", "occurrence", "reason"))


def begun(*steps: dict[str, Any], **given: Any) -> Two:
    """Return a world in which Ada left a cart at ten."""
    world = Two()
    world.live(*steps, **given)
    world.cart("C1", TEN)
    world.work(TEN)
    assert world.whose() == [("ada", "cart:C1", "")]
    return world


def test_it_goes_on_for_who_stays_to_its_address_and_nothing_is_said_twice() -> None:
    world = begun()
    world.work(TEN + 4 * HOUR)

    world.merge(TEN + 5 * HOUR)
    for day in range(5):
        world.work(TEN + 5 * HOUR + day * DAY)

    assert world.sent() == ["ada@example.com", "eve@example.com"]
    assert world.whose() == [("eve", "cart:C1", "completed")]
    assert outcomes("carried") == [("carried", "merged")]
    campaign = Campaign.objects.get()
    assert [each.what for each in outcomes_of(campaign, world.eve.customer)] == [
        "planned", "sent", "carried", "planned", "completed", "sent",
    ]  # fmt: skip


def test_before_it_is_followed_no_step_is_taken_and_nothing_is_sent() -> None:
    world = begun()
    world.merge(TEN + HOUR)

    assert [advance_due(world.owner, now=TEN + 4 * HOUR) for _ in range(2)] == [0, 0]

    world.work(TEN + 4 * HOUR)
    assert (world.sent(), world.whose()) == (["eve@example.com"], [("eve", "cart:C1", "")])


def test_a_message_that_is_due_goes_to_who_stays_though_its_entry_is_through() -> None:
    world = begun(waits("PT4H"), says_by("email"))
    assert advance_due(world.owner, now=TEN + 4 * HOUR) == 1
    world.merge(TEN + 4 * HOUR)

    # Whoever would send it in between leaves it, says so, and does not ask for ever.
    assert [send(world.owner, look_again=look_again, clock=lambda: TEN + 4 * HOUR, providers={}) for _ in range(2)] == [
        1,
        0,
    ]
    world.work(TEN + 4 * HOUR + MINUTE)

    assert world.sent() == ["eve@example.com"]
    assert outcomes("deferred", "dropped") == []
    assert Message.objects.get().customer_id == world.eve.customer_id


def test_a_message_that_is_on_its_way_is_told_once_and_the_next_one_goes_to_who_stays() -> None:
    world = begun()
    advance_due(world.owner, now=TEN + 4 * HOUR)

    def merged_meanwhile(message: Outgoing) -> Answer:
        world.merge(TEN + 4 * HOUR)
        while follow_merges(world.owner, now=TEN + 4 * HOUR):
            pass
        return Accepted(f"p-{message.id}")

    on_its_way = Box(merged_meanwhile)
    send_all(world.owner, TEN + 4 * HOUR, on_its_way)
    for day in range(5):
        world.work(TEN + 5 * HOUR + day * DAY)

    assert [each.address for each in on_its_way.taken] == ["ada@example.com"]
    assert world.sent() == ["eve@example.com"]
    assert sorted(Message.objects.values_list("customer__external_id", "state")) == [
        ("ada", "accepted"), ("eve", "accepted"),
    ]  # fmt: skip


def test_a_message_that_a_provider_gives_back_goes_to_who_stays() -> None:
    world = begun(waits("PT4H"), says_by("email"))
    advance_due(world.owner, now=TEN + 4 * HOUR)

    def not_now(_message: Outgoing) -> Answer:
        world.merge(TEN + 4 * HOUR)
        while follow_merges(world.owner, now=TEN + 4 * HOUR):
            pass
        return NotNow("busy")

    send_all(world.owner, TEN + 4 * HOUR, Box(not_now))
    for hour in range(3):
        world.work(TEN + 6 * HOUR + hour * HOUR)

    assert world.sent() == ["eve@example.com"]


def test_a_message_of_which_nobody_knows_is_not_sent_again_to_who_stays() -> None:
    world = begun(waits("PT4H"), says_by("email"))
    advance_due(world.owner, now=TEN + 4 * HOUR)
    assert (
        len(claim(world.owner, now=TEN + 4 * HOUR, look_again=look_again).claimed) == 1
    )  # and whoever claimed it is gone
    world.merge(TEN + 4 * HOUR)

    for hour in range(3):
        world.work(TEN + 6 * HOUR + hour * HOUR)

    assert (world.sent(), Message.objects.get().state) == ([], "unknown")


@pytest.mark.parametrize("is_over", [False, True])
def test_who_stays_and_had_the_same_does_not_hear_it_twice(is_over: bool) -> None:  # noqa: FBT001 - a case
    world = Two()
    live = world.live(waits("PT4H"), says_by("email"), at_most_one_active=False)
    assert live.version is not None
    both = [Candidate(each.customer_id, "birthday:2026", None) for each in (world.member, world.eve)]
    assert enter(live, live.version, both, entered_at=TEN, now=TEN) == 2
    if is_over:
        world.work(TEN + 4 * HOUR)
    else:
        advance_due(world.owner, now=TEN)
    world.merge(TEN + 5 * HOUR)
    for hour in range(3):
        world.work(TEN + 5 * HOUR + hour * HOUR)

    assert sorted(world.sent()) == (["ada@example.com", "eve@example.com"] if is_over else ["eve@example.com"])
    assert ("ada", "birthday:2026", "completed" if is_over else "had_it") in world.whose()


def test_a_due_message_of_what_who_stays_had_is_dropped() -> None:
    world = Two()
    live = world.live(says_by("email"))
    assert live.version is not None
    both = [Candidate(each.customer_id, "birthday:2026", None) for each in (world.member, world.eve)]
    enter(live, live.version, both, entered_at=TEN, now=TEN)
    while advance_due(world.owner, now=TEN):
        pass
    world.merge(TEN)
    world.work(TEN + MINUTE)

    assert world.sent() == ["eve@example.com"]
    assert list(Message.objects.filter(state="dropped").values_list("reason", "rule")) == [("exited", "had_it")]


@pytest.mark.parametrize(("one", "reason"), [(True, "active"), (False, "")])
def test_one_at_a_time_is_kept(one: bool, reason: str) -> None:  # noqa: FBT001 - a case
    world = begun(at_most_one_active=one)
    live = Campaign.objects.get()
    assert live.version is not None
    enter(
        live, live.version, [Candidate(world.eve.customer_id, "cart:E1", None)], entered_at=TEN + HOUR, now=TEN + HOUR
    )

    world.merge(TEN + 2 * HOUR)
    world.work(TEN + 2 * HOUR)

    assert world.whose() == [("ada" if reason else "eve", "cart:C1", reason), ("eve", "cart:E1", "")]


def test_of_two_who_are_one_the_first_entry_goes_on() -> None:
    world = Two()
    bob = ada(world.club, "bob")
    live = world.live()
    assert live.version is not None
    for hours, who in enumerate((world.member, bob)):
        at = TEN + hours * HOUR
        enter(live, live.version, [Candidate(who.customer_id, "birthday:2026", None)], entered_at=at, now=at)
    world.merge(TEN + 2 * HOUR)
    world.merge(TEN + 2 * HOUR, "bob")

    world.work(TEN + 2 * HOUR)

    assert world.whose() == [("eve", "birthday:2026", ""), ("bob", "birthday:2026", "had_it")]


def test_a_merge_of_a_merge_leads_to_the_last_one() -> None:
    world = begun()
    ada(world.club, "last")
    world.merge(TEN + HOUR)
    world.merge(TEN + 2 * HOUR, "eve", "last")
    world.work(TEN + 4 * HOUR)
    assert world.sent() == ["last@example.com"]

    ada(world.club, "end")
    world.merge(TEN + 5 * HOUR, "last", "end")
    world.work(TEN + 4 * DAY)
    assert world.sent() == ["last@example.com", "end@example.com"]


def test_an_order_of_who_stays_ends_it_at_once_and_is_its_goal_only_after_it_was_told() -> None:
    world = begun()
    make.buys(world.eve, "10.00", at=TEN + HOUR)
    world.merge(TEN + 2 * HOUR)

    follow_merges(world.owner, now=TEN + 2 * HOUR)

    assert world.whose() == [("eve", "cart:C1", "ordered")]
    assert outcomes("exited", "goal") == [("exited", "converted_before_exposure")]
    world.work(TEN + 4 * HOUR)
    assert world.sent() == []


def test_an_order_after_the_merge_reaches_the_goal() -> None:
    world = begun()
    world.work(TEN + 4 * HOUR)
    world.merge(TEN + 5 * HOUR)
    world.work(TEN + 5 * HOUR)
    make.buys(world.eve, "10.00", at=TEN + 6 * HOUR)
    world.work(TEN + 6 * HOUR)

    assert world.whose() == [("eve", "cart:C1", "ordered")]
    assert Entry.objects.get().reached_goal_at == TEN + 6 * HOUR


def test_consents_are_those_of_who_stays() -> None:
    world = begun()
    says(world.eve.customer, "email", granted=False, at=TEN + 30 * MINUTE)
    world.merge(TEN + HOUR)
    world.work(TEN + 4 * HOUR)

    assert (world.sent(), outcomes("dropped")) == ([], [("dropped", "no_consent")])


def test_what_a_profile_decides_ends_where_who_stays_does_not_agree_to_that() -> None:
    world = Two()
    for who in (world.member, world.eve):
        says(who.customer, "profiling", at=make.START)
    world.live(uses_profile=True)
    world.cart("C1", TEN)
    world.work(TEN)
    record_consent(
        world.eve.customer,
        "profiling",
        granted=False,
        occurred_at=TEN + HOUR,
        source="test",
        wording="",
        now=TEN + HOUR,
    )

    world.merge(TEN + 2 * HOUR)
    world.work(TEN + 4 * HOUR)

    assert (world.whose(), world.sent()) == ([("ada", "cart:C1", "no_profiling")], [])


@pytest.mark.parametrize(
    ("own", "address", "reason"), [("", "eve@example.com", "completed"), ("loyal_low_value", "", "no_longer_true")]
)
def test_what_an_insight_says_goes_on_for_who_stays_unless_its_own_says_otherwise(
    own: str, address: str, reason: str
) -> None:
    world = Club()
    eve = ada(world.club, "eve")
    for who in (world.member, eve):
        says(who.customer, "profiling", at=make.START)
    campaign = journey(world.club, {"kind": "vip_at_risk"}, waits("P1D"), says_by("email"), uses_profile=True)
    world.buys("10", "2026-03-10T10:00Z")
    insight(world.member, as_of=date(2026, 6, 9), segment="vip_at_risk")
    if own:
        insight(eve, as_of=date(2026, 6, 9), segment=own)
    assert enters(campaign, date(2026, 6, 10)) == [date(2026, 6, 10)]

    take_merge(world.owner, "ada", "eve", reference="crm", now=make.on("2026-06-10T12:00"))
    follow_merges(world.owner, now=make.on("2026-06-10T12:00"))
    world.work(make.on("2026-06-12T12:00"))

    assert [each.address for each in world.box.taken] == ([address] if address else [])
    assert Entry.objects.get().reason == reason


def test_who_stays_without_a_membership_keeps_that_of_who_goes() -> None:
    world = World()
    make.customer(world.owner, "stays")
    Customer.objects.filter(external_id="stays").update(email="stays@example.com")
    journey(world.club, CART, waits("PT4H"), says_by("email"), exits=EXITS)
    world.cart("C1", TEN)
    world.work(TEN)

    take_merge(world.owner, "ada", "stays", reference="crm", now=TEN + HOUR)
    follow_merges(world.owner, now=TEN + HOUR)
    world.work(TEN + 4 * HOUR)

    assert [each.address for each in world.box.taken] == ["stays@example.com"]


def test_caps_count_what_went_to_who_was_merged() -> None:
    world = begun(on_cap="skip")
    cap(world.owner, 1, 7)
    world.work(TEN + 4 * HOUR)
    world.merge(TEN + 5 * HOUR)
    for day in range(5):
        world.work(TEN + 5 * HOUR + day * DAY)

    assert (world.sent(), outcomes("dropped")) == (["ada@example.com"], [("dropped", "capped")])


def test_the_same_fact_does_not_enter_who_stays_again() -> None:
    world = Two()
    live = world.live(says_by("email"), again_after_days=30)
    assert live.version is not None
    enter(live, live.version, [Candidate(world.member.customer_id, "birthday:2026", None)], entered_at=TEN, now=TEN)
    world.work(TEN)
    world.merge(TEN + HOUR)
    world.work(TEN + HOUR)

    again = [Candidate(world.eve.customer_id, fact, None) for fact in ("birthday:2026", "cart:other")]
    assert enter(live, live.version, again, entered_at=TEN + DAY, now=TEN + DAY) == 0

    assert world.sent() == ["ada@example.com"]
    assert list(Outcome.objects.filter(what="not_entered").values_list("occurrence", "reason")) == [
        ("cart:other", "again_after")
    ]


def test_who_is_erased_hears_nothing_and_nothing_waits_for_ever() -> None:
    world = begun()
    world.merge(TEN + HOUR)
    erase(Customer.objects.get(external_id="eve"), asked_by=Erasure.AskedBy.PERSON, reason="asked", now=TEN + 2 * HOUR)

    world.work(TEN + 4 * HOUR)
    world.work(TEN + 5 * HOUR)

    assert world.sent() == []
    assert not Entry.objects.active().exists()
    assert not WaitingFact.objects.exists()


def test_another_retailers_merges_are_not_followed_here() -> None:
    world, other = begun(), begun()
    other.merge(TEN + HOUR)

    assert (follow_merges(world.owner, now=TEN + HOUR), follow_merges(other.owner, now=TEN + HOUR)) == (0, 1)
    assert sorted(Entry.objects.values_list("customer__external_id", flat=True)) == ["ada", "eve"]


def test_a_merge_of_nobody_in_a_campaign_leaves_no_row() -> None:
    world = Two()
    world.merge(TEN)

    assert (WaitingFact.objects.exists(), Recipient.objects.exists()) == (False, False)


def test_who_stays_and_is_held_out_hears_no_more_and_the_merge_is_told_with_the_experiment() -> None:
    world = lapsed_world()
    held = hold_out(world)
    steps = (says_by("email"), waits("P3D"), says_by("email"))
    live = journey(world.club, {"kind": "lapsed", "days": 60}, *steps, exits=EXITS, experiment=held, since=STARTS)
    find_on(live, NIGHT.date(), now=NOW)
    world.work(NOW)
    told = [each for each in members(world) if arm_of(held, each.customer) == "message"]
    silent = next(each for each in members(world) if arm_of(held, each.customer) == "nothing")
    before = len(world.box.taken)

    take_merge(world.owner, told[0].customer.external_id, silent.customer.external_id, reference="crm", now=NOW + HOUR)
    follow_merges(world.owner, now=NOW + HOUR)
    for day in range(5):
        world.work(NOW + 2 * HOUR + day * DAY)

    assert Entry.objects.get(customer=told[0].customer).reason == "held_out"
    assert len(world.box.taken) == before + len(told) - 1
    assert contamination_of(held)["merged_across_variants"] == 1


def test_an_offer_that_was_given_before_is_not_given_again_and_its_text_still_names_it() -> None:
    program = club(owner=shop())
    spring = offer(program, valid_days=30, at=TEN)
    steps = (gives(spring), {"kind": "wait", "wait": "P1D"}, says_by("email"))
    row = birthday(program, *steps, text="{{ offer }}")
    born(program, "ada")
    ada(program, "eve")
    go(program, row)
    assert OfferGrant.objects.count() == 1

    take_merge(program.retailer, "ada", "eve", reference="crm", now=TEN + HOUR)
    follow_merges(program.retailer, now=TEN + HOUR)
    while advance_due(program.retailer, now=TEN + DAY):
        pass
    box = Box()
    send_all(program.retailer, TEN + DAY, box)

    assert [(each.address, each.text.splitlines()[0]) for each in box.taken] == [("eve@example.com", spring.name)]
    assert OfferGrant.objects.count() == 1
    assert Entry.objects.get().reason == "completed"


def test_a_change_of_the_membership_that_ended_by_it_ends_nothing_before_it_is_followed() -> None:
    world = Two()
    live = journey(world.club, {"kind": "review", "days": 7}, waits("P1D"), says_by("email"))
    bought = make.buys(world.member, "10.00", at=TEN - DAY).outcome.fact
    found = [Candidate(world.member.customer_id, f"order:{bought.number}", bought.occurred_at.date())]
    assert live.version is not None
    enter(live, live.version, found, entered_at=TEN, now=TEN)
    world.merge(TEN + HOUR)

    on_events(
        [told(world, "tier.changed", TEN + HOUR)], now=TEN + HOUR
    )  # such as a merge tells of a member who had a tier
    world.work(TEN + DAY)

    assert world.whose() == [("eve", f"order:{bought.number}", "completed")]
    assert world.sent() == ["eve@example.com"]
