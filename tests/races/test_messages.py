"""Messages of the same members sent by several workers at once: caps are exact, and nobody waits for ever."""

from collections import Counter
from datetime import timedelta
from functools import partial
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers.models import Erasure, Retailer
from customers.privacy import erase
from loyalty.activity.account.merging import MergeAnswer, take_merge
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.claiming import claim
from loyalty.campaigns.messages.queueing import NewMessage, queue
from loyalty.campaigns.messages.sending import PROVIDERS, send
from loyalty.campaigns.messages.settling import Answered, settle
from loyalty.campaigns.models import Address, Message, Outcome, Recipient
from loyalty.campaigns.reaching.preferences import PersonErased, choose
from loyalty.campaigns.transports import Refused
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import LATER, NOON, Box, ada, campaign, cap, due, shop
from tests.conftest import HUNTS
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
MEMBERS, EACH, CAP = 50, 4, 2
NIGHT = NOON + timedelta(hours=11)
ROUNDS = 20 if HUNTS else 5


@pytest.mark.parametrize("workers", [2, 8])
def test_however_many_workers_send_each_member_gets_what_its_cap_lets_pass(workers: int) -> None:
    owner = shop()
    cap(owner, CAP, 1)
    club = make.program(owner)
    steps = [campaign(club, priority=priority) for priority in range(EACH)]
    members = [ada(club, f"m{turn}") for turn in range(MEMBERS)]

    for turn in range(ROUNDS):
        day = NOON + turn * LATER
        for step in steps:
            due(step, *members, at=day, until=day + LATER / 2)
        taken, raised = _send_together(owner, workers, turn)

        assert raised == []
        assert len(taken) == len(set(taken)) == MEMBERS * CAP
        accepted = Message.objects.filter(state="accepted", planned_at=day)
        assert Counter(accepted.values_list("priority", flat=True)) == {3: MEMBERS, 2: MEMBERS}
        waiting = Message.objects.filter(state="due", planned_at=day)
        assert Counter(waiting.values_list("priority", "rule")) == {
            (1, "cap:any_2_per_day"): MEMBERS,
            (0, "cap:any_2_per_day"): MEMBERS,
        }
        _forget(members)


def _send_together(owner: Retailer, workers: int, turn: int) -> tuple[list[object], list[Exception]]:
    """Let workers send what is due, a few recipients at a time, until none finds anything."""
    boxes, raised, barrier = [Box() for _ in range(workers)], list[Exception](), Barrier(workers)

    def work(box: Box) -> None:
        barrier.wait()
        try:
            while send(
                owner,
                look_again=look_again,
                clock=lambda: NOON + turn * LATER,
                providers={**PROVIDERS, "http": box},
                limit=7,
            ):
                pass
        except Exception as error:  # noqa: BLE001 - told below
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work, args=(box,)) for box in boxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [message.id for box in boxes for message in box.taken], raised


def _forget(members: list[Membership]) -> None:
    """Let what waits be over, so that the next round begins with nothing."""
    ids = [member.customer_id for member in members]
    Message.objects.filter(customer__in=ids, state="due").update(state="dropped", reason="over")


@pytest.mark.parametrize("where", ["claim", "settle"])
def test_who_is_erased_while_its_message_is_sent_waits_and_is_not_waited_for(where: str) -> None:
    owner, box = shop(quiet=where == "claim"), Box()
    member = ada(make.program(owner))
    at = NIGHT if where == "claim" else NOON  # when it is told that the message waits, or that it was sent
    (key,) = due(campaign(member.program, kind="service"), member, at=at)

    sent, erased = interleaved(
        lambda: send(owner, look_again=look_again, clock=lambda: at, providers={**PROVIDERS, "http": box}),
        lambda: erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=at),
        after={"claim": "FOR NO KEY UPDATE SKIP LOCKED", "settle": "ORDER BY customer_id FOR NO KEY UPDATE"}[where],
    )

    assert (sent, getattr(erased, "is_new", erased)) == (1, True)
    row = Message.objects.get(pk=key)
    ends = {"claim": ("dropped", "erased", 0), "settle": ("accepted", "", 1)}
    assert (row.state, row.reason, len(box.taken), row.body) == (*ends[where], "")
    assert Outcome.objects.count() == 1


