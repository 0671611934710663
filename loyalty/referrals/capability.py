"""Referrals as a capability: how a friend's referral is read behind the lock, and how what steps decided is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import OrderPlaced, PointsGranted, ReferralClaimed
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.referrals import writing
from loyalty.referrals.codes import find_referrers, may_be_code, plain
from loyalty.referrals.evidence import Named, let_claim_alone, load_evidence, load_orders_since
from loyalty.referrals.models import ReferralPolicy
from loyalty.referrals.rules import ReferralRules, Suspicion
from loyalty.referrals.state import POLICY, REFERRALS, Candidate, Given, Referral, ReferralState, read_orders

# The referral by which a member came, or the last one that was refused; and what turned out about it since.
COLUMNS = (
    "rf.id", "rf.advocate_id", "rf.code", "rf.channel", "rf.status", "rf.claimed_at", "rf.version_id", "rf.reason",
    "rf.suspicions", "rf.round", "rf.order_id", "rf.earned_at", "rf.pending_until", "rf.friend_grant_id",
    "rf.advocate_grant_id", "rf.orders", "rf.reviewed_by", "rf.review_note", "rf.reviewed_at",
    "rf.bought_at", "rf.in_cycle", "rf.is_same_person",
)  # fmt: skip
OWN = 19  # of the columns, before those of what turned out since
JOIN = """
LEFT JOIN LATERAL (
    SELECT r.id, r.advocate_id, r.code, r.channel, r.status, r.claimed_at, r.version_id, r.reason, r.suspicions::json,
        r.round, r.order_id, r.earned_at, r.pending_until, r.friend_grant_id, r.advocate_grant_id, r.orders::json,
        r.reviewed_by, r.review_note, r.reviewed_at,
        (SELECT min(o.occurred_at) FROM customers_order o WHERE o.customer_id = m.customer_id) AS bought_at,
        r.status <> 'refused' AND m.id IN (
            WITH RECURSIVE up(id) AS (
                SELECT r.advocate_id
                UNION
                SELECT p.advocate_id FROM up JOIN referrals_referral p ON p.friend_id = up.id
                WHERE p.status IN ('open', 'held', 'earned')
            )
            SELECT id FROM up
        ) AS in_cycle,
        (SELECT a.customer_id FROM memberships_membership a WHERE a.id = r.advocate_id) = m.customer_id AS is_same_person
    FROM referrals_referral r WHERE r.friend_id = m.id ORDER BY r.status = 'refused', r.id DESC LIMIT 1
) rf ON true
"""
# Also what a membership was given that was merged into this one: the limit is one person's.
GIVEN = """
SELECT o.whose, g.id, g.occurred_at FROM (
    SELECT id AS whose, id FROM unnest(%(members)s::uuid[]) AS m(id)
    UNION ALL SELECT merged_into_id, id FROM memberships_membership WHERE merged_into_id = ANY(%(members)s)
) o JOIN points_grant g ON g.membership_id = o.id
WHERE g.source = 'referrals' AND g.cause LIKE '%%:advocate:%%' AND g.takes_back_id IS NULL
    AND g.given > 0 AND NOT EXISTS (SELECT 1 FROM points_grant b WHERE b.takes_back_id = g.id AND b.given > 0)
