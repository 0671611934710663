"""What the theme says of any row, in words that fit its name in French too, and of a list that shows nothing, why."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.campaigns.models import DiscountCap
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
CAPS = "/admin/campaigns/discountcap/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def words_of(client: Client, address: str, language: str = "fr") -> str:
    """Return a page's text, with single spaces."""
    page = client.get(address, headers={"accept-language": language}).content.decode()
    return " ".join(unescape(re.sub(r"(?s)<[^>]+>", " ", page)).split())


def cap() -> DiscountCap:
    club = make.program()
    return DiscountCap.objects.create(program=club, retailer=club.retailer, limit=1, days=30, set_by="sue", set_at=NOON)


def test_an_empty_list_names_what_can_be_added_in_french(staff: Client) -> None:
    page = words_of(staff, CAPS)

    assert "Ajouter : plafond de remises" in page
    assert "Ajouter plafond" not in page


@pytest.mark.parametrize(("language", "said"), [("en", "Lift the cap"), ("fr", "Lever le plafond")])
def test_the_button_that_lifts_a_cap_says_so(staff: Client, language: str, said: str) -> None:
    address = reverse("admin:campaigns_discountcap_change", args=[cap().pk])

    page = words_of(staff, address, language)

    assert said in page
    assert "Delete" not in page
    assert "Supprimer" not in page


def test_the_button_that_deletes_a_row_says_so_without_its_name(staff: Client) -> None:
    user = User.objects.create_user("bob")
    address = reverse("admin:auth_user_change", args=[user.pk])

    page = words_of(staff, address)

    assert "Supprimer" in page
    assert "Supprimer utilisateur" not in page


def test_what_would_be_deleted_is_counted_with_a_french_colon(staff: Client) -> None:
    user = User.objects.create_user("bob")

    page = words_of(staff, reverse("admin:auth_user_delete", args=[user.pk]))

    assert "Utilisateurs : 1" in page
    assert "Utilisateurs: 1" not in page


@pytest.mark.parametrize(
    ("language", "said", "to_all"),
    [
        ("en", "Only what is “in force” is shown.", "Show all"),
        ("fr", "Seul ce qui est « en vigueur » est affiché.", "Tout afficher"),
    ],
)
def test_a_queue_in_which_nothing_waits_says_what_it_does_not_show(
    staff: Client, language: str, said: str, to_all: str
) -> None:
    DiscountCap.objects.filter(pk=cap().pk).lift(author="sue", now=NOON)

    in_force, lifted = (words_of(staff, address, language) for address in (CAPS, f"{CAPS}?cap=lifted"))

    assert said in in_force
    assert f"{said} {to_all}" in in_force
    assert said not in lifted


def test_a_list_of_what_was_lifted_says_that_it_is_filtered(staff: Client) -> None:
    page = words_of(staff, f"{CAPS}?cap=lifted", "en")

    assert "No row matches the search and the filters." in page
    assert "Only what is “lifted” is shown. Show all" in page
