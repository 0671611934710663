"""
Lock, then load. The number of statements does not grow with the batch; with a member's lots it grows by their logarithm.

The membership is what is locked, by a statement that looks at nothing else, in the order of ids. Who waits for a lock sees
other tables as they were before the wait: so all that a decision looks at is read by the statements that follow.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.steps import CLOCK
from loyalty.activity.versions import last_revisions, note_revisions, remembered_versions
from loyalty.engine.activities import DecidedOrder, Fact
from loyalty.engine.arms import ARMS, NO_ARMS
from loyalty.engine.capability import Joined, Reach, Scope
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions

# The locked row itself is read again after a wait: its own columns may be taken from here.
MEMBERS = """
SELECT m.id, m.customer_id, m.retailer_id, m.program_id, m.enrolled_at, m.left_at, m.started_at, m.next_due_at, m.recorded_at,
    m.number, m.advanced_until
FROM memberships_membership m WHERE {condition} ORDER BY m.id
"""
LOCK = f"{MEMBERS} FOR NO KEY UPDATE"
# What hangs on members: their programs' revision, and what capabilities join. Each is looked up for its member: a join would
# let the planner read a small shop's tables from end to end.
READ = """
SELECT m.id, m.program_id, (SELECT versions_revision FROM programs_program WHERE id = m.program_id),
    (SELECT birth_date FROM customers_customer WHERE id = m.customer_id),
    (SELECT order_id FROM activity_orderdecision WHERE membership_id = m.id AND is_first AND is_kept LIMIT 1),
    (SELECT until FROM activity_nightrun WHERE program_id = m.program_id ORDER BY day DESC LIMIT 1){columns}
FROM memberships_membership m {joins} WHERE m.id = ANY(%(members)s)
"""
OWN = 6  # of the columns, before those of capabilities
# Whether points wait for a member that something else asked for; only looked for where anything does.
WAITING = ", EXISTS (SELECT 1 FROM points_grant WHERE membership_id = m.id AND decided_at IS NULL)"


class MergedMeanwhile(DomainError):
    code = "merged_meanwhile"
    kind = Kind.CONFLICT
    message = _("A member whom it concerns was merged at this moment. Send the request again.")


# What came from somebody else is as old as with that one: it may be older than the membership, and stays.
LOST = """
SELECT l.id FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE l.id = ANY(%s) AND m.merged_into_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM memberships_membershipperiod p WHERE p.membership_id IN (m.id, m.merged_into_id) AND p.left_at > CASE
        WHEN p.membership_id <> m.id THEN m.left_at WHEN l.from_lot_id IS NULL THEN l.earned_at ELSE 'infinity' END)
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    Locked members by membership, with each customer's memberships, and the versions of their programs.

    :param reach: how far days were read; None where nothing looks at them
    :param joined: what capabilities asked to be read with the members
    :param waiting: for whom points wait that something else asked for
    :param lost: lots of others to which points may come back, and whose points would have been lost with a membership by now
    """

    members: dict[UUID, Member]
    members_of: dict[UUID, list[UUID]]
    versions: dict[int, Versions]
    reach: Reach | None = None
    joined: Mapping[str, Mapping[UUID, Sequence[tuple[Any, ...]]]] = field(default_factory=dict)
    waiting: frozenset[UUID] = frozenset()
    lost: frozenset[UUID] = frozenset()

    def versions_for(self, member: Member) -> Versions:
        """Return its program's versions as they hold for a member: before its arms are loaded, for one who is in none."""
        return self.versions[member.program_id].of_arms(member.of(ARMS) if member.has(ARMS) else NO_ARMS)


def lock_customers(
    customers: Iterable[UUID], besides: Iterable[UUID] = (), *, activities: Sequence[Fact], latest: datetime
) -> Loaded:
    """
    Lock every membership of some customers, and read what hangs on it; capabilities have loaded nothing yet.

    :param besides: memberships that are locked with them
    :param activities: to decide
    :param latest: the last instant that a decision will be about
    """
    others = sorted(set(besides))
    if others:
        rows = _lock("m.customer_id = ANY(%s) OR m.id = ANY(%s)", sorted(set(customers)), others)
    else:
        rows = _lock("m.customer_id = ANY(%s)", sorted(set(customers)))
    return _read(rows, activities, latest)


def hold_customers(customers: Iterable[UUID]) -> None:
    """Lock every membership of some customers, for what is read before they are decided."""
    _lock("m.customer_id = ANY(%s)", sorted(set(customers)))


def lock_memberships(memberships: Iterable[UUID], *, latest: datetime) -> Loaded:
    """Lock some memberships for what is no activity of theirs, and read what hangs on them, as `lock_customers` does."""
    return _read(_lock("m.id = ANY(%s)", sorted(set(memberships))), (), latest)


