"""Devices that show push messages: who has which, what goes to them, and what is left of those that are gone."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from customers.core.tenancy import acting_for
from customers.models import Consent, Customer, Erasure, Retailer
from customers.privacy import erase
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.sending import PROVIDERS, send
from loyalty.campaigns.models import Address, MessageChannel, PushDevice, SendingHours
from loyalty.campaigns.reaching.devices import MAX_DEVICES, DeviceFact, register
from loyalty.campaigns.transports import Accepted, Answer, Outgoing, Refused, Route
from loyalty.campaigns.transports.http import body_of
from loyalty.campaigns.transports.push_keys import is_key, new_key, public_key
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.browsers import Browser
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, message, says, shop
from tests.campaigns.test_api import told
from tests.page.test_pages import home_of, signed_in, text_of

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def key(settings: Settings) -> None:
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = new_key(), "mailto:it@shop.example"


def pushing(provider: str = "web_push", **hours: Any) -> Retailer:
    """Return a retailer that sends push messages."""
    owner = shop(**hours)
    url = "https://provider.example/push" if provider == "http" else ""
    MessageChannel.objects.create(retailer=owner, channel="push", provider=provider, url=url, secret="whsec_c2VjcmV0")
    return owner


def member_of(owner: Retailer, name: str = "ada") -> Membership:
    return ada(make.program(owner), name, agrees=("push",))


def browser(who: Membership, endpoint: str, *, at: Any = NOON) -> PushDevice:
    """Let a browser show a member's messages."""
    found = Browser(f"https://push.test/{endpoint}")
    return register(who.customer, DeviceFact("web", found.endpoint, **found.keys), now=at).device


def app(who: Membership, token: str) -> PushDevice:
    return register(who.customer, DeviceFact("app", token), now=NOON).device


def pushed(owner: Retailer, box: Box, *, now: Any = NOON) -> None:
    """Send what is due, pushes by a box."""
    while send(owner, look_again=look_again, clock=lambda: now, providers={**PROVIDERS, "web_push": box, "http": box}):
        pass


def places(taken: Outgoing) -> list[str]:
    return [each.address.removeprefix("https://push.test/") for each in taken.devices]


def test_a_message_goes_to_all_browsers_of_its_recipient_and_to_no_others() -> None:
    owner, box = pushing(), Box()
    member, other = member_of(owner), member_of(owner, "bob")
    browser(member, "1")
    browser(member, "2", at=NOON + MINUTE)
    browser(other, "3")
    step = campaign(member.program, channels=("push",))
    (key,) = due(step, member)

    pushed(owner, box, now=NOON + MINUTE)

    (taken,) = box.taken
    assert (places(taken), taken.text, taken.subject) == (["1", "2"], "Hello Ada", "Hi (en)")
    assert taken.expires_at == message(key).expires_at
    assert (message(key).state, message(key).channel, message(key).address_hash) == ("accepted", "push", "")


def test_to_apps_it_goes_by_their_tokens() -> None:
    owner, box = pushing("http"), Box()
    member = member_of(owner)
    app(member, "token-1")
    app(member, "token-2")
    due(campaign(member.program, channels=("push",)), member)

    pushed(owner, box)

    said = json.loads(body_of(Route("shop", "push"), box.taken[0]))
    assert (said["to"], said["channel"], said["text"]) == (["token-1", "token-2"], "push", "Hello Ada")


def test_who_has_no_device_of_the_kind_is_not_reached() -> None:
    owner, box = pushing("http"), Box()
    member = member_of(owner)
    app(member, "token-1")
    MessageChannel.objects.filter(channel="push").update(provider="web_push")
    (key,) = due(campaign(member.program, channels=("push",)), member)

    pushed(owner, box)

    assert (box.taken, message(key).reason) == ([], "no_channel")


def test_consent_and_quiet_hours_hold_for_push() -> None:
    owner, box = pushing(quiet=True), Box()
    SendingHours.objects.create(retailer=owner, quiet_from="21:00", quiet_to="08:00")
    agreed, refused = member_of(owner), ada(make.program(owner), "bob", agrees=("email",))
    browser(agreed, "1")
    browser(refused, "2")
    night = NOON + timedelta(hours=10)
    (waits,) = due(campaign(agreed.program, channels=("push",)), agreed, at=night)
    (dropped,) = due(campaign(refused.program, channels=("push",)), refused, at=night)

    pushed(owner, box, now=night)

    assert (box.taken, message(waits).state, message(waits).rule) == ([], "due", "quiet")
    assert message(dropped).reason == "no_consent"
    says(agreed.customer, "push", granted=False, at=night)
    pushed(owner, box, now=message(waits).due_at)
    assert (box.taken, message(waits).reason) == ([], "no_consent")


