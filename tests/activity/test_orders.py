from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.facts import InteractionFact
from loyalty.activity.account.leaving import leave
from loyalty.activity.intake import Answer, take_interactions, take_orders
from loyalty.activity.models import OrderDecision
from loyalty.configuration.drafts import open_draft, publish
from loyalty.outbox.models import Event
from loyalty.points.models import Entry, Lot, QualifyingDay
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import TierChange
from tests import make
from tests.make import NOON, Rule

pytestmark = pytest.mark.django_db

TIERS = (("bronze", "0", "1"), ("silver", "100", "1.5"), ("gold", "300", "2"))


def test_an_order_earns_points_with_their_reason() -> None:
    ada = make.member(make.program(rules=[Rule(), Rule(points="2", code="fresh", categories=["FRESH"])]))

    make.buys(ada, make.line("10.50", category="FRESH"), "4.00", name="A1")

    entry = Entry.objects.get()
    assert make.wallet_of(ada).available == 35
    assert (entry.kind, entry.available_change, entry.balance_after, entry.occurred_at) == ("earn", 35, 35, NOON)
    assert entry.explanation == {
        "order": "A1",
        "version": 1,
        "rules": [
            {"rule": "base", "points": 14, "basis": "14.50", "multiplier": "1", "dropped": "0.5"},
            {"rule": "fresh", "points": 21, "basis": "10.50", "multiplier": "1", "dropped": "0"},
        ],
    }
    assert list(Lot.objects.order_by("amount").values_list("rule__code", "amount")) == [("base", 14), ("fresh", 21)]


def test_a_tier_is_reached_at_once_and_multiplies_from_the_next_order_on() -> None:
    ada = make.member(make.program(tiers=TIERS))

    first = make.buys(ada, "100.00")
    second = make.buys(ada, "10.00", at=NOON + timedelta(hours=1))

    change = TierChange.objects.get()
    assert [order.decisions[0].order.points for order in (first, second) if order.decisions[0].order] == [100, 15]
    assert (str(change), change.qualifying, change.occurred_at) == ("Bronze → Silver", Decimal("100.00"), NOON)
    ada.standing.refresh_from_db()
    assert str(ada.standing.tier) == "Silver"


def test_one_order_may_climb_several_steps_with_one_change() -> None:
    ada = make.member(make.program(tiers=TIERS))

    make.buys(ada, "500.00")

    assert [str(change) for change in TierChange.objects.all()] == ["Bronze → Gold"]


def test_orders_of_one_batch_are_decided_in_the_order_of_time() -> None:
    ada = make.member(make.program(tiers=TIERS))
    late = make.order(ada, "10.00", at=NOON + timedelta(hours=1))
    early = make.order(ada, "100.00", at=NOON)

    answers = take_orders(ada.retailer, [late, early], now=NOON + timedelta(hours=2))

    assert [answer.decisions[0].order.points for answer in answers if answer.decisions[0].order] == [15, 100]


def test_the_same_order_again_earns_nothing_more() -> None:
    ada = make.member(make.program())
    fact = make.order(ada, "10.00")

    for _ in range(2):
        take_orders(ada.retailer, [fact], now=NOON)

    assert (make.wallet_of(ada).available, Entry.objects.count(), OrderDecision.objects.count()) == (10, 1, 1)


def test_who_is_no_member_earns_nothing_and_the_order_is_kept() -> None:
    club = make.program()

    (answer,) = take_orders(club.retailer, [make.order("stranger", "10.00")], now=NOON)

    assert (answer.outcome.status, answer.decisions) == ("created", ())
    assert Entry.objects.count() == 0


def test_an_order_before_the_enrolment_earns_nothing() -> None:
    ada = make.member(make.program(), since=NOON)

    answer = make.buys(ada, "10.00", at=NOON - timedelta(seconds=1))

    assert make.wallet_of(ada).available == 0
    assert answer.decisions[0].reason == "not_a_member_then"


def test_what_is_told_after_its_member_left_gives_nothing_and_says_why() -> None:
    club = make.program(rules=[Rule(), Rule(code="review", kind="per_interaction", interaction="review", points="25")])
    ada = make.member(club, "ada")
    leave(ada, now=NOON + timedelta(days=1))
    now = NOON + timedelta(days=2)

    answers: list[Answer[Any]] = [
        *take_orders(club.retailer, [make.order("ada", "10.00"), make.order("ada", "10.00", at=now)], now=now),
        *take_interactions(club.retailer, [InteractionFact("I1", "ada", "review", NOON)], now=now),
        *take_interactions(club.retailer, [InteractionFact("I2", "ada", "review", now)], now=now),
    ]

    reasons = [[decision.reason for decision in answer.decisions] for answer in answers]
    assert reasons == [["left_since"], ["not_a_member_then"], ["left_since"], ["not_a_member_then"]]
    assert (make.wallet_of(ada).available, Entry.objects.count()) == (0, 0)


