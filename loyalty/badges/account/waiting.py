"""What was won or drawn by who failed then, whose account could not be worked on: given once it can be."""

from datetime import datetime

from customers.core import bulk
from customers.models import Retailer
from loyalty.activity.nightly import give_waiting
from loyalty.points.state import CONTESTS, SURPRISES

# Nights look for what capabilities ask for alone. What waits for who was merged waits for the one that stays.
WAITING = """
SELECT DISTINCT m.id FROM points_grant g JOIN memberships_membership a ON a.id = g.membership_id
JOIN memberships_membership m ON m.id = CASE WHEN a.merged_into_id IS NULL THEN a.id ELSE a.merged_into_id END
WHERE g.decided_at IS NULL AND g.occurred_at <= %(now)s AND g.retailer_id = %(retailer)s AND g.source = ANY(%(sources)s)
    AND NOT EXISTS (SELECT 1 FROM activity_setaside s WHERE s.membership_id = m.id AND s.next_try_at > %(now)s)
"""


def give_left(retailer: Retailer, *, now: datetime) -> None:
    """Give what waits of contests and surprises to whom it can be given by now; who fails again is tried an hour later."""
    asked = {"retailer": retailer.pk, "sources": [CONTESTS, SURPRISES], "now": now}
    found = [key for (key,) in bulk.fetch(WAITING, asked)]
    for key in sorted(found):
        give_waiting([key], now=now)
