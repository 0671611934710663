from datetime import time

import pytest
from django.utils import timezone

from loyalty.campaigns.models import Address, Recipient
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, message, send_all, shop
from tests.page.test_pages import home_of, signed_in, text_of

pytestmark = pytest.mark.django_db


def test_a_member_finds_its_messages_and_has_read_them() -> None:
    owner = shop()
    member = ada(make.program(owner))
    now = timezone.now()
    step = campaign(member.program, channels=("inbox",), texts={"en": "Hello {{ first_name }},\n\n<b>thank you</b>"})
    (key,) = due(step, member, at=now)
    send_all(owner, now, Box())
    browser = signed_in(member)

    first, second = (browser.get(f"{home_of(member)}messages") for _ in range(2))

    assert "New · Hi (en)" in text_of(first)
    assert "&lt;b&gt;thank you&lt;/b&gt;" in first.content.decode()
    assert "New ·" not in text_of(second)
    assert message(key).read_at is not None
    assert "Messages" in text_of(browser.get(f"{home_of(member)}me"))


def test_a_member_says_how_it_wants_to_be_reached() -> None:
    member = ada(make.program(shop()))
    browser, address = signed_in(member), f"{home_of(member)}messages/reaching"
    said = {"preferred_channel": "sms", "quiet_from": "20:30", "quiet_to": "09:00", "zone": "Europe/Paris"}

    browser.post(address, said)
    wrong = browser.post(address, {**said, "zone": "Mars/Olympus"}, follow=True)

    row = Recipient.objects.get()
    assert (row.preferred_channel, row.quiet_from, row.quiet_to, row.zone) == ("sms", time(20, 30), time(9), "")
    assert "zone cannot be Mars/Olympus" in text_of(wrong)


def test_who_signs_in_by_a_code_that_was_mailed_has_a_verified_address() -> None:
    member = ada(make.program(shop(needs_verified=True)))
    (before,) = due(campaign(member.program), member)
    send_all(member.retailer, NOON, Box())

    signed_in(member)
    (after,) = due(campaign(member.program), member)
    send_all(member.retailer, NOON, Box())

    assert (message(before).reason, message(after).state) == ("no_channel", "accepted")
    assert Address.objects.get().verified_at is not None
