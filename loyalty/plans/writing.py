"""The only writer of members' plans, their changes, invoices and refunds."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.ids import new_id
from loyalty.engine.decision import Effect
from loyalty.plans.models import Invoice, InvoiceLine, PlanChange, Refund, Subscription
from loyalty.plans.rules import FeeLine
from loyalty.plans.state import (
    CreditGone,
    Invoiced,
    InvoicePaid,
    InvoicePutOff,
    InvoiceVoided,
    PaymentFailed,
    PlanChanged,
    RefundAsked,
    Subscribed,
)

SUBSCRIPTION = (
    "id", "retailer_id", "program_id", "membership_id", "plan_id", "key", "status", "joined_at", "since", "anchor_on",
    "first_day", "end_day", "paid_from", "paid", "had_trial", "cancels", "next_key", "credit", "method", "ended_at",
    "end_reason",
)  # fmt: skip
REPLACE = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in SUBSCRIPTION[3:])
INVOICE = (
    "id", "retailer_id", "subscription_id", "plan_id", "kind", "status", "currency", "first_day", "end_day", "fee",
    "credit_used", "amount", "refunded", "issued_at", "unpaid_on", "attempts", "next_try_at", "last_failed_at", "last_error",
    "paid_at", "settled_at", "voided_at", "provider", "provider_reference", "asked_method",
)  # fmt: skip
# What is not told stays as it is.
CHANGE_INVOICES = """
UPDATE plans_invoice i SET
    status = CASE WHEN d.paid_at IS NOT NULL THEN 'paid' WHEN d.voided_at IS NOT NULL THEN 'void' ELSE i.status END,
    paid_at = coalesce(d.paid_at, i.paid_at), settled_at = coalesce(d.settled_at, i.settled_at),
    voided_at = CASE WHEN d.paid_at IS NULL OR d.is_too_late THEN coalesce(d.voided_at, i.voided_at) END,
    provider_reference = coalesce(nullif(d.reference, ''), i.provider_reference),
    provider = CASE WHEN d.paid_at IS NULL THEN i.provider ELSE d.provider END,
    first_day = coalesce(d.first_day, i.first_day), end_day = coalesce(d.end_day, i.end_day),
    attempts = i.attempts + (d.failed_at IS NOT NULL)::int,
    last_failed_at = coalesce(d.failed_at, i.last_failed_at),
    last_error = CASE WHEN d.paid_at IS NULL THEN coalesce(d.error, i.last_error) ELSE '' END,
    next_try_at = CASE WHEN d.failed_at IS NOT NULL AND d.paid_at IS NULL AND d.voided_at IS NULL THEN d.next_try_at
        WHEN d.paid_at IS NOT NULL OR d.voided_at IS NOT NULL THEN NULL ELSE i.next_try_at END,
    refunded = i.refunded + d.refunded, unpaid_on = coalesce(d.unpaid_on, i.unpaid_on)
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS paid_at, unnest(%b::timestamptz[]) AS voided_at,
    unnest(%b::text[]) AS reference, unnest(%b::date[]) AS first_day, unnest(%b::date[]) AS end_day,
    unnest(%b::timestamptz[]) AS failed_at, unnest(%b::text[]) AS error, unnest(%b::timestamptz[]) AS next_try_at,
    unnest(%b::numeric[]) AS refunded, unnest(%b::timestamptz[]) AS settled_at, unnest(%b::boolean[]) AS is_too_late,
    unnest(%b::date[]) AS unpaid_on, unnest(%b::text[]) AS provider) d
