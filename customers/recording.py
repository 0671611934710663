"""
The only writer of orders, returns and interactions.

What is recorded waits in a queue until programs have decided it; who decides it in the same transaction says so.

Each function takes a batch, sends a fixed number of statements, and answers one outcome per fact, in the facts' order.
Facts are idempotent by their natural key: the same again changes nothing; the same key with other content is a conflict.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.batches import Batch, Outcome, check_each
from customers.checks import past_of
from customers.comparing import compare_events, compare_interactions, compare_orders, compare_returns
from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.facts import InteractionFact, LineFact, OrderEventFact, OrderFact, ReturnFact, fingerprint, in_currency
from customers.identifying import NamedCustomer, earliest, find_or_register, lower_identified, note_changes
from customers.identifying import identify as identify  # noqa: PLC0414 - who reports for a customer finds it here
from customers.models import Interaction, Order, OrderEvent, OrderLine, Retailer, Return, ReturnLine, UndecidedFact
from customers.returning import lock_orders, order_of

Dated = TypeVar("Dated", OrderFact, ReturnFact, OrderEventFact, InteractionFact)


class OtherCurrency(DomainError):
    code = "other_currency"
    kind = Kind.INVALID
    message = _("The order is in {currency}; this retailer sells in {expected}.")


@transaction.atomic(savepoint=False)
def record_orders(
    retailer: Retailer, facts: Sequence[OrderFact], *, now: datetime, are_decided: bool = False
) -> list[Outcome[OrderFact]]:
    """
    Record orders and register the customers that they name for the first time.

    Facts of outcomes are as they are recorded: their amounts with the currency's decimals.
    """
    checked, refused = check_each(facts, lambda fact: as_recorded(retailer, fact, now))
    batch = Batch[OrderFact](checked, key=lambda fact: fact.number, at=lambda fact: _at(fact, now), refused=refused)
    # In one order of numbers, and all of them in one statement: batches that overlap must not wait for each other.
    orders = {new_id(): fact for fact in sorted(batch.fresh, key=lambda fact: fact.number)}
    made = _insert_orders(retailer, orders, batch.hashes, now)
    left = {order_id: fact for order_id, fact in orders.items() if fact.customer and order_id not in made}
    if left:  # known by their numbers, or the first that we hear of their customers
        find_or_register(retailer, earliest((str(fact.customer), fact.occurred_at) for fact in left.values()), now=now)
        made |= _insert_orders(retailer, orders if not made else left, batch.hashes, now)
    lower_identified((one.customer, orders[order_id].occurred_at) for order_id, one in made.items() if one.customer)
    recorded = {
        fact.number: (order_id, made[order_id].customer_id) for order_id, fact in orders.items() if order_id in made
    }
    batch.settle(retailer, Order, recorded)
    _queue(retailer, UndecidedFact.Kind.ORDER, batch, are_decided=are_decided)
    batch.compare(compare_orders(retailer, batch.doubtful()))
    return batch.outcomes()


def as_recorded(retailer: Retailer, fact: OrderFact, now: datetime) -> OrderFact:
    """
    Return an order as it is to be recorded.

    :raises OtherCurrency: when it is not in the retailer's currency
    :raises InvalidFact: when it lies in the future, or an amount has more decimals than its currency
    """
    past_of("occurred_at", fact.occurred_at, now)
    if fact.currency.upper() not in {"", retailer.currency}:
        raise OtherCurrency(currency=fact.currency, expected=retailer.currency)
    return in_currency(fact, retailer.currency)


def _past(fact: Dated, now: datetime) -> Dated:
    past_of("occurred_at", fact.occurred_at, now)
    return fact


def _at(fact: Dated, now: datetime) -> Dated:
    """Return a fact at the instant at which it is recorded: what a clock that runs ahead says is now."""
    return replace(fact, occurred_at=now) if fact.occurred_at > now else fact


@transaction.atomic(savepoint=False)
def record_returns(
    retailer: Retailer, facts: Sequence[ReturnFact], *, now: datetime, are_decided: bool = False
) -> list[Outcome[ReturnFact]]:
    """Record returns. More than was bought, over all returns of an order together, is refused."""
    checked, refused = check_each(facts, lambda fact: _past(fact, now))
    batch = Batch[ReturnFact](checked, key=lambda fact: fact.number, at=lambda fact: _at(fact, now), refused=refused)
    orders = lock_orders(retailer, {fact.order_number for fact in batch.fresh})
    known = batch.known(retailer, Return)  # behind the lock: the same return may just have come in
    rows: list[tuple[Any, ...]] = []
    lines: list[tuple[Any, ...]] = []
    made: dict[str, tuple[UUID, UUID | None]] = {}
    for fact in sorted(batch.fresh, key=lambda fact: fact.occurred_at):
        if fact.number in known:
            continue
        try:
            order = order_of(fact, orders)
            taken = order.take(fact)
        except DomainError as error:
            batch.refuse(fact, error)
            continue
        return_id = new_id()
        amount = sum((amount for _, _, amount in taken), Decimal(0))
        # fmt: off
        rows.append((return_id, retailer.pk, order.id, fact.number, fact.occurred_at, amount,
                     batch.hashes[fact.number], now))
        # fmt: on
        lines += [(return_id, line_id, quantity, amount) for line_id, quantity, amount in taken]
        made[fact.number] = (return_id, order.customer_id)
    new = _insert_returns(rows, lines)
    made = {number: one for number, one in made.items() if one[0] in new}
    batch.settle(retailer, Return, made)
    batch.compare(compare_returns(retailer, batch.doubtful()))
    note_changes(retailer, (customer for _, customer in made.values()))
    _queue(retailer, UndecidedFact.Kind.RETURN, batch, are_decided=are_decided)
    return batch.outcomes()


def _insert_returns(rows: Sequence[tuple[Any, ...]], lines: Sequence[tuple[Any, ...]]) -> set[UUID]:
    """Insert returns with their lines, but for those whose number another order's return took at this moment."""
    # fmt: off
    columns = ("id", "retailer_id", "order_id", "number", "occurred_at", "net_amount", "content_hash", "recorded_at")
    # fmt: on
    by_number = sorted(rows, key=lambda row: str(row[columns.index("number")]))
    suffix = "ON CONFLICT (retailer_id, number) DO NOTHING RETURNING id"
    new = {return_id for (return_id,) in bulk.insert(Return, columns, by_number, suffix=suffix)}
    of_new = [line for line in lines if line[0] in new]
    bulk.insert(ReturnLine, ("order_return_id", "line_id", "quantity", "net_amount"), of_new)
    return new


