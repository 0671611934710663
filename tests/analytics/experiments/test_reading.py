"""What an experiment's units brought: which orders count, for whom, and who is outside."""

from decimal import Decimal
from typing import Any

import pytest

from analytics.experiments.reading import limit_of
from analytics.experiments.varying import alike_from
from customers.facts import OrderFact, ReturnFact, ReturnLineFact
from customers.merging import merge
from customers.models import Customer
from customers.recording import record_orders, record_returns
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.configuration.drafts import open_draft, publish
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.experiments.running import end, end_due
from loyalty.memberships import households
from loyalty.memberships.households import share
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule
from loyalty.programs.models import ProgramVersion
from tests import make
from tests.analytics.experiments.shops import (
    CLOSED,
    DAY,
    LATER,
    WINDOW,
    bought,
    experiment,
    in_arm,
    line,
    outcomes,
    persons,
    seen,
)
from tests.experiments.make_experiments import arm_of, running
from tests.make import START

pytestmark = pytest.mark.django_db
OUT, IN = 0, 1


def some(count: int = 12, **given: Any) -> Any:
    owner = make.retailer(**given)
    persons(owner, count)
    return owner


def test_orders_of_the_window_count_by_when_they_occurred() -> None:
    test = experiment(some())
    ada, bob, *others = in_arm(test, "in")
    bought(ada, START, "1.00")
    bought(ada, START + WINDOW * DAY, "2.00")  # the window is over
    bought(ada, START - DAY, "4.00")
    bought(ada, START - WINDOW * DAY, "8.00")
    bought(ada, START - WINDOW * DAY - DAY, "16.00")  # before the window before it

    found = seen(test)

    assert outcomes(found, IN) == [*[0.0] * (len(others) + 1), 1.0]
    assert found.units.before.sum() == 12.0
    assert bob is not None
    assert found.waiting == 0


def test_what_came_back_and_what_was_paid_with_points_is_no_revenue() -> None:
    owner = some()
    test = experiment(owner)
    ada, bob = in_arm(test, "in")[:2]
    number = bought(ada, START + DAY, "10.00", line("10.00", quantity=Decimal(2)))
    back = ReturnFact("r1", number, START + 40 * DAY, (ReturnLineFact(Decimal(1), 1),))
    record_returns(owner, [back], now=LATER)
    bought(bob, START + DAY, "10.00", paid_with_points=Decimal("7.00"))

    found = seen(test)

    assert outcomes(found, IN)[-2:] == [3.0, 5.0]


def test_what_is_recorded_later_was_not_known_then() -> None:
    owner = some()
    test = experiment(owner)
    ada = in_arm(test, "in")[0]
    number = bought(ada, START + DAY, "10.00", now=CLOSED)
    bought(ada, START + DAY, "5.00", now=CLOSED + 2 * DAY)
    back = ReturnFact("r1", number, CLOSED, (ReturnLineFact(Decimal(1), 1),))
    record_returns(owner, [back], now=CLOSED + 2 * DAY)

    then, now = seen(test, CLOSED + DAY), seen(test, CLOSED + 3 * DAY)

    assert (outcomes(then, IN)[-1], outcomes(now, IN)[-1]) == (10.0, 5.0)
    assert seen(test, CLOSED + DAY).digest == then.digest
    assert now.digest != then.digest


@pytest.mark.parametrize(
    ("rate", "expected", "basis"),
    [("0.25", 6.0 + 2.5, "costs_and_rate"), (None, 6.0 + 6.0, "costs")],
)
def test_the_margin_is_by_the_lines_costs_where_they_are_known(rate: str | None, expected: float, basis: str) -> None:
    owner = some(margin_rate=rate)
    test = experiment(owner, metric="margin")
    ada = in_arm(test, "in")[0]
    bought(ada, START + DAY, "", line("10.00", unit_cost=Decimal("4.00")))
    bought(ada, START + DAY, "10.00")

    found = seen(test)

    assert outcomes(found, IN)[-1] == pytest.approx(expected)
    assert found.basis == basis


@pytest.mark.parametrize(("rate", "expected", "basis"), [("0.25", 2.5, "rate"), (None, 10.0, "no_margin")])
def test_without_costs_the_margin_is_by_the_rate_or_not_known(rate: str | None, expected: float, basis: str) -> None:
    owner = some(margin_rate=rate)
    test = experiment(owner, metric="margin")
    bought(in_arm(test, "in")[0], START + DAY, "10.00")

    found = seen(test)

    assert (outcomes(found, IN)[-1], found.basis) == (expected, basis)


def test_only_who_was_exposed_for_long_enough_counts() -> None:
    owner = some(4)
    test = experiment(owner)
    late = OrderFact("o-late", START + 10 * DAY, (line("1.00"),), customer="late")
    record_orders(owner, [late], now=START + 10 * DAY)

    found = [seen(test, START + days * DAY) for days in (27, 28)]

    assert [(len(each.units), each.waiting) for each in found] == [(0, 5), (4, 1)]