def gone(*numbers: int, answer: type[Accepted | Refused]) -> Callable[[Outgoing], Answer]:
    """Return what says that some of a message's devices are gone."""

    def say(taken: Outgoing) -> Answer:
        keys = tuple(taken.devices[number].id for number in numbers)
        return Accepted(gone=keys) if answer is Accepted else Refused("no_device", gone=keys)

    return say


def test_devices_that_are_gone_are_deleted_with_the_answer_and_no_address_is_suppressed() -> None:
    owner = pushing()
    member = member_of(owner)
    for name in ("1", "2"):
        browser(member, name)
    step = campaign(member.program, channels=("push",))
    (first,) = due(step, member)

    pushed(owner, Box(gone(0, answer=Accepted)))
    left = [each.address for each in PushDevice.objects.all()]
    (second,) = due(step, member, at=NOON + MINUTE)
    pushed(owner, Box(gone(0, answer=Refused)), now=NOON + MINUTE)
    (third,) = due(step, member, at=NOON + 2 * MINUTE)
    pushed(owner, Box(), now=NOON + 2 * MINUTE)
    browser(member, "3")
    (fourth,) = due(step, member, at=NOON + 3 * MINUTE)
    pushed(owner, Box(), now=NOON + 3 * MINUTE)

    states = [(message(each).state, message(each).reason) for each in (first, second, third, fourth)]
    assert left == ["https://push.test/2"]
    assert states == [("accepted", ""), ("failed", "no_device"), ("dropped", "no_channel"), ("accepted", "")]
    assert Address.objects.count() == 0


def test_devices_are_read_by_one_statement_and_only_where_push_is_in_use() -> None:
    counts, read = [], list[str]()

    def note(execute: Any, sql: str, *given: Any) -> Any:
        read.extend(["devices"] * ("campaigns_pushdevice" in sql))
        return execute(sql, *given)

    for owner, number in ((shop(), 1), (pushing(), 1), (pushing(), 5)):
        members = [member_of(owner, f"m{turn}") for turn in range(number)]
        for turn, member in enumerate(members):
            due(campaign(member.program, channels=("push", "email")), member)
            if MessageChannel.objects.filter(retailer=owner, channel="push").exists():
                browser(member, f"{owner.pk}-{turn}")
        read.clear()
        with connection.execute_wrapper(note):
            pushed(owner, Box())
        counts.append(len(read))

    assert counts == [0, 1, 1]


def test_a_device_is_of_who_registered_it_last_and_ten_of_a_customer_are_kept() -> None:
    owner = pushing()
    member, other = member_of(owner), member_of(owner, "bob")
    for turn in range(MAX_DEVICES + 1):
        browser(member, str(turn), at=NOON + turn * MINUTE)

    shared = browser(other, "5", at=NOON + 20 * MINUTE)

    own = PushDevice.objects.filter(customer=member.customer).order_by("created_at")
    assert [each.address.rpartition("/")[2] for each in own] == ["1", "2", "3", "4", "6", "7", "8", "9", "10"]
    assert list(PushDevice.objects.filter(customer=other.customer)) == [shared]


def test_the_devices_of_who_was_merged_show_the_messages_of_who_stays() -> None:
    owner, box = pushing(), Box()
    member, other = member_of(owner), member_of(owner, "bob")
    browser(member, "1")
    browser(other, "2", at=NOON + MINUTE)
    Customer.objects.filter(pk=other.customer_id).update(merged_into=member.customer_id)
    due(campaign(member.program, channels=("push",)), member)

    pushed(owner, box)

    assert places(box.taken[0]) == ["1", "2"]


def test_another_retailers_devices_are_invisible_and_the_same_browser_may_be_known_to_both() -> None:
    here, there = member_of(pushing()), member_of(pushing())

    with acting_for(here.retailer_id):
        browser(here, "1")
    with acting_for(there.retailer_id):
        browser(there, "1")
        seen = list(PushDevice.objects.values_list("customer", flat=True))

    assert (seen, PushDevice.objects.count()) == ([there.customer_id], 2)


