"""Parts of a version that name arms: in the document, in checks, in words, and in a what-if."""

from datetime import timedelta
from typing import Any

import pytest

from loyalty.activity.simulation import simulate, with_draft
from loyalty.activity.versions import read_version, versions_of_program
from loyalty.configuration import drafts
from loyalty.configuration.badge_words import challenge_in_words
from loyalty.configuration.checking import check
from loyalty.configuration.document import apply_to, check_document, differences, to_document
from loyalty.configuration.plain_yaml import read_yaml, to_yaml
from loyalty.configuration.wording import rule_in_words
from loyalty.experiments.running import end
from loyalty.points.models import EarningRule
from loyalty.points.state import POINTS
from loyalty.programs.models import ProgramVersion
from tests import make
from tests.badges import game
from tests.experiments.make_experiments import arm_of, drafted, running
from tests.experiments.test_arms import OFFER, doubled, people
from tests.make import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
B_ALONE = {"experiment": "double", "variants": ["B"]}


def draft_with(arms: Any, **given: Any) -> ProgramVersion:
    draft = make.version(rules=[make.Rule(), make.Rule(code="more")], **given)
    EarningRule.objects.filter(version=draft, code="more").update(arms=arms)
    return draft


def found(draft: ProgramVersion) -> list[tuple[bool, str, str]]:
    return [(each.is_error, each.code, each.place) for each in check(draft)]


def test_a_document_names_arms_and_comes_back_as_it_was() -> None:
    draft = draft_with(B_ALONE)
    said = to_document(draft)

    apply_to(draft, read_yaml(to_yaml(said)))

    assert said["earning_rules"][1]["arms"] == B_ALONE
    assert "arms" not in said["earning_rules"][0]
    assert to_document(draft) == said


@pytest.mark.parametrize("arms", [
    {"experiment": "double"}, {"variants": ["B"]}, {"experiment": "double", "variants": []},
    {"experiment": "double", "variants": ["B"], "more": 1}, [], "double: B", {"experiment": 1, "variants": ["B"]},
])  # fmt: skip
def test_a_document_with_arms_that_say_nothing_is_refused(arms: Any) -> None:
    said = to_document(draft_with(B_ALONE))
    said["earning_rules"][1]["arms"] = arms

    assert [each.place.split("/")[:2] for each in check_document(said)][:1] == [["earning_rules", "1"]]


def test_a_check_knows_experiments_and_their_variants() -> None:
    draft = draft_with(B_ALONE)
    owner, club = draft.program.retailer, draft.program

    assert found(draft) == [(True, "unknown_experiment", "earning_rules/more")]
    drafted(owner, club, "double")
    assert found(draft) == [(True, "experiment_without_parts", "earning_rules/more")]
    EarningRule.objects.filter(version=draft, code="more").update(arms=B_ALONE | {"experiment": "depth"})
    drafted(owner, club, "depth", **OFFER)
    assert found(draft) == []
    EarningRule.objects.filter(version=draft, code="more").update(arms={"experiment": "depth", "variants": ["B", "C"]})
    assert found(draft) == [(True, "unknown_variant", "earning_rules/more")]
    (finding,) = check(draft)
    assert finding.message == (
        "“More” names the variant “C”, which the experiment “depth” does not have. It has: A, B."
    )


def test_an_unknown_experiment_is_not_published() -> None:
    from loyalty.configuration.checking import Refused

    with pytest.raises(Refused, match="does not exist"):
        make.published(draft_with(B_ALONE))


def test_one_that_ended_is_told() -> None:
    club, experiment = doubled()
    end(experiment, author="Grace", now=NOON + DAY)

    draft = drafts.open_draft(club)

    assert found(draft) == [(False, "experiment_ended", "earning_rules/for-B")]


def test_a_part_says_in_words_for_whom_it_holds() -> None:
    draft = draft_with(B_ALONE)
    rule = EarningRule.objects.get(version=draft, code="more")

    assert rule_in_words(rule, "EUR").endswith("only for the variant B of the experiment “double”.")
    club = game.program({"target": "2"})
    challenge = club.versions.get().challenges.get()
    challenge.arms = {"experiment": "double", "variants": ["A", "B"]}
    assert challenge_in_words(challenge, "EUR")[-1] == "only for the variants A, B of the experiment “double”"


def test_a_change_of_arms_is_told() -> None:
    draft = draft_with({})
    before = to_document(draft)
    EarningRule.objects.filter(version=draft, code="more").update(arms=B_ALONE)

    (change,) = differences(before, to_document(draft))

    assert (change.path, change.before, change.after) == ("earning_rules/more/arms", {}, B_ALONE)


def test_a_what_if_gives_each_member_what_its_variant_would_have_had() -> None:
    club = make.program()
    members = people(club)
    experiment = running(club.retailer, club, "double", at=NOON, **OFFER)
    for member in members:
        make.buys(member, "10.00", at=NOON + DAY)
    draft = drafts.open_draft(club)
    make.add_rules(draft, [make.Rule(code="more")])
    EarningRule.objects.filter(version=draft, code="more").update(arms=B_ALONE)

    versions = with_draft(versions_of_program(club.pk), read_version(draft.pk), NOON - DAY)
    pasts = list(simulate(versions, until=NOON + 2 * DAY, observe=lambda _: None))

    arms = {member.pk: arm_of(experiment, member.customer) for member in members}
    got = {
        (arms[past.joined.membership_id], sum(lot.available for lot in past.member.of(POINTS).main.lots))
        for past in pasts
    }
    assert got == {("A", 10), ("B", 20)}