@pytest.mark.parametrize("comes_first", ["choice", "erasure"])
def test_who_is_erased_while_it_chooses_chooses_before_or_not_at_all(comes_first: str) -> None:
    owner = shop()
    member = ada(make.program(owner))
    choose(member.customer, {"zone": "Europe/Paris"}, {}, source="page", now=NOON)
    works = {
        "choice": lambda: choose(member.customer, {"zone": "Indian/Reunion"}, {}, source="page", now=NOON),
        "erasure": lambda: erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON),
    }
    order = ["choice", "erasure"] if comes_first == "choice" else ["erasure", "choice"]

    found = dict(zip(order, interleaved(*(works[each] for each in order), after="campaigns_recipient"), strict=True))

    assert isinstance(found["choice"], PersonErased if comes_first == "erasure" else type(None))
    assert getattr(found["erasure"], "is_new", found["erasure"]) is True
    assert Recipient.objects.count() == 0


def test_who_is_erased_while_a_message_is_planned_for_it_waits_and_is_not_waited_for() -> None:
    member = ada(make.program(shop()))
    step = campaign(member.program)
    due(step, member)  # so that it is a recipient by now

    planned, erased = interleaved(
        lambda: due(step, member, at=NOON),
        lambda: erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON),
        after="INSERT INTO campaigns_recipient",
    )

    assert (isinstance(planned, list), getattr(erased, "is_new", erased)) == (True, True), planned
    assert set(Message.objects.values_list("state", "reason")) == {("dropped", "erased")}


def test_of_who_is_erased_before_its_first_message_is_planned_none_is() -> None:
    member = ada(make.program(shop()))
    step = campaign(member.program)
    first = NewMessage(member.customer_id, step.pk, "cart:C1", NOON, NOON + LATER, values={"cart": "C1"})

    planned, erased = interleaved(
        lambda: queue(step.retailer_id, [first]),
        lambda: erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON),
        after="INSERT INTO campaigns_recipient",
    )

    assert (planned, getattr(erased, "is_new", erased)) == (0, True)
    assert Message.objects.count() == 0


def test_who_is_merged_while_a_message_is_planned_for_it_waits_and_is_not_waited_for() -> None:
    club = make.program(shop())
    old, member = ada(club, "old"), ada(club)
    step = campaign(club)
    due(step, old, member)

    planned, merged = interleaved(
        lambda: due(step, old, member, at=NOON),
        lambda: take_merge(club.retailer, "old", "ada", reference="same", now=NOON),
        after="INSERT INTO campaigns_recipient",
    )

    assert (isinstance(planned, list), isinstance(merged, MergeAnswer)) == (True, True), (planned, merged)


def test_addresses_that_refuse_messages_of_two_workers_are_written_in_one_order() -> None:
    owner = shop()
    club = make.program(owner)
    step = campaign(club)
    pairs = []
    for turn, addresses in enumerate((("x@example.com", "y@example.com"), ("y@example.com", "x@example.com"))):
        members = [ada(club, f"m{turn}{place}", email=address) for place, address in enumerate(addresses)]
        due(step, *members)
        claimed = {each.address: each for each in claim(owner, now=NOON, look_again=look_again).claimed}
        refused = [Answered(claimed[each], None, Refused("gone", is_address=True)) for each in addresses]
        pairs.append(partial(settle, owner, refused, now=NOON))

    found = interleaved(*pairs, after="INSERT INTO campaigns_address")

    assert found == [None, None]
    assert sorted(Address.objects.values_list("reason", flat=True)) == ["hard_bounce", "hard_bounce"]
