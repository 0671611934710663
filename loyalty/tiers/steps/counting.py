"""What counts for a member's tier, and where it stands. Pure."""

from collections.abc import Sequence
from datetime import date

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.engine.decision import Decision
from loyalty.engine.member import Member
from loyalty.engine.versions import Version
from loyalty.points.state import MAIN, POINTS, Day, WalletState
from loyalty.tiers.rules import Counts, DaySums, Standing, TierScheme, counts_on
from loyalty.tiers.state import SCHEME, TIERS


def joined_on(member: Member, version: Version) -> date:
    """Return the day of the program's zone on which a member joined."""
    return local_date(member.enrolled_at, version.zone)


def today_of(decision: Decision) -> date:
    """Return the later of the days on which it happened, and on which it is decided."""
    return local_date(max(decision.at, decision.now), decision.rules.zone)


def standing_of(decision: Decision) -> Standing:
    return decision.member.of(TIERS).standing


def sums_of(member: Member, version: Version, *, until: date = date.max) -> DaySums:
    points, scheme = member.of(POINTS), version.of(SCHEME)
    main = points.main
    wallet = main if scheme.wallet == MAIN else points.wallet(scheme.wallet)
    days = _until(until, main.days)
    others = days if wallet is main else _until(until, wallet.days)
    return _sums(days, others, joined_on(member, version), counted_balance(wallet, scheme))


@dataclass(frozen=True)
class _Summed:
    """The sums that were added up last, and of which days."""

    days: Sequence[Day]
    others: Sequence[Day]
    sums: DaySums

    def is_of(self, days: Sequence[Day], others: Sequence[Day], joined: date, balance: int) -> bool:
        known = self.sums
        same = self.days is days and self.others is others
        return same and known.joined == joined and known.balance == max(balance, 0)


_last: _Summed | None = None


def _sums(days: Sequence[Day], others: Sequence[Day], joined: date, balance: int) -> DaySums:
    """Return the sums of some days. One decision asks for the same ones several times: the last ones are kept."""
    global _last  # noqa: PLW0603 - one assignment of one value: whoever reads it meanwhile has this one or that one
    known = _last
    if known is None or not known.is_of(days, others, joined, balance):
        _last = known = _Summed(days, others, DaySums(days, others, joined=joined, balance=balance))
    return known.sums


def _until(last: date, days: Sequence[Day]) -> Sequence[Day]:
    """Return days up to a last one."""
    return days if last == date.max else [day for day in days if day.on <= last]


def counts_of(decision: Decision, scheme: TierScheme) -> Counts:
    points = decision.member.of(POINTS)
    main = points.main
    wallet = main if scheme.wallet == MAIN else points.wallet(scheme.wallet)
    joined = joined_on(decision.member, decision.rules)
    balance = counted_balance(wallet, scheme)
    return counts_on(scheme, main.days, wallet.days, on=today_of(decision), joined=joined, balance=balance)


def counted_balance(wallet: WalletState, scheme: TierScheme) -> int:
    """
    Return what counts as a balance: what can be spent, and a member's own points that are held.

    A hold spends nothing before it is confirmed, and leaves a tier as it was when it ends. Whoever counts so has the lots
    that are held read with whatever is decided (`Tiers.counts_held`).
    """
    if not scheme.counts_balance:
        return wallet.balance
    return wallet.balance + sum(lot.held - lot.claimed for lot in wallet.lots if lot.held and not lot.is_lent)
