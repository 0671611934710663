"""A member's way through its page in a real browser: from the mailed code to a reward, in both languages and without script."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django.utils import timezone

from customers.models import Consent
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.memberships.models import Membership
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralPolicy
from loyalty.rewards.models import RewardRedemption
from loyalty.signin.mailing import mail_codes
from tests import make
from tests.browser.conftest import shot
from tests.plans.make_plans import add_plans
from tests.rewards.shop import reward

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1300, "height": 900}
KIB = 1024
MAX_BYTES, MAX_REQUESTS = 150 * KIB, 12  # of a first visit
WORDS = {
    "en": {
        "rewards": "Rewards",
        "get": "Get it for",
        "show": "Show this at the till",
        "thanks": "Thank you",
        "challenges": "Challenges",
        "locale": "en-GB",
    },
    "fr": {
        "rewards": "Récompenses",
        "get": "L’obtenir pour",
        "show": "À montrer en caisse",
        "thanks": "Merci",
        "challenges": "Défis",
        "locale": "fr-FR",
    },
}
PAGES = (
    "",
    "orders",
    "orders/O-1",
    "points",
    "rewards",
    "rewards/five-off",
    "me",
    "challenges",
    "invite",
    "privacy/erase",
    "plan",
    "plan/choose/plus",
    "privacy",
    "privacy/leave",
)


@pytest.fixture
def ada(site: str) -> Membership:
    since = timezone.now() - timedelta(days=100)
    draft = make.version(make.retailer(name="Épicerie du Port"), tiers=[("silver", "100", "1"), ("gold", "1000", "2")])
    reward(draft, may_cancel=True, name="Five euros off", name_fr="Cinq euros de remise")
    reward(draft, "coffee", 5_000, kind="product")
    Badge.objects.create(version=draft, code="regular", name="Regular", name_fr="Fidèle", kind="once")
    Challenge.objects.create(
        version=draft, code="three", name="Three orders", name_fr="Trois achats", metric="count", target=3,
        window="membership", points=50, badge="regular", place=0,
    )  # fmt: skip
    Challenge.objects.create(
        version=draft, code="spend", name="Spend", name_fr="Dépenses", metric="spend", target=100, window="month",
        opt_in=True, points=10, place=1,
    )  # fmt: skip
    Board.objects.create(version=draft, code="top", name="Top", name_fr="Les meilleurs", metric="spend", window="year")
    link = "https://shop.example/?c={code}"
    ReferralPolicy.objects.create(version=draft, advocate_points=100, friend_points=50, link=link)
    add_plans(draft, {"benefits": "Free delivery\nDouble points", "multiplier": "2", "trial_days": 14})
    found = make.member(make.published(draft, since=since), "ada", since=since)
    found.customer.email, found.customer.first_name = "ada@example.com", "Ada"
    found.customer.save()
    bought = make.buys(found, "520.00", "100.00", at=timezone.now() - timedelta(days=10), name="O-1")
    make.buys(found, "80.00", at=timezone.now() - timedelta(days=2), name="O-2")
    make.returns(found, bought, (2, "1"))
    return found


@pytest.fixture
def bob(ada: Membership) -> Membership:
    """A member who has bought nothing yet."""
    found = make.member(ada.program, "bob", since=timezone.now() - timedelta(days=1))
    found.customer.email, found.customer.first_name = "bob@example.com", "Bob"
    found.customer.save()
    return found


@pytest.fixture(params=["en", "fr"])
def words(request: pytest.FixtureRequest) -> dict[str, str]:
    found: dict[str, str] = WORDS[request.param]
    return found


def signs_in(page: Any, address: str, member: Membership) -> None:
    page.goto(f"{address}/my/{member.retailer.slug}")
    page.fill("input[name=email]", member.customer.email)
    page.click("main button")
    mail_codes(member.retailer, now=timezone.now())
    code = re.search(r"\b\d{6}\b", str(mail.outbox[-1].body))
    assert code is not None
    page.fill("input[name=code]", code.group())
    page.click("main button")
    page.wait_for_url(re.compile(f"/my/{member.retailer.slug}/{member.program.slug}/$"))


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(request: pytest.FixtureRequest, chromium: Any, words: dict[str, str]) -> Iterator[Any]:
    context = chromium.new_context(viewport=PHONE, locale=words["locale"], java_script_enabled=request.param)
    yield context.new_page()
    context.close()


def test_from_the_code_in_the_mail_to_a_reward_and_a_choice(
    ada: Membership, site: str, page: Any, words: dict[str, str]
) -> None:
    signs_in(page, site, ada)
    page.click(f"nav >> text={words['rewards']}")
    page.click("main h2 a")

    page.click(f"button:has-text('{words['get']}')")

    assert words["show"] in page.inner_text("main")
    assert RewardRedemption.objects.filter(membership=ada, points=500).count() == 1
    shot(page, f"redeemed-{words['locale']}")

    page.click("nav a:last-child")
    page.click(".ways li:last-child a")
    page.check("input[value=email]")
    page.click("main form button")

    assert page.is_checked("input[value=email]")
    assert Consent.objects.filter(customer=ada.customer, purpose="email", granted=True, source="page").count() == 1


def test_a_friend_says_who_invited_it_and_takes_part(
    ada: Membership, bob: Membership, site: str, page: Any, words: dict[str, str]
) -> None:
    signs_in(page, site, bob)
    page.click("nav a:last-child")
    page.click(".ways a[href$='/invite']")
    page.fill("input[name=code]", code_of(ada, now=timezone.now()))
    page.click("main form button")

    assert words["thanks"] in page.inner_text("main")
    assert Referral.objects.get().advocate == ada

    make.buys(bob, "30.00", at=timezone.now(), name="B-1")
    page.click(f"nav >> text={words['challenges']}")
    page.click("main form[action*=challenges] button")
    page.click("summary")
    page.fill("input[name=pseudonym]", "Robin")
    page.click("form[action*=boards] button")
    assert "Robin" in page.inner_text(".board")


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("en", "light", 360), ("fr", "dark", 360), ("fr", "light", 1_300), ("en", "dark", 1_300)],
)
def test_every_page_is_accessible_and_fits(
    ada: Membership, site: str, chromium: Any, language: str, scheme: str, width: int
) -> None:
    axe = Axe()
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale=WORDS[language]["locale"], bypass_csp=True
    )
    page = context.new_page()
    page.goto(f"{site}/my/{ada.retailer.slug}")
    checked = [_checked(page, axe, f"start-{language}-{scheme}-{width}")]
    signs_in(page, site, ada)
    home = page.url
    for name in PAGES:
        page.goto(home + name)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
        checked.append(_checked(page, axe, f"{name.replace('/', '_') or 'home'}-{language}-{scheme}-{width}"))
    context.close()

    assert [each for each in checked if each] == []


def _checked(page: Any, axe: Any, name: str) -> str:
    """Return what axe found on a page; empty for nothing."""
    shot(page, name)
    found = axe.run(page)
    return f"{name}: {found.generate_report()}" if found.violations_count else ""


def test_a_first_visit_is_light_and_asks_nobody_else(ada: Membership, site: str, chromium: Any) -> None:
    context = chromium.new_context(viewport=PHONE, locale="fr-FR")
    page = context.new_page()
    signs_in(page, site, ada)
    home, cookies = page.url, context.cookies()
    context.close()
    fresh = chromium.new_context(viewport=PHONE, locale="fr-FR")  # with nothing kept but who is signed in
    fresh.add_cookies(cookies)
    page = fresh.new_page()
    asked: list[Any] = []
    page.on("response", lambda answer: asked.append(answer))  # noqa: PLW0108 - a built-in cannot listen

    page.goto(home, wait_until="networkidle")

    sizes = [len(each.body()) for each in asked]
    assert len(asked) <= MAX_REQUESTS
    assert sum(sizes) <= MAX_BYTES
    assert all(each.url.startswith(site) for each in asked)
    fresh.close()
