"""On which tier a member stands after an activity, and after a night: up at once, down as the program chose."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from customers.core.calendar import day_before, local_date
from loyalty.activity.deciding.gifts import gift, taken_back
from loyalty.activity.deciding.points import Booked
from loyalty.activity.rulesets import Ruleset, Timeline
from loyalty.activity.state import Member, TierStep
from loyalty.outbox.publishing import NewEvent
from loyalty.points.ledger import Posting
from loyalty.points.rules import ONE, Occasion
from loyalty.tiers.assessment import Moved, Qualified
from loyalty.tiers.rules import Counts, Day, Ladder, Step, add_day, counted, grace_end, period_end


@dataclass(frozen=True, slots=True)
class Assessed:
    """A member after an assessment; where it moved, the move, and the gifts that came or went with it."""

    member: Member
    moves: tuple[Moved, ...] = ()
    postings: tuple[Posting, ...] = ()

    @property
    def events(self) -> tuple[NewEvent, ...]:
        """Return what subscribers are told of it."""
        given = (posting for posting in self.postings if posting.lots)
        return (*(_tier_event(move) for move in self.moves), *(_gift_event(self.member, each) for each in given))


@dataclass(frozen=True, slots=True)
class When:
    """
    The moment of an assessment, and what it is for.

    :param on: the day of the program's zone as of which it counts
    :param cause: such as order:ID or night:DAY
    """

    on: date
    at: datetime
    cause: str


def qualified(member: Member, changes: tuple[Qualified, ...]) -> Member:
    """Return a member with what changes its days."""
    for change in changes:
        purse = member.purse_of(change.wallet_id)
        day = Day(change.on, change.spend, change.points, change.orders, change.visits)
        member = member.with_purse(replace(purse, days=add_day(purse.days, day)))
    return member


def occasion_of(member: Member, ruleset: Ruleset, instant: datetime, *, is_first: bool = False) -> Occasion:
    """Return what rules see of an instant: the tier on which the member stood then, and its multiplier."""
    step = ruleset.ladder.step(member.tier_at(instant))
    multiplier, tier = (step.multiplier, step.code) if step else (ONE, "")
    return Occasion(instant, ruleset.zone, multiplier, is_first, tier)


def counts_of(member: Member, ruleset: Ruleset, on: date) -> Counts:
    """Return what counts for a member's tier on a day."""
    ladder = ruleset.ladder
    main, wallet = member.main, member.purse(ladder.wallet)
    joined = local_date(member.enrolled_at, ruleset.zone)
    return counted(ladder, main.days, wallet.days, on=on, joined=joined, balance=wallet.balance)


def climb(member: Member, ruleset: Ruleset, on: date, occurred_at: datetime, cause: str) -> Assessed:
    """Go up at once, or end a grace that is no longer needed; down is a matter of the night."""
    when = When(max(on, member.assessed_on or on), max(occurred_at, member.tier_since or occurred_at), cause)
    earned = ruleset.ladder.earned(counts_of(member, ruleset, when.on))
    return _up(member, ruleset, earned, when)


def assess(member: Member, ruleset: Ruleset, when: When) -> Assessed:
    """Put a member where it belongs: up, or down where the program lets members fall in any night."""
    ladder = ruleset.ladder
    earned = ladder.earned(counts_of(member, ruleset, when.on))
    if ladder.rank(_code(earned)) >= ladder.rank(member.tier_code):
        return _up(member, ruleset, earned, when)
    current = ladder.step(member.tier_code)
    member = replace(member, assessed_on=when.on)
    if current is None:
        return _to(member, ruleset, earned, when)
    if ladder.downgrade == "at_once":
        return _to(member, ruleset, ladder.landing(current, earned), when)
    if ladder.downgrade == "grace" and member.keeps_until is None:
        return Assessed(replace(member, tier_id=current.id, keeps_until=grace_end(ladder, when.on)))
    if ladder.downgrade == "grace" and member.keeps_until and member.keeps_until <= when.on:
        landing = ladder.landing(current, earned)
        fallen = _to(member, ruleset, landing, when)
        if ladder.rank(_code(landing)) > ladder.rank(_code(earned)):  # landed softly, it has a grace there too
            fallen = replace(fallen, member=replace(fallen.member, keeps_until=grace_end(ladder, when.on)))
        return fallen
    return Assessed(
        replace(member, tier_id=current.id, keeps_until=_kept(member, ruleset, current, when.on, member.keeps_until))
    )


def end_period(member: Member, ruleset: Ruleset, when: When) -> Assessed:
    """Let a member whose period is over keep its tier for another one, or fall: by what counted on its last day."""
    ladder = ruleset.ladder
    current = ladder.step(member.tier_code)
    if current is None or member.keeps_until is None or member.keeps_until > when.on:
        return Assessed(member)
    earned = ladder.earned(counts_of(member, ruleset, day_before(when.on)))
    if ladder.rank(_code(earned)) >= ladder.rank(current.code):
        until = period_end(ladder, when.on, local_date(member.enrolled_at, ruleset.zone))
        return Assessed(replace(member, assessed_on=when.on, keeps_until=until))
    return _to(replace(member, assessed_on=when.on), ruleset, ladder.landing(current, earned), when)


