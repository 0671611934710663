"""Webhooks by API: added, read, changed, removed, given another secret, tried out; what was delivered, and sent again."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from customers.models import Retailer
from loyalty.outbox.endpoints import MAX_ENDPOINTS, add_endpoint, forget_removed
from loyalty.outbox.models import Delivery, Endpoint, Event
from loyalty.outbox.relay import deliver, dispatch
from tests import make
from tests.outbox.servers import OK, Server, saying, serving
from tests.outbox.test_endpoints import told

pytestmark = pytest.mark.django_db
HOOK = "https://shop.example/hooks"
NOBODY = "019a0000-0000-7000-8000-000000000000"


class System:
    """A retailer's system with a key."""

    def __init__(self, shop: Retailer, *scopes: str) -> None:
        self.client, self.key = Client(), make.key(shop, *scopes)

    def ask(self, method: str, path: str = "", body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method, f"/api/v1/webhooks{path}", "" if body is None else json.dumps(body),
            content_type="application/json", headers={"authorization": f"Api-Key {self.key}", **headers},
        )  # fmt: skip


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


@pytest.fixture
def system(shop: Retailer) -> System:
    return System(shop, "webhooks:read", "webhooks:write")


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[[bytes], Server]]:
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    settings.WEBHOOK_SECONDS = 0.5
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(saying(answer)))


def test_a_webhook_is_added_with_a_secret_that_is_told_once(system: System) -> None:
    made = system.ask("POST", "", {"url": HOOK, "events": ["points.earned", "points.earned"]})

    said = made.json()
    row = Endpoint.objects.get()
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    assert (said["id"], said["secret"], said["url"]) == (str(row.key), row.secret, HOOK)
    assert (said["events"], said["state"], said["is_active"]) == (["points.earned"], "ok", True)
    read = system.ask("GET", f"/{said['id']}").json()
    (listed,) = system.ask("GET").json()["results"]
    assert read == listed == {name: value for name, value in said.items() if name != "secret"}


def test_the_same_key_makes_one_webhook_and_tells_its_secret_no_more(system: System) -> None:
    first, again = (system.ask("POST", "", {"url": HOOK}, idempotency_key="k1") for _ in range(2))

    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert (again.json()["id"], again.json()["secret"]) == (first.json()["id"], None)
    assert Endpoint.objects.count() == 1


def test_a_second_one_of_the_same_address_is_a_conflict_that_names_the_first(system: System) -> None:
    first = system.ask("POST", "", {"url": HOOK}).json()

    again = system.ask("POST", "", {"url": HOOK, "events": ["tier.changed"]})

    assert (again.status_code, again.json()["code"]) == (409, "same_address")
    assert first["id"] in again.json()["detail"]
    assert Endpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (HOOK, "https://SHOP.example/hooks"),
        (HOOK, "HTTPS://shop.example:443/hooks"),
        (HOOK, "https://shop.example./hooks#orders"),
        ("http://shop.example", "http://shop.example:80/"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(system: System, first: str, second: str) -> None:
    made = system.ask("POST", "", {"url": first}).json()
    other = system.ask("POST", "", {"url": f"{HOOK}/2"}).json()

    answers = [system.ask("POST", "", {"url": second}), system.ask("PATCH", f"/{other['id']}", {"url": second})]
    own = system.ask("PATCH", f"/{made['id']}", {"url": second})

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "same_address")] * 2
    assert (own.status_code, own.json()["url"]) == (200, second)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "https://shop.example:8443/hooks",
        f"{HOOK}?of=2",
        f"{HOOK}/",
        "https://shop.example/Hooks",
    ],
)
def test_another_address_is_another_one(system: System, url: str) -> None:
    system.ask("POST", "", {"url": HOOK})

    assert system.ask("POST", "", {"url": url}).status_code == 201


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/", "shop.example", "https://", "javascript:alert(1)", "http://localhost/x", "http://127.0.0.1/x",
        "http://[::1]/x", "http://10.0.0.7/x", "http://169.254.169.254/latest", "http://[::ffff:10.0.0.7]/x",
        "http://a.localhost/", "https://ada:secret@shop.example/", "https://shop.example/" + "x" * 200, "http://[::1",
        "https://shop.example:99999/",
    ],
)  # fmt: skip
def test_an_address_to_which_nothing_can_be_posted_is_refused_with_its_place(
    system: System, settings: Settings, url: str
) -> None:
    settings.WEBHOOKS_MAY_GO_INSIDE = False
    made = system.ask("POST", "", {"url": HOOK}).json()

    answers = [system.ask("POST", "", {"url": url}), system.ask("PATCH", f"/{made['id']}", {"url": url})]

    for answer in answers:
        assert answer.status_code in {400, 422}, answer.json()
        assert [each["pointer"] for each in answer.json()["errors"]] == ["/url"]
    assert list(Endpoint.objects.values_list("url", flat=True)) == [HOOK]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"url": HOOK, "events": ["points.earnt"]}, "/events/0", "invalid_choice"),
        ({"url": HOOK, "event": ["points.earned"]}, "/event", "unknown_field"),
        ({"url": HOOK, "is_active": "perhaps"}, "/is_active", "invalid"),
        ({"events": []}, "/url", "required"),
    ],
)
def test_what_is_not_understood_is_refused(system: System, body: Any, pointer: str, code: str) -> None:
    answer = system.ask("POST", "", body)

    assert answer.status_code == 400
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, code)]
    assert not Endpoint.objects.exists()


