"""The curl session of the how-to on webhooks answers what it says."""

import json
import re
import shlex
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from loyalty.outbox.models import Delivery, Endpoint
from tests import make

pytestmark = pytest.mark.django_db
PAGE = settings.BASE_DIR / "docs" / "how-to" / "webhooks.md"
LINE = re.compile(r"^curl (?P<words>.+?) +# (?P<status>\d+)(?: (?P<path>\S+) = (?P<value>.+))?$", re.MULTILINE)


def value_at(found: Any, path: str) -> Any:
    for name in path.split("."):
        found = found[int(name)] if name.isdigit() else found[name]
    return found


def asked(words: str, known: dict[str, str]) -> dict[str, Any]:
    """Return what a line of curl asks for."""
    for name, value in known.items():
        words = words.replace(f"${name}", value)
    parts = shlex.split(words)
    options = {option: value for option, value in pairwise(parts) if option in {"-X", "-d"}}
    headers = dict(value.split(": ", 1) for option, value in pairwise(parts) if option == "-H")
    (address,) = [part for part in parts if part.startswith("https://loyalty.example/")]
    body = options.get("-d", "")
    return {
        "method": options.get("-X", "POST" if body else "GET"), "path": address.removeprefix("https://loyalty.example"),
        "data": body, "content_type": headers.get("Content-Type", "application/json"), "headers": headers,
    }  # fmt: skip


def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text = PAGE.read_text().replace("\\\n", "")
    known = {
        "API": "https://loyalty.example/api/v1",
        "KEY": make.key(make.retailer(), "webhooks:read", "webhooks:write"),
    }
    lines, told, said = list(LINE.finditer(text)), [], []

    for line in lines:
        answer = client.generic(**asked(line["words"], known))
        value = value_at(answer.json(), line["path"]) if line["path"] else None
        told.append((line["words"], answer.status_code, value))
        said.append((line["words"], int(line["status"]), json.loads(line["value"]) if line["path"] else None))
        known |= {"ID": str(Endpoint.objects.get().key)}
        known |= {"EVENT": str(delivery.event_id)} if (delivery := Delivery.objects.first()) else {}

    assert told == said
    assert len(lines) == text.count("\ncurl ")
