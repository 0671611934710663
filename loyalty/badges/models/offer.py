"""What a version promises: badges, challenges and leaderboards."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.core.languages import own_text, said_text
from customers.models import Interaction
from loyalty.badges.models.fields import BadgeLevelsField, GoalsField, LevelsField, PrizesField, metric_choices
from loyalty.badges.rules import BadgeKind, Metric
from loyalty.badges.windows import Window
from loyalty.experiments.fields import ArmsField
from loyalty.points.models.policy import ConditionField
from loyalty.programs.fields import codes_field
from loyalty.programs.models import ProgramVersion, frozen_with_version
from loyalty.programs.spans import WithinCalendars

MAX_ROLLING_DAYS = 366
KEPT_DAYS = 45  # so long after its end a window is read with its member


class WindowKind(models.TextChoices):
    FIXED = Window.FIXED.value, _("from a day through a day")
    WEEK = Window.WEEK.value, _("each week from Monday")
    MONTH = Window.MONTH.value, _("each month")
    QUARTER = Window.QUARTER.value, _("each quarter")
    YEAR = Window.YEAR.value, _("each year")
    ROLLING = Window.ROLLING.value, _("the last days")
    MEMBERSHIP = Window.MEMBERSHIP.value, _("since joining")


def _image() -> models.CharField[Any, Any]:
    return models.CharField(
        _("image"),
        max_length=300,
        blank=True,
        validators=[RegexValidator(r"^(https?://[^\s\"'<>]+|[-\w.]+|images/[0-9]+/[0-9a-f]{32}\.webp)$")],
        help_text=_("Its address, the name of one that was uploaded, or the name by which your own pages know it."),
    )


class Badge(models.Model):
    """A badge of a version: what a challenge gives besides points."""

    class Kind(models.TextChoices):
        ONCE = BadgeKind.ONCE.value, _("once")
        REPEATABLE = BadgeKind.REPEATABLE.value, _("again and again")
        LEVELLED = BadgeKind.LEVELLED.value, _("in levels")

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="badges", verbose_name=_("version")
    )
    key = models.UUIDField(default=new_id, editable=False, help_text=_("Its identity from version to version."))
    code = models.SlugField(_("code"), help_text=_("May be renamed: members keep the badge."))
    place = models.PositiveSmallIntegerField(_("place"), default=0, help_text=_("Among the badges, from 0."))
    name = models.CharField(_("name"), max_length=100)
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    description = models.TextField(_("description"), blank=True)
    description_fr = models.TextField(_("description in French"), blank=True)
    image = _image()
    kind = models.CharField(_("given"), max_length=10, choices=Kind, default=Kind.ONCE)
    levels = BadgeLevelsField(
        _("levels"),
        help_text=_('Of a badge in levels: how many times each takes, such as [{"times": 3, "name": "Silver"}].'),
    )
    points = models.PositiveIntegerField(
        _("points"), default=0, help_text=_("That it gives each time, or with each level.")
    )
    takes_back = models.BooleanField(
        _("a return takes it back"),
        default=True,
        help_text=_("With its challenge’s points, when what met the challenge is returned."),
    )

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="badge_once_per_code"),
            models.UniqueConstraint(fields=["version", "key"], name="badge_once_per_key"),
            models.CheckConstraint(
                condition=~models.Q(kind="levelled") | ~models.Q(levels=[]),
                name="badge_in_levels_has_levels",
                violation_error_message=_("A badge in levels says how many times each level takes."),
            ),
        ]
        triggers: ClassVar = frozen_with_version("badges")

    def __str__(self) -> str:
        return own_text(self, "name")

    def level_name(self, level: int) -> str:
        """Return what a level is called in the reader's language; empty for none."""
        if not level or level > len(self.levels):
            return ""
        said = self.levels[level - 1]
        return said_text(said, "name")


