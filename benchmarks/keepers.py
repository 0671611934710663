"""Clients that never give up a write: each order is sent with its own key until it is acknowledged."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Lock, Thread

NOTHING_DONE = "Nothing was done."
PAUSE_SECONDS = 0.2  # before it is sent again, where nobody said longer
MAX_WAIT_SECONDS = 1.0  # of what an answer asks for: a shop's system that comes again a little early
TIMEOUT_SECONDS = 40.0
ACKNOWLEDGED = (200, 201)


@dataclass
class Told:
    """
    What clients were told.

    :param answers: how many, by status; `none` where no answer came
    :param vague: answers of 503 without Retry-After, without the form of a problem, or that do not say whether it was done
    :param untrue: writes of which an answer said that nothing was done, and that had been done
    :param acknowledged: the numbers of the orders, with the instant of their answer
    :param waited: seconds from each first try to its acknowledgement
    """

    answers: Counter[str] = field(default_factory=Counter)
    vague: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    acknowledged: dict[str, float] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)


class Keepers:
    """
    Some clients of a web server that report orders one after the other.

    :param port: of the server on this machine
    :param count: after which they end; None for until they are stopped
    """

    def __init__(self, port: int, key: str, members: int, *, clients: int = 8) -> None:
        self.port, self.key, self.members = port, key, members
        self.told, self.lock = Told(), Lock()
        self.numbers: Iterator[int] = iter(())
        self.is_over = False
        self.names = [str(place) for place in range(clients)]

    def run(self, first: int, count: int) -> list[Thread]:
        """Start clients that report so many orders, and return their threads."""
        self.is_over, self.numbers = False, iter(range(first, first + count))
        threads = [Thread(target=self._work, daemon=True) for _ in self.names]
        for thread in threads:
            thread.start()
        return threads

    def _work(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        while not self.is_over:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                return
            self._report(connection, number)

    def _report(self, connection: HTTPConnection, number: int) -> None:
        body = json.dumps({
            "number": f"h{number}", "customer": f"c{number % self.members}", "occurred_at": datetime.now(UTC).isoformat(),
            "lines": [{"sku": "x", "quantity": "1", "net_amount": "12.00"}],
        })  # fmt: skip
        headers = {
            "Authorization": f"Api-Key {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"k{number}",
        }
        began, was_undone = time.monotonic(), False
        while not self.is_over:
            answer, said = self._ask(connection, body, headers)
            if answer is not None and answer.status in ACKNOWLEDGED:
                self._acknowledge(f"h{number}", answer, time.monotonic() - began, was_undone=was_undone)
                return
            was_undone = self._note(answer, said)
            asked = float(answer.getheader("Retry-After") or 0) if answer is not None else 0.0
            time.sleep(min(max(asked, PAUSE_SECONDS), MAX_WAIT_SECONDS))

    def _ask(self, connection: HTTPConnection, body: str, headers: dict[str, str]) -> tuple[HTTPResponse | None, bytes]:
        try:
            connection.request("POST", "/api/v1/orders", body, headers)
            answer = connection.getresponse()
            return answer, answer.read()
        except (OSError, HTTPException):
            with suppress(OSError):
                connection.close()
            return None, b""

    def _acknowledge(self, number: str, answer: HTTPResponse, seconds: float, *, was_undone: bool) -> None:
        with self.lock:
            self.told.answers[str(answer.status)] += 1
            self.told.acknowledged[number] = time.monotonic()
            self.told.waited.append(seconds)
            if was_undone and (answer.status == ACKNOWLEDGED[0] or answer.getheader("Idempotent-Replayed")):
                self.told.untrue.append(number)

    def _note(self, answer: HTTPResponse | None, said: bytes) -> bool:
        """Count an answer that is no acknowledgement, and tell whether it says for certain that nothing was done."""
        with self.lock:
            if answer is None:
                self.told.answers["none"] += 1
                return False
            self.told.answers[str(answer.status)] += 1
            text = said.decode(errors="replace")
            is_problem = answer.getheader("Content-Type", "") == "application/problem+json"
            is_clear = NOTHING_DONE in text or "is not known" in text
            if not (is_problem and is_clear and answer.getheader("Retry-After")):
                self.told.vague.append(f"{answer.status}: {text[:200]}")
        return NOTHING_DONE in text