def read_memberships(memberships: Iterable[UUID], *, latest: datetime) -> Loaded:
    """Read some memberships as `lock_memberships` does, but hold nobody: for answers, of which nothing is written."""
    rows = bulk.fetch(MEMBERS.format(condition="m.id = ANY(%s)"), [sorted(set(memberships))])
    return _read(rows, (), latest)


def require_lenders(lenders: Iterable[UUID]) -> None:
    """
    Make sure, behind the lock, that members to whom points go back are still those who get them.

    :raises MergedMeanwhile: when one was merged since it was asked who they are
    """
    keys = sorted(set(lenders))
    if keys and bulk.fetch(
        "SELECT 1 FROM memberships_membership WHERE id = ANY(%s) AND merged_into_id IS NOT NULL", [keys]
    ):
        raise MergedMeanwhile


def load_states(  # noqa: PLR0913 - whom, about what, and how much of it
    locked: Loaded,
    activities: Sequence[Fact],
    *,
    is_whole: Callable[[Member], bool],
    is_passing: Callable[[Member], bool],
    decided: Mapping[tuple[UUID, int], DecidedOrder] | None = None,
    lots: Iterable[UUID] = (),
) -> Loaded:
    """
    Load what capabilities keep of locked members.

    :param is_whole: of whom more is needed than of an order in time
    :param is_passing: for whom of them time passes or has passed: all is needed that it can change
    :param decided: how the orders of the activities were decided
    :param lots: to which points may come back although they are closed
    """
    if not locked.members:
        return locked
    whole = frozenset(key for key, member in locked.members.items() if is_whole(member))
    scope = Scope(
        members=locked.members,
        versions=locked.versions,
        activities=activities,
        whole=whole,
        passing=frozenset(key for key in whole if is_passing(locked.members[key])),
        reach=locked.reach,
        joined=locked.joined,
        decided=decided or {},
        lots=frozenset(lots),
        holding=_holding(locked),
    )
    states = {each.name: each.load(scope) for each in CAPABILITIES}
    members = {
        key: member.loaded(
            {name: found[key] for name, found in states.items() if key in found},
            is_whole=key in whole,
        )
        for key, member in locked.members.items()
    }
    return replace(locked, members=members, lost=_lost(scope.lots))


def _lost(lots: frozenset[UUID]) -> frozenset[UUID]:
    """Return of lots of members who were merged those that a membership had lost which ended before the merge, or after it."""
    return frozenset(key for (key,) in bulk.fetch(LOST, [list(lots)])) if lots else frozenset()


def _holding(locked: Loaded) -> frozenset[UUID]:
    """Return the members in whose programs it counts what holds keep."""
    counting = {program_id for program_id, versions in locked.versions.items() if versions.counts_held}
    return frozenset(key for key, member in locked.members.items() if member.program_id in counting)


def is_due(member: Member, versions: Versions, instant: datetime) -> bool:
    """Tell whether time alone changes something for a member up to an instant."""
    at = CLOCK.next_instant(member, versions)
    return at is not None and at <= instant


def _lock(condition: str, *keys: list[Any]) -> list[tuple[Any, ...]]:
    return bulk.fetch(LOCK.format(condition=condition), keys) if any(keys) else []


def _read(rows: Sequence[tuple[Any, ...]], activities: Sequence[Fact], latest: datetime) -> Loaded:
    """
    Read what hangs on locked members.

    The versions that this process remembers say what is to be read; the revisions that are read with it tell whether they
    are still those in force. If not, it is read again.
    """
    if not rows:
        return Loaded({}, {}, {})
    keys, programs = [row[0] for row in rows], {row[3] for row in rows}
    while True:
        revisions = last_revisions(programs)
        versions = {program_id: remembered_versions(program_id, each) for program_id, each in revisions.items()}
        reach = _reach(versions, activities, latest)
        # Who is locked for no activity is loaded as a whole: that is read from the days themselves.
        asked = _asked(versions, reach if activities else None)
        may_wait = may_grant(versions.values())
        found = _rows_of(keys, asked, WAITING if may_wait else "")
        now = {row[1]: row[2] for row in found}
        if now == revisions:
            waiting = frozenset(row[0] for row in found if row[-1]) if may_wait else frozenset()
            return _loaded(rows, found, Loaded({}, {}, versions, reach, _joined(found, asked), waiting))
        note_revisions(now)


def may_grant(programs: Iterable[Versions]) -> bool:
    """Tell whether anything that programs use asks for grants."""
    uses = frozenset[str]().union(*(each.uses for each in programs))
    return any(each.grants for each in CAPABILITIES if each.name in uses)


