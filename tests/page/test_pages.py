"""What members see on their page, and what they do there."""

import io
import re
import zipfile
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from customers.models import Consent, Customer
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.badges.account.surprises import draw, give
from loyalty.badges.models import Badge, Board, Challenge, ContestFinish, ContestPrize, Surprise
from loyalty.memberships.models import Membership
from loyalty.page.models import Branding
from loyalty.plans.account.paying import refund
from loyalty.plans.models import Invoice
from loyalty.points.models import PointsPolicy
from loyalty.programs.models import Program
from loyalty.referrals.models import ReferralPolicy
from loyalty.rewards.models import RewardRedemption
from loyalty.signin.mailing import mail_codes
from tests import make
from tests.plans.make_plans import add_plans, pays
from tests.rewards.shop import price, reward

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def club() -> Program:
    since = timezone.now() - timedelta(days=100)
    draft = make.version(make.retailer(language="en"), tiers=[("silver", "100", "1"), ("gold", "1000", "2")])
    reward(draft, may_cancel=True)
    return make.published(draft, since=since)


@pytest.fixture
def ada(club: Program) -> Membership:
    """A member with 620 points of one order, on the tier silver."""
    found = make.member(club, "ada", since=timezone.now() - timedelta(days=90))
    found.customer.email, found.customer.first_name = "ada@example.com", "Ada"
    found.customer.save()
    make.buys(found, "620.00", at=timezone.now() - timedelta(days=10), name="O-1")
    return found


def home_of(member: Membership) -> str:
    return f"/my/{member.retailer.slug}/{member.program.slug}/"


def signed_in(member: Membership) -> Client:
    """Return a browser in which somebody signed in as people do: address, mail, code."""
    browser, start = Client(), f"/my/{member.retailer.slug}"
    browser.post(start, {"email": member.customer.email})
    mail_codes(member.retailer, now=timezone.now())
    code = re.search(r"\b\d{6}\b", str(mail.outbox[-1].body))
    assert code is not None
    answer = browser.post(f"{start}/code", {"code": code.group()}, follow=True)
    assert answer.redirect_chain[-1][0] == home_of(member)
    return browser


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_address_of_a_page_may_end_with_a_slash(client: Client) -> None:
    shop = make.retailer()

    answer = client.get(f"/my/{shop.slug}/?lang=fr")

    assert (answer.status_code, answer["Location"]) == (302, f"/my/{shop.slug}?lang=fr")
    assert client.get(f"/my/{shop.slug}/", follow=True).status_code == 200


def test_a_member_signs_in_by_mail_and_sees_its_card(ada: Membership) -> None:
    answer = signed_in(ada).get(home_of(ada))

    said = text_of(answer)
    assert answer.status_code == 200
    assert "620 points" in said.lower()
    assert "Ada" in said
    assert "380.00 EUR more to spend for Gold" in said
    assert f"QR code of member number {ada.number}" in answer.content.decode()


def test_the_same_page_speaks_french(ada: Membership) -> None:
    browser = signed_in(ada)
    browser.post("/i18n/setlang/", {"language": "fr", "next": home_of(ada)})

    answer = browser.get(home_of(ada))

    assert answer.headers["Content-Language"] == "fr"
    assert '<html lang="fr">' in answer.content.decode()
    assert "Encore 380,00 EUR à dépenser pour Gold" in text_of(answer)


def test_who_is_not_signed_in_is_asked_to_and_sees_nothing(ada: Membership, club: Program) -> None:
    browser = Client()

    for page in ("", "orders", "points", "rewards", "plan", "privacy", "privacy/leave", "card.pkpass"):
        answer = browser.get(home_of(ada) + page)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/my/{club.retailer.slug}")


def test_a_wrong_code_says_how_often_it_can_be_tried(ada: Membership) -> None:
    browser, start = Client(), f"/my/{ada.retailer.slug}"
    browser.post(start, {"email": "ada@example.com"})

    answer = browser.post(f"{start}/code", {"code": "x"})

    assert answer.status_code == 400
    assert "This is not the code that was sent. You can try it 4 more times." in text_of(answer)


def test_an_unknown_address_gets_the_same_answer_and_no_mail(ada: Membership) -> None:
    browser, start = Client(), f"/my/{ada.retailer.slug}"

    answer = browser.post(start, {"email": "nobody@example.com"})
    mail_codes(ada.retailer, now=timezone.now())

    assert (answer.status_code, answer.headers["Location"]) == (302, f"{start}/code")
    assert mail.outbox == []