@transaction.atomic(savepoint=False)
def record_order_events(
    retailer: Retailer, facts: Sequence[OrderEventFact], *, now: datetime, are_decided: bool = False
) -> list[Outcome[OrderEventFact]]:
    """Record what happened to orders. Their order must be known, and nothing happens to it before it was placed."""
    checked, refused = check_each(facts, lambda fact: _past(fact, now))
    batch = Batch[OrderEventFact](
        checked, key=lambda fact: fact.number, at=lambda fact: _at(fact, now), refused=refused
    )
    orders = lock_orders(retailer, {fact.order_number for fact in batch.fresh})
    known = batch.known(retailer, OrderEvent)  # behind the lock, as with returns
    rows: list[tuple[Any, ...]] = []
    made: dict[str, tuple[UUID, UUID | None]] = {}
    for fact in batch.fresh:
        if fact.number in known:
            continue
        try:
            order = order_of(fact, orders)
            order.require_after(fact.occurred_at)
        except DomainError as error:
            batch.refuse(fact, error)
            continue
        event_id = new_id()
        content = batch.hashes[fact.number]
        rows.append((event_id, retailer.pk, order.id, fact.number, fact.kind, fact.occurred_at, content, now))
        made[fact.number] = (event_id, order.customer_id)
    columns = ("id", "retailer_id", "order_id", "number", "kind", "occurred_at", "content_hash", "recorded_at")
    bulk.insert(OrderEvent, columns, rows)
    batch.settle(retailer, OrderEvent, made)
    batch.compare(compare_events(retailer, batch.doubtful()))
    _queue(retailer, UndecidedFact.Kind.EVENT, batch, are_decided=are_decided)
    return batch.outcomes()


