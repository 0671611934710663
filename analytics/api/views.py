"""What customers are worth, for retailers' systems: runs with their cards, values by what is known, files of them."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from django_filters import MultipleChoiceFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.filters import StrictFilters, ValueFilter
from analytics.api.serializers import VALUE, CustomerValueOut, InsightOut, RunCardOut, RunOut
from analytics.exporting import csv_parts, parquet_parts
from analytics.models import CustomerValue, ValueRun
from analytics.segments.filters import FIELDS as KIND
from analytics.statistics import statistics_of
from customers.api.asking import AskedView
from customers.api.callers import customer_of, retailer_of, the_one
from customers.api.pagination import NewestFirst, Pages
from customers.core import tenancy
from customers.core.withheld import Withheld, withheld_of
from customers.models import Insight, Retailer
from loyalty.activity.api.asking import NotThere

READ = "analytics:read"


class NoSuchRun(NotThere):
    message = _("There is no computation of value {id}. /api/v1/analytics/runs lists those that there are.")


ORDERINGS = {
    "value": "predicted_value", "-value": "-predicted_value", "probability_of_buying": "probability_of_buying",
    "-probability_of_buying": "-probability_of_buying", "revenue": "historic_revenue", "-revenue": "-historic_revenue",
}  # fmt: skip
ORDERING = OpenApiParameter(
    "ordering",
    str,
    enum=list(ORDERINGS),
    description="Customers without such a value are left out; by their ids if left out.",
)
FILE = OpenApiParameter("file", str, enum=["csv", "parquet"], description="csv if left out.")
TYPES = {"decile": int, "at_risk": bool, "customer": str, "favourite_category": str, "favourite_brand": str}


def _parameter(name: str, field: Any) -> OpenApiParameter:
    """Return a filter as the API's document describes it."""
    words = str(field.extra.get("help_text", ""))
    if isinstance(field, MultipleChoiceFilter):
        codes = [code for code, _name in field.extra["choices"]]
        return OpenApiParameter(name, str, many=True, enum=codes, description=words)
    return OpenApiParameter(name, TYPES.get(name, OpenApiTypes.DECIMAL), description=words)


KNOWN: Any = ValueFilter  # whose stubs do not tell of what its metaclass gives
FILTERS = [_parameter(name, field) for name, field in KNOWN.base_filters.items()]
KINDS = {
    models.CharField: "text", models.DateField: "day", models.PositiveIntegerField: "whole", models.BigIntegerField: "whole",
    models.PositiveSmallIntegerField: "whole", models.FloatField: "number", models.BooleanField: "flag", ArrayField: "text",
}  # fmt: skip
EXPORTED = ("as_of", "horizon_days", "currency", *VALUE, *KIND)
TAGS = models.Func("tags", models.Value(" "), function="array_to_string", output_field=models.TextField())
PARQUET = "application/vnd.apache.parquet"
AT_ONCE = 2_000  # rows that the server sends at once


class ByWhatIsAsked(Pages):
    """Pages in the order that is asked for, and by customers' ids within it."""

    def get_ordering(self, request: Request, _queryset: Any, _view: Any) -> tuple[str, ...]:
        asked = request.query_params.get("ordering")
        return (ORDERINGS[asked], "customer_id") if asked in ORDERINGS else ("customer_id",)


def _values(request: Request, kind: Any) -> Any:
    """Return the values of the caller's customers that are asked for."""
    found = Insight.objects.filter(customer__retailer=retailer_of(request)).select_related("customer")
    _refuse_hidden(request, kind)
    order: tuple[str, ...] = ("customer_id",)
    if (asked := request.query_params.get("ordering")) is not None:
        if asked not in ORDERINGS:
            words = _("The order is one of %(known)s.") % {"known": ", ".join(ORDERINGS)}
            raise ValidationError({"ordering": [words]}, code="unknown_ordering")
        order = (ORDERINGS[asked], "customer_id")
        found = found.filter(**{f"{ORDERINGS[asked].removeprefix('-')}__isnull": False})
    return StrictFilters().filter_queryset(request, found.order_by(*order), kind)


def _refuse_hidden(request: Request, kind: Any) -> None:
    """Refuse to choose or to order customers by what is not shown of them: it would tell it."""
    hidden = _withheld(request)
    by = {name: field.field_name for name, field in kind.filterset_class.base_filters.items()}
    by["ordering"] = ORDERINGS.get(request.query_params.get("ordering", ""), "").removeprefix("-")
    told = hidden.fields | {"value_decile"} if hidden.fields else frozenset()
    if names := [name for name in request.query_params if by.get(name) in told]:
        raise ValidationError({name: [hidden.words] for name in names}, code="not_shown")


