"""A typed Python client can be made of the API's document by a generator that knows nothing of it, and it works."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from tests import make
from tests.api.test_integration import ORDER
from tests.contract import document

pytest.importorskip("openapi_python_client")
pytestmark = pytest.mark.django_db
NAME = "generated_loyalty_client"


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make the client of the document, importable as the name that is returned."""
    (tmp_path / "document.json").write_text(json.dumps(document()))
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", "--path", str(tmp_path / "document.json"),
        "--output-path", str(tmp_path / NAME), "--meta", "none",
    ]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2_000:]
    monkeypatch.syspath_prepend(str(tmp_path))
    yield NAME
    for name in [each for each in sys.modules if each.split(".")[0] == NAME]:
        del sys.modules[name]


def by_test_client(request: httpx.Request) -> httpx.Response:
    """Answer a request by the site, within the test's transaction."""
    headers = {"authorization": request.headers["authorization"]}
    kind = request.headers.get("content-type", "application/json")
    path = request.url.raw_path.decode()
    answer = Client().generic(request.method, path, request.content, content_type=kind, headers=headers)
    return httpx.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)


def test_a_shop_reports_and_reads_by_a_client_that_was_generated(generated: str) -> None:
    ada = make.member(make.program(), "ada")
    client: Any = import_module(generated).AuthenticatedClient(
        base_url="http://testserver", token=make.key(ada.program.retailer), prefix="Api-Key",
        httpx_args={"transport": httpx.MockTransport(by_test_client)},
    )  # fmt: skip
    models: Any = import_module(f"{generated}.models")

    def ask(name: str, **said: Any) -> Any:
        return import_module(f"{generated}.api.{name}").sync_detailed(client=client, **said)

    reported = ask("activity.v1_orders_create", body=models.OrderInRequest.from_dict(ORDER))
    member = ask("members.v1_members_retrieve", number=ada.number)
    page = ask("activity.v1_orders_list", customer="ada")
    missing = ask("members.v1_members_retrieve", number="123")

    assert int(reported.status_code) == 201, reported.content
    assert reported.parsed.effects[0].points == 10
    assert (member.parsed.customer, member.parsed.wallet.available) == ("ada", 10)
    assert [each.number for each in page.parsed.results] == ["A1"]
    assert page.parsed.next_ is None
    assert (int(missing.status_code), missing.parsed.code) == (404, "not_found")


def test_a_system_adds_its_webhook_by_a_client_that_was_generated(generated: str) -> None:
    shop = make.retailer()
    client: Any = import_module(generated).AuthenticatedClient(
        base_url="http://testserver", token=make.key(shop), prefix="Api-Key",
        httpx_args={"transport": httpx.MockTransport(by_test_client)},
    )  # fmt: skip
    models: Any = import_module(f"{generated}.models")

    def ask(name: str, **said: Any) -> Any:
        return import_module(f"{generated}.api.webhooks.v1_webhooks_{name}").sync_detailed(client=client, **said).parsed

    body = models.WebhookInRequest.from_dict({"url": "https://shop.example/hooks", "events": ["points.earned"]})
    made = ask("create", body=body)
    rotated = ask("rotate_create", webhook_id=made.id, body=models.RotationInRequest())
    tried = ask("test_create", webhook_id=made.id)
    sent = ask("deliveries_list", webhook_id=made.id)

    assert made.secret.startswith("whsec_")
    assert rotated.secret not in {made.secret, None}
    assert [each.event for each in sent.results] == [tried.event]
    assert made.events == ["points.earned"]
