"""
The books of plans: what was paid for days to come is no revenue yet, what is credited is owed, and perks cost what they cost.

A fee is earned day by day of those that it is for; of a plan that ended early what is left is earned on its last day, unless it
was credited. A month is what was recorded in it: a payment that is told later belongs to the month in which it was told.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TextIO

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.money import decimals_of
from customers.core.values import dataclass
from loyalty.plans.benefits import perks_until, points_of_plans
from loyalty.plans.models import Subscription
from loyalty.points.event_books import EventBooks, EventLine, Kind, Part, Sum, Sums, read_books, write_rows
from loyalty.points.statement import Clock
from loyalty.programs.models import Program

PAYMENTS, DEFERRED, CREDIT, REVENUE = "payments", "deferred_fees", "member_credit", "fee_revenue"
COST, PROVIDED = "benefit_expense", "benefits_provided"
KINDS = {
    "fees_paid": Kind(PAYMENTS, DEFERRED, _("fees of plans paid: they are earned day by day")),
    "fees_credited": Kind(DEFERRED, CREDIT, _("fees credited for days that are used no more")),
    "credit_used": Kind(CREDIT, DEFERRED, _("credit that paid fees")),
    "paid_too_late": Kind(
        PAYMENTS, CREDIT, _("payments that were too late, or the second ones of an invoice: they go back")
    ),
    "fees_earned": Kind(DEFERRED, REVENUE, _("fees of plans earned, day by day")),
    "credit_refunded": Kind(CREDIT, PAYMENTS, _("credit and late payments refunded")),
    "fees_refunded": Kind(REVENUE, PAYMENTS, _("fees refunded by staff")),
    "perks": Kind(COST, PROVIDED, _("perks of plans, by the days on which members had them")),
}

# Of each line how much was earned before a day: as much as its part of the days, rounded once, so that all parts add up.
EARNED = """
coalesce(sum(CASE WHEN ended_on < {day} THEN amount
    ELSE round(amount * least(greatest({day} - first_day, 0), end_day - first_day) / (end_day - first_day), %(decimals)s) END
) FILTER (WHERE settled_at < {at}), 0)
"""
EARNINGS = f"""
WITH lines AS (
    SELECT l.amount, l.first_day, l.end_day, i.settled_at,
        (s.ended_at AT TIME ZONE %(zone)s)::date AS ended_on
    FROM plans_invoiceline l JOIN plans_invoice i ON i.id = l.invoice_id JOIN plans_subscription s ON s.id = i.subscription_id
    WHERE s.program_id = %(program)s AND i.status = 'paid' AND i.voided_at IS NULL AND i.settled_at < %(until)s
)
SELECT {EARNED.format(day="%(first)s::date", at="%(since)s")}, {EARNED.format(day="%(last)s::date", at="%(until)s")}
FROM lines
"""
# What is paid of an invoice, and what is used or given of credit: its lines say the fee less what they credit.
PAID = """
SELECT {columns} FROM (
    SELECT i.amount, i.credit_used, i.settled_at, i.voided_at IS NOT NULL AS is_late,
        i.amount + i.credit_used
            - (SELECT coalesce(sum(l.amount), 0) FROM plans_invoiceline l WHERE l.invoice_id = i.id) AS credited
    FROM plans_invoice i JOIN plans_subscription s ON s.id = i.subscription_id
    WHERE s.program_id = %(program)s AND i.status = 'paid' AND i.settled_at < %(until)s
) paid
"""
OF_PAID = {
    "fees_paid": ("amount", "NOT is_late"),
    "fees_credited": ("credited", "NOT is_late"),
    "credit_used": ("credit_used", "NOT is_late"),
    "paid_too_late": ("amount", "is_late"),
}
# What nobody decided on goes back of credit, and of what was paid too late.
REFUNDED = """
SELECT {columns} FROM (
    SELECT r.amount, r.asked_at, r.author = '' AS is_credit FROM plans_refund r JOIN plans_invoice i ON i.id = r.invoice_id
    JOIN plans_subscription s ON s.id = i.subscription_id WHERE s.program_id = %(program)s AND r.asked_at < %(until)s
) r
"""
OF_REFUNDED = {"credit_refunded": ("amount", "is_credit"), "fees_refunded": ("amount", "NOT is_credit")}


def _columns(kinds: dict[str, tuple[str, str]], clock: str) -> str:
    """Return for each kind its sum and its number, before the first instant and before the second one."""
    told = [
        f"coalesce(sum({what}) FILTER (WHERE {which} AND {clock} < {at}), 0), "
        f"count(*) FILTER (WHERE {which} AND {what} <> 0 AND {clock} < {at})"
        for what, which in kinds.values()
        for at in ("%(since)s", "%(until)s")
    ]
    return ", ".join(told)


SUMMED = (
    (OF_PAID, PAID.format(columns=_columns(OF_PAID, "settled_at"))),
    (OF_REFUNDED, REFUNDED.format(columns=_columns(OF_REFUNDED, "asked_at"))),
)


@dataclass(frozen=True, slots=True)
class FeeBooks:
    """
    A time of a program's plans: what was deferred before and after it, and the journal between.

    Points and rewards that cost more by plans are in their own books; they are said here, and not journalled again.
    """

    books: EventBooks

    @property
    def deferred_before(self) -> Decimal:
        return self.books.before(DEFERRED)

    @property
    def deferred_after(self) -> Decimal:
        return self.books.after(DEFERRED)

    @property
    def credit_after(self) -> Decimal:
        """Return what members have of earlier fees, that later invoices are less by or that goes back."""
        return self.books.after(CREDIT)

    @property
    def earned(self) -> Decimal:
        return self.books.change("fees_earned")

    @property
    def perks_cost(self) -> Decimal:
        return self.books.change("perks")

    @property
    def points(self) -> int:
        """Return the points that orders keep and would not without their plans' multiplier."""
        return int(self.books.figures.get("points", 0))

    @property
    def points_cost(self) -> Decimal:
        return Decimal(self.books.figures.get("points_cost", 0))

    @property
    def discount(self) -> Decimal:
        """Return what rewards cost less by prices for plans."""
        return Decimal(self.books.figures.get("discount", 0))

    @property
    def cost(self) -> Decimal:
        """Return what the benefits cost."""
        return self.points_cost + self.discount + self.perks_cost

    @property
    def lines(self) -> tuple[EventLine, ...]:
        return self.books.lines

    @property
    def closed_at(self) -> datetime | None:
        return self.books.closed_at

    @property
    def is_empty(self) -> bool:
        return not (self.lines or self.deferred_before or self.deferred_after or self.credit_after or self.cost)


