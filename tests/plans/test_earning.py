"""Rules that ask for the member's plan: they give by the plan of the order's own time, and take back by the same."""

from typing import Any

import pytest
from django.utils.translation import override

from loyalty.activity.versions import read_version, versions_of_program
from loyalty.configuration.checking import check
from loyalty.configuration.drafts import open_draft, publish
from loyalty.configuration.wording import rule_in_words
from loyalty.planning.costs import estimate
from loyalty.planning.forms import EarningRuleForm
from loyalty.planning.simulating import ask, run
from loyalty.plans.account.joining import cancel
from loyalty.plans.models import PaidPlan
from loyalty.points.conditions import parse
from loyalty.points.matching import matches
from loyalty.points.models import EarningRule
from tests import make
from tests.make import Rule, on, wallet_of
from tests.plans import make_plans
from tests.plans.make_plans import gave, joined, nights_until

pytestmark = pytest.mark.django_db

OF_PLUS: dict[str, Any] = {"field": "plan", "in": ["plus"]}
RULES = (Rule(), Rule(code="plus", points="3", condition=OF_PLUS))


def test_a_rule_for_a_plan_gives_to_those_who_have_it_alone() -> None:
    club = make_plans.program(rules=RULES)
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    before = gave(make.buys(ada, "10.00", at=on("2026-06-01T11:00")))
    joined(ada, at=on("2026-06-01T12:00"))

    with_plan, without = (gave(make.buys(who, "10.00", at=on("2026-06-01T13:00"))) for who in (ada, bob))

    assert (before, with_plan, without) == (10, 40, 10)


def test_what_a_plan_s_rule_gave_is_taken_back_exactly_after_the_plan_has_ended() -> None:
    club = make_plans.program(rules=RULES)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    bought = make.buys(ada, "10.00", at=on("2026-06-30T23:00"))
    cancel(ada, now=on("2026-06-30T23:30"))
    nights_until(club, "2026-07-01")

    late = gave(make.buys(ada, "10.00", at=on("2026-07-01T00:00")))
    make.returns(ada, bought, (1, "1"), at=on("2026-07-05T12:00"))

    assert late == 10
    assert wallet_of(ada).pending + wallet_of(ada).available == 10


def test_an_order_told_late_is_decided_by_the_plan_of_its_time() -> None:
    club = make_plans.program(rules=RULES)
    ada = make.member(club)
    joined(ada, at=on("2026-06-10T12:00"))

    told = [
        gave(make.buys(ada, "10.00", at=on(f"2026-06-{day}T12:00"), recorded=on("2026-06-12T12:00")))
        for day in ("09", "11")
    ]

    assert told == [10, 40]


def test_a_plan_that_is_renamed_is_asked_for_by_its_new_code() -> None:
    club = make_plans.program(rules=RULES)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    make.buys(ada, "10.00", at=on("2026-06-02T12:00"))
    draft = open_draft(club, now=on("2026-06-05T12:00"))
    PaidPlan.objects.filter(version=draft).update(code="gold")
    EarningRule.objects.filter(version=draft, code="plus").update(condition={"field": "plan", "in": ["gold"]})
    publish(draft, effective_from=on("2026-06-10T00:00"), now=on("2026-06-05T12:00"))

    given = gave(make.buys(ada, "10.00", at=on("2026-06-10T12:00")))

    def found(code: str) -> int:
        asked = parse({"field": "plan", "in": [code]})
        return matches(asked, program_id=club.pk, zone="UTC", since="2026-06-01", until="2026-06-30").orders

    assert given == 40
    assert (found("gold"), found("plus")) == (2, 0)


def test_a_rule_says_in_words_which_plan_it_asks_for() -> None:
    club = make_plans.program(rules=RULES)
    rule = EarningRule.objects.get(code="plus", version__program=club)

    with override("en"):
        assert rule_in_words(rule, "EUR") == "3 points per EUR spent, paid plan plus, times the tier’s multiplier."
    with override("fr"):
        assert "formule payante plus" in rule_in_words(rule, "EUR")


@pytest.mark.parametrize("field", ["plan", "tier"])
def test_a_rule_that_asks_for_what_the_version_has_not_is_noted(field: str) -> None:
    draft = make.version(rules=(Rule(), Rule(code="old", condition={"any": [{"field": field, "in": ["old", "max"]}]})))
    make_plans.add_plans(draft, {"code": "max"})

    found = {(each.code, each.place, each.is_error) for each in check(draft)}

    assert (f"unknown_{field}", "earning_rules/old", False) in found


def test_the_form_of_a_rule_asks_for_plans_and_tiers_one_by_one() -> None:
    rule = EarningRule(condition={"all": [{"field": "tier", "in": ["gold"]}, OF_PLUS]})

    form = EarningRuleForm(instance=rule)

    assert form.fields["in_plans"].initial == ["plus"]
    assert form.fields["more"].initial == ""


def test_the_estimate_of_a_version_knows_the_plans_multipliers_by_the_order_s_time() -> None:
    club = make_plans.program({"multiplier": "2"}, rules=(Rule(), Rule(code="plus", points="1", condition=OF_PLUS)))
    ada = make.member(club)
    make.buys(ada, "10.00", at=on("2026-06-01T11:00"))
    joined(ada, at=on("2026-06-01T12:00"))
    make.buys(ada, "10.00", at=on("2026-06-01T13:00"))
    draft = open_draft(club, now=on("2026-06-05T12:00"))
    PaidPlan.objects.filter(version=draft).update(multiplier=5)
    versions = versions_of_program(club.pk)

    found = estimate(club, versions.at(on("2026-06-05T12:00")), read_version(draft.pk), until=on("2026-06-05T12:00"))

    assert (found.points_now, found.points_then) == (10 + 40, 10 + 100)


def test_a_what_if_gives_by_the_multipliers_and_rules_of_the_plans_that_members_had() -> None:
    club = make_plans.program({"multiplier": "2"}, rules=(Rule(), Rule(code="plus", points="1", condition=OF_PLUS)))
    ada = make.member(club)
    make.buys(ada, "10.00", at=on("2026-06-01T11:00"))
    joined(ada, at=on("2026-06-01T12:00"))
    make.buys(ada, "10.00", at=on("2026-06-01T13:00"))
    draft = open_draft(club, now=on("2026-06-05T12:00"))
    PaidPlan.objects.filter(version=draft).update(multiplier=5)
    asked = ask(draft, since=on("2026-06-01").date(), until=on("2026-06-04").date(), author="sue", now=on("2026-06-05"))

    result: Any = run(asked, now=on("2026-06-05T12:00")).result

    assert (sum(result["actual"]["issued"]), sum(result["draft"]["issued"])) == (50, 110)
