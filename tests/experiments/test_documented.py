"""The how-to's session answers what it says; its document can be applied; its events are in the reference."""

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

from loyalty.configuration.checking import check
from loyalty.configuration.document import apply_to, to_document
from loyalty.configuration.drafts import open_draft
from loyalty.experiments.noting import TOLD
from tests import make
from tests.experiments.make_near_misses import TIERS

DOCS = Path(settings.BASE_DIR) / "docs"
PAGE = DOCS / "how-to" / "measure-with-a-hold-out.md"
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text = PAGE.read_text()
    club = make.program(since=timezone.now() - timedelta(days=90), tiers=TIERS)
    ada = make.member(club, "ada", since=timezone.now() - timedelta(days=9))
    make.buys(ada, "950.00", at=timezone.now() - timedelta(days=1))
    headers = {"authorization": f"Api-Key {make.key(club.retailer)}"}
    lines, told, said = list(LINE.finditer(text)), [], []

    for line in lines:
        address, *rest = shlex.split(line["words"])
        body = rest[rest.index("-d") + 1] if "-d" in rest else ""
        method = rest[rest.index("-X") + 1] if "-X" in rest else "POST" if body else "GET"
        address, body = address.replace("ADA", ada.customer.external_id), body.replace("PROGRAM", club.slug)
        answer: Any = client.generic(
            method, f"/api/v1/{address}", body, content_type="application/json", headers=headers
        )
        value = answer.json()
        for name in line["path"].split("."):
            value = value[int(name)] if name.isdigit() else value[name]
        told.append((line["words"], answer.status_code, value))
        said.append((line["words"], int(line["status"]), json.loads(line["value"])))

    assert told == said
    assert len(lines) == text.count("\napi ")
    draft = open_draft(club)
    (offered,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    apply_to(draft, to_document(draft) | yaml.safe_load(offered))
    assert check(draft) == []


def test_every_event_of_experiments_is_documented() -> None:
    reference = (DOCS / "reference" / "events.md").read_text()

    assert set(re.findall(r"`(experiment\.\w+)`", reference)) == set(TOLD.values())
