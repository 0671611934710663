"""Customers and their consents, for retailers' systems."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import customer_of, retailer_of
from customers.api.listing import Listing
from customers.api.serializers import ConsentIn, ConsentOut, CustomerIn, CustomerOut, CustomerQuery
from customers.models import Customer
from customers.registration import record_consent, register


class CustomersView(Listing):
    scopes: ClassVar = {"GET": "members:read", "POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    model = Customer
    serializer_class = CustomerOut
    filters = CustomerQuery

    def rows(self, asked: dict[str, Any]) -> QuerySet[Customer]:
        retailer = retailer_of(self.request)
        persons = Customer.objects.persons().filter(retailer=retailer, erased_at=None)
        if "external_id" in asked:
            persons = persons.known_as(asked["external_id"])
        if "email" in asked:
            persons = persons.at_address(asked["email"].lower(), retailer)
        return persons.at_phone(asked["phone"], retailer) if "phone" in asked else persons

    @extend_schema(parameters=[CustomerQuery], responses=CustomerOut(many=True), tags=["customers"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Find customers by id, e-mail or phone, or list them, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=CustomerIn, responses={200: CustomerOut, 201: CustomerOut}, tags=["customers"])
    def post(self, request: Request) -> Response:
        """Make a customer known, or bring what is known up to date."""
        given = CustomerIn(data=request.data)
        given.is_valid(raise_exception=True)
        with all_or_dry(request):
            (registered,) = register(retailer_of(request), [given.fact()], now=timezone.now())
            if registered.error is not None:
                raise registered.error
            body = CustomerOut(Customer.objects.get(pk=str(registered.id))).data
        code = status.HTTP_201_CREATED if registered.is_new else status.HTTP_200_OK
        return Response(body, status=code)


class CustomerView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=CustomerOut, tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return what is known of a customer."""
        return Response(CustomerOut(customer_of(request, external_id)).data)


class ConsentsView(AskedView):
    scopes: ClassVar = {"GET": "members:read", "POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=ConsentOut(many=True), tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return all that a customer agreed to or withdrew, the newest first."""
        consents = customer_of(request, external_id).consents.newest_first()
        return Response(ConsentOut(consents, many=True).data)

    @extend_schema(request=ConsentIn, responses={200: ConsentOut, 201: ConsentOut}, tags=["customers"])
    def post(self, request: Request, external_id: str) -> Response:
        """Write down that a customer agreed to something, or withdrew it. Nothing is ever overwritten."""
        given = ConsentIn(data=request.data)
        given.is_valid(raise_exception=True)
        now = timezone.now()
        said = {"occurred_at": now} | given.validated_data
        with all_or_dry(request):
            consent = record_consent(customer_of(request, external_id), said.pop("purpose"), **said, now=now)
        return Response(ConsentOut(consent).data, status=status.HTTP_201_CREATED)
