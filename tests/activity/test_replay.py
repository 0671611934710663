"""A past lived again: under the rules that were in force it comes to what the ledger says, under others to other figures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from customers.facts import InteractionFact, OrderEventFact
from customers.recording import record_orders
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.activity.intake import take_interactions, take_order_events
from loyalty.activity.nightly import run_nights
from loyalty.activity.past import Past
from loyalty.activity.replaying import replay
from loyalty.activity.simulation import simulate, with_draft
from loyalty.activity.versions import read_version, versions_of_program
from loyalty.configuration.drafts import open_draft, publish
from loyalty.engine.activities import OrderPlaced
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule, Wallet
from loyalty.points.state import POINTS as POINT_STATE
from loyalty.programs.models import Program
from loyalty.tiers.models import Standing, Tier, TierChange
from loyalty.tiers.state import TIERS as TIER_STATE
from tests import make
from tests.make import NOON, Rule, on

pytestmark = pytest.mark.django_db

TIERS = (("bronze", "0", "1"), ("silver", "100", "1.5"), ("gold", "250", "2"))
END = on("2026-12-31T00:00")
SCHEMES: list[dict[str, Any]] = [
    {"window": "rolling", "window_months": 1},
    {"window": "rolling", "window_months": 2, "downgrade": "grace", "grace_days": 10, "soft_landing": True},
    {"window": "calendar_year", "downgrade": "period_end"},
    {"window": "membership_year", "basis": "points"},
    {"window": "lifetime", "basis": "balance"},
]
POINTS: list[dict[str, Any]] = [
    {"pending_days": 3, "expiry": "days", "expiry_count": 40},
    {"expiry": "inactivity", "expiry_count": 1, "on_return": "allow_negative"},
    {"period_limit": 150, "pending_event": "delivered", "expiry": "end_of_month"},
]


def lived(scheme: dict[str, Any], points: dict[str, Any]) -> Program:
    """Return a program with half a year of its members' lives, night by night."""
    review = Rule(code="review", kind="per_interaction", interaction="review", points="7")
    club = make.program(rules=[Rule(), review], tiers=TIERS, scheme=scheme, points=points)
    members = [make.member(club, since=make.START + timedelta(days=n)) for n in range(4)]
    for step in range(36):
        who, at = members[step % 4], on("2026-02-01T09:00") + timedelta(days=5 * step, hours=step)
        run_nights(club, until=at.date(), now=at)
        bought = make.buys(
            who, f"{17 + 7 * (step % 9)}.50", make.line("30.00", quantity="3"), at=at, name=f"o{club.pk}-{step}"
        )
        _and_more(who, step, at, bought)
    run_nights(club, until=END.date(), now=END)
    return club


def _and_more(who: Any, step: int, at: datetime, bought: Any) -> None:
    shop, later = who.program.retailer, at + timedelta(hours=2)
    if step % 2:
        take_order_events(
            shop, [OrderEventFact(bought.outcome.fact.number, "delivered", at + timedelta(hours=1))], now=later
        )
    if step % 3 == 0:
        make.returns(who, bought, (2, "1"), at=later)
    if step % 5 == 0:
        fact = InteractionFact(make.number("i"), who.customer.external_id, "review", later)
        take_interactions(shop, [fact], now=later)
    there = make.spendable(who, later)
    if there > 40 and step % 4 == 1:
        redeem(who, 20, reference=f"r{step}", now=later)
        held, _ = hold(who, 10, reference=f"h{step}", now=later)
        confirm(held.pk, points=5, now=later + timedelta(minutes=1))
    if there > 40 and step % 7 == 0:
        reverse(who, redeem(who, 15, reference=f"v{step}", now=later).entry_id, now=later + timedelta(minutes=5))
    if step % 11 == 0:
        adjust(who, 9, reference=f"a{step}", reason="kindness", author="test", now=later)


def replayed(club: Program, timeline: Any = None) -> dict[Any, Past]:
    timeline = timeline or versions_of_program(club.pk)
    lives = simulate(timeline, until=END, observe=lambda _: None)
    return {life.joined.membership_id: life for life in lives}


