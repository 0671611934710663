"""The audit's page, who sees what of it, and what stands in the place of a number that the data do not carry."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation

from analytics.audit.running import MAX_KEPT, audit, latest, verdict
from analytics.audit.verdicts import Answer, Use
from analytics.audit.words import instead, percent
from analytics.models import AuditRequest, AuditRun
from analytics.runs import compute_value
from analytics.tasks import audit_asked, audit_everyone
from customers.models import Customer, Erasure, Order, Retailer
from customers.privacy import erase
from customers.recording import record_orders
from loyalty.access.models import StaffRole
from tests import make
from tests.analytics.audit.shops import NOW, every_day, order, shop

pytestmark = pytest.mark.django_db
LIST = "admin:analytics_auditrun_changelist"


@pytest.fixture
def owner() -> Retailer:
    """A shop whose customer "till" serves everybody, with an audit."""
    many = [order(f"c{place}", 0, name=f"c{place}") for place in range(300)]
    found = shop(*many, *(order("till", place % 90, name=f"t{place}") for place in range(50)), name="Port")
    audit(found, now=NOW)
    return found


@pytest.fixture
def as_role(owner: Retailer) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        user = User.objects.create_user(role, is_staff=True)
        StaffRole.objects.create(user=user, retailer=owner, role=role)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def test_an_audit_is_kept_and_asked_with_one_statement(owner: Retailer, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        found = verdict(owner, Use.COHORTS)

    assert (found.answer, [reason.check for reason in found.reasons]) == (
        Answer.NOT,
        ["left_truncation", "history_days"],
    )
    run = latest(owner.pk)
    assert run is not None
    assert (run.orders, run.customers, len(run.findings), sum(run.hours)) == (350, 301, 34, 350)
    assert run.months == [["2026-01-01", 327, 327], ["2026-02-01", 23, 23]]


def test_an_audit_costs_the_same_statements_whatever_its_size(django_assert_num_queries: Any) -> None:
    small, large = shop(order("ada", 0)), shop(*every_day())

    for each in (small, large):
        with django_assert_num_queries(13):
            audit(each, now=NOW)


def test_nothing_is_blocked_before_anybody_looked() -> None:
    new = make.retailer()

    assert verdict(new, Use.CAC).answer is Answer.READY
    assert audit(new, now=NOW) is None


def test_audits_of_a_year_are_kept(owner: Retailer) -> None:
    run = AuditRun.objects.get()
    run.pk = None
    AuditRun.objects.bulk_create(AuditRun(**_fields(run)) for _place in range(MAX_KEPT))

    audit(owner, now=NOW)

    assert AuditRun.objects.filter(retailer=owner).count() == MAX_KEPT


def _fields(run: AuditRun) -> dict[str, Any]:
    return {field.attname: getattr(run, field.attname) for field in run._meta.concrete_fields if not field.primary_key}


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["Data audit", "left-truncated", "For example:"]), ("fr", ["Port"])]
)
def test_the_page_shows_verdicts_checks_and_charts(
    as_role: Callable[[str], Client], language: str, words: list[str]
) -> None:
    page = unescape(as_role("owner").get(reverse(LIST), headers={"accept-language": language}).content.decode())

    assert [word for word in words if word.lower() not in page.lower()] == []
    assert page.count("<canvas") == page.count('<table class="plain-table"') == 2
    assert page.count('class="findings"') == 9


def test_examples_lead_to_their_lists(as_role: Callable[[str], Client], owner: Retailer) -> None:
    Order.objects.filter(number="c7").update(net_amount=0)
    audit(owner, now=NOW)

    page = unescape(as_role("owner").get(reverse(LIST)).content.decode())

    till = Customer.objects.get(external_id="till")
    assert (
        f'<a class="version-link" href="{reverse("admin:customers_customer_change", args=[till.pk])}">till</a>' in page
    )
    assert f'<a class="version-link" href="{reverse("admin:customers_order_changelist")}?q=c7">c7</a>' in page


def test_a_day_leads_to_the_orders_around_it(as_role: Callable[[str], Client], owner: Retailer) -> None:
    facts = [fact for fact in every_day() if fact.occurred_at.day != 17]
    record_orders(owner, facts, now=NOW)
    audit(owner, now=NOW)

    client = as_role("owner")
    page = unescape(client.get(reverse(LIST)).content.decode())

    address = f"{reverse('admin:customers_order_changelist')}?local_date=2026-03-17"
    assert f'href="{address}">March 17, 2026</a>' in page
    assert client.get(address).status_code == 200


def test_who_may_not_see_persons_sees_none(as_role: Callable[[str], Client]) -> None:
    pages = {role: as_role(role).get(reverse(LIST)).content.decode() for role in ("manager", "analyst")}

    assert [role for role, page in pages.items() if ">till<" in page or "a customer" not in page] == []


def test_who_is_erased_is_named_in_no_audit(as_role: Callable[[str], Client], owner: Retailer) -> None:
    till = Customer.objects.get(external_id="till")
    erase(till, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOW)

    page = as_role("owner").get(reverse(LIST)).content.decode()

    till.refresh_from_db()
    assert "a customer" in page
    assert [name for name in ("till<", till.external_id, str(till.pk)) if name in page] == []


def test_an_audit_is_asked_for(as_role: Callable[[str], Client], owner: Retailer) -> None:
    asked = {"retailer": owner.slug}
    address = reverse("admin:analytics_auditrun_ask")

    client = as_role("analyst")
    client.post(address, asked)
    answer = client.post(address, asked, follow=True)
    refused = as_role("auditor").post(address, asked)
    audit_asked()
    audit_asked()

    assert (AuditRun.objects.count(), AuditRequest.objects.count()) == (2, 0)
    assert "A worker looks at the data in a moment" in answer.content.decode()
    assert refused.status_code == 403
    assert "Look at the data again" not in as_role("support").get(reverse(LIST)).content.decode()


def test_another_retailers_audit_is_not_there(as_role: Callable[[str], Client]) -> None:
    other = shop(order("eve", 0), name="Harbour")
    run = audit(other, now=NOW)
    assert run is not None
    client = as_role("owner")

    assert client.get(reverse("admin:analytics_auditrun_change", args=[run.pk])).status_code == 404
    assert client.post(reverse("admin:analytics_auditrun_ask"), {"retailer": other.slug}).status_code == 404
    assert "Harbour" not in client.get(f"{reverse(LIST)}?retailer={other.slug}").content.decode()


def test_earlier_audits_are_reached(as_role: Callable[[str], Client], owner: Retailer) -> None:
    first = AuditRun.objects.get()
    audit(owner, now=NOW)
    client = as_role("auditor")

    address = reverse("admin:analytics_auditrun_change", args=[first.pk])
    assert address in client.get(reverse(LIST)).content.decode()
    assert client.get(address).status_code == 200
    assert client.get(reverse("admin:analytics_auditrun_add")).status_code == 403


def test_a_blocked_value_shows_the_reason_in_its_place(as_role: Callable[[str], Client], owner: Retailer) -> None:
    record_orders(owner, every_day(), now=NOW)
    compute_value(owner, now=NOW)
    client = as_role("owner")
    audit(owner, now=NOW)
    before = unescape(client.get(reverse("admin:index")).content.decode())
    Order.objects.filter(number="t1").update(currency="USD")
    audit(owner, now=NOW)

    after = unescape(client.get(reverse("admin:index")).content.decode())

    assert (before.count("<canvas"), after.count("<canvas")) == (2, 1)
    assert "To be read with care" in before
    said = (
        "not shown, for the data do not carry it. Orders in another currency than the retailer’s: 1 of 718 (0.1\xa0%)."
    )
    assert said in after
    assert said in instead(verdict(owner, Use.FORMULA), "EUR")


def test_percentages_say_of_little_that_it_is_not_nothing() -> None:
    found = [percent(part) for part in (0, 0.0001, 0.0625, 0.5, 1)]
    with translation.override("fr"):
        french = percent(0.0625)

    assert found == ["0\xa0%", "less than 0.1\xa0%", "6.2\xa0%", "50\xa0%", "100\xa0%"]
    assert french == "6,2\xa0%"


def test_the_command_says_what_the_data_carry(owner: Retailer, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit", owner.slug)

    said = capsys.readouterr().out
    assert "Cohorts: not (left_truncation, history_days)" in said
    assert "left_truncation" in said
    with pytest.raises(CommandError, match="Nothing was ever bought"):
        call_command("audit", make.retailer().slug)


def test_every_retailer_is_looked_at_by_night(owner: Retailer) -> None:
    other = shop(order("eve", 0))

    audit_everyone()

    assert [AuditRun.objects.filter(retailer=each).count() for each in (owner, other)] == [2, 1]
