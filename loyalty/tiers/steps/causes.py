"""What a change of tier names as its cause. Pure."""

from loyalty.engine.activities import (
    BirthDateTold,
    DecidedInteraction,
    InteractionVerified,
    OrderPlaced,
    OrderReturned,
    TimePassed,
    VersionStarted,
)
from loyalty.engine.decision import Decision
from loyalty.tiers.state import MERGED, TierChanged

UNDOING = ("return:", "correct:")  # by which a member came back to a tier, and did not enter it
CAUSES = {
    "OrderEvent": "event",
    "InteractionReported": "interaction",
    "InteractionReviewed": "approved",
    "PointsGranted": "grant",
    "GrantTakenBack": "grant_back",
    "PointsMoved": "moved",
    "Enrolled": "enrolled",
    "Left": "left",
    "GivenOver": MERGED,
    "TakenOver": MERGED,
}


def cause_of(decision: Decision) -> str:
    """Return what a change of tier names as its cause, once per member: such as order:ID or night:DAY."""
    activity = decision.activity
    match activity:
        case OrderPlaced() | OrderReturned() | TimePassed() | VersionStarted() | BirthDateTold():
            cause = activity.cause
        case InteractionVerified(decided=DecidedInteraction(entries=entries)):
            cause = f"verified:{activity.id}:{entries}"
        case _:
            cause = f"{CAUSES[type(activity).__name__]}:{activity.id}"
    earlier = sum(isinstance(effect, TierChanged) for effect in decision.effects)
    return f"{cause}:{earlier + 1}" if earlier else cause
