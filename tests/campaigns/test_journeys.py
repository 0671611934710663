from datetime import date, datetime, timedelta
from typing import Any

import pytest

from customers.facts import InteractionFact
from customers.models import Retailer
from customers.recording import record_interactions
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.learning import learn, on_events
from loyalty.campaigns.journeys.nights import find_on
from loyalty.campaigns.models import Campaign, Entry, Message, Outcome, Recipient, WaitingFact
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_campaigns import Box, ada, journey, says, says_by, send_all, shop, waits

pytestmark = pytest.mark.django_db
CART = {"kind": "cart"}
EXITS = [{"fact": "order", "goal": True}]
LAPSED = {"kind": "lapsed", "days": 60}
TEN = datetime.fromisoformat("2026-11-27T09:00Z")  # ten in Paris
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


class World:
    """A retailer in Paris with a member, and workers that run when they are told to."""

    def __init__(self, **channel: Any) -> None:
        self.owner: Retailer = shop(**channel)
        self.club: Program = make.program(self.owner)
        self.member: Membership = ada(self.club)
        self.box = Box()

    def cart(self, number: str, occurred_at: datetime, *, recorded_at: datetime | None = None) -> None:
        fact = InteractionFact(number=number, customer="ada", kind="cart_abandoned", occurred_at=occurred_at)
        record_interactions(self.owner, [fact], now=recorded_at or occurred_at)

    def contact(
        self, occurred_at: datetime, *, recorded_at: datetime | None = None, topic: str = "", outcome: str = ""
    ) -> None:
        fact = InteractionFact(
            make.number("call"), "ada", "support", occurred_at, channel="phone", topic=topic, outcome=outcome
        )
        record_interactions(self.owner, [fact], now=recorded_at or occurred_at)

    def order(self, occurred_at: datetime, *, recorded_at: datetime | None = None) -> None:
        make.buys(self.member, "10.00", at=occurred_at, recorded=recorded_at)

    def work(self, now: datetime) -> None:
        """Do what the tasks do every few seconds."""
        while learn(self.owner, now=now):
            pass
        while advance_due(self.owner, now=now):
            pass
        send_all(self.owner, now, self.box)

    def entries(self) -> list[tuple[str, str]]:
        return list(Entry.objects.order_by("entered_at", "pk").values_list("occurrence", "reason"))


def outcomes(*what: str) -> list[tuple[str, str]]:
    rows = Outcome.objects.filter(what__in=what) if what else Outcome.objects.all()
    return list(rows.order_by("pk").values_list("what", "reason"))


def abandoned_cart(world: World, *more: dict[str, Any], **given: Any) -> Campaign:
    steps = (waits("PT4H"), says_by("email", expires_after="PT48H"), *more)
    return journey(world.club, CART, *steps, exits=EXITS, **given)


def test_an_order_within_the_wait_ends_a_cart_without_a_word() -> None:
    world = World()
    abandoned_cart(world)
    world.cart("C1", TEN)
    world.work(TEN)
    assert world.entries() == [("cart:C1", "")]

    world.order(TEN + 4 * HOUR - timedelta(seconds=1))
    world.work(TEN + 4 * HOUR)

    assert (world.entries(), world.box.taken, Message.objects.count()) == ([("cart:C1", "ordered")], [], 0)


def test_without_an_order_the_message_goes_when_the_wait_is_over() -> None:
    world = World()
    abandoned_cart(world)
    world.cart("C1", TEN)
    world.work(TEN)

    world.work(TEN + 4 * HOUR - timedelta(seconds=1))
    assert world.box.taken == []
    world.work(TEN + 4 * HOUR)

    found = Message.objects.get()
    assert (found.state, found.planned_at, found.expires_at) == ("accepted", TEN + 4 * HOUR, TEN + 52 * HOUR)
    assert world.entries() == [("cart:C1", "completed")]
    assert Entry.objects.get().exposure_at == TEN + 4 * HOUR


