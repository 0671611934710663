from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Consent, Customer, Erasure, Retailer
from customers.privacy import erase
from loyalty.activity.account.merging import take_merge
from loyalty.campaigns.messages.receiving import (
    ReceiptFact,
    UnknownReceipt,
    WrongReceiptSignature,
    require_signature,
    take_receipt,
)
from loyalty.campaigns.models import Address, Message, MessageChannel, Receipt
from loyalty.campaigns.reaching.addresses import release, verify
from loyalty.campaigns.reaching.unsubscribing import token_of
from loyalty.campaigns.transports import NoAnswer, NotNow
from loyalty.memberships.models import Membership
from loyalty.outbox.signing import signature
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, message, says, send_all, shop
from tests.campaigns.test_admin import confirmed, said

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SECRET = "whsec_c2VjcmV0"


class Sent:
    """A member who got a mail."""

    def __init__(self) -> None:
        self.owner = shop()
        self.club = make.program(self.owner)
        self.step = campaign(self.club)
        self.member = ada(self.club)
        self.channel = MessageChannel.objects.get(retailer=self.owner, channel="email")
        self.message = self.send(NOON)

    def send(self, at: datetime, who: Membership | None = None) -> Message:
        (key,) = due(self.step, who or self.member, at=at)
        send_all(self.owner, at, Box())
        return message(key)

    def told(self, what: str, event: str, *, of: Message | None = None, at: datetime = NOON) -> bool:
        fact = ReceiptFact(event, str((of or self.message).pk), what, at)
        return take_receipt(self.owner, self.channel, fact, now=at)

    def consents(self) -> list[tuple[str, bool, str]]:
        rows = Consent.objects.filter(customer=self.member.customer_id, purpose="email").order_by("pk")
        return list(rows.values_list("purpose", "granted", "source"))


def test_a_receipt_is_taken_once() -> None:
    sent = Sent()

    assert [sent.told("delivered", "e1"), sent.told("delivered", "e1")] == [True, False]
    assert (message(sent.message.pk).state, Receipt.objects.count()) == ("delivered", 1)


def test_the_worst_that_was_told_stays_in_whatever_order_it_comes() -> None:
    sent = Sent()

    sent.told("complaint", "e2")
    sent.told("delivered", "e1")

    assert message(sent.message.pk).state == "complained"


def test_a_hard_bounce_ends_an_address_at_once_and_nothing_else() -> None:
    sent = Sent()

    sent.told("hard_bounce", "e1")

    assert message(sent.message.pk).state == "bounced"
    assert Address.objects.values_list("channel", "reason").get() == ("email", "hard_bounce")
    assert sent.send(NOON + DAY).reason == "no_channel"
    assert sent.consents() == [("email", True, "test")]


def test_a_complaint_withdraws_the_consent_as_well() -> None:
    sent = Sent()

    sent.told("complaint", "e1")
    type(sent.member.customer).objects.filter(pk=sent.member.customer_id).update(email="new@example.com")

    assert sent.consents() == [("email", True, "test"), ("email", False, "complaint")]
    assert sent.send(NOON + DAY).reason == "no_consent"


def test_three_soft_bounces_in_two_weeks_end_an_address_and_two_do_not() -> None:
    sent = Sent()
    second, third = sent.send(NOON + 10 * DAY), sent.send(NOON + 20 * DAY)

    sent.told("soft_bounce", "e1", at=NOON)
    sent.told("soft_bounce", "e2", of=second, at=NOON + 10 * DAY)
    sent.told("soft_bounce", "e3", of=third, at=NOON + 20 * DAY)
    assert Address.objects.count() == 0
    fourth = sent.send(NOON + 21 * DAY)
    sent.told("soft_bounce", "e4", of=fourth, at=NOON + 21 * DAY)

    assert Address.objects.get().reason == "soft_bounces"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize(("days", "ends"), [((0, 6, 13), True), ((0, 6, 14), False)])
