"""
The only way in for members' offers: decided together behind their locks, never over a budget, with the reason of who has none.

Locks are taken in the order of all who take several: customers, memberships, counters, budgets. Nothing is waited for behind a
budget.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import local_date, zone_of
from customers.core.consents import NEWEST_FIRST
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.identifying import hold_all
from loyalty.activity.account.session import AccountSession
from loyalty.activity.foreseeing import decisions_at
from loyalty.campaigns.models import Offer, OfferGrant, OfferRefusal
from loyalty.campaigns.offering.discounts import caps_of, discounts_given
from loyalty.campaigns.offering.late_vouchers import late_holders, set_failing_aside
from loyalty.campaigns.offering.releasing import release_over
from loyalty.campaigns.rules.discounts import DISCOUNTS, DiscountCap, full
from loyalty.campaigns.rules.offers import (
    Available,
    Candidate,
    OfferRule,
    Refusal,
    choose,
    grant_ends_at,
    in_turn,
    refusal,
)
from loyalty.campaigns.setting_aside import NO_DATABASE
from loyalty.engine.decision import Decision
from loyalty.engine.profile import Profile
from loyalty.experiments.assigning import HELD_OUT_OF_ALL
from loyalty.memberships.profiles import COLUMNS, NAMES
from loyalty.rewards.rules import RewardRule, out_of_time
from loyalty.rewards.state import CATALOGUE
from loyalty.rewards.writing import BudgetLine, budgets_of, lock_budgets, lock_counters_of, move_budgets, read_free
from loyalty.tiers.state import SCHEME, TIERS

BATCH = 1_000
FORESEEN = "foreseen"  # a fact that nobody gives an offer for
MEMBERS = """
SELECT k.id, m.id FROM (SELECT unnest(%b::uuid[]) AS id) k
JOIN customers_customer c ON c.id = k.id AND c.erased_at IS NULL AND c.merged_into_id IS NULL
JOIN memberships_membership m ON m.customer_id = c.id AND m.program_id = %s AND m.left_at IS NULL AND m.merged_into_id IS NULL
"""
# What analytics wrote down, for who agrees to that now; where the member is, and whether it is held out of everything.
ABOUT = f"""
SELECT m.id, {HELD_OUT_OF_ALL.format(customer="m.customer_id", at="%s", program="m.program_id")},
    r.zone, coalesce(a.granted, false), {COLUMNS}, i.favourite_category, i.favourite_brand, i.as_of
FROM memberships_membership m LEFT JOIN campaigns_recipient r ON r.customer_id = m.customer_id
LEFT JOIN LATERAL (
    SELECT granted FROM customers_consent WHERE customer_id = m.customer_id AND purpose = 'profiling' AND occurred_at <= %s
    ORDER BY {NEWEST_FIRST} LIMIT 1
) a ON true
LEFT JOIN customers_insight i ON i.customer_id = m.customer_id AND a.granted
WHERE m.id = ANY(%s)
"""
# Who is in the control of experiments that hold out of offers.
HELD_OUT = """
SELECT g.customer_id, g.experiment_id FROM experiments_assignment g
JOIN experiments_variant v ON v.id = g.variant_id AND v.is_control JOIN experiments_experiment x ON x.id = g.experiment_id
WHERE g.customer_id = ANY(%s) AND x.id = ANY(%b::uuid[]) AND x.state = 'running' AND x.starts_at <= %s
    AND (x.ends_at IS NULL OR x.ends_at > %s)
"""
# What members had before, they and who was merged into them.
BEFORE = """
SELECT coalesce(c.merged_into_id, c.id), g.id, g.offer_id, o.code, o.slot, g.occurrence, g.instead_of, g.granted_at,
    g.state = 'granted' AND g.expires_at > %s OR g.state = 'taken' AND r.status IN ('issued', 'in_progress')
        AND (r.expires_at IS NULL OR r.expires_at > %s)
