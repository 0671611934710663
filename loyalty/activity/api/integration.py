"""Orders, returns, enrolments and members, for retailers' systems."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from customers.api.asking import ATOMIC, DRY_RUN, AskedView, all_or_dry, asked_for
from customers.api.callers import customer_of, retailer_of
from customers.api.told import told
from customers.core.errors import DomainError, Kind
from customers.models import Customer
from customers.recording import identify
from loyalty.activity import coalescing
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.referring import claim_referral
from loyalty.activity.api.asking import member_of, program_of
from loyalty.activity.api.changes import NumberView
from loyalty.activity.api.keyed import Reported, code_of, take_reported
from loyalty.activity.api.orders import OrderOut, OrderQuery, Orders
from loyalty.activity.api.rendering import answers, take_rows, tier_of, wallets_of
from loyalty.activity.api.reported import (
    BatchIn,
    EnrolmentIn,
    InteractionBatchIn,
    InteractionIn,
    OrderEventBatchIn,
    OrderEventIn,
    OrderIn,
    ReturnBatchIn,
    ReturnIn,
    fact_of,
)
from loyalty.activity.api.serializers import (
    AnswerOut,
    BatchOut,
    EndedTokensOut,
    EnrolmentOut,
    InteractionAnswerOut,
    InteractionBatchOut,
    MemberOut,
    TokenOut,
)
from loyalty.activity.intake import Answer, take_interactions, take_order_events, take_returns
from loyalty.activity.payments import take_paid_orders
from loyalty.activity.progress import plan_of
from loyalty.api.idempotency import once_of
from loyalty.api.models import MemberToken
from loyalty.memberships.models import Membership


class TooManyRows(DomainError):
    code = "too_many_rows"
    kind = Kind.INVALID
    message = _("The batch has {rows} rows; at most {limit} are taken. Split it, or import a file.")


class BatchFailed(DomainError):
    code = "batch_failed"
    kind = Kind.INVALID
    message = _("{failed} of {rows} rows cannot be taken, the first is row {first}: {reason} Nothing was written.")


class FactView(AskedView):
    """One fact a call: 201 when it is new, 200 when it was known."""

    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    keeps_answers: ClassVar = True
    kind: ClassVar[type[Serializer[Any]]]
    take: ClassVar[Callable[..., list[Any]]]

    def report(self, request: Request) -> Response | HttpResponse:
        retailer, fact = retailer_of(request), fact_of(self.kind, request.data)
        take, once = partial(type(self).take, retailer, now=timezone.now()), once_of(request._request)
        if asked_for(request, "dry_run"):
            return one(take([fact], dry_run=True)[0])
        if once is None and connection.in_atomic_block:  # whoever holds a transaction has its fact in it
            return one(take([fact])[0])
        taken = coalescing.submit(type(self).__name__, retailer, Reported(fact, once), partial(take_reported, take))
        if isinstance(taken, HttpResponse):
            return taken
        if once is None:
            return one(taken)
        return once.go_alone() or one(take([fact])[0])  # to be refused in its own words, which are kept


class BatchView(AskedView):
    """Up to 1,000 facts a call, a result per row."""

    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN, ATOMIC)}
    kind: ClassVar[type[Serializer[Any]]]
    batch: ClassVar[type[Serializer[Any]]]
    take: ClassVar[Callable[..., list[Any]]]

    def report(self, request: Request) -> Response:
        given = self.batch(data=request.data)
        given.is_valid(raise_exception=True)
        (rows,) = given.validated_data.values()
        retailer, dry_run = retailer_of(request), asked_for(request, "dry_run")
        take = partial(type(self).take, retailer, now=timezone.now(), dry_run=dry_run)
        return _batch(request, rows, self.kind, lambda facts: answers(take(facts)))


class OrdersView(FactView, Orders):
    scopes: ClassVar = {"GET": "members:read", "POST": "activity:write"}
    kind, take = OrderIn, staticmethod(take_paid_orders)

    @extend_schema(parameters=[OrderQuery], responses=OrderOut(many=True), tags=["activity"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return orders with what came back of them, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=OrderIn, responses={200: AnswerOut, 201: AnswerOut}, tags=["activity"])
    def post(self, request: Request) -> Response | HttpResponse:
        """Report an order; the answer says what it earned and why. The same order again changes nothing."""
        return self.report(request)


class OrderBatchView(BatchView, NumberView):
    name = "batch"
    kind, batch, take = OrderIn, BatchIn, staticmethod(take_paid_orders)

    @extend_schema(request=BatchIn, responses=BatchOut, tags=["activity"])
    def post(self, request: Request) -> Response:
        """Report up to 1,000 orders (each as in `POST /orders`); one result per row, in their order."""
        return self.report(request)


class ReturnsView(FactView):
    kind, take = ReturnIn, staticmethod(take_returns)

    @extend_schema(request=ReturnIn, responses={200: AnswerOut, 201: AnswerOut}, tags=["activity"])
    def post(self, request: Request) -> Response | HttpResponse:
        """Report that lines of an order came back; the answer says what was taken back and why."""
        return self.report(request)


class ReturnBatchView(BatchView):
    kind, batch, take = ReturnIn, ReturnBatchIn, staticmethod(take_returns)

    @extend_schema(request=ReturnBatchIn, responses=BatchOut, tags=["activity"])
    def post(self, request: Request) -> Response:
        """Report up to 1,000 returns; one result per row, in their order."""
        return self.report(request)


class OrderEventsView(FactView):
    kind, take = OrderEventIn, staticmethod(take_order_events)

    @extend_schema(request=OrderEventIn, responses={200: AnswerOut, 201: AnswerOut}, tags=["activity"])
    def post(self, request: Request) -> Response | HttpResponse:
        """Report that something happened to an order, such as its delivery: points that awaited it become active."""
        return self.report(request)


class OrderEventBatchView(BatchView):
    kind, batch, take = OrderEventIn, OrderEventBatchIn, staticmethod(take_order_events)

    @extend_schema(request=OrderEventBatchIn, responses=BatchOut, tags=["activity"])
    def post(self, request: Request) -> Response:
        """Report up to 1,000 events of orders; one result per row, in their order."""
        return self.report(request)


class InteractionsView(FactView):
    kind, take = InteractionIn, staticmethod(take_interactions)

    @extend_schema(
        request=InteractionIn, responses={200: InteractionAnswerOut, 201: InteractionAnswerOut}, tags=["activity"]
    )
    def post(self, request: Request) -> Response | HttpResponse:
        """Report something that a customer did and that is no purchase; the answer says what it earned."""
        return self.report(request)


class InteractionBatchView(BatchView):
    kind, batch, take = InteractionIn, InteractionBatchIn, staticmethod(take_interactions)

    @extend_schema(request=InteractionBatchIn, responses=InteractionBatchOut, tags=["activity"])
    def post(self, request: Request) -> Response:
        """Report up to 1,000 interactions; one result per row, in their order."""
        return self.report(request)


class EnrolmentsView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids: ClassVar = ("member_number",)

    @extend_schema(request=EnrolmentIn, responses={200: EnrolmentOut, 201: EnrolmentOut}, tags=["members"])
    def post(self, request: Request) -> Response:
        """Enrol a customer in a program, with the wording that it agreed to; a member stays as it is."""
        given = EnrolmentIn(data=request.data)
        given.is_valid(raise_exception=True)
        said, now, retailer = given.validated_data, timezone.now(), retailer_of(request)
        program = program_of(request, said["program"])
        # To the second, as most clocks report: an order in the second of its enrolment counts.
        instant = said.get("occurred_at", now.replace(microsecond=0))
        with all_or_dry(request):
            customer = identify(retailer, [(said["customer"], instant)], now=now)[said["customer"]]
            (member,) = enrol(program, [(customer, instant)], source=said["source"], wording=said["wording"], now=now)
            referral = _referred(member.membership_id, said["referral_code"], instant, now)
        body = {
            "member_number": member.number,
            "program": program.slug,
            "customer": said["customer"],
            "referral": referral,
        }
        code = status.HTTP_201_CREATED if member.is_new else status.HTTP_200_OK
        return Response(EnrolmentOut(body).data, status=code)


def _referred(membership_id: UUID, code: str, at: datetime, now: datetime) -> str | None:
    """Note who referred a new member, by a code; return the referral's status."""
    if not code:
        return None
    member = Membership.objects.select_related("program").get(pk=membership_id)
    since = max(at, member.enrolled_at)
    return str(claim_referral(member, code, channel="enrolment", now=now, at=since).referral.status)


