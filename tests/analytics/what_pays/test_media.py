"""What media cost by one customer who was won: by hand, entered on its page, on the board, in the file and by API."""

import csv
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import MediaCost
from analytics.uplift.winning import Arm, Between, won_by
from analytics.what_pays.media import Media, media_by_arm
from analytics.what_pays.won import customers_won
from customers.models import Retailer
from loyalty.access.models import StaffRole
from loyalty.experiments.models import Experiment
from tests import make
from tests.analytics.what_pays.test_tables import campaign, controlled
from tests.analytics.what_pays.test_won import won

PAGE = "admin:analytics_kpigoal_what_pays"
CONTROL = Arm("control", is_control=True, share_bp=5_000, customers=1_000, came=20, cost=0.0)


def arm(came: int = 100, cost: float | None = 3_000.0, code: str = "a", share: int = 5_000) -> Arm:
    return Arm(code, is_control=False, share_bp=share, customers=1_000, came=came, cost=cost)


def rounded(found: Between | None) -> tuple[float, float, float] | None:
    return None if found is None else (round(found.value, 2), round(found.low, 2), round(found.high, 2))


def test_media_is_told_alone_and_with_all_else_by_those_who_were_won() -> None:
    # 80 of 1,000 came because of it, 59.84 to 101.34 by Newcombe's interval.
    (found,) = media_by_arm(1_600.0, won_by([CONTROL, arm()], is_final=True)).values()

    assert found.spent == 1_600.0
    assert rounded(found.each) == (20.0, 15.79, 26.74)
    assert rounded(found.with_all) == (57.5, 45.39, 76.87)


@pytest.mark.parametrize(
    ("of", "each", "with_all"),
    [
        (arm(came=20), None, None),  # nobody is shown to be won
        (arm(cost=None), 20.0, None),  # what rewards cost is not known, and what media cost is
        (arm(cost=-100.0), 20.0, 18.75),  # it cost less than the control, before media
        (arm(cost=-1_600.0), 20.0, None),
    ],
)
def test_what_is_not_known_is_not_told(of: Arm, each: float | None, with_all: float | None) -> None:
    (found,) = media_by_arm(1_600.0, won_by([CONTROL, of], is_final=True)).values()

    assert (found.each and round(found.each.value, 2), found.with_all and round(found.with_all.value, 2)) == (
        each,
        with_all,
    )


def test_several_variants_share_it_by_their_customers_and_the_control_has_none() -> None:
    arms = [
        Arm("control", is_control=True, share_bp=4_000, customers=2_000, came=20, cost=0.0),
        Arm("a", is_control=False, share_bp=4_000, customers=2_000, came=200, cost=0.0),
        Arm("b", is_control=False, share_bp=2_000, customers=1_000, came=100, cost=0.0),
    ]

    found = media_by_arm(900.0, won_by(arms, is_final=True))

    assert {code: each.spent for code, each in found.items()} == {"a": 600.0, "b": 300.0}
    assert media_by_arm(0.0, {}) == {}


def test_nothing_is_told_of_arms_of_which_nothing_may_be() -> None:
    (found,) = media_by_arm(900.0, won_by([CONTROL, arm()], is_final=False)).values()

    assert found == Media(900.0, None, None)


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(zone="Europe/Paris", language="en")


@pytest.fixture
def test(shop: Retailer) -> Experiment:
    found = controlled(shop, "one")
    campaign(shop, "Welcome", found)
    won(found)
    return found


@pytest.fixture
def staff(client: Client, shop: Retailer) -> Client:
    user = User.objects.create_user("max", is_staff=True)
    StaffRole.objects.create(user=user, retailer=shop, role="manager")
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_what_is_entered_stands_on_the_board(shop: Retailer, test: Experiment, staff: Client) -> None:
    add = reverse("admin:analytics_mediacost_add")
    before = unescape(staff.get(reverse(PAGE), {"part": "won"}).content.decode())
    for what, amount in (("leaflet", "1000.00"), ("postage", "600.00")):
        said = {"retailer": shop.pk, "experiment": test.pk, "what": f" {what} ", "amount": amount}
        assert staff.post(add, said).status_code == 302
    twice = staff.post(add, {"retailer": shop.pk, "experiment": test.pk, "what": "LEAFLET", "amount": "1"})
    fine = staff.post(add, {"retailer": shop.pk, "experiment": test.pk, "what": "search", "amount": "1.005"})
    less = staff.post(add, {"retailer": shop.pk, "experiment": test.pk, "what": "search", "amount": "-1"})

    page = unescape(staff.get(reverse(PAGE), {"part": "won"}).content.decode()).replace("\u00a0", " ")
    assert "1,600.00 EUR in all" not in before
    for words in ("20.00 EUR", "15.79 EUR … 26.74 EUR", "1,600.00 EUR in all", "57.50 EUR", "45.39 EUR … 76.87 EUR"):
        assert words in page, words
    assert "This experiment has a cost for that already" in twice.content.decode()
    assert [answer.status_code for answer in (twice, fine, less)] == [200, 200, 200]
    rows = MediaCost.objects.order_by("what").values_list("what", "amount", "currency")
    assert [(what, f"{amount:f}", currency) for what, amount, currency in rows] == [
        ("leaflet", "1000.00", "EUR"), ("postage", "600.00", "EUR"),
    ]  # fmt: skip


@pytest.mark.django_db
def test_by_file_and_by_api(shop: Retailer, test: Experiment, staff: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}", "accept-language": "en"}

    def read() -> Any:
        return Client().get("/api/v1/analytics/customers-won", headers=headers).json()["won"][0]

    assert (read()["media"], read()["media_per_won"], read()["cost_per_won_with_media"]) == (None, None, None)
    MediaCost.objects.create(retailer=shop, experiment=test, what="leaflet", amount=1_600, currency="EUR")
    told = read()
    text = staff.get(reverse("admin:analytics_kpigoal_what_pays_file"), {"part": "won"}).content.decode()
    (row,) = csv.DictReader(StringIO(text.lstrip("\ufeff")))

    assert (told["media"], round(told["media_per_won"]["value"], 6)) == (1_600.0, 20.0)
    assert round(told["cost_per_won_with_media"]["value"], 6) == 57.5
    assert (row["media"], row["media_per_won"], row["cost_per_won_with_media"]) == ("1600.0", "20.0", "57.5")


@pytest.mark.django_db
def test_another_retailers_experiment_is_refused(shop: Retailer, test: Experiment, client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue"))
    theirs = controlled(make.retailer(), "theirs")

    refused = client.post(
        reverse("admin:analytics_mediacost_add"),
        {"retailer": shop.pk, "experiment": theirs.pk, "what": "leaflet", "amount": "1"},
    )

    assert "This experiment is another retailer" in refused.content.decode()
    MediaCost.objects.create(retailer=theirs.retailer, experiment=theirs, what="leaflet", amount=9, currency="EUR")
    assert [each.media for each in customers_won(shop).told] == [None]
