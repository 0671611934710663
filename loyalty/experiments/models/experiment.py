from typing import ClassVar, Self

import pgtrigger
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.experiments.rules import MAX_MISSING_PERCENT, Design, Share
from loyalty.programs.models import Program

# Once it has started, an experiment may only be ended: what decided who is compared with whom stays what it was.
ONLY_ENDED = """
IF OLD.state = 'draft' AND NEW.state = 'running' AND (
    SELECT coalesce(sum(v.share_bp), 0) <> 10000 OR count(*) FILTER (WHERE v.is_control) <> 1
    FROM experiments_variant v WHERE v.experiment_id = NEW.id) THEN
    RAISE EXCEPTION 'pgtrigger: An experiment starts with one control, and with shares of 10000 in % table', TG_TABLE_NAME;
END IF;
IF OLD.state = 'draft' OR (
    OLD.state = 'running' AND NEW.state = 'ended'
    AND to_jsonb(NEW) - '{state,ended_at}'::text[] = to_jsonb(OLD) - '{state,ended_at}'::text[]) THEN
    RETURN NEW;
END IF;
RAISE EXCEPTION 'pgtrigger: Cannot change what an experiment that has started rests on in % table', TG_TABLE_NAME;
"""


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def running(self) -> Self:
        """Return those that have been started and that nobody ended."""
        return self.filter(state=Experiment.State.RUNNING)

    def in_layers(self) -> Self:
        """Return them in the order in which they assign: who an earlier one holds out is outside the later ones."""
        layers = Experiment.Layer.values
        whens = [models.When(layer=layer, then=models.Value(place)) for place, layer in enumerate(layers)]
        return self.alias(place=models.Case(*whens)).order_by("place", "created_at", "pk")


