"""Who locks several of campaign, entries, recipients and messages takes them in this order: nobody waits in a circle."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from django.db import transaction

from customers.facts import InteractionFact
from customers.models import Erasure
from customers.privacy import erase
from customers.recording import record_interactions
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.learning import learn, on_events
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.claiming import claim
from loyalty.campaigns.messages.receiving import ReceiptFact, take_receipt
from loyalty.campaigns.messages.settling import Answered, settle
from loyalty.campaigns.models import Campaign, Entry, Message, MessageChannel, WaitingFact
from loyalty.campaigns.publishing.managing import end
from loyalty.campaigns.transports import Accepted
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from tests import make
from tests.campaigns.make_campaigns import NOON, ada, campaign, due, journey, says_by, shop, waits
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
DAY = timedelta(days=1)
CART, REVIEW = {"kind": "cart"}, {"kind": "review", "days": 7}
STEPS = "FOR NO KEY UPDATE OF e SKIP LOCKED"  # whose entries are due


class World:
    """Ada and Bob, whose ids are in the order of their names, and workers at their messages and their entries."""

    def __init__(self) -> None:
        self.owner = shop()
        self.club = make.program(self.owner)
        self.ada, self.bob = sorted((ada(self.club, name) for name in ("one", "two")), key=lambda who: who.customer_id)
        self.step = campaign(self.club)

    def enters(self, live: Campaign, *members: Membership, occurrence: str = "cart:C1") -> None:
        assert live.version is not None
        found = [Candidate(member.customer_id, occurrence, None) for member in members]
        enter(live, live.version, found, entered_at=NOON, now=NOON)

    def taken(self, *members: Membership) -> list[Answered]:
        """Let a provider take a message of members; nobody has written it down yet."""
        due(self.step, *members)
        claimed = claim(self.owner, now=NOON, look_again=look_again).claimed
        return [Answered(each, None, Accepted(str(each.message.due.id))) for each in claimed]


def states(*keys: UUID) -> Sequence[str]:
    return list(Message.objects.filter(pk__in=keys).order_by("customer_id").values_list("state", flat=True))


def test_a_step_is_taken_while_its_member_is_erased() -> None:
    world = World()
    due(world.step, world.ada)  # so that it is a recipient by now
    world.enters(journey(world.club, CART, says_by("email")), world.ada)

    found = interleaved(
        partial(advance_due, world.owner, now=NOON),
        lambda: erase(world.ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON).is_new,
        after=STEPS,
    )

    assert found == [1, True]
    assert set(Message.objects.values_list("state", "reason")) == {("dropped", "erased")}


def test_a_step_is_taken_while_its_campaign_ends() -> None:
    world = World()
    live = journey(world.club, CART, says_by("email"), waits("P1D"), says_by("email"))
    world.enters(live, world.ada)
    assert advance_due(world.owner, now=NOON) == 1  # its first message waits to be sent

    advanced, ended = interleaved(
        partial(advance_due, world.owner, now=NOON + DAY), partial(end, live, now=NOON + DAY), after=STEPS
    )

    assert (advanced, getattr(ended, "state", ended)) == (1, "ended")
    assert list(Message.objects.values_list("reason", flat=True)) == ["campaign_ended", "campaign_ended"]


def test_a_complaint_comes_while_the_answer_to_its_message_is_written_down() -> None:
    world = World()
    (answered,) = world.taken(world.ada)
    key = answered.claimed.message.due.id
    channel = MessageChannel.objects.get(channel="email")

    found = interleaved(
        partial(
            take_receipt, world.owner, channel, ReceiptFact("e1", str(key), "complaint", NOON), now=NOON + DAY / 24
        ),
        partial(settle, world.owner, [answered], now=NOON),
        after='UPDATE "campaigns_message"',
    )

    assert found == [True, None]
    assert states(key) == ["complained"]


def test_one_member_is_told_and_another_ones_entry_ends_while_answers_to_both_are_written_down() -> None:
    world = World()
    answered = world.taken(world.ada, world.bob)
    live = journey(world.club, CART, says_by("email"))
    world.enters(live, world.ada, world.bob)
    Membership.objects.filter(pk=world.ada.pk).update(left_at=NOON)

    found = interleaved(
        partial(advance_due, world.owner, now=NOON),
        partial(settle, world.owner, answered, now=NOON),
        after="INSERT INTO campaigns_recipient",
    )

    assert found == [2, None]
    assert states(*(each.claimed.message.due.id for each in answered)) == ["accepted", "accepted"]
    assert list(Entry.objects.order_by("customer_id").values_list("reason", flat=True)) == ["left", "completed"]


def test_an_order_and_a_return_end_entries_while_answers_to_both_members_are_written_down() -> None:
    world = World()
    answered = world.taken(world.ada, world.bob)
    with_exit = journey(world.club, CART, waits("P3D"), says_by("email"), exits=[{"fact": "order", "goal": True}])
    world.enters(with_exit, world.bob)
    bought = make.buys(world.ada, "10.00", at=NOON - 7 * DAY)
    review = journey(world.club, REVIEW, waits("P3D"), says_by("email"))
    world.enters(review, world.ada, occurrence=f"order:{bought.outcome.fact.number}")
    WaitingFact.objects.all().delete()
    make.buys(world.bob, "10.00", at=NOON)
    make.returns(world.ada, bought, (1, "1"), at=NOON)

    found = interleaved(
        partial(learn, world.owner, now=NOON),
        partial(settle, world.owner, answered, now=NOON),
        after="FROM campaigns_recipient WHERE customer_id = ANY(",
    )

    assert found == [2, None]
    reasons = dict(Entry.objects.values_list("campaign", "reason"))
    assert reasons == {with_exit.pk: "ordered", review.pk: "no_longer_true"}


def test_members_leave_while_answers_to_them_are_written_down() -> None:
    world = World()
    answered = world.taken(world.ada, world.bob)
    world.enters(journey(world.club, CART, waits("P3D"), says_by("email")), world.ada, world.bob)
    events = [
        Event.objects.create(
            retailer=world.owner,
            type="membership.left",
            subject=str(member.pk),
            occurred_at=NOON,
            recorded_at=NOON,
            payload={},
        )
        for member in (world.bob, world.ada)
    ]

    def tell() -> None:
        with transaction.atomic():
            on_events(events)

    found = interleaved(tell, partial(settle, world.owner, answered, now=NOON), after="FROM campaigns_recipient")

    assert found == [None, None]
    assert list(Entry.objects.values_list("reason", flat=True)) == ["left", "left"]


class TwoClubs:
    """Campaigns of two programs that one thing begins, and members: of the first and of the second, or the other way round."""

    def __init__(self, trigger: dict[str, str]) -> None:
        self.owner = shop()
        clubs = [make.program(self.owner), make.program(self.owner)]
        for club in clubs:
            journey(club, trigger, waits("P3D"), says_by("email"))
        cleo, dora = ([ada(club, f"{name}{place}") for place, club in enumerate(clubs)] for name in ("cleo", "dora"))
        self.members = [*cleo, *reversed(dora)]


def test_members_of_two_programs_are_enrolled_in_any_order() -> None:
    world = TwoClubs({"kind": "enrolled"})
    about = {
        "retailer": world.owner,
        "type": "membership.enrolled",
        "occurred_at": NOON,
        "recorded_at": NOON,
        "payload": {},
    }
    events = [Event.objects.create(subject=str(member.pk), **about) for member in world.members]

    def tell(told: Sequence[Event]) -> None:
        with transaction.atomic():
            on_events(told)

    found = interleaved(partial(tell, events[:2]), partial(tell, events[2:]), after="FOR NO KEY UPDATE")

    assert (found, Entry.objects.count()) == ([None, None], 4)


def test_members_of_two_programs_fill_carts_in_any_order() -> None:
    world = TwoClubs({"kind": "cart"})
    for minute, member in enumerate(world.members):
        at = NOON + timedelta(minutes=minute)
        fact = InteractionFact(f"C{minute}", member.customer.external_id, "cart_abandoned", at)
        record_interactions(world.owner, [fact], now=at)
    learns = partial(learn, world.owner, now=NOON + DAY, limit=2)

    found = interleaved(learns, learns, after="FOR NO KEY UPDATE")

    assert (found, Entry.objects.count()) == ([2, 2], 4)
