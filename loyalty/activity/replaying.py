"""
The replay check: a sum that adds up is not yet a right decision.

Members' pasts are replayed by the same steps, and what they come to is compared with what is stored: in the order of their
time, and of whom that comes to something else once more as they were told, each late fact as late as it was. Members who were
merged live as two until then. Where it matters for facts that were told late how they were told (in a file among others, or
corrected since), or points came back to a household, both may differ with good reason: somebody must look.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import islice
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.past import Past
from loyalty.activity.simulation import shares_budget, simulate
from loyalty.activity.versions import versions_of_program
from loyalty.badges.state import BADGES, GAME
from loyalty.engine.versions import Versions
from loyalty.points.state import POINTS, WalletState
from loyalty.programs.models import Program
from loyalty.tiers.state import SCHEME, TIERS

CHUNK = 1_000
# Whose time has not been carried out, or whose facts wait for their decision, is not where its past leads yet.
SETTLED = """
SELECT m.id, m.number, coalesce(t.key::text, '') FROM memberships_membership m
LEFT JOIN tiers_standing s ON s.membership_id = m.id LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE m.id = ANY(%(ids)s) AND m.left_at IS NULL AND (m.next_due_at IS NULL OR m.next_due_at > %(now)s)
    AND (%(started)s::timestamptz IS NULL OR m.started_at >= %(started)s)
    AND NOT EXISTS (SELECT 1 FROM customers_undecidedfact u WHERE u.customer_id = m.customer_id)
    AND NOT EXISTS (SELECT 1 FROM points_grant g WHERE g.membership_id = m.id AND g.decided_at IS NULL)
"""
# What a return has claimed of held points is taken when the hold ends; a past that is replayed holds nothing. What comes back
# then settles what is lacking, first. And what was held could not be taken with a gift: instead, that took what is pending.
STORED = """
SELECT w.membership_id, w.code, w.available + w.held - w.owed - c.claimed, w.pending, least(w.held - c.claimed, w.shortfall)
FROM points_wallet w CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.claimed), 0)::bigint AS claimed FROM points_lot l WHERE l.wallet_id = w.id AND l.claimed > 0
) c
WHERE w.membership_id = ANY(%s)
"""
# What was taken from what was pending of something else, at most as much as was held by then.
TAKEN_INSTEAD = """
SELECT w.membership_id, w.code, sum(least(t.taken, h.held))::bigint
FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id AND e.kind = 'return' AND e.pending_change < 0
CROSS JOIN LATERAL (
    SELECT sum(v.amount) AS taken FROM points_movement v JOIN points_lot l ON l.id = v.lot_id
    WHERE v.entry_id = e.id AND v.from_state = 'pending' AND l.order_id IS DISTINCT FROM e.order_id
) t CROSS JOIN LATERAL (
    SELECT sum(d.points) AS held FROM points_hold d
    WHERE d.wallet_id = w.id AND d.held_at <= e.recorded_at AND (d.ended_at IS NULL OR d.ended_at >= e.recorded_at)
) h
WHERE w.membership_id = ANY(%s) GROUP BY 1, 2 HAVING sum(least(t.taken, h.held)) > 0
"""
# What a till held was not there for what was to be taken back meanwhile, so that is owed; a past that is replayed has it taken,
# and spends nothing when the till confirms.
SPENT_INSTEAD = """
SELECT w.membership_id, w.code, sum(d.redeemed)::bigint FROM points_wallet w JOIN points_hold d ON d.wallet_id = w.id
WHERE w.membership_id = ANY(%s) AND d.redeemed > 0 AND EXISTS (
    SELECT 1 FROM points_entry e
    WHERE e.wallet_id = w.id AND e.owed_change > 0 AND e.recorded_at >= d.held_at AND e.recorded_at <= d.ended_at)
GROUP BY 1, 2
"""
AWARDED = """
SELECT membership_id, name, count(*)::int FROM badges_challengeaward WHERE membership_id = ANY(%s) AND ended_at IS NULL
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Deviation:
    """What is stored of a member, and what its past comes to when it is replayed."""

    program: str
    number: str
    what: str
    stored: str
    replayed: str

    def __str__(self) -> str:
        return (
            f"{self.program}, member {self.number}: {self.what} is {self.stored}, "
            f"and {self.replayed} when its past is lived again"
        )


@dataclass(slots=True)
class Replayed:
    """What a replay came to; `skipped` members have left, or wait for a night or for the backlog."""

    members: int = 0
    skipped: int = 0
    deviations: list[Deviation] = field(default_factory=list)


def replay(program: Program, *, now: datetime) -> Replayed:
    """Live the pasts of a program's members again up to now, a thousand at a time, and compare; nothing is written."""
    versions = versions_of_program(program.pk)
    lives = simulate(versions, until=now, observe=lambda _: None)
    done = Replayed()
    while pasts := list(islice(lives, CHUNK)):
        comparison = _Comparison.of(program, versions, pasts, now)
        done.members += len(comparison.settled)
        done.skipped += len(pasts) - len(comparison.settled)
        found = comparison.deviations(pasts)
        # Alone, they would find more in a budget than was left for them.
        as_told = _deviations_as_told(comparison, found, now) if found and not shares_budget(versions) else found
        done.deviations.extend(each for key in found if key in as_told for each in found[key])
    return done


