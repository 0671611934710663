"""A shop in words whose program has paid plans: members join, pay and cancel beside all that shops do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from loyalty.activity.account.leaving import leave
from loyalty.plans.account import joining, paying
from loyalty.plans.account.joining import When as PlanWhen
from loyalty.plans.models import Invoice, PaidPlan, Refund, Subscription
from loyalty.programs.models import ProgramVersion
from tests.cases.shop import Shop, When
from tests.make import Rule
from tests.plans.make_plans import add_plans

PLUS: dict[str, Any] = {"code": "plus", "price": "10.00", "multiplier": "2"}
MAX: dict[str, Any] = {"code": "max", "price": "25.00", "multiplier": "3"}
YEAR: dict[str, Any] = {"code": "year", "price": "100.00", "multiplier": "4", "period": "year"}


class PlanShop(Shop):
    """
    A shop with plans, and with members ada and bob, whose points can be spent at once.

    :param plans: from the smallest to the largest
    """

    def __init__(self, *plans: dict[str, Any], currency: str = "EUR", rules: tuple[Rule, ...] = (Rule(),)) -> None:
        self.plans = plans
        policy = {"pending_days": 0, "expiry": "never", "on_return": "allow_negative"}
        super().__init__(currency=currency, rules=rules, policy=policy)
        for name in ("ada", "bob"):
            self.member(name)

    def _set_tiers(self, draft: ProgramVersion, rungs: Any) -> None:
        super()._set_tiers(draft, rungs)
        add_plans(draft, *self.plans)

    def offers(self, *plans: dict[str, Any], at: When) -> None:
        """Publish a version with other plans; one of a known code is that plan."""
        draft = self.draft()
        known = {row.code: row.key for row in PaidPlan.objects.filter(version=draft)}
        PaidPlan.objects.filter(version=draft).delete()
        add_plans(
            draft, *({**({"key": known[plan["code"]]} if plan["code"] in known else {}), **plan} for plan in plans)
        )
        self.publish_draft(draft, at, now=self.at(at) - timedelta(hours=12))

    def asks(self, who: str, plan: str, *, at: When) -> None:
        """Let a member join, and not pay yet."""
        joining.join(self.membership(who), plan, now=self._now(at))

    def joins(self, who: str, plan: str, *, at: When) -> None:
        """Let a member join, and pay what there is to pay."""
        self.asks(who, plan, at=at)
        if self.plan_of(who).status == "awaiting":
            self.pays(who, at=at)

    def changes_plan(self, who: str, plan: str, *, at: When, when: PlanWhen | None = None) -> None:
        joining.change(self.membership(who), plan, when=when, now=self._now(at))

    def cancels(self, who: str, *, at: When) -> None:
        joining.cancel(self.membership(who), now=self._now(at))

    def leaves(self, who: str, *, at: When) -> None:
        leave(self.membership(who), now=self._now(at))

    def ends(self, who: str, *, at: When, refunds: bool = True) -> None:
        joining.end(self.membership(who), refunds=refunds, now=self._now(at))

    def bill(self, who: str) -> Invoice:
        """Return what a member is to pay."""
        return Invoice.objects.get(subscription__membership=self.membership(who), status="open")

    def pays(
        self, who: str, *, at: When, told: When | None = None, bill: Invoice | None = None, reference: str = "r1"
    ) -> bool:
        """Let an invoice be paid, maybe told later; tell whether that was new."""
        invoice = bill or self.bill(who)
        return paying.settle(
            invoice.pk, paid_at=self.at(at), reference=reference, provider="test", now=self._now(told or at)
        )

    def plan_of(self, who: str) -> Subscription:
        """Return the plan that a member has, or had last."""
        rows = Subscription.objects.filter(membership=self.membership(who)).select_related("plan")
        found = rows.order_by("ended_at", "since").last()
        assert found is not None, "it had a plan"
        return rows.filter(ended_at=None).first() or found

    def code_of(self, who: str) -> str:
        """Return the code of the plan whose benefits a member has; empty for none."""
        found = self.plan_of(who)
        return "" if found.key is None else PaidPlan.objects.filter(key=found.key).latest("pk").code

    def period_of(self, who: str) -> tuple[str, str]:
        """Return the first day of a member's period, and that of the next one."""
        found = self.plan_of(who)
        return str(found.first_day), str(found.end_day)

    def bills(self, who: str) -> list[tuple[str, str, str]]:
        """Return a member's invoices: kind, amount and status, in their order."""
        rows = Invoice.objects.filter(subscription__membership=self.membership(who)).order_by("issued_at", "pk")
        return [(row.kind, f"{row.amount:f}", row.status) for row in rows]

    def went_back(self) -> list[Decimal]:
        """Return what goes back to members, in the order in which it was asked for."""
        rows = Refund.objects.filter(retailer=self.retailer).order_by("asked_at", "pk")
        return list(rows.values_list("amount", flat=True))
