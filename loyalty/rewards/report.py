"""Rewards in figures: how many points they take of those earned, what is used and what never is, and what they cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import add_months, local_date, midnight
from customers.core.money import to_unit
from customers.core.values import dataclass
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward

PERCENT = Decimal(100)
SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Tally:
    """
    What became of rewards in some time, each counted when it happened.

    :param points: that the redeemed ones took; `points_back` of those that came back, whenever they were redeemed
    :param used: at a till; `fulfilled` are those without codes, which are sent, given or donated
    :param unused: ended by time, or with the membership, before they were used
    :param cost: of what was used or fulfilled, less what was refunded after that
    """

    redeemed: int = 0
    points: int = 0
    used: int = 0
    fulfilled: int = 0
    unused: int = 0
    came_back: int = 0
    points_back: int = 0
    cost: Decimal = Decimal(0)

    def plus(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def points_spent(self) -> int:
        """Return the points that were redeemed, less those that came back."""
        return self.points - self.points_back

    @property
    def breakage_percent(self) -> Decimal | None:
        """Return, of what was used, fulfilled or ended unused, the share that ended unused; None where there is none."""
        ended = self.used + self.fulfilled + self.unused
        return PERCENT * self.unused / ended if ended else None


@dataclass(frozen=True, slots=True)
class RewardLine:
    """
    A reward in some time.

    :param name: as the latest version has it that was published
    :param members: who redeemed it
    :param days_to_use: the median from its redemption until it was used; None where it was not
    :param by_month: what became of it, by the first day of each month
    """

    code: str
    name: str
    kind: str
    tally: Tally
    members: int
    days_to_use: Decimal | None
    by_month: Mapping[date, Tally]


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A member, by its number and its customer's own id, and what became of its rewards in some time."""

    number: str
    customer: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class RewardMonth:
    """A month of all rewards, with the points that orders, rules and staff gave in it."""

    first: date
    tally: Tally
    earned: int

    @property
    def rate_percent(self) -> Decimal | None:
        return _rate(self.tally, self.earned)


@dataclass(frozen=True, slots=True)
class RewardReport:
    """
    A program's rewards in some time.

    :param active: members who earned or spent points in it
    :param members: those of them who redeemed a reward
    """

    rewards: tuple[RewardLine, ...]
    months: tuple[RewardMonth, ...]
    tally: Tally
    earned: int
    members: int
    active: int

    @property
    def rate_percent(self) -> Decimal | None:
        """Return, of the points that were earned, the share that rewards took; None where none was earned."""
        return _rate(self.tally, self.earned)

    @property
    def members_percent(self) -> Decimal | None:
        return PERCENT * self.members / self.active if self.active else None


def _rate(tally: Tally, earned: int) -> Decimal | None:
    return PERCENT * tally.points_spent / earned if earned > 0 else None


CAME_BACK = "(r.status IN ('cancelled', 'refunded', 'withdrawn') OR r.status = 'expired' AND w.on_expiry = 'give_back')"
COST = "coalesce(r.spent, w.cost, r.amount, 0) + r.matched"
# Each redemption as often as something happened to it.
COUNTED = f"""
    count(*) FILTER (WHERE e.what = 'redeemed')::int, coalesce(sum(r.points) FILTER (WHERE e.what = 'redeemed'), 0)::bigint,
    count(*) FILTER (WHERE e.what = 'used' AND w.codes <> 'none')::int,
    count(*) FILTER (WHERE e.what = 'used' AND w.codes = 'none')::int,
    count(*) FILTER (WHERE e.what = 'ended' AND r.used_at IS NULL AND r.status IN ('expired', 'forfeited'))::int,
    count(*) FILTER (WHERE e.what = 'ended' AND {CAME_BACK})::int,
    coalesce(sum(r.points) FILTER (WHERE e.what = 'ended' AND {CAME_BACK}), 0)::bigint,
    coalesce(sum({COST}) FILTER (WHERE e.what = 'used'), 0)
        - coalesce(sum({COST}) FILTER (WHERE e.what = 'ended' AND r.used_at IS NOT NULL), 0) AS cost
FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id
CROSS JOIN LATERAL (VALUES ('redeemed', r.redeemed_at), ('used', r.used_at), ('ended', r.ended_at)) AS e (what, at)
WHERE r.program_id = %(program)s AND e.at >= %(since)s AND e.at < %(until)s
"""
BY_REWARD = f"""
SELECT r.reward_key, date_trunc('month', e.at AT TIME ZONE %(zone)s)::date, {COUNTED} GROUP BY 1, 2
"""
BY_MEMBER = f"""
WITH happened AS (SELECT r.membership_id, {COUNTED} GROUP BY 1)
SELECT m.number, c.external_id, h.*
FROM happened h JOIN memberships_membership m ON m.id = h.membership_id JOIN customers_customer c ON c.id = m.customer_id
ORDER BY h.cost DESC, m.number
"""
WHO = """
SELECT reward_key, count(DISTINCT membership_id)::int FROM rewards_rewardredemption
WHERE program_id = %(program)s AND redeemed_at >= %(since)s AND redeemed_at < %(until)s GROUP BY ROLLUP (reward_key)
"""
HOW_SOON = """
SELECT reward_key, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM used_at - redeemed_at))
FROM rewards_rewardredemption WHERE program_id = %(program)s AND used_at >= %(since)s AND used_at < %(until)s GROUP BY 1
"""
# Of wallets from which rewards are paid: what was given, and not taken back for a return. What goes from member to member is
# not earned again.
EARNED = """
SELECT date_trunc('month', e.occurred_at AT TIME ZONE %(zone)s)::date,
    sum(CASE WHEN m.from_state = 'issued' THEN m.amount ELSE -m.amount END)::bigint
FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id JOIN points_movement m ON m.entry_id = e.id
JOIN memberships_membership b ON b.id = w.membership_id
WHERE b.program_id = %(program)s AND w.code = ANY(%(wallets)s) AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
    AND (m.from_state = 'issued' AND e.kind IN ('earn', 'adjust') OR m.to_state = 'cancelled' AND e.kind = 'return')
GROUP BY 1
"""
# What went over with a merge was done before.
ACTIVE = """
SELECT count(DISTINCT w.membership_id)::int FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
JOIN memberships_membership b ON b.id = w.membership_id
WHERE b.program_id = %(program)s AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
    AND e.kind IN ('earn', 'adjust', 'redeem') AND NOT e.explanation ? 'merged'
"""


