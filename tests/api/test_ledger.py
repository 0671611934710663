"""The ledger by API: statement, forecast, explanation, transfers, households, proof and month's end."""

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from loyalty.activity.account.spending import redeem
from loyalty.points.models import Entry, PointsPolicy
from tests import make
from tests.api.test_integration import call
from tests.make import NOON, Rule

pytestmark = pytest.mark.django_db


def test_an_order_that_points_paid_is_delivered_and_comes_back(client: Client) -> None:
    club = make.program(points={"pending_event": "delivered"})
    ada = make.member(club, "ada")
    key = make.key(club.retailer)
    adjusted = {"points": 1000, "reference": "g", "reason": "start", "author": "bob"}
    call(client, key, f"members/{ada.number}/adjustments", adjusted)
    call(client, key, f"members/{ada.number}/redemptions", {"points": 500, "reference": "r5"})
    order = {
        "number": "A1", "customer": "ada", "occurred_at": "2026-06-15T12:00:00Z", "paid_with_points": "5.00",
        "redemptions": ["r5"], "lines": [{"sku": "tent", "quantity": "2", "net_amount": "20.00"}],
    }  # fmt: skip

    bought = call(client, key, "orders", order).json()["effects"][0]
    event = {"order_number": "A1", "kind": "delivered", "occurred_at": "2026-06-16T12:00:00Z"}
    delivered = call(client, key, "order-events/batch", {"events": [event, {**event, "order_number": "A9"}]}).json()
    back = {"number": "R1", "order_number": "A1", "occurred_at": "2026-06-17T12:00:00Z"}
    returned = call(client, key, "returns", {**back, "lines": [{"position": 1, "quantity": "2"}]}).json()["effects"][0]

    assert (bought["points"], bought["pending"]) == (15, 15)
    assert [(row["status"], (row["error"] or {}).get("code")) for row in delivered["results"]] == [
        ("created", None),
        ("failed", "unknown_order"),
    ]
    assert (returned["points"], returned["restored"]) == (-15, 500)
    assert make.wallet_of(ada).available == 1000


def test_interactions_earn_in_batches_and_a_dry_run_of_them_writes_nothing(client: Client) -> None:
    club = make.program(rules=[Rule(), Rule(code="review", kind="per_interaction", interaction="review", points="25")])
    ada, key = make.member(club, "ada"), make.key(club.retailer)
    rows = [
        {"number": f"i{place}", "customer": "ada", "kind": kind, "occurred_at": "2026-06-15T12:00:00Z"}
        for place, kind in enumerate(["review", "dance", "visit"])
    ]

    dry = call(client, key, "interactions/batch?dry_run=true", {"interactions": rows}).json()["results"]
    before = Entry.objects.count()
    real = call(client, key, "interactions/batch", {"interactions": rows}).json()["results"]

    assert [(row["status"], [each["points"] for each in row["effects"]]) for row in dry] == [
        ("created", [25]),
        ("failed", []),
        ("created", [0]),
    ]
    assert (before, make.wallet_of(ada).available) == (0, 25)
    assert real[1]["error"]["errors"][0]["pointer"] == "/kind"


def test_why_an_order_gave_eighty_points_in_both_languages(client: Client) -> None:
    club = make.program(points={"period_limit": 1000, "pending_days": 3, "expiry": "months", "expiry_count": 12})
    ada = make.member(club, "ada")
    make.buys(ada, "920.00")
    make.buys(ada, "150.50", name="A1", at=NOON + timedelta(hours=1))
    key, bearer = make.key(club.retailer), {"authorization": f"Bearer {make.token(ada.customer)}"}

    staff = call(client, key, f"members/{ada.number}/orders/A1").json()
    (shopper,) = client.get("/api/v1/me/orders/A1", headers=bearer | {"accept-language": "fr"}).json()

    assert (staff["points"], staff["reason"], staff["version"]) == (80, "over_period_limit", 1)
    assert staff["sentences"] == [
        "Base: 80 points for 150.50 × 1 (rounded down by 0.5)",
        "70 points were cut. The limit of points in this period is reached.",
        "They can be spent from June 18, 2026.",
        "They can be spent through June 18, 2027.",
    ]
    assert shopper["sentences"] == [
        "Base : 80 points pour 150,50 × 1 (arrondi de 0,5 vers le bas)",
        "70 points ont été retranchés. La limite de points de cette période est atteinte.",
        "Ils sont utilisables à partir du 18 juin 2026.",
        "Ils sont utilisables jusqu’au 18 juin 2027 inclus.",
    ]


