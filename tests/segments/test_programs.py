"""Programs use what analytics says of members: conditions, rewards, challenges, surprises."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.facts import CorrectionFact, InteractionFact
from customers.models import Insight
from loyalty.activity.correcting import take_correction
from loyalty.activity.intake import take_interactions
from loyalty.activity.models import OrderDecision
from loyalty.activity.replaying import replay
from loyalty.activity.versions import versions_of
from loyalty.configuration.wording import rule_in_words
from loyalty.engine.profile import SEGMENTS, Profile
from loyalty.memberships.models import Membership
from loyalty.memberships.profiles import profiles_of
from loyalty.planning.costs import estimate
from loyalty.points.conditions import parse
from loyalty.points.matching import matches
from loyalty.points.models import EarningRule
from loyalty.programs.models import Program
from tests import make
from tests.badges import game
from tests.make import NOON
from tests.segments.profiles import agree, known_as

pytestmark = pytest.mark.django_db
VIPS = {"field": "segment", "in": ["vip", "vip_at_risk"]}


def club(condition: Any = VIPS, **given: Any) -> Program:
    return make.program(rules=[make.Rule(), make.Rule(code="extra", points="2", condition=condition)], **given)


@pytest.mark.parametrize(
    ("said", "segments"),
    [
        ({}, set()),
        ({"value_decile": 9}, {"top_value"}),
        ({"value_decile": 4, "probability_active": 0.7}, {"low_value", "active"}),
        ({"value_decile": 5, "probability_active": 0.29}, {"middle_value", "at_risk"}),
        ({"probability_active": 0.29, "at_risk": False}, set()),
        ({"probability_active": 0.9, "at_risk": True}, {"active", "at_risk"}),
        ({"segment": "vip", "tags": ["gift_buyer", "brand_lover"]}, {"vip", "gift_buyer", "brand_lover"}),
        ({"life_stage": "new"}, {"new"}),
    ],
)  # fmt: skip
def test_a_profile_is_the_segments_that_programs_name(said: dict[str, Any], segments: set[str]) -> None:
    assert Profile(**said).segments == segments
    assert segments <= set(SEGMENTS)


@pytest.mark.parametrize(
    ("condition", "kind", "points"),
    [
        (VIPS, {"segment": "vip"}, 30),
        (VIPS, {"segment": "potential_loyal"}, 10),
        ({"field": "segment", "in": ["gift_buyer"]}, {"tags": ["brand_lover", "gift_buyer"]}, 30),
        ({"field": "segment", "in": ["at_risk"]}, {"at_risk": True}, 30),
        ({"field": "segment", "in": ["new"]}, {"life_stage": "new"}, 30),
        ({"field": "value_decile", "from": 9}, {"value_decile": 9}, 30),
        ({"field": "value_decile", "from": 9}, {"value_decile": 8}, 10),
        ({"field": "value_decile", "to": 3}, {}, 10),
        ({"not": {"field": "value_decile", "to": 3}}, {}, 30),
    ],
)
def test_an_order_earns_by_what_is_known_of_its_member(condition: Any, kind: dict[str, Any], points: int) -> None:
    ada = make.member(club(condition))
    known_as(ada, **kind)

    make.buys(ada, "10.00")

    assert make.wallet_of(ada).available == points
    parameters: dict[str, Any] = {
        "program_id": ada.program_id,
        "zone": "UTC",
        "since": NOON.date(),
        "until": NOON.date(),
    }
    assert matches(parse(condition), **parameters).orders == (1 if points == 30 else 0)


def test_who_did_not_agree_or_took_it_back_is_of_no_segment() -> None:
    program = club()
    ada, bob, cat = (make.member(program, name) for name in ("ada", "bob", "cat"))
    for who in (ada, bob, cat):
        known_as(who, agreed=who != ada, segment="vip")
    agree(bob, agreed=False)

    for who in (ada, bob, cat):
        make.buys(who, "10.00")

    assert [make.wallet_of(who).available for who in (ada, bob, cat)] == [10, 10, 30]
    assert set(profiles_of([ada.pk, bob.pk, cat.pk])) == {cat.pk}


def test_what_was_known_is_stored_and_decides_the_return_and_the_replay() -> None:
    ada = make.member(club())
    known_as(ada, segment="vip", value_decile=10)
    bought = make.buys(ada, make.line("10.00", quantity="2"), "5.00")
    assert OrderDecision.objects.get().occasion["segments"] == ["top_value", "vip"]
    assert OrderDecision.objects.get().occasion["value_decile"] == 10
    known_as(ada, segment="loyal_low_value", value_decile=2)

    make.returns(ada, bought, (1, "1"))

    assert make.wallet_of(ada).available == 30  # of ten that are kept, times three, as it was decided
    make.buys(ada, "7.00")
    assert make.wallet_of(ada).available == 37
    assert replay(ada.program, now=NOON + timedelta(days=2)).deviations == []


def test_a_correction_that_moves_an_order_looks_again_and_another_one_does_not() -> None:
    ada = make.member(club())
    known_as(ada, segment="vip")
    make.buys(ada, "10.00", name="o1")
    known_as(ada, segment="loyal_low_value")

    take_correction(ada.retailer, CorrectionFact(make.order(ada, "20.00", name="o1"), 1), now=NOON)
    assert make.wallet_of(ada).available == 60
    moved = make.order(ada, "20.00", name="o1", at=NOON - timedelta(days=1))
    take_correction(ada.retailer, CorrectionFact(moved, 2), now=NOON)

    assert make.wallet_of(ada).available == 20


def test_an_interaction_may_ask_for_a_segment() -> None:
    rules = [make.Rule(code="visit", points="5", kind="per_interaction", interaction="visit", condition=VIPS)]
    program = make.program(rules=rules)
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    known_as(ada, segment="vip")

    take_interactions(
        program.retailer, [InteractionFact(f"i-{who}", who, "visit", NOON) for who in ("ada", "bob")], now=NOON
    )

    assert [make.wallet_of(who).available for who in (ada, bob)] == [5, 0]


def statements(who: Membership) -> int:
    make.buys(who, "1.00")
    with CaptureQueriesContext(connection) as seen:
        make.buys(who, "1.00")
    return len(seen.captured_queries)


def test_a_program_that_asks_needs_no_statement_more_than_one_that_does_not() -> None:
    asking, plain = make.member(club()), make.member(club({"field": "channel", "in": ["web"]}))
    known_as(asking, segment="vip")

    assert statements(asking) == statements(plain)
    assert "profile" in versions_of([asking.program_id])[asking.program_id].uses
    assert "profile" not in versions_of([plain.program_id])[plain.program_id].uses


def test_a_challenge_may_count_only_what_vips_buy() -> None:
    program = game.program({"metric": "count", "target": 1, "condition": VIPS, "points": 50, "window": "membership"})
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    known_as(ada, segment="vip")

    for who in (ada, bob):
        make.buys(who, "10.00")

    assert [make.wallet_of(who).available for who in (ada, bob)] == [60, 10]


def test_what_a_draft_would_give_knows_segments() -> None:
    ada = make.member(club())
    known_as(ada, segment="vip")
    make.buys(ada, "10.00")
    version = versions_of([ada.program_id])[ada.program_id].versions[0]

    found = estimate(ada.program, version, version, until=NOON + timedelta(days=1))

    assert (found.points_now, found.points_then) == (30, 30)


def test_a_rule_says_its_segments_in_words() -> None:
    program = club({"all": [VIPS, {"field": "value_decile", "from": 9}]})
    rule = EarningRule.objects.get(version__program=program, code="extra")

    assert rule_in_words(rule, "EUR") == (
        "2 points per EUR spent, for the segments: VIP, VIP at risk and for the deciles of value from 9, "
        "times the tier’s multiplier."
    )


def test_insights_of_no_run_change_nothing() -> None:
    ada = make.member(club())
    make.buys(ada, "10.00")

    assert Insight.objects.count() == 0
    assert make.wallet_of(ada).available == 10
    assert OrderDecision.objects.get().occasion == {"is_first": True}
    assert OrderDecision.objects.get().points == Decimal(10)
