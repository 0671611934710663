"""Pages that are not there, not theirs, or that failed: in the theme, in both languages, and never bare."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from loyalty.access.models import StaffRole
from loyalty.api.problems import failure
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst(client: Client) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    StaffRole.objects.create(user=user, retailer=make.retailer(), role="analyst")
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/admin/nothing/", 404, "There is nothing at this address"),
        ("/admin/programs/programversion/999/page/", 404, "There is nothing at this address"),
        ("/admin/customers/customer/", 403, "Your role does not open this page"),
    ],
)
def test_an_error_is_a_page_of_the_theme(analyst: Client, address: str, status: int, words: str) -> None:
    for language in ("en", "fr"):
        answer = analyst.get(address, headers={"accept-language": language})

        page = answer.content.decode()
        assert answer.status_code == status
        assert (words in page) or language == "fr"
        assert f'<html lang="{language}"' in page
        assert reverse("admin:index") in page
        assert 'id="nav-sidebar"' in page


@pytest.mark.parametrize("address", ["/nothing", "/my/nobody", "/favicon.png", "/admin/points/entry/?q=%00"])
def test_a_stranger_gets_a_page_without_a_menu(client: Client, address: str) -> None:
    page = client.get(address, headers={"accept-language": "fr"})

    assert page.status_code == (400 if "q=" in address else 404)
    assert "nav-sidebar" not in page.content.decode()
    assert '<html lang="fr">' in page.content.decode()


def test_a_browser_finds_an_icon_and_so_do_the_pages(client: Client, analyst: Client) -> None:
    shop = make.retailer()

    found = client.get("/favicon.ico")
    pages = [client.get(reverse("page:start", args=[shop.slug])), analyst.get(reverse("admin:index"))]

    assert (found.status_code, found["Location"]) == (302, static("admin_theme/icon.png"))
    assert Path(str(finders.find("admin_theme/icon.png"))).read_bytes().startswith(b"\x89PNG")
    assert (
        Path(str(finders.find("admin_theme/icon.svg")))
        .read_text()
        .startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    )
    assert [static("admin_theme/icon.svg") in page.content.decode() for page in pages] == [True, True]


def test_the_apis_errors_stay_problems(client: Client) -> None:
    answer = client.get("/api/v1/nothing")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_form_that_is_too_old_says_so() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("eve"))

    answer = client.post(reverse("admin:programs_program_add"), {"name": "x"}, headers={"accept-language": "en"})

    assert answer.status_code == 403
    assert "This form is too old, or was not sent by this site." in answer.content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_failed_needs_nothing_that_can_fail(
    language: str, rf: RequestFactory, django_assert_num_queries: Any
) -> None:
    with translation.override(language), django_assert_num_queries(0):
        page = failure(rf.get("/admin/")).content.decode()

    assert 'href="/"' in page
    assert "Something went wrong on our side." in page or language == "fr"
    assert f'<html lang="{language}">' in page


@pytest.mark.parametrize("path", ["/my/corner-shop/club/", "/s/AB12", "/u/AB12"])
def test_a_shopper_whose_page_failed_is_not_led_to_the_staffs_first_page(path: str, rf: RequestFactory) -> None:
    answer = failure(rf.get(path))

    page = answer.content.decode()
    assert (answer.status_code, "Something went wrong on our side." in page, 'href="/"' in page) == (500, True, False)
