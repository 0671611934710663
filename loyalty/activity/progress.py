"""Where a member stands, what keeps it there, how far the next tier is, and where it is heading: reads only."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from customers.core import bulk
from customers.core.calendar import day_before, local_date
from customers.core.values import dataclass
from loyalty.activity.deciding import advance_to
from loyalty.activity.foreseeing import ReadBudgets
from loyalty.activity.loading import load_states, read_memberships
from loyalty.activity.published import tiers_of
from loyalty.activity.versions import versions_as_read, versions_of_member
from loyalty.engine.clock import earliest
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.plans.overview import HeldPlan, held_plan
from loyalty.points.state import MAIN, POINTS, Day
from loyalty.tiers.loading import COUNTED_BALANCE
from loyalty.tiers.models import Standing, Tier
from loyalty.tiers.rules import FOREVER, NOTHING, Counts, TierRule, TierScheme, counts_on, period_end, window_start
from loyalty.tiers.state import SCHEME, TIERS
from loyalty.tiers.steps.counting import counted_balance

PACE_DAYS = 90
STORED = f"""
SELECT s.tier_id, s.since, s.protected_until, w.code, {COUNTED_BALANCE.format(w="w")}, d.on_date, d.spend,
    d.points, d.orders, d.visits
FROM memberships_membership m LEFT JOIN tiers_standing s ON s.membership_id = m.id
LEFT JOIN points_wallet w ON w.membership_id = m.id
LEFT JOIN points_qualifyingday d ON d.wallet_id = w.id AND d.on_date >= %s
WHERE m.id = %s ORDER BY d.on_date
"""

Missing = tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """
    A member's tier and the way to the next one.

    :param qualifying: what counts today, as `basis` says
    :param window_from: the first day that counts today; None for all time
    :param keeps_through: the last day on which it keeps its tier whatever it does; None where no date is set
    :param to_keep: what is missing in this window for the tier that it has, basis by basis
    :param to_next: what is missing of `basis`; None on the highest tier
    :param missing: what is missing for the next tier, basis by basis
    :param is_any: whether one of what is missing would be enough
    :param percent: of the way to the next tier that is done; 100 on the highest one
    :param projected: where it will stand on a day to come if it goes on as in the last 90 days
    :param projected_on: that day
    """

    basis: str
    current: Tier | None
    since: datetime | None
    qualifying: Decimal
    window_from: date | None
    next: Tier | None
    to_next: Decimal | None
    keeps_through: date | None = None
    to_keep: Missing = ()
    missing: Missing = ()
    is_any: bool = False
    percent: int = 100
    projected: Tier | None = None
    projected_on: date | None = None


def plan_of(membership: Membership, *, at: datetime) -> HeldPlan | None:
    """Return the paid plan that a member has; of a program without plans nothing is read."""
    return held_plan(membership, versions_as_read(membership), at=at)


def progress(membership: Membership, *, at: datetime, versions: Versions | None = None) -> Progress:
    """
    Return a member's progress under the version in force at an instant, whether or not the night has been by then.

    :param versions: of its program, as they hold for it; read if None
    """
    versions = versions or versions_of_member(membership)
    version = versions.at(at)
    member = _advanced(membership, versions, at)
    tiers = tiers_of(version.version_id) if version else {}
    if version is None:
        standing = _standing_of(member, tiers) if member else _stored(membership, date.max).standing(tiers)
        return Progress("spend", standing.tier, standing.since, NOTHING, None, None, None)
    scheme, today = version.of(SCHEME), local_date(at, version.zone)
    joined = local_date(membership.enrolled_at, version.zone)
    first = window_start(scheme, today, joined)
    if member:
        standing, past = _standing_of(member, tiers), _past_of(member, scheme)
    else:
        stored = _stored(membership, min(first, today - timedelta(days=PACE_DAYS)))
        standing, past = stored.standing(tiers), stored.past(scheme)
    counts = past.counts(scheme, today, joined)
    key = standing.tier.key if standing.tier else None
    current, above = scheme.tier(key), scheme.next_above(key)
    end = _horizon(scheme, today, joined)
    going_on = _plus(past.counts(scheme, end, joined), past.recent(today), days=(end - today).days)
    heading_for = _protected(scheme, standing, scheme.earned(going_on), end)
    return Progress(
        basis=scheme.basis,
        current=standing.tier,
        since=standing.since,
        qualifying=counts.of(scheme.basis),
        window_from=None if first == FOREVER else first,
        next=tiers[above.id] if above else None,
        to_next=max(above.threshold - counts.of(scheme.basis), NOTHING) if above else None,
        keeps_through=day_before(standing.protected_until) if standing.protected_until else None,
        to_keep=scheme.lacks_to_keep(current, counts) if current else (),
        missing=scheme.missing(above, counts) if above else (),
        is_any=scheme.combination == "any",
        percent=scheme.percent_of(above, counts) if above else 100,
        projected=tiers[heading_for.id] if heading_for else None,
        projected_on=end,
    )


def _advanced(membership: Membership, versions: Versions, at: datetime) -> Member | None:
    """Return a member as the nights until an instant will leave it; None where nothing is due, and all stands as written."""
    due_at = earliest(membership.next_due_at, versions.start_after(membership.started_at))
    if membership.left_at is not None or due_at is None or due_at > at:
        return None
    read = read_memberships([membership.pk], latest=at)
    loaded = load_states(read, (), is_whole=lambda _: True, is_passing=lambda _: True)
    member = loaded.members[membership.pk]
    if not member.has(TIERS):
        return None
    pools = ReadBudgets()
    return advance_to(member, at, versions, pools=lambda _: pools, take=lambda _: None)


def _standing_of(member: Member, tiers: Mapping[int, Tier]) -> Standing:
    state = member.of(TIERS)
    return Standing(tier=_tier(state.tier_id, tiers), since=state.since, protected_until=state.protected_until)


def _tier(tier_id: int | None, tiers: Mapping[int, Tier]) -> Tier | None:
    """Return a tier, of the version in force or of an earlier one."""
    if tier_id is None:
        return None
    return tiers[tier_id] if tier_id in tiers else Tier.objects.get(pk=tier_id)


def _past_of(member: Member, scheme: TierScheme) -> "_Past":
    points = member.of(POINTS)
    wallet = points.wallet(scheme.wallet)
    return _Past(points.main.days, wallet.days, counted_balance(wallet, scheme))


@dataclass(frozen=True, slots=True)
class _Past:
    """A member's days and what it can spend, or could if holds ended."""

    main: tuple[Day, ...]
    wallet: tuple[Day, ...]
    balance: int

    def counts(self, scheme: TierScheme, on: date, joined: date) -> Counts:
        """Return what counts on a day, of what is known today."""
        return counts_on(scheme, self.main, self.wallet, on=on, joined=joined, balance=self.balance)

    def recent(self, today: date) -> Counts:
        """Return what the last days gave, from which the pace is taken."""
        since = today - timedelta(days=PACE_DAYS)
        days, earned = ([day for day in each if day.on > since] for each in (self.main, self.wallet))
        return Counts(
            spend=sum((day.spend for day in days), NOTHING),
            points=sum(day.points for day in earned),
            orders=sum(day.orders for day in days),
            visits=sum(day.visits for day in days),
            balance=sum(day.points for day in earned),
        )


