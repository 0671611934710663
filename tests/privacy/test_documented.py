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

from customers.registration import CustomerFact, register
from loyalty.outbox.forgetting import ERASED
from loyalty.signin.codes import code_of
from loyalty.signin.models import SignInCode
from tests import make

PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "privacy.md"
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text = PAGE.read_text()
    club, now = make.program(), timezone.now()
    ada = make.member(club, "ada")
    make.buys(ada, "60.00")
    register(ada.retailer, [CustomerFact("ada", "ada@example.org")], now=now)
    known = {"SHOP": ada.retailer.slug, "KEY": make.key(ada.retailer)}
    lines = list(LINE.finditer(text))
    told, said = [], []

    for line in lines:
        address, *rest = shlex.split(_with(known, line["words"]))
        given = dict(zip(rest[::2], rest[1::2], strict=True))
        headers = {"authorization": given.get("-H", "").removeprefix("Authorization: ")}
        body = given.get("-d", "")
        answer: Any = client.generic(
            "POST" if body else "GET", f"/api/v1/{address}", body, content_type="application/json",
            headers={name: value for name, value in headers.items() if value},
        )  # fmt: skip
        value = answer.json()
        for name in line["path"].split("."):
            value = value[int(name)] if name.isdigit() else value[name]
        if line["value"].isupper():  # a name for what came, used further down
            known[line["value"]] = value
            value = line["value"]
            if line["value"] == "CHALLENGE":
                known["CODE"] = code_of(SignInCode.objects.get().pk)
        told.append((line["words"], answer.status_code, value))
        said.append(
            (
                line["words"],
                int(line["status"]),
                line["value"] if line["value"].isupper() else json.loads(line["value"]),
            )
        )

    assert told == said
    assert len(lines) == text.count("\napi ")


def _with(known: dict[str, Any], words: str) -> str:
    """Return a line with what its names stand for, the longest first."""
    for name in sorted(known, key=len, reverse=True):
        words = re.sub(rf"\b{name}\b", str(known[name]), words)
    return words


def test_the_event_is_documented() -> None:
    reference = (Path(settings.BASE_DIR) / "docs" / "reference" / "events.md").read_text()

    assert f"| `{ERASED}` |" in reference
