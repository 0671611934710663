"""The season index: by hand, from orders, on the page, in the file and by API; and why there is none."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from html import unescape
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.kpis.periods import Grain, after
from analytics.what_pays.season import Cycle, Index, Season, Sold, WhyNot, part_of, season_of
from analytics.what_pays.season_page import season_page, why_no_season
from analytics.what_pays.season_reading import season
from customers.facts import OrderFact, line_of
from customers.models import Retailer
from customers.recording import record_orders
from tests import make

PAGE = "/admin/analytics/kpigoal/what-pays/"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def sold(values: list[float], first: date = date(2024, 1, 1), grain: Grain = Grain.MONTH) -> list[Sold]:
    return [Sold(after(first, grain, place), value, value / 10) for place, value in enumerate(values)]


def told(found: Season) -> dict[int, float]:
    return {each.part: round(each.revenue.value, 10) for each in found.parts}


def test_two_years_of_the_same_pattern_tell_just_that() -> None:
    found = season_of(sold([50.0] * 6 + [150.0] * 6 + [50.0] * 6 + [150.0] * 6), Cycle.MONTH)

    assert told(found) == {month: 0.5 if month <= 6 else 1.5 for month in range(1, 13)}
    assert found.parts[0].orders == Index(0.5, 0.5, 0.5, 1)
    assert (found.years, found.whole, found.needed, found.why_not) == (1, 24, 24, None)


def test_how_much_more_is_sold_each_year_is_no_season() -> None:
    found = season_of(sold([100 * 1.05**place for place in range(36)]), Cycle.MONTH)

    assert set(told(found).values()) == {1.0}


def test_a_december_in_one_year_of_two_is_told_with_its_range() -> None:
    found = season_of(sold([1.0] * 11 + [2.0] + [1.0] * 24), Cycle.MONTH)

    # Around the first December lie 12 ones and it: 13/12 on average; at the edge of June's year it counts by half.
    whole, half = Fraction(13, 12), Fraction(25, 24)
    means = dict.fromkeys(range(1, 13), (1 / whole + 1) / 2) | {6: (1 / half + 1) / 2, 12: (2 / whole + 1) / 2}
    mean = sum(means.values()) / 12
    assert told(found) == {month: round(float(each / mean), 10) for month, each in means.items()}
    december = found.parts[-1].revenue
    assert (round(december.low, 10), round(december.high, 10)) == (
        round(float(1 / mean), 10), round(float(2 / whole / mean), 10),
    )  # fmt: skip
    assert (december.years, found.years) == (2, 2)


@pytest.mark.parametrize(
    ("values", "why"), [([1.0] * 23, WhyNot.TOO_SHORT), ([], WhyNot.TOO_SHORT), ([0.0] * 24, WhyNot.NO_SALES)]
)
def test_what_does_not_carry_an_index_says_why(values: list[float], why: WhyNot) -> None:
    found = season_of(sold(values), Cycle.MONTH)

    assert (found.parts, found.why_not, found.years) == ((), why, 0)


def test_months_without_a_sale_are_zero_and_no_gap() -> None:
    found = season_of(sold(([0.0] * 11 + [12.0]) * 2), Cycle.MONTH)

    assert told(found) == dict.fromkeys(range(1, 12), 0.0) | {12: 12.0}


def test_a_year_of_53_weeks_needs_one_week_more() -> None:
    first = date(2025, 12, 29)  # of 2026, which has 53
    short, long = (season_of(sold([1.0] * weeks, first, Grain.WEEK), Cycle.WEEK) for weeks in (104, 105))

    assert (short.parts, short.why_not, short.needed) == ((), WhyNot.TOO_SHORT, 105)
    assert (len(long.parts), set(told(long).values())) == (52, {1.0})
    assert (part_of(date(2026, 12, 28), Cycle.WEEK), part_of(date(2027, 1, 4), Cycle.WEEK)) == (52, 1)
    assert len(season_of(sold([1.0] * 104, date(2024, 1, 1), Grain.WEEK), Cycle.WEEK).parts) == 52


def test_the_53rd_week_is_no_year_of_its_own() -> None:
    weeks = [1.0] * 157  # of 2025; of 2026, whose last two are its 52nd and its 53rd; of 2027
    weeks[103], weeks[104] = 2.0, 4.0

    found = season_of(sold(weeks, date(2024, 12, 30), Grain.WEEK), Cycle.WEEK)

    # Around either of the two lie 50 ones and both of them: 56/52 on average. In 2025 it is 1.
    of_2026 = (Fraction(2 * 52, 56) + Fraction(4 * 52, 56)) / 2
    last = found.parts[51].revenue
    assert {each.revenue.years for each in found.parts} == {2}
    assert last.high / last.low == pytest.approx(float(of_2026))
    assert last.value == pytest.approx((last.low + last.high) / 2)


@pytest.fixture
def shop() -> Retailer:
    """A shop that sells 10.00 on each day of 2024 and 2025, and thrice as much in each December."""
    return sells(days=731)


def sells(*, days: int) -> Retailer:
    owner = make.retailer(zone="Europe/Paris", language="en")
    facts = [
        OrderFact(
            f"o{day}", datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            (line_of(sku="TEA", quantity=Decimal(1), net_amount=Decimal(30 if day.month == 12 else 10)),),
        )
        for day in (date(2024, 1, 1) + timedelta(days=place) for place in range(days))
    ]  # fmt: skip
    record_orders(owner, facts, now=datetime(2026, 1, 2, tzinfo=UTC))
    return owner


@pytest.mark.django_db
def test_orders_are_counted_by_the_day_so_that_short_months_are_no_season(shop: Retailer) -> None:
    found = season(shop, Cycle.MONTH, NOW)

    assert found is not None
    # A year sells 11 months of 10 and one of 30 a day: 140/12 of an average month.
    assert told(found) == {month: round(10 / (140 / 12), 10) for month in range(1, 12)} | {
        12: round(30 / (140 / 12), 10)
    }
    assert {round(each.orders.value, 10) for each in found.parts} == {1.0}
    assert season(make.retailer(), Cycle.MONTH, NOW) is None


@pytest.mark.django_db
def test_part_of_a_month_at_either_end_does_not_count() -> None:
    late = make.retailer(zone="Europe/Paris", language="en")
    line = line_of(sku="TEA", quantity=Decimal(1), net_amount=Decimal(1))
    record_orders(late, [OrderFact("o1", datetime(2025, 2, 2, 12, tzinfo=UTC), (line,))], now=NOW)

    found = season(late, Cycle.MONTH, datetime(2025, 4, 15, tzinfo=UTC))

    assert found is not None
    assert (found.whole, found.begins) == (0, None)
    again = season(sells(days=730), Cycle.MONTH, datetime(2025, 12, 31, 12, tzinfo=UTC))  # which runs still
    assert again is not None
    assert (again.whole, again.why_not) == (23, WhyNot.TOO_SHORT)
    assert why_no_season(again) == (
        "It takes two whole years of sales (24 whole months), and there are 23. If sales go on, it is told from Jan. 1, 2026 on."
    )


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


@pytest.mark.django_db
def test_the_page_shows_each_month_and_week(shop: Retailer, staff: Client) -> None:
    for per, name in (("month", "December"), ("week", "week 52")):
        page = unescape(
            staff.get(PAGE, {"part": "season", "per": per}, headers={"accept-language": "en"}).content.decode()
        )
        assert name in page
    months = season_page(shop, {"per": "no"}, now=NOW)
    assert months["chart"]["rows"][-1] == ("December", "257", "-", "100", "-", "1")
    assert months["chart"]["basis"] == "By 1 year. With one year alone nobody knows what of it comes again."
    for language in ("en", "fr"):
        assert staff.get(PAGE, {"part": "season"}, headers={"accept-language": language}).status_code == 200


@pytest.mark.django_db
def test_a_shop_with_one_year_is_told_why_and_until_when(staff: Client) -> None:
    owner = make.retailer(language="en")
    line = line_of(sku="TEA", quantity=Decimal(1), net_amount=Decimal(1))
    record_orders(owner, [OrderFact("o1", datetime(2025, 1, 1, 12, tzinfo=UTC), (line,))], now=NOW)

    page = unescape(staff.get(PAGE, {"part": "season"}, headers={"accept-language": "en"}).content.decode())

    assert "It takes two whole years of sales (24 whole months), and there are" in page


@pytest.mark.django_db
def test_by_file_and_by_api(shop: Retailer, staff: Client) -> None:
    text = staff.get(f"{PAGE}file/", {"part": "season"}, headers={"accept-language": "en"}).content.decode()
    rows = list(csv.DictReader(StringIO(text.lstrip("\ufeff"))))
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}", "accept-language": "en"}
    told = Client().get("/api/v1/analytics/season?per=month", headers=headers).json()
    none = {"authorization": f"Api-Key {make.key(make.retailer(), 'analytics:read')}", "accept-language": "en"}
    empty = Client().get("/api/v1/analytics/season", headers=none).json()

    assert (len(rows), rows[-1]["part"], rows[-1]["revenue"], rows[-1]["years"]) == (12, "12", "2.571429", "1")
    assert (told["whole"], told["needed"], told["code"], told["reason"], len(told["parts"])) == (24, 24, "", "", 12)
    assert round(told["parts"][-1]["revenue"]["value"], 6) == 2.571429
    assert (empty["code"], empty["whole"], empty["parts"]) == ("no_orders", 0, [])
    assert Client().get("/api/v1/analytics/season?per=day", headers=headers).status_code == 400