def test_there_is_a_most_of_webhooks(system: System, shop: Retailer) -> None:
    for place in range(MAX_ENDPOINTS):
        add_endpoint(shop, f"{HOOK}/{place}")

    answer = system.ask("POST", "", {"url": HOOK})

    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_webhooks")


def test_a_dry_run_of_each_write_says_what_would_be_and_changes_nothing(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK)
    before = Endpoint.objects.values().get()
    one = f"/{row.key}"

    asked = [
        ("POST", "", {"url": f"{HOOK}/2"}), ("PATCH", one, {"is_active": False}), ("DELETE", one, None),
        ("POST", f"{one}/rotate", {}), ("POST", f"{one}/test", None),
    ]  # fmt: skip
    answers = [system.ask(method, f"{path}?dry_run=true", body) for method, path, body in asked]

    assert [(each.status_code, each.json()["dry_run"]) for each in answers] == [(200, True)] * 5
    assert (
        not any({"secret", "id"} & each.json().keys() for each in (answers[0], answers[3])) or "id" in answers[3].json()
    )
    assert "secret" not in answers[3].json()
    assert Endpoint.objects.values().get() == before
    assert not Delivery.objects.exists()


def test_a_webhook_is_changed_and_what_was_mended_is_tried_at_once(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK)
    long_ago = timezone.now() - timedelta(days=6)
    Endpoint.objects.update(
        is_active=False, stopped_at=long_ago, failing_since=long_ago, failures=9, next_turn_at=long_ago
    )

    changed = system.ask("PATCH", f"/{row.key}", {"url": f"{HOOK}/new", "events": ["tier.changed"], "is_active": True})

    said = changed.json()
    assert (said["url"], said["events"], said["state"], said["failures"]) == (f"{HOOK}/new", ["tier.changed"], "ok", 0)
    assert (said["stopped_at"], said["failing_since"], said["next_turn_at"]) == (None, None, None)
    row.refresh_from_db()
    assert (row.url, row.events, row.is_active) == (f"{HOOK}/new", ["tier.changed"], True)


def test_what_is_left_out_of_a_change_stays(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK, ["tier.changed"])

    system.ask("PATCH", f"/{row.key}", {"is_active": False})
    off = system.ask("GET", f"/{row.key}").json()

    assert (off["url"], off["events"], off["state"]) == (HOOK, ["tier.changed"], "off")


def test_no_address_is_changed_to_that_of_another(system: System, shop: Retailer) -> None:
    add_endpoint(shop, HOOK)
    row = add_endpoint(shop, f"{HOOK}/2")

    answer = system.ask("PATCH", f"/{row.key}", {"url": HOOK})

    assert (answer.status_code, answer.json()["code"]) == (409, "same_address")


def test_a_removed_webhook_is_told_nothing_and_forgotten(
    system: System, shop: Retailer, serve: Callable[[bytes], Server]
) -> None:
    server = serve(OK)
    row = add_endpoint(shop, server.url)
    make.member(make.program(shop))
    dispatch(now=timezone.now())

    removed = system.ask("DELETE", f"/{row.key}")
    deliver(row.pk)

    assert (removed.status_code, removed.content, server.requests) == (204, b"", [])
    assert [system.ask("GET", f"/{row.key}").status_code, system.ask("DELETE", f"/{row.key}").status_code] == [404, 404]
    assert system.ask("GET").json()["results"] == []
    assert system.ask("POST", "", {"url": server.url}).status_code == 201  # its address is free again
    assert Endpoint.objects.get(pk=row.pk).secret == ""
    assert forget_removed() == 2
    assert not Endpoint.objects.filter(pk=row.pk).exists()
    assert not Delivery.objects.exists()


def test_a_removed_webhook_keeps_no_events(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK)
    system.ask("DELETE", f"/{row.key}")
    make.member(make.program(shop))

    dispatch(now=timezone.now())

    assert not Event.objects.exists()


