"""
Lock, then load. A fixed number of statements, whatever the batch's size.

The membership is what is locked, by a statement that looks at nothing else, in the order of ids. Who waits for a lock sees
other tables as they were before the wait: so all that a decision looks at is read by the statements that follow.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Kind
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.steps import CLOCK
from loyalty.activity.versions import remembered_versions
from loyalty.engine.activities import Fact
from loyalty.engine.capability import Reach, Scope
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions

# The locked row itself is read again after a wait: its own columns may be taken from here.
LOCK = """
SELECT m.id, m.customer_id, m.retailer_id, m.program_id, m.enrolled_at, m.left_at, m.started_at, m.next_due_at
FROM memberships_membership m WHERE {condition} ORDER BY m.id FOR NO KEY UPDATE
"""
READ = """
SELECT m.id, p.versions_revision, m.program_id, c.birth_date, (
    SELECT d.order_id FROM activity_orderdecision d WHERE d.membership_id = m.id AND d.is_first AND d.is_kept LIMIT 1
), m.recorded_at, (SELECT n.until FROM activity_nightrun n WHERE n.program_id = m.program_id ORDER BY n.day DESC LIMIT 1)
FROM memberships_membership m JOIN programs_program p ON p.id = m.program_id JOIN customers_customer c ON c.id = m.customer_id
WHERE m.id = ANY(%s)
"""


class MergedMeanwhile(DomainError):
    code = "merged_meanwhile"
    kind = Kind.CONFLICT
    message = _("A member who lent points for it was merged at this moment. Send the request again.")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Locked members by membership, with each customer's memberships, and the versions of their programs."""

    members: dict[UUID, Member]
    members_of: dict[UUID, list[UUID]]
    versions: dict[int, Versions]

    def versions_for(self, member: Member) -> Versions:
        return self.versions[member.program_id]


def lock_customers(customers: Iterable[UUID], besides: Iterable[UUID] = ()) -> Loaded:
    """
    Lock every membership of some customers; nothing of their state is loaded yet.

    :param besides: memberships that are locked with them
    """
    others = sorted(set(besides))
    if others:
        return _lock("m.customer_id = ANY(%s) OR m.id = ANY(%s)", sorted(set(customers)), others)
    return _lock("m.customer_id = ANY(%s)", sorted(set(customers)))


def lock_memberships(memberships: Iterable[UUID]) -> Loaded:
    """Lock some memberships; nothing of their state is loaded yet."""
    return _lock("m.id = ANY(%s)", sorted(set(memberships)))


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


def load_states(
    locked: Loaded,
    activities: Sequence[Fact],
    *,
    is_whole: Callable[[Member], bool],
    latest: datetime,
    lots: Iterable[UUID] = (),
) -> Loaded:
    """
    Load what capabilities keep of locked members.

    :param is_whole: of whom all state is needed, not only what an order in time needs
    :param latest: the last instant that a decision will be about
    :param lots: to which points may come back although they are closed
    """
    whole = frozenset(key for key, member in locked.members.items() if is_whole(member))
    reach = _reach(locked, activities, latest)
    scope = Scope(locked.members, locked.versions, activities, whole, reach, frozenset(lots))
    states = {each.name: each.load(scope) for each in CAPABILITIES}
    members = {
        key: replace(
            member,
            is_whole=key in whole,
            states={name: found[key] for name, found in states.items() if key in found},
        )
        for key, member in locked.members.items()
    }
    return replace(locked, members=members)


def is_due(member: Member, versions: Versions, instant: datetime) -> bool:
    """Tell whether time alone changes something for a member up to an instant."""
    at = CLOCK.next_instant(member, versions)
    return at is not None and at <= instant


def _lock(condition: str, *keys: list[Any]) -> Loaded:
    rows = bulk.fetch(LOCK.format(condition=condition), keys) if any(keys) else []
    found = {row[0]: row for row in rows}
    if not found:
        return Loaded({}, {}, {})
    members: dict[UUID, Member] = {}
    members_of: dict[UUID, list[UUID]] = {}
    versions: dict[int, Versions] = {}
    about = {row[0]: row[1:] for row in bulk.fetch(READ, [list(found)])}
    for key, customer_id, retailer_id, program_id, enrolled_at, left_at, started_at, due_at in rows:
        revision, _, birth_date, first_order_id, recorded_at, nights_until = about[key]
        versions[program_id] = remembered_versions(program_id, revision)
        members_of.setdefault(customer_id, []).append(key)
        members[key] = Member(
            retailer_id=retailer_id,
            program_id=program_id,
            membership_id=key,
            customer_id=customer_id,
            enrolled_at=enrolled_at,
            left_at=left_at,
            started_at=started_at,
            due_at=due_at,
            # Who was enrolled since, maybe from an earlier day on, has its past before it.
            lived_until=nights_until if nights_until is not None and recorded_at <= nights_until else None,
            first_order_id=first_order_id,
            birth_date=birth_date,
            is_whole=False,
            states={},
        )
    return Loaded(members, members_of, versions)


def _reach(locked: Loaded, activities: Sequence[Fact], latest: datetime) -> Reach | None:
    """Return how far back any window reaches on any day from the earliest activity to the last instant."""
    first, common, begin, oldest = date.max, date.min, date.max, date.max
    looks = False
    for versions in locked.versions.values():
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
    rows = [
        (key, member.due_at, member.started_at)
        for key, member in after.items()
        if (member.due_at, member.started_at) != (before[key].due_at, before[key].started_at)
    ]
    if rows:
        bulk.execute(SET_CLOCKS, bulk.columns_of(rows))


SET_CLOCKS = """
UPDATE memberships_membership m SET next_due_at = d.next_due_at, started_at = d.started_at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS next_due_at, unnest(%b::timestamptz[]) AS started_at) d
WHERE m.id = d.id
"""
