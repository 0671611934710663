"""When time will next change a member's tier. Pure."""

from datetime import datetime

from customers.core.calendar import local_date, midnight
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.points.state import POINTS, WalletState
from loyalty.tiers.rules import next_change
from loyalty.tiers.state import SCHEME, TIERS
from loyalty.tiers.steps.counting import sums_of


def due(member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None:
    """Return the next midnight that changes a member's tier if nothing happens."""
    if not member.has(TIERS):
        return None
    if before is not None and before.has(TIERS) and not _may_change_sooner(member, before, versions, now):
        return None
    version = versions.at(now)
    if version is None:
        return None
    scheme = version.of(SCHEME)
    day = next_change(member.of(TIERS).standing, scheme, sums_of(member, version), local_date(now, version.zone))
    return midnight(day, version.zone) if day else None


def _may_change_sooner(member: Member, before: Member, versions: Versions, now: datetime) -> bool:
    """Tell whether what happened can bring a change forward: what only adds to a tier that stays cannot."""
    if member.of(TIERS) is not before.of(TIERS) and member.of(TIERS).standing != before.of(TIERS).standing:
        return True
    pairs = zip(member.of(POINTS).wallets, before.of(POINTS).wallets, strict=True)
    version = versions.at(now)
    if version is not None and version.of(SCHEME).counts_balance:
        return any(after.balance != old.balance or after.lots is not old.lots for after, old in pairs)
    return any(_counts_less(after, old) for after, old in pairs if after.days is not old.days)


def _counts_less(after: WalletState, old: WalletState) -> bool:
    if after.days[:-1] == old.days:  # one more day, as with nearly every order
        return False
    known = {day.on: day for day in old.days}
    return any(
        day.spend < was.spend or day.points < was.points or day.orders < was.orders
        for day in after.days
        if (was := known.get(day.on)) is not None and was is not day
    )
