"""What is not understood is refused, everywhere, before anything is done; and what looks the same is the same."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from customers.api.asking import AskedView
from customers.models import Customer, Order
from tests import make
from tests.api.test_asking import IN_PLACE, send
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db

DECOMPOSED, COMPOSED = "Zoe\u0301", "Zo\u00e9"


@pytest.fixture
def key() -> str:
    return make.key(make.member(make.program(), "ada").program.retailer)


def operations(*methods: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the operations of the API with some methods: method, address, and what its document says of it."""
    paths = SchemaGenerator().get_schema(public=True)["paths"]  # type: ignore[no-untyped-call]
    found = []
    for path, each in paths.items():
        for method in each.keys() & set(methods):
            named = [one["name"] for one in each[method].get("parameters", []) if one["in"] == "path"]
            places = {name: IN_PLACE.get(name, 1) for name in named}
            found.append((method, path.format(**places), each[method]))
    return found


def views(patterns: list[URLPattern | URLResolver]) -> list[Any]:
    return [
        view
        for one in patterns
        for view in (
            views(one.url_patterns) if isinstance(one, URLResolver) else [getattr(one.callback, "view_class", None)]
        )
        if view is not None
    ]


def test_a_value_that_is_none_of_those_that_there_are_is_told_which_there_are(client: Client, key: str) -> None:
    said = {
        "number": "c-1",
        "customer": "ada",
        "kind": "support",
        "occurred_at": "2026-06-15T12:00:00Z",
        "outcome": "done",
    }

    answer = call(client, key, "interactions", said)

    assert answer.json()["errors"] == [
        {"pointer": "/outcome", "code": "invalid_choice", "detail": "“done” is none of open, solved, unsolved."}
    ]


def test_every_view_of_the_api_is_as_strict() -> None:
    api = [each for each in get_resolver().url_patterns if str(each.pattern) == "api/v1/"]

    loose = [view.__name__ for resolver in api for view in views([resolver]) if not issubclass(view, AskedView)]

    assert len(api) > 5
    assert loose == []


def test_every_read_refuses_a_parameter_that_it_does_not_know(client: Client, key: str) -> None:
    for method, path, operation in operations("get"):
        answer = send(client, key, method, f"{path}?lmit=2")

        said = answer.json()
        assert (answer.status_code, said["code"]) == (400, "unknown_parameter"), path
        assert said["errors"][0]["pointer"] == "/lmit"
        names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        assert all(name in said["detail"] for name in names), path


def test_every_read_refuses_a_filter_that_is_empty(client: Client, key: str) -> None:
    asked = [
        f"{path}?{one['name']}="
        for _method, path, operation in operations("get")
        for one in operation.get("parameters", [])
        if one["in"] == "query" and one["name"] != "cursor"  # an empty one is the first page's
    ]

    taken = [
        address for address in asked for blank in ("", "%20")
        if send(client, key, "get", f"{address}{blank}").status_code != 400
    ]  # fmt: skip

    assert (len(asked) > 100, taken) == (True, [])


@pytest.mark.parametrize("name", ["customer", "email", "phone", "card"])
def test_a_till_that_lost_what_it_looks_for_is_not_shown_somebody_else(client: Client, key: str, name: str) -> None:
    answer = call(client, key, f"members?{name}=")

    said = answer.json()
    assert (answer.status_code, said["code"], said["errors"][0]["pointer"]) == (400, "blank", f"/{name}")
    assert said["detail"] == f"{name} is empty. Say what it is to be, or leave it out."


def test_of_many_unknown_fields_the_first_are_named_and_the_others_counted(client: Client, key: str) -> None:
    answer = call(client, key, "orders", {**ORDER, **{f"f{place:05}": 1 for place in range(20_000)}})

    errors = answer.json()["errors"]
    assert (answer.status_code, [one["pointer"] for one in errors]) == (
        400, [*(f"/f{place:05}" for place in range(10)), ""],
    )  # fmt: skip
    assert (errors[-1]["code"], errors[-1]["detail"]) == ("unknown_field", "19990 more names are not known.")


def test_every_write_refuses_a_field_that_it_does_not_know(client: Client, key: str) -> None:
    taken = []
    # Of whom nobody can say what they tell; and what is asked for what is wrong with a document, and tells it.
    strangers = ("/payments/", "/campaign-documents/", "/offer-documents/")

    for method, path, _operation in operations("post", "put", "patch", "delete"):
        if any(each in path for each in strangers) or ("/versions/1" in path and method == "put"):
            continue
        said = send(client, key, method, path, {"custmer": "bea"}).json()
        if ("/custmer", "unknown_field") not in {(one["pointer"], one["code"]) for one in said.get("errors", [])}:
            taken.append((method, path, said["detail"]))

    assert taken == []


