"""What selects of the admin offer: on the page of a row that is still to be added, each choice says whose it is."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.access.models import StaffRole
from tests import make

pytestmark = pytest.mark.django_db
ADDING = ("campaigns_discountcap", "campaigns_offer", "campaigns_campaign")


def programs_on(client: Client, name: str) -> list[str]:
    """Return the programs that an add page offers, in their order."""
    page = client.get(reverse(f"admin:{name}_add")).content.decode()
    (select,) = re.findall(r'(?s)<select name="program".*?</select>', page)
    return [" ".join(each.split()) for each in re.findall(r'(?s)<option value="\d+"[^>]*>(.*?)</option>', select)]


@pytest.mark.parametrize("name", ADDING)
def test_who_sees_several_retailers_reads_of_each_choice_whose_it_is(client: Client, name: str) -> None:
    client.force_login(User.objects.create_superuser("sue"))
    here = make.program(make.retailer(name="Aux Bons Vins"))

    alone = programs_on(client, name)
    make.program(make.retailer(name="Zenith"))
    both = programs_on(client, name)

    assert alone == [here.name]
    assert both == [f"Aux Bons Vins · {here.name}", f"Zenith · {here.name}"]


@pytest.mark.parametrize("name", ADDING)
def test_who_works_for_one_retailer_is_offered_its_own_by_their_names_alone(client: Client, name: str) -> None:
    here, _there = make.program(), make.program(make.retailer())
    user = User.objects.create_user("max", is_staff=True)
    StaffRole.objects.create(user=user, retailer=here.retailer, role="manager")
    client.force_login(user)

    assert programs_on(client, name) == [here.name]
