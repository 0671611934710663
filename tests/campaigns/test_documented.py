"""The how-to's session answers what it says."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from loyalty.activity.account.enrolment import enrol
from loyalty.campaigns.rules.triggers import TRIGGERS
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, says, send_all, shop
from tests.campaigns.make_offers import club as club_with_offers
from tests.campaigns.make_offers import offer
from tests.campaigns.make_surveys import ask, asking, survey

PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "campaigns.md"
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


def with_an_offer(ada: Membership) -> None:
    """Let there be room for one more offer, in a program of its own, for two who are asked about."""
    program = club_with_offers(owner=ada.retailer)
    bob = make.customer(ada.retailer, "bob")
    enrol(program, [(key, make.START) for key in (ada.customer_id, bob.pk)], source="web", now=make.START)
    offer(program, code="spring", budget="10", at=timezone.now())


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text, owner = PAGE.read_text(), shop()
    club = make.program(owner)
    member = ada(club)
    step = campaign(club)
    type(step.version.campaign).objects.filter(pk=step.version.campaign_id).update(code="cart")
    due(campaign(club, channels=("inbox",)), member, at=NOON)
    says(member.customer, "email", granted=False, at=NOON)
    due(step, member, at=NOON)
    send_all(owner, NOON, Box())
    with_an_offer(member)
    ask(asking(club, survey(owner)), member, at=timezone.now())
    names = {"KEY": make.key(owner), "TOKEN": make.token(member.customer), "PROGRAM": club.slug}
    told, said = [], []

    for line in LINE.finditer(text):
        words = re.sub(r"\b(KEY|TOKEN|PROGRAM)\b", lambda name: str(names[name[0]]), line["words"])
        address, *rest = shlex.split(words)
        given = dict(zip(rest[::2], rest[1::2], strict=True))
        headers = {"authorization": given["-H"].removeprefix("Authorization: ")}
        method = given.get("-X", "POST" if "-d" in given else "GET")
        answer: Any = client.generic(
            method, f"/api/v1/{address}", given.get("-d", ""), content_type="application/json", headers=headers
        )
        value = answer.json()
        for name in line["path"].split("."):
            value = value[int(name)] if name.isdigit() else value[name]
        told.append((line["words"], answer.status_code, value))
        said.append((line["words"], int(line["status"]), json.loads(line["value"])))

    assert told == said
    assert len(said) == text.count("\napi ")


def test_every_trigger_is_documented() -> None:
    documented = set(re.findall(r'`\{"kind": "(\w+)"', PAGE.read_text()))

    assert documented == set(TRIGGERS)
