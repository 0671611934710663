"""Plans for shoppers and for retailers' systems: see, join, change, cancel, pay; and what payment providers tell."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, asked_for, said_in
from customers.api.callers import the_one
from customers.api.pagination import NewestFirst
from customers.core import tenancy
from customers.models import Retailer
from loyalty.activity.api.asking import NotThere, member_of
from loyalty.activity.api.member import memberships_of, my_membership
from loyalty.activity.api.told import require_told
from loyalty.activity.inviting import is_invited
from loyalty.activity.versions import versions_of_member
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import When, cancel, change, join, resume, use_method
from loyalty.plans.account.notices import take_notice
from loyalty.plans.account.offering import shown_to
from loyalty.plans.account.paying import mark_paid, refund
from loyalty.plans.api.serializers import (
    ChangeIn,
    InvoiceOut,
    JoinIn,
    MembersInvoiceOut,
    MethodIn,
    NoticeOut,
    OverviewOut,
    PaidIn,
    RefundIn,
)
from loyalty.plans.models import Invoice, Refund
from loyalty.plans.overview import Overview, offers_plans, overview
from loyalty.plans.providers.choosing import provider_of


class NoSuchInvoice(NotThere):
    message = _("Member {number} has no invoice {id}.")


class NoSuchNotices(NotThere):
    message = _("No retailer “{slug}” is paid through the provider “{provider}” here.")


ANSWERS = {200: OverviewOut, 201: OverviewOut}


def overview_of(membership: Membership) -> Overview:
    """Return a member's plan as it is now."""
    versions = versions_of_member(membership)
    return overview(membership, versions, at=timezone.now())


def _changed(request: Request, member: Membership, do: Callable[[], object]) -> Response:
    """Do something with a member's plan, or try it out, and return the plan as it is then: 201 where that is new."""
    with all_or_dry(request):
        is_new = do() is not False
        body = OverviewOut(overview_of(member)).data
    if asked_for(request, DRY_RUN.name) and body["mine"] and body["mine"]["invoice"]:
        del body["mine"]["invoice"]["id"]  # of an invoice that there is not
    return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


def _as_told(member: Membership, said: dict[str, Any], is_new: bool) -> bool:  # noqa: FBT001 - what a verb returns
    """
    Return whether a choice of a plan is new; one that is has to cost what was told.

    :raises PriceChanged: when it costs something else
    """
    if is_new:
        found = overview_of(member)
        require_told("told_price", said["told_price"], _price_of(found, said["plan"]))
        invoice = found.mine.invoice if found.mine else None
        require_told("told_amount", said["told_amount"], invoice.amount if invoice else Decimal(0))
    return is_new


def _price_of(found: Overview, code: str) -> Decimal | None:
    return next((each.price for each in found.offered if each.code == code), None)


class PlanVerb(AskedView):
    """Something that is done with a member's plan; a shopper names the program, a retailer's system the member's number."""

    switches: ClassVar = {"POST": (DRY_RUN,)}

    def member(self, request: Request, name: str) -> Membership:
        """Return whose plan it is."""
        raise NotImplementedError

    def do(self, request: Request, member: Membership) -> Callable[[], object]:
        """Return what is done, by what the request says."""
        raise NotImplementedError

    def answer(self, request: Request, name: str) -> Response:
        return _changed(request, member := self.member(request, name), self.do(request, member))


class Mine(PlanVerb):
    def member(self, request: Request, name: str) -> Membership:
        return my_membership(request, name)


class OfMember(PlanVerb):
    scopes: ClassVar = {"POST": "activity:write"}

    def member(self, request: Request, name: str) -> Membership:
        return member_of(request, name)


class Joining(PlanVerb):
    def do(self, request: Request, member: Membership) -> Callable[[], object]:
        said = said_in(JoinIn, request)
        return lambda: _as_told(
            member, said, join(member, said["plan"], method=said["payment_method"], now=timezone.now())
        )