FROM customers_customer c JOIN campaigns_offergrant g ON g.customer_id = c.id JOIN campaigns_offer o ON o.id = g.offer_id
LEFT JOIN rewards_rewardredemption r ON r.id = g.redemption_id
WHERE (c.id = ANY(%s) OR c.merged_into_id = ANY(%s))
    AND (o.id = ANY(%s) OR o.slot <> '' AND o.slot = ANY(%s) AND o.program_id = %s)
"""
REFUSED = (
    "retailer_id", "offer_id", "customer_id", "occurrence", "reason", "rule", "reserves", "insight_as_of", "refused_at",
)  # fmt: skip
TOLD_ONCE = "ON CONFLICT (offer_id, customer_id, occurrence, reason) DO NOTHING"


class Ask(NamedTuple):
    """For whom an offer is asked, and because of what: once for each such fact."""

    customer_id: UUID
    occurrence: str


@dataclass(frozen=True, slots=True)
class Granting:
    """
    What came of asking for an offer.

    :param grant_id: what the member has, of that offer or another one of its slot; None where it has none
    :param refusal: why it has none; None where it has one
    :param is_new: False where the same was asked for before, and given
    """

    grant_id: UUID | None
    refusal: Refusal | None = None
    is_new: bool = True


def grant_offer(offer: Offer, asks: Sequence[Ask], *, now: datetime) -> dict[Ask, Granting]:
    """
    Give an offer to members, each at most once for an occurrence, in batches that each commit.

    Of a slot, each gets the one that goes first of those that it can have; who is excluded, what it gets instead. Who has
    it for the same occurrence already has nothing new. What is asked for first is given first, as long as a budget has room.
    """
    found: dict[Ask, Granting] = {}
    unique = list(dict.fromkeys(asks))
    plan = _Plan.of(offer)
    for start in range(0, len(unique), BATCH):
        found |= _grant_beside(plan, unique[start : start + BATCH], now)
    return found


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which offers are decided on when one is asked for: in turn, and those that are had instead."""

    asked: Offer
    rows: Mapping[int, Offer]
    turn: Sequence[OfferRule]
    rules: Mapping[int, OfferRule]

    @classmethod
    def of(cls, offer: Offer) -> "_Plan":
        competing = [offer]
        if offer.slot:
            others = Offer.objects.live().filter(program=offer.program_id, slot=offer.slot).exclude(pk=offer.pk)
            competing += others.select_related("instead")
        instead = [each.instead for each in competing if each.instead is not None]
        rows = {each.pk: each for each in (*instead, *competing)}
        rules = {key: rule_of(row) for key, row in rows.items()}
        return cls(offer, rows, in_turn(rules[each.pk] for each in competing), rules)

    def now_live(self) -> "_Plan":
        """Return the same with what is given now, behind the budgets' locks: an offer may have ended meanwhile."""
        live = set(Offer.objects.live().filter(pk__in=self.rows).values_list("pk", flat=True))
        rules = {key: replace(rule, is_live=key in live) for key, rule in self.rules.items()}
        return replace(self, turn=[rules[rule.id] for rule in self.turn], rules=rules)

    @property
    def budgets(self) -> dict[int, int]:
        """Return the budgets of its offers, by the offers' ids."""
        return {key: row.budget_id for key, row in self.rows.items()}


def rule_of(offer: Offer) -> OfferRule:
    """Return an offer as far as it decides who gets it."""
    return OfferRule(
        offer.pk, offer.code, frozenset(offer.tiers), frozenset(offer.segments), offer.value_from, offer.value_to,
        frozenset(offer.categories), frozenset(offer.brands), frozenset(offer.excluded), offer.instead_id, offer.first_day,
        offer.last_day, offer.valid_days, offer.again_after_days, offer.slot, offer.priority,
        offer.state == Offer.State.LIVE, offer.expected_margin, offer.hold_out_id,
    )  # fmt: skip