def test_who_speaks_with_support_hears_no_more_where_that_is_an_exit() -> None:
    world = World()
    for exits in ([{"fact": "contact"}], EXITS):
        journey(world.club, CART, waits("PT4H"), says_by("email"), waits("P30D"), says_by("email"), exits=exits)
    world.cart("C1", TEN)
    world.work(TEN)
    world.contact(TEN - HOUR)  # before it began: it is not about this
    world.work(TEN + 4 * HOUR)
    assert len(world.box.taken) == 2

    world.contact(TEN + DAY)
    world.work(TEN + DAY)

    assert sorted(world.entries()) == [("cart:C1", ""), ("cart:C1", "contacted")]
    assert Entry.objects.get(reason="contacted").ended_at == TEN + DAY
    assert not WaitingFact.objects.exists()


def test_a_contact_that_is_told_late_ends_the_entry_before_its_message_goes() -> None:
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"), exits=[{"fact": "contact"}, *EXITS])
    world.cart("C1", TEN)
    world.work(TEN)
    world.contact(TEN + HOUR, recorded_at=TEN + 2 * HOUR)
    world.order(TEN + 3 * HOUR)
    WaitingFact.objects.all().delete()  # nobody has told the campaign yet: it looks itself

    world.work(TEN + 4 * HOUR)

    entry = Entry.objects.get()
    assert (entry.reason, entry.reached_goal_at, world.box.taken) == ("contacted", None, [])


def test_a_message_that_is_planned_is_not_sent_after_a_contact() -> None:
    world = World()
    journey(world.club, CART, says_by("email"), exits=[{"fact": "contact"}])
    world.cart("C1", TEN)
    while learn(world.owner, now=TEN):
        pass
    while advance_due(world.owner, now=TEN):
        pass
    world.contact(TEN + HOUR)

    send_all(world.owner, TEN + HOUR, world.box)

    found = Message.objects.get()
    assert (found.state, found.reason, found.rule, world.box.taken) == ("dropped", "exited", "contacted", [])


COMPLAINT = {"fact": "contact", "topics": ["Delivery", "size"], "outcomes": ["unsolved", "open"]}


@pytest.mark.parametrize(
    ("topic", "outcome", "reason"),
    [
        ("delivery", "unsolved", "contacted"),
        (" DELIVERY ", "open", "contacted"),
        ("delivery", "solved", ""),
        ("delivery", "", ""),
        ("invoice", "unsolved", ""),
        ("", "unsolved", ""),
    ],
)
def test_an_exit_may_be_narrowed_to_topics_and_outcomes_of_contacts(topic: str, outcome: str, reason: str) -> None:
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"), exits=[COMPLAINT])
    world.cart("C1", TEN)
    world.work(TEN)

    world.contact(TEN + HOUR, topic=topic, outcome=outcome)
    world.work(TEN + HOUR)

    assert world.entries() == [("cart:C1", reason)]
    world.work(TEN + 4 * HOUR)
    assert len(world.box.taken) == (0 if reason else 1)


def test_the_first_fact_that_ends_an_entry_does_whatever_other_contacts_there_were() -> None:
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"), exits=[COMPLAINT, *EXITS])
    world.cart("C1", TEN)
    world.work(TEN)
    world.contact(TEN + HOUR, topic="invoice")
    world.order(TEN + 2 * HOUR)
    world.contact(TEN + 3 * HOUR, topic="size", outcome="open")

    world.work(TEN + 3 * HOUR)

    assert world.entries() == [("cart:C1", "ordered")]


@pytest.mark.parametrize(("topic", "state"), [("size", "dropped"), ("invoice", "accepted")])
def test_a_planned_message_is_kept_back_by_those_contacts_alone_that_the_exit_means(topic: str, state: str) -> None:
    world = World()
    journey(world.club, CART, says_by("email"), exits=[COMPLAINT])
    world.cart("C1", TEN)
    while learn(world.owner, now=TEN):
        pass
    while advance_due(world.owner, now=TEN):
        pass
    world.contact(TEN + HOUR, topic=topic, outcome="open")

    send_all(world.owner, TEN + HOUR, world.box)

    assert Message.objects.get().state == state


