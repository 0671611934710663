"""Messages of the same members sent by several workers at once: caps are exact, and nobody waits for ever."""

from collections import Counter
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers.models import Retailer
from loyalty.campaigns.models import Message
from loyalty.campaigns.sending import PROVIDERS, send
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import LATER, NOON, Box, ada, campaign, cap, due, shop
from tests.conftest import HUNTS

pytestmark = pytest.mark.usefixtures("committed_db")
MEMBERS, EACH, CAP = 50, 4, 2
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
            while send(owner, clock=lambda: NOON + turn * LATER, providers={**PROVIDERS, "http": box}, limit=7):
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
