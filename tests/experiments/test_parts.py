"""Parts of versions that name an experiment: what is refused when it starts, and said when a version is to replace another."""

from datetime import timedelta
from typing import Any

import pytest

from loyalty.campaigns.models import Campaign
from loyalty.configuration.checking import check
from loyalty.configuration.drafts import open_draft, publish
from loyalty.experiments.checking import ExperimentHasErrors, flaws_of
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact, change, plan
from loyalty.experiments.running import end, start
from loyalty.experiments.wording import said_of
from loyalty.points.models import EarningRule
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_offers import offer
from tests.experiments.make_experiments import fact, planned
from tests.make import NOON, START

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
OFFER: dict[str, Any] = {"layer": "variant", "form": "variants"}
THREE = (VariantFact("A", 4_000, is_control=True), VariantFact("B", 3_000), VariantFact("C", 3_000))
RENAMED = (VariantFact("A", 4_000, is_control=True), VariantFact("double", 3_000), VariantFact("C", 3_000))


def compared() -> tuple[Program, Experiment]:
    """Return a program with rules for two of three variants, and the planned experiment."""
    draft = make.version(rules=(make.Rule(), make.Rule(code="for-B"), make.Rule(code="for-C")))
    for rule in EarningRule.objects.filter(version=draft, code__startswith="for-"):
        rule.arms = {"experiment": "triple", "variants": [rule.code.removeprefix("for-")]}
        rule.save()
    experiment = planned(draft.program.retailer, draft.program, "triple", variants=THREE, **OFFER)
    return make.published(draft), experiment


def drawn_up(club: Program, experiment: Experiment, **given: Any) -> Experiment:
    """Draw a draft up otherwise, and plan it."""
    changed = change(experiment, fact(club, "triple", **given), author="Grace", now=START)
    return plan(changed, detectable={"effect_percent": "5.0"}, author="Grace", now=START)


def without(code: str, club: Program) -> Any:
    draft = open_draft(club)
    EarningRule.objects.filter(version=draft, code__in=code.split()).delete()
    return draft


def codes(findings: Any) -> list[str]:
    return [found.code for found in findings]


def test_one_whose_variants_were_renamed_since_a_version_named_them_does_not_start() -> None:
    club, experiment = compared()
    experiment = drawn_up(club, experiment, variants=RENAMED, **OFFER)

    with pytest.raises(ExperimentHasErrors, match="Version 1 of Club has parts for the variants B of an experiment"):
        start(experiment, author="Grace", now=NOON)

    experiment.refresh_from_db()
    assert (experiment.state, experiment.assignments.count()) == ("draft", 0)
    assert codes(flaws_of(experiment, now=NOON)) == ["parts_of_no_variant"]


def test_one_that_became_a_hold_out_since_a_version_named_it_does_not_start() -> None:
    club, experiment = compared()
    halves = (VariantFact("A", 5_000, is_control=True), VariantFact("B", 5_000))
    experiment = drawn_up(club, experiment, variants=halves, layer="campaign", form="no_benefits")

    with pytest.raises(ExperimentHasErrors, match="has parts for the variants B, C"):
        start(experiment, author="Grace", now=NOON)


def test_one_that_nothing_names_starts_and_is_said_to_compare_nothing() -> None:
    club = make.program()
    experiment = planned(club.retailer, club, "triple", variants=THREE, **OFFER)

    (found,) = flaws_of(experiment, now=NOON)

    assert (found.code, found.is_error) == ("nothing_varies", False)
    assert said_of(found).startswith("Nothing names its variants: no version in force or published for later")
    assert start(experiment, author="Grace", now=NOON).state == "running"


@pytest.mark.parametrize("kind", ["campaign", "offer", "hold-out"])
def test_what_a_campaign_or_an_offer_keeps_from_its_control_varies(kind: str) -> None:
    club = make.program()
    given: dict[str, Any] = {} if kind == "hold-out" else OFFER | {"variants": THREE}
    experiment = planned(club.retailer, club, "triple", **given)
    own: dict[str, Any] = {"retailer": club.retailer, "program": club, "code": "spring", "created_at": START}
    if kind == "campaign":
        Campaign.objects.create(**own, name="Spring", kind="journey", experiment=experiment)
    if kind == "offer":
        offer(club, is_live=False, hold_out=experiment)

    assert flaws_of(experiment, now=NOON) == ()


def test_a_version_that_is_over_or_names_it_well_stands_in_no_ones_way() -> None:
    club, experiment = compared()
    publish(without("for-B", club), effective_from=START + DAY, now=START)
    experiment = drawn_up(club, experiment, variants=RENAMED, **OFFER)

    assert flaws_of(experiment, now=NOON) == ()
    assert start(experiment, author="Grace", now=NOON).state == "running"


def test_a_version_that_will_name_a_variant_that_is_not_there_stands_in_its_way_as_well() -> None:
    club, experiment = compared()
    publish(without("for-B", club), effective_from=START + DAY, now=START)
    publish(open_draft(club, copy_of=club.versions.get(number=1)), effective_from=NOON + DAY, now=START)
    experiment = drawn_up(club, experiment, variants=RENAMED, **OFFER)

    with pytest.raises(ExperimentHasErrors, match="Version 3 of Club"):
        start(experiment, author="Grace", now=NOON)


def test_a_version_without_the_parts_of_a_running_experiment_says_so_before_it_is_published() -> None:
    club, experiment = compared()
    start(experiment, author="Grace", now=NOON)

    assert codes(check(open_draft(club))) == []
    assert codes(check(without("for-B", club))) == []  # C still differs
    (finding,) = check(without("for-B for-C", club))

    assert (finding.code, finding.is_error) == ("experiment_left_out", False)
    assert "The experiment “triple” runs, and this version has no part for any of its variants" in finding.message


def test_nothing_is_said_of_one_that_has_ended_or_that_no_version_names() -> None:
    club, experiment = compared()
    other = planned(club.retailer, club, "of-a-campaign", **OFFER)
    start(other, author="Grace", now=NOON)
    end(start(experiment, author="Grace", now=NOON), author="Grace", now=NOON + DAY)

    assert codes(check(without("for-B for-C", club))) == []
