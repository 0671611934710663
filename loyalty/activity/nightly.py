"""
Midnight as an activity. The order is a contract: activate pending points, assess tiers, expire points, assess tiers,
end periods, birthdays and anniversaries.

Each change is an entry or a tier change of its own. A night that was interrupted is carried out again: what it did is
done, and is not done twice. A version that came into force is started before the next midnight, from its own instant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import day_after, local_date, midnight
from loyalty.activity.candidates import ANNIVERSARIES, BIRTHDAYS, PERIOD_ENDED, who_may_move
from loyalty.activity.deciding.climbing import Assessed, When, assess, end_period
from loyalty.activity.deciding.days import decide_day
from loyalty.activity.deciding.earning import Budgets
from loyalty.activity.deciding.points import Booked, activated, expired
from loyalty.activity.loading import Lots, load_memberships
from loyalty.activity.models import NightRun, VersionStart
from loyalty.activity.rulesets import Ruleset, Timeline, timelines
from loyalty.activity.state import Decision, Effects, Member
from loyalty.activity.writing import write
from loyalty.points.budgets import BudgetKey, lock_budgets, settle_budgets
from loyalty.points.ledger import MAIN
from loyalty.points.limits import period_start
from loyalty.points.rules import Counted
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
ALL_MEMBERS = """
SELECT s.membership_id FROM tiers_standing s
WHERE s.program_id = %(program)s AND s.membership_id > %(after)s AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
ORDER BY s.membership_id LIMIT %(limit)s
"""
NOBODY = UUID(int=0)
Decide = Callable[[Member, Budgets], Decision | None]


def run_nights(program: Program, *, until: date, now: datetime) -> list[NightRun]:
    """Carry out every midnight that is due, and start every version, up to the midnight with which a day begins."""
    day = _first_due(program)
    timeline = timelines([program.pk])[program.pk]
    done = []
    while day is not None and day <= until:
        start_versions(program, timeline, until=midnight(day, program.tzinfo), now=now)
        done.append(_run_night(program, timeline, day, now))
        day = day_after(day)
    return done


def start_versions(program: Program, timeline: Timeline, *, until: datetime, now: datetime) -> None:
    """Assess everyone once, up and down, from the instant of each version that has come into force."""
    due = [place for place, start in enumerate(timeline.starts) if start <= until]
    started = set(VersionStart.objects.filter(version__program=program).values_list("version_id", flat=True))
    for place in due:
        ruleset, at = timeline.rulesets[place], timeline.starts[place]
        if ruleset.version_id not in started:
            on = local_date(at, ruleset.zone)
            decide = _assessing(ruleset, When(on, at, f"version:{ruleset.number}"))
            phase = _Phase(now, at, decide, with_days=True, lots=Lots.SLIDING)
            moved = phase.page(ALL_MEMBERS, {"program": program.pk, "on": on})
            VersionStart.objects.create(version_id=ruleset.version_id, moved=moved, ran_at=now)


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
        _Night(program, ruleset, When(day, at, f"night:{day}"), now).carry_out(night)
    night.save()
    return night


@dataclass
class _Night:
    """One midnight under the version that is in force then."""

    program: Program
    ruleset: Ruleset
    when: When
    now: datetime

    def carry_out(self, night: NightRun) -> None:
        """Take the steps in the order that is promised."""
        due = {"program": self.program.pk, "at": self.when.at}
        at = self.when.at
        night.activated = self._phase(lambda member, _: _activate(member, at), lots=Lots.TO_ACTIVATE).repeat(
            TO_ACTIVATE, due
        )
        night.moved = self._assess()
        night.expired = self._phase(lambda member, _: _expire(member, at), lots=Lots.TO_EXPIRE).repeat(TO_EXPIRE, due)
        if self.ruleset.ladder.counts_balance:  # nothing else can have changed with what expired
            night.moved += self._assess()
        night.moved += self._end_periods()
        for kind, sql in ((Counted.BIRTHDAY, BIRTHDAYS), (Counted.ANNIVERSARY, ANNIVERSARIES)):
            if any(rule.kind is kind for rule in self.ruleset.earnings):
                night.moved += self._celebrate(kind, sql)

    def _assess(self) -> int:
        decide = _assessing(self.ruleset, self.when)
        sql = who_may_move(self.ruleset.ladder)
        return self._phase(decide, with_days=True, lots=Lots.SLIDING).page(sql, self._parameters()) if sql else 0

    def _end_periods(self) -> int:
        if self.ruleset.ladder.downgrade != "period_end":
            return 0
        phase = self._phase(lambda member, _: _moved(end_period(member, self.ruleset, self.when)), with_days=True)
        return phase.page(PERIOD_ENDED, self._parameters())

    def _celebrate(self, kind: Counted, sql: str) -> int:
        on, at = self.when.on, self.when.at

        def decide(member: Member, budgets: Budgets) -> Decision | None:
            return decide_day(member, kind, self.ruleset, on=on, at=at, budgets=budgets)

        phase = _Phase(self.now, at, decide, lots=Lots.SLIDING, with_days=True, limits=self._budgets())
        return phase.page(sql, self._parameters() | {"cause": f"{kind.value}:{on.year}", "at": at})

    def _budgets(self) -> dict[BudgetKey, int]:
        """Return the budgets that the day reaches."""
        return {
            BudgetKey(
                self.program.pk, code, period_start(policy.limits.budget_period, self.when.on)
            ): policy.limits.budget
            for code, policy in self.ruleset.policies.items()
            if policy.limits.budget is not None
        }

    def _parameters(self) -> dict[str, object]:
        return {
            "program": self.program.pk,
            "version": self.ruleset.version_id,
            "on": self.when.on,
            "zone": self.program.zone,
            "wallet": self.ruleset.ladder.wallet,
            "main": MAIN,
            "first": window_start(self.ruleset.ladder, self.when.on, self.when.on),
        }

    def _phase(self, decide: Decide, *, lots: Lots | None = None, with_days: bool = False) -> "_Phase":
        return _Phase(self.now, self.when.at, decide, lots=lots, with_days=with_days)


@dataclass
class _Phase:
    """One step of a night, in batches of wallets that each commit by themselves."""

    now: datetime
    at: datetime
    decide: Decide
    lots: Lots | None = None
    with_days: bool = False
    limits: dict[BudgetKey, int] = field(default_factory=dict)
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
        had = lock_budgets(self.limits, whole=True)
        budgets, decisions = dict(had), {}
        for key, member in before.items():
            decision = self.decide(member, budgets)
            if decision is not None:
                decisions[key] = decision
                for budget, points in decision.effects.spent:
                    budgets[budget] = budgets[budget].give(points)
        effects = [decision.effects for decision in decisions.values()]
        after = {key: decision.member for key, decision in decisions.items()}
        write(effects, before=before, after=after, now=self.now)
        settle_budgets(self.limits, had, budgets)
        self.moved += sum(len(effect.moves) for effect in effects)
        postings = [posting for effect in effects for posting in effect.postings if posting.kind != "repay"]
        self.points += sum(move.amount for posting in postings for move in posting.moves)


def _members(sql: str, parameters: dict[str, object]) -> list[UUID]:
    return [membership for (membership,) in bulk.fetch(sql, {**parameters, "limit": BATCH})]


def _assessing(ruleset: Ruleset, when: When) -> Decide:
    return lambda member, _: _moved(assess(member, ruleset, when))


def _moved(assessed: Assessed) -> Decision:
    effects = Effects(postings=assessed.postings, moves=assessed.moves, events=assessed.events)
    return Decision(assessed.member, effects)


def _activate(member: Member, at: datetime) -> Decision | None:
    return _decision(activated(member, at))


def _expire(member: Member, at: datetime) -> Decision | None:
    done = Booked(member)
    for purse in member.purses:
        done = done.then(expired(member, purse, at))
    return _decision(done)


def _decision(done: Booked) -> Decision | None:
    return Decision(done.member, Effects(postings=done.postings)) if done.postings else None
