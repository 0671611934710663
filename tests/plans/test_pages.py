"""Plans in the admin: shown, cancelled, paid, refunded, reported; each with what happens said before."""

import csv
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.core.calendar import local_date
from customers.core.exporting import csv_response
from customers.core.ids import new_id
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.configuration.drafts import open_draft
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import change, end, join
from loyalty.plans.models import Invoice, PaymentNotice, Refund
from tests import make
from tests.plans import make_plans
from tests.plans.make_plans import joined, plan_of

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


@pytest.fixture
def ada() -> Membership:
    ada = make.member(make_plans.program({}, {"code": "max", "price": "25.00"}), "ada")
    joined(ada, at=NOW)
    return ada


def act(staff: Client, name: str, row: Any, **said: str) -> tuple[str, str]:
    """Say something, confirm what is shown, and return what was shown and what was answered."""
    address, said = reverse(f"admin:{name}", args=[row.pk]), said | {"reason": "asked for"}
    said = {"key": str(new_id())} | said
    shown = unescape(staff.post(address, said).content.decode())
    confirmed = re.search(r'name="confirmed" value="(\w+)"', shown)
    assert confirmed, shown
    answer = staff.post(address, said | {"confirmed": confirmed[1]}, follow=True)
    return shown, unescape(answer.content.decode())


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_lists_show_what_there_is_and_can_be_filtered(staff: Client, ada: Membership, language: str) -> None:
    change(ada, "max", now=NOW)
    headers = {"accept-language": language}

    for name in ("plans_subscription", "plans_invoice", "plans_refund", "plans_paymentnotice"):
        page = staff.get(reverse(f"admin:{name}_changelist"), headers=headers)
        assert page.status_code == 200
    by_number = staff.get(reverse("admin:plans_subscription_changelist"), {"q": ada.number}).content.decode()
    dunning = [
        staff.get(reverse("admin:plans_invoice_changelist"), {"dunning": kind}).content.decode().count("15.00")
        for kind in ("due", "failed")
    ]

    assert ada.number in by_number
    assert (dunning[0] > 0, dunning[1]) == (True, 0)
    assert staff.get(reverse("admin:plans_invoice_change", args=[Invoice.objects.all()[0].pk])).status_code == 200


def test_a_plan_is_cancelled_for_its_periods_end(staff: Client, ada: Membership) -> None:
    shown, done = act(staff, "plans_subscription_cancel_plan", plan_of(ada), when="period_end")

    assert "The plan goes on through" in shown
    assert "The plan is cancelled." in done
    assert (plan_of(ada).status, plan_of(ada).cancels) == ("active", True)


def test_a_plan_is_ended_at_once_and_its_fee_goes_back(staff: Client, ada: Membership) -> None:
    act(staff, "plans_subscription_cancel_plan", plan_of(ada), when="refund")

    assert (plan_of(ada).end_reason, Refund.objects.get().amount) == ("staff", Decimal("10.00"))


def test_a_payment_is_noted_and_refunded_in_part(staff: Client, ada: Membership) -> None:
    change(ada, "max", now=NOW)

    act(staff, "plans_invoice_note_payment", Invoice.objects.get(status="open"))
    act(staff, "plans_invoice_give_back", Invoice.objects.get(kind="change"), amount="4.50")
    staff.post(
        reverse("admin:plans_refund_changelist"),
        {"action": "carried_out", "_selected_action": [Refund.objects.get().pk]},
    )

    assert plan_of(ada).plan.code == "max"
    assert list(Refund.objects.values_list("amount", "author", "reason", "status")) == [
        (Decimal("4.50"), "eve", "asked for", "done")
    ]


