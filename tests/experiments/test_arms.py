"""What a member earns by its arm: at the instant of what it does, and for its returns and corrections for ever."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.facts import CorrectionFact
from customers.models import Customer, Order
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.correcting import take_correction
from loyalty.activity.explaining import why
from loyalty.activity.models import OrderDecision
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.activity.versions import versions_of_program
from loyalty.configuration.drafts import open_draft, publish
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.experiments.running import end, start
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule
from loyalty.programs.models import Program
from loyalty.tiers.models import Tier
from tests import make
from tests.experiments.make_experiments import arm_of, planned, running
from tests.make import NOON, START

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
A_OR_B = (VariantFact("A", 5_000, is_control=True), VariantFact("B", 5_000))
OFFER: dict[str, Any] = {"layer": "variant", "form": "variants", "variants": A_OR_B}


def people(club: Program, number: int = 12) -> list[Membership]:
    return [make.member(club, f"c{place}") for place in range(number)]


def one_in(experiment: Experiment, variant: str) -> Membership:
    customer = Customer.objects.filter(assignments__experiment=experiment, assignments__variant__code=variant).order_by(
        "pk"
    )[0]
    return Membership.objects.select_related("program__retailer", "customer").get(customer=customer)


def both(experiment: Experiment, *variants: str) -> Sequence[Membership]:
    return [one_in(experiment, variant) for variant in variants]


def divided(*rules: make.Rule, code: str = "double", **given: Any) -> Program:
    """Return a program whose rules named `for-VARIANT` hold for a variant of an experiment."""
    draft = make.version(rules=rules, **given)
    for rule in EarningRule.objects.filter(version=draft, code__startswith="for-"):
        rule.arms = {"experiment": code, "variants": [rule.code.removeprefix("for-")]}
        rule.save()
    planned(draft.program.retailer, draft.program, code, **OFFER)
    return make.published(draft)


def doubled() -> tuple[Program, Experiment]:
    club = divided(make.Rule(), make.Rule(code="for-B"))
    people(club)
    experiment = Experiment.objects.get(code="double")
    return club, start(experiment, author="Grace", now=NOON)


def points_of(order: str) -> int:
    return OrderDecision.objects.get(order__number=order).points


def test_a_rule_holds_for_its_variant_alone() -> None:
    _, experiment = doubled()
    ada, bob = both(experiment, "A", "B")

    make.buys(ada, "10.00", at=NOON + DAY, name="a")
    make.buys(bob, "10.00", at=NOON + DAY, name="b")

    assert (points_of("a"), points_of("b")) == (10, 20)
    assert OrderDecision.objects.get(order__number="b").occasion == {"is_first": True, "arms": ["double:B"]}


def test_an_order_of_before_the_start_or_after_the_end_is_decided_without_it_whenever_it_is_told() -> None:
    _, experiment = doubled()
    bob = one_in(experiment, "B")
    end(experiment, author="Grace", now=NOON + 10 * DAY)

    for name, at in (("before", NOON - DAY), ("within", NOON + DAY), ("at the end", NOON + 10 * DAY)):
        make.buys(bob, "10.00", at=at, name=name, recorded=NOON + 20 * DAY)

    assert [points_of(name) for name in ("before", "within", "at the end")] == [10, 20, 10]


def test_the_start_itself_is_within() -> None:
    _, experiment = doubled()
    bob = one_in(experiment, "B")

    make.buys(bob, "10.00", at=NOON, name="at the start", recorded=NOON)
    make.buys(bob, "10.00", at=NOON - timedelta(microseconds=1), name="just before", recorded=NOON + DAY)

    assert (points_of("at the start"), points_of("just before")) == (20, 10)


def test_a_return_is_decided_with_what_was_stored_of_its_order() -> None:
    _, experiment = doubled()
    bob = one_in(experiment, "B")
    bought = make.buys(bob, make.line("10.00", quantity="2"), at=NOON + DAY, name="b")
    end(experiment, author="Grace", now=NOON + 10 * DAY)

    make.returns(bob, bought, (1, "1"), at=NOON + 20 * DAY)

    assert OrderDecision.objects.get(order__number="b").points_kept == 10  # half of 20, under the rules of its variant


def test_a_correction_keeps_the_arm_of_its_order_unless_it_moves() -> None:
    club, experiment = doubled()
    bob = one_in(experiment, "B")
    bought = make.buys(bob, "10.00", at=NOON + DAY, name="b")
    end(experiment, author="Grace", now=NOON + 10 * DAY)
    fact = bought.outcome.fact

    corrected = replace(fact, lines=(make.line("30.00"),))
    take_correction(club.retailer, CorrectionFact(corrected, 1), now=NOON + 20 * DAY)
    assert points_of("b") == 60
    moved = replace(corrected, occurred_at=NOON + 15 * DAY)
    take_correction(club.retailer, CorrectionFact(moved, 2), now=NOON + 20 * DAY)

    assert points_of("b") == 30


def test_a_past_lived_again_comes_to_the_same() -> None:
    club, experiment = doubled()
    for place, member in enumerate(
        Membership.objects.filter(program=club).select_related("program__retailer", "customer")
    ):
        make.buys(member, "10.00", at=NOON - DAY)
        make.buys(member, "10.00", at=NOON + DAY)
        bought = make.buys(member, make.line("10.00", quantity="2"), at=NOON + 2 * DAY)
        make.returns(member, bought, (1, "1"), at=NOON + (3 + place) * DAY)
    end(experiment, author="Grace", now=NOON + 30 * DAY)
    run_nights(club, until=(NOON + 40 * DAY).date(), now=NOON + 40 * DAY)

    done = replay(club, now=NOON + 40 * DAY)

    assert (done.members, done.skipped, done.deviations) == (12, 0, [])


def test_a_version_published_while_an_experiment_runs_is_divided_as_well() -> None:
    club, experiment = doubled()
    bob = one_in(experiment, "B")
    draft = open_draft(club)
    EarningRule.objects.filter(version=draft, code="for-B").update(points=4)
    publish(draft, effective_from=NOON + 5 * DAY, now=NOON + DAY)

    make.buys(bob, "10.00", at=NOON + 2 * DAY, name="two")
    make.buys(bob, "10.00", at=NOON + 6 * DAY, name="five")
    end(experiment, author="Grace", now=NOON + 10 * DAY)
    make.buys(bob, "10.00", at=NOON + 11 * DAY, name="one")

    assert [points_of(name) for name in ("two", "five", "one")] == [20, 50, 10]


def test_what_no_experiment_divides_asks_nothing_more() -> None:
    club = make.program()
    ada = make.member(club, "ada")
    make.buys(ada, "10.00")
    with CaptureQueriesContext(connection) as before:
        make.buys(ada, "10.00")
    running(club.retailer, club, "quiet", at=NOON)
    make.buys(ada, "10.00", at=NOON + DAY)  # the process has read the program anew

    with CaptureQueriesContext(connection) as after:
        make.buys(ada, "10.00", at=NOON + DAY)

    assert len(after) == len(before)


def test_what_an_experiment_divides_asks_nothing_more_either() -> None:
    """Arms are read with the members themselves."""
    _, experiment = doubled()
    bob = one_in(experiment, "B")
    make.buys(bob, "10.00", at=NOON + DAY)
    plain = make.member(make.program(), "ada")
    make.buys(plain, "10.00")

    with CaptureQueriesContext(connection) as within:
        make.buys(bob, "10.00", at=NOON + DAY)
    with CaptureQueriesContext(connection) as without:
        make.buys(plain, "10.00")

    assert len(within) == len(without)


TIERS = [("bronze", "0", "1"), ("silver", "50", "2")]


def held_out(**given: Any) -> tuple[Program, Experiment]:
    club = make.program(**({"tiers": TIERS} | given))
    people(club)
    return club, running(club.retailer, club, form="no_benefits", at=NOON)


def test_who_is_held_out_of_benefits_earns_nothing_and_rises_nowhere_and_the_others_do() -> None:
    _, experiment = held_out()
    ada, bob = both(experiment, "out", "in")

    for name, member in (("a", ada), ("b", bob)):
        make.buys(member, "60.00", at=NOON + DAY, name=name)
        make.buys(member, "10.00", at=NOON + 2 * DAY, name=f"{name}2")

    assert [points_of(name) for name in ("a", "a2", "b", "b2")] == [0, 0, 60, 20]
    assert [member.standing.tier.code for member in Membership.objects.filter(pk__in=[ada.pk, bob.pk]).order_by("pk")
            if member.standing.tier] in (["bronze", "silver"], ["silver", "bronze"])  # fmt: skip
    decision = OrderDecision.objects.get(order__number="a")
    assert (decision.reason, decision.occasion["is_withheld"]) == ("no_points_at_present", True)


def test_the_member_is_told_in_neutral_words() -> None:
    _, experiment = held_out()
    ada = one_in(experiment, "out")
    make.buys(ada, "60.00", at=NOON + DAY, name="a")

    found = why(ada, Order.objects.get(number="a"))

    assert found is not None
    assert found.sentences == ["No points are given for it at present."]


def test_what_a_held_out_member_had_stays_and_can_be_spent() -> None:
    club = make.program(tiers=TIERS)
    members = people(club)
    for member in members:
        make.buys(member, "60.00", at=NOON - DAY)

    experiment = running(club.retailer, club, form="no_benefits", at=NOON)
    ada = one_in(experiment, "out")
    run_nights(club, until=(NOON + 60 * DAY).date(), now=NOON + 60 * DAY)

    assert make.spendable(ada, NOON + 60 * DAY) == 60
    assert Membership.objects.get(pk=ada.pk).standing.tier == Tier.objects.get(code="silver")


def test_when_it_ends_its_members_get_what_they_have_earned_meanwhile() -> None:
    club, experiment = held_out()
    ada = one_in(experiment, "out")
    make.buys(ada, "60.00", at=NOON + DAY, name="a")

    end(experiment, author="Grace", now=NOON + 10 * DAY)
    make.buys(ada, "10.00", at=NOON + 11 * DAY, name="later")

    assert (points_of("a"), points_of("later")) == (0, 20)  # silver, by what it spent
    assert replay(club, now=NOON + 11 * DAY).deviations == []


def test_who_joins_while_held_out_of_benefits_earns_nothing_either() -> None:
    club, experiment = held_out()
    for place in range(8):
        make.customer(club.retailer, f"new{place}", since=NOON + DAY)
    new = next(
        each for each in Customer.objects.filter(external_id__startswith="new") if arm_of(experiment, each) == "out"
    )

    (joined,) = enrol(club, [(new.pk, NOON + 2 * DAY)], source="web", now=NOON + 2 * DAY)
    make.buys(Membership.objects.get(pk=joined.membership_id), "10.00", at=NOON + 3 * DAY, name="n")

    assert points_of("n") == 0


def test_a_tier_for_a_variant_is_entered_with_the_start_and_left_with_the_end() -> None:
    draft = make.version(tiers=[*TIERS, ("gold", "100", "3")])
    Tier.objects.filter(version=draft, code="gold").update(arms={"experiment": "double", "variants": ["B"]})
    planned(draft.program.retailer, draft.program, "double", **OFFER)
    club = make.published(draft)
    for member in people(club):
        make.buys(member, "150.00", at=NOON - DAY)
    experiment = start(Experiment.objects.get(code="double"), author="Grace", now=NOON)
    ada, bob = both(experiment, "A", "B")
    before = {member.pk: _tier_of(member) for member in (ada, bob)}

    run_nights(club, until=(NOON + DAY).date(), now=NOON + DAY)
    within = {member.pk: _tier_of(member) for member in (ada, bob)}
    end(experiment, author="Grace", now=NOON + 10 * DAY)
    run_nights(club, until=(NOON + 11 * DAY).date(), now=NOON + 11 * DAY)

    assert before == {ada.pk: "silver", bob.pk: "silver"}
    assert within == {ada.pk: "silver", bob.pk: "gold"}
    assert {member.pk: _tier_of(member) for member in (ada, bob)} == {ada.pk: "silver", bob.pk: "silver"}
    assert replay(club, now=NOON + 11 * DAY).deviations == []


def _tier_of(member: Membership) -> str:
    tier = Membership.objects.get(pk=member.pk).standing.tier
    return tier.code if tier else ""


def test_two_retailers_are_divided_apart() -> None:
    _, experiment = doubled()
    other = make.program()
    eve = make.member(other, "c0")

    make.buys(eve, "10.00", at=NOON + DAY, name="e")

    assert points_of("e") == 10
    assert set(experiment.assignments.values_list("retailer_id", flat=True)) == {experiment.retailer_id}


def test_an_experiment_of_a_version_in_force_may_start_later() -> None:
    club = divided(make.Rule(), make.Rule(code="for-B"))
    ada = make.member(club, "ada", since=START)

    make.buys(ada, "10.00", at=NOON, name="a")

    assert points_of("a") == 10


def test_arms_that_divide_no_decision_are_not_told_apart() -> None:
    club = divided(make.Rule("2", "for-B"), make.Rule())
    running(club.retailer, club, "elsewhere", layer="global", form="not_invited")
    start(Experiment.objects.get(code="double"), author="Grace", now=START)

    versions = versions_of_program(club.pk)
    seen = [versions.of_arms(frozenset({"double:B", other})) for other in ("elsewhere:in", "elsewhere:out", "gone:A")]

    assert [each is seen[0] for each in seen] == [True, True, True]
    assert seen[0] is not versions.of_arms(frozenset({"double:A"}))
