"""The states that a lot's points go through."""

from enum import StrEnum


class State(StrEnum):
    """Where points are. Only the first move leaves `issued`; the last four are ends, unless an entry undoes one."""

    ISSUED = "issued"
    PENDING = "pending"
    AVAILABLE = "available"
    HELD = "held"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"


OPEN = (State.PENDING, State.AVAILABLE, State.HELD)
