"""
The system under test behind plain verbs, each with its instant: what moves in the ledger's verbs is changed here alone.

`SUPPORTED` names the verbs that the state machine drives besides the usual ones.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from customers.core.errors import DomainError
from customers.facts import CorrectionFact, InteractionFact, OrderEventFact, OrderFact, ReturnFact, ReturnLineFact
from customers.models import Customer
from loyalty.activity import correcting, intake, nightly
from loyalty.activity.account import adjusting, households, leaving, merging, spending, taking_over
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.models import OrderDecision
from loyalty.activity.versions import versions_of_program
from loyalty.badges.models import Badge, Challenge
from loyalty.configuration.drafts import create_program, open_draft, publish
from loyalty.memberships import households as home
from loyalty.memberships.models import HouseholdMember, Membership
from loyalty.plans.models import PaidPlan
from loyalty.points.conditions import WEEKDAYS
from loyalty.points.models import EarningRule, Entry, Hold, PointsPolicy, Wallet
from loyalty.points.statement import balance
from loyalty.programs.models import ProgramVersion
from loyalty.referrals.models import ReferralPolicy
from loyalty.rewards.models import Reward, RewardPrice
from loyalty.tiers.models import Standing, Tier, TierChange
from tests import make
from tests.properties.looking import Looking
from tests.properties.model.past import OrderFact as Order
from tests.properties.model.terms import ExtraTerms, RewardTerms, Terms, WalletTerms
from tests.properties.model.world import Stand
from tests.properties.paying import PLAN_REFUSALS
from tests.properties.playing import GAME_REFUSALS, Playing, offer_challenges
from tests.properties.referring import REFERRAL_REFUSALS, Referring, offer_referrals
from tests.properties.rewarding import REWARD_REFUSALS, Rewarding

SUPPORTED = frozenset({"leave", "correct", "merge"})


@dataclass
class Driver(Looking, Rewarding, Playing, Referring):
    """One program of one retailer."""

    terms: Terms
    start: datetime
    zone: str = "UTC"
    currency: str = "EUR"
    members: dict[str, Membership] = field(default_factory=dict)
    holds: dict[str, UUID] = field(default_factory=dict)
    redemptions: dict[str, UUID] = field(default_factory=dict)
    payers: dict[str, str] = field(default_factory=dict)
    corrections: int = 0
    invoices: dict[str, UUID] = field(default_factory=dict)
    notices: int = 0
    rewarded: dict[str, UUID] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.retailer = make.retailer(zone=self.zone, currency=self.currency)
        draft = create_program(self.retailer, slug=make.number("club"), name="Club")
        _fill(draft, self.terms)
        self.program = publish(draft, effective_from=self.start, now=self.start).program
        self.versions = versions_of_program(self.program.pk)
        self.fill_pools(self.terms)

    def twin(self) -> "Driver":
        """Return one who goes on by itself with what this one has."""
        made = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | set):
                setattr(made, name, value.copy())
        return made

    # -- members

    def enrol(self, name: str, now: datetime) -> None:
        customer, _ = Customer.objects.get_or_create(
            retailer=self.retailer, external_id=name, defaults={"identified_at": now}
        )
        enrol(self.program, [(customer.pk, now)], source="test", now=now)
        self.members[name] = Membership.objects.get(program=self.program, customer=customer)
        if self.terms.referrals:
            self.note_signals(name, now)

    def leave(self, name: str, now: datetime) -> None:
        leaving.leave(self.members[name], now=now)

    def merge(self, stays: str, goes: str, now: datetime) -> None:
        merging.take_merge(self.retailer, goes, stays, reference="test", now=now)
        self.payers = {reference: stays if who == goes else who for reference, who in self.payers.items()}

    def join_household(self, names: Sequence[str], now: datetime) -> None:
        first, *others = (self.members[name] for name in names)
        home.share(first, others, now=now)

    def leave_household(self, name: str, now: datetime) -> None:
        home.leave(self.members[name], now=now)

    def publish(self, terms: Terms, start: datetime, now: datetime) -> None:
        draft = open_draft(self.program, now=now)
        for part in (EarningRule, Tier, PaidPlan, Reward, RewardPrice, Challenge, Badge, ReferralPolicy):
            part.objects.filter(version=draft).delete()
        _fill(draft, terms)
        publish(draft, effective_from=start, now=now)
        self.versions = versions_of_program(self.program.pk)
        self.fill_pools(terms)

    # -- facts

    def place_order(self, order: Order, now: datetime) -> int:
        """Report an order, and return what the main wallet got for it."""
        (answer,) = intake.take_orders(self.retailer, [self.fact_of(order)], now=now)
        _raise(answer)
        return self.gave(order.number)

    def place_orders(self, orders: Sequence[Order], now: datetime) -> None:
        for answer in intake.take_orders(self.retailer, [self.fact_of(order) for order in orders], now=now):
            _raise(answer)

    def correct(self, order: Order, now: datetime) -> None:
        self.corrections += 1
        fact = CorrectionFact(self.fact_of(order), self.corrections)
        answer = correcting.take_correction(self.retailer, fact, now=now)
        if answer.outcome.error:
            raise answer.outcome.error

    def give_back(self, number: str, order: str, quantity: int, at: datetime, now: datetime) -> None:
        fact = ReturnFact(number, order, at, (ReturnLineFact(Decimal(quantity), 1),))
        (answer,) = intake.take_returns(self.retailer, [fact], now=now)
        _raise(answer)

    def deliver(self, order: str, at: datetime, now: datetime) -> None:
        (answer,) = intake.take_order_events(self.retailer, [OrderEventFact(order, "delivered", at)], now=now)
        _raise(answer)

    def visit(self, number: str, name: str, at: datetime, now: datetime) -> None:
        (answer,) = intake.take_interactions(self.retailer, [InteractionFact(number, name, "visit", at)], now=now)
        _raise(answer)

    def fact_of(self, order: Order) -> OrderFact:
        line = make.line(
            _text(order.unit_price * order.quantity), quantity=str(order.quantity), category=order.category, sku="sku"
        )
        return OrderFact(
            number=order.number,
            occurred_at=order.at,
            lines=(line,),
            customer=order.member,
            paid_with_points=Decimal(_text(order.paid)),
            redemptions=order.redemptions,
        )

    # -- points

    def redeem(self, name: str, points: int, reference: str, now: datetime, wallet: str = "points") -> None:
        done = spending.redeem(self.members[name], points, reference=reference, now=now, wallet=wallet)
        self.redemptions[reference], self.payers[reference] = done.entry_id, name

    def hold(self, name: str, points: int, reference: str, now: datetime, life: timedelta = spending.HOLD_LIFE) -> None:
        made, _ = spending.hold(self.members[name], points, reference=reference, now=now, life=life)
        self.holds[reference], self.payers[f"hold:{reference}"] = made.pk, name

    def confirm(self, reference: str, points: int, now: datetime) -> None:
        spending.confirm(self.holds[reference], points=points, now=now)
        cause = f"confirm:{self.holds[reference]}"
        wallet = self.wallet(self.payers[f"hold:{reference}"])
        self.redemptions[f"hold:{reference}"] = wallet.entries.get(cause=cause).pk

    def release(self, reference: str, now: datetime) -> None:
        spending.release(self.holds[reference], now=now)

    def time_out(self, now: datetime) -> None:
        """End the holds that nobody ended."""
        spending.time_out(self.retailer, now=now)

    def reverse(self, reference: str, now: datetime) -> None:
        entry = self.entry_of_reward(reference) if reference in self.rewarded else self.redemptions[reference]
        spending.reverse(self.members[self.payers[reference]], entry, now=now)

    def adjust(self, name: str, points: int, reference: str, now: datetime) -> None:
        adjusting.adjust(
            self.members[name], points, reference=reference, reason="test", author="test", now=now, wallet="points"
        )

    def transfer(self, giver: str, taker: str, points: int, reference: str, now: datetime) -> None:
        households.transfer(self.members[giver], self.members[taker], points, reference=reference, now=now)

    def advance(self, now: datetime) -> None:
        """Do all that time has brought up to this very moment, so that a member can be looked at."""
        self.night(now)
        nightly.advance_due(self.program, day=now.astimezone(self.program.tzinfo).date(), until=now, now=now)

    def night(self, now: datetime) -> None:
        """Carry out every midnight that is due."""
        nightly.run_nights(self.program, until=now.astimezone(self.program.tzinfo).date(), now=now)

    # -- what there is

    def wallet(self, name: str, code: str = "points") -> Wallet:
        return Wallet.objects.get(membership=self.members[name], code=code)

    def balance(self, name: str, wallet: str, now: datetime) -> tuple[int, int, int, int]:
        """Return what is available, pending, held and owed at an instant."""
        found = balance(self.wallet(name, wallet), at=now, zone=self.program.tzinfo)
        return found.available, found.pending, found.held, found.owed

    def stand(self, name: str) -> Stand:
        """Return where a member stands by its last night or activity."""
        return self.stands([name])[name]

    def stands(self, names: Sequence[str]) -> dict[str, Stand]:
        """Return where members stand by their last night or activity."""
        rows = Standing.objects.select_related("tier").filter(membership__in=[self.members[name].pk for name in names])
        known = {row.membership_id: row for row in rows}
        return {name: _stand(known.get(self.members[name].pk, Standing())) for name in names}

    def changes(self, name: str) -> list[tuple[str, str, datetime]]:
        """Return the changes of tier since a member enrolled last, the oldest first."""
        member = self.members[name]
        rows = TierChange.objects.filter(membership=member, occurred_at__gte=member.enrolled_at)
        rows = rows.select_related("from_tier", "to_tier")
        return [
            (row.from_tier.code if row.from_tier else "", row.to_tier.code if row.to_tier else "", row.occurred_at)
            for row in rows.order_by("id")
        ]

    def gave(self, number: str, wallet: str = "points") -> int:
        found = OrderDecision.objects.filter(order__number=number, order__retailer=self.retailer, wallet__code=wallet)
        return found[0].points if found else 0

    def keeps(self, number: str, wallet: str = "points") -> int:
        found = OrderDecision.objects.filter(order__number=number, order__retailer=self.retailer, wallet__code=wallet)
        return found[0].points_kept if found else 0

    def entries(self, name: str) -> list[tuple[Any, ...]]:
        """Return a member's entries but for the instants at which they were recorded, in the order of occurrence."""
        rows = Entry.objects.filter(wallet__membership=self.members[name]).select_related("order")
        return sorted(
            (row.wallet.code, row.occurred_at, row.kind, row.order.number if row.order else "", row.available_change,
             row.pending_change, row.owed_change)
            for row in rows.select_related("wallet")
        )  # fmt: skip

    def sums(self, name: str, wallet: str = "points") -> dict[str, int]:
        """Return what each kind of entry changed of available and pending points in all, since a member enrolled last."""
        found: dict[str, int] = {}
        for row in self.wallet(name, wallet).entries.filter(occurred_at__gte=self.members[name].enrolled_at):
            found[row.kind] = found.get(row.kind, 0) + row.available_change + row.pending_change
        return found

    def spends_with(self, name: str) -> bool:
        return HouseholdMember.objects.filter(membership=self.members[name]).exists()

    def open_holds(self) -> set[str]:
        opened = set(Hold.objects.filter(retailer=self.retailer, status="open").values_list("pk", flat=True))
        return {reference for reference, pk in self.holds.items() if pk in opened}


