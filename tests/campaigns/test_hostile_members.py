"""What one member sends, one retailer has to say, or who goes meanwhile, stops nobody else's messages and brings nothing back."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings
from rest_framework import serializers

from customers.api.fields import HourField, InstantField
from customers.api.strict import Strict
from customers.core.calendar import zone_of
from customers.core.ids import new_id
from customers.models import Consent, Erasure
from customers.privacy import erase
from loyalty.activity.account.merging import take_merge
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.claiming import BATCH
from loyalty.campaigns.messages.sending import PROVIDERS, send, take_turn
from loyalty.campaigns.messages.turns import TURNS, Turns
from loyalty.campaigns.models import Address, Message, Outcome, PushDevice, Recipient
from loyalty.campaigns.reaching.devices import DeviceFact, InvalidDevice, register
from loyalty.campaigns.reaching.preferences import CHOSEN, InvalidPreference, PersonErased, choose
from loyalty.campaigns.setting_aside import RETRIED_AFTER
from loyalty.campaigns.transports import Accepted, Answer, Device, NoAnswer, NotNow, Outgoing, Refused, Route
from loyalty.campaigns.transports.http import HttpTransport
from loyalty.campaigns.transports.port import IsOver
from loyalty.campaigns.transports.push_keys import new_key
from loyalty.campaigns.transports.web_push import WebPushTransport
from loyalty.memberships.models import Membership
from loyalty.outbox.posting import NotTaken, Terms, origin_of
from tests import make
from tests.campaigns.browsers import Browser
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, message, send_all, shop
from tests.campaigns.test_api import told
from tests.campaigns.test_push_devices import browser, member_of, pushed, pushing
from tests.campaigns.test_web_push import MESSAGE, ROUTE, service
from tests.outbox.servers import PEM, serving
from tests.page.test_pages import home_of, signed_in

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def key(settings: Settings) -> None:
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = new_key(), "mailto:it@shop.example"


NO_SERVICES = [
    "https://[", "https://[::1", "https://", "https:///x", "https://x:99999/", "https://x:abc/", "https://ho st/", "https://]/",
    "https://user:word@push.test/", "https://push.test/1#2", "https://%00/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
    "https://x@[::1", "https://@/", "https://*/", "https://a\\b/", "https://.x/", "http://push.test/1", "ftp://push.test/",
    "javascript:alert(1)", "//push.test/1", "https://" + "[" * 500,
]  # fmt: skip


@pytest.mark.parametrize("address", NO_SERVICES)
def test_what_leads_to_no_push_service_is_no_device(address: str) -> None:
    member = member_of(pushing())

    with pytest.raises(InvalidDevice):
        register(member.customer, DeviceFact("web", address, **Browser(address).keys), now=NOON)

    assert PushDevice.objects.count() == 0


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://fcm.googleapis.com/fcm/send/a:b", "https://fcm.googleapis.com"),
        ("https://Updates.Push.Services.Mozilla.com/wpush/v2/x", "https://updates.push.services.mozilla.com"),
        ("https://push.test:443/1", "https://push.test"),
        ("https://push.test:8443/1?x=[", "https://push.test:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_a_service_is_named_by_its_origin(address: str, origin: str) -> None:
    assert origin_of(address) == origin


@pytest.mark.parametrize("address", ["https://[", "https://x@push.test/", "push.test", "", "https://[::1]/"])
def test_what_names_no_host_has_no_origin(address: str) -> None:
    with pytest.raises(NotTaken):
        origin_of(address)


def test_a_device_that_cannot_be_posted_to_takes_no_message_from_others() -> None:
    with serving(service(201, 201), secure=True) as server:
        terms = Terms(
            5, may_go_inside=True, resolve=lambda _host, _port: ["127.0.0.1"],
            trust=ssl.create_default_context(cafile=str(PEM)),
        )  # fmt: skip
        well = Browser(f"https://hooks.test:{server.port}/0")
        devices = [Device(new_id(), each, **well.keys) for each in ("https://[", "https://x:abc/", "https://[::1]/")]
        sound = Device(new_id(), well.endpoint, **well.keys)
        broken = Device(new_id(), well.endpoint, p256dh="AA", auth="AA")  # whose keys no check would let through
        batch = [replace(MESSAGE, id=new_id(), devices=found) for found in ((*devices, sound), (broken,), (sound,))]

        answers = [answer for _, answer in WebPushTransport(lambda: NOON, terms).send(ROUTE, batch, lambda: False)]

    assert answers == [Accepted(gone=tuple(each.id for each in devices)), NoAnswer(), Accepted()]


def test_a_message_that_cannot_be_posted_takes_no_answer_from_others() -> None:
    first = replace(MESSAGE, id=new_id())
    second = replace(first, id=new_id(), text=object())  # type: ignore[arg-type] # as a flaw of ours might make it
    route = Route("shop", "sms", url="no address", secret="whsec_c2VjcmV0")

    answers = [answer for _, answer in HttpTransport().send(route, [second, first], lambda: False)]

    assert answers == [NoAnswer(), NotNow("no_address")]


@pytest.mark.parametrize(
    "until", ["9999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "2027-01-01", "2027-01-01T00:00"]
)
def test_a_pause_is_an_instant_that_calendars_can_count_with(until: str) -> None:
    owner = shop()
    member = ada(make.program(owner))
    headers = {"authorization": f"Bearer {make.token(member.customer)}"}

    answer = Client().patch(
        "/api/v1/me/preferences", {"paused_until": until}, content_type="application/json", headers=headers
    )

    assert told(answer, 400)["errors"][0]["pointer"] == "/paused_until"
    assert Recipient.objects.count() == 0
    with pytest.raises(InvalidPreference):
        choose(member.customer, {"paused_until": datetime(9999, 12, 31, tzinfo=UTC)}, {}, source="x", now=NOON)


def test_of_whom_nothing_can_be_decided_is_looked_at_again_in_an_hour_and_all_others_get_their_messages() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    eve, bob = ada(club, "eve"), ada(club, "bob")
    step = campaign(club)
    stuck, sound = due(step, eve, bob)
    # As no way in would let it through: no zone can tell the day of it.
    Recipient.objects.filter(customer=eve.customer).update(paused_until=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))

    send_all(owner, NOON, box)
    later = Recipient.objects.get(customer=eve.customer).next_due_at
    Recipient.objects.filter(customer=eve.customer).update(paused_until=None)
    send_all(owner, NOON + RETRIED_AFTER, box)

    assert [each.address for each in box.taken] == ["bob@example.com", "eve@example.com"]
    assert (message(sound).state, message(stuck).state) == ("accepted", "accepted")
    assert later == NOON + RETRIED_AFTER


def test_all_that_a_body_says_of_time_has_years_that_can_be_counted_and_says_its_zone_where_it_has_one() -> None:
    def of(kind: type[Any]) -> Iterator[type[Any]]:
        for each in kind.__subclasses__():
            yield each
            yield from of(each)

    bare = [
        (each.__name__, name)
        for each in of(Strict)
        for name, field in each().fields.items()
        if (isinstance(field, serializers.DateTimeField) and not isinstance(field, InstantField))
        or (isinstance(field, serializers.TimeField) and not isinstance(field, HourField))
    ]

    assert bare == []


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "utc", "Europe/Paris\x00", "../UTC", "+02:00"])
def test_a_zone_is_one_of_a_place_whatever_machine_asks(zone: str) -> None:
    member = ada(make.program(shop()))

    with pytest.raises(InvalidPreference):
        choose(member.customer, {"zone": zone}, {}, source="x", now=NOON)

    assert Recipient.objects.count() == 0


@pytest.mark.parametrize("said", ["25:00", "21:60", "9pm", "21h00", "21:00+02:00", "2", "٢١:٠٠", "x" * 1_000])
def test_a_slip_on_the_page_costs_nobody_its_quiet_hours(said: str) -> None:
    member = ada(make.program(shop()))
    choose(member.customer, {"quiet_from": time(21), "quiet_to": time(7)}, {}, source="page", now=NOON)
    page = signed_in(member)

    answer = page.post(home_of(member) + "messages/reaching", {"quiet_from": said, "quiet_to": said}, follow=True)

    row = Recipient.objects.get()
    assert (row.quiet_from, row.quiet_to) == (time(21), time(7))
    assert f"“{said[:20]}” is no hour of the day, such as 21:00." in answer.content.decode()


def test_quiet_hours_with_one_end_are_refused_in_words_and_change_nothing() -> None:
    member = ada(make.program(shop()))
    page = signed_in(member)

    answer = page.post(
        home_of(member) + "messages/reaching", {"quiet_from": "21:30", "quiet_to": ""}, follow=True,
        headers={"accept-language": "en"},
    )  # fmt: skip

    assert "Quiet hours have a beginning and an end." in answer.content.decode()
    assert Recipient.objects.filter(quiet_from__isnull=False).count() == 0


def test_on_the_page_quiet_hours_are_chosen_and_given_up() -> None:
    member = ada(make.program(shop()))
    page, hours = signed_in(member), Recipient.objects.values_list("quiet_from", "quiet_to")

    page.post(home_of(member) + "messages/reaching", {"quiet_from": "21:30", "quiet_to": "07:00:00"})
    chosen = hours.get()
    page.post(home_of(member) + "messages/reaching", {"quiet_from": "", "quiet_to": ""})

    assert (chosen, hours.get()) == ((time(21, 30), time(7)), (None, None))


@pytest.mark.parametrize("said", ["\x00", "a\x00b", "", "x" * 100_000, "é"])
def test_what_can_be_no_address_ends_no_device(said: str) -> None:
    member = member_of(pushing())
    browser(member, "1")

    answer = signed_in(member).post(home_of(member) + "messages/device/stop", {"endpoint": said})

    assert (answer.status_code, PushDevice.objects.count()) == (302, 1)


class Meanwhile:
    """A way out during which something happens, and that answers what it is told to."""

    def __init__(self, happens: Callable[[], object], answer: Answer) -> None:
        self.happens, self.answer = happens, answer

    def send(self, _route: Route, batch: Sequence[Outgoing], _is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        self.happens()
        for each in batch:
            yield each, self.answer


def gone(member: Membership) -> None:
    erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)


@pytest.mark.parametrize("kind", ["service", "marketing"])
@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (Accepted("p-1"), ("accepted", "", ["sent"])),
        (Refused("status_400"), ("failed", "status_400", ["failed"])),
        (Refused("status_410", is_address=True), ("failed", "status_410", ["failed"])),
        (NotNow("status_503"), ("failed", "erased", ["failed"])),
        (NoAnswer(), ("unknown", "", [])),
    ],
)
def test_who_is_erased_while_its_message_is_on_its_way_is_forgotten_and_the_message_ends(
    answer: Answer, ends: tuple[str, str, list[str]], kind: str
) -> None:
    owner = shop()
    member = ada(make.program(owner))
    (key,) = due(campaign(member.program, kind=kind), member)
    way = Meanwhile(lambda: gone(member), answer)

    for now in (NOON, NOON + DAY):
        while send(owner, look_again=look_again, clock=lambda: now, providers={**PROVIDERS, "http": way}):  # noqa: B023 - used at once
            way.happens = lambda: None

    row = message(key)
    assert (row.state, row.reason, list(Outcome.objects.values_list("what", flat=True))) == ends
    assert (row.subject, row.body, row.button, row.link, row.provider_id, row.rendered_hash, row.address_hash) == (
        "",
    ) * 7
    assert (Address.objects.count(), Recipient.objects.count()) == (0, 0)


def test_what_came_into_the_inbox_of_who_was_erased_meanwhile_says_nothing() -> None:
    owner = shop()
    member = ada(make.program(owner))
    (key,) = due(campaign(member.program, channels=("inbox",)), member)
    way = Meanwhile(lambda: gone(member), Accepted(is_final=True))

    send(owner, look_again=look_again, clock=lambda: NOON, providers={**PROVIDERS, "inbox": way})

    assert (message(key).state, message(key).subject, message(key).body) == ("delivered", "", "")


def test_who_is_erased_chooses_nothing_any_more() -> None:
    member = ada(make.program(shop()))
    before = Consent.objects.count()
    gone(member)

    with pytest.raises(PersonErased):
        choose(member.customer, {"zone": "Europe/Paris"}, {"email": True}, source="api", now=NOON)

    assert (Recipient.objects.count(), Consent.objects.count() <= before) == (0, True)


def test_a_device_gone_while_its_owner_was_erased_is_no_error() -> None:
    owner = pushing()
    member = member_of(owner)
    known = browser(member, "1")
    (key,) = due(campaign(member.program, channels=("push",)), member)

    def say(taken: Outgoing) -> Answer:
        gone(member)
        return Refused("no_device", gone=(known.pk,))

    pushed(owner, Box(say))

    assert (message(key).state, message(key).reason, PushDevice.objects.count()) == ("failed", "no_device", 0)


def test_a_retailer_with_much_to_say_leaves_threads_to_others_and_to_codes_and_webhooks() -> None:
    turns = Turns(at_once=3, of_one=2)

    def may_go(retailer: int) -> bool:
        with turns.turn(retailer) as found:
            return found

    with turns.turn(1) as first, turns.turn(1) as second, turns.turn(1) as third:
        assert (first, second, third) == (True, True, False)
        assert (may_go(2), may_go(2)) == (True, True)
        with turns.turn(2):
            assert (may_go(2), may_go(3)) == (False, False)
    assert may_go(1)
    with pytest.raises(ValueError, match="whatever"), turns.turn(1):
        raise ValueError("whatever fails")
    with turns.turn(1) as first, turns.turn(1) as second:
        assert (first, second) == (True, True)


def test_a_turn_is_over_after_its_time_and_what_is_left_is_for_the_next_one() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    step = campaign(club)
    due(step, *[ada(club, f"m{number}") for number in range(BATCH + 1)])
    ways = {**PROVIDERS, "http": box}

    take_turn(owner, look_again=look_again, seconds=0, clock=lambda: NOON, providers=ways)
    first = len(box.taken)
    take_turn(owner, look_again=look_again, clock=lambda: NOON, providers=ways)

    assert (first, len(box.taken)) == (BATCH, BATCH + 1)


class Slow:
    """A provider that takes .4 s for each message; it notes how many answers were written down when it was asked for one."""

    def __init__(self) -> None:
        self.now, self.written = NOON, list[int]()

    def send(self, _route: Route, messages: Sequence[Outgoing], _is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        for each in messages:
            self.written.append(Message.objects.filter(state="accepted").count())
            self.now += timedelta(seconds=0.4)
            yield each, Accepted(str(each.id))


def test_answers_are_written_down_each_second_however_slow_a_provider_is() -> None:
    owner, slow = shop(), Slow()
    club = make.program(owner)
    due(campaign(club), *[ada(club, f"m{number}") for number in range(7)])

    send(owner, look_again=look_again, clock=lambda: slow.now, providers={**PROVIDERS, "http": slow})

    assert slow.written == [0, 0, 0, 3, 3, 3, 6]
    assert Message.objects.filter(state="accepted").count() == 7


def test_whoever_has_no_turn_sends_nothing_and_others_do() -> None:
    box = Box()
    owners = [shop(), shop()]
    for owner in owners:
        due(campaign(club := make.program(owner)), ada(club))

    with ExitStack() as taken:
        for _ in range(settings.MESSAGES_OF_ONE_AT_ONCE):
            taken.enter_context(TURNS.turn(owners[0].pk))
        for owner in owners:
            take_turn(owner, look_again=look_again, clock=lambda: NOON, providers={**PROVIDERS, "http": box})

    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["due", "accepted"]


UNTIL = NOON + 30 * DAY


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ({}, {"zone": "Indian/Reunion", "paused_until": UNTIL}, ("Indian/Reunion", "", None, None, UNTIL)),
        ({"zone": "Europe/Brussels"}, {"zone": "Indian/Reunion"}, ("Europe/Brussels", "", None, None, None)),
        (
            {"quiet_from": time(22), "quiet_to": time(6)},
            {"quiet_from": time(20), "quiet_to": time(9), "preferred_channel": "sms"},
            ("", "sms", time(22), time(6), None),
        ),
        ({"paused_until": UNTIL - DAY}, {"paused_until": UNTIL}, ("", "", None, None, UNTIL)),
        ({"paused_until": UNTIL}, {"paused_until": UNTIL - DAY}, ("", "", None, None, UNTIL)),
        ({"paused_until": UNTIL}, {}, ("", "", None, None, UNTIL)),
        (None, {"paused_until": UNTIL, "preferred_channel": "push"}, ("", "push", None, None, UNTIL)),
        (None, None, None),
    ],
)
def test_how_a_merged_customer_wants_to_be_reached_is_true_of_the_one_who_stays(
    own: dict[str, Any] | None, others: dict[str, Any] | None, expected: tuple[Any, ...] | None
) -> None:
    owner, box = shop(quiet=True), Box()
    club = make.program(owner)
    member, old = ada(club), ada(club, "old")
    for who, chosen in ((member, own), (old, others)):
        if chosen is not None:
            choose(who.customer, chosen, {}, source="page", now=NOON)

    take_merge(owner, "old", "ada", reference="same", now=NOON, dry_run=True)
    before = Recipient.objects.filter(customer=member.customer).values_list(*CHOSEN).first()
    take_merge(owner, "old", "ada", reference="same", now=NOON)

    assert before == (
        None if own is None else tuple(own.get(name, "" if name in CHOSEN[:2] else None) for name in CHOSEN)
    )
    assert Recipient.objects.filter(customer=member.customer).values_list(*CHOSEN).first() == expected
    (key,) = due(campaign(club), member, at=NOON + DAY)
    send_all(owner, NOON + DAY, box)
    is_paused = expected is not None and expected[-1] is not None
    assert (message(key).state, message(key).rule) == (("due", "paused") if is_paused else ("accepted", ""))


def test_a_zone_that_there_is_no_more_keeps_nobody_from_its_messages() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    eve, bob = ada(club, "eve"), ada(club, "bob")
    due(campaign(club), eve, bob)
    for who, zone in ((eve, "Mars/Olympus"), (bob, "../etc/passwd")):  # as no way in would let it through
        Recipient.objects.filter(customer=who.customer).update(zone=zone)

    send_all(owner, NOON, box)

    assert sorted(each.address for each in box.taken) == ["bob@example.com", "eve@example.com"]


@pytest.mark.parametrize(
    ("name", "found"),
    [("Indian/Reunion", "Indian/Reunion"), ("", "Europe/Paris"), (None, "Europe/Paris"), ("Mars/Olympus", "Europe/Paris"),
     ("../UTC", "Europe/Paris"), ("\x00", "Europe/Paris"), ("Europe", "Europe/Paris"), ("x" * 5_000, "Europe/Paris")],
)  # fmt: skip
def test_a_zone_is_the_one_of_its_name_or_else_another_one(name: str | None, found: str) -> None:
    assert str(zone_of(name, ZoneInfo("Europe/Paris"))) == found