def test_a_window_that_reaches_past_the_end_does_not_count() -> None:
    test = end(experiment(some(4)), author="Grace", now=START + 27 * DAY)

    assert (len(seen(test).units), seen(test).waiting) == (0, 4)


def test_who_is_held_out_of_everything_is_in_no_other_experiment() -> None:
    owner = some(40)
    everything = running(owner, None, "everything", layer="global", form="no_benefits")

    test = experiment(owner)

    outside = len(in_arm(everything, "out"))
    assert 0 < outside < 40
    assert len(seen(test).units) == 40 - outside
    assert len(seen(everything).units) == 40


def test_who_was_held_out_of_everything_is_not_outside_what_starts_after_its_end_noted_or_not() -> None:
    owner = some(40)
    everything = running(
        owner, None, "everything", layer="global", form="no_benefits", window_days=10, duration_days=10
    )
    test = experiment(owner, at=START + 20 * DAY)

    before = seen(test)
    end_due(owner, now=START + 20 * DAY)

    assert 0 < len(in_arm(everything, "out")) < 40
    assert len(before.units) == 40
    assert seen(test).digest == before.digest


def test_who_was_a_member_before_cannot_be_left_uninvited() -> None:
    owner = some(0)
    club = make.program(owner)
    make.member(club, "ada", since=START)
    make.customer(owner, "bob")

    found = [
        seen(running(owner, club, form, form=form, at=START + DAY, metric="revenue", window_days=WINDOW))
        for form in ("not_invited", "no_benefits")
    ]

    assert [len(each.units) for each in found] == [1, 2]


def test_who_joined_in_the_window_took_part() -> None:
    owner = some(12)
    test = experiment(owner)
    assert test.program is not None
    for who, days in ((in_arm(test, "in")[0], 3), (in_arm(test, "in")[1], 28), (in_arm(test, "out")[0], 3)):
        make.member(test.program, who.external_id, since=START + days * DAY)

    units = seen(test).units

    assert [int(units.took_up[units.part == place].sum()) for place in (OUT, IN)] == [1, 1]
    assert [int(units.crossed[units.part == place].sum()) for place in (OUT, IN)] == [1, 0]


def test_who_earned_took_part_where_members_are_held_out_of_benefits() -> None:
    owner = some(0)
    club = make.program(owner)
    members = [make.member(club, f"m{place}") for place in range(12)]
    test = running(owner, club, form="no_benefits", metric="revenue", window_days=WINDOW, at=START)
    ada = next(each for each in members if each.customer in in_arm(test, "in"))
    make.buys(ada, "10.00", at=START + DAY)

    units = seen(test).units

    assert [int(units.took_up[units.part == place].sum()) for place in (OUT, IN)] == [0, 1]


def household(club: Any, *names: str) -> None:
    members = [make.member(club, name, since=START - 90 * DAY) for name in names]
    share(members[0], members[1:], now=START - 80 * DAY)


def test_a_household_in_two_arms_is_contaminated() -> None:
    owner = some(12)
    club = make.program(owner, since=START - 100 * DAY)
    test = running(owner, club, form="no_benefits", metric="revenue", window_days=WINDOW)
    first, second = in_arm(test, "in")[0], in_arm(test, "out")[0]
    household(club, first.external_id, second.external_id)

    units = seen(test).units

    assert [int(units.crossed[units.part == place].sum()) for place in (OUT, IN)] == [1, 1]


def test_who_left_a_household_since_still_shared_it_and_who_left_before_did_not() -> None:
    owner = some(12)
    club = make.program(owner, since=START - 100 * DAY)
    test = running(owner, club, form="no_benefits", metric="revenue", window_days=WINDOW)
    before, since = zip(in_arm(test, "in")[:2], in_arm(test, "out")[:2], strict=True)
    for pair in (before, since):
        household(club, *(each.external_id for each in pair))
    leaves(before[0], START - DAY)
    first = seen(test)

    leaves(since[0], CLOSED + DAY)
    leaves(since[1], CLOSED + DAY)  # nobody is in it any more
    again = seen(test)

    assert [int(first.units.crossed[first.units.part == place].sum()) for place in (OUT, IN)] == [1, 1]
    assert again.digest == first.digest


def test_two_who_had_a_household_one_after_the_other_did_not_share_it() -> None:
    owner = some(12)
    club = make.program(owner, since=START - 100 * DAY)
    test = running(owner, club, form="no_benefits", metric="revenue", window_days=WINDOW)
    (first, other), second = in_arm(test, "in")[:2], in_arm(test, "out")[0]
    household(club, first.external_id, other.external_id)
    leaves(first, START + DAY)
    stays = Membership.objects.get(customer=other)
    share(stays, [make.member(club, second.external_id, since=START - 90 * DAY)], now=START + 2 * DAY)

    units = seen(test).units

    assert [int(units.crossed[units.part == place].sum()) for place in (OUT, IN)] == [1, 1]


def leaves(customer: Customer, at: Any) -> None:
    households.leave(Membership.objects.get(customer=customer), now=at)