class _Known(NamedTuple):
    """
    A candidate, with the days on which it was given discounts.

    :param as_of: until when what is known of it reaches; None where nothing is
    """

    who: Candidate
    as_of: date | None
    decision: Decision
    discounts: Sequence[date] = ()


class _Won(NamedTuple):
    """What a member gets."""

    available: Available
    over: tuple[str, ...]
    by: str
    instead_of: str


@dataclass
class _Batch:
    """
    Members of one batch, locked, and what is decided for them one after the other.

    :param before: what was given already because of the same, of the offer that is asked for or in its place
    :param had: what was given already because of the same, of each offer for itself
    """

    plan: _Plan
    members: Mapping[UUID, UUID]
    known: Mapping[UUID, _Known]
    free: dict[int, Decimal]
    before: dict[Ask, UUID]
    had: dict[tuple[Ask, int], UUID]
    granted_on: dict[UUID, dict[int, date]]
    holds: dict[UUID, dict[str, str]]
    held_out: Mapping[UUID, frozenset[UUID]]
    caps: Sequence[DiscountCap]
    now: datetime
    discounts: dict[UUID, list[date]] = field(default_factory=dict)
    grants: list[OfferGrant] = field(default_factory=list)
    lines: list[BudgetLine] = field(default_factory=list)
    refusals: list[tuple[Any, ...]] = field(default_factory=list)

    def zone_of(self, person: UUID) -> ZoneInfo:
        """Return where a customer of the batch is, as far as it is a member."""
        return self.known[self.members[person]].who.zone if person in self.members else ZoneInfo("UTC")

    def decide(self, ask: Ask) -> Granting:
        if ask in self.before:
            return Granting(self.before[ask], is_new=False)
        membership_id = self.members.get(ask.customer_id)
        if membership_id is None:
            return self._refuse(ask, self.plan.rules[self.plan.asked.pk], Refusal("no_member"))
        known = self.known[membership_id]
        who = replace(
            known.who,
            granted_on=self.granted_on.get(ask.customer_id, {}),
            holds=self.holds.get(ask.customer_id, {}),
            held_out_by=self.held_out.get(ask.customer_id, frozenset()),
        )
        known = known._replace(who=who, discounts=self.discounts.get(ask.customer_id, ()))
        found, first = self._choose(ask, known)
        if found is None:
            return Granting(None, first)
        if key := self.had.get(
            (ask, found.available.offer.id)
        ):  # for itself: it is not given twice because of the same
            return Granting(key, is_new=False)
        return self._give(ask, membership_id, known, found)

    def _choose(self, ask: Ask, known: _Known) -> tuple[_Won | None, Refusal | None]:
        """Return which of the offers a member gets, and why it gets not the one that was asked for."""
        available, instead_of = [], {}
        refused: dict[int, Refusal] = {}
        for rule in self.plan.turn:
            why, can = self._look(rule, known)
            if why is not None:
                refused[rule.id] = why
                self._refuse(ask, rule, why, known)
                other = self.plan.rules.get(rule.instead_id or 0) if why.reason == "excluded" else None
                if other is None:
                    continue
                rule_why, can = self._look(other, known)
                if rule_why is not None:
                    self._refuse(ask, other, rule_why, known)
                    continue
                instead_of[other.id] = rule.code
            if can is not None:
                available.append(can)
        choice = choose(available, self.free)
        for each in choice.short:
            refused.setdefault(each.offer.id, Refusal("budget_reserved"))
            self._refuse(ask, each.offer, Refusal("budget_reserved"), known)
        if choice.chosen is None:
            return None, refused.get(self.plan.asked.pk) or next(iter(refused.values()))
        by = choice.by if choice.over else ""
        return _Won(choice.chosen, choice.over, by, instead_of.get(choice.chosen.offer.id, "")), None

    def _look(self, rule: OfferRule, known: _Known) -> tuple[Refusal | None, Available | None]:
        """Return why a member does not get an offer, or what it would reserve."""
        why = refusal(rule, known.who, self.now)
        if why is None and known.decision.version is None:
            why = Refusal("no_reward")
        if why is not None:
            return why, None
        reward = self._reward(rule, known.decision, known.who.zone)
        reserves = None if reward is None else self._reserves(rule, reward)
        if reward is None or reserves is None:
            return Refusal("no_reward"), None
        if reward.kind in DISCOUNTS and (cap := full(self.caps, known.discounts, local_date(self.now, known.who.zone))):
            return Refusal("discount_capped", cap.rule), None
        return None, Available(rule, self.plan.rows[rule.id].budget_id, reserves)

    def _reward(self, rule: OfferRule, decision: Decision, zone: ZoneInfo) -> RewardRule | None:
        """
        Return the first reward of an offer that the member's version has now, also on the member's own day.

        The offer ends with that day: where the member's is over already, it would be over before it is given.
        """
        catalogue, days = decision.rules.of(CATALOGUE), {decision.on, local_date(self.now, zone)}
        named = (catalogue.by_code.get(code) for code in self.plan.rows[rule.id].rewards)
        return next((each for each in named if each and not any(out_of_time(each, on) for on in days)), None)

    def _reserves(self, rule: OfferRule, reward: RewardRule) -> Decimal | None:
        return reward.reserves if reward.reserves is not None else self.plan.rows[rule.id].at_most

    def _give(self, ask: Ask, membership_id: UUID, known: _Known, won: _Won) -> Granting:
        offer, key = won.available.offer, new_id()
        row, reserved = self.plan.rows[offer.id], won.available.reserves
        reward = self._reward(offer, known.decision, known.who.zone)
        assert reward is not None, "it was found when it was looked at"
        last_day = min(filter(None, (reward.last_day, reward.valid_until)), default=None)
        ends_at = grant_ends_at(offer, self.now, known.who.zone, last_day)
        as_of = known.as_of if offer.reads_profile else None
        self.grants.append(
            OfferGrant(
                id=key, retailer_id=row.retailer_id, offer=row, membership_id=membership_id, customer_id=ask.customer_id,
                occurrence=ask.occurrence, reward_key=reward.key, reserved=reserved, is_discount=reward.kind in DISCOUNTS,
                chosen_over=list(won.over),
                chosen_by=won.by, instead_of=won.instead_of, insight_as_of=as_of, granted_at=self.now, expires_at=ends_at,
            )
        )  # fmt: skip
        if reserved:
            self.lines.append(
                BudgetLine(row.retailer_id, row.budget_id, None, f"granted:{key}", reserved, Decimal(0), self.now)
            )
        self.free[row.budget_id] -= reserved
        self.before[ask] = self.had[ask, row.pk] = key
        self.know(self.grants[-1])
        return Granting(key)

    def know(self, grant: OfferGrant) -> None:
        """Let what was just given count for what is asked for next."""
        person, row = grant.customer_id, grant.offer
        on = local_date(grant.granted_at, self.zone_of(person))
        self.granted_on.setdefault(person, {})[row.pk] = on
        if grant.is_discount:
            self.discounts.setdefault(person, []).append(on)
        if row.slot:
            self.holds.setdefault(person, {})[row.slot] = row.code

    def _refuse(self, ask: Ask, rule: OfferRule, why: Refusal, known: _Known | None = None) -> Granting:
        row = self.plan.rows[rule.id]
        reward = (
            self._reward(rule, known.decision, known.who.zone) if known is not None and known.decision.version else None
        )
        reserves = (self._reserves(rule, reward) if reward is not None else None) or Decimal(0)
        as_of = known.as_of if known is not None and rule.reads_profile else None
        self.refusals.append(
            (row.retailer_id, row.pk, ask.customer_id, ask.occurrence, *why, reserves, as_of, self.now)
        )
        return Granting(None, why)


