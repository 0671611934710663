"""What rules would have cost on recent orders, beside what those orders left over: estimates. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.core.money import decimals_of, to_unit
from customers.core.numbers import shown
from customers.core.values import dataclass
from loyalty.activity.history import load_orders
from loyalty.activity.profiles import kinds_of
from loyalty.configuration.findings import Finding
from loyalty.engine.basket import Occasion
from loyalty.engine.profile import PROFILE
from loyalty.engine.versions import Version
from loyalty.plans.state import OFFER
from loyalty.points.conditions import parse_stored
from loyalty.points.matching import Matches, matches
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.points.rules import Counted, earn, total_of
from loyalty.points.state import MAIN, RULES
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.state import SCHEME

DAYS = 90
YEAR = 365
SAMPLE = 5_000
ONE = Decimal(1)
# With the tier on which each member stands today, and the paid plan that it had at the time.
RECENT = """
SELECT o.id, m.id, t.key, {plan} FROM memberships_membership m
JOIN customers_order o ON o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at
LEFT JOIN tiers_standing s ON s.membership_id = m.id LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE m.program_id = %(program)s AND o.occurred_at > %(since)s AND o.occurred_at <= %(until)s
ORDER BY md5(o.id::text) LIMIT %(limit)s
"""
PLAN = """(SELECT p.key FROM plans_planchange c LEFT JOIN plans_paidplan p ON p.id = c.to_plan_id
    WHERE c.membership_id = m.id AND c.occurred_at <= o.occurred_at ORDER BY c.occurred_at DESC, c.id DESC LIMIT 1)"""
COUNT = """
SELECT count(*) FROM memberships_membership m
JOIN customers_order o ON o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at
WHERE m.program_id = %(program)s AND o.occurred_at > %(since)s AND o.occurred_at <= %(until)s
"""
OPEN = """
SELECT coalesce(sum(w.available + w.pending + w.held), 0) FROM points_wallet w
JOIN memberships_membership m ON m.id = w.membership_id WHERE m.program_id = %(program)s AND w.code = %(wallet)s
"""


NOBODY_MOVES: Mapping[UUID, UUID | None] = {}


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    What two versions give for the same recent orders, of the main wallet.

    :param orders: of the last 90 days
    :param sampled: of how many of them the points were computed; what the others give is extrapolated
    :param points_now: under the version in force
    :param points_then: under the other one
    :param liability_now: of all open points, at the version's value of a point and its expected share redeemed
    :param liability_then: of the same points, at the other one's
    :param cost_now: of the points of those 90 days
    :param cost_then: of theirs under the other version
    """

    orders: int
    sampled: int
    points_now: int
    points_then: int
    liability_now: Decimal
    liability_then: Decimal
    cost_now: Decimal
    cost_then: Decimal


def value_of(version_id: int | None) -> Decimal:
    """Return what a point of the main wallet costs: its value times the expected share redeemed; 0 where unknown."""
    policy = PointsPolicy.objects.filter(version=version_id, code=MAIN).first()
    if policy is None or policy.point_value is None:
        return Decimal(0)
    return policy.point_value * (ONE if policy.redeemed_share is None else policy.redeemed_share)


