"""Surprises: drawn, given, explained."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import (
    ExportedAdmin,
    Exporting,
    RangeDateTimeFilter,
    action,
    row_or_404,
)
from customers.core.errors import DomainError
from loyalty.activity import staff
from loyalty.badges.account.surprises import draw, explain, require_wallet
from loyalty.badges.admin.shared import MEMBER, MEMBER_HELP, title
from loyalty.badges.models import (
    Surprise,
    SurpriseTicket,
)


class SurpriseForm(forms.ModelForm[Surprise]):
    """A surprise as staff write it down."""

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if {"program", "wallet"} <= said.keys():
            try:
                require_wallet(said["program"], said["wallet"])
            except DomainError as error:
                self.add_error("wallet", forms.ValidationError(str(error), code=error.code))
        return said


class DrawForm(staff.ReasonForm):
    """Why a surprise is drawn."""


@admin.register(Surprise)
class SurpriseAdmin(Exporting):
    """Surprises with their budget: written down, drawn once, given, and explained."""

    form = SurpriseForm
    list_display = (title, "program", "points", "budget", "status", "candidates", "drawn_at", "drawn_by")
    list_filter: ClassVar[Any] = ("program", "status", ("drawn_at", RangeDateTimeFilter))
    search_fields: ClassVar[Any] = ("code", "name", "name_fr")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("program",)
    ordering = ("-pk",)
    fields = (
        ("program", "code"), ("name", "name_fr"), ("points", "budget", "wallet"), "seed", ("tiers", "segments"),
        "bought_within_days", "members", ("status", "candidates"), ("drawn_at", "drawn_by"),
    )  # fmt: skip
    readonly_fields = ("status", "candidates", "drawn_at", "drawn_by")
    actions_detail = ("draw_lots", "to_lots")
    exported = (
        "program__slug", "code", "name", "status", "wallet", "points", "budget", "seed", "candidates", "drawn_at", "drawn_by",
    )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.status == Surprise.Status.DRAFT) and bool(
            super().has_change_permission(request, obj)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.status == Surprise.Status.DRAFT) and bool(
            super().has_delete_permission(request, obj)
        )

    def has_draw_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm("badges.change_surprise")

    def save_model(self, _request: HttpRequest, obj: Surprise, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        obj.retailer_id = obj.program.retailer_id
        if not change:
            obj.save()
            return
        # Who draws holds the row: what was drawn meanwhile stays as it was drawn.
        if Surprise.objects.select_for_update(no_key=True).get(pk=obj.pk).status != Surprise.Status.DRAFT:
            raise PermissionDenied(_("It was drawn already."))
        obj.save(update_fields=["retailer", *form.changed_data])

    @action(description=_("Draw and give"), url_path="draw", permissions=["draw"])
    def draw_lots(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = row_or_404(Surprise.objects.select_related("program"), object_id)

        def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
            with transaction.atomic():
                gifts = draw(row, author=request.user.get_username(), now=timezone.now())
                if dry_run:
                    transaction.set_rollback(True)
            return [_drawn(gifts, gifts * row.points)]

        refused = "" if row.status == Surprise.Status.DRAFT else str(_("It was drawn already."))
        verb = staff.Verb(
            str(_("Draw the surprise")), str(_("Members are drawn by lot, once, and are given their points.")),
            str(_("Draw")), str(_("It is drawn.")), DrawForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)

    @action(description=_("Lots"), url_path="to-lots", permissions=["view"])
    def to_lots(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = row_or_404(Surprise.objects.all(), object_id)
        if row.status != Surprise.Status.DRAFT:
            found = explain(row)
            words = (
                _("Drawn again from its seed and its %(candidates)s candidates, the lots are the same.")
                if found.is_as_drawn
                else _("Drawn again from its seed and its %(candidates)s candidates, the lots are NOT the same.")
            )
            told = messages.success if found.is_as_drawn else messages.error
            told(request, words % {"candidates": found.candidates})
        return redirect(f"{reverse('admin:badges_surpriseticket_changelist')}?surprise__id__exact={row.pk}")


@admin.register(SurpriseTicket)
class SurpriseTicketAdmin(ExportedAdmin):
    list_display = ("surprise", "place", "number", "is_drawn", "given_at", "missed_because", "lot")
    list_filter = ("surprise__program", "surprise", "is_drawn", "missed_because", ("given_at", RangeDateTimeFilter))
    search_fields = ("number__exact", *MEMBER[1:])
    search_help_text = MEMBER_HELP
    list_select_related = ("surprise", "membership")
    ordering = ("-surprise", "place")
    exported = ("surprise__code", "place", "number", "lot", "is_drawn", "given_at", "missed_at", "missed_because")


def _drawn(gifts: int, points: int) -> str:
    words = ngettext(
        "%(gifts)s member gets %(points)s points in all, within the next minutes.",
        "%(gifts)s members get %(points)s points in all, within the next minutes.",
        gifts,
    )
    return words % {"gifts": gifts, "points": points}
