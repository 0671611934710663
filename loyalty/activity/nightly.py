"""
Midnight as an activity. The order is a contract: activate pending points, assess tiers, expire points.

Each change is an entry or a tier change of its own. A night that was interrupted is carried out again: what it did is
done, and is not done twice. (Expiry cannot change a tier: tiers count what was spent or earned.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import day_after, local_date, midnight
from loyalty.activity.deciding.climbing import assess, tier_event
from loyalty.activity.deciding.points import Booked, activated, expired
from loyalty.activity.loading import Lots, load_memberships
from loyalty.activity.models import NightRun
from loyalty.activity.rulesets import Ruleset, Timeline, timelines
from loyalty.activity.state import Decision, Effects, Member
from loyalty.activity.writing import write
from loyalty.points.ledger import MAIN
from loyalty.programs.models import Program
from loyalty.tiers.rules import window_start

BATCH = 2_000

TO_ACTIVATE = """
SELECT DISTINCT w.membership_id FROM points_lot l
JOIN points_wallet w ON w.id = l.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.program_id = %(program)s AND l.pending > 0 AND l.active_at <= %(at)s ORDER BY 1
"""
TO_EXPIRE = """
(
    SELECT w.membership_id FROM points_lot l
    JOIN points_wallet w ON w.id = l.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
    WHERE m.program_id = %(program)s AND l.available > 0 AND l.expires_at <= %(at)s
) UNION (
    SELECT w.membership_id FROM points_wallet w JOIN memberships_membership m ON m.id = w.membership_id
    JOIN points_lot l ON l.wallet_id = w.id AND l.slides AND l.available > 0
    WHERE m.program_id = %(program)s AND w.idle_until <= %(at)s
)
ORDER BY 1
"""
# Only who stands above the first step can fall: going up happened with the order that earned it. Who was assessed on a
# later day, by an order that came before this night was carried out, stands as of that day.
MAY_FALL = """
SELECT s.membership_id FROM tiers_standing s
JOIN tiers_tier t ON t.id = s.tier_id AND t.threshold > 0
JOIN points_wallet w ON w.membership_id = s.membership_id AND w.code = %(wallet)s
WHERE s.program_id = %(program)s AND s.membership_id > %(after)s AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
    AND t.threshold > coalesce((
    SELECT sum({basis}) FROM tiers_qualifyingday q
    WHERE q.wallet_id = w.id AND q.on_date BETWEEN %(first)s AND %(on)s), 0)
ORDER BY s.membership_id LIMIT %(limit)s
"""
EVERYONE = """
SELECT s.membership_id FROM tiers_standing s
WHERE s.program_id = %(program)s AND s.membership_id > %(after)s AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
ORDER BY s.membership_id LIMIT %(limit)s
"""
NOBODY = UUID(int=0)


def run_nights(program: Program, *, until: date, now: datetime) -> list[NightRun]:
    """Carry out every midnight that is due, up to the one with which a day begins, in their order."""
    day = _first_due(program)
    timeline = timelines([program.pk])[program.pk]
    done = []
    while day is not None and day <= until:
        done.append(_run_night(program, timeline, day, now))
        day = day_after(day)
    return done


def _first_due(program: Program) -> date | None:
    latest = NightRun.objects.filter(program=program).order_by("-day").values_list("day", flat=True).first()
    if latest is not None:
        return day_after(latest)
    timeline = timelines([program.pk])[program.pk]
    return day_after(local_date(timeline.starts[0], program.tzinfo)) if timeline.starts else None


def _run_night(program: Program, timeline: Timeline, day: date, now: datetime) -> NightRun:
    at = midnight(day, program.tzinfo)
    night = NightRun(program=program, day=day, ran_at=now)
    ruleset = timeline.at(at)
    if ruleset is not None:
        due = {"program": program.pk, "at": at}
        activate = _Phase(now, at, lambda member: _activate(member, at), lots=Lots.TO_ACTIVATE)
        night.activated = activate.repeat(TO_ACTIVATE, due)
        night.moved = _assess_tiers(program, timeline, ruleset, day, at, now)
        expire = _Phase(now, at, lambda member: _expire(member, at), lots=Lots.TO_EXPIRE)
        night.expired = expire.repeat(TO_EXPIRE, due)
    night.save()
    return night


@dataclass
class _Phase:
    """One step of a night, in batches of wallets that each commit by themselves."""

    now: datetime
    at: datetime
    decide: Callable[[Member], Decision | None]
    lots: Lots | None = None
    with_days: bool = False
    points: int = 0
    moved: int = 0

    def repeat(self, sql: str, parameters: dict[str, object]) -> int:
        """Work on the members that a statement finds until it finds none; return how many points were moved."""
        while found := _members(sql, parameters):
            for start in range(0, len(found), BATCH):
                self._batch(found[start : start + BATCH])
        return self.points

    def page(self, sql: str, parameters: dict[str, object]) -> int:
        """Work once on all members that a statement finds, in id order; return how many changed tier."""
        found = _members(sql, {**parameters, "after": NOBODY})
        while found:
            self._batch(found)
            found = _members(sql, {**parameters, "after": found[-1]})
        return self.moved

    @transaction.atomic
    def _batch(self, memberships: Sequence[UUID]) -> None:
        before = load_memberships(memberships, at=self.at, with_days=self.with_days, lots=self.lots).members
        decisions = {key: decision for key, member in before.items() if (decision := self.decide(member))}
        effects = [decision.effects for decision in decisions.values()]
        after = {key: decision.member for key, decision in decisions.items()}
        write(effects, before=before, after=after, now=self.now)
        self.moved += sum(len(effect.moves) for effect in effects)
        postings = [posting for effect in effects for posting in effect.postings if posting.kind != "repay"]
        self.points += sum(move.amount for posting in postings for move in posting.moves)


def _members(sql: str, parameters: dict[str, object]) -> list[UUID]:
    return [membership for (membership,) in bulk.fetch(sql, {**parameters, "limit": BATCH})]


def _assess_tiers(  # noqa: PLR0913 - one place names them all
    program: Program, timeline: Timeline, ruleset: Ruleset, day: date, at: datetime, now: datetime
) -> int:
    """Assess who may have to go down; everyone, up and down, on the first night of a new version."""
    previous = timeline.at(at - timedelta(days=1))
    cause = f"night:{day}"

    def decide(member: Member) -> Decision:
        move, member_after = assess(member, ruleset, on=day, at=at, cause=cause)
        moves = (move,) if move else ()
        return Decision(member_after, Effects(moves=moves, events=tuple(tier_event(each) for each in moves)))

    phase = _Phase(now, at, decide, with_days=True)
    if previous is None or previous.version_id != ruleset.version_id:
        return phase.page(EVERYONE, {"program": program.pk, "on": day})
    counts_points = ruleset.ladder.basis == "points"
    falling = MAY_FALL.format(basis="points" if counts_points else "spend")
    wallet = ruleset.ladder.wallet if counts_points else MAIN
    first = window_start(ruleset.ladder, day)
    return phase.page(falling, {"program": program.pk, "first": first, "on": day, "wallet": wallet})


def _activate(member: Member, at: datetime) -> Decision | None:
    return _decision(activated(member, at))


def _expire(member: Member, at: datetime) -> Decision | None:
    done = Booked(member)
    for purse in member.purses:
        done = done.then(expired(member, purse, at))
    return _decision(done)


def _decision(done: Booked) -> Decision | None:
    return Decision(done.member, Effects(postings=done.postings)) if done.postings else None
