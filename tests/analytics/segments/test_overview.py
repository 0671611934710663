"""Segments now beside those of a month ago, who moved, and churn beside what came."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics import churn
from analytics.models import CustomerValue, ValueRun
from analytics.segments.models import SegmentRun
from analytics.segments.overview import month_before, movements, rows_of, runs_of
from analytics.segments.rules import STAGES, TYPES, Thresholds
from analytics.segments.words import all_described, risk_in_words
from customers.models import Insight, Retailer
from tests import make
from tests.analytics.segments.shop import CUT, assigned, buy, days_ago, valued

pytestmark = pytest.mark.django_db
NAMES = ("ada", "bob", "cat", "dan", "eve")


def two_runs(shop: Retailer) -> tuple[SegmentRun, SegmentRun]:
    """Return an earlier run and the last one: of five customers ada stays, bob is at risk now, and eve is new."""
    buy(shop, *(make.order(who, "10.00", at=days_ago(500 + day)) for who in NAMES[:4] for day in range(4)))
    values = {"ada": "100", "bob": "20", "cat": "5", "dan": "5"}
    before = valued(shop, **{name: (value, False) for name, value in values.items()})
    before.data_cut = CUT - timedelta(days=31)
    before.save()
    earlier = assigned(before)
    Insight.objects.all().delete()
    buy(shop, make.order("eve", "10.00", at=days_ago(3)))
    run = valued(shop, ada=("100", False), bob=("20", True), cat=("5", False), dan=("5", False), eve=("1", False))
    return earlier, assigned(run)


def test_sizes_values_and_changes() -> None:
    shop = make.retailer()
    earlier, last = two_runs(shop)

    rows = {each.what.code: each for each in rows_of(last, earlier, [*TYPES, *STAGES])}

    assert {code: (each.now.customers, each.change) for code, each in rows.items()} == {
        "vip": (1, 1), "vip_at_risk": (0, 0), "potential_loyal": (1, 1), "loyal_low_value": (2, -2),
        "low_value_at_risk": (1, 1), "never_bought": (0, 0), "new": (1, 1), "established": (3, -1), "overdue": (0, 0),
        "lost": (1, 1),
    }  # fmt: skip
    assert (rows["vip"].share, rows["vip"].now.value, rows["vip"].now.at_stake) == (0.2, Decimal(50), Decimal(50))


def test_who_moved_from_which_type_to_which() -> None:
    earlier, last = two_runs(make.retailer())

    found = movements(earlier, last)

    counts = {(was, now): count for was, row in found.items() for now, count in row.items() if count}
    assert counts == {
        ("loyal_low_value", "vip"): 1, ("loyal_low_value", "low_value_at_risk"): 1,
        ("loyal_low_value", "loyal_low_value"): 2, ("", "potential_loyal"): 1,
    }  # fmt: skip
    CustomerValue.objects.filter(run=last.run, customer__external_id="dan").delete()
    assert movements(earlier, assigned(last.run))["loyal_low_value"][""] == 1


@pytest.mark.parametrize(
    ("days", "found"), [([10, 29, 50], 29), ([10, 28, 33], 28), ([28, 32], 32), ([5], 5), ([], None)]
)
def test_the_run_nearest_to_a_month_before(days: list[int], found: int | None) -> None:
    def run(back: int) -> SegmentRun:
        return SegmentRun(pk=back + 1, data_cut=CUT - timedelta(days=back))

    nearest = month_before(run(0), [run(0), *map(run, days)])

    assert (nearest.data_cut if nearest else None) == (CUT - timedelta(days=found) if found else None)


def test_runs_whose_customers_are_kept_the_newest_first() -> None:
    shop = make.retailer()
    earlier, last = two_runs(shop)

    assert runs_of(shop.pk) == [last, earlier]


def test_words_name_a_retailers_own_thresholds() -> None:
    words = all_described(Thresholds(top_percent=5, lost_gaps=6), predicted=False)

    assert words["vip"].rule == "among the 5 % who are worth most if they stay, and not at risk"
    assert words["lost"].rule == "waited longer than 6 of their usual gaps between purchases"
    assert "below 60 % of what it was" in risk_in_words(Thresholds())
    assert risk_in_words(Thresholds(), predicted=False).endswith("longer than 2 of their usual gaps between purchases")
    assert all(each.name and each.rule and each.action for each in words.values())
    assert len(words) == 17


GROUPS = [
    {"predicted": 0.1, "actual": 0.2, "customers": 10},
    {"predicted": 0.7, "actual": 0.6, "customers": 30},
]  # fmt: skip


def held_out(**model: Any) -> ValueRun:
    origins = [{"days": 90, "customers": 40, "models": {"Pareto/NBD": model, "MBG/NBD": {"buying": []}}}]
    return ValueRun(model="Pareto/NBD", data_cut=date(2026, 6, 15), held_out={"origins": origins})


def test_churn_beside_what_came() -> None:
    found = churn.calibration_of(held_out(buying=GROUPS, brier=0.162))

    assert found is not None
    shares = [(round(each.expected, 9), round(each.actual, 9), each.customers) for each in found.tenths]
    assert shares == [(0.9, 0.8, 10), (0.3, 0.4, 30)]
    assert (found.days, found.brier, found.customers) == (90, 0.162, 40)
    assert (round(found.expected, 9), round(found.actual, 9)) == (0.45, 0.5)


@pytest.mark.parametrize("run", [ValueRun(held_out={}), held_out(failed={"code": "x"}), held_out(buying=[])])
def test_without_a_back_test_nothing_is_told_of_churn(run: ValueRun) -> None:
    assert churn.calibration_of(run) is None


def test_churn_by_type_and_whom_most_is_at_stake() -> None:
    _, last = two_runs(make.retailer())

    found = churn.by_type(last.pk)
    listed = churn.at_risk(last.pk, 10)

    assert {code: (each.customers, each.leaving, each.at_stake) for code, each in found.items()} == {
        "vip": (1, 0.5, Decimal(50)), "low_value_at_risk": (1, 0.95, Decimal(10)), "loyal_low_value": (2, 1.0, Decimal(5)),
        "potential_loyal": (1, 0.5, Decimal("0.5")),
    }  # fmt: skip
    assert [(each.name, each.segment, each.churn, each.at_stake) for each in listed] == [
        ("bob", "low_value_at_risk", 0.95, Decimal(10))
    ]
