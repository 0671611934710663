"""A member's page: wallet, tier, and the ledger with each lot's story; and what staff do to members, customers and orders."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from customers import admin as facts
from customers.core.admin import ModelAdmin, RangeDateTimeFilter, ReadOnlyAdmin, action, display
from customers.core.calendar import local_date
from customers.models import Customer, Order, UndecidedFact
from customers.packing import as_zip
from customers.privacy import export
from loyalty.activity import backlog, nightly, staff
from loyalty.activity.explaining import rule_names, said_by
from loyalty.activity.models import NightRun, SetAside
from loyalty.activity.progress import plan_of, progress
from loyalty.activity.rewards import admin as reward_admin
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Lot, Movement, Wallet
from loyalty.points.statement import balance, forecast, statement_of
from loyalty.tiers.models import Tier, TierChange

__all__ = ["reward_admin"]  # whose pages come with these
SHOWN_ENTRIES = 50
SHOWN_LOTS = 25


@dataclass(frozen=True)
class Step:
    """One movement of a lot, as its story tells it."""

    at: datetime
    kind: str
    from_state: str
    to_state: str
    amount: int
    cause: str


class ByStaff(ModelAdmin):
    """Pages with verbs of staff: for those who may change customers."""

    done = Q(pk__in=())  # those rows whose verb was carried out already, to whom it is not offered

    def has_staff_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(staff.PERMISSION)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        is_done = self.model._default_manager.filter(self.done, pk=object_id).exists()
        return [] if is_done else super().get_actions_detail(request, object_id)


@admin.register(Membership)
class MembershipAdmin(ByStaff, ReadOnlyAdmin):
    list_display = ("number", "customer", "program", "tier", "available", "pending", "enrolled_at", "state")
    list_filter = (
        "program",
        "standing__tier__name",
        ("left_at", admin.EmptyFieldListFilter),
        ("enrolled_at", RangeDateTimeFilter),
    )
    search_fields = ("number__exact", "customer__external_id__exact", "customer__email__exact")
    search_help_text = _("Member number, customer's external id or e-mail")
    list_select_related = ("customer", "program", "standing__tier", "merged_into")
    fields = ("number", "customer", "program", "source", "enrolled_at", "left_at", "merged_into")
    ordering = ("-id",)
    change_form_after_template = "activity/ledger.html"
    actions_detail = ("end_membership",)
    done = Q(left_at__isnull=False)

    @action(description=_("End the membership"), url_path="end", permissions=["staff"])
    def end_membership(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return staff.end_membership(self, request, _row(Membership.objects.select_related("program"), object_id))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("wallets")

    @display(description=_("tier"), ordering="standing__tier__rank")
    def tier(self, membership: Membership) -> str:
        return str(tier) if (standing := getattr(membership, "standing", None)) and (tier := standing.tier) else "-"

    @display(description=_("state"), label={"member": "success", "left": "warning", "merged": "info"})
    def state(self, membership: Membership) -> tuple[str, Any]:
        if membership.merged_into is not None:
            return "merged", _("merged into %(number)s") % {"number": membership.merged_into.number}
        return ("left", _("left")) if membership.left_at else ("member", _("member"))

    @display(description=_("available"))
    def available(self, membership: Membership) -> str:
        return str(number_format(sum(wallet.available for wallet in membership.wallets.all()), 0))

    @display(description=_("pending"))
    def pending(self, membership: Membership) -> str:
        return str(number_format(sum(wallet.pending for wallet in membership.wallets.all()), 0))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        membership = Membership.objects.filter(pk=object_id).select_related("program").first() if object_id else None
        if membership is not None:
            extra |= ledger_of(membership)
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra)
        return response


def _row(rows: QuerySet[Any], object_id: str) -> Any:
    """Return a row that the one who asks may see; 404 for any other one."""
    return get_object_or_404(rows, pk=object_id)


def ledger_of(membership: Membership) -> dict[str, Any]:
    """Return what the ledger template shows of a member."""
    now = timezone.now()
    wallet = Wallet.objects.get(membership=membership, code="points")
    movements = Movement.objects.select_related("entry").order_by("id")
    lots = Lot.objects.filter(wallet__membership=membership).select_related("rule", "version", "order")
    newest = lots.prefetch_related(Prefetch("movements", movements)).order_by("-earned_at", "-id")[:SHOWN_LOTS]
    others = Wallet.objects.filter(membership=membership).exclude(pk=wallet.pk).order_by("pk")
    entries = list(statement_of(membership)[:SHOWN_ENTRIES])
    rules = rule_names(membership.program_id, entries)
    changes = TierChange.objects.filter(membership=membership).select_related("from_tier", "to_tier").order_by("-id")
    found = progress(membership, at=now)
    return {
        "wallet": wallet,
        "balance": balance(wallet, at=now, zone=membership.program.tzinfo),
        "progress": found,
        "progress_percent": _percent(found.qualifying, found.next),
        "entries": [(entry, said_by(entry, rules)) for entry in entries],
        "entry_count": Entry.objects.filter(wallet__membership=membership).count(),
        "others": [(each.code, balance(each, at=now, zone=membership.program.tzinfo)) for each in others],
        "forecast": forecast(wallet, at=now, zone=membership.program.tzinfo, dates=6),
        "lots": [(lot, last_day(lot, membership), story(lot)) for lot in newest],
        "zone": membership.program.zone,
        "lot_count": Lot.objects.filter(wallet__membership=membership).count(),
        "tier_changes": list(changes[:10]),
        "plan": plan_of(membership, at=now),
    }


def last_day(lot: Lot, membership: Membership) -> date | None:
    """Return the last day on which a lot's points can be spent."""
    if lot.expires_at is None:
        return None
    return local_date(lot.expires_at, membership.program.tzinfo) - timedelta(days=1)