class MemberView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=MemberOut, tags=["members"])
    def get(self, request: Request, number: str) -> Response:
        """Return a member by number: wallet, tier and paid plan."""
        membership = member_of(request, number)
        now = timezone.now()
        body = {
            "member_number": membership.number,
            "customer": membership.customer.external_id,
            "enrolled_at": membership.enrolled_at,
            "left_at": membership.left_at,
            "wallet": (wallets := wallets_of(membership, at=now))[0],
            "wallets": wallets,
            "tier": tier_of(membership, at=now),
            "plan": plan_of(membership, at=now),
        }
        return Response(told(MemberOut, body))


class TokensView(AskedView):
    scopes: ClassVar = {"POST": "members:token", "DELETE": "members:token"}
    switches: ClassVar = {"DELETE": (DRY_RUN,)}

    @extend_schema(responses={200: EndedTokensOut}, tags=["members"])
    def delete(self, request: Request, external_id: str) -> Response:
        """End every token of a customer, when a phone is lost or your site signs it out; of those merged into it as well."""
        with all_or_dry(request):
            mine = Customer.objects.of_person(customer_of(request, external_id))
            ended, _by_kind = MemberToken.objects.filter(customer__in=mine).delete()
        return Response(EndedTokensOut({"tokens": ended}).data)

    @extend_schema(request=None, responses={201: TokenOut}, tags=["members"])
    def post(self, request: Request, external_id: str) -> Response:
        """Return a token for a customer whom your site has signed in, to be used with `/api/v1/me`."""
        customer = customer_of(request, external_id)
        token, expires_at = MemberToken.issue(customer, now=timezone.now())
        said = TokenOut({"token": token, "expires_at": expires_at}).data
        # A secret is told once: no Idempotency-Key gives it again.
        return Response(said, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


def one(taken: Answer[Any]) -> Response:
    """
    Return the answer to one fact: 201 where it is new.

    :raises DomainError: when it was refused
    """
    outcome = taken.outcome
    if outcome.error is not None:
        raise outcome.error
    return Response(answers([taken])[0], status=code_of(taken))


def _batch(request: Request, rows: list[Any], kind: Any, take: Any) -> Response:
    if len(rows) > settings.API_BATCH_LIMIT:
        raise TooManyRows(rows=len(rows), limit=settings.API_BATCH_LIMIT)
    with transaction.atomic():
        results = take_rows(rows, kind, take)
        failed = [place for place, result in enumerate(results) if result["status"] == "failed"]
        if failed and asked_for(request, "atomic"):
            reason = results[failed[0]]["error"]["detail"]
            raise BatchFailed(failed=len(failed), rows=len(rows), first=failed[0], reason=reason)
    return Response({"results": results})