def reward_report(program: Program, *, since: datetime, until: datetime) -> RewardReport:
    """
    Return what became of a program's rewards between two instants.

    :param until: the first instant that does not count any more
    """
    rewards = _rewards(program)
    wallets = sorted({each.wallet for each in rewards.values()})
    asked = {"program": program.pk, "since": since, "until": until, "zone": program.zone, "wallets": wallets}
    cells = _cells(program, asked)
    who = dict(bulk.fetch(WHO, asked))
    soon = dict(bulk.fetch(HOW_SOON, asked))
    earned = dict(bulk.fetch(EARNED, asked))
    lines = tuple(
        RewardLine(
            row.code, str(row), row.kind, _sum(by_month.values()), who.get(key, 0), _days(soon.get(key)), by_month
        )
        for key, row in rewards.items()
        if (by_month := {month: tally for (each, month), tally in cells.items() if each == key})
    )
    months = tuple(
        RewardMonth(first, _sum(tally for (_, month), tally in cells.items() if month == first), earned.get(first, 0))
        for first in _months(program, since, until)
    )
    ((active,),) = bulk.fetch(ACTIVE, asked)
    return RewardReport(lines, months, _sum(cells.values()), sum(earned.values()), who.get(None, 0), active)


def costs_by_member(program: Program, *, since: datetime, until: datetime) -> list[MemberLine]:
    """Return what became of each member's rewards between two instants, the dearest first; nothing of whom nothing did."""
    asked, currency = {"program": program.pk, "since": since, "until": until}, program.retailer.currency
    return [
        MemberLine(number, customer, _tally(counted, currency))
        for number, customer, _, *counted in bulk.fetch(BY_MEMBER, asked)
    ]


def _rewards(program: Program) -> dict[UUID, Reward]:
    """Return a program's rewards by their identity, each as the latest published version has it, in its place."""
    found: dict[UUID, Reward] = {}
    published = Reward.objects.filter(version__program=program, version__status="published")
    for row in published.order_by("version__effective_from", "place"):
        found[row.key] = row
    return dict(sorted(found.items(), key=lambda item: (-item[1].version_id, item[1].place)))


def _cells(program: Program, asked: dict[str, object]) -> dict[tuple[UUID, date], Tally]:
    currency = program.retailer.currency
    return {(key, first): _tally(counted, currency) for key, first, *counted in bulk.fetch(BY_REWARD, asked)}


def _tally(counted: Sequence[Any], currency: str) -> Tally:
    """Return a row of counts as they are asked for, the cost in the currency's decimals."""
    *counts, cost = counted
    return replace(Tally(*counts), cost=to_unit(cost, currency))


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for each in tallies:
        total = total.plus(each)
    return total


def _days(seconds: float | None) -> Decimal | None:
    return None if seconds is None else round(Decimal(seconds) / SECONDS_A_DAY, 1)


def _months(program: Program, since: datetime, until: datetime) -> Iterable[date]:
    first = local_date(since, program.tzinfo).replace(day=1)
    while midnight(first, program.tzinfo) < until:
        yield first
        first = add_months(first, 1)
