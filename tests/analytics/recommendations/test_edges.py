"""What systems, members and staff are told."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from analytics.recommendations.models import RecommendationRun
from analytics.recommendations.running import recommend
from customers.cataloguing import ProductFact, record_products
from customers.models import Consent, Customer, Product, Retailer
from customers.registration import record_consent
from loyalty.activity.account.enrolment import enrol
from loyalty.memberships.models import Membership
from tests import make
from tests.analytics.recommendations.shops import habitual, name, profile
from tests.make import NOON
from tests.page.test_pages import home_of, signed_in, text_of

pytestmark = pytest.mark.django_db


def get(path: str, key: str) -> Any:
    return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Api-Key {key}"})


def post(path: str, body: Any, key: str) -> Any:
    headers = {"Authorization": f"Api-Key {key}"}
    return Client().post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


@pytest.fixture
def shop() -> Retailer:
    retailer = habitual()
    record_products(retailer, [ProductFact("P07", name="Whole milk"), ProductFact("BREAD", name="Bread")], now=NOON)
    recommend(retailer, now=NOON)
    return retailer


def test_a_system_reads_what_a_customer_may_like(shop: Retailer) -> None:
    key = make.key(shop, "members:read")

    said = get(f"customers/{name(7)}/recommendations", key).json()

    assert said["is_personal"] is True
    assert said["again"][0] == {
        "sku": "P07", "name": "Whole milk", "reason": "bought", "words": "You bought it on 16 days", "because_sku": "",
    }  # fmt: skip
    assert said["run"] == RecommendationRun.objects.get().pk
    assert get("customers/nobody/recommendations", key).status_code == 404


def test_a_shopper_reads_its_own(shop: Retailer) -> None:
    headers = {"Authorization": f"Bearer {make.token(Customer.objects.get(external_id=name(8)))}"}
    mine, related, others = (
        Client().get(f"/api/v1/me/{path}", headers=headers)
        for path in ("recommendations", "orders/8-0/related", "orders/7-3/related")
    )

    assert mine.json()["again"][0]["sku"] == "P08"
    assert related.json()[0]["sku"] == "BUTTER"
    assert others.status_code == 404


def test_a_system_reads_what_goes_with_a_product_or_an_order(shop: Retailer) -> None:
    key = make.key(shop, "members:read")

    together = get("products/BREAD/related?relation=together", key).json()

    assert together == [
        {"relation": "together", "sku": "BUTTER", "name": "BUTTER", "with_sku": "BREAD",
         "words": "Often bought together with Bread"},
    ]  # fmt: skip
    assert get("products/NONE/related", key).json() == []
    assert get("products/BREAD/related?relation=other", key).status_code == 400
    assert get("orders/8-0/related", key).json()[0]["with_sku"] == "BREAD"
    assert get("orders/none/related", key).status_code == 404


def test_another_retailer_reads_nothing_of_it(shop: Retailer) -> None:
    key = make.key(make.retailer(), "members:read")

    assert get("products/BREAD/related", key).json() == []
    assert get("products", key).json()["results"] == []
    assert get(f"customers/{name(7)}/recommendations", key).status_code == 404


def test_products_are_told_and_what_is_not_said_stays(shop: Retailer) -> None:
    key = make.key(shop, "activity:write", "members:read")
    rows = [{"sku": "P07", "in_stock": False}, {"sku": "NEW", "name": "Oat milk", "product_type": "milk"}]

    tried = post("products/batch?dry_run=true", {"products": rows}, key)
    assert (tried.status_code, Product.objects.filter(sku="NEW").exists()) == (200, False)
    answer = post("products/batch", {"products": rows}, key)

    assert (answer.status_code, answer.json()) == (200, {"created": 1, "updated": 1})
    milk = get("products?sku=P07", key).json()["results"][0]
    assert (milk["name"], milk["in_stock"], milk["is_suggested"]) == ("Whole milk", False, True)
    post("products/batch", {"products": [{"sku": "P07", "is_suggested": False}]}, key)
    post("products/batch", {"products": [{"sku": "P07", "name": "Milk"}]}, key)
    milk = get("products?sku=P07", key).json()["results"][0]
    assert (milk["name"], milk["in_stock"], milk["is_suggested"]) == ("Milk", False, False)


@pytest.mark.parametrize("rows", [[], [{"sku": ""}], [{"sku": "x" * 101}], [{"sku": "A", "stock": True}], [None]])
def test_what_is_no_product_is_refused_and_nothing_is_written(shop: Retailer, rows: list[Any]) -> None:
    before = Product.objects.count()

    assert post("products/batch", {"products": rows}, make.key(shop, "activity:write")).status_code == 400

    assert Product.objects.count() == before


def test_runs_are_read_and_asked_for(shop: Retailer) -> None:
    key = make.key(shop, "analytics:read")

    (run,) = get("analytics/recommendations", key).json()["results"]
    asked = post("analytics/recommendations", None, key)

    assert (run["status"], run["verdicts"]["again"]["reason"]) == ("done", "better")
    assert get(f"analytics/recommendations/{run['id']}", key).json() == run
    assert get("analytics/recommendations/0", key).status_code == 404
    assert (asked.status_code, asked.json()["status"], asked.json()["author"]) == (202, "asked", "key test")


def joined(retailer: Retailer, who: str) -> Membership:
    since = timezone.now() - timedelta(days=1)
    club = make.published(make.version(retailer), since=since)
    customer = Customer.objects.get(retailer=retailer, external_id=who)
    customer.email = "ada@example.com"
    customer.save(update_fields=["email"])
    enrol(club, [(customer.pk, since)], source="till", wording="yes", now=timezone.now())
    return Membership.objects.get(customer=customer)


def test_a_member_sees_what_it_may_like_and_why(shop: Retailer) -> None:
    ada = joined(shop, name(7))
    browser = signed_in(ada)

    home, page = (text_of(browser.get(address)) for address in (home_of(ada), f"{home_of(ada)}for-you"))

    assert "For your next basket Whole milk You bought it on 16 days" in home
    assert "All suggestions" in home
    assert "because you allow offers based on a profile" in page


def test_a_member_who_withdraws_sees_what_is_popular(shop: Retailer) -> None:
    ada = joined(shop, name(7))
    profile(shop, name(7), granted=False, at=timezone.now())

    page = text_of(signed_in(ada).get(f"{home_of(ada)}for-you"))

    assert "Much bought right now Bread Much bought of late" in page
    assert "Whole milk You bought" not in page


def test_a_members_order_says_what_goes_with_it(shop: Retailer) -> None:
    ada = joined(shop, name(8))

    page = text_of(signed_in(ada).get(f"{home_of(ada)}orders/8-0"))

    assert "What goes with it BUTTER Often bought together with Bread" in page


def test_a_member_of_a_shop_that_suggests_nothing_sees_no_such_part() -> None:
    retailer = make.retailer(language="en")
    make.customer(retailer, "ada")
    ada = joined(retailer, "ada")

    browser = signed_in(ada)

    assert "All suggestions" not in text_of(browser.get(home_of(ada)))
    assert "Nothing is suggested right now." in text_of(browser.get(f"{home_of(ada)}for-you"))


def test_staff_see_what_is_served_how_right_it_was_and_what_customers_see(shop: Retailer) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.com", "x"))

    page = text_of(client.get("/admin/analytics/recommendationrun/"))

    assert "60 customers who bought, 60 of them allow a profile" in page
    assert "For the next basket proven Served: own purchases" in page
    assert "Better than what is popular, beyond chance, for 60 customers" in page
    assert "1 product: of a category that is not recommended" in page
    assert "You bought it on 16 days" in page
    asked = client.post("/admin/analytics/recommendationrun/ask/", {"retailer": shop.slug}, follow=True)
    assert "A worker makes the lists in a moment" in text_of(asked)
    assert RecommendationRun.objects.filter(status="asked", author="root").count() == 1


def test_staff_see_no_profile_of_who_withdrew_its_consent_since_the_run(shop: Retailer) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.com", "x"))
    assert "You bought it on 16 days" in text_of(client.get("/admin/analytics/recommendationrun/"))

    for who in Customer.objects.filter(retailer=shop):
        record_consent(
            who, Consent.Purpose.PROFILING, granted=False, occurred_at=timezone.now(), source="web", now=timezone.now()
        )

    assert "You bought it on 16 days" not in text_of(client.get("/admin/analytics/recommendationrun/"))


def test_staff_of_a_shop_without_a_run_are_told_how_to_get_one() -> None:
    make.retailer()
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.com", "x"))

    assert "Nothing was recommended yet." in text_of(client.get("/admin/analytics/recommendationrun/"))


def test_a_consent_is_no_profile_of_another_purpose(shop: Retailer) -> None:
    ada = Customer.objects.get(external_id=name(9))
    record_consent(
        ada, Consent.Purpose.PROFILING, granted=False, occurred_at=NOON + timedelta(hours=1), source="web",
        now=timezone.now(),
    )  # fmt: skip
    record_consent(
        ada,
        Consent.Purpose.EMAIL,
        granted=True,
        occurred_at=NOON + timedelta(hours=2),
        source="web",
        now=timezone.now(),
    )

    said = get(f"customers/{name(9)}/recommendations", make.key(shop, "members:read")).json()

    assert (said["is_personal"], said["again"][0]["reason"]) == (False, "popular")
