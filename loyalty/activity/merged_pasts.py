"""
Members who were two before a merge: a past that is lived again lives both, each with what it decided, until they are one.

What was told only after the merge, of a time before it, was decided for who stays: it comes when it was told.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.lived_facts import RANKS, Joined, LivedFact
from loyalty.activity.told_facts import Told, ToldFacts, load_told
from loyalty.engine.activities import ChallengeJoined

LAST = datetime.max.replace(tzinfo=UTC)
NOTHING_TOLD = ToldFacts({})
# Those of whom it is known what both had been. Who was merged before that was kept lives with who stays, as if always one; and so
# does who is merged only after an instant by which not both were members.
ENDED = """
SELECT m.merged_first_into, m.merged_at, m.other_since, m.id, s.customer_id, m.retailer_id, m.program_id, m.enrolled_at,
    CASE WHEN m.left_at < m.merged_at THEN m.left_at END, c.birth_date, NULL::uuid, p.began, p.ended, s.id
FROM memberships_membership m JOIN memberships_membership s ON s.id = m.merged_into_id
JOIN customers_customer c ON c.id = m.customer_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(enrolled_at ORDER BY enrolled_at), '{}') AS began,
        coalesce(array_agg(left_at ORDER BY enrolled_at), '{}') AS ended
    FROM memberships_membershipperiod WHERE membership_id = m.id
) p
WHERE m.merged_into_id = ANY(%(members)s)
    AND (m.merged_at <= %(until)s OR greatest(m.other_since, coalesce(p.began[1], m.enrolled_at)) <= %(until)s) AND NOT EXISTS (
    SELECT 1 FROM memberships_membership o WHERE o.merged_into_id = m.merged_into_id AND o.merged_at IS NULL)
