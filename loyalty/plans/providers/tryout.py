"""
A provider for trying out: it moves no money, and does what the payment method's name says.

`pays` pays at once, `declines` is declined, `later` waits for a webhook, which whoever tries it out signs and sends.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.plans.providers.port import Answer, Charge, Notice, NoticeKind, Return, Status, UnreadableNotice
from loyalty.plans.providers.signing import require_signature

HEADER = "X-Test-Signature"


class TryoutProvider:
    """Moves no money."""

    name = "test"
    is_asked = True

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def charge(self, charge: Charge, *, now: datetime) -> Answer:
        if charge.method == "later":
            return Answer(Status.WAITING, f"test-{charge.key}")
        if charge.method == "declines":
            return Answer(Status.FAILED, at=now, error="declined")
        return Answer(Status.DONE, f"test-{charge.key}", now)

    def give_back(self, back: Return, *, now: datetime) -> Answer:
        return Answer(Status.DONE, f"test-{back.key}", now)

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        require_signature(headers.get(HEADER, ""), body, self.secret, now=now)
        try:
            said: dict[str, Any] = json.loads(body)
            at = datetime.fromisoformat(said["at"])
            subject = UUID(said["subject"])
            kind = NoticeKind(said["kind"])
            notice_id = str(said["id"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UnreadableNotice(reason=f"{type(error).__name__}: {error}"[:200]) from error
        if at.tzinfo is None:
            raise UnreadableNotice(reason="at has no zone")
        return Notice(notice_id, kind, at, subject, str(said.get("reference", "")), str(said.get("error", "")))
