"""What is shown beside a review or a photo: that its product was bought, and that it was rewarded; as both are now."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Interaction, Retailer
from loyalty.activity.held.bursts import CONTENT as CONTENT  # noqa: PLC0414 - whose marks these are

VERIFIED_WITHIN_DAYS = 365
# A product counts as bought as long as something is kept of an order before the review. What came back, or was refused, has an
# entry of its own (`loyalty.points.steps.interacting`); its member may have been merged into the customer.
MARKS = """
SELECT i.id, i.sku <> '' AND EXISTS (
    SELECT 1 FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id AND l.sku = i.sku
    WHERE o.customer_id = i.customer_id AND o.occurred_at <= i.occurred_at
        AND o.local_date >= (i.occurred_at AT TIME ZONE %(zone)s)::date - %(days)s::int
        AND l.quantity > coalesce((SELECT sum(b.quantity) FROM customers_returnline b WHERE b.line_id = l.id), 0)
), d.points, d.is_back, d.reason, a.waits, a.was_approved, h.reason, h.is_approved
FROM customers_interaction i CROSS JOIN LATERAL (
    SELECT 'interaction-back:' || i.id AS taken, 'interaction-' || replace(i.id::text, '-', '') AS gift OFFSET 0
) n
LEFT JOIN activity_interactionhold h ON h.interaction_id = i.id
LEFT JOIN LATERAL (
    SELECT coalesce(sum(d.points), 0)::bigint AS points, bool_and(d.is_back) FILTER (WHERE d.points > 0) AS is_back,
        min(d.reason) FILTER (WHERE d.reason <> '') AS reason
    FROM (
        SELECT d.points, d.reason, EXISTS (
            SELECT 1 FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
            JOIN points_wallet w ON w.membership_id = m.id
            JOIN points_entry e ON e.wallet_id = w.id AND e.cause = n.taken
            WHERE m.program_id = d.program_id AND (c.id = i.customer_id OR c.merged_into_id = i.customer_id)
        ) AS is_back FROM activity_interactiondecision d WHERE d.interaction_id = i.id
    ) d
) d ON true
LEFT JOIN LATERAL (
    SELECT bool_or(t.active_at IS NULL AND t.pending > 0) AS waits, bool_or(t.active_at IS NOT NULL) AS was_approved
    FROM points_lot t WHERE t.gift = n.gift AND t.activation_event = 'approved'
) a ON true
WHERE i.id = ANY(%(ids)s)
"""


class Reward(StrEnum):
    """What has become of the reward of a review or a photo."""

    NONE = "none"
    WAITING = "waiting"
    GIVEN = "given"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class Marks:
    """
    What a shop shows of a review or a photo.

    :param verified: its author bought the product within a year before, and has not returned it
    :param points: that it was rewarded with, or may be; 0 once they are taken back or refused
    :param reason: why no rule rewarded it, as a code; empty where one did
    :param held: why a person has yet to look at it, as a code; empty where nobody has to
    """

    verified: bool
    reward: Reward
    points: int
    reason: str
    held: str = ""

    @property
    def rewarded(self) -> bool:
        """Tell whether its author has points for it: whoever reads it is to know."""
        return self.reward is Reward.GIVEN

    @property
    def published(self) -> bool:
        """Tell whether it may be shown: nobody has yet to approve it, and nobody refused it."""
        return self.reward not in {Reward.WAITING, Reward.REFUSED}


def marks_of(retailer: Retailer, interactions: Iterable[Interaction]) -> Mapping[UUID, Marks]:
    """Return what is shown beside reviews and photos, by their ids: one statement, however many they are."""
    asked = {"ids": [each.pk for each in interactions], "zone": retailer.zone, "days": VERIFIED_WITHIN_DAYS}
    return {key: _marks(*said) for key, *said in bulk.fetch(MARKS, asked)} if asked["ids"] else {}


def _marks(  # noqa: PLR0913 - a row
    verified: Any, points: Any, is_back: Any, reason: Any, waits: Any, was_approved: Any, held: Any, was_let: Any
) -> Marks:
    if held and not was_let:
        is_open = was_let is None
        return Marks(verified, Reward.WAITING if is_open else Reward.REFUSED, 0, "", held if is_open else "")
    reward = Reward.GIVEN
    if not points:
        reward = Reward.NONE
    elif waits:
        reward = Reward.WAITING
    elif is_back:
        reward = Reward.REFUSED if was_approved is False else Reward.TAKEN_BACK
    left = points if reward in {Reward.GIVEN, Reward.WAITING} else 0
    return Marks(verified, reward, left, "" if points else reason or "")