def test_a_refund_that_is_confirmed_twice_goes_back_once(staff: Client, ada: Membership) -> None:
    first, key = Invoice.objects.get(), str(new_id())

    act(staff, "plans_invoice_give_back", first, amount="4.00", key=key)
    shown, _done = act(staff, "plans_invoice_give_back", first, amount="4.00", key=key)

    assert "This was done already: nothing changes." in shown
    assert [each.amount for each in Refund.objects.all()] == [Decimal("4.00")]
    act(staff, "plans_invoice_give_back", first, amount="4.00")  # another one, which somebody asked for anew
    assert [each.amount for each in Refund.objects.all()] == [Decimal("4.00")] * 2


def test_a_click_that_is_sent_twice_is_told_so(staff: Client, ada: Membership) -> None:
    address = reverse("admin:plans_invoice_give_back", args=[Invoice.objects.get().pk])
    asked = {"amount": "4.00", "reason": "late", "key": str(new_id())}
    shown = staff.post(address, asked).content.decode()
    confirmed = asked | {"confirmed": re.findall(r'name="confirmed" value="(\w+)"', shown)[0]}

    answers = [staff.post(address, confirmed) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 200]
    assert Refund.objects.count() == 1


def test_a_plan_that_awaits_its_payment_is_told_to_end_at_once(staff: Client) -> None:
    bob = make.member(make_plans.program(), "bob")
    join(bob, "plus", now=NOW)

    shown, _done = act(staff, "plans_subscription_cancel_plan", plan_of(bob), when="period_end")

    assert "The plan has not begun: it ends at once, and its invoice is void." in shown
    assert (plan_of(bob).status, Invoice.objects.get().status) == ("ended", "void")


def test_more_than_was_paid_is_refused_beside_the_question(staff: Client, ada: Membership) -> None:
    address = reverse("admin:plans_invoice_give_back", args=[Invoice.objects.get().pk])

    page = staff.post(address, {"amount": "10.01", "reason": "late", "key": str(new_id())}).content.decode()

    assert "10.01 EUR are to be refunded; 10.00 can be." in page
    assert Refund.objects.count() == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_is_shown_and_downloaded(staff: Client, ada: Membership, language: str) -> None:
    address = reverse("admin:plans_subscription_report")

    page = staff.get(address, headers={"accept-language": language})
    file = staff.get(address, {"program": ada.program.slug, "format": "csv"}).content.decode()

    assert page.status_code == 200
    rows = list(csv.DictReader(file.splitlines()))
    assert (len(rows), rows[-1]["joined"], rows[-1]["began"], rows[-1]["churn_percent"]) == (12, "1", "0", "0")
    plans, cohorts = (
        list(csv.DictReader(staff.get(address, {"format": "csv", "table": table}).content.decode().splitlines()))
        for table in ("plans", "cohorts")
    )
    assert [(row["plan"], row["active"], row["joined"], row["churn_percent"]) for row in plans] == [
        ("plus", "1", "1", "0"), ("max", "0", "0", ""),
    ]  # fmt: skip
    this = str(local_date(NOW, ada.program.tzinfo).replace(day=1))
    assert cohorts == [{"first_plan_in": this, "members": "1", "month": this, "left": "1"}]


@pytest.mark.parametrize(("language", "written"), [("en", "33.3333"), ("fr", "33,3333")])
def test_a_share_in_a_file_has_no_more_digits_than_somebody_reads(
    staff: Client, ada: Membership, language: str, written: str
) -> None:
    for name in ("bob", "charlie"):
        joined(make.member(ada.program, name), at=NOW)
    end(ada, refunds=False, now=NOW + timedelta(seconds=1))

    for table in ("months", "plans"):
        asked = {"program": ada.program.slug, "format": "csv", "table": table}
        file = staff.get(reverse("admin:plans_subscription_report"), asked, headers={"accept-language": language})
        rows = csv.DictReader(
            file.content.decode().removeprefix("\ufeff").splitlines(), delimiter=";" if language == "fr" else ","
        )
        assert {row["churn_percent"] for row in rows if row["ended"] == "1"} == {written}


