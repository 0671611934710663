"""The admin's pages of what was sent: messages, entries and outcomes in words, and the addresses that take nothing any more."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ExportedAdmin, RangeDateTimeFilter, action, display, row_or_404
from customers.core.instants import instant_said
from loyalty.activity import staff
from loyalty.campaigns.models import Address, Message, Outcome
from loyalty.campaigns.models.words import Channel, occurrence_in_words
from loyalty.campaigns.offering.admin import OF_CUSTOMER
from loyalty.campaigns.pages import LINK
from loyalty.campaigns.reaching.addresses import release, suppress
from loyalty.campaigns.reasons import reason_in_words, rule_in_words

RELEASE, SUPPRESS = _("Let the address take messages again"), _("Send nothing to the address any more")


class KnownLaterFilter(admin.SimpleListFilter):
    """Those that went after their member had withdrawn its consent, before anybody here knew."""

    title = _("consent")
    parameter_name = "consent"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("withdrawn", _("sent before a withdrawal was known"))]

    def queryset(self, _request: HttpRequest, rows: Any) -> Any:
        return rows.sent_before_we_knew() if self.value() == "withdrawn" else rows


class InWords:
    """Pages on which codes stand in words."""

    @display(description=_("why"), ordering="reason")
    def why(self, row: Any) -> str:
        return reason_in_words(row.reason) if row.reason else "-"

    @display(description=_("rule"), ordering="rule")
    def by_rule(self, row: Any) -> str:
        return rule_in_words(row.rule) if row.rule else "-"

    @display(description=_("because of"), ordering="occurrence")
    def because(self, row: Any) -> str:
        return occurrence_in_words(row.occurrence)


class ReasonFilter(admin.SimpleListFilter):
    """The reasons that there are, in words."""

    title = _("why")
    parameter_name = "reason"

    def lookups(self, _request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        known = model_admin.model.objects.exclude(reason="").order_by("reason").values_list("reason", flat=True)
        return [(code, reason_in_words(code)) for code in known.distinct()]

    def queryset(self, _request: HttpRequest, rows: Any) -> Any:
        return rows.filter(reason=self.value()) if self.value() else rows


class MessageAdmin(InWords, ExportedAdmin):
    list_display = (
        "customer",
        "campaign",
        "channel",
        "state",
        "why",
        "by_rule",
        "planned_at",
        "claimed_at",
        "settled_at",
    )
    list_filter = ("campaign", "channel", "kind", "state", KnownLaterFilter, ("planned_at", RangeDateTimeFilter))
    search_fields = OF_CUSTOMER
    list_select_related = ("customer", "campaign")
    ordering = ("-pk",)
    exported = (
        "customer__external_id", "campaign__code", "channel", "kind", "state", "reason", "rule", "planned_at", "claimed_at",
        "settled_at",
    )  # fmt: skip
    fields = (
        ("customer", "campaign"), ("kind", "channel"), ("state", "why", "by_rule"), ("planned_at", "due_at"),
        ("claimed_at", "expires_at"), ("claimed_until", "settled_at"), ("tries", "is_resent"), ("of_entry", "provider_id"),
        ("language", "rendered_hash"), "subject", "body", "read_at", "address",
    )  # fmt: skip
    readonly_fields = ("why", "by_rule", "of_entry", "address")
    actions_detail = ("release_it", "suppress_it")

    def has_staff_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(staff.PERMISSION)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer what can be done with the address to which a message went, as it is."""
        row = Message.objects.filter(pk=object_id).first()
        if row is None or not _is_addressed(row):
            return []
        known = _address_of(row)
        offered = "release_it" if known is not None and known.suppressed_at else "suppress_it"
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name.endswith(offered)]

    @display(description=_("because of"))
    def of_entry(self, row: Message) -> Any:
        """Return the fact that it is about and its step, with the entry; of one that is of no entry, what it is for."""
        if row.entry is None:
            return row.cause
        step = "" if row.step is None else f", {_('step')} {row.step.position + 1}"
        address = reverse("admin:campaigns_entry_change", args=[row.entry.pk])
        return format_html(LINK, address, f"{occurrence_in_words(row.entry.occurrence)}{step}")

    @display(description=_("address"))
    def address(self, row: Message) -> str:
        """Tell whether the address to which it went takes messages; which one it is nobody can tell."""
        known = _address_of(row)
        if known is None or known.suppressed_at is None:
            return str(_("takes messages")) if _is_addressed(row) else "-"
        return _("takes nothing since %(when)s: %(why)s") % {
            "when": instant_said(known.suppressed_at), "why": known.get_reason_display(),
        }  # fmt: skip

    @action(description=RELEASE, url_path="release-address", permissions=["staff"])
    def release_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Message.objects.all(), object_id)
        known = _address_of(row)

        def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
            with staff.tried(dry_run):
                if known is not None:
                    release(known, now=timezone.now())
            return [str(_("If it is refused again, it takes nothing any more, as before."))]

        words = _("Messages go to it again from now on, whosever it is. What refused it before counts no more.")
        refused: Any = ""
        if not _is_addressed(row):
            refused = _("Nobody knows to which address this went.")
        elif known is None or known.suppressed_at is None:
            refused = _("Messages go to this address.")
        verb = _verb(RELEASE, words, _("Let it take messages"), _("It takes messages again."), act, refused)
        return staff.ask(self, request, row, verb)

    @action(description=SUPPRESS, url_path="suppress-address", permissions=["staff"])
    def suppress_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Message.objects.all(), object_id)
        known = _address_of(row)

        def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
            with staff.tried(dry_run):
                suppress(row.retailer_id, row.channel, row.address_hash, Address.Reason.STAFF, now=timezone.now())
            return [str(_("What is due goes by another channel, where its member agreed to one, or not at all."))]

        words = _("Nothing goes to it any more, whosever it is, until staff let it take messages again.")
        refused: Any = ""
        if not _is_addressed(row):
            refused = _("Nobody knows to which address this went.")
        elif known is not None and known.suppressed_at is not None:
            refused = _("This address takes nothing already.")
        verb = _verb(SUPPRESS, words, _("Send nothing to it"), _("It takes nothing any more."), act, refused)
        return staff.ask(self, request, row, verb)


