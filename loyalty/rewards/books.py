"""
Rewards in the books: what is owed of those that members have and have not used, and the journal between two instants.

The points that pay a reward are earned revenue by the books of points. What the reward itself will cost is owed from its
redemption on: it is used, comes back with its points, or lapses. Amounts are in the retailer's currency.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TextIO

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.money import to_unit
from customers.core.values import dataclass
from loyalty.points.event_books import EventBooks, EventLine, Kind, Part, Sum, Sums, read_books, write_rows
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from loyalty.rewards.models import RewardRedemption

NOTHING = Decimal(0)
LIABILITY, EXPENSE, GIVEN = "reward_liability", "promotion_expense", "rewards_given"
KINDS = {
    "issued": Kind(EXPENSE, LIABILITY, _("rewards redeemed: what they will cost is owed")),
    "used": Kind(LIABILITY, GIVEN, _("rewards used, sent or given to causes")),
    "undone": Kind(LIABILITY, EXPENSE, _("unused rewards that came back with their points")),
    "refunded": Kind(GIVEN, EXPENSE, _("used rewards that came back with their points")),
    "lapsed": Kind(LIABILITY, EXPENSE, _("unused rewards that ended without anything coming back")),
}
# What a reward costs: as its version says, or its amount, with what the retailer adds to a donation. What came back and was
# used before is another story than what was not.
EVENTS = """
WITH redeemed AS (
    SELECT r.membership_id, r.redeemed_at, r.used_at, r.ended_at,
        w.on_expiry = 'give_back' AND r.status = 'expired' OR r.status IN ('cancelled', 'refunded', 'withdrawn') AS came_back,
        coalesce(w.cost, r.amount, 0) + r.matched AS cost
    FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id
    WHERE r.program_id = %(program)s AND r.redeemed_at < %(until)s
), events AS (
    SELECT 'issued' AS kind, redeemed_at AS at, cost, membership_id FROM redeemed
    UNION ALL SELECT 'used', used_at, cost, membership_id FROM redeemed WHERE used_at < %(until)s
    UNION ALL SELECT CASE WHEN used_at IS NOT NULL THEN 'refunded' WHEN came_back THEN 'undone' ELSE 'lapsed' END,
        ended_at, cost, membership_id FROM redeemed WHERE ended_at < %(until)s
)
"""
SUMMED = f"""
{EVENTS} SELECT kind, coalesce(sum(cost) FILTER (WHERE at < %(since)s), 0), count(*) FILTER (WHERE at < %(since)s),
    sum(cost), count(*)
FROM events GROUP BY kind
"""
GIVEN_TO = f"{EVENTS} SELECT count(DISTINCT membership_id) FROM events WHERE kind = 'used' AND at >= %(since)s"


@dataclass(frozen=True, slots=True)
class RewardBooks:
    """A program's rewards between two instants."""

    books: EventBooks

    @property
    def owed_before(self) -> Decimal:
        """Return what those cost that members had and had not used when it began."""
        return self.books.before(LIABILITY)

    @property
    def owed_after(self) -> Decimal:
        return self.books.after(LIABILITY)

    @property
    def cost(self) -> Decimal:
        """Return what was used, less what was refunded."""
        return self.books.change("used") - self.books.change("refunded")

    @property
    def members(self) -> int:
        """Return how many members were given something."""
        return int(self.books.figures.get("members", 0))

    @property
    def lines(self) -> tuple[EventLine, ...]:
        return self.books.lines

    @property
    def closed_at(self) -> datetime | None:
        return self.books.closed_at

    @property
    def is_empty(self) -> bool:
        return not (self.owed_before or self.owed_after or self.lines)

    @property
    def cost_per_member(self) -> Decimal:
        """Return what rewards cost for each member who was given something."""
        return self.cost / self.members if self.members else NOTHING


def reward_books(program: Program, *, since: datetime, until: datetime, clock: Clock = Clock.RECORDED) -> RewardBooks:
    """Return what rewards were owed before and after, and the journal between; a closed month as it was closed."""
    return RewardBooks(read_books(REWARDS, program, since=since, until=until, clock=clock))


def _add_up(program: Program, since: datetime, until: datetime) -> tuple[Sums, Sums]:
    before, after, currency = {}, {}, program.retailer.currency
    for kind, *row in bulk.fetch(SUMMED, {"program": program.pk, "since": since, "until": until}):
        before[kind] = Sum(to_unit(row[0], currency), row[1])
        after[kind] = Sum(to_unit(row[2], currency), row[3])
    return before, after


def _figures(program: Program, since: datetime, until: datetime) -> Mapping[str, Any]:
    ((members,),) = bulk.fetch(GIVEN_TO, {"program": program.pk, "since": since, "until": until})
    return {"members": members}


def _began(program: Program) -> datetime | None:
    first = RewardRedemption.objects.filter(program=program).order_by("redeemed_at")
    return first.values_list("redeemed_at", flat=True).first()


REWARDS = Part("rewards", KINDS, _add_up, _began, _figures)


def write_rewards(  # noqa: PLR0913 - of what, where, which time by which clock
    file: TextIO, program: Program, *, since: datetime, until: datetime, now: datetime, clock: Clock = Clock.RECORDED
) -> None:
    """Write a month's lines behind those of points, in the same columns."""
    found = reward_books(program, since=min(since, now), until=min(until, now), clock=clock)
    write_rows(file, found.lines, program, until)
