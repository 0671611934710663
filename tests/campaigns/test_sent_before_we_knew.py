"""What went to a member after it had withdrawn its consent, before anybody here knew: told, and nothing more goes."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from loyalty.campaigns.models import Message
from tests import make
from tests.campaigns.make_campaigns import Box, ada, campaign, due, message, says, send_all, shop

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NINE, TEN, ELEVEN, NOON = (datetime.fromisoformat(f"2026-11-27T{hour:02}:00Z") for hour in (9, 10, 11, 12))


def known() -> list[object]:
    return list(Message.objects.sent_before_we_knew().values_list("pk", flat=True))


def test_what_was_sent_before_a_withdrawal_was_known_is_told_and_nothing_more_goes() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    who, step = ada(club), campaign(club)
    (sent,) = due(step, who, at=ELEVEN)
    send_all(owner, ELEVEN, box)
    assert known() == []

    says(who.customer, "email", granted=False, at=TEN, now=NOON)
    (later,) = due(step, who, at=NOON)
    send_all(owner, NOON, box)

    assert known() == [sent]
    assert [each.id for each in box.taken] == [sent]
    assert (message(sent).state, message(later).state, message(later).reason) == ("accepted", "dropped", "no_consent")


def test_of_the_program_the_consent_to_it_counts_as_well() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    who = ada(club, agrees=("email", "program"))
    (sent,) = due(campaign(club, kind="program"), who, at=ELEVEN)
    send_all(owner, ELEVEN, box)

    says(who.customer, "program", granted=False, at=TEN, now=NOON)

    assert known() == [sent]


def test_what_was_agreed_to_again_or_withdrawn_after_it_went_is_not_told() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    who, bob, step = ada(club), ada(club, "bob"), campaign(club)
    due(step, who, bob, at=ELEVEN)
    send_all(owner, ELEVEN, box)
    assert len(box.taken) == 2

    says(who.customer, "email", granted=False, at=NINE, now=NOON)
    says(who.customer, "email", granted=True, at=TEN, now=NOON)
    says(bob.customer, "email", granted=False, at=ELEVEN + HOUR / 2, now=NOON)

    assert known() == []


def test_service_needs_no_consent_and_is_not_told() -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    who = ada(club)
    due(campaign(club, kind="service"), who, at=ELEVEN)
    send_all(owner, ELEVEN, box)
    assert len(box.taken) == 1

    says(who.customer, "email", granted=False, at=TEN, now=NOON)

    assert known() == []


def test_staff_find_them_in_the_list_of_messages(admin_client: Client) -> None:
    owner, box = shop(), Box()
    club = make.program(owner)
    who, step = ada(club), campaign(club)
    due(step, who, ada(club, "bob"), at=ELEVEN)
    send_all(owner, ELEVEN, box)
    says(who.customer, "email", granted=False, at=TEN, now=NOON)

    page = admin_client.get(reverse("admin:campaigns_message_changelist"), {"consent": "withdrawn"})

    assert [row.customer_id for row in page.context["cl"].result_list] == [who.customer_id]
