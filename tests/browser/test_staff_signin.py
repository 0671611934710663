"""Staff signs in in a real browser: a password, an app, a passkey; nothing is refused by the policy, and nothing sticks out."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from loyalty.access.models import SignInPolicy, StaffRole
from tests import make
from tests.browser.conftest import shot
from tests.staff_signin.signing import PASSWORD, code, with_app


def page_of(browser: Any, site: str, language: str = "en", width: int = 1300, scheme: str = "light") -> Any:
    locale = {"en": "en-GB", "fr": "fr-FR"}[language]
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale, base_url=site
    )
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: page.complaints.append(asked.url) if not asked.url.startswith((site, "data:")) else None,
    )
    return page


def fill(page: Any, name: str = "sue") -> None:
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("form.entrance button[type=submit]")


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def owner(*, requires: bool = False) -> User:
    shop = make.retailer()
    user = User.objects.create_user("sue", email="sue@example.org", password=PASSWORD, is_staff=True)
    StaffRole.objects.create(user=user, retailer=shop, role="owner")
    if requires:
        SignInPolicy.objects.create(retailer=shop, requires_second_factor=True)
    return user


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 1300, "light"), ("fr", 360, "dark"), ("fr", 1300, "dark"), ("en", 360, "light")],
)
def test_the_pages_fit_and_complain_of_nothing(
    chromium: Any, site: str, language: str, width: int, scheme: str
) -> None:
    owner(requires=True)
    page = page_of(chromium, site, language, width, scheme)
    name = f"{language}-{width}"

    page.goto("/admin/")
    shot(page, f"signin-{name}")
    seen = [fits(page)]
    page.goto("/admin/account/password/")
    shot(page, f"reset-{name}")
    seen.append(fits(page))
    page.goto("/admin/")
    fill(page)
    page.wait_for_url("**/second-factor/")
    shot(page, f"second-{name}")
    seen.append(fits(page))
    page.goto("/admin/account/second-factor/totp/activate/")
    shot(page, f"confirm-{name}")
    page.fill("input[name=password]", PASSWORD)
    page.click("form.entrance button[type=submit]")
    page.wait_for_selector("img.qr-code")
    shot(page, f"app-{name}")
    seen.append(fits(page))

    assert seen == [True] * 4
    assert page.complaints == []


@pytest.mark.slow
def test_a_code_of_an_app_opens_the_admin(chromium: Any, site: str) -> None:
    with_app(owner())
    page = page_of(chromium, site)

    page.goto("/admin/")
    fill(page)
    page.wait_for_url("**/authenticate/")
    shot(page, "code")
    page.fill("input[name=code]", code())
    page.click("form.entrance button[type=submit]")
    page.wait_for_url("**/admin/")

    assert page.complaints == []


@pytest.mark.slow
def test_a_passkey_is_added_and_signs_in_without_a_password(chromium: Any, site: str) -> None:
    owner()
    page = page_of(chromium, site.replace("127.0.0.1", "localhost"))  # passkeys are of names
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    page.goto("/admin/")
    fill(page)
    page.wait_for_url("**/admin/")
    page.goto("/admin/account/second-factor/webauthn/add/")
    page.fill("input[name=password]", PASSWORD)
    page.click("form.entrance button[type=submit]")
    page.check("input[name=passwordless]")
    shot(page, "passkey")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/")
    shot(page, "recovery")
    page.goto("/admin/account/second-factor/webauthn/")
    shot(page, "passkeys")
    page.context.clear_cookies()
    page.goto("/admin/")
    page.click("#passkey_login")
    page.wait_for_url("**/admin/")

    assert page.complaints == []
