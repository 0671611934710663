"""A fee that is divided by days adds up, whatever the day, the month, the currency, and however often it is divided."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.core.ids import new_id
from customers.core.money import unit_of
from loyalty.plans.rules import Days, Held, PlanRule, next_end, part_of, quote_change, split

PRICES = {"EUR": ("10.00", "25.00"), "JPY": ("1000", "2500"), "KWD": ("3.333", "8.125")}
MONTHS = [
    Days(date(2026, 2, 1), date(2026, 3, 1)),  # 28
    Days(date(2028, 2, 1), date(2028, 3, 1)),  # 29
    Days(date(2026, 6, 1), date(2026, 7, 1)),  # 30
    Days(date(2026, 7, 1), date(2026, 8, 1)),  # 31
    Days(date(2026, 1, 31), date(2026, 2, 28)),  # from a 31st
    Days(date(2027, 7, 1), date(2028, 7, 1)),  # a year of 366
]


def rule(price: str, months: int = 1) -> PlanRule:
    return PlanRule(1, new_id(), "plus", 0, Decimal(price), months)


@pytest.mark.parametrize("currency", PRICES)
@pytest.mark.parametrize("period", MONTHS, ids=len)
def test_on_every_day_of_every_length_the_parts_add_up(period: Days, currency: str) -> None:
    unit = unit_of(currency)
    old, new = (Decimal(price) for price in PRICES[currency])
    held = Held(rule(str(old)), period.first, period, period.first, old)

    for day in range(len(period)):
        on = period.first + timedelta(days=day)
        credit, charge = split(old, period, on, unit), part_of(new, period, on, unit)
        quote = quote_change(held, rule(str(new)), on, unit)
        assert credit.used + credit.left == old
        assert (quote.credit, quote.charge, quote.total) == (credit.left, charge, charge - credit.left)
        assert quote.days == Days(on, period.end)
        assert all(amount == amount.quantize(unit) and amount >= 0 for amount in (credit.used, credit.left, charge))
        exact = old * (len(period) - day) / len(period)
        assert abs(credit.left - exact) <= unit / 2


def test_the_eleventh_day_of_thirty() -> None:
    june = MONTHS[2]
    held = Held(rule("10.00"), june.first, june, june.first, Decimal("10.00"))

    quote = quote_change(held, rule("25.00"), date(2026, 6, 11), Decimal("0.01"))

    assert (quote.credit, quote.charge, quote.total) == (Decimal("6.67"), Decimal("16.67"), Decimal("10.00"))


@given(
    days=st.lists(st.integers(0, 30), min_size=1, max_size=6).map(sorted),
    prices=st.lists(st.integers(0, 100_000), min_size=6, max_size=6),
    currency=st.sampled_from(sorted(PRICES)),
    period=st.sampled_from(MONTHS),
)
def test_however_often_a_plan_changes_what_was_used_and_what_is_left_is_what_was_charged(
    days: list[int], prices: list[int], currency: str, period: Days
) -> None:
    unit = unit_of(currency)
    first = Decimal(30) * unit * 100
    held = Held(rule(str(first)), period.first, period, period.first, first)
    charged, credited, used = first, Decimal(0), Decimal(0)

    for day, price in zip(days, prices, strict=False):
        on = period.first + timedelta(days=min(day, len(period) - 1))
        new = rule(str(price * unit))
        quote = quote_change(held, new, on, unit)
        used += held.fee - quote.credit
        charged, credited = charged + quote.charge, credited + quote.credit
        held = Held(new, quote.anchor, period, on, quote.charge)

    assert used + held.fee == charged - credited
    assert (used, held.fee) == (used.quantize(unit), held.fee.quantize(unit))


def test_periods_are_counted_from_their_anchor_and_do_not_drift() -> None:
    anchor = date(2026, 1, 31)
    ends, first = [], anchor
    for _ in range(5):
        first = next_end(anchor, first, 1)
        ends.append(first)

    assert ends == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 30)]
    assert next_end(date(2028, 2, 29), date(2028, 2, 29), 12) == date(2029, 2, 28)
    assert next_end(date(2028, 2, 29), date(2031, 2, 28), 12) == date(2032, 2, 29)


def test_another_length_begins_a_period_of_its_own() -> None:
    june = MONTHS[2]
    held = Held(rule("10.00"), june.first, june, june.first, Decimal("10.00"))

    quote = quote_change(held, rule("100.00", 12), date(2026, 6, 11), Decimal("0.01"))

    assert quote.days == Days(date(2026, 6, 11), date(2027, 6, 11))
    assert (quote.credit, quote.charge, quote.anchor) == (Decimal("6.67"), Decimal("100.00"), date(2026, 6, 11))
