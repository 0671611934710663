"""A member's open holds: reads only."""

from datetime import datetime

from loyalty.memberships.models import Membership
from loyalty.points.models import Hold

SHOWN = 50


def open_holds(membership: Membership, *, at: datetime) -> list[Hold]:
    """Return what is held of a member and has not timed out, the newest first."""
    held = Hold.objects.filter(wallet__membership=membership, status=Hold.Status.OPEN, times_out_at__gt=at)
    return list(held.select_related("wallet").order_by("-pk")[:SHOWN])
