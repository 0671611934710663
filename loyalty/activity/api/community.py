"""What customers wrote and showed of products, with the marks that a shop sets beside it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.callers import retailer_of
from customers.api.listing import Listing
from customers.api.pagination import NewestOccurredFirst
from customers.models import Customer, Interaction
from loyalty.activity.interactions.marks import CONTENT, Marks, Reward, marks_of
from loyalty.activity.models import InteractionHold

KINDS = [(each.value, each.label) for each in CONTENT]


class CommunityQuery(serializers.Serializer[Any]):
    sku = serializers.CharField(required=False, max_length=100, help_text="About this product.")
    kind = serializers.ChoiceField(choices=KINDS, required=False, help_text="Reviews or photos alone.")
    customer = serializers.CharField(required=False, max_length=100, help_text="By this one, by your own id.")
    number = serializers.CharField(required=False, max_length=100, help_text="The one that you reported under it.")


class ContentOut(serializers.Serializer[Any]):
    """A review or a photo. Its text and its picture are yours: these are the marks that you show beside them."""

    number = serializers.CharField(help_text="Under which you reported it.")
    kind = serializers.ChoiceField(choices=KINDS, help_text="What it is.")
    customer = serializers.CharField(help_text="By whom, by your own id.")
    sku = serializers.CharField(help_text="Of the product; empty where it is about none.")
    score = serializers.IntegerField(allow_null=True, help_text="The rating; it never changes what is given.")
    occurred_at = serializers.DateTimeField(help_text="When it was written.")
    published = serializers.BooleanField(help_text="May be shown: nobody has yet to approve it, and nobody refused it.")
    held = serializers.ChoiceField(
        choices=["", *InteractionHold.Reason.values],
        help_text="Why a person has yet to look at it: it came with many others; empty where nobody has to.",
    )  # fmt: skip
    verified = serializers.BooleanField(
        help_text="Its author bought the product within 365 days before, and has not returned it since."
    )
    rewarded = serializers.BooleanField(help_text="Its author has points for it: say so where you show it.")
    reward = serializers.ChoiceField(choices=[each.value for each in Reward], help_text="What became of its reward.")
    points = serializers.IntegerField(
        help_text="That it was rewarded with, or may be; 0 for none, and while it is held."
    )
    reason = serializers.CharField(
        help_text="Why no rule rewarded it: product_not_bought, rewarded_for_product, over_day_limit, over_month_limit "
        "and others; empty where one did."
    )


def _shown(row: Interaction, marks: Marks) -> dict[str, Any]:
    own = ("number", "kind", "sku", "score", "occurred_at")
    of_marks = ("published", "held", "verified", "rewarded", "reward", "points", "reason")
    return {
        **{name: getattr(row, name) for name in own}, **{name: getattr(marks, name) for name in of_marks},
        "customer": row.customer.external_id,
    }  # fmt: skip


class CommunityView(Listing):
    scopes: ClassVar = {"GET": "members:read"}
    model = Interaction
    serializer_class = ContentOut
    filters = CommunityQuery
    pagination_class = NewestOccurredFirst

    def rows(self, asked: dict[str, Any]) -> QuerySet[Interaction]:
        retailer = retailer_of(self.request)
        rows = Interaction.objects.filter(retailer=retailer, kind__in=CONTENT).select_related("customer")
        if "customer" in asked:
            known = Customer.objects.persons().filter(retailer=retailer).known_as(asked["customer"])
            rows = rows.filter(customer__in=known.values("pk"))
        return rows.filter(**{name: said for name, said in asked.items() if name != "customer"})

    def get_serializer(self, rows: Any = None, **given: Any) -> Any:
        found = list(rows or ())
        marks = marks_of(retailer_of(self.request), found) if found else {}
        return ContentOut([_shown(row, marks[row.pk]) for row in found], **given)

    @extend_schema(parameters=[CommunityQuery], responses=ContentOut(many=True), tags=["activity"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """List reviews and photos with their marks, the newest first: verified (bought, and kept) and rewarded."""
        return super().get(request, *given, **named)
