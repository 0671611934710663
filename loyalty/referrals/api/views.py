"""Referrals for shoppers and for retailers' systems: the own code, claims, what became of them, and reviews."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import retailer_of, the_one
from customers.api.pagination import NewestFirst
from customers.core.qr import svg_of
from loyalty.activity.account.referring import NoSuchCode, claim_referral, note_member_signals, review_referral
from loyalty.activity.api.asking import NotThere, member_of
from loyalty.activity.api.member import memberships_of, my_membership
from loyalty.api.throttling import CredentialThrottle
from loyalty.api.wrong_codes import WrongCodeThrottle, wrong_codes_of
from loyalty.referrals.api.serializers import (
    FriendOut,
    MyClaimOut,
    NotedOut,
    ReferralClaimIn,
    ReferralCodeIn,
    ReferralOut,
    ReferralsOut,
    ReviewIn,
    SignalsIn,
)
from loyalty.referrals.models import Referral
from loyalty.referrals.overview import friend_of, friends_of, has_referrals, overview

STATUS = OpenApiParameter("status", str, enum=list(Referral.Status.values), description="Only these.")
OF = OpenApiParameter("advocate", str, description="Only those of one referrer, by member number.")


def rows() -> Any:
    """Return referrals with all that is said of them."""
    return Referral.objects.select_related("program", "advocate", "friend__customer", "order")


class MyReferralsView(AskedView):
    @extend_schema(responses=ReferralsOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return my code, my link and my friends' states in each program with referrals."""
        now = timezone.now()
        mine = [each for each in memberships_of(request) if each.left_at is None and has_referrals(each, now)]
        return Response(ReferralsOut([overview(each, at=now) for each in mine], many=True).data)


class MyQrView(AskedView):
    @extend_schema(responses={(200, "image/svg+xml"): OpenApiTypes.BINARY}, tags=["me"])
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Return my link as a QR code, in SVG; where the program names no address, my code."""
        found = overview(my_membership(request, slug), at=timezone.now())
        if not found.code:
            raise NoCodeYet(slug=slug)
        answer = HttpResponse(svg_of(found.link or found.code, xmlns=True), content_type="image/svg+xml")
        answer.headers["Cache-Control"] = "private, max-age=3600"
        return answer


class MyFriendsView(AskedView, ListAPIView[Referral]):
    serializer_class = FriendOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Referral.objects.none()
        return friends_of(my_membership(self.request, self.kwargs["slug"]))

    def get_serializer(self, page: Any, **kwargs: Any) -> Any:
        now = timezone.now()
        return FriendOut([friend_of(each, at=now) for each in page], **kwargs)

    @extend_schema(responses=FriendOut(many=True), tags=["me"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return whom I referred, the newest first: of each an initial, and what became of it."""
        return super().get(request, *given, **named)


class ClaimingView(AskedView):
    """What names a code of somebody: who tries many that do not exist has to wait."""

    throttle_classes = (CredentialThrottle, WrongCodeThrottle)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NoSuchCode):
            wrong_codes_of(self.request).note()
        return super().handle_exception(exc)


class MyClaimView(ClaimingView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ReferralCodeIn, responses={200: MyClaimOut, 201: MyClaimOut}, tags=["me"])
    def post(self, request: Request, slug: str) -> Response:
        """Say who referred me, by that member's code; the same again changes nothing."""
        member, said, now = my_membership(request, slug), said_in(ReferralCodeIn, request), timezone.now()
        with all_or_dry(request):
            claimed = claim_referral(member, said["code"], channel="member", now=now)
            mine = overview(member, at=now).mine
            body = MyClaimOut({"program": slug, "code": claimed.referral.code, "mine": mine}).data
        return Response(body, status=status.HTTP_201_CREATED if claimed.is_new else status.HTTP_200_OK)


class MemberReferralsView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=ReferralsOut, tags=["referrals"])
    def get(self, request: Request, number: str) -> Response:
        """Return a member's code, its link and its friends' states."""
        return Response(ReferralsOut(overview(member_of(request, number), at=timezone.now())).data)


class MemberClaimView(ClaimingView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ReferralClaimIn, responses={200: ReferralOut, 201: ReferralOut}, tags=["referrals"])
    def post(self, request: Request, number: str) -> Response:
        """Say who referred a member, with what you know of its device and the like; the same again changes nothing."""
        member, said = member_of(request, number), said_in(ReferralClaimIn, request)
        with all_or_dry(request):
            claimed = claim_referral(
                member, said["code"], channel="shop", now=timezone.now(), at=said.get("claimed_at"),
                signals=said.get("signals"),
            )  # fmt: skip
            body = ReferralOut(rows().get(pk=claimed.referral.pk)).data
        return Response(body, status=status.HTTP_201_CREATED if claimed.is_new else status.HTTP_200_OK)


class MemberSignalsView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=SignalsIn, responses=NotedOut, tags=["referrals"])
    def post(self, request: Request, number: str) -> Response:
        """Tell what you know of a member's device and the like, for claims to come: digests of it are kept."""
        member, said = member_of(request, number), said_in(SignalsIn, request)
        with all_or_dry(request):
            note_member_signals(member, said, now=timezone.now())
        return Response(NotedOut({"kinds": sorted(kind for kind, value in said.items() if value.strip())}).data)


class ReferralsQuery(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Referral.Status.choices, required=False)
    advocate = serializers.CharField(max_length=20, required=False)


class ReferralsView(AskedView, ListAPIView[Referral]):
    scopes: ClassVar = {"GET": "members:read"}
    serializer_class = ReferralOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Referral.objects.none()
        query = ReferralsQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        found = rows().filter(retailer=retailer_of(self.request))
        if "status" in query.validated_data:
            found = found.filter(status=query.validated_data["status"])
        if "advocate" in query.validated_data:
            found = found.filter(advocate=member_of(self.request, query.validated_data["advocate"]))
        return found

    @extend_schema(parameters=[STATUS, OF], tags=["referrals"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return referrals with all that is suspicious of them, the newest first; `status=held` is the review queue."""
        return super().get(request, *given, **named)


class NoCodeYet(NotThere):
    message = _("You have no code to refer friends by in the program “{slug}”.")


class NoSuchReferral(NotThere):
    message = _("There is no referral {id}. /api/v1/referrals lists those that there are.")


def _referral(request: Request, referral_id: UUID) -> Any:
    mine = rows().filter(pk=referral_id, retailer=retailer_of(request))
    return the_one(mine, lambda: NoSuchReferral(id=referral_id))


class ReferralView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=ReferralOut, tags=["referrals"])
    def get(self, request: Request, referral_id: UUID) -> Response:
        """Return a referral with all that is suspicious of it."""
        return Response(ReferralOut(_referral(request, referral_id)).data)


class ReviewView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids: ClassVar = ()  # of a referral that there is

    @extend_schema(request=ReviewIn, responses=ReferralOut, tags=["referrals"])
    def post(self, request: Request, referral_id: UUID) -> Response:
        """Decide a referral that is held: approved, it earns by what the friend has ordered since; refused, it ends."""
        held = _referral(request, referral_id)
        said = said_in(ReviewIn, request)
        with all_or_dry(request):
            review_referral(
                held.pk, approve=said["approve"], author=said["author"], note=said["note"], now=timezone.now()
            )
            body = ReferralOut(rows().get(pk=held.pk)).data
        return Response(body)
