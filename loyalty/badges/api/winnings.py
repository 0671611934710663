"""Contests, prizes and surprises, for shoppers and for retailers' systems: read, explained, drawn."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import the_one
from customers.api.pagination import NewestFirst
from loyalty.activity.api.asking import NotThere, listed, member_of, program_of, site_of
from loyalty.activity.api.member import memberships_of
from loyalty.activity.versions import versions_of_member
from loyalty.badges.account.surprises import draw, explain
from loyalty.badges.api.winnings_serializers import (
    ContestsOut,
    DrawIn,
    DrawnOut,
    DrawsOut,
    ExplainedOut,
    GiftsOut,
    SurpriseOut,
)
from loyalty.badges.models import Surprise
from loyalty.badges.winnings import draws_of, gifts_of, open_contests, prizes_of
from loyalty.memberships.models import Membership

OF = OpenApiParameter("member", str, description="With the lot of a member, by its number.")


def contests_said(member: Membership) -> dict[str, Any]:
    """Return a member's contests as plain values of `ContestsOut`."""
    found = open_contests(member, versions_of_member(member), at=timezone.now())
    return {"program": member.program.slug, "open": found, "won": prizes_of(member)}


def gifts_said(member: Membership) -> dict[str, Any]:
    """Return a member's gifts as plain values of `GiftsOut`."""
    return {"program": member.program.slug, "surprises": gifts_of(member)}


def _surprises(request: Request, slug: str) -> QuerySet[Surprise]:
    """Return the surprises of a program of the caller's; 404 where there is no such program."""
    return Surprise.objects.filter(program=program_of(request, slug))


def _surprise(request: Request, slug: str, code: str) -> Any:
    rows = _surprises(request, slug)
    known = rows.order_by("code").values_list("code", flat=True)
    return the_one(rows.filter(code=code), lambda: NoSuchSurprise(code=code, slug=slug, known=listed(known)))


class NoSuchSurprise(NotThere):
    message = _("Program “{slug}” has no surprise “{code}”. It has: {known}.")


class MyContestsView(AskedView):
    @extend_schema(responses=ContestsOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return the contests of each program with my rank, and what I won."""
        found = [contests_said(each) for each in memberships_of(request)]
        return Response(ContestsOut(found, many=True, context={"site": site_of(request)}).data)


class MySurprisesView(AskedView):
    @extend_schema(responses=GiftsOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return what each program gave me as a surprise."""
        return Response(GiftsOut([gifts_said(each) for each in memberships_of(request)], many=True).data)


class MemberContestsView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=ContestsOut, tags=["badges"])
    def get(self, request: Request, number: str) -> Response:
        """Return the contests of a member's program with its rank, and what it won."""
        return Response(ContestsOut(contests_said(member_of(request, number)), context={"site": site_of(request)}).data)


class MemberSurprisesView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=DrawsOut, tags=["badges"])
    def get(self, request: Request, number: str) -> Response:
        """Return the draws in which a member was a candidate, with its lot and its place."""
        member = member_of(request, number)
        return Response(DrawsOut({"program": member.program.slug, "surprises": draws_of(member)}).data)


class SurprisesView(AskedView, ListAPIView[Surprise]):
    scopes: ClassVar = {"GET": "program:read"}
    serializer_class = SurpriseOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Surprise.objects.none()
        return _surprises(self.request, self.kwargs["slug"])

    @extend_schema(tags=["badges"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return a program's surprises, the newest first."""
        return super().get(request, *given, **named)


class SurpriseView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=ExplainedOut, parameters=[OF], tags=["badges"])
    def get(self, request: Request, slug: str, code: str) -> Response:
        """Explain a surprise: draw it again from its seed, and compare."""
        row: Any = _surprise(request, slug, code)
        row.explained = explain(row)
        number = request.query_params.get("member", "")
        row.lot = row.tickets.filter(membership=member_of(request, number)).first() if number else None
        return Response(ExplainedOut(row).data)


class SurpriseDrawView(AskedView):
    scopes: ClassVar = {"POST": "points:adjust"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=DrawIn, responses={200: DrawnOut, 201: DrawnOut}, tags=["badges"])
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Draw a surprise by lot, once; its gifts are given within minutes."""
        given = DrawIn(data=request.data)
        given.is_valid(raise_exception=True)
        row: Any = _surprise(request, slug, code)
        is_new = row.status == Surprise.Status.DRAFT
        with all_or_dry(request):
            drawn = draw(row, author=given.validated_data["author"], now=timezone.now())
            row.refresh_from_db()
            row.drawn = drawn
            body = DrawnOut(row).data
        return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)
