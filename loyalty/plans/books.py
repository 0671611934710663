"""
The books of plans: what was paid for days to come is no revenue yet, and what is credited is owed.

A fee is earned day by day of those that it is for; of a plan that ended early what is left is earned on its last day, unless it
was credited. A month is what was recorded in it: a payment that is told later belongs to the month in which it was told.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TextIO

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import day_before, local_date
from customers.core.money import decimals_of
from loyalty.plans.rules import NOTHING
from loyalty.programs.models import Program

PAYMENTS, DEFERRED, CREDIT, REVENUE = "payments", "deferred_fees", "member_credit", "fee_revenue"
NAMES = {
    "fees_paid": _("fees of plans paid: they are earned day by day"),
    "fees_credited": _("fees credited for days that are used no more"),
    "credit_used": _("credit that paid fees"),
    "paid_too_late": _("payments of plans that had ended: they go back"),
    "fees_earned": _("fees of plans earned, day by day"),
    "credit_refunded": _("credit and late payments refunded"),
    "fees_refunded": _("fees refunded by staff"),
}

# Of each line how much was earned before a day: as much as its part of the days, rounded once, so that all parts add up.
LINES = """
WITH lines AS (
    SELECT l.amount, l.first_day, l.end_day, i.settled_at,
        (s.ended_at AT TIME ZONE %(zone)s)::date AS ended_on
    FROM plans_invoiceline l JOIN plans_invoice i ON i.id = l.invoice_id JOIN plans_subscription s ON s.id = i.subscription_id
    WHERE s.program_id = %(program)s AND i.status = 'paid' AND i.voided_at IS NULL AND i.settled_at < %(until)s
)
"""
EARNED = """
coalesce(sum(CASE WHEN ended_on < {day} THEN amount
    ELSE round(amount * least(greatest({day} - first_day, 0), end_day - first_day) / (end_day - first_day), %(decimals)s) END
) FILTER (WHERE settled_at < {at}), 0)
"""
EARNINGS = f"""
{LINES} SELECT coalesce(sum(amount) FILTER (WHERE settled_at < %(since)s), 0), coalesce(sum(amount), 0),
    {EARNED.format(day="%(first)s::date", at="%(since)s")}, {EARNED.format(day="%(last)s::date", at="%(until)s")}
FROM lines
"""
# What is paid of an invoice, and what is used or given of credit: its lines say the fee less what they credit.
PAID = """
SELECT coalesce(sum(amount) FILTER (WHERE is_now AND NOT is_late), 0),
    coalesce(sum(credit_used) FILTER (WHERE is_now AND NOT is_late), 0),
    coalesce(sum(amount + credit_used - fees) FILTER (WHERE is_now AND NOT is_late), 0),
    coalesce(sum(amount) FILTER (WHERE is_now AND is_late), 0),
    coalesce(sum(CASE WHEN is_late THEN amount ELSE amount - fees END), 0)
FROM (
    SELECT i.amount, i.credit_used, i.settled_at >= %(since)s AS is_now, i.voided_at IS NOT NULL AS is_late,
        (SELECT coalesce(sum(l.amount), 0) FROM plans_invoiceline l WHERE l.invoice_id = i.id) AS fees
    FROM plans_invoice i JOIN plans_subscription s ON s.id = i.subscription_id
    WHERE s.program_id = %(program)s AND i.status = 'paid' AND i.settled_at < %(until)s
) paid
"""
# What nobody decided on goes back of credit, and of what was paid too late.
REFUNDED = """
SELECT coalesce(sum(amount) FILTER (WHERE asked_at >= %(since)s AND is_credit), 0),
    coalesce(sum(amount) FILTER (WHERE asked_at >= %(since)s AND NOT is_credit), 0),
    coalesce(sum(amount) FILTER (WHERE is_credit), 0)
FROM (
    SELECT r.amount, r.asked_at, r.author = '' AS is_credit FROM plans_refund r JOIN plans_invoice i ON i.id = r.invoice_id
    JOIN plans_subscription s ON s.id = i.subscription_id WHERE s.program_id = %(program)s AND r.asked_at < %(until)s
) r
"""


@dataclass(frozen=True, slots=True)
class FeeLine:
    """One side of a journal entry: either debit or credit is more than nothing."""

    event: str
    account: str
    debit: Decimal
    credit: Decimal

    @property
    def text(self) -> str:
        """Return what it is for, in the reader's language."""
        return str(NAMES[self.event])


@dataclass(frozen=True, slots=True)
class FeeBooks:
    """
    A time of a program's plans: what was deferred before and after it, and the journal between.

    :param credit_after: what members have of earlier fees, that later invoices are less by or that goes back
    """

    deferred_before: Decimal
    deferred_after: Decimal
    credit_after: Decimal
    earned: Decimal
    lines: tuple[FeeLine, ...]

    @property
    def is_empty(self) -> bool:
        return not self.lines and not self.deferred_before and not self.deferred_after and not self.credit_after


def fee_books(program: Program, *, since: datetime, until: datetime) -> FeeBooks:
    """Return the books of a program's plans between two instants, by what was recorded."""
    zone, currency = program.tzinfo, program.retailer.currency
    asked = {
        "program": program.pk, "zone": program.zone, "since": since, "until": until, "first": local_date(since, zone),
        "last": local_date(until - timedelta(microseconds=1), zone) + timedelta(days=1), "decimals": decimals_of(currency),
    }  # fmt: skip
    ((fees_before, fees_after, earned_before, earned_after),) = bulk.fetch(EARNINGS, asked)
    ((paid, used, credited, late, credit_after),) = bulk.fetch(PAID, asked)
    ((back, by_staff, back_in_all),) = bulk.fetch(REFUNDED, asked)
    earned = earned_after - earned_before
    entries = (
        ("fees_paid", PAYMENTS, DEFERRED, paid),
        ("fees_credited", DEFERRED, CREDIT, credited),
        ("credit_used", CREDIT, DEFERRED, used),
        ("paid_too_late", PAYMENTS, CREDIT, late),
        ("fees_earned", DEFERRED, REVENUE, earned),
        ("credit_refunded", CREDIT, PAYMENTS, back),
        ("fees_refunded", REVENUE, PAYMENTS, by_staff),
    )
    lines = tuple(line for entry in entries for line in _sides(*entry))
    deferred = fees_before - earned_before, fees_after - earned_after
    return FeeBooks(deferred[0], deferred[1], credit_after - back_in_all, earned, lines)


def _sides(event: str, debited: str, credited: str, amount: Decimal) -> Iterator[FeeLine]:
    if amount:
        debited, credited = (debited, credited) if amount > 0 else (credited, debited)
        yield FeeLine(event, debited, abs(amount), NOTHING)
        yield FeeLine(event, credited, NOTHING, abs(amount))


def write_fees(file: TextIO, program: Program, *, since: datetime, until: datetime, now: datetime) -> None:
    """Write a month's journal of fees below that of points; a month that is not over is read until now."""
    books = fee_books(program, since=min(since, now), until=min(until, now))
    csv.writer(file).writerows(journal_rows(books, program, day_before(local_date(until, program.tzinfo))))


def journal_rows(books: FeeBooks, program: Program, last_day: date) -> Iterable[list[Any]]:
    """Return the journal of fees as rows of the month's CSV, which has a wallet and points besides."""
    currency = program.retailer.currency
    decimals = decimals_of(currency)
    for line in books.lines:
        yield [
            f"{last_day}", program.slug, "", line.event, line.account, f"{line.debit:.{decimals}f}",
            f"{line.credit:.{decimals}f}", currency, 0, line.text, "",
        ]  # fmt: skip
