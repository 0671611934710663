"""What an order causes."""

from dataclasses import replace

from customers.core.calendar import local_date
from loyalty.activity.deciding.climbing import climb, occasion_of, qualified
from loyalty.activity.deciding.earning import Budgets, give
from loyalty.activity.deciding.points import Cause
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Award, DecidedOrder, Decision, Effects, Member, Purchase
from loyalty.outbox.publishing import NewEvent
from loyalty.points.rules import Occasion, earn

NOWHERE = Occasion()


def decide_order(
    member: Member, purchase: Purchase, ruleset: Ruleset | None, budgets: Budgets | None = None
) -> Decision:
    """
    Decide an order for one of its customer's memberships.

    :param ruleset: what was in force when the order occurred; None before the program's first version
    :param budgets: what is left of the budgets that its day reaches
    """
    if ruleset is None or not member.belongs_at(purchase.occurred_at):
        reason = "no_version_in_force_then" if ruleset is None else "not_a_member_then"
        decided = _decided(member, purchase, None, (Award(member.main.wallet_id),), NOWHERE, reason=reason)
        return Decision(member, Effects(reason=reason, order=decided))
    occasion = occasion_of(member, ruleset, purchase.occurred_at, is_first=not member.has_ordered)
    on = local_date(purchase.occurred_at, ruleset.zone)
    cause = f"order:{purchase.order_id}"
    given = give(
        member,
        earn(purchase.basket, ruleset.earnings, occasion),
        ruleset,
        Cause(cause, purchase.occurred_at, {"order": purchase.number}, purchase.order_id, purchase.events),
        on=on,
        spend=purchase.basket.paid,
        orders=1,
        budgets=budgets or {},
    )
    after = qualified(replace(given.done.member, has_ordered=True), given.qualified)
    climbed = climb(after, ruleset, on, purchase.occurred_at, cause)
    effects = Effects(
        reason=given.reason,
        order=_decided(member, purchase, ruleset, given.awards, occasion, reason=given.reason),
        postings=(*given.done.postings, *climbed.postings),
        qualified=given.qualified,
        moves=climbed.moves,
        events=(*_earned_event(member, purchase, given.points), *climbed.events),
        spent=given.spent,
        is_tight=given.is_tight,
    )
    return Decision(climbed.member, effects)


def _decided(  # noqa: PLR0913 - what a return must know
    member: Member,
    purchase: Purchase,
    ruleset: Ruleset | None,
    awards: tuple[Award, ...],
    occasion: Occasion,
    *,
    reason: str,
) -> DecidedOrder:
    return DecidedOrder(
        retailer_id=member.retailer_id,
        program_id=member.program_id,
        order_id=purchase.order_id,
        membership_id=member.membership_id,
        version_id=ruleset.version_id if ruleset else None,
        multiplier=occasion.multiplier,
        tier_code=occasion.tier,
        is_first=ruleset is not None and not member.has_ordered,
        reason=reason,
        awards=awards,
    )


def _earned_event(member: Member, purchase: Purchase, points: int) -> tuple[NewEvent, ...]:
    if not points:
        return ()
    payload = {"order": purchase.number, "points": points}
    return (NewEvent(member.retailer_id, "points.earned", member.membership_id, payload, purchase.occurred_at),)
