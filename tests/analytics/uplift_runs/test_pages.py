"""The page of the uplift: what a controller reads first, what stands below it, who may ask and cancel, and the budget."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.uplift_runs import words
from analytics.uplift_runs.budget import budget
from analytics.uplift_runs.models import UpliftRun, UpliftSettings
from analytics.uplift_runs.page import said_of
from analytics.uplift_runs.report import uplift_report
from loyalty.programs.models import Program
from tests import make
from tests.analytics.uplift_runs.finished import finished, refused

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PAGE, ASK = "admin:analytics_upliftrun_changelist", "admin:analytics_upliftrun_ask"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


@pytest.fixture
def club() -> Program:
    found = make.program(make.retailer(margin_rate=Decimal("0.30")), since=datetime(2024, 1, 1, tzinfo=UTC))
    make.member(found, "ada", since=datetime(2025, 1, 1, tzinfo=UTC))
    return found


def test_a_found_uplift_says_its_band_its_money_and_the_gap_under_its_right_name(staff: Client, club: Program) -> None:
    run = finished(club, "GOOD", now=NOW, author="sue")
    assert run.result is not None

    page = staff.get(f"{reverse(PAGE)}?program={club.pk}").content.decode()

    low, high = (words.percent(each) for each in run.result["band"])
    assert 0 < run.result["band"][0] < 0.15 < run.result["band"][1]
    assert f"Members spend {low} to {high} more because they are members." in page
    assert "EUR of revenue per member and month, of which" in page
    assert "a difference, not an effect of the program" in page
    assert "Every check was passed." in page
    assert run.plan_digest in page
    assert "This is the first look at this program." in page
    assert page.count('<td class="number">met</td>') == len(run.result["gates"])
    assert page.count("<canvas") == 11
    assert page.count("As a table") == 11


def test_a_range_that_failed_a_check_is_not_told_as_proof(club: Program) -> None:
    run = finished(club, "GOOD", now=NOW)
    assert run.result is not None
    run.result["grade"] = "C"

    headline = said_of(run).headline

    assert headline.endswith(
        " more because they are members. Not every check was passed: take it for a range, and not for proof."
    )


def test_an_effect_on_margin_is_said_to_be_one(club: Program) -> None:
    run = finished(club, "GOOD", now=NOW)
    run.plan["plan"]["metric"] = "margin"

    said = said_of(run)

    assert run.result is not None
    low, high = (words.percent(each) for each in run.result["band"])
    assert said.headline == f"Members bring {low} to {high} more margin because they are members."
    assert said.cards[0].label == "uplift of members’ margin"


def test_what_cannot_be_told_has_its_reason_in_the_place_of_the_number(club: Program) -> None:
    said = said_of(finished(club, "HIDDEN", now=NOW))

    assert (said.grade, said.headline) == ("D", "It cannot be told what members spend because of the program.")
    assert said.detail == ""
    assert said.cards[0].figure == "not known"
    assert said.cards[0].note.startswith(
        "Members’ orders are linked to a customer more often than others’, by 9.9 points"
    )
    assert all(card.label != "revenue per member and month" for card in said.cards)


def test_an_effect_that_may_be_nothing_is_no_trend(club: Program) -> None:
    said = said_of(finished(club, "NOTHING", now=NOW))

    assert said.headline.startswith("No detectable uplift: the effect lies between")
    assert said.cards[0].figure == "none detected"


def test_looks_before_are_listed_whatever_their_plan(staff: Client, club: Program) -> None:
    first, second = (
        finished(club, "NOTHING", now=NOW),
        refused(club, "history_too_short", now=NOW, months=5.2, needed=13),
    )
    third = finished(club, "HIDDEN", now=NOW)

    assert [each.pk for each in said_of(third).looks] == [second.pk, first.pk]
    page = staff.get(reverse("admin:analytics_upliftrun_change", args=[third.pk])).content.decode()
    assert "The orders are of 5.2 months; this plan needs 13." in page


def test_who_may_asks_and_cancels_on_the_page(staff: Client, club: Program) -> None:
    wrong = staff.post(reverse(ASK), {"program": club.pk, "window_months": 99, "metric": "revenue"}, follow=True)
    asked = staff.post(
        reverse(ASK), {"program": club.pk, "window_months": 4, "metric": "margin", "cut": ""}, follow=True
    )
    run = UpliftRun.objects.get()
    cancelled = staff.post(reverse("admin:analytics_upliftrun_cancel", args=[run.pk]), follow=True)
    run.refresh_from_db()

    assert "Window in months" in wrong.content.decode() or "window in months" in wrong.content.decode()
    assert "The measurement waits for a worker" in asked.content.decode()
    assert (run.plan["asked"]["window_months"], run.plan["asked"]["metric"], run.author) == (4, "margin", "sue")
    assert run.status == UpliftRun.Status.CANCELLED
    assert "It stops before its next step." in cancelled.content.decode()


@pytest.mark.parametrize(
    ("cost", "kept"), [("-5", []), ("0", [Decimal(0)]), ("99.50", [Decimal("99.50")]), ("", [None])]
)
def test_a_program_costs_nothing_or_more(staff: Client, club: Program, cost: str, kept: list[Decimal | None]) -> None:
    said = {"retailer": club.retailer_id, "member_codes": "card", "monthly_cost": cost}

    answer = staff.post(reverse("admin:analytics_upliftsettings_add"), said)

    assert list(UpliftSettings.objects.values_list("monthly_cost", flat=True)) == kept
    assert ("A cost is 0 or more." in answer.content.decode()) is (kept == [])


def test_a_page_costs_the_same_statements_whatever_there_is(
    staff: Client, club: Program, django_assert_num_queries: object
) -> None:
    run = finished(club, "NOTHING", now=NOW)
    address = reverse("admin:analytics_upliftrun_change", args=[run.pk])
    staff.get(address)
    with django_assert_num_queries(10):  # type: ignore[operator] # pytest-django's fixture
        staff.get(address)
    for _ in range(5):
        refused(club, "nobody_joined", now=NOW)
    with django_assert_num_queries(10):  # type: ignore[operator] # pytest-django's fixture
        staff.get(address)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_is_one_file_that_asks_nothing_of_a_network(club: Program, language: str) -> None:
    page = uplift_report(finished(club, "GOOD", now=NOW), now=NOW, language=language)

    assert f'<html lang="{language}">' in page
    assert page.count("<svg") == 11
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_the_budget_ranks_what_was_measured_and_names_what_was_not(club: Program) -> None:
    finished(club, "GOOD", now=NOW)
    hidden, new = (make.program(club.retailer, since=datetime(2024, 1, 1, tzinfo=UTC)) for _ in range(2))
    finished(hidden, "HIDDEN", now=NOW)

    found = budget(club.retailer, now=NOW)

    assert [(row[0], row[2]) for row in found.rows] == [("1", "B")]
    reasons = [each.reason for each in found.unmeasured]
    assert any(reason.startswith("Grade D. Members’ orders are linked") for reason in reasons)
    assert "Its uplift has not been measured yet." in reasons
    assert new.name == "Club"
