"""Experiments in the admin: drawn up with their variants, planned, started and ended; who is in which, and who did what."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import (
    ExportedAdmin,
    ModelAdmin,
    RangeDateTimeFilter,
    ReadOnlyInline,
    SplitDateTimeWidget,
    TabularInline,
    TextInputWidget,
    action,
    display,
    row_or_404,
)
from customers.core.errors import DomainError
from customers.core.labels import labelled
from loyalty.activity import staff
from loyalty.activity.near_misses import flaws_to_start, preview_of, start_experiment, tiers_of
from loyalty.experiments.assigning import sizes
from loyalty.experiments.contamination import contamination_of
from loyalty.experiments.forms import ExperimentForm, VariantForm, VariantFormSet, fact_of
from loyalty.experiments.models import Assignment, Experiment, ExperimentEvent, Variant
from loyalty.experiments.planning import ExperimentFact, change, create, plan
from loyalty.experiments.running import end
from loyalty.experiments.wording import CONTAMINATION, said_of, share_said, told_of, written
from loyalty.tiers.models import Tier

OF_NEAR_MISS = ("tier_key", "missing_percent")
PUBLISH = "programs.publish_programversion"
OFFERED = {"draft": ("plan", "start"), "running": ("end",)}  # by state
OF_VARIANT = _("%(variant)s: %(share)s, which are %(customers)s of them.")
STATE = {"draft": "info", "running": "success", "ended": "warning"}


class VariantInline(TabularInline):
    model = Variant
    form = VariantForm
    formset = VariantFormSet
    fields = ("code", "name", "share_bp", "is_control")
    ordering = ("position",)
    extra = 2
    max_num = 10
    readonly_fields = ("share",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show shares in percent where they are not to be changed any more."""
        found = super().get_fields(request, obj)
        return (
            found
            if self.has_change_permission(request, obj)
            else ["share" if each == "share_bp" else each for each in found]
        )

    @display(description=_("share of the customers"))
    def share(self, variant: Variant) -> str:
        return share_said(variant.share_bp)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.is_draft) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.is_draft) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.is_draft) and bool(super().has_delete_permission(request, obj))


class EventInline(ReadOnlyInline):
    model = ExperimentEvent
    fields = ("occurred_at", "action", "author", "told")
    readonly_fields = ("told",)
    ordering = ("-pk",)

    @display(description=_("what"))
    def told(self, event: ExperimentEvent) -> Any:
        return format_html_join("\n", "<div>{}</div>", ((line,) for line in told_of(event, _names(event)))) or "-"


class PlanForm(staff.ReasonForm):
    """Why an experiment is planned without saying which effect it can detect; what analytics computed stands beside it."""

    reason = forms.CharField(label=_("why without a detectable effect"), max_length=500, widget=TextInputWidget())


class StartForm(staff.ReasonForm):
    """When it starts."""

    starts_at = forms.SplitDateTimeField(
        label=_("from"), required=False, widget=SplitDateTimeWidget(), help_text=_("Empty for at once.")
    )


