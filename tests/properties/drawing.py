"""Programs to be drawn: what may differ from one to the next, in numbers that few steps can reach."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.properties.model.terms import MAIN, Ladder, Step, Terms, WalletTerms

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Pacific/Auckland"]
# Prices in hundredths are asked of EUR, in thousandths of KWD; JPY has whole ones.
DECIMALS = {"EUR": 100, "JPY": 1, "KWD": 1000}
# Near the end of a year, of February, and of a month before a change of the clocks in each of the zones.
OPENINGS = [datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2027, 1, 31, 22, 30, tzinfo=UTC),
            datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2027, 3, 13, 4, tzinfo=UTC)]  # fmt: skip
STATUS = "status"


@dataclass(frozen=True)
class Setting:
    """A program, where it is and when it opens."""

    terms: Terms
    opening: datetime
    zone: str = "UTC"
    currency: str = "EUR"


@st.composite
def ladders(draw: Any, *, expiry: str = "never") -> Ladder:
    basis = draw(st.sampled_from(["spend", "spend", "points", "orders", "visits"]))
    silver, gold = {"spend": (60, 140), "points": (60, 140), "orders": (2, 4), "visits": (1, 3)}[basis]
    extra = draw(st.sampled_from([0, 0, 1])) if expiry in {"months", "end_of_month"} else 0
    multiplier = draw(st.sampled_from([Fraction(1), Fraction(3, 2)]))
    gifts = draw(st.sampled_from([(0, 0), (5, 7)]))
    downgrade = draw(st.sampled_from(["never", "period_end", "at_once", "grace"]))
    to_month_end = downgrade == "grace" and draw(st.booleans())
    return Ladder(
        steps=(
            Step("bronze", 0),
            Step("silver", silver, multiplier, gifts[0], extra),
            Step("gold", gold, Fraction(2), gifts[1], extra),
        ),
        basis=basis,
        window=draw(st.sampled_from(["lifetime", "calendar_year", "membership_year", "rolling"])),
        months=draw(st.integers(1, 2)),
        downgrade=downgrade,
        grace_days=draw(st.sampled_from([0, 5] if to_month_end else [1, 5, 20])) if downgrade == "grace" else 0,
        to_month_end=to_month_end,
        soft=downgrade != "never" and draw(st.booleans()),
    )


@st.composite
def wallets(draw: Any, *, budget: bool = True) -> WalletTerms:
    expiry = draw(st.sampled_from(["never", "days", "days", "months", "end_of_month", "end_of_year", "inactivity"]))
    count = {"never": 0, "days": draw(st.sampled_from([2, 9, 30])), "months": 1, "end_of_month": draw(st.integers(0, 1)),
             "end_of_year": 0, "inactivity": 1}[expiry]  # fmt: skip
    awaits = "delivered" if expiry != "inactivity" and draw(st.sampled_from([False, False, True])) else ""
    limit = draw(st.sampled_from(["", "", "period", "transaction", "budget" if budget else ""]))
    return WalletTerms(
        pending_days=draw(st.sampled_from([0, 0, 1, 3])),
        awaits=awaits,
        expiry=expiry,
        count=count,
        transaction_limit=100 if limit == "transaction" else None,
        period_limit=90 if limit == "period" else None,
        period=draw(st.sampled_from(["day", "week", "month", "year"])),
        budget=150 if limit == "budget" else None,
        budget_period=draw(st.sampled_from(["ever", "month"])),
        owes=draw(st.booleans()),
    )


@st.composite
def settings_of_programs(draw: Any, *, tiers: bool | None = None, budget: bool = True) -> Setting:
    main = draw(wallets(budget=budget))
    ladder = Ladder()
    if tiers if tiers is not None else draw(st.sampled_from([True, True, False])):
        ladder = draw(ladders(expiry=main.expiry))
    rates = {MAIN: draw(st.sampled_from([Fraction(1), Fraction(7, 10)]))}
    both = {MAIN: main}
    if draw(st.sampled_from([False, False, True])):
        rates[STATUS], both[STATUS] = Fraction(2), WalletTerms(owes=draw(st.booleans()))
    terms = Terms(
        rates=rates,
        bonus=draw(st.sampled_from([0, 10])),
        visit_points=draw(st.sampled_from([0, 3])),
        wallets=both,
        ladder=ladder,
    )
    return Setting(
        terms,
        draw(st.sampled_from(OPENINGS)),
        draw(st.sampled_from(ZONES)),
        draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY", "KWD"])),
    )


@st.composite
def next_terms(draw: Any, terms: Terms) -> Terms:
    """Draw what a later version changes: what is earned, what tiers ask for and give, how long points wait and live."""
    main = terms.wallets[MAIN]
    if main.expiry == "days":
        main = replace(main, count=draw(st.sampled_from([2, 9])))
    main = replace(main, owes=main.owes, pending_days=draw(st.sampled_from([0, 2])))
    factor = draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(2)]))
    steps = tuple(
        replace(step, threshold=int(step.threshold * factor), gift=step.gift and step.gift + 1)
        for step in terms.ladder.steps
    )
    if terms.ladder.basis in {"orders", "visits"} and factor < 1:
        steps = terms.ladder.steps
    return replace(
        terms,
        rates=dict(terms.rates) | {MAIN: draw(st.sampled_from([Fraction(1), Fraction(2)]))},
        wallets=dict(terms.wallets) | {MAIN: main},
        ladder=replace(terms.ladder, steps=steps),
    )


@st.composite
def prices(draw: Any, currency: str, *, most: int = 90) -> Fraction:
    """Draw a price of the currency's decimals, mostly whole."""
    whole: int = draw(st.integers(1, most))
    parts = DECIMALS[currency]
    part: int = draw(st.sampled_from([0, 0, parts - 1]))
    return whole + Fraction(part, parts)
