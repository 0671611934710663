"""A till holds, confirms, redeems and reverses; it may try each first."""

import pytest
from django.test import Client
from django.utils import timezone

from loyalty.points.models import Entry, Hold
from tests import make
from tests.api.test_integration import call

pytestmark = pytest.mark.django_db


def test_what_a_till_tries_dry_is_answered_and_leaves_no_trace(client: Client) -> None:
    shop = make.retailer()
    ada = make.member(make.program(shop), "ada")
    make.buys(ada, "100.00")
    key = make.key(shop)
    base = f"members/{ada.number}"
    held = call(client, key, f"{base}/holds", {"points": 60, "reference": "t1"}).json()
    spent = call(client, key, f"{base}/redemptions", {"points": 10, "reference": "r1"}).json()
    before = Entry.objects.count()
    given = {"points": 5, "reference": "c1", "reason": "late", "author": "bob"}

    answers = [
        call(client, key, f"{path}?dry_run=true", said)
        for path, said in (
            (f"{base}/holds", {"points": 20, "reference": "t2"}),
            (f"{base}/holds", {"points": 40, "reference": "t3"}),
            (f"holds/{held['id']}/confirm", {"points": 50}),
            (f"holds/{held['id']}/release", {}),
            (f"{base}/redemptions/{spent['id']}/reverse", {}),
            (f"{base}/adjustments", given),
        )
    ]

    assert [answer.status_code for answer in answers] == [200, 422, 200, 200, 200, 200]
    assert [answer.json().get("status") for answer in answers[2:4]] == ["confirmed", "released"]
    assert [answer.json()["available"] for answer in answers[4:]] == [40, 35]
    assert (Entry.objects.count(), Hold.objects.get().status) == (before, "open")


def test_a_till_holds_confirms_and_reverses(client: Client) -> None:
    shop = make.retailer()
    ada = make.member(make.program(shop), "ada")
    make.buys(ada, "100.00")
    key = make.key(shop)
    base = f"members/{ada.number}"

    dry = call(client, key, f"{base}/redemptions?dry_run=true", {"points": 30, "reference": "r1"})
    held = call(client, key, f"{base}/holds", {"points": 60, "reference": "t1"})
    confirmed = call(client, key, f"holds/{held.json()['id']}/confirm", {"points": 50})
    too_many = call(client, key, f"{base}/redemptions", {"points": 51, "reference": "r1"})
    redeemed = call(client, key, f"{base}/redemptions", {"points": 20, "reference": "r1"})
    undone = call(client, key, f"{base}/redemptions/{redeemed.json()['id']}/reverse", {})
    adjusted = call(
        client, key, f"{base}/adjustments", {"points": 5, "reference": "c1", "reason": "late", "author": "bob"}
    )
    released = call(client, key, f"holds/{held.json()['id']}/release", {})

    answers = (dry, held, confirmed, too_many, redeemed, undone, adjusted, released)
    assert [answer.status_code for answer in answers] == [200, 201, 200, 422, 201, 201, 201, 409]
    assert too_many.json()["detail"] == "51 points are asked for; 50 can be spent."
    assert [answer.json()["available"] for answer in (dry, redeemed, undone, adjusted)] == [70, 30, 50, 55]
    assert (confirmed.json()["status"], confirmed.json()["redeemed"]) == ("confirmed", 50)
    stranger = make.key(make.retailer())
    assert call(client, stranger, f"holds/{held.json()['id']}/release", {}).status_code == 404
    assert call(client, make.key(shop, "activity:write"), f"{base}/holds", {}).status_code == 403


def test_a_member_is_told_what_it_loses_leaves_and_comes_back(client: Client) -> None:
    shop = make.retailer()
    club = make.program(shop)
    ada = make.member(club, "ada")
    make.buys(ada, "100.00")
    key = make.key(shop)
    base = f"members/{ada.number}"
    call(client, key, f"{base}/holds", {"points": 60, "reference": "t1"})

    told = call(client, key, f"{base}/leave?dry_run=true", {})
    there = client.get(f"/api/v1/{base}", headers={"Authorization": f"Api-Key {key}"}).json()
    left = call(client, key, f"{base}/leave", {})
    again = call(client, key, f"{base}/leave", {})
    refused = call(client, key, f"{base}/redemptions", {"points": 1, "reference": "r1"})
    enrolment = {"customer": "ada", "program": club.slug, "source": "till", "wording": "yes"}
    back = call(client, key, "enrolments", enrolment)

    assert [answer.status_code for answer in (told, left, again, back)] == [200, 200, 200, 201]
    assert [(each.json()["points"], each.json()["holds"]) for each in (told, left, again)] == [
        ({"points": 100}, 1), ({"points": 100}, 1), ({"points": 0}, 0),
    ]  # fmt: skip
    assert (there["left_at"], refused.json()["code"]) == (None, "membership_ended")
    assert again.json()["left_at"] == left.json()["left_at"]
    ada.refresh_from_db()
    assert (back.json()["member_number"], ada.left_at) == (ada.number, None)
    assert make.spendable(ada, timezone.now()) == 0