def test_a_member_of_one_shop_is_nobody_at_another_one(ada: Membership) -> None:
    other = make.program(make.retailer())

    answer = signed_in(ada).get(f"/my/{other.retailer.slug}/{other.slug}/")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/my/{other.retailer.slug}")


def test_signed_out_the_page_is_closed_to_the_browser(ada: Membership) -> None:
    browser = signed_in(ada)

    browser.post(f"/my/{ada.retailer.slug}/sign-out")

    assert browser.get(home_of(ada)).status_code == 302


def test_a_reward_is_redeemed_once_however_often_the_form_is_sent(ada: Membership) -> None:
    browser = signed_in(ada)
    page = browser.get(home_of(ada) + "rewards/five-off")
    reference = re.search(r'name="reference" value="([^"]+)"', page.content.decode())
    assert reference is not None
    assert "Get it for 500 points" in text_of(page)

    answers = [browser.post(home_of(ada) + "rewards/five-off", {"reference": reference.group(1)}) for _ in range(2)]

    redeemed = RewardRedemption.objects.get(membership=ada)
    assert {each.headers["Location"] for each in answers} == {f"{home_of(ada)}mine/{redeemed.pk}"}
    shown = browser.get(answers[0].headers["Location"])
    assert "Show this at the till" in text_of(shown)
    assert "120 points" in text_of(browser.get(home_of(ada))).lower()


def test_what_cannot_be_redeemed_is_said_and_takes_nothing(ada: Membership) -> None:
    browser = signed_in(ada)
    browser.post(home_of(ada) + "rewards/five-off", {"reference": "one"})

    answer = browser.post(home_of(ada) + "rewards/five-off", {"reference": "two"})

    assert answer.status_code == 409
    assert "This was not done" in text_of(answer)
    assert "120 points" in text_of(browser.get(home_of(ada))).lower()


def test_a_reward_that_is_cancelled_gives_its_points_back(ada: Membership) -> None:
    browser = signed_in(ada)
    browser.post(home_of(ada) + "rewards/five-off", {"reference": "one"})
    redeemed = RewardRedemption.objects.get(membership=ada)
    RewardRedemption.objects.filter(pk=redeemed.pk).update(redeemed_at=timezone.now())

    answer = browser.post(f"{home_of(ada)}mine/{redeemed.pk}/cancel", follow=True)

    assert "Cancelled: 500 points are back in your wallet." in text_of(answer)
    assert "620 points" in text_of(browser.get(home_of(ada))).lower()


@pytest.mark.parametrize(
    "form", [{}, {"reference": "a b"}, {"reference": "x", "points": "many"}, {"reference": "x", "points": "0"}]
)
def test_a_form_that_says_nothing_of_use_is_asked_again(ada: Membership, form: dict[str, str]) -> None:
    answer = signed_in(ada).post(home_of(ada) + "rewards/five-off", form)

    assert answer.status_code == 200
    assert not RewardRedemption.objects.exists()


def test_what_is_another_members_is_not_there(ada: Membership, club: Program) -> None:
    bob = make.member(club, "bob", since=timezone.now() - timedelta(days=50))
    bob.customer.email = "bob@example.com"
    bob.customer.save()
    signed_in(ada).post(home_of(ada) + "rewards/five-off", {"reference": "one"})
    redeemed = RewardRedemption.objects.get(membership=ada)
    browser = signed_in(bob)

    assert browser.get(f"{home_of(bob)}mine/{redeemed.pk}").status_code == 404
    assert browser.post(f"{home_of(bob)}mine/{redeemed.pk}/cancel").status_code == 404
    assert browser.get(f"{home_of(bob)}orders/O-1").status_code == 404


def test_orders_say_what_each_earned_and_why(ada: Membership) -> None:
    bought = make.buys(ada, "100.00", "50.00", at=timezone.now() - timedelta(days=3), name="A/2")
    make.returns(ada, bought, (2, "1"))
    browser = signed_in(ada)

    listed, shown = browser.get(home_of(ada) + "orders"), browser.get(home_of(ada) + "orders/A/2")

    assert "+100 pts 50 taken back" in text_of(listed)
    assert "Base: 150 points for 150.00 × 1" in text_of(shown)


