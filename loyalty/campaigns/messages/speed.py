"""How fast a channel sends: tokens in its own row, which is locked only where it has a limit."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from loyalty.campaigns.models import MessageChannel
from loyalty.campaigns.rules.planning import Go, Later, Plan

BURST_SECONDS = 1  # of tokens that a channel keeps at most


class Speeds:
    """The tokens of a retailer's channels, taken in a transaction: what is over has to wait its turn."""

    RULE: ClassVar[str] = "speed"

    def __init__(self, channels: Iterable[MessageChannel], now: datetime) -> None:
        self.now = now
        limited = [each.pk for each in channels if each.per_second is not None]
        rows = (
            MessageChannel.objects.filter(pk__in=limited).order_by("pk").select_for_update(no_key=True)
            if limited
            else []
        )
        self.rows = {row.channel: row for row in rows}
        self.waiting = dict.fromkeys(self.rows, 0)
        for row in self.rows.values():
            self._refill(row)

    def limit(self, plan: Plan) -> Plan:
        """Return a plan, or that it waits for its turn."""
        if not isinstance(plan, Go) or plan.channel not in self.rows:
            return plan
        row = self.rows[plan.channel]
        if row.tokens >= 1:
            row.tokens -= 1
            return plan
        assert row.per_second is not None, "only those are here"
        self.waiting[plan.channel] += 1
        seconds = math.ceil(self.waiting[plan.channel] / row.per_second)
        return Later(plan.id, self.now + timedelta(seconds=seconds), self.RULE)

    def settle(self) -> None:
        """Write down what was taken."""
        for row in self.rows.values():
            row.save(update_fields=["tokens", "refilled_at"])

    def _refill(self, row: MessageChannel) -> None:
        assert row.per_second is not None, "only those are here"
        most = float(row.per_second * BURST_SECONDS)
        since = row.refilled_at
        grown = most if since is None else row.tokens + row.per_second * max(0.0, (self.now - since).total_seconds())
        row.tokens, row.refilled_at = min(most, grown), max(self.now, since or self.now)
