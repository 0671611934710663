"""
Rewards in the books: what is owed of those that members have and have not used, and the journal between two instants.

The points that pay a reward are earned revenue by the books of points. What the reward itself will cost is owed from its
redemption on: it is used, comes back with its points, or lapses. Amounts are in the retailer's currency.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TextIO
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import day_before, local_date
from customers.core.money import decimals_of, to_unit
from loyalty.programs.models import Program

NOTHING = Decimal(0)
LIABILITY, EXPENSE, GIVEN = "reward_liability", "promotion_expense", "rewards_given"
# For each kind of event: which account is debited, which credited.
SIDES = {
    "issued": (EXPENSE, LIABILITY),
    "used": (LIABILITY, GIVEN),
    "undone": (LIABILITY, EXPENSE),
    "refunded": (GIVEN, EXPENSE),
    "lapsed": (LIABILITY, EXPENSE),
}
NAMES = {
    "issued": _("rewards redeemed: what they will cost is owed"),
    "used": _("rewards used, sent or given to causes"),
    "undone": _("unused rewards that came back with their points"),
    "refunded": _("used rewards that came back with their points"),
    "lapsed": _("unused rewards that ended without anything coming back"),
}
# What a reward costs: as its version says, or its amount, with what the retailer adds to a donation. What came back and was
# used before is another story than what was not.
COSTS = """
SELECT r.membership_id, r.redeemed_at, r.used_at, r.ended_at,
    w.on_expiry = 'give_back' AND r.status = 'expired' OR r.status IN ('cancelled', 'refunded', 'withdrawn') AS came_back,
    coalesce(w.cost, r.amount, 0) + r.matched AS cost
FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id
WHERE r.program_id = %(program)s AND r.redeemed_at < %(until)s
    AND (coalesce(r.ended_at, r.used_at) IS NULL OR coalesce(r.ended_at, r.used_at) >= %(since)s OR r.redeemed_at >= %(since)s)
ORDER BY r.redeemed_at, r.id
"""


@dataclass(frozen=True, slots=True)
class RewardLine:
    """One side of a journal entry: either debit or credit is more than nothing."""

    event: str
    account: str
    debit: Decimal
    credit: Decimal
    rewards: int

    @property
    def text(self) -> str:
        """Return what it is for, in the reader's language."""
        return str(NAMES[self.event])


@dataclass(frozen=True, slots=True)
class RewardBooks:
    """
    A program's rewards between two instants.

    :param owed_before: what those cost that members had and had not used when it began
    :param owed_after: the same when it ended
    :param cost: of what was used, less what was refunded
    :param members: how many members were given something
    """

    owed_before: Decimal
    owed_after: Decimal
    cost: Decimal
    members: int
    lines: tuple[RewardLine, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.owed_before or self.owed_after or self.lines)

    @property
    def cost_per_member(self) -> Decimal:
        """Return what rewards cost for each member who was given something."""
        return self.cost / self.members if self.members else NOTHING


@dataclass(frozen=True, slots=True)
class _Event:
    kind: str
    at: datetime
    member: UUID
    cost: Decimal


def reward_books(program: Program, *, since: datetime, until: datetime) -> RewardBooks:
    """Return what rewards were owed before and after, and the journal that leads from one to the other."""
    events = [
        event
        for row in bulk.fetch(COSTS, {"program": program.pk, "since": since, "until": until})
        for event in _events(*row)
        if event.at < until
    ]
    before = _owed(event for event in events if event.at < since)
    within = [event for event in events if event.at >= since]
    currency = program.retailer.currency
    lines = []
    for kind, (debited, credited) in SIDES.items():
        mine = [event for event in within if event.kind == kind]
        amount = to_unit(sum((event.cost for event in mine), NOTHING), currency)
        if amount:
            lines.append(RewardLine(kind, debited, amount, NOTHING, len(mine)))
            lines.append(RewardLine(kind, credited, NOTHING, amount, len(mine)))
    used = sum((event.cost for event in within if event.kind == "used"), NOTHING)
    refunded = sum((event.cost for event in within if event.kind == "refunded"), NOTHING)
    members = {event.member for event in within if event.kind == "used"}
    return RewardBooks(
        to_unit(before, currency),
        to_unit(before + _owed(within), currency),
        to_unit(used - refunded, currency),
        len(members),
        tuple(lines),
    )


def _events(  # noqa: PLR0913 - the columns of a row
    member: UUID, redeemed_at: datetime, used_at: datetime | None, ended_at: datetime | None,
    came_back: bool, cost: Decimal,  # noqa: FBT001
) -> Iterable[_Event]:  # fmt: skip
    yield _Event("issued", redeemed_at, member, cost)
    if used_at is not None:
        yield _Event("used", used_at, member, cost)
    if ended_at is not None:
        kind = "refunded" if used_at is not None else "undone" if came_back else "lapsed"
        yield _Event(kind, ended_at, member, cost)


def _owed(events: Iterable[_Event]) -> Decimal:
    """Return by how much events change what is owed."""
    signs = {"issued": 1, "used": -1, "undone": -1, "lapsed": -1, "refunded": 0}
    return sum((signs[event.kind] * event.cost for event in events), NOTHING)


def write_rewards(file: TextIO, program: Program, *, since: datetime, until: datetime, now: datetime) -> None:
    """Write a month's lines behind those of points, in the same columns."""
    currency = program.retailer.currency
    places, last_day = decimals_of(currency), day_before(local_date(until, program.tzinfo))
    writer = csv.writer(file)
    for line in reward_books(program, since=min(since, now), until=min(until, now)).lines:
        writer.writerow([
            f"{last_day}", program.slug, "", line.event, line.account, f"{line.debit:.{places}f}",
            f"{line.credit:.{places}f}", currency, "", line.text, "",
        ])  # fmt: skip