def test_a_misspelt_field_is_named_with_the_likely_one(client: Client, key: str) -> None:
    wrong = {name: value for name, value in ORDER.items() if name != "customer"} | {"custmer": "bea"}
    line = ORDER | {"lines": [{"sku": "a", "quantity": "1", "unit_prise": "5", "unit_price": "5"}]}

    answers = [call(client, key, "orders", body).json() for body in (wrong, line)]
    batch = call(client, key, "orders/batch", {"orders": [wrong]}).json()["results"][0]

    assert [(each["code"], each["errors"][0]["pointer"]) for each in answers] == [
        ("unknown_field", "/custmer"),
        ("unknown_field", "/lines/0/unit_prise"),
    ]
    assert answers[0]["detail"].endswith("Did you mean customer?")
    assert (batch["status"], batch["error"]["errors"][0]["pointer"]) == ("failed", "/custmer")
    assert not Order.objects.exists()


def test_each_of_several_problems_has_its_place(client: Client, key: str) -> None:
    body = {
        "custmer": "bea",
        "number": "",
        "occurred_at": "soon",
        "lines": [{"sku": "a"}, {"quantity": "x", "sku": "b"}],
    }

    said = call(client, key, "orders", body).json()

    assert {error["pointer"] for error in said["errors"]} == {
        "/custmer", "/number", "/occurred_at", "/lines/0/quantity", "/lines/1/quantity",
    }  # fmt: skip


def test_optional_fields_may_be_null(client: Client, key: str) -> None:
    person = {"external_id": "bea", "email": None, "phone": None, "birth_date": None, "acquisition_cost": None}
    order = ORDER | dict.fromkeys(("customer", "currency", "channel", "redemptions", "is_gift", "paid_with_points"))

    answers = [call(client, key, "customers", person), call(client, key, "orders", order)]

    assert [answer.status_code for answer in answers] == [201, 201]


@pytest.mark.parametrize(
    ("query", "code"),
    [("clock=occured", "invalid_choice"), ("clock=recorded&clock=occurred", "said_twice"), ("page_size=many", "invalid"),
     ("page_size=0", "invalid"), ("page_size=201", "invalid"), ("as_of=yesterday", "invalid")],
)  # fmt: skip
def test_a_value_that_means_nothing_is_refused(client: Client, key: str, query: str, code: str) -> None:
    number = Customer.objects.get(external_id="ada").memberships.get().number

    answer = call(client, key, f"members/{number}/statement?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "path", ["analytics/uplift?program=%00", "members?email=a%00b", "analytics/values?segment=%00"]
)
def test_a_parameter_that_the_database_cannot_hold_is_refused(client: Client, key: str, path: str) -> None:
    answer = call(client, key, path)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_one_character_written_in_two_ways_is_one_customer(client: Client, key: str) -> None:
    known = [call(client, key, "customers", {"external_id": each}).status_code for each in (DECOMPOSED, COMPOSED)]
    read = [call(client, key, f"customers/{quote(each)}").json()["external_id"] for each in (DECOMPOSED, COMPOSED)]

    assert (known, read) == ([201, 200], [COMPOSED, COMPOSED])


@pytest.mark.parametrize("name", ["ACME/42", "a/consents/b", "2026/0001", "x y?z#%", "ü/é"])
def test_a_number_may_hold_anything_and_is_read_back(client: Client, key: str, name: str) -> None:
    call(client, key, "customers", {"external_id": name})
    call(client, key, "orders", ORDER | {"number": name, "customer": name})
    call(
        client,
        key,
        f"customers/{quote(name, safe='')}/consents",
        {"purpose": "email", "granted": True, "source": "till"},
    )

    customer = call(client, key, f"customers/{quote(name, safe='')}").json()
    order = call(client, key, f"orders/{quote(name, safe='')}").json()
    consents = call(client, key, f"customers/{quote(name, safe='')}/consents").json()

    assert (customer["external_id"], order["number"], order["customer"]) == (name, name, name)
    assert [each["purpose"] for each in consents] == ["email"]


def test_a_body_that_says_a_field_twice_could_mean_either(client: Client, key: str) -> None:
    body = '{"external_id": "ada", "external_id": "bob"}'

    answer = client.post(
        "/api/v1/customers", body, content_type="application/json", headers={"authorization": f"Api-Key {key}"}
    )

    assert (answer.status_code, answer.json()["detail"]) == (400, "The body says external_id twice.")


def test_nothing_is_to_be_said_where_nothing_is_read(client: Client, key: str) -> None:
    number = Customer.objects.get(external_id="ada").memberships.get().number

    answers = [send(client, key, "post", f"/api/v1/members/{number}/leave", body) for body in ({"reason": "x"}, ["x"])]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(400, "unknown_field")] * 2
    assert Customer.objects.get(external_id="ada").memberships.get().left_at is None
