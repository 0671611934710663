"""Funnels that a retailer defines beside those that are shipped."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.paths.touchpoints import MAX_STEPS, MAX_WINDOW_DAYS, MIN_STEPS, SHIPPED, FunnelSteps, Touch
from analytics.paths.words import TOUCHES
from customers.models import Retailer

CHOICES = [(each.value, TOUCHES[each]) for each in Touch]


def not_shipped(code: str) -> None:
    """Refuse a code by which a shipped funnel is asked for."""
    if code in SHIPPED:
        raise ValidationError(
            _("“%(code)s” is a funnel that is always there: choose another code."), params={"code": code}
        )


class Funnel(models.Model):
    """What customers are to do one after the other, within a time."""

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="funnels", verbose_name=_("retailer")
    )
    code = models.SlugField(_("code"), validators=[not_shipped], help_text=_("By which systems ask for it."))
    name = models.CharField(_("name"), max_length=100)
    steps = ArrayField(models.CharField(max_length=20, choices=CHOICES), verbose_name=_("steps"))
    window_days = models.PositiveSmallIntegerField(
        _("window in days"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WINDOW_DAYS)],
        help_text=_("Of 24 hours, from the first step on; what comes as it ends is too late."),
    )

    class Meta:
        verbose_name = _("funnel")
        verbose_name_plural = _("funnels")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "code"], name="funnel_once_per_code"),
            models.CheckConstraint(condition=~models.Q(code__in=list(SHIPPED)), name="funnel_is_none_of_the_shipped"),
            models.CheckConstraint(
                condition=models.Q(steps__len__gte=MIN_STEPS, steps__len__lte=MAX_STEPS),
                name="funnel_has_two_to_eight_steps",
            ),
            models.CheckConstraint(
                condition=models.Q(steps__contained_by=[each.value for each in Touch]), name="funnel_has_known_steps"
            ),
            models.CheckConstraint(
                condition=models.Q(window_days__gte=1, window_days__lte=MAX_WINDOW_DAYS), name="funnel_window_has_a_day"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def definition(self) -> FunnelSteps:
        return FunnelSteps(tuple(Touch(each) for each in self.steps), self.window_days)
