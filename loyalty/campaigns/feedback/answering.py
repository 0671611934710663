"""The only way in for answers to invitations: each once, recorded as the interaction that it is, followed up where it is low."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.batches import Status
from customers.core.errors import DomainError, Kind
from customers.facts import InteractionFact
from customers.models import Customer, Retailer
from loyalty.activity.intake import take_interactions
from loyalty.campaigns.models import Answer, FollowUp, Invitation, Message, Survey
from loyalty.campaigns.rules.surveys import FOLLOW_UP_WITHIN, MAX_COMMENT, SCALES, is_low

# A question that is on no way to the customer is not asked: each of its messages was dropped, or refused.
LOST = (Message.State.DROPPED, Message.State.FAILED)


class AlreadyAnswered(DomainError):
    code = "already_answered"
    kind = Kind.CONFLICT
    message = gettext_lazy("You have answered this question on {day} already. An answer counts once.")


class SurveyIsOver(DomainError):
    code = "survey_is_over"
    kind = Kind.CONFLICT
    message = gettext_lazy("This question could be answered until {day}.")


class SurveyIsClosed(DomainError):
    code = "survey_is_closed"
    kind = Kind.CONFLICT
    message = gettext_lazy("This question is not asked any more.")


class InvalidScore(DomainError):
    code = "invalid_score"
    kind = Kind.INVALID
    message = gettext_lazy("Please choose a number from {lowest} to {highest}.")


class CommentTooLong(DomainError):
    code = "comment_too_long"
    kind = Kind.INVALID
    message = gettext_lazy("Please write at most {limit} characters.")


def question_of(survey: Survey, language: str) -> str:
    """Return what a survey asks, in a language."""
    own = survey.question_fr if language == Retailer.Language.FRENCH else ""
    if own or survey.question:
        return own or survey.question
    if survey.kind == Survey.Kind.NPS:
        return _("How likely are you to recommend %(retailer)s to a friend?") % {"retailer": survey.retailer.name}
    return _("How satisfied are you with %(retailer)s?") % {"retailer": survey.retailer.name}


def open_invitations(customer: Customer, *, now: datetime) -> QuerySet[Invitation]:
    """Return what a customer was asked, before a merge as well, and may still answer; the newest first."""
    ways = Message.objects.filter(entry=OuterRef("entry"), step=OuterRef("step"))
    rows = Invitation.objects.filter(Q(customer=customer) | Q(customer__merged_into=customer))
    rows = rows.filter(Exists(ways.exclude(state__in=LOST)), answer=None, survey__is_open=True, expires_at__gt=now)
    return rows.select_related("survey__retailer").order_by("-asked_at", "-pk")


def refusal_of(invitation: Invitation, *, now: datetime) -> DomainError | None:
    """Return why an invitation cannot be answered any more; None where it can."""
    answer = getattr(invitation, "answer", None)
    if answer is not None:
        return AlreadyAnswered(day=_day(answer.answered_at))
    if now >= invitation.expires_at:
        return SurveyIsOver(day=_day(invitation.expires_at))
    if not invitation.survey.is_open:
        return SurveyIsClosed()
    return None


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATE_FORMAT")


@transaction.atomic
def answer(invitation_id: UUID, score: int, comment: str, *, by: str, now: datetime) -> Answer:
    """
    Take an answer to an invitation. Its interaction has the invitation's id for a number, so that of two at once one wins.

    :param by: link or api
    :raises AlreadyAnswered: for the second one
    :raises SurveyIsOver: after its last day
    :raises SurveyIsClosed: where the retailer asks it no more
    :raises InvalidScore: for what is not on its scale
    :raises CommentTooLong: for more than it takes
    """
    invitation = Invitation.objects.select_related("survey", "retailer", "customer__merged_into", "answer").get(
        pk=invitation_id
    )
    if refusal := refusal_of(invitation, now=now):
        raise refusal
    survey, comment = invitation.survey, comment.replace("\r\n", "\n").replace("\0", "").strip()
    _require(survey, score, comment)
    interaction_id = _record(invitation, score, now)
    row = Answer.objects.create(
        retailer=invitation.retailer, invitation=invitation, interaction_id=interaction_id, score=score, comment=comment,
        by=by, answered_at=now,
    )  # fmt: skip
    if is_low(survey.kind, score):
        FollowUp.objects.create(retailer=invitation.retailer, answer=row, opened_at=now, due_at=now + FOLLOW_UP_WITHIN)
    return row


def _require(survey: Survey, score: int, comment: str) -> None:
    scale = SCALES[survey.kind]
    if score not in scale.scores:
        raise InvalidScore(lowest=scale.lowest, highest=scale.highest)
    if len(comment) > MAX_COMMENT:
        raise CommentTooLong(limit=MAX_COMMENT)


def _record(invitation: Invitation, score: int, now: datetime) -> UUID:
    customer = invitation.customer.merged_into or invitation.customer
    fact = InteractionFact(
        f"survey:{invitation.pk}", customer.external_id, invitation.survey.kind, now, channel="survey", score=score
    )
    (taken,) = take_interactions(invitation.retailer, [fact], now=now)
    if taken.outcome.status is not Status.CREATED:
        found = Answer.objects.filter(invitation=invitation).first()
        raise AlreadyAnswered(day=_day(found.answered_at if found else now))
    assert taken.outcome.id is not None, "what was recorded has an id"
    return taken.outcome.id


def answers_of(customer_ids: Sequence[UUID]) -> QuerySet[Answer]:
    """Return what customers answered, the newest first."""
    rows = Answer.objects.filter(invitation__customer__in=customer_ids)
    return rows.select_related("invitation__survey").order_by("-answered_at", "-pk")
