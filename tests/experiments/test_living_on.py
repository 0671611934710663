"""What who is held out had lives on by what it does, as that of the others does, and by nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.core.ids import new_id
from customers.facts import CorrectionFact, InteractionFact
from loyalty.activity.account.merging import take_merge
from loyalty.activity.correcting import take_correction
from loyalty.activity.explaining import said_by, why
from loyalty.activity.intake import take_interactions
from loyalty.activity.nightly import run_nights
from loyalty.activity.pipeline import take_waiting
from loyalty.activity.replaying import replay
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import end, start
from loyalty.memberships.models import Membership
from loyalty.points import granting
from loyalty.points.models import EarningRule, Entry
from loyalty.points.proof import prove
from loyalty.points.state import GrantAsked
from loyalty.programs.models import Program
from loyalty.tiers.models import Tier
from tests import make
from tests.experiments.make_experiments import planned, running
from tests.experiments.test_arms import OFFER, one_in
from tests.make import START, spendable

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
IDLE = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 6}
BEGINS = START + 5 * DAY
VISIT = make.Rule(code="visit", kind="per_interaction", interaction="visit", points="7")


def club(count: int = 8, **given: Any) -> Program:
    """Return a program whose members each have 100 points, which end when they have been idle for half a year."""
    made = make.program(**({"points": IDLE} | given))
    for place in range(count):
        make.buys(make.member(made, f"c{place}"), "100.00", at=START + DAY)
    return made


def held_out(made: Program, *, at: datetime = BEGINS) -> tuple[Membership, Membership]:
    """Start a hold-out, and return one who is held out of benefits and one who is not."""
    experiment = running(made.retailer, made, form="no_benefits", at=at)
    return one_in(experiment, "out"), one_in(experiment, "in")


def lives(made: Program, *members: Membership, since: datetime = START + 30 * DAY, times: int = 9) -> None:
    """Let members buy something every thirty days, with all nights between."""
    for time in range(times):
        at = since + 30 * time * DAY
        for who in members:
            make.buys(who, "10.00", at=at)
        nights(made, at)


def nights(made: Program, until: datetime) -> None:
    run_nights(made, until=until.date(), now=until)


def agrees(made: Program, now: datetime) -> bool:
    """Tell whether the books add up, and pasts lived again come to what they say."""
    nights(made, now)
    return [*replay(made, now=now).deviations, *prove(made.retailer).differences] == []


LATER = START + 290 * DAY


def test_who_is_held_out_keeps_its_points_by_what_it_buys_as_the_others_do() -> None:
    made = club()
    out, inside = held_out(made)

    lives(made, out, inside)

    assert agrees(made, LATER)
    assert [spendable(who, LATER) for who in (out, inside)] == [100, 190]


def test_who_is_held_out_and_does_nothing_loses_them_as_the_others_do() -> None:
    made = club()
    out, inside = held_out(made)

    lives(made, out, inside, times=2)  # the last one on 2 March

    days = [make.on("2026-09-02T00:00"), make.on("2026-09-03T00:00")]
    assert [[spendable(who, day) for day in days] for who in (out, inside)] == [[100, 0], [120, 0]]
    assert agrees(made, LATER)


def test_what_keeps_points_stands_in_the_books_and_says_so_to_whom_it_concerns() -> None:
    made = club()
    out, _inside = held_out(made)
    bought = make.buys(out, "10.00", at=START + 30 * DAY)

    kept = Entry.objects.get(kind="keep")
    assert kept.order is not None

    assert (kept.order.number, kept.available_change, kept.pending_change, kept.occurred_at) == (
        bought.outcome.fact.number, 0, 0, START + 30 * DAY,
    )  # fmt: skip
    assert (kept.keeps_until, str(kept.label)) == (make.on("2026-08-01T00:00"), "kept what was there")
    assert said_by(kept, {}) == ["Points that would end without it live on"]
    told = why(out, kept.order)
    assert told is not None
    assert told.sentences == ["No points are given for it at present.", "Points that would end without it live on"]


def test_an_order_that_comes_back_keeps_points_as_one_that_earned() -> None:
    made = club()
    out, inside = held_out(made)
    for who in (out, inside):
        bought = make.buys(who, make.line("10.00", quantity="2"), at=START + 100 * DAY)
        make.returns(who, bought, (1, "1"), at=START + 101 * DAY)
        make.returns(who, bought, (1, "1"), at=START + 102 * DAY)

    assert [spendable(who, START + 280 * DAY) for who in (out, inside)] == [100, 100]
    assert [spendable(who, LATER) for who in (out, inside)] == [0, 0]
    assert agrees(made, LATER)


def test_a_corrected_order_keeps_points_from_the_instant_that_it_has_now() -> None:
    made = club()
    out, inside = held_out(made)
    for who in (out, inside):
        fact = make.buys(who, "10.00", at=START + 60 * DAY).outcome.fact
        take_correction(
            made.retailer, CorrectionFact(replace(fact, lines=(make.line("12.00"),)), 1), now=START + 61 * DAY
        )
        moved = replace(fact, occurred_at=START + 120 * DAY)
        take_correction(made.retailer, CorrectionFact(moved, 2), now=START + 121 * DAY)

    assert Entry.objects.filter(kind="keep").count() == 2  # of the order's instant, and of the one to which it moved
    assert [spendable(who, LATER) for who in (out, inside)] == [100, 110]
    assert [spendable(who, START + 310 * DAY) for who in (out, inside)] == [0, 0]
    nights(made, START + 310 * DAY)
    assert prove(made.retailer).differences == []


def test_an_order_that_is_told_late_gives_back_what_had_ended_without_it() -> None:
    made = club()
    out, inside = held_out(made)
    late = START + 200 * DAY
    nights(made, late)
    before = [spendable(who, late) for who in (out, inside)]
    for who in (out, inside):
        make.buys(who, "10.00", at=START + 100 * DAY, recorded=late)

    assert before == [0, 0]
    assert [spendable(who, late) for who in (out, inside)] == [100, 110]
    assert agrees(made, LATER)


def test_the_order_of_telling_does_not_matter() -> None:
    """Nothing was earned yet when the first one was told; what is told then was earned before the start."""
    made = make.program(points=IDLE)
    for place in range(8):
        make.member(made, f"c{place}")
    out, _inside = held_out(made)
    make.buys(out, "10.00", at=START + 100 * DAY)
    make.buys(out, "100.00", at=START + DAY, recorded=START + 101 * DAY)

    assert [spendable(out, START + day * DAY) for day in (101, 280, 290)] == [100, 100, 0]
    assert agrees(made, LATER)


def test_nights_that_are_missed_or_come_twice_make_no_difference() -> None:
    made = club()
    out, _inside = held_out(made)
    for day in (30, 120, 200):
        make.buys(out, "10.00", at=START + day * DAY)
    for _ in range(2):
        nights(made, LATER)

    assert spendable(out, LATER) == 100
    assert agrees(made, LATER)


def test_what_an_arm_kept_lives_on_when_the_arm_has_ended() -> None:
    made = club()
    experiment = running(made.retailer, made, form="no_benefits", at=BEGINS)
    out = one_in(experiment, "out")
    lives(made, out, times=5)  # the last one on day 150
    end(experiment, author="Grace", now=START + 160 * DAY)
    make.buys(out, "10.00", at=START + 161 * DAY)

    assert agrees(made, LATER)
    assert spendable(out, LATER) == 110
    assert Entry.objects.filter(kind="keep").count() == 5


def test_what_would_earn_nothing_anyhow_keeps_nothing() -> None:
    made = club(rules=[make.Rule(minimum_amount="50")], points=IDLE | {"transaction_limit": 500})
    out, inside = held_out(made)
    for who in (out, inside):
        make.buys(who, "10.00", at=START + 100 * DAY)
        make.buys(who, "501.00", at=START + 101 * DAY)

    assert not Entry.objects.filter(kind="keep").exists()
    assert [spendable(who, START + 200 * DAY) for who in (out, inside)] == [0, 0]
    assert agrees(made, LATER)


def test_visits_and_birthdays_that_would_earn_keep_points_too() -> None:
    made = make.program(rules=[make.Rule(), VISIT, make.Rule(code="day", kind="birthday", points="5")], points=IDLE)
    for place in range(8):
        make.buys(make.member(made, f"c{place}", born=make.on("1990-04-20").date()), "100.00", at=START + DAY)
    out, inside = held_out(made)
    for day in range(2, 10):  # 20 April is day 109
        nights(made, START + 30 * day * DAY)
        if day == 8:
            for who in (out, inside):
                visit = InteractionFact(f"v-{who.number}", who.customer.external_id, "visit", START + 240 * DAY)
                take_interactions(made.retailer, [visit], now=START + 240 * DAY)

    later = START + 400 * DAY
    assert agrees(made, later)
    assert [spendable(who, later) for who in (out, inside)] == [100, 112]
    causes = Entry.objects.filter(kind="keep", wallet__membership=out).order_by("occurred_at")
    assert [each.cause.split(":")[0] for each in causes] == ["birthday", "interaction"]


def test_an_arm_that_is_left_nothing_to_earn_keeps_what_it_had() -> None:
    """For the others the rule gives something: the arms differ by that, and not by what they had before."""
    draft = make.version(rules=[make.Rule(code="for-B")], points=IDLE)
    EarningRule.objects.filter(version=draft).update(arms={"experiment": "double", "variants": ["B"]})
    planned(draft.program.retailer, draft.program, "double", **OFFER)
    made = make.published(draft)
    for place in range(8):
        make.given(make.member(made, f"c{place}"), 100, START + DAY)
    experiment = start(Experiment.objects.get(code="double"), author="Grace", now=BEGINS)
    nobody, someone = one_in(experiment, "A"), one_in(experiment, "B")

    lives(made, nobody, someone)

    assert agrees(made, LATER)
    assert [spendable(who, LATER) for who in (nobody, someone)] == [100, 190]


def test_a_rule_whose_experiment_does_not_run_keeps_nothing() -> None:
    draft = make.version(rules=[make.Rule(code="for-B")], points=IDLE)
    EarningRule.objects.filter(version=draft).update(arms={"experiment": "double", "variants": ["B"]})
    planned(draft.program.retailer, draft.program, "double", **OFFER)
    made = make.published(draft)
    for place in range(8):
        make.given(make.member(made, f"c{place}"), 100, START + DAY)
    start(Experiment.objects.get(code="double"), author="Grace", now=START + 200 * DAY)
    ada = Membership.objects.filter(program=made).select_related("program__retailer", "customer")[0]

    make.buys(ada, "10.00", at=START + 100 * DAY)

    assert not Entry.objects.filter(kind="keep").exists()
    assert spendable(ada, START + 190 * DAY) == 0


def test_points_that_live_longer_by_a_tier_do_so_for_who_is_held_out() -> None:
    draft = make.version(points=IDLE, tiers=[("gold", "0", "1")])
    Tier.objects.filter(version=draft).update(extra_months=3)
    made = make.published(draft)
    for place in range(8):
        make.buys(make.member(made, f"c{place}"), "100.00", at=START + DAY)
    out, inside = held_out(made)
    for who in (out, inside):
        make.buys(who, "10.00", at=START + 100 * DAY)  # 11 April: through 11 January

    days = [make.on("2027-01-11T12:00"), make.on("2027-01-12T00:00")]
    assert [[spendable(who, day) for day in days] for who in (out, inside)] == [[100, 0], [110, 0]]


def test_two_who_turn_out_to_be_one_live_on_by_what_either_did() -> None:
    made = club()
    experiment = running(made.retailer, made, form="no_benefits", at=BEGINS)
    stays, goes = _two_in(experiment, "out")
    make.buys(goes, "10.00", at=START + 100 * DAY)
    names = (goes.customer.external_id, stays.customer.external_id)
    take_merge(made.retailer, *names, reference="one", now=START + 110 * DAY)
    make.buys(stays, "10.00", at=START + 200 * DAY)

    assert agrees(made, LATER)
    assert spendable(stays, LATER) == 200


def _two_in(experiment: Experiment, variant: str) -> tuple[Membership, Membership]:
    of = Membership.objects.filter(
        customer__assignments__experiment=experiment, customer__assignments__variant__code=variant
    )
    first, second = of.select_related("program__retailer", "customer").order_by("pk")[:2]
    return first, second


def test_a_reward_that_is_withheld_keeps_what_is_there() -> None:
    made = club()
    out, inside = held_out(made)
    at = START + 100 * DAY
    for who in (out, inside):
        reward = GrantAsked(new_id(), made.retailer_id, who.pk, "campaigns", "points", 5, "thanks", at)
        granting.ask([reward], now=at)
        take_waiting([who.pk], now=at)

    assert Entry.objects.get(kind="keep").cause == "thanks:kept"
    assert [spendable(who, START + 280 * DAY) for who in (out, inside)] == [100, 105]
    assert agrees(made, LATER)


def test_who_is_not_divided_is_asked_and_written_nothing_more() -> None:
    made = club()
    ada = Membership.objects.filter(program=made).select_related("program__retailer", "customer")[0]
    with CaptureQueriesContext(connection) as without:
        make.buys(ada, "10.00", at=START + 20 * DAY)
    out, _inside = held_out(made, at=START + 21 * DAY)
    make.buys(out, "10.00", at=START + 22 * DAY)

    with CaptureQueriesContext(connection) as within:
        make.buys(out, "10.00", at=START + 30 * DAY)

    assert len(within) <= len(without)
    assert not Entry.objects.filter(kind="keep", occurred_at__lt=START + 21 * DAY).exists()
