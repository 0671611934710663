"""What goes wrong, in the language that the caller asks for: no sentence of a problem stays English."""

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from loyalty.api.problems import TITLES
from tests import make
from tests.api.test_integration import ORDER

pytestmark = pytest.mark.django_db

FRENCH = {"accept-language": "fr"}


def asked(client: Client, path: str, body: Any, **headers: str) -> list[dict[str, Any]]:
    """Return the answers to the same wrong request in English and in French."""
    key = {"authorization": f"Api-Key {make.key(make.retailer())}"}
    return [
        client.post(f"/api/v1/{path}", body, content_type="application/json", headers=key | headers | spoken).json()
        for spoken in ({}, FRENCH)
    ]


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("orders", "{", {}),
        ("orders", '{"a": "\\ud800"}', {}),
        ("orders", {"number": "A1"}, {}),
        ("orders?dry_run=maybe", ORDER, {}),
        ("orders?dryrun=true", ORDER, {}),
        ("orders", ORDER | {"dry_run": True}, {}),
        ("nowhere", {}, {}),
        ("orders", ORDER, {"idempotency-key": "x" * 256}),
        ("orders", ORDER, {"transfer-encoding": "chunked"}),
    ],
)
def test_a_problem_speaks_the_callers_language(client: Client, path: str, body: Any, headers: dict[str, str]) -> None:
    english, french = asked(client, path, body, **headers)

    assert english["code"] == french["code"]
    assert english["title"] != french["title"]
    assert english["detail"] != french["detail"]


def test_a_bad_row_of_a_batch_speaks_it_too(client: Client) -> None:
    english, french = (
        said["results"][0]["error"] for said in asked(client, "orders/batch", {"orders": [{"number": "A1"}]})
    )

    assert english["detail"] == "The row is malformed; errors names each place."
    assert (english["title"] != french["title"], english["detail"] != french["detail"]) == (True, True)


def test_every_title_has_a_translation() -> None:
    with translation.override("fr"):
        french = {status: str(title) for status, title in TITLES.items()}

    with translation.override("en"):
        assert [status for status, title in TITLES.items() if str(title) == french[status]] == []
