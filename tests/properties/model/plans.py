"""What members pay for plans, and what they have of them: periods, invoices and credit, in whole units of the currency."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from tests.properties.model.invoices import NOTHING, Days, Invoice, Quote
from tests.properties.model.terms import Calendar, PlanTerms, Refused, Terms, Version, add_months

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Plans:
    """
    The plans of one member, of which it has one at most at a time.

    :ivar changes: since when it has had which plan's benefits; empty for none
    :ivar code: of the plan whose benefits it has
    :ivar asked_at: when it joined the plan that it has, or had last
    :ivar joined: the joining of the plan that it has, or had last
    :ivar anchor: from which periods are counted
    :ivar fee_days: of which `fee` is the fee
    """

    calendar: Calendar
    versions: list[Version]
    unit: Fraction
    changes: list[tuple[datetime, str]] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    refunds: Fraction = NOTHING
    joined: object = None
    had_trial: bool = False
    status: str = ""
    code: str = ""
    asked_at: datetime = NEVER
    anchor: date | None = None
    period: Days | None = None
    fee_days: Days | None = None
    fee: Fraction = NOTHING
    cancels: bool = False
    following: str = ""
    credit: Fraction = NOTHING
    method: str = ""
    reason: str = ""
    due: Invoice | None = None
    merged: list[list[tuple[datetime, str]]] = field(
        default_factory=list
    )  # the changes of those who were merged into it
    enrolled_at: datetime = NEVER
    left_at: datetime = NEVER
    ended_at: datetime = NEVER

    # -- what members and staff ask

    def join(self, code: str, now: datetime, method: str = "") -> None:
        """Join a plan: on trial, once; at once where it costs nothing; else with the first payment."""
        self.advance(now)
        plan, on = self._offered(code, now), self.calendar.day(now)
        if self.is_open:
            if (self.code or self._due().code) != code:
                raise Refused
            if method and method != self.method:
                self.use_method(method, now)
            return
        self.joined = object()
        self.status, self.reason, self.cancels, self.following = "awaiting", "", False, ""
        self.period = self.fee_days = self.anchor = None
        self.fee, self.credit, self.method = NOTHING, NOTHING, method
        self.asked_at = max(now, self.latest)
        if plan.trial_days and not self.had_trial:
            end = on + timedelta(days=plan.trial_days)
            self.status, self.had_trial = "trial", True
            self._begin_period(Days(on, end), end)
            self._change(code, now)
            return
        days = Days(on, self._next_end(on, on, plan.months))
        self._issue("first", plan, days, (plan.price,), now)
        if not plan.price:
            self._begin(code, days, NOTHING, now)

    def change(self, code: str, now: datetime, when: str = "") -> None:
        """Change to another plan: now for a larger one, with the next period for a smaller one, if nothing else is said."""
        self.advance(now)
        self._require_open()
        new, on = self._offered(code, now), self.calendar.day(now)
        if self.due is not None and self.due.kind != "change":
            raise Refused
        had = self._terms(self.code, now)
        when = when or ("now" if new.rank > had.rank else "period_end")
        if code == self.code or when == "period_end":  # what was said last holds
            self._void(now)
            self.following, self.cancels = "" if code == self.code else code, False
            return
        if self.due is not None and self.due.code == code and self.due.asked_from == on:
            return
        self._void(now)
        if self.status == "trial":
            self.following, self.cancels = "", False
            self._change(code, now)
            return
        full = self._quote(had, new, on)
        quote = replace(full, credit=self._at_most_back(full.credit))
        lines = ((-quote.credit,) if quote.credit else ()) + (quote.charge,)
        self._issue("change", new, quote.days, lines, now, latest=self._period().end)
        if self.due is None:
            self._change_over(code, quote.days, quote.charge, now, is_new=quote.is_longer_or_shorter)

    def cancel(self, now: datetime) -> None:
        """Let it end with its period; what has not begun ends now."""
        self.advance(now)
        self._require_open()
        if not self.code:
            self._end("cancelled", now)
            return
        if self.due is not None and self.due.kind == "change":
            self._void(now)
        self.cancels, self.following = True, ""

    def resume(self, now: datetime) -> None:
        self.advance(now)
        self._require_open()
        self.cancels = False

    def end_now(self, now: datetime, *, refunds: bool) -> None:
        """End it at once; what is left of what was paid goes back, or not."""
        self.advance(now)
        self._require_open()
        if refunds and self.code:
            self._credit_rest(now)
        self._end("staff", now)

    def use_method(self, method: str, now: datetime) -> None:
        self.advance(now)
        self._require_open()
        self.method = method
        if self.due is not None and not self.due.asked:
            self.due.next_try_at = now

    # -- what payments do

    def pay(self, invoice: Invoice, paid_at: datetime, now: datetime) -> None:
        """Take in a payment at its own instant: in time it counts, also where it is told late; else it goes back."""
        self.advance(now)
        at = min(paid_at, now)
        if invoice.status == "paid":
            self._pay_again(invoice, at)
            return
        in_time = invoice.voided_at is not None and at < invoice.voided_at
        invoice.status, invoice.paid_at, invoice.next_try_at = "paid", at, None
        if self.due is invoice:
            self.due = None
            self._settle(invoice, at, now)
        elif in_time and self._has_ended_for(invoice):
            self.reason = ""
            if invoice.kind == "first":
                self._settle(invoice, now, now)
            else:
                self.status, self.fee = "active", invoice.fee - invoice.used
                if invoice.used:  # it has gone back: the retailer forgoes it
                    invoice.lines, invoice.used = (*invoice.lines, -invoice.used), NOTHING
                self._change(invoice.code, now)
        else:
            self._refund(invoice, invoice.amount)
        self.advance(now, issued_on=self.calendar.day(now))

    def _has_ended_for(self, invoice: Invoice) -> bool:
        """Tell whether it ended because an invoice was not paid, and the member has not left since."""
        is_last = self.joined is invoice.joined and (self.status, self.reason) == ("ended", "unpaid")
        return is_last and invoice.kind in {"first", "renewal"} and self.ended_at >= self.enrolled_at

    def _pay_again(self, invoice: Invoice, at: datetime) -> None:
        """Take in a second payment of an invoice, which goes back."""
        second = Invoice(
            invoice.joined, "second", invoice.code, invoice.days, NOTHING, (), NOTHING, invoice.amount, invoice.until, "paid",
            paid_at=at,
        )  # fmt: skip
        self.invoices.append(second)
        self._refund(second, invoice.amount)

    def _settle(self, invoice: Invoice, paid_at: datetime, now: datetime) -> None:
        at = max(paid_at, self.latest)
        on = self.calendar.day(at)
        if invoice.kind == "renewal":
            self.status = "active"
        elif invoice.kind == "first":
            months = self._terms(invoice.code, now).months
            invoice.days = Days(on, self._next_end(on, on, months))
            self._begin(invoice.code, invoice.days, invoice.fee, at)
        else:
            days, fee = self._paid_later(invoice, on, now)
            is_new = self._terms(invoice.code, now).months != self._terms(self.code, now).months
            self._change_over(invoice.code, days, fee, at, is_new=is_new)

    def _paid_later(self, invoice: Invoice, on: date, now: datetime) -> tuple[Days, Fraction]:
        """Return what a change costs that is paid some days later: the days until then are the old plan's, and credited."""
        asked = invoice.asked_from
        assert asked is not None
        had, new = self._terms(self.code, now), self._terms(invoice.code, now)
        if on <= asked:
            return invoice.days, invoice.fee
        if had.months != new.months:
            invoice.days = Days(on, self._next_end(on, on, new.months))
            return invoice.days, invoice.fee
        first, later = (self._quote_at(invoice.price, had, new, day) for day in (asked, on))
        less = first.total - later.total
        if less <= 0:
            return invoice.days, invoice.fee
        self._note_credit("change", later.days, less, on)
        return later.days, later.charge

    def fail(self, invoice: Invoice, failed_at: datetime, now: datetime) -> None:
        """Take in that a payment failed: it is tried again while the grace lasts, from the first try on, and benefits go on."""
        self.advance(now)
        at = min(failed_at, now)
        if self.due is not invoice or (invoice.failed_at is not None and at <= invoice.failed_at):
            return
        offered = self._known(invoice.code, now)
        again = at + timedelta(days=offered.retry_days if offered else 1)
        if invoice.failed_at is None and offered is not None:
            latest = self.period.end if self.period else date.max
            first = self.calendar.day(at) + timedelta(days=offered.grace_days)
            invoice.until = max(invoice.until, min(first, latest))
        invoice.failed_at, invoice.asked = at, ""
        invoice.next_try_at = again if self.calendar.day(again) < invoice.until else None
        if self.code and invoice.kind == "renewal":
            self.status = "past_due"

    def mark_paid(self, invoice: Invoice, now: datetime) -> None:
        self.advance(now)
        if invoice.status != "open":
            raise Refused
        self.pay(invoice, now, now)

    def refund(self, invoice: Invoice, amount: Fraction, now: datetime) -> None:
        self.advance(now)
        if invoice.status != "paid" or amount > self._at_most_back(invoice.amount - invoice.refunded):
            raise Refused
        self._refund(invoice, amount)

    def collect(self, now: datetime) -> None:
        """Let the provider be asked for what is due, which answers as the payment method says."""
        invoice = self.due
        while invoice is not None and invoice.next_try_at is not None and invoice.next_try_at <= now:
            invoice.next_try_at, invoice.asked = None, invoice.asked or self.method
            if invoice.asked == "pays":
                self.pay(invoice, now, now)
            elif invoice.asked == "declines":
                self.fail(invoice, now, now)
            invoice = self.due

    # -- what time, leaving and merging do

    def advance(self, now: datetime, issued_on: date | None = None) -> None:
        """
        Live the midnights up to an instant: what is not paid is given up, what is over is renewed or ends.

        What nobody has tried to collect is put off, and so is what is issued only now.
        """
        known = self.due
        while self.is_open and (days := self._days_due()) and min(days) <= self.calendar.day(now):
            self._begin_day(min(days), issued_on, known)

    def _begin_day(self, on: date, issued_on: date | None, known: Invoice | None) -> None:
        at = self.calendar.midnight(on)
        if self.due is not None and self.due.until <= on:
            is_known = self.due is known
            if not is_known or (self.method and self.due.next_try_at is not None):  # nobody has tried to collect it
                self.due.until += timedelta(days=1 if is_known else self._terms(self.due.code, at).grace_days)
            elif self.due.kind == "change":
                self._void(at)
            else:
                self._end("unpaid", at)
        if self.is_open and self.period is not None and self.period.end <= on:
            self._end_period(self.period.end, at, issued_on)

    def next_night(self) -> datetime | None:
        """Return the midnight that changes something next."""
        days = self._days_due() if self.is_open else []
        return self.calendar.midnight(min(days)) if days else None

    def _days_due(self) -> list[date]:
        return [*([self.period.end] if self.period else []), *([self.due.until] if self.due else [])]

    def _end_period(self, on: date, at: datetime, issued_on: date | None) -> None:
        self._void(at)
        offered = self._at(at)
        plan = offered.plan(self.following or self.code)
        if self.cancels or plan is None:
            self._end("cancelled" if self.cancels else "withdrawn", at)
            return
        assert self.anchor is not None
        anchor = self.anchor if self._terms(self.code, at).months == plan.months else on
        days = Days(on, self._next_end(anchor, on, plan.months))
        self.status, self.following, self.fee = "active", "", plan.price
        self._begin_period(days, anchor)
        self._issue("renewal", plan, days, (plan.price,), at, issued_on=issued_on)
        if plan.code != self.code:
            self._change(plan.code, at)

    def leave(self, now: datetime) -> None:
        self.advance(now)
        self.left_at = now
        if self.is_open:
            self._end("left", now)

    def take_over(self, other: "Plans", now: datetime) -> None:
        """Have what another member had of plans; of two plans the larger one, to which what is left of the other is credited."""
        self.advance(now)
        other.advance(now)
        self.merged += [[*other.changes, (now, "")], *other.merged]
        if other.is_open and (not self.is_open or other._size(now) > self._size(now)):
            left = self._left_as_credit(now) if self.is_open else NOTHING
            self._carry(other, left, now)
            if other.code:
                self._pay_by_credit(now)
        elif other.is_open:
            left = other._left_as_credit(now)
            self.credit += left
            if left:
                self._pay_by_credit(now)
        # Of two that have ended the last one may be made good; of one instant, that which was asked for last.
        elif not self.is_open and (other.ended_at, other.asked_at) > (self.ended_at, self.asked_at):
            self._have(other)
        self.enrolled_at = max(min(self.enrolled_at, other.enrolled_at), self.left_at)
        self.invoices += other.invoices
        self.refunds += other.refunds
        self.had_trial = self.had_trial or other.had_trial

    def _size(self, now: datetime) -> tuple[int, bool]:
        """Return what makes a plan larger: its rank, and that its period is paid."""
        is_owed = self.due is not None and self.due.kind == "renewal"
        return self._terms(self.code, now).rank + 1 if self.code else 0, not is_owed

    def _pay_by_credit(self, now: datetime) -> None:
        """Let a renewal that is owed be asked for less what there is of credit since."""
        due = self.due
        if due is None or due.kind != "renewal" or not self.credit:
            return
        self._void(now)
        self.status = "active"
        plan = self._terms(due.code, now)
        self._issue("renewal", plan, due.days, due.lines, now, latest=due.until)

    def _left_as_credit(self, now: datetime) -> Fraction:
        """End a plan that is not the one that stays, and return what is left of it."""
        self._credit_rest(now)
        self._void(now)
        return self.credit

    def _carry(self, other: "Plans", left: Fraction, now: datetime) -> None:
        self._have(other)
        self.credit = other.credit + left
        if other.code:
            self._change(other.code, now)
        else:
            self.code = ""

    def _have(self, other: "Plans") -> None:
        """Have what another member has, or had last."""
        for name in (
            "joined",
            "asked_at",
            "status",
            "anchor",
            "period",
            "fee_days",
            "fee",
            "cancels",
            "following",
            "method",
        ):
            setattr(self, name, getattr(other, name))
        self.reason, self.due, self.ended_at = other.reason, other.due, other.ended_at

    # -- what they are made of

    @property
    def is_open(self) -> bool:
        return self.status not in {"", "ended"}

    @property
    def latest(self) -> datetime:
        """Return the instant before which nothing of its plan is dated: its joining's, or that of its last change."""
        return max(self.asked_at, self.changes[-1][0] if self.changes else NEVER)

    def had_at(self, at: datetime) -> str:
        """Return the plan whose benefits it had at an instant, as far as is known now: the larger one of two of one person."""
        found = [_at(changes, at) for changes in (self.changes, *self.merged)]
        return max(found, key=lambda code: self._terms(code, at).rank if code else -1)

    def multiplier_at(self, at: datetime) -> Fraction:
        code = self.had_at(at)
        found = self._known(code, at) if code else None
        return found.multiplier if found else Fraction(1)

    def _at(self, at: datetime) -> Terms:
        return [version.terms for version in self.versions if version.start <= at][-1]

    def _offered(self, code: str, now: datetime) -> PlanTerms:
        plan = self._at(now).plan(code)
        if plan is None:
            raise Refused
        return plan

    def _known(self, code: str, at: datetime) -> PlanTerms | None:
        """Return a plan as the version of an instant offers it or, where it does not, as the last one before did."""
        known = [version.terms.plan(code) for version in self.versions if version.start <= at]
        return next((plan for plan in reversed(known) if plan is not None), None)

    def _terms(self, code: str, at: datetime) -> PlanTerms:
        found = self._known(code, at)
        assert found is not None
        return found

    def _require_open(self) -> None:
        if not self.is_open:
            raise Refused

    def _due(self) -> Invoice:
        assert self.due is not None
        return self.due

    def _period(self) -> Days:
        assert self.period is not None
        return self.period

    def _change(self, code: str, at: datetime) -> None:
        self.changes.append((max(at, self.latest), code))
        self.code = code

    def _begin(self, code: str, days: Days, fee: Fraction, at: datetime) -> None:
        self.status, self.fee = "active", fee
        self._begin_period(days, days.first)
        self._change(code, at)

    def _begin_period(self, days: Days, anchor: date) -> None:
        self.period = self.fee_days = days
        self.anchor = anchor

    def _change_over(self, code: str, days: Days, fee: Fraction, at: datetime, *, is_new: bool) -> None:
        self.status, self.fee, self.following, self.cancels = "active", fee, "", False
        if is_new:
            self._begin_period(days, days.first)
        self.fee_days = days
        self._change(code, at)

    def _quote(self, had: PlanTerms, new: PlanTerms, on: date) -> Quote:
        return self._quote_at(new.price, had, new, on)

    def _quote_at(self, price: Fraction, had: PlanTerms, new: PlanTerms, on: date) -> Quote:
        period = self._period()
        assert self.fee_days is not None
        credit = self._rest(self.fee, self.fee_days, on)
        if had.months == new.months:
            return Quote(Days(on, period.end), credit, self._rest(price, period, on), is_longer_or_shorter=False)
        return Quote(Days(on, self._next_end(on, on, new.months)), credit, price, is_longer_or_shorter=True)

    def _rest(self, fee: Fraction, days: Days, on: date) -> Fraction:
        """Return what is left of a fee on a day: what the days before cost is rounded half up, the rest remains."""
        gone = min(max((on - days.first).days, 0), len(days))
        used = fee * gone / len(days) / self.unit
        return fee - int(used + Fraction(1, 2)) * self.unit

    def _next_end(self, anchor: date, first: date, months: int) -> date:
        """Return the first day after a period: the anchor's day of the month, or that month's last one."""
        passed = (first.year - anchor.year) * 12 + first.month - anchor.month
        return add_months(anchor, passed + months)

    def _issue(
        self, kind: str, plan: PlanTerms, days: Days, lines: tuple[Fraction, ...], at: datetime, *,
        latest: date = date.max, issued_on: date | None = None,
    ) -> None:  # fmt: skip
        total = sum(lines, NOTHING)
        used = min(self.credit, total) if total > 0 else NOTHING
        self.credit += max(-total, NOTHING) - used
        first = max(days.first, self.calendar.day(at), issued_on or days.first)
        until = min(first + timedelta(days=plan.grace_days), latest)
        amount = max(total, NOTHING) - used
        made = Invoice(self.joined, kind, plan.code, days, plan.price, lines, used, amount, until, next_try_at=at)
        made.asked_from = days.first
        self.invoices.append(made)
        if amount:
            self.due = made
        else:
            made.status, made.next_try_at, self.due = "paid", None, None

    def _note_credit(self, kind: str, days: Days, amount: Fraction, on: date) -> None:
        """Credit what is not used any more, with an invoice that says so."""
        self.credit += amount
        code = self.code
        said = Invoice(self.joined, kind, code, days, NOTHING, (-amount,), NOTHING, NOTHING, on, status="paid")
        self.invoices.append(said)

    def _at_most_back(self, amount: Fraction) -> Fraction:
        """Return what of an amount can go back, or be credited: with the credit that there is, never more than was paid."""
        paid = sum((each.amount - each.refunded for each in self.invoices if each.status == "paid"), NOTHING)
        has = self.credit + (self.due.used if self.due else NOTHING)
        return min(amount, max(paid - has, NOTHING))

    def _credit_rest(self, now: datetime) -> None:
        """Credit what is left of a fee that was paid, as far as it has not gone back already."""
        is_owed = self.due is not None and self.due.kind == "renewal"
        if self.fee_days is None or is_owed or not self.fee:
            return
        on = self.calendar.day(now)
        if left := self._at_most_back(self._rest(self.fee, self.fee_days, on)):
            self._note_credit("ending", Days(max(on, self.fee_days.first), self.fee_days.end), left, on)

    def _void(self, at: datetime) -> None:
        if self.due is not None:
            self.credit += self.due.used
            self.due.status, self.due.voided_at, self.due.next_try_at, self.due = "void", at, None, None

    def _end(self, reason: str, at: datetime) -> None:
        """End it: its open invoice is void, and its credit goes back, of what was paid last first."""
        self._void(at)
        self.status, self.reason, self.ended_at = "ended", reason, max(at, self.latest)
        if reason != "unpaid":  # what was wished holds where it turns out to have been paid in time
            self.cancels, self.following = False, ""
        left, self.credit = self.credit, NOTHING
        paid = [each for each in reversed(self.invoices) if each.status == "paid"]
        for invoice in sorted(paid, key=lambda each: (each.joined is self.joined, each.paid_at or NEVER), reverse=True):
            if left:
                some = min(left, invoice.amount - invoice.refunded)
                left -= some
                self._refund(invoice, some)
        if self.code:
            self._change("", at)

    def _refund(self, invoice: Invoice, amount: Fraction) -> None:
        invoice.refunded += amount
        self.refunds += amount

    # -- what there is

    def shown(self) -> tuple[object, ...]:
        """Return how it stands; nothing of it once it has ended."""
        if not self.is_open:
            return (self.status, self.reason)
        period = (self.period.first, self.period.end) if self.period else None
        due = (self.due.kind, self.due.amount, self.due.until) if self.due else None
        fee = (self.fee, self.fee_days.first) if self.fee_days else None
        return self.status, self.code, period, fee, self.cancels, self.following, self.credit, due

    def bills(self) -> list[tuple[object, ...]]:
        return sorted((invoice.shown() for invoice in self.invoices), key=repr)


def _at(changes: list[tuple[datetime, str]], at: datetime) -> str:
    return next((code for since, code in reversed(changes) if since <= at), "")
