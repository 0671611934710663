"""The how-to's session answers what it says; its events are in the reference."""

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
from tests import make

DOCS = Path(settings.BASE_DIR) / "docs"
PAGE = DOCS / "how-to" / "challenges-and-badges.md"
TOLD = re.compile(r'(?:Told|NewEvent)\([^"]*"([\w.]+)"')
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text = PAGE.read_text()
    draft = make.version()
    (offered,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    apply_to(draft, to_document(draft) | yaml.safe_load(offered))
    assert check(draft) == []
    ada = make.member(make.published(draft))
    today = timezone.now()
    for place, category in enumerate(("BREAD", "WINE", "MILK"), start=1):
        at = today - timedelta(minutes=10 - place)
        make.buys(ada, make.line("5", category=category), at=at, name=f"H{place}", recorded=today)
    headers = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    lines, told, said = list(LINE.finditer(text)), [], []

    for line in lines:
        address, *rest = shlex.split(line["words"])
        body = rest[rest.index("-d") + 1] if "-d" in rest else ""
        address = address.replace("NUMBER", ada.number).replace("PROGRAM", ada.program.slug)
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


def test_every_event_of_badges_is_documented() -> None:
    reference = (DOCS / "reference" / "events.md").read_text()
    documented = set(re.findall(r"`((?:badge|challenge|contest|surprise)\.\w+)`", reference))
    files = (Path(settings.BASE_DIR) / "loyalty" / "badges").rglob("*.py")

    named = {found for file in files for found in re.findall(TOLD, file.read_text())}

    assert {each for each in named if not each.startswith("points.")} == documented