def test_points_are_told_in_members_words(ada: Membership) -> None:
    shown = text_of(signed_in(ada).get(home_of(ada) + "points"))

    assert "My points Points 620" in shown
    assert "lots" not in shown


def test_lists_go_on_where_the_page_before_ended(ada: Membership) -> None:
    for day in range(22):
        make.buys(ada, "10.00", at=timezone.now() - timedelta(days=9, minutes=day), name=f"P-{day}")
    browser = signed_in(ada)
    seen: list[str] = []
    address = f"{home_of(ada)}orders"

    while address:
        shown = browser.get(address).content.decode()
        seen += re.findall(r"/orders/([^\"]+)\"", shown)
        older = re.search(r'href="(\?before=[^"]+)"', shown)
        address = f"{home_of(ada)}orders{older.group(1)}" if older else ""

    assert seen == [*(f"P-{day}" for day in range(22)), "O-1"]


def test_consents_are_written_down_when_they_change(ada: Membership) -> None:
    browser = signed_in(ada)

    for chosen in (["email", "profiling"], ["email", "profiling"], ["email"]):
        browser.post(home_of(ada) + "privacy/consent", {"purpose": chosen})

    said = Consent.objects.filter(customer=ada.customer, source="page").order_by("id").values_list("purpose", "granted")
    assert list(said) == [("email", True), ("profiling", True), ("profiling", False)]


def test_leaving_says_what_is_lost_first(ada: Membership) -> None:
    browser = signed_in(ada)

    asked = browser.get(home_of(ada) + "privacy/leave")
    ada.refresh_from_db()
    assert ada.left_at is None
    assert "620 points" in text_of(asked)

    left = browser.post(home_of(ada) + "privacy/leave", follow=True)
    ada.refresh_from_db()
    assert ada.left_at is not None
    assert "You have left the program." in text_of(left)
    assert "a member of no program yet" in text_of(left)


def test_a_form_from_elsewhere_is_refused(ada: Membership) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = signed_in(ada).cookies

    answer = browser.post(home_of(ada) + "privacy/leave")

    assert answer.status_code == 403
    ada.refresh_from_db()
    assert ada.left_at is None


def test_pages_keep_others_out(ada: Membership) -> None:
    answer = signed_in(ada).get(home_of(ada))

    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert not re.findall(r"""(?:src|href)=["']https?://""", answer.content.decode())


def test_a_closed_page_says_so(ada: Membership) -> None:
    Branding.objects.create(retailer=ada.retailer, is_open=False)

    answer = Client().get(f"/my/{ada.retailer.slug}")

    assert answer.status_code == 503
    assert "Your points are safe." in text_of(answer)


def test_there_is_no_page_of_a_shop_that_there_is_not() -> None:
    assert Client().get("/my/nowhere").status_code == 404


@pytest.mark.parametrize("number", ["O-2", "%00", "a/b"])
def test_what_is_not_there_says_so_under_the_same_rules(ada: Membership, number: str) -> None:
    answer = signed_in(ada).get(f"{home_of(ada)}orders/{number}")

    assert (answer.status_code, text_of(answer).count("You have no such order.")) == (404, 1)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_pages_with_a_form_are_kept_by_nobody(ada: Membership) -> None:
    for page in ("", "/code"):
        assert "no-store" in Client().get(f"/my/{ada.retailer.slug}{page}").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("help@shop.example", "mailto:help@shop.example"), ("https://shop.example/@help", "https://shop.example/@help"),
        ("javascript:alert(1)", ""), ("www.shop.example", ""),
    ],
)  # fmt: skip
def test_a_contact_is_an_address_to_which_a_click_leads(ada: Membership, contact: str, link: str) -> None:
    branding = Branding(retailer=ada.retailer, contact=contact)

    if not link:
        with pytest.raises(ValidationError):
            branding.full_clean()
        return
    branding.full_clean()
    assert branding.contact_link == link


