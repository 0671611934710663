from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Consent, Retailer
from loyalty.campaigns.journeys.carrying import follow_merges
from loyalty.campaigns.messages.queueing import NewMessage, queue
from loyalty.campaigns.messages.rendering import Rendered, outgoing, render
from loyalty.campaigns.models import Message, MessageChannel, Outcome, Recipient, StepText
from loyalty.campaigns.publishing.managing import pause, resume
from loyalty.campaigns.transports import Accepted, NoAnswer, NotNow, Refused
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, cap, due, message, says, send_all, shop

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_due_message_is_accepted_once_with_the_text_in_the_members_language() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club, language="fr"))

    send_all(owner, NOON, box)
    send_all(owner, NOON + MINUTE, box)

    (taken,) = box.taken
    assert (taken.id, taken.address, taken.subject) == (key, "ada@example.com", "Hi (fr)")
    assert taken.text.startswith("Bonjour Ada\n\n-- \n")
    found = message(key)
    assert (found.state, found.channel, found.provider_id, found.tries) == ("accepted", "email", f"p-{key}", 1)
    assert (found.body, found.subject, len(found.rendered_hash)) == ("", "", 64)
    assert list(Outcome.objects.values_list("what", "reason", "channel", "at")) == [("sent", "", "email", NOON)]


def test_a_cause_is_taken_once() -> None:
    owner = shop()
    club = make.program(owner)
    step, member = campaign(club), ada(club)
    new = NewMessage(member.customer_id, step.pk, "once", NOON, NOON + MINUTE)

    assert [queue(owner.pk, [new]), queue(owner.pk, [new])] == [1, 0]
    assert Message.objects.count() == 1


def test_nothing_is_looked_at_before_it_is_due() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club), at=NOON)

    send_all(owner, NOON - MINUTE, box)

    assert (box.taken, message(key).state) == ([], "due")


def test_over_the_caps_messages_wait_for_their_turn() -> None:
    owner, box = shop(quiet=True), Box()
    cap(owner, 1, 1, channel="email")
    cap(owner, 3, 7)
    club = make.program(owner)
    member = ada(club)
    for sent in ("2026-11-23T09:00Z", "2026-11-25T09:00Z", "2026-11-26T09:00Z"):
        due(campaign(club), member, at=at(sent))
        send_all(owner, at(sent), box)
    (a,) = due(campaign(club, priority=5), member, until=at("2026-11-30T22:59Z"))
    (b,) = due(campaign(club, priority=9), member, until=at("2026-12-10T00:00Z"))
    (receipt,) = due(campaign(club, kind="service"), member)

    send_all(owner, NOON, box)

    assert (message(b).state, message(b).due_at, message(b).rule) == (
        "due",
        at("2026-11-30T07:00Z"),
        "cap:any_3_per_7_days",
    )
    assert (message(a).state, message(a).reason) == ("dropped", "capped_until_late")
    assert message(receipt).state == "accepted"
    assert Recipient.objects.get().next_due_at == at("2026-11-30T07:00Z")

    send_all(owner, at("2026-11-30T07:00Z"), box)

    assert message(b).state == "accepted"
    said = Outcome.objects.filter(campaign__priority__in=(5, 9)).order_by("pk")
    assert [(each.what, each.reason, each.rule) for each in said] == [
        ("deferred", "", "cap:any_3_per_7_days"),
        ("dropped", "capped_until_late", "cap:any_3_per_7_days"),
        ("sent", "", ""),
    ]


def test_what_is_late_is_never_sent() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club), until=NOON + MINUTE)

    send_all(owner, NOON + MINUTE, box)

    assert (box.taken, message(key).state, message(key).reason) == ([], "dropped", "late")
    assert Recipient.objects.get().next_due_at is None


def test_a_consent_that_was_withdrawn_after_planning_is_read_again_when_it_goes() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    member = ada(club)
    (key,) = due(campaign(club), member)
    says(member.customer, "email", granted=False, at=NOON - MINUTE)

    send_all(owner, NOON, box)

    assert (box.taken, message(key).state, message(key).reason) == ([], "dropped", "no_consent")


def test_where_the_step_names_another_channel_it_goes_by_that() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    member = ada(club)
    says(member.customer, "email", granted=False, at=NOON - MINUTE)
    (key,) = due(campaign(club, channels=("email", "sms")), member)

    send_all(owner, NOON, box)

    assert (message(key).channel, box.taken[0].address) == ("sms", member.customer.phone)


