"""Plans at the same moment: payments beside payments, nights and members, each meeting made certain."""

import json
from decimal import Decimal
from functools import partial

import pytest

from loyalty.activity.account.leaving import leave
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.plans.account.collecting import collect_due
from loyalty.plans.account.joining import cancel, change, join
from loyalty.plans.account.notices import Taken, take_notice
from loyalty.plans.account.paying import MoreThanPaid, mark_paid, refund, settle
from loyalty.plans.account.session import HasPlan
from loyalty.plans.models import Invoice, PaymentNotice, Refund, Subscription
from loyalty.plans.providers.signing import sign
from loyalty.plans.providers.tryout import HEADER, TryoutProvider
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import changes_of, invoices_of, joined, plan_of
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")

TWO = ({"code": "plus", "price": "10.00"}, {"code": "max", "price": "25.00"})
LOCKED = "FOR NO KEY UPDATE"  # of members
PROVIDER = TryoutProvider("secret")


def a_member() -> Membership:
    return make.member(make_plans.program(*TWO))


def test_of_two_that_join_at_once_one_is_new() -> None:
    ada = a_member()

    results = interleaved(*[partial(join, ada, "plus", now=on("2026-06-01T12:00"))] * 2, after=LOCKED)

    assert results == [True, False]
    assert (Subscription.objects.count(), invoices_of(ada)) == (1, [("first", "10.00", "open")])


def test_the_same_notice_twice_at_once_has_one_effect() -> None:
    ada = a_member()
    join(ada, "plus", method="later", now=on("2026-06-01T12:00"))
    now = on("2026-06-01T12:05")
    said = {"id": "n1", "kind": "paid", "subject": str(Invoice.objects.get().pk), "at": now.isoformat()}
    body = json.dumps(said).encode()
    take = partial(take_notice, ada.retailer, PROVIDER, {HEADER: sign(body, "secret", now)}, body, now=now)

    for after in ("pg_advisory_xact_lock", LOCKED):
        results = interleaved(take, take, after=after)
        assert results[1] == Taken("known", is_new=False)

    assert (PaymentNotice.objects.count(), invoices_of(ada)) == (1, [("first", "10.00", "paid")])
    assert len(changes_of(ada)) == 1


def test_a_payment_beside_the_night_that_gives_it_up_is_made_good_or_in_time() -> None:
    for is_first in (True, False):
        ada = a_member()
        joined(ada, at=on("2026-06-01T12:00"))
        run_nights(ada.program, until=on("2026-07-01").date(), now=on("2026-07-01"))
        invoice = Invoice.objects.get(subscription__membership=ada, kind="renewal")
        pay = partial(settle, invoice.pk, paid_at=on("2026-07-07T23:59"), reference="r", now=on("2026-07-08T00:00:05"))
        night = partial(run_nights, ada.program, until=on("2026-07-08").date(), now=on("2026-07-08T00:00:05"))

        interleaved(*((pay, night) if is_first else (night, pay)), after=LOCKED)

        assert (plan_of(ada).status, invoices_of(ada)[-1]) == ("active", ("renewal", "10.00", "paid"))
    assert Refund.objects.count() == 0


def test_of_two_changes_at_once_the_later_one_stands() -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-01T12:00"))

    results = interleaved(
        partial(change, ada, "max", now=on("2026-06-11T12:00")), partial(cancel, ada, now=on("2026-06-11T12:00")),
        after=LOCKED,
    )  # fmt: skip

    assert results == [True, True]
    assert (plan_of(ada).cancels, invoices_of(ada)[-1]) == (True, ("change", "10.00", "void"))


def test_a_change_that_is_paid_while_another_one_is_asked_for_is_not_paid_twice() -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-01T12:00"))
    change(ada, "max", now=on("2026-06-11T12:00"))
    invoice = Invoice.objects.get(kind="change")

    interleaved(
        partial(mark_paid, invoice.pk, reference="till", now=on("2026-06-11T12:05")),
        partial(change, ada, "max", now=on("2026-06-11T12:05")),
        after=LOCKED,
    )

    assert invoices_of(ada) == [("first", "10.00", "paid"), ("change", "10.00", "paid")]
    assert plan_of(ada).plan.code == "max"


