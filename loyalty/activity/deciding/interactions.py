"""What an interaction causes, and what it causes that something happened to an order."""

from dataclasses import replace

from customers.core.calendar import local_date
from customers.models import Interaction
from loyalty.activity.deciding.climbing import climb, occasion_of, qualified
from loyalty.activity.deciding.earning import Budgets, give
from loyalty.activity.deciding.points import Booked, Cause, activate, lifetime_of
from loyalty.activity.rulesets import Ruleset, Timeline
from loyalty.activity.state import DecidedInteraction, Decision, Effects, Happened, Interacted, Member
from loyalty.outbox.publishing import NewEvent
from loyalty.points.expiry import activation, expiration
from loyalty.points.ledger import Dated
from loyalty.points.rules import earn_for_interaction


def decide_interaction(
    member: Member, interacted: Interacted, ruleset: Ruleset | None, budgets: Budgets | None = None
) -> Decision:
    """
    Decide what an interaction earns in one of its customer's memberships.

    :param ruleset: what was in force when it occurred; None before the program's first version
    """
    if ruleset is None or not member.belongs_at(interacted.occurred_at):
        reason = "no_version_in_force_then" if ruleset is None else "not_a_member_then"
        return Decision(member, Effects(reason=reason, interaction=_decided(member, interacted, 0, reason)))
    occasion = occasion_of(member, ruleset, interacted.occurred_at)
    earned = earn_for_interaction(interacted.kind, ruleset.earnings, occasion)
    visits = int(interacted.kind == Interaction.Kind.VISIT)
    if not earned and not visits:
        reason = "no_rule_gave_points"
        return Decision(member, Effects(reason=reason, interaction=_decided(member, interacted, 0, reason)))
    cause = f"interaction:{interacted.interaction_id}"
    on = local_date(interacted.occurred_at, ruleset.zone)
    said = {"interaction": interacted.kind, "number": interacted.number}
    given = give(
        member,
        earned,
        ruleset,
        Cause(cause, interacted.occurred_at, said),
        on=on,
        visits=visits,
        budgets=budgets or {},
    )
    after = qualified(given.done.member, given.qualified)
    climbed = climb(after, ruleset, on, interacted.occurred_at, cause)
    payload = {"interaction": interacted.number, "points": given.points}
    event = NewEvent(member.retailer_id, "points.earned", member.membership_id, payload, interacted.occurred_at)
    effects = Effects(
        reason=given.reason,
        interaction=_decided(member, interacted, given.points, given.reason),
        postings=(*given.done.postings, *climbed.postings),
        qualified=given.qualified,
        moves=climbed.moves,
        events=(*((event,) if given.points else ()), *climbed.events),
        spent=given.spent,
        is_tight=given.is_tight,
    )
    return Decision(climbed.member, effects)


def decide_happened(member: Member, happened: Happened, timeline: Timeline) -> Decision:
    """Give their dates to an order's lots that awaited this, and make active those whose days are over."""
    done = Booked(member)
    dated: list[Dated] = []
    for purse in member.purses:
        due = []
        lots = []
        for lot in purse.lots:
            ruleset = timeline.version(lot.version_id)
            awaited = lot.order_id == happened.order_id and lot.active_at is None and lot.awaits == happened.kind
            if ruleset is None or not awaited:
                lots.append(lot)
                continue
            lifetime = lifetime_of(member, purse.code, ruleset, lot.earned_at)
            active_at = activation(happened.occurred_at, lifetime, ruleset.zone)
            ends_at = expiration(active_at, lifetime, ruleset.zone)
            dated.append(Dated(lot.id, active_at, ends_at))
            lots.append(replace(lot, active_at=active_at, expires_at=purse.idle_until if lot.slides else ends_at))
            if active_at <= happened.occurred_at and lot.pending:
                due.append(lots[-1])
        done = replace(done, member=done.member.with_purse(replace(purse, lots=tuple(lots))))
        if due:
            cause = f"activate:event:{happened.event_id}"
            done = activate(done, purse.code, due, cause=cause, at=happened.occurred_at)
    return Decision(done.member, Effects(postings=done.postings, dated=tuple(dated)))


def _decided(member: Member, interacted: Interacted, points: int, reason: str) -> DecidedInteraction:
    return DecidedInteraction(member.retailer_id, member.program_id, interacted.interaction_id, points, reason)