def test_a_grant_that_was_said_before_the_withdrawal_and_recorded_after_it_reopens_nothing() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    member = ada(club)
    says(member.customer, "email", granted=False, at=at("2026-11-27T09:00Z"))
    says(member.customer, "email", granted=True, at=at("2026-11-27T08:00Z"), now=at("2026-11-27T10:00Z"))
    (key,) = due(campaign(club), member)

    send_all(owner, NOON, box)

    assert (box.taken, message(key).reason) == ([], "no_consent")


def test_the_inbox_needs_neither_a_consent_nor_an_address_nor_a_provider() -> None:
    owner = make.retailer()
    club = make.program(owner)
    member = ada(club, agrees=(), email="", phone="")
    (key,) = due(campaign(club, channels=("inbox",)), member)

    send_all(owner, NOON, Box())

    found = Message.objects.in_inbox().get()
    assert (found.pk, found.subject, found.body, found.read_at) == (key, "Hi (fr)", "Bonjour Ada", None)


def test_a_channel_that_is_switched_off_reaches_nobody() -> None:
    owner, box = shop(is_active=False), Box()
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)

    assert (box.taken, message(key).reason) == ([], "no_channel")


def test_what_was_refused_is_told_and_a_dead_address_takes_nothing_more() -> None:
    owner, box = shop(), Box(lambda _: Refused("status_410", is_address=True))
    club = make.program(owner)
    member = ada(club)
    (first,) = due(campaign(club), member)

    send_all(owner, NOON, box)
    (second,) = due(campaign(club), member, at=NOON + MINUTE)
    send_all(owner, NOON + MINUTE, box)

    assert (message(first).state, message(first).reason) == ("failed", "status_410")
    assert (message(second).state, message(second).reason) == ("dropped", "no_channel")
    type(member.customer).objects.filter(pk=member.customer_id).update(email="new@example.com")
    (third,) = due(campaign(club), member, at=NOON + 2 * MINUTE)
    box.answer = lambda _: Accepted()
    send_all(owner, NOON + 2 * MINUTE, box)
    assert message(third).state == "accepted"


def test_what_a_provider_does_not_take_for_now_is_tried_later_and_counts_for_nothing_meanwhile() -> None:
    owner, box = shop(), Box(lambda _: NotNow("status_503"))
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)

    found = message(key)
    assert (found.state, found.due_at, found.channel, found.claimed_at) == (
        "due",
        NOON + timedelta(seconds=30),
        "",
        None,
    )
    box.answer = lambda _: Accepted("late")
    send_all(owner, NOON + timedelta(seconds=30), box)
    assert (message(key).state, message(key).tries, len(box.taken)) == ("accepted", 2, 2)


def test_marketing_without_an_answer_is_unknown_and_never_sent_again() -> None:
    owner, box = shop(), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)
    assert (message(key).state, message(key).claimed_until) == ("claimed", NOON + 2 * MINUTE)
    box.answer = lambda _: Accepted()
    send_all(owner, NOON + 2 * MINUTE, box)
    send_all(owner, NOON + timedelta(days=2), box)

    assert (message(key).state, len(box.taken)) == ("unknown", 1)
    assert list(Outcome.objects.values_list("what", flat=True)) == ["unknown"]
    assert Recipient.objects.get().next_due_at is None


def test_service_without_an_answer_is_sent_again_once_and_marked() -> None:
    owner, box = shop(), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club, kind="service"), ada(club))

    for minutes in (0, 2, 10, 60):
        send_all(owner, NOON + minutes * MINUTE, box)

    found = message(key)
    assert (found.state, found.is_resent, found.tries, len(box.taken)) == ("unknown", True, 2, 2)


def test_a_provider_that_knows_what_it_took_is_asked_again_with_the_same_key_for_a_day() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)
    send_all(owner, NOON + 2 * MINUTE, box)
    box.answer = lambda _: Accepted("same")
    send_all(owner, NOON + timedelta(hours=1), box)

    found = message(key)
    assert [each.id for each in box.taken] == [key] * 3
    assert (found.state, found.provider_id, found.is_resent, found.claimed_at) == ("accepted", "same", False, NOON)


@pytest.mark.parametrize(
    "other",
    [
        {"url": "https://another.example/messages"},
        {"provider": "mail", "takes_keys": False},
        {"takes_keys": False},
    ],
)
def test_what_has_no_answer_is_not_given_to_another_provider_that_knows_nothing_of_it(other: dict[str, Any]) -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)
    MessageChannel.objects.filter(retailer=owner, channel="email").update(**other)
    box.answer = lambda _: Accepted("twice")
    send_all(owner, NOON + 2 * MINUTE, box)

    assert (message(key).state, [each.id for each in box.taken]) == ("unknown", [key])