class Changing(PlanVerb):
    def do(self, request: Request, member: Membership) -> Callable[[], object]:
        said = said_in(ChangeIn, request)
        when = When(said["when"]) if said["when"] else None
        return lambda: _as_told(member, said, change(member, said["plan"], when=when, now=timezone.now()))


class Cancelling(PlanVerb):
    def do(self, _request: Request, member: Membership) -> Callable[[], object]:
        return lambda: cancel(member, now=timezone.now())


class Resuming(PlanVerb):
    def do(self, _request: Request, member: Membership) -> Callable[[], object]:
        return lambda: resume(member, now=timezone.now())


class Paying(PlanVerb):
    def do(self, request: Request, member: Membership) -> Callable[[], object]:
        said = said_in(MethodIn, request)
        return lambda: use_method(member, said["payment_method"], now=timezone.now())


class MyJoinView(Joining, Mine):
    @extend_schema(request=JoinIn, responses=ANSWERS, tags=["me"])
    def post(self, request: Request, slug: str) -> Response:
        """Join a plan: on trial, or with the first payment. With `dry_run` see what it costs."""
        return self.answer(request, slug)


class MyChangeView(Changing, Mine):
    @extend_schema(request=ChangeIn, responses=ANSWERS, tags=["me"])
    def post(self, request: Request, slug: str) -> Response:
        """Change my plan: now, by the days that are left, or at the period's end. With `dry_run` see what it costs."""
        return self.answer(request, slug)


class MyCancelView(Cancelling, Mine):
    @extend_schema(request=None, responses=ANSWERS, tags=["me"])
    def post(self, request: Request, slug: str) -> Response:
        """Let my plan end with its period."""
        return self.answer(request, slug)


class MyResumeView(Resuming, Mine):
    @extend_schema(request=None, responses=ANSWERS, tags=["me"])
    def post(self, request: Request, slug: str) -> Response:
        """Let my plan that I cancelled go on."""
        return self.answer(request, slug)


class MyMethodView(Paying, Mine):
    @extend_schema(request=MethodIn, responses=ANSWERS, tags=["me"])
    def post(self, request: Request, slug: str) -> Response:
        """Pay by another method; what is open is tried again with it."""
        return self.answer(request, slug)


class MemberJoinView(Joining, OfMember):
    @extend_schema(request=JoinIn, responses=ANSWERS, tags=["plans"])
    def post(self, request: Request, number: str) -> Response:
        """Let a member join a plan: on trial, or with the first payment."""
        return self.answer(request, number)


class MemberChangeView(Changing, OfMember):
    @extend_schema(request=ChangeIn, responses=ANSWERS, tags=["plans"])
    def post(self, request: Request, number: str) -> Response:
        """Change a member's plan: now, by the days that are left, or at the period's end."""
        return self.answer(request, number)


class MemberCancelView(Cancelling, OfMember):
    @extend_schema(request=None, responses=ANSWERS, tags=["plans"])
    def post(self, request: Request, number: str) -> Response:
        """Let a member's plan end with its period."""
        return self.answer(request, number)


class MemberResumeView(Resuming, OfMember):
    @extend_schema(request=None, responses=ANSWERS, tags=["plans"])
    def post(self, request: Request, number: str) -> Response:
        """Let a member's plan that was cancelled go on."""
        return self.answer(request, number)


class MemberMethodView(Paying, OfMember):
    @extend_schema(request=MethodIn, responses=ANSWERS, tags=["plans"])
    def post(self, request: Request, number: str) -> Response:
        """Let a member pay by another method; what is open is tried again with it."""
        return self.answer(request, number)