def _grant_beside(plan: _Plan, asks: Sequence[Ask], now: datetime) -> dict[Ask, Granting]:
    """Give an offer to members of a batch; where somebody else fails whose late voucher was to come back, without that one."""
    try:
        return _grant(plan, asks, now)
    except NO_DATABASE:
        raise
    except Exception:
        if not set_failing_aside(plan.budgets.values(), now=now):
            raise
    return _grant(plan, asks, now)


@transaction.atomic
def _grant(plan: _Plan, asks: Sequence[Ask], now: datetime) -> dict[Ask, Granting]:
    customers = sorted({ask.customer_id for ask in asks})
    hold_all(customers)
    members = dict(bulk.fetch(MEMBERS, [customers, plan.asked.program_id]))
    session = AccountSession.open({*members.values(), *late_holders(plan.budgets.values(), now=now)}, now)
    budgets = _lock(session, plan)
    states = release_over(budgets, now=now)
    known, free = _load(session.decisions, members.values(), now), {key: state.free for key, state in states.items()}
    batch = _batch(plan.now_live(), members, known, free, customers, now)
    found = {ask: batch.decide(ask) for ask in asks}
    OfferGrant.objects.bulk_create(batch.grants)
    bulk.insert(OfferRefusal, REFUSED, list(dict.fromkeys(batch.refusals)), suffix=TOLD_ONCE)
    move_budgets(batch.lines, now)
    return found


