"""What staff do to customers and orders, and what could not be carried out."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers import admin as facts
from customers.core.admin import RangeDateTimeFilter, ReadOnlyAdmin, action, row_or_404
from customers.models import Customer, Order, UndecidedFact
from customers.packing import as_zip
from customers.privacy import export
from loyalty.activity import backlog, nightly, staff
from loyalty.activity.contacts import record_contact
from loyalty.activity.held import admin as held_admin
from loyalty.activity.interactions import admin as interaction_admin
from loyalty.activity.ledger import admin as entry_admin
from loyalty.activity.member import admin as member_admin
from loyalty.activity.member.related import around_customer, around_order
from loyalty.activity.models import NightRun, SetAside
from loyalty.activity.rewards import admin as reward_admin
from loyalty.activity.staff import ByStaff

__all__ = [
    "entry_admin",
    "held_admin",
    "interaction_admin",
    "member_admin",
    "reward_admin",
]  # whose pages come with these


def _row(rows: QuerySet[Any], object_id: str) -> Any:
    """Return a row that the one who asks may see; 404 for any other one."""
    return row_or_404(rows, object_id)


def _replace(model: type[Model]) -> Any:
    """Register a page in the place of the one that the facts' own floor has."""
    admin.site.unregister(model)
    return admin.register(model)


@_replace(Customer)
class CustomerAdmin(ByStaff, facts.CustomerAdmin):
    """A customer, with what programs do when it turns out to be another one."""

    change_form_outer_before_template = "activity/customer.html"
    actions_detail = ("merge_into", "export_person", "erase_person")
    done = Q(merged_into__isnull=False) | Q(erased_at__isnull=False)

    def get_urls(self) -> list[URLPattern]:
        noting = self.admin_site.admin_view(self.note_contact)
        return [path("<path:object_id>/contact/", noting, name="customers_customer_note_contact"), *super().get_urls()]

    def note_contact(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note a contact of a customer with support: what the top of its page offers."""
        if not self.has_staff_permission(request):
            raise PermissionDenied
        return record_contact(self, request, row_or_404(Customer.objects.select_related("retailer"), object_id))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        if object_id and self.has_view_permission(request) and (row := self.get_object(request, object_id)):
            may_note = self.has_staff_permission(request) and row.merged_into_id is None and row.erased_at is None
            extra |= around_customer(request, row) | {"may_note_contacts": may_note}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra)
        return response

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

    change_form_outer_before_template = "activity/order.html"
    actions_detail = ("claim_for",)
    done = Q(customer__isnull=False)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        if object_id and self.has_view_permission(request) and (row := self.get_object(request, object_id)):
            extra |= around_order(request, row)
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra)
        return response

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
