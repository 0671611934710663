"""Members' plans, their invoices and what could not be collected, refunds; and what plans bring and cost."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import MinValueValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ExportedAdmin,
    RangeDateTimeFilter,
    ReadOnlyInline,
    TextInputWidget,
    action,
    display,
    money,
    row_or_404,
)
from customers.core.calendar import day_before
from loyalty.activity import staff
from loyalty.activity.member.forms import OnceForm
from loyalty.activity.staff import ByStaff
from loyalty.memberships.models import Membership
from loyalty.plans.account.collecting import end_refund
from loyalty.plans.account.joining import cancel, end
from loyalty.plans.account.paying import mark_paid, refund
from loyalty.plans.models import Invoice, InvoiceLine, PaymentNotice, Refund, Subscription
from loyalty.plans.pages import SEE, ReportPages

STATUS = {"awaiting": "info", "trial": "info", "active": "success", "past_due": "danger", "ended": "warning"}
REFUNDED = {"waiting": "info", "done": "success", "failed": "danger"}
PAID = {"open": "info", "paid": "success", "void": "warning"}


class LineInline(ReadOnlyInline):
    model = InvoiceLine
    fields = ("plan", "first_day", "end_day", "amount")


class InvoiceInline(ReadOnlyInline):
    model = Invoice
    fields = ("issued_at", "kind", "first_day", "end_day", "amount", "status", "paid_at", "refunded")
    ordering = ("-id",)
    show_change_link = True


class CancelForm(staff.ReasonForm):
    """When a plan ends, and what becomes of its fee."""

    when = forms.ChoiceField(
        label=_("when"),
        choices=[
            ("period_end", _("with its period")),
            ("now", _("now; what is left of the fee is forfeited")),
            ("refund", _("now; what is left of the fee goes back")),
        ],
    )
    field_order = ("when", "reason")


class RefundForm(OnceForm):
    """How much goes back; what is sent twice goes back once."""

    amount = forms.CharField(label=_("amount"), max_length=20, widget=TextInputWidget())
    field_order = ("amount", "reason")

    def clean_amount(self) -> str:
        field = forms.DecimalField(localize=True, max_digits=16, validators=[MinValueValidator(0)])
        return f"{field.clean(self.cleaned_data['amount']):f}"


@admin.register(Subscription)
class SubscriptionAdmin(ByStaff, ExportedAdmin):
    list_display = ("member", "customer", "plan", "state", "since", "through", "next", "credit")
    list_filter = (
        "program",
        "status",
        "plan__code",
        "cancels",
        "end_reason",
        ("joined_at", RangeDateTimeFilter),
        ("ended_at", RangeDateTimeFilter),
    )
    search_fields = (
        "membership__number__exact",
        "membership__customer__external_id__exact",
        "membership__customer__email__iexact",
    )
    search_help_text = _("Member number, customer's external id or e-mail")
    list_select_related = ("membership__customer", "plan", "program__retailer")
    fields = (
        "membership", "program", "plan", "status", "joined_at", "since", "first_day", "end_day", "paid", "had_trial",
        "cancels", "credit", "method", "ended_at", "end_reason",
    )  # fmt: skip
    inlines = (InvoiceInline,)
    ordering = ("-id",)
    actions_detail = ("cancel_plan",)
    actions_list = ("to_report",)
    exported = (
        "membership__number", "membership__customer__external_id", "program__slug", "plan__code", "status", "joined_at",
        "since", "first_day", "end_day", "cancels", "credit", "ended_at", "end_reason",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        return [*ReportPages(self).urls(), *super().get_urls()]

    @display(description=_("member"), ordering="membership__number")
    def member(self, row: Subscription) -> str:
        return row.membership.number

    @display(description=_("customer"))
    def customer(self, row: Subscription) -> str:
        return row.membership.customer.external_id

    @display(description=_("status"), label=STATUS, ordering="status")
    def state(self, row: Subscription) -> tuple[str, Any]:
        return row.status, row.get_end_reason_display() if row.ended_at else row.get_status_display()

    @display(description=_("through"), ordering="end_day")
    def through(self, row: Subscription) -> str:
        return date_format(day_before(row.end_day)) if row.end_day and not row.ended_at else "-"

    @display(description=_("then"))
    def next(self, row: Subscription) -> Any:
        if row.ended_at or not row.end_day:
            return "-"
        return (
            _("ends with the period") if row.cancels else _("becomes another plan") if row.next_key else _("is renewed")
        )

    def has_report_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(SEE)

    @action(description=_("What plans bring and cost"), url_path="to-report", permissions=["report"])
    def to_report(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:plans_subscription_report"))

    @action(description=_("Cancel"), url_path="cancel", permissions=["staff"])
    def cancel_plan(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Subscription.objects.select_related("membership__program", "plan"), object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
            with staff.tried(dry_run):
                _end(row.membership, said["when"])
            goes_on = _("The plan goes on through %(day)s, and is not renewed.")
            words = {
                "period_end": goes_on % {"day": date_format(day_before(row.end_day))}
                if row.end_day
                else _("The plan has not begun: it ends at once, and its invoice is void."),
                "now": _("The plan ends at once. Nothing goes back."),
                "refund": _("The plan ends at once. What is left of its fee, day by day, goes back."),
            }
            return [str(words[said["when"]])]

        refused = str(_("This plan has ended already.")) if row.ended_at else ""
        verb = staff.Verb(
            str(_("Cancel the plan")), str(_("The member’s plan %(plan)s ends.") % {"plan": row.plan}), str(_("Cancel it")),
            str(_("The plan is cancelled.")), CancelForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)


def _end(membership: Membership, when: str) -> None:
    now = timezone.now()
    if when == "period_end":
        cancel(membership, now=now)
    else:
        end(membership, refunds=when == "refund", now=now)


class DunningFilter(admin.SimpleListFilter):
    """What is not paid: awaited, or failed and tried again, or left to a person."""

    title = _("dunning")
    parameter_name = "dunning"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("failed", _("a payment failed")), ("waits", _("waits for a person, or for the provider")),
            ("due", _("all that is open")),
        ]  # fmt: skip

    def queryset(self, _request: HttpRequest, rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
        open_ones = rows.filter(status=Invoice.Status.OPEN)
        kinds: dict[str | None, Callable[[], QuerySet[Invoice]]] = {
            "failed": lambda: open_ones.filter(attempts__gt=0),
            "waits": lambda: open_ones.filter(next_try_at=None),
            "due": lambda: open_ones,
        }
        return kinds[self.value()]() if self.value() in kinds else rows


@admin.register(Invoice)
class InvoiceAdmin(ByStaff, ExportedAdmin):
    list_display = (
        "issued_at", "member", "kind", "plan", "to_pay", "state", "attempts", "last_error", "next_try_at", "unpaid_on",
    )  # fmt: skip
    list_filter = (
        DunningFilter,
        "subscription__program",
        "status",
        "kind",
        ("issued_at", RangeDateTimeFilter),
        ("paid_at", RangeDateTimeFilter),
    )
    search_fields = (
        "subscription__membership__number__exact",
        "subscription__membership__customer__external_id__exact",
        "provider_reference__exact",
    )
    search_help_text = _("Member number, customer's external id, or the provider's reference")
    list_select_related = ("subscription__membership__customer", "plan")
    inlines = (LineInline,)
    ordering = ("-id",)
    actions_list = ("to_dunning",)
    actions_detail = ("note_payment", "give_back")
    exported = (
        "issued_at", "subscription__membership__number", "subscription__membership__customer__external_id", "plan__code",
        "kind", "status", "amount", "currency", "refunded", "attempts", "last_failed_at", "last_error", "next_try_at",
        "unpaid_on", "paid_at", "provider", "provider_reference",
    )  # fmt: skip

    @display(description=_("member"))
    def member(self, row: Invoice) -> str:
        return row.subscription.membership.number

    @display(description=_("amount"), ordering="amount")
    def to_pay(self, row: Invoice) -> str:
        return money(row.amount, row.currency)

    @display(description=_("status"), label=PAID, ordering="status")
    def state(self, row: Invoice) -> tuple[str, str]:
        return row.status, row.get_status_display()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = Invoice.objects.filter(pk=object_id).first()
        offered = {"open": "note-payment", "paid": "give-back"}.get(row.status if row else "")
        return [
            each for each in super().get_actions_detail(request, object_id) if offered and offered in str(each.path)
        ]

    @action(description=_("Who owes"), url_path="to-dunning", permissions=["view"])
    def to_dunning(self, _request: HttpRequest) -> HttpResponse:
        return redirect(
            f"{reverse('admin:plans_invoice_changelist')}?dunning=due&o=10"
        )  # who is given up first comes first

    @action(description=_("Note a payment"), url_path="note-payment", permissions=["staff"])
    def note_payment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Invoice.objects.all(), object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
            reference = staff.reference_of(request, said)
            with staff.tried(dry_run):
                mark_paid(row.pk, reference=reference, now=timezone.now())
            return [str(_("%(amount)s are noted as paid now.") % {"amount": money(row.amount, row.currency)})]

        refused = "" if row.status == Invoice.Status.OPEN else str(_("This invoice is not open."))
        verb = staff.Verb(
            str(_("Note a payment")), str(_("The member paid at a till or by transfer. The reason is kept with the invoice.")),
            str(_("Note it")), str(_("The payment is noted.")), staff.ReasonForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)

    @action(description=_("Refund"), url_path="give-back", permissions=["staff"])
    def give_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Invoice.objects.all(), object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
            amount = Decimal(said["amount"])
            author = request.user.get_username()
            with staff.tried(dry_run):
                is_new = refund(
                    row.pk, amount, reason=said["reason"], author=author, reference=f"staff:{said['key']}",
                    now=timezone.now(),
                )  # fmt: skip
            if not is_new:
                return [str(_("This was done already: nothing changes."))]
            return [str(_("%(amount)s go back; the plan stays as it is.") % {"amount": money(amount, row.currency)})]

        left = money(row.amount - row.refunded, row.currency)
        refused = "" if row.status == Invoice.Status.PAID else str(_("This invoice was not paid."))
        verb = staff.Verb(
            str(_("Refund")), str(_("Up to %(left)s can go back of what was paid.") % {"left": left}), str(_("Refund it")),
            str(_("The refund is on its way.")), RefundForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)


class DecidedByFilter(admin.SimpleListFilter):
    """Refunds that somebody decided on, or that follow from a credit or a payment."""

    title = _("decided by")
    parameter_name = "decided"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("staff", _("a person")), *((code, label) for code, label in REASONS.items())]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Refund]) -> QuerySet[Refund]:
        if self.value() == "staff":
            return rows.exclude(author="")
        return rows.filter(author="", reason=self.value()) if self.value() else rows


# Why money goes back where nobody decided on it.
REASONS = {
    "credit": _("credit without a next invoice"),
    "paid_too_late": _("paid too late"),
    "paid_twice": _("paid once more"),
}


@admin.register(Refund)
class RefundAdmin(ByStaff, ExportedAdmin):
    list_display = ("asked_at", "member", "worth", "why", "author", "state", "attempts", "last_error", "ended_at")
    list_filter = ("invoice__subscription__program", "status", DecidedByFilter, ("asked_at", RangeDateTimeFilter))
    search_fields = (
        "invoice__subscription__membership__number__exact",
        "invoice__subscription__membership__customer__external_id__exact",
        "reference__exact",
        "provider_reference__exact",
    )
    search_help_text = _("Member number, customer's external id, or a reference")
    list_select_related = ("invoice__subscription__membership__customer",)
    ordering = ("-id",)
    actions = ("export", "carried_out")
    exported = (
        "asked_at", "invoice__subscription__membership__number", "amount", "invoice__currency", "reason", "author", "reference",
        "status", "ended_at", "provider_reference",
    )  # fmt: skip

    @display(description=_("member"))
    def member(self, row: Refund) -> str:
        return row.invoice.subscription.membership.number

    @display(description=_("amount"), ordering="amount")
    def worth(self, row: Refund) -> str:
        return money(row.amount, row.invoice.currency)

    @display(description=_("reason"))
    def why(self, row: Refund) -> Any:
        return row.reason if row.author else REASONS.get(row.reason, row.reason)

    @display(description=_("status"), label=REFUNDED, ordering="status")
    def state(self, row: Refund) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @action(description=_("Note as carried out by hand"), permissions=["staff"])
    def carried_out(self, request: HttpRequest, rows: QuerySet[Refund]) -> None:
        now = timezone.now()
        for row in rows.order_by("pk"):
            if end_refund(row.pk, at=now, reference=request.user.get_username()):
                self.log_change(request, row, str(_("Note as carried out by hand")))


@admin.register(PaymentNotice)
class PaymentNoticeAdmin(ExportedAdmin):
    list_display = ("recorded_at", "occurred_at", "provider", "kind", "effect", "member", "invoice", "notice_id")
    list_filter = ("provider", "kind", "effect", ("recorded_at", RangeDateTimeFilter))
    search_fields = (
        "notice_id__exact",
        "invoice__provider_reference__exact",
        "invoice__subscription__membership__number__exact",
    )
    search_help_text = _("The provider’s id of the notice, its reference of the payment, or member number")
    list_select_related = ("invoice__subscription__membership",)
    ordering = ("-id",)
    exported = (
        "recorded_at", "occurred_at", "provider", "notice_id", "kind", "effect",
        "invoice__subscription__membership__number", "invoice__provider_reference", "invoice__amount", "invoice__currency",
    )  # fmt: skip

    @display(description=_("member"))
    def member(self, row: PaymentNotice) -> str:
        return row.invoice.subscription.membership.number if row.invoice else "-"