@pytest.mark.parametrize(("said", "hours"), [({}, 24), ({"overlap_hours": 2}, 2), ({"overlap_hours": 720}, 720)])
def test_a_secret_is_rotated_with_an_overlap(system: System, shop: Retailer, said: Any, hours: int) -> None:
    row = add_endpoint(shop, HOOK)
    before = timezone.now()

    answer = system.ask("POST", f"/{row.key}/rotate", said)

    found = Endpoint.objects.get()
    assert (answer.status_code, answer.json()["secret"], found.old_secret) == (200, found.secret, row.secret)
    assert found.secret != row.secret
    assert found.old_secret_until is not None
    assert timedelta() <= found.old_secret_until - before - timedelta(hours=hours) < timedelta(minutes=1)


def test_a_secret_that_strangers_know_signs_no_more(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK)

    said = system.ask("POST", f"/{row.key}/rotate", {"overlap_hours": 0}).json()

    found = Endpoint.objects.get()
    assert (found.old_secret, found.old_secret_until, said["old_secret_until"]) == ("", None, None)


def test_a_lost_answer_to_a_rotation_rotates_nothing_twice(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK)

    first, again = (system.ask("POST", f"/{row.key}/rotate", {}, idempotency_key="r1") for _ in range(2))

    assert (first.json()["secret"], again.json()["secret"]) == (Endpoint.objects.get().secret, None)


def test_a_test_event_is_sent_and_its_answer_read(
    system: System, shop: Retailer, serve: Callable[[bytes], Server]
) -> None:
    server = serve(b"HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nbroken")
    row = add_endpoint(shop, server.url, ["tier.changed"])

    queued = system.ask("POST", f"/{row.key}/test")
    deliver(row.pk)

    assert (queued.status_code, queued.json()["state"], queued.json()["type"]) == (202, "waiting", "webhook.test")
    found = system.ask("GET", f"/{row.key}/deliveries/{queued.json()['event']}").json()
    assert {name: found[name] for name in ("state", "status", "answer", "error_code", "error", "attempts", "member")} == {
        "state": "failing", "status": 500, "answer": "broken", "error_code": "status", "error": "answered 500", "attempts": 1,
        "member": None,
    }  # fmt: skip
    assert found["body"]["type"] == "webhook.test"
    assert system.ask("GET", f"/{row.key}").json()["state"] == "failing"


def test_who_is_switched_off_is_not_tried_out(system: System, shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK, is_active=False)

    answer = system.ask("POST", f"/{row.key}/test")

    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_is_off")
    assert not Event.objects.exists()


@pytest.fixture
def three(shop: Retailer, serve: Callable[[bytes], Server]) -> tuple[Endpoint, Server]:
    """Give a webhook that was told of three members: of one it took the event, one is given up, one waits."""
    server = serve(OK)
    row = add_endpoint(shop, server.url)
    club = make.program(shop)
    for name in ("ada", "bob", "charlie"):
        make.member(club, name)
    dispatch(now=timezone.now())
    first, second, _third = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(delivered_at=timezone.now(), due_at=None, status=200, attempts=1)
    Delivery.objects.filter(pk=second.pk).update(is_dead=True, due_at=None, attempts=10, last_error="timed_out")
    return row, server


def test_deliveries_are_listed_by_what_became_of_them(system: System, three: tuple[Endpoint, Server]) -> None:
    one = f"/{three[0].key}/deliveries"

    by_state = {
        state: [each["member"] for each in system.ask("GET", f"{one}?state={state}").json()["results"]]
        for state in ("delivered", "given_up", "waiting", "failing")
    }

    numbers = [delivery.event.payload["member"] for delivery in Delivery.objects.order_by("pk")]
    assert by_state == {"delivered": numbers[:1], "given_up": numbers[1:2], "waiting": numbers[2:], "failing": []}
    assert [each["member"] for each in system.ask("GET", one).json()["results"]] == numbers[::-1]
    assert system.ask("GET", f"{one}?type=tier.changed").json()["results"] == []
    assert (
        len(system.ask("GET", f"{one}?type=membership.enrolled&queued_from=2026-01-01T00:00:00Z").json()["results"])
        == 3
    )
    assert system.ask("GET", f"{one}?queued_until=2026-01-01T00:00:00Z").json()["results"] == []
    assert system.ask("GET", f"{one}?state=lost").status_code == 400


