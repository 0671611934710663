"""What program owners' tools say and read."""

from typing import Any

from rest_framework import serializers

from customers.api.fields import InstantField
from customers.api.strict import Strict
from customers.models.retailer import validate_zone
from loyalty.planning.models import Simulation
from loyalty.programs.models import ProgramVersion, VersionEvent


class ProgramIn(Strict):
    slug = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=200)
    zone = serializers.CharField(
        max_length=64, required=False, default="", validators=[validate_zone], help_text="Your own if left out."
    )


class DraftIn(Strict):
    copy_of = serializers.IntegerField(required=False, min_value=1, help_text="A version; the latest if left out.")
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class InstantIn(Strict):
    effective_from = InstantField(help_text="With its zone.")


class SimulationIn(Strict):
    version = serializers.IntegerField(min_value=1, help_text="A draft, or any other version.")
    since = serializers.DateField(help_text="The first day on which it would have been in force.")
    until = serializers.DateField(help_text="The last day.")


class MatchesIn(Strict):
    condition = serializers.JSONField(help_text="As in an earning rule.")
    days = serializers.IntegerField(min_value=1, max_value=3_660, default=365, help_text="Until today.")


class MatchesOut(serializers.Serializer[Any]):
    members = serializers.IntegerField()
    orders = serializers.IntegerField()
    lines = serializers.IntegerField()
    amount = serializers.DecimalField(max_digits=20, decimal_places=2)
    quantity = serializers.DecimalField(max_digits=20, decimal_places=3)


class VersionOut(serializers.ModelSerializer[ProgramVersion]):
    class Meta:
        model = ProgramVersion
        fields = (
            "number", "status", "note", "effective_from", "published_at", "proposed_by", "proposed_for", "revision",
        )  # fmt: skip


class ProgramOut(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    zone = serializers.CharField()
    two_to_publish = serializers.BooleanField()
    versions = VersionOut(many=True, help_text="The newest first.")


class FindingOut(serializers.Serializer[Any]):
    severity = serializers.ChoiceField(choices=["error", "warning"])
    code = serializers.CharField()
    place = serializers.CharField()
    message = serializers.CharField()


class CheckOut(serializers.Serializer[Any]):
    publishable = serializers.BooleanField()
    findings = FindingOut(many=True)


class ChangeOut(serializers.Serializer[Any]):
    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class EventOut(serializers.ModelSerializer[VersionEvent]):
    class Meta:
        model = VersionEvent
        fields = ("number", "action", "author", "changes", "occurred_at")


class SimulationOut(serializers.ModelSerializer[Simulation]):
    version = serializers.IntegerField(source="version.number")
    percent = serializers.IntegerField()
    is_stale = serializers.SerializerMethodField(help_text="Whether the draft was changed since.")

    class Meta:
        model = Simulation
        fields = (
            "id", "version", "since", "until", "status", "percent", "members_done", "members_total", "orders_done",
            "author", "asked_at", "ended_at", "failure", "is_stale", "result",
        )  # fmt: skip

    def get_is_stale(self, simulation: Simulation) -> bool:
        return simulation.revision != simulation.version.revision
