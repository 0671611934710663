"""Customers and their consents, for retailers' systems."""

from typing import ClassVar

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import retailer_of
from customers.api.serializers import ConsentIn, ConsentOut, CustomerIn, CustomerOut
from customers.models import Customer
from customers.registration import record_consent, register


class CustomersView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=CustomerIn, responses={200: CustomerOut, 201: CustomerOut}, tags=["customers"])
    def post(self, request: Request) -> Response:
        """Make a customer known, or bring what is known up to date."""
        given = CustomerIn(data=request.data)
        given.is_valid(raise_exception=True)
        with all_or_dry(request):
            (registered,) = register(retailer_of(request), [given.fact()], now=timezone.now())
            if registered.error is not None:
                raise registered.error
            body = CustomerOut(get_object_or_404(Customer, pk=registered.id)).data
        code = status.HTTP_201_CREATED if registered.is_new else status.HTTP_200_OK
        return Response(body, status=code)


class CustomerView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=CustomerOut, tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return what is known of a customer."""
        customer = get_object_or_404(Customer.objects.known_as(external_id), retailer=retailer_of(request))
        return Response(CustomerOut(customer).data)


class ConsentsView(AskedView):
    scopes: ClassVar = {"GET": "members:read", "POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=ConsentOut(many=True), tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return all that a customer agreed to or withdrew, the newest first."""
        consents = self._customer(request, external_id).consents.order_by("-occurred_at", "-pk")
        return Response(ConsentOut(consents, many=True).data)

    @extend_schema(request=ConsentIn, responses={200: ConsentOut, 201: ConsentOut}, tags=["customers"])
    def post(self, request: Request, external_id: str) -> Response:
        """Write down that a customer agreed to something, or withdrew it. Nothing is ever overwritten."""
        given = ConsentIn(data=request.data)
        given.is_valid(raise_exception=True)
        now = timezone.now()
        said = {"occurred_at": now} | given.validated_data
        with all_or_dry(request):
            consent = record_consent(self._customer(request, external_id), said.pop("purpose"), **said, now=now)
        return Response(ConsentOut(consent).data, status=status.HTTP_201_CREATED)

    def _customer(self, request: Request, external_id: str) -> Customer:
        return get_object_or_404(Customer.objects.known_as(external_id), retailer=retailer_of(request))
