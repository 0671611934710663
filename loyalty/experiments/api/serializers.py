"""Experiments as the API takes and says them."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from customers.api.fields import InstantField
from customers.api.strict import Strict
from loyalty.experiments.models import Experiment, ExperimentEvent
from loyalty.experiments.rules import BUCKETS, MAX_MISSING_PERCENT, MAX_VARIANTS


class VariantIn(Strict):
    code = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    share_bp = serializers.IntegerField(min_value=1, max_value=BUCKETS, help_text="Of 10,000; all together are 10,000.")
    is_control = serializers.BooleanField(
        required=False,
        default=False,
        help_text="With which the others are compared; in a hold-out, those who are held out.",
    )


class ExperimentIn(Strict):
    code = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=200)
    program = serializers.SlugField(allow_null=True, required=False, default=None, help_text="Null for all programs.")
    layer = serializers.ChoiceField(choices=Experiment.Layer.choices)
    form = serializers.ChoiceField(choices=Experiment.Form.choices)
    within = serializers.SlugField(required=False, default="", allow_blank=True, help_text="The code of a hold-out.")
    salt = serializers.CharField(
        max_length=100,
        required=False,
        default="",
        allow_blank=True,
        help_text="Never used before; a new one if left out.",
    )
    unit = serializers.ChoiceField(choices=Experiment.Unit.choices, required=False, default="customer")
    metric = serializers.ChoiceField(choices=Experiment.Metric.choices, required=False, default="margin")
    window_days = serializers.IntegerField(min_value=1, max_value=730, required=False, default=56)
    duration_days = serializers.IntegerField(
        min_value=1, max_value=3_660, required=False, allow_null=True, default=None
    )
    tier = serializers.SlugField(
        max_length=50, required=False, default="", allow_blank=True,
        help_text="Of near misses: the code of the tier to which a part of them is raised.",
    )  # fmt: skip
    missing_percent = serializers.IntegerField(
        min_value=1, max_value=MAX_MISSING_PERCENT, required=False, allow_null=True, default=None,
        help_text="Of near misses: of what the tier asks for, how much they lack at most.",
    )  # fmt: skip
    variants = serializers.ListField(child=VariantIn(), min_length=2, max_length=MAX_VARIANTS)


def require_kept(said: Any) -> None:
    """
    Refuse what JSON has and the database has not: numbers without an end, and the character zero.

    :raises ValidationError: then
    """
    if any("\0" in each if isinstance(each, str) else not isfinite(each) for each in _leaves(said)):
        raise serializers.ValidationError(_("Finite numbers and plain text are expected."))


def _leaves(said: Any) -> Iterator[str | float]:
    """Yield all texts and inexact numbers, names too."""
    if isinstance(said, dict | list):
        for each in [*said.keys(), *said.values()] if isinstance(said, dict) else said:
            yield from _leaves(each)
    elif isinstance(said, str | float):
        yield said


class PlanIn(Strict):
    detectable = serializers.DictField(
        required=False,
        default=dict,
        validators=[require_kept],
        help_text="Which effect it can detect, as analytics computed it.",
    )
    reason = serializers.CharField(
        max_length=500, required=False, default="", allow_blank=True, help_text="Why it is planned without."
    )


class StartIn(Strict):
    starts_at = InstantField(required=False, allow_null=True, default=None, help_text="At once if left out.")


class EndIn(Strict):
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class VariantOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    share_bp = serializers.IntegerField()
    is_control = serializers.BooleanField()
    assigned = serializers.IntegerField(help_text="How many persons are in it so far.")


class ExperimentOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    program = serializers.CharField(allow_null=True)
    layer = serializers.CharField()
    form = serializers.CharField()
    within = serializers.CharField(allow_blank=True)
    tier = serializers.CharField(allow_blank=True, help_text="The code of the near misses' tier; empty for none.")
    missing_percent = serializers.IntegerField(allow_null=True, help_text="How much of it they lack at most, or null.")
    salt = serializers.CharField()
    unit = serializers.CharField()
    metric = serializers.CharField()
    window_days = serializers.IntegerField()
    duration_days = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=Experiment.State.choices)
    plan_hash = serializers.CharField(allow_blank=True, help_text="Of the plan, as it was frozen; empty before.")
    detectable = serializers.DictField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True, help_text="By itself.")
    ended_at = serializers.DateTimeField(allow_null=True)
    variants = VariantOut(many=True)


class FlawOut(serializers.Serializer[Any]):
    is_error = serializers.BooleanField()
    code = serializers.CharField()
    place = serializers.CharField()
    message = serializers.CharField()


class ExperimentCheckOut(serializers.Serializer[Any]):
    can_start = serializers.BooleanField(help_text="Whether it could start now, but for its plan.")
    customers = serializers.IntegerField(help_text="Who are known now.")
    expected = serializers.DictField(
        child=serializers.IntegerField(), help_text="Of them in each variant, by its share."
    )
    findings = FlawOut(many=True)


class ExperimentEventOut(serializers.ModelSerializer[ExperimentEvent]):
    class Meta:
        model = ExperimentEvent
        fields = ("action", "author", "said", "occurred_at")


class ContaminationOut(serializers.Serializer[Any]):
    merged_across_variants = serializers.IntegerField(
        help_text="Persons two of whose records were in different variants."
    )
    household_across_variants = serializers.IntegerField(help_text="Who share points with somebody in another variant.")
    joined_against_assignment = serializers.IntegerField(help_text="Who were not invited, and joined since.")


class ArmOut(serializers.Serializer[Any]):
    experiment = serializers.CharField()
    variant = serializers.CharField()
    bucket = serializers.IntegerField()
    assigned_at = serializers.DateTimeField()
    exposed_at = serializers.DateTimeField()
    is_held_out = serializers.BooleanField()
    is_running = serializers.BooleanField()


class CustomerArmsOut(serializers.Serializer[Any]):
    customer = serializers.CharField(
        help_text="The external id of who was asked for, or into whom that one was merged."
    )
    experiments = ArmOut(many=True)