def _deviations_as_told(comparison: "_Comparison", members: Iterable[UUID], now: datetime) -> Mapping[UUID, object]:
    """Return who comes to something else also where each fact is decided when it was told, as late as it was then."""
    lives = simulate(comparison.versions, until=now, observe=lambda _: None, members=sorted(members), as_told=True)
    return comparison.deviations(list(lives))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """
    What is stored of some members, to compare pasts with.

    :param settled: number and tier of those whose time and facts have been carried out
    :param stored: by membership and wallet the balance, what is pending, and what of held points settles what is missing
    :param instead: what was taken of what is pending in the place of what was held
    :param spent: what tills spent of what they had held while something was to be taken back
    """

    program: Program
    versions: Versions
    settled: Mapping[UUID, tuple[str, str]]
    stored: Mapping[tuple[UUID, str], Sequence[int]]
    instead: Mapping[tuple[UUID, str], int]
    spent: Mapping[tuple[UUID, str], int]
    awarded: Mapping[UUID, Mapping[str, int]]
    tiers: Mapping[str, str]
    challenges: Mapping[str, str]

    @classmethod
    def of(cls, program: Program, versions: Versions, pasts: Sequence[Past], now: datetime) -> "_Comparison":
        ids = [past.joined.membership_id for past in pasts]
        parameters = {"ids": ids, "now": now, "started": versions.latest_start(now)}
        challenges = _challenge_codes(versions)
        awarded: dict[UUID, dict[str, int]] = {}
        for pk, name, count in bulk.fetch(AWARDED, [ids]) if challenges else ():
            awarded.setdefault(pk, {})[name] = count
        return cls(
            program,
            versions,
            {pk: (number, key) for pk, number, key in bulk.fetch(SETTLED, parameters)},
            {(pk, code): figures for pk, code, *figures in bulk.fetch(STORED, [ids])},
            {(pk, code): points for pk, code, points in bulk.fetch(TAKEN_INSTEAD, [ids])},
            {(pk, code): points for pk, code, points in bulk.fetch(SPENT_INSTEAD, [ids])},
            awarded,
            _tier_codes(versions),
            challenges,
        )

    def deviations(self, pasts: Iterable[Past]) -> dict[UUID, list[Deviation]]:
        """Return what pasts come to and is not stored so, by membership; nothing of who is not settled."""
        settled = (past for past in pasts if past.joined.membership_id in self.settled)
        found = {past.joined.membership_id: list(self._deviations_of(past)) for past in settled}
        return {key: deviations for key, deviations in found.items() if deviations}

    def _deviations_of(self, past: Past) -> Iterator[Deviation]:
        key = past.joined.membership_id
        number, stored = self.settled[key]
        for wallet in past.member.of(POINTS).wallets:
            yield from self._of_wallet(key, number, wallet)
        yield from _awards(self.program, number, past, self.awarded.get(key, {}), self.challenges)
        stands = str(past.member.of(TIERS).key or "") if past.member.has(TIERS) else ""
        if stored != stands:
            before, after = self.tiers.get(stored, "none"), self.tiers.get(stands, "none")
            yield Deviation(self.program.slug, number, "the tier", before, after)

    def _of_wallet(self, key: UUID, number: str, wallet: WalletState) -> Iterator[Deviation]:
        balance, pending, may_settle = self.stored.get((key, wallet.code), (0, 0, 0))
        replayed = sum(lot.available + lot.held for lot in wallet.lots) - wallet.owed
        waiting = sum(lot.pending for lot in wallet.lots)
        if 0 < waiting - pending <= self.instead.get((key, wallet.code), 0):
            balance, pending = balance - (waiting - pending), waiting
        if not balance - may_settle <= replayed <= balance + self.spent.get((key, wallet.code), 0):
            what = f"the balance of {wallet.code}"
            yield Deviation(self.program.slug, number, what, str(balance), str(replayed))
        if pending != waiting:
            what = f"what is pending of {wallet.code}"
            yield Deviation(self.program.slug, number, what, str(pending), str(waiting))


def _awards(
    program: Program, number: str, past: Past, stored: Mapping[str, int], codes: Mapping[str, str]
) -> Iterator[Deviation]:
    """Compare the awards that a member has with those that its past gives, challenge by challenge."""
    if not past.member.has(BADGES):
        return
    replayed: dict[str, int] = {}
    for place, known in past.member.of(BADGES).windows.items():
        if known.given:
            replayed[place.name] = replayed.get(place.name, 0) + known.given
    for name in sorted({**stored, **replayed}, key=lambda each: codes.get(each, each)):
        before, after = stored.get(name, 0), replayed.get(name, 0)
        if before != after:
            what = f"how many awards it has of the challenge {codes.get(name, name)}"
            yield Deviation(program.slug, number, what, str(before), str(after))


def _challenge_codes(versions: Versions) -> dict[str, str]:
    """Return the codes of challenges by their names in states; none where a program has no challenges."""
    if BADGES.name not in versions.uses:
        return {}
    return {rule.name: rule.code for version in versions.versions for rule in version.of(GAME).challenges}


def _tier_codes(versions: Versions) -> dict[str, str]:
    if TIERS.name not in versions.uses:
        return {}
    return {str(tier.key): tier.code for version in versions.versions for tier in version.of(SCHEME).tiers}