def _withheld(request: Request) -> Withheld:
    """Return what is not shown of the caller's customers: asked once a request."""
    kept: Any = request._request
    if not hasattr(kept, "withheld_figures"):
        kept.withheld_figures = withheld_of(retailer_of(request).pk)
    found: Withheld = kept.withheld_figures
    return found


class _ShownView(AskedView, ListAPIView[Any]):
    """A list whose rows leave out what is not shown."""

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        return context if getattr(self, "swagger_fake_view", False) else context | {"withheld": _withheld(self.request)}


class ValuesView(_ShownView):
    scopes: ClassVar = {"GET": READ}
    serializer_class = InsightOut
    pagination_class = ByWhatIsAsked
    filter_backends = ()
    filterset_class = ValueFilter
    reads_values_itself = True

    def get_queryset(self) -> Any:
        return Insight.objects.none() if getattr(self, "swagger_fake_view", False) else _values(self.request, self)

    @extend_schema(parameters=[*FILTERS, ORDERING], tags=["analytics"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return what customers are worth, as the last run wrote it down: those who are asked for."""
        return super().get(request, *given, **named)


class ValuesFileView(AskedView):
    scopes: ClassVar = {"GET": READ}
    filterset_class = ValueFilter
    reads_values_itself = True

    @extend_schema(
        parameters=[*FILTERS, ORDERING, FILE],
        responses={(200, "text/csv"): OpenApiTypes.BINARY, (200, PARQUET): OpenApiTypes.BINARY},
        tags=["analytics"],
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Return the same as a file, CSV or Parquet, however many they are."""
        kind = request.query_params.get("file", "csv")
        if kind not in {"csv", "parquet"}:
            raise ValidationError({"file": [_("The file is csv or parquet.")]}, code="unknown_file")
        rows = _rows(retailer_of(request), _values(request, self), _withheld(request))
        kinds = {"customer": "text"} | {name: _kind(Insight._meta.get_field(name)) for name in EXPORTED}
        kinds |= {"not_shown": "text"}
        is_csv = kind == "csv"
        parts = csv_parts(list(kinds), rows) if is_csv else parquet_parts(kinds, rows)
        answer = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8" if is_csv else PARQUET)
        answer.headers["Content-Disposition"] = f'attachment; filename="values.{kind}"'
        return answer


def _kind(field: Any) -> str:
    """Return of which kind a column is; all that is not named is money, or a text."""
    other = "text" if isinstance(field, models.CharField) else "money"
    return next((kind for of, kind in KINDS.items() if type(field) is of), other)


def _rows(retailer: Retailer, asked: Any, hidden: Withheld) -> Iterator[tuple[Any, ...]]:
    """Yield rows while the answer is sent, which is after the request was handled: so it says again for whom it acts."""
    with tenancy.acting_for(retailer.pk):
        columns = [TAGS if name == "tags" else name for name in EXPORTED]
        for row in asked.values_list("customer__external_id", *columns).iterator(chunk_size=AT_ONCE):
            yield _shown(row, hidden) if hidden.fields else (*row, "")


def _shown(row: tuple[Any, ...], hidden: Withheld) -> tuple[Any, ...]:
    shown = hidden.shown(dict(zip(EXPORTED, row[1:], strict=True)))
    return (row[0], *shown.values(), hidden.words)


class CustomerValueView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=CustomerValueOut, tags=["analytics"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return what a customer bought until now, what it is worth, and what earlier runs said."""
        customer = customer_of(request, external_id)
        history = CustomerValue.objects.filter(customer=customer, run__status__in=ValueRun.FINISHED)
        return Response(CustomerValueOut({
            "customer": customer.external_id,
            "statistics": statistics_of(customer),
            "value": Insight.objects.select_related("customer").filter(pk=customer.pk).first(),
            "history": history.select_related("run").order_by("-run"),
        }, context={"withheld": _withheld(request)}).data)  # fmt: skip


class RunsView(_ShownView):
    scopes: ClassVar = {"GET": READ}
    serializer_class = RunOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ValueRun.objects.none()
        return ValueRun.objects.filter(retailer=retailer_of(self.request))

    @extend_schema(tags=["analytics"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return the computations of value, the newest first: from which data, by which model, how wrong it was."""
        return super().get(request, *given, **named)


class RunView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=RunCardOut, tags=["analytics"])
    def get(self, request: Request, run_id: int) -> Response:
        """Return a computation of value with its model card."""
        runs = ValueRun.objects.filter(retailer=retailer_of(request), pk=run_id)
        run = the_one(runs, lambda: NoSuchRun(id=run_id))
        return Response(RunCardOut(run, context={"withheld": _withheld(request)}).data)
