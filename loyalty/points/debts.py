"""
What returns took besides their orders' own points, and what they could not take: told, order by order, from entries. Pure.

Own points that come back replace what was taken in their place. So a redemption, a hold and a return leave the same
whichever of them is undone first, and nobody loses points that live longer than those that came back.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from customers.core.values import dataclass
from loyalty.points.states import State

KINDS = frozenset({"return", "repay", "leave"})  # of the entries that tell of debts


@dataclass(frozen=True, slots=True)
class DebtEntry:
    """
    What an entry changed of debts.

    :param order_id: whose return it was, or whose own points replaced something
    :param gift_lots: those of the gifts that a return took, or whose own points replaced something
    :param owed: points that are owed more or, negative, less
    :param shortfall: points that could not be taken and are not owed
    :param covers: points of other lots, by lot: taken or, negative, given back
    :param is_for_gifts: that a gift made good what was missing of earlier ones
    """

    kind: str
    order_id: UUID | None = None
    gift_lots: tuple[UUID, ...] = ()
    owed: int = 0
    shortfall: int = 0
    covers: tuple[tuple[UUID, int], ...] = ()
    is_for_gifts: bool = False

    def of_moved(self, lots: Mapping[UUID, UUID]) -> "DebtEntry":
        """Return it with the lots that have the points since, where other ones have."""
        covers = tuple((lots.get(lot_id, lot_id), points) for lot_id, points in self.covers)
        return self if covers == self.covers else replace(self, covers=covers)


@dataclass(frozen=True, slots=True)
class Debt:
    """
    What the returns of one order, or the loss of gifts, lack of their own points.

    :param covers: points of other lots that were taken in their place, by lot, the first taken first
    """

    order_id: UUID | None
    gift_lots: tuple[UUID, ...]
    owed: int = 0
    shortfall: int = 0
    covers: tuple[tuple[UUID, int], ...] = ()

    @property
    def lacking(self) -> int:
        """Return how many own points would replace all of it."""
        return self.owed + self.shortfall + sum(points for _, points in self.covers)

    def owns(self, order_id: UUID | None, lot_id: UUID) -> bool:
        """Tell whether a lot's points are those that it lacks."""
        return order_id == self.order_id if self.order_id is not None else lot_id in self.gift_lots


@dataclass(frozen=True, slots=True)
class Relief:
    """What own points make good: what is owed, what was short, and what other lots get back, by lot."""

    owed: int
    shortfall: int
    covers: tuple[tuple[UUID, int], ...]

    @property
    def points(self) -> int:
        return self.owed + self.shortfall + sum(points for _, points in self.covers)


def covers_of(debts: Iterable[Debt]) -> dict[UUID, int]:
    """Return how many points of each lot stand in the place of others'."""
    found: dict[UUID, int] = {}
    for debt in debts:
        for lot_id, points in debt.covers:
            found[lot_id] = found.get(lot_id, 0) + points
    return found


def as_given_over(debts: Iterable[Debt], lots: Mapping[UUID, UUID]) -> list[dict[str, Any]]:
    """
    Return debts as the entry says them by which another membership takes them over, with what it owes and misses.

    :param lots: those that have the points there, by the lots that had them
    """
    return [
        {
            "order": debt.order_id and str(debt.order_id), "owed": debt.owed, "shortfall": debt.shortfall,
            "gift_lots": [str(lots[each]) for each in debt.gift_lots if each in lots],
            "covers": [[str(lots[lot_id]), points] for lot_id, points in debt.covers],
        }
        for debt in debts
    ]  # fmt: skip


def taken_over(said: Iterable[Mapping[str, Any]]) -> tuple[DebtEntry, ...]:
    """Return what `as_given_over` said as entries of who took it over; nothing of what nobody's points can replace."""
    return tuple(
        DebtEntry(
            "transfer", UUID(each["order"]) if each["order"] else None, tuple(map(UUID, each["gift_lots"])), each["owed"],
            each["shortfall"], tuple((UUID(lot_id), points) for lot_id, points in each["covers"]),
        )
        for each in said
        if each["order"] or each["gift_lots"]
    )  # fmt: skip