@admin.register(Experiment)
class ExperimentAdmin(ModelAdmin):
    form = ExperimentForm
    list_display = (
        "name",
        "code",
        "program",
        "layer",
        "form_name",
        "state_label",
        "sizes_so_far",
        "starts_at",
        "ends_at",
    )
    list_filter: ClassVar[Any] = ("program", "layer", "form", "state", ("starts_at", RangeDateTimeFilter))
    search_fields: ClassVar[Any] = ("code", "name")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("program",)
    ordering = ("-created_at",)
    fields = (
        "retailer", ("code", "name"), ("program", "within"), ("layer", "form"), OF_NEAR_MISS,
        ("metric", "window_days"), ("unit", "duration_days"), "salt", ("state", "starts_at"), ("ends_at", "ended_at"),
        "sizes_so_far", "findings",
        "contamination", ("digest", "planned_at"), "results",
    )  # fmt: skip
    readonly_fields = (
        "state", "starts_at", "ends_at", "ended_at", "sizes_so_far", "findings", "contamination", "digest", "planned_at",
        "results", "tier_of_it",
    )  # fmt: skip
    inlines = (VariantInline, EventInline)
    actions_detail = ("plan_it", "start_it", "end_it")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.is_draft) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer what can be done in its state."""
        state = Experiment.objects.filter(pk=object_id).values_list("state", flat=True).first()
        offered = OFFERED.get(state or "", ())
        return [each for each in super().get_actions_detail(request, object_id) if each.path in offered]

    def has_plan_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm("experiments.change_experiment")

    def has_run_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(PUBLISH)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_readonly_fields(request, obj)
        return (*found, "retailer") if obj else found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Say the tier by its name where it is not to be changed any more, and nothing of it where there is none."""
        found = super().get_fields(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return found
        shown = [("tier_of_it", "missing_percent")] if obj.tier_key else []
        place = found.index(OF_NEAR_MISS)
        return [*found[:place], *shown, *found[place + 1 :]]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Say what a verb refuses that the form did not: somebody else was first."""
        try:
            shown: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refused:
            messages.error(request, str(refused))
            return redirect(request.get_full_path())
        return shown

    def save_model(self, *_given: Any) -> None:
        """Leave it to `save_related`, which knows the variants."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Write an experiment with its variants, by its verb."""
        row: Experiment = form.instance
        (variants,) = (each for each in formsets if isinstance(each, VariantFormSet))
        fact = fact_of(row, variants.facts())
        for each in formsets:
            each.new_objects, each.changed_objects, each.deleted_objects = [], [], []
        author, now = request.user.get_username(), timezone.now()
        if change:
            _change(row, fact, author)
        else:
            made = create(row.retailer, fact, author=author, now=now)
            row.pk = made.pk
            row._state.adding = False
        row.refresh_from_db()

    @display(description=_("tier"))
    def tier_of_it(self, row: Experiment) -> str:
        return str(tiers_of([row]).get(row.tier_key) or "-")

    @display(description=_("form"), ordering="form")
    def form_name(self, row: Experiment) -> str:
        return row.get_form_display()

    @display(description=_("state"), label=STATE, ordering="state")
    def state_label(self, row: Experiment) -> tuple[str, Any]:
        return row.state, row.get_state_display()

    @display(description=_("persons so far"))
    def sizes_so_far(self, row: Experiment) -> Any:
        counted = sizes([row])[row.pk]
        shares = {each.code: each for each in row.variants.in_order()}
        said = (
            (labelled(str(each), f"{number_format(counted[code])} ({share_said(each.share_bp)})"),)
            for code, each in shares.items()
        )
        return format_html_join("\n", "<div>{}</div>", said) or "-"

    @display(description=_("what stands in its way"))
    def findings(self, row: Experiment) -> Any:
        flaws = () if row._state.adding else flaws_to_start(row, now=timezone.now())
        return format_html_join("\n", "<div>{}</div>", ((said_of(flaw),) for flaw in flaws)) or "-"

    @display(description=_("what blurs it"))
    def contamination(self, row: Experiment) -> Any:
        if row.is_draft:
            return "-"
        found = contamination_of(row).items()
        said = ((labelled(CONTAMINATION[why], number_format(number)),) for why, number in found)
        return format_html_join("\n", "<div>{}</div>", said)

    @display(description=_("plan's digest"))
    def digest(self, row: Experiment) -> str:
        return written("plan_hash", row.plan_hash) or "-"

    @display(description=_("results"))
    def results(self, row: Experiment) -> Any:
        if row._state.adding:
            return "-"
        words = _("What it can detect") if row.is_draft else _("What it showed")
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            reverse("admin:analytics_experimentlook_of", args=[row.pk]),
            words,
        )

    @action(description=_("Freeze the plan"), url_path="plan", permissions=["plan"])
    def plan_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: Experiment, said: dict[str, Any], author: str) -> list[str]:
            planned = plan(row, detectable={}, reason=said["reason"], author=author, now=timezone.now())
            return [
                str(_("Its plan is frozen under %(digest)s.")) % {"digest": written("plan_hash", planned.plan_hash)}
            ]

        words = _("What it is to show is written down before it starts: variants, shares, metric and window.")
        return self._ask(
            request,
            object_id,
            (_("Plan the experiment"), words, _("Freeze the plan"), _("It is planned.")),
            PlanForm,
            act,
        )

    @action(description=_("Start"), url_path="start", permissions=["run"])
    def start_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: Experiment, said: dict[str, Any], author: str) -> list[str]:
            now = timezone.now()
            found = preview_of(row, starts_at=said.get("starts_at") or now, now=now)
            started = start_experiment(row, starts_at=said.get("starts_at"), author=author, now=now)
            return _started(started, found.customers)

        words = _(
            "All customers who are known are assigned, and each who becomes known; of near misses, those of now alone. "
            "Nothing can be changed after it."
        )
        return self._ask(request, object_id, (_("Start it"), words, _("Start"), _("It runs.")), StartForm, act)

    @action(description=_("End"), url_path="end", permissions=["run"])
    def end_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: Experiment, said: dict[str, Any], author: str) -> list[str]:
            end(row, reason=said["reason"], author=author, now=timezone.now())
            return [str(_("Nobody is treated otherwise any more. Who was in which variant stays known."))]

        words = _("It cannot be started again: another one needs another salt.")
        return self._ask(request, object_id, (_("End it"), words, _("End"), _("It has ended.")), staff.ReasonForm, act)

    def _ask(
        self, request: HttpRequest, object_id: str, words: Any, form: type[forms.Form], do: Callable[..., list[str]]
    ) -> HttpResponse:
        row = row_or_404(Experiment.objects.select_related("program", "retailer", "within"), object_id)

        def act(said: dict[str, Any], *, dry_run: bool) -> list[str]:
            with transaction.atomic():
                found = do(row, said, request.user.get_username())
                if dry_run:
                    transaction.set_rollback(True)
            return found

        heading, meaning, button, done = map(str, words)
        return staff.ask(self, request, row, staff.Verb(heading, meaning, button, done, form, act))


