"""What a version would change: told from members as they are, and from a past lived again, checked by plain SQL."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers.core import bulk
from customers.core.errors import DomainError
from customers.models import OrderLine
from loyalty.activity.nightly import run_nights
from loyalty.activity.versions import read_version
from loyalty.configuration.drafts import open_draft, publish
from loyalty.planning.models import Simulation
from loyalty.planning.movers import movers
from loyalty.planning.plan import plan, said
from loyalty.planning.simulating import ABANDONED, AlreadyOver, NoPast, ask, cancel, run_next
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy
from tests import make
from tests.activity.test_replay import END, POINTS, SCHEMES, lived
from tests.make import NOON, Rule, on

pytestmark = pytest.mark.django_db
STEPS = (("bronze", "0", "1"), ("gold", "1000", "1"))


def stands(*amounts: int, **scheme: Any) -> tuple[Program, dict[str, int]]:
    """Return a program whose members have spent some amounts, by their numbers."""
    club = make.program(tiers=STEPS, points={"point_value": Decimal("0.01")}, scheme={"window": "lifetime"} | scheme)
    spent = {}
    for amount in amounts:
        who = make.member(club)
        make.buys(who, f"{amount}.00", at=on("2026-08-01T12:00"))
        spent[who.number] = amount
    return club, spent


def test_a_lower_threshold_lists_those_who_would_go_up() -> None:
    club, spent = stands(700, 799, 800, 950, 999, 1000)
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="gold").update(threshold=800)

    found = plan(draft, effective_from=on("2026-10-01"), now=on("2026-09-01"))

    assert sorted(spent[each.number] for each in found.movers.up) == [800, 950, 999]
    assert {spent[each.number]: each.counts for each in found.movers.up}[950] == 950
    assert (found.movers.down, found.movers.members, found.movers.pairs()) == (
        (), {"bronze": 2, "gold": 4}, [("bronze", "gold", 3)],
    )  # fmt: skip
    assert [change.said() for change in found.changes] == [
        {"path": "tiers/gold/threshold", "before": "1000", "after": "800"}
    ]


@pytest.mark.parametrize(
    ("downgrade", "down", "at_risk"),
    [("at_once", [1000, 1100], []), ("never", [], [1000, 1100]), ("grace", [], [1000, 1100])],
)
def test_a_higher_threshold_lists_those_who_fall_or_who_would_not_keep_their_tier(
    downgrade: str, down: list[int], at_risk: list[int]
) -> None:
    club, spent = stands(900, 1000, 1100, 1200)
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="gold").update(threshold=1200)
    TierPolicy.objects.filter(version=draft).update(downgrade=downgrade, grace_days=5)

    found = movers(club, read_version(draft.pk), on=date(2026, 10, 1))

    assert (sorted(spent[each.number] for each in found.down), sorted(spent[each.number] for each in found.at_risk)) == (
        down, at_risk,
    )  # fmt: skip
    assert found.members == ({"bronze": 3, "gold": 1} if down else {"bronze": 1, "gold": 3})


def test_who_the_preview_names_are_those_who_move_when_it_comes_into_force() -> None:
    club = lived({"window": "rolling", "window_months": 2}, {"expiry": "never"})
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="silver").update(threshold=40)
    Tier.objects.filter(version=draft, code="gold").update(threshold=400)
    day = date(2027, 1, 1)
    named = {
        each.membership_id
        for found in [movers(club, read_version(draft.pk), on=day)]
        for each in (*found.up, *found.down)
    }

    publish(draft, effective_from=on("2027-01-01"), now=END)
    run_nights(club, until=day, now=END)

    sql = "SELECT membership_id FROM tiers_tierchange WHERE occurred_at = %s AND cause = 'version:2'"
    assert {key for (key,) in bulk.fetch(sql, [on("2027-01-01")])} == named


def test_points_and_liability_are_estimated_from_recent_orders() -> None:
    club, _spent = stands(100, 300)
    draft = open_draft(club)
    EarningRule.objects.filter(version=draft).update(points=2)
    PointsPolicy.objects.filter(version=draft).update(point_value=Decimal("0.02"))

    found = plan(draft, effective_from=on("2026-09-02"), now=on("2026-09-01")).estimate

    assert (found.orders, found.sampled, found.points_now, found.points_then) == (2, 2, 400, 800)
    assert [found.liability_now, found.liability_then, found.cost_now, found.cost_then] == [
        Decimal(n) for n in (4, 8, 4, 16)
    ]


def test_a_rule_that_costs_more_than_the_margin_is_pointed_out() -> None:
    draft = make.version(
        rules=[Rule(), Rule(code="generous", points="60", condition={"field": "category", "in": ["FRESH"]})],
        points={"point_value": Decimal("0.01")},
    )
    ada = make.member(publish(draft, effective_from=make.START, now=make.START).program)
    make.buys(ada, make.line("10.00", category="FRESH"), make.line("10.00"))
    OrderLine.objects.update(unit_cost=Decimal(5))

    found = plan(open_draft(ada.program), effective_from=on("2026-07-01"), now=on("2026-06-20"))

    # 10.00 at 60 points of 0.01 is 6.00; 5.00 were left over.
    (finding,) = found.findings
    assert (finding.is_error, finding.code, finding.place) == (
        False,
        "costs_more_than_margin",
        "earning_rules/generous",
    )
    assert "6.00" in finding.message
    assert "5.00" in finding.message


def test_a_plan_names_members_to_those_who_may_see_them_alone() -> None:
    club, _ = stands(900)
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="gold").update(threshold=800)
    found = plan(draft, effective_from=on("2026-10-01"), now=on("2026-09-01"))
    (mover,) = found.movers.up

    assert [row["name"] for row in said(found)["up"]["first"]] == [""]
    assert [row["name"] for row in said(found, names={mover.membership_id: "Ada"})["up"]["first"]] == ["Ada"]


def simulated(draft: ProgramVersion, since: date, until: date) -> Any:
    asked = ask(draft, since=since, until=until, author="ada", now=END)
    assert run_next(now=END)
    asked.refresh_from_db()
    return asked


@pytest.mark.parametrize("points", POINTS, ids=lambda policy: policy["expiry"])
@pytest.mark.parametrize("scheme", [SCHEMES[0], SCHEMES[2]], ids=lambda scheme: scheme["window"])
def test_under_a_copy_of_the_rules_a_what_if_says_what_was(scheme: dict[str, Any], points: dict[str, Any]) -> None:
    club = lived(scheme, points)

    done = simulated(open_draft(club), date(2026, 1, 1), date(2026, 12, 30))

    result = done.result
    assert (done.status, done.members_done, done.orders_done) == ("done", 4, 36)
    for kind in ("issued", "returned", "redeemed", "expired", "net", "outstanding", "tiers", "cost", "liability"):
        assert result["draft"][kind] == result["actual"][kind], kind
    assert (result["movers"], result["missed"], result["extra_cost"]) == (0, 0, "0.00")


def test_halving_a_threshold_and_doubling_a_rate_comes_to_what_sql_says() -> None:
    club = lived({"window": "calendar_year", "downgrade": "never"}, {"expiry": "never", "point_value": Decimal("0.01")})
    draft = open_draft(club)
    Tier.objects.filter(version=draft).update(multiplier=1)
    Tier.objects.filter(version=draft, code="gold").update(threshold=125)
    EarningRule.objects.filter(version=draft, code="base").update(points=2)
    since, until = date(2026, 1, 1), date(2026, 12, 30)

    result = simulated(draft, since, until).result

    # Of each order: two points for each unit of money that is left of it, rounded down; and the reviews.
    points = """
        SELECT sum(floor(2 * kept))::int FROM (
            SELECT o.id, sum(l.net_amount) - coalesce((SELECT sum(r.net_amount) FROM customers_return r
                WHERE r.order_id = o.id), 0) AS kept
            FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id GROUP BY o.id) x
    """
    reviews = "SELECT 7 * count(*) FROM customers_interaction"
    ((kept,),), ((gifts,),) = bulk.fetch(points, []), bulk.fetch(reviews, [])
    assert result["draft"]["net"] == kept + gifts
    assert Decimal(result["draft"]["cost"]) == Decimal(kept + gifts) / 100
    gold = """
        SELECT count(*) FROM (SELECT o.customer_id, sum(o.net_amount) - coalesce(sum(r.net_amount), 0) AS spent
            FROM customers_order o LEFT JOIN customers_return r ON r.order_id = o.id GROUP BY 1) x WHERE spent >= {least}
    """
    ((now_gold,),), ((then_gold,),) = (bulk.fetch(gold.format(least=least), []) for least in (250, 125))
    assert (result["actual"]["tiers"]["gold"][-1], result["draft"]["tiers"]["gold"][-1]) == (now_gold, then_gold)
    assert sum(move["members"] for move in result["moves"]) == result["movers"]
    assert Decimal(result["extra_cost"]) == Decimal(result["draft"]["cost"]) - Decimal(result["actual"]["cost"])


def test_a_what_if_is_asked_for_cancelled_and_taken_up_again() -> None:
    club, _ = stands(100)
    draft = open_draft(club)
    asked = [
        ask(draft, since=date(2026, 8, 1), until=date(2026, 8, day), author="ada", now=END) for day in (29, 30, 31)
    ]
    cancel(asked[0], now=END)
    Simulation.objects.filter(pk=asked[1].pk).update(
        status="running", touched_at=END - ABANDONED - timedelta(seconds=1)
    )
    Simulation.objects.filter(pk=asked[2].pk).update(cancel_asked=True)

    while run_next(now=END):
        pass

    assert list(Simulation.objects.order_by("pk").values_list("status", flat=True)) == [
        "cancelled",
        "done",
        "cancelled",
    ]
    with pytest.raises(AlreadyOver):
        cancel(asked[1], now=END)


def test_the_same_what_if_while_one_waits_is_that_one_and_another_is_not() -> None:
    club, _ = stands(100)
    draft = open_draft(club)
    since, until = date(2026, 8, 1), date(2026, 8, 31)
    first = ask(draft, since=since, until=until, author="ada", now=END)

    again = ask(draft, since=since, until=until, author="bob", now=END + timedelta(minutes=1))
    other = ask(draft, since=since, until=date(2026, 8, 30), author="ada", now=END)
    cancel(first, now=END)
    anew = ask(draft, since=since, until=until, author="ada", now=END)

    assert (again, again.author) == (first, "ada")
    assert list(Simulation.objects.order_by("pk")) == [first, other, anew]


BACKWARDS, AHEAD, BEFORE = (2026, 8, 2), (2027, 8, 1), (2020, 1, 1)


@pytest.mark.parametrize(("since", "until"), [(BACKWARDS, (2026, 8, 1)), ((2026, 8, 1), AHEAD), (BEFORE, (2020, 2, 1))])
def test_only_a_past_that_the_program_knows_can_be_lived_again(since: Any, until: Any) -> None:
    club, _ = stands(100)

    with pytest.raises(NoPast):
        ask(open_draft(club), since=date(*since), until=date(*until), author="ada", now=NOON + timedelta(days=120))


def test_a_draft_with_errors_is_not_simulated() -> None:
    club, _ = stands(100)
    draft = open_draft(club)
    EarningRule.objects.filter(version=draft).delete()

    with pytest.raises(DomainError):
        ask(draft, since=date(2026, 8, 1), until=date(2026, 8, 2), author="ada", now=END)