def test_without_plans_the_report_says_what_to_do(staff: Client) -> None:
    page = staff.get(reverse("admin:plans_subscription_report")).content.decode()

    assert "Add a paid plan to a draft" in page


def test_refunds_and_notices_are_found_and_told_in_words(staff: Client, ada: Membership) -> None:
    end(ada, refunds=True, now=NOW)
    invoice = Invoice.objects.get(kind="first")
    notice = PaymentNotice.objects.create(
        retailer=ada.retailer, provider="test", notice_id="evt_1", kind="paid", invoice=invoice, effect="paid",
        occurred_at=NOW, recorded_at=NOW,
    )  # fmt: skip
    refunds, notices = (reverse(f"admin:plans_{name}_changelist") for name in ("refund", "paymentnotice"))

    page = staff.get(refunds, {"decided": "credit"}).content.decode()
    by_staff = staff.get(refunds, {"decided": "staff"}).content.decode()
    file = staff.post(notices, {"action": "export", "_selected_action": [notice.pk]}).content.decode()

    assert "credit without a next invoice" in page
    assert "10.00 EUR" in page
    assert "10.00 EUR" not in by_staff
    assert ada.number in staff.get(notices, {"q": ada.number}).content.decode()
    (row,) = csv.DictReader(file.splitlines())
    assert (row["notice_id"], row["invoice__subscription__membership__number"]) == ("evt_1", ada.number)


def test_a_list_is_taken_along_as_csv_without_formulas(staff: Client, ada: Membership) -> None:
    ada.customer.external_id = "=HYPERLINK(1)"
    ada.customer.save(update_fields=["external_id"])
    posted = {"action": "export", "_selected_action": [plan_of(ada).pk]}

    file = staff.post(reverse("admin:plans_subscription_changelist"), posted).content.decode()

    (row,) = csv.DictReader(file.splitlines())
    assert (row["membership__number"], row["membership__customer__external_id"]) == (ada.number, "'=HYPERLINK(1)")
    plain = csv_response("x.csv", ["a"], [["-6.67"], ["-x"], [None]]).content.decode()
    assert plain.splitlines() == ["a", "-6.67", "'-x", '""']


def test_a_version_with_plans_is_edited_and_read_in_the_admin(staff: Client, ada: Membership) -> None:
    draft = open_draft(ada.program)

    page = staff.get(reverse("admin:programs_programversion_page", args=[draft.pk])).content.decode()
    form = staff.get(reverse("admin:programs_programversion_change", args=[draft.pk])).content.decode()

    assert "10 EUR a month" in page
    assert 'name="plans-0-price"' in form


def test_the_month_s_end_shows_fees_and_has_them_in_its_journal(staff: Client, ada: Membership) -> None:
    month = f"{NOW:%Y-%m}"

    page = staff.get(reverse("admin:programs_program_month_end", args=[ada.program_id]), {"month": month})
    file = staff.get(reverse("admin:programs_program_journal", args=[ada.program_id]), {"month": month})
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    said = staff.get(f"/api/v1/programs/{ada.program.slug}/month-end", {"month": month}, headers=key).json()

    assert "Fees of paid plans" in page.content.decode()
    rows = [row for row in csv.DictReader(file.content.decode().splitlines()) if row["event"] == "fees_paid"]
    assert [(row["account"], row["debit"], row["credit"]) for row in rows] == [
        ("payments", "10.00", "0.00"), ("deferred_fees", "0.00", "10.00"),
    ]  # fmt: skip
    assert Decimal(said["fees"]["deferred_after"]) + Decimal(said["fees"]["earned"]) == 10


def test_who_leaves_is_told_before_that_the_plan_ends(ada: Membership) -> None:
    before = lost_by_leaving(ada, at=NOW)

    assert (before.plan, leave(ada, now=NOW).plan, lost_by_leaving(ada, at=NOW).plan) == ("plus", "plus", "")
