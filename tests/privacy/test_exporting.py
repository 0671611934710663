"""A person gets all that is held on it, in its language, and nothing of others."""

import csv
import io
import json
from typing import Any
from zipfile import ZipFile

import pytest

from customers.models import Customer
from customers.packing import as_zip
from customers.privacy import export, parts
from loyalty.memberships.households import leave
from loyalty.memberships.models import Membership
from tests.make import NOON
from tests.privacy.people import DAY, World, world

pytestmark = pytest.mark.django_db


def exported(here: World) -> dict[str, Any]:
    return export(here.customer, now=NOON + DAY)


def rows(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {section["name"]: section["rows"] for section in document["sections"]}


def test_all_that_is_held_is_in_it() -> None:
    here = world()

    found = rows(exported(here))

    assert {name: len(some) for name, some in found.items()} == {
        "person": 2, "consents": 4, "memberships": 2, "points": 10, "orders": 3, "returns": 0, "interactions": 3,
        "sessions": 0, "sign_in_codes": 1, "plans": 0, "plan_changes": 0, "invoices": 0, "refunds": 0, "rewards": 1,
        "vouchers_at_tills": 0, "wallets": 2, "expiring": 0, "holds": 1, "order_points": 2, "interaction_points": 3,
            "held_interactions": 0,
        "qualifying_days": 2, "tier": 2, "tier_changes": 3, "earlier_memberships": 0, "households": 1, "tokens": 1,
        "earlier_households": 0,
        "purchases": 1, "values": 1, "segments": 1, "earlier_orders": 1, "merges": 1, "claims": 1, "insight": 1,
        "grants": 0, "awards": 0, "given_badges": 0, "progress": 0, "participations": 0, "scores": 0, "prizes": 0, "lots": 0,
        "referral_codes": 1, "referrals": 2, "referral_signals": 1, "experiments": 0, "suggestions": 0,
        "surveys": 1, "offers": 0, "refused_offers": 0, "push_devices": 1,
        "message_preferences": 1, "addresses": 1, "messages": 4, "message_receipts": 1, "campaigns": 2, "campaign_outcomes": 5,
    }  # fmt: skip


def test_what_it_says_is_what_happened() -> None:
    here = world()

    found = rows(exported(here))

    first, *_ = found["orders"]
    assert (first["number"], first["net_amount"], [line["net_amount"] for line in first["lines"]]) == (
        "o1", "120.00", ["100.00", "20.00"],
    )  # fmt: skip
    assert [row["external_id"] for row in found["person"]] == ["ada-7", "ada-old"]
    assert {row["purpose"] for row in found["consents"]} == {"program", "email"}
    adjusted = next(row for row in found["points"] if row["kind"] == "adjust")
    assert (adjusted["points"], adjusted["explanation"]["reason"]) == (7, "Ada Lovelace called")
    assert found["rewards"][0]["code"] != ""
    assert [(row["kind"], row["points"], row["balance"]) for row in found["points"]] == [
        ("earn", 120, 120), ("transfer", 120, 240), ("earn", 2, 242), ("adjust", 7, 249), ("transfer", -5, 244),
        ("redeem", -3, 241), ("redeem", -10, 231), ("hold", -4, 227), ("earn", 120, 120), ("transfer", -120, 0),
    ]  # fmt: skip
    assert (found["wallets"][0]["available"], found["wallets"][0]["held"]) == (227, 4)
    assert found["households"] == [{"name": "Home", "joined_at": NOON.isoformat(), "members": 2}]


def test_who_left_its_household_is_told_when_and_not_with_whom() -> None:
    here = world()
    for member in Membership.objects.filter(customer=here.customer):
        leave(member, now=NOON + DAY)

    found = rows(exported(here))

    assert (found["households"], len(found["earlier_households"])) == ([], 1)
    (stay,) = found["earlier_households"]
    assert (stay["joined_at"], stay["left_at"]) == (NOON.isoformat(), (NOON + DAY).isoformat())


def test_it_says_nothing_of_others() -> None:
    here = world()

    text = json.dumps(exported(here))

    assert [each in text for each in ("bob-8", "bob@example.org", "Byron", here.bob.number)] == [False] * 4


def test_it_speaks_the_persons_language() -> None:
    here = world()
    Customer.objects.filter(pk=here.customer.pk).update(language="fr")

    document = exported(here)

    assert document["language"] == "fr"
    assert document["customer"] == "ada-7"


def test_a_zip_has_the_whole_and_a_table_of_each_part() -> None:
    here = world()
    Customer.objects.filter(pk=here.customer.pk).update(first_name="=1+1")
    document = exported(here)

    archive = ZipFile(io.BytesIO(as_zip(document)))

    names = {f"{section['name']}.csv" for section in document["sections"] if section["rows"]}
    assert set(archive.namelist()) == names | {"data.json"}
    assert json.loads(archive.read("data.json")) == document
    table = list(csv.DictReader(io.StringIO(archive.read("person.csv").decode("utf-8-sig"))))
    assert (table[0]["external_id"], table[0]["first_name"]) == ("ada-7", "'=1+1")
    orders = list(csv.DictReader(io.StringIO(archive.read("orders.csv").decode("utf-8-sig"))))
    assert [line["sku"] for line in json.loads(orders[0]["lines"])] == [
        line["sku"] for line in rows(document)["orders"][0]["lines"]
    ]


def test_sections_have_names_of_their_own() -> None:
    here = world()
    names = [section["name"] for section in exported(here)["sections"]]

    assert len(set(names)) == len(names)
    assert len(parts()) == 14
