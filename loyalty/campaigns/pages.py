"""The admin's pages of what sends and of what was sent, and the parts of a campaign's: its steps and its texts."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ModelAdmin,
    SelectWidget,
    StackedInline,
    TabularInline,
    TextInputWidget,
)
from loyalty.activity.staff import ReasonForm
from loyalty.campaigns.models import CampaignVersion, MessageChannel, Step, StepText
from loyalty.campaigns.models.words import Channel, MessageKind
from loyalty.campaigns.publishing.describing import step_of, trigger_of
from loyalty.campaigns.publishing.ready_made import ReadyMade, begin, ready_made
from loyalty.campaigns.reaching.waiting import decide_all_again
from loyalty.outbox.endpoints import new_secret
from loyalty.programs.models import Program

CHANGE = "campaigns.change_campaign"
LINK = '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'
TRIGGER_ROWS = 3
PLACE_TAKEN = _("Another step stands in this place. Give each a place of its own.")


class DraftOnly:
    """What belongs to a version, which may be changed while it is a draft."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        """Write lists of codes in one line, and a trigger in a few."""
        if isinstance(db_field, ArrayField):
            given["widget"] = TextInputWidget()
        found = super().formfield_for_dbfield(db_field, request, **given)  # type: ignore[misc] # it stands before an admin
        if isinstance(db_field, models.JSONField):
            found.widget.attrs["rows"] = TRIGGER_ROWS
        return found

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        """Offer to choose nothing where nothing is usual: else a row that nobody touched says something, and is refused."""
        if not db_field.has_default():
            given["choices"] = db_field.get_choices(blank_choice=[("", _("Select value"))])
        return super().formfield_for_choice_field(db_field, request, **given)  # type: ignore[misc] # it stands before an admin

    def _is_open(self, obj: Any) -> bool:
        return obj is None or (obj if isinstance(obj, CampaignVersion) else obj.version).is_draft

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and bool(request.user.has_perm(CHANGE))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and bool(request.user.has_perm(CHANGE))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and bool(request.user.has_perm(CHANGE))


class PlacesFormSet(BaseInlineFormSet[Any, Any, Any]):
    """Rows below another one, each in a place of its own, whoever wrote the others: they may change places in one go."""

    names: ClassVar[tuple[str, ...]]  # of the fields that say a row's place
    taken_words: ClassVar[Any]

    def clean(self) -> None:
        """Refuse two rows in one place, wherever they stood before."""
        own = [form.instance.pk for form in self.forms if form.instance.pk]
        others = self.fk.model._default_manager.filter(**{self.fk.name: self.instance}).exclude(pk__in=own)
        taken = set(others.values_list(*self.names))
        for form in self.forms:
            if form in self.deleted_forms or not (form.has_changed() or form.instance.pk):
                continue
            place = tuple(getattr(form, "cleaned_data", {}).get(name) for name in self.names)
            if place in taken:
                form.add_error(self.names[-1], self.taken_words)
            elif None not in place:
                taken.add(place)
        super().clean()


class StepFormSet(PlacesFormSet):
    names = ("position",)
    taken_words = PLACE_TAKEN


class TextFormSet(PlacesFormSet):
    names = ("channel", "language")
    taken_words = _("There is another text of this channel in this language.")


class StepForm(forms.ModelForm[Step]):
    """A step on its own page."""

    def clean_position(self) -> int:
        """Refuse a place in which another step of the draft stands."""
        position: int = self.cleaned_data["position"]
        others = Step.objects.filter(version=self.instance.version_id, position=position).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(PLACE_TAKEN)
        return position


class StepInline(DraftOnly, TabularInline):
    model = Step
    formset = StepFormSet
    fields = (
        "position",
        "kind",
        "wait",
        "offer",
        "ends_without",
        "channels",
        "to_all_channels",
        "expires_after",
        "variant",
        "is_urgent",
        "survey",
    )
    ordering = ("position",)
    extra = 1
    show_change_link = True


class TextInline(DraftOnly, StackedInline):
    model = StepText
    formset = TextFormSet
    fields = (("channel", "language"), "subject", "body", ("button", "link"))
    ordering = ("channel", "language")
    extra = 1


class PreviewForm(forms.Form):
    """Which step is looked at, as whom; nobody has to say why."""

    reason = forms.CharField(widget=forms.HiddenInput, required=False)
    member = forms.CharField(label=_("member number"), max_length=30, widget=TextInputWidget())
    channel = forms.ChoiceField(label=_("channel"), choices=Channel.choices, widget=SelectWidget())
    language = forms.ChoiceField(
        label=_("language"), choices=(("", _("the member's")), ("en", "English"), ("fr", "Français")), required=False,
        widget=SelectWidget(),
    )  # fmt: skip


class StartForm(ReasonForm):
    """Why a campaign with an experiment starts, and whether also with few customers."""

    confirms_few = forms.BooleanField(
        label=_("fewer than 100 per variant"), required=False, widget=forms.CheckboxInput()
    )
    field_order = ("confirms_few", "reason")


class ReadyMadePage:
    """The ready-made journeys, each made a draft by one click."""

    def __init__(self, owner: ModelAdmin) -> None:
        self.owner = owner

    def urls(self) -> list[URLPattern]:
        frame = self.owner.admin_site.admin_view
        return [path("ready-made/", frame(self.show), name="campaigns_campaign_ready_made")]

    def show(self, request: HttpRequest) -> HttpResponse:
        """Show them, and make a draft of the one that is chosen."""
        if not request.user.has_perm("campaigns.add_campaign"):
            raise PermissionDenied
        programs = list(Program.objects.select_related("retailer").order_by("retailer__name", "name"))
        if request.method == "POST":
            wanted = request.POST.get("program", "")
            program = next((each for each in programs if str(each.pk) == wanted), None)
            if program is None or request.POST.get("journey") not in ready_made():
                messages.error(request, _("Choose a program and a journey."))
                return redirect("admin:campaigns_campaign_ready_made")
            return self._begin(request, program, request.POST["journey"])
        context = {
            **self.owner.admin_site.each_context(request),
            "title": _("Ready-made journeys"),
            "programs": programs,
            "journeys": [_shown(each) for each in ready_made().values()],
            "opts": self.owner.opts,
        }
        return render(request, "campaigns/ready_made.html", context)

    def _begin(self, request: HttpRequest, program: Program, name: str) -> HttpResponse:
        draft = begin(program, name, now=timezone.now())
        self.owner.log_addition(request, draft.campaign, f"{_('New from a ready-made journey')}: {name}")
        words = _("“%(name)s” is a draft: edit it, preview it and publish it. Until then nothing is sent.")
        messages.success(request, words % {"name": draft.campaign.name})
        return redirect("admin:campaigns_campaign_change", draft.campaign_id)


def _shown(each: ReadyMade) -> dict[str, Any]:
    """Return a ready-made journey as its card says it: who enters, and what happens step by step."""
    steps = [
        Step(
            position=position, kind=Step.Kind.WAIT if "wait" in said else Step.Kind.MESSAGE, wait=said.get("wait", ""),
            channels=said.get("channels", []),
        )
        for position, said in enumerate(each.content["steps"])
    ]  # fmt: skip
    trigger = trigger_of(CampaignVersion(trigger=each.content["trigger"]))
    kind = MessageKind(each.content["message_kind"]).label
    return {"journey": each, "kind": kind, "trigger": trigger, "steps": [step_of(step) for step in steps]}


class SendingAdmin(ModelAdmin):
    """How a retailer sends: with each change of it what waits is decided again."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        super().save_model(request, obj, form, change)
        decide_all_again(obj.retailer_id, now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        decide_all_again(obj.retailer_id, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        retailers = sorted(set(queryset.values_list("retailer_id", flat=True)))
        super().delete_queryset(request, queryset)
        for retailer in retailers:
            decide_all_again(retailer, now=timezone.now())


class MessageChannelAdmin(SendingAdmin):
    list_display = (
        "channel",
        "retailer",
        "provider",
        "is_active",
        "per_second",
        "quiet_from",
        "quiet_to",
        "holidays_of",
    )
    ordering = ("retailer", "channel")
    fields = (
        "retailer", ("channel", "provider"), "is_active", ("url", "takes_keys"), "secret", ("sender", "reply_to"),
        ("needs_verified", "per_second"), ("quiet_from", "quiet_to"), ("days_off", "holidays_of"),
    )  # fmt: skip
    readonly_fields = ("secret",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the secret to those alone who may give the channel another one: it signs in the retailer's name."""
        shown = super().get_fields(request, obj)
        return shown if self.has_change_permission(request, obj) else [each for each in shown if each != "secret"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        """Read an address that says no scheme as one of HTTPS."""
        if db_field.name == "url":
            given["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **given)

    def save_model(self, request: HttpRequest, obj: MessageChannel, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Give a channel a secret of its own, which its provider is told."""
        obj.secret = obj.secret or new_secret()
        super().save_model(request, obj, form, change)


class FrequencyCapAdmin(SendingAdmin):
    list_display = ("limit", "days", "channel", "kind", "tag", "retailer")
    ordering = ("retailer", "days", "limit")
    fields = ("retailer", ("limit", "days"), ("channel", "kind", "tag"))


class SendingHoursAdmin(SendingAdmin):
    list_display = ("retailer", "quiet_from", "quiet_to")
    ordering = ("retailer",)
    fields = ("retailer", ("quiet_from", "quiet_to"))
