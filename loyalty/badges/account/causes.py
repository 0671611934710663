"""Which orders and interactions met a challenge: asked of the facts themselves, as they are now."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.counted import KnownFact, load_counted_interactions, load_counted_orders
from loyalty.badges.models import ChallengeAward
from loyalty.badges.overview import state_of
from loyalty.badges.rules import ChallengeRule, adds, times_met
from loyalty.badges.state import GAME, BadgeState
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.points.state import MAIN

MAX_FACTS, MAX_CAUSES = 1_000, 100
ORDERS = """
SELECT o.id FROM customers_order o JOIN activity_orderdecision d ON d.order_id = o.id
WHERE d.membership_id = %s AND d.is_kept AND d.version_id IS NOT NULL
GROUP BY o.id ORDER BY o.occurred_at DESC, o.id DESC LIMIT %s
"""
INTERACTIONS = """
SELECT i.id, d.points FROM customers_interaction i JOIN activity_interactiondecision d ON d.interaction_id = i.id
WHERE i.customer_id = %s AND d.program_id = %s ORDER BY i.occurred_at DESC, i.id DESC LIMIT %s
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
    for some in _of_one_window(membership, awards):
        award = some[0]
        version = versions.version(award.challenge.version_id)
        rule = version.of(GAME).by_name.get(award.name) if version else None
        if isinstance(rule, ChallengeRule):
            own = _counted(rule, award.window, _since(membership, award, known), state)
            met_by = _met_by(rule, own, {each.number for each in some})
            found |= {each.pk: met_by[each.number][:MAX_CAUSES] for each in some}
    return found


def _of_one_window(membership: Membership, awards: Sequence[ChallengeAward]) -> Iterable[list[ChallengeAward]]:
    """Return awards by the window of the challenge that gave them: what met them is found by one look at the facts."""
    found: dict[tuple[int, str, bool], list[ChallengeAward]] = {}
    for each in awards:
        is_of_now = each.occurred_at >= membership.enrolled_at
        found.setdefault((each.challenge_id, each.window, is_of_now), []).append(each)
    return found.values()


def _facts(membership: Membership, versions: Versions) -> list[KnownFact]:
    """Load what a member bought and kept, and what else it did, in the order of time."""
    orders = [key for (key,) in bulk.fetch(ORDERS, [membership.pk, MAX_FACTS])]
    points = dict(bulk.fetch(INTERACTIONS, [membership.customer_id, membership.program_id, MAX_FACTS]))
    main = Wallet.objects.filter(membership=membership, code=MAIN).values_list("pk", flat=True)
    bought = load_counted_orders(orders, membership.program_id, versions, frozenset(main))
    found = [*bought, *load_counted_interactions(points, versions)]
    return sorted(found, key=lambda each: (each.fact.at, each.fact.interaction, each.number))


def _since(membership: Membership, award: ChallengeAward, known: Sequence[KnownFact]) -> Sequence[KnownFact]:
    """Leave out what was done before the membership began in which an award was given: that ended with an earlier one."""
    begun = membership.enrolled_at
    return [each for each in known if each.fact.at >= begun] if award.occurred_at >= begun else known


def _counted(
    rule: ChallengeRule, window: str, known: Iterable[KnownFact], state: BadgeState
) -> Iterable[tuple[KnownFact, list[dict[str, int]]]]:
    """Yield the facts that count for a challenge in a window, with what each adds to its goals."""
    since = state.joined.get(rule.name, datetime.min.replace(tzinfo=UTC))
    for each in known:
        is_for_others = not each.fact.interaction and not rule.audience.includes(each.fact.occasion)
        if is_for_others or each.fact.at < since or rule.window_on(each.fact.on) != window:
            continue
        added = [adds(rule, goal, each.fact) for goal in rule.goals]
        if any(added):
            yield each, added


def _met_by(
    rule: ChallengeRule, counted: Iterable[tuple[KnownFact, list[dict[str, int]]]], numbers: Collection[int]
) -> dict[int, list[AwardCause]]:
    """
    Return the facts since the award before, up to the one that met it, by the number of the award.

    :param counted: what counts in a window, with what it adds, in the order of time
    """
    tallies: list[dict[str, int]] = [{} for _ in rule.goals]
    found: list[AwardCause] = []
    met, met_by = 0, dict[int, list[AwardCause]]()
    for each, added in counted:
        found.append(_cause(each))
        for tally, more in zip(tallies, added, strict=True):
            tally.update({item: tally.get(item, 0) + number for item, number in more.items()})
        times = times_met(rule, tallies)
        met_by |= {number: list(found) for number in numbers if met < number <= times}
        if len(met_by) == len(numbers):
            return met_by
        if times > met:
            met = times
            found = [] if rule.repeats else found
    return dict.fromkeys(numbers, found) | met_by


def _cause(known: KnownFact) -> AwardCause:
    order, interaction = (None, known.number) if known.fact.interaction else (known.number, None)
    return AwardCause(order, interaction, known.fact.at)
