"""Write: all effects of a batch with bulk statements. A fixed number of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.activity.models import OrderDecision, ReturnDecision
from loyalty.activity.state import DecidedOrder, Effects, Member
from loyalty.outbox.publishing import publish
from loyalty.points import ledger
from loyalty.tiers.assessment import Stands, add_qualifying, record_moves, set_standings


def write(
    effects: Sequence[Effects], *, before: Mapping[int, Member], after: Mapping[int, Member], now: datetime
) -> None:
    """
    Write what a batch came to: points, then tiers, then decisions, then events.

    :param before: members as they were loaded, by wallet
    :param after: the same members after the last decision
    """
    postings = [posting for effect in effects for posting in effect.postings]
    balances = {wallet: member.balance for wallet, member in before.items()}
    with bulk.together():
        ledger.post(postings, balances=balances, now=now)
        add_qualifying(change for effect in effects for change in effect.qualified)
        record_moves((move for effect in effects for move in effect.moves), now=now)
        set_standings(_stands(member) for wallet, member in after.items() if _stands(member) != _stands(before[wallet]))
        _write_orders(effects, now)
        _write_returns(effects, now)
        publish((event for effect in effects for event in effect.events), now=now)


def _stands(member: Member) -> Stands:
    return Stands(member.membership_id, member.tier_id, member.tier_since, member.assessed_on)


def _write_orders(effects: Iterable[Effects], now: datetime) -> None:
    """An order decided and returned in one batch is one row: the last word counts."""
    latest: dict[tuple[UUID, int], DecidedOrder] = {}
    for effect in effects:
        if effect.order is not None:
            latest[effect.order.order_id, effect.order.program_id] = effect.order
    # fmt: off
    rows = [
        (order.retailer_id, order.program_id, order.order_id, order.membership_id, order.version_id, order.multiplier,
         order.is_first, order.allowance, order.points, order.points_kept, now)
        for order in latest.values()
    ]
    columns = ("retailer_id", "program_id", "order_id", "membership_id", "version_id", "multiplier", "is_first",
               "allowance", "points", "points_kept", "decided_at")
    # fmt: on
    suffix = "ON CONFLICT (order_id, program_id) DO UPDATE SET points_kept = excluded.points_kept"
    bulk.insert(OrderDecision, columns, rows, suffix=suffix)


def _write_returns(effects: Iterable[Effects], now: datetime) -> None:
    # fmt: off
    rows = [
        (decided.retailer_id, decided.program_id, decided.return_id, decided.points, decided.shortfall, now)
        for effect in effects if (decided := effect.order_return) is not None
    ]
    columns = ("retailer_id", "program_id", "order_return_id", "points", "shortfall", "decided_at")
    # fmt: on
    bulk.insert(ReturnDecision, columns, rows)
