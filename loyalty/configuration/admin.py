"""Programs and their versions: a draft is edited on one page, compared with nothing hidden, and published."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ModelAdmin,
    SmallTextareaWidget,
    SplitDateTimeWidget,
    StackedInline,
    TabularInline,
    TextInputWidget,
    action,
    display,
)
from customers.core.calendar import day_after, local_date, midnight
from customers.core.errors import DomainError
from customers.core.ids import new_id
from loyalty.configuration.drafts import create_program, open_draft, publish
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy


class FrozenWhenPublished:
    """Rows of a version: edited while it is a draft, shown when it is published."""

    def has_add_permission(self, _request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj)

    def has_change_permission(self, _request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj)

    def has_delete_permission(self, _request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj)


class TierForm(forms.ModelForm[Tier]):
    class Meta:
        model = Tier
        fields = ("rank", "code", "name", "name_fr", "threshold", "multiplier", "benefits", "benefits_fr")
        widgets: ClassVar = {"benefits": SmallTextareaWidget(), "benefits_fr": SmallTextareaWidget()}


class EarningRuleForm(forms.ModelForm[EarningRule]):
    class Meta:
        model = EarningRule
        fields = (
            "code",
            "name",
            "name_fr",
            "kind",
            "points",
            "wallet",
            "interaction",
            "minimum_amount",
            "condition",
            "cap",
            "group",
            "uses_multiplier",
        )


class TierInline(FrozenWhenPublished, TabularInline):
    model = Tier
    form = TierForm
    hide_title = True
    fields = ("rank", "code", "name", "name_fr", "threshold", "multiplier", "benefits", "benefits_fr")
    ordering = ("rank",)
    extra = 1


class EarningRuleInline(FrozenWhenPublished, TabularInline):
    model = EarningRule
    form = EarningRuleForm
    hide_title = True
    fields = EarningRuleForm.Meta.fields
    ordering = ("code",)
    extra = 1


class TierPolicyInline(FrozenWhenPublished, StackedInline):
    model = TierPolicy
    can_delete = False


class PointsPolicyForm(forms.ModelForm[PointsPolicy]):
    expiry_dates = SimpleArrayField(
        forms.CharField(max_length=5),
        required=False,
        widget=TextInputWidget(),
        label=capfirst(PointsPolicy._meta.get_field("expiry_dates").verbose_name),
        help_text=PointsPolicy._meta.get_field("expiry_dates").help_text,
    )

    class Meta:
        model = PointsPolicy
        exclude = ("version",)  # noqa: DJ006 - every field but the one that the page gives


class PointsPolicyInline(FrozenWhenPublished, StackedInline):
    model = PointsPolicy
    form = PointsPolicyForm
    verbose_name = _("wallet")
    verbose_name_plural = _("wallets")
    fieldsets = (
        (None, {"fields": (("code", "is_spendable"), ("name", "name_fr"))}),
        (_("When points become active"), {"fields": (("pending_days", "pending_until"), "pending_event")}),
        (_("When they expire"), {"fields": ("expiry", ("expiry_count", "expiry_dates"))}),
        (
            _("How many there may be"),
            {"fields": ("transaction_limit", ("period_limit", "period"), ("budget", "budget_period"))},
        ),
        (_("Returns and transfers"), {"fields": (("on_return", "may_transfer"),)}),
        (_("What they are worth"), {"fields": (("point_value", "redeemed_share"),)}),
    )


@admin.register(Program)
class ProgramAdmin(ModelAdmin):
    list_display = ("name", "slug", "retailer", "zone")
    list_select_related = ("retailer",)
    list_filter = ("retailer",)
    fields = ("retailer", "name", "slug", "zone")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    actions_detail = ("new_draft",)

    def save_model(self, _request: HttpRequest, obj: Program, _form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            obj.timeline = new_id()  # processes remember the slug with the versions
            obj.save(update_fields=["name", "slug", "zone", "timeline"])
            return
        draft = create_program(obj.retailer, slug=obj.slug, name=obj.name, zone=obj.zone)
        obj.pk = draft.program_id
        obj._state.adding = False

    def get_readonly_fields(self, _request: HttpRequest, obj: Program | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()

    def has_delete_permission(self, _request: HttpRequest, _obj: Program | None = None) -> bool:
        return False

    @action(description=_("Open a new draft"), url_path="new-draft")
    def new_draft(self, request: HttpRequest, object_id: int) -> HttpResponse:
        draft = open_draft(Program.objects.get(pk=object_id))
        messages.success(request, _("Draft %(number)s is a copy of the latest version.") % {"number": draft.number})
        return redirect(reverse("admin:programs_programversion_change", args=[draft.pk]))


class PublishForm(forms.Form):
    """From when a version is in force."""

    effective_from = forms.SplitDateTimeField(label=_("in force from"), widget=SplitDateTimeWidget())


@admin.register(ProgramVersion)
class ProgramVersionAdmin(ModelAdmin):
    list_display = ("program", "number", "status_label", "effective_from", "note")
    list_filter = ("program", "status")
    list_select_related = ("program",)
    ordering = ("program", "-number")
    fields = (
        ("program", "number", "status"),
        ("effective_from", "published_at", "published_by"),
        "note",
    )
    inlines = (TierPolicyInline, TierInline, PointsPolicyInline, EarningRuleInline)
    actions_detail = ("publish_version", "copy_version")

    def get_readonly_fields(self, _request: HttpRequest, _obj: Model | None = None) -> tuple[str, ...]:
        return ("program", "number", "status", "effective_from", "published_at", "published_by")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False  # a draft is opened from its program

    def has_change_permission(self, _request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is None or _is_draft(obj)

    def has_delete_permission(self, _request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj)

    @display(
        description=_("status"),
        label={ProgramVersion.Status.DRAFT: "warning", ProgramVersion.Status.PUBLISHED: "success"},
    )
    def status_label(self, version: ProgramVersion) -> tuple[str, str]:
        return version.status, version.get_status_display()

    @action(description=_("Publish"), url_path="publish")
    def publish_version(self, request: HttpRequest, object_id: int) -> HttpResponse:
        version = ProgramVersion.objects.select_related("program").get(pk=object_id)
        with timezone.override(version.program.tzinfo):  # a retailer thinks of its own midnight
            form = PublishForm(request.POST or None, initial={"effective_from": _next_midnight(version)})
            if request.method == "POST" and form.is_valid() and self._publish(request, version, form):
                return redirect(reverse("admin:programs_programversion_change", args=[object_id]))
            context = self.admin_site.each_context(request) | {
                "form": form,
                "version": version,
                "title": _("Publish %(version)s") % {"version": version},
                "opts": self.model._meta,
            }
            return render(request, "configuration/publish.html", context)

    def _publish(self, request: HttpRequest, version: ProgramVersion, form: PublishForm) -> bool:
        """Publish as a form says, or tell in the form why not."""
        instant = form.cleaned_data["effective_from"]
        try:
            publish(version, effective_from=instant, by=request.user, now=timezone.now())  # type: ignore[arg-type] # staff
        except DomainError as error:
            form.add_error(None, str(error))
            return False
        messages.success(request, _("Version %(number)s is published.") % {"number": version.number})
        return True

    @action(description=_("Copy into a new draft"), url_path="copy")
    def copy_version(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        version = ProgramVersion.objects.select_related("program").get(pk=object_id)
        draft = open_draft(version.program, copy_of=version)
        return redirect(reverse("admin:programs_programversion_change", args=[draft.pk]))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        actions: list[Any] = super().get_actions_detail(request, object_id)
        if _is_draft(ProgramVersion.objects.filter(pk=object_id).first()):
            return actions
        return [each for each in actions if "publish" not in each.path]


def _next_midnight(version: ProgramVersion) -> datetime:
    """Return the midnight that ends the program's present day."""
    zone = version.program.tzinfo
    return midnight(day_after(local_date(timezone.now(), zone)), zone)


def _is_draft(version: Model | None) -> bool:
    return isinstance(version, ProgramVersion) and version.is_draft
