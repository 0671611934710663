"""Surveys, answers and the queue of low scores in the admin."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ExportedAdmin,
    ModelAdmin,
    QueueFilter,
    RangeDateTimeFilter,
    SmallTextareaWidget,
    action,
    display,
    row_or_404,
)
from loyalty.activity import staff
from loyalty.activity.staff import ByStaff
from loyalty.campaigns.feedback.following_up import close, take
from loyalty.campaigns.models import Answer, FollowUp, Survey
from loyalty.campaigns.rules.surveys import MAX_COMMENT, SCALES, is_low

OF_CUSTOMER = (
    "answer__invitation__customer__external_id__exact",
    "answer__invitation__customer__memberships__number__exact",
)
STATES = {"open": "danger", "taken": "warning", "closed": "success"}


class SurveyAdmin(ModelAdmin):
    list_display = ("name", "kind", "is_open", "again_after_days", "invited", "answered", "retailer")
    list_filter = ("retailer", "kind", "is_open")
    search_fields = ("code", "name")
    list_select_related = ("retailer",)
    ordering = ("name",)
    fields = (
        "retailer", ("code", "name"), ("kind", "is_open"), ("question", "question_fr"),
        ("again_after_days", "after_any_days", "answer_within_days"),
    )  # fmt: skip

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("retailer", "kind") if obj else ()  # what was answered was answered on its scale

    def get_queryset(self, request: HttpRequest) -> QuerySet[Survey]:
        rows: QuerySet[Survey] = super().get_queryset(request)
        return rows.annotate(
            asked=Count("invitations", distinct=True), said=Count("invitations__answers__invitation", distinct=True)
        )

    @display(description=_("invited"), ordering="asked")
    def invited(self, row: Any) -> str:
        return number_format(row.asked)

    @display(description=_("answered"), ordering="said")
    def answered(self, row: Any) -> str:
        return number_format(row.said)


class AnswerAdmin(ExportedAdmin):
    list_display = ("answered_at", "customer", "survey", "score_label", "counts", "words", "by")
    list_filter = (
        "invitation__survey", "invitation__survey__kind", "score", ("comment", admin.EmptyFieldListFilter),
        ("answered_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = (
        "invitation__customer__external_id__exact",
        "invitation__customer__memberships__number__exact",
        "comment__icontains",
    )
    search_help_text = _("Customer’s external id, member number, or words of the comment")
    list_select_related = ("invitation__survey", "invitation__customer")
    ordering = ("-answered_at", "-pk")
    fields = (("survey", "score", "counts"), "customer", "comment", ("answered_at", "by"))
    readonly_fields = ("survey", "customer", "counts")
    exported = (
        "answered_at", "invitation__survey__code", "invitation__survey__kind", "invitation__customer__external_id", "score",
        "comment", "by", "invitation__asked_at", "is_replaced",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).with_later()
        return rows

    @display(description=_("counts"), boolean=True)
    def counts(self, row: Any) -> bool:
        return not row.is_replaced

    @display(description=_("customer"))
    def customer(self, row: Answer) -> str:
        return str(row.invitation.customer.external_id)

    @display(description=_("survey"), ordering="invitation__survey__name")
    def survey(self, row: Answer) -> str:
        return str(row.invitation.survey)

    @display(description=_("score"), ordering="score", label={"low": "danger", "": "success"})
    def score_label(self, row: Answer) -> tuple[str, str]:
        return "low" if is_low(row.invitation.survey.kind, row.score) else "", _of_scale(row)

    @display(description=_("comment"))
    def words(self, row: Answer) -> str:
        return shortened(row.comment)


def _of_scale(row: Answer) -> str:
    return f"{row.score}\u00a0/\u00a0{SCALES[row.invitation.survey.kind].highest}"


SHOWN = 80


def shortened(text: str) -> str:
    """Return the beginning of a comment, as a list shows it."""
    line = " ".join(text.split())
    return (line if len(line) <= SHOWN else f"{line[: SHOWN - 1].rstrip()}…") or "-"


class OfState(QueueFilter):
    """Those that are still to do where nothing else is asked for."""

    title = _("state")
    parameter_name = "state"
    states: ClassVar = {
        "todo": _("to do"), "open": _("open"), "taken": _("taken on"), "late": _("late"), "closed": _("closed"),
    }  # fmt: skip

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.asked()
        if asked == "late":
            return rows.exclude(state=FollowUp.State.CLOSED).filter(due_at__lt=timezone.now())
        if asked in FollowUp.State.values:
            return rows.filter(state=asked)
        return rows if asked == "all" else rows.exclude(state=FollowUp.State.CLOSED)


class TakeForm(forms.Form):
    """Whoever takes it needs no reason."""

    reason = forms.CharField(widget=forms.HiddenInput, required=False)


class CloseForm(TakeForm):
    """What was done. It is kept with the follow-up, and not in the log: it is about a person."""

    note = forms.CharField(label=_("what was done"), max_length=MAX_COMMENT, widget=SmallTextareaWidget())


class FollowUpAdmin(ByStaff, ExportedAdmin):
    list_display = ("opened_at", "customer", "score", "words", "state_label", "due_at", "taken_by", "survey")
    list_filter: ClassVar[Any] = (
        OfState, "answer__invitation__survey", "taken_by", ("opened_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = OF_CUSTOMER
    search_help_text = _("Customer’s external id, or member number")
    list_select_related = ("answer__invitation__survey", "answer__invitation__customer", "retailer")
    ordering = ("due_at", "pk")
    fields = (
        ("customer", "survey"), ("score", "comment"), ("state", "due_at"), ("taken_by", "taken_at"),
        ("closed_by", "closed_at"), "note",
    )  # fmt: skip
    readonly_fields = ("customer", "survey", "score", "comment")
    exported = (
        "opened_at", "answer__invitation__survey__code", "answer__invitation__customer__external_id", "answer__score",
        "answer__comment", "state", "due_at", "taken_by", "taken_at", "closed_by", "closed_at", "note",
    )  # fmt: skip
    actions_detail = ("take_it", "close_it")

    @display(description=_("customer"))
    def customer(self, row: FollowUp) -> str:
        return str(row.answer.invitation.customer.external_id)

    @display(description=_("survey"), ordering="answer__invitation__survey__name")
    def survey(self, row: FollowUp) -> str:
        return str(row.answer.invitation.survey)

    @display(description=_("score"), ordering="answer__score")
    def score(self, row: FollowUp) -> str:
        return _of_scale(row.answer)

    @display(description=_("comment"))
    def comment(self, row: FollowUp) -> str:
        return row.answer.comment or "-"

    @display(description=_("comment"))
    def words(self, row: FollowUp) -> str:
        return shortened(row.answer.comment)

    @display(description=_("state"), label=STATES, ordering="state")
    def state_label(self, row: FollowUp) -> tuple[str, Any]:
        return row.state, row.get_state_display()

    @action(description=_("Take it"), url_path="take", permissions=["staff"])
    def take_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, me = _row(object_id), request.user.get_username()

        def act(_said: dict[str, str], *, dry_run: bool) -> Sequence[str]:
            with transaction.atomic():
                before = take(row, by=me, now=timezone.now())
                transaction.set_rollback(dry_run)
            words = _("%(who)s had taken it.") if before else _("Nobody had taken it.")
            return [str(words) % {"who": before}]

        verb = staff.Verb(
            str(_("Take the follow-up")), str(_("You say that you speak with this customer.")), str(_("Take it")),
            str(_("You have it now.")), TakeForm, act, _closed(row),
        )  # fmt: skip
        return staff.ask(self, request, row, verb)

    @action(description=_("Close it"), url_path="close", permissions=["staff"])
    def close_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, me = _row(object_id), request.user.get_username()

        def act(said: dict[str, str], *, dry_run: bool) -> Sequence[str]:
            with transaction.atomic():
                close(row, said["note"], by=me, now=timezone.now())
                transaction.set_rollback(dry_run)
            return [str(_("Nobody follows it up any more."))]

        verb = staff.Verb(
            str(_("Close the follow-up")), str(_("It leaves the queue, with a note of what was done.")), str(_("Close it")),
            str(_("It is closed.")), CloseForm, act, _closed(row),
        )  # fmt: skip
        return staff.ask(self, request, row, verb)


def _row(object_id: str) -> FollowUp:
    rows = FollowUp.objects.select_related("answer__invitation__survey", "retailer")
    return row_or_404(rows, object_id)


def _closed(row: FollowUp) -> str:
    if row.state != FollowUp.State.CLOSED:
        return ""
    return str(_("%(who)s has closed this already.") % {"who": row.closed_by})
