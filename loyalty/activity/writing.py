"""Write: all effects of a batch with bulk statements. A fixed number of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.activity.models import InteractionDecision, OrderDecision, ReturnDecision
from loyalty.activity.state import DecidedOrder, Effects, Member
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.points import ledger
from loyalty.points.states import State
from loyalty.tiers.assessment import Stands, add_qualifying, record_moves, set_standings


def write(
    effects: Sequence[Effects], *, before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
) -> None:
    """
    Write what a batch came to: points, then tiers, then decisions, then events.

    :param before: members as they were loaded
    :param after: the same members after the last decision
    """
    postings = [posting for effect in effects for posting in effect.postings]
    balances = {purse.wallet_id: purse.balance for member in before.values() for purse in member.purses}
    dated = [each for effect in effects for each in effect.dated]
    # On their own, because they touch rows that the postings touch too, which one statement may do only once.
    ledger.give_dates(dated)
    ledger.keep_alive(_kept_alive(before, after))
    with bulk.together():
        ledger.post(postings, balances=balances, now=now)
        add_qualifying(change for effect in effects for change in effect.qualified)
        record_moves((move for effect in effects for move in effect.moves), now=now)
        set_standings(_stands(member) for key, member in after.items() if _stands(member) != _stands(before[key]))
        _write_orders(effects, now)
        _write_returns(effects, now)
        _write_interactions(effects, now)
        publish(_events(effects, before), now=now)


def _events(effects: Iterable[Effects], before: Mapping[UUID, Member]) -> Iterator[NewEvent]:
    """Yield what subscribers are told; of points that expire whatever it was that found them past their time."""
    owners = {purse.wallet_id: key for key, member in before.items() for purse in member.purses}
    for effect in effects:
        for posting in effect.postings:
            if posting.kind == "expire":
                payload = {"points": -posting.change(State.AVAILABLE)}
                owner = owners[posting.wallet_id]
                yield NewEvent(posting.retailer_id, "points.expired", owner, payload, posting.occurred_at)
        yield from effect.events


def _stands(member: Member) -> Stands:
    return Stands(member.membership_id, member.tier_id, member.tier_since, member.assessed_on, member.keeps_until)


def _kept_alive(before: Mapping[UUID, Member], after: Mapping[UUID, Member]) -> list[tuple[int, datetime]]:
    return [
        (purse.wallet_id, purse.idle_until)
        for key, member in after.items()
        for purse in member.purses
        if purse.idle_until is not None and purse.idle_until != before[key].purse_of(purse.wallet_id).idle_until
    ]


def _write_orders(effects: Iterable[Effects], now: datetime) -> None:
    """An order decided and returned in one batch is one row a wallet: the last word counts."""
    latest: dict[tuple[UUID, int], DecidedOrder] = {}
    for effect in effects:
        if effect.order is not None:
            latest[effect.order.order_id, effect.order.program_id] = effect.order
    # fmt: off
    rows = [
        (order.retailer_id, order.program_id, order.order_id, order.membership_id, award.wallet_id, order.version_id,
         order.tier_code, order.multiplier, order.is_first, order.reason, award.allowance, award.points, award.points_kept, now)
        for order in latest.values() for award in order.awards
    ]
    columns = ("retailer_id", "program_id", "order_id", "membership_id", "wallet_id", "version_id", "tier_code", "multiplier",
               "is_first", "reason", "allowance", "points", "points_kept", "decided_at")
    # fmt: on
    suffix = "ON CONFLICT (order_id, wallet_id) DO UPDATE SET points_kept = excluded.points_kept"
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


def _write_interactions(effects: Iterable[Effects], now: datetime) -> None:
    # fmt: off
    rows = [
        (decided.retailer_id, decided.program_id, decided.interaction_id, decided.points, decided.reason, now)
        for effect in effects if (decided := effect.interaction) is not None
    ]
    columns = ("retailer_id", "program_id", "interaction_id", "points", "reason", "decided_at")
    # fmt: on
    bulk.insert(InteractionDecision, columns, rows)