class Counted(WithinCalendars):
    """What a challenge and a board have in common: what is counted of whom, and over which time."""

    key = models.UUIDField(default=new_id, editable=False, help_text=_("Its identity from version to version."))
    code = models.SlugField(_("code"), help_text=_("May be renamed: members keep their progress."))
    place = models.PositiveSmallIntegerField(_("place"), default=0, help_text=_("As members see them, from 0."))
    name = models.CharField(_("name"), max_length=100)
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    description = models.TextField(_("description"), blank=True)
    description_fr = models.TextField(_("description in French"), blank=True)
    image = _image()
    metric = models.CharField(_("counts"), max_length=12, choices=metric_choices(), default=Metric.COUNT.value)
    interaction = models.CharField(
        _("interaction"),
        max_length=20,
        choices=Interaction.Kind,
        blank=True,
        help_text=_("The kind that counts; empty for orders."),
    )
    condition = ConditionField(
        _("condition"),
        default=dict,
        blank=True,
        help_text=_("Which lines of which orders count; empty for all."),
    )
    window = models.CharField(_("over"), max_length=10, choices=WindowKind, default=WindowKind.MEMBERSHIP)
    window_days = models.PositiveSmallIntegerField(
        _("days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(MAX_ROLLING_DAYS)],
        help_text=_("Of a window of the last days."),
    )  # fmt: skip
    first_day = models.DateField(_("from the day"), null=True, blank=True)
    last_day = models.DateField(_("through the day"), null=True, blank=True)
    tiers = codes_field(
        _("only for tiers"), _("Their codes; empty for everybody. The tier of the order’s day decides.")
    )
    plans = codes_field(_("only for plans"), _("Their codes; empty for everybody."))
    arms = ArmsField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return own_text(self, "name")


def _of_counted(what: str) -> Iterable[models.BaseConstraint]:
    yield models.UniqueConstraint(fields=["version", "code"], name=f"{what}_once_per_code")
    yield models.UniqueConstraint(fields=["version", "key"], name=f"{what}_once_per_key")
    yield models.CheckConstraint(
        condition=~models.Q(window="fixed") | models.Q(first_day__isnull=False) | models.Q(last_day__isnull=False),
        name=f"{what}_of_fixed_days_names_one",
        violation_error_message=_("A window from a day through a day names one of them, or both."),
    )
    yield models.CheckConstraint(
        condition=models.Q(first_day__isnull=True) | models.Q(last_day__isnull=True)
        | models.Q(first_day__lte=models.F("last_day")),
        name=f"{what}_begins_before_it_ends",
        violation_error_message=_("It ends before it begins. Swap its days."),
    )  # fmt: skip
    yield models.CheckConstraint(
        condition=models.Q(interaction="") | ~models.Q(metric__in=["spend", "categories", "brands", "stores"]),
        name=f"{what}_of_interactions_counts_them",
        violation_error_message=_("Interactions have no amount, no category, no brand and no store to count."),
    )


class Challenge(Counted):
    """A goal over a time, and what who meets it is given: points, a badge, or both."""

    class Combination(models.TextChoices):
        ALL = "all", _("all of them")
        ANY = "any", _("any of them")

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="challenges", verbose_name=_("version")
    )
    target = models.DecimalField(
        _("target"), max_digits=14, decimal_places=4, default=1, validators=[MinValueValidator(0)],
        help_text=_("How much of what is counted."),
    )  # fmt: skip
    further = GoalsField(
        _("further goals"),
        help_text=_('Such as [{"metric": "stores", "target": 3}], each with a condition of its own.'),
    )
    combination = models.CharField(
        _("asks for"),
        max_length=3,
        choices=Combination,
        default=Combination.ALL,
        help_text=_("Where it has further goals."),
    )
    levels = LevelsField(
        _("levels"),
        help_text=_(
            'Of a challenge with one goal, such as [{"target": 3, "points": 10}, {"target": 10, "points": 50}].'
        ),
    )
    repeats = models.BooleanField(
        _("again and again"), default=False, help_text=_("Within one window, each time that the target is met anew.")
    )
    segments = codes_field(_("only for segments"), _("Their names; empty for everybody."))
    opt_in = models.BooleanField(
        _("members join it"), default=False, help_text=_("What they do counts from then on; else it counts by itself.")
    )
    points = models.PositiveIntegerField(_("points"), default=0, help_text=_("Of one without levels."))
    wallet = models.SlugField(_("wallet"), default="points", help_text=_("Where the points go."))
    badge = models.SlugField(
        _("badge"), blank=True, help_text=_("The code of the badge that it gives; empty for none.")
    )
    takes_back = models.BooleanField(
        _("a return takes it back"),
        default=True,
        help_text=_("Of a challenge without a badge; where it gives one, the badge says."),
    )

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        constraints: ClassVar = [
            *_of_counted("challenge"),
            models.CheckConstraint(
                condition=~models.Q(window="rolling") | ~models.Q(metric__in=["day_streak", "week_streak"]),
                name="challenge_of_last_days_has_no_streak",
                violation_error_message=_(
                    "What follows in a row is counted since joining, or within fixed days, not the last days."
                ),
            ),
            models.CheckConstraint(condition=models.Q(target__gt=0), name="challenge_asks_for_something"),
            models.CheckConstraint(
                condition=models.Q(levels=[]) | models.Q(further=[], repeats=False),
                name="challenge_in_levels_has_one_goal",
                violation_error_message=_("A challenge in levels has one goal, and is not repeated within its window."),
            ),
        ]
        triggers: ClassVar = frozen_with_version("challenges")


class Board(Counted):
    """A leaderboard: who of those that take part has most of what is counted."""

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="boards", verbose_name=_("version")
    )
    prizes = PrizesField(
        _("prizes"),
        help_text=_(
            'Of a contest: points by rank when a window has ended, such as [{"rank": 1, "through": 3, "points": 500}].'
        ),
    )
    settle_days = models.PositiveSmallIntegerField(
        _("days until prizes"), default=0, validators=[MaxValueValidator(KEPT_DAYS)],
        help_text=_("After the window’s last day, for what is told late and what comes back."),
    )  # fmt: skip
    wallet = models.SlugField(_("wallet"), default="points", help_text=_("Where prizes go."))

    class Meta:
        verbose_name = _("leaderboard")
        verbose_name_plural = _("leaderboards")
        constraints: ClassVar = [
            *_of_counted("board"),
            models.CheckConstraint(
                condition=~models.Q(window="rolling"),
                name="board_is_not_of_last_days",
                violation_error_message=_("A leaderboard has a beginning and an end, or neither: not the last days."),
            ),
            models.CheckConstraint(
                condition=models.Q(prizes=[])
                | ~models.Q(window="membership") & ~models.Q(window="fixed", last_day=None),
                name="board_with_prizes_has_an_end",
                violation_error_message=_("A contest has an end: choose a window that ends, and its last day."),
            ),
        ]
        triggers: ClassVar = frozen_with_version("boards")
