"""What the driver does with challenges and badges: what counts for them comes by itself, but members join some."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from loyalty.badges.account import joining
from loyalty.badges.models import Badge, Challenge, ChallengeAward
from loyalty.badges.windows import days_of
from loyalty.memberships.models import Membership
from loyalty.programs.models import ProgramVersion
from tests.properties.model.terms import BadgeTerms, ChallengeTerms, GoalTerms, Terms

GAME_REFUSALS = (joining.NoSuchChallenge, joining.NothingToJoin)


class Playing:
    """Challenges of one program."""

    members: dict[str, Membership]

    def join_challenge(self, name: str, code: str, now: datetime) -> None:
        joining.join_challenge(self.members[name], code, now=now)

    def won(self, name: str) -> list[tuple[str, date | None, int]]:
        """Return the awards that a member has: challenge, first day of its window, and points."""
        rows = ChallengeAward.objects.filter(membership=self.members[name], ended_at=None).select_related("challenge")
        return sorted(((row.challenge.code, days_of(row.window)[0], row.points) for row in rows), key=repr)


def offer_challenges(draft: ProgramVersion, terms: Terms) -> None:
    """Write challenges and badges into a draft without any."""
    Badge.objects.bulk_create(
        Badge(version=draft, place=place, **_badge(badge)) for place, badge in enumerate(terms.badges)
    )
    Challenge.objects.bulk_create(
        Challenge(version=draft, place=place, **_challenge(challenge))
        for place, challenge in enumerate(terms.challenges)
    )


def _badge(badge: BadgeTerms) -> dict[str, Any]:
    levels = [{"times": times, "name": f"Level {times}"} for times in badge.levels]
    return {"code": badge.code, "name": badge.code, "kind": badge.kind, "levels": levels, "points": badge.points,
            "takes_back": badge.takes_back}  # fmt: skip


def _challenge(challenge: ChallengeTerms) -> dict[str, Any]:
    first, *others = challenge.goals
    return {
        "code": challenge.code, "name": challenge.code, "metric": first.metric, "target": Decimal(first.target),
        "interaction": first.interaction, "condition": _condition(first),
        "further": [
            {"metric": goal.metric, "target": str(goal.target), "interaction": goal.interaction, "condition": _condition(goal)}
            for goal in others
        ],
        "combination": "any" if challenge.is_any else "all", "window": challenge.window, "window_days": challenge.days,
        "repeats": challenge.repeats, "levels": [{"target": target, "points": points} for target, points in challenge.levels],
        "points": challenge.points, "badge": challenge.badge, "takes_back": challenge.takes_back,
        "tiers": list(challenge.tiers), "plans": list(challenge.plans), "opt_in": challenge.is_joined,
    }  # fmt: skip


def _condition(goal: GoalTerms) -> dict[str, Any]:
    return {"field": "category", "in": list(goal.categories)} if goal.categories else {}
