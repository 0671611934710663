"""A customer is merged at the moment at which a campaign does something with it: it goes on once, for the one who stays."""

from datetime import timedelta
from functools import partial

import pytest

from loyalty.activity.account.merging import take_merge
from loyalty.activity.loading import MergedMeanwhile
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.carrying import follow_merges
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.messages.queueing import NewMessage, queue
from loyalty.campaigns.models import Campaign, Entry, Message, Recipient
from loyalty.campaigns.reaching.preferences import choose
from loyalty.campaigns.reaching.unsubscribing import unsubscribe
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, journey, says_by, send_all, shop
from tests.campaigns.test_journeys import CART
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
MINUTE = timedelta(minutes=1)


class Ada:
    """Ada, who is merged into Eve, and a campaign that says one thing."""

    def __init__(self) -> None:
        self.owner = shop()
        club = make.program(self.owner)
        self.ada, self.eve = ada(club), ada(club, "eve")
        self.live: Campaign = journey(club, CART, says_by("email"))
        self.box = Box()

    def enters(self, name: str = "ada") -> int:
        assert self.live.version is not None
        who = self.ada if name == "ada" else self.eve
        found = [Candidate(who.customer_id, "birthday:2026", None)]
        return enter(self.live, self.live.version, found, entered_at=NOON, now=NOON)

    def is_merged(self) -> None:
        take_merge(self.owner, "ada", "eve", reference="crm", now=NOON)

    def heard(self) -> list[str]:
        for minutes in range(3):
            now = NOON + minutes * MINUTE
            while follow_merges(self.owner, now=now) + advance_due(self.owner, now=now):
                pass
            send_all(self.owner, now, self.box)
        return [each.address for each in self.box.taken]


def test_who_is_merged_while_it_enters_goes_on_as_who_stays() -> None:
    world = Ada()

    interleaved(world.enters, world.is_merged, after="SELECT c.id, r.zone")

    assert world.heard() == ["eve@example.com"]
    assert list(Entry.objects.values_list("customer__external_id", "reason")) == [("eve", "completed")]


def test_who_is_merged_while_a_step_is_taken_is_told_once() -> None:
    world = Ada()
    world.enters()

    interleaved(
        partial(advance_due, world.owner, now=NOON), world.is_merged, after="FOR NO KEY UPDATE OF e SKIP LOCKED"
    )

    assert world.heard() == ["eve@example.com"]


def test_who_stays_and_enters_for_the_same_while_it_is_followed_is_told_once() -> None:
    world = Ada()
    world.enters()
    world.is_merged()

    interleaved(
        partial(follow_merges, world.owner, now=NOON), partial(world.enters, "eve"), after="UPDATE campaigns_entry"
    )

    assert world.heard() == ["eve@example.com"]


def test_two_who_follow_one_merge_move_it_once() -> None:
    world = Ada()
    world.enters()
    world.is_merged()

    first, second = interleaved(
        *[partial(follow_merges, world.owner, now=NOON)] * 2, after="DELETE FROM campaigns_waitingfact"
    )

    assert (first, second, world.heard()) == (1, 0, ["eve@example.com"])


def test_who_is_merged_between_its_entry_and_the_end_of_that_goes_on_as_who_stays() -> None:
    world = Ada()

    interleaved(world.enters, world.is_merged, after="INSERT INTO campaigns_waitingfact")

    assert world.heard() == ["eve@example.com"]
    assert list(Entry.objects.values_list("customer__external_id", "reason")) == [("eve", "completed")]


def test_who_wants_no_mails_while_it_is_merged_gets_none_as_who_stays() -> None:
    world = Ada()
    world.enters()
    world.heard()
    sent = Message.objects.select_related("customer__merged_into").get()

    _merged, ended = interleaved(
        world.is_merged, lambda: unsubscribe(sent, now=NOON + MINUTE), after="INSERT INTO customers_consent"
    )

    assert ended is True
    newest = world.eve.customer.consents.filter(purpose="email").order_by("-occurred_at")[0]
    assert (newest.granted, newest.source) == (False, "unsubscribe")


def test_what_is_chosen_while_it_is_merged_is_asked_for_again() -> None:
    world = Ada()
    choose(world.ada.customer, {"preferred_channel": "sms"}, {}, source="page", now=NOON)

    _merged, chosen = interleaved(
        world.is_merged,
        lambda: choose(world.ada.customer, {"preferred_channel": "email"}, {}, source="page", now=NOON),
        after="UPDATE customers_customer SET merged_into_id",
    )

    assert isinstance(chosen, MergedMeanwhile)
    assert Recipient.objects.get(customer=world.eve.customer).preferred_channel == "sms"


def test_a_first_message_that_is_planned_while_its_customer_is_merged_into_waits_for_nobody() -> None:
    world = Ada()
    step = campaign(world.live.program)
    due(step, world.ada)
    first = NewMessage(world.eve.customer_id, step.pk, "first of eve", NOON, NOON + MINUTE)

    planned, merged = interleaved(
        lambda: queue(world.owner.pk, [first]), world.is_merged, after="INSERT INTO campaigns_recipient"
    )

    assert (planned, merged) == (1, None)
