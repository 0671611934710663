"""The board as staff and systems see it: page, file, API, and the mail on Monday."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from analytics.audit.running import audit, verdict
from analytics.audit.verdicts import Use
from analytics.audit.words import instead
from analytics.kpis.board import board
from analytics.kpis.figures import BY_CODE, Point, Series
from analytics.kpis.mailing import mail_week, retailers_to_tell
from analytics.kpis.maps import maps
from analytics.kpis.models import KpiGoal, KpiReader
from analytics.kpis.page import changed, page
from analytics.kpis.periods import Grain, Period
from analytics.kpis.scores import nps
from analytics.models import AuditRun
from customers.models import Retailer
from loyalty.points.models import ClosedMonth
from loyalty.programs.models import Program
from tests import make
from tests.analytics.kpis.shops import MAY, at, five_customers, sell

pytestmark = pytest.mark.django_db
BOARD = "/admin/analytics/kpigoal/board/"


@pytest.fixture
def shop() -> Retailer:
    return five_customers(margin_rate=Decimal("0.3"))


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def cards(owner: Retailer, now: datetime = MAY, **given: str) -> dict[str, Any]:
    return {each.code: each for each in page(owner, given, now=now)["cards"]}


def test_a_card_says_its_figure_its_period_and_what_it_rests_on(shop: Retailer) -> None:
    retention = cards(shop)["retention"]

    assert (retention.value, retention.period, retention.change, retention.is_good) == (
        "0.0\u00a0%", "April 2026", "−33.3 points", False,
    )  # fmt: skip
    assert retention.basis == "n = 2, 0.0\u00a0% to 65.8\u00a0%"
    assert cards(shop)["average_order"].value == "50.00\u00a0EUR"
    assert cards(shop)["churn"].is_good is False


@pytest.mark.parametrize(
    ("currency", "drawn", "told"), [("KWD", 86.667, "86.667"), ("EUR", 86.67, "86.67"), ("JPY", 87, "87")]
)
def test_a_chart_draws_what_its_table_says(currency: str, drawn: float, told: str) -> None:
    """Three customers spend 260 in January."""
    charts = page(five_customers(currency=currency), {}, now=MAY)["charts"]
    (found,) = [each for each in charts if each["title"] == "Revenue per active customer"]

    assert json.loads(found["data"])["datasets"][0]["data"][0] == drawn
    assert found["rows"][0][1] == f"{told}\u00a0{currency}"


def test_a_goal_is_reached_in_the_direction_that_is_good(shop: Retailer) -> None:
    for kpi, target in (("revenue", "50"), ("churn", "0.5"), ("average_order", "50.01")):
        KpiGoal.objects.create(retailer=shop, kpi=kpi, target=Decimal(target))
    KpiGoal.objects.create(retailer=shop, kpi="revenue", per="year", target=Decimal(1_000_000))
    found = cards(shop)

    assert [found[each].reached for each in ("revenue", "churn", "average_order")] == [True, False, False]
    assert found["churn"].goal == "goal 50.0\u00a0%"


def test_a_goal_is_reached_by_what_is_written_like_it() -> None:
    owner = make.retailer(zone="UTC")
    sell(owner, [(f"c{place}", "03-05", "1.08") for place in range(10)])
    sell(owner, [(f"c{place}", "04-05", "1.08") for place in range(7)])  # 7.56 of seven orders
    for kpi, target in (("churn", "0.3"), ("retention", "0.7"), ("average_order", "1.08"), ("revenue", "7.56")):
        KpiGoal.objects.create(retailer=owner, kpi=kpi, target=Decimal(target))

    found = cards(owner)

    assert {each: (found[each].value, found[each].reached) for each in ("churn", "retention", "average_order", "revenue")} == {
        "churn": ("30.0\u00a0%", True), "retention": ("70.0\u00a0%", True), "average_order": ("1.08\u00a0EUR", True),
        "revenue": ("7.56\u00a0EUR", True),
    }  # fmt: skip


def test_what_is_as_before_is_neither_better_nor_worse() -> None:
    owner = make.retailer(zone="UTC")
    sell(owner, [("ada", "02-05", "1.10"), ("ada", "03-05", "1.10"), *[("ada", "04-05", "1.10")] * 3])  # 3.30 of three

    found = cards(owner)["average_order"]

    assert (found.value, found.change, found.is_good) == ("1.10\u00a0EUR", "±0.00\u00a0EUR", None)


def test_the_page_answers_in_both_languages_and_for_groups(shop: Retailer, staff: Client) -> None:
    for language in ("en", "fr"):
        for query in ("", "?grain=quarter", "?grain=week&by=channel", "?by=tier", "?by=segment", "?grain=no&by=no"):
            answer = staff.get(BOARD + query, headers={"accept-language": language})
            assert answer.status_code == 200, query


def test_nobody_without_the_right_sees_it(shop: Retailer, client: Client) -> None:
    client.force_login(User.objects.create_user("tom", is_staff=True))

    assert client.get(BOARD).status_code == 403
    assert client.get(f"{BOARD}file/").status_code == 403


def test_an_empty_shop_says_when_figures_begin(staff: Client) -> None:
    make.retailer()

    assert "key figures begin with the first one" in staff.get(BOARD).content.decode()
    assert staff.get(f"{BOARD}file/").status_code == 302


def test_the_file_has_every_figure_by_period(shop: Retailer, staff: Client) -> None:
    text = staff.get(f"{BOARD}file/?retailer={shop.slug}", headers={"accept-language": "en"}).content.decode()
    rows = list(csv.DictReader(StringIO(text)))
    revenue = [(row["period"], row["value"], row["is_over"]) for row in rows if row["kpi"] == "revenue"]

    assert revenue[:4] == [
        ("2026-01-01", "260.0", "True"), ("2026-02-01", "280.0", "True"), ("2026-03-01", "70.0", "True"),
        ("2026-04-01", "50.0", revenue[3][2]),
    ]  # fmt: skip


def test_the_file_says_the_same_numbers_in_french_as_a_french_spreadsheet_reads_them(
    shop: Retailer, staff: Client
) -> None:
    text = staff.get(f"{BOARD}file/?retailer={shop.slug}", headers={"accept-language": "fr"}).content.decode()
    rows = list(csv.DictReader(StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    found = {(row["kpi"], row["period"]): row["value"] for row in rows}

    assert (found["revenue", "2026-02-01"], found["retention", "2026-03-01"]) == ("280,0", "0,333333")


def test_by_api(shop: Retailer, client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}", "accept-language": "en"}
    found = client.get("/api/v1/analytics/kpis", headers=headers).json()
    revenue = next(each for each in found["figures"] if each["kpi"] == "revenue")

    assert (found["currency"], revenue["unit"], revenue["name"]) == ("EUR", "money", "Revenue of known customers")
    assert [each["value"] for each in revenue["points"]][:3] == [260.0, 280.0, 70.0]
    refused = client.get("/api/v1/analytics/kpis?per=decade", headers=headers)
    assert (refused.status_code, "quarter" in refused.content.decode()) == (400, True)


def test_by_api_of_a_shop_without_orders(client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(make.retailer(), 'analytics:read')}"}
    found = client.get("/api/v1/analytics/kpis", headers=headers).json()

    assert (found["as_of"], found["figures"]) == (None, [])


def test_who_reads_it_is_mailed_once_a_week_in_its_language(shop: Retailer) -> None:
    KpiReader.objects.create(retailer=shop, email="ada@shop.example", language="fr")
    KpiReader.objects.create(retailer=shop, email="bob@shop.example", language="en")
    monday = datetime(2026, 4, 6, 6, tzinfo=UTC)

    sent = [
        mail_week(shop, now=now) for now in (monday, monday, monday + timedelta(days=6), monday + timedelta(days=7))
    ]

    assert sent == [2, 0, 0, 2]
    english = next(each for each in mail.outbox if each.to == ["bob@shop.example"])
    french = next(each for each in mail.outbox if each.to == ["ada@shop.example"])
    assert "key figures of the week of 30" in english.subject or "03/30" in english.subject
    assert "Average order: 50.00" in str(english.body)
    assert "Panier moyen" in str(french.body)
    assert isinstance(english, EmailMultiAlternatives)
    assert "<table" in str(english.alternatives[0][0])


def test_who_is_put_on_the_list_on_a_sunday_is_told_of_the_week_that_the_subject_names(shop: Retailer) -> None:
    sell(shop, [("ada", "04-05", 70)])
    KpiReader.objects.create(retailer=shop, email="bob@shop.example", language="en")

    assert mail_week(shop, now=datetime(2026, 4, 5, 14, tzinfo=UTC)) == 1

    (sent,) = mail.outbox
    assert "03/23/2026" in sent.subject
    assert "Revenue of known customers: 0.00\N{NO-BREAK SPACE}EUR" in str(
        sent.body
    )  # in the week of March 23 nobody ordered


def test_of_data_that_ended_long_ago_the_mail_names_the_week_that_its_figures_are_of(shop: Retailer) -> None:
    sell(shop, [("ada", "03-24", 70)])  # the last order is of April 2, a Thursday
    KpiReader.objects.create(retailer=shop, email="bob@shop.example", language="en")

    assert mail_week(shop, now=datetime(2026, 6, 15, 6, tzinfo=UTC)) == 1

    (sent,) = mail.outbox
    assert "03/23/2026" in sent.subject
    assert "Revenue of known customers: 70.00\N{NO-BREAK SPACE}EUR" in str(sent.body)
    assert "The data end on" in str(sent.body)


def test_the_mail_goes_where_the_sites_address_has_a_name_of_its_own(shop: Retailer, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Loyalty <no-reply@loyalty.example>"
    KpiReader.objects.create(retailer=shop, email="bob@shop.example", language="en")

    assert mail_week(shop, now=at("04-06")) == 1

    (sent,) = mail.outbox
    assert sent.from_email == f"{shop.name} <no-reply@loyalty.example>"


def test_the_week_begins_when_monday_does_in_the_shops_zone(shop: Retailer) -> None:
    KpiReader.objects.create(retailer=shop, email="ada@shop.example", sent_for=date(2026, 3, 30))

    assert mail_week(shop, now=datetime(2026, 4, 5, 21, 59, tzinfo=UTC)) == 0
    assert mail_week(shop, now=datetime(2026, 4, 5, 22, 0, tzinfo=UTC)) == 1


def test_what_the_mail_server_refuses_is_tried_again(shop: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    KpiReader.objects.create(retailer=shop, email="ada@shop.example")

    def refuse(_self: EmailBackend, _messages: Any) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as down:
        down.setattr(EmailBackend, "send_messages", refuse)
        assert mail_week(shop, now=at("04-06")) == 0
    assert retailers_to_tell() == [shop.pk]
    assert mail_week(shop, now=at("04-06")) == 1


def test_two_goals_for_one_figure_and_period_are_refused(shop: Retailer, staff: Client) -> None:
    given = {"retailer": shop.pk, "kpi": "revenue", "per": "month", "target": "100"}
    add = reverse("admin:analytics_kpigoal_add")

    assert staff.post(add, given).status_code == 302
    assert staff.post(add, given).status_code == 200
    assert KpiGoal.objects.count() == 1
    with translation.override("en"):
        assert str(KpiGoal.objects.get()) == "Revenue of known customers: 100.0000"


def test_who_is_new_is_not_told_where_the_data_do_not_say_when_customers_came(shop: Retailer) -> None:
    audit(shop, now=MAY)
    found = cards(shop)["new_customers"]

    assert verdict(shop, Use.COHORTS).is_blocked
    assert (found.value, "Cohorts" in found.instead) == ("", True)


def test_an_audit_that_ends_meanwhile_takes_no_reason_away(shop: Retailer) -> None:
    """What is not told was withheld by the audit that was the newest then: its reason stands in the place of the figure."""
    blocking = audit(shop, now=MAY)
    found = board(shop, now=MAY)
    assert blocking is not None
    assert found is not None

    AuditRun.objects.create(
        retailer=shop, ran_at=MAY, first_day=blocking.first_day, last_day=blocking.last_day, orders=10, customers=5,
        findings=[], hours=[], months=[],
    )  # fmt: skip

    assert not verdict(shop, Use.COHORTS).is_blocked
    assert found.blocked["new_customers"] is Use.COHORTS
    assert instead(found.verdict(Use.COHORTS), "EUR").startswith("Cohorts: not shown")
    assert maps(shop, found) == []


def close(club: Program, month: str, owed: str) -> None:
    ClosedMonth.objects.create(
        retailer=club.retailer, program=club, wallet="points", month=month, ends_at=MAY, closed_at=MAY, entries=0,
        point_value=Decimal("0.01"), pending=0, available=0, held=0, expected=0, value=0, liability=Decimal(owed), deferred=0,
        cohorts=[], ends=[], lines=[],
    )  # fmt: skip


def owed(owner: Retailer, grain: Grain) -> dict[str, float]:
    found = board(owner, now=MAY, grain=grain)
    assert found is not None
    points = found.series["liability", ""].points
    return {each.period.start.isoformat(): each.value for each in points if each.value is not None}


def test_what_a_month_closed_with_stands_in_the_week_in_which_it_ended(shop: Retailer) -> None:
    close(make.program(shop), "2026-03-01", "12.25")

    assert owed(shop, Grain.WEEK) == {"2026-03-30": 12.25}  # 31 March is the Tuesday of that week
    assert owed(shop, Grain.MONTH) == {"2026-03-01": 12.25}


def test_a_month_that_one_of_two_programs_has_still_to_close_is_not_told_by_the_other_alone(shop: Retailer) -> None:
    old, young = make.program(shop), make.program(shop)
    for club, month, amount in (
        (old, "2026-01-01", "1.00"), (old, "2026-02-01", "10.50"), (young, "2026-02-01", "100.00"), (old, "2026-03-01", "12.25"),
    ):  # fmt: skip
        close(club, month, amount)

    assert owed(shop, Grain.MONTH) == {"2026-01-01": 1.0, "2026-02-01": 110.5}

    close(young, "2026-03-01", "90.00")
    assert owed(shop, Grain.MONTH)["2026-03-01"] == 102.25


def test_what_is_owed_is_told_by_closed_months(shop: Retailer) -> None:
    club = make.program(shop)
    assert "liability" not in cards(shop)

    close(club, "2026-02-01", "10.50")
    close(club, "2026-03-01", "12.25")
    by_month, by_quarter = cards(shop)["liability"], cards(shop, grain="quarter")["liability"]

    assert (by_month.value, by_month.period) == ("-", "April 2026")
    assert (by_quarter.value, by_quarter.period) == ("12.25\u00a0EUR", "Q1 2026")


@pytest.mark.parametrize(("times", "said", "is_good"), [(1, "+15: no detectable change", None), (10, "+15", True)])
def test_a_change_of_a_score_within_chance_is_called_so(times: int, said: str, is_good: bool | None) -> None:  # noqa: FBT001
    march, april = (
        Point(
            Period(date(2026, month, 1), Grain.MONTH),
            score.value,
            score.n,
            is_over=True,
            low=score.low,
            high=score.high,
        )
        for month, score in (
            (3, nps(50 * times, 30 * times, 20 * times)),
            (4, nps(60 * times, 25 * times, 15 * times)),
        )
    )
    series = Series(BY_CODE["nps"], "", (march, april))

    with translation.override("en"):
        assert changed(series, "EUR") == said
    assert (None if series.is_within_chance else True) is is_good
