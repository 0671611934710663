"""Referrals as a capability: what a version promises of them, and who reads and writes the rest for the engine."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.referrals import writing
from loyalty.referrals.loading import REFERRAL, load
from loyalty.referrals.models import ReferralPolicy
from loyalty.referrals.rules import ReferralRules
from loyalty.referrals.state import REFERRALS, ReferralState


class Referrals(Capability[ReferralState]):
    """Who referred a member, and what both get for it; a program without referrals has none of it."""

    name = REFERRALS.name
    grants = True

    def rules(self, version_id: int) -> ReferralRules | None:
        row = ReferralPolicy.objects.filter(version=version_id).first()
        return _rules(row) if row else None

    def is_used(self, rules: ReferralRules | None) -> bool:
        return rules is not None

    def begin(self, versions: Versions) -> ReferralState:
        return ReferralState()

    def joined(self, reach: Reach | None) -> Joined | None:
        return REFERRAL

    def load(self, scope: Scope) -> Mapping[UUID, ReferralState]:
        return load(scope)

    def apart(self, members: Iterable[Member]) -> frozenset[UUID]:
        """Claims are judged by those before them: that two refer each other, and how many came from one device."""
        states = (member.of(REFERRALS) for member in members if member.has(REFERRALS))
        return frozenset(fact_id for state in states for fact_id in state.candidates)

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        if effects:
            writing.write(effects, now=now)


def _rules(row: ReferralPolicy) -> ReferralRules:
    return ReferralRules(
        row.link, row.wallet, row.advocate_points, row.friend_points, row.first_order_only, row.minimum_amount,
        row.waiting_days, row.window_days, row.advocate_limit, row.limit_period, row.budget, row.budget_period,
        row.claims_limit, row.claims_days, row.hold_score,
    )  # fmt: skip
