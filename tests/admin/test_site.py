"""The admin's site: applications with their models, for who looks at them, by their rights."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loyalty.access.models import StaffRole
from tests import make

pytestmark = pytest.mark.django_db


def test_an_application_lists_the_models_that_somebody_may_see(client: Client) -> None:
    client.force_login(User.objects.create_superuser("eve"))

    page = client.get("/admin/customers/").content.decode()

    assert "/admin/customers/order/" in page
    assert "/admin/points/entry/" not in page.partition("<main")[2]
    assert client.get("/admin/nothing/").status_code == 404


def test_an_application_of_which_nothing_is_somebodys_is_not_there(client: Client) -> None:
    user = User.objects.create_user("ann", is_staff=True)
    StaffRole.objects.create(user=user, retailer=make.retailer(), role="analyst")
    client.force_login(user)

    assert client.get("/admin/auth/").status_code == 404
