"""What events there are, in the reference."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from loyalty.activity.account.households import transfer
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.outbox.catalogue import EXAMPLES
from loyalty.outbox.models import Event
from tests import make
from tests.outbox.reference import REFERENCE, fields, undocumented


def documented() -> set[str]:
    return set(fields())


def test_every_event_has_an_example_in_the_catalogue_and_in_the_reference() -> None:
    shown = json.loads(re.findall(r"```json\n(\{.*?\n\})\n```", REFERENCE.read_text(), re.DOTALL)[-1])

    assert documented() == set(EXAMPLES)
    assert shown == {name: dict(data) for name, data in EXAMPLES.items()}


def test_every_event_that_the_code_names_is_documented() -> None:
    files = Path(settings.BASE_DIR / "loyalty").rglob("*.py")
    named = {
        found
        for file in files
        for found in re.findall(r'(?:Told\(|_id, )"((?:points|tier|membership)\.\w+)"', file.read_text())
    }

    assert named
    assert named <= set(EXAMPLES)


@pytest.mark.django_db
def test_every_event_of_an_account_is_documented_and_says_whose_it_is() -> None:
    club = make.program(points={"pending_days": 0, "may_transfer": True})
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    now = timezone.now()
    make.given(ada, 100, now)
    spent = redeem(ada, 10, reference="r1", now=now)
    reverse(ada, spent.entry_id, now=now)
    for reference, end in (("h1", confirm), ("h2", release)):
        end(hold(ada, 10, reference=reference, now=now)[0].pk, now=now)
    transfer(ada, bob, 10, reference="t1", now=now)

    told = list(Event.objects.order_by("pk"))
    assert {event.type for event in told} == {
        "membership.enrolled", *(f"points.{kind}" for kind in ("adjust", "redeem", "restore", "hold", "release", "transfer"))
    }  # fmt: skip
    assert {event.type for event in told} <= documented()
    numbers = {str(ada.pk): ada.number, str(bob.pk): bob.number}
    assert [event.payload["member"] for event in told] == [numbers[event.subject] for event in told]
    assert {event.payload["program"] for event in told} == {club.slug}
    said_later = {"customer"}  # when it is dispatched
    assert all(set(event.payload) | said_later == set(EXAMPLES[event.type]) for event in told)
    balances = [event.payload["balances"]["points"] for event in told if "balances" in event.payload]
    assert balances == [100, 90, 100, 90, 90, 80, 90, 80, 10]


def test_every_field_of_an_example_is_named_by_the_table() -> None:
    assert {name: set(data) - fields()[name] for name, data in EXAMPLES.items() if set(data) - fields()[name]} == {}


@pytest.mark.django_db
def test_what_stands_nowhere_is_found_in_what_was_told() -> None:
    ada = make.member(make.program())
    Event.objects.update(type="tier.changed", payload={"program": "club", "from": None, "to": "gold", "why": "night"})

    assert undocumented() == [("tier.changed", "why")]
    Event.objects.filter(subject=str(ada.pk)).delete()
