"""
What plans cost besides what they bring: extra points by their multipliers, lower prices of rewards, and perks.

Points and rewards are in their own books already; what is said of them here is by how much less they would cost without plans.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.money import to_unit
from customers.core.values import dataclass
from loyalty.plans.rules import NOTHING
from loyalty.programs.models import Program

# Each time of a member with a plan: from a change to it until the next one. Times that touch are one.
SPANS_OF = """
WITH changes AS (
    SELECT c.membership_id, c.to_plan_id, c.occurred_at AS begins,
        lead(c.occurred_at) OVER (PARTITION BY c.membership_id ORDER BY c.occurred_at, c.id) AS ends
    FROM plans_planchange c JOIN memberships_membership m ON m.id = c.membership_id
    WHERE m.program_id = %(program)s {of_members}
), spans AS (SELECT * FROM changes WHERE to_plan_id IS NOT NULL)
"""
SPANS = SPANS_OF.format(of_members="")
# By the days until an instant on which a member had a plan, of the days of the plan's period.
PERKS_OF = """
p.perks_cost * greatest(extract(epoch FROM least(coalesce(s.ends, {at}), {at}) - s.begins), 0)::numeric
    / 86400 / CASE p.period WHEN 'year' THEN 365.25 ELSE 30.4375 END
"""
PERKS = f"""
{SPANS}
SELECT coalesce(sum({PERKS_OF.format(at="%(since)s")}), 0), coalesce(sum({PERKS_OF.format(at="%(until)s")}), 0)
FROM spans s JOIN plans_paidplan p ON p.id = s.to_plan_id
"""
# Of points under a plan's multiplier m, 1 - 1/m are the plan's; as whole points of each order.
POINTS_OF = """
SELECT d.membership_id, sum(round(d.points_kept * (1 - 1 / nullif((d.occasion->>'plan_multiplier')::numeric, 0)))) AS points
FROM activity_orderdecision d JOIN customers_order o ON o.id = d.order_id JOIN points_wallet w ON w.id = d.wallet_id
WHERE d.program_id = %(program)s AND d.occasion ? 'plan' AND NOT d.is_forfeited AND w.code = 'points'
    AND o.occurred_at >= %(since)s AND o.occurred_at < %(until)s {of_members}
GROUP BY d.membership_id
"""
# What members paid less for rewards by the price for their plan, as far as they did not give them back.
SAVED_OF = """
SELECT r.membership_id, sum(greatest(w.points - r.points, 0)) AS points
FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id AND w.wallet = r.wallet
JOIN rewards_rewardprice p ON p.version_id = w.version_id AND r.price_rule = 'price:' || p.code AND p.plan <> ''
WHERE r.program_id = %(program)s AND r.wallet = 'points' AND r.redeemed_at >= %(since)s AND r.redeemed_at < %(until)s
    AND r.status NOT IN ('cancelled', 'refunded', 'withdrawn')
    AND NOT (r.status = 'expired' AND w.on_expiry = 'give_back') {of_members}
GROUP BY r.membership_id
"""
OF_ALL = f"""
SELECT (SELECT coalesce(sum(points), 0) FROM ({POINTS_OF.format(of_members="")}) e)::bigint,
    (SELECT coalesce(sum(points), 0) FROM ({SAVED_OF.format(of_members="")}) e)::bigint
