"""Contacts with support: what they were about and how they ended, by API and file, on pages, in exports and in erasures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from analytics.paths.contacts import TopicCount, count_contacts
from customers.batches import OtherContent, Status
from customers.checks import InvalidFact
from customers.facts import InteractionFact, fingerprint
from customers.models import Customer, Erasure, Interaction, Retailer
from customers.privacy import erase
from customers.recording import record_interactions
from loyalty.access.models import StaffRole
from tests import make
from tests.customers.files import lines_of, run
from tests.make import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
AT = "2026-03-01T10:00:00+01:00"
CALL = InteractionFact(
    "i1", "ada", "support", NOON - DAY, channel="phone", topic="Delivery", outcome="solved", comment="Two\nlines"
)


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


def record(owner: Retailer, *facts: InteractionFact) -> list[Status]:
    return [each.status for each in record_interactions(owner, facts, now=NOON)]


def test_a_contact_is_recorded_with_what_it_was_about_and_how_it_ended(shop: Retailer) -> None:
    assert record(shop, CALL) == [Status.CREATED]

    row = Interaction.objects.get(number="i1")
    assert (row.channel, row.topic, row.outcome, row.comment) == ("phone", "Delivery", "solved", "Two\nlines")


@pytest.mark.parametrize(
    ("name", "said", "recorded"),
    [("topic", "delivery", "Delivery"), ("outcome", "unsolved", "solved"), ("comment", "", "Two\nlines")],
)
def test_the_same_contact_is_known_again_and_another_one_is_a_conflict(
    shop: Retailer, name: str, said: str, recorded: str
) -> None:
    record(shop, CALL)
    changed: dict[str, Any] = {name: said}

    again, other = record_interactions(shop, [CALL, replace(CALL, **changed)], now=NOON)

    assert (again.status, other.status) == (Status.UNCHANGED, Status.FAILED)
    assert isinstance(other.error, OtherContent)
    assert [each.place for each in other.error.findings] == [name]
    assert other.error.findings[0].message == f"Recorded is {recorded}, and this says {said or 'nothing'}."
    assert getattr(Interaction.objects.get(), name) == recorded


def test_a_long_comment_makes_no_long_refusal(shop: Retailer) -> None:
    record(shop, replace(CALL, comment="x" * 2_000))

    (other,) = record_interactions(shop, [replace(CALL, comment="y" * 2_000)], now=NOON)

    assert f"Recorded is {'x' * 100}…, and this says {'y' * 100}…." in str(other.error)


def test_what_was_recorded_before_contacts_had_topics_keeps_its_hash() -> None:
    plain = InteractionFact("i1", "ada", "support", datetime(2026, 3, 1, tzinfo=UTC))

    assert fingerprint(plain).hex() == "3e52e592e88ca5dc1e65d27d8d336748"


@pytest.mark.parametrize(
    ("given", "column", "code"),
    [
        ({"kind": "review"}, "topic", "not_of_a_contact"),
        ({"kind": "review", "topic": "", "outcome": ""}, "comment", "not_of_a_contact"),
        ({"outcome": "done"}, "outcome", "no_such_outcome"),
        ({"topic": "x" * 51}, "topic", "text_too_long"),
        ({"topic": "a\nb"}, "topic", "text_with_line_break"),
        ({"comment": "x" * 2_001}, "comment", "text_too_long"),
        ({"comment": "a\0"}, "comment", "text_with_nul"),
    ],
)
def test_what_no_contact_says_is_refused(given: dict[str, Any], column: str, code: str) -> None:
    with pytest.raises(InvalidFact) as refused:
        replace(CALL, **given)

    assert (refused.value.column, refused.value.code) == (column, code)


@pytest.mark.parametrize(
    ("changed", "guard"),
    [
        ({"kind": "review"}, "interaction_topic_is_of_a_contact"),
        ({"outcome": "done"}, "interaction_outcome_is_known"),
    ],
)
def test_the_database_refuses_it_too(shop: Retailer, changed: dict[str, str], guard: str) -> None:
    record(shop, CALL)

    with pytest.raises(IntegrityError, match=guard), transaction.atomic():
        Interaction.objects.update(**changed)


def test_by_api(shop: Retailer, client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(shop, 'activity:write')}", "accept-language": "en"}
    said = {"number": "i1", "customer": "ada", "kind": "support", "occurred_at": AT, "topic": " delivery ",
            "outcome": "open", "comment": "One\r\ntwo"}  # fmt: skip

    def sent(**given: object) -> tuple[int, dict[str, str]]:
        answer = client.post("/api/v1/interactions", said | given, "application/json", headers=headers)
        told = {each["pointer"]: each["code"] for each in answer.json().get("errors", ())}
        return answer.status_code, told

    assert sent() == (201, {})
    assert sent(topic="delivery", comment="One\ntwo") == (200, {})
    assert sent(outcome="solved") == (409, {"/outcome": "differs"})
    assert sent(number="i2", outcome="done") == (400, {"/outcome": "invalid_choice"})
    assert sent(number="i2", kind="visit") == (400, {"/topic": "not_of_a_contact"})
    assert sent(number="i3", topic=None, outcome=None, comment=None) == (201, {})
    rows = Interaction.objects.order_by("number").values_list("number", "topic", "outcome", "comment")
    assert list(rows) == [("i1", "delivery", "open", "One\ntwo"), ("i3", "", "", "")]


def test_by_file_as_by_api(shop: Retailer) -> None:
    head = "number,customer,kind,occurred_at,channel,topic,outcome,comment\n"
    rows = (
        f"i1,ada,support,{AT},phone,delivery,SOLVED,Came late\n"
        f"i2,ada,support,{AT},,,maybe,\n"
        f"i3,ada,review,{AT},,delivery,,\n"
        f"i4,bob,support,{AT},,,,\n"
    )

    report = run(shop, "interactions", head + rows)

    assert [(line, column) for line, column, _words in lines_of(report)] == [(3, "outcome"), (4, "topic")]
    found = Interaction.objects.order_by("number").values_list("number", "topic", "outcome", "comment")
    assert list(found) == [("i1", "delivery", "solved", "Came late"), ("i4", "", "", "")]
    assert lines_of(run(shop, "interactions", head + rows.splitlines()[0])) == []


def test_staff_reads_contacts_on_the_customers_page(shop: Retailer, client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue"))
    many = [replace(CALL, number=f"n{place}", topic=f"topic {place:02}", comment="") for place in range(25)]
    record(shop, CALL, replace(CALL, number="i2", kind="visit", topic="", outcome="", comment=""), *many)
    ada = Customer.objects.get(external_id="ada")

    page = client.get(reverse("admin:customers_customer_change", args=[ada.pk]), headers={"accept-language": "en"})
    formset = page.context["inline_admin_formsets"][2].formset

    assert [each.number for each in formset.queryset][-1] == "i1"  # the oldest one by its id
    assert (formset.queryset.count(), len(formset.forms)) == (26, 20)
    assert "topic 24" in page.content.decode()


@pytest.mark.parametrize(("role", "words"), [("support", {"Delivery", "rosebud"}), ("analyst", {"Delivery"})])
def test_the_words_of_a_contact_are_for_those_who_may_see_persons(
    shop: Retailer, client: Client, role: str, words: set[str]
) -> None:
    user = User.objects.create_user("sam", is_staff=True)
    StaffRole.objects.create(user=user, retailer=shop, role=role)
    client.force_login(user)
    record(shop, replace(CALL, comment="rosebud"))

    page = client.get(reverse("admin:customers_interaction_change", args=[Interaction.objects.get().pk]))

    assert {each for each in ("Delivery", "rosebud") if each in page.content.decode()} == words


def test_a_person_has_its_contacts_and_erasure_leaves_no_words_of_them(shop: Retailer) -> None:
    record(shop, CALL, replace(CALL, number="i2", customer="bob"))
    hashed = bytes(Interaction.objects.get(number="i1").content_hash)

    erase(Customer.objects.get(external_id="ada"), asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)

    row, bob = Interaction.objects.get(number="i1"), Interaction.objects.get(number="i2")
    assert (row.topic, row.outcome, row.comment) == ("Delivery", "solved", "")
    assert bytes(row.content_hash) != hashed
    assert bob.comment == "Two\nlines"


def test_contacts_are_counted_by_topic_and_outcome(shop: Retailer) -> None:
    calls = [("ada", "Delivery", "solved"), ("ada", " delivery", "unsolved"), ("bob", "DELIVERY", "open"), ("bob", "", ""),
             ("bob", "size", "solved")]  # fmt: skip
    record(shop, *(replace(CALL, number=f"n{n}", customer=who, topic=topic.strip(), outcome=how)
                   for n, (who, topic, how) in enumerate(calls)))  # fmt: skip
    record(make.retailer(), CALL)
    record(
        shop, replace(CALL, number="old", occurred_at=NOON - 2 * DAY), replace(CALL, number="late", occurred_at=NOON)
    )

    assert count_contacts(shop, since=NOON - DAY, until=NOON) == [
        TopicCount("delivery", 1, 3, 2, 1, 1, 1), TopicCount("size", 1, 1, 1, 1, 0, 0), TopicCount("", 1, 1, 1, 0, 0, 0),
    ]  # fmt: skip


def test_topics_beyond_the_twentieth_stand_together(shop: Retailer) -> None:
    record(shop, *(replace(CALL, number=f"n{n}", topic=f"t{n:02}") for n in range(23)))

    found = count_contacts(shop, since=NOON - DAY, until=NOON)

    assert [each.topic for each in found] == [*(f"t{n:02}" for n in range(20)), None]
    assert found[-1] == TopicCount(None, 3, 3, 1, 3, 0, 0)


def test_the_journey_map_tells_them_to_staff_and_systems(shop: Retailer, client: Client) -> None:
    record(shop, CALL, replace(CALL, number="i2", topic="", outcome=""))
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}"}
    client.force_login(User.objects.create_superuser("sue"))

    told = client.get("/api/v1/analytics/journey-map?days=90", headers=headers).json()["contacts"]
    page = client.get(f"/admin/analytics/funnel/map/?retailer={shop.slug}", headers={"accept-language": "en"})

    assert told == [
        {"topic": "delivery", "topics": 1, "contacts": 1, "customers": 1, "solved": 1, "unsolved": 0, "open": 0, "unknown": 0},
        {"topic": "", "topics": 1, "contacts": 1, "customers": 1, "solved": 0, "unsolved": 0, "open": 0, "unknown": 1},
    ]  # fmt: skip
    assert page.context["contacts"] == [
        ("delivery", "1", "1", "1", "0", "0", "0", "100.0\u00a0%"), ("no topic", "1", "1", "0", "0", "0", "1", "-"),
    ]  # fmt: skip
