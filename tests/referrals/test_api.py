"""Referrals over HTTP: by shoppers and by a shop's systems."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from loyalty.activity.account.referring import note_member_signals
from loyalty.memberships.models import Membership
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralSignal
from tests import make
from tests.referrals.make_referrals import claims, person, points, program

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


def call(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = client.generic(
        method, f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )
    return answer.status_code, answer.json()


def mine(who: Membership) -> dict[str, str]:
    return {"authorization": f"Bearer {make.token(who.customer)}"}


def shops(who: Membership) -> dict[str, str]:
    return {"authorization": f"Api-Key {make.key(who.retailer)}"}


@pytest.fixture
def pair() -> tuple[Membership, Membership]:
    club = program()
    return person(club, "ada", first_name="Ada"), person(club, "bob", first_name="bob", last_name="Miller")


def test_a_shopper_shares_its_code_and_sees_what_became_of_it(client: Client, pair: Any) -> None:
    ada, bob = pair

    status, (seen,) = call(client, "GET", "me/referrals", **mine(ada))

    code = seen["code"]
    assert (status, seen["link"], seen["mine"]) == (200, f"https://shop.example/invite?code={code}", None)
    assert seen["offer"] == {
        "advocate_points": 100, "friend_points": 50, "wallet": "points", "minimum_amount": "30.00",
        "first_order_only": True, "window_days": 90, "waiting_days": 14,
    }  # fmt: skip
    assert sum(seen["friends"].values()) == 0

    slug = ada.program.slug
    status, claimed = call(client, "POST", f"me/referrals/{slug}/claim", {"code": code.lower()}, **mine(bob))
    assert (status, claimed["mine"]["state"]) == (201, "waiting")
    again, _ = call(client, "POST", f"me/referrals/{slug}/claim", {"code": code}, **mine(bob))
    assert again == 200

    make.buys(bob, "30.00", at=now())
    points(ada, at=now())
    _, friends = call(client, "GET", f"me/referrals/{slug}/friends", **mine(ada))
    (friend,) = friends["results"]
    assert (friend["initial"], friend["state"], friend["points"]) == ("B", "pending", 100)
    assert friend.keys() == {"initial", "state", "words", "claimed_at", "points", "wallet", "pending_until"}
    assert "Miller" not in json.dumps(friends)


def test_a_dry_run_tells_what_would_be_and_leaves_nothing(client: Client, pair: Any) -> None:
    ada, bob = pair
    path = f"me/referrals/{ada.program.slug}/claim?dry_run=true"

    status, said = call(client, "POST", path, {"code": code_of(ada, now=now())}, **mine(bob))

    assert (status, said["dry_run"], said["mine"]["state"]) == (200, True, "waiting")
    assert Referral.objects.count() == 0


def test_the_qr_code_is_the_link(client: Client, pair: Any) -> None:
    ada, _ = pair

    answer = client.get(f"/api/v1/me/referrals/{ada.program.slug}/qr.svg", headers=mine(ada))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.content.startswith(b"<svg ")


def test_refusals_are_neutral_to_members_and_told_to_shops(client: Client, pair: Any) -> None:
    ada, bob = pair
    Customer.objects.filter(pk__in=[ada.customer_id, bob.customer_id]).update(phone="+33612345678")
    code, slug = code_of(ada, now=now()), ada.program.slug

    status, said = call(client, "POST", f"me/referrals/{slug}/claim", {"code": code}, **mine(bob))
    _, friends = call(client, "GET", f"me/referrals/{slug}/friends", **mine(ada))
    _, found = call(client, "GET", "referrals?status=refused", **shops(ada))

    words = "This invitation does not meet the conditions of the program."
    assert (status, said["mine"]["state"], said["mine"]["words"]) == (201, "ended", words)
    assert friends["results"][0]["words"] == words
    assert [(each["status"], each["reason"]) for each in found["results"]] == [("refused", "same_phone")]


def test_a_shop_claims_with_signals_and_decides(client: Client, pair: Any) -> None:
    ada, bob = pair
    note_member_signals(ada, {"device": "tablet-1"}, now=now())
    body = {
        "code": code_of(ada, now=now()),
        "claimed_at": (now() - timedelta(hours=1)).isoformat(),
        "signals": {"device": "tablet-1", "ip": "192.0.2.7"},
    }

    status, claimed = call(client, "POST", f"members/{bob.number}/referrals/claim", body, **shops(ada))
    make.buys(bob, "45.00", at=now())

    assert (status, claimed["status"], claimed["suspicions"]) == (
        201, "held", [{"code": "same_device", "score": 60}],
    )  # fmt: skip
    assert (claimed["advocate"], claimed["friend"]) == (ada.number, bob.number)
    assert ReferralSignal.objects.filter(membership=bob).count() == 2

    path = f"referrals/{claimed['id']}/review"
    said = {"approve": True, "author": "sue", "note": "sisters"}
    status, tried = call(client, "POST", f"{path}?dry_run=true", said, **shops(ada))
    assert (status, tried["status"], Referral.objects.get().status) == (200, "earned", "held")
    status, done = call(client, "POST", path, said, **shops(ada))
    assert (status, done["status"], done["reviewed_by"], done["review_note"]) == (200, "earned", "sue", "sisters")
    status, refused = call(client, "POST", path, said, **shops(ada))
    assert (status, refused["code"]) == (409, "not_held")
    assert points(ada, bob, at=now()) == [(0, 100), (0, 50)]


def test_a_shop_tells_signals_of_a_member(client: Client, pair: Any) -> None:
    ada, _ = pair

    status, said = call(
        client,
        "POST",
        f"members/{ada.number}/signals",
        {"device": "d", "payment": "p", "ip": "192.0.2.1"},
        **shops(ada),
    )

    assert (status, said["kinds"]) == (200, ["device", "ip", "payment"])
    assert ReferralSignal.objects.filter(membership=ada).count() == 3


def test_an_enrolment_may_name_who_referred_the_customer(client: Client, pair: Any) -> None:
    ada, _ = pair
    code, slug = code_of(ada, now=now()), ada.program.slug

    status, joined = call(
        client, "POST", "enrolments", {"program": slug, "customer": "eve", "referral_code": code}, **shops(ada)
    )
    wrong, said = call(
        client, "POST", "enrolments", {"program": slug, "customer": "joe", "referral_code": "NOBODY22"}, **shops(ada)
    )

    assert (status, joined["referral"], Referral.objects.get().channel) == (201, "open", "enrolment")
    assert (wrong, said["code"], Customer.objects.filter(external_id="joe").exists()) == (404, "no_such_code", False)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("claim", {"code": "NOBODY22"}, 404, "no_such_code"),
        ("claim", {}, 400, "required"),
    ],
)
def test_what_cannot_be_is_told(client: Client, pair: Any, path: str, body: Any, status: int, code: str) -> None:
    _, bob = pair

    found, said = call(client, "POST", f"me/referrals/{bob.program.slug}/{path}", body, **mine(bob))

    assert (found, said.get("code") if status == 404 else said["errors"][0]["code"]) == (status, code)
    assert Referral.objects.count() == 0


def test_who_tries_many_codes_that_do_not_exist_has_to_wait(client: Client, pair: Any, settings: Any) -> None:
    ada, bob = pair
    settings.WRONG_CODE_RATE = "2/minute"
    cache.clear()
    path = f"me/referrals/{bob.program.slug}/claim"

    tried = [call(client, "POST", path, {"code": f"NOBODY2{place}"}, **mine(bob))[0] for place in range(2, 5)]
    right, _ = call(client, "POST", path, {"code": code_of(ada, now=now())}, **mine(bob))
    cache.clear()

    assert (tried, right) == ([404, 404, 429], 429)
    assert Referral.objects.count() == 0


def test_another_retailers_referral_is_not_there(client: Client, pair: Any) -> None:
    ada, bob = pair
    referral = claims(bob, ada, at=now()).referral
    other = make.member(make.program())

    for method, path, body in (
        ("GET", f"referrals/{referral.pk}", None),
        ("POST", f"referrals/{referral.pk}/review", {"approve": True, "author": "x", "note": "y"}),
        ("GET", f"members/{ada.number}/referrals", None),
    ):
        assert call(client, method, path, body, **shops(other))[0] == 404
    assert call(client, "GET", "referrals", **shops(other))[1]["results"] == []


def test_a_list_costs_the_same_at_one_and_at_thirty(client: Client, pair: Any) -> None:
    ada, bob = pair
    headers, me = shops(ada), mine(ada)
    claims(bob, ada, at=now())
    found = []
    for count in (1, 30):
        for place in range(count - 1):
            claims(person(ada.program, f"f{count}-{place}"), ada, at=now())
        call(client, "GET", "referrals", **headers)  # who calls is remembered from here on, for some seconds
        for path, asked in (("referrals", headers), (f"me/referrals/{ada.program.slug}/friends", me)):
            with CaptureQueriesContext(connection) as queries:
                _, said = call(client, "GET", path, **asked)
            found.append((path, len(said["results"]), len(queries)))

    assert [each[1] for each in found] == [1, 1, 30, 30]
    assert [each[2] for each in found[:2]] == [each[2] for each in found[2:]]
