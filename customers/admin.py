"""Facts in the admin: shown, searched and imported, never edited."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.checks import InvalidFact, money_of
from customers.core.admin import ModelAdmin, RangeDateTimeFilter, ReadOnlyAdmin, ReadOnlyInline, action, display
from customers.core.errors import DomainError
from customers.core.exporting import csv_response
from customers.importing.jobs import confirm, upload
from customers.models import (
    Consent,
    Customer,
    Erasure,
    ImportJob,
    Insight,
    Interaction,
    Order,
    OrderClaim,
    OrderLine,
    OrderRevision,
    Retailer,
    Return,
    ReturnLine,
    UndecidedFact,
)

MAX_BYTES = 50 * 1024 * 1024


@admin.register(Retailer)
class RetailerAdmin(ModelAdmin):
    list_display = ("name", "slug", "currency", "zone", "language")
    search_fields = ("name", "slug")
    prepopulated_fields: ClassVar = {"slug": ("name",)}


class InsightInline(ReadOnlyInline):
    model = Insight
    fields = (
        "as_of",
        "historic_revenue",
        "formula_value",
        "predicted_value",
        "expected_orders",
        "probability_active",
        "value_decile",
    )


class ConsentInline(ReadOnlyInline):
    model = Consent
    fields = ("purpose", "granted", "occurred_at", "source", "wording")
    ordering = ("-occurred_at",)


class CustomerForm(forms.ModelForm[Customer]):
    """What staff may correct of a customer."""

    class Meta:
        model = Customer
        fields = (
            "email", "phone", "first_name", "last_name", "birth_date", "language", "acquisition_channel",
            "acquisition_cost",
        )  # fmt: skip

    def clean_acquisition_cost(self) -> Decimal | None:
        cost: Decimal | None = self.cleaned_data["acquisition_cost"]
        try:
            return cost if cost is None else money_of("acquisition_cost", cost, self.instance.retailer.currency)
        except InvalidFact as error:
            raise forms.ValidationError(str(error)) from None


@admin.register(Customer)
class CustomerAdmin(ModelAdmin):
    list_display = ("external_id", "full_name", "email", "retailer", "predicted", "active", "decile", "identified_at")
    list_filter = ("retailer", ("identified_at", RangeDateTimeFilter), "acquisition_channel")
    search_fields = ("external_id__exact", "email", "last_name")
    search_help_text = _("External id, e-mail or last name")
    list_select_related = ("retailer", "insight")
    form = CustomerForm
    readonly_fields = ("retailer", "external_id", "identified_at", "merged_into", "erased_at")
    inlines = (InsightInline, ConsentInline)
    ordering = ("-id",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False  # customers come from the shop, by API or import

    def has_delete_permission(self, _request: HttpRequest, _obj: Customer | None = None) -> bool:
        return False  # books stay; erasing a person is a verb of its own

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        may: bool = super().has_change_permission(request, obj)
        return may and (obj is None or obj.erased_at is None)  # whoever is erased is described no more

    @display(description=_("name"), ordering="last_name")
    def full_name(self, customer: Customer) -> str:
        return f"{customer.first_name} {customer.last_name}".strip() or "-"

    @display(description=_("predicted value"), ordering="insight__predicted_value")
    def predicted(self, customer: Customer) -> str:
        insight = _insight(customer)
        value = insight.predicted_value if insight else None
        return f"{number_format(value, 2)} {insight.currency}" if insight and value is not None else "-"

    @display(description=_("active"), ordering="insight__probability_active")
    def active(self, customer: Customer) -> str:
        insight = _insight(customer)
        known = insight is not None and insight.probability_active is not None
        return f"{number_format(round((insight.probability_active or 0) * 100), 0)} %" if insight and known else "-"

    @display(description=_("decile"), ordering="insight__value_decile")
    def decile(self, customer: Customer) -> int | str:
        insight = _insight(customer)
        return insight.value_decile or "-" if insight else "-"


def _insight(customer: Customer) -> Insight | None:
    return getattr(customer, "insight", None)


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    fields = ("position", "sku", "category", "brand", "quantity", "unit_price", "discount", "net_amount")
    ordering = ("position",)


class OrderRevisionInline(ReadOnlyInline):
    model = OrderRevision
    fields = ("version", "replaced_at", "content")
    ordering = ("-version",)


class OrderClaimInline(ReadOnlyInline):
    model = OrderClaim
    fields = ("customer", "reference", "claimed_at")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "customer", "occurred_at", "net_amount", "currency", "store", "channel")
    list_filter = ("retailer", ("occurred_at", RangeDateTimeFilter), "channel")
    search_fields = ("number__exact", "customer__external_id__exact")
    search_help_text = _("Order number or customer's external id")
    list_select_related = ("customer",)
    exclude = ("content_hash",)
    inlines = (OrderLineInline, OrderClaimInline, OrderRevisionInline)
    ordering = ("-occurred_at",)


class ReturnLineInline(ReadOnlyInline):
    model = ReturnLine
    fields = ("line", "quantity", "net_amount")


@admin.register(Return)
class ReturnAdmin(ReadOnlyAdmin):
    list_display = ("number", "order", "occurred_at", "net_amount")
    list_filter = ("retailer", ("occurred_at", RangeDateTimeFilter))
    search_fields = ("number__exact", "order__number__exact")
    list_select_related = ("order",)
    inlines = (ReturnLineInline,)
    exclude = ("content_hash",)
    ordering = ("-occurred_at",)


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin):
    list_display = ("number", "kind", "customer", "occurred_at", "score")
    list_filter = ("retailer", "kind", ("occurred_at", RangeDateTimeFilter))
    search_fields = ("number__exact", "customer__external_id__exact")
    list_select_related = ("customer",)
    exclude = ("content_hash",)
    ordering = ("-occurred_at",)


@admin.register(UndecidedFact)
class UndecidedFactAdmin(ReadOnlyAdmin):
    """What waits to be decided, and what could not be: it holds back its own customer, and nobody else."""

    list_display = ("kind", "fact_id", "customer", "occurred_at", "attempts", "next_try_at", "error")
    list_filter = ("retailer", "kind", ("next_try_at", admin.EmptyFieldListFilter))
    search_fields = ("customer__external_id__exact",)
    search_help_text = _("Customer's external id")
    list_select_related = ("customer",)
    ordering = ("occurred_at", "id")


class UploadForm(forms.ModelForm[ImportJob]):
    """A file to import: its preview is made at once."""

    file = forms.FileField(
        label=_("file"),
        help_text=_(
            "CSV in UTF-8 or as French Excel writes it. One row per line of an order, the lines of an order together."
        ),
    )

    class Meta:
        model = ImportJob
        fields = ("retailer", "kind")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB. Split it, or use `manage.py import_csv`."))
        return cleaned


@admin.register(ImportJob)
class ImportJobAdmin(ModelAdmin):
    list_display = (
        "filename",
        "kind",
        "retailer",
        "status_label",
        "rows_read",
        "created",
        "unchanged",
        "bad",
        "uploaded_at",
    )
    list_filter = ("retailer", "kind", "status")
    list_select_related = ("retailer",)
    ordering = ("-pk",)
    actions_detail = ("start_import", "download_problems")

    def get_form(self, request: HttpRequest, obj: ImportJob | None = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **(kwargs if obj else kwargs | {"form": UploadForm}))

    def get_fields(self, _request: HttpRequest, obj: ImportJob | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("retailer", "kind", "file")
        return ("filename", "retailer", "kind", "status", "rows_read", "created", "unchanged", "bad",
                "failure", "first_problems")  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: ImportJob | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: ImportJob | None = None) -> bool:
        return obj is None and bool(super().has_change_permission(request))  # an upload stays what it was

    def has_delete_permission(self, _request: HttpRequest, _obj: ImportJob | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ImportJob, form: forms.ModelForm[ImportJob], _change: bool) -> None:  # noqa: FBT001 - Django's signature
        file = form.cleaned_data["file"]
        try:
            job = upload(obj.retailer, obj.kind, file.name, file.read(), now=timezone.now())
        except DomainError as error:
            obj.filename, obj.status, obj.failure = file.name, ImportJob.Status.FAILED, str(error)
            obj.content = b""
            obj.save()
            messages.error(request, str(error))
            return
        obj.pk, obj.filename = job.pk, job.filename
        obj.refresh_from_db()

    def response_add(
        self, _request: HttpRequest, obj: ImportJob, _post_url_continue: str | None = None
    ) -> HttpResponse:
        return redirect(reverse("admin:customers_importjob_change", args=[obj.pk]))

    @display(description=_("status"), label={
        ImportJob.Status.PREVIEWED: "info", ImportJob.Status.WAITING: "warning", ImportJob.Status.RUNNING: "warning",
        ImportJob.Status.DONE: "success", ImportJob.Status.FAILED: "danger",
    })  # fmt: skip
    def status_label(self, job: ImportJob) -> tuple[str, str]:
        return job.status, job.get_status_display()

    @display(description=_("bad rows"))
    def first_problems(self, job: ImportJob) -> SafeString | str:
        if not job.problems:
            return str(_("none"))
        rows = ((problem["line"], problem["column"], problem["reason"]) for problem in job.problems[:50])
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        heads = (str(_("line")), str(_("column")), str(_("reason")))
        head = format_html_join("", "<th scope='col'>{}</th>", ((name,) for name in heads))
        return format_html("<table class='plain-table'><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)

    def has_start_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return bool(request.user.has_perm("customers.change_importjob"))

    @action(description=_("Import these rows"), url_path="start", permissions=["start"])
    def start_import(self, request: HttpRequest, object_id: int) -> HttpResponse:
        confirm(ImportJob.objects.get(pk=object_id))
        messages.success(request, _("The import waits for a worker; reload this page to see how far it is."))
        return redirect(reverse("admin:customers_importjob_change", args=[object_id]))

    @action(description=_("Download the bad rows"), url_path="problems", permissions=["view"])
    def download_problems(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        job = ImportJob.objects.get(pk=object_id)
        rows = [(problem["line"], problem["column"], problem["reason"]) for problem in job.problems]
        return csv_response(f"problems-{job.pk}.csv", ("line", "column", "reason"), rows, is_for_people=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        queryset: QuerySet[ImportJob] = super().get_queryset(request)
        return queryset.defer("content")


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("erased_at", "asked_by", "author", "reason", "retailer")
    list_filter = ("asked_by", ("erased_at", RangeDateTimeFilter))
    list_select_related = ("retailer",)
    ordering = ("-id",)
