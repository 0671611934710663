"""Recorded facts as activities to decide."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.engine.activities import Fact, InteractionReported, OrderEvent, OrderPlaced, OrderReturned
from loyalty.engine.basket import Basket, Line
from loyalty.points.loading.redeemed import PAYING

PURCHASES = """
SELECT o.id, o.number, o.customer_id, o.occurred_at, o.paid_with_points, o.channel, o.store, o.promotion_code, o.is_gift,
    o.version, (SELECT json_agg(json_build_array(e.kind, e.occurred_at)) FROM customers_orderevent e WHERE e.order_id = o.id),
    array_agg(l.net_amount), array_agg(l.category), array_agg(l.brand), array_agg(l.sku), array_agg(l.quantity),
    array_agg(l.is_gift_card)
FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
WHERE o.id = ANY(%s) GROUP BY o.id
"""
HAPPENED = """
SELECT e.id, e.kind, o.id, o.number, o.customer_id, e.occurred_at
FROM customers_orderevent e JOIN customers_order o ON o.id = e.order_id
WHERE e.id = ANY(%s) AND o.customer_id IS NOT NULL
"""
INTERACTED = """
SELECT i.id, i.number, i.kind, i.customer_id, i.occurred_at, i.sku FROM customers_interaction i
WHERE i.id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM activity_interactionhold h WHERE h.interaction_id = i.id AND h.is_approved IS NOT TRUE)
"""
RETURNS = """
SELECT r.id, r.number, o.id, o.number, o.customer_id, o.occurred_at, r.occurred_at, o.paid_with_points,
    o.channel, o.store, o.promotion_code, o.is_gift, o.redemptions::json, o.version
FROM customers_return r JOIN customers_order o ON o.id = r.order_id
WHERE r.id = ANY(%s) AND o.customer_id IS NOT NULL ORDER BY r.occurred_at, r.id
"""
ORDER_LINES = """
SELECT l.order_id, l.id, l.net_amount, l.quantity, l.category, l.brand, l.sku, l.is_gift_card
FROM customers_orderline l WHERE l.order_id = ANY(%s) ORDER BY l.order_id, l.position
"""
RETURNED_LINES = """
SELECT r.order_id, r.id, rl.line_id, rl.quantity, rl.net_amount,
    ARRAY(SELECT d.program_id FROM activity_returndecision d WHERE d.order_return_id = r.id)
FROM customers_return r JOIN customers_returnline rl ON rl.order_return_id = r.id
WHERE r.order_id = ANY(%s)
"""


def load_activities(
    order_ids: Sequence[UUID], return_ids: Sequence[UUID], interaction_ids: Sequence[UUID]
) -> list[Fact]:
    """Return recorded orders, returns and interactions as activities, in no particular order."""
    return [*load_orders(order_ids), *load_returns(return_ids), *load_interactions(interaction_ids)]


def load_orders(order_ids: Sequence[UUID]) -> list[OrderPlaced]:
    """Return recorded orders of known customers with their lines, and what is known to have happened to them."""
    if not order_ids:
        return []
    return [
        OrderPlaced(
            order_id,
            number,
            customer_id,
            occurred_at,
            Basket(tuple(map(Line, *columns)), *about),
            _events(events),
            version,
        )
        for order_id, number, customer_id, occurred_at, version, events, columns, *about in _purchased(order_ids)
    ]


def _events(events: Sequence[Sequence[str]] | None) -> tuple[tuple[str, datetime], ...]:
    return tuple((kind, datetime.fromisoformat(at)) for kind, at in events or ())


def _purchased(order_ids: Sequence[UUID]) -> Iterator[tuple[Any, ...]]:
    """Yield orders: id, number, customer, instant, version, events, the lines' columns, and what else there is to say."""
    for row in bulk.fetch(PURCHASES, [list(order_ids)]):
        yield (*row[:4], row[9], row[10], row[11:], *row[4:9])


def load_order_events(event_ids: Sequence[UUID]) -> list[OrderEvent]:
    """Return recorded events of known customers' orders."""
    return [OrderEvent(*row) for row in bulk.fetch(HAPPENED, [list(event_ids)])] if event_ids else []


def load_interactions(interaction_ids: Sequence[UUID]) -> list[InteractionReported]:
    """Return recorded interactions, but for those that are held for a person, and those that one refused."""
    return (
        [InteractionReported(*row) for row in bulk.fetch(INTERACTED, [list(interaction_ids)])]
        if interaction_ids
        else []
    )