def test_who_is_erased_has_no_device_left() -> None:
    member = member_of(pushing())
    browser(member, "1")

    erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=timezone.now())

    assert PushDevice.objects.count() == 0


class Caller:
    """A member's app that calls the API."""

    def __init__(self, who: Membership) -> None:
        self.headers = {"authorization": f"Bearer {make.token(who.customer)}"}

    def call(self, method: str, path: str = "", body: Any = None) -> Any:
        data = "" if body is None else json.dumps(body)
        return Client().generic(
            method, f"/api/v1/me/push-devices{path}", data, content_type="application/json", headers=self.headers
        )


def test_a_shopper_registers_a_browser_finds_it_and_takes_it_back() -> None:
    member = member_of(pushing())
    me, own = Caller(member), Browser("https://push.test/1")

    tried = told(me.call("POST", "?dry_run=true", own.subscription))
    made = told(me.call("POST", "", own.subscription), 201)
    again = told(me.call("POST", "", own.subscription))
    listed = told(me.call("GET"))
    ended = me.call("DELETE", f"/{made['id']}").status_code

    assert (tried["dry_run"], "id" in tried, made == again) == (True, False, True)
    assert listed == {"kind": "web", "application_server_key": public_key(), "devices": [made]}
    assert (ended, PushDevice.objects.count()) == (204, 0)
    assert told(me.call("DELETE", f"/{made['id']}"), 404)["code"] == "not_found"


def test_nobody_takes_anothers_device_back_nor_by_trying() -> None:
    owner = pushing()
    member = member_of(owner)
    device = browser(member, "1")

    refused = Caller(member_of(owner, "bob")).call("DELETE", f"/{device.pk}")
    tried = Caller(member).call("DELETE", f"/{device.pk}?dry_run=true")

    assert (refused.status_code, tried.json(), PushDevice.objects.count()) == (404, {"dry_run": True}, 1)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"endpoint": "http://push.test/1"}, 422, "invalid_device"),
        ({"auth": "AAAA"}, 422, "invalid_device"),
        ({"p256dh": "B" * 87}, 422, "invalid_device"),
        ({"kind": "app"}, 400, "invalid"),
        ({"other": 1}, 400, "unknown_field"),
        ({"kind": "fax"}, 400, "invalid_choice"),
    ],
)
def test_what_is_no_device_is_refused_and_kept_nowhere(change: dict[str, Any], status: int, code: str) -> None:
    me = Caller(member_of(pushing()))

    said = told(me.call("POST", "", Browser("https://push.test/1").subscription | change), status)

    assert (said.get("code") or said["errors"][0]["code"], PushDevice.objects.count()) == (code, 0)


def test_where_nothing_is_sent_to_a_kind_none_is_taken() -> None:
    me = Caller(member_of(pushing("http")))

    refused = told(me.call("POST", "", Browser("https://push.test/1").subscription), 422)
    taken = me.call("POST", "", {"kind": "app", "endpoint": "t-1"})

    assert refused["code"] == "push_not_in_use"
    assert (taken.status_code, told(me.call("GET"))["application_server_key"]) == (201, None)


def test_a_member_is_notified_on_this_browser_and_stops_it() -> None:
    member = member_of(pushing())
    says(member.customer, "push", granted=False, at=NOON)
    page, own = signed_in(member), Browser("https://push.test/1")
    address = f"{home_of(member)}messages"

    before = page.get(address)
    began = page.post(f"{address}/device", own.subscription, follow=True)
    agreed = Consent.objects.filter(customer=member.customer, purpose="push").latest("occurred_at")
    with_it = page.get(address).content.decode()
    says(member.customer, "push", granted=False, at=timezone.now())
    withdrawn = page.get(address).content.decode()
    page.post(f"/my/{member.retailer.slug}/sign-out")
    kept = PushDevice.objects.count()
    ended = signed_in(member).post(f"{address}/device/stop", {"endpoint": own.endpoint}, follow=True)

    assert f'data-key="{public_key()}"' in before.content.decode()
    assert "worker-src 'self'" in before.headers["Content-Security-Policy"]
    assert "You get messages on this device." in text_of(began)
    assert (agreed.granted, agreed.source, kept) == (True, "page", 1)
    assert (own.endpoint in with_it, own.endpoint in withdrawn) == (True, False)
    assert "You get no more messages on this device." in text_of(ended)
    assert PushDevice.objects.count() == 0