def fee_books(program: Program, *, since: datetime, until: datetime, clock: Clock = Clock.RECORDED) -> FeeBooks:
    """Return the books of a program's plans between two instants, by what was recorded; a closed month as it was closed."""
    return FeeBooks(read_books(FEES, program, since=since, until=until, clock=clock))


def _add_up(program: Program, since: datetime, until: datetime) -> tuple[Sums, Sums]:
    asked: dict[str, Any] = {
        "program": program.pk, "zone": program.zone, "since": since, "until": until,
        "first": local_date(since, program.tzinfo),
        "last": local_date(until - timedelta(microseconds=1), program.tzinfo) + timedelta(days=1),
        "decimals": decimals_of(program.retailer.currency),
    }  # fmt: skip
    before, after = {}, {}
    for kinds, sql in SUMMED:
        ((*row,),) = bulk.fetch(sql, asked)
        for place, kind in enumerate(kinds):
            before[kind], after[kind] = Sum(*row[4 * place : 4 * place + 2]), Sum(*row[4 * place + 2 : 4 * place + 4])
    (earned,) = bulk.fetch(EARNINGS, asked)
    for kind, pair in (("fees_earned", earned), ("perks", perks_until(program, since, until))):
        before[kind], after[kind] = (Sum(amount) for amount in pair)
    return before, after


def _began(program: Program) -> datetime | None:
    first = Subscription.objects.filter(program=program).order_by("joined_at")
    return first.values_list("joined_at", flat=True).first()


FEES = Part("plans", KINDS, _add_up, _began, points_of_plans)


def write_fees(  # noqa: PLR0913 - of what, where, which time by which clock
    file: TextIO, program: Program, *, since: datetime, until: datetime, now: datetime, clock: Clock = Clock.RECORDED
) -> None:
    """Write a month's journal of fees below that of points; a month that is not over is read until now."""
    found = fee_books(program, since=min(since, now), until=min(until, now), clock=clock)
    write_rows(file, found.lines, program, until)
