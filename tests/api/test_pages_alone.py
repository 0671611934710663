"""What people read in a browser where no view answers: a page in their language, and no document for systems."""

from typing import Any

import pytest
from django.test import Client

FRENCH: dict[str, Any] = {"HTTP_ACCEPT_LANGUAGE": "fr"}
MORE: dict[str, Any] = {"CONTENT_LENGTH": str(8 * 1024 * 1024 + 1)}


def test_a_form_that_is_too_large_is_refused_by_a_page_and_a_call_by_a_problem() -> None:
    french, english, call = (
        Client().generic("POST", path, b" ", content_type="application/x-www-form-urlencoded", **MORE, **given)
        for path, given in (("/admin/login/", FRENCH), ("/my/port", {}), ("/api/v1/orders", FRENCH))
    )

    assert [each.status_code for each in (french, english, call)] == [413] * 3
    assert [each["Content-Type"].split(";")[0] for each in (french, english, call)] == [
        "text/html", "text/html", "application/problem+json",
    ]  # fmt: skip
    assert "Cet envoi dépasse 8,0\N{NO-BREAK SPACE}Mio." in french.content.decode()
    assert "This is larger than 8.0\N{NO-BREAK SPACE}MB. Divide it" in english.content.decode()
    assert call.json()["code"] == "too_large"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/my/nobody", "/u/", "/s/"])
def test_a_shopper_is_sent_to_the_shop_and_not_to_the_sign_in_of_staff(client: Client, path: str) -> None:
    page = client.get(path, **FRENCH)
    words = page.content.decode()

    assert page.status_code == 404
    assert "demandez-en un autre à l’enseigne" in words
    assert 'href="/"' not in words


@pytest.mark.django_db
def test_staff_who_are_lost_find_the_first_page(client: Client) -> None:
    assert '<a href="/">To the first page</a>' in client.get("/nothing").content.decode()