def relief(debt: Debt, points: int) -> Relief:
    """Return what so many own points make good: what could not be taken first, then what was taken last."""
    owed = min(points, debt.owed)
    shortfall = min(points - owed, debt.shortfall)
    left = points - owed - shortfall
    covers = []
    for lot_id, taken in reversed(debt.covers):
        back = min(left, taken)
        if back:
            covers.append((lot_id, back))
            left -= back
    return Relief(owed, shortfall, tuple(covers))


def debts_of(entries: Iterable[DebtEntry]) -> list[Debt]:
    """Return what is lacking after some entries, in their order; what repaid debts took the place of own points, too."""
    debts: dict[tuple[UUID | None, tuple[UUID, ...]], Debt] = {}
    for entry in entries:
        if entry.kind == "leave":  # all is forfeited, and written off
            debts.clear()
        elif entry.order_id is not None or entry.gift_lots:
            key = (entry.order_id, entry.gift_lots)
            debts[key] = _changed(debts.get(key, Debt(*key)), entry)
        else:
            _repay(debts, entry)
    return [debt for debt in debts.values() if debt.lacking > 0]


def missing_of_gifts(entries: Iterable[DebtEntry], lots: Container[UUID]) -> int:
    """Return how many points of gifts are missing after some entries. :param lots: those of the gifts that are asked for"""
    return sum(debt.shortfall for debt in lacking_of_gifts(entries, lots))


def lacking_of_gifts(entries: Iterable[DebtEntry], lots: Container[UUID]) -> list[Debt]:
    """Return what is lacking of gifts after some entries. :param lots: those of the gifts that are asked for"""
    return [debt for debt in debts_of(entries) if any(each in lots for each in debt.gift_lots)]


def _changed(debt: Debt, entry: DebtEntry) -> Debt:
    covers = [*debt.covers, *((lot_id, points) for lot_id, points in entry.covers if points > 0)]
    for lot_id, points in entry.covers:
        if points < 0:
            covers = _without(covers, lot_id, -points)
    return replace(debt, owed=debt.owed + entry.owed, shortfall=debt.shortfall + entry.shortfall, covers=tuple(covers))


def _without(covers: Sequence[tuple[UUID, int]], lot_id: UUID, points: int) -> list[tuple[UUID, int]]:
    """Return covers without so many points of a lot, the last taken first."""
    left = []
    for each, taken in reversed(covers):
        less = min(points, taken) if each == lot_id else 0
        points -= less
        if taken > less:
            left.append((each, taken - less))
    return left[::-1]


def _repay(debts: dict[tuple[UUID | None, tuple[UUID, ...]], Debt], entry: DebtEntry) -> None:
    """Let what repaid debts, the oldest first, be what took the place of own points."""
    taken = list(entry.covers)
    for field, repaid in (("owed", -entry.owed), ("shortfall", -entry.shortfall)):
        left = repaid
        for key, debt in debts.items():
            if entry.is_for_gifts and not debt.gift_lots:
                continue
            some = min(left, getattr(debt, field))
            if some <= 0:
                continue
            used, taken = _split(taken, some)
            debts[key] = replace(debt, **{field: getattr(debt, field) - some}, covers=(*debt.covers, *used))
            left -= some


def _split(taken: Sequence[tuple[UUID, int]], points: int) -> tuple[list[tuple[UUID, int]], list[tuple[UUID, int]]]:
    """Return the first so many points, and the rest."""
    first, rest = [], []
    for lot_id, amount in taken:
        some = min(points, amount)
        points -= some
        if some:
            first.append((lot_id, some))
        if amount > some:
            rest.append((lot_id, amount - some))
    return first, rest


def cover_of(source: State, target: State, amount: int) -> int:
    """Return what a move says of a lot that is not the order's own: taken, given back (negative), or neither."""
    if target is State.CANCELLED:
        return amount
    return -amount if source is State.CANCELLED else 0


def covers_in(
    moves: Iterable[tuple[UUID, State, State, int]], own: Mapping[UUID, bool]
) -> tuple[tuple[UUID, int], ...]:
    """Return what moves of an entry changed of other lots than its order's own, by lot."""
    found = ((lot_id, cover_of(source, target, amount)) for lot_id, source, target, amount in moves if not own[lot_id])
    return tuple((lot_id, points) for lot_id, points in found if points)