def story(lot: Lot) -> list[Step]:
    """Return what became of a lot, movement by movement."""
    return [
        Step(
            movement.entry.occurred_at,
            movement.entry.label,
            str(STATES[movement.from_state]),
            str(STATES[movement.to_state]),
            movement.amount,
            movement.entry.cause,
        )
        for movement in sorted(lot.movements.all(), key=lambda movement: movement.pk)
    ]


def _percent(qualifying: Any, following: Tier | None) -> int:
    if following is None or not following.threshold:
        return 100
    return min(100, int(qualifying * 100 / following.threshold))


STATES = {
    "issued": _("issued"),
    "pending": _("pending"),
    "available": _("available"),
    "held": _("held"),
    "redeemed": _("redeemed"),
    "expired": _("expired"),
    "cancelled": _("cancelled"),
    "transferred": _("transferred"),
}


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

    @display(description=_("kind"), ordering="kind")
    def what(self, entry: Entry) -> str:
        return entry.label

    @display(description=_("member"))
    def wallet_member(self, entry: Entry) -> str:
        return entry.wallet.membership.number


def _replace(model: type[Model]) -> Any:
    """Register a page in the place of the one that the facts' own floor has."""
    admin.site.unregister(model)
    return admin.register(model)


@_replace(Customer)
class CustomerAdmin(ByStaff, facts.CustomerAdmin):
    """A customer, with what programs do when it turns out to be another one."""

    actions_detail = ("merge_into", "export_person", "erase_person")
    done = Q(merged_into__isnull=False) | Q(erased_at__isnull=False)

    @action(description=_("Merge into another customer"), url_path="merge", permissions=["staff"])
    def merge_into(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return staff.merge_into(self, request, _row(Customer.objects.select_related("retailer"), object_id))

    @action(description=_("Export what is held on the person"), url_path="export", permissions=["staff"])
    def export_person(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        customer = _row(Customer.objects.filter(erased_at=None).select_related("retailer", "merged_into"), object_id)
        document = export(customer, now=timezone.now())
        headers = {"Content-Disposition": 'attachment; filename="data.zip"', "Cache-Control": "no-store"}
        return HttpResponse(as_zip(document), content_type="application/zip", headers=headers)

    @action(description=_("Erase the person"), url_path="erase", permissions=["staff"])
    def erase_person(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return staff.erase_person(self, request, _row(Customer.objects.select_related("retailer"), object_id))


@_replace(Order)
class OrderAdmin(ByStaff, facts.OrderAdmin):
    """An order, with what programs do when somebody claims it."""

    actions_detail = ("claim_for",)
    done = Q(customer__isnull=False)

    @action(description=_("Claim for a customer"), url_path="claim", permissions=["staff"])
    def claim_for(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return staff.claim_for(self, request, _row(Order.objects.select_related("retailer"), object_id))


class TryAgain(ByStaff):
    """A list of what could not be carried out, from which staff let it be tried at once."""

    actions = ("try_again",)

    def tried(self, rows: QuerySet[Any]) -> int:
        """Try rows again, and return how many are still there."""
        raise NotImplementedError

    @action(description=_("Try again now"), permissions=["staff"])
    def try_again(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        left = self.tried(rows)
        if left:
            messages.error(request, _("%(left)s could not be carried out; the error says why.") % {"left": left})
        else:
            messages.success(request, _("All of it is carried out."))


@_replace(UndecidedFact)
class UndecidedFactAdmin(TryAgain, facts.UndecidedFactAdmin):
    """What waits to be decided, each with its customer's other facts."""

    def tried(self, rows: QuerySet[UndecidedFact]) -> int:
        facts_of: dict[Any, list[Any]] = {}
        for fact in rows.select_related("retailer"):
            facts_of.setdefault(fact.retailer, []).append(fact.customer_id)
        now = timezone.now()
        return sum(backlog.try_again(retailer, customers, now=now) for retailer, customers in facts_of.items())


@admin.register(SetAside)
class SetAsideAdmin(TryAgain, ReadOnlyAdmin):
    """Members who could not be worked on, with what to do about it."""

    list_display = ("membership", "what", "attempts", "first_failed_at", "next_try_at", "error")
    list_filter = ("retailer", ("first_failed_at", RangeDateTimeFilter))
    search_fields = ("membership__number__exact",)
    search_help_text = _("Member number")
    list_select_related = ("membership",)
    ordering = ("next_try_at",)

    def tried(self, rows: QuerySet[SetAside]) -> int:
        return nightly.try_again(rows.values_list("membership_id", flat=True), now=timezone.now())


@admin.register(NightRun)
class NightRunAdmin(ReadOnlyAdmin):
    list_display = ("program", "day", "members", "activated", "expired", "moved", "until", "ran_at")
    list_filter = ("program",)
    ordering = ("-day",)
