"""Referrals, read with the friends whom they brought, and the referrers whose codes a batch names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.engine.activities import Activity, OrderCorrected, OrderPlaced, PointsGranted, ReferralClaimed
from loyalty.engine.capability import Joined, Scope
from loyalty.referrals.codes import find_referrers, may_be_code
from loyalty.referrals.evidence import Named, let_claim_alone, load_evidence, load_orders_since
from loyalty.referrals.rules import Suspicion, plain
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
                SELECT p.advocate_id FROM up CROSS JOIN LATERAL (
                    SELECT advocate_id, status FROM referrals_referral WHERE friend_id = up.id OFFSET 0
                ) p WHERE p.status IN ('open', 'held', 'earned')
            )
            SELECT id FROM up
        ) AS in_cycle,
        (SELECT a.customer_id FROM memberships_membership a WHERE a.id = r.advocate_id) = m.customer_id AS is_same_person
    FROM referrals_referral r WHERE r.friend_id = m.id ORDER BY r.status = 'refused', r.id DESC LIMIT 1
) rf ON true
"""
# Of whom was merged into a referrer, too: a limit is a person's.
GIVEN = """
SELECT m.stays, g.id, g.occurred_at FROM (
    SELECT id, coalesce(merged_into_id, id) AS stays FROM memberships_membership
    WHERE id = ANY(%(members)s) OR merged_into_id = ANY(%(members)s)
) m JOIN points_grant g ON g.membership_id = m.id
WHERE g.source = 'referrals' AND g.cause LIKE '%%:advocate:%%' AND g.takes_back_id IS NULL
    AND g.given > 0 AND NOT EXISTS (SELECT 1 FROM points_grant b WHERE b.takes_back_id = g.id AND b.given > 0)
"""
REFERRAL = Joined(COLUMNS, JOIN)


@dataclass(frozen=True, slots=True)
class _NamedCode:
    """A code that a member names. :param fact_id: of the claim, or of the order whose promotion code it is"""

    member: UUID
    fact_id: UUID
    code: str
    at: datetime
    signals: Mapping[str, str]


def load(scope: Scope) -> dict[UUID, ReferralState]:
    """Load the referrals by which members came, whom a batch names as referrers, and what those got."""
    keys = scope.using(REFERRALS.name)
    if not keys:
        return {}
    states = {key: _state(scope.joined[REFERRALS.name][key][0]) for key in keys}
    for key, candidates in _load_candidates(scope, states).items():
        states[key] = replace(states[key], candidates=candidates)
    for key, given in _load_given(scope, keys).items():
        states[key] = replace(states[key], given=tuple(given))
    return states


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
    named = _with_referrers(scope, _named_codes(scope, states))
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


def _with_referrers(scope: Scope, asked: Sequence[_NamedCode]) -> list[Named]:
    """Return those of some codes that are somebody's, where a referral could be claimed at their time."""
    by_program: dict[int, list[_NamedCode]] = {}
    for each in asked:
        by_program.setdefault(scope.members[each.member].program_id, []).append(each)
    named: list[Named] = []
    for program_id, mine in sorted(by_program.items()):
        found = find_referrers(program_id, sorted({each.code for each in mine}))
        for each in mine:
            version = scope.versions[program_id].at(each.at)
            rules = version.of(POLICY) if version else None
            if rules is not None and each.code in found:
                referrer = found[each.code]
                named.append(
                    Named(each.fact_id, each.member, referrer, each.code, each.at, program_id, rules, each.signals)
                )
    return named


def _named_codes(scope: Scope, states: Mapping[UUID, ReferralState]) -> list[_NamedCode]:
    """Return which members name which codes: by a claim, or by the promotion code of an order where they have no referral."""
    members_of = scope.by_customer(states)
    asked: list[_NamedCode] = []
    for each in scope.activities:
        if isinstance(each, ReferralClaimed):
            keys = [key for key in members_of.get(each.customer_id, ()) if _is_in(scope, key, each.program_id)]
            asked += [_NamedCode(key, each.id, plain(each.code), each.occurred_at, each.signals) for key in keys]
        elif (placed := _placed(each)) is not None and may_be_code(placed.basket.promotion_code):
            code, is_corrected = plain(placed.basket.promotion_code), isinstance(each, OrderCorrected)
            for key in members_of.get(placed.customer_id, ()):
                referral = states[key].referral
                if is_corrected or referral is None or not referral.is_live:
                    asked.append(_NamedCode(key, placed.order_id, code, placed.occurred_at, {}))
    return asked


def _placed(activity: Activity) -> OrderPlaced | None:
    """Return an order as an activity says that it was placed; None for one that says nothing of that."""
    if isinstance(activity, OrderCorrected):
        return activity.placed
    return activity if isinstance(activity, OrderPlaced) else None


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
