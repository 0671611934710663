"""The how-to's session answers what it says, and its command runs."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from customers.facts import OrderFact
from customers.recording import record_orders
from tests import make
from tests.analytics.recommendations.shops import WEEK, line
from tests.make import NOON

PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "recommend-products.md"
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)
COMMAND = re.compile(r"^manage\.py (?P<words>.+)$", re.MULTILINE)


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    retailer, text = make.retailer(), PAGE.read_text(encoding="utf-8")
    orders = [
        OrderFact(number=f"{who}-{week}", customer=who, occurred_at=NOON - WEEK * week, lines=lines)
        for week in range(6)
        for who, lines in (("ada", (line("A1", "DAIRY"), line("A2", "BAKERY"))), ("bob", (line("A3", "DAIRY"),)))
    ]
    record_orders(retailer, orders, now=NOON, are_decided=True)
    key = make.key(retailer)
    before, after = text.split("## Show them")

    said = [_said(client, found, key) for found in LINE.finditer(before)]
    for command in COMMAND.finditer(before):
        call_command(*shlex.split(command["words"].replace("RETAILER", retailer.slug)))
    said += [_said(client, found, key) for found in LINE.finditer(after)]

    assert said == [(int(found["status"]), json.loads(found["value"])) for found in LINE.finditer(text)]
    assert len(said) == 5


def _said(client: Client, found: re.Match[str], key: str) -> tuple[int, Any]:
    address, *rest = shlex.split(found["words"].replace("$KEY", key))
    given = dict(zip(rest[::2], rest[1::2], strict=True))
    body = given.get("-d", "")
    headers = {"authorization": given["-H"].removeprefix("Authorization: ")}
    method = "POST" if body else "GET"
    answer: Any = client.generic(method, f"/api/v1/{address}", body, content_type="application/json", headers=headers)
    value = answer.json()
    for name in found["path"].split("."):
        value = value[int(name)] if name.isdigit() else value[name]
    return answer.status_code, value