@transaction.atomic(savepoint=False)
def record_interactions(
    retailer: Retailer, facts: Sequence[InteractionFact], *, now: datetime, are_decided: bool = False
) -> list[Outcome[InteractionFact]]:
    """Record interactions and register the customers that they name for the first time."""
    checked, refused = check_each(facts, lambda fact: _past(fact, now))
    batch = Batch[InteractionFact](
        checked, key=lambda fact: fact.number, at=lambda fact: _at(fact, now), refused=refused
    )
    first_seen = earliest((fact.customer, fact.occurred_at) for fact in batch.fresh)
    customers = find_or_register(retailer, first_seen, now=now)
    # fmt: off
    rows = [
        (new_id(), retailer.pk, customers[fact.customer].id, fact.number, fact.kind, fact.occurred_at, fact.channel,
         fact.sku, fact.score, fact.topic, fact.outcome, fact.comment, batch.hashes[fact.number], now)
        for fact in sorted(batch.fresh, key=lambda fact: fact.number)  # batches that overlap must not wait in a circle
    ]
    columns = ("id", "retailer_id", "customer_id", "number", "kind", "occurred_at", "channel", "sku", "score", "topic",
               "outcome", "comment", "content_hash", "recorded_at")
    # fmt: on
    created = bulk.insert(
        Interaction, columns, rows, suffix="ON CONFLICT (retailer_id, number) DO NOTHING RETURNING id"
    )
    made = {interaction_id for (interaction_id,) in created}
    batch.settle(retailer, Interaction, {row[3]: (row[0], row[2]) for row in rows if row[0] in made})
    batch.compare(compare_interactions(retailer, batch.doubtful()))
    note_changes(retailer, (customer for _, customer in batch.made.values()))
    lower_identified((customers[fact.customer], fact.occurred_at) for _, fact in batch.created_ids())
    _queue(retailer, UndecidedFact.Kind.INTERACTION, batch, are_decided=are_decided)
    return batch.outcomes()


def rescore(interaction: Interaction, score: int) -> None:
    """Let an interaction that this site recorded itself have another score: whoever answered has changed its mind."""
    customer = interaction.customer
    fact = InteractionFact(
        interaction.number, customer.external_id, interaction.kind, interaction.occurred_at, interaction.channel,
        interaction.sku, score,
    )  # fmt: skip
    interaction.score, interaction.content_hash = score, fingerprint(fact)
    interaction.save(update_fields=["score", "content_hash"])
    note_changes(interaction.retailer, [interaction.customer_id])


# One statement, because a round trip costs more than a row: orders whose number is new, their lines, and who changed.
# None, where one of their customers is not known yet. The customers are held as `customers.identifying` says.
INSERT_ORDERS = """
WITH named AS (
    SELECT external_id, coalesce(merged_into_id, id) AS customer_id, identified_at FROM customers_customer
    WHERE retailer_id = %s AND external_id = ANY(%b::text[])
    ORDER BY merged_into_id IS NULL, external_id FOR KEY SHARE
), given AS (
    SELECT o.*, n.customer_id, n.identified_at FROM ({orders}, unnest(%b::text[]) AS customer) o
    LEFT JOIN named n ON n.external_id = o.customer
), made AS (
    INSERT INTO customers_order ({columns}, customer_id) SELECT {columns}, customer_id FROM given
    WHERE NOT EXISTS (SELECT 1 FROM given WHERE customer <> '' AND customer_id IS NULL) ORDER BY number
    ON CONFLICT (retailer_id, number) DO NOTHING RETURNING id, retailer_id, customer_id
), bought AS (
    INSERT INTO customers_orderline ({line_columns})
    SELECT l.* FROM ({lines}) l JOIN made ON made.id = l.order_id
), noted AS (
    INSERT INTO customers_factchange (retailer_id, customer_id)
    SELECT DISTINCT retailer_id, customer_id FROM made WHERE customer_id IS NOT NULL
)
SELECT made.id, made.customer_id, given.identified_at FROM made JOIN given ON given.id = made.id
"""
# fmt: off
COLUMNS = ("id", "retailer_id", "number", "occurred_at", "local_date", "currency", "net_amount", "shipping_amount", "channel",
           "store", "promotion_code", "is_gift", "identified_by", "paid_with_points", "redemptions", "content_hash",
           "recorded_at")
