"""The points of one wallet of one member: where they are, what a return took in whose place, and what is owed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.properties.model.past import Award, Key
from tests.properties.model.terms import Calendar

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False)
class Lot:
    """
    One award, or what of it another member was given.

    :ivar given_at: when a bonus was passed on that makes this lot; None where the award tells
    :ivar held: what the member's own holds keep of it; what others keep of it is spent until it comes back
    :ivar claimed: what of that a return takes when the hold ends
    """

    purse: "Purse"
    born: int
    award: Award
    fixed_dates: tuple[datetime | None, datetime | None] | None = None
    given_at: datetime | None = None
    pending: int = 0
    available: int = 0
    held: int = 0
    claimed: int = 0
    expired: int = 0
    is_over: bool = False  # it had expired when its member and another one turned out to be one

    @property
    def earned_at(self) -> datetime:
        return self.given_at or self.award.at

    @property
    def active_at(self) -> datetime | None:
        """Return from when it can be spent; None as long as it awaits an event."""
        if self.fixed_dates is not None:
            return self.fixed_dates[0]
        since = self.award.since if self.given_at is None or self.award.terms.awaits else self.given_at
        if since is not None and self.given_at is not None:  # what it awaits may have happened before it was given
            since = max(since, self.given_at)
        if since is None or not self.award.may_wait:
            return since
        return self.purse.calendar.starts_active(since, self.award.terms)

    @property
    def ends_at(self) -> datetime | None:
        """Return the first instant at which it cannot be spent any more; None for never."""
        calendar, terms = self.purse.calendar, self.award.terms
        if self.fixed_dates is not None:
            return self.fixed_dates[1]
        if terms.expiry == "inactivity":
            start = self.earned_at
            end = calendar.ends(start, terms, self.award.extra_months)
            for at in sorted(self.purse.activities):
                later = calendar.ends(at, terms, self.award.extra_months)
                if end is not None and later is not None and start <= at < end:
                    end = max(end, later)
            return end
        return calendar.ends(self.active_at, terms, self.award.extra_months) if self.active_at else None

    def is_past(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now


@dataclass(eq=False)
class Part:
    """Some points of a lot that a hold or a redemption took; `is_own` if they are the member's that took them."""

    lot: Lot
    points: int
    is_own: bool


@dataclass
class Debt:
    """
    What returns of one order, or the loss of one gift, have taken.

    :ivar own: points of its own lots, with the state they were in
    :ivar covers: points of other lots that were taken in their place, or that repaid what was owed
    :ivar missing: what could not be taken: owed, or a shortfall
    """

    own: list[tuple[Lot, int]] = field(default_factory=list)
    covers: list[tuple[Lot, int]] = field(default_factory=list)
    missing: int = 0


