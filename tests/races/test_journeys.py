"""Steps are taken, and facts learned, while somebody is erased or a campaign ends: nobody waits crosswise."""

from functools import partial

import pytest

from customers.facts import InteractionFact
from customers.models import Customer, Erasure
from customers.privacy import erase
from customers.recording import record_interactions
from loyalty.activity.account.merging import take_merge
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.learning import learn
from loyalty.campaigns.models import Campaign, Entry, Message
from loyalty.campaigns.publishing.managing import WrongCampaignState, draft_of, end, publish
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import NOON, ada, journey, says_by, shop, waits
from tests.campaigns.test_journeys import CART, HOUR
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
ENTRIES = "FOR NO KEY UPDATE OF e SKIP LOCKED"


class World:
    """Ada, who is in a campaign that has told her something, and tells her something else an hour later."""

    def __init__(self) -> None:
        self.owner = shop()
        self.club = make.program(self.owner)
        self.ada: Membership = ada(self.club)
        said = partial(says_by, "email", expires_after="PT48H")
        self.live: Campaign = journey(self.club, CART, said(), waits("PT1H"), said())
        assert self.live.version is not None
        enter(
            self.live, self.live.version, [Candidate(self.ada.customer_id, "cart:C1", None)], entered_at=NOON, now=NOON
        )
        assert advance_due(self.owner, now=NOON) == 1

    def is_erased(self) -> object:
        return erase(self.ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON + HOUR)

    def ends(self) -> object:
        return end(self.live, now=NOON + HOUR)


def test_who_is_erased_while_its_step_is_taken_is_told_nothing_more() -> None:
    world = World()

    taken, erased = interleaved(partial(advance_due, world.owner, now=NOON + HOUR), world.is_erased, after=ENTRIES)

    assert taken == 1
    assert getattr(erased, "is_new", erased) is True
    assert set(Message.objects.values_list("state", "reason")) == {("dropped", "erased")}


def test_who_is_erased_while_its_cart_is_learned_is_in_no_campaign() -> None:
    world = World()
    fact = InteractionFact(number="C2", customer="ada", kind="cart_abandoned", occurred_at=NOON)
    record_interactions(world.owner, [fact], now=NOON)

    learned, erased = interleaved(
        partial(learn, world.owner, now=NOON + HOUR), world.is_erased, after="DELETE FROM campaigns_waitingfact"
    )

    assert learned == 1
    assert getattr(erased, "is_new", erased) is True
    assert not Entry.objects.filter(ended_at=None).exists()


def test_who_is_erased_while_it_is_merged_waits_for_it_and_is_erased_as_one() -> None:
    world = World()
    make.member(world.club, "eve")

    merged, erased = interleaved(
        partial(take_merge, world.owner, "ada", "eve", reference="crm", now=NOON), world.is_erased,
        after="FROM campaigns_recipient WHERE",
    )  # fmt: skip

    assert getattr(merged, "customer", merged) == "eve"
    assert getattr(erased, "is_new", erased) is True
    assert Customer.objects.filter(erased_at=None).count() == 0


def test_a_campaign_that_ends_while_a_step_is_taken_says_nothing_more() -> None:
    world = World()

    taken, ended = interleaved(partial(advance_due, world.owner, now=NOON + HOUR), world.ends, after=ENTRIES)

    assert taken == 1
    assert getattr(ended, "state", ended) == "ended"
    assert set(Message.objects.values_list("state", "reason")) == {("dropped", "campaign_ended")}


def test_a_draft_that_two_publish_at_once_is_published_once() -> None:
    world = World()
    drafts = [draft_of(world.live) for _ in range(2)]

    first, second = interleaved(
        *(partial(publish, draft, author="sue", now=NOON) for draft in drafts), after='UPDATE "campaigns_campaign"'
    )

    assert getattr(first, "version_id", first) == drafts[0].pk
    assert isinstance(second, WrongCampaignState), second
