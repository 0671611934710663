"""A new capability: an own table, own rules and steps, a line in the capabilities and a word on the page of steps."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import connection

from customers.core import bulk
from customers.core.values import dataclass
from customers.recording import record_orders
from loyalty.activity import steps
from loyalty.activity.backlog import catch_up
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.intake import take_orders
from loyalty.activity.simulation import simulate
from loyalty.activity.versions import forget_versions, versions_of_program
from loyalty.engine.activities import OrderPlaced
from loyalty.engine.capability import Capability, Scope
from loyalty.engine.decision import Decision, Effect, Told
from loyalty.engine.member import Key, Member
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db

CARD: Key[int] = Key("stamps")
FULL = 3


@dataclass(frozen=True, slots=True)
class Stamped(Effect):
    """A stamp on a member's card."""

    writer: ClassVar[str] = "stamps"
    membership_id: UUID


class Stamps(Capability[int]):
    """A stamp an order; a full card is told."""

    name = "stamps"

    def __init__(self, programs: set[int]) -> None:
        self.programs = programs
        self.loads = 0

    def rules(self, version_id: int) -> bool:
        ((program_id,),) = bulk.fetch("SELECT program_id FROM programs_programversion WHERE id = %s", [version_id])
        return program_id in self.programs

    def is_used(self, rules: Any) -> bool:
        return bool(rules)

    def begin(self, versions: Versions) -> int:
        return 0

    def load(self, scope: Scope) -> Mapping[UUID, int]:
        keys = scope.using(self.name)
        if not keys:
            return {}
        self.loads += 1
        found = dict(bulk.fetch("SELECT membership_id, stamps FROM toy_card WHERE membership_id = ANY(%s)", [keys]))
        return {key: found.get(key, 0) for key in keys}

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        for key, member in after.items():
            if member.has(CARD) and member.of(CARD) != before[key].of(CARD):
                bulk.execute(
                    "INSERT INTO toy_card VALUES (%s, %s) ON CONFLICT (membership_id) DO UPDATE SET stamps = excluded.stamps",
                    [key, member.of(CARD)],
                )


def stamp(decision: Decision) -> Decision:
    """Put a stamp on the card, and tell when it is full."""
    member = decision.member
    if not member.has(CARD):
        return decision
    stamps = member.of(CARD) + 1
    told = [Told("card.full", {"stamps": stamps}, decision.at)] if stamps == FULL else []
    return decision.then(Stamped(member.membership_id), *told, member=member.having(CARD, stamps))


@pytest.fixture
def stamps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stamps]:
    """Add the capability in its two places, as its author would write it there."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE toy_card (membership_id uuid PRIMARY KEY, stamps int NOT NULL)")
    capability = Stamps(set())
    capabilities = (*CAPABILITIES, capability)
    for name, module in list(sys.modules.items()):
        if name.startswith("loyalty.") and getattr(module, "CAPABILITIES", None) is CAPABILITIES:
            monkeypatch.setattr(module, "CAPABILITIES", capabilities)
    monkeypatch.setitem(steps.STEPS, OrderPlaced, (*steps.ON_ORDER, stamp))
    forget_versions()
    yield capability
    forget_versions()


def cards() -> dict[UUID, int]:
    return dict(bulk.fetch("SELECT membership_id, stamps FROM toy_card", []))


def a_member(stamps: Stamps) -> Any:
    club = make.program()
    stamps.programs.add(club.pk)
    forget_versions()
    return make.member(club)


def test_it_decides_live_orders_imports_and_what_ifs(stamps: Stamps) -> None:
    ada = a_member(stamps)
    for hour in range(2):
        make.buys(ada, "10.00", at=NOON + timedelta(hours=hour))
    late = make.order(ada, "10.00", at=NOON + timedelta(hours=2))
    record_orders(ada.program.retailer, [late], now=NOON + timedelta(hours=3))

    catch_up(ada.program.retailer, now=NOON + timedelta(hours=3))
    lives = list(simulate(versions_of_program(ada.program_id), until=NOON + timedelta(days=1), observe=lambda _: None))

    assert cards() == {ada.pk: 3}
    assert list(Event.objects.filter(type="card.full").values_list("subject", "payload")) == [
        (str(ada.pk), {"program": ada.program.slug, "member": ada.number, "stamps": 3})
    ]
    assert [life.member.of(CARD) for life in lives] == [3]


def test_a_dry_run_leaves_no_trace_of_it(stamps: Stamps) -> None:
    ada = a_member(stamps)

    take_orders(ada.program.retailer, [make.order(ada, "10.00")], now=NOON, dry_run=True)

    assert cards() == {}


def test_who_does_not_use_it_pays_nothing(stamps: Stamps) -> None:
    bob = make.member(make.program())

    make.buys(bob, "10.00")

    assert (stamps.loads, cards(), Membership.objects.count()) == (0, {}, 1)