class Purse:
    """One wallet of a member."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.lots: list[Lot] = []
        self.debts: dict[Key, Debt] = {}
        self.points: dict[Key, int] = {}  # what each award was given so far, net
        self.passed: set[Key] = set()  # of orders that have got the bonus of the first one
        self.asked: list[datetime] = []  # when the member redeemed, held or was adjusted
        self.earned: list[datetime] = []
        self.owes = False
        self.lapsed = 0  # what expired in all
        self.now = datetime.min.replace(tzinfo=UTC)

    @property
    def activities(self) -> list[datetime]:
        return self.asked + self.earned

    @property
    def missing(self) -> int:
        return sum(debt.missing for debt in self.debts.values())

    @property
    def available(self) -> int:
        return sum(lot.available for lot in self.lots)

    def advance(self, now: datetime) -> None:
        """Carry out what midnights up to now do: points become active, then points expire, day by day."""
        self.now = now
        for lot in self.lots:
            if lot.expired and not lot.is_over and not lot.is_past(now):  # a late fact proves that it had not ended
                revived, lot.expired = lot.expired, 0
                self._come_in(lot, revived)
        while instants := sorted(
            {lot.active_at for lot in self.lots if lot.pending and lot.active_at is not None and lot.active_at <= now}
            | {lot.ends_at for lot in self.lots if lot.available and lot.ends_at is not None and lot.ends_at <= now}
        ):
            first = instants[0]
            due = [lot for lot in self.lots if lot.pending and lot.active_at is not None and lot.active_at <= first]
            for lot in due:
                lot.available, lot.pending = lot.available + lot.pending, 0
            self._repay(due)
            self._make_good_gifts(due, "gift")
            self._make_good_gifts(due, "award")
            for lot in self.lots:
                if lot.is_past(first):
                    self.lapsed += lot.available
                    lot.expired, lot.available = lot.expired + lot.available, 0

    def place_of(self, award: Award) -> int:
        """
        Sort awards by what becomes of them.

        What gives comes first, a bonus that a return passes on after the return, then challenges, and tiers last.
        """
        if award.passed and award.key not in self.passed:
            return 2
        kind, is_less = award.key[0], award.points < self.points.get(award.key, 0)
        if kind == "grant":
            return 7 if is_less else 8
        if kind == "award":
            return 3 if is_less else 4
        return (5 if kind == "gift" else 1) if is_less else 6 if kind == "gift" else 0

    def entitle(self, award: Award) -> None:
        """Give or take the difference between what an award is now and what it was."""
        had, self.points[award.key] = self.points.get(award.key, 0), award.points
        for lot in self.lots:
            if lot.award.key == award.key and lot.fixed_dates is None:
                lot.award = award
        if award.passed and award.key not in self.passed:
            self.passed.add(award.key)
            had += award.passed.points
            lot = self.add(award, award.passed.points)
            lot.given_at = award.passed.at
        if award.points > had:
            self._give(award, award.points - had)
        elif award.points < had:
            self._take_back(award, had - award.points)

    def add(self, award: Award, points: int, dates: tuple[datetime | None, datetime | None] | None = None) -> Lot:
        """Open a lot whose points are pending until they are active."""
        lot = Lot(self, len(self.lots), award, dates, pending=points)
        self.lots.append(lot)
        return lot

    def spend(self, points: int) -> list[tuple[Lot, int]]:
        """Take available points, what expires first before the oldest."""
        taken = []
        for lot in in_spending_order(self.lots):
            some = min(points, lot.available)
            if some:
                lot.available, points = lot.available - some, points - some
                taken.append((lot, some))
        assert not points
        return taken

    def come_back(self, lot: Lot, points: int) -> None:
        """Put points back into their lot; what their own order lacks comes first, then any shortfall or debt."""
        debt = self.debts.get(lot.award.key)
        if debt is not None:
            points -= self._replace(debt, lot, points)
        self._come_in(lot, points)
        self._settle([lot], most=points)

    def claims_end(self, lot: Lot, released: int, redeemed: int) -> None:
        """End a hold of a lot: a return's claim is served from what is released, and else from other points."""
        lot.held -= released + redeemed
        served = min(lot.claimed, released)
        lot.claimed -= served
        if served:
            self.debts[lot.award.key].own.append((lot, served))
        self.come_back(lot, released - served)

    def unmet_claims(self, lot: Lot) -> None:
        """Take from other points what a return claimed of a hold that was redeemed."""
        unmet = max(0, lot.claimed - lot.held)
        lot.claimed -= unmet
        if unmet:
            claimant = lot.award.key
            self._take_others(self.debts[claimant], claimant, unmet)

    def take_over(self, other: "Purse") -> None:
        """Have what another wallet had; its points repay what is owed, and what has expired of either stays so."""
        was_past = [lot for lot in (*self.lots, *other.lots) if lot.expired and lot.is_past(self.now)]
        for lot in other.lots:
            lot.purse, lot.born = self, len(self.lots)
            self.lots.append(lot)
        self.debts |= other.debts
        self.points |= other.points
        self.passed |= other.passed
        self.asked += other.asked
        self.earned += other.earned
        self.lapsed += other.lapsed
        for lot in was_past:
            lot.is_over = lot.is_over or not lot.is_past(self.now)
        self._repay(self.lots)

    def _give(self, award: Award, points: int) -> None:
        """Undo what was taken, the last source first; what remains is new."""
        debt = self.debts.get(award.key)
        if debt is not None:
            points -= self._relieve(debt, points)
            for lot in self.lots:
                if lot.award.key == award.key:
                    some = min(points, lot.claimed)
                    lot.claimed, points = lot.claimed - some, points - some
            while points and debt.own:
                lot, some = debt.own.pop()
                back = min(points, some)
                if back < some:
                    debt.own.append((lot, some - back))
                points -= back
                self._come_in(lot, back)
        if points:
            lot = next(
                (
                    each
                    for each in self.lots
                    if each.award.key == award.key and not each.fixed_dates and not each.given_at
                ),
                None,
            ) or self.add(award, 0)
            lot.pending += points
            if award.key[0] == "grant":
                self._make_good_before(lot)

    def _relieve(self, debt: Debt, points: int) -> int:
        """Let points make good what is missing, then what others gave; return how many it took."""
        missing = min(points, debt.missing)
        debt.missing -= missing
        used = missing
        while used < points and debt.covers:
            lot, some = debt.covers.pop()
            back = min(points - used, some)
            if back < some:
                debt.covers.append((lot, some - back))
            used += back
            self.come_back(lot, back)
        return used

    def _replace(self, debt: Debt, lot: Lot, points: int) -> int:
        used = self._relieve(debt, points)
        if used:
            debt.own.append((lot, used))
        return used

    def _take_back(self, award: Award, points: int) -> None:
        key = award.key
        debt = self.debts.setdefault(key, Debt())
        own = [lot for lot in in_spending_order(self.lots) if lot.award.key == key]
        for state in ("pending", "available", "expired"):
            for lot in own:
                some = min(points, getattr(lot, state))
                setattr(lot, state, getattr(lot, state) - some)
                points -= some
                if some:
                    debt.own.append((lot, some))
        for lot in own:
            some = min(points, lot.held - lot.claimed)
            lot.claimed, points = lot.claimed + some, points - some
        self._take_others(debt, key, points)

    def _take_others(self, debt: Debt, key: Key, points: int) -> None:
        for state in ("available", "pending"):
            for lot in in_spending_order(self.lots):
                some = min(points, getattr(lot, state)) if lot.award.key != key else 0
                setattr(lot, state, getattr(lot, state) - some)
                points -= some
                if some:
                    debt.covers.append((lot, some))
        debt.missing += points

    def _come_in(self, lot: Lot, points: int) -> None:
        if lot.active_at is None or lot.active_at > self.now:
            lot.pending += points
        elif lot.is_past(self.now):
            lot.expired += points
        else:
            lot.available += points
            self._repay([lot])

    def _repay(self, lots: Sequence[Lot]) -> None:
        """Let what comes in repay what is owed; a shortfall is never repaid by it."""
        if self.owes:
            self._settle(lots)

    def _make_good_gifts(self, lots: Iterable[Lot], kind: str) -> None:
        """Let a new gift, or award, make good first what of earlier ones could not be taken back."""
        gifts = [debt for key, debt in self.debts.items() if key[0] == kind]
        self._settle([lot for lot in lots if lot.award.key[0] == kind], gifts)

    def _make_good_before(self, lot: Lot) -> None:
        """Let a reward that is given again, pending or not, make good first what of the same one could not be taken back."""
        key = lot.award.key
        for other, debt in self.debts.items():
            if other[:3] == key[:3] and other != key:
                some = min(lot.pending, debt.missing)
                if some:
                    lot.pending, debt.missing = lot.pending - some, debt.missing - some
                    debt.covers.append((lot, some))

    def _settle(self, lots: Iterable[Lot], debts: Iterable[Debt] | None = None, most: int | None = None) -> None:
        """Let available points of lots, or no more than so many of each, be taken for what debts miss."""
        debts = list(self.debts.values() if debts is None else debts)
        for lot in in_spending_order(lots):
            left = lot.available if most is None else most
            for debt in debts:
                some = min(lot.available, debt.missing, left)
                if some:
                    left -= some
                    lot.available, debt.missing = lot.available - some, debt.missing - some
                    debt.covers.append((lot, some))


def in_spending_order(lots: Iterable[Lot]) -> list[Lot]:
    return sorted(lots, key=lambda lot: (lot.ends_at or NEVER, lot.earned_at, lot.born))
