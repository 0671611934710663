"""Funnels and the map as staff and systems see them: pages, files, forms and the API."""

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.paths.models import Funnel
from analytics.paths.page import funnel_page, map_page
from customers.models import Retailer
from loyalty.access.models import StaffRole
from tests import make
from tests.analytics.paths import shops
from tests.analytics.paths.shops import journeys
from tests.analytics.paths.test_funnels import FOUR, worth

pytestmark = pytest.mark.django_db
COUNTS, MAP = "/admin/analytics/funnel/counts/", "/admin/analytics/funnel/map/"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Retailer:
    """The four customers of the shop, five weeks ago."""
    monkeypatch.setattr(shops, "BEGIN", timezone.now() - timedelta(days=39))
    monkeypatch.setattr(shops, "NOW", timezone.now())
    owner = make.retailer(name="Port", zone="UTC", margin_rate=Decimal("0.3"))
    journeys(owner, FOUR)
    return owner


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def test_the_page_tells_each_step_with_what_it_rests_on(shop: Retailer) -> None:
    worth(shop, bob=("loyal", "300"))
    found = funnel_page(shop, {"days": "365"}, now=timezone.now())
    cart = found["groups"][0]["rows"][2]

    assert found["groups"][0]["overall"].startswith("25.0\u00a0% of 4 reach the last step (4.6\u00a0% to 69.9\u00a0%)")
    assert (cart["name"], cart["customers"], cart["of_before"], cart["overall"]) == (
        "3. cart left", "2", "100.0\u00a0%", "50.0\u00a0%",
    )  # fmt: skip
    assert (cart["friction"], cart["reasons"]) == ("1 of 2 (50.0\u00a0%)", "support 1, stopped there 1")
    assert (cart["finished"], cart["value"], cart["valued"]) == (
        "0.0\u00a0% against 100.0\u00a0%", "300.00\u00a0EUR", "n = 1",
    )  # fmt: skip
    assert (cart["cost"], found["order_margin"]) == ("30.00\u00a0EUR", "30.00\u00a0EUR")


def test_without_a_margin_no_difference_is_told_in_money(shop: Retailer) -> None:
    Retailer.objects.update(margin_rate=None)
    shop.refresh_from_db()

    assert funnel_page(shop, {"days": "365"}, now=timezone.now())["has_cost"] is False


def test_the_pages_answer_in_both_languages(shop: Retailer, staff: Client) -> None:
    for language in ("en", "fr"):
        for query in ("", "?by=channel&days=30", "?by=segment&funnel=order-again", "?funnel=no&days=no&by=no"):
            for page in (COUNTS, MAP):
                assert staff.get(page + query, headers={"accept-language": language}).status_code == 200, query


def test_nobody_without_the_right_sees_them(shop: Retailer, client: Client) -> None:
    client.force_login(User.objects.create_user("tom", is_staff=True))

    assert [client.get(page).status_code for page in (COUNTS, f"{COUNTS}file/", MAP, f"{MAP}file/")] == [403] * 4


def test_the_menu_leads_to_whoever_may_see_them(shop: Retailer, client: Client) -> None:
    user = User.objects.create_user("ann", is_staff=True)
    StaffRole.objects.create(user=user, retailer=shop, role="analyst")
    client.force_login(user)
    page = client.get(MAP).content.decode()

    assert [f'href="{each}"' in page for each in (COUNTS, MAP, "/admin/analytics/kpigoal/what-pays/")] == [True] * 3


def test_an_empty_shop_says_when_they_begin(staff: Client) -> None:
    make.retailer()

    assert "funnels begin with the first order" in staff.get(COUNTS).content.decode()
    assert "the map begins with the first" in staff.get(MAP).content.decode()
    assert staff.get(f"{COUNTS}file/").status_code == 302
    assert staff.get(f"{MAP}file/").content.decode().count("\n") == 1


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    text = client.get(address, headers={"accept-language": "en"}).content.decode()
    return list(csv.DictReader(StringIO(text)))


def test_the_files_have_a_row_for_each_step_and_each_way(shop: Retailer, staff: Client) -> None:
    steps = rows_of(staff, f"{COUNTS}file/?days=365")
    ways = rows_of(staff, f"{MAP}file/?days=365")

    assert [(row["touchpoint"], row["customers"], row["share_of_first"]) for row in steps] == [
        ("visit", "4", "1.0"), ("view", "2", "0.5"), ("cart", "2", "0.5"), ("order", "1", "0.25"),
    ]  # fmt: skip
    assert {(row["next"], row["times"]) for row in ways if row["touchpoint"] == "visit"} == {
        ("view", "2"), ("cart", "1"), ("order", "1"), ("none", "0"),
    }  # fmt: skip