def _batch(  # noqa: PLR0913 - of whom, and what is known of them
    plan: _Plan, members: Mapping[UUID, UUID], known: Mapping[UUID, _Known], free: dict[int, Decimal],
    customers: Sequence[UUID], now: datetime,
) -> _Batch:  # fmt: skip
    """Return members as they are decided on, with what they had before."""
    held_out, caps = _held_out(plan, customers, now), caps_of(plan.asked.program_id)
    batch = _Batch(plan, members, known, free, {}, {}, {}, {}, held_out, caps, now)
    _remember(batch, customers, now)
    _count_discounts(batch, customers, now)
    return batch


class Foresight:
    """
    Who would not get offers that are asked for now, one after the other. Nothing is written, and nobody held.

    What would be given counts for what is asked for next: for its budget, its slot, its pause and the caps of discounts.
    """

    def __init__(self, share: Fraction, now: datetime) -> None:
        """
        Begin with budgets as they are.

        :param share: of those for whom it will be asked, how many are looked at: so much of a budget is theirs
        """
        self.share, self.now = share, now
        self.free: dict[int, Decimal] = {}
        self._plans: dict[int, _Plan] = {}
        self._given: dict[UUID, list[OfferGrant]] = {}

    def refused(self, offer: Offer, customers: Iterable[UUID]) -> dict[UUID, Refusal]:
        """Return which customers would not get an offer, and why; those who would use up what is left of its budget."""
        asked = sorted(set(customers))
        batch = self._batch(self._plan(offer), asked)
        found = {customer: batch.decide(Ask(customer, FORESEEN)).refusal for customer in asked}
        for grant in batch.grants:
            self._given.setdefault(grant.customer_id, []).append(grant)
        return {customer: why for customer, why in found.items() if why is not None}

    def _plan(self, offer: Offer) -> _Plan:
        plan = self._plans.get(offer.pk)
        if plan is None:
            plan = self._plans[offer.pk] = _Plan.of(offer)
            for budget, free in read_free(set(plan.budgets.values()) - self.free.keys()).items():
                self.free[budget] = free * self.share.numerator / self.share.denominator
        return plan

    def _batch(self, plan: _Plan, asked: Sequence[UUID]) -> _Batch:
        members = dict(bulk.fetch(MEMBERS, [asked, plan.asked.program_id]))
        decisions = decisions_at(members.values(), now=self.now)
        members = {customer: key for customer, key in members.items() if key in decisions}
        batch = _batch(plan, members, _load(decisions, members.values(), self.now), self.free, asked, self.now)
        for grant in (grant for customer in members for grant in self._given.get(customer, ())):
            batch.know(grant)
        return batch


