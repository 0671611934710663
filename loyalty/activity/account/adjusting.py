"""Points are given or taken by a decision of staff, with its reason and author."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.activity.account.session import LedgerReceipt, NoPoints, OtherRequest, WalletSession
from loyalty.memberships.models import Membership
from loyalty.points.state import MAIN, RULES
from loyalty.points.states import State
from loyalty.points.steps.giving import free_lot


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
) -> LedgerReceipt:
    """
    Give points, or take them (negative), by a decision of staff.

    What is given lives as points of the version in force do, and can be spent at once.

    :raises ReasonMissing: without a reason or an author
    :raises InsufficientPoints: when more are to be taken than can be spent
    :raises OtherRequest: when the reference was used for another number of points
    """
    if not reason.strip() or not author.strip():
        raise ReasonMissing
    wallet_session = WalletSession.open(membership, now, wallet)
    cause = f"adjust:{reference}"
    if earlier := wallet_session.earlier(cause, reference, points):
        if (earlier.available_change < 0) != (points < 0):
            raise OtherRequest(reference=reference, points=earlier.available_change)
        return LedgerReceipt(earlier.pk, points, wallet_session.available, is_new=False)
    wallet_session.require_member()
    said = {"reason": reason, "author": author}
    if points < 0:
        entry_id = wallet_session.take("adjust", cause, -points, into=State.CANCELLED, said=said)
    else:
        entry_id = _give(wallet_session, cause, points, said)
    return LedgerReceipt(entry_id, points, wallet_session.finish())


def _give(wallet_session: WalletSession, cause: str, points: int, said: dict[str, str]) -> UUID:
    """Give points that can be spent at once and live as those of the version in force do."""
    if points <= 0:
        raise NoPoints(asked=points)
    until = wallet_session.extend_inactivity()
    version = wallet_session.version
    lot = free_lot(points, version.of(RULES).policy(wallet_session.code).lifetime, version, wallet_session.now)
    return wallet_session.post("adjust", cause, (), {"points": points, **said}, lots=(lot,), keeps_until=until)
