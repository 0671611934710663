"""The second factor: an app with codes, codes to recover, passkeys; and retailers that require one."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from customers.models import Retailer
from tests import make
from tests.staff_signin.signing import (
    LOGIN,
    PASSWORD,
    SECRET,
    code,
    confirm,
    has_app,
    is_in,
    requires_second_factor,
    sign_in,
    sue,
    with_app,
    words,
)  # fmt: skip

pytestmark = pytest.mark.django_db
SECOND = reverse("mfa_authenticate")
INDEX = reverse("mfa_index")
ACTIVATE = reverse("mfa_activate_totp")


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


@pytest.fixture
def owner(shop: Retailer) -> User:
    return sue(shop)


def test_a_password_alone_opens_nothing_to_who_has_a_second_factor(client: Client, owner: User) -> None:
    with_app(owner)

    first = sign_in(client)
    before = is_in(client)
    wrong = client.post(SECOND, {"code": "000000"})
    right = client.post(SECOND, {"code": code()})

    assert (first.status_code, first.headers["Location"]) == (302, SECOND)
    assert (before, words(wrong)) == (False, ["Incorrect code."])
    assert (right.status_code, right.headers["Location"], is_in(client)) == (302, reverse("admin:index"), True)


def test_a_code_is_good_once_also_for_another_process(owner: User) -> None:
    with_app(owner)
    first, second = Client(), Client()
    for each in (first, second):
        sign_in(each)

    now = code()
    first.post(SECOND, {"code": now})
    cache.clear()  # what another process remembers of it
    again = second.post(SECOND, {"code": f" {now[:3]}-{now[3:]}"})

    assert (is_in(first), is_in(second), words(again)) == (True, False, ["Incorrect code."])


def test_a_code_to_recover_is_good_once(owner: User) -> None:
    codes = with_app(owner)
    first, second, third = Client(), Client(), Client()
    for each in (first, second, third):
        sign_in(each)

    first.post(SECOND, {"code": codes[0]})
    second.post(SECOND, {"code": codes[0]})
    third.post(SECOND, {"code": codes[1]})

    assert [is_in(each) for each in (first, second, third)] == [True, False, True]


def test_after_ten_wrong_codes_also_the_right_one_is_not_looked_at(client: Client, owner: User) -> None:
    with_app(owner)
    sign_in(client)
    for turn in range(10):
        client.post(SECOND, {"code": f"{turn:06}"})
        cache.clear()

    locked = client.post(SECOND, {"code": code()})

    assert words(locked)[0].startswith("This was tried too often.")
    assert not is_in(client)


def test_what_codes_are_made_from_rests_sealed(owner: User) -> None:
    codes = with_app(owner)

    kept = str(list(Authenticator.objects.values_list("data", flat=True)))

    assert SECRET not in kept
    assert not any(each in kept for each in codes)


def test_staff_whose_retailer_requires_it_reaches_nothing_before(client: Client, shop: Retailer, owner: User) -> None:
    requires_second_factor(shop)
    sign_in(client)
    pages = [
        reverse(f"admin:{each}")
        for each in ("index", "customers_customer_changelist", "access_signinpolicy_changelist", "password_change")
    ]

    sent = [client.get(page) for page in pages]
    by_api = client.get("/api/v1/programs")

    assert [(each.status_code, each.headers["Location"]) for each in sent] == [(302, INDEX)] * 4
    assert (by_api.status_code, by_api.json()["code"]) == (403, "second_factor_needed")
    assert client.get(INDEX).status_code == 200


def test_it_sets_an_app_up_and_goes_on(client: Client, shop: Retailer, owner: User) -> None:
    requires_second_factor(shop)
    sign_in(client)
    confirm(client)

    page = client.get(ACTIVATE)
    secret = client.session["mfa.totp.secret"]
    wrong = client.post(ACTIVATE, {"code": "000000"})
    done = client.post(ACTIVATE, {"code": code(secret=secret)})

    assert (page.status_code, words(wrong)) == (200, ["Incorrect code."])
    assert (done.status_code, done.headers["Location"]) == (302, reverse("mfa_view_recovery_codes"))
    assert (has_app(owner), is_in(client)) == (True, True)


def test_what_is_required_is_not_given_up(client: Client, shop: Retailer, owner: User) -> None:
    requires_second_factor(shop)
    with_app(owner)
    sign_in(client)
    client.post(SECOND, {"code": code()})
    confirm(client)

    answer = client.post(reverse("mfa_deactivate_totp"))

    assert (answer.status_code, has_app(owner)) == (200, True)


def test_also_who_works_elsewhere_too_and_superusers_set_one_up(client: Client, shop: Retailer) -> None:
    requires_second_factor(shop)
    several = sue(make.retailer(), name="several")
    several.staff_roles.create(retailer=shop, role="analyst")
    User.objects.create_superuser("root", password=PASSWORD)
    sue(make.retailer(), name="elsewhere")

    found = {}
    for name in ("several", "root", "elsewhere"):
        sign_in(each := Client(), name)
        found[name] = is_in(each)

    assert found == {"several": False, "root": False, "elsewhere": True}


def test_nothing_is_asked_for_where_it_is_not_required(client: Client, owner: User) -> None:
    done = sign_in(client)

    assert (done.headers["Location"], is_in(client)) == (reverse("admin:index"), True)


def test_before_something_that_matters_the_password_is_asked_again(client: Client, owner: User) -> None:
    client.force_login(owner)

    answer = client.get(ACTIVATE)

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


def test_an_owner_switches_it_on_for_its_retailer(client: Client, shop: Retailer, owner: User) -> None:
    with_app(owner)
    client.force_login(owner)

    made = client.post(reverse("admin:access_signinpolicy_add"), {"requires_second_factor": "on"})

    shop.refresh_from_db()
    assert (made.status_code, shop.sign_in_policy.requires_second_factor) == (302, True)
    assert is_in(client)


def test_superusers_take_away_what_somebody_has_lost(client: Client, owner: User) -> None:
    with_app(owner)
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))

    client.post(
        reverse("admin:auth_user_changelist"), {"action": "take_second_factors", "_selected_action": [owner.pk]}
    )

    assert Authenticator.objects.count() == 0
    assert sign_in(Client()).headers["Location"] == reverse("admin:index")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_need_nothing_from_elsewhere(client: Client, owner: User, language: str, settings: Settings) -> None:
    headers = {"accept-language": language}
    entrance = [client.get(each, headers=headers) for each in (LOGIN, reverse("account_reset_password"))]
    sign_in(client)
    confirm(client)
    inside = [client.get(each, headers=headers) for each in (INDEX, ACTIVATE, reverse("mfa_add_webauthn"))]

    for page in (*entrance, *inside):
        text = page.content.decode()
        assert page.status_code == 200
        assert f'lang="{language}"' in text
        assert 'src="http' not in text
        assert 'href="http' not in text
