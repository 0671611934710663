from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from loyalty.campaigns.rules.tier_gaps import TierMember, at_risk, deciding_day, period_begun, within_reach
from loyalty.campaigns.rules.triggers import (
    check_trigger,
    is_leaps_eve,
    is_of_last_order,
    parameter,
    reads_profile,
    word,
    years_between,
)
from loyalty.tiers.rules import Counts, Standing, TierRule, TierScheme

SILVER, GOLD = UUID(int=1), UUID(int=2)
SCHEME = TierScheme(
    window="calendar_year",
    downgrade="period_end",
    tiers=(
        TierRule(1, SILVER, "silver", Decimal(100), Decimal(1)),
        TierRule(2, GOLD, "gold", Decimal(500), Decimal(1), further=(("orders", Decimal(3)),)),
    ),
)
TODAY, JOINED, SINCE = date(2026, 11, 27), date(2024, 2, 29), date(2026, 3, 31)


def member(spend: str, *, orders: int = 3, key: UUID | None = SILVER, ends: date | None = None) -> TierMember:
    return TierMember(Standing(key, ends), JOINED, SINCE, Counts(spend=Decimal(spend), orders=orders))


@pytest.mark.parametrize(
    ("spend", "orders", "percent", "missing"),
    [
        ("400", 3, 20, "100"),  # just a fifth of 500
        ("399.99", 3, 20, None),
        ("499.99", 3, 20, "0.01"),
        ("500", 3, 20, None),  # reached
        ("450", 2, 20, None),  # an order is missing as well
        ("500", 2, 20, None),  # and here nothing else
        ("300", 3, 40, "200"),
    ],
)
def test_a_tier_is_within_reach_where_little_is_missing_of_what_it_counts_and_nothing_else(
    spend: str, orders: int, percent: int, missing: str | None
) -> None:
    found = within_reach(SCHEME, member(spend, orders=orders), day=TODAY, percent=percent)

    assert (found.missing if found else None) == ((("spend", Decimal(missing)),) if missing else None)
    assert (found.occurrence if found else "tier:gold:2026-01-01") == "tier:gold:2026-01-01"


def test_where_any_condition_is_enough_the_others_may_be_missing() -> None:
    scheme = replace(SCHEME, combination="any")

    found = within_reach(scheme, member("450", orders=2), day=TODAY, percent=20)

    assert found is not None
    assert found.missing == (("spend", Decimal(50)),)


def test_nothing_is_within_reach_of_who_has_the_highest_or_may_not_rise() -> None:
    assert within_reach(SCHEME, member("450", key=GOLD), day=TODAY, percent=20) is None
    assert within_reach(SCHEME.withheld(), member("450"), day=TODAY, percent=20) is None


@pytest.mark.parametrize(
    ("ends", "spend", "occurrence"),
    [
        (date(2027, 1, 1), "60", "tier_risk:silver:2027-01-01"),
        (date(2027, 1, 1), "100", None),  # enough is there
        (date(2027, 1, 12), "60", None),  # later than 45 days
        (date(2027, 1, 11), "60", "tier_risk:silver:2027-01-11"),
        (TODAY, "60", None),  # it is over
        (None, "60", None),
    ],
)
def test_a_tier_is_at_risk_before_its_end_where_too_little_counts(
    ends: date | None, spend: str, occurrence: str | None
) -> None:
    found = at_risk(SCHEME, member(spend, ends=ends), day=TODAY, days=45)

    assert (found.occurrence if found else None) == occurrence
    if found:
        assert ends is not None
        assert found.about == date.fromordinal(ends.toordinal() - 1)
        assert found.missing == (("spend", Decimal(40)),)


def test_a_tier_that_is_lost_in_any_night_or_never_has_no_end_to_be_warned_of() -> None:
    who = member("60", ends=date(2027, 1, 1))

    assert [
        at_risk(replace(SCHEME, downgrade=way), who, day=TODAY, days=45) is None
        for way in ("at_once", "never", "grace")
    ] == [True, True, False]