def test_one_that_knew_no_keys_when_it_was_given_a_message_is_not_asked_again_because_it_does_now() -> None:
    owner, box = shop(), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)
    MessageChannel.objects.filter(retailer=owner).update(takes_keys=True)
    send_all(owner, NOON + 2 * MINUTE, box)

    assert (message(key).state, len(box.taken)) == ("unknown", 1)


def test_service_goes_once_more_by_another_provider_marked_and_then_as_that_one_knows_it() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club, kind="service"), ada(club))

    send_all(owner, NOON, box)
    MessageChannel.objects.filter(retailer=owner).update(url="https://another.example/messages")
    send_all(owner, NOON + 2 * MINUTE, box)
    box.answer = lambda _: Accepted("same")
    send_all(owner, NOON + 10 * MINUTE, box)

    found = message(key)
    assert (found.state, found.is_resent, found.provider_id, len(box.taken)) == ("accepted", True, "same", 3)


def test_one_that_knows_its_keys_for_a_day_is_not_asked_after_it() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    club = make.program(owner)
    (key,) = due(campaign(club), ada(club))

    send_all(owner, NOON, box)
    send_all(owner, NOON + timedelta(hours=24), box)

    assert (message(key).state, len(box.taken)) == ("unknown", 1)


def test_what_has_no_answer_is_not_sent_again_in_quiet_hours_but_when_they_end() -> None:
    owner, box = shop(takes_keys=True, quiet_from=time(21), quiet_to=time(8)), Box(lambda _: NoAnswer())
    step = campaign(make.program(owner))
    evening = datetime.fromisoformat("2026-11-27T19:59Z")  # 20:59 in Paris
    (key,) = due(step, ada(step.version.campaign.program), at=evening)

    send_all(owner, evening, box)
    for minutes in (2, 60, 360, 660):
        send_all(owner, evening + minutes * MINUTE, box)
    assert (message(key).state, message(key).tries, len(box.taken)) == ("claimed", 1, 1)
    assert message(key).claimed_until == datetime.fromisoformat("2026-11-28T07:00Z")

    box.answer = lambda _: Accepted("late")
    send_all(owner, datetime.fromisoformat("2026-11-28T07:00Z"), box)
    assert (message(key).state, message(key).tries, len(box.taken)) == ("accepted", 2, 2)


def test_what_has_no_answer_is_not_sent_again_while_its_campaign_pauses_but_when_it_goes_on() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    step = campaign(make.program(owner))
    (key,) = due(step, ada(step.version.campaign.program))
    send_all(owner, NOON, box)

    pause(step.version.campaign)
    for minutes in (2, 12, 22):
        send_all(owner, NOON + minutes * MINUTE, box)
    assert (message(key).state, message(key).tries, len(box.taken)) == ("claimed", 1, 1)
    resume(step.version.campaign)
    box.answer = lambda _: Accepted("same")
    send_all(owner, NOON + 32 * MINUTE, box)

    found = message(key)
    assert (found.state, found.claimed_at, [each.id for each in box.taken]) == ("accepted", NOON, [key, key])


def test_what_has_no_answer_when_its_campaign_pauses_for_longer_than_keys_are_known_is_unknown() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    step = campaign(make.program(owner))
    (key,) = due(step, ada(step.version.campaign.program))
    send_all(owner, NOON, box)

    pause(step.version.campaign)
    send_all(owner, NOON + timedelta(hours=23, minutes=59), box)
    send_all(owner, NOON + timedelta(hours=24, minutes=9), box)

    assert (message(key).state, len(box.taken), Recipient.objects.get().next_due_at) == ("unknown", 1, None)


def test_what_is_refused_when_it_is_sent_again_may_have_been_taken_before() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    step = campaign(make.program(owner))
    (key,) = due(step, ada(step.version.campaign.program))
    send_all(owner, NOON, box)

    box.answer = lambda _: Refused("status_409")  # another text than the one that it knows by this key
    send_all(owner, NOON + 2 * MINUTE, box)

    assert (message(key).state, message(key).reason) == ("unknown", "status_409")
    assert list(Outcome.objects.values_list("what", "reason")) == [("unknown", "status_409")]
    assert Recipient.objects.get().next_due_at is None