def test_a_contact_by_a_clock_that_is_ahead_ends_an_entry_at_once() -> None:
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"), exits=[{"fact": "contact"}])
    world.cart("C1", TEN)
    world.work(TEN)

    world.contact(TEN + timedelta(minutes=2), recorded_at=TEN + timedelta(minutes=1))
    world.work(TEN + timedelta(minutes=1))

    assert world.entries() == [("cart:C1", "contacted")]


def test_an_order_that_is_told_late_ends_the_entry_and_is_credited_to_nobody() -> None:
    world = World()
    abandoned_cart(world, waits("P30D"), says_by("email"))
    world.cart("C1", TEN)
    world.work(TEN)
    world.work(TEN + 4 * HOUR)

    world.order(TEN + 3 * HOUR + HOUR / 2, recorded_at=TEN + 4 * HOUR + timedelta(minutes=5))
    world.work(TEN + 4 * HOUR + timedelta(minutes=5))

    entry = Entry.objects.get()
    assert (entry.reason, entry.ended_at, entry.reached_goal_at) == (
        "ordered",
        TEN + 4 * HOUR + timedelta(minutes=5),
        None,
    )
    assert Message.objects.get().state == "accepted"
    assert outcomes("exited", "goal") == [("exited", "converted_before_exposure")]


@pytest.mark.parametrize(("days", "reached"), [(1, True), (2, False)])
def test_an_order_behind_the_last_message_reaches_the_goal_while_the_campaign_waits_for_it(
    days: int,
    reached: bool,  # noqa: FBT001 - a column
) -> None:
    world = World()
    abandoned_cart(world, waits("P2D"))
    world.cart("C1", TEN)
    world.work(TEN)
    world.work(TEN + 4 * HOUR)
    ordered_at = TEN + 4 * HOUR + days * DAY
    world.work(ordered_at)

    world.order(ordered_at)
    world.work(ordered_at)

    entry = Entry.objects.get()
    assert (entry.reason, entry.reached_goal_at) == (("ordered", ordered_at) if reached else ("completed", None))
    assert len(world.box.taken) == 1


def test_a_long_wait_is_left_when_the_fact_is_recorded_and_not_when_it_is_over() -> None:
    world = World()
    abandoned_cart(world, waits("P30D"), says_by("email"))
    world.cart("C1", TEN)
    world.work(TEN)
    world.work(TEN + 4 * HOUR)

    world.order(TEN + DAY)
    world.work(TEN + DAY)

    entry = Entry.objects.get()
    assert (entry.reason, entry.ended_at, entry.reached_goal_at) == ("ordered", TEN + DAY, TEN + DAY)
    assert outcomes("exited", "goal") == [("exited", "ordered"), ("goal", "ordered")]
    assert len(world.box.taken) == 1


def test_a_message_that_waits_for_the_morning_is_dropped_by_an_order_in_the_evening() -> None:
    world = World(quiet_from="18:00", quiet_to="08:00")
    abandoned_cart(world)
    world.cart("C1", TEN + 5 * HOUR)  # so it is due at 19:00
    world.work(TEN + 5 * HOUR)
    world.work(TEN + 9 * HOUR)
    assert Message.objects.get().rule == "quiet"

    world.order(TEN + 10 * HOUR)
    world.work(TEN + 23 * HOUR)

    found = Message.objects.get()
    assert (found.state, found.reason, found.rule, world.box.taken) == ("dropped", "exited", "ordered", [])


def test_a_cart_that_is_told_twice_is_one_entry_and_another_one_waits_for_nobody() -> None:
    world = World()
    abandoned_cart(world)
    world.cart("C1", TEN)
    world.cart("C1", TEN)
    world.work(TEN)
    world.cart("C2", TEN + HOUR)
    world.work(TEN + HOUR)

    assert world.entries() == [("cart:C1", "")]
    assert outcomes("not_entered") == [("not_entered", "active")]


def test_carts_may_run_beside_each_other_where_the_campaign_says_so() -> None:
    world = World()
    abandoned_cart(world, at_most_one_active=False)
    world.cart("C1", TEN)
    world.cart("C2", TEN + HOUR)
    world.work(TEN + HOUR)

    assert world.entries() == [("cart:C1", ""), ("cart:C2", "")]