def test_a_period_is_decided_on_its_last_day_and_a_grace_on_the_day_after() -> None:
    ends = date(2027, 1, 1)

    assert deciding_day(SCHEME, ends) == date(2026, 12, 31)
    assert deciding_day(replace(SCHEME, downgrade="grace"), ends) == ends


@pytest.mark.parametrize(
    ("window", "months", "day", "begun"),
    [
        ("calendar_year", 12, date(2026, 11, 27), date(2026, 1, 1)),
        ("membership_year", 12, date(2026, 2, 27), date(2025, 2, 28)),  # joined on a 29th of February
        ("membership_year", 12, date(2026, 2, 28), date(2026, 2, 28)),
        ("membership_year", 12, date(2028, 2, 28), date(2027, 2, 28)),
        ("membership_year", 12, date(2028, 2, 29), date(2028, 2, 29)),
        ("rolling", 3, date(2026, 6, 29), date(2026, 3, 31)),  # silver since 31 March
        ("rolling", 3, date(2026, 6, 30), date(2026, 6, 30)),
        ("rolling", 12, date(2027, 3, 30), date(2026, 3, 31)),
        ("rolling", 12, date(2027, 3, 31), date(2027, 3, 31)),
        ("rolling", 12, date(2026, 3, 1), date(2025, 3, 31)),  # the night before it came to its tier, caught up
        ("lifetime", 12, date(2027, 3, 31), date(2026, 3, 31)),
    ],
)
def test_a_tier_within_reach_is_told_once_in_a_period(window: str, months: int, day: date, begun: date) -> None:
    scheme = replace(SCHEME, window=window, window_months=months)

    assert period_begun(scheme, day, joined=JOINED, since=SINCE) == begun


def test_a_leap_day_is_kept_on_the_28th_of_other_years_alone() -> None:
    days = (date(2027, 2, 28), date(2028, 2, 28), date(2028, 2, 29), date(2027, 3, 1), date(2100, 2, 28))

    assert [is_leaps_eve(day) for day in days] == [True, False, False, False, True]
    assert years_between(date(2024, 2, 29), date(2027, 2, 28)) == 3


def test_triggers_say_what_they_take() -> None:
    flaws = {
        (each.code, each.place)
        for said in (
            {"kind": "life_stage", "stage": "old"},
            {"kind": "life_stage", "days": 3},
            {"kind": "tier_within_reach", "percent": 100},
            {"kind": "review", "days": 0},
        )
        for each in check_trigger(said)
    }

    assert flaws == {
        ("not_one_of", "trigger/stage"),
        ("unknown_parameter", "trigger/days"),
        ("out_of_bounds", "trigger/percent"),
        ("out_of_bounds", "trigger/days"),
    }
    assert (word({"kind": "life_stage"}, "stage"), parameter({"kind": "plan_renewal"}, "days")) == ("prospect", 14)


def test_what_was_computed_about_a_customer_needs_its_consent() -> None:
    asked: list[dict[str, Any]] = [
        {"kind": "vip_at_risk"}, {"kind": "life_stage", "stage": "loyal"}, {"kind": "life_stage", "stage": "lapsing"},
        {"kind": "birthday", "segments": ["vip"]}, {"kind": "life_stage", "stage": "new"}, {"kind": "life_stage"},
        {"kind": "tier_at_risk"}, {"kind": "birthday", "tiers": ["gold"]},
    ]  # fmt: skip

    assert [reads_profile(each) for each in asked] == [True, True, True, True, False, False, False, False]


def test_what_is_about_the_last_order_is_ended_by_any_later_one() -> None:
    said = (
        "lapse:2026-05-01",
        "vip_risk:2026-05-01",
        "stage:lapsing:2026-05-01",
        "stage:new",
        "order:lapse:1",
        "cart:C1",
    )

    assert [is_of_last_order(each) for each in said] == [True, True, True, False, False, False]
