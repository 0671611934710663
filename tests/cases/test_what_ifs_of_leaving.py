"""What-ifs of members who left, came back, or were merged: under the same rules they come to what was in fact."""

from decimal import Decimal
from typing import Any

import pytest

from customers.facts import LineFact
from customers.models import Retailer
from loyalty.activity.account.leaving import leave
from loyalty.activity.past import Past
from loyalty.activity.replaying import replay
from loyalty.activity.simulation import simulate
from loyalty.activity.versions import versions_of_program
from loyalty.engine.decision import Decision
from loyalty.planning.simulating import ask, run
from loyalty.points.state import POINTS, Posting
from loyalty.programs.models import ProgramVersion
from tests.cases.shop import STOP, Rule, Rung, Shop

pytestmark = pytest.mark.django_db

TIERS = (Rung("bronze", "0"), Rung("silver", "60", "2", gift=5))
FIRST = Rule(code="first", kind="first_order", points="100", uses_multiplier=False)


def shop_of(*names: str, **given: Any) -> Shop:
    shop = Shop(**({"rules": (Rule(), FIRST), "tiers": TIERS, "policy": {"pending_days": 0} | STOP} | given))
    for name in names:
        shop.member(name)
    return shop


def leaves(shop: Shop, who: str, at: str) -> None:
    leave(shop.membership(who), now=shop.at(at))
    shop.hears_nothing_until(at)


def pasts(shop: Shop) -> tuple[list[Past], int]:
    """Return all pasts, and how many points were issued in them."""
    issued = 0

    def observe(decision: Decision) -> None:
        nonlocal issued
        for effect in decision.effects:
            if isinstance(effect, Posting) and effect.kind == "earn":
                issued += sum(lot.amount for lot in effect.lots)

    versions = versions_of_program(shop.program.pk)
    return list(simulate(versions, until=shop.known.latest, observe=observe)), issued


def open_points(past: Past) -> int:
    return sum(lot.pending + lot.available + lot.held for lot in past.member.of(POINTS).main.lots)


def test_who_left_has_nothing_any_more() -> None:
    shop = shop_of("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-10 12:00")

    (past,), issued = pasts(shop)

    assert (open_points(past), issued) == (0, 185)
    assert past.tier_code_at(shop.at("2026-02-05 12:00")) == "silver"
    assert past.tier_code_at(shop.at("2026-02-20 12:00")) == ""


def test_who_came_back_lived_both_memberships_and_got_no_second_bonus() -> None:
    shop = shop_of("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-10 12:00")
    shop.order("o2", "a", "7", at="2026-02-15 12:00")  # it is no member then
    shop.member("a", since="2026-02-20 12:00")
    shop.order("o3", "a", "30", at="2026-02-25 12:00")
    shop.give_back("r1", "o1", at="2026-02-26 12:00")

    (past,), issued = pasts(shop)

    assert (open_points(past), issued, past.missed) == (30, 215, 0)
    assert shop.balance("a") == 30
    tiers = [past.tier_code_at(shop.at(f"2026-02-{day} 18:00")) for day in ("05", "15", "20", "25")]
    assert tiers == ["silver", "", "bronze", "bronze"]


def test_who_left_twice_left_twice() -> None:
    shop = shop_of("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-10 12:00")
    shop.member("a", since="2026-02-20 12:00")
    shop.order("o3", "a", "30", at="2026-02-25 12:00")
    leaves(shop, "a", "2026-03-01 12:00")
    shop.member("a", since="2026-03-10 12:00")
    shop.order("o4", "a", "9", at="2026-03-11 12:00")

    (past,), issued = pasts(shop)

    assert (open_points(past), issued) == (9, 185 + 30 + 9)
    assert replay(shop.program, now=shop.known.latest).deviations == []


def test_two_who_were_merged_live_once() -> None:
    shop = shop_of("a", "b", rules=(Rule(),), tiers=(Rung("bronze", "0", gift=0), Rung("silver", "500")))
    shop.order("o1", "b", "40", at="2026-02-01 12:00")
    shop.redeem("b", 10, "x", at="2026-02-02 12:00")
    shop.order("o2", "a", "7", at="2026-02-03 12:00")
    shop.merge("b", "a", at="2026-03-01 12:00")

    (past,), issued = pasts(shop)

    assert (past.joined.membership_id, open_points(past), issued) == (shop.membership("a").pk, 37, 47)


def test_a_what_if_compares_who_left_came_back_or_was_merged_with_what_was() -> None:
    shop = shop_of("a", "b", "c", rules=(Rule(),), tiers=(Rung("bronze", "0"), Rung("silver", "60")))
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-10 12:00")
    shop.order("o9", "a", "500", at="2026-02-20 12:00")  # it is no member then
    shop.member("a", since="2026-03-02 12:00")
    shop.order("o2", "a", "30", at="2026-03-03 12:00")
    shop.order("o3", "b", "10", at="2026-02-03 12:00", now="2026-03-03 12:00")
    shop.merge("b", "c", at="2026-03-05 12:00")
    shop.hears_nothing_until("2026-04-02 12:00")

    asked = ask(
        shop.draft(), since=shop.at("2026-01-01").date(), until=shop.at("2026-03-31").date(), author="a",
        now=shop.known.latest,
    )  # fmt: skip
    result: Any = run(asked, now=shop.known.latest).result

    sides = [
        {name: result[side][name] for name in ("issued", "returned", "outstanding")} for side in ("draft", "actual")
    ]
    assert sides[0] == sides[1] == {"issued": [0, 90, 30], "returned": [0, 0, 0], "outstanding": 40}
    for side in ("draft", "actual"):
        assert result[side]["tiers"] == {"bronze": [2, 1, 2], "": [0, 1, 0]}
    assert (result["members"], result["movers"], result["revenue"]) == (2, 0, "120.00")


