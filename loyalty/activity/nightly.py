"""
The night: find the members whose clock is due, and advance them, in batches that each commit by themselves.

What happens at each instant stands in `steps.AT_MIDNIGHT`. A night that was interrupted, missed or run twice changes nothing:
each member is advanced by each instant that was due, once. A member that fails is set aside; it stops nobody else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from customers.core import bulk
from customers.core.calendar import midnight
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.deciding import advance_to
from loyalty.activity.loading import Loaded, load_states, lock_memberships, may_grant
from loyalty.activity.models import NightRun, SetAside
from loyalty.activity.pipeline import take_waiting
from loyalty.activity.versions import versions_of_program
from loyalty.activity.writing import write
from loyalty.engine.decision import Decision, PoolUsed
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey, PoolMissing
from loyalty.points.state import Posting
from loyalty.points.states import State
from loyalty.programs.models import Program
from loyalty.tiers.state import TierChanged

BATCH = 1_000
TRY_AGAIN = timedelta(hours=1)
log = structlog.get_logger(__name__)

# Who waits for facts of its past to be decided is not advanced over them.
DUE = """
SELECT m.id FROM memberships_membership m WHERE m.program_id = %(program)s AND m.left_at IS NULL AND {condition}
    AND NOT EXISTS (SELECT 1 FROM activity_setaside a WHERE a.membership_id = m.id AND a.next_try_at > %(now)s)
    AND NOT EXISTS (SELECT 1 FROM customers_undecidedfact u WHERE u.customer_id = m.customer_id AND u.occurred_at <= %(until)s)
ORDER BY {order} LIMIT %(limit)s
"""
BY_CLOCK = DUE.format(condition="m.next_due_at <= %(until)s", order="m.next_due_at")
# Each follows the index; asked in one condition, the night of a new version would sort all members for each batch.
BY_VERSION = " UNION ALL ".join(
    f"({DUE.format(condition=condition, order='m.started_at')})"
    for condition in ("m.started_at IS NULL", "m.started_at < %(start)s")
)


# Who is given points because of something else, also where it has left: then it is noted that nothing was given.
BY_GRANT = """
SELECT DISTINCT m.id FROM points_grant g JOIN memberships_membership a ON a.id = g.membership_id
JOIN memberships_membership m ON m.id = CASE WHEN a.merged_into_id IS NULL THEN a.id ELSE a.merged_into_id END
WHERE g.decided_at IS NULL AND g.occurred_at <= %(until)s AND m.program_id = %(program)s
    AND NOT EXISTS (SELECT 1 FROM activity_setaside s WHERE s.membership_id = m.id AND s.next_try_at > %(now)s)
    AND NOT EXISTS (SELECT 1 FROM customers_undecidedfact u WHERE u.customer_id = m.customer_id AND u.occurred_at <= %(until)s)
ORDER BY m.id LIMIT %(limit)s
"""


@dataclass(slots=True)
class Advanced:
    """What time alone changed."""

    members: int = 0
    activated: int = 0
    expired: int = 0
    moved: int = 0

    def add(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            for effect in decision.effects:
                if isinstance(effect, TierChanged):
                    self.moved += 1
                elif isinstance(effect, Posting) and effect.kind == "activate":
                    self.activated -= effect.change(State.PENDING)
                elif isinstance(effect, Posting) and effect.kind == "expire":
                    self.expired -= effect.change(State.AVAILABLE)


def run_nights(program: Program, *, until: date, now: datetime) -> NightRun:
    """Carry out all that is due up to the midnight with which a day begins; return the sums of that day's runs."""
    return advance_due(program, day=until, until=midnight(until, program.tzinfo), now=now)


def advance_due(program: Program, *, day: date, until: datetime, now: datetime) -> NightRun:
    """
    Advance every member of a program whose clock is due up to an instant.

    :param day: to whose runs it is counted
    """
    done, seen = Advanced(), set[UUID]()
    # First, so that whoever is decided meanwhile knows that time is being carried out up to here.
    NightRun.objects.get_or_create(program=program, day=day, defaults={"ran_at": now, "until": until})
    while found := [key for key in _due(program, until, now) if key not in seen]:
        seen.update(found)
        _advance_all(found, until, now, done)
    return _note(program, day, until, now, done)


def _due(program: Program, until: datetime, now: datetime) -> list[UUID]:
    versions = versions_of_program(program.pk)
    start = versions.latest_start(until)
    if start is None:
        return []
    parameters = {"program": program.pk, "until": until, "now": now, "start": start, "limit": BATCH}
    clock = {name: value for name, value in parameters.items() if name != "start"}
    found = {key for (key,) in bulk.fetch(BY_CLOCK, clock)} | {key for (key,) in bulk.fetch(BY_VERSION, parameters)}
    if may_grant([versions]):
        found |= {key for (key,) in bulk.fetch(BY_GRANT, clock)}
    return sorted(found)


