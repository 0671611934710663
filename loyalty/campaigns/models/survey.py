from typing import ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.models import Customer, Interaction, Retailer
from loyalty.campaigns.models.entry import Entry
from loyalty.campaigns.rules.surveys import MAX_COMMENT, SCALES

MAX_SCORE = max(scale.highest for scale in SCALES.values())


class Survey(models.Model):
    """One question with a score for an answer, and how often a customer may be asked it."""

    class Kind(models.TextChoices):
        NPS = "nps", _("would recommend us (NPS, 0 to 10)")
        CSAT = "csat", _("is satisfied (CSAT, 1 to 5)")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="surveys", verbose_name=_("retailer")
    )
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind)
    question = models.CharField(
        _("question"), max_length=300, blank=True, help_text=_("Empty for the usual one of its kind.")
    )
    question_fr = models.CharField(_("question in French"), max_length=300, blank=True)
    is_open = models.BooleanField(_("asks"), default=True, help_text=_("Else nobody is invited, and nobody answers."))
    again_after_days = models.PositiveSmallIntegerField(
        _("the same customer again after days"), default=91, validators=[MinValueValidator(1), MaxValueValidator(730)]
    )
    after_any_days = models.PositiveSmallIntegerField(
        _("after any other survey, days"), default=7, validators=[MaxValueValidator(730)],
        help_text=_("Since a customer was asked anything else; 0 where that does not matter."),
    )  # fmt: skip
    answer_within_days = models.PositiveSmallIntegerField(
        _("answers within days"), default=14, validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("Then the link answers nothing any more."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "code"], name="survey_once_per_code"),
            models.CheckConstraint(
                condition=models.Q(question_fr="") | ~models.Q(question=""),
                name="survey_in_french_is_one_in_english",
                violation_error_message=_("Write your own question in English as well."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code


class Invitation(models.Model):
    """That a customer was asked: by a step of a campaign, once, with a link that answers until it expires."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    survey = models.ForeignKey(
        Survey, models.PROTECT, related_name="invitations", db_index=False, verbose_name=_("survey")
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="survey_invitations", db_index=False, verbose_name=_("customer")
    )
    entry = models.ForeignKey(
        Entry, models.PROTECT, db_index=False, related_name="invitations", verbose_name=_("entry")
    )
    # The id of the step, and not its place: who is moved to another version comes to other steps at the same places.
    step = models.PositiveBigIntegerField(_("step"))
    asked_at = models.DateTimeField(_("asked"))
    expires_at = models.DateTimeField(_("answers until"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "step"], name="invitation_once_per_step"),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("asked_at")), name="invitation_can_be_answered"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "asked_at"], name="invitation_by_customer"),
            models.Index(fields=["survey", "asked_at"], name="invitation_by_survey"),
        ]

    def __str__(self) -> str:
        return f"{self.survey} · {self.asked_at:%Y-%m-%d}"


class AnswerQuerySet(models.QuerySet["Answer"]):
    def with_words(self) -> Self:
        """Return those with a comment."""
        return self.exclude(comment="")

    def with_later(self) -> Self:
        """Return them with whether another one counts instead: `is_replaced`."""
        later = Answer.objects.filter(invitation=models.OuterRef("invitation"), number__gt=models.OuterRef("number"))
        return self.annotate(is_replaced=models.Exists(later))


class Answer(models.Model):
    """
    What a customer answered to an invitation, and what it said instead later: the last one counts, and none is lost.

    The score that counts is an interaction as well, as reported ones are. Erasure alone takes the comment out.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    invitation = models.ForeignKey(
        Invitation, models.PROTECT, related_name="answers", db_index=False, verbose_name=_("invitation")
    )
    number = models.PositiveSmallIntegerField(
        _("answer number"), default=1, db_default=1, help_text=_("Of its invitation: the highest one counts.")
    )
    interaction = models.ForeignKey(Interaction, models.PROTECT, related_name="+", verbose_name=_("interaction"))
    score = models.PositiveSmallIntegerField(_("score"))
    comment = models.TextField(_("comment"), max_length=MAX_COMMENT, blank=True)
    by = models.CharField(_("by"), max_length=4, choices=[("link", _("the link")), ("api", _("the API"))])
    answered_at = models.DateTimeField(_("answered"))

    objects: ClassVar[AnswerQuerySet] = AnswerQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("answer to a survey")
        verbose_name_plural = _("answers to surveys")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(score__lte=MAX_SCORE), name="answer_is_on_a_scale"),
            models.UniqueConstraint(fields=["invitation", "number"], name="answer_once_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer", "answered_at"], name="answer_by_time"),
        ]
        triggers: ClassVar = append_only("answers")

    def __str__(self) -> str:
        return f"{self.invitation.survey}: {self.score}"


class FollowUp(models.Model):
    """That somebody of the staff is to speak with a customer who gave a low score: open, taken, closed with a note."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        TAKEN = "taken", _("taken on")
        CLOSED = "closed", _("closed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    answer = models.OneToOneField(Answer, models.PROTECT, related_name="follow_up", verbose_name=_("answer"))
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(_("opened"))
    due_at = models.DateTimeField(_("due"), help_text=_("A day after the answer."))
    taken_by = models.CharField(_("taken by"), max_length=150, blank=True)
    taken_at = models.DateTimeField(_("taken at"), null=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    note = models.TextField(_("what was done"), max_length=MAX_COMMENT, blank=True)

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state="open", taken_by="", taken_at=None, closed_by="", closed_at=None)
                | (
                    models.Q(state="taken", taken_at__isnull=False, closed_by="", closed_at=None)
                    & ~models.Q(taken_by="")
                )
                | (models.Q(state="closed", closed_at__isnull=False) & ~models.Q(closed_by="")),
                name="follow_up_says_who_has_it",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer", "due_at"], condition=~models.Q(state="closed"), name="follow_up_to_do"),
        ]

    def __str__(self) -> str:
        return str(self.answer)
