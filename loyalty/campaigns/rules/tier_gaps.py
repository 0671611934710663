"""Which members have a tier within reach, which may lose theirs, and what is missing: pure."""

from datetime import date, timedelta
from decimal import Decimal

from customers.core.calendar import add_months, day_before
from customers.core.values import dataclass
from loyalty.tiers.rules import Counts, Standing, TierRule, TierScheme, window_start

PERCENT = 100
MONTHS = 12
# Where a standing says until when a tier is kept; in other programs a tier is lost in any night, or never.
HAVE_AN_END = frozenset({"period_end", "grace"})


@dataclass(frozen=True, slots=True)
class TierMember:
    """
    Where a member stands, and what counts for it.

    :param since: the day on which it came to its tier, or joined
    :param counts: within the window of the day that is asked about
    """

    standing: Standing
    joined: date
    since: date
    counts: Counts


@dataclass(frozen=True, slots=True)
class TierGap:
    """
    What is missing for a tier.

    :param occurrence: the tier and the period, for which it is told once
    :param about: the last day on which the tier is kept; None where it is about none
    :param missing: basis by basis; of `is_any`, each is enough
    """

    tier: TierRule
    occurrence: str
    missing: tuple[tuple[str, Decimal], ...]
    about: date | None = None
    is_any: bool = False


def within_reach(scheme: TierScheme, member: TierMember, *, day: date, percent: int) -> TierGap | None:
    """
    Return the next tier where little is missing for it: of what the tiers count, and of nothing else.

    :param percent: so much of what the tier asks for may be missing at most
    """
    above = scheme.next_above(member.standing.key)
    if above is None or not scheme.may_enter(above):
        return None
    missing = dict(scheme.missing(above, member.counts))
    is_any = scheme.combination == "any"
    lacking = missing.get(scheme.basis)
    if lacking is None or (len(missing) > 1 and not is_any):
        return None
    if lacking * PERCENT > above.threshold * percent:
        return None
    begun = period_begun(scheme, day, joined=member.joined, since=member.since)
    return TierGap(above, f"tier:{above.code}:{begun}", ((scheme.basis, lacking),))


def at_risk(scheme: TierScheme, member: TierMember, *, day: date, days: int) -> TierGap | None:
    """
    Return the tier that a member will lose unless more counts by its last day.

    :param days: so many days before that at the earliest
    """
    ends, tier = member.standing.protected_until, scheme.tier(member.standing.key)
    if tier is None or ends is None or scheme.downgrade not in HAVE_AN_END:
        return None
    if not day < ends <= day + timedelta(days=days) or scheme.is_earned(tier.key, member.counts):
        return None
    missing = scheme.missing(tier, member.counts)
    return TierGap(
        tier, f"tier_risk:{tier.code}:{ends}", missing, about=day_before(ends), is_any=scheme.combination == "any"
    )  # fmt: skip


def deciding_day(scheme: TierScheme, ends: date) -> date:
    """Return the day whose window decides whether a tier is kept whose protection ends: see `fall` and `end_period`."""
    return ends if scheme.downgrade == "grace" else day_before(ends)


def period_begun(scheme: TierScheme, day: date, *, joined: date, since: date) -> date:
    """
    Return when the period began in which a member is told of a tier once.

    A year where years count; else as many months as count, from the day on which the member came to its tier; or all time.
    """
    if scheme.window in {"calendar_year", "membership_year"}:
        return window_start(scheme, day, joined)
    if scheme.window == "lifetime":
        return since
    months = (day.year - since.year) * MONTHS + day.month - since.month
    whole = months // scheme.window_months
    found = add_months(since, whole * scheme.window_months)
    return found if found <= day else add_months(since, (whole - 1) * scheme.window_months)