@pytest.mark.parametrize("points", POINTS, ids=lambda policy: policy["expiry"])
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme["window"] + scheme.get("downgrade", ""))
def test_under_the_same_rules_a_past_comes_to_the_same(scheme: dict[str, Any], points: dict[str, Any]) -> None:
    club = lived(scheme, points)

    lives = replayed(club)

    for standing in Standing.objects.filter(program=club).select_related("tier"):
        life = lives[standing.membership_id].member
        stand, main = life.of(TIER_STATE), life.of(POINT_STATE).main
        changes = TierChange.objects.filter(membership=standing.membership_id).order_by("id")
        moves = [(entry.from_key, entry.to_key, entry.at) for entry in stand.changes]
        assert moves == [
            (change.from_tier and change.from_tier.key, change.to_tier and change.to_tier.key, change.occurred_at)
            for change in changes.select_related("from_tier", "to_tier")
        ]
        assert stand.key == (standing.tier.key if standing.tier else None)
        assert stand.protected_until == standing.protected_until
        wallet = Wallet.objects.get(membership=standing.membership_id)
        assert (main.balance, main.owed, sum(lot.pending for lot in main.lots)) == (
            wallet.available - wallet.owed, wallet.owed, wallet.pending,
        )  # fmt: skip
        assert sum(lot.available for lot in main.lots) == wallet.available


def test_a_draft_counts_from_its_instant_and_nothing_is_written() -> None:
    club = lived(SCHEMES[0], POINTS[0])
    draft = open_draft(club)
    EarningRule.objects.filter(version=draft, code="base").update(points=2)
    Tier.objects.filter(version=draft, code="gold").update(threshold=125)
    since = on("2026-05-01T00:00")
    tables = (
        "points_entry",
        "points_lot",
        "points_movement",
        "tiers_tierchange",
        "outbox_event",
        "activity_orderdecision",
    )

    def rows() -> list[Any]:
        with connection.cursor() as cursor:
            return [cursor.execute(f"SELECT count(*) FROM {table}") and cursor.fetchone() for table in tables]

    before = rows()
    timeline = versions_of_program(club.pk)
    earned: list[dict[datetime, int]] = []
    for each in (timeline, with_draft(timeline, read_version(draft.pk), since)):
        earned.append({})

        def observe(decision: Decision) -> None:
            if isinstance(decision.activity, OrderPlaced) and decision.order is not None:
                earned[-1][decision.at] = decision.order.points

        list(simulate(each, until=END, observe=observe))

    first, second = earned
    assert rows() == before
    assert {at: points for at, points in first.items() if at < since} == {
        at: points for at, points in second.items() if at < since
    }
    assert all(second[at] >= 2 * points for at, points in first.items() if at >= since)


def test_a_replay_ends_when_it_is_told_to() -> None:
    club = make.program()
    for _ in range(3):
        make.buys(make.member(club), "10.00")
    seen: list[tuple[int, int]] = []

    def stop(members: int, orders: int) -> bool:
        seen.append((members, orders))
        return False

    lives = list(simulate(versions_of_program(club.pk), until=END, observe=lambda _: None, on_chunk=stop))

    assert (len(lives), seen) == (3, [(3, 3)])


def test_a_replay_of_one_long_life_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loyalty.activity.simulation.TOLD_EVERY", 2)
    club = make.program(points={"budget": 100})
    ada = make.member(club)
    for hours in range(5):
        make.buys(ada, "10.00", at=NOON + timedelta(hours=hours))
    seen: list[int] = []

    def stop(_members: int, orders: int) -> bool:
        seen.append(orders)
        return orders < 4

    lives = list(simulate(versions_of_program(club.pk), until=END, observe=lambda _: None, on_chunk=stop))

    assert (lives, seen) == ([], [2, 4])


