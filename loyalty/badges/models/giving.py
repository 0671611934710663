"""What is given besides challenges: surprises drawn by lot, and prizes of contests."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.languages import own_text
from customers.models import Retailer
from loyalty.badges.models.offer import Board
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program

MAX_BUDGET = 1_000_000_000


class Surprise(models.Model):
    """
    Points for members who did nothing for them: drawn by lot among candidates, within a budget, or for all of some.

    The draw is made once. Whoever knows the seed and the members' numbers finds the same lots.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("not drawn yet")
        DRAWN = "drawn", _("drawn; gifts are on their way")
        GIVEN = "given", _("given")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(
        Program, models.PROTECT, db_index=False, related_name="surprises", verbose_name=_("program")
    )
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=100, help_text=_("As members read it."))
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    seed = models.BigIntegerField(
        _("seed"), default=1, help_text=_("Any number: with the same one the same are drawn.")
    )
    wallet = models.SlugField(_("wallet"), default="points")
    points = models.PositiveIntegerField(_("points of a gift"), validators=[MinValueValidator(1)])
    budget = models.PositiveIntegerField(_("budget in points"), validators=[MinValueValidator(1)])
    tiers = ArrayField(
        models.SlugField(max_length=50), verbose_name=_("only for tiers"), default=list, blank=True,
        help_text=_("Their codes; empty for everybody."),
    )  # fmt: skip
    segments = ArrayField(
        models.SlugField(max_length=50), verbose_name=_("only for segments"), default=list, blank=True,
        help_text=_("Their names; empty for everybody."),
    )  # fmt: skip
    bought_within_days = models.PositiveSmallIntegerField(
        _("bought within days"), null=True, blank=True, help_text=_("Only who did; empty for everybody.")
    )
    members = ArrayField(
        models.CharField(max_length=30), verbose_name=_("only these members"), default=list, blank=True,
        help_text=_("Their numbers, with commas between; empty for all members."),
    )  # fmt: skip
    status = models.CharField(_("status"), max_length=5, choices=Status, default=Status.DRAFT, editable=False)
    candidates = models.PositiveIntegerField(_("candidates"), default=0, editable=False)
    drawn_at = models.DateTimeField(_("drawn"), null=True, editable=False)
    drawn_by = models.CharField(_("drawn by"), max_length=150, blank=True, editable=False)

    class Meta:
        verbose_name = _("surprise")
        verbose_name_plural = _("surprises")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "code"], name="surprise_once_per_code"),
            models.CheckConstraint(
                condition=models.Q(points__gte=1, budget__gte=models.F("points"), budget__lte=MAX_BUDGET),
                name="surprise_budget_pays_a_gift",
                violation_error_message=_("The budget pays one gift at least."),
            ),
            models.CheckConstraint(
                condition=models.Q(status="draft", drawn_at__isnull=True)
                | (~models.Q(status="draft") & models.Q(drawn_at__isnull=False)),
                name="surprise_drawn_has_an_instant",
            ),
        ]

    def __str__(self) -> str:
        return own_text(self, "name")

    @property
    def gifts(self) -> int:
        """How many gifts the budget pays."""
        return self.budget // self.points


class SurpriseTicket(models.Model):
    """A candidate of a draw: its lot, its place among all of them, whether it was drawn, and what became of its gift."""

    class Missed(models.TextChoices):
        LEFT = "left", _("had left by then")
        WITHHELD = "withheld", _("was held out of benefits by then")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    surprise = models.ForeignKey(
        Surprise, models.PROTECT, db_index=False, related_name="tickets", verbose_name=_("surprise")
    )
    membership = models.ForeignKey(Membership, models.PROTECT, related_name="+", verbose_name=_("member"))
    number = models.CharField(_("member’s number"), max_length=30, help_text=_("At the time of the draw."))
    lot = models.CharField(_("lot"), max_length=64)
    place = models.PositiveIntegerField(_("place"))
    is_drawn = models.BooleanField(_("drawn"))
    given_at = models.DateTimeField(_("given"), null=True)
    missed_at = models.DateTimeField(_("not given"), null=True, help_text=_("When it was to be given, and was not."))
    missed_because = models.CharField(
        _("why it was not given"), max_length=8, choices=Missed, blank=True, db_default=""
    )

    class Meta:
        verbose_name = _("lot of a surprise")
        verbose_name_plural = _("lots of surprises")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["surprise", "membership"], name="lot_once_per_member"),
            models.UniqueConstraint(fields=["surprise", "place"], name="lot_once_per_place"),
            models.CheckConstraint(
                condition=models.Q(given_at__isnull=True) | models.Q(is_drawn=True), name="lot_given_was_drawn"
            ),
            models.CheckConstraint(
                condition=models.Q(missed_at__isnull=True, missed_because="")
                | models.Q(missed_at__isnull=False, is_drawn=True, given_at__isnull=True)
                & ~models.Q(missed_because=""),
                name="lot_missed_was_drawn_and_says_why",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["surprise", "place"],
                condition=models.Q(is_drawn=True, given_at__isnull=True, missed_at__isnull=True),
                name="lot_to_be_given",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.surprise} · {self.place}"


class ContestFinish(models.Model):
    """That a contest's window was finished: from then on its prizes stay what they are."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    board = models.ForeignKey(Board, models.PROTECT, related_name="finishes", verbose_name=_("leaderboard"))
    name = models.CharField(max_length=32, editable=False, help_text=_("The key of the leaderboard."))
    window = models.CharField(_("window"), db_column="window_name", max_length=24, blank=True)
    members = models.PositiveIntegerField(_("members"), help_text=_("Who had a score."))
    finished_at = models.DateTimeField(_("finished"))

    class Meta:
        verbose_name = _("finished contest")
        verbose_name_plural = _("finished contests")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "name", "window"], name="contest_finished_once"),
        ]
        triggers: ClassVar = append_only("contest_finishes")

    def __str__(self) -> str:
        return f"{self.board} · {self.window}"


class ContestPrize(models.Model):
    """What a member won: its rank and its score when the contest was finished, and the points for it."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    finish = models.ForeignKey(
        ContestFinish, models.PROTECT, db_index=False, related_name="prizes", verbose_name=_("contest")
    )
    membership = models.ForeignKey(Membership, models.PROTECT, related_name="prizes", verbose_name=_("member"))
    rank = models.PositiveIntegerField(_("rank"))
    score = models.BigIntegerField(_("score"))
    reached_at = models.DateTimeField(_("reached"))
    points = models.PositiveIntegerField(_("points"))

    class Meta:
        verbose_name = _("prize")
        verbose_name_plural = _("prizes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["finish", "membership"], name="prize_once_per_member"),
        ]
        indexes: ClassVar = [models.Index(fields=["finish", "rank"], name="prize_by_rank")]
        triggers: ClassVar = append_only("contest_prizes")

    def __str__(self) -> str:
        return f"{self.finish} · {self.rank}"
