"""A club with rewards, for tests: each sets only what it is about."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from loyalty.activity.account.adjusting import adjust
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion
from loyalty.rewards.models import Reward, RewardCounter, RewardPrice
from tests import make
from tests.make import NOON, START

OFF = {"kind": "amount_off", "value": Decimal(5), "codes": "generated"}


def reward(draft: ProgramVersion, code: str = "five-off", points: int = 500, **given: Any) -> Reward:
    """Return a reward of a draft: five off for 500 points, unless it is said otherwise."""
    place = Reward.objects.filter(version=draft).count()
    kinds = OFF if "kind" not in given else {}
    said = {"name": code.title()} | kinds | given
    return Reward.objects.create(version=draft, code=code, place=place, points=points, **said)


def price(draft: ProgramVersion, code: str, points: int, **given: Any) -> RewardPrice:
    return RewardPrice.objects.create(version=draft, code=code, points=points, **({"reward": "five-off"} | given))


def club(*, since: datetime = START, policy: dict[str, Any] | None = None, tiers: Any = (), **given: Any) -> Program:
    """Return a program with one reward."""
    draft = make.version(points=policy, tiers=tiers)
    reward(draft, **given)
    return make.published(draft, since=since)


def member(
    program: Program, points: int = 1_000, name: str = "", at: datetime = NOON - timedelta(days=1)
) -> Membership:
    """Return a member with points that never end, unless the program says otherwise."""
    who = make.member(program, name)
    if points:
        adjust(who, points, reference="welcome", reason="welcome", author="sue", now=at)
    return who


def follow(program: Program, at: datetime, *, without: str = "", **changes: Any) -> ProgramVersion:
    """Let another version follow: without a reward, or with its rewards changed."""
    draft = open_draft(program, author="sue", now=at - timedelta(days=1))
    Reward.objects.filter(version=draft, code=without).delete()
    if changes:
        Reward.objects.filter(version=draft).update(**changes)
    return publish(draft, effective_from=at, now=at - timedelta(days=1))


def taken(program: Program) -> int:
    """Return how many of the program's only counted reward are taken."""
    return RewardCounter.objects.get(program=program).taken