def test_what_came_back_brought_no_margin_that_a_draft_would_have_to_earn() -> None:
    shop = shop_of("a", rules=(Rule(),))
    Retailer.objects.filter(pk=shop.retailer.pk).update(margin_rate="0.30")
    known = LineFact("TEA", Decimal(4), Decimal(40), Decimal(10), unit_cost=Decimal(6))
    shop.order("o1", "a", known, "100", at="2026-02-01 12:00")
    shop.order("o2", "a", "50", at="2026-02-02 12:00")
    shop.give_back("r1", "o1", at="2026-02-10 12:00", lines=[(1, "3"), (2, "0.5")])
    shop.give_back("r2", "o2", at="2026-04-10 12:00")  # after the time that is looked at
    shop.hears_nothing_until("2026-04-12 12:00")

    asked = ask(
        shop.draft(), since=shop.at("2026-01-01").date(), until=shop.at("2026-03-31").date(), author="a",
        now=shop.known.latest,
    )  # fmt: skip
    result: Any = run(asked, now=shop.known.latest).result

    # kept: 10 that cost 6, and by the rate 50 of the second line and 50 of the other order
    assert (result["revenue"], result["margin"]) == ("110.00", "34.00")


def what_if(shop: Shop, draft: ProgramVersion, *, until: str = "2026-03-31") -> Any:
    """Return what the first quarter, or less of it, comes to under a draft."""
    since, last = shop.at("2026-01-01").date(), shop.at(until).date()
    return run(ask(draft, since=since, until=last, author="a", now=shop.known.latest), now=shop.known.latest).result


def test_what_was_redeemed_before_a_merge_was_redeemed_once_and_missed_as_before() -> None:
    shop = shop_of("a", "b", rules=(Rule(),), tiers=(Rung("bronze", "0"),))
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("b", 60, "x", at="2026-02-02 12:00")
    shop.merge("b", "a", at="2026-03-05 12:00")
    shop.hears_nothing_until("2026-04-02 12:00")

    result = what_if(shop, shop.draft(rules=(Rule(points="0.5"),)))

    assert (result["actual"]["redeemed"], result["actual"]["outstanding"]) == ([0, 60, 0], 20)
    assert (result["draft"]["redeemed"], result["draft"]["outstanding"], result["missed"]) == ([0, 40, 0], 0, 20)


def test_what_had_ended_of_who_left_before_it_was_merged_has_ended() -> None:
    policy = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1} | STOP
    shop = shop_of("a", "b", rules=(Rule(),), tiers=(Rung("bronze", "0"),), policy=policy)
    shop.order("o1", "b", "80", at="2026-01-05 12:00")
    shop.redeem("b", 60, "x", at="2026-01-06 12:00")
    shop.nights("2026-03-09")
    leaves(shop, "b", "2026-03-10 12:00")
    shop.merge("b", "a", at="2026-03-15 12:00")
    shop.nights("2026-04-02")

    under_the_same, by_half = what_if(shop, shop.draft()), what_if(shop, shop.draft(rules=(Rule(points="0.5"),)))

    assert under_the_same["draft"]["expired"] == under_the_same["actual"]["expired"] == [0, 20, 0]
    assert (by_half["draft"]["expired"], by_half["missed"]) == ([0, 0, 0], 20)


def test_who_is_merged_after_the_time_that_is_looked_at_was_two_in_it() -> None:
    shop = shop_of("a", "b", tiers=(Rung("bronze", "0"), Rung("silver", "60", gift=5)))
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("b", 60, "x", at="2026-02-02 12:00")
    shop.order("o2", "a", "40", at="2026-02-03 12:00")
    shop.merge("b", "a", at="2026-03-01 12:00")
    shop.order("o3", "b", "7", at="2026-02-20 12:00", now="2026-03-02 12:00")  # told to who is one by then
    shop.nights("2026-04-02")

    result = what_if(shop, shop.draft(), until="2026-02-28")

    given = [0, (80 + 100 + 5) + (40 + 100) + 7]  # each its first order, and the gift for silver
    for side in ("draft", "actual"):
        assert (result[side]["issued"], result[side]["redeemed"]) == (given, [0, 60])
        assert result[side]["outstanding"] == sum(given) - 60
        assert result[side]["tiers"] == {"bronze": [1, 1]}
    assert (result["members"], result["movers"], result["missed"]) == (1, 0, 0)
    less = what_if(shop, shop.draft(rules=(Rule(points="0.1"),)), until="2026-02-28")
    assert (less["missed"], less["draft"]["outstanding"]) == (60 - (8 + 5), 4)


def test_who_joined_only_after_the_time_that_is_looked_at_lives_with_who_is_merged_into_it() -> None:
    shop = shop_of("b", rules=(Rule(),))
    shop.order("o1", "b", "40", at="2026-02-01 12:00")
    shop.member("a", since="2026-03-05 12:00", now="2026-03-05 12:00")
    shop.merge("b", "a", at="2026-03-10 12:00")
    shop.nights("2026-04-02")

    result = what_if(shop, shop.draft(), until="2026-02-28")

    for side in ("draft", "actual"):
        assert (result[side]["issued"], result[side]["outstanding"]) == ([0, 40], 40)
