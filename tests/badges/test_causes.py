"""What met a challenge is told as it counted: by the points of orders and of interactions, in the main wallet."""

from datetime import timedelta

import pytest

from loyalty.activity.versions import versions_of_program
from loyalty.badges.account.causes import causes_of
from loyalty.badges.models import ChallengeAward
from loyalty.memberships.models import Membership
from loyalty.points.models import PointsPolicy
from tests import make
from tests.badges import game

pytestmark = pytest.mark.django_db

NOW = make.NOON


def causes(who: Membership) -> list[list[str]]:
    """Return the numbers of the facts that met each award of a member, the earliest award first."""
    awards = list(
        ChallengeAward.objects.filter(membership=who).select_related("challenge").order_by("occurred_at", "pk")
    )
    found = causes_of(who, awards, versions_of_program(who.program_id))
    return [[each.order or each.interaction or "" for each in found[award.pk]] for award in awards]


def test_interactions_that_meet_a_challenge_of_points_are_its_causes() -> None:
    rules = [make.Rule(), make.Rule("20", "review", "per_interaction", interaction="review")]
    club = game.program(
        {"code": "reviewer", "metric": "points", "interaction": "review", "target": "40", "points": 5}, rules=rules
    )
    ada = make.member(club, since=NOW - timedelta(days=30))

    did = [game.does(ada, "review", NOW + timedelta(hours=hour)) for hour in range(2)]

    assert causes(ada) == [[each.outcome.fact.number for each in did]]


def test_the_points_of_another_wallet_meet_no_challenge_of_points() -> None:
    draft = make.version(rules=[make.Rule("1"), make.Rule("10", "miles", wallet="miles")])
    PointsPolicy.objects.create(version=draft, code="miles", name="Miles")
    game.add(draft, {"code": "earner", "metric": "points", "target": "30", "points": 5})
    ada = make.member(make.published(draft), since=NOW - timedelta(days=30))

    for hour in range(3):
        make.buys(ada, "10", at=NOW + timedelta(hours=hour), name=f"A{hour}")

    assert causes(ada) == [["A0", "A1", "A2"]]