def test_nothing_is_noted_where_no_campaign_waits_for_it() -> None:
    world = World()
    world.cart("C1", TEN)
    world.order(TEN)

    assert WaitingFact.objects.count() == 0


def win_back(world: World) -> Campaign:
    steps = (says_by("email"), waits("P30D"), says_by("email"))
    return journey(world.club, LAPSED, *steps, exits=EXITS, again_after_days=90)


def nights(world: World, campaign: Campaign, first: date, last: date) -> list[date]:
    """Let each night look for members and workers run; return the nights on which somebody entered."""
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        now = datetime.combine(day, datetime.min.time(), TEN.tzinfo) + HOUR / 2
        if find_on(campaign, day, now=now):
            found.append(day)
        world.work(now)
    return found


def test_who_lapses_again_enters_again_when_enough_days_are_over() -> None:
    world = World()
    campaign = win_back(world)
    world.order(at("2026-05-01T10:00Z"))

    assert nights(world, campaign, date(2026, 6, 28), date(2026, 7, 9)) == [date(2026, 6, 30)]
    world.order(at("2026-07-10T10:00Z"))
    world.work(at("2026-07-10T10:00Z"))
    entry = Entry.objects.get()
    assert (entry.occurrence, entry.reason, entry.reached_goal_at) == (
        "lapse:2026-05-01",
        "ordered",
        at("2026-07-10T10:00Z"),
    )

    assert nights(world, campaign, date(2026, 9, 6), date(2026, 9, 28)) == [date(2026, 9, 28)]
    assert world.entries() == [("lapse:2026-05-01", "ordered"), ("lapse:2026-07-10", "")]
    assert outcomes("not_entered") == [("not_entered", "again_after")]

    world.order(at("2026-09-20T10:00Z"), recorded_at=at("2026-09-29T10:00Z"))
    world.work(at("2026-09-29T10:00Z"))
    last = Entry.objects.order_by("entered_at").last()
    assert last is not None
    assert (last.reason, last.ended_at, last.reached_goal_at) == ("ordered", at("2026-09-29T10:00Z"), None)


def birthday(world: World, **given: Any) -> Campaign:
    return journey(world.club, {"kind": "birthday"}, says_by("email"), kind="program", **given)


def born(world: World, name: str, day: date) -> Membership:
    member = ada(world.club, name)
    type(member.customer).objects.filter(pk=member.customer_id).update(birth_date=day)
    return member


def rows() -> list[Any]:
    return [
        list(Entry.objects.order_by("pk").values()),
        list(Outcome.objects.order_by("pk").values()),
        list(Message.objects.order_by("pk").values()),
    ]


def test_a_night_that_runs_twice_changes_nothing() -> None:
    world = World()
    campaign = birthday(world)
    for turn in range(3):
        born(world, f"m{turn}", date(1990, 11, 27))
    now = at("2026-11-27T00:00Z")
    assert find_on(campaign, date(2026, 11, 27), now=now) == 3
    world.work(now)
    once = rows()

    assert find_on(campaign, date(2026, 11, 27), now=now) == 0
    world.work(now)

    assert rows() == once


def test_nights_that_were_missed_are_caught_up_as_far_as_it_is_still_worth_it() -> None:
    world = World()
    campaign = birthday(world, late_up_to_days=1)
    for day in (28, 29, 30):
        born(world, f"m{day}", date(1990, 11, day))
    now = at("2026-11-30T02:00Z")

    entered = [find_on(campaign, date(2026, 11, day), now=now) for day in (28, 29, 30)]
    world.work(now)

    assert entered == [1, 1, 1]
    assert list(Entry.objects.order_by("about_date").values_list("about_date", "reason")) == [
        (date(2026, 11, 28), "late"),
        (date(2026, 11, 29), "completed"),
        (date(2026, 11, 30), "completed"),
    ]
    assert outcomes("dropped") == [("dropped", "late")]
    assert sorted(each.address for each in world.box.taken) == ["m29@example.com", "m30@example.com"]


