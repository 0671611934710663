"""A member whose plan a verb changes: locked, advanced to now, with what refuses a change."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.activity.account.session import AccountSession
from loyalty.activity.inviting import offered_to
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership
from loyalty.plans.rules import PlanRule
from loyalty.plans.state import OFFER, PLANS, PlanState
from loyalty.plans.steps import money


class NoSuchPlan(DomainError):
    code = "no_such_plan"
    kind = Kind.NOT_FOUND
    message = _("The program offers no plan “{plan}”. It offers: {offered}.")


class NoPlan(DomainError):
    code = "no_plan"
    kind = Kind.CONFLICT
    message = _("The member has no plan.")


class HasPlan(DomainError):
    code = "has_plan"
    kind = Kind.CONFLICT
    message = _("The member has the plan “{plan}” already. Change it instead.")


class PaymentDue(DomainError):
    code = "payment_due"
    kind = Kind.CONFLICT
    message = _("An invoice of {amount} {currency} is open. It is to be paid first.")


@dataclass
class PlanSession:
    """One locked member, for a change of its plan."""

    session: AccountSession
    membership_id: UUID

    @classmethod
    def open(cls, membership: Membership, now: datetime) -> "PlanSession":
        """Lock a member, and carry out what time alone has changed by now: it is written at once, for invoices are read anew."""
        session = AccountSession.open([membership.pk], now)
        if session.done:
            session.finish()
            session = AccountSession.open([membership.pk], now)
        return cls(session, membership.pk)

    @property
    def decision(self) -> Decision:
        return self.session.decisions[self.membership_id]

    @property
    def state(self) -> PlanState:
        member = self.decision.member
        return member.of(PLANS) if member.has(PLANS) else PlanState()

    def require_member(self) -> None:
        """
        Refuse what only members in a program with rules can do.

        :raises HasLeft: when it left
        :raises NotInForce: before the first version
        """
        self.session.wallet(self.membership_id).require_member()

    def require_plan(self) -> PlanState:
        """
        Return the member's plan.

        :raises NoPlan: when it has none
        """
        if not self.state.is_open:
            raise NoPlan
        return self.state

    def require_paid(self) -> None:
        """
        Refuse what changes a plan for which a payment is due.

        :raises PaymentDue: when its period is not paid
        """
        state = self.state
        if state.due is not None and state.due.kind != "change":
            raise PaymentDue(amount=f"{state.due.amount:f}", currency=money(self.decision).currency)

    def offered(self, code: str) -> PlanRule:
        """
        Return a plan that the version in force offers.

        :raises NoSuchPlan: when it does not
        """
        offer = self.session.version(self.membership_id).of(OFFER)
        rule = offer.coded(code)
        if rule is None:
            raise NoSuchPlan(plan=code, offered=offered_to(self.decision, (each.code for each in offer.plans)))
        return rule

    def take(self, decision: Decision) -> None:
        """Take in what a verb decided."""
        self.session.take(decision)

    def finish(self) -> None:
        """Write what was collected."""
        self.session.finish()