def _is_addressed(row: Message) -> bool:
    """Tell whether it is known to which address a message went: one that is due again may go by another channel."""
    return bool(row.channel and row.address_hash)


def _address_of(row: Message) -> Address | None:
    """Return what is known of the address to which a message went; None for nothing."""
    if not _is_addressed(row):
        return None
    return Address.objects.filter(retailer=row.retailer_id, channel=row.channel, value_hash=row.address_hash).first()


def _verb(heading: Any, words: Any, button: Any, done: Any, act: staff.Act, refused: Any) -> staff.Verb:  # noqa: PLR0913 - a verb's
    return staff.Verb(str(heading), str(words), str(button), str(done), staff.ReasonForm, act, str(refused))


class EntryAdmin(InWords, ExportedAdmin):
    list_display = (
        "customer",
        "campaign",
        "because",
        "entered_at",
        "ended_at",
        "why",
        "is_held_out",
        "reached_goal_at",
    )
    list_filter = ("campaign", ReasonFilter, "is_held_out", ("entered_at", RangeDateTimeFilter))
    readonly_fields = ("because", "why")
    fields = (
        ("customer", "campaign", "version"), ("because", "about_date"), ("variant", "is_held_out"),
        ("entered_at", "exposure_at"), ("step", "next_at"), ("ended_at", "why"), "reached_goal_at",
    )  # fmt: skip
    search_fields = OF_CUSTOMER
    list_select_related = ("customer", "campaign")
    ordering = ("-pk",)
    exported = (
        "customer__external_id", "campaign__code", "occurrence", "variant", "is_held_out", "entered_at", "exposure_at",
        "ended_at", "reason", "reached_goal_at",
    )  # fmt: skip


class OutcomeAdmin(InWords, ExportedAdmin):
    """Why somebody got something, or did not: looked for by customer."""

    list_display = ("at", "customer", "campaign", "because", "place", "what", "why", "by_rule", "by")
    list_filter = ("campaign", "what", ReasonFilter, ("at", RangeDateTimeFilter))
    readonly_fields = ("because", "place", "why", "by_rule", "by")
    fields = (("at", "customer"), ("campaign", "because"), ("place", "what"), ("why", "by_rule"), "by")
    search_fields = OF_CUSTOMER
    list_select_related = ("customer", "campaign")
    ordering = ("-pk",)
    exported = (
        "at", "customer__external_id", "campaign__code", "occurrence", "step", "what", "reason", "rule", "channel",
    )  # fmt: skip

    @display(description=_("step"), ordering="step")
    def place(self, row: Outcome) -> int | str:
        """Return which step it was, counted from 1 as the campaign's page does."""
        return "-" if row.step is None else row.step + 1

    @display(description=_("channel"), ordering="channel")
    def by(self, row: Outcome) -> str:
        return str(Channel(row.channel).label) if row.channel in Channel.values else row.channel or "-"