def undo_entries(member: Member, timeline: Timeline, at: datetime, cause: str) -> Assessed:
    """
    Bring a member down after a return: from the tiers that it would not have entered without what came back.

    The gifts of those entries go with them as far as they are unspent. A program that lets members fall at once does so
    here too; where a period or a grace protects a tier, only the undoing of its entry takes it.
    """
    ruleset = timeline.at(at)
    current = ruleset.ladder.step(member.tier_code) if ruleset else None
    if ruleset is None or current is None:
        return Assessed(member)
    zone, ladder = ruleset.zone, ruleset.ladder
    when = When(max(local_date(at, zone), member.assessed_on or date.min), max(at, member.tier_since or at), cause)
    earned = ladder.earned(counts_of(member, ruleset, when.on))
    undone: list[tuple[str, datetime]] = []
    left: Step | None = current
    while left is not None and ladder.rank(left.code) > ladder.rank(_code(earned)):
        entered = _entered(member, ladder, left)
        if entered is None or _would_have_entered(member, timeline, left.code, entered):
            break
        undone.append((left.code, entered))
        place = ladder.rank(left.code)
        left = ladder.steps[place - 1] if place else None
    if not undone:
        if ladder.downgrade == "at_once" and ladder.rank(_code(earned)) < ladder.rank(current.code):
            return _to(replace(member, assessed_on=when.on), ruleset, ladder.landing(current, earned), when)
        return Assessed(member)
    moved = _to(replace(member, assessed_on=when.on), ruleset, left, when)
    done = taken_back(Booked(moved.member), undone, cause=cause, at=at)
    return replace(moved, member=done.member, postings=done.postings)


def _would_have_entered(member: Member, timeline: Timeline, code: str, entered: datetime) -> bool:
    then = timeline.at(entered)
    step = then.ladder.step(code) if then else None
    if then is None or step is None:
        return True  # it came by another way than its conditions
    return then.ladder.is_reached(step, counts_of(member, then, local_date(entered, then.zone)))


def _entered(member: Member, ladder: Ladder, step: Step) -> datetime | None:
    """Return when a member entered a step, or passed it on its way up; None where that is not known."""
    rank = ladder.rank(step.code)
    for change in reversed(member.steps):
        if ladder.rank(change.from_code) < rank <= ladder.rank(change.to_code):
            return change.at
    return None


def _up(member: Member, ruleset: Ruleset, earned: Step | None, when: When) -> Assessed:
    """Go up to what was earned, or stay where it is not higher."""
    ladder = ruleset.ladder
    current = ladder.step(member.tier_code)
    if earned is None or ladder.rank(earned.code) < ladder.rank(member.tier_code):
        tier_id = current.id if current else member.tier_id
        return Assessed(replace(member, assessed_on=when.on, tier_id=tier_id))
    if current is not None and earned.code == current.code:
        protected = member.keeps_until if ladder.downgrade == "period_end" else None
        kept = protected or _kept(member, ruleset, current, when.on, None)
        return Assessed(replace(member, assessed_on=when.on, tier_id=current.id, keeps_until=kept))
    moved = _to(replace(member, assessed_on=when.on), ruleset, earned, when)
    done = Booked(moved.member)
    for step in ladder.passed(member.tier_code, earned):
        done = gift(done, step, ruleset, cause=when.cause, at=when.at)
    return replace(moved, member=done.member, postings=done.postings)


def _kept(member: Member, ruleset: Ruleset, step: Step, on: date, until: date | None) -> date | None:
    """
    Return until when a tier is safe that a member has on a day; what is everybody's cannot be lost.

    :param until: until when it is safe already
    """
    ladder = ruleset.ladder
    if ladder.downgrade == "grace":
        return until
    if ladder.downgrade != "period_end" or ladder.is_reached(step, Counts()):
        return None
    return until or period_end(ladder, on, local_date(member.enrolled_at, ruleset.zone))


def _to(member: Member, ruleset: Ruleset, step: Step | None, when: When) -> Assessed:
    """Move a member to a step, up or down."""
    code = _code(step)
    moved = replace(
        member,
        tier_code=code,
        tier_id=step.id if step else None,
        tier_since=when.at,
        keeps_until=_kept(member, ruleset, step, when.on, None) if step else None,
        steps=(*member.steps, TierStep(when.at, member.tier_code, code)),
    )
    counts = counts_of(member, ruleset, when.on)
    move = Moved(
        retailer_id=member.retailer_id,
        membership_id=member.membership_id,
        from_tier_id=member.tier_id,
        to_tier_id=moved.tier_id,
        cause=when.cause,
        qualifying=counts.of(ruleset.ladder.basis),
        occurred_at=when.at,
    )
    return Assessed(moved, (move,))


def _code(step: Step | None) -> str | None:
    return step.code if step else None


def _tier_event(move: Moved) -> NewEvent:
    payload = {"from": move.from_tier_id, "to": move.to_tier_id, "cause": move.cause}
    return NewEvent(move.retailer_id, "tier.changed", move.membership_id, payload, move.occurred_at)


def _gift_event(member: Member, given: Posting) -> NewEvent:
    payload = {"gift": given.explanation["gift"], "points": sum(lot.amount for lot in given.lots)}
    return NewEvent(member.retailer_id, "points.earned", member.membership_id, payload, given.occurred_at)
