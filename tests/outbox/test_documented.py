"""What events there are, in the reference."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from loyalty.activity.account.households import transfer
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.outbox.models import Event
from tests import make

REFERENCE = settings.BASE_DIR / "docs" / "reference" / "events.md"


def documented() -> set[str]:
    return set(re.findall(r"^\| `([a-z.]+)` \|", REFERENCE.read_text(), re.MULTILINE))


def test_every_event_that_the_code_names_is_documented() -> None:
    files = Path(settings.BASE_DIR / "loyalty").rglob("*.py")
    named = {
        found
        for file in files
        for found in re.findall(r'(?:Told\(|_id, )"((?:points|tier|membership)\.\w+)"', file.read_text())
    }

    assert named
    assert named <= documented()


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