# Who in a household lent points for redemptions that paid orders of which nothing is left.
LENDERS = f"""
SELECT g.id, coalesce(gm.merged_into_id, gm.id) FROM unnest(%s::text[], %s::uuid[]) AS r(reference, customer_id)
JOIN memberships_membership m ON m.customer_id = r.customer_id JOIN points_wallet w ON w.membership_id = m.id
{PAYING} JOIN points_movement v ON v.entry_id = e.id AND v.to_state = 'redeemed'
JOIN points_lot l ON l.id = v.lot_id AND l.is_lent JOIN points_lot g ON g.id = l.from_lot_id
JOIN points_wallet gw ON gw.id = g.wallet_id JOIN memberships_membership gm ON gm.id = gw.membership_id
"""


def find_lenders(facts: Sequence[Fact]) -> dict[UUID, UUID]:
    """Return the lots from which others lent what may come back with some returns, with those who get it back."""
    pairs = {
        (reference, fact.customer_id)
        for fact in facts
        if isinstance(fact, OrderReturned) and not fact.kept.lines
        for reference in fact.redemptions
    }
    return dict(bulk.fetch(LENDERS, bulk.columns_of(sorted(pairs)))) if pairs else {}


def load_returns(return_ids: Sequence[UUID]) -> list[OrderReturned]:
    """Return recorded returns of known customers; what their orders keep is read behind the members' lock."""
    if not return_ids:
        return []
    return [
        OrderReturned(
            return_id, number, order_id, order_number, customer_id, ordered_at, occurred_at,
            before=Basket((), *about), kept=Basket((), *about), redemptions=tuple(redemptions),
            version=version,
        )
        for return_id, number, order_id, order_number, customer_id, ordered_at, occurred_at, *about, redemptions, version
        in bulk.fetch(RETURNS, [list(return_ids)])
    ]  # fmt: skip


def with_baskets(returns: Sequence[OrderReturned], *, anew: bool = False) -> list[OrderReturned]:
    """
    Return returns, in the order of their time, with what their orders keep before and after each, program by program.

    What came back before is what was decided in a program, whenever it occurred, and what comes before it in this batch.

    :param anew: as if none had been decided
    """
    if not returns:
        return []
    orders = sorted({each.order_id for each in returns})
    lines = _lines_of(orders)
    back: dict[UUID, list[_Back]] = {}
    decided: dict[UUID, list[tuple[_Back, frozenset[int]]]] = {}
    mine = {each.return_id for each in returns}
    for order_id, return_id, line_id, quantity, amount, programs in bulk.fetch(RETURNED_LINES, [orders]):
        part = _Back(line_id, quantity, amount)
        if programs and not anew:
            decided.setdefault(order_id, []).append((part, frozenset(programs)))
        if return_id in mine:
            back.setdefault(return_id, []).append(part)
    programs_of = {order: {None, *(p for _, ps in parts for p in ps)} for order, parts in decided.items()}
    left = {
        (order, program): _left(lines[order], [part for part, ps in decided.get(order, ()) if program in ps])
        for order in orders
        for program in programs_of.get(order, {None})
    }
    made = []
    for each in sorted(returns, key=lambda each: (each.occurred_at, each.return_id)):
        baskets: dict[int | None, tuple[Basket, Basket]] = {}
        for program in programs_of.get(each.order_id, {None}):
            kept = left[each.order_id, program]
            before = _basket(kept, each.kept)
            kept.take(back.get(each.return_id, ()))
            baskets[program] = (before, _basket(kept, each.kept))
        before, after = min(baskets.values(), key=lambda pair: len(pair[1].lines))  # that of the program furthest on
        made.append(replace(each, before=before, kept=after, baskets=baskets))
    return _without_shared(made)


# Redemptions that another order of the customer names, too, of which something is kept.
SHARED = """
SELECT r.order_id, r.reference FROM unnest(%b::uuid[], %b::uuid[], %b::text[]) AS r(order_id, customer_id, reference)
WHERE EXISTS (
    SELECT 1 FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
    WHERE o.customer_id = r.customer_id AND o.id <> r.order_id AND o.redemptions ? r.reference AND l.quantity > coalesce(
        (SELECT sum(b.quantity) FROM customers_returnline b WHERE b.line_id = l.id), 0))
"""


