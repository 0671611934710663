"""The page of a program's month: its figures, its journal, and what it says where there is nothing to say."""

import csv
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.activity.account.spending import redeem
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
VALUED = {"point_value": Decimal("0.05"), "redeemed_share": Decimal("0.8")}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def club() -> Program:
    """A member bought for 100.00 in June, which gave 100 points, and spent 40 of them."""
    ada = make.member(make.program(points=VALUED), "ada")
    make.buys(ada, "100.00")
    redeem(ada, 40, reference="r1", now=NOON)
    return ada.program


def asked(staff: Client, name: str, program: Program, query: str, language: str = "en") -> str:
    address = reverse(f"admin:programs_program_{name}", args=[program.pk])
    return staff.get(f"{address}?{query}", headers={"accept-language": language}).content.decode()


@pytest.mark.parametrize(
    ("language", "figures"),
    [
        ("en", ("June 2026", "3.00 EUR", "2.00 EUR", "1.92 EUR")),
        ("fr", ("juin 2026", "3,00 EUR", "2,00 EUR", "1,92 EUR")),
    ],
)
def test_the_page_tells_what_is_owed_in_both_languages(
    staff: Client, club: Program, language: str, figures: tuple[str, ...]
) -> None:
    page = asked(staff, "month_end", club, "month=2026-06&clock=occurred", language)

    missing = [figure for figure in figures if figure not in page]
    assert missing == []  # worth, liability, deferred: as tests/points/test_liability.py has them


def test_the_journal_is_the_one_that_the_command_writes(staff: Client, club: Program) -> None:
    text = asked(staff, "journal", club, "month=2026-06&clock=occurred")

    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["event"], row["debit"], row["credit"]) for row in rows[:2]] == [
        ("earned", "3.85", "0.00"),
        ("earned", "0.00", "3.85"),
    ]
    assert sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in rows) == 0


def test_a_program_without_a_value_of_a_point_says_where_to_set_it(staff: Client) -> None:
    assert "Set the value of a point in a draft" in asked(staff, "month_end", make.program(), "")


@pytest.mark.parametrize("month", ["october", "2026-13", "9999-12", "0000-01"])
def test_what_is_no_month_is_not_there(staff: Client, club: Program, month: str) -> None:
    address = reverse("admin:programs_program_month_end", args=[club.pk])

    assert staff.get(f"{address}?month={month}").status_code == 404
