"""Reviews and photos that are held for a person: the queue of those to look at, and what was decided of the others."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from customers.core.admin import QueueFilter, RangeDateTimeFilter, action, display, row_or_404
from customers.core.errors import DomainError
from customers.core.numbers import shown
from loyalty.activity import staff
from loyalty.activity.held.bursts import NEW_DAYS, WITHIN_HOURS, WITHIN_MINUTES
from loyalty.activity.interactions.reviewing import OfInteraction, decide
from loyalty.activity.models import InteractionHold

STATES = {"open": _("to look at"), "approved": _("approved"), "refused": _("refused")}
LABELS = {"open": "danger", "approved": "success", "refused": "warning"}


def state_of(row: InteractionHold) -> str:
    """Return what became of a hold, as a word of STATES."""
    return "open" if row.is_approved is None else "approved" if row.is_approved else "refused"


class OfDecision(QueueFilter):
    """Holds by what became of them; those that wait for somebody where nothing else is asked for."""

    title = _("decision")
    parameter_name = "decision"
    states = STATES

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.asked()
        return rows if asked == "all" else rows.filter(is_approved={"approved": True, "refused": False}.get(asked))


class HoldReviewForm(staff.ReasonForm):
    """What is decided, and why."""

    decision = forms.ChoiceField(
        label=_("decision"),
        choices=[
            ("approve", _("it is published and rewarded")),
            ("refuse", _("it is not published, and gets nothing")),
        ],
    )
    field_order = ("decision", "reason")


@admin.register(InteractionHold)
class InteractionHoldAdmin(OfInteraction):
    list_display = ("when", "number", "kind", "sku", "customer", "why", "state")
    list_filter = (OfDecision, "reason", "interaction__kind", ("held_at", RangeDateTimeFilter))
    search_fields = (
        "interaction__number__exact", "interaction__sku__exact", "interaction__customer__external_id__exact",
    )  # fmt: skip
    search_help_text = _("Number or product of the interaction, or customer's external id")
    list_select_related = ("interaction__customer", "retailer")
    ordering = ("-pk",)
    fields = ("interaction", "why", "state", "held_at", "decided_at")
    readonly_fields = ("why", "state")
    exported = (
        "interaction__occurred_at", "interaction__number", "interaction__kind", "interaction__sku",
        "interaction__customer__external_id", "reason", "counted", "held_at", "decided_at", "is_approved",
    )  # fmt: skip
    actions: ClassVar[Any] = ("approve_all", "refuse_all", "export")
    actions_detail = ("review",)
    done = Q(decided_at__isnull=False)

    @display(description=_("why it is held"), ordering="reason")
    def why(self, row: InteractionHold) -> str:
        return why_held(row)

    @display(description=_("decision"), label=LABELS)
    def state(self, row: InteractionHold) -> tuple[str, Any]:
        return state_of(row), STATES[state_of(row)]

    @action(description=_("Approve them"), permissions=["staff"])
    def approve_all(self, request: HttpRequest, rows: QuerySet[InteractionHold]) -> None:
        """Approve the chosen ones that wait, each by itself; the others stay as they are."""
        self._decide(request, rows, is_approved=True)

    @action(description=_("Refuse them"), permissions=["staff"])
    def refuse_all(self, request: HttpRequest, rows: QuerySet[InteractionHold]) -> None:
        """Refuse the chosen ones that wait, each by itself; the others stay as they are."""
        self._decide(request, rows, is_approved=False)

    def _decide(self, request: HttpRequest, rows: QuerySet[InteractionHold], *, is_approved: bool) -> None:
        waiting = rows.filter(decided_at=None).select_related(*self.list_select_related)
        # As they occurred, so that of two about one product the first is rewarded.
        done = [row for row in waiting.order_by("interaction__occurred_at", "interaction_id") if _try(row, is_approved)]
        words = gettext("approved") if is_approved else gettext("refused")
        for row in done:
            self.log_change(request, row, words)
        told = ngettext("%(count)s was %(decided)s.", "%(count)s were %(decided)s.", len(done))
        messages.success(request, told % {"count": shown(len(done), 0), "decided": words})

    @action(description=_("Approve or refuse"), url_path="review", permissions=["staff"])
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(InteractionHold.objects.select_related("interaction__customer", "retailer"), object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> Sequence[str]:
            is_approved = said["decision"] == "approve"
            points = decide(row, is_approved=is_approved, dry_run=dry_run)
            if not is_approved:
                return [gettext("It is not published, and gives nothing.")]
            words = ngettext("It gives %(points)s point.", "It gives %(points)s points.", points)
            return [gettext("It may be published."), words % {"points": points}]

        refused = "" if row.decided_at is None else str(_("Somebody has decided it."))
        verb = staff.Verb(
            str(_("Approve or refuse what is held")),
            f"{why_held(row)} " + gettext("Approved, it gives what it would have given when it was written. It is for good."),
            str(_("Decide")), str(_("It is decided.")), HoldReviewForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)


def _try(row: InteractionHold, is_approved: bool) -> bool:  # noqa: FBT001 - what is tried
    try:
        decide(row, is_approved=is_approved, dry_run=False)
    except DomainError:  # somebody was faster
        return False
    return True


def why_held(row: InteractionHold) -> str:
    """Return in words why an interaction is held."""
    told = {"count": shown(row.counted, 0), "minutes": WITHIN_MINUTES, "hours": WITHIN_HOURS, "days": NEW_DAYS}
    if row.reason == InteractionHold.Reason.MANY_BY_CUSTOMER:
        return gettext("With it the customer wrote %(count)s reviews and photos within %(minutes)s minutes.") % told
    return (
        gettext(
            "With it %(count)s customers known for less than %(days)s days wrote about the product within %(hours)s hours."
        )
        % told
    )