def test_the_page_says_nothing_of_push_where_browsers_get_none(settings: Settings) -> None:
    member = member_of(pushing("http"))
    page = signed_in(member)

    of_apps = page.get(f"{home_of(member)}messages").content.decode()
    MessageChannel.objects.filter(channel="push").update(provider="web_push")
    settings.VAPID_PRIVATE_KEY = ""
    without_key = page.get(f"{home_of(member)}messages").content.decode()

    assert ("push.js" in of_apps, "push.js" in without_key) == (False, False)


def test_what_is_no_subscription_is_told_and_the_worker_is_a_script_of_the_shops() -> None:
    member = member_of(pushing())
    page = signed_in(member)

    wrong = page.post(f"{home_of(member)}messages/device", {"endpoint": "x"}, follow=True)
    worker = page.get(f"/my/{member.retailer.slug}/worker.js")

    assert "Your browser did not say how to reach it." in text_of(wrong)
    assert (worker.status_code, worker.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "showNotification" in worker.content.decode()


def renews(owner: Retailer, old: Browser, new: Browser, **changed: str) -> int:
    """Let a browser say that its subscription was replaced, as its worker does; return the status."""
    said = {"old_endpoint": old.endpoint, "old_auth": old.keys["auth"], "endpoint": new.endpoint, **new.keys, **changed}
    return Client(enforce_csrf_checks=True).post(f"/my/{owner.slug}/renewed-device", said).status_code


def shown_on() -> list[tuple[str, str, str]]:
    rows = PushDevice.objects.order_by("address").values_list("customer__external_id", "address", "auth")
    return [(name, address.removeprefix("https://push.test/"), auth) for name, address, auth in rows]


def two_browsers(who: Membership) -> tuple[Browser, Browser]:
    """Return a registered browser as it was, and as it is since its subscription was replaced."""
    old, new = Browser("https://push.test/old"), Browser("https://push.test/renewed")
    register(who.customer, DeviceFact("web", old.endpoint, **old.keys), now=NOON)
    return old, new


def test_a_browser_whose_subscription_was_replaced_goes_on_whoever_is_signed_in() -> None:
    member = member_of(pushing())
    old, new = two_browsers(member)
    device = PushDevice.objects.get()

    assert [renews(member.retailer, old, new) for _ in range(2)] == [204, 204]

    found = PushDevice.objects.get()
    assert (found.pk, found.created_at, found.customer) == (device.pk, NOON, member.customer)
    assert (found.address, found.p256dh, found.auth) == (new.endpoint, *new.keys.values())


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"old_auth": "A" * 22}, 404),
        ({"old_auth": ""}, 404),
        ({"old_auth": "é"}, 404),
        ({"old_endpoint": "https://push.test/another"}, 404),
        ({"old_endpoint": ""}, 404),
        ({"old_endpoint": "\x00"}, 404),
        ({"endpoint": "http://inside.test/"}, 400),
        ({"p256dh": "x"}, 400),
        ({"auth": ""}, 400),
    ],
)
def test_who_cannot_prove_which_it_was_and_what_is_no_subscription_change_nothing(
    changed: dict[str, str], status: int
) -> None:
    member = member_of(pushing())
    old, new = two_browsers(member)

    assert renews(member.retailer, old, new, **changed) == status

    assert shown_on() == [("ada", "old", old.keys["auth"])]


def test_a_renewed_browser_that_another_member_has_by_now_is_that_ones() -> None:
    owner = pushing()
    member, other = member_of(owner), member_of(owner, "bob")
    old, new = two_browsers(member)
    register(other.customer, DeviceFact("web", new.endpoint, **new.keys), now=NOON)

    assert renews(owner, old, new) == 204

    assert shown_on() == [("bob", "renewed", new.keys["auth"])]


def test_a_browser_of_another_shop_or_of_who_was_erased_is_not_known() -> None:
    owner = pushing()
    member = member_of(owner)
    old, new = two_browsers(member)

    assert renews(pushing(), old, new) == 404
    erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=timezone.now())
    assert renews(owner, old, new) == 404
    assert Client().get(f"/my/{owner.slug}/renewed-device").status_code == 405
    assert shown_on() == []


def test_the_command_makes_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("push_key")

    name, _, value = capsys.readouterr().out.strip().partition("=")
    assert (name, is_key(value)) == ("VAPID_PRIVATE_KEY", True)
