"""Orders as they are recorded, with what came back of them: one by its number, and lists."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.callers import customer_of, retailer_of
from customers.api.fields import ExactField, InstantField
from customers.api.listing import Listing
from customers.api.pagination import Pages
from customers.api.told import Told
from customers.models import Order, OrderLine, Return, ReturnLine
from loyalty.activity.api.asking import member_of


class OrderQuery(serializers.Serializer[Any]):
    customer = serializers.CharField(required=False, max_length=100, help_text="Of this one, by your own id.")
    number = serializers.CharField(required=False, max_length=100, help_text="Only this one, by your own number.")
    since = InstantField(required=False, help_text="From this instant on, by when it occurred.")
    until = InstantField(required=False, help_text="Before this instant, by when it occurred.")


class OrderedLineOut(Told):
    position = serializers.IntegerField(help_text="From 1; a return names it.")
    sku = serializers.CharField()
    category = serializers.CharField(allow_blank=True)
    brand = serializers.CharField(allow_blank=True)
    quantity = ExactField()
    net_amount = ExactField(help_text="The whole line after its discount.")
    discount = ExactField()


class ReturnedLineOut(Told):
    position = serializers.IntegerField(source="line.position")
    quantity = ExactField()
    net_amount = ExactField()


class OrdersReturnOut(Told):
    number = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    net_amount = ExactField()
    lines = ReturnedLineOut(many=True)


class OrderOut(Told):
    """An order as it says now."""

    id = serializers.UUIDField(help_text="Ours.")
    number = serializers.CharField(help_text="Yours.")
    customer = serializers.CharField(
        source="customer.external_id", allow_null=True, default=None, help_text="Your own id; null for a guest."
    )
    occurred_at = serializers.DateTimeField()
    currency = serializers.CharField()
    net_amount = ExactField(help_text="Of all lines.")
    shipping_amount = ExactField()
    paid_with_points = ExactField()
    channel = serializers.CharField(allow_blank=True)
    store = serializers.CharField(allow_blank=True)
    promotion_code = serializers.CharField(allow_blank=True)
    is_gift = serializers.BooleanField()
    identified_by = serializers.CharField(allow_blank=True)
    redemptions = serializers.ListField(child=serializers.CharField(), help_text="The references that paid it.")
    version = serializers.IntegerField(help_text="Of the last correction; 0 before the first one.")
    recorded_at = serializers.DateTimeField(help_text="When it was told first.")
    lines = OrderedLineOut(many=True)
    returns = OrdersReturnOut(many=True, help_text="What came back, the first first.")


def with_contents(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Return orders with their customers, lines and returns, by a fixed number of statements."""
    back = Prefetch("lines", ReturnLine.objects.select_related("line").order_by("line__position"))
    returns = Prefetch("returns", Return.objects.order_by("occurred_at", "pk").prefetch_related(back))
    lines = Prefetch("lines", OrderLine.objects.order_by("position"))
    return orders.select_related("customer").prefetch_related(lines, returns)


class ByTime(Pages):
    """Pages of what occurred, the newest first."""

    ordering = ("-occurred_at", "-id")


class Orders(Listing):
    """Orders with their contents, by when they occurred."""

    model = Order
    serializer_class = OrderOut
    pagination_class = ByTime
    filters: Any = OrderQuery

    def narrowed(self, orders: QuerySet[Order], asked: dict[str, Any]) -> QuerySet[Order]:
        """Return those that are asked for."""
        if "number" in asked:
            orders = orders.filter(number=asked["number"])
        if "since" in asked:
            orders = orders.filter(occurred_at__gte=asked["since"])
        if "until" in asked:
            orders = orders.filter(occurred_at__lt=asked["until"])
        return with_contents(orders)

    def rows(self, asked: dict[str, Any]) -> QuerySet[Order]:
        orders = Order.objects.filter(retailer=retailer_of(self.request))
        if "customer" in asked:
            orders = orders.filter(customer=customer_of(self.request, asked["customer"]))
        return self.narrowed(orders, asked)


class MembersOrderQuery(serializers.Serializer[Any]):
    number = serializers.CharField(required=False, max_length=100, help_text="Only this one, by your own number.")
    since = InstantField(required=False, help_text="From this instant on, by when it occurred.")
    until = InstantField(required=False, help_text="Before this instant, by when it occurred.")


class MemberOrdersView(Orders):
    scopes: ClassVar = {"GET": "members:read"}
    filters = MembersOrderQuery

    def rows(self, asked: dict[str, Any]) -> QuerySet[Order]:
        member = member_of(self.request, self.kwargs["number"])
        return self.narrowed(Order.objects.filter(customer=member.customer_id), asked)

    @extend_schema(parameters=[MembersOrderQuery], tags=["members"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return a member's orders with what came back of them, the newest first."""
        return super().get(request, *given, **named)