def _advance_all(keys: Sequence[UUID], until: datetime, now: datetime, done: Advanced) -> None:
    """Advance members together; where that fails, each by itself, and who fails is set aside."""
    try:
        _advance(keys, until, now, done)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        if len(keys) == 1:
            set_aside(keys[0], "time", error, now=now)
            return
        for key in keys:
            _advance_all([key], until, now, done)
    else:
        SetAside.objects.filter(membership__in=keys).delete()


@transaction.atomic
def _advance(keys: Sequence[UUID], until: datetime, now: datetime, done: Advanced) -> None:
    locked = lock_memberships(keys, latest=until)
    if may_grant(locked.versions.values()):
        granted = take_waiting(keys, now=now, until=until, in_their_time=True)
        if granted.decisions:
            done.add(granted.decisions)
            locked = lock_memberships(keys, latest=until)
    loaded = load_states(locked, (), is_whole=lambda _: True, is_passing=lambda _: True)
    advancing = Advancing(loaded, until)
    advancing.run()
    write(advancing.decisions, before=loaded.members, after=advancing.members, now=now)
    advancing.settle()
    done.members += len(advancing.members)
    done.add(advancing.decisions)


class Advancing:
    """Locked members on their way to an instant, with the pools that time takes from, locked as a whole when needed."""

    def __init__(self, loaded: Loaded, until: datetime) -> None:
        self.loaded, self.until = loaded, until
        self.members: dict[UUID, Member] = {}
        self.decisions: list[Decision] = []
        self.before: dict[PoolKey, Pool] = {}
        self.pools: dict[PoolKey, Pool] = {}

    def run(self) -> None:
        """Advance all; a pool that turns out to be needed is locked, and all are advanced anew."""
        while True:
            self.members, self.decisions, self.pools = {}, [], dict(self.before)
            try:
                for key, member in self.loaded.members.items():
                    versions = self.loaded.versions_for(member)
                    after = advance_to(member, self.until, versions, pools=lambda _: self.pools, take=self._take)
                    self.members[key] = after
            except PoolMissing as missing:
                self._lock(missing)
            else:
                return

    def settle(self) -> None:
        """Write down what was given from pools."""
        for capability in CAPABILITIES:
            capability.settle_pools(self.before, self.pools)

    def _take(self, decision: Decision) -> None:
        self.decisions.append(decision)
        for effect in decision.effects:
            if isinstance(effect, PoolUsed):
                self.pools[effect.key] = self.pools[effect.key].give(effect.points)

    def _lock(self, missing: PoolMissing) -> None:
        for capability in CAPABILITIES:
            self.before |= capability.lock_pools({missing.key: missing.limit}, whole=True)


def try_again(memberships: Iterable[UUID], *, now: datetime) -> int:
    """Advance members to now that were set aside; return how many still are."""
    keys = sorted(memberships)
    for key in keys:
        _advance_all([key], now, now, Advanced())
    return SetAside.objects.filter(membership__in=keys).count()


def give_waiting(memberships: Iterable[UUID], *, now: datetime) -> None:
    """
    Decide the grants that wait for members, within the caller's transaction: who fails is set aside, and stops nobody else.

    What waits for that one goes on waiting, and is to be asked for again.
    """
    keys = sorted(set(memberships))
    try:
        with transaction.atomic():
            take_waiting(keys, now=now)
            SetAside.objects.filter(membership__in=keys).delete()
    except (OperationalError, InterfaceError):  # of the database itself: it is nobody's own
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        if len(keys) == 1:
            set_aside(keys[0], "time", error, now=now)
            return
        for key in keys:
            give_waiting([key], now=now)


def set_aside(membership_id: UUID, what: str, error: Exception, *, now: datetime) -> None:
    """Note that a member could not be worked on, tell staff, and try again later."""
    log.error("member set aside", membership=str(membership_id), what=what, exc_info=error)
    with transaction.atomic():
        bulk.execute(SET_ASIDE, [what, f"{type(error).__name__}: {error}"[:2_000], now, now + TRY_AGAIN, membership_id])


SET_ASIDE = """
INSERT INTO activity_setaside (retailer_id, membership_id, what, error, attempts, first_failed_at, next_try_at)
SELECT m.retailer_id, m.id, %s, %s, 1, %s, %s FROM memberships_membership m WHERE m.id = %s
ON CONFLICT (membership_id) DO UPDATE SET what = excluded.what, error = excluded.error,
    attempts = activity_setaside.attempts + 1, next_try_at = excluded.next_try_at
"""


def _note(program: Program, day: date, until: datetime, now: datetime, done: Advanced) -> NightRun:
    night, _ = NightRun.objects.get_or_create(program=program, day=day, defaults={"ran_at": now, "until": until})
    night.members += done.members
    night.activated += done.activated
    night.expired += done.expired
    night.moved += done.moved
    night.until, night.ran_at = max(until, night.until or until), now
    night.save(update_fields=["members", "activated", "expired", "moved", "until", "ran_at"])
    return night