def test_why_an_order_gave_nothing(client: Client) -> None:
    club = make.program(points={"transaction_limit": 500})
    ada = make.member(club, "ada")
    make.buys(ada, "600.00", name="A1")
    key = make.key(club.retailer)

    told = call(client, key, f"members/{ada.number}/orders/A1").json()
    missing = call(client, key, f"members/{ada.number}/orders/A2")

    assert (told["points"], told["reason"]) == (0, "over_transaction_limit")
    assert told["sentences"][0].startswith("It would give more points than one order may")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_order")


def statement(client: Client, key: str, number: str, **query: str) -> list[tuple[str | None, int]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    rows = call(client, key, f"members/{number}/statement?{asked}").json()["results"]
    return [(row["order"], row["balance_after"]) for row in rows]


def test_a_statement_as_of_either_clock(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    make.buys(ada, "10.00", name="A1", at=NOON)
    make.buys(ada, "5.00", name="A3", at=NOON + timedelta(days=2))
    make.buys(ada, "7.00", name="A2", at=NOON + timedelta(days=1))
    # What the books know since yesterday: the late order was recorded last.
    recorded = list(Entry.objects.order_by("id").values_list("recorded_at", flat=True))
    key = make.key(ada.program.retailer)

    assert statement(client, key, ada.number) == [("A2", 22), ("A3", 15), ("A1", 10)]
    assert statement(client, key, ada.number, clock="occurred") == [("A3", 22), ("A2", 17), ("A1", 10)]
    noon = f"{NOON + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert statement(client, key, ada.number, clock="occurred", as_of=noon) == [("A2", 17), ("A1", 10)]
    assert statement(client, key, ada.number, as_of=f"{recorded[0]:%Y-%m-%dT%H:%M:%SZ}") == [("A1", 10)]
    was = call(client, key, f"members/{ada.number}/balance?clock=occurred&as_of={noon}").json()
    assert was == {"available": 17, "pending": 0, "held": 0, "owed": 0}


def test_pages_of_a_statement_by_the_clock_of_what_happened(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    for day in (3, 1, 5, 2, 4):
        make.buys(ada, f"{day}.00", name=f"A{day}", at=NOON + timedelta(days=day))
    key = make.key(ada.program.retailer)

    seen, path = [], f"members/{ada.number}/statement?clock=occurred&page_size=2"
    while path:
        page = call(client, key, path).json()
        seen += [(row["order"], row["balance_after"]) for row in page["results"]]
        path = page["next"].split("/api/v1/")[1] if page["next"] else ""

    assert seen == [("A5", 15), ("A4", 10), ("A3", 6), ("A2", 3), ("A1", 1)]


def test_a_forecast_says_what_expires_when(client: Client) -> None:
    now = timezone.now()
    ada = make.member(make.program(points={"expiry": "days", "expiry_count": 30}), "ada")
    for days, amount in ((3, "10.00"), (3, "5.00"), (1, "7.00")):
        make.buys(ada, amount, at=now - timedelta(days=days))
    key, bearer = make.key(ada.program.retailer), {"authorization": f"Bearer {make.token(ada.customer)}"}

    of = {"program": ada.program.slug, "wallet": "points"}
    expected = [
        {**of, "last_day": f"{(now + timedelta(days=27)).date()}", "points": 15},
        {**of, "last_day": f"{(now + timedelta(days=29)).date()}", "points": 7},
    ]
    assert call(client, key, f"members/{ada.number}/forecast").json() == expected
    assert client.get("/api/v1/me/forecast", headers=bearer).json() == expected


def test_a_forecast_says_of_which_wallet_it_is_and_tells_one_day_in_one_order(client: Client) -> None:
    now, rules = timezone.now(), [make.Rule("1"), make.Rule("2", "miles", wallet="miles")]
    month = {"expiry": "days", "expiry_count": 30}
    draft = make.version(rules=rules, points=month)
    PointsPolicy.objects.create(version=draft, code="miles", name="Miles", pending_days=0, **month)
    ada = make.member(make.published(draft), "ada")
    make.buys(ada, "10.00", at=now - timedelta(days=1))

    told = call(client, make.key(ada.retailer), f"members/{ada.number}/forecast").json()

    last = f"{(now + timedelta(days=29)).date()}"
    assert told == [
        {"program": ada.program.slug, "wallet": wallet, "last_day": last, "points": points}
        for wallet, points in (("points", 10), ("miles", 20))
    ]


def test_points_go_from_member_to_member_and_a_household_spends_together(client: Client) -> None:
    club = make.program(points={"may_transfer": True})
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    make.buys(bob, "100.00")
    key = make.key(club.retailer)
    gift = {"to": ada.number, "points": 30, "reference": "gift"}

    dry = call(client, key, f"members/{bob.number}/transfers?dry_run=1", gift)
    given = [call(client, key, f"members/{bob.number}/transfers", gift) for _ in range(2)]
    home = client.put(
        f"/api/v1/members/{ada.number}/household",
        {"members": [bob.number]},
        content_type="application/json",
        headers={"authorization": f"Api-Key {key}"},
    )
    wallet = call(client, key, f"members/{ada.number}").json()["wallet"]
    spent = call(client, key, f"members/{ada.number}/redemptions", {"points": 90, "reference": "tent"})
    left = client.delete(f"/api/v1/members/{ada.number}/household", headers={"authorization": f"Api-Key {key}"})

    assert (dry.status_code, [answer.status_code for answer in given]) == (200, [201, 200])
    assert (home.status_code, sorted(home.json()["members"])) == (201, sorted([ada.number, bob.number]))
    assert (wallet["available"], wallet["household_available"]) == (30, 70)
    assert (spent.json()["available"], make.wallet_of(bob).available, left.status_code) == (0, 10, 204)


def test_reconciliation_proves_the_callers_ledger_only(client: Client) -> None:
    ada, eve = (make.member(make.program()) for _ in range(2))
    make.buys(ada, "10.00")
    make.buys(eve, "10.00")

    proof = call(client, make.key(ada.program.retailer), "reconciliation").json()
    refused = call(client, make.key(ada.program.retailer, "members:read"), "reconciliation")

    assert proof == {"proven": True, "wallets": 1, "lots": 1, "movements": 1, "differences": []}
    assert refused.status_code == 403


def test_the_months_end_and_its_journal(client: Client) -> None:
    ada = make.member(make.program(points={"point_value": Decimal("0.05"), "redeemed_share": Decimal("0.8")}), "ada")
    make.buys(ada, "100.00")
    slug, key = ada.program.slug, make.key(ada.program.retailer)

    month = call(client, key, f"programs/{slug}/month-end?month=2026-06").json()
    journal = call(client, key, f"programs/{slug}/journal?month=2026-06")
    months = ("June", "9999-12", "0001-01", "2026-13")
    wrong = [call(client, key, f"programs/{slug}/month-end?month={each}") for each in months]

    assert (month["closed_at"], month["journal"][0]["is_late"]) == (None, False)
    assert [each["deferred"] for each in month["after"]] == ["3.85"]
    rows = list(csv.DictReader(StringIO(journal.content.decode())))
    assert [(row["account"], row["credit"]) for row in rows] == [("revenue", "0.00"), ("deferred_revenue", "3.85")]
    assert [(each.status_code, each.json()["code"]) for each in wrong] == [(422, "not_a_month")] * len(months)
    assert call(client, key, f"programs/{slug}/month-end?month=").json()["code"] == "blank"


@pytest.mark.parametrize("path", ["statement", "balance", "forecast", "orders/A1", "household"])
def test_another_retailers_member_is_not_there(client: Client, path: str) -> None:
    ada = make.member(make.program())
    make.buys(ada, "10.00", name="A1")

    assert call(client, make.key(make.retailer()), f"members/{ada.number}/{path}").status_code == 404


def test_a_member_with_a_status_wallet_sees_both(client: Client) -> None:
    from tests.activity.test_earning import with_status

    ada = with_status()
    make.buys(ada, "10.00")
    bearer = {"authorization": f"Bearer {make.token(ada.customer)}"}

    wallets: list[dict[str, Any]] = client.get("/api/v1/me/wallet", headers=bearer).json()

    assert [(each["wallet"], each["available"], each["can_be_spent"]) for each in wallets] == [
        ("points", 10, True),
        ("status", 100, False),
    ]
    assert redeem(ada, 5, reference="r", now=NOON).available == 5
