"""What members have: their progress, their awards, and their places on boards."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.badges.models.offer import Badge, Challenge
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program


class MemberProgress(models.Model):
    """What counts for a member in challenges and on boards whose windows are open, or ended a short while ago."""

    membership = models.OneToOneField(
        Membership, models.PROTECT, primary_key=True, related_name="badge_progress", verbose_name=_("member")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    state = models.JSONField(_("progress"), default=dict)

    class Meta:
        verbose_name = _("progress")
        verbose_name_plural = _("progress")

    def __str__(self) -> str:
        return str(self.membership)


class PastWindow(models.Model):
    """What counted for a member in a window that has ended: kept apart, for facts of it that come late or come back."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="past_windows", verbose_name=_("member")
    )
    name = models.CharField(_("of"), max_length=32, help_text=_("The key of the challenge or of the leaderboard."))
    window = models.CharField(_("window"), db_column="window_name", max_length=24)
    last_day = models.DateField(_("last day"))
    state = models.JSONField(_("progress"), default=list)

    class Meta:
        verbose_name = _("past window")
        verbose_name_plural = _("past windows")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "name", "window"], name="past_window_once_per_member"),
        ]

    def __str__(self) -> str:
        return self.window


class ChallengeAward(models.Model):
    """A member met a challenge: what it was given, why, and whether it was taken back."""

    class EndReason(models.TextChoices):
        RETURNED = "returned", _("what met it was returned")
        LEFT = "left", _("the member left the program")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="awards", verbose_name=_("member")
    )
    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="awards", verbose_name=_("challenge"))
    badge = models.ForeignKey(Badge, models.PROTECT, null=True, related_name="awards", verbose_name=_("badge"))
    name = models.CharField(max_length=32, editable=False, help_text=_("The key of the challenge."))
    badge_key = models.UUIDField(null=True, editable=False)
    window = models.CharField(_("window"), db_column="window_name", max_length=24, blank=True)
    number = models.PositiveIntegerField(_("number"), help_text=_("The how manieth it is of its window."))
    level = models.PositiveSmallIntegerField(_("level"), default=0)
    wallet = models.SlugField(_("wallet"), db_index=False)
    points = models.PositiveBigIntegerField(_("points"))
    comes_back = models.BooleanField(_("a return takes it back"))
    cause = models.CharField(_("cause"), max_length=100)
    occurred_at = models.DateTimeField(_("when"))
    recorded_at = models.DateTimeField(_("recorded"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    end_reason = models.CharField(_("why it ended"), max_length=10, choices=EndReason, blank=True)
    end_cause = models.CharField(_("cause of the end"), max_length=100, blank=True)
    missing = models.PositiveBigIntegerField(
        _("points missing"), default=0, help_text=_("That were to be taken back and were not there.")
    )
    # The award in whose lots lies what the badge gave, where that is another one, which is gone.
    badge_from = models.UUIDField(null=True, editable=False)

    class Meta:
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["membership", "name", "window", "number"],
                condition=models.Q(ended_at__isnull=True),
                name="award_once_per_window_and_number",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, end_reason="") | models.Q(ended_at__isnull=False)
                & ~models.Q(end_reason=""),
                name="award_that_ended_says_why",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["membership", "id"], name="award_of_member"),
            models.Index(fields=["program", "-occurred_at"], name="award_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge} · {self.number}"


class GivenBadge(models.Model):
    """
    A badge that staff gave a member, for no challenge: by whom, why, and whether it was taken away again.

    It is the member's while it is one: who left and joined again has none of those from before.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    membership = models.ForeignKey(Membership, models.PROTECT, related_name="given_badges", verbose_name=_("member"))
    badge = models.ForeignKey(Badge, models.PROTECT, related_name="given", verbose_name=_("badge"))
    badge_key = models.UUIDField(editable=False)
    given_at = models.DateTimeField(_("given"))
    given_by = models.CharField(_("given by"), max_length=150)
    reason = models.CharField(_("reason"), max_length=500)
    taken_at = models.DateTimeField(_("taken away"), null=True)
    taken_by = models.CharField(_("taken away by"), max_length=150, blank=True)
    taken_reason = models.CharField(_("why it was taken away"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("badge given by staff")
        verbose_name_plural = _("badges given by staff")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["membership", "badge_key"],
                condition=models.Q(taken_at__isnull=True),
                name="badge_given_by_staff_once",
            ),
            models.CheckConstraint(
                condition=models.Q(taken_at__isnull=False) | models.Q(taken_by=""), name="badge_taken_away_says_when"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["badge_key"], condition=models.Q(taken_at__isnull=True), name="badge_given_by_staff")
        ]

    def __str__(self) -> str:
        return f"{self.badge} · {self.membership}"


class Participation(models.Model):
    """A member takes part in a challenge that one joins, or on a leaderboard, there under a name of its own choice."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="participations", verbose_name=_("member")
    )
    name = models.CharField(
        max_length=32, editable=False, help_text=_("The key of the challenge or of the leaderboard.")
    )
    pseudonym = models.CharField(_("shown as"), max_length=30, blank=True)
    joined_at = models.DateTimeField(_("joined"))

    class Meta:
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "name"], name="participation_once_per_member"),
            models.UniqueConstraint(
                "name", Lower("pseudonym"), condition=~models.Q(pseudonym=""), name="pseudonym_once_on_a_board"
            ),
        ]

    def __str__(self) -> str:
        return self.pseudonym


class BoardScore(models.Model):
    """A member's score on a leaderboard, in one of its windows."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="scores", verbose_name=_("member")
    )
    name = models.CharField(max_length=32, editable=False, help_text=_("The key of the leaderboard."))
    window = models.CharField(_("window"), db_column="window_name", max_length=24, blank=True)
    score = models.BigIntegerField(pgettext_lazy("leaderboard", "score"))
    reached_at = models.DateTimeField(_("reached"), help_text=_("Since when it has this score."))

    class Meta:
        verbose_name = pgettext_lazy("leaderboard", "score")
        verbose_name_plural = pgettext_lazy("leaderboard", "scores")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "name", "window"], name="score_once_per_window"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["program", "name", "window", "-score", "reached_at", "membership"], name="score_by_rank"
            ),
        ]

    def __str__(self) -> str:
        return str(self.score)