def test_the_map_reads_along_a_row(shop: Retailer) -> None:
    found = map_page(shop, {"days": "365"}, now=timezone.now())
    visit = found["rows"][0]
    words = {str(column): cell["words"] for column, cell in zip(found["columns"], visit["cells"], strict=True)}

    assert (visit["n"], visit["customers"], visit["stopped"]["words"]) == ("4", "4", "")
    assert words == {
        "visit": "", "product view": "50\u00a0%", "cart left": "25\u00a0%", "order placed": "25\u00a0%",
        "contact with support": "",
    }  # fmt: skip
    assert found["passages"][0] == ("visit → product view", "2", "2", "50.0\u00a0%", "0 min")


def form(owner: Retailer, **given: Any) -> dict[str, Any]:
    return {"retailer": owner.pk, "code": "club", "name": "Into the club", "window_days": "14", "step_1": "visit",
            "step_2": "review"} | given  # fmt: skip


def test_a_funnel_of_ones_own_is_counted_like_the_others(shop: Retailer, staff: Client) -> None:
    assert staff.post(reverse("admin:analytics_funnel_add"), form(shop, step_4="order")).status_code == 302

    funnel = Funnel.objects.get()
    assert (funnel.steps, funnel.window_days, str(funnel)) == (["visit", "review", "order"], 14, "Into the club")
    page = staff.get(f"{COUNTS}?funnel=club&days=365", headers={"accept-language": "en"}).content.decode()
    assert "2. review or photo" in page
    change = reverse("admin:analytics_funnel_change", args=[funnel.pk])
    assert 'value="review" selected' in staff.get(change).content.decode()
    assert staff.post(change, form(shop, step_2="order")).status_code == 302
    funnel.refresh_from_db()
    assert funnel.steps == ["visit", "order"]


@pytest.mark.parametrize(
    "wrong", [{"step_2": ""}, {"code": "order-again"}, {"window_days": "0"}, {"window_days": "366"}, {"step_1": "nap"}]
)
def test_what_is_no_funnel_is_refused(shop: Retailer, staff: Client, wrong: dict[str, str]) -> None:
    assert staff.post(reverse("admin:analytics_funnel_add"), form(shop, **wrong)).status_code == 200
    assert Funnel.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"steps": ["visit"]}, "funnel_has_two_to_eight_steps"),
        ({"steps": ["visit"] * 9}, "funnel_has_two_to_eight_steps"),
        ({"steps": ["visit", "nap"]}, "funnel_has_known_steps"),
        ({"window_days": 0}, "funnel_window_has_a_day"),
        ({"code": "order-again"}, "funnel_is_none_of_the_shipped"),
    ],
)
def test_the_database_refuses_it_too(shop: Retailer, wrong: dict[str, Any], constraint: str) -> None:
    plain = {"retailer": shop, "code": "club", "name": "Club", "steps": ["visit", "order"], "window_days": 7}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Funnel.objects.create(**(plain | wrong))


def test_by_api(shop: Retailer, client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}", "accept-language": "en"}
    known = client.get("/api/v1/analytics/funnels", headers=headers).json()["funnels"]
    found = client.get("/api/v1/analytics/funnels/visit-to-order?days=365", headers=headers).json()
    stages = found["groups"][0]["stages"]

    assert [each["code"] for each in known][:2] == ["visit-to-order", "order-again"]
    assert [(each["touchpoint"], each["customers"], each["of_before"]) for each in stages] == [
        ("visit", 4, None), ("view", 2, 0.5), ("cart", 2, 1.0), ("order", 1, 0.5),
    ]  # fmt: skip
    assert (stages[2]["friction"], stages[2]["friction_support"], stages[2]["margin_difference"]) == (1, 1, 30.0)
    assert found["groups"][0]["median_seconds"] == 2 * 86_400
    missing = client.get("/api/v1/analytics/funnels/nap", headers=headers)
    assert (missing.status_code, "visit-to-order" in missing.content.decode()) == (404, True)
    assert client.get("/api/v1/analytics/funnels/visit-to-order?days=7", headers=headers).status_code == 400


def test_the_map_by_api(shop: Retailer, client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}"}
    found = client.get("/api/v1/analytics/journey-map?days=365", headers=headers).json()
    visit = next(each for each in found["touchpoints"] if each["touchpoint"] == "visit")

    assert (visit["times"], sum(each["share"] for each in visit["nexts"])) == (4, 1.0)
    assert {each["next"]: each["times"] for each in visit["nexts"]} == {"view": 2, "cart": 1, "order": 1, None: 0}


def test_by_api_of_a_shop_of_which_nothing_is_known(client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(make.retailer(), 'analytics:read')}"}

    assert client.get("/api/v1/analytics/funnels/order-again", headers=headers).json()["groups"] == []
    assert client.get("/api/v1/analytics/journey-map", headers=headers).json()["touchpoints"] == []
