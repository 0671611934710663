"""Sign-in for shopper apps: ask for a code, confirm it, get a token; give the token back."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.core import tenancy
from customers.models import Retailer
from loyalty.activity.api.asking import NotThere
from loyalty.activity.api.member import shopper
from loyalty.api.clients import client_of
from loyalty.api.models import MemberToken
from loyalty.signin.api.serializers import AddressIn, AskedCodeOut, SignedInOut, SignedOutOut, TypedCodeIn
from loyalty.signin.codes import check_code, send_code
from loyalty.signin.limits import TooManySignIns
from loyalty.signin.sessions import end_all


class NoSuchRetailer(NotThere):
    message = _("There is no retailer “{slug}” here.")


class OpenView(AskedView):
    """For who has no credential yet: counted by address, whatever else is counted."""

    authentication_classes = ()
    permission_classes = ()

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, TooManySignIns):
            exc = Throttled(wait=exc.facts["seconds"], detail=str(exc), code=exc.code)
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *given: Any, **named: Any) -> Response:
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *given, **named)


class CodesView(OpenView):
    @extend_schema(request=AddressIn, responses={202: AskedCodeOut}, tags=["sign-in"], auth=[])
    def post(self, request: Request) -> Response:
        """
        Ask for a code by e-mail; the answer is the same whether or not a customer has the address.

        The code is good for ten minutes, five tries and one use. An address gets five codes an hour.
        """
        said = _read(AddressIn, request)
        asked = send_code(
            _retailer(said["retailer"]),
            said["email"],
            now=timezone.now(),
            language=said.get("language", ""),
            client=client_of(request._request),
        )
        body = AskedCodeOut({"challenge": asked.challenge, "expires_at": asked.expires_at}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)


class ConfirmView(OpenView):
    @extend_schema(request=TypedCodeIn, responses={201: SignedInOut}, tags=["sign-in"], auth=[])
    def post(self, request: Request) -> Response:
        """Sign in with a code; the token is for `/api/v1/me`, as those are that a shop's own backend asks for."""
        said = _read(TypedCodeIn, request)
        now = timezone.now()
        retailer = _retailer(said["retailer"])
        customer = check_code(retailer, said["challenge"], said["code"], now=now, client=client_of(request._request))
        token, expires_at = MemberToken.issue(customer, now=now)
        return Response(SignedInOut({"token": token, "expires_at": expires_at}).data, status=status.HTTP_201_CREATED)


class MyTokenView(AskedView):
    @extend_schema(responses={204: None}, tags=["sign-in"])
    def delete(self, request: Request) -> Response:
        """Sign out: the token of this request is not valid any more."""
        MemberToken.objects.filter(pk=request.auth.pk).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class MySessionsView(AskedView):
    switches: ClassVar = {"DELETE": (DRY_RUN,)}

    @extend_schema(responses={200: SignedOutOut}, tags=["sign-in"])
    def delete(self, request: Request) -> Response:
        """Sign out everywhere: every token and every browser."""
        with all_or_dry(request):
            sessions, tokens = end_all(shopper(request))
        return Response(SignedOutOut({"sessions": sessions, "tokens": tokens}).data)


def _read(kind: type[Any], request: Request) -> dict[str, Any]:
    given = kind(data=request.data)
    given.is_valid(raise_exception=True)
    said: dict[str, Any] = given.validated_data
    return said


def _retailer(slug: str) -> Retailer:
    with tenancy.acting_for(tenancy.ALL_TENANTS):
        found = Retailer.objects.filter(slug=slug).first()
    if found is None:
        raise NoSuchRetailer(slug=slug)
    return found
