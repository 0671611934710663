"""Payments that fail, come late, twice or out of order, and what goes back."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.plans.account.collecting import carry_out_refunds, collect_due
from loyalty.plans.account.joining import When, cancel, change, end, join, use_method
from loyalty.plans.account.notices import Taken, take_notice
from loyalty.plans.account.paying import MoreThanPaid, NotPaid, mark_paid, refund
from loyalty.plans.account.session import HasPlan, NoPlan, PaymentDue
from loyalty.plans.models import Invoice, InvoiceLine, PaymentNotice, Refund
from loyalty.plans.providers.port import Answer, Charge, NotReached, UnreadableNotice, WrongSignature
from loyalty.plans.providers.signing import sign
from loyalty.plans.providers.tryout import HEADER, TryoutProvider
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import changes_of, gave, invoices_of, joined, nights_until, plan_of

pytestmark = pytest.mark.django_db

TWO = ({"code": "plus", "price": "10.00", "multiplier": "2"}, {"code": "max", "price": "25.00", "multiplier": "3"})
PROVIDER = TryoutProvider("secret")


def collects(who: Membership, at: datetime) -> None:
    """Let the test provider take what is due, and give back what is to be refunded."""
    collect_due(who.program.retailer, now=at, choose=lambda _: PROVIDER)
    carry_out_refunds(who.program.retailer, now=at, choose=lambda _: PROVIDER)


def tells(
    who: Membership, kind: str, subject: Any, *, at: datetime, now: datetime, name: str = "n1", of: str = "r1"
) -> Taken:
    """Let the provider tell by webhook what happened at an instant."""
    body = json.dumps({"id": name, "kind": kind, "subject": str(subject.pk), "at": at.isoformat(), "reference": of})
    signed = {HEADER: sign(body.encode(), "secret", now)}
    return take_notice(who.program.retailer, PROVIDER, signed, body.encode(), now=now)


def renewed(method: str = "declines") -> tuple[Membership, Invoice]:
    """Return a member whose plan was renewed on 1 July, and the open invoice for it."""
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"), method=method)
    nights_until(club, "2026-07-01")
    return ada, Invoice.objects.get(kind="renewal")


def events(*kinds: str) -> list[str]:
    return list(
        Event.objects.filter(type__in=[f"plan.{kind}" for kind in kinds]).order_by("id").values_list("type", flat=True)
    )


def test_a_provider_takes_the_first_fee_and_the_plan_begins() -> None:
    ada = make.member(make_plans.program(*TWO))

    join(ada, "plus", method="pays", now=on("2026-06-01T12:00"))
    collects(ada, on("2026-06-01T12:01"))
    collects(ada, on("2026-06-01T12:02"))

    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.provider, invoice.paid_at) == ("paid", "test", on("2026-06-01T12:01"))
    assert plan_of(ada).status == "active"
    assert events("awaits_payment", "paid", "joined") == ["plan.awaits_payment", "plan.paid", "plan.joined"]


def test_a_method_that_is_named_when_joining_again_pays_what_waited() -> None:
    ada = make.member(make_plans.program(*TWO))
    join(ada, "plus", now=on("2026-06-01T12:00"))
    collects(ada, on("2026-06-01T12:01"))

    join(ada, "plus", method="pays", now=on("2026-06-01T12:02"))
    collects(ada, on("2026-06-01T12:03"))

    assert plan_of(ada).status == "active"


def test_a_payment_that_fails_is_tried_again_and_paid_on_the_fifth_day_the_benefits_never_stop() -> None:
    ada, invoice = renewed()

    for day in range(1, 5):
        collects(ada, on(f"2026-07-0{day}T06:00"))
    invoice.refresh_from_db()
    tried, during = invoice.attempts, gave(make.buys(ada, "10.00", at=on("2026-07-04T12:00")))
    use_method(ada, "pays", now=on("2026-07-05T12:00"))
    collects(ada, on("2026-07-05T12:01"))
    nights_until(ada.program, "2026-07-20")

    assert (tried, during) == (2, 20)
    assert gave(make.buys(ada, "10.00", at=on("2026-07-20T12:00"))) == 20
    assert changes_of(ada) == [(None, "plus", on("2026-06-01T12:00"))]
    assert plan_of(ada).status == "active"
    assert events("payment_failed", "ended") == ["plan.payment_failed", "plan.payment_failed"]


def test_a_payment_that_fails_to_the_end_is_given_up_with_one_event() -> None:
    ada, invoice = renewed()

    for day in range(1, 10):
        collects(ada, on(f"2026-07-0{day}T06:00"))
    nights_until(ada.program, "2026-07-12")

    invoice.refresh_from_db()
    assert (invoice.status, invoice.attempts, invoice.voided_at) == ("void", 4, on("2026-07-08T00:00"))
    assert changes_of(ada)[-1] == ("plus", None, on("2026-07-08T00:00"))
    assert events("ended") == ["plan.ended"]


def test_the_same_notice_twice_has_one_effect() -> None:
    ada, invoice = renewed("later")

    first = tells(ada, "paid", invoice, at=on("2026-07-01T05:00"), now=on("2026-07-01T05:00"))
    second = tells(ada, "paid", invoice, at=on("2026-07-01T05:00"), now=on("2026-07-01T05:01"))
    another = tells(ada, "paid", invoice, at=on("2026-07-01T05:00"), now=on("2026-07-01T05:02"), name="n2")

    assert (first, second, another) == (Taken("paid"), Taken("known", is_new=False), Taken("known"))
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "paid")]
    assert (Refund.objects.count(), PaymentNotice.objects.count()) == (0, 2)


def test_a_notice_with_a_wrong_signature_is_refused_and_changes_nothing() -> None:
    ada, invoice = renewed("later")
    body = json.dumps({"id": "n1", "kind": "paid", "subject": str(invoice.pk), "at": "2026-07-01T05:00:00Z"}).encode()
    now = on("2026-07-01T05:00")
    wrong = [
        {},
        {HEADER: "nonsense"},
        {HEADER: sign(body, "another", now)},
        {HEADER: sign(body + b" ", "secret", now)},
        {HEADER: sign(body, "secret", now - timedelta(minutes=6))},
        {HEADER: sign(body, "secret", now + timedelta(minutes=6))},
        {HEADER: f"t={'9' * 30},v1=00"},
    ]

    for headers in wrong:
        with pytest.raises(WrongSignature):
            take_notice(ada.program.retailer, PROVIDER, headers, body, now=now)

    assert invoices_of(ada)[-1] == ("renewal", "10.00", "open")
    assert PaymentNotice.objects.count() == 0


def test_a_signed_notice_that_says_nothing_is_refused() -> None:
    ada, _ = renewed("later")
    now = on("2026-07-01T05:00")

    for body in (b"", b"[]", b"{}", b'{"id": 1, "kind": "paid", "subject": "x", "at": "2026-07-01T05:00:00Z"}'):
        with pytest.raises(UnreadableNotice):
            take_notice(ada.program.retailer, PROVIDER, {HEADER: sign(body, "secret", now)}, body, now=now)

    assert PaymentNotice.objects.count() == 0


def test_a_failure_that_is_told_after_the_payment_changes_nothing() -> None:
    ada, invoice = renewed("later")

    tells(ada, "paid", invoice, at=on("2026-07-01T05:10"), now=on("2026-07-01T05:11"), name="n2")
    late = tells(ada, "failed", invoice, at=on("2026-07-01T05:00"), now=on("2026-07-01T05:12"), name="n1")

    assert late == Taken("older")
    assert (plan_of(ada).status, events("payment_failed")) == ("active", [])


def test_an_older_failure_after_a_newer_one_changes_nothing() -> None:
    ada, invoice = renewed("later")

    tells(ada, "failed", invoice, at=on("2026-07-02T05:00"), now=on("2026-07-02T05:00"), name="n2")
    late = tells(ada, "failed", invoice, at=on("2026-07-01T05:00"), now=on("2026-07-02T05:01"), name="n1")

    invoice.refresh_from_db()
    assert (late, invoice.attempts, invoice.last_failed_at) == (Taken("older"), 1, on("2026-07-02T05:00"))
    assert plan_of(ada).status == "past_due"


def test_a_payment_of_the_fifth_day_that_is_told_on_the_tenth_makes_good_the_end() -> None:
    ada, invoice = renewed("later")
    collects(ada, on("2026-07-01T00:10"))
    nights_until(ada.program, "2026-07-10")
    assert plan_of(ada).status == "ended"

    told = tells(ada, "paid", invoice, at=on("2026-07-05T12:00"), now=on("2026-07-10T12:00"))

    invoice.refresh_from_db()
    assert (told, invoice.status, invoice.paid_at) == (Taken("paid"), "paid", on("2026-07-05T12:00"))
    found = plan_of(ada)
    assert (found.status, found.ended_at, str(found.end_day)) == ("active", None, "2026-08-01")
    assert gave(make.buys(ada, "10.00", at=on("2026-07-11T12:00"))) == 20
    assert Refund.objects.count() == 0


def test_a_payment_of_the_fifth_day_that_is_told_in_the_period_after_next_goes_on_from_there() -> None:
    ada, invoice = renewed("later")
    collects(ada, on("2026-07-01T00:10"))
    nights_until(ada.program, "2026-08-20")

    tells(ada, "paid", invoice, at=on("2026-07-05T12:00"), now=on("2026-08-20T12:00"))

    found = plan_of(ada)
    assert (found.status, str(found.first_day), str(found.end_day)) == ("active", "2026-08-01", "2026-09-01")
    assert invoices_of(ada)[-1] == ("renewal", "10.00", "open")
    assert str(Invoice.objects.get(status="open").unpaid_on) == "2026-08-27"


def test_a_payment_of_the_ninth_day_goes_back() -> None:
    ada, invoice = renewed("later")
    collects(ada, on("2026-07-01T00:10"))
    nights_until(ada.program, "2026-07-10")

    told = tells(ada, "paid", invoice, at=on("2026-07-09T12:00"), now=on("2026-07-10T12:00"))
    collects(ada, on("2026-07-10T12:01"))

    back = Refund.objects.get()
    assert (told, back.amount, back.reason, back.status) == (Taken("paid"), Decimal("10.00"), "paid_too_late", "done")
    assert plan_of(ada).status == "ended"
    assert events("paid_too_late") == ["plan.paid_too_late"]


def test_an_upgrade_that_is_not_paid_never_was() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))

    change(ada, "max", now=on("2026-06-11T09:00"))
    before = gave(make.buys(ada, "10.00", at=on("2026-06-12T12:00")))
    nights_until(club, "2026-06-18")

    assert before == 20
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("change", "10.00", "void")]
    found = plan_of(ada)
    assert (found.plan.code, found.credit, str(found.end_day)) == ("plus", Decimal(0), "2026-07-01")


def test_an_upgrade_that_is_paid_later_costs_the_days_that_are_left_then() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))

    change(ada, "max", now=on("2026-06-11T09:00"))
    make_plans.pays(ada, at=on("2026-06-16T09:00"))

    lines = InvoiceLine.objects.order_by("pk").values_list("plan__code", "first_day__day", "amount")
    assert [(code, day, f"{amount:f}") for code, day, amount in lines] == [
        ("plus", 1, "10.00"), ("plus", 11, "-6.67"), ("max", 11, "16.67"), ("max", 16, "-2.50"),
    ]  # fmt: skip
    found = plan_of(ada)
    assert (found.credit, found.paid, str(found.paid_from)) == (Decimal("2.50"), Decimal("12.50"), "2026-06-16")


def test_a_downgrade_at_once_credits_what_is_left_and_the_next_fee_is_less() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, "max", at=on("2026-06-01T12:00"))

    change(ada, "plus", when=When.NOW, now=on("2026-06-16T12:00"))
    credit = plan_of(ada).credit
    nights_until(club, "2026-07-01")

    assert credit == Decimal("7.50")  # 12.50 of 25.00 are left, 5.00 of 10.00 are charged
    assert invoices_of(ada) == [("first", "25.00", "paid"), ("change", "0.00", "paid"), ("renewal", "2.50", "open")]
    assert plan_of(ada).credit == Decimal(0)


def test_a_downgrade_waits_for_the_end_of_the_period() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, "max", at=on("2026-06-01T12:00"))

    change(ada, "plus", now=on("2026-06-16T12:00"))
    nights_until(club, "2026-07-01")

    assert changes_of(ada)[-1] == ("max", "plus", on("2026-07-01T00:00"))
    assert invoices_of(ada) == [("first", "25.00", "paid"), ("renewal", "10.00", "open")]


def test_what_is_cancelled_ends_with_its_period_to_the_second() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))

    cancel(ada, now=on("2026-06-20T12:00"))
    last = gave(make.buys(ada, "10.00", at=on("2026-06-30T23:59:59")))
    first = gave(make.buys(ada, "10.00", at=on("2026-07-01T00:00:20")))

    assert (last, first) == (20, 10)
    assert (plan_of(ada).end_reason, plan_of(ada).ended_at) == ("cancelled", on("2026-07-01T00:00"))
    assert invoices_of(ada) == [("first", "10.00", "paid")]
    assert events("cancelled", "ended") == ["plan.cancelled", "plan.ended"]


def test_no_more_is_refunded_than_was_paid() -> None:
    _, renewal = renewed()
    first = Invoice.objects.get(kind="first")
    refund(first.pk, Decimal("4.00"), reason="late", author="sue", now=on("2026-07-01T12:00"))

    with pytest.raises(MoreThanPaid):
        refund(first.pk, Decimal("6.01"), reason="late", author="sue", now=on("2026-07-01T12:00"))
    with pytest.raises(MoreThanPaid):
        refund(first.pk, Decimal(0), reason="late", author="sue", now=on("2026-07-01T12:00"))
    with pytest.raises(NotPaid):
        refund(renewal.pk, Decimal(1), reason="late", author="sue", now=on("2026-07-01T12:00"))

    first.refresh_from_db()
    assert (first.refunded, list(Refund.objects.values_list("amount", flat=True))) == (
        Decimal("4.00"),
        [Decimal("4.00")],
    )


def test_staff_ends_a_plan_at_once_and_what_is_left_goes_back() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    join(ada, "plus", method="pays", now=on("2026-06-01T12:00"))
    collects(ada, on("2026-06-01T12:00"))

    end(ada, refunds=True, now=on("2026-06-11T12:00"))
    collects(ada, on("2026-06-11T12:01"))

    back = Refund.objects.get()
    assert (back.amount, back.status, back.invoice.kind) == (Decimal("6.67"), "done", "first")
    assert (plan_of(ada).end_reason, plan_of(ada).credit) == ("staff", Decimal(0))
    assert gave(make.buys(ada, "10.00", at=on("2026-06-11T13:00"))) == 10


def test_what_cannot_be_done_says_why_and_changes_nothing() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)

    with pytest.raises(NoPlan):
        change(ada, "max", now=on("2026-06-01T12:00"))
    with pytest.raises(NoPlan):
        cancel(ada, now=on("2026-06-01T12:00"))
    joined(ada, at=on("2026-06-01T12:00"))
    with pytest.raises(HasPlan):
        join(ada, "max", now=on("2026-06-02T12:00"))
    assert not join(ada, "plus", now=on("2026-06-02T12:00"))
    with pytest.raises(PaymentDue):
        change(ada, "max", now=on("2026-07-02T12:00"))

    assert invoices_of(ada) == [("first", "10.00", "paid")]


def test_by_another_method_nobody_is_asked_while_a_try_is_open() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    join(ada, "plus", method="later", now=on("2026-06-01T12:00"))
    collects(ada, on("2026-06-01T12:01"))

    use_method(ada, "pays", now=on("2026-06-01T12:02"))
    collects(ada, on("2026-06-01T12:03"))
    waits = Invoice.objects.get()
    tells(ada, "failed", waits, at=on("2026-06-01T12:04"), now=on("2026-06-01T12:04"))
    use_method(ada, "pays", now=on("2026-06-01T12:05"))
    collects(ada, on("2026-06-01T12:06"))

    assert (waits.status, waits.next_try_at, waits.asked_method) == ("open", None, "later")
    assert invoices_of(ada) == [("first", "10.00", "paid")]


def test_a_try_of_which_nobody_knows_is_made_again_by_its_own_method_and_key() -> None:
    class Silent(TryoutProvider):
        """Answers the first time that it is asked the same nothing, and then what became of it."""

        def __init__(self) -> None:
            super().__init__("secret")
            self.keys: list[str] = []

        def charge(self, charge: Charge, *, now: datetime) -> Answer:
            self.keys.append(charge.key)
            if len(self.keys) == 1:
                raise NotReached
            return super().charge(charge, now=now)

    provider, ada = Silent(), make.member(make_plans.program(*TWO))
    join(ada, "plus", method="pays", now=on("2026-06-01T12:00"))
    collect_due(ada.retailer, now=on("2026-06-01T12:01"), choose=lambda _: provider)
    use_method(ada, "pays-otherwise", now=on("2026-06-01T12:02"))

    collect_due(ada.retailer, now=on("2026-06-01T12:30"), choose=lambda _: provider)

    assert len(provider.keys) == 2
    assert len(set(provider.keys)) == 1
    assert invoices_of(ada) == [("first", "10.00", "paid")]


def test_a_payment_at_a_till_while_the_provider_takes_it_is_told_as_paid_twice_and_goes_back() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    join(ada, "plus", method="later", now=on("2026-06-01T12:00"))
    collects(ada, on("2026-06-01T12:01"))
    mark_paid(Invoice.objects.get().pk, reference="till 7", now=on("2026-06-01T12:02"))

    invoice = Invoice.objects.get()

    told = tells(ada, "paid", invoice, at=on("2026-06-01T12:03"), now=on("2026-06-01T12:03"))
    again = tells(ada, "paid", invoice, at=on("2026-06-01T12:03"), now=on("2026-06-01T12:04"), name="n2")
    collects(ada, on("2026-06-01T12:05"))

    assert (told, again) == (Taken("paid_twice"), Taken("known"))
    assert Event.objects.get(type="plan.paid_twice").payload["reference"] == "r1"
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("second", "10.00", "paid")]
    invoice.refresh_from_db()
    assert (invoice.provider, invoice.provider_reference) == ("", "till 7")
    back = Refund.objects.get()
    assert (back.invoice.provider, back.invoice.provider_reference) == ("test", "r1")
    assert (back.amount, back.reason, back.status) == (Decimal("10.00"), "paid_twice", "done")


def test_a_refund_that_fails_after_it_was_carried_out_waits_for_a_person() -> None:
    ada = make.member(make_plans.program(*TWO))
    join(ada, "plus", method="pays", now=on("2026-06-01T12:00"))
    collects(ada, on("2026-06-01T12:01"))
    refund(Invoice.objects.get().pk, None, reason="late", author="sue", now=on("2026-06-02T12:00"))
    collects(ada, on("2026-06-02T12:01"))
    back = Refund.objects.get()

    now, of = on("2026-06-03T12:00"), back.provider_reference
    older = tells(ada, "refund_failed", back, at=on("2026-06-02T11:00"), now=now, name="n1", of=of)
    newer = tells(ada, "refund_failed", back, at=on("2026-06-03T11:00"), now=now, name="n2", of=of)

    back.refresh_from_db()
    assert (older, newer) == (Taken("older"), Taken("failed"))
    assert (back.status, back.ended_at) == ("failed", on("2026-06-03T11:00"))


def test_long_ids_of_notices_that_begin_alike_are_two() -> None:
    ada, invoice = renewed()
    long = "i" * 250

    failed = tells(ada, "failed", invoice, at=on("2026-07-01T12:00"), now=on("2026-07-01T12:00"), name=f"{long}1")
    paid = tells(ada, "paid", invoice, at=on("2026-07-02T12:00"), now=on("2026-07-02T12:00"), name=f"{long}2")
    again = tells(ada, "paid", invoice, at=on("2026-07-02T12:00"), now=on("2026-07-02T12:00"), name=f"{long}2")

    assert (failed, paid, again) == (Taken("failed"), Taken("paid"), Taken("known", is_new=False))
