"""A contact with support that staff note on a customer's page; and the list of contacts, by topic and as a file."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.facts import InteractionFact
from customers.models import Customer, Interaction
from customers.privacy import export
from customers.recording import record_interactions
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from tests import make
from tests.admin.test_verbs import asked, signature

pytestmark = pytest.mark.django_db
LIST = "admin:customers_interaction_changelist"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


@pytest.fixture
def ada() -> Membership:
    return make.member(make.program(), "ada")


def said(at: datetime, **given: str) -> dict[str, str]:
    local = timezone.localtime(at)
    return {
        "key": str(uuid4()), "occurred_at_0": f"{local:%Y-%m-%d}", "occurred_at_1": f"{local:%H:%M:%S}", "channel": "phone",
        "topic": "Delivery", "outcome": "solved", "comment": "Came late.\r\nNew parcel.", **given,
    }  # fmt: skip


def test_staff_note_a_contact_once_and_it_stands_as_one_that_a_shop_reports(staff: Client, ada: Membership) -> None:
    before = (timezone.now() - timedelta(hours=1)).replace(microsecond=0)
    given = said(before)

    page, done = asked(staff, "customers_customer_note_contact", ada.customer_id, given)

    assert "The contact is of " in page
    assert "The contact is noted." in done.content.decode()
    row = Interaction.objects.get()
    assert (row.number, row.customer_id, row.kind) == (f"staff:{given['key']}", ada.customer_id, "support")
    assert (row.topic, row.outcome, row.comment) == ("Delivery", "solved", "Came late.\nNew parcel.")
    assert (row.channel, row.occurred_at) == ("phone", before)
    sections = {each["name"]: each["rows"] for each in export(ada.customer, now=timezone.now())["sections"]}
    assert [(each["topic"], each["comment"]) for each in sections["interactions"]] == [
        ("Delivery", "Came late.\nNew parcel.")
    ]

    again, _ = asked(staff, "customers_customer_note_contact", ada.customer_id, given)
    assert "This was done already: nothing changes." in again
    assert Interaction.objects.count() == 1


def test_what_is_only_shown_leaves_nothing(staff: Client, ada: Membership) -> None:
    events = Event.objects.count()
    page = reverse("admin:customers_customer_note_contact", args=[ada.customer_id])

    staff.post(page, said(timezone.now() - timedelta(hours=1)))

    assert (Interaction.objects.count(), Event.objects.count()) == (0, events)


def test_what_cannot_be_is_said_beside_the_question(staff: Client, ada: Membership) -> None:
    page = reverse("admin:customers_customer_note_contact", args=[ada.customer_id])
    now = timezone.now()

    ahead = staff.post(page, said(now + timedelta(days=2))).content.decode()
    other = staff.post(page, said(now, outcome="done")).content.decode()
    long = staff.post(page, said(now, topic="x" * 51)).content.decode()

    assert "confirmed" not in ahead + other + long
    assert "future" in ahead
    assert "Select a valid choice" in other
    assert "at most 50 characters" in long
    assert not Interaction.objects.exists()


def test_topics_of_before_are_offered_as_words(staff: Client, ada: Membership) -> None:
    calls = ("Delivery", "size", " delivery ".strip(), "")
    record(ada, *calls)
    record(make.member(make.program(), "bob"), "secret")

    page = staff.get(reverse("admin:customers_customer_note_contact", args=[ada.customer_id])).content.decode()

    assert "Among those of before: delivery, size." in page
    assert "secret" not in page


def record(member: Membership, *topics: str, at: datetime | None = None) -> None:
    when = at or timezone.now() - timedelta(days=1)
    facts = [
        InteractionFact(make.number("call"), member.customer.external_id, "support", when, topic=topic, comment="Ada's")
        for topic in topics
    ]
    record_interactions(member.retailer, facts, now=timezone.now())


def test_interactions_are_found_by_topic_and_taken_along(staff: Client, ada: Membership) -> None:
    record(ada, "Delivery", "DELIVERY", "size", "")
    record(ada, "old", at=datetime(2020, 1, 1, tzinfo=UTC))

    page = staff.get(reverse(LIST), {"topic": "delivery"})
    every = staff.get(reverse(LIST)).content.decode()
    chosen = [str(each.pk) for each in page.context["cl"].queryset]
    file = staff.post(reverse(LIST), {"action": "export", "_selected_action": chosen}).content.decode()

    assert [each.topic for each in page.context["cl"].queryset.order_by("number")] == ["Delivery", "DELIVERY"]
    assert "topic=size" in every
    assert "topic=old" not in every  # of more than a year ago
    head, *rows = file.splitlines()
    assert head.lstrip("\ufeff") == "number,kind,customer__external_id,occurred_at,channel,sku,score,topic,outcome"
    assert sorted(row.split(",")[7] for row in rows) == ["DELIVERY", "Delivery"]
    assert "Ada's" not in file


def test_who_was_merged_or_erased_has_none_noted(staff: Client, ada: Membership) -> None:
    page = reverse("admin:customers_customer_note_contact", args=[ada.customer_id])
    Customer.objects.filter(pk=ada.customer_id).update(erased_at=timezone.now())

    answer: Any = staff.post(page, said(timezone.now()), follow=True)

    assert "This person was erased already." in answer.content.decode()
    assert not Interaction.objects.exists()


def test_the_form_that_was_shown_is_the_one_that_is_done(staff: Client, ada: Membership) -> None:
    page = reverse("admin:customers_customer_note_contact", args=[ada.customer_id])
    given = said(timezone.now() - timedelta(hours=1))
    shown = staff.post(page, given)

    other = staff.post(page, given | {"topic": "size", "confirmed": signature(shown)})

    assert "Nothing was done: this is not what you were shown." in other.content.decode()
    assert not Interaction.objects.exists()
