"""What the ledger says of a person besides points: why staff adjusted them, and references."""

from datetime import datetime

from customers.core import bulk
from customers.core.guards import forgetting
from customers.privacy import Part, Person
from loyalty.points.models import Entry

# Whoever moved points for a reason wrote it for a person to read; what was moved stays.
FORGET_REASONS = """
UPDATE points_entry e SET explanation = e.explanation || '{"reason": ""}' FROM points_wallet w
JOIN memberships_membership m ON m.id = w.membership_id
WHERE e.wallet_id = w.id AND m.customer_id = ANY(%s) AND e.explanation ?& ARRAY['reason', 'author']
"""


def erase(person: Person, _now: datetime) -> None:
    """Keep every entry and every point, without what staff wrote about the person."""
    with forgetting(Entry):
        bulk.execute(FORGET_REASONS, [list(person.ids)])


PART = Part(
    "points",
    (
        "points_wallet", "points_grant", "points_entry", "points_lot", "points_movement", "points_movedlot", "points_hold",
        "points_disproof", "points_spendingreference", "points_qualifyingday", "points_allocatedprice",
    ),
    erase=erase,
)  # fmt: skip
