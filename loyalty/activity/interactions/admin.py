"""What interactions were rewarded with: the queue of rewards that somebody has to approve, and all others."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, Exists, OuterRef, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Replace
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import QueueFilter, RangeDateTimeFilter, action, display, row_or_404
from customers.core.errors import DomainError
from customers.core.made_up import MadeUp
from loyalty.activity import staff
from loyalty.activity.explaining import REASONS
from loyalty.activity.interactions.reviewing import OfInteraction, decide
from loyalty.activity.models import InteractionDecision
from loyalty.points.models import Lot
from loyalty.points.steps.earning import APPROVED

STATES = {
    "waiting": _("to be approved"),
    "approved": _("approved"),
    "cancelled": _("refused, or taken back"),
    "given": _("given"),
    "none": _("nothing given"),
}
LABELS = {"waiting": "danger", "approved": "success", "cancelled": "warning", "given": "success", "none": "info"}
# As loyalty.points.steps.earning.label_of writes it.
LABEL = MadeUp("interaction-", Replace(Cast(OuterRef("interaction_id"), TextField()), Value("-")))


def with_states(rows: QuerySet[InteractionDecision]) -> QuerySet[Any]:
    """Return decisions with what became of each reward, as a word of STATES: `reward`."""
    lots = Lot.objects.filter(gift=LABEL, activation_event=APPROVED, wallet__membership__program=OuterRef("program"))
    return rows.annotate(
        reward=Case(
            When(Exists(lots.filter(active_at=None, pending__gt=0)), then=Value("waiting")),
            When(Exists(lots.filter(active_at__isnull=False)), then=Value("approved")),
            When(Exists(lots), then=Value("cancelled")),
            When(points__gt=0, then=Value("given")),
            default=Value("none"),
        )
    )


class OfReward(QueueFilter):
    """Decisions by what became of the reward; those that wait for somebody where nothing else is asked for."""

    title = _("reward")
    parameter_name = "reward"
    states = STATES

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.asked()
        return rows.filter(reward=asked) if asked in STATES else rows


class InteractionReviewForm(staff.ReasonForm):
    """What is decided, and why."""

    decision = forms.ChoiceField(
        label=_("decision"), choices=[("approve", _("its reward is given")), ("refuse", _("it gets none"))]
    )
    field_order = ("decision", "reason")


@admin.register(InteractionDecision)
class InteractionDecisionAdmin(OfInteraction):
    list_display = ("when", "number", "kind", "sku", "customer", "program", "points", "state", "why")
    list_filter = (
        OfReward,
        "program",
        "interaction__kind",
        "reason",
        ("interaction__occurred_at", RangeDateTimeFilter),
    )
    search_fields = (
        "interaction__number__exact",
        "interaction__sku__exact",
        "interaction__customer__external_id__exact",
        "interaction__customer__email__iexact",
    )
    search_help_text = _("Number or product of the interaction, customer's external id or e-mail")
    list_select_related = ("interaction__customer", "program", "retailer")
    ordering = ("-pk",)
    fields = ("interaction", "program", "points", "state", "why", "decided_at")
    readonly_fields = ("state", "why")
    exported = (
        "interaction__occurred_at", "interaction__number", "interaction__kind", "interaction__sku",
        "interaction__customer__external_id", "program__slug", "points", "reward", "reason",
    )  # fmt: skip
    actions: ClassVar[Any] = ("approve_all", "export")
    actions_detail = ("review",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_states(super().get_queryset(request))

    @display(description=_("reward"), label=LABELS)
    def state(self, row: Any) -> tuple[str, Any]:
        return row.reward, STATES[row.reward]

    @display(description=_("reason"), ordering="reason")
    def why(self, row: InteractionDecision) -> Any:
        return REASONS.get(row.reason, row.reason) or "-"

    @action(description=_("Approve the rewards"), permissions=["staff"])
    def approve_all(self, request: HttpRequest, rows: QuerySet[InteractionDecision]) -> None:
        """Approve the chosen ones that wait, each by itself; the others stay as they are."""
        done = [row for row in rows.select_related(*self.list_select_related) if self._approve(request, row)]
        said = ngettext("%(rewards)s reward was approved.", "%(rewards)s rewards were approved.", len(done))
        messages.success(request, said % {"rewards": len(done)})

    def _approve(self, request: HttpRequest, row: InteractionDecision) -> bool:
        try:
            points = decide(row, is_approved=True, dry_run=False)
        except DomainError:  # it waits for nobody any more
            return False
        if points:
            self.log_change(request, row, str(_("Approve the rewards")))
        return points > 0

    @action(description=_("Approve or refuse"), url_path="review", permissions=["staff"])
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(with_states(InteractionDecision.objects.select_related("interaction", "retailer")), object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> Sequence[str]:
            is_approved = said["decision"] == "approve"
            points = decide(row, is_approved=is_approved, dry_run=dry_run)
            words = (
                ngettext("%(points)s point becomes active.", "%(points)s points become active.", points)
                if is_approved
                else ngettext("%(points)s point is cancelled.", "%(points)s points are cancelled.", points)
            )
            return [words % {"points": points}]

        refused = "" if row.reward == "waiting" else str(_("Nothing of it waits for an approval."))
        verb = staff.Verb(
            str(_("Approve or refuse the reward")),
            str(_("Its points become active, or are cancelled, in every program of its customer. It is for good.")),
            str(_("Decide")), str(_("It is decided.")), InteractionReviewForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)