WHERE i.id = d.id
"""
MOVE_LINES = """
UPDATE plans_invoiceline l SET first_day = d.first_day, end_day = d.end_day
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::date[]) AS first_day, unnest(%b::date[]) AS end_day) d
WHERE l.invoice_id = d.id AND l.amount > 0
"""
FORGO_CREDITS = "UPDATE plans_invoice SET credit_used = 0 WHERE id = ANY(%b::uuid[])"
# From the latest invoice that was paid back to the first one, of each as much as is left of it. Where the credit is of another
# plan of the member, or of one of who was merged into it, the invoices of those follow.
REFUND_CREDITS = """
WITH asked AS (
    SELECT unnest(%b::uuid[]) AS subscription_id, unnest(%b::numeric[]) AS credit, unnest(%b::timestamptz[]) AS at
), parts AS (
    SELECT i.id, i.retailer_id, a.at, least(i.amount - i.refunded, a.credit - coalesce(sum(i.amount - i.refunded) OVER (
        PARTITION BY a.subscription_id ORDER BY o.id <> a.subscription_id, i.paid_at DESC, i.id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0
    )) AS amount
    FROM asked a JOIN plans_subscription s ON s.id = a.subscription_id
    JOIN plans_subscription o ON o.membership_id = s.membership_id
    JOIN plans_invoice i ON i.subscription_id = o.id AND i.status = 'paid' AND i.amount > i.refunded
), refunded AS (
    UPDATE plans_invoice i SET refunded = i.refunded + p.amount FROM parts p WHERE p.id = i.id AND p.amount > 0
)
INSERT INTO plans_refund (id, retailer_id, invoice_id, amount, reason, author, status, asked_at, next_try_at, attempts,
    last_error, provider_reference, reference)
SELECT gen_random_uuid(), retailer_id, id, amount, 'credit', '', 'waiting', at, at, 0, '', '', '' FROM parts WHERE amount > 0
"""


class _InvoiceChange:
    """What becomes of one invoice in a batch, all of it together: no two statements may change one row."""

    def __init__(self) -> None:
        self.paid_at: datetime | None = None
        self.voided_at: datetime | None = None
        self.reference = self.provider = ""
        self.days: Any = None
        self.failed: PaymentFailed | None = None
        self.refunded = Decimal(0)
        self.is_too_late = False
        self.until: date | None = None

    def add(self, effect: Effect) -> None:
        if isinstance(effect, InvoicePaid):
            self.paid_at, self.voided_at = effect.paid_at, None
            self.reference, self.provider = effect.reference, effect.provider
            self.days = effect.days or self.days
            self.is_too_late = effect.is_too_late
        elif isinstance(effect, InvoiceVoided):
            self.voided_at = effect.voided_at
        elif isinstance(effect, PaymentFailed):
            self.failed, self.reference = effect, effect.reference or self.reference
            self.until = effect.until
        elif isinstance(effect, InvoicePutOff):
            self.until = effect.until
        elif isinstance(effect, RefundAsked):
            self.refunded += effect.amount


def write(effects: Sequence[Effect], *, now: datetime) -> None:
    """Write down what a batch of decisions says of plans."""
    subscriptions = {each.state.subscription_id: each for each in effects if isinstance(each, Subscribed)}
    ended_first = sorted(subscriptions.values(), key=lambda each: each.state.ended_at is None)
    bulk.insert(Subscription, SUBSCRIPTION, (_subscription_row(each) for each in ended_first), suffix=REPLACE)
    _write_changes((each for each in effects if isinstance(each, PlanChanged)), now)
    changes = _changes_of_invoices(effects)
    issued = [each for each in effects if isinstance(each, Invoiced)]
    bulk.insert(Invoice, INVOICE, [_invoice_row(each, changes.get(each.due.invoice_id), now) for each in issued])
    _write_lines(issued)
    _forgo_credits([each for each in effects if isinstance(each, CreditGone)])
    _write_refunds([each for each in effects if isinstance(each, RefundAsked) and each.invoice_id is not None])


def refund_credits(asked: Iterable[RefundAsked]) -> None:
    """Refund what members that have a plan no more are owed, of the invoices that they paid."""
    rows = [(each.subscription_id, each.amount, each.asked_at) for each in asked]
    if rows:
        bulk.execute(REFUND_CREDITS, bulk.columns_of(rows))


def _subscription_row(subscribed: Subscribed) -> tuple[Any, ...]:
    state = subscribed.state
    period = state.period
    return (
        state.subscription_id, subscribed.retailer_id, subscribed.program_id, subscribed.membership_id, state.plan_id,
        state.key, state.status, state.joined_at, state.since, state.anchor, period.first if period else None,
        period.end if period else None, state.paid_from, state.paid, state.had_trial, state.cancels, state.next_key,
        state.credit, state.method, state.ended_at, state.end_reason,
    )  # fmt: skip


def _write_changes(changes: Iterable[PlanChanged], now: datetime) -> None:
    # fmt: off
    rows = [(each.retailer_id, each.membership_id, each.from_plan_id, each.to_plan_id, each.cause, each.occurred_at, now)
            for each in changes]
    columns = ("retailer_id", "membership_id", "from_plan_id", "to_plan_id", "cause", "occurred_at", "recorded_at")
    # fmt: on
    bulk.insert(PlanChange, columns, rows)


def _changes_of_invoices(effects: Iterable[Effect]) -> dict[UUID, _InvoiceChange]:
    changes: dict[UUID, _InvoiceChange] = {}
    for effect in effects:
        if (
            isinstance(effect, InvoicePaid | InvoiceVoided | InvoicePutOff | PaymentFailed | RefundAsked)
            and effect.invoice_id is not None
        ):
            changes.setdefault(effect.invoice_id, _InvoiceChange()).add(effect)
    return changes


def _invoice_row(invoiced: Invoiced, change: _InvoiceChange | None, now: datetime) -> tuple[Any, ...]:
    """Return an invoice as it is at the end of its batch: it may be given up by the night that follows the one of its issue."""
    due, change = invoiced.due, change or _InvoiceChange()
    paid_at = invoiced.paid_at or change.paid_at
    voided_at = now if change.is_too_late else change.voided_at if paid_at is None else None
    status = "paid" if paid_at else "void" if voided_at else "open"
    next_try_at = invoiced.issued_at if status == "open" else None
    return (
        due.invoice_id, invoiced.retailer_id, invoiced.subscription_id, due.plan_id, due.kind, status, invoiced.currency,
        due.days.first, due.days.end, due.fee, due.credit_used, due.amount, change.refunded, invoiced.issued_at,
        change.until or due.until, 0, next_try_at, None, "", paid_at, now if paid_at else None, voided_at, change.provider,
        change.reference, "",
    )  # fmt: skip


def _write_lines(issued: Sequence[Invoiced]) -> None:
    _insert_lines((each.due.invoice_id, each.retailer_id, line) for each in issued for line in each.lines)


def _forgo_credits(gone: Sequence[CreditGone]) -> None:
    """Write what invoices are less by in the place of credit, once they are paid."""
    if gone:
        bulk.execute(FORGO_CREDITS, [[each.invoice_id for each in gone]])
        _insert_lines((each.invoice_id, each.retailer_id, each.line) for each in gone)


def _insert_lines(lines: Iterable[tuple[UUID, int, FeeLine]]) -> None:
    # fmt: off
    rows = [(invoice_id, retailer_id, line.plan_id, line.days.first, line.days.end, line.amount)
            for invoice_id, retailer_id, line in lines]
    # fmt: on
    bulk.insert(InvoiceLine, ("invoice_id", "retailer_id", "plan_id", "first_day", "end_day", "amount"), rows)


def change_invoices(effects: Sequence[Effect], *, now: datetime) -> None:
    """Write down what becomes of invoices that were issued before."""
    new = {each.due.invoice_id for each in effects if isinstance(each, Invoiced)}
    changes = {key: each for key, each in _changes_of_invoices(effects).items() if key not in new}
    rows = [
        (
            key, each.paid_at, each.voided_at, each.reference, each.days.first if each.days else None,
            each.days.end if each.days else None, each.failed.failed_at if each.failed else None,
            each.failed.error if each.failed else None, each.failed.next_try_at if each.failed else None, each.refunded,
            now if each.paid_at else None, each.is_too_late, each.until, each.provider,
        )
        for key, each in changes.items()
    ]  # fmt: skip
    if rows:
        bulk.execute(CHANGE_INVOICES, bulk.columns_of(rows))
    moved = [(key, each.days.first, each.days.end) for key, each in changes.items() if each.days]
    if moved:
        bulk.execute(MOVE_LINES, bulk.columns_of(moved))


def _write_refunds(asked: Sequence[RefundAsked]) -> None:
    # fmt: off
    rows = [(new_id(), each.retailer_id, each.invoice_id, each.amount, each.reason, each.author, "waiting", each.asked_at,
             each.asked_at, 0, "", "", each.reference) for each in asked]
    columns = ("id", "retailer_id", "invoice_id", "amount", "reason", "author", "status", "asked_at", "next_try_at",
               "attempts", "last_error", "provider_reference", "reference")
    # fmt: on
    bulk.insert(Refund, columns, rows)
