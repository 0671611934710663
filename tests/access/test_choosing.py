"""Who works for several retailers chooses for which one the admin shows."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Retailer
from loyalty.access.models import StaffRole
from tests import make

pytestmark = pytest.mark.django_db
CHOOSE = reverse("choose-retailer")


def employed(client: Client, *retailers: Retailer) -> None:
    sue = User.objects.create_user("sue", is_staff=True)
    for retailer in retailers:
        StaffRole.objects.create(user=sue, retailer=retailer, role="support")
    client.force_login(sue)


def shown(client: Client) -> str:
    return client.get(reverse("admin:customers_customer_changelist")).content.decode()


def test_the_admin_shows_the_chosen_retailer_alone(client: Client) -> None:
    first, second, other = (make.program() for _ in range(3))
    for club, name in ((first, "ada-1"), (second, "bob-2"), (other, "eve-3")):
        make.member(club, name)
    employed(client, first.retailer, second.retailer)

    before = client.post(CHOOSE, {"retailer": first.retailer_id}), shown(client)
    after = client.post(CHOOSE, {"retailer": second.retailer_id}), shown(client)
    refused = client.post(CHOOSE, {"retailer": other.retailer_id})

    assert ("ada-1" in before[1], "bob-2" in before[1]) == (True, False)
    assert ("ada-1" in after[1], "bob-2" in after[1]) == (False, True)
    assert second.retailer.name in after[1]
    assert refused.status_code == 404
    assert "eve-3" not in shown(client)


def test_the_way_there_is_shown_to_who_works_for_several(client: Client) -> None:
    shop, another = make.retailer(), make.retailer()
    employed(client, shop)
    assert CHOOSE not in shown(client)

    StaffRole.objects.create(user=User.objects.get(username="sue"), retailer=another, role="owner")

    assert CHOOSE in shown(client)
    page = client.get(CHOOSE).content.decode()
    assert shop.name in page
    assert another.name in page


def test_nobody_else_gets_there(client: Client) -> None:
    assert client.get(CHOOSE).status_code == 302