LINE_COLUMNS = ("retailer_id", "order_id", "position", "sku", "category", "brand", "quantity", "unit_price", "discount",
                "net_amount", "unit_cost", "is_gift_card")
# fmt: on


class _Made(NamedTuple):
    customer_id: UUID | None
    identified_at: datetime | None

    @property
    def customer(self) -> NamedCustomer | None:
        if self.customer_id is None or self.identified_at is None:
            return None
        return NamedCustomer(self.customer_id, self.identified_at)


def _insert_orders(
    retailer: Retailer, orders: Mapping[UUID, OrderFact], hashes: Mapping[str, bytes], now: datetime
) -> dict[UUID, _Made]:
    """Insert the orders whose number is new, or none if a customer is not known; return their ids with their customers'."""
    if not orders:
        return {}
    zone = retailer.tzinfo
    # fmt: off
    rows = [
        (
            order_id, retailer.pk, fact.number, fact.occurred_at, local_date(fact.occurred_at, zone),
            retailer.currency, fact.net_amount, fact.shipping_amount, fact.channel, fact.store,
            fact.promotion_code, fact.is_gift, fact.identified_by, fact.paid_with_points, json.dumps(fact.redemptions),
            hashes[fact.number], now, fact.customer or "",
        )
        for order_id, fact in orders.items()
    ]
    # fmt: on
    lines = [
        row
        for order_id, fact in orders.items()
        for row in line_rows(retailer, order_id, enumerate(fact.lines, start=1))
    ]
    named = sorted({fact.customer for fact in orders.values() if fact.customer})
    values = [retailer.pk, named, *bulk.columns_of(rows), *bulk.columns_of(lines)]
    return {order_id: _Made(*rest) for order_id, *rest in bulk.fetch(_inserting_orders(), values)}


def line_rows(retailer: Retailer, order_id: UUID, lines: Iterable[tuple[int, LineFact]]) -> list[tuple[Any, ...]]:
    """Return an order's lines, each with its position, as rows of LINE_COLUMNS."""
    # fmt: off
    return [
        (retailer.pk, order_id, position, line.sku, line.category, line.brand, line.quantity, line.unit_price,
         line.discount, line.net_amount, line.unit_cost, line.is_gift_card)
        for position, line in lines
    ]
    # fmt: on


@cache
def _inserting_orders() -> str:
    return INSERT_ORDERS.format(
        columns=", ".join(COLUMNS),
        orders=bulk.rows_of(Order, COLUMNS),
        line_columns=", ".join(LINE_COLUMNS),
        lines=bulk.rows_of(OrderLine, LINE_COLUMNS),
    )


def _queue(retailer: Retailer, kind: UndecidedFact.Kind, batch: Batch[Any], *, are_decided: bool) -> None:
    """Queue what was recorded until programs have decided it, unless the caller decides it in this transaction."""
    if are_decided:
        return
    rows = [
        (retailer.pk, customer_id, kind.value, fact_id, fact.occurred_at)
        for fact in batch.fresh
        if (found := batch.made.get(batch.key(fact))) is not None
        for fact_id, customer_id in [found]
        if customer_id is not None
    ]
    columns = ("retailer_id", "customer_id", "kind", "fact_id", "occurred_at")
    bulk.insert(UndecidedFact, columns, rows, suffix="ON CONFLICT DO NOTHING")
