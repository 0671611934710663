"""The how-to's session answers what it says; its events are in the reference."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.utils import timezone

from loyalty.configuration.document import apply_to, to_document
from loyalty.plans.models import Invoice
from tests import make

PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "sell-plans.md"
LINE = re.compile(r"^api (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


@pytest.mark.django_db
def test_the_session_of_the_how_to_answers_what_it_says(client: Client) -> None:
    text = PAGE.read_text()
    draft = make.version()
    (plans,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    apply_to(draft, to_document(draft) | yaml.safe_load(plans))
    ada = make.member(make.published(draft))
    headers = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    lines = list(LINE.finditer(text))
    told, said = [], []

    for line in lines:
        address, *rest = shlex.split(line["words"])
        body = rest[rest.index("-d") + 1] if "-d" in rest else ""
        open_one = Invoice.objects.filter(status="open").first()
        address = address.replace("NUMBER", ada.number).replace("INVOICE", str(open_one.pk if open_one else ""))
        address = address.replace(
            "PAID", str(Invoice.objects.filter(kind="first").values_list("pk", flat=True).first())
        )
        answer: Any = client.generic(
            "POST" if body else "GET", f"/api/v1/{address}", body, content_type="application/json", headers=headers
        )
        value = answer.json()
        for name in line["path"].split("."):
            value = value[int(name)] if name.isdigit() else value[name]
        told.append((line["words"], answer.status_code, value["code"] if isinstance(value, dict) else value))
        said.append((line["words"], int(line["status"]), json.loads(line["value"])))

    assert told == said
    assert len(lines) == text.count("\napi ")
    assert timezone.now() > ada.enrolled_at


def test_every_event_of_plans_is_documented() -> None:
    reference = (Path(settings.BASE_DIR) / "docs" / "reference" / "events.md").read_text()
    documented = set(re.findall(r"^\| `plan\.(\w+)` \|", reference, re.MULTILINE))
    files = (Path(settings.BASE_DIR) / "loyalty" / "plans").glob("*.py")

    named = {found for file in files for found in re.findall(r'told\(\s*decision, "(\w+)"', file.read_text())}

    assert named == documented