def test_what_could_be_sent_again_too_late_only_is_unknown_at_once() -> None:
    owner, box = shop(takes_keys=True, quiet_from=time(21), quiet_to=time(8)), Box(lambda _: NoAnswer())
    step = campaign(make.program(owner))
    evening = datetime.fromisoformat("2026-11-27T19:59Z")
    (key,) = due(step, ada(step.version.campaign.program), at=evening, until=evening + timedelta(hours=11))

    send_all(owner, evening, box)
    send_all(owner, evening + 2 * MINUTE, box)

    assert (message(key).state, len(box.taken)) == ("unknown", 1)


def test_what_a_profile_decided_is_not_sent_again_to_who_allows_none_any_more() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    club = make.program(owner)
    member = ada(club, agrees=("email", "profiling"))
    (key,) = due(campaign(club, uses_profile=True), member)

    send_all(owner, NOON, box)
    says(member.customer, "profiling", granted=False, at=NOON + MINUTE)
    send_all(owner, NOON + 2 * MINUTE, box)

    assert (message(key).state, len(box.taken)) == ("unknown", 1)


def test_what_is_sent_again_needs_its_consent_again() -> None:
    owner, box = shop(takes_keys=True), Box(lambda _: NoAnswer())
    club = make.program(owner)
    member = ada(club)
    (key,) = due(campaign(club), member)

    send_all(owner, NOON, box)
    says(member.customer, "email", granted=False, at=NOON + MINUTE)
    send_all(owner, NOON + 2 * MINUTE, box)

    assert (message(key).state, len(box.taken)) == ("unknown", 1)


def test_who_sent_back_all_that_it_bought_is_no_existing_customer() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    step = campaign(club, ground="existing_customer")
    eve = ada(club, "eve", agrees=())
    bought = make.buys(eve, "10", "20", at=NOON - timedelta(days=20))
    make.returns(eve, bought, (1, "1"), at=NOON - timedelta(days=10))
    (first,) = due(step, eve)
    send_all(owner, NOON, box)

    make.returns(eve, bought, (2, "1"), at=NOON + timedelta(days=1))
    (second,) = due(step, eve, at=NOON + timedelta(days=2))
    send_all(owner, NOON + timedelta(days=2), box)

    assert [(each.state, each.reason) for each in (message(first), message(second))] == [
        ("accepted", ""), ("dropped", "no_consent"),
    ]  # fmt: skip


def test_a_channel_with_a_speed_lets_the_others_wait_their_turn() -> None:
    owner, box = shop(per_second=2), Box()
    club = make.program(owner)
    step = campaign(club)
    keys = due(step, *(ada(club, f"m{turn}") for turn in range(5)))

    send_all(owner, NOON, box)

    waits = sorted((message(key).due_at - NOON).total_seconds() for key in keys if message(key).state == "due")
    assert (len(box.taken), waits) == (2, [1.0, 1.0, 2.0])
    send_all(owner, NOON + timedelta(seconds=1), box)
    send_all(owner, NOON + timedelta(seconds=2), box)
    assert len(box.taken) == 5
    assert Outcome.objects.exclude(what="sent").count() == 0


def test_what_is_due_to_who_was_merged_goes_to_who_stays() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    member, other = ada(club), ada(club, "bob")
    (key,) = due(campaign(club), member)
    type(member.customer).objects.filter(pk=member.customer_id).update(merged_into=other.customer_id)

    send_all(owner, NOON, box)
    assert (box.taken, message(key).state, message(key).reason) == ([], "due", "")
    assert follow_merges(owner, now=NOON) == 1  # noted by the merge, and by who would have sent it
    send_all(owner, NOON + timedelta(minutes=1), box)

    assert [each.address for each in box.taken] == ["bob@example.com"]


def test_who_was_erased_gets_nothing() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    member = ada(club)
    (key,) = due(campaign(club), member)
    about = {"email": "", "phone": "", "first_name": "", "erased_at": NOON}
    type(member.customer).objects.filter(pk=member.customer_id).update(**about)

    send_all(owner, NOON, box)

    assert (box.taken, message(key).reason) == ([], "gone")


def test_a_template_that_fails_stops_no_other_message() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    broken = campaign(club, texts={"en": "{% if %}"})
    (bad,) = due(broken, ada(club))
    (good,) = due(campaign(club), ada(club, "bob"))

    send_all(owner, NOON, box)

    assert (message(bad).state, message(bad).reason) == ("failed", "no_text")
    assert message(good).state == "accepted"