def _stand(found: Standing) -> Stand:
    is_lowest = found.tier is None or found.tier.rank == 0
    return Stand(found.tier.code if found.tier else "", found.since, None if is_lowest else found.protected_until)


REFUSALS = (
    InsufficientPoints,
    spending.NotARedemption,
    spending.PaidReward,
    taking_over.OpenHold,
    *PLAN_REFUSALS,
    *REWARD_REFUSALS,
    *GAME_REFUSALS,
    *REFERRAL_REFUSALS,
)


def _raise(answer: intake.Answer[Any]) -> None:
    if answer.outcome.error:
        raise answer.outcome.error
    assert not isinstance(answer.outcome.error, DomainError)
    assert answer.outcome.status == "created"


def _fill(draft: ProgramVersion, terms: Terms) -> None:
    """Write terms into a draft without rules and tiers."""
    rules = [
        make.Rule(points=_text(rate), code=f"per-{wallet}", wallet=wallet, uses_multiplier=wallet == "points")
        for wallet, rate in terms.rates.items()
    ]
    if terms.bonus:
        rules.append(make.Rule(points=str(terms.bonus), code="welcome", kind="first_order", uses_multiplier=False))
    if terms.extra:
        rules.append(_extra(terms.extra))
    if terms.visit_points:
        rules.append(
            make.Rule(points=str(terms.visit_points), code="visit", kind="per_interaction", interaction="visit",
                      uses_multiplier=False)
        )  # fmt: skip
    known = set(PointsPolicy.objects.filter(version=draft).values_list("code", flat=True))
    PointsPolicy.objects.bulk_create(
        PointsPolicy(version=draft, code=code) for code in terms.wallets if code not in known
    )
    ladder = terms.ladder
    make.fill(
        draft,
        rules=rules,
        tiers=[(step.code, str(step.threshold), _text(step.multiplier)) for step in ladder.steps],
        points=_policy(terms.wallets["points"]),
        scheme={
            "basis": ladder.basis, "window": ladder.window, "window_months": ladder.months,
            "downgrade": ladder.downgrade, "grace_days": ladder.grace_days,
            "grace_to_month_end": ladder.to_month_end, "soft_landing": ladder.soft,
        },
    )  # fmt: skip
    for code, wallet in terms.wallets.items():
        PointsPolicy.objects.filter(version=draft, code=code).update(**_policy(wallet))
    tiers = {tier.code: tier for tier in Tier.objects.filter(version=draft)} if ladder.steps else {}
    for step in ladder.steps:
        tier = tiers[step.code]
        tier.entry_gift, tier.extra_months, tier.reward_discount = step.gift, step.extra_months, step.discount_percent
    Tier.objects.bulk_update(tiers.values(), ["entry_gift", "extra_months", "reward_discount"])
    _offer(draft, terms)
    offer_challenges(draft, terms)
    offer_referrals(draft, terms)