ORDER BY m.merged_at, m.id
"""


@dataclass(frozen=True, slots=True)
class Merge:
    """
    That a membership ended because its customer turned out to be another one.

    :param into: the membership that stayed, which may have been merged itself since
    :param into_since: since when that one had been enrolled until then
    :param goes_over: whether what it had went over by then: it had nothing where it had left before, and is not yet one where
        the past ends before
    """

    membership_id: UUID
    into: UUID
    at: datetime
    into_since: datetime
    goes_over: bool


@dataclass(frozen=True, slots=True)
class MergedPasts:
    """
    The memberships that some members were before merges, and what each of them decided.

    :param lives: each as it lived until the next merge, by membership; that of who stays, too
    :param merges: by the membership that ended
    :param taken: those by which something went over, by the membership that took it
    :param together: the lives of all who are one in the end, by the membership of that one
    :param is_as_told: whether all is lived when it was told, and not only what was told after a merge
    """

    lives: Mapping[UUID, Joined] = field(default_factory=dict)
    merges: Mapping[UUID, Merge] = field(default_factory=dict)
    taken: Mapping[UUID, Sequence[Merge]] = field(default_factory=dict)
    together: Mapping[UUID, Sequence[Joined]] = field(default_factory=dict)
    told: ToldFacts = NOTHING_TOLD
    is_as_told: bool = False

    def stays(self, membership_id: UUID, at: datetime) -> UUID:
        """Return the membership that one had become by an instant."""
        return _stays(self.merges, membership_id, at)

    def who_lived(self, joined: Sequence[Joined]) -> list[Joined]:
        """Return some members, and those who were merged into them."""
        return [*joined, *(self.lives[key] for key in self.merges)]

    def placed(
        self, facts: Sequence[LivedFact], stays: Mapping[UUID, UUID], until: datetime
    ) -> Sequence[tuple[datetime, UUID, LivedFact]]:
        """
        Return when, and in whose past, each of some facts is lived, in this order.

        :param facts: in the order of their time
        :param stays: the membership of each customer
        """
        if not self.lives and not self.is_as_told:
            return [(fact.occurred_at, stays[fact.customer_id], fact) for fact in facts]
        placed = [(*place, fact) for fact in facts for place in self._places(fact, stays[fact.customer_id], until)]
        return sorted((each for each in placed if each[0] <= until), key=_in_order)

    def _places(self, fact: LivedFact, stays: UUID, until: datetime) -> Iterator[tuple[datetime, UUID]]:
        """Yield when a fact is lived, and in whose past. :param stays: the membership of its customer"""
        if isinstance(fact, ChallengeJoined) and stays in self.lives:
            # Of two who are one each takes part since the first of both joined.
            for each in self.together[stays]:
                yield max(fact.occurred_at, each.began_at), each.membership_id
        elif (told := self.told.of(fact)) is None:
            yield fact.occurred_at, stays
        else:
            key = self.stays(told.membership_id, min(told.at, until))
            yield max(fact.occurred_at, told.at) if self._is_late(fact, told, key) else fact.occurred_at, key

    def _is_late(self, fact: LivedFact, told: Told, key: UUID) -> bool:
        """Tell whether a fact is lived as it was told: by who is one since it occurred. :param key: the membership that one is"""
        return self.is_as_told or any(fact.occurred_at < each.at <= told.at for each in self.taken.get(key, ()))


def _stays(merges: Mapping[UUID, Merge], membership_id: UUID, at: datetime) -> UUID:
    while (merge := merges.get(membership_id)) is not None and merge.at <= at:
        membership_id = merge.into
    return membership_id


def _in_order(placed: tuple[datetime, UUID, LivedFact]) -> tuple[datetime, datetime, int, UUID]:
    """Sort by when facts are lived; what is told together is decided in the order of its time."""
    at, _, fact = placed
    return at, fact.occurred_at, RANKS[type(fact)], fact.id


def load_merged(joined: Sequence[Joined], until: datetime, *, as_told: bool = False) -> MergedPasts:
    """
    Load what some members had been before they were merged.

    :param as_told: let all be lived when it was told
    """
    rows = bulk.fetch(ENDED, {"members": [each.membership_id for each in joined], "until": until})
    stay = {row[-1] for row in rows}
    known = joined if as_told else [each for each in joined if each.membership_id in stay]
    if not known:
        return MergedPasts()
    lives = {each.membership_id: replace(each, first_order_id=None) for each in known if each.membership_id in stay}
    merges: dict[UUID, Merge] = {}
    waiting = [_merge(row, until) for row in reversed(rows)]
    while ready := [each for each in waiting if each[0].into in lives]:
        waiting = [each for each in waiting if each[0].into not in lives]
        for merge, life in ready:
            merges[life.membership_id], lives[life.membership_id] = merge, life
            lives[merge.into] = _as_before(lives[merge.into], merge)
    taken: dict[UUID, list[Merge]] = defaultdict(list)
    for merge in merges.values():
        if merge.goes_over:
            taken[merge.into].append(merge)
    together: dict[UUID, list[Joined]] = defaultdict(list)
    for key, life in lives.items():
        together[_stays(merges, key, LAST)].append(life)
    members = {*lives, *(each.membership_id for each in known)}
    told = load_told(known[0].program_id, members, {each.customer_id for each in known})
    return MergedPasts(lives, merges, taken, together, told, as_told)


def _merge(row: Sequence[Any], until: datetime) -> tuple[Merge, Joined]:
    """Return a merge, and the member that ended with it."""
    into, at, since, *life, began, ended, _ = row
    joined = replace(Joined(*life), earlier=tuple(zip(began, ended, strict=True)))
    return Merge(joined.membership_id, into, at, since, goes_over=joined.left_at is None and at <= until), joined


def _as_before(joined: Joined, merge: Merge) -> Joined:
    """Return a member as it was enrolled before a merge into it: since then it is as old as the older one of both."""
    for place, (began, ended) in enumerate(joined.earlier):
        if began <= merge.at < ended:
            changed = (*joined.earlier[:place], (merge.into_since, ended), *joined.earlier[place + 1 :])
            return replace(joined, earlier=changed)
    return replace(joined, enrolled_at=merge.into_since)