def test_who_was_born_on_a_leap_day_has_a_birthday_each_year() -> None:
    world = World()
    campaign = birthday(world)
    born(world, "leap", date(2000, 2, 29))
    found = []
    for day in (date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 28), date(2028, 2, 29)):
        now = datetime(day.year, day.month, day.day, 1, tzinfo=TEN.tzinfo)
        if find_on(campaign, day, now=now):
            found.append(day)
        world.work(now)

    assert found == [date(2027, 2, 28), date(2028, 2, 29)]


def welcome(world: World, *second: str) -> Campaign:
    steps = (
        says_by("email"), waits("P3D"), says_by(*(second or ("email",)), expires_after="P7D"), waits("P4D"), says_by("sms")
    )  # fmt: skip
    return journey(world.club, {"kind": "enrolled"}, *steps)


def enrolled(world: World, name: str) -> Membership:
    member = ada(world.club, name)
    event = Event(
        retailer=world.owner,
        type="membership.enrolled",
        subject=str(member.pk),
        payload={},
        occurred_at=TEN,
        recorded_at=TEN,
    )
    on_events([event], now=TEN)
    on_events([event], now=TEN)
    return member


@pytest.mark.parametrize(("second", "third_day"), [((), []), (("email", "sms"), ["sms"])])
def test_a_consent_that_is_withdrawn_between_two_steps_ends_what_needs_it_and_nothing_else(
    second: tuple[str, ...], third_day: list[str]
) -> None:
    world = World()
    welcome(world, *second)
    member = enrolled(world, "eve")
    world.work(TEN)
    says(member.customer, "email", granted=False, at=TEN + 2 * DAY + 2 * HOUR)
    for day in (3, 7):
        world.work(TEN + day * DAY)

    sent = [(message.channel, message.state, message.reason) for message in Message.objects.order_by("planned_at")]
    middle = ("sms", "accepted", "") if third_day else ("", "dropped", "no_consent")
    assert sent == [("email", "accepted", ""), middle, ("sms", "accepted", "")]
    assert world.entries() == [(f"enrolled:{TEN.date()}", "completed")]


def test_who_withdraws_from_profiles_leaves_what_a_profile_decides_and_keeps_the_rest() -> None:
    world = World()
    says(world.member.customer, "profiling", at=make.START)
    journey(world.club, CART, waits("P1D"), says_by("email"), uses_profile=True)
    journey(world.club, CART, waits("P1D"), says_by("email"))
    world.cart("C1", TEN)
    world.work(TEN)

    says(world.member.customer, "profiling", granted=False, at=TEN + HOUR)
    world.work(TEN + HOUR)

    assert sorted(Entry.objects.values_list("version__uses_profile", "reason")) == [(False, ""), (True, "no_profiling")]


def test_who_agreed_to_nothing_does_not_enter_what_needs_it() -> None:
    world = World()
    abandoned_cart(world)
    says(world.member.customer, "email", granted=False, at=TEN - HOUR)
    world.cart("C1", TEN)
    world.work(TEN)

    assert (world.entries(), outcomes()) == ([], [("not_entered", "no_consent")])


def test_days_of_orders_are_the_retailers_wherever_its_member_is() -> None:
    world = World()
    found = journey(world.club, LAPSED, waits("P1D"), says_by("email"), exits=EXITS)
    Recipient.objects.create(customer=world.member.customer, retailer=world.owner, zone="Pacific/Auckland")
    world.order(at("2026-05-01T08:00Z"))
    assert find_on(found, date(2026, 6, 30), now=at("2026-06-30T01:00Z")) == 1

    # Of May 1 as well in Paris, although of May 2 where the member is: nothing was bought since.
    world.order(at("2026-05-01T13:00Z"), recorded_at=at("2026-06-30T06:00Z"))
    world.work(at("2026-06-30T06:00Z"))
    world.work(at("2026-07-01T10:00Z"))

    assert (world.entries(), len(world.box.taken)) == ([("lapse:2026-05-01", "completed")], 1)
