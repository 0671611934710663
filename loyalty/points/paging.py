"""Pages of statements: each by one statement of SQL, which reads of each wallet no more than a page has."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from customers.core import bulk
from loyalty.points.statement import Clock


class StatedEntry(NamedTuple):
    """
    What is told of an entry, as it goes into an answer.

    :param id: as a text
    :param wallet: its code
    :param order: the number of its order; None where there is none
    """

    id: str
    wallet_id: int
    wallet: str
    program_id: int
    kind: str
    order: str | None
    occurred_at: datetime
    recorded_at: datetime
    available_change: int
    pending_change: int
    owed_change: int
    balance_after: int
    explanation: dict[str, Any]


# Each wallet's newest entries are the last of its index, however many it has: so they are read wallet by wallet.
PAGE = """
SELECT e.id::text, w.id, w.code, m.program_id, e.kind, o.number, e.occurred_at, e.recorded_at, e.available_change,
    e.pending_change, e.owed_change, e.balance_after, e.explanation::text
FROM memberships_membership m JOIN points_wallet w ON w.membership_id = m.id
CROSS JOIN LATERAL (
    SELECT * FROM points_entry e WHERE e.wallet_id = w.id {conditions} ORDER BY {order} LIMIT %(limit)s
) AS e LEFT JOIN customers_order o ON o.id = e.order_id
WHERE {whose} {wallets} ORDER BY {order} LIMIT %(limit)s
"""
# Whose wallets they are: of a customer, in all programs; or of the member to whom a number leads, its own or that of one who was
# merged into it.
OF_CUSTOMER = "m.customer_id = %(customer)s"
OF_NUMBER = """m.id = (
    SELECT coalesce(n.merged_into_id, n.id) FROM memberships_membership n
    WHERE n.retailer_id = %(retailer)s AND n.number = %(number)s
)"""
ORDER = {Clock.RECORDED: "e.id {way}", Clock.OCCURRED: "e.occurred_at {way}, e.id {way}"}
BEHIND = {
    Clock.RECORDED: "AND e.id {sign} %(id)s",
    Clock.OCCURRED: "AND (e.occurred_at, e.id) {sign} (%(occurred_at)s, %(id)s)",
}
# What says where an entry stands in a statement by each clock.
KEYS = {Clock.RECORDED: ("id",), Clock.OCCURRED: ("occurred_at", "id")}

RUNNING = """
SELECT sum(available_change - owed_change)::bigint FROM points_entry
WHERE wallet_id = %s AND (occurred_at, id) <= (%s, %s::uuid)
"""


def page(  # noqa: PLR0913 - whose, by which clock, from where, how many, as of when, of which wallet
    whose: str,
    given: Mapping[str, Any],
    *,
    limit: int,
    clock: Clock = Clock.RECORDED,
    behind: Sequence[Any] = (),
    is_back: bool = False,
    at: datetime | None = None,
    wallet: str | None = None,
) -> list[StatedEntry]:
    """
    Return entries of a statement, the newest by a clock first.

    :param whose: OF_CUSTOMER or OF_NUMBER
    :param given: what that asks for
    :param behind: the KEYS of the entry behind which they stand; nothing for a statement's beginning
    :param is_back: those before that entry, or before the end: the nearest, which are the oldest, first
    :param at: as it was at this instant, by the clock
    :param wallet: of wallets of this code alone
    """
    asked = {"behind": bool(behind), "at": at is not None, "wallet": wallet is not None}
    sql = _page(whose, clock, is_back, frozenset(name for name, is_said in asked.items() if is_said))
    place = dict(zip(KEYS[clock], behind, strict=True)) if behind else {}
    rows = bulk.fetch(sql, {**given, **place, "limit": limit, "at": at, "wallet": wallet})
    explanations = json.loads(
        f"[{','.join([row[-1] for row in rows])}]"
    )  # at once, at a third of what each by itself costs
    return [StatedEntry._make((*row[:-1], said)) for row, said in zip(rows, explanations, strict=True)]


@lru_cache(maxsize=64)
def _page(whose: str, clock: Clock, is_back: bool, asked: frozenset[str]) -> str:  # noqa: FBT001 - as the cache sees it
    conditions = [BEHIND[clock].format(sign=">" if is_back else "<")] if "behind" in asked else []
    conditions += [f"AND e.{clock.value} <= %(at)s"] if "at" in asked else []
    return PAGE.format(
        whose=whose,
        wallets="AND w.code = %(wallet)s" if "wallet" in asked else "",
        conditions=" ".join(conditions),
        order=ORDER[clock].format(way="ASC" if is_back else "DESC"),
    )


def running_balances(entries: Sequence[StatedEntry]) -> dict[str, int]:
    """
    Return the balance after each entry of a page that is sorted by when things occurred, the newest first.

    One sum per wallet for the newest of its entries; the others follow from it, because nothing is between them.
    """
    found: dict[str, int] = {}
    left: dict[int, int] = {}
    for entry in entries:
        if entry.wallet_id not in left:
            ((left[entry.wallet_id],),) = bulk.fetch(RUNNING, [entry.wallet_id, entry.occurred_at, entry.id])
        found[entry.id] = left[entry.wallet_id]
        left[entry.wallet_id] -= entry.available_change - entry.owed_change
    return found