def test_the_list_of_deliveries_takes_the_same_statements_however_long_it_is(
    system: System, shop: Retailer, three: tuple[Endpoint, Server], settings: Settings, django_assert_num_queries: Any
) -> None:
    settings.API_KEY_REMEMBERED_SECONDS = 10**9  # however slow the machine is
    address = f"/{three[0].key}/deliveries"
    system.ask("GET", address)
    with django_assert_num_queries(2):  # the webhook, the rows; the key is known
        system.ask("GET", address)
    for _ in range(27):
        make.member(make.program(shop))
    dispatch(now=timezone.now())
    with django_assert_num_queries(2):
        assert len(system.ask("GET", address).json()["results"]) == 30


def test_what_is_over_is_sent_again_and_what_is_not_is_a_conflict(
    system: System, three: tuple[Endpoint, Server]
) -> None:
    row, server = three
    taken, given_up, waits = Delivery.objects.order_by("pk")

    answers = [system.ask("POST", f"/{row.key}/deliveries/{each.event_id}/resend") for each in (taken, given_up, waits)]
    deliver(row.pk)

    assert [each.status_code for each in answers] == [202, 202, 409]
    assert [each.json()["state"] for each in answers[:2]] == ["waiting", "waiting"]
    assert answers[2].json()["code"] == "on_its_way"
    assert len(told(server)) == 3
    assert {each.state for each in Delivery.objects.all()} == {Delivery.State.DELIVERED}


def test_all_that_was_given_up_in_a_time_is_sent_again(system: System, three: tuple[Endpoint, Server]) -> None:
    row, _server = three
    long_ago = timezone.now() - timedelta(days=9)
    Delivery.objects.filter(is_dead=True).update(queued_at=long_ago)

    late = system.ask("POST", f"/{row.key}/resend", {"queued_from": (long_ago + timedelta(hours=1)).isoformat()})
    dry = system.ask("POST", f"/{row.key}/resend?dry_run=true", {"queued_from": long_ago.isoformat()})
    done = system.ask("POST", f"/{row.key}/resend", {"queued_from": long_ago.isoformat()})

    assert [each.json() for each in (late, dry, done)] == [
        {"resent": 0, "left": 0}, {"resent": 1, "left": 0, "dry_run": True}, {"resent": 1, "left": 0},
    ]  # fmt: skip
    assert not Delivery.objects.filter(is_dead=True).exists()


def test_nothing_is_sent_again_to_who_is_switched_off(system: System, three: tuple[Endpoint, Server]) -> None:
    row, _server = three
    system.ask("PATCH", f"/{row.key}", {"is_active": False})
    over = Delivery.objects.filter(is_dead=True).get()

    answers = [
        system.ask("POST", f"/{row.key}/deliveries/{over.event_id}/resend"),
        system.ask("POST", f"/{row.key}/resend", {"queued_from": "2026-01-01T00:00:00Z"}),
    ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(422, "webhook_is_off")] * 2
    assert Delivery.objects.filter(is_dead=True).count() == 1


def test_another_retailers_webhook_is_not_there(system: System, three: tuple[Endpoint, Server]) -> None:
    row, _server = three
    event = Delivery.objects.earliest("pk").event_id
    stranger = System(make.retailer())
    one = f"/{row.key}"
    asked = [
        ("GET", one, None), ("PATCH", one, {"is_active": False}), ("DELETE", one, None), ("POST", f"{one}/rotate", {}),
        ("POST", f"{one}/test", None), ("POST", f"{one}/resend", {"queued_from": "2026-01-01T00:00:00Z"}),
        ("GET", f"{one}/deliveries", None), ("GET", f"{one}/deliveries/{event}", None),
        ("POST", f"{one}/deliveries/{event}/resend", None),
    ]  # fmt: skip
    before = Endpoint.objects.values().get()

    answers = [stranger.ask(*each) for each in asked]

    assert [each.status_code for each in answers] == [404] * len(asked)
    assert str(row.key) in answers[0].json()["detail"]
    assert stranger.ask("GET").json()["results"] == []
    assert Endpoint.objects.values().get() == before
    assert system.ask("GET", f"{one}/deliveries/{NOBODY}").status_code == 404


def test_a_key_that_may_read_changes_nothing(shop: Retailer) -> None:
    row = add_endpoint(shop, HOOK)
    reader = System(shop, "webhooks:read", "activity:write")

    answer = reader.ask("PATCH", f"/{row.key}", {"is_active": False})

    assert answer.status_code == 403
    assert "webhooks:write" in answer.json()["detail"]
    assert reader.ask("GET", f"/{row.key}").status_code == 200


def test_what_was_changed_in_between_is_said_in_the_callers_language(system: System) -> None:
    answer = system.ask("POST", "", {"url": "ftp://shop.example"}, accept_language="fr")

    assert "https://shop.example/hooks" in answer.json()["detail"]