def _extra(extra: ExtraTerms) -> make.Rule:
    parts: list[dict[str, Any]] = []
    if extra.weekdays:
        parts.append({"field": "weekday", "in": [WEEKDAYS[day] for day in extra.weekdays]})
    if extra.hours:
        first, end = extra.hours
        parts.append({"field": "time", "from": f"{first:02}:00", "to": f"{end:02}:00"})
    parts += [
        {"field": name, "in": list(some)} for name, some in (("tier", extra.tiers), ("plan", extra.plans)) if some
    ]
    return make.Rule(
        points=str(extra.points), code="extra", kind=extra.kind, minimum_amount=str(extra.minimum), cap=extra.cap or None,
        condition={"all": parts} if parts else {}, uses_multiplier=extra.is_multiplied,
    )  # fmt: skip


def _offer(draft: ProgramVersion, terms: Terms) -> None:
    """Write plans and rewards into a draft without any."""
    PaidPlan.objects.bulk_create(
        PaidPlan(
            version=draft, code=plan.code, name=plan.code, rank=plan.rank, price=Decimal(_text(plan.price)),
            period="year" if plan.months > 1 else "month", trial_days=plan.trial_days, grace_days=plan.grace_days,
            retry_days=plan.retry_days, multiplier=Decimal(_text(plan.multiplier)),
        )
        for plan in terms.plans
    )  # fmt: skip
    Reward.objects.bulk_create(
        Reward(version=draft, place=place, **_reward(reward)) for place, reward in enumerate(terms.rewards)
    )
    RewardPrice.objects.bulk_create(
        RewardPrice(
            version=draft, code=f"{reward.code}-{number}", reward=reward.code, wallet=price.wallet, points=price.points,
            tier=price.tier, plan=price.plan,
        )
        for reward in terms.rewards
        for number, price in enumerate(reward.prices)
    )  # fmt: skip


