"""What members are shown of plans."""

from dataclasses import replace
from datetime import datetime

from loyalty.activity.inviting import is_invited
from loyalty.activity.versions import versions_of_program
from loyalty.memberships.models import Membership
from loyalty.plans.overview import Overview


def shown_to(membership: Membership, found: Overview, *, at: datetime) -> Overview:
    """Return what a member is shown of plans: who an experiment does not invite, only its own."""
    return (
        found
        if is_invited(membership, versions_of_program(membership.program_id), at=at)
        else replace(found, offered=())
    )