def test_soft_bounces_are_counted_by_when_they_were_in_whatever_order_they_are_told(
    order: tuple[int, ...], days: tuple[int, ...], *, ends: bool
) -> None:
    sent = Sent()
    messages = [sent.message, *(sent.send(NOON + day * DAY) for day in days[1:])]

    for place in order:
        sent.told("soft_bounce", f"e{place}", of=messages[place], at=NOON + days[place] * DAY)

    assert Address.objects.filter(reason="soft_bounces").exists() is ends


def test_soft_bounces_of_an_address_are_counted_whosever_it_is() -> None:
    sent = Sent()
    bob = ada(sent.club, "bob", email="ADA@example.com")  # two of a household
    messages = [sent.message, sent.send(NOON + DAY, bob), sent.send(NOON + 2 * DAY)]

    for place, each in enumerate(messages):
        sent.told("soft_bounce", f"e{place}", of=each, at=NOON + place * DAY)

    assert Address.objects.values_list("channel", "reason").get() == ("email", "soft_bounces")
    assert sent.send(NOON + 3 * DAY, bob).reason == "no_channel"


def test_what_refused_an_address_before_staff_released_it_counts_no_more() -> None:
    sent = Sent()
    for place in range(3):
        sent.told("soft_bounce", f"e{place}", of=sent.send(NOON + place * DAY), at=NOON + place * DAY)

    release(Address.objects.get(), now=NOON + 3 * DAY)
    later = [sent.send(NOON + day * DAY) for day in (4, 5, 6)]
    for place, each in enumerate(later[:2]):
        sent.told("soft_bounce", f"f{place}", of=each, at=NOON + (4 + place) * DAY)

    assert Address.objects.values_list("suppressed_at", "reason").get() == (None, "")
    sent.told("soft_bounce", "f2", of=later[2], at=NOON + 6 * DAY)
    assert Address.objects.values_list("suppressed_at", "reason").get() == (NOON + 6 * DAY, "soft_bounces")


@pytest.mark.parametrize(("what", "reason"), [("soft_bounce", ""), ("hard_bounce", ""), ("complaint", "complaint")])
def test_what_refused_an_address_before_staff_released_it_counts_no_more_when_it_is_told_late(
    what: str, reason: str
) -> None:
    sent = Sent()
    late = sent.send(NOON + DAY)
    sent.told("hard_bounce", "e1", at=NOON)
    release(Address.objects.get(), now=NOON + 3 * DAY)

    sent.told(what, "e2", of=late, at=NOON + 2 * DAY)

    assert Address.objects.get().reason == reason
    sent.told("hard_bounce", "e3", at=NOON + 4 * DAY)
    assert Address.objects.get().reason == (reason or "hard_bounce")


def test_staff_let_an_address_take_messages_again_and_send_nothing_to_one(client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    sent = Sent()
    sent.told("hard_bounce", "e1")
    page = reverse("admin:campaigns_message_change", args=[sent.message.pk])
    assert "does not exist" in said(client.get(page))
    release_it = reverse("admin:campaigns_message_release_it", args=[sent.message.pk])
    suppress_it = reverse("admin:campaigns_message_suppress_it", args=[sent.message.pk])
    assert (release_it in said(client.get(page)), suppress_it in said(client.get(page))) == (True, False)

    confirmed(client, release_it, {"reason": "she has a new box"})

    assert Address.objects.values_list("suppressed_at", "reason").get() == (None, "")
    assert "Messages go to this address." in said(client.get(release_it, follow=True))
    later = sent.send(NOON + 3 * DAY)
    assert later.state == "accepted"
    confirmed(client, suppress_it, {"reason": "she called"})
    assert Address.objects.values_list("reason", flat=True).get() == "staff"
    assert "This address takes nothing already." in said(client.get(suppress_it, follow=True))
    assert sent.send(NOON + 4 * DAY).reason == "no_channel"
    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "Let the address take messages again: she has a new box", "Send nothing to the address any more: she called",
    ]  # fmt: skip