def _reward(reward: RewardTerms) -> dict[str, Any]:
    ends = {True: "give_back", False: "keep"}
    return {
        "code": reward.code, "name": reward.code, "kind": reward.kind, "points": reward.points, "codes": reward.codes,
        "value": Decimal(5) if reward.kind == "amount_off" else None,
        "percent": Decimal(10) if reward.kind == "percent_off" else None, "stock": reward.stock,
        "member_limit": reward.member_limit, "member_period": reward.member_period, "tiers": list(reward.tiers),
        "plans": list(reward.plans), "valid_days": reward.valid_days, "on_expiry": ends[reward.expiry_gives_back],
        "on_withdrawal": ends[reward.withdrawal_gives_back], "points_per_unit": reward.per_unit or None,
        "match_percent": reward.match_percent,
        "match_budget": Decimal(reward.match_budget) if reward.match_percent else None,
    }  # fmt: skip


def _policy(wallet: WalletTerms) -> dict[str, Any]:
    return {
        "pending_days": wallet.pending_days, "pending_event": wallet.awaits, "expiry": wallet.expiry,
        "expiry_count": wallet.count, "transaction_limit": wallet.transaction_limit,
        "period_limit": wallet.period_limit, "period": wallet.period, "budget": wallet.budget,
        "budget_period": wallet.budget_period, "may_transfer": True,
        "on_return": "allow_negative" if wallet.owes else "stop_at_zero",
    }  # fmt: skip


def _text(number: Fraction) -> str:
    return f"{Decimal(number.numerator) / Decimal(number.denominator):f}"