def _without_shared(returns: list[OrderReturned]) -> list[OrderReturned]:
    """Leave out redemptions that pay another order as well: they are undone when nothing is left of either."""
    named = sorted(
        {
            (each.order_id, each.customer_id, reference)
            for each in returns
            if not each.kept.lines
            for reference in each.redemptions
        }
    )
    shared = set(bulk.fetch(SHARED, bulk.columns_of(named))) if named else set()
    if not shared:
        return returns
    return [
        replace(each, redemptions=tuple(name for name in each.redemptions if (each.order_id, name) not in shared))
        for each in returns
    ]


def load_kept_orders(order_ids: Sequence[UUID], program_id: int) -> list[OrderPlaced]:
    """Return recorded orders with what is left of them after the returns that were decided in a program."""
    if not order_ids:
        return []
    lines = _lines_of(order_ids)
    back: dict[UUID, list[_Back]] = {}
    for order_id, _, line_id, quantity, amount, programs in bulk.fetch(RETURNED_LINES, [list(order_ids)]):
        if program_id in programs:
            back.setdefault(order_id, []).append(_Back(line_id, quantity, amount))
    return [
        OrderPlaced(
            order_id,
            number,
            customer_id,
            occurred_at,
            _basket(_left(lines[order_id], back.get(order_id, ())), Basket((), *about)),
            _events(events),
            version,
        )
        for order_id, number, customer_id, occurred_at, version, events, _, *about in _purchased(order_ids)
    ]


@dataclass(frozen=True, slots=True)
class Content:
    """
    What an order says at a moment, and what came back of it.

    :param decided: for each return the programs that have decided it
    """

    occurred_at: datetime
    about: Basket
    lines: Mapping[int, Line]
    back: Sequence[tuple[UUID, "_Back"]]
    decided: Mapping[UUID, frozenset[int]]

    def programs(self) -> frozenset[int]:
        """Return the programs that have decided any return of it."""
        return frozenset().union(*self.decided.values())

    def left_in(self, program_id: int | None, decided: Mapping[UUID, frozenset[int]] | None = None) -> Basket:
        """
        Return what is left of it by what a program has decided; None for one that has decided nothing.

        :param decided: as it is known since
        """
        known = self.decided if decided is None else decided
        back = [part for return_id, part in self.back if program_id in known.get(return_id, ())]
        return _basket(_left(self.lines, back), self.about)

    def left(self) -> Basket:
        """Return what is left of it by all that came back, whoever has decided it."""
        return _basket(_left(self.lines, [part for _, part in self.back]), self.about)

    def nothing(self) -> Basket:
        """Return what is left of it when all of it is gone."""
        return replace(self.about, lines=())


ABOUT = """
SELECT occurred_at, paid_with_points, channel, store, promotion_code, is_gift FROM customers_order WHERE id = %s
"""


def read_content(order_id: UUID) -> Content:
    """Return what a recorded order says now, and what came back of it."""
    occurred_at, *about = bulk.fetch(ABOUT, [order_id])[0]
    rows = bulk.fetch(RETURNED_LINES, [[order_id]])
    return Content(
        occurred_at,
        Basket((), *about),
        _lines_of([order_id])[order_id],
        [(return_id, _Back(*part)) for _, return_id, *part, _ in rows],
        {return_id: frozenset(programs) for _, return_id, *_, programs in rows},
    )


@dataclass(frozen=True, slots=True)
class _Back:
    """How much of one line came back, and what of its amount."""

    line_id: int
    quantity: Decimal
    amount: Decimal


@dataclass(slots=True)
class _Left:
    """What is left of an order's lines."""

    lines: dict[int, Line]

    def take(self, back: Iterable[_Back]) -> None:
        for part in back:
            line = self.lines[part.line_id]
            self.lines[part.line_id] = replace(
                line, quantity=line.quantity - part.quantity, net_amount=line.net_amount - part.amount
            )


def _left(lines: Mapping[int, Line], back: Iterable[_Back]) -> _Left:
    left = _Left(dict(lines))
    left.take(back)
    return left


def _lines_of(order_ids: Sequence[UUID]) -> dict[UUID, dict[int, Line]]:
    found: dict[UUID, dict[int, Line]] = {order_id: {} for order_id in order_ids}
    for order_id, line_id, amount, quantity, category, brand, sku, is_card in bulk.fetch(
        ORDER_LINES, [list(order_ids)]
    ):
        found[order_id][line_id] = Line(amount, category, brand, sku, quantity, is_card)
    return found


def _basket(left: _Left, about: Basket) -> Basket:
    return replace(about, lines=tuple(line for line in left.lines.values() if line.quantity > 0))
