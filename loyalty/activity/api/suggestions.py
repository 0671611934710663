"""What is suggested to a customer, and what goes with a product or an order."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.api.callers import customer_of, retailer_of, the_one
from customers.models import Customer, Order, RelatedProduct, Retailer
from customers.suggesting import Goes, related_to, related_to_order, suggestions_for
from loyalty.activity.api.asking import NotThere
from loyalty.activity.api.changes import NumberView
from loyalty.activity.api.member import shopper

RELATION = OpenApiParameter(
    "relation", str, enum=list(RelatedProduct.Relation.values), description="Only what is related so; all if left out."
)


class NoSuchOrder(NotThere):
    message = _("There is no order {number}.")


class SuggestedOut(serializers.Serializer[Any]):
    sku = serializers.CharField(help_text="As orders name it.")
    name = serializers.CharField(help_text="The SKU where no name is known.")
    reason = serializers.CharField(help_text="A code: bought, together, because, alike, category or popular.")
    words = serializers.CharField(help_text="The reason as a shopper reads it.")
    because_sku = serializers.CharField(
        allow_blank=True, help_text="The own product that it goes with; empty for none."
    )


class SuggestionsOut(serializers.Serializer[Any]):
    """Ten products for the next basket, and ten that are new to the customer."""

    is_personal = serializers.BooleanField(
        help_text="Whether they are of the customer's own profile, which it allows; else they are what is popular."
    )
    run = serializers.IntegerField(
        source="run_id", allow_null=True, help_text="By which they were made; null where nothing is suggested."
    )
    again = SuggestedOut(many=True, help_text="For the next basket, the best first.")
    new = SuggestedOut(many=True, help_text="Never bought, the best first.")


class GoesOut(serializers.Serializer[Any]):
    relation = serializers.CharField(help_text="together, similar or upgrade.")
    sku = serializers.CharField(help_text="As orders name it.")
    name = serializers.CharField(help_text="The SKU where no name is known.")
    with_sku = serializers.CharField(help_text="What it goes with.")
    words = serializers.CharField(help_text="How it is related, as a shopper reads it.")


def _shop(request: Request) -> Retailer:
    """Return whose system calls, as it is now: a key's retailer is remembered from before its first run."""
    return Retailer.objects.get(pk=retailer_of(request).pk)


def _told(customer: Customer, retailer: Retailer) -> Response:
    return Response(SuggestionsOut(suggestions_for(customer, retailer, at=timezone.now())).data)


def _related(found: list[Goes]) -> Response:
    return Response(GoesOut(found, many=True).data)


class MyRecommendationsView(AskedView):
    @extend_schema(responses=SuggestionsOut, tags=["me"])
    def get(self, request: Request) -> Response:
        """Return what I may like: from my own purchases where I allow a profile, else what is popular."""
        customer = shopper(request)
        return _told(customer, customer.retailer)


class CustomerRecommendationsView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=SuggestionsOut, tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return what a customer may like: from its own purchases where it allows a profile, else what is popular."""
        return _told(customer_of(request, external_id), _shop(request))


class RelatedView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(parameters=[RELATION], responses=GoesOut(many=True), tags=["products"])
    def get(self, request: Request, sku: str) -> Response:
        """Return what goes with a product: bought together, similar, or one step up; empty where nothing is known."""
        relation = request.query_params.get("relation")
        return _related(related_to(_shop(request), [sku], relation=relation))


class OrderRelatedView(NumberView):
    name = "related"
    of_order = ("PUT",)  # what is read here is what goes with the order
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=GoesOut(many=True), tags=["products"])
    def get(self, request: Request, number: str) -> Response:
        """Return what is often bought together with what an order has."""
        retailer = _shop(request)
        orders = Order.objects.filter(retailer=retailer, number=number)
        return _related(related_to_order(the_one(orders, lambda: NoSuchOrder(number=number)), retailer))


class MyOrderRelatedView(AskedView):
    @extend_schema(responses=GoesOut(many=True), tags=["me"])
    def get(self, request: Request, order_number: str) -> Response:
        """Return what is often bought together with what an order of mine has."""
        customer = shopper(request)
        orders = Order.objects.filter(customer=customer, number=order_number)
        order = the_one(orders, lambda: NoSuchOrder(number=order_number))
        return _related(related_to_order(order, customer.retailer))
