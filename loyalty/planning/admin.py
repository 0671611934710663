"""Programs and their versions in the admin: read on one page, shaped, tried on the past, and published."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ModelAdmin, ReadOnlyAdmin, action, display, row_or_404
from customers.core.errors import DomainError
from customers.core.ids import new_id
from loyalty.configuration import drafts
from loyalty.configuration.document import to_document
from loyalty.planning.inlines import (
    BadgeInline,
    BoardInline,
    ChallengeInline,
    EarningGroupInline,
    EarningRuleInline,
    PaidPlanInline,
    PointsPolicyInline,
    ReferralPolicyInline,
    RewardInline,
    RewardPriceInline,
    TierInline,
    TierPolicyInline,
    is_draft,
)
from loyalty.planning.models import Simulation
from loyalty.planning.month_end import SEE, MonthEndPages
from loyalty.planning.pages import Pages
from loyalty.programs.models import Program, ProgramVersion, VersionEvent


@admin.register(Program)
class ProgramAdmin(ModelAdmin):
    list_display = ("name", "slug", "retailer", "zone", "two_to_publish")
    list_select_related = ("retailer",)
    fields = ("retailer", "name", "slug", "zone", ("two_to_publish", "two_ends_asked_by"))
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    actions_detail = ("new_draft", "to_month_end")

    def get_urls(self) -> list[URLPattern]:
        return [*MonthEndPages(self).urls(), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Program, _form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            self._keep_two(request, obj)
            obj.versions_revision = new_id()  # processes remember the slug with the versions
            obj.save(update_fields=["name", "slug", "zone", "two_to_publish", "two_ends_asked_by", "versions_revision"])
            return
        draft = drafts.create_program(obj.retailer, slug=obj.slug, name=obj.name, zone=obj.zone)
        Program.objects.filter(pk=draft.program_id).update(two_to_publish=obj.two_to_publish)
        obj.pk = draft.program_id
        obj._state.adding = False

    def _keep_two(self, request: HttpRequest, program: Program) -> None:
        """Let two people end what two people are for: one alone could otherwise do without the other."""
        before = Program.objects.get(pk=program.pk)
        program.two_ends_asked_by = before.two_ends_asked_by if not program.two_to_publish else ""
        if not before.two_to_publish or program.two_to_publish:
            return
        program.two_to_publish = not drafts.end_two_people(program, author=request.user.get_username())
        program.two_ends_asked_by = request.user.get_username() if program.two_to_publish else ""
        if program.two_to_publish:
            messages.warning(request, _("Two people publish still, until another person switches it off as well."))

    def get_readonly_fields(self, _request: HttpRequest, obj: Program | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("two_ends_asked_by",)
        published = obj.versions.exclude(status=ProgramVersion.Status.DRAFT)
        fixed = ("zone",) if published.exists() else ()  # its days are decided in that zone
        return ("retailer", "two_ends_asked_by", *fixed)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Program | None = None) -> dict[str, Any]:
        return {} if obj and not self.has_change_permission(request, obj) else dict(self.prepopulated_fields)

    def has_delete_permission(self, _request: HttpRequest, _obj: Program | None = None) -> bool:
        return False

    def has_open_draft_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm("programs.add_programversion")

    @action(description=_("Open a new draft"), url_path="new-draft", permissions=["open_draft"])
    def new_draft(self, request: HttpRequest, object_id: int) -> HttpResponse:
        program = row_or_404(Program.objects.all(), object_id)
        if request.method != "POST":  # a link that somebody follows opens nothing
            context = self.admin_site.each_context(request) | {
                "title": _("Open a new draft"), "program": program, "opts": self.opts, "basis": drafts.basis_of(program),
            }  # fmt: skip
            return render(request, "planning/new_draft.html", context)
        draft = drafts.open_draft(program, author=request.user.get_username(), now=timezone.now())
        messages.success(request, _("Draft %(number)s is a copy of the latest version.") % {"number": draft.number})
        return redirect(reverse("admin:programs_programversion_page", args=[draft.pk]))

    def has_close_month_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(SEE)

    @action(description=_("Month’s end"), url_path="to-month-end", permissions=["close_month"])
    def to_month_end(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        program = row_or_404(Program.objects.all(), object_id)
        return redirect(reverse("admin:programs_program_month_end", args=[program.pk]))


@admin.register(ProgramVersion)
class ProgramVersionAdmin(ModelAdmin):
    list_display = ("page_link", "program", "status_label", "effective_from", "note")
    list_display_links = None
    list_filter = ("status",)
    list_select_related = ("program",)
    ordering = ("program", "-number")
    fields = (
        ("program", "number", "status"),
        ("effective_from", "published_at", "published_by"),
        "note",
    )
    inlines = (
        EarningRuleInline, EarningGroupInline, TierInline, TierPolicyInline, PaidPlanInline, RewardInline,
        RewardPriceInline, ReferralPolicyInline, ChallengeInline, BadgeInline, BoardInline, PointsPolicyInline,
    )  # fmt: skip
    actions_detail = ("to_page",)

    def get_urls(self) -> list[URLPattern]:
        return [*Pages(self).urls(), *super().get_urls()]

    def get_readonly_fields(self, _request: HttpRequest, _obj: Model | None = None) -> tuple[str, ...]:
        return ("program", "number", "status", "effective_from", "published_at", "published_by")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False  # a draft is opened from its program

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return (obj is None or is_draft(obj)) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return (obj is None or is_draft(obj)) and bool(super().has_delete_permission(request, obj))

    def get_actions(self, _request: HttpRequest) -> dict[str, Any]:
        return {}  # a draft is deleted on its own page, and that is noted

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "POST" or object_id is None:
            shown: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return shown
        with transaction.atomic():  # what the page changes is noted as one change
            draft = _locked_draft(self.get_object(request, unquote(object_id)))
            before = to_document(draft) if draft else {}
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            if draft is not None:
                draft.refresh_from_db()
                drafts.edited(draft, before, author=request.user.get_username(), now=timezone.now())
        return response

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            shown: HttpResponse = super().delete_view(request, object_id, extra_context)
        except DomainError as error:  # somebody published or deleted it meanwhile
            messages.error(request, str(error))
            return redirect(reverse("admin:programs_programversion_changelist"))
        return shown

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], list[str]]:
        """Return what goes with a draft: its rules and its what-ifs are its own, and ask for no further right."""
        to_delete, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: ProgramVersion) -> None:
        drafts.discard(obj, author=request.user.get_username(), now=timezone.now())

    @display(description=_("version"), ordering="number")
    def page_link(self, version: ProgramVersion) -> SafeString:
        address = reverse("admin:programs_programversion_page", args=[version.pk])
        return format_html('<a class="version-link" href="{}">{} {}</a>', address, _("Version"), version.number)

    @display(
        description=_("status"),
        label={
            ProgramVersion.Status.DRAFT: "warning",
            ProgramVersion.Status.PUBLISHED: "success",
            ProgramVersion.Status.WITHDRAWN: "danger",
        },
    )
    def status_label(self, version: ProgramVersion) -> tuple[str, str]:
        return version.status, version.get_status_display()

    @action(description=_("To the program’s page"), url_path="to-page", permissions=["view"])
    def to_page(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        version = row_or_404(ProgramVersion.objects.all(), object_id)
        return redirect(reverse("admin:programs_programversion_page", args=[version.pk]))


@admin.register(VersionEvent)
class VersionEventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "program", "number", "action", "author")
    list_filter = ("action",)
    list_select_related = ("program",)
    ordering = ("-pk",)


@admin.register(Simulation)
class SimulationAdmin(ReadOnlyAdmin):
    list_display = ("page_link", "since", "until", "status", "author", "asked_at", "ended_at")
    list_display_links = None
    list_filter = ("status",)
    list_select_related = ("version__program",)
    ordering = ("-pk",)
    exclude = ("result",)

    @display(description=_("what-if"))
    def page_link(self, simulation: Simulation) -> SafeString:
        address = reverse("admin:planning_simulation_page", args=[simulation.version_id, simulation.pk])
        return format_html('<a class="version-link" href="{}">{}</a>', address, simulation.version)


def _locked_draft(version: ProgramVersion | None) -> ProgramVersion | None:
    try:
        found = drafts.locked(version) if version else None
    except drafts.NoSuchVersion:
        return None
    return found if is_draft(found) else None
