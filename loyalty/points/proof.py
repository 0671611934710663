"""The ledger's proof: every balance is the sum of its rows, or the books are wrong and somebody must look."""

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError
from customers.core.values import dataclass
from customers.models import Retailer


class LedgerBroken(DomainError):
    code = "ledger_broken"
    message = _("The ledger does not add up in {count} places, the first: {first}.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the ledger does not add up: `stored` is what a row says, `proven` what its lines say."""

    what: str
    id: str
    stored: int
    proven: int

    def __str__(self) -> str:
        return f"{self.what} of {self.id}: stored {self.stored}, proven {self.proven}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven, and every difference found."""

    wallets: int
    lots: int
    movements: int
    differences: list[Difference]


# Which rows are proven: a statement of its own each, so that one retailer's reads no other's.
OF_ALL = {"own": "retailer_id IS NOT NULL", "own_lots": "true"}
OF_ONE = {
    "own": "retailer_id = %(retailer)s",
    "own_lots": "lot_id IN (SELECT id FROM points_lot WHERE retailer_id = %(retailer)s)",
}
DIFFERENCES = """
WITH moved AS (
    SELECT lot_id,
        sum(amount) FILTER (WHERE from_state = 'issued') AS issued,
        coalesce(sum(amount) FILTER (WHERE to_state = 'pending'), 0)
            - coalesce(sum(amount) FILTER (WHERE from_state = 'pending'), 0) AS pending,
        coalesce(sum(amount) FILTER (WHERE to_state = 'available'), 0)
            - coalesce(sum(amount) FILTER (WHERE from_state = 'available'), 0) AS available,
        coalesce(sum(amount) FILTER (WHERE to_state = 'held'), 0)
            - coalesce(sum(amount) FILTER (WHERE from_state = 'held'), 0) AS held,
        coalesce(sum(amount) FILTER (WHERE to_state IN ('redeemed', 'expired', 'cancelled', 'transferred')), 0)
            - coalesce(sum(amount) FILTER (WHERE from_state IN ('redeemed', 'expired', 'cancelled', 'transferred')), 0) AS closed
    FROM points_movement
    WHERE {own_lots}
    GROUP BY lot_id
), lots AS (
    SELECT l.id, l.wallet_id, l.amount, l.pending, l.available, l.held, coalesce(m.issued, 0) AS proven_amount,
        coalesce(m.pending, 0) AS proven_pending, coalesce(m.available, 0) AS proven_available,
        coalesce(m.held, 0) AS proven_held, coalesce(m.closed, 0) AS closed
    FROM points_lot l LEFT JOIN moved m ON m.lot_id = l.id
    WHERE l.{own}
), wallets AS (
    SELECT w.id, w.pending, w.available, w.held, w.owed,
        coalesce(s.pending, 0) AS proven_pending, coalesce(s.available, 0) AS proven_available,
        coalesce(s.held, 0) AS proven_held, coalesce(e.owed, 0) AS proven_owed,
        coalesce(e.available, 0) AS entries_available
    FROM points_wallet w
    LEFT JOIN (SELECT wallet_id, sum(pending) AS pending, sum(available) AS available, sum(held) AS held
               FROM points_lot l WHERE l.{own} GROUP BY wallet_id) s ON s.wallet_id = w.id
    LEFT JOIN (SELECT wallet_id, sum(owed_change) AS owed, sum(available_change) AS available
               FROM points_entry e WHERE e.{own} GROUP BY wallet_id) e ON e.wallet_id = w.id
    WHERE w.{own}
), passed_on AS (
    SELECT lot_id, sum(CASE 'transferred' WHEN to_state THEN amount ELSE -amount END) AS amount FROM points_movement
    WHERE 'transferred' IN (from_state, to_state) AND {own_lots} GROUP BY 1
), came AS (
    SELECT coalesce(v.to_lot_id, l.origin_id) AS origin_id, sum(l.amount - coalesce(p.amount, 0)) AS amount FROM points_lot l
    LEFT JOIN points_movedlot v ON v.lot_id = l.origin_id
    LEFT JOIN passed_on p ON p.lot_id = l.id WHERE l.origin_id IS NOT NULL AND l.{own} GROUP BY 1
)
SELECT 'lot amount', id::text, amount, proven_amount FROM lots WHERE amount <> proven_amount
UNION ALL SELECT 'lot pending', id::text, pending, proven_pending FROM lots WHERE pending <> proven_pending
UNION ALL SELECT 'lot available', id::text, available, proven_available FROM lots WHERE available <> proven_available
UNION ALL SELECT 'lot held', id::text, held, proven_held FROM lots WHERE held <> proven_held
UNION ALL SELECT 'lot closed', id::text, amount - pending - available - held, closed FROM lots
    WHERE amount - pending - available - held <> closed OR closed < 0
UNION ALL SELECT 'wallet pending', id::text, pending, proven_pending FROM wallets WHERE pending <> proven_pending
UNION ALL SELECT 'wallet available', id::text, available, proven_available FROM wallets
    WHERE available <> proven_available
UNION ALL SELECT 'wallet held', id::text, held, proven_held FROM wallets WHERE held <> proven_held
UNION ALL SELECT 'wallet owed', id::text, owed, proven_owed FROM wallets WHERE owed <> proven_owed
UNION ALL SELECT 'wallet entries', id::text, available, entries_available FROM wallets
    WHERE available <> entries_available
UNION ALL SELECT 'movement between wallets', m.id::text, e.wallet_id, l.wallet_id
    FROM points_movement m JOIN points_entry e ON e.id = m.entry_id JOIN points_lot l ON l.id = m.lot_id
    WHERE e.wallet_id <> l.wallet_id AND e.{own}
UNION ALL SELECT 'transfer', l.id::text, coalesce(t.taken, 0), coalesce(m.amount, 0)
    FROM points_lot l
    LEFT JOIN (
        -- What was lent for a payment that was undone has gone back.
        SELECT coalesce(v.to_lot_id, l.from_lot_id) AS from_lot_id,
            sum(l.amount - CASE WHEN l.is_lent THEN coalesce(p.amount, 0) ELSE 0 END) AS taken
        FROM points_lot l LEFT JOIN points_movedlot v ON v.lot_id = l.from_lot_id
        LEFT JOIN passed_on p ON p.lot_id = l.id WHERE l.from_lot_id IS NOT NULL AND l.{own} GROUP BY 1
    ) t ON t.from_lot_id = l.id
    LEFT JOIN passed_on m ON m.lot_id = l.id
    WHERE NOT l.is_lent AND coalesce(t.taken, 0) <> coalesce(m.amount, 0) AND l.{own}
UNION ALL SELECT 'origin', l.id::text, (l.origin_id IS NOT NULL)::int, (l.from_lot_id IS NOT NULL)::int
    FROM points_lot l LEFT JOIN points_lot f ON f.id = l.from_lot_id LEFT JOIN points_lot o ON o.id = l.origin_id
    WHERE (l.from_lot_id IS NOT NULL OR l.origin_id IS NOT NULL)
        AND (l.origin_id IS DISTINCT FROM coalesce(f.origin_id, f.id) OR o.from_lot_id IS NOT NULL OR f.id IS NULL
            OR o.earned_at <> l.earned_at) AND l.{own}
UNION ALL SELECT 'transferred of origin', l.id::text, coalesce(p.amount, 0), coalesce(c.amount, 0)
    FROM passed_on p FULL JOIN came c ON c.origin_id = p.lot_id
    JOIN points_lot l ON l.id = CASE WHEN p.lot_id IS NULL THEN c.origin_id ELSE p.lot_id END
    WHERE l.origin_id IS NULL AND coalesce(p.amount, 0) <> coalesce(c.amount, 0) AND l.{own}
ORDER BY 1, 2
"""
COUNTS = """
SELECT
    (SELECT count(*) FROM points_wallet w WHERE w.{own}),
    (SELECT count(*) FROM points_lot l WHERE l.{own}),
    (SELECT count(*) FROM points_movement WHERE {own_lots})
"""


def prove(retailer: Retailer | None = None) -> Proof:
    """
    Prove the whole ledger, or one retailer's: every lot's moves out of `issued` equal its amount, no state is negative,
    each cache equals its rows, no entry moves another wallet's points, what left one member arrived at another, and
    what was transferred leads to the lot that was first, which gave all that has come from it.
    """
    rows, parameters = (OF_ONE, {"retailer": retailer.pk}) if retailer else (OF_ALL, {})
    differences = [Difference(*row) for row in bulk.fetch(DIFFERENCES.format(**rows), parameters)]
    wallets, lots, movements = bulk.fetch(COUNTS.format(**rows), parameters)[0]
    return Proof(wallets, lots, movements, differences)


def require_proof() -> Proof:
    """
    Prove the whole ledger.

    :raises LedgerBroken: when it does not add up
    """
    proof = prove()
    if proof.differences:
        raise LedgerBroken(count=len(proof.differences), first=proof.differences[0])
    return proof
