"""The API describes itself, from here alone."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from loyalty.api.document import document as made_anew
from loyalty.api.models import Scope
from loyalty.outbox.catalogue import EXAMPLES
from tests.contract import document


def test_the_openapi_document_has_no_warnings_and_names_the_errors(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")

    schema = yaml.safe_load(capsys.readouterr().out)
    orders = schema["paths"]["/api/v1/orders"]["post"]
    assert schema["openapi"] == "3.1.0"
    refused = {"400", "401", "403", "404", "409", "411", "413", "415", "422", "429", "503"}
    assert set(orders["responses"]) == {"200", "201"} | refused
    assert "Idempotency-Key" in {parameter["name"] for parameter in orders["parameters"]}
    assert {"412", "428"} <= set(schema["paths"]["/api/v1/programs/{slug}/versions/{number}"]["put"]["responses"])


def test_every_operation_says_in_a_few_words_what_it_does() -> None:
    paths = SchemaGenerator().get_schema(public=True)["paths"]  # type: ignore[no-untyped-call]

    said = {
        f"{method} {path}": operation.get("summary", "")
        for path, each in paths.items()
        for method, operation in each.items()
    }

    assert [name for name, summary in said.items() if not 5 < len(summary) < 90] == []
    assert said["post /api/v1/orders"] == "Report an order"


def test_every_operation_has_an_example_of_its_body_and_answer_that_is_right() -> None:
    found = document()
    components = {"components": found["components"]}

    wrong = []
    for label, kind, media in contents(found):
        if not kind.endswith("json"):
            continue
        validator = jsonschema_rs.Draft202012Validator({**media["schema"], **components})
        if "example" not in media or not validator.is_valid(media["example"]):
            wrong.append((label, [error.message for error in validator.iter_errors(media.get("example"))]))

    assert wrong == []


def contents(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each body, and each answer that went well, with its operation and its kind."""
    for path, each in found["paths"].items():
        for method, operation in each.items():
            said = [operation.get("requestBody", {})]
            said += [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            for one in said:
                yield from ((f"{method} {path}", kind, media) for kind, media in one.get("content", {}).items())


def test_every_field_says_what_it_means() -> None:
    schemas = document()["components"]["schemas"]

    silent = [
        f"{kind}.{name}"
        for kind, schema in schemas.items()
        for name, field in schema.get("properties", {}).items()
        if "description" not in field
    ]

    assert silent == []


def test_every_operation_says_which_scope_it_needs() -> None:
    scopes = set(Scope.values)
    by_name = {}
    for path, each in document()["paths"].items():
        for method, operation in each.items():
            (needed, *_rest) = operation["security"]
            by_name[f"{method} {path}"] = needed
            for scope in needed.get("RetailerKey", []):
                assert scope in scopes, (method, path)
                assert f"`{scope}`" in operation["description"]

    assert by_name["post /api/v1/orders"] == {"RetailerKey": ["activity:write"]}
    assert by_name["get /api/v1/me/statement"] == {"MemberToken": []}
    assert by_name["post /api/v1/signin/codes"] == {}


def test_a_body_allows_no_other_fields_and_null_where_nothing_is_to_be_said() -> None:
    order = document()["components"]["schemas"]["OrderInRequest"]

    assert order["additionalProperties"] is False
    assert order["required"] == ["lines", "number", "occurred_at"]
    assert order["properties"]["channel"]["type"] == ["string", "null"]


def test_a_statement_is_described_as_the_pages_that_it_is() -> None:
    answer = document()["paths"]["/api/v1/me/statement"]["get"]["responses"]["200"]["content"]["application/json"]

    assert answer["schema"] == {"$ref": "#/components/schemas/PaginatedEntryOutList"}
    page = document()["components"]["schemas"]["PaginatedEntryOutList"]
    assert sorted(page["required"]) == ["next", "previous", "results"]


def test_every_kind_of_event_is_a_webhook_with_an_example_and_in_the_reference() -> None:

    webhooks = document()["webhooks"]

    assert set(webhooks) == set(EXAMPLES)
    for name, each in webhooks.items():
        media = each["post"]["requestBody"]["content"]["application/json"]
        assert jsonschema_rs.is_valid(media["schema"], media["example"]), name


def test_swagger_is_served_from_here(client: Client) -> None:
    page = client.get("/api/docs").content.decode()

    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page


def test_the_document_is_made_once_for_each_language_whatever_is_asked(client: Client) -> None:
    made_anew.cache_clear()

    answers = [
        client.get("/api/schema", {"x": str(turn)} | said, headers={"accept-language": language})
        for turn in range(2)
        for said in ({}, {"lang": f"x{turn}"})
        for language in ("en", "fr")
    ]

    assert {each.status_code for each in answers} == {200}
    assert made_anew.cache_info().misses == 2
    assert yaml.safe_load(answers[0].content)["openapi"] == "3.1.0"
