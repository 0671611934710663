"""The page of a program's month: its figures, its journal, and what it says where there is nothing to say."""

import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.core.calendar import local_date
from loyalty.activity.account.spending import redeem
from loyalty.configuration.drafts import open_draft, publish
from loyalty.points.closing import close_month
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


def test_lots_of_a_month_that_is_not_over_are_as_they_are_now(staff: Client, tmp_path: Path) -> None:
    """In a minute a point will be worth more: not yet, by the command and on the page."""
    now = timezone.now()
    club = make.program(points=VALUED, since=now - timedelta(days=3))
    draft = open_draft(club)
    draft.points_policies.update(point_value=Decimal("0.10"))
    publish(draft, effective_from=now + timedelta(minutes=1), now=now)
    ada = make.member(club, "ada", since=now - timedelta(days=2))
    make.buys(ada, "100.00", at=now - timedelta(days=1))
    redeem(ada, 40, reference="r1", now=now)
    month, path = f"{local_date(now, club.tzinfo):%Y-%m}", tmp_path / "lots.csv"

    call_command("month_end", club.slug, "--month", month, "--lots", str(path))

    (row,) = csv.DictReader(path.read_text().splitlines())
    assert (row["available"], row["value"], row["liability"]) == ("60", "3.0000", "2.0000")
    (shown,) = csv.DictReader(asked(staff, "lots", club, f"month={month}").splitlines())
    assert shown == row


def test_a_program_without_a_value_of_a_point_says_where_to_set_it(staff: Client) -> None:
    assert "Set the value of a point in a draft" in asked(staff, "month_end", make.program(), "")


NO_MONTHS = ["october", "2026-13", "9999-12", "0001-01", "0000-01", "2026-1", "2026-10-01", "٢٠٢٦-١٠"]


@pytest.mark.parametrize("month", NO_MONTHS)
@pytest.mark.parametrize("name", ["month_end", "journal", "lots"])
def test_what_is_no_month_is_told_in_words(staff: Client, club: Program, month: str, name: str) -> None:
    address = reverse(f"admin:programs_program_{name}", args=[club.pk])

    found = staff.get(f"{address}?month={month}")

    assert (found.status_code, "is not a month such as 2026-10" in found.content.decode()) == (422, True)


@pytest.mark.parametrize("month", ["1900-01", "2999-12"])
def test_a_month_long_ago_or_far_ahead_is_answered(staff: Client, club: Program, month: str) -> None:
    assert staff.get(
        reverse("admin:programs_program_month_end", args=[club.pk]) + f"?month={month}"
    ).status_code == 200  # fmt: skip


def test_it_opens_on_the_present_month_as_long_as_the_last_one_had_nothing(staff: Client) -> None:
    """All was recorded just now, as after an import: what is owed stands in the month that is open."""
    now = timezone.now()
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00", at=now - timedelta(minutes=5), recorded=now)

    page = asked(staff, "month_end", ada.program, "")

    assert ("so far" in page, "3.85 EUR" in page, "No wallet" in page) == (True, True, False)


def test_it_opens_on_the_last_month_where_that_has_something(staff: Client) -> None:
    now = timezone.now()
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00", at=now - timedelta(days=40), recorded=now - timedelta(days=40))

    page = asked(staff, "month_end", ada.program, "")

    assert ("so far" in page, "3.85 EUR" in page) == (False, True)


def test_a_month_before_anything_was_recorded_says_so(staff: Client, club: Program) -> None:
    page = asked(staff, "month_end", club, "month=2026-05")

    assert ("Nothing was recorded before" in page, "No wallet" in page) == (True, False)


def test_a_closed_month_and_what_came_late_are_marked(staff: Client) -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    make.buys(ada, "50.00", at=NOON + timedelta(days=1), recorded=make.on("2026-07-02"))
    close_month(ada.program, make.on("2026-07-01").date(), now=make.on("2026-08-02"))

    june, july = (asked(staff, "month_end", ada.program, f"month=2026-0{month}") for month in (6, 7))

    assert [("It was closed on" in page, "of months before" in page) for page in (june, july)] == [
        (True, False),
        (True, True),
    ]
