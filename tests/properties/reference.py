"""
The ledger once more, in memory and as plainly as it can be said: what the real one is compared with.

It shares no code with the ledger, and carries out every midnight at once: it has no night run, no caches and no batches.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


class Refused(Exception):
    """More is asked for than there is."""


@dataclass
class RefLot:
    """One award: how many of its points are where."""

    born: int
    order: str | None
    earned_at: datetime
    active_at: datetime | None
    life_days: int | None
    pending: int = 0
    available: int = 0
    held: int = 0
    expired: int = 0
    fixed_end: datetime | None = None

    @property
    def ends_at(self) -> datetime | None:
        if self.fixed_end is not None:
            return self.fixed_end
        if self.life_days is None or self.active_at is None:
            return None
        return midnight(self.active_at) + timedelta(days=self.life_days + 1)


@dataclass
class RefOrder:
    """What an order had room for, and what it keeps."""

    at: datetime
    unit_price: int
    quantity: int
    room: int | None
    kept: int
    returned: int = 0


@dataclass
class RefMember:
    """A member: its lots, what it owes, what it did."""

    lots: list[RefLot] = field(default_factory=list)
    owed: int = 0
    orders: dict[str, RefOrder] = field(default_factory=dict)
    redeemed: dict[str, list[tuple[RefLot, int]]] = field(default_factory=dict)
    holds: dict[str, list[tuple[RefLot, int]]] = field(default_factory=dict)


@dataclass
class Terms:
    """How points live in the program."""

    pending_days: int
    awaits: bool
    life_days: int | None
    owes: bool
    month_limit: int | None


def midnight(instant: datetime) -> datetime:
    return datetime(instant.year, instant.month, instant.day, tzinfo=UTC)


class Reference:
    """All members of one program under one version."""

    def __init__(self, terms: Terms, names: list[str]) -> None:
        self.terms = terms
        self.members = {name: RefMember() for name in names}
        self.births = 0

    def lives(self, who: RefMember, at: datetime) -> None:
        """Carry out all that midnights up to an instant do."""
        due = [lot for lot in who.lots if lot.pending and lot.active_at is not None and lot.active_at <= at]
        for lot in due:
            lot.available, lot.pending = lot.available + lot.pending, 0
        self.repay(who, due)
        for lot in who.lots:
            if lot.ends_at is not None and lot.ends_at <= at:
                lot.expired, lot.available = lot.expired + lot.available, 0

    def repay(self, who: RefMember, lots: list[RefLot]) -> None:
        for lot in in_spending_order(lots):
            some = min(who.owed, lot.available)
            who.owed, lot.available = who.owed - some, lot.available - some

    def new_lot(self, who: RefMember, order: str | None, earned_at: datetime, active_at: datetime | None) -> RefLot:
        self.births += 1
        lot = RefLot(self.births, order, earned_at, active_at, self.terms.life_days)
        who.lots.append(lot)
        return lot

    def active_at(self, since: datetime) -> datetime:
        days = self.terms.pending_days
        return midnight(since) + timedelta(days=days) if days else since

    def order(self, name: str, number: str, unit_price: int, quantity: int, at: datetime, now: datetime) -> int:
        who = self.members[name]
        room = None
        if self.terms.month_limit is not None:
            same = [each.kept for each in who.orders.values() if (each.at.year, each.at.month) == (at.year, at.month)]
            room = max(0, self.terms.month_limit - sum(same))
        points = unit_price * quantity if room is None else min(room, unit_price * quantity)
        who.orders[number] = RefOrder(at, unit_price, quantity, room, points)
        if points:
            active = None if self.terms.awaits else self.active_at(at)
            lot = self.new_lot(who, number, at, active)
            lot.pending = points
            if active is not None and active <= at:
                lot.pending, lot.available = 0, points
                self.repay(who, [lot])
        self.lives(who, now)
        return points

    def delivered(self, name: str, number: str, at: datetime) -> None:
        who = self.members[name]
        for lot in who.lots:
            if lot.order == number and lot.active_at is None:
                lot.active_at = self.active_at(at)
        self.lives(who, at)

    def give_back(self, name: str, number: str, quantity: int, at: datetime) -> int:
        """Return how many points are missing, owed or not."""
        who = self.members[name]
        self.lives(who, at)
        order = who.orders[number]
        order.returned += quantity
        kept = order.unit_price * (order.quantity - order.returned)
        kept = min(kept, order.kept) if order.room is None else min(kept, order.kept, order.room)
        points, order.kept = order.kept - kept, kept
        own = [lot for lot in who.lots if lot.order == number]
        others = [lot for lot in in_spending_order(who.lots) if lot.order != number]
        for state, lots in (("pending", own), ("available", own), ("expired", own), ("available", others)):
            for lot in lots:
                some = min(points, getattr(lot, state))
                setattr(lot, state, getattr(lot, state) - some)
                points -= some
        if self.terms.owes:
            who.owed += points
        return points

    def take(self, name: str, points: int, at: datetime) -> list[tuple[RefLot, int]]:
        who = self.members[name]
        self.lives(who, at)
        if points > sum(lot.available for lot in who.lots):
            raise Refused
        taken = []
        for lot in in_spending_order(who.lots):
            some = min(points, lot.available)
            if some:
                lot.available, points = lot.available - some, points - some
                taken.append((lot, some))
        return taken

    def redeem(self, name: str, reference: str, points: int, at: datetime) -> None:
        self.members[name].redeemed[reference] = self.take(name, points, at)

    def hold(self, name: str, reference: str, points: int, at: datetime) -> None:
        taken = self.take(name, points, at)
        for lot, some in taken:
            lot.held += some
        self.members[name].holds[reference] = taken

    def end_hold(self, name: str, reference: str, redeemed: int, at: datetime) -> None:
        """Redeem so many of the held points, in the order in which they were held; the rest goes back."""
        who = self.members[name]
        self.lives(who, at)
        kept: list[tuple[RefLot, int]] = []
        for lot, some in who.holds.pop(reference):
            used = min(redeemed, some)
            redeemed -= used
            lot.held -= some
            lot.available += some - used
            if used:
                kept.append((lot, used))
        if kept:
            who.redeemed[f"hold:{reference}"] = kept
        self.lives(who, at)
        self.repay(who, who.lots)

    def reverse(self, name: str, reference: str, at: datetime) -> None:
        who = self.members[name]
        self.lives(who, at)
        for lot, some in who.redeemed.pop(reference):
            lot.available += some
        self.lives(who, at)
        self.repay(who, who.lots)

    def adjust(self, name: str, points: int, at: datetime) -> None:
        if points < 0:
            self.take(name, -points, at)
            return
        who = self.members[name]
        self.lives(who, at)
        self.new_lot(who, None, at, at).available = points
        self.repay(who, who.lots)

    def transfer(self, giver: str, taker: str, points: int, at: datetime) -> None:
        taken = self.take(giver, points, at)
        target = self.members[taker]
        self.lives(target, at)
        for lot, some in taken:
            copy = self.new_lot(target, None, lot.earned_at, lot.active_at)
            copy.available, copy.fixed_end, copy.life_days = some, lot.ends_at, None
        self.repay(target, target.lots)

    def balance(self, name: str, at: datetime) -> tuple[int, int, int, int]:
        """Return what is available, pending, held and owed at an instant."""
        who = self.members[name]
        self.lives(who, at)
        sums = [sum(getattr(lot, state) for lot in who.lots) for state in ("available", "pending", "held")]
        return sums[0], sums[1], sums[2], who.owed


def in_spending_order(lots: list[RefLot]) -> list[RefLot]:
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(lots, key=lambda lot: (lot.ends_at or never, lot.earned_at, lot.born))