def test_colours_come_from_the_retailer_and_are_kept_by_browsers(ada: Membership) -> None:
    Branding.objects.create(retailer=ada.retailer, accent="#ffcc00")

    answer = Client().get(f"/my/{ada.retailer.slug}/colours.css")

    assert "--accent: #ffcc00; --on-accent: #000000;" in answer.content.decode()
    again = Client().get(f"/my/{ada.retailer.slug}/colours.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_plan_is_joined_ended_and_let_go_on() -> None:
    since = timezone.now() - timedelta(days=100)
    draft = make.version(make.retailer(language="en"))
    add_plans(draft, {"price": "0.00"})
    member = make.member(make.published(draft, since=since), since=since)
    member.customer.email = "eve@example.com"
    member.customer.save()
    browser, page = signed_in(member), home_of(member) + "plan"
    assert "Join Plus" in text_of(browser.get(page))

    assert "Nothing is to be paid now." in text_of(browser.get(f"{page}/choose/plus"))
    assert "You have Plus now." in text_of(browser.post(f"{page}/choose/plus", follow=True))
    assert "Your plan ends with its period." in text_of(browser.post(f"{page}/cancel", follow=True))
    assert "Your plan goes on." in text_of(browser.post(f"{page}/resume", follow=True))
    assert browser.get(f"{page}/choose/other").status_code == 404


def test_a_member_reads_what_a_plan_costs_before_it_says_so() -> None:
    since = timezone.now() - timedelta(days=100)
    draft = make.version(make.retailer(language="en"))
    add_plans(
        draft,
        {"code": "lite", "price": "5.00", "trial_days": 14},
        {},
        {"code": "max", "price": "120.00", "period": "year"},
    )
    eve = known(make.published(draft, since=since), "eve")
    browser, page = signed_in(eve), home_of(eve) + "plan"

    def asked(code: str) -> str:
        return text_of(browser.get(f"{page}/choose/{code}"))

    assert "Free through" in asked("lite")
    first = asked("plus")
    assert "To be paid 10.00 EUR It begins with the first payment. It is renewed every month until you end it" in first
    assert Invoice.objects.count() == 0  # it was only asked

    assert "Plus begins with its payment." in text_of(browser.post(f"{page}/choose/plus", follow=True))
    unpaid = browser.get(f"{page}/choose/max")
    assert (unpaid.status_code, "An invoice of 10.00 EUR is open." in text_of(unpaid)) == (409, True)
    pays(eve, at=timezone.now())
    larger = asked("max")
    assert "Plus, " in larger
    assert "-10.00 EUR Max, " in larger
    assert "To be paid 110.00 EUR The change takes place with its payment. It is renewed every year" in larger
    assert "Nothing is to be paid now. Your present plan goes on through" in asked("lite")
    assert "Your change to Lite is noted." in text_of(browser.post(f"{page}/choose/lite", follow=True))
    refund(Invoice.objects.get().pk, Decimal("4.00"), reason="moved", author="sue", now=timezone.now())
    assert "paid · 4.00 EUR went back" in text_of(browser.get(page))


def test_rewards_and_what_ends_are_told_in_the_wallets_own_words() -> None:
    draft = make.version(make.retailer(language="en"))
    PointsPolicy.objects.create(version=draft, code="stars", name="stars", name_fr="étoiles")
    reward(draft, "mug", 500, kind="product")
    price(draft, "mug-in-stars", 20, reward="mug", wallet="stars")
    reward(draft, "cap", 30, kind="product", wallet="stars")
    eve = known(make.published(draft, since=timezone.now() - timedelta(days=100)), "eve")
    now = timezone.now()
    adjust(eve, 500, wallet="points", reason="r", author="a", reference="r1", now=now)
    adjust(eve, 50, wallet="stars", reason="r", author="a", reference="r2", now=now)
    browser, page = signed_in(eve), home_of(eve) + "rewards"

    assert "Cap 30 stars" in text_of(browser.get(page))
    mug = text_of(browser.get(f"{page}/mug"))
    assert "Pay from 500 points 20 stars Get it" in mug
    assert "Get it for" not in mug
    assert "Get it for 30 stars" in text_of(browser.get(f"{page}/cap"))


def test_a_match_is_told_as_long_as_something_is_left_of_it() -> None:
    draft = make.version(make.retailer(language="en"))
    reward(draft, "forest", 100, kind="donation", points_per_unit=100, match_percent=100, match_budget=Decimal(5))
    eve = known(make.published(draft, since=timezone.now() - timedelta(days=100)), "eve")
    adjust(eve, 2_000, reason="r", author="a", reference="r1", now=timezone.now())
    browser, page = signed_in(eve), home_of(eve) + "rewards/forest"

    before = text_of(browser.get(page))
    redeem_reward(eve, "forest", reference="d1", points=300, now=timezone.now())
    between = text_of(browser.get(page))
    redeem_reward(eve, "forest", reference="d2", points=300, now=timezone.now())

    assert "We add 100 % to what you give. There are 5.00 EUR left for it." in before
    assert "There are 2.00 EUR left for it." in between
    assert "We add" not in text_of(browser.get(page))


def test_prizes_and_surprises_stand_with_what_a_member_won() -> None:
    club = game()
    eve = known(club, "eve")
    browser, page = signed_in(eve), home_of(eve) + "challenges"
    assert "What I won" not in text_of(browser.get(page))
    gift = Surprise.objects.create(
        program=club, retailer=club.retailer, code="may", name="A May gift", points=25, budget=25, seed=7
    )
    draw(gift, author="sue", now=timezone.now())
    give(gift, now=timezone.now())
    board = Board.objects.get(code="race")
    finish = ContestFinish.objects.create(
        program=club,
        retailer=club.retailer,
        board=board,
        name=board.key.hex,
        window="2025",
        members=3,
        finished_at=timezone.now(),
    )
    ContestPrize.objects.create(
        retailer=club.retailer, finish=finish, membership=eve, rank=2, score=4, reached_at=timezone.now(), points=50
    )

    said = text_of(browser.get(page))

    assert "What I won Race Rank 2 · " in said
    assert re.search(r"Rank 2 · [^·]* 50 points A May gift A surprise for you · [^·]* 25 points", said)
    assert "amount spent (EUR)" in said


def test_prizes_levels_and_what_friends_bring_are_told_in_the_wallets_own_words() -> None:
    eve = known(game(wallet="stars"), "eve")
    adjust(eve, 50, wallet="stars", reason="r", author="a", reference="r", now=timezone.now())
    browser, home = signed_in(eve), home_of(eve)

    said = text_of(browser.get(f"{home}challenges"))

    assert "For rank 1 500 stars For ranks 2 to 9 50 stars" in said
    assert "100.00 20 stars 300.00 60 stars" in said
    assert "You get 100 stars, your friend 50 stars." in text_of(browser.get(f"{home}invite"))
    assert "By leaving you lose: 50 stars" in text_of(browser.get(f"{home}privacy/leave"))


def game(wallet: str = "points") -> Program:
    """
    Return a club with a challenge of three orders, one that is joined, a badge, a board, and referrals.

    :param wallet: where prizes, levels and what friends bring go
    """
    draft = make.version(make.retailer(language="en"))
    if wallet != "points":
        PointsPolicy.objects.create(version=draft, code=wallet, name=wallet, name_fr="étoiles")
    badge = Badge.objects.create(version=draft, code="regular", name="Regular", kind="once")
    Challenge.objects.create(
        version=draft, code="three", name="Three orders", metric="count", target=3, window="membership", points=50,
        badge=badge.code, place=0,
    )  # fmt: skip
    Challenge.objects.create(
        version=draft, code="joined", name="Spend a hundred", metric="spend", target=100, window="membership", opt_in=True,
        points=10, place=1,
    )  # fmt: skip
    levels = [{"target": "100", "points": 20}, {"target": "300", "points": 60}]
    Challenge.objects.create(
        version=draft,
        code="big",
        name="Big spender",
        metric="spend",
        target=1,
        window="membership",
        levels=levels,
        wallet=wallet,
        place=2,
    )
    Board.objects.create(version=draft, code="top", name="Top", metric="spend", window="membership", place=0)
    Board.objects.create(
        version=draft, code="race", name="Race", metric="count", window="year", place=1, wallet=wallet,
        prizes=[{"rank": 1, "through": 1, "points": 500}, {"rank": 2, "through": 9, "points": 50}],
    )  # fmt: skip
    ReferralPolicy.objects.create(
        version=draft, advocate_points=100, friend_points=50, wallet=wallet, link="https://shop.example/?c={code}"
    )
    return make.published(draft, since=timezone.now() - timedelta(days=100))


def known(club: Program, name: str) -> Membership:
    found = make.member(club, name, since=timezone.now() - timedelta(days=90))
    found.customer.email, found.customer.first_name = f"{name}@example.com", name.title()
    found.customer.save()
    return found


def test_challenges_badges_and_boards_show_how_far_a_member_is() -> None:
    eve = known(game(), "eve")
    browser = signed_in(eve)
    page = home_of(eve) + "challenges"
    browser.post(f"{home_of(eve)}challenges/joined/join")
    browser.post(f"{home_of(eve)}boards/top/join", {"pseudonym": "Eagle"})
    for day in range(2):
        make.buys(eve, "30.00", at=timezone.now() - timedelta(days=day), name=f"G-{day}")

    said = text_of(browser.get(page))

    assert "Three orders 66 % 2 of 3 times" in said
    assert "50 points for it · the badge “Regular”" in said
    assert "100.00 20 points 300.00 60 points" in said
    assert "Spend a hundred" in said
    assert "30.00 EUR of 100.00 EUR" in said  # since it takes part
    assert "Regular not yet" in said
    assert "For rank 1 500 points For ranks 2 to 9 50 points" in said
    assert "1 Eagle (you) 60.00" in said
    refused = browser.post(f"{home_of(eve)}boards/top/join", {"pseudonym": "E" * 31}, follow=True)
    assert "Please choose a name of 2 to 30 characters." in text_of(refused)
    browser.post(f"{home_of(eve)}boards/top/leave")
    assert "Nobody is on it yet." in text_of(browser.get(page))


def test_a_friend_is_invited_and_says_so() -> None:
    club = game()
    eve, bob = known(club, "eve"), known(club, "bob")
    shown = text_of(signed_in(eve).get(home_of(eve) + "invite"))
    code = re.search(r"https://shop.example/\?c=(\S+)", shown)
    assert code is not None
    assert "You get 100 points, your friend 50 points." in shown
    browser = signed_in(bob)

    answer = browser.post(home_of(bob) + "invite/claim", {"code": code.group(1)}, follow=True)

    assert "Thank you, we have noted who invited you." in text_of(answer)
    assert "B." in text_of(signed_in(eve).get(home_of(eve) + "invite"))
    Customer.objects.filter(pk=bob.customer_id).update(first_name="")
    assert "My friends A friend" in text_of(signed_in(eve).get(home_of(eve) + "invite"))
    refused = browser.post(home_of(bob) + "invite/claim", {"code": "NOBODY"})
    assert refused.status_code == 409
    assert "This was not done" in text_of(refused)


def test_who_tries_codes_of_friends_is_slowed(settings: Any) -> None:
    settings.WRONG_CODE_RATE = "3/minute"
    draft = make.version(make.retailer(language="en"))
    ReferralPolicy.objects.create(version=draft, advocate_points=100, friend_points=50)
    since = timezone.now() - timedelta(days=100)
    member = make.member(make.published(draft, since=since), since=since)
    member.customer.email = "eve@example.com"
    member.customer.save()
    browser, page = signed_in(member), home_of(member) + "invite/claim"

    found = [browser.post(page, {"code": f"NOBODY2{place}"}, follow=True) for place in range(2, 6)]

    assert [answer.status_code for answer in found] == [409, 409, 409, 200]
    assert "Too many wrong codes." in text_of(found[-1])


@pytest.mark.parametrize("page", ["privacy/leave", "privacy/erase"])
def test_what_is_lost_is_told_in_the_wallets_own_words(page: str) -> None:
    draft = make.version(make.retailer(language="en"))
    PointsPolicy.objects.create(version=draft, code="stars", name="stars", name_fr="étoiles")
    eve = known(make.published(draft, since=timezone.now() - timedelta(days=100)), "eve")
    for place, (wallet, amount) in enumerate([("points", 500), ("stars", 50)]):
        adjust(eve, amount, wallet=wallet, reason="r", author="a", reference=f"r{place}", now=timezone.now())

    told = text_of(signed_in(eve).get(home_of(eve) + page))

    assert "500 points" in told
    assert "50 stars" in told
    assert "50 points" not in told


def test_a_member_takes_its_data_along(ada: Membership) -> None:
    answer = signed_in(ada).get(home_of(ada) + "privacy/data.zip")

    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert any("O-1" in packed.read(name).decode() for name in packed.namelist())


def test_a_member_is_erased_when_it_says_so_twice(ada: Membership) -> None:
    browser, address = signed_in(ada), home_of(ada) + "privacy/erase"
    assert "620 points" in text_of(browser.get(address))
    assert "Nothing was done." in text_of(browser.post(address, follow=True))

    answer = browser.post(address, {"confirm": "erase"}, follow=True)

    assert "Nothing here leads to you any more." in text_of(answer)
    ada.customer.refresh_from_db()
    assert (ada.customer.email, ada.customer.first_name) == ("", "")
    assert browser.get(home_of(ada)).status_code == 302