@pytest.mark.parametrize(("language", "colon"), [("en", ": "), ("fr", "\N{NO-BREAK SPACE}: ")])
def test_a_mail_without_form_is_written_as_its_language_is(language: str, colon: str) -> None:
    said = Rendered(language, "Hi", "90,00\N{NO-BREAK SPACE}EUR", "Voir", "https://shop.example")

    mail = outgoing(shop(), UUID(int=1), "marketing", "email", "ada@example.com", said)

    leave = {"en": "No more of these messages", "fr": "Ne plus recevoir ces messages"}[language]
    assert mail.text == (
        f"90,00\N{NO-BREAK SPACE}EUR\n\nVoir{colon}https://shop.example\n\n-- \n{leave}{colon}{mail.unsubscribe}"
    )


def test_an_orders_number_that_looks_like_a_day_stays_a_number() -> None:
    text = StepText(
        channel="inbox", language="en", subject="{{ order }} of {{ order_on }}", body="{{ cart }}, through {{ keeps_through }}",
        button="See it", link="https://shop.example/orders/{{ order }}",
    )  # fmt: skip
    values = {
        "order": "2026-11-27", "order_on": "2026-11-28", "cart": "2026-W48-5", "keeps_through": "2026-12-31",
    }  # fmt: skip

    said = render([text], "inbox", "en", values)

    assert (said.subject, said.body, said.link) == (
        "2026-11-27 of Nov. 28, 2026", "2026-W48-5, through Dec. 31, 2026", "https://shop.example/orders/2026-11-27",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Sept. 1, 2026 | SEPT. 1, 2026 | Sept. 1… | Tuesday 1 September"),
        ("fr", "1er septembre 2026 | 1ER SEPTEMBRE 2026 | 1er sep… | mardi 1er septembre"),
    ],
)
@pytest.mark.parametrize("day", ["2026-09-01", date(2026, 9, 1)])  # as it is kept, and as a preview says it
def test_a_day_is_said_in_words_whatever_filter_it_goes_through(language: str, said: str, day: object) -> None:
    forms = ("", "|upper", "|truncatechars:8", '|date:"l j F"')
    text = StepText(
        channel="inbox", language=language, body=" | ".join(f"{{{{ offer_until{form} }}}}" for form in forms)
    )

    assert render([text], "inbox", language, {"offer_until": day}).body == said


def test_a_text_message_has_no_character_that_halves_it() -> None:
    said = Rendered(
        "fr", "", "12\N{NO-BREAK SPACE}345 points, 1\N{NARROW NO-BREAK SPACE}EUR", "Voir", "https://shop.example"
    )

    text = outgoing(shop(), UUID(int=1), "service", "sms", "+33612345678", said).text

    assert text == "12 345 points, 1 EUR\n\nVoir : https://shop.example"


def test_a_batch_is_decided_by_the_same_statements_however_many_there_are() -> None:
    owner, box = shop(), Box()
    cap(owner, 1, 1)
    club = make.program(owner)
    step = campaign(club)
    counts = []
    for number in (1, 30):
        members = [ada(club, f"m{number}-{turn}") for turn in range(number)]
        due(step, *members, at=NOON)
        counts.append(_statements(lambda: send_all(owner, NOON, box)))

    assert counts[0] == counts[1]
    assert Consent.objects.count() == 31 * 3


def _statements(work: Callable[[], None]) -> int:
    with CaptureQueriesContext(connection) as caught:
        work()
    return len(caught)


def test_names_are_read_as_they_are_written_in_a_text_and_in_html() -> None:
    box, owner = Box(), shop()
    Retailer.objects.filter(pk=owner.pk).update(name="M&S")
    club = make.program(owner)
    member = ada(club, first_name="Zoé O'Neil <3", phone="+33612345678")
    texts = {"en": "{{ first_name|default:'you & yours' }} at {{ retailer }}"}
    keys = [due(campaign(club, channels=[channel], texts=texts), member)[0] for channel in ("email", "sms", "inbox")]

    send_all(Retailer.objects.get(pk=owner.pk), NOON, box)

    said = "Zoé O'Neil <3 at M&S"
    mail, sms = (
        next(each for each in box.taken if each.address == to) for to in (member.customer.email, "+33612345678")
    )
    assert (mail.text.splitlines()[0], sms.text.splitlines()[0]) == (said, said)
    assert "Zoé O'Neil &lt;3 at M&amp;S</p>" in mail.html.replace("&#x27;", "'")
    assert message(keys[2]).body == said