class MyPlansView(AskedView):
    @extend_schema(responses=OverviewOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return my plan in each program that offers plans, and what it offers."""
        now = timezone.now()
        mine = [each for each in memberships_of(request) if _has_plans(each)]
        found = [shown_to(each, overview_of(each), at=now) for each in mine]
        return Response(OverviewOut(found, many=True).data)


def _has_plans(member: Membership) -> bool:
    """Tell whether there is anything of plans to say to a member."""
    now = timezone.now()
    versions = versions_of_member(member)
    offers = offers_plans(versions, now) and is_invited(member, versions, at=now)
    return offers or member.subscriptions.exists()


class MemberPlanView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=OverviewOut, tags=["plans"])
    def get(self, request: Request, number: str) -> Response:
        """Return a member's plan, and what its program offers."""
        return Response(OverviewOut(overview_of(member_of(request, number))).data)


def with_all(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return invoices with what is said of them: plan, lines and refunds."""
    refunds = Prefetch("refunds", Refund.objects.order_by("asked_at", "pk"))
    return invoices.select_related("plan").prefetch_related("lines__plan", refunds)


class Invoices(AskedView, ListAPIView[Invoice]):
    """A member's invoices with their lines, the newest first."""

    serializer_class = InvoiceOut
    pagination_class = NewestFirst
    filter_backends = ()

    def member(self) -> Membership:
        """Return whose invoices are asked for."""
        raise NotImplementedError

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Invoice.objects.none()
        return with_all(Invoice.objects.filter(subscription__membership=self.member()))


class MyInvoicesView(Invoices):
    def member(self) -> Membership:
        return my_membership(self.request, self.kwargs["slug"])

    @extend_schema(tags=["me"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return my invoices with their lines, the newest first."""
        return super().get(request, *given, **named)


class MemberInvoicesView(Invoices):
    serializer_class = MembersInvoiceOut
    scopes: ClassVar = {"GET": "members:read"}

    def member(self) -> Membership:
        return member_of(self.request, self.kwargs["number"])

    @extend_schema(tags=["plans"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return a member's invoices with their lines, the newest first."""
        return super().get(request, *given, **named)


class PayView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=PaidIn, responses=ANSWERS, tags=["plans"])
    def post(self, request: Request, number: str, invoice_id: UUID) -> Response:
        """Note that a member paid an invoice, at a till or by transfer."""
        member = member_of(request, number)
        invoice = _invoice_of(member, invoice_id)
        reference = said_in(PaidIn, request)["reference"]
        return _changed(request, member, lambda: mark_paid(invoice.pk, reference=reference, now=timezone.now()))


class RefundView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids = ()  # the invoice is there

    @extend_schema(request=RefundIn, responses={200: MembersInvoiceOut, 201: MembersInvoiceOut}, tags=["plans"])
    def post(self, request: Request, number: str, invoice_id: UUID) -> Response:
        """Let what a member paid go back, all of it or a part; what it has of the plan stays as it is."""
        invoice = _invoice_of(member_of(request, number), invoice_id)
        said = said_in(RefundIn, request)
        with all_or_dry(request):
            is_new = refund(invoice.pk, said.pop("amount"), now=timezone.now(), **said)
            body = MembersInvoiceOut(with_all(Invoice.objects.filter(pk=invoice.pk)).get()).data
        return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


def _invoice_of(member: Membership, invoice_id: UUID) -> Invoice:
    """Return an invoice of a member; 404 where it has no such one."""
    mine = Invoice.objects.filter(pk=invoice_id, subscription__membership=member)
    return the_one(mine, lambda: NoSuchInvoice(id=invoice_id, number=member.number))


class NoticesView(AskedView):
    """For payment providers: who signs is who may."""

    authentication_classes = ()
    permission_classes = ()
    reads_body_itself = True
    throttle_classes = ()  # a provider tells all that happened at once, from few addresses

    @extend_schema(request=None, responses=NoticeOut, tags=["payments"], auth=[])
    def post(self, request: Request, slug: str, provider: str) -> Response:
        """Take in what a retailer's payment provider tells, signed by it; the same again changes nothing."""
        with tenancy.acting_for(tenancy.ALL_TENANTS):
            retailer = Retailer.objects.filter(slug=slug).first()
        chosen = provider_of(retailer) if retailer else None
        if retailer is None or chosen is None or chosen.name != provider:
            raise NoSuchNotices(slug=slug, provider=provider)
        with tenancy.acting_for(retailer.pk), transaction.atomic():
            taken = take_notice(retailer, chosen, dict(request.headers), request._request.body, now=timezone.now())
        return Response(NoticeOut({"effect": taken.effect}).data)
