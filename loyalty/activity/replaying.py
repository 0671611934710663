"""
The replay check: a sum that adds up is not yet a right decision.

Members' pasts are replayed by the same steps, and what they come to is compared with what is stored. Where facts were
told late, a plan's payment too, points came back to a household, or two members of whom one had a plan were merged, the two
may differ with good reason (ADR 22 and 25): somebody must look.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import islice
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.simulation import Past, simulate
from loyalty.activity.versions import versions_of_program
from loyalty.badges.state import BADGES, GAME
from loyalty.engine.versions import Versions
from loyalty.points.state import POINTS
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
SELECT w.membership_id, w.code, w.available + w.held - w.owed - c.claimed, w.pending, least(w.held - c.claimed, w.shortfall),
    (SELECT coalesce(sum(h.points), 0)::bigint FROM points_hold h WHERE h.wallet_id = w.id)
FROM points_wallet w CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.claimed), 0)::bigint AS claimed FROM points_lot l WHERE l.wallet_id = w.id AND l.claimed > 0
) c
WHERE w.membership_id = ANY(%s)
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
        done.deviations.extend(_compared(program, versions, pasts, done, now))
    return done


def _compared(
    program: Program, versions: Versions, pasts: Sequence[Past], done: Replayed, now: datetime
) -> Iterator[Deviation]:
    ids = [past.joined.membership_id for past in pasts]
    parameters = {"ids": ids, "now": now, "started": versions.latest_start(now)}
    settled = {pk: (number, key) for pk, number, key in bulk.fetch(SETTLED, parameters)}
    stored = {(pk, code): figures for pk, code, *figures in bulk.fetch(STORED, [ids])}
    codes = _tier_codes(versions)
    challenges = _challenge_codes(versions)
    awarded: dict[UUID, dict[str, int]] = {}
    for pk, name, count in bulk.fetch(AWARDED, [ids]) if challenges else ():
        awarded.setdefault(pk, {})[name] = count
    for past in pasts:
        if past.joined.membership_id not in settled:
            done.skipped += 1
            continue
        done.members += 1
        number, key = settled[past.joined.membership_id]
        for wallet in past.member.of(POINTS).wallets:
            balance, pending, may_settle, held = stored.get((past.joined.membership_id, wallet.code), (0, 0, 0, 0))
            replayed = sum(lot.available + lot.held for lot in wallet.lots) - wallet.owed
            waiting = sum(lot.pending for lot in wallet.lots)
            if 0 < waiting - pending <= held:
                balance, pending = balance - (waiting - pending), waiting
            if not balance - may_settle <= replayed <= balance:
                yield Deviation(program.slug, number, f"the balance of {wallet.code}", str(balance), str(replayed))
            if pending != waiting:
                yield Deviation(program.slug, number, f"what is pending of {wallet.code}", str(pending), str(waiting))
        yield from _awards(program, number, past, awarded.get(past.joined.membership_id, {}), challenges)
        stands = str(past.member.of(TIERS).key or "") if past.member.has(TIERS) else ""
        if key != stands:
            yield Deviation(program.slug, number, "the tier", codes.get(key, "none"), codes.get(stands, "none"))


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
