"""The how-to's session answers what it says; events of referrals are in the reference."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.utils import timezone

from loyalty.activity.account.referring import note_member_signals
from loyalty.configuration.document import apply_to, to_document
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral
from tests import make

PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "refer-friends.md"
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text, now = PAGE.read_text(), timezone.now()
    draft = make.version()
    (policy,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    apply_to(draft, to_document(draft) | yaml.safe_load(policy))
    club = make.published(draft)
    ada, bob, eve = (make.member(club, name, since=now - timedelta(days=1)) for name in ("ada", "bob", "eve"))
    note_member_signals(ada, {"address": "12, rue du Bac; Paris"}, now=now)
    headers = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    lines = list(LINE.finditer(text))
    told, said = [], []

    for line in lines:
        address, *rest = shlex.split(line["words"])
        body = rest[rest.index("-d") + 1] if "-d" in rest else ""
        held = Referral.objects.filter(friend=eve).first()
        named = {
            "NUMBER": ada.number, "FRIENDS-ID": "bob", "FRIEND": bob.number, "SECOND": eve.number,
            "REFERRAL": str(held.pk if held else ""), "CODE": code_of(ada, now=now), "NOW": timezone.now().isoformat(),
        }  # fmt: skip
        for name, value in named.items():
            address, body = (re.sub(rf"\b{name}\b", value, each) for each in (address, body))
        answer: Any = client.generic(
            "POST" if body else "GET", f"/api/v1/{address}", body, content_type="application/json", headers=headers
        )
        value = answer.json()
        for name in line["path"].split("."):
            value = value[int(name)] if name.isdigit() else value[name]
        told.append((line["words"], answer.status_code, value))
        said.append((line["words"], int(line["status"]), json.loads(line["value"])))

    assert told == said
    assert len(lines) == text.count("\napi ")


def test_every_event_of_referrals_is_documented() -> None:
    reference = (Path(settings.BASE_DIR) / "docs" / "reference" / "events.md").read_text()
    documented = set(re.findall(r"^\| `referral\.(\w+)` \|", reference, re.MULTILINE))
    steps = (Path(settings.BASE_DIR) / "loyalty" / "referrals" / "steps.py").read_text()

    named = set(re.findall(r'_tell\(\w+(?:\([^()]*\))?, "(\w+)"', steps))
    named |= {"claimed", "held", "refused"}  # what a claim comes to
    named |= {"taken_back", "refused"}  # the status with which one ends

    assert named == documented
