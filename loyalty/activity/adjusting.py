"""Points are given or taken by a decision of staff, with its reason and author."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.activity.desk import Booked, Desk
from loyalty.memberships.models import Membership
from loyalty.points.ledger import MAIN
from loyalty.points.states import State


class ReasonMissing(DomainError):
    code = "reason_missing"
    kind = Kind.INVALID
    message = _("An adjustment needs a reason and an author.")


@transaction.atomic
def adjust(  # noqa: PLR0913 - who, how many, why, by whom, when, of what
    membership: Membership,
    points: int,
    *,
    reference: str,
    reason: str,
    author: str,
    now: datetime,
    wallet: str = MAIN,
) -> Booked:
    """
    Give points, or take them (negative), by a decision of staff.

    What is given lives as points of the version in force do, and can be spent at once.

    :raises ReasonMissing: without a reason or an author
    :raises InsufficientPoints: when more are to be taken than can be spent
    :raises OtherRequest: when the reference was used for another number of points
    """
    if not reason.strip() or not author.strip():
        raise ReasonMissing
    desk = Desk.of(membership, now, wallet)
    cause = f"adjust:{reference}"
    if earlier := desk.earlier(cause, reference, points):
        return Booked(earlier.pk, points, desk.available, is_new=False)
    said = {"reason": reason, "author": author}
    if points < 0:
        entry_id = desk.take("adjust", cause, -points, into=State.CANCELLED, said=said)
    else:
        entry_id = desk.give("adjust", cause, points, said)
    return Booked(entry_id, points, desk.finish())
