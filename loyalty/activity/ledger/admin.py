"""The ledger in the admin: each entry in words, with the member, the order and the lots that it concerns."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.core.admin import RangeDateTimeFilter, ReadOnlyAdmin, display
from loyalty.activity.explaining import rule_names, said_by
from loyalty.activity.member.overview import STATES
from loyalty.activity.member.wallets import wallet_names
from loyalty.activity.search.hits import in_groups
from loyalty.points.models import Entry

NO_LINES = "-"


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = (
        "occurred_at",
        "what",
        "wallet_member",
        "available_change",
        "pending_change",
        "balance_after",
        "order",
    )
    list_filter = ("retailer", "kind", ("occurred_at", RangeDateTimeFilter))
    search_fields = ("wallet__membership__number__exact", "order__number__exact")
    search_help_text = _("Member number or order number")
    list_select_related = ("wallet__membership", "order")
    ordering = ("-id",)
    fields = (
        ("what", "member"),
        ("wallet_name", "order"),
        ("when", "recorded"),
        ("available_change", "pending_change"),
        ("owed_change", "balance_after"),
        "why",
        "moved",
        "because_of",
    )
    readonly_fields = ("what", "member", "wallet_name", "when", "recorded", "why", "moved", "because_of")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("wallet__membership__program", "order")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        entry = self.get_object(request, object_id) if object_id else None
        titled = {"title": f"{entry.label} · {self.when(entry)}", "subtitle": None} if entry else {}
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), **titled}
        )
        return response

    @display(description=_("kind"), ordering="kind")
    def what(self, entry: Entry) -> str:
        return entry.label

    @display(description=_("member"))
    def wallet_member(self, entry: Entry) -> SafeString:
        membership = entry.wallet.membership
        address = reverse("admin:memberships_membership_change", args=[membership.pk])
        return format_html('<a class="version-link" href="{}">{}</a>', address, membership.number)

    @display(description=_("member"))
    def member(self, entry: Entry) -> SafeString:
        membership = entry.wallet.membership
        address = reverse("admin:memberships_membership_change", args=[membership.pk])
        words = f"{in_groups(membership.number)} · {membership.program}"
        return format_html('<a class="version-link" href="{}">{}</a>', address, words)

    @display(description=_("wallet"))
    def wallet_name(self, entry: Entry) -> str:
        code = entry.wallet.code
        return wallet_names(entry.wallet.membership, at=entry.occurred_at).get(code, code)

    @display(description=_("occurred"))
    def when(self, entry: Entry) -> str:
        return _at(entry.occurred_at, entry)

    @display(description=_("recorded"))
    def recorded(self, entry: Entry) -> str:
        return _at(entry.recorded_at, entry)

    @display(description=_("why"))
    def why(self, entry: Entry) -> SafeString | str:
        lines = said_by(entry, rule_names(entry.wallet.membership.program_id, [entry]), to_staff=True)
        return format_html_join("", "<div>{}</div>", ([line] for line in lines)) or NO_LINES

    @display(description=_("what moved"))
    def moved(self, entry: Entry) -> SafeString | str:
        moves = entry.movements.order_by("pk").values_list("amount", "from_state", "to_state")
        rows = ((number_format(amount, 0), STATES[source], STATES[target]) for amount, source, target in moves)
        return format_html_join("", "<div>{}: {} → {}</div>", rows) or NO_LINES

    @display(description=_("cause"))
    def because_of(self, entry: Entry) -> str:
        """Return the cause by the order's own number: nobody knows the id under which it is stored."""
        return entry.cause if entry.order is None else entry.cause.replace(str(entry.order_id), entry.order.number)


def _at(instant: Any, entry: Entry) -> str:
    """Return an instant in the zone of the entry's program, which it names."""
    program = entry.wallet.membership.program
    return f"{date_format(timezone.localtime(instant, program.tzinfo), 'DATETIME_FORMAT')} ({program.zone})"