def estimate(
    program: Program,
    now_rules: Version | None,
    then: Version,
    *,
    until: datetime,
    moved: Mapping[UUID, UUID | None] = NOBODY_MOVES,
) -> Estimate:
    """
    Return what a version would have given for the orders of the last 90 days, beside the one in force.

    :param moved: the tiers on which members would stand under the other version, where these are others than today
    """
    parameters = {"program": program.pk, "since": until - timedelta(days=DAYS), "until": until, "limit": SAMPLE}
    ((orders,),) = bulk.fetch(COUNT, parameters)
    versions = [version for version in (now_rules, then) if version is not None]
    plan = PLAN if any(version.of(OFFER).plans for version in versions) else "NULL::uuid"
    recent = {order_id: row for order_id, *row in bulk.fetch(RECENT.format(plan=plan), parameters)}
    given = [0, 0]
    orders_of_sample = load_orders(list(recent))
    asks = any(version.parts[PROFILE.name] for version in versions)
    kinds = kinds_of([order.customer_id for order in orders_of_sample]) if asks else {}
    for order in orders_of_sample:
        membership_id, tier_key, plan_key = recent[order.order_id]
        stands = (tier_key, moved.get(membership_id, tier_key))
        for place, version in enumerate((now_rules, then)):
            if version is not None:
                occasion = _occasion(version, order.occurred_at, stands[place], plan_key)
                if kind := kinds.get(order.customer_id):
                    occasion = replace(occasion, segments=kind.segments, value_decile=kind.value_decile)
                earned = earn(order.basket, version.of(RULES).earnings, occasion)
                given[place] += total_of([part for part in earned if part.wallet == MAIN])
    points_now, points_then = (each * orders // len(recent) if recent else 0 for each in given)
    ((open_points,),) = bulk.fetch(OPEN, {"program": program.pk, "wallet": MAIN})
    currency = program.retailer.currency
    now_value, then_value = value_of(now_rules.version_id if now_rules else None), value_of(then.version_id)
    return Estimate(
        orders=orders,
        sampled=len(recent),
        points_now=points_now,
        points_then=points_then,
        liability_now=to_unit(open_points * now_value, currency),
        liability_then=to_unit(open_points * then_value, currency),
        cost_now=to_unit(points_now * now_value, currency),
        cost_then=to_unit(points_then * then_value, currency),
    )


def _occasion(version: Version, at: datetime, tier_key: UUID | None, plan_key: UUID | None) -> Occasion:
    """Return the occasion of an order of a member with a tier and a plan, as a version has them."""
    tier, plan = version.of(SCHEME).tier(tier_key), version.of(OFFER).plan(plan_key)
    of_tier, of_plan = tier.multiplier if tier else ONE, plan.multiplier if plan else ONE
    return Occasion(
        at,
        version.zone,
        of_tier * of_plan,
        tier=tier.code if tier else "",
        plan=plan.code if plan else "",
        plan_multiplier=of_plan,
    )


def check_costs(version: ProgramVersion, *, today: date) -> Iterable[Finding]:
    """Find rules whose points cost more than what the purchases left over that they would have rewarded."""
    value, program = value_of(version.pk), version.program
    rate, currency = program.retailer.margin_rate, program.retailer.currency
    if not value:
        return
    for rule in EarningRule.objects.filter(version=version, wallet=MAIN).order_by("code"):
        found = matches(
            parse_stored(rule.condition),
            program_id=program.pk,
            zone=program.zone,
            since=today - timedelta(days=YEAR),
            until=today,
            free_lines=rule.counts_free_lines,
            gift_cards=rule.counts_gift_cards,
        )
        margin = found.margin if found.costed else found.amount * rate if rate is not None else None
        cost = to_unit(_points(rule, found) * value, currency)
        if margin is not None and found.lines and cost > margin:
            words = _(
                "“%(rule)s” costs more than it rewards: over the last year its points would have cost %(cost)s, and the "
                "margin of those purchases was %(margin)s. Give fewer points, or ask for more."
            )
            told = {name: shown(each, decimals_of(currency)) for name, each in (("cost", cost), ("margin", margin))}
            facts = {"rule": rule, **told}
            yield Finding.warning("costs_more_than_margin", f"earning_rules/{rule.code}", words % facts)


def _points(rule: EarningRule, found: Matches) -> Decimal:
    units = {
        Counted.PER_AMOUNT.value: found.amount,
        Counted.PER_ITEM.value: found.quantity,
        Counted.PER_ORDER.value: Decimal(found.orders),
        Counted.FIRST_ORDER.value: Decimal(found.members),
    }
    return rule.points * units.get(rule.kind, Decimal(0))