def test_a_household_that_is_one_unit_is_one_row() -> None:
    owner = some(6)
    club = make.program(owner, since=START - 100 * DAY)
    household(club, "c0", "c1")
    test = running(owner, club, form="no_benefits", metric="revenue", window_days=WINDOW, unit="household")
    bought(Customer.objects.get(retailer=owner, external_id="c0"), START + DAY, "3.00")
    bought(Customer.objects.get(retailer=owner, external_id="c1"), START + DAY, "4.00")

    units = seen(test).units

    assert sorted(units.customers.tolist()) == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert sorted(units.outcome.tolist()) == [0.0, 0.0, 0.0, 0.0, 7.0]
    assert units.crossed.sum() == 0


def test_a_merged_customer_counts_once_in_the_arm_of_who_it_turned_out_to_be() -> None:
    owner = some(12)
    test = experiment(owner)
    kept, gone = in_arm(test, "in")[0], in_arm(test, "out")[0]
    bought(gone, START + DAY, "3.00")

    merge(owner, gone.external_id, kept.external_id, reference="m1", now=LATER)

    found = seen(test)
    assert len(found.units) == 11
    assert outcomes(found, IN)[-1] == 3.0


def test_who_was_a_member_before_left_and_came_back_is_in_none_that_does_not_invite() -> None:
    """Coming back is what an invitation does: who it brings back must not be counted in one arm alone."""
    owner = some(6)
    club = make.program(owner)
    ada = make.member(club, "ada", since=START)
    test = running(owner, club, at=START + DAY, metric="revenue", window_days=WINDOW)
    before = seen(test)

    leave(ada, now=START + 5 * DAY)
    gone = seen(test)
    enrol(club, [(ada.customer_id, START + 9 * DAY)], source="test", now=START + 9 * DAY)

    assert (len(before.units), len(gone.units), len(seen(test).units)) == (6, 6, 6)
    assert before.digest == gone.digest == seen(test).digest


def test_a_member_of_before_who_was_merged_is_in_none_that_does_not_invite() -> None:
    owner = some(6)
    club = make.program(owner)
    make.member(club, "ada", since=START)
    test = running(owner, club, at=START + DAY, metric="revenue", window_days=WINDOW)
    make.member(club, "c0", since=START + 3 * DAY)

    take_merge(owner, "ada", "c0", reference="desk", now=START + 4 * DAY)

    assert len(seen(test).units) == 5


def test_a_household_of_later_blurs_nothing_that_was_seen_before() -> None:
    owner = some(0)
    club = make.program(owner)
    members = [make.member(club, f"m{place}") for place in range(8)]
    test = running(owner, club, form="no_benefits", metric="revenue", window_days=WINDOW)
    ada, bob = (next(each for each in members if arm_of(test, each.customer) == code) for code in ("in", "out"))
    known = START + 40 * DAY
    before = seen(test, known)

    share(ada, [bob], now=known + DAY)

    assert seen(test, known).digest == before.digest
    assert float(before.units.crossed.sum()) == 0.0
    assert float(seen(test, known + DAY).units.crossed.sum()) == 2.0


def rule_for_one_variant() -> tuple[ProgramVersion, Experiment]:
    """Return a published version with a rule for B alone, and the experiment that runs with A and B."""
    owner = some(12)
    draft = make.version(owner, rules=(make.Rule(), make.Rule(code="for-B")))
    EarningRule.objects.filter(version=draft, code="for-B").update(arms={"experiment": "double", "variants": ["B"]})
    variants = (VariantFact("A", 5_000, is_control=True), VariantFact("B", 5_000))
    plain: dict[str, Any] = {"layer": "variant", "form": "variants", "metric": "revenue", "variants": variants}
    test = running(owner, draft.program, "double", window_days=WINDOW, duration_days=120, **plain)
    make.published(draft)
    return draft, test


def test_no_window_counts_that_reaches_beyond_the_last_version_with_parts_for_its_variants() -> None:
    draft, test = rule_for_one_variant()
    without = open_draft(draft.program)
    EarningRule.objects.filter(version=without, code="for-B").delete()

    whole = seen(test)
    publish(without, effective_from=START + 20 * DAY, now=START + 10 * DAY)

    assert (len(whole.units), whole.waiting) == (12, 0)
    assert (len(seen(test).units), seen(test).waiting) == (0, 12)
    assert limit_of(test, LATER) == START + 20 * DAY
    assert limit_of(test, START + 9 * DAY) == START + 9 * DAY
    assert alike_from(test, START + 9 * DAY) is None  # nobody knew of it
    assert seen(test, START + 9 * DAY).waiting == 12


def test_versions_that_go_on_with_its_parts_end_no_window() -> None:
    draft, test = rule_for_one_variant()

    publish(open_draft(draft.program), effective_from=START + 20 * DAY, now=START + 10 * DAY)

    assert alike_from(test, LATER) is None
    assert len(seen(test).units) == 12
