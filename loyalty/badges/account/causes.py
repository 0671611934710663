"""Which orders and interactions met a challenge: asked of the facts themselves, as they are now."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.counted import KnownFact, load_counted_interactions, load_counted_orders
from loyalty.badges.models import ChallengeAward
from loyalty.badges.overview import state_of
from loyalty.badges.rules import ChallengeRule, Tally, adds, plus, times_met
from loyalty.badges.state import GAME, BadgeState
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.points.state import MAIN

MAX_FACTS, MAX_CAUSES = 1_000, 100
ORDERS = """
SELECT o.id FROM customers_order o JOIN activity_orderdecision d ON d.order_id = o.id
WHERE d.membership_id = %s AND d.is_kept AND d.version_id IS NOT NULL GROUP BY o.id ORDER BY o.occurred_at DESC LIMIT %s
"""
INTERACTIONS = """
SELECT i.id, d.points FROM customers_interaction i JOIN activity_interactiondecision d ON d.interaction_id = i.id
WHERE i.customer_id = %s AND d.program_id = %s ORDER BY i.occurred_at DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class AwardCause:
    """An order, or an interaction, that counts for an award, by its number."""

    order: str | None
    interaction: str | None
    occurred_at: datetime


def causes_of(
    membership: Membership, awards: Sequence[ChallengeAward], versions: Versions
) -> dict[UUID, list[AwardCause]]:
    """
    Return the facts that met each award's challenge, the first first, at most a hundred.

    They are those that meet it in the order of their time, whatever order they were told in. Of a member with more than a
    thousand orders, the latest thousand are looked at.
    """
    if not awards:
        return {}
    known, state = _facts(membership, versions), state_of(membership.pk)
    found: dict[UUID, list[AwardCause]] = {}
    for award in awards:
        version = versions.version(award.challenge.version_id)
        rule = version.of(GAME).by_name.get(award.name) if version else None
        if isinstance(rule, ChallengeRule):
            found[award.pk] = _met_by(rule, award, _since(membership, award, known), state)[:MAX_CAUSES]
    return found


def _facts(membership: Membership, versions: Versions) -> list[KnownFact]:
    """Load what a member bought and kept, and what else it did, in the order of time."""
    orders = [key for (key,) in bulk.fetch(ORDERS, [membership.pk, MAX_FACTS])]
    points = dict(bulk.fetch(INTERACTIONS, [membership.customer_id, membership.program_id, MAX_FACTS]))
    main = Wallet.objects.filter(membership=membership, code=MAIN).values_list("pk", flat=True)
    bought = load_counted_orders(orders, membership.program_id, versions, frozenset(main))
    found = [*bought, *load_counted_interactions(points, versions)]
    return sorted(found, key=lambda each: each.fact.at)


def _since(membership: Membership, award: ChallengeAward, known: Sequence[KnownFact]) -> Sequence[KnownFact]:
    """Leave out what was done before the membership began in which an award was given: that ended with an earlier one."""
    begun = membership.enrolled_at
    return [each for each in known if each.fact.at >= begun] if award.occurred_at >= begun else known


def _met_by(
    rule: ChallengeRule, award: ChallengeAward, known: Iterable[KnownFact], state: BadgeState
) -> list[AwardCause]:
    """Return the facts of an award's window since the award before it, up to the one that met it."""
    tallies: list[Tally] = [{} for _ in rule.goals]
    since, met = state.joined.get(rule.name, datetime.min.replace(tzinfo=UTC)), 0
    found: list[AwardCause] = []
    for each in known:
        is_for_others = not each.fact.interaction and not rule.audience.includes(each.fact.occasion)
        if is_for_others or each.fact.at < since or rule.window_on(each.fact.on) != award.window:
            continue
        added = [adds(rule, goal, each.fact) for goal in rule.goals]
        if not any(added):
            continue
        found.append(_cause(each))
        tallies = [plus(tally, more) for tally, more in zip(tallies, added, strict=True)]
        times = times_met(rule, tallies)
        if times >= award.number:
            return found
        if times > met:
            met = times
            found = [] if rule.repeats else found
    return found


def _cause(known: KnownFact) -> AwardCause:
    order, interaction = (None, known.number) if known.fact.interaction else (known.number, None)
    return AwardCause(order, interaction, known.fact.at)
