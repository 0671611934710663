"""Programs to be drawn: what may differ from one to the next, in numbers that few steps can reach."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.properties.model.terms import (
    MAIN,
    BadgeTerms,
    ChallengeTerms,
    ExtraTerms,
    GoalTerms,
    Ladder,
    PlanTerms,
    PriceTerms,
    ReferralTerms,
    RewardTerms,
    Step,
    Terms,
    WalletTerms,
)

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Pacific/Auckland"]
# Prices in hundredths are asked of EUR, in thousandths of KWD; JPY has whole ones.
DECIMALS = {"EUR": 100, "JPY": 1, "KWD": 1000}
# Near the end of a year, of February, and of a month before a change of the clocks in each of the zones.
OPENINGS = [datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2027, 1, 31, 22, 30, tzinfo=UTC),
            datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2027, 3, 13, 4, tzinfo=UTC)]  # fmt: skip
STATUS = "status"
PLUS, MAX = "plus", "max"


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
    discount = draw(st.sampled_from([0, 0, 15]))
    downgrade = draw(st.sampled_from(["never", "period_end", "at_once", "grace"]))
    to_month_end = downgrade == "grace" and draw(st.booleans())
    return Ladder(
        steps=(
            Step("bronze", 0),
            Step("silver", silver, multiplier, gifts[0], extra),
            Step("gold", gold, Fraction(2), gifts[1], extra, discount),
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
def extras(draw: Any, terms: Terms) -> ExtraTerms | None:
    """Draw what some orders give besides, or nothing."""
    if draw(st.integers(0, 2)):
        return None
    tiers = draw(st.sampled_from([(), ("silver", "gold")])) if terms.ladder.steps else ()
    return ExtraTerms(
        draw(st.sampled_from(["per_order", "per_item"])),
        draw(st.sampled_from([2, 9])),
        minimum=draw(st.sampled_from([0, 50])),
        cap=draw(st.sampled_from([0, 10])),
        weekdays=draw(st.sampled_from([(), (5, 6), (0, 1, 2, 3, 4)])),
        hours=draw(st.sampled_from([None, (6, 18)])),
        tiers=tiers,
        plans=draw(st.sampled_from([(), (MAX,)])) if terms.plans else (),
        is_multiplied=draw(st.booleans()),
    )


@st.composite
def plans(draw: Any, currency: str) -> tuple[PlanTerms, ...]:
    """Draw a smaller and a larger plan, or none."""
    if not draw(st.integers(0, 2)):
        return ()
    grace = draw(st.sampled_from([1, 7, 27]))
    trial = draw(st.sampled_from([0, 0, 5]))
    longer = draw(st.sampled_from([1, 1, 12]))
    return (
        PlanTerms(PLUS, 0, draw(fees(currency)), 1, trial, grace, draw(st.sampled_from([1, 3])), Fraction(2)),
        PlanTerms(MAX, 1, draw(fees(currency)) + 10, longer, 0, grace, 2, Fraction(3)),
    )


@st.composite
def fees(draw: Any, currency: str) -> Fraction:
    """Draw what a period costs, now and then nothing."""
    whole: int = draw(st.sampled_from([0, 9, 10, 25]))
    parts = DECIMALS[currency]
    part: int = draw(st.sampled_from([0, parts - 1]))
    return whole + Fraction(part, parts) if whole else Fraction(0)


@st.composite
def rewards(draw: Any, terms: Terms) -> tuple[RewardTerms, ...]:
    """Draw some rewards of a program, or none."""
    if not draw(st.integers(0, 2)):
        return ()
    tiers = [""] + (["silver"] if terms.ladder.steps else [])
    named = [""] + ([MAX] if terms.plans else [])
    found = draw(
        st.lists(
            st.sampled_from(["off", "percent", "mug", "pool", "cause", "pay", "trip"]),
            min_size=2,
            max_size=4,
            unique=True,
        )
    )
    return tuple(draw(reward(code, tuple(terms.wallets), tiers, named)) for code in found)


KINDS = {"off": "amount_off", "percent": "percent_off", "mug": "product", "pool": "voucher", "cause": "donation",
         "pay": "pay_with_points", "trip": "experience"}  # fmt: skip


def costs(kind: str) -> st.SearchStrategy[int]:
    """Return a drawn price in points; of what is worth an amount, one that is worth the smallest of any currency."""
    return st.sampled_from([10, 20, 45] if kind in {"donation", "pay_with_points"} else [5, 20, 45])


@st.composite
def reward(draw: Any, code: str, wallets: tuple[str, ...], tiers: list[str], plans: list[str]) -> RewardTerms:
    kind = KINDS[code]
    is_of_any = kind in {"donation", "pay_with_points"}
    limit = draw(st.sampled_from([None, None, 1, 2]))
    tier, plan = draw(st.sampled_from(tiers)), draw(st.sampled_from(plans))
    price = PriceTerms(draw(st.sampled_from([0, 5, 15])), draw(st.sampled_from(wallets)), tier, plan)
    is_exclusive = draw(st.sampled_from([False, False, False, True]))
    return RewardTerms(
        code,
        kind,
        draw(costs(kind)),
        codes={"product": "none", "experience": "none", "donation": "none", "voucher": "pool"}.get(kind, "generated"),
        stock=draw(st.sampled_from([None, None, 1, 2])),
        member_limit=limit,
        member_period=draw(st.sampled_from(["ever", "month"])) if limit else "ever",
        tiers=(tier,) if tier and is_exclusive else (),
        plans=(plan,) if plan and is_exclusive else (),
        valid_days=draw(st.sampled_from([None, 0, 2, 20])),
        expiry_gives_back=draw(st.booleans()),
        withdrawal_gives_back=draw(st.booleans()),
        per_unit=10 if is_of_any else 0,
        match_percent=50 if kind == "donation" else 0,
        match_budget=2 if kind == "donation" else 0,
        prices=() if is_of_any or (not tier and not plan and price.wallet == MAIN) else (price,),
    )


BADGE = "regular"


@st.composite
def badges(draw: Any) -> tuple[BadgeTerms, ...]:
    kind = draw(st.sampled_from(["once", "repeatable", "levelled"]))
    levels = (1, 3) if kind == "levelled" else ()
    return (
        BadgeTerms(BADGE, kind, levels, draw(st.sampled_from([0, 11])), draw(st.sampled_from([True, True, False]))),
    )


@st.composite
def goals(draw: Any, window: str) -> GoalTerms:
    metrics = ["count", "count", "spend", "points", "categories", "days"]
    streaks = {"membership": ["day_streak", "week_streak"], "month": ["day_streak"], "week": ["day_streak"]}
    metric = draw(st.sampled_from([*metrics, *streaks.get(window, [])]))
    target = {"count": 3, "spend": 120, "points": 100, "categories": 2, "days": 2, "day_streak": 2, "week_streak": 2}[
        metric
    ]
    is_visit = metric in {"count", "points", "days", "day_streak", "week_streak"} and draw(
        st.sampled_from([False, False, True])
    )
    some = () if is_visit else draw(st.sampled_from([(), (), ("A", "B")]))
    return GoalTerms(metric, target + draw(st.sampled_from([-1, 0])), "visit" if is_visit else "", some)


@st.composite
def challenges(draw: Any, terms: Terms, code: str) -> ChallengeTerms:
    window = draw(st.sampled_from(["membership", "membership", "week", "month", "rolling"]))
    first = draw(goals(window))
    form = draw(st.sampled_from(["", "", "levels", "all", "any"]))
    levels = ((first.target, 3), (2 * first.target, 8)) if form == "levels" else ()
    return ChallengeTerms(
        code,
        (first, draw(goals(window))) if form in {"all", "any"} else (first,),
        window,
        draw(st.sampled_from([4, 20])) if window == "rolling" else 0,
        is_any=form == "any",
        repeats=form != "levels" and draw(st.booleans()),
        levels=levels,
        points=0 if levels else draw(st.sampled_from([7, 30])),
        badge=draw(st.sampled_from(["", BADGE])),
        takes_back=draw(st.sampled_from([True, True, False])),
        tiers=draw(st.sampled_from([(), (), ("silver", "gold")])) if terms.ladder.steps else (),
        plans=draw(st.sampled_from([(), (), (MAX,)])) if terms.plans else (),
        is_joined=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def with_challenges(draw: Any, terms: Terms) -> Terms:
    """Draw terms with some challenges and a badge, or with none."""
    if not draw(st.integers(0, 1)):
        return terms
    found = tuple(draw(challenges(terms, code)) for code in "xyz"[: draw(st.integers(1, 3))])
    return replace(terms, badges=draw(badges()), challenges=found)


@st.composite
def referrals(draw: Any) -> ReferralTerms | None:
    if not draw(st.integers(0, 2)):
        return None
    advocate, friend = draw(st.sampled_from([(40, 25), (40, 0), (0, 25)]))
    limit = draw(st.sampled_from(["", "", "advocate", "budget"]))
    return ReferralTerms(
        advocate,
        friend,
        draw(st.booleans()),
        draw(st.sampled_from([0, 40])),
        draw(st.sampled_from([0, 3, 14])),
        draw(st.sampled_from([7, 90])),
        advocate_limit=1 if limit == "advocate" else None,
        limit_period=draw(st.sampled_from(["month", "ever"])),
        budget=70 if limit == "budget" else None,
        budget_period=draw(st.sampled_from(["month", "ever"])),
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
    currency = draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY", "KWD"]))
    terms = replace(terms, plans=draw(plans(currency)))
    terms = replace(terms, rewards=draw(rewards(terms)), extra=draw(extras(terms)))
    terms = replace(draw(with_challenges(terms)), referrals=draw(referrals()))
    return Setting(terms, draw(st.sampled_from(OPENINGS)), draw(st.sampled_from(ZONES)), currency)


@st.composite
def next_terms(draw: Any, terms: Terms, first: Terms, currency: str) -> Terms:
    """
    Draw what a later version changes: what is earned and offered, what tiers ask for and give, how long points live.

    :param first: of the first version, of which something comes back that was withdrawn
    """
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
    offered = tuple(
        replace(
            plan,
            price=draw(fees(currency)) + 10 * plan.rank,
            multiplier=draw(st.sampled_from([Fraction(1), Fraction(4)])),
        )
        for plan in _left_of(draw, terms.plans, first.plans)
    )
    has_plans = {plan.code for plan in offered}.issuperset
    is_met = terms.extra is not None and has_plans(terms.extra.plans)
    return replace(
        terms,
        rates=dict(terms.rates) | {MAIN: draw(st.sampled_from([Fraction(1), Fraction(2)]))},
        extra=terms.extra if is_met else None,
        wallets=dict(terms.wallets) | {MAIN: main},
        ladder=replace(terms.ladder, steps=steps),
        plans=offered,
        referrals=draw(referrals()) if terms.referrals else None,
        rewards=tuple(
            replace(each, points=draw(costs(each.kind))) for each in _left_of(draw, terms.rewards, first.rewards)
        ),
        challenges=tuple(each for each in _left_of(draw, terms.challenges, first.challenges) if has_plans(each.plans)),
    )


def _left_of(draw: Any, now: tuple[Any, ...], first: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what a later version offers: all, less one, or all that the first one did."""
    change = draw(st.sampled_from(["", "less", "again"]))
    if change == "less" and now:
        place = draw(st.integers(0, len(now) - 1))
        return (*now[:place], *now[place + 1 :])
    return first if change == "again" else now


@st.composite
def prices(draw: Any, currency: str, *, most: int = 90) -> Fraction:
    """Draw a price of the currency's decimals, mostly whole."""
    whole: int = draw(st.integers(1, most))
    parts = DECIMALS[currency]
    part: int = draw(st.sampled_from([0, 0, parts - 1]))
    return whole + Fraction(part, parts)
