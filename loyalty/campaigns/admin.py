"""Campaigns in the admin: written as a list of steps, looked at as a member reads them, published, paused, ended."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ModelAdmin,
    action,
    display,
    row_or_404,
)
from customers.core.errors import DomainError
from loyalty.activity import staff
from loyalty.campaigns.editing import EditedByOne
from loyalty.campaigns.feedback.admin import AnswerAdmin, FollowUpAdmin, SurveyAdmin
from loyalty.campaigns.models import (
    Answer,
    Campaign,
    CampaignVersion,
    DiscountCap,
    Entry,
    FollowUp,
    FrequencyCap,
    Message,
    MessageChannel,
    Offer,
    OfferGrant,
    OfferRefusal,
    Outcome,
    SendingHours,
    Step,
    Survey,
)
from loyalty.campaigns.offering.admin import DiscountCapAdmin, OfferAdmin, OfferGrantAdmin, OfferRefusalAdmin
from loyalty.campaigns.pages import (
    CHANGE,
    LINK,
    DraftOnly,
    FrequencyCapAdmin,
    MessageChannelAdmin,
    PreviewForm,
    ReadyMadePage,
    SendingHoursAdmin,
    StartForm,
    StepForm,
    StepInline,
    TextInline,
)
from loyalty.campaigns.publishing.checking import flaws_of
from loyalty.campaigns.publishing.describing import funnel_of, said_of, step_of, trigger_of
from loyalty.campaigns.publishing.documents import state_of
from loyalty.campaigns.publishing.managing import draft_of, end, hold_campaign, pause, resume
from loyalty.campaigns.publishing.moving import move_entries
from loyalty.campaigns.publishing.outlook_words import lines_of, moves_in_words
from loyalty.campaigns.publishing.previewing import NobodyToShow, preview, send_to
from loyalty.campaigns.publishing.starting import start
from loyalty.campaigns.sent_pages import EntryAdmin, MessageAdmin, OutcomeAdmin
from loyalty.memberships.models import Membership

PUBLISH = "programs.publish_programversion"
STATE = {"draft": "info", "live": "success", "paused": "warning", "ended": "danger"}
# What can be done with a campaign in each state.
OFFERED: Mapping[str, tuple[str, ...]] = {
    "draft": ("open_draft", "publish_it"),
    "live": ("open_draft", "publish_it", "move_them", "pause_it", "end_it"),
    "paused": ("open_draft", "publish_it", "move_them", "resume_it", "end_it"),
    "ended": (),
}


admin.site.register(MessageChannel, MessageChannelAdmin)
admin.site.register(FrequencyCap, FrequencyCapAdmin)
admin.site.register(SendingHours, SendingHoursAdmin)
admin.site.register(Message, MessageAdmin)
admin.site.register(Entry, EntryAdmin)
admin.site.register(Outcome, OutcomeAdmin)
admin.site.register(Survey, SurveyAdmin)
admin.site.register(Answer, AnswerAdmin)
admin.site.register(FollowUp, FollowUpAdmin)
admin.site.register(Offer, OfferAdmin)
admin.site.register(DiscountCap, DiscountCapAdmin)
admin.site.register(OfferGrant, OfferGrantAdmin)
admin.site.register(OfferRefusal, OfferRefusalAdmin)


@admin.register(Campaign)
class CampaignAdmin(EditedByOne, ModelAdmin):
    list_display = ("name", "code", "program", "kind", "state_label", "priority", "starts_at", "ends_at")
    list_filter: ClassVar[Any] = ("program", "kind", "state")
    search_fields: ClassVar[Any] = ("code", "name")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("program",)
    ordering = ("-created_at",)
    fields = (
        "retailer", ("code", "name"), ("program", "kind"), ("priority", "experiment"), "starts_at", "ends_at",
        ("state", "ended_at"), "steps", "funnel", "versions_of_it",
    )  # fmt: skip
    readonly_fields = ("state", "ended_at", "steps", "funnel", "versions_of_it")
    actions_list = ("to_ready_made",)
    actions_detail = ("open_draft", "publish_it", "move_them", "pause_it", "resume_it", "end_it")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer what can be done with a campaign as it is."""
        row = Campaign.objects.filter(pk=object_id).first()
        offered = OFFERED[row.state] if row else ()
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name.endswith(offered)]

    def get_urls(self) -> list[URLPattern]:
        return [*ReadyMadePage(self).urls(), *super().get_urls()]

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_draft_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(CHANGE)

    def has_run_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(PUBLISH)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_readonly_fields(request, obj)
        return (*found, "retailer", "program", "kind") if obj else found

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Write a campaign down, a new one with an empty draft."""
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
        if not change:
            CampaignVersion.objects.create(
                campaign=obj, retailer=obj.retailer, number=1, kind="marketing", trigger={"kind": "broadcast"}
            )

    @display(description=_("state"), label=STATE, ordering="state")
    def state_label(self, row: Campaign) -> tuple[str, Any]:
        return row.state, row.get_state_display()

    @display(description=_("what it does"))
    def steps(self, row: Campaign) -> Any:
        drafts = row.versions.filter(published_at=None)
        version = None if row._state.adding else row.version or drafts.first()
        if version is None:
            return "-"
        lines = [trigger_of(version), *(step_of(step) for step in version.steps.in_order().select_related("survey"))]
        return format_html_join("\n", "<div>{}</div>", ((line,) for line in lines))

    @display(description=_("messages"))
    def funnel(self, row: Campaign) -> Any:
        said = (
            ((state, number_format(number)) for state, number in funnel_of(row).items())
            if not row._state.adding
            else ()
        )
        return format_html_join("\n", "<div>{}: {}</div>", said) or "-"

    @display(description=_("versions"))
    def versions_of_it(self, row: Campaign) -> Any:
        rows = row.versions.order_by("-number") if not row._state.adding else ()
        links = ((reverse("admin:campaigns_campaignversion_change", args=[each.pk]), each) for each in rows)
        return format_html_join("\n", f"<div>{LINK}</div>", links) or "-"

    @action(description=_("Edit the draft"), url_path="draft", permissions=["draft"])
    def open_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Campaign.objects.select_related("version"), object_id)
        is_there = row.versions.filter(published_at=None).exists()
        if request.method != "POST" and not is_there and row.state != Campaign.State.ENDED:
            context = {"title": _("Open a new draft"), "campaign": row, "opts": self.opts}
            return render(request, "campaigns/new_draft.html", self.admin_site.each_context(request) | context)
        try:
            return redirect("admin:campaigns_campaignversion_change", draft_of(row).pk)
        except DomainError as error:
            messages.error(request, str(error))
            return redirect("admin:campaigns_campaign_change", row.pk)

    @action(description=_("Publish"), url_path="publish", permissions=["run"])
    def publish_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Campaign.objects.all(), object_id)

        def act(row: Campaign, author: str, said: dict[str, Any]) -> list[str]:
            draft = draft_of(row)
            few = bool(said.get("confirms_few"))
            _campaign, outlook = start(draft, author=author, confirms_few=few, now=timezone.now())
            return [
                _("Version %(number)s, as it stands now (%(state)s).")
                % {"number": draft.number, "state": state_of(draft)},
                trigger_of(draft),
                *(step_of(step) for step in draft.steps.in_order().select_related("survey")),
                *lines_of(outlook),
            ]

        words = _("Members enter on this version from now on; those who are in the campaign finish on theirs.")
        told = (_("Publish it"), words, _("Publish"), _("It is published."))
        return self._ask(request, object_id, told, act, StartForm if row.experiment_id else staff.ReasonForm)

    @action(description=_("Move to this version"), url_path="move", permissions=["run"])
    def move_them(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Move who is in a campaign on an earlier version to the one in force."""
        words = _(
            "Who is in it on an earlier version goes on with the one in force, behind as many messages as it has had. Without "
            "this they finish on the version on which they entered."
        )
        told = (_("Move who is in it"), words, _("Move them"), _("They are moved."))
        return self._ask(
            request, object_id, told, lambda row, _author, _said: moves_in_words(move_entries(row, now=timezone.now()))
        )  # fmt: skip

    @action(description=_("New from a ready-made journey"), url_path="to-ready-made", permissions=["draft"])
    def to_ready_made(self, _request: HttpRequest) -> HttpResponse:
        return redirect("admin:campaigns_campaign_ready_made")

    @action(description=_("Pause"), url_path="pause", permissions=["run"])
    def pause_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _("What is due is held, and may be too late when it goes on.")
        said = (_("Pause it"), words, _("Pause"), _("It is paused."))
        return self._ask(request, object_id, said, lambda row, _author, _said: [str(pause(row))])

    @action(description=_("Resume"), url_path="resume", permissions=["run"])
    def resume_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _("What was held goes, unless it is too late.")
        said = (_("Resume it"), words, _("Resume"), _("It goes on."))
        return self._ask(request, object_id, said, lambda row, _author, _said: [str(resume(row))])

    @action(description=_("End"), url_path="end", permissions=["run"])
    def end_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _("Who is in it leaves at once, and what is not on its way is dropped. It cannot be started again.")
        said = (_("End it"), words, _("End"), _("It has ended."))
        return self._ask(request, object_id, said, lambda row, _author, _said: [str(end(row, now=timezone.now()))])

    def _ask(
        self,
        request: HttpRequest,
        object_id: str,
        words: Any,
        do: Callable[[Campaign, str, dict[str, Any]], Any],
        form: type[forms.Form] = staff.ReasonForm,
    ) -> HttpResponse:
        row = row_or_404(Campaign.objects.select_related("program__retailer", "retailer"), object_id)

        def act(said: dict[str, Any], *, dry_run: bool) -> list[str]:
            with transaction.atomic():
                found = list(do(row, request.user.get_username(), said) or [])
                if dry_run:
                    transaction.set_rollback(True)
            return found

        heading, meaning, button, done = map(str, words)
        return staff.ask(self, request, row, staff.Verb(heading, meaning, button, done, form, act))


