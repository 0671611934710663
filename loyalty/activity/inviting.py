"""
Whether a member is invited to anything: who an experiment holds out is told of nothing that it could join.

It may still ask: who joins against its assignment takes part as anybody, and stays in its arm when it is counted.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from loyalty.activity.arms import load_arms
from loyalty.engine.arms import NO_ARMS, arm
from loyalty.engine.decision import Decision
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership


def is_invited(membership: Membership, versions: Versions, *, at: datetime) -> bool:
    """Tell whether a member may be shown what it could join at an instant; nothing is asked where no experiment holds out."""
    return _invites(versions, membership.customer_id, at)


def offered_to(decision: Decision, codes: Iterable[str]) -> str:
    """Return what there is, for a message to a member that named something else; nothing to one that is not invited."""
    return (", ".join(codes) if _invites(decision.versions, decision.member.customer_id, decision.now) else "") or "-"


def _invites(versions: Versions, customer_id: UUID, at: datetime) -> bool:
    held_out = {
        arm(trial.code, variant)
        for trial in versions.experiments
        if trial.runs_at(at) and (variant := trial.uninvited or trial.withheld)
    }
    if not held_out:
        return True
    mine = load_arms(versions, [customer_id]).get(customer_id, NO_ARMS)
    return not held_out & mine