def _lock(session: AccountSession, plan: _Plan) -> list[int]:
    """Write what time has brought all who are locked, with all locks taken in their order first; return the offers' budgets."""
    effects, budgets = session.effects(), sorted(plan.budgets.values())
    lock_counters_of(effects)
    lock_budgets({*budgets, *budgets_of(effects)})
    session.finish()
    return budgets


def _load(decisions: Mapping[UUID, Decision], memberships: Iterable[UUID], now: datetime) -> dict[UUID, _Known]:
    """Return members as offers look at them."""
    found = {}
    for key, is_out, zone, agrees, *rest in bulk.fetch(ABOUT, [now, now, now, sorted(memberships)]):
        said, (category, brand, as_of) = rest[: len(NAMES)], rest[len(NAMES) :]
        decision = decisions[key]
        profile = Profile(*said) if as_of is not None else Profile()
        who = Candidate(
            zone=zone_of(zone, decision.version.zone if decision.version else ZoneInfo("UTC")),
            tier=_tier(decision),
            is_held_out=is_out or (decision.version is not None and decision.version.is_withheld),
            agrees=agrees,
            segments=profile.segments,
            value_decile=profile.value_decile,
            category=category or "",
            brand=brand or "",
        )
        found[key] = _Known(who, as_of, decision)
    return found


def _held_out(plan: _Plan, customers: Sequence[UUID], now: datetime) -> Mapping[UUID, frozenset[UUID]]:
    """Return which of its offers' hold-outs hold whom out; no statement where none has one."""
    asked = sorted({rule.hold_out_id for rule in plan.rules.values() if rule.hold_out_id is not None})
    found: dict[UUID, frozenset[UUID]] = {}
    for customer, experiment in bulk.fetch(HELD_OUT, [customers, asked, now, now]) if asked else ():
        found[customer] = found.get(customer, frozenset()) | {experiment}
    return found


def _count_discounts(batch: _Batch, customers: Sequence[UUID], now: datetime) -> None:
    """Let a batch know on which days its members were given discounts."""
    for person, granted_at in discounts_given(customers, batch.plan.asked.program_id, batch.caps, now):
        batch.discounts.setdefault(person, []).append(local_date(granted_at, batch.zone_of(person)))


def _tier(decision: Decision) -> str:
    if decision.version is None or not decision.member.has(TIERS):
        return ""
    tier = decision.rules.of(SCHEME).tier(decision.member.of(TIERS).key)
    return tier.code if tier is not None else ""


def _remember(batch: _Batch, customers: Sequence[UUID], now: datetime) -> None:
    """Let a batch know what its members had before."""
    slots = sorted({rule.slot for rule in batch.plan.rules.values() if rule.slot})
    ids, program = sorted(batch.plan.rules), batch.plan.asked.program_id
    competing = {rule.id: rule.code for rule in batch.plan.turn}
    rows = bulk.fetch(BEFORE, [now, now, customers, customers, ids, slots, program])
    for person, key, offer_id, code, slot, occurrence, instead_of, granted_at, is_open in rows:
        ask = Ask(person, occurrence)
        batch.had[ask, offer_id] = key
        is_of_slot = slot != "" and slot == batch.plan.asked.slot
        if offer_id in competing or is_of_slot or instead_of in competing.values():
            batch.before[ask] = key
        days = batch.granted_on.setdefault(person, {})
        on = local_date(granted_at, batch.zone_of(person))
        days[offer_id] = max(days.get(offer_id, on), on)
        if slot and is_open:
            batch.holds.setdefault(person, {})[slot] = code
