"""Identifiers that sort by the time of their making."""

import os
import time
from datetime import datetime
from threading import Lock
from uuid import UUID

DRAWN = 4_096  # bytes of randomness at once: asking the system for each id lets other threads in between
TAIL = 8
MAX_IN_A_MILLISECOND = 1 << 12
VERSION, VARIANT = 7 << 76, 2 << 62
MOMENT = 80  # bits that stand behind the milliseconds


class _Ids:
    """UUIDv7 with a counter (RFC 9562, 6.2, method 1): 48 bits of milliseconds, 12 of a counter, 62 of randomness."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Draw anew: a forked process must not go on with its parent's randomness."""
        self.millisecond, self.counter, self.random, self.used = 0, 0, b"", 0

    def next(self) -> UUID:
        with self.lock:
            now = time.time_ns() // 1_000_000
            if now > self.millisecond:
                self.millisecond, self.counter = now, 0
            else:  # the same, or the clock went back
                self.counter += 1
                if self.counter == MAX_IN_A_MILLISECOND:
                    self.millisecond, self.counter = self.millisecond + 1, 0
            tail = self._draw() >> 2
            return UUID(int=self.millisecond << MOMENT | VERSION | self.counter << 64 | VARIANT | tail)

    def _draw(self) -> int:
        if self.used == len(self.random):
            self.random, self.used = os.urandom(DRAWN), 0
        self.used += TAIL
        return int.from_bytes(self.random[self.used - TAIL : self.used])


_ids = _Ids()
os.register_at_fork(after_in_child=_ids.forget)


def new_id() -> UUID:
    """Return a UUIDv7: unique without asking the database, and kind to its indexes."""
    return _ids.next()


def first_id_at(instant: datetime) -> UUID:
    """Return what is not after any id that is drawn from an instant on."""
    return UUID(int=int(instant.timestamp() * 1_000) << MOMENT)
