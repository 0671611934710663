"""Two who are one did all that either did, since the first of both joined a challenge, and since its referral was claimed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.counted import KnownFact, load_counted_interactions, load_counted_orders
from loyalty.badges.state import BADGES, GAME
from loyalty.badges.steps import recount
from loyalty.engine.decision import Decision
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.points.models import Wallet
from loyalty.points.state import MAIN
from loyalty.referrals.evidence import load_orders_of
from loyalty.referrals.rules import with_order
from loyalty.referrals.state import POLICY, REFERRALS

NEVER = datetime.max.replace(tzinfo=UTC)
ORDERS = """
SELECT DISTINCT d.order_id FROM activity_orderdecision d JOIN customers_order o ON o.id = d.order_id
WHERE d.membership_id = %s AND d.is_kept AND NOT d.is_forfeited AND d.version_id IS NOT NULL AND o.occurred_at >= %s
"""
INTERACTIONS = """
SELECT i.id, d.points FROM customers_interaction i JOIN activity_interactiondecision d ON d.interaction_id = i.id
WHERE i.customer_id = %s AND d.program_id = %s AND d.reason NOT IN ('not_a_member_then', 'left_since') AND i.occurred_at >= %s
    AND (i.id = ANY(%s)) = %s
"""


@dataclass(frozen=True, slots=True)
class MovedInteractions:
    """
    Which interactions of the customer who stays were those of the one who goes.

    :param customer_id: of the one who stays, whose they all are by now
    """

    customer_id: UUID
    ids: Sequence[UUID]


def as_one(decision: Decision, other: Member, moved: MovedInteractions) -> Member:
    """Return a member with what another one, who is the same person, did for its challenges and for its referral."""
    return _referred(decision.then(member=_recounted(decision, other, moved)), other)


def _recounted(decision: Decision, other: Member, moved: MovedInteractions) -> Member:
    """Return a member with what it did since another one, who is the same person, joined challenges."""
    member = decision.member
    if not member.has(BADGES) or not other.has(BADGES):
        return member
    since = _earlier(decision.versions, member.of(BADGES).joined, other.of(BADGES).joined)
    if not since:
        return member
    first = max(min(since.values()), member.enrolled_at)
    known = [*_bought(member, decision.versions, first), *_did(member, decision.versions, first, moved)]
    facts = [(each.version.of(GAME), each.fact) for each in known]
    return member.having(BADGES, recount(member.of(BADGES), facts, since))


def _referred(decision: Decision, other: Member) -> Member:
    """Return a member whose referral knows what another one, who is the same person, ordered since it was claimed."""
    member = decision.member
    referral = member.of(REFERRALS).referral if member.has(REFERRALS) else None
    version = decision.versions.version(referral.version_id) if referral and referral.is_live else None
    if referral is None or version is None:
        return member
    rules = version.of(POLICY)
    assert rules is not None, "a version without rules for it takes no claims"
    orders = referral.orders
    for each in load_orders_of(other.membership_id, referral.claimed_at):
        orders = with_order(orders, each, rules)
    return member.having(REFERRALS, member.of(REFERRALS).having(replace(referral, orders=orders)))


def _earlier(versions: Versions, mine: Mapping[str, datetime], theirs: Mapping[str, datetime]) -> dict[str, datetime]:
    """Return since when the other one takes part in challenges that a member joined later, or never."""
    challenges = {rule.name for version in versions.versions for rule in version.of(GAME).challenges}
    return {name: at for name, at in theirs.items() if name in challenges and at < mine.get(name, NEVER)}


def _bought(member: Member, versions: Versions, first: datetime) -> Iterator[KnownFact]:
    orders = [key for (key,) in bulk.fetch(ORDERS, [member.membership_id, first])]
    main = Wallet.objects.filter(membership=member.membership_id, code=MAIN).values_list("pk", flat=True)
    return load_counted_orders(orders, member.program_id, versions, frozenset(main))


def _did(member: Member, versions: Versions, first: datetime, moved: MovedInteractions) -> Iterator[KnownFact]:
    goes = member.customer_id != moved.customer_id
    given = [moved.customer_id, member.program_id, first, list(moved.ids), goes]
    return load_counted_interactions(dict(bulk.fetch(INTERACTIONS, given)), versions)
