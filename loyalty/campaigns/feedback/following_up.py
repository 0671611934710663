"""The queue of low scores: each is taken by somebody, and closed with a note of what was done."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.campaigns.models import FollowUp


class FollowUpIsClosed(DomainError):
    code = "follow_up_is_closed"
    kind = Kind.CONFLICT
    message = _("{who} has closed this already.")


class NoNote(DomainError):
    code = "note_missing"
    kind = Kind.INVALID
    message = _("Please write what was done.")


@transaction.atomic
def take(follow_up: FollowUp, *, by: str, now: datetime) -> str:
    """
    Note that somebody takes care of a low score, whoever had it before.

    :returns: who had it; empty for nobody
    :raises FollowUpIsClosed: when somebody has closed it
    """
    row = _locked(follow_up)
    before = row.taken_by
    row.state, row.taken_by, row.taken_at = FollowUp.State.TAKEN, by, now
    row.save(update_fields=["state", "taken_by", "taken_at"])
    return before


@transaction.atomic
def close(follow_up: FollowUp, note: str, *, by: str, now: datetime) -> None:
    """
    Close a low score with a note of what was done.

    :raises NoNote: without one
    :raises FollowUpIsClosed: when somebody has closed it
    """
    if not note.strip():
        raise NoNote
    row = _locked(follow_up)
    row.state, row.closed_by, row.closed_at, row.note = FollowUp.State.CLOSED, by, now, note.strip()
    row.save(update_fields=["state", "closed_by", "closed_at", "note"])


def _locked(follow_up: FollowUp) -> FollowUp:
    row = FollowUp.objects.select_for_update(no_key=True).get(pk=follow_up.pk)
    if row.state == FollowUp.State.CLOSED:
        raise FollowUpIsClosed(who=row.closed_by)
    return row
