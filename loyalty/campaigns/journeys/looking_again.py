"""
What messages are about that waited after their step had said it: for quiet hours, for a cap, or while their campaign paused.

The step that says something is often the last one of its entry, which is through then: nobody else looks any more whether the
points were spent, or the order came back, before the message goes.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from loyalty.campaigns.journeys.about import Values, facts_of
from loyalty.campaigns.journeys.open_entries import load_told


def look_again(entries: Collection[UUID], now: datetime) -> dict[UUID, Values | None]:
    """Return what the texts of entries may say of what those are about, as it is now: None where it is not true any more."""
    return facts_of(load_told(sorted(entries), now), now)