def test_nobody_knows_the_address_of_a_message_that_is_due_again(client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    sent = Sent()
    (key,) = due(sent.step, sent.member, at=NOON + DAY)
    send_all(sent.owner, NOON + DAY, Box(lambda _: NotNow("status_503")))
    sent.told("hard_bounce", "e1")
    suppress_it, release_it = (
        reverse(f"admin:campaigns_message_{verb}", args=[key]) for verb in ("suppress_it", "release_it")
    )

    page = said(client.get(reverse("admin:campaigns_message_change", args=[key])))
    answers = [said(client.get(each, follow=True)) for each in (suppress_it, release_it)]

    assert message(key).state == "due"
    assert (suppress_it in page, release_it in page, "takes messages" in page) == (False, False, False)
    assert all("Nobody knows to which address this went." in each for each in answers)
    assert list(Address.objects.values_list("channel", "reason")) == [("email", "hard_bounce")]


def test_soft_bounces_are_not_lost_with_who_is_merged() -> None:
    sent = Sent()
    bob = ada(sent.club, "bob", email="ada@example.com")
    for place in range(2):
        sent.told("soft_bounce", f"e{place}", of=sent.send(NOON + place * DAY, bob), at=NOON + place * DAY)

    take_merge(sent.owner, "bob", "ada", reference="crm", now=NOON + 2 * DAY)
    assert Address.objects.count() == 0
    sent.told("soft_bounce", "e2", of=sent.send(NOON + 3 * DAY), at=NOON + 3 * DAY)

    assert Address.objects.get().reason == "soft_bounces"


def test_soft_bounces_of_one_address_say_nothing_of_the_next_one() -> None:
    sent = Sent()
    second = sent.send(NOON + DAY)
    Customer.objects.filter(pk=sent.member.customer_id).update(email="new@example.com")
    third = sent.send(NOON + 2 * DAY)

    for place, each in enumerate([sent.message, second, third]):
        sent.told("soft_bounce", f"e{place}", of=each, at=NOON + place * DAY)

    assert Address.objects.count() == 0


def test_soft_bounces_lead_to_nobody_who_was_erased() -> None:
    sent = Sent()
    sent.told("soft_bounce", "e1")
    assert Receipt.objects.get().address_hash != ""

    erase(sent.member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON + DAY)

    assert Receipt.objects.values_list("what", "address_hash").get() == ("soft_bounce", "")


def sms_of(owner: Retailer, who: Membership, written: str, at: datetime) -> str:
    """Return what becomes of an SMS to a member whose number is written in some way."""
    Customer.objects.filter(pk=who.customer_id).update(phone=written)
    step = campaign(who.program, channels=["sms"])
    (key,) = due(step, who, at=at)
    send_all(owner, at, Box())
    return message(key).reason or message(key).state


SPELLINGS = ["06 12 34 56 78", "+33 6 12 34 56 78", "0033612345678", "+33 (0)6.12.34.56.78", "33612345678"]


@pytest.mark.parametrize("first", SPELLINGS)
def test_a_phone_number_that_takes_nothing_takes_nothing_however_it_is_written(first: str) -> None:
    owner = shop()
    who = ada(make.program(owner))
    assert sms_of(owner, who, first, NOON) == "accepted"
    sent = Message.objects.get()

    take_receipt(
        owner, MessageChannel.objects.get(channel="sms"), ReceiptFact("e1", str(sent.pk), "hard_bounce", NOON), now=NOON
    )

    assert [sms_of(owner, who, written, NOON + DAY) for written in SPELLINGS] == ["no_channel"] * 5
    assert sms_of(owner, who, "06 12 34 56 79", NOON + DAY) == "accepted"


def test_a_phone_number_is_verified_however_it_is_written() -> None:
    owner = shop(needs_verified=True)
    who = ada(make.program(owner))
    assert sms_of(owner, who, "+33612345678", NOON) == "no_channel"

    verify(owner, "sms", "06 12 34 56 78", now=NOON)

    assert [sms_of(owner, who, written, NOON + DAY) for written in SPELLINGS] == ["accepted"] * 5


def test_of_what_went_to_two_addresses_a_receipt_ends_neither() -> None:
    sent = Sent()
    MessageChannel.objects.update(takes_keys=True)
    (key,) = due(sent.step, sent.member, at=NOON + DAY)
    send_all(sent.owner, NOON + DAY, Box(lambda _: NoAnswer()))

    Customer.objects.filter(pk=sent.member.customer_id).update(email="new@example.com")
    for minutes in (2, 10):
        send_all(sent.owner, NOON + DAY + timedelta(minutes=minutes), Box(lambda _: NoAnswer()))
    sent.told("hard_bounce", "e1", of=message(key), at=NOON + DAY)  # the old one is dead, or the new one

    assert (message(key).state, message(key).tries, message(key).address_hash) == ("bounced", 3, "")
    assert Address.objects.count() == 0


def test_what_was_unknown_is_known_when_its_receipt_comes() -> None:
    sent = Sent()
    Message.objects.filter(pk=sent.message.pk).update(state="accepted")
    (key,) = due(sent.step, sent.member, at=NOON + DAY)
    Message.objects.filter(pk=key).update(state="unknown", channel="email", claimed_at=NOON + DAY)

    sent.told("delivered", "e1", of=message(key))

    assert message(key).state == "delivered"


def test_a_receipt_of_no_message_is_refused() -> None:
    sent = Sent()

    with pytest.raises(UnknownReceipt):
        take_receipt(sent.owner, sent.channel, ReceiptFact("e1", "nobody", "delivered", NOON), now=NOON)
    fact = ReceiptFact("e1", sent.message.provider_id, "delivered", NOON)
    assert take_receipt(sent.owner, sent.channel, fact, now=NOON)


def test_only_what_a_provider_signed_just_now_is_believed() -> None:
    body, stamp = b"{}", int(NOON.timestamp())
    headers = {
        "Webhook-Id": "m1", "Webhook-Timestamp": str(stamp), "Webhook-Signature": signature(SECRET, "m1", stamp, body)
    }  # fmt: skip

    require_signature(headers, body, SECRET, now=NOON)
    for wrong in ({"Webhook-Timestamp": "x"}, {"Webhook-Signature": "v1,x"}, {"Webhook-Id": "m2"}):
        with pytest.raises(WrongReceiptSignature):
            require_signature(headers | wrong, body, SECRET, now=NOON)
    for late in (NOON + timedelta(minutes=6), NOON - timedelta(minutes=6)):
        with pytest.raises(WrongReceiptSignature):
            require_signature(headers, body, SECRET, now=late)
    with pytest.raises(WrongReceiptSignature):
        require_signature(headers, body, "", now=NOON)


def test_one_request_ends_messages_and_the_same_again_changes_nothing(client: Client) -> None:
    sent = Sent()
    address = f"/u/{token_of(sent.message.pk)}"

    shown = client.get(address)
    assert (shown.status_code, sent.consents()) == (200, [("email", True, "test")])
    answers = [client.post(address, {"List-Unsubscribe": "One-Click"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert sent.consents() == [("email", True, "test"), ("email", False, "unsubscribe")]
    assert "Set-Cookie" not in answers[0].headers
    assert sent.send(timezone.now()).reason == "no_consent"


@pytest.mark.parametrize("token", ["x", "0123.abc", "019a.x.y"])
def test_an_address_that_is_not_complete_ends_nothing(client: Client, token: str) -> None:
    answer = client.post(f"/u/{token}")

    assert (answer.status_code, Consent.objects.count()) == (404, 0)


def test_who_agreed_again_may_end_it_again(client: Client) -> None:
    sent = Sent()
    address = f"/u/{token_of(sent.message.pk)}"
    client.post(address)
    says(sent.member.customer, "email", at=timezone.now())

    client.post(address)

    assert [granted for _, granted, _ in sent.consents()] == [True, False, True, False]
