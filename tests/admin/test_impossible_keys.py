"""Addresses of the admin with a key that no row could have: of nothing, and no error."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.urls.converters import StringConverter

pytestmark = pytest.mark.django_db

KEY = "no/row"
OF_DJANGO = ("_change", "_delete", "_history")


@pytest.fixture
def staff() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("staff"))
    return client


def addresses() -> Iterator[str]:
    """Yield the names of all addresses of one row whose key may be any text."""
    for pages in admin.site._registry.values():
        for each in pages.get_urls():
            kinds = each.pattern.converters
            if each.name and kinds.keys() == {"object_id"} and isinstance(kinds["object_id"], StringConverter):
                yield each.name


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_of_no_row_leads_to_the_first_page_or_is_not_found(staff: Client, method: str) -> None:
    pages = [reverse(f"admin:{name}", args=[KEY]) for name in addresses() if name.endswith(OF_DJANGO)]

    found = {page: getattr(staff, method)(page).status_code for page in pages}

    assert {page: code for page, code in found.items() if code not in {302, 403, 404}} == {}
    assert len(found) > 0


def test_what_is_done_with_no_row_is_not_found(staff: Client) -> None:
    acts = [reverse(f"admin:{name}", args=[KEY]) for name in addresses() if not name.endswith(OF_DJANGO)]

    found = {act: staff.get(act, follow=True).status_code for act in acts}

    assert {act: code for act, code in found.items() if code != 404} == {}
    assert len(found) > 0
