"""Two who are one take part in a challenge since the first of both joined it: what the other one did since counts, too."""

from collections.abc import Iterator, Mapping, Sequence
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


def recounted(decision: Decision, other: Member, moved: MovedInteractions) -> Member:
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
