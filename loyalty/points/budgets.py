"""
What a program may give in all, without a queue: a budget is dealt into shares, and most orders lock one of them.

Near its end an order that its share cannot pay locks all shares, deals what is left anew, and is decided again.
"""

from collections.abc import Iterable, Mapping

from customers.core import bulk
from loyalty.engine.pools import Pool, PoolKey
from loyalty.points.models import BudgetShare

SHARES = 16


def lock_budgets(limits: Mapping[PoolKey, int], *, whole: bool) -> dict[PoolKey, Pool]:
    """
    Lock a share of each budget, or the whole of each, in the order of their keys.

    :param limits: what each budget is in all
    """
    return {key: _lock_all(key, limits[key]) if whole else _lock_one(key, limits[key]) for key in sorted(limits)}


def settle_budgets(before: Mapping[PoolKey, Pool], after: Mapping[PoolKey, Pool]) -> None:
    """Write down what was given; what is left of budgets that were locked as a whole is dealt to all shares anew."""
    rows = []
    for key, budget in sorted(after.items()):
        used = before[key].left - budget.left
        if budget.share is None:
            bulk.execute(DEAL, [*bulk.columns_of(_dealt(budget.limit, budget.limit - budget.left)), *key])
        elif used:
            rows.append((*key, budget.share, used))
    if rows:
        bulk.execute(USE, bulk.columns_of(rows))


def read_budget(key: PoolKey) -> Pool:
    """Return what was given of a budget, without holding it: of whatever it is in all, that much less is left."""
    ((used,),) = bulk.fetch(USED, list(key))
    return Pool(-int(used), None, 0)


USED = """
SELECT coalesce(sum(used), 0) FROM points_budgetshare WHERE program_id = %s AND wallet = %s AND starts_on = %s
"""
USE = """
UPDATE points_budgetshare b SET used = b.used + d.used
FROM (SELECT unnest(%b::bigint[]) AS program_id, unnest(%b::text[]) AS wallet,
    unnest(%b::date[]) AS starts_on, unnest(%b::smallint[]) AS share, unnest(%b::bigint[]) AS used) d
WHERE b.program_id = d.program_id AND b.wallet = d.wallet AND b.starts_on = d.starts_on AND b.share = d.share
"""
LOCK_ONE = """
SELECT granted - used, (SELECT sum(granted) FROM points_budgetshare a
    WHERE a.program_id = b.program_id AND a.wallet = b.wallet AND a.starts_on = b.starts_on)
FROM points_budgetshare b WHERE program_id = %s AND wallet = %s AND starts_on = %s AND share = %s FOR UPDATE
"""
LOCK_ALL = """
SELECT share, granted, used FROM points_budgetshare WHERE program_id = %s AND wallet = %s AND starts_on = %s
ORDER BY share FOR UPDATE
"""
DEAL = """
UPDATE points_budgetshare b SET granted = d.granted, used = d.used
FROM (SELECT unnest(%b::smallint[]) AS share, unnest(%b::bigint[]) AS granted, unnest(%b::bigint[]) AS used) d
WHERE b.program_id = %s AND b.wallet = %s AND b.starts_on = %s AND b.share = d.share
"""


def _lock_one(key: PoolKey, limit: int) -> Pool:
    (pid,) = bulk.fetch("SELECT pg_backend_pid()")[0]
    found = bulk.fetch(LOCK_ONE, [*key, pid % SHARES])
    if not found or found[0][1] != limit:  # nobody has asked for it, or a new version changed it
        return _lock_all(key, limit)
    return Pool(found[0][0], pid % SHARES, limit)


def _lock_all(key: PoolKey, limit: int) -> Pool:
    """Lock all shares, and put what is left into the first one, from which the caller takes."""
    rows = [(*key, share, 0, 0) for share in range(SHARES)]
    columns = ("program_id", "wallet", "starts_on", "share", "granted", "used")
    bulk.insert(BudgetShare, columns, rows, suffix="ON CONFLICT DO NOTHING")
    used = sum(row[2] for row in bulk.fetch(LOCK_ALL, list(key)))
    return Pool(limit - used, None, limit)


def _dealt(limit: int, used: int) -> Iterable[tuple[int, int, int]]:
    """Return (share, granted, used): all that is used stands with the first share, what is left with all alike."""
    left = max(limit - used, 0)
    each, rest = divmod(left, SHARES)
    for share in range(SHARES):
        mine = each + (share < rest)
        # A budget that a new version cut below what was given has granted what was used, and nothing more.
        yield (share, mine, 0) if share else (0, mine + used, used)