def test_no_two_refunds_at_once_give_back_more_than_was_paid() -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-01T12:00"))
    back = partial(
        refund, Invoice.objects.get().pk, Decimal(6), reason="late", author="sue", now=on("2026-06-02T12:00")
    )

    results = interleaved(back, back, after=LOCKED)

    assert (results[0], type(results[1])) == (True, MoreThanPaid)
    assert list(Refund.objects.values_list("amount", flat=True)) == [Decimal(6)]


def test_two_that_collect_at_once_ask_for_a_fee_once() -> None:
    ada = a_member()
    join(ada, "plus", method="pays", now=on("2026-06-01T12:00"))
    collect = partial(collect_due, ada.retailer, now=on("2026-06-01T12:01"), choose=lambda _: PROVIDER)

    results = interleaved(collect, collect, after="SKIP LOCKED")

    assert results == [1, 0]
    assert invoices_of(ada) == [("first", "10.00", "paid")]


def test_who_leaves_while_the_plan_is_renewed_owes_nothing() -> None:
    for is_first in (True, False):
        ada = a_member()
        joined(ada, at=on("2026-06-01T12:00"))
        goes = partial(leave, ada, now=on("2026-07-01T00:00:05"))
        night = partial(run_nights, ada.program, until=on("2026-07-01").date(), now=on("2026-07-01T00:00:05"))

        interleaved(*((goes, night) if is_first else (night, goes)), after=LOCKED)

        assert (plan_of(ada).status, plan_of(ada).end_reason) == ("ended", "left")
        assert [status for *_, status in invoices_of(ada)] == ["paid", "void"]


def test_a_payment_that_is_told_while_the_member_gives_up_goes_through_or_back() -> None:
    for is_first in (True, False):
        ada = a_member()
        join(ada, "plus", method="later", now=on("2026-06-01T12:00"))
        invoice = Invoice.objects.get(subscription__membership=ada)
        pay = partial(settle, invoice.pk, paid_at=on("2026-06-01T12:05"), reference="r", now=on("2026-06-01T12:05"))
        give_up = partial(cancel, ada, now=on("2026-06-01T12:05"))

        interleaved(*((pay, give_up) if is_first else (give_up, pay)), after=LOCKED)

        back = Refund.objects.filter(invoice=invoice).count()
        assert (plan_of(ada).status, plan_of(ada).cancels, back) == (
            ("active", True, 0) if is_first else ("ended", False, 1)
        )
        assert invoices_of(ada) == [("first", "10.00", "paid")]


def test_of_two_plans_that_are_joined_at_once_one_is_had() -> None:
    ada = a_member()

    results = interleaved(
        partial(join, ada, "plus", now=on("2026-06-01T12:00")), partial(join, ada, "max", now=on("2026-06-01T12:00")),
        after=LOCKED,
    )  # fmt: skip

    assert (results[0], type(results[1])) == (True, HasPlan)
    assert Subscription.objects.count() == 1


def test_the_same_refund_twice_at_once_is_one() -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-01T12:00"))
    invoice = Invoice.objects.get()
    back = partial(refund, invoice.pk, None, reason="late", author="sue", reference="R1", now=on("2026-06-02T12:00"))

    assert interleaved(back, back, after=LOCKED) == [True, False]
    assert list(Refund.objects.values_list("amount", flat=True)) == [Decimal(10)]


def test_two_notices_of_one_payment_at_once_pay_once() -> None:
    ada = a_member()
    join(ada, "plus", method="later", now=on("2026-06-01T12:00"))
    now, invoice = on("2026-06-01T12:05"), Invoice.objects.get()
    take = []
    for name in ("n1", "n2"):
        said = {"id": name, "kind": "paid", "subject": str(invoice.pk), "at": now.isoformat(), "reference": "r"}
        body = json.dumps(said).encode()
        take.append(partial(take_notice, ada.retailer, PROVIDER, {HEADER: sign(body, "secret", now)}, body, now=now))

    assert interleaved(*take, after=LOCKED) == [Taken("paid"), Taken("known")]
    assert len(changes_of(ada)) == 1