class Experiment(models.Model):
    """
    A division of customers by chance, of which one part is treated otherwise, so that the difference is an effect.

    A draft may be changed. Its plan is hashed before it starts; from then on only its end can be told.
    """

    class Layer(models.TextChoices):
        GLOBAL = "global", _("hold-out of everything")
        CAMPAIGN = "campaign", _("hold-out of one thing")
        VARIANT = "variant", _("variants")

    class Unit(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        HOUSEHOLD = "household", _("household")

    class Form(models.TextChoices):
        NOT_INVITED = "not_invited", _("not invited")
        NO_BENEFITS = "no_benefits", _("member without benefits")
        VARIANTS = "variants", _("variants of parts of a version")
        NEAR_MISS = "near_miss", _("near misses raised to a tier")

    class Metric(models.TextChoices):
        MARGIN = "margin", _("margin")
        REVENUE = "revenue", _("revenue")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        ENDED = "ended", _("ended")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="experiments", verbose_name=_("retailer")
    )
    program = models.ForeignKey(
        Program,
        models.PROTECT,
        related_name="experiments",
        null=True,
        blank=True,
        verbose_name=_("program"),
        help_text=_("Empty for a hold-out of all programs."),
    )
    code = models.SlugField(_("code"), help_text=_("By which parts of a version name it."))
    name = models.CharField(_("name"), max_length=200)
    layer = models.CharField(_("layer"), max_length=10, choices=Layer)
    within = models.ForeignKey(
        "self",
        models.PROTECT,
        related_name="variants_within",
        null=True,
        blank=True,
        verbose_name=_("within"),
        help_text=_("The hold-out of the same thing: who it holds out gets no variant."),
    )
    salt = models.CharField(
        _("salt"), max_length=100, help_text=_("Decides who is in which part: a new one each time.")
    )
    unit = models.CharField(_("unit"), max_length=10, choices=Unit, default=Unit.CUSTOMER)
    form = models.CharField(_("form"), max_length=12, choices=Form)
    metric = models.CharField(_("metric"), max_length=10, choices=Metric, default=Metric.MARGIN)
    window_days = models.PositiveSmallIntegerField(
        _("window in days"),
        default=56,
        validators=[MinValueValidator(1), MaxValueValidator(730)],
        help_text=_("For so long after the exposure the metric is added up."),
    )
    duration_days = models.PositiveSmallIntegerField(
        _("duration in days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3_660)],
        help_text=_("After which it ends by itself; empty for as long as nobody ends it."),
    )
    tier_key = models.UUIDField(
        _("tier"), null=True, blank=True, help_text=_("Its identity: to which a part of the near misses is raised.")
    )  # fmt: skip
    missing_percent = models.PositiveSmallIntegerField(
        _("may lack in percent"), null=True, blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_MISSING_PERCENT)],
        help_text=_("Of what the tier asks for, how much a near miss lacks at most."),
    )  # fmt: skip
    detectable = models.JSONField(_("detectable effect"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    plan = models.JSONField(_("frozen plan"), default=dict, editable=False)
    plan_hash = models.CharField(_("plan's digest"), max_length=64, blank=True, editable=False)
    planned_at = models.DateTimeField(_("planned"), null=True, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.DRAFT, editable=False)
    starts_at = models.DateTimeField(_("starts"), null=True, editable=False)
    ends_at = models.DateTimeField(_("ends by itself"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"))

    objects: ClassVar[ExperimentQuerySet] = ExperimentQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "code"], name="experiment_once_per_code"),
            models.UniqueConstraint(fields=["retailer", "salt"], name="experiment_once_per_salt"),
            models.CheckConstraint(condition=~models.Q(salt=""), name="experiment_has_a_salt"),
            models.CheckConstraint(
                condition=models.Q(layer="global") | models.Q(program__isnull=False), name="experiment_has_a_program"
            ),
            models.CheckConstraint(
                condition=models.Q(layer="variant", form__in=["variants", "near_miss"])
                | (~models.Q(layer="variant") & ~models.Q(form__in=["variants", "near_miss"])),
                name="experiment_has_the_form_of_its_layer",
            ),
            models.CheckConstraint(
                condition=models.Q(within__isnull=True) | models.Q(layer="variant"),
                name="experiment_within_has_variants",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    form="near_miss", tier_key__isnull=False, missing_percent__range=(1, MAX_MISSING_PERCENT)
                )
                | (~models.Q(form="near_miss") & models.Q(tier_key__isnull=True, missing_percent__isnull=True)),
                name="near_miss_names_its_tier",
            ),
            models.CheckConstraint(condition=models.Q(window_days__gte=1), name="experiment_window_has_a_day"),
            models.CheckConstraint(
                condition=models.Q(plan_hash="", planned_at__isnull=True)
                | (~models.Q(plan_hash="") & models.Q(planned_at__isnull=False)),
                name="experiment_plan_has_an_instant",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft", starts_at__isnull=True, ended_at__isnull=True)
                | models.Q(state="running", starts_at__isnull=False, ended_at__isnull=True)
                | models.Q(state="ended", starts_at__isnull=False, ended_at__isnull=False),
                name="experiment_state_has_its_instants",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | ~models.Q(plan_hash=""), name="experiment_starts_with_a_plan"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=models.F("starts_at")),
                name="experiment_ends_after_it_starts",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer"], condition=models.Q(state="running"), name="experiment_running"),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="started_experiments_are_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=ONLY_ENDED,
            ),
            pgtrigger.Protect(
                name="started_experiments_stay",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__state__in=["running", "ended"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    def design(self) -> Design:
        """Return how it divides customers."""
        return Design(
            self.code,
            self.program.slug if self.program else "",
            self.layer,
            self.salt,
            self.unit,
            self.form,
            self.metric,
            self.window_days,
            tuple(Share(each.code, each.share_bp, each.is_control) for each in self.variants.in_order()),
            self.within.code if self.within else "",
            self.duration_days,
            str(self.tier_key) if self.tier_key else "",
            self.missing_percent,
        )