"""
VALUE = """
SELECT p.point_value * coalesce(p.redeemed_share, 1) FROM points_pointspolicy p
JOIN programs_programversion v ON v.id = p.version_id
WHERE v.program_id = %(program)s AND v.status = 'published' AND v.effective_from <= %(until)s AND p.code = 'points'
ORDER BY v.effective_from DESC LIMIT 1
"""
POINTS_OF_SOME = POINTS_OF.format(of_members="AND d.membership_id = ANY(%(members)s)")
SAVED_OF_SOME = SAVED_OF.format(of_members="AND r.membership_id = ANY(%(members)s)")
OF_MEMBERS = f"""
{SPANS_OF.format(of_members="AND m.id = ANY(%(members)s)")}, points AS ({POINTS_OF_SOME}), saved AS ({SAVED_OF_SOME}
), perks AS (
    SELECT s.membership_id, sum({PERKS_OF.format(at="%(until)s")}) - sum({PERKS_OF.format(at="%(since)s")}) AS cost
    FROM spans s JOIN plans_paidplan p ON p.id = s.to_plan_id GROUP BY 1
), paid AS (
    SELECT s.membership_id, sum(i.amount) AS amount FROM plans_invoice i JOIN plans_subscription s ON s.id = i.subscription_id
    WHERE s.membership_id = ANY(%(members)s) AND i.status = 'paid' AND i.settled_at >= %(since)s AND i.settled_at < %(until)s
    GROUP BY 1
), refunded AS (
    SELECT s.membership_id, sum(r.amount) AS amount FROM plans_refund r JOIN plans_invoice i ON i.id = r.invoice_id
    JOIN plans_subscription s ON s.id = i.subscription_id
    WHERE s.membership_id = ANY(%(members)s) AND r.asked_at >= %(since)s AND r.asked_at < %(until)s GROUP BY 1
)
SELECT m.id, coalesce(paid.amount, 0), coalesce(refunded.amount, 0), coalesce(points.points, 0)::bigint,
    coalesce(saved.points, 0)::bigint, coalesce(perks.cost, 0)
FROM unnest(%(members)s::uuid[]) m(id) LEFT JOIN points ON points.membership_id = m.id
LEFT JOIN saved ON saved.membership_id = m.id LEFT JOIN perks ON perks.membership_id = m.id
LEFT JOIN paid ON paid.membership_id = m.id LEFT JOIN refunded ON refunded.membership_id = m.id
"""


@dataclass(frozen=True, slots=True)
class MemberCosts:
    """
    What one member paid for plans in a time, and what they cost for it, in the retailer's currency.

    :param points: that its orders keep and would not without their plans' multiplier
    :param saved_points: that rewards would have cost more without a price for the plan
    :param perks_cost: by the retailer's own estimate, by the days on which it had the plans
    """

    paid: Decimal = NOTHING
    refunded: Decimal = NOTHING
    points: int = 0
    points_cost: Decimal = NOTHING
    saved_points: int = 0
    discount: Decimal = NOTHING
    perks_cost: Decimal = NOTHING

    @property
    def cost(self) -> Decimal:
        return self.points_cost + self.discount + self.perks_cost

    @property
    def margin(self) -> Decimal:
        """Return what is left of what it paid."""
        return self.paid - self.refunded - self.cost


def point_value(program: Program, until: datetime) -> Decimal:
    """Return what a point of the main wallet is expected to cost by the version in force at an instant; 0 where unknown."""
    return next((found for (found,) in bulk.fetch(VALUE, {"program": program.pk, "until": until})), None) or NOTHING


def perks_until(program: Program, since: datetime, until: datetime) -> tuple[Decimal, Decimal]:
    """Return what perks cost before each of two instants, from the beginning."""
    ((before, after),) = bulk.fetch(PERKS, {"program": program.pk, "since": since, "until": until})
    currency = program.retailer.currency
    return to_unit(before, currency), to_unit(after, currency)


def points_of_plans(program: Program, since: datetime, until: datetime) -> dict[str, Any]:
    """Return which points plans gave and saved in a time, and what they cost, as plain values."""
    asked = {"program": program.pk, "since": since, "until": until}
    ((points, saved),) = bulk.fetch(OF_ALL, asked)
    value, currency = point_value(program, until), program.retailer.currency
    costs = {"points_cost": points * value, "discount": saved * value}
    return {"points": points, "saved_points": saved} | {
        name: str(to_unit(each, currency)) for name, each in costs.items()
    }


def costs_of_members(
    program: Program, members: Sequence[UUID], *, since: datetime, until: datetime
) -> dict[UUID, MemberCosts]:
    """Return what some members paid and cost in a time; fees by when their payment was recorded."""
    asked = {"program": program.pk, "since": since, "until": until, "members": list(members)}
    value, currency = point_value(program, until), program.retailer.currency
    found = {}
    for key, paid, refunded, points, saved, perks in bulk.fetch(OF_MEMBERS, asked):
        costs = (to_unit(each, currency) for each in (points * value, saved * value, perks))
        of_points, discount, of_perks = costs
        found[key] = MemberCosts(paid, refunded, points, of_points, saved, discount, of_perks)
    return found