@admin.register(CampaignVersion)
class CampaignVersionAdmin(EditedByOne, DraftOnly, ModelAdmin):
    list_display = ("campaign", "number", "kind", "published_at", "published_by")
    list_select_related: ClassVar[Any] = ("campaign",)
    ordering = ("-pk",)
    fields = (
        ("campaign", "number"), ("kind", "ground"), "uses_profile", "tags", "trigger", "exits",
        ("again_after_days", "at_most_one_active"), ("late_up_to_days", "on_cap"), ("published_at", "published_by"), "findings",
    )  # fmt: skip
    readonly_fields = ("campaign", "number", "published_at", "published_by", "findings")
    inlines = (StepInline,)

    def held(self, key: Any) -> None:
        hold_campaign(versions=key)

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        changed = formset.save(commit=False)
        for gone in formset.deleted_objects:
            gone.delete()
        for step in changed:
            step.retailer = form.instance.retailer
            step.save()

    @display(description=_("what stands in its way"))
    def findings(self, row: CampaignVersion) -> Any:
        flaws = flaws_of(row) if row.is_draft else ()
        return format_html_join("\n", "<div>{}</div>", ((said_of(flaw),) for flaw in flaws)) or "-"


@admin.register(Step)
class StepAdmin(EditedByOne, DraftOnly, ModelAdmin):
    form = StepForm
    list_display = ("version", "position", "kind")
    list_select_related: ClassVar[Any] = ("version__campaign",)
    ordering = ("version", "position")
    fields = (
        "version_of_it",
        ("position", "kind"),
        "wait",
        ("offer", "ends_without"),
        "channels",
        ("to_all_channels", "is_urgent"),
        "expires_after",
        "variant",
        "survey",
    )
    readonly_fields = ("version_of_it",)
    inlines = (TextInline,)
    actions_detail = ("look_at_it",)

    def held(self, key: Any) -> None:
        hold_campaign(versions__steps=key)

    def has_draft_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(CHANGE)

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        changed = formset.save(commit=False)
        for gone in formset.deleted_objects:
            gone.delete()
        for text in changed:
            text.retailer = form.instance.retailer
            text.save()

    @display(description=_("version"))
    def version_of_it(self, row: Step) -> Any:
        return format_html(LINK, reverse("admin:campaigns_campaignversion_change", args=[row.version_id]), row.version)

    @action(description=_("Preview, and send it to me"), url_path="preview", permissions=["draft"])
    def look_at_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Step.objects.select_related("version", "retailer"), object_id)
        address = request.user.email  # type: ignore[union-attr] # who is here is signed in

        def act(said: dict[str, Any], *, dry_run: bool) -> list[str]:
            member = Membership.objects.select_related("retailer").numbered(row.retailer_id, said["member"]).first()
            if member is None:
                raise NobodyToShow(number=said["member"])
            found = preview(row, member, said["channel"], said["language"], now=timezone.now())
            if not dry_run:
                send_to(address, row, member, found)
            return [
                line
                for line in (found.subject, *found.body.splitlines(), f"{found.button} {found.link}".strip())
                if line
            ]

        words = str(_("As a member reads it now. Your user has no e-mail address to which it could be sent."))
        if address:
            words = str(_("As a member reads it now. It is mailed to %(address)s.")) % {"address": address}
        verb = staff.Verb(str(_("Preview")), words, str(_("Send it to me")), str(_("Done.")), PreviewForm, act)
        return staff.ask(self, request, row, verb)
