"""
Midnight as an activity. The order is a contract: activate pending points, assess tiers, expire points.

Each change is an entry or a tier change of its own. A night that was interrupted is carried out again: what it did is
done, and is not done twice. (Expiry cannot change a tier: tiers count what was spent or earned.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import day_after, local_date, midnight
from loyalty.activity.decide import assess, repaid, repay, tier_event
from loyalty.activity.loading import Lots, load_wallets
from loyalty.activity.models import NightRun
from loyalty.activity.rulesets import Ruleset, Timeline, timelines
from loyalty.activity.state import Decision, Effects, Member
from loyalty.activity.writing import write
from loyalty.outbox.publishing import NewEvent
from loyalty.points.clawback import Move, OpenLot, after
from loyalty.points.ledger import Posting
from loyalty.points.states import State
from loyalty.programs.models import Program
from loyalty.tiers.rules import window_start

BATCH = 2_000

TO_ACTIVATE = """
SELECT DISTINCT l.wallet_id FROM points_lot l
JOIN points_wallet w ON w.id = l.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.program_id = %(program)s AND l.pending > 0 AND l.active_at <= %(at)s ORDER BY 1 LIMIT %(limit)s
"""
TO_EXPIRE = """
SELECT DISTINCT l.wallet_id FROM points_lot l
JOIN points_wallet w ON w.id = l.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.program_id = %(program)s AND l.available > 0 AND l.expires_at <= %(at)s ORDER BY 1 LIMIT %(limit)s
"""
# Only who stands above the first step can fall: going up happened with the order that earned it. Who was assessed on a
# later day, by an order that came before this night was carried out, stands as of that day.
MAY_FALL = """
SELECT w.id FROM tiers_standing s
JOIN tiers_tier t ON t.id = s.tier_id AND t.threshold > 0
JOIN points_wallet w ON w.membership_id = s.membership_id AND w.code = 'points'
WHERE s.program_id = %(program)s AND w.id > %(after)s AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
    AND t.threshold > coalesce((
    SELECT sum({basis}) FROM tiers_qualifyingday q
    WHERE q.membership_id = s.membership_id AND q.on_date BETWEEN %(first)s AND %(on)s), 0)
ORDER BY w.id LIMIT %(limit)s
"""
EVERYONE = """
SELECT w.id FROM tiers_standing s JOIN points_wallet w ON w.membership_id = s.membership_id AND w.code = 'points'
WHERE s.program_id = %(program)s AND w.id > %(after)s AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
ORDER BY w.id LIMIT %(limit)s
"""


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
        activate = _Phase(now, at, lambda member: activate_due(member, at), lots=Lots.TO_ACTIVATE)
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
        """Work on the wallets that a statement finds until it finds none; return how many points were moved."""
        while wallets := _wallets(sql, parameters):
            self._batch(wallets)
        return self.points

    def page(self, sql: str, parameters: dict[str, object]) -> int:
        """Work once on all wallets that a statement finds, in id order; return how many members changed tier."""
        wallets = _wallets(sql, {**parameters, "after": 0})
        while wallets:
            self._batch(wallets)
            wallets = _wallets(sql, {**parameters, "after": wallets[-1]})
        return self.moved

    @transaction.atomic
    def _batch(self, wallets: Sequence[int]) -> None:
        before = load_wallets(wallets, at=self.at, with_days=self.with_days, lots=self.lots).members
        decisions = {wallet: decision for wallet, member in before.items() if (decision := self.decide(member))}
        effects = [decision.effects for decision in decisions.values()]
        after = {wallet: decision.member for wallet, decision in decisions.items()}
        write(effects, before=before, after=after, now=self.now)
        self.moved += sum(len(effect.moves) for effect in effects)
        postings = [posting for effect in effects for posting in effect.postings if posting.kind != "repay"]
        self.points += sum(move.amount for posting in postings for move in posting.moves)


def _wallets(sql: str, parameters: dict[str, object]) -> list[int]:
    return [wallet for (wallet,) in bulk.fetch(sql, {**parameters, "limit": BATCH})]


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
    falling = MAY_FALL.format(basis="points" if ruleset.ladder.basis == "points" else "spend")
    first = window_start(ruleset.ladder, day)
    return phase.page(falling, {"program": program.pk, "first": first, "on": day})


def activate_due(member: Member, at: datetime) -> Decision | None:
    """Make active what is due, and repay what is owed from it; None where nothing is due."""
    due = [lot for lot in member.lots if lot.pending and lot.active_at <= at]
    moves = tuple(Move(lot.id, State.PENDING, State.AVAILABLE, lot.pending) for lot in due)
    if not moves:
        return None
    posting = _posting(member, "activate", due[0], moves, at)
    member = replace(member, balance=member.balance + posting.change(State.AVAILABLE), lots=after(member.lots, moves))
    active = tuple(lot for lot in member.lots if lot.id in {move.lot_id for move in moves})
    repayment = repay(member, active, cause=f"repay:{posting.cause}", at=at)
    if repayment is None:
        return Decision(member, Effects(postings=(posting,)))
    return Decision(repaid(member, repayment), Effects(postings=(posting, repayment)))


def _expire(member: Member, at: datetime) -> Decision | None:
    due = [lot for lot in member.lots if lot.available and lot.expires_at is not None and lot.expires_at <= at]
    moves = tuple(Move(lot.id, State.AVAILABLE, State.EXPIRED, lot.available) for lot in due)
    if not moves:
        return None
    posting = _posting(member, "expire", due[0], moves, at)
    points = -posting.change(State.AVAILABLE)
    event = NewEvent(member.retailer_id, "points.expired", member.membership_id, {"points": points}, at)
    member = replace(member, balance=member.balance - points, lots=after(member.lots, moves))
    return Decision(member, Effects(postings=(posting,), events=(event,)))


def _posting(member: Member, kind: str, first: OpenLot, moves: tuple[Move, ...], at: datetime) -> Posting:
    """Return an entry whose cause names the first of its lots: a lot becomes active once and expires once."""
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=member.wallet_id,
        kind=kind,
        cause=f"{kind}:{first.id}",
        occurred_at=at,
        moves=moves,
        explanation={"lots": len(moves)},
    )