class _Stored(NamedTuple):
    """
    What is written of a member.

    :param tier: its id, since when, and until when it is protected
    :param wallets: codes with what counts as a balance, and the days, the earliest first
    """

    tier: tuple[int | None, datetime | None, date | None]
    wallets: Mapping[str, tuple[int, list[Day]]]

    def standing(self, tiers: Mapping[int, Tier]) -> Standing:
        tier_id, since, protected_until = self.tier
        return Standing(tier=_tier(tier_id, tiers), since=since, protected_until=protected_until)

    def past(self, scheme: TierScheme) -> _Past:
        balance, days = self.wallets.get(scheme.wallet, (0, []))
        _, main = self.wallets.get(MAIN, (0, []))
        return _Past(tuple(main), tuple(days), balance)


def _stored(membership: Membership, since: date) -> _Stored:
    """
    Return what is written of a member.

    :param since: the first day that is looked for
    """
    rows = bulk.fetch(STORED, [since, membership.pk])
    wallets: dict[str, tuple[int, list[Day]]] = {}
    for _tier_id, _since, _until, code, balance, on, *counted in rows:
        _, days = wallets.setdefault(code, (balance, []))
        if on is not None:
            days.append(Day(on, *counted))
    return _Stored(rows[0][:3] if rows else (None, None, None), wallets)


def _horizon(scheme: TierScheme, today: date, joined: date) -> date:
    """Return the last day of the year that is open; where no window ends, the day in 90 days."""
    if scheme.window in {"calendar_year", "membership_year"}:
        return day_before(period_end(scheme, today, joined))
    return today + timedelta(days=PACE_DAYS)


def _plus(counts: Counts, recent: Counts, *, days: int) -> Counts:
    """Return what will count after some more days of the same pace."""
    share = Decimal(days) / PACE_DAYS
    return Counts(
        spend=counts.spend + recent.spend * share,
        points=counts.points + int(recent.points * share),
        orders=counts.orders + int(recent.orders * share),
        visits=counts.visits + int(recent.visits * share),
        balance=counts.balance + int(recent.balance * share),
    )


def _protected(scheme: TierScheme, standing: Standing, projected: TierRule | None, end: date) -> TierRule | None:
    """Return where a member will stand: not below a tier that it keeps until after that day, or for ever."""
    current = scheme.tier(standing.tier.key if standing.tier else None)
    is_safe = scheme.downgrade == "never" or (standing.protected_until is not None and standing.protected_until > end)
    falls = scheme.rank(projected.key if projected else None) < scheme.rank(current.key if current else None)
    return current if is_safe and falls else projected