"""


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
        return Joined(COLUMNS, JOIN)

    def load(self, scope: Scope) -> Mapping[UUID, ReferralState]:
        keys = scope.using(self.name)
        if not keys:
            return {}
        states = {key: _state(scope.joined[self.name][key][0]) for key in keys}
        for key, candidates in _load_candidates(scope, states).items():
            states[key] = replace(states[key], candidates=candidates)
        for key, given in _load_given(scope, keys).items():
            states[key] = replace(states[key], given=tuple(given))
        return states

    def apart(self, members: Iterable[Member]) -> frozenset[UUID]:
        """Claims are judged by those before them: that two refer each other, and how many came from one device."""
        states = (member.of(REFERRALS) for member in members if member.has(REFERRALS))
        return frozenset(fact_id for state in states for fact_id in state.candidates)

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        if effects:
            writing.write(effects, now=now)


def _state(row: Sequence[Any]) -> ReferralState:
    if row[0] is None:
        return ReferralState()
    (referral_id, advocate_id, code, channel, status, claimed_at, version_id, reason, suspicions, times, order_id, earned_at,
     pending_until, friend_grant, advocate_grant, orders, reviewed_by, note, reviewed_at) = row[:OWN]  # fmt: skip
    seen = tuple(Suspicion(each["code"], each["score"], each.get("count", 0)) for each in suspicions)
    referral = Referral(
        referral_id, advocate_id, code, channel, status, claimed_at, version_id, reason, seen, times, order_id, earned_at,
        pending_until, friend_grant, advocate_grant, read_orders(orders), reviewed_by, note, reviewed_at,
    )  # fmt: skip
    return ReferralState(referral, *row[OWN:])


def _load_candidates(scope: Scope, states: Mapping[UUID, ReferralState]) -> dict[UUID, dict[UUID, Candidate]]:
    """Load the referrers whose codes a batch names, and what is known of each claim; nothing where it names none."""
    asked = _named_codes(scope, states)
    if not asked:
        return {}
    programs = sorted({scope.members[key].program_id for key, *_ in asked})
    named: list[Named] = []
    for program_id in programs:
        mine = [each for each in asked if scope.members[each[0]].program_id == program_id]
        found = find_referrers(program_id, sorted({code for _, _, code, _, _ in mine}))
        for key, fact_id, code, at, signals in mine:
            version = scope.versions[program_id].at(at)
            rules = version.of(POLICY) if version else None
            if rules is not None and code in found:
                named.append(Named(fact_id, key, found[code], code, at, program_id, rules, signals))
    if not named:
        return {}
    let_claim_alone({each.program_id for each in named})
    evidence, orders = load_evidence(named), load_orders_since(named)
    candidates: dict[UUID, dict[UUID, Candidate]] = {}
    for each in named:
        known = orders.get(each.fact_id, ())
        candidate = Candidate(each.fact_id, each.advocate_id, each.code, evidence[each.fact_id], known)
        candidates.setdefault(each.friend_id, {})[each.fact_id] = candidate
    return candidates


Asked = tuple[UUID, UUID, str, datetime, Mapping[str, str]]


def _named_codes(scope: Scope, states: Mapping[UUID, ReferralState]) -> list[Asked]:
    """Return which members name which codes: by a claim, or by the promotion code of an order where they have no referral."""
    members_of: dict[UUID, list[UUID]] = {}
    for key in states:
        members_of.setdefault(scope.members[key].customer_id, []).append(key)
    asked: list[Asked] = []
    for each in scope.activities:
        if isinstance(each, ReferralClaimed):
            keys = [key for key in members_of.get(each.customer_id, ()) if _is_in(scope, key, each.program_id)]
            asked += [(key, each.id, plain(each.code), each.occurred_at, each.signals) for key in keys]
        elif isinstance(each, OrderPlaced) and may_be_code(each.basket.promotion_code):
            code = plain(each.basket.promotion_code)
            for key in members_of.get(each.customer_id, ()):
                referral = states[key].referral
                if referral is None or not referral.is_live:
                    asked.append((key, each.order_id, code, each.occurred_at, {}))
    return asked


def _is_in(scope: Scope, key: UUID, program_id: int) -> bool:
    return scope.members[key].program_id == program_id


def _load_given(scope: Scope, keys: Sequence[UUID]) -> dict[UUID, list[Given]]:
    """Load what referrers got and keep, where one more reward is to be decided for them."""
    concerned = {
        (each.customer_id, each.program_id)
        for each in scope.activities
        if isinstance(each, PointsGranted) and each.source == REFERRALS.name
    }
    asked = [key for key in keys if (scope.members[key].customer_id, scope.members[key].program_id) in concerned]
    given: dict[UUID, list[Given]] = {}
    for key, grant_id, at in bulk.fetch(GIVEN, {"members": asked}) if asked else ():
        given.setdefault(key, []).append(Given(grant_id, at))
    return given


def _rules(row: ReferralPolicy) -> ReferralRules:
    return ReferralRules(
        row.link, row.wallet, row.advocate_points, row.friend_points, row.first_order_only, row.minimum_amount,
        row.waiting_days, row.window_days, row.advocate_limit, row.limit_period, row.budget, row.budget_period,
        row.claims_limit, row.claims_days, row.hold_score,
    )  # fmt: skip
