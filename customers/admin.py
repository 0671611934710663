"""Facts in the admin: shown, searched and imported, never edited."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from customers.checks import InvalidFact, money_of
from customers.core.admin import ModelAdmin, RangeDateTimeFilter, ReadOnlyAdmin, ReadOnlyInline, action, display
from customers.core.exporting import csv_response
from customers.core.money import written
from customers.core.segments import LifeStage
from customers.core.withheld import RANK, Withheld, withheld, withheld_of
from customers.importing.admin import ImportJobAdmin as ImportJobAdmin  # noqa: PLC0414 - registered beside the others
from customers.interaction_pages import ContactInline
from customers.models import (
    Consent,
    Customer,
    Erasure,
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
from customers.segment_names import NAMES, STAGE_NAMES, TAG_NAMES, choices_of
from customers.shown_order import ShownOrder, hidden_of_all, hiding


@admin.register(Retailer)
class RetailerAdmin(ModelAdmin):
    list_display = ("name", "slug", "currency", "zone", "language")
    search_fields = ("name", "slug")
    prepopulated_fields: ClassVar = {"slug": ("name",)}

    def get_readonly_fields(self, _request: HttpRequest, obj: Retailer | None = None) -> tuple[str, ...]:
        return (
            ("currency", "zone") if obj and _is_used(obj) else ()
        )  # what is recorded is in this currency, and of these days

    def get_prepopulated_fields(self, request: HttpRequest, obj: Retailer | None = None) -> dict[str, Any]:
        return {} if obj and not self.has_change_permission(request, obj) else dict(self.prepopulated_fields)

    def get_actions(self, _request: HttpRequest) -> dict[str, Any]:
        return {}  # one that is used is never deleted, and the others one by one

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse at once, in words: to collect what stands in the way takes a minute, and says a million rows."""
        retailer = self.get_object(request, object_id)
        if retailer is not None and self.has_delete_permission(request, retailer) and _is_used(retailer):
            words = _(
                "%(retailer)s has customers, programs or files: its books stay. Take its staff’s roles and its keys away instead."
            )
            messages.error(request, words % {"retailer": retailer})
            return redirect(reverse("admin:customers_retailer_change", args=[retailer.pk]))
        shown: HttpResponse = super().delete_view(request, object_id, extra_context)
        return shown


def _is_used(retailer: Retailer) -> bool:
    """Tell whether anything was recorded for a retailer."""
    own = (retailer.customers, retailer.orders, retailer.programs, retailer.imports)
    return any(rows.exists() for rows in own)


class InsightFormSet(BaseInlineFormSet):  # type: ignore[type-arg] # of rows that are only read
    """A customer's figures, without those that are not shown."""

    def get_queryset(self) -> Any:
        is_first = not hasattr(self, "_queryset")  # as Django keeps it
        rows = super().get_queryset()
        if is_first and rows:
            hidden = withheld_of(self.instance.retailer_id)
            for insight in rows:
                hidden.hide(insight)
        return rows


