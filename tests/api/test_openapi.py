"""The API describes itself, from here alone."""

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator


def test_the_openapi_document_has_no_warnings_and_names_the_errors(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")

    schema = yaml.safe_load(capsys.readouterr().out)
    orders = schema["paths"]["/api/v1/orders"]["post"]
    assert schema["openapi"] == "3.1.0"
    refused = {"400", "401", "403", "404", "409", "411", "413", "422", "429", "503"}
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


def test_swagger_is_served_from_here(client: Client) -> None:
    page = client.get("/api/docs").content.decode()

    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page
