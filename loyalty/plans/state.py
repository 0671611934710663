"""A member's plan as decisions see it: frozen values. Pure."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.decision import Effect
from loyalty.engine.member import Key
from loyalty.engine.versions import RulesOf
from loyalty.plans.rules import NOTHING, Days, FeeLine, PlanOffer

PLANS: "Key[PlanState]" = Key("plans")
OFFER: RulesOf[PlanOffer] = RulesOf("plans")

AWAITING, TRIAL, ACTIVE, PAST_DUE, ENDED = "awaiting", "trial", "active", "past_due", "ended"
FIRST, RENEWAL, CHANGE, ENDING, SECOND = "first", "renewal", "change", "ending", "second"
CANCELLED, UNPAID, WITHDRAWN, LEFT, MERGED, STAFF = "cancelled", "unpaid", "withdrawn", "left", "merged", "staff"


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """An earlier change of plan, by the plans' keys; None is no plan."""

    at: datetime
    from_key: UUID | None
    to_key: UUID | None


@dataclass(frozen=True, slots=True)
class Due:
    """
    An open invoice.

    :param key: of the plan that it is for
    :param days: that it pays for
    :param fee: for these days; `amount` is what of it, less credit, is to be paid
    :param until: the day on which it is given up: the first one after its grace
    :param next_try_at: when the payment is to be tried; None where it waits for a person, or for what the provider tells
    :param is_known: whether it was written before; what is issued as time is caught up, nobody could pay yet
    """

    invoice_id: UUID
    kind: str
    key: UUID
    plan_id: int
    days: Days
    fee: Decimal
    credit_used: Decimal
    amount: Decimal
    until: date
    next_try_at: datetime | None = None
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class PlanState:
    """
    A member's plan.

    :param key: of the plan whose benefits it has; None before the first payment, after the end, and for no plan
    :param plan_id: the row of its plan, or of the last one that it had
    :param since: when its plan last changed; when it was asked for, before the first payment
    :param anchor: from which its periods are counted
    :param period: that runs now
    :param paid_from: from which day on `paid` is the fee, through the period's end
    :param cancels: whether it ends with its period
    :param next_key: of the plan with which the next period begins, where it is another one
    :param credit: of earlier fees, by which the next invoices are less
    :param due: the open invoice
    :param changes: earlier ones, oldest first, as far as a decision may look back behind `changed_at`
    :param merged: those of each member who was merged into this one
    :param merged_until: when the last one of these was
    :param changed_at: when what it has of plans last changed, whichever plan that was; None where it never had one
    :param refundable: what of all that the member paid has not gone back; None where no decision asks
    """

    subscription_id: UUID | None = None
    key: UUID | None = None
    plan_id: int | None = None
    status: str = ""
    joined_at: datetime | None = None
    since: datetime | None = None
    anchor: date | None = None
    period: Days | None = None
    paid_from: date | None = None
    paid: Decimal = NOTHING
    had_trial: bool = False
    cancels: bool = False
    next_key: UUID | None = None
    credit: Decimal = NOTHING
    method: str = ""
    ended_at: datetime | None = None
    end_reason: str = ""
    due: Due | None = None
    changes: tuple[PlanEntry, ...] = ()
    merged: tuple[tuple[PlanEntry, ...], ...] = ()
    merged_until: datetime | None = None
    changed_at: datetime | None = None
    refundable: Decimal | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether there is a plan that has not ended."""
        return self.subscription_id is not None and self.ended_at is None

    def looks_back(self, instant: datetime) -> bool:
        """Tell whether what it says of itself may not be what the member had at an instant."""
        return any(last is not None and instant < last for last in (self.changed_at, self.merged_until))

    def keys_at(self, instant: datetime) -> tuple[UUID, ...]:
        """
        Return the plans whose benefits the member had at an instant, as far as its known changes tell.

        It is one at most; two where two members, of whom each had one, turned out to be the same person.
        """
        is_now = self.changed_at is None or instant >= self.changed_at
        own = self.key if is_now else _key_at(self.changes, instant)
        keys = (own, *(_key_at(changes, instant) for changes in self.merged))
        return tuple(key for key in keys if key is not None)

    def dated(self, at: datetime) -> datetime:
        """Return when what occurs at an instant counts: not before the plan was asked for, nor before what was told last."""
        return max(each for each in (at, self.since, self.changed_at) if each is not None)

    def following(self, before: "PlanState") -> "PlanState":
        """Return it as the plan of a member who had others before: how these changed stays known."""
        return replace(
            self, changes=before.changes, merged=before.merged, merged_until=before.merged_until, changed_at=before.changed_at
        )  # fmt: skip

    def at_most_back(self, amount: Decimal) -> Decimal:
        """Return what of an amount can be credited: with the credit that there is, no more than was paid ever goes back."""
        if self.refundable is None:
            return amount
        return min(amount, max(self.refundable - self.without_due().credit, NOTHING))

    def without_due(self) -> "PlanState":
        """Return it without its open invoice, whose credit can be used again."""
        back = self.due.credit_used if self.due else NOTHING
        return replace(self, due=None, credit=self.credit + back)


def _key_at(changes: tuple[PlanEntry, ...], instant: datetime) -> UUID | None:
    """Return the plan at an instant of whom some changes, oldest first, are known."""
    before = [change for change in changes if change.at <= instant]
    if before:
        return before[-1].to_key
    return changes[0].from_key if changes else None


@dataclass(frozen=True, slots=True)
class PlanEffect(Effect):
    """One thing that this capability writes."""

    writer: ClassVar[str] = "plans"


@dataclass(frozen=True, slots=True)
class Subscribed(PlanEffect):
    """A member's plan is now as its state says."""

    retailer_id: int
    program_id: int
    membership_id: UUID
    state: PlanState