def test_an_order_that_matches_no_rule_says_so_and_still_counts_towards_tiers() -> None:
    ada = make.member(make.program(rules=[Rule(categories=["FRESH"])], tiers=TIERS))

    answer = make.buys(ada, "100.00")

    assert (answer.decisions[0].reason, make.wallet_of(ada).available) == ("no_rule_gave_points", 0)
    assert [str(change) for change in TierChange.objects.all()] == ["Bronze → Silver"]


def test_the_first_order_gets_its_bonus_once() -> None:
    rules = [Rule(), Rule(points="50", code="welcome", kind="first_order", uses_multiplier=False)]
    ada = make.member(make.program(rules=rules))

    make.buys(ada, "10.00")
    make.buys(ada, "10.00", at=NOON + timedelta(days=1))

    assert make.wallet_of(ada).available == 70


def test_pending_points_cannot_be_spent_yet() -> None:
    ada = make.member(make.program(points={"pending_days": 14}))

    make.buys(ada, "10.00")

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.pending) == (0, 10)


def test_an_order_is_decided_under_the_version_of_its_own_time() -> None:
    club = make.program()
    ada = make.member(club)
    draft = open_draft(club)
    draft.earning_rules.update(points=Decimal(2))
    monday = NOON + timedelta(days=3)
    publish(draft, effective_from=monday, now=NOON)

    sunday = make.buys(ada, "10.00", at=monday - timedelta(seconds=1))
    reported_late = make.buys(ada, "10.00", at=monday - timedelta(hours=3))
    on_monday = make.buys(ada, "10.00", at=monday)

    decided = [order.decisions[0].order for order in (sunday, reported_late, on_monday)]
    assert [each.points for each in decided if each] == [10, 10, 20]
    assert ProgramVersion.objects.filter(program=club, status="published").count() == 2


def test_a_late_order_climbs_from_the_day_of_the_latest_assessment() -> None:
    ada = make.member(make.program(tiers=TIERS, scheme={"window": "calendar_year"}))
    make.buys(ada, "60.00")

    make.buys(ada, "60.00", at=NOON - timedelta(days=30))

    change = TierChange.objects.get()
    assert (change.qualifying, change.occurred_at) == (Decimal("120.00"), NOON)  # what is made good is dated now


def test_tiers_can_count_points_instead_of_money() -> None:
    ada = make.member(make.program(rules=[Rule(points="10")], tiers=TIERS, scheme={"basis": "points"}))

    make.buys(ada, "10.00")

    assert [str(change) for change in TierChange.objects.all()] == ["Bronze → Silver"]


def test_the_day_is_the_programs_own() -> None:
    ada = make.member(make.program(zone="Asia/Tokyo"))

    make.buys(ada, "10.00", at=NOON.replace(hour=20))

    assert QualifyingDay.objects.get().on_date == NOON.date() + timedelta(days=1)


def test_a_dry_run_answers_the_same_and_leaves_no_trace() -> None:
    ada = make.member(make.program())
    fact = make.order(ada, "10.00")
    events = Event.objects.count()

    (answer,) = take_orders(ada.retailer, [fact], now=NOON, dry_run=True)

    assert answer.decisions[0].order is not None
    assert answer.decisions[0].order.points == 10
    assert (Entry.objects.count(), make.wallet_of(ada).available, Event.objects.count()) == (0, 0, events)


def test_each_change_is_an_event_in_the_same_transaction() -> None:
    ada = make.member(make.program(tiers=TIERS))

    make.buys(ada, "100.00", name="A1")

    events = Event.objects.order_by("id").values_list("type", "payload__order")
    assert list(events) == [("membership.enrolled", None), ("points.earned", "A1"), ("tier.changed", None)]


def test_one_order_and_a_thousand_take_the_same_number_of_statements() -> None:
    club = make.program(tiers=TIERS)
    members = [make.member(club) for _ in range(50)]
    counts = []
    for size in (1, 1_000):
        facts = [
            make.order(members[-(place % 50)], "100.00", at=NOON + timedelta(seconds=place)) for place in range(size)
        ]
        with CaptureQueriesContext(connection) as queries:
            take_orders(club.retailer, facts, now=NOON)
        counts.append(len(queries))

    assert counts == [4, 4]
