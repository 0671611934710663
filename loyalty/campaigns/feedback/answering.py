"""
The only way in for answers to invitations, each recorded as the interaction that it is, and followed up where it is low.

Who answers again before its last day says it instead: the last answer counts, in the figures and for whoever follows it up.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.batches import Status
from customers.core.calendar import local_date, zone_of
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.facts import InteractionFact
from customers.models import Customer, Retailer
from customers.recording import rescore
from loyalty.activity.intake import take_interactions
from loyalty.campaigns.models import Answer, FollowUp, Invitation, Message, Recipient, Survey
from loyalty.campaigns.reaching.preferences import lock_present
from loyalty.campaigns.rules.surveys import FOLLOW_UP_WITHIN, MAX_ANSWERS, MAX_COMMENT, SCALES, is_low

# A question that is on no way to the customer is not asked: each of its messages was dropped, or refused.
LOST = (Message.State.DROPPED, Message.State.FAILED)


class ChangedTooOften(DomainError):
    code = "changed_too_often"
    kind = Kind.CONFLICT
    message = gettext_lazy("You have changed this answer {limit} times. The last one counts.")


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
    rows = Invitation.objects.filter(customer__in=Customer.objects.of_person(customer))
    rows = rows.filter(Exists(ways.exclude(state__in=LOST)), answers=None, survey__is_open=True, expires_at__gt=now)
    return rows.select_related("survey__retailer").order_by("-asked_at", "-pk")


def refusal_of(invitation: Invitation, *, now: datetime) -> DomainError | None:
    """Return why an invitation cannot be answered, or its answer changed, any more; None where it can."""
    if now >= invitation.expires_at:
        return SurveyIsOver(day=date_format(_last_day(invitation), "DATE_FORMAT"))
    if not invitation.survey.is_open:
        return SurveyIsClosed()
    return None


def _last_day(invitation: Invitation) -> date:
    """Return the last day on which an invitation could be answered, by the clock of whom it asked."""
    recipient = Recipient.objects.filter(customer=invitation.customer_id).only("zone").first()
    zone = zone_of(recipient.zone if recipient else "", invitation.entry.campaign.program.tzinfo)
    return local_date(invitation.expires_at - timedelta(microseconds=1), zone)


def last_answer(invitation: Invitation) -> Answer | None:
    """Return the answer to an invitation that counts; None where there is none."""
    return invitation.answers.order_by("-number").first()


@transaction.atomic
def answer(invitation_id: UUID, score: int, comment: str, *, by: str, now: datetime) -> Answer:
    """
    Take an answer to an invitation, instead of the one that was given before; the same again changes nothing.

    :param by: link or api
    :returns: the answer that counts now
    :raises SurveyIsOver: after its last day
    :raises SurveyIsClosed: where the retailer asks it no more
    :raises InvalidScore: for what is not on its scale
    :raises CommentTooLong: for more than it takes
    :raises ChangedTooOften: for more changes than anybody makes
    :raises PersonErased: where the customer was erased meanwhile
    """
    invitation = _locked(invitation_id)
    lock_present(invitation.customer.merged_into or invitation.customer)
    if refusal := refusal_of(invitation, now=now):
        raise refusal
    comment = comment.replace("\r\n", "\n").replace("\0", "").strip()
    _require(invitation.survey, score, comment)
    before = last_answer(invitation)
    if before is not None and (before.score, before.comment) == (score, comment):
        return before
    if before is not None and before.number >= MAX_ANSWERS:
        raise ChangedTooOften(limit=MAX_ANSWERS)
    interaction_id = _record(invitation, score, now) if before is None else _rescore(before, score)
    row = Answer.objects.create(
        retailer=invitation.retailer, invitation=invitation, number=1 if before is None else before.number + 1,
        interaction_id=interaction_id, score=score, comment=comment, by=by, answered_at=now,
    )  # fmt: skip
    _follow_up(row, now)
    return row


def _locked(invitation_id: UUID) -> Invitation:
    """Return an invitation whose answers come one after the other."""
    rows = Invitation.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("survey", "retailer", "customer__merged_into").get(pk=invitation_id)


def _require(survey: Survey, score: int, comment: str) -> None:
    scale = SCALES[survey.kind]
    if score not in scale.scores:
        raise InvalidScore(lowest=scale.lowest, highest=scale.highest)
    if len(comment) > MAX_COMMENT:
        raise CommentTooLong(limit=MAX_COMMENT)


def _record(invitation: Invitation, score: int, now: datetime) -> UUID:
    """Record an answer as an interaction, by a number of its own: one that a retailer gave to something else is left to it."""
    customer = invitation.customer.merged_into or invitation.customer
    for number in (f"survey:{invitation.pk}", f"survey:{new_id()}"):
        fact = InteractionFact(number, customer.external_id, invitation.survey.kind, now, channel="survey", score=score)
        (taken,) = take_interactions(invitation.retailer, [fact], now=now)
        if taken.outcome.status is Status.CREATED:
            break
    assert taken.outcome.id is not None, "a new number is free"
    return taken.outcome.id


def _rescore(before: Answer, score: int) -> UUID:
    """Let the interaction of an answer have the score that counts now: it is one, and earns once, however often it is changed."""
    rescore(before.interaction, score)
    return before.interaction_id


def _follow_up(row: Answer, now: datetime) -> None:
    """Let whoever speaks with the customer read what it says now; else open it where the score is low."""
    todo = FollowUp.objects.filter(answer__invitation=row.invitation_id).exclude(state=FollowUp.State.CLOSED)
    if not todo.update(answer=row) and is_low(row.invitation.survey.kind, row.score):
        FollowUp.objects.create(retailer=row.retailer, answer=row, opened_at=now, due_at=now + FOLLOW_UP_WITHIN)


def answers_of(customer_ids: Sequence[UUID]) -> QuerySet[Answer]:
    """Return what customers answered, the newest first."""
    rows = Answer.objects.filter(invitation__customer__in=customer_ids)
    return rows.select_related("invitation__survey").order_by("-answered_at", "-pk")
