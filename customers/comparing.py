"""What was reported against what is recorded under the same number: it is the same if it says the same, however it is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from customers.checks import CLOCK_TOLERANCE, ERASED_PREFIX, plain
from customers.core import bulk
from customers.core.errors import Fault
from customers.facts import InteractionFact, LineFact, OrderEventFact, OrderFact, ReturnFact
from customers.models import Retailer
from customers.reading import LEADS_TO, recorded_orders

Fact = TypeVar("Fact", OrderFact, ReturnFact, OrderEventFact, InteractionFact)
Doubtful = Sequence[tuple[Fact, bytes]]
# Of each fact and hash, what it says otherwise than what is recorded: nothing, where it says the same.
Compared = dict[tuple[str, bytes], tuple[Fault, ...]]
ORDER = ("customer", "occurred_at", "shipping_amount", "channel", "store", "promotion_code", "is_gift", "identified_by",
         "paid_with_points", "redemptions")  # fmt: skip
LINE = ("sku", "quantity", "net_amount", "discount", "category", "brand", "unit_cost", "is_gift_card")
MAX_SAID = 100  # characters of a value, so that a refusal stays a sentence
RETURNS = """
SELECT r.number, o.number, r.occurred_at, r.recorded_at, r.order_id, array_agg(l.position ORDER BY l.position),
    array_agg(b.quantity ORDER BY l.position)
FROM customers_return r JOIN customers_order o ON o.id = r.order_id
JOIN customers_returnline b ON b.order_return_id = r.id JOIN customers_orderline l ON l.id = b.line_id
WHERE r.retailer_id = %s AND r.number = ANY(%s) GROUP BY r.id, o.id
"""
POSITIONS = "SELECT order_id, sku, position FROM customers_orderline WHERE order_id = ANY(%s)"
EVENTS = "SELECT number, occurred_at, recorded_at FROM customers_orderevent WHERE retailer_id = %s AND number = ANY(%s)"
INTERACTIONS = """
SELECT i.number, i.recorded_at, c.external_id, i.kind, i.occurred_at, i.channel, i.sku, i.score, i.topic, i.outcome,
    i.comment
