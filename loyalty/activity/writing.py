"""Write: all that a batch of decisions causes, with bulk statements. A fixed number of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.decisions import write_decisions
from loyalty.activity.loading import write_clocks
from loyalty.engine.decision import Decision, Told
from loyalty.engine.member import Member
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.points.state import POINTS

OF_POINTS = ("points.", "challenge.")


def write(
    decisions: Sequence[Decision], *, before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
) -> None:
    """
    Write what a batch came to: each capability's effects, then decisions, clocks and events.

    :param before: members as they were loaded
    :param after: the same members after the last decision
    """
    effects = [effect for decision in decisions for effect in decision.effects]
    mine = {each.name: [effect for effect in effects if effect.writer == each.name] for each in CAPABILITIES}
    for capability in CAPABILITIES:
        if mine[capability.name]:
            capability.write_first(mine[capability.name], now)
    with bulk.together():
        for capability in CAPABILITIES:
            capability.write(mine[capability.name], before, after, now)
        write_decisions(decisions, now)
        write_clocks(before, after)
        publish(_events(decisions), now=now)


def _events(decisions: Iterable[Decision]) -> Iterator[NewEvent]:
    for decision in decisions:
        for effect in decision.effects:
            if isinstance(effect, Told):
                member = decision.member
                said = {"program": decision.versions.slug, "member": member.number, **effect.payload}
                if effect.kind.startswith(OF_POINTS):
                    said["balances"] = {wallet.code: wallet.balance for wallet in member.of(POINTS).wallets}
                yield NewEvent(member.retailer_id, effect.kind, member.membership_id, said, effect.occurred_at)
