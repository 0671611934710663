"""What a retailer says of its products, for its systems."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import retailer_of
from customers.api.listing import Listing
from customers.api.strict import Strict
from customers.cataloguing import ProductFact, record_products
from customers.models import Product
from customers.models.suggestion import MAX_SKU

MAX_PRODUCTS = 1_000


class ProductQuery(serializers.Serializer[Any]):
    sku = serializers.CharField(required=False, max_length=MAX_SKU, help_text="Only this one.")


class ProductOut(serializers.Serializer[Any]):
    sku = serializers.CharField(help_text="Your own.")
    name = serializers.CharField(help_text="As shoppers read it; empty where nobody said it.")
    product_type = serializers.CharField(help_text="Empty where nobody said it.")
    in_stock = serializers.BooleanField(allow_null=True, help_text="null where nobody said it.")
    is_suggested = serializers.BooleanField(help_text="Whether it may be suggested.")
    updated_at = serializers.DateTimeField(help_text="When something was last said of it.")


class ProductIn(Strict):
    """What is left out stays as it is known."""

    sku = serializers.CharField(max_length=MAX_SKU, help_text="Your own, as orders name it.")
    name = serializers.CharField(max_length=200, required=False, help_text="As shoppers read it.")
    product_type = serializers.CharField(
        max_length=100, required=False, help_text="Such as whole milk: a list of suggestions shows each type once."
    )
    in_stock = serializers.BooleanField(required=False, help_text="Nothing is suggested that is not.")
    is_suggested = serializers.BooleanField(required=False, help_text="false for what is never to be suggested.")


class ProductsIn(Strict):
    products = serializers.ListField(
        child=ProductIn(),
        allow_empty=False,
        max_length=MAX_PRODUCTS,
        help_text="Of one that is said twice the last counts.",
    )


class ProductsOut(serializers.Serializer[Any]):
    created = serializers.IntegerField(help_text="That nobody had told of before.")
    updated = serializers.IntegerField(help_text="That were known.")


class ProductsView(Listing):
    scopes: ClassVar = {"GET": "members:read"}
    model = Product
    serializer_class = ProductOut
    filters = ProductQuery

    def rows(self, asked: dict[str, Any]) -> QuerySet[Product]:
        return Product.objects.filter(retailer=retailer_of(self.request), **asked)

    @extend_schema(parameters=[ProductQuery], responses=ProductOut(many=True), tags=["products"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return what is known of your products, the newest first."""
        return super().get(request, *given, **named)


class ProductBatchView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ProductsIn, responses=ProductsOut, tags=["products"])
    def post(self, request: Request) -> Response:
        """Say what products are called: up to 1,000, of which type they are, and whether they are in stock."""
        given = ProductsIn(data=request.data)
        given.is_valid(raise_exception=True)
        facts = [ProductFact(**said) for said in given.validated_data["products"]]
        with all_or_dry(request):
            done = record_products(retailer_of(request), facts, now=timezone.now())
        return Response(ProductsOut({"created": done.created, "updated": done.updated}).data)
