"""The table of cohorts and months as the database sums it, against the same table of the same orders in memory."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.uplift.cohorts import CohortTable, from_panel
from analytics.uplift.panel import NEVER, Customers, Orders, Panel
from analytics.uplift_runs.cohort_reading import NoWholeMonth, Wanted, cohort_table
from analytics.uplift_runs.reading import Source, read
from customers.facts import OrderFact, ReturnFact, ReturnLineFact, line_of
from customers.merging import merge
from customers.models import Retailer
from customers.recording import record_orders, record_returns
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Europe/Paris")
EPOCH, CUT = date(1970, 1, 1), date(2026, 9, 30)
AT = datetime(2026, 10, 20, tzinfo=UTC)
COST = Decimal("0.6")


def shop(**given: object) -> tuple[Retailer, Program]:
    owner = make.retailer(zone=str(ZONE), **given)
    return owner, make.program(owner, since=datetime(2025, 12, 1, tzinfo=UTC))


def random_orders(count: int = 120) -> list[OrderFact]:
    """Orders of 15 customers from January on, some at the turn of a month, some paid in part with points."""
    rng = np.random.default_rng(4)
    begin = datetime(2026, 1, 1, 0, 30, tzinfo=ZONE)
    facts = []
    for place in range(count):
        at = begin + timedelta(minutes=int(rng.integers(0, 272 * 24 * 60)) if place else 0)
        amount = Decimal(int(rng.integers(500, 9_000))) / 100
        cost = COST * amount if place % 3 else None
        line = line_of(sku="a", quantity=Decimal(1), net_amount=amount, unit_cost=cost)
        paid = Decimal(1) if place % 7 == 0 else Decimal(0)
        who = f"c{rng.integers(0, 15)}" if place % 11 else None
        facts.append(OrderFact(f"o{place}", at, (line,), who, paid_with_points=paid))
    return facts


def joins(owner: Retailer, club: Program, *days: tuple[str, str]) -> None:
    for name, joined in days:
        make.member(club, name, since=datetime.fromisoformat(joined).replace(tzinfo=ZONE))


def panel_of(facts: Sequence[OrderFact], back: dict[str, Decimal], joined: dict[str, date], rate: float) -> Panel:
    """Return the panel of linked orders, each written out by hand's arithmetic."""
    linked = sorted((fact for fact in facts if fact.customer), key=lambda fact: (str(fact.customer), fact.occurred_at))
    names = sorted({str(fact.customer) for fact in linked})
    value, margin = [], []
    for fact in linked:
        amount = fact.lines[0].net_amount
        part = (amount - fact.paid_with_points) / amount * (1 - back.get(fact.number, Decimal(0)) / amount)
        value.append(float(amount * part))
        cost = fact.lines[0].unit_cost
        came_back = back.get(fact.number, Decimal(0)) == amount
        left = (1 - rate) * float(amount) if cost is None else float(cost)  # goods cost it, however they were paid
        margin.append(value[-1] - (0 if came_back else left))
    days = [(fact.occurred_at.astimezone(ZONE).date() - EPOCH).days for fact in linked]
    orders = Orders(
        np.array([names.index(str(fact.customer)) for fact in linked], dtype=np.int32), np.array(days, dtype=np.int32),
        np.zeros(len(linked)), np.array(value), np.array(margin), np.zeros(len(linked), dtype=np.bool_),
    )  # fmt: skip
    when = [(joined[name] - EPOCH).days if name in joined else NEVER for name in names]
    customers = Customers(
        np.array(when, dtype=np.int32), np.full(len(names), np.nan), np.zeros(len(names), dtype=np.int32)
    )
    return Panel(customers, orders, first=(date(2026, 1, 1) - EPOCH).days, cut=(CUT - EPOCH).days)


def same(found: CohortTable, expected: CohortTable) -> bool:
    """Whether two tables are of the same cohorts and, to a thousandth of the smallest digit kept of money, the same sums."""
    assert (found.first_month, found.left_out) == (expected.first_month, expected.left_out)
    assert found.joined.tolist() == expected.joined.tolist()
    assert found.customers.tolist() == expected.customers.tolist()
    return bool(
        np.allclose(found.sums, expected.sums, rtol=1e-9, atol=1e-3)
        and np.allclose(found.products, expected.products, rtol=1e-6, atol=1e-3)
    )