def _names(event: ExperimentEvent) -> dict[str, str]:
    """Return what the tiers of an event's program are called; nothing is asked where it names none."""
    if "tier" not in event.said:
        return {}
    rows = Tier.objects.filter(version__program=event.experiment.program_id).order_by("version__effective_from")
    return {str(row.key): str(row) for row in rows}


def _change(row: Experiment, fact: ExperimentFact, author: str) -> None:
    before = Experiment.objects.select_related("program", "within", "retailer").get(pk=row.pk)
    change(before, fact, author=author, now=timezone.now())


def _started(row: Experiment, customers: int) -> list[str]:
    counted = sizes([row])[row.pk]
    known = (
        ngettext(
            "%(customers)s customer just misses the tier.", "%(customers)s customers just miss the tier.", customers
        )
        if row.tier_key
        else ngettext("%(customers)s customer is known.", "%(customers)s customers are known.", customers)
    )
    said = [known % {"customers": number_format(customers)}]
    said += [str(OF_VARIANT) % _counted(each, counted[each.code]) for each in row.variants.in_order()]
    if row.ends_at is not None:
        said.append(str(_("It ends by itself on %(day)s.")) % {"day": date_format(timezone.localtime(row.ends_at))})
    return said


def _counted(variant: Variant, customers: int) -> dict[str, str]:
    return {"variant": str(variant), "share": share_said(variant.share_bp), "customers": number_format(customers)}


@admin.register(Assignment)
class AssignmentAdmin(ExportedAdmin):
    list_display = ("customer", "experiment", "variant", "bucket", "assigned_at", "exposed_at")
    list_filter = ("experiment", "variant", ("assigned_at", RangeDateTimeFilter))
    search_fields = ("customer__external_id__exact", "customer__memberships__number__exact")
    search_help_text = _("Customer's external id or member number")
    list_select_related = ("customer", "experiment", "variant")
    ordering = ("-pk",)
    exported = (
        "customer__external_id", "experiment__code", "variant__code", "bucket", "unit_key", "assigned_at", "exposed_at",
    )  # fmt: skip