FROM customers_interaction i JOIN customers_customer c ON c.id = i.customer_id WHERE i.retailer_id = %s AND i.number = ANY(%s)
"""
INTERACTION = ("customer", "kind", "occurred_at", "channel", "sku", "score", "topic", "outcome", "comment")


def compare_orders(retailer: Retailer, doubtful: Doubtful[OrderFact]) -> Compared:
    """
    Return what reported orders say otherwise than those that are recorded, or than those said before a correction.

    :param doubtful: orders as they would be recorded, each with its hash
    """
    if not doubtful:
        return {}
    recorded = recorded_orders(retailer, {fact.number for fact, _ in doubtful})
    leads_to = _stay(retailer, [fact.customer for fact, _ in doubtful if fact.customer])
    found: Compared = {}
    for fact, content in doubtful:
        if (known := recorded.get(fact.number)) is None:
            continue
        told = replace(fact, customer=leads_to.get(fact.customer, fact.customer))  # type: ignore[arg-type] # a guest leads nowhere
        told = replace(told, occurred_at=_as_first_told(fact.occurred_at, known.fact.occurred_at, known.recorded_at))
        is_old = content in known.earlier.values()
        found[fact.number, content] = () if is_old else tuple(_differences(told, known.fact))
    return found


def compare_returns(retailer: Retailer, doubtful: Doubtful[ReturnFact]) -> Compared:
    """Return what reported returns say otherwise than those that are recorded, line by line whether by position or SKU."""
    if not doubtful:
        return {}
    rows = bulk.fetch(RETURNS, [retailer.pk, [fact.number for fact, _ in doubtful]])
    positions: dict[Any, dict[str, list[int]]] = {}
    for order_id, sku, position in bulk.fetch(POSITIONS, [[row[4] for row in rows]]):
        positions.setdefault(order_id, {}).setdefault(sku, []).append(position)
    known = {row[0]: row for row in rows}
    found: Compared = {}
    for fact, content in doubtful:
        if fact.number not in known:
            continue
        _number, order, occurred_at, recorded_at, order_id, places, quantities = known[fact.number]
        instant = _as_first_told(fact.occurred_at, occurred_at, recorded_at)
        pairs = [
            ("order_number", fact.order_number, order),
            ("occurred_at", instant, occurred_at),
            ("lines", _back(fact, positions.get(order_id, {})), dict(zip(places, quantities, strict=True))),
        ]
        found[fact.number, content] = tuple(_faults(pairs))
    return found


def compare_events(retailer: Retailer, doubtful: Doubtful[OrderEventFact]) -> Compared:
    """Return what reported events of orders say otherwise than those that are recorded: their instants."""
    return _compare(
        EVENTS, retailer, doubtful, ("occurred_at",), lambda fact, row: ([fact.occurred_at], row[1:2], row[2])
    )


def compare_interactions(retailer: Retailer, doubtful: Doubtful[InteractionFact]) -> Compared:
    """Return what reported interactions say otherwise than those that are recorded."""
    leads_to = _stay(retailer, [fact.customer for fact, _ in doubtful]) if doubtful else {}

    def pairs(fact: InteractionFact, row: Sequence[Any]) -> tuple[list[Any], Sequence[Any], datetime]:
        told = [leads_to.get(fact.customer, fact.customer), *(getattr(fact, name) for name in INTERACTION[1:])]
        return told, row[2:], row[1]

    return _compare(INTERACTIONS, retailer, doubtful, INTERACTION, pairs)


def _compare(
    sql: str,
    retailer: Retailer,
    doubtful: Doubtful[Fact],
    names: Sequence[str],
    pairs: Callable[[Fact, Sequence[Any]], tuple[list[Any], Sequence[Any], datetime]],
) -> Compared:
    if not doubtful:
        return {}
    known = {row[0]: row for row in bulk.fetch(sql, [retailer.pk, [fact.number for fact, _ in doubtful]])}
    found: Compared = {}
    for fact, content in doubtful:
        if fact.number in known:
            said, recorded, recorded_at = pairs(fact, known[fact.number])
            at = names.index("occurred_at")
            said[at] = _as_first_told(said[at], recorded[at], recorded_at)
            found[fact.number, content] = tuple(_faults(zip(names, said, recorded, strict=True)))
    return found


def _stay(retailer: Retailer, customers: Sequence[str]) -> Mapping[str, str]:
    """Return to whom the ids of those lead who were merged."""
    return dict(bulk.fetch(LEADS_TO, [retailer.pk, list(customers)]))


def _as_first_told(said: datetime, recorded: datetime, recorded_at: datetime) -> datetime:
    """Return an instant as it was recorded when it was told first, if that was by a clock that ran ahead."""
    is_ahead = timedelta(0) < said - recorded_at <= CLOCK_TOLERANCE
    return recorded_at if is_ahead and recorded == recorded_at else said


def _differences(told: OrderFact, known: OrderFact) -> Iterable[Fault]:
    yield from _faults((name, getattr(told, name), getattr(known, name)) for name in ORDER)
    if len(told.lines) != len(known.lines):
        yield _fault("lines", len(told.lines), len(known.lines))
        return
    for place, (line, recorded) in enumerate(zip(told.lines, known.lines, strict=True)):
        yield from _faults(_line_pairs(place, line, recorded))


def _line_pairs(place: int, told: LineFact, known: LineFact) -> Iterable[tuple[str, Any, Any]]:
    return ((f"lines/{place}/{name}", getattr(told, name), getattr(known, name)) for name in LINE)


def _back(fact: ReturnFact, positions: Mapping[str, list[int]]) -> dict[Any, Decimal]:
    """Return how much comes back by the positions of an order's lines; by SKU where no single line has it."""
    found: dict[Any, Decimal] = {}
    for line in fact.lines:
        of_sku = positions.get(line.sku, [])
        place = line.position or (of_sku[0] if len(of_sku) == 1 else line.sku)
        found[place] = found.get(place, Decimal(0)) + line.quantity
    return found


def _faults(pairs: Iterable[tuple[str, Any, Any]]) -> Iterable[Fault]:
    return (_fault(place, said, recorded) for place, said, recorded in pairs if said != recorded)


def _fault(place: str, said: Any, recorded: Any) -> Fault:
    words = _("Recorded is {recorded}, and this says {said}.").format(recorded=_text(recorded), said=_text(said))
    return Fault(place, "differs", words)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return ", ".join(f"{place}: {plain(quantity)}" for place, quantity in sorted(value.items(), key=str))
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or _("nothing")
    is_nothing = value in {None, ""} or str(value).startswith(ERASED_PREFIX)  # of who was erased nothing is said
    return _("nothing") if is_nothing else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]}…"