@dataclass(frozen=True, slots=True)
class PlanChanged(PlanEffect):
    """A member goes from one plan to another; None is no plan."""

    retailer_id: int
    membership_id: UUID
    from_plan_id: int | None
    to_plan_id: int | None
    cause: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Invoiced(PlanEffect):
    """
    An invoice is issued.

    :param paid_at: where nothing is to be paid
    """

    retailer_id: int
    subscription_id: UUID
    due: Due
    currency: str
    lines: tuple[FeeLine, ...]
    issued_at: datetime
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvoicePaid(PlanEffect):
    """
    An invoice was paid.

    :param days: that it pays for after all, where they were to begin with the payment
    :param is_too_late: whether it stays void, and the payment goes back
    :param provider: who took it; empty for a till or a transfer
    """

    invoice_id: UUID
    paid_at: datetime
    reference: str
    days: Days | None = None
    is_too_late: bool = False
    provider: str = ""


@dataclass(frozen=True, slots=True)
class CreditGone(PlanEffect):
    """
    An invoice is not less by credit after all, which went back meanwhile, but by what the retailer forgoes.

    :param line: of the invoice: negative, for its days
    """

    retailer_id: int
    invoice_id: UUID
    line: FeeLine


@dataclass(frozen=True, slots=True)
class InvoiceVoided(PlanEffect):
    """An invoice is to be paid no more."""

    invoice_id: UUID
    voided_at: datetime


@dataclass(frozen=True, slots=True)
class InvoicePutOff(PlanEffect):
    """An invoice is given up on a later day: nobody has tried yet to collect what it asks for."""

    invoice_id: UUID
    until: date


@dataclass(frozen=True, slots=True)
class PaymentFailed(PlanEffect):
    """
    A payment failed.

    :param next_try_at: None where it is not tried again
    :param until: the day on which it is given up after all
    """

    invoice_id: UUID
    failed_at: datetime
    error: str
    next_try_at: datetime | None
    until: date
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RefundAsked(PlanEffect):
    """
    Money is to go back to a member.

    :param invoice_id: of which it was paid; None for a credit, which is refunded of the latest invoices that were paid
    :param reference: of whoever asked for it by API
    """

    retailer_id: int
    subscription_id: UUID
    invoice_id: UUID | None
    amount: Decimal
    reason: str
    author: str
    asked_at: datetime
    reference: str = ""