@pytest.mark.parametrize("margin", [False, True])
@pytest.mark.parametrize("known_months", [0, 2])
def test_the_database_sums_what_memory_does(known_months: int, *, margin: bool) -> None:
    owner, club = shop(margin_rate=Decimal("0.25"))
    facts = random_orders()
    record_orders(owner, facts, now=AT)
    back = {fact.number: fact.lines[0].net_amount for fact in facts[1:20:4]}
    record_returns(owner, [
        ReturnFact(f"r{number}", number, datetime(2026, 9, 29, tzinfo=UTC), (ReturnLineFact(Decimal(1), 1),))
        for number in back
    ], now=AT)  # fmt: skip
    days = {
        "c1": "2026-04-01T00:10",
        "c2": "2026-04-30T23:50",
        "c3": "2026-01-15T12:00",
        "c4": "2026-08-02",
        "c5": "2026-10-05",
    }
    joins(owner, club, *days.items())
    joined = {name: date.fromisoformat(day[:10]) for name, day in days.items()}

    found = cohort_table(owner, Wanted(club, CUT, AT, margin=margin, known_months=known_months))

    expected = from_panel(panel_of(facts, back, joined, 0.25), margin=margin, known_months=known_months)
    assert same(found, expected)
    assert found.left_out == 1


def test_another_retailers_orders_and_members_do_not_count() -> None:
    owner, club = shop()
    record_orders(owner, random_orders(30), now=AT)
    alone = cohort_table(owner, Wanted(club, CUT, AT, known_months=0))
    other, their_club = shop()
    record_orders(other, random_orders(60), now=AT)
    joins(other, their_club, ("c1", "2026-05-05"))

    again = cohort_table(owner, Wanted(club, CUT, AT, known_months=0))

    assert same(again, alone)


def test_a_merged_customers_orders_and_joining_are_those_of_who_it_is() -> None:
    owner, club = shop()
    at = datetime(2026, 1, 5, tzinfo=UTC)
    record_orders(owner, [make.order("ada", "20", at=at), make.order("a.l.", "5", at=at + timedelta(days=90))], now=AT)
    joins(owner, club, ("a.l.", "2026-05-05"))
    merge(owner, "a.l.", "ada", reference="m1", now=AT)

    table = cohort_table(owner, Wanted(club, CUT, AT, known_months=0))

    assert (table.joined.tolist(), table.customers.tolist()) == ([3], [1])
    assert table.sums.tolist() == [[0, 0, 5, 0, 0, 0, 0, 0]]


def test_what_was_recorded_later_is_not_known() -> None:
    owner, club = shop()
    early = [make.order("ada", "20", at=datetime(2026, 1, 1, 12, tzinfo=ZONE))]
    record_orders(owner, early, now=datetime(2026, 9, 30, tzinfo=UTC))
    record_orders(owner, random_orders(30), now=AT)

    table = cohort_table(owner, Wanted(club, CUT, datetime(2026, 10, 1, tzinfo=UTC), known_months=0))

    assert table.customers.tolist() == [1]
    assert float(table.sums.sum()) == 20.0


def test_who_left_and_came_back_joined_when_it_first_did() -> None:
    owner, club = shop()
    record_orders(owner, [make.order("ada", "20", at=datetime(2026, 1, 1, 12, tzinfo=ZONE))], now=AT)
    joins(owner, club, ("ada", "2026-03-03"))
    member = Membership.objects.get(program=club)
    member.periods.create(
        retailer=owner, enrolled_at=datetime(2026, 2, 2, tzinfo=UTC), left_at=datetime(2026, 2, 20, tzinfo=UTC)
    )

    assert cohort_table(owner, Wanted(club, CUT, AT, known_months=0)).joined.tolist() == [1]


def test_a_retailer_without_a_whole_month_has_no_table() -> None:
    owner, club = shop()

    with pytest.raises(NoWholeMonth):
        cohort_table(owner, Wanted(club, CUT, AT))
    record_orders(owner, random_orders(10), now=AT)
    with pytest.raises(NoWholeMonth):
        cohort_table(owner, Wanted(club, date(2026, 6, 30), AT, known_months=6))


@pytest.mark.parametrize("rate", [None, Decimal("0.25")])
@pytest.mark.parametrize("margin", [False, True])
def test_the_database_sums_what_a_run_reads(rate: Decimal | None, *, margin: bool) -> None:
    owner, club = shop(margin_rate=rate)
    record_orders(owner, random_orders(), now=AT)
    joins(owner, club, ("c1", "2026-04-01T00:10"), ("c2", "2026-04-30T23:50"), ("c3", "2026-08-02"))
    panel = read(Source(owner, club, CUT, AT, []))
    assert panel is not None

    found = cohort_table(owner, Wanted(club, CUT, AT, margin=margin, known_months=2))

    assert same(found, from_panel(panel.panel, margin=margin, known_months=2))