def _asked(versions: Mapping[int, Versions], reach: Reach | None) -> dict[str, Joined]:
    """Return what the capabilities that programs use want to be read with the members."""
    uses = frozenset[str]().union(*(each.uses for each in versions.values()))
    asked = ((each.name, each.joined(reach)) for each in CAPABILITIES if each.name in uses)
    return {name: joined for name, joined in asked if joined}


def _rows_of(keys: list[UUID], asked: Mapping[str, Joined], besides: str) -> list[tuple[Any, ...]]:
    columns = "".join(f", {column}" for joined in asked.values() for column in joined.columns) + besides
    joins = " ".join(joined.joins for joined in asked.values())
    parameters: dict[str, Any] = {"members": keys}
    for joined in asked.values():
        parameters |= joined.parameters
    return bulk.fetch(READ.format(columns=columns, joins=joins), parameters)


def _joined(
    found: Sequence[tuple[Any, ...]], asked: Mapping[str, Joined]
) -> dict[str, dict[UUID, list[tuple[Any, ...]]]]:
    """Give each capability its part of the rows, by membership."""
    parts: dict[str, dict[UUID, list[tuple[Any, ...]]]] = {}
    first = OWN
    for name, joined in asked.items():
        part: dict[UUID, list[tuple[Any, ...]]] = {}
        last = first + len(joined.columns)
        for row in found:
            part.setdefault(row[0], []).append(row[first:last])
        parts[name], first = part, last
    return parts


def _loaded(rows: Sequence[tuple[Any, ...]], found: Sequence[tuple[Any, ...]], loaded: Loaded) -> Loaded:
    """Put members together from what their locked rows say and what was read behind the lock."""
    about = {row[0]: row[3:OWN] for row in found}
    for (
        key,
        customer_id,
        retailer_id,
        program_id,
        enrolled_at,
        left_at,
        started_at,
        due_at,
        recorded_at,
        number,
        advanced_until,
    ) in rows:
        birth_date, first_order_id, nights_until = about[key]
        # Who was enrolled since, maybe from an earlier day on, has its past before it.
        nights = nights_until if nights_until is not None and recorded_at <= nights_until else None
        loaded.members_of.setdefault(customer_id, []).append(key)
        loaded.members[key] = Member(
            retailer_id=retailer_id,
            program_id=program_id,
            membership_id=key,
            number=number,
            customer_id=customer_id,
            enrolled_at=enrolled_at,
            left_at=left_at,
            started_at=started_at,
            due_at=due_at,
            advanced_until=max(filter(None, (nights, advanced_until)), default=None),
            first_order_id=first_order_id,
            birth_date=birth_date,
            is_whole=False,
            states={},
        )
    return loaded


def _reach(programs: Mapping[int, Versions], activities: Sequence[Fact], latest: datetime) -> Reach | None:
    """Return how far back any window reaches on any day from the earliest activity to the last instant."""
    first, common, begin, oldest = date.max, date.min, date.max, date.max
    looks = False
    for versions in programs.values():
        for version in versions.versions:
            counting = (local_date(activity.counts_at, version.zone) for activity in activities)
            begins = min(counting, default=local_date(latest, version.zone))
            ends = max(local_date(latest, version.zone), begins)
            for capability in CAPABILITIES:
                if capability.name not in versions.uses:
                    continue
                rules = version.parts[capability.name]
                starts = capability.reach(rules, begins, last=False)
                looks = looks or bool(starts)
                oldest = min([oldest, *starts])
                first = min([first, *(start for start in starts if start != date.min)])
                common = max([common, *capability.reach(rules, ends, last=True)])
            begin = min(begin, begins)
    if not looks:
        return None
    first = min(first, begin)
    return Reach(first, max(common, first), begin, oldest)


def write_clocks(before: Mapping[UUID, Member], after: Mapping[UUID, Member]) -> None:
    """Write members' clocks where they changed."""
    rows = [(key, *_clock_of(member)) for key, member in after.items() if _clock_of(member) != _clock_of(before[key])]
    if rows:
        bulk.execute(SET_CLOCKS, bulk.columns_of(rows))


def _clock_of(member: Member) -> tuple[datetime | None, datetime | None, datetime | None]:
    return member.due_at, member.started_at, member.advanced_until


SET_CLOCKS = """
UPDATE memberships_membership m
SET next_due_at = d.next_due_at, started_at = d.started_at, advanced_until = d.advanced_until
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS next_due_at, unnest(%b::timestamptz[]) AS started_at,
        unnest(%b::timestamptz[]) AS advanced_until
) d WHERE m.id = d.id
"""
