"""Paid plans as a capability: what a version promises of them, and who reads and writes the rest for the engine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core.money import unit_of
from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.plans import writing
from loyalty.plans.loading import PLAN, load
from loyalty.plans.models import PaidPlan, Subscription
from loyalty.plans.rules import PlanOffer, PlanRule
from loyalty.plans.state import PLANS, PlanState, RefundAsked
from loyalty.programs.models import ProgramVersion


class Plans(Capability[PlanState]):
    """The paid plan of a member; a program without plans has none of it."""

    name = PLANS.name

    def rules(self, version_id: int) -> PlanOffer:
        plans = tuple(_rule(plan) for plan in PaidPlan.objects.filter(version=version_id).order_by("rank"))
        if not plans:
            return PlanOffer()
        version = ProgramVersion.objects.select_related("program__retailer").get(pk=version_id)
        currency = version.program.retailer.currency
        return PlanOffer(currency, unit_of(currency), plans)

    def is_used(self, rules: PlanOffer) -> bool:
        return bool(rules.plans)

    def begin(self, versions: Versions) -> PlanState:
        return PlanState()

    def joined(self, reach: Reach | None) -> Joined | None:
        return PLAN

    def load(self, scope: Scope) -> Mapping[UUID, PlanState]:
        return load(scope)

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        """Change invoices before others are issued, of which a member has one open; refund credits of those that were paid."""
        writing.change_invoices(effects, now=now)
        writing.refund_credits(
            effect for effect in effects if isinstance(effect, RefundAsked) and effect.invoice_id is None
        )

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        if effects:
            writing.write(effects, now=now)

    def merge_rows(self, source: UUID, target: UUID) -> None:
        """Let plans that are over, with their invoices, be with the member who stays: it is the same person."""
        Subscription.objects.filter(membership=source).update(membership=target)


def _rule(row: PaidPlan) -> PlanRule:
    return PlanRule(
        row.pk, row.key, row.code, row.rank, row.price, row.months, row.trial_days, row.grace_days, row.retry_days,
        row.multiplier, ForArms.read(row.arms),
    )  # fmt: skip
