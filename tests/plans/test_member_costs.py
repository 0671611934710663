"""What plans bring and cost member by member: the page, its search and filters, and its file."""

import csv
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.undoing import cancel_reward
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import cancel
from loyalty.plans.account.paying import refund
from loyalty.plans.benefits import MemberCosts, costs_of_members
from loyalty.plans.books import fee_books
from loyalty.plans.models import Invoice
from loyalty.programs.models import Program
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import joined, nights_until
from tests.rewards import shop

pytestmark = pytest.mark.django_db

JUNE, JULY = on("2026-06-01"), on("2026-07-01")


@pytest.fixture
def club() -> Program:
    draft = make.version(points={"point_value": Decimal("0.01"), "pending_days": 0})
    make_plans.add_plans(
        draft, {"code": "plus", "multiplier": "2", "perks_cost": "3.04"}, {"code": "max", "price": "25.00"}
    )
    shop.reward(draft)
    shop.price(draft, "for-plus", 350, plan="plus")
    return make.published(draft)


@pytest.fixture
def ada(club: Program) -> Membership:
    """A member whose orders, reward and perks cost something, and of whose fee a part went back."""
    ada = shop.member(club, 1_000, "ada", at=on("2026-05-01"))
    joined(ada, at=JUNE)
    bought = make.buys(ada, "100.00", "20.00", at=on("2026-06-05T12:00"))
    make.returns(ada, bought, (2, "1"), at=on("2026-06-06T12:00"))
    redeem_reward(ada, "five-off", reference="r1", now=on("2026-06-07"))
    undone = redeem_reward(ada, "five-off", reference="r2", now=on("2026-06-07"))
    cancel_reward(undone.redemption, now=on("2026-06-08"))
    refund(Invoice.objects.get().pk, Decimal(2), reason="late", author="sue", now=on("2026-06-09"))
    return ada


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def page(staff: Client, language: str = "en", **asked: str) -> str:
    answer = staff.get(reverse("admin:plans_subscription_members"), asked, headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_a_member_paid_and_cost_comes_to_its_margin(club: Program, ada: Membership) -> None:
    bob = make.member(club, "bob")
    joined(bob, "max", at=on("2026-06-20"))

    found = costs_of_members(club, [ada.pk, bob.pk], since=JUNE, until=JULY)

    assert found[ada.pk] == MemberCosts(
        Decimal("10.00"), Decimal("2.00"), 100, Decimal("1.00"), 150, Decimal("1.50"), Decimal("3.00")
    )
    assert (found[ada.pk].cost, found[ada.pk].margin) == (Decimal("5.50"), Decimal("2.50"))
    assert found[bob.pk].margin == Decimal("25.00")
    books = fee_books(club, since=JUNE, until=JULY)
    assert (books.points, books.points_cost, books.discount, books.perks_cost) == (
        100, Decimal("1.00"), Decimal("1.50"), Decimal("3.00"),
    )  # fmt: skip


@pytest.mark.parametrize(("language", "words"), [("en", "Fees and benefits"), ("fr", "Avantages")])
def test_the_page_shows_each_member_and_is_searched_and_filtered(
    staff: Client, club: Program, ada: Membership, language: str, words: str
) -> None:
    bob = make.member(club, "bob")
    joined(bob, "max", at=on("2026-06-20"))
    cancel(bob, now=on("2026-06-20"))
    nights_until(club, "2026-07-20")

    def seen(**asked: str) -> tuple[bool, bool]:
        shown = page(staff, language, **asked)
        return ada.number in shown, bob.number in shown

    assert seen() == (True, True)
    assert seen(q=ada.number) == seen(q="ada") == seen(plan="plus") == (True, False)
    assert seen(status="ended") == (False, True)
    assert seen(month="2026-06") == seen(month="nonsense") == (True, True)


def test_all_of_them_are_taken_along_as_a_file(staff: Client, club: Program, ada: Membership) -> None:
    joined(make.member(club, "=bob"), "max", at=on("2026-06-20"))

    file = page(staff, month="2026-06", format="csv", program=club.slug)

    rows = {row["customer"]: row for row in csv.DictReader(file.splitlines())}
    assert set(rows) == {"ada", "'=bob"}
    assert [rows["ada"][name] for name in ("paid", "refunded", "points_cost", "discount", "perks_cost", "margin")] == [
        "10.00", "2.00", "1.00", "1.50", "3.00", "2.50",
    ]  # fmt: skip


def test_the_files_of_plans_open_in_a_french_spreadsheet(staff: Client, club: Program, ada: Membership) -> None:
    members = page(staff, "fr", month="2026-06", format="csv", program=club.slug)
    months, plans = (
        staff.get(reverse("admin:plans_subscription_report"), asked, headers={"accept-language": "fr"}).content.decode()
        for asked in ({"format": "csv"}, {"format": "csv", "table": "plans"})
    )

    assert [each[0] for each in (members, months, plans)] == ["\ufeff"] * 3
    (row,) = csv.DictReader(members.removeprefix("\ufeff").splitlines(), delimiter=";")
    assert (row["paid"], row["discount"], row["margin"]) == ("10,00", "1,50", "2,50")
    assert "fees" in next(csv.reader(months.splitlines(), delimiter=";"))
    assert next(csv.DictReader(plans.removeprefix("\ufeff").splitlines(), delimiter=";"))["plan"] == "plus"


def test_it_is_for_those_who_may_see_what_is_owed(client: Client, club: Program, ada: Membership) -> None:
    client.force_login(User.objects.create_user("bob", is_staff=True))

    assert client.get(reverse("admin:plans_subscription_members")).status_code == 403


def test_another_programs_name_is_not_found_and_no_program_says_what_to_do(staff: Client) -> None:
    assert staff.get(reverse("admin:plans_subscription_members"), {"program": "none"}).status_code == 404
    assert "Add a paid plan to a draft" in page(staff)


def test_the_page_costs_the_same_with_one_member_and_with_thirty(staff: Client, club: Program, ada: Membership) -> None:
    def statements() -> int:
        sent: list[str] = []

        def note(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
            sent.append(str(sql))
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            page(staff)
        return len(sent)

    page(staff)
    one = statements()
    for _ in range(29):
        joined(make.member(club), at=on("2026-06-20"))

    assert statements() == one