class InsightInline(ReadOnlyInline):
    model = Insight
    formset = InsightFormSet
    fields = (
        "as_of",
        "historic_revenue",
        "formula_value",
        "predicted_value",
        "value_low",
        "value_high",
        "expected_purchases",
        "probability_of_buying",
        "at_risk",
        "value_decile",
        "segment",
        "tags",
        "life_stage",
        "rfm",
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


class TagFilter(admin.SimpleListFilter):
    """Who has a tag: none, one or several are a customer's."""

    title = _("tag")
    parameter_name = "tag"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return choices_of(TAG_NAMES)

    def queryset(self, _request: HttpRequest, rows: QuerySet[Customer]) -> QuerySet[Customer]:
        return rows.filter(insight__tags__contains=[self.value()]) if self.value() in TAG_NAMES else rows


class StageFilter(admin.SimpleListFilter):
    """
    How far a customer is; who never bought has no insight to say so.

    Nor has who bought first since the last value run, or where there was none yet.
    """

    title = _("stage")
    parameter_name = "stage"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return choices_of(STAGE_NAMES)

    def queryset(self, _request: HttpRequest, rows: QuerySet[Customer]) -> QuerySet[Customer]:
        if self.value() == LifeStage.NEVER_BOUGHT:
            return rows.filter(~Exists(_purchases()), insight=None, merged_into=None, erased_at=None)
        return rows.filter(insight__life_stage=self.value()) if self.value() in STAGE_NAMES else rows


def _purchases() -> QuerySet[Order]:
    """Return the orders of a customer that kept a value: of which something was paid with money, and did not come back."""
    back = Return.objects.filter(order=OuterRef("pk")).order_by().values("order").values(amount=Sum("net_amount"))
    paid = Order.objects.filter(customer=OuterRef("pk"), net_amount__gt=F("paid_with_points"))
    return paid.filter(net_amount__gt=Coalesce(Subquery(back), Decimal(0)))


NOT_SHOWN = "not_shown"
VALUED = {
    "insight__at_risk": "at_risk",
    "insight__value_decile": RANK,
}  # what people are chosen by that may not be shown
EXPORTED = (
    "external_id", "email", "first_name", "last_name", "acquisition_channel", "identified_at", "insight__as_of",
    "insight__currency", "insight__historic_revenue", "insight__predicted_value", "insight__value_decile",
    "insight__probability_of_buying", "insight__at_risk", "insight__segment", "insight__tags", "insight__life_stage",
    "insight__rfm", "insight__favourite_category", "insight__favourite_brand", NOT_SHOWN,
)  # fmt: skip
MAX_EXPORTED = 50_000


@admin.register(Customer)
class CustomerAdmin(ModelAdmin):
    list_display = (
        "external_id", "person", "retailer", "predicted", "active", "decile", "segment", "identified_at",
    )  # fmt: skip
    list_filter = (
        "retailer", "insight__segment", TagFilter, StageFilter, "insight__at_risk", "insight__value_decile",
        ("identified_at", RangeDateTimeFilter), "acquisition_channel",
    )  # fmt: skip
    actions = ("export",)
    search_fields = ("external_id__exact", "email", "last_name")
    search_help_text = _("External id, e-mail or last name")
    list_select_related = ("retailer", "insight")
    show_facets = admin.ShowFacets.NEVER  # how many are at risk of those who are found by a name tells who is
    withheld_figures = ("predicted_value", "probability_active", RANK)  # of columns by which people order
    form = CustomerForm
    readonly_fields = ("retailer", "external_id", "identified_at", "merged_into", "erased_at")
    inlines = (InsightInline, ConsentInline, ContactInline)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        """Return customers; who asks for those of some value, of none whose values are not shown, for that would tell them."""
        rows: QuerySet[Customer] = super().get_queryset(request)
        figures = {figure for path, figure in VALUED.items() if any(name.startswith(path) for name in request.GET)}
        for figure in figures:
            rows = rows.exclude(retailer__in=hiding(hidden_of_all(request), figure))
        return rows

    def get_changelist(self, _request: HttpRequest, **_kwargs: Any) -> type[ShownOrder]:
        return ShownOrder

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Leave out what is not shown of the customers that are looked at, and say why, in one statement for all of them."""
        found = super().get_changelist_instance(request)
        asked_by_value = getattr(request, "hidden_of_all", None)
        shown = (customer.retailer_id for customer in found.result_list)
        hidden = withheld(shown) if asked_by_value is None else asked_by_value
        for customer in found.result_list:
            _hide(customer, hidden)
        if request.method == "GET":
            for words in sorted({each.words for each in hidden.values()}):
                messages.warning(request, words)
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Customer | None:
        """Return a customer whose page says in words what its figures do not show."""
        customer: Customer | None = super().get_object(request, object_id, from_field)
        if customer is not None and request.method == "GET" and (words := withheld_of(customer.retailer_id).words):
            messages.warning(request, words)
        return customer

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False  # customers come from the shop, by API or import

    def has_delete_permission(self, _request: HttpRequest, _obj: Customer | None = None) -> bool:
        return False  # books stay; erasing a person is a verb of its own

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        may: bool = super().has_change_permission(request, obj)
        return may and (obj is None or obj.erased_at is None)  # whoever is erased is described no more

    @display(description=_("name"), ordering="last_name")
    def person(self, customer: Customer) -> str:
        return _in_two_lines(f"{customer.first_name} {customer.last_name}".strip() or "-", customer.email)

    @display(description=_("predicted value"), ordering="insight__predicted_value")
    def predicted(self, customer: Customer) -> str:
        insight = _insight(customer)
        value = insight.predicted_value if insight else None
        return _unbroken(written(value, insight.currency)) if insight and value is not None else "-"

    @display(description=_("active"), ordering="insight__probability_active")
    def active(self, customer: Customer) -> str:
        insight = _insight(customer)
        known = insight is not None and insight.probability_active is not None
        share = f"{number_format(round((insight.probability_active or 0) * 100), 0)} %" if insight and known else "-"
        return _unbroken(share)

    @display(description=_("decile"), ordering="insight__value_decile")
    def decile(self, customer: Customer) -> int | str:
        insight = _insight(customer)
        return insight.value_decile or "-" if insight else "-"

    @display(description=_("segment"), ordering="insight__segment")
    def segment(self, customer: Customer) -> str:
        """Return the type, and of the tags the first one: the customer's page has all, and who points at it is told them."""
        insight = _insight(customer)
        kind = str(NAMES[insight.segment]) if insight and insight.segment else "-"
        tags = [str(NAMES[code]) for code in insight.tags] if insight else []
        short = f"{tags[0]} +{len(tags) - 1}" if tags[1:] else "".join(tags)
        return _in_two_lines(_unbroken(kind), _unbroken(short), ", ".join(tags))

    @action(description=_("Download as CSV"))
    def export(self, _request: HttpRequest, rows: QuerySet[Customer]) -> HttpResponse:
        hidden = withheld(rows.order_by().values_list("retailer", flat=True).distinct())
        found = rows.select_related("insight")[:MAX_EXPORTED]
        cells = ([_cell(_value(row, path)) for path in EXPORTED] for row in (_hide(each, hidden) for each in found))
        return csv_response("customers.csv", EXPORTED, cells)


def _hide(customer: Customer, hidden: Mapping[int, Withheld]) -> Customer:
    """Return a customer, who is only read, without what is not shown of it."""
    of = hidden.get(customer.retailer_id)
    if of and (insight := _insight(customer)):
        of.hide(insight)
    customer.not_shown = of.words if of else ""  # type: ignore[attr-defined] # of the file
    return customer


def _value(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name, None)
    return row


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


def _unbroken(text: str) -> str:
    """Return a text of a few words that is not broken into lines."""
    return text.replace(" ", "\u00a0")


def _in_two_lines(first: str, second: str, in_full: str = "") -> str:
    """Return two lines of a cell, for there is room for few columns; as one box, for on a phone a cell lays out in a row."""
    words = '<span class="block text-right lg:text-left">{}<br><span class="text-xs" title="{}">{}</span></span>'
    return format_html(words, first, in_full or second, second) if second else first


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


NUMBERED: Any = (Order, Return, Interaction)


@admin.register(UndecidedFact)
class UndecidedFactAdmin(ReadOnlyAdmin):
    """What waits to be decided, and what could not be: it holds back its own customer, and nobody else."""

    list_display = ("kind", "number", "customer", "occurred_at", "attempts", "next_try_at", "error")
    readonly_fields = ("number",)
    exclude = ("fact_id",)
    list_filter = ("retailer", "kind", ("next_try_at", admin.EmptyFieldListFilter))
    search_fields = ("customer__external_id__exact",)
    search_help_text = _("Customer's external id")
    list_select_related = ("customer",)
    ordering = ("occurred_at", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UndecidedFact]:
        numbers = [Subquery(each.objects.filter(pk=OuterRef("fact_id")).values("number")[:1]) for each in NUMBERED]
        rows: QuerySet[UndecidedFact] = super().get_queryset(request).annotate(number_of_it=Coalesce(*numbers))
        return rows

    @display(description=_("fact"))
    def number(self, row: Any) -> str:
        """Return the number by which the retailer knows a fact; the stored id of what has none, such as a correction."""
        return str(row.number_of_it or row.fact_id)


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("erased_at", "asked_by", "author", "reason", "retailer")
    list_filter = ("asked_by", ("erased_at", RangeDateTimeFilter))
    list_select_related = ("retailer",)
    ordering = ("-id",)
