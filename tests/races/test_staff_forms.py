"""Two of the staff save the same at once, each on a page of the admin: the second one is told, and nothing is twice."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Retailer
from loyalty.access.models import SignInPolicy, StaffRole
from loyalty.campaigns.models import DiscountCap, FrequencyCap
from tests import make
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
LIKE_IT = (
    "There is one like this already: somebody may have saved it a moment ago. Nothing was saved. Look at what is there,"
    " and change that one."
)

ONCE = "Cap with this Retailer, Only by, Only of the kind, Only with the tag and In so many days already exists."


def signed_in(name: str) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.create_superuser(name))
    return client


def saved(client: Client, page: str, form: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the answer's status, and what its form says."""
    answer = client.post(reverse(page), form)
    if answer.status_code != 200:
        return answer.status_code, []
    return answer.status_code, [str(each) for said in answer.context["adminform"].errors.values() for each in said]


def both_save(page: str, form: dict[str, Any], table: str) -> list[object]:
    sue, max_ = signed_in("sue"), signed_in("max")
    return interleaved(lambda: saved(sue, page, form), lambda: saved(max_, page, form), after=f'INSERT INTO "{table}"')


def test_of_two_who_set_the_same_cap_of_discounts_the_second_one_is_told() -> None:
    club = make.program()
    form = {"retailer": club.retailer_id, "program": club.pk, "limit": "1", "days": "30"}

    found = both_save("admin:campaigns_discountcap_add", form, "campaigns_discountcap")

    assert found == [(302, []), (200, ["This program has a cap for so many days already: change that one."])]
    assert DiscountCap.objects.count() == 1


def test_of_two_who_set_the_same_cap_of_messages_the_second_one_is_told() -> None:
    form = {"retailer": make.retailer().pk, "channel": "sms", "kind": "", "tag": "", "limit": "1", "days": "30"}

    found = both_save("admin:campaigns_frequencycap_add", form, "campaigns_frequencycap")

    assert found == [(302, []), (200, [ONCE])]
    assert FrequencyCap.objects.count() == 1


def test_of_two_who_add_a_retailer_of_one_name_in_addresses_the_second_one_is_told() -> None:
    form = {"name": "Shop", "slug": "shop", "currency": "EUR", "zone": "UTC", "language": "en"}

    found = both_save("admin:customers_retailer_add", form, "customers_retailer")

    assert found == [(302, []), (200, ["Retailer with this Slug already exists."])]
    assert Retailer.objects.filter(slug="shop").count() == 1


def test_what_no_form_asks_for_is_refused_in_the_databases_stead() -> None:
    make.retailer()
    form = {"requires_second_factor": ""}

    found = both_save("admin:access_signinpolicy_add", form, "access_signinpolicy")

    assert found == [(302, []), (302, [])]  # the second one is led to what is there
    assert SignInPolicy.objects.count() == 1


def test_a_role_that_somebody_has_already_is_not_given_twice() -> None:
    bob, shop, sue = User.objects.create_user("bob", is_staff=True), make.retailer(), signed_in("sue")
    form = {"username": "bob", "retailer": shop.pk, "role": "analyst"}

    found = [saved(sue, "admin:access_staffrole_add", form) for _ in range(2)]

    assert found == [(302, []), (200, [LIKE_IT])]
    assert StaffRole.objects.filter(user=bob).count() == 1
