"""What a program brings beside what it costs: by the books of the same time, each with its interval."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from analytics.models import ValueRun
from analytics.uplift.results import Gap, Measured, Range
from analytics.uplift_runs.models import UpliftRun, UpliftSettings
from analytics.uplift_runs.running import ask
from analytics.uplift_runs.storing import as_json, from_json
from analytics.uplift_runs.worth import Worth, worth_of
from analytics.uplift_runs.worth_words import note_of, worth_tables
from customers.core.calendar import midnight
from customers.models import Insight
from loyalty.programs.models import Program
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 1, tzinfo=UTC)
CUT = date(2026, 6, 30)
MARGIN = Range(2.0, 0.5, 1.0, 3.0)
SAID = Measured(
    grade="B", reasons=[], gap=Gap(20.0, 10.0, 1.0, None), effect=0.25, band=(0.0, 0.6), revenue=Range(8.0, 2.0, 4.0, 12.0),
    margin=MARGIN, estimates=[], gates=[], balance=[], placebo=[], leads=[], capture=[], capture_jump=None, overlap=None,
    contrast=None, effective_sample=None,
)  # fmt: skip


def run_of(club: Program, basis: str = UpliftRun.MarginBasis.RATE) -> UpliftRun:
    run = ask(club, now=NOW, author="")
    run.data_cut, run.margin_basis = CUT, basis
    return run


@pytest.fixture
def club() -> Program:
    """A program since 2026-04-01 with two members, one of whom joined a month later; points are worth a cent each."""
    owner = make.retailer(margin_rate=Decimal("0.30"))
    since = datetime(2026, 4, 1, tzinfo=UTC)
    return make.program(owner, since=since, points={"pending_days": 0, "point_value": Decimal("0.01")})


def test_margin_is_for_all_months_of_membership_and_cost_that_of_the_books(club: Program) -> None:
    ada = make.member(club, "ada", since=datetime(2026, 4, 1, tzinfo=UTC))
    make.member(club, "bob", since=datetime(2026, 5, 1, tzinfo=UTC))
    make.buys(ada, "500.00", at=datetime(2026, 4, 10, tzinfo=UTC))
    UpliftSettings.objects.create(retailer=club.retailer, monthly_cost=Decimal(1))

    found = worth_of(run_of(club), SAID)

    days = 91 + 61
    months, all_months = 91 / (365.25 / 12), days / (365.25 / 12)
    assert found is not None
    assert (found.since, found.until, found.members) == (date(2026, 4, 1), CUT, 2)
    assert found.member_months == pytest.approx(all_months)
    assert found.margin is not None
    assert found.margin.value == pytest.approx(2 * all_months)
    assert found.margin.low == pytest.approx(all_months)
    assert found.margin.error == pytest.approx(all_months / 2)
    assert found.margin.high == pytest.approx(3 * all_months)
    assert (found.cost.points, found.cost.rewards, found.cost.fees, found.cost.in_margin) == (5.0, 0.0, 0.0, 0.0)
    assert found.cost.running == pytest.approx(months)
    cost = 5.0 + months
    assert found.net is not None
    assert found.returned is not None
    assert found.net.low == pytest.approx(all_months - cost)
    assert found.returned.high == pytest.approx(3 * all_months / cost)
    assert from_json(Worth, as_json(found)) == found


def test_what_was_paid_with_points_is_in_the_margin_already(club: Program) -> None:
    ada = make.member(club, "ada", since=datetime(2026, 4, 1, tzinfo=UTC))
    made = make.buys(ada, "100.00", at=datetime(2026, 5, 1, tzinfo=UTC))
    club.retailer.orders.filter(number=made.outcome.fact.number).update(paid_with_points=Decimal(10))

    by_rate, by_cost = (
        worth_of(run_of(club, basis), SAID) for basis in (UpliftRun.MarginBasis.RATE, UpliftRun.MarginBasis.COSTS)
    )

    assert by_rate is not None
    assert by_cost is not None
    assert (by_rate.cost.in_margin, by_cost.cost.in_margin) == (10.0, 10.0)
    # What points paid without a reward is a cost, of which the margin is less by all: never a gain.
    assert (by_rate.cost.paid, by_cost.cost.paid) == (10.0, 10.0)
    assert (by_rate.cost.total, by_cost.cost.total) == (by_rate.cost.points, by_cost.cost.points)


def test_where_nothing_is_known_no_return_is_told_and_the_cost_stands(club: Program) -> None:
    make.member(club, "ada", since=datetime(2026, 4, 1, tzinfo=UTC))

    without = worth_of(run_of(club, UpliftRun.MarginBasis.NONE), SAID)
    unknown = worth_of(run_of(club), replace(SAID, grade="D", margin=None, band=None, effect=None))
    unsure = worth_of(run_of(club), replace(SAID, margin=Range(0.5, 1.0, -1.0, 2.0)))

    assert [(each.note, each.margin is None, each.returned) for each in (without, unknown) if each] == [
        ("no_margin", True, None), ("not_measured", True, None),
    ]  # fmt: skip
    assert unsure is not None
    assert (unsure.note, unsure.margin is None) == ("not_detected", False)
    assert note_of(unsure).startswith("No uplift was detected")
    assert [table.title for table in worth_tables(unsure)] == ["What the program brings, and what it costs"]


def test_the_programs_part_of_the_value_ahead_is_e_of_one_plus_e_with_both_ranges(club: Program) -> None:
    ada = make.member(club, "ada", since=datetime(2026, 4, 1, tzinfo=UTC))
    run = ValueRun.objects.create(
        retailer=club.retailer, status="done", ran_at=NOW, data_cut=CUT, currency="EUR", total_value=1_000, total_low=800,
        total_high=1_200,
    )  # fmt: skip
    Insight.objects.create(
        customer=ada.customer, run_id=run.pk, as_of=CUT, horizon_days=365, currency="EUR", predicted_value=100,
        historic_revenue=1,
    )  # fmt: skip

    found = worth_of(run_of(club), SAID)

    assert found is not None
    assert found.ahead is not None
    assert (found.ahead.days, found.ahead.members, found.ahead.value) == (365, 1, 100.0)
    assert (found.ahead.program.value, found.ahead.program.low) == (20.0, 0.0)
    assert found.ahead.program.high == pytest.approx(120 * 0.6 / 1.6)


def test_a_program_without_members_brings_and_costs_nothing_to_tell(club: Program) -> None:
    assert worth_of(run_of(club), SAID) is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Paris", "Pacific/Pago_Pago"])
def test_the_time_that_is_counted_begins_on_the_day_of_its_zone(zone: str) -> None:
    """Midnight is of the day before east of Greenwich, told in UTC."""
    owner = make.retailer(margin_rate=Decimal("0.30"), zone=zone)
    since = midnight(date(2026, 4, 1), ZoneInfo(zone))
    club = make.program(owner, since=datetime(2020, 1, 1, tzinfo=UTC), zone=zone)
    make.member(club, "ada", since=since)

    young = worth_of(run_of(club), SAID)
    old = make.member(club, "old", since=datetime(2024, 1, 1, tzinfo=UTC))
    whole = worth_of(run_of(club), SAID)

    assert old.pk is not None
    assert young is not None
    assert whole is not None
    assert young.since == date(2026, 4, 1)
    assert (young.months, young.member_months) == pytest.approx((91 / (365.25 / 12), 91 / (365.25 / 12)), rel=1e-3)
    assert whole.since == date(2025, 7, 1)
