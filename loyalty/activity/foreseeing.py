"""Members as time has changed them by now, holding nobody: for answers, of which nothing is written."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog

from loyalty.activity.account.session import decision_on
from loyalty.activity.deciding import advance_to
from loyalty.activity.loading import is_due, load_states, read_memberships
from loyalty.engine.decision import Decision
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey
from loyalty.engine.versions import Versions
from loyalty.points.budgets import read_budget

log = structlog.get_logger(__name__)


class ReadBudgets(dict[PoolKey, Pool]):
    """What was given of budgets, read as they are asked for."""

    def __missing__(self, key: PoolKey) -> Pool:
        self[key] = read_budget(key)
        return self[key]


def decisions_at(memberships: Iterable[UUID], *, now: datetime) -> dict[UUID, Decision]:
    """Return members as a verb would find them now; who fails is left out, and told of."""
    read = read_memberships(memberships, latest=now)

    def is_passing(member: Member) -> bool:
        return is_due(member, read.versions_for(member), member.latest(now))

    loaded = load_states(read, (), is_whole=lambda _: True, is_passing=is_passing)
    budgets = ReadBudgets()
    found = {
        key: _decision(member, loaded.versions_for(member), budgets, now) for key, member in loaded.members.items()
    }
    return {key: decision for key, decision in found.items() if decision is not None}


def _decision(member: Member, versions: Versions, budgets: ReadBudgets, now: datetime) -> Decision | None:
    try:
        after = advance_to(member, member.latest(now), versions, pools=lambda _: budgets, take=lambda _: None)
        return decision_on(after, versions, now=now, latest=member.latest(now))
    except Exception:  # whatever it is, the others are answered
        log.exception("member_not_foreseen", membership=str(member.membership_id))
        return None
