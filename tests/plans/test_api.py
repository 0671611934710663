"""Plans over HTTP: by shoppers, by a shop's systems, and by payment providers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.plans.account.collecting import collect_due
from loyalty.plans.models import Invoice, PaidPlan, PaymentNotice, Refund, Subscription
from loyalty.plans.providers.signing import sign
from tests import make
from tests.plans import make_plans

pytestmark = pytest.mark.django_db

TWO = (
    {"code": "plus", "price": "10.00", "multiplier": "2", "benefits": "Free parking\nA cake", "free_shipping": True},
    {"code": "max", "price": "25.00", "multiplier": "3", "trial_days": 0},
)


@pytest.fixture
def ada(settings: Any) -> Membership:
    member = make.member(make_plans.program(*TWO), "ada")
    settings.PAYMENT_ACCOUNTS = {member.retailer.slug: {"provider": "test", "webhook_secret": "s"}}
    return member


def call(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = client.generic(
        method, f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )
    return answer.status_code, answer.json()


def mine(ada: Membership) -> dict[str, str]:
    return {"authorization": f"Bearer {make.token(ada.customer)}"}


def test_a_shopper_sees_joins_changes_and_cancels(client: Client, ada: Membership) -> None:
    slug, me = ada.program.slug, mine(ada)

    status, seen = call(client, "GET", "me/plans", **me)
    assert (status, seen[0]["mine"], [each["code"] for each in seen[0]["offered"]]) == (200, None, ["plus", "max"])
    assert seen[0]["offered"][0]["benefits"] == ["Free parking", "A cake"]

    status, joined = call(client, "POST", f"me/plans/{slug}/join", {"plan": "plus", "payment_method": "pays"}, **me)
    assert (status, joined["mine"]["status"], joined["mine"]["invoice"]["amount"]) == (201, "awaiting", "10.00")
    again, _ = call(client, "POST", f"me/plans/{slug}/join", {"plan": "plus"}, **me)
    assert again == 200

    collect_due(ada.retailer, now=datetime.now(UTC))
    _, seen = call(client, "GET", "me/plans", **me)
    assert (seen[0]["mine"]["status"], seen[0]["mine"]["invoice"]) == ("active", None)

    status, changed = call(client, "POST", f"me/plans/{slug}/change", {"plan": "max"}, **me)
    lines = [(each["plan"], each["amount"][0] == "-") for each in changed["mine"]["invoice"]["lines"]]
    assert (status, changed["mine"]["plan"]["code"], lines) == (201, "plus", [("plus", True), ("max", False)])
    collect_due(ada.retailer, now=datetime.now(UTC))

    status, cancelled = call(client, "POST", f"me/plans/{slug}/cancel", **me)
    assert (status, cancelled["mine"]["plan"]["code"], cancelled["mine"]["ends"]) == (201, "max", True)
    status, resumed = call(client, "POST", f"me/plans/{slug}/resume", **me)
    assert (status, resumed["mine"]["ends"]) == (201, False)

    status, invoices = call(client, "GET", f"me/plans/{slug}/invoices", **me)
    assert [each["kind"] for each in invoices["results"]] == ["change", "first"]
    assert {each["status"] for each in invoices["results"]} == {"paid"}


def test_what_is_tried_out_says_what_it_costs_and_writes_nothing(client: Client, ada: Membership) -> None:
    path, body = f"me/plans/{ada.program.slug}/join?dry_run=true", {"plan": "max"}

    status, said = call(client, "POST", path, body, **mine(ada))

    assert (status, said["dry_run"], said["mine"]["invoice"]["amount"]) == (200, True, "25.00")
    assert "id" not in said["mine"]["invoice"]
    assert (Subscription.objects.count(), Invoice.objects.count()) == (0, 0)


def test_a_shops_system_sells_a_plan_at_the_till(client: Client, ada: Membership) -> None:
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}

    _, joined = call(client, "POST", f"members/{ada.number}/plan/join", {"plan": "plus"}, **key)
    invoice = joined["mine"]["invoice"]["id"]
    status, paid = call(client, "POST", f"members/{ada.number}/invoices/{invoice}/pay", {"reference": "T1"}, **key)
    twice, same = call(client, "POST", f"members/{ada.number}/invoices/{invoice}/pay", {"reference": "T1"}, **key)
    other, refused = call(client, "POST", f"members/{ada.number}/invoices/{invoice}/pay", {"reference": "T2"}, **key)

    assert (status, paid["mine"]["status"]) == (201, "active")
    assert (twice, same) == (200, paid)
    assert (other, refused["code"]) == (409, "not_open")
    _, seen = call(client, "GET", f"members/{ada.number}/plan", **key)
    assert (seen["mine"]["plan"]["code"], seen["currency"]) == ("plus", "EUR")
    _, listed = call(client, "GET", f"members/{ada.number}/invoices", **key)
    assert [(each["amount"], each["status"]) for each in listed["results"]] == [("10.00", "paid")]


def test_a_shops_system_refunds_an_invoice_in_part_and_then_what_is_left(client: Client, ada: Membership) -> None:
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    make_plans.joined(ada, at=datetime.now(UTC))
    path = f"members/{ada.number}/invoices/{Invoice.objects.get().pk}/refund"
    why = {"reason": "moved away", "author": "sue"}

    dry = call(client, "POST", f"{path}?dry_run=true", {"reference": "R1", "amount": "4.00", **why}, **key)
    part = call(client, "POST", path, {"reference": "R1", "amount": "4.00", **why}, **key)
    again = call(client, "POST", path, {"reference": "R1", "amount": "4.00", **why}, **key)
    other = call(client, "POST", path, {"reference": "R1", "amount": "5.00", **why}, **key)
    more = call(client, "POST", path, {"reference": "R2", "amount": "6.01", **why}, **key)
    rest = call(client, "POST", path, {"reference": "R2", **why}, **key)
    nothing = call(client, "POST", path, {"reference": "R3", **why}, **key)

    assert (dry[0], dry[1]["dry_run"], dry[1]["refunded"]) == (200, True, "4.00")
    assert (part[0], part[1]["refunded"], part[1]["status"]) == (201, "4.00", "paid")
    assert (again[0], again[1]) == (200, part[1])
    assert [(each[0], each[1]["code"]) for each in (other, more, nothing)] == [
        (409, "conflict"), (422, "more_than_paid"), (409, "all_refunded"),
    ]  # fmt: skip
    assert (rest[0], rest[1]["refunded"]) == (201, "10.00")
    seen = [(each["amount"], each["status"], each["reference"], each["author"]) for each in rest[1]["refunds"]]
    assert seen == [("4.00", "waiting", "R1", "sue"), ("6.00", "waiting", "R2", "sue")]
    _, listed = call(client, "GET", f"me/plans/{ada.program.slug}/invoices", **mine(ada))
    assert [(each["refunded"], [back["amount"] for back in each["refunds"]]) for each in listed["results"]] == [
        ("10.00", ["4.00", "6.00"])
    ]
    assert "author" not in listed["results"][0]["refunds"][0]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "required"),
        ({"reference": "R", "reason": " ", "author": "sue"}, 400, "blank"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "much"}, 400, "invalid"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "NaN"}, 400, "invalid"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "-1"}, 422, "more_than_paid"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "0"}, 422, "more_than_paid"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "1e30"}, 400, "invalid"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "99999999999"}, 422, "more_than_paid"),
        ({"reference": "R", "reason": "why", "author": "sue", "amount": "1.001"}, 422, "too_many_decimals"),
        ({"reference": "R", "reason": "a\x00b", "author": "sue"}, 400, "null_characters_not_allowed"),
    ],
)
def test_a_refund_that_cannot_be_is_told(
    client: Client, ada: Membership, body: dict[str, str], status: int, code: str
) -> None:
    make_plans.joined(ada, at=datetime.now(UTC))
    path = f"members/{ada.number}/invoices/{Invoice.objects.get().pk}/refund"

    answered, said = call(client, "POST", path, body, authorization=f"Api-Key {make.key(ada.retailer)}")

    assert (answered, said["code"]) == (status, code)
    assert (Invoice.objects.get().refunded, Refund.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("join", {"plan": "gold"}, 404, "no_such_plan"),
        ("join", {}, 400, "required"),
        ("join", {"plan": "no slug"}, 400, "invalid"),
        ("change", {"plan": "max"}, 409, "no_plan"),
        ("change", {"plan": "max", "when": "soon"}, 400, "invalid_choice"),
        ("cancel", {}, 409, "no_plan"),
        ("resume", {}, 409, "no_plan"),
        ("payment-method", {"payment_method": "card"}, 409, "no_plan"),
    ],
)
def test_what_cannot_be_done_is_told(
    client: Client, ada: Membership, path: str, body: Any, status: int, code: str
) -> None:
    answered, said = call(client, "POST", f"me/plans/{ada.program.slug}/{path}", body, **mine(ada))

    assert (answered, said["code"]) == (status, code)
    assert Subscription.objects.count() == 0


def test_nobody_reaches_anothers_plan(client: Client, ada: Membership) -> None:
    bob = make.member(ada.program, "bob")
    make_plans.joined(bob, at=datetime.now(UTC))
    eve = make.member(make_plans.program(), "eve")
    invoice = Invoice.objects.get()

    others = f"Api-Key {make.key(eve.retailer)}"
    assert call(client, "GET", f"members/{bob.number}/plan", authorization=others)[0] == 404
    assert call(client, "POST", f"me/plans/{ada.program.slug}/cancel", **mine(eve))[0] == 404
    own = f"Api-Key {make.key(ada.retailer)}"
    path = f"members/{ada.number}/invoices/{invoice.pk}/pay"
    assert call(client, "POST", path, {"reference": "T"}, authorization=own)[0] == 404


def notice(client: Client, ada: Membership, body: bytes, signature: str, provider: str = "test") -> tuple[int, Any]:
    answer = client.generic(
        "POST", f"/api/v1/payments/{ada.retailer.slug}/{provider}", body, content_type="application/json",
        headers={"X-Test-Signature": signature},
    )  # fmt: skip
    return answer.status_code, answer.json()


def test_a_providers_notice_is_taken_once_and_only_when_it_is_signed(client: Client, ada: Membership) -> None:
    call(client, "POST", f"me/plans/{ada.program.slug}/join", {"plan": "plus", "payment_method": "later"}, **mine(ada))
    collect_due(ada.retailer, now=datetime.now(UTC))
    now = datetime.now(UTC)
    body = json.dumps(
        {"id": "n1", "kind": "paid", "subject": str(Invoice.objects.get().pk), "at": now.isoformat()}
    ).encode()

    forged = notice(client, ada, body, sign(body, "guess", now))
    nowhere = notice(client, ada, body, sign(body, "s", now), provider="manual")
    first = notice(client, ada, body, sign(body, "s", now))
    second = notice(client, ada, body, sign(body, "s", now))

    assert (forged[0], forged[1]["code"], nowhere[0]) == (422, "wrong_signature", 404)
    assert (first, second) == ((200, {"effect": "paid"}), (200, {"effect": "known"}))
    assert (Subscription.objects.get().status, PaymentNotice.objects.count()) == ("active", 1)


def test_lists_cost_the_same_with_one_row_and_with_thirty(
    client: Client, ada: Membership, django_assert_num_queries: Any
) -> None:
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    make_plans.joined(ada, at=datetime.now(UTC))
    first = Invoice.objects.get()
    path = f"members/{ada.number}/invoices"
    call(client, "GET", path, **key)

    with django_assert_num_queries(5):
        call(client, "GET", path, **key)
    for _ in range(29):
        first.pk, first.kind = make_plans.fresh_id(), "renewal"
        first._state.adding = True
        first.save()
    with django_assert_num_queries(5):
        _, said = call(client, "GET", path, **key)

    assert len(said["results"]) == 30


def test_a_plan_costs_what_was_told_or_nothing_is_done(client: Client, ada: Membership) -> None:
    slug, me = ada.program.slug, mine(ada)

    def choose(verb: str, plan: str, **told: str) -> tuple[int, Any]:
        status, body = call(client, "POST", f"me/plans/{slug}/{verb}", {"plan": plan, **told}, **me)
        return status, body["code"] if status >= 400 else body["mine"]["status"]

    refused = [choose("join", "plus", told_price="9.00"), choose("join", "plus", told_amount="0")]
    _, told = call(
        client, "POST", f"me/plans/{slug}/join", {"plan": "plus", "told_price": "9"}, **me | {"accept-language": "fr"}
    )
    left = Subscription.objects.count(), Invoice.objects.count()
    joined = choose("join", "plus", told_price="10.00", told_amount="10", payment_method="pays")
    again = choose("join", "plus", told_price="9.00")
    collect_due(ada.retailer, now=datetime.now(UTC))

    assert (refused, left) == ([(409, "price_changed")] * 2, (0, 0))
    assert told["detail"].startswith("« told_price » indique 9, alors que c’est 10.00 maintenant. Rien n’a été fait :")
    assert (joined, again) == ((201, "awaiting"), (200, "awaiting"))  # what was asked before is as it was
    assert choose("change", "max", told_price="25.00", told_amount="14.99")[1] == "price_changed"
    assert choose("change", "max", told_price="24.99")[1] == "price_changed"
    assert choose("change", "max", told_price="25.00", told_amount="15.00") == (201, "active")


def test_the_price_of_a_plan_that_changed_since_it_was_told_is_no_price(client: Client, ada: Membership) -> None:
    _, seen = call(client, "GET", "me/plans", **mine(ada))
    now = datetime.now(UTC)
    draft = open_draft(ada.program, author="sue", now=now)
    PaidPlan.objects.filter(version=draft, code="plus").update(price="12.00")
    publish(draft, effective_from=now, now=now)

    status, body = call(
        client, "POST", f"me/plans/{ada.program.slug}/join?dry_run=true",
        {"plan": "plus", "told_price": seen[0]["offered"][0]["price"]}, **mine(ada),
    )  # fmt: skip

    assert (status, body["code"]) == (409, "price_changed")
    assert "10.00" in body["detail"]
    assert "12.00" in body["detail"]