def test_a_budget_is_shared_by_all_lives_in_the_order_of_time() -> None:
    club = make.program(points={"budget": 100})
    ada, bob = make.member(club), make.member(club)
    make.buys(bob, "70.00", at=NOON)
    make.buys(ada, "50.00", at=NOON + timedelta(hours=1))
    draft = open_draft(club)
    publish(draft, effective_from=datetime(2027, 1, 1, tzinfo=UTC), now=NOON)

    lives = replayed(club)

    assert [lives[who.pk].member.of(POINT_STATE).main.balance for who in (ada, bob)] == [30, 70]


def test_the_replay_check_finds_a_past_that_leads_where_the_member_is() -> None:
    club = lived(SCHEMES[0], POINTS[0])

    done = replay(club, now=END)

    assert (done.members, done.skipped, done.deviations) == (4, 0, [])


def test_the_replay_check_names_who_is_elsewhere() -> None:
    club = lived(SCHEMES[0], {"expiry": "never"})
    first, second, third, _ = Membership.objects.order_by("enrolled_at")
    Standing.objects.filter(membership=first).update(tier=Tier.objects.get(version__program=club, code="gold"))
    forgotten = make.order(second, "100.00", at=END - timedelta(days=60))
    record_orders(club.retailer, [forgotten], now=END, are_decided=True)  # and nobody decides it
    Membership.objects.filter(pk=third.pk).update(next_due_at=END)

    done = replay(club, now=END)

    assert (done.members, done.skipped) == (3, 1)
    assert [(each.number, each.what) for each in done.deviations] == [
        (first.number, "the tier"),
        (second.number, "the balance of points"),
    ]
    assert int(done.deviations[1].replayed) - int(done.deviations[1].stored) == 100


def test_points_on_hold_that_will_settle_what_is_lacking_are_no_deviation() -> None:
    ada = make.member(make.program(points={"pending_days": 0, "on_return": "stop_at_zero"}))
    make.buys(ada, "50.00", at=NOON)
    held, _ = hold(ada, 43, reference="h1", now=NOON + timedelta(minutes=1))
    bought = make.buys(ada, "75.00", at=NOON + timedelta(minutes=2))
    redeem(ada, 47, reference="r1", now=NOON + timedelta(minutes=3))
    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(minutes=4))
    assert make.wallet_of(ada).shortfall == 40

    while_held = replay(ada.program, now=NOON + timedelta(minutes=5))
    release(held.pk, now=NOON + timedelta(minutes=6))
    after = replay(ada.program, now=NOON + timedelta(minutes=7))

    assert (while_held.deviations, after.deviations) == ([], [])
    assert make.spendable(ada, NOON + timedelta(minutes=7)) == 3


def test_points_that_a_till_spends_after_others_were_owed_for_a_return_are_no_deviation() -> None:
    """Of 30 a till holds 20; of 50 more, 45 are spent. The 50 are taken back: 15 are there, 35 owed. It spends 18 of its 20."""
    ada = make.member(make.program(points={"pending_days": 0, "on_return": "allow_negative"}))
    make.buys(ada, "30.00", at=NOON)
    held, _ = hold(ada, 20, reference="h1", now=NOON + timedelta(minutes=1))
    bought = make.buys(ada, "50.00", at=NOON + timedelta(minutes=2))
    redeem(ada, 45, reference="r1", now=NOON + timedelta(minutes=3))
    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(minutes=4))
    while_held = replay(ada.program, now=NOON + timedelta(minutes=5))

    confirm(held.pk, points=18, now=NOON + timedelta(minutes=6))
    after = replay(ada.program, now=NOON + timedelta(minutes=7))

    assert make.wallet_of(ada).owed == 33
    assert (while_held.deviations, after.deviations) == ([], [])


def test_points_on_hold_that_a_return_claims_are_no_deviation() -> None:
    club = make.program()
    ada = make.member(club)
    bought = make.buys(ada, "100.00", at=NOON)
    make.buys(ada, "50.00", at=NOON + timedelta(hours=1))
    hold(ada, 60, reference="h1", now=NOON + timedelta(hours=2))
    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(hours=3))

    again = replay(club, now=NOON + timedelta(hours=4))

    assert (again.members, again.deviations) == (1, [])
