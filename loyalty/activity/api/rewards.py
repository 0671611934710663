"""Rewards for shoppers and for retailers' systems: the catalogue, and redemptions from the first to a refund."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import retailer_of, the_one
from customers.api.fields import NumberField
from customers.api.pagination import NewestFirst
from customers.api.strict import Strict
from customers.core.errors import DomainError, Kind
from customers.core.money import to_unit
from loyalty.activity.api.asking import NotThere, member_of, site_of
from loyalty.activity.api.member import NoSuchMembership, memberships_of, shopper
from loyalty.activity.api.told import require_told
from loyalty.activity.rewards.catalogue import Shelf, shelf_of, shelves_of
from loyalty.activity.rewards.redeemed import RewardReceipt
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import fulfil_reward
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.rewards.models import RewardCode, RewardRedemption
from loyalty.rewards.sealing import unseal

LARGEST = 2**31 - 1


class SayProgram(DomainError):
    code = "say_program"
    kind = Kind.INVALID
    message = _("You are a member of several programs: say which. There are: {programs}.")


class RewardPriceOut(serializers.Serializer[Any]):
    wallet = serializers.CharField()
    points = serializers.IntegerField(help_text="Of donations and of paying with points, the fewest.")
    rule = serializers.CharField(help_text="Which price it is: list, tier:CODE or price:CODE.")


class RewardOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    image = serializers.CharField(help_text="Its address; empty where there is none.")
    kind = serializers.CharField()
    amount = serializers.CharField(
        allow_null=True, help_text="That it takes off, or is worth, in the decimals of your currency."
    )
    percent = serializers.CharField(allow_null=True)
    sku = serializers.CharField()
    minimum_amount = serializers.CharField(help_text="Of the order; 0.00 for any.")
    points_per_unit = serializers.IntegerField(allow_null=True)
    match_percent = serializers.IntegerField()
    valid_days = serializers.IntegerField(allow_null=True)
    valid_until = serializers.CharField(allow_null=True)
    may_cancel = serializers.BooleanField()
    member_limit = serializers.IntegerField(allow_null=True)
    member_period = serializers.CharField()
    prices = RewardPriceOut(many=True)
    redeemable = serializers.BooleanField(help_text="Now, by this member.")
    reason = serializers.CharField(help_text="Why not, as a code; empty where it can be redeemed.")
    missing = serializers.IntegerField(help_text="Points that the member lacks.")
    left = serializers.IntegerField(allow_null=True, help_text="In stock; null where there is no stock.")
    had = serializers.IntegerField(help_text="How often the member has had it, where that is limited.")


class ShelfOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    personal = serializers.BooleanField(help_text="In an order for this member, who agreed to a profile.")
    rewards = RewardOut(many=True)


class RedeemIn(Strict):
    reward = serializers.SlugField(max_length=50, help_text="Its code.")
    reference = serializers.CharField(
        max_length=80, help_text="Your own, once per member: the same again changes nothing."
    )
    wallet = serializers.SlugField(
        max_length=50, required=False, default="", allow_blank=True, help_text="Its own one if left out."
    )
    points = serializers.IntegerField(
        min_value=1, max_value=LARGEST, required=False, allow_null=True, default=None,
        help_text="How many, of donations and of paying with points.",
    )  # fmt: skip
    told_points = serializers.IntegerField(
        min_value=0, max_value=LARGEST, required=False, allow_null=True, default=None,
        help_text="The price that the member was told: where it is another now, nothing is done (409 price_changed).",
    )  # fmt: skip
    told_amount = NumberField(
        required=False, allow_null=True, default=None,
        help_text="What the member was told that it takes off or gives; likewise.",
    )  # fmt: skip


class MyRedeemIn(RedeemIn):
    program = serializers.SlugField(
        max_length=50, required=False, default="", allow_blank=True, help_text="If you are in several."
    )


class RedeemedOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(required=False, help_text="Left out in a dry run.")
    program = serializers.CharField()
    reward = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    reference = serializers.CharField(help_text="Name it in the order that it pays, in `redemptions`.")
    status = serializers.CharField()
    wallet = serializers.CharField()
    points = serializers.IntegerField()
    price = serializers.CharField(
        help_text="Which price that was, the best one for the member: list, tier:CODE or price:CODE; offer:CODE of an offer."
    )
    amount = serializers.CharField(
        allow_null=True, help_text="That it takes off or gives, in the decimals of your currency; null for none."
    )
    matched = serializers.CharField(help_text="What the retailer added to a donation.")
    redeemed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    used_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()
    code = serializers.CharField(
        required=False,
        help_text="To be shown at the till; empty where it has none, or is not shown here. Left out in a dry run.",
    )


class ReceiptOut(RedeemedOut):
    available = serializers.IntegerField(help_text="What can be spent of the wallet afterwards.")
    points_back = serializers.IntegerField(help_text="That came back, where it was undone.")
    expired = serializers.IntegerField(help_text="That came back, but had expired meanwhile.")


class PageOut(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = RedeemedOut(many=True)


class FulfilIn(Strict):
    status = serializers.ChoiceField(choices=["in_progress", "fulfilled"])
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


def _as_json(text: str) -> HttpResponse:
    """Return what is JSON already, and would cost more to be read and written again than all the rest."""
    return HttpResponse(text, content_type="application/json")


def _redeemed(row: RewardRedemption, code: str = "") -> dict[str, Any]:
    """Return a redeemed reward as it is now, whether or not its end was carried out."""
    currency, now = row.program.retailer.currency, timezone.now()
    return {
        "id": row.pk, "program": row.program.slug, "reward": row.reward.code, "name": str(row.reward),
        "kind": row.reward.kind, "reference": row.reference, "status": row.status_at(now).value, "wallet": row.wallet,
        "points": row.points, "price": row.price_rule,
        "amount": in_digits(row.amount, currency), "matched": in_digits(row.matched, currency),
        "redeemed_at": row.redeemed_at, "expires_at": row.expires_at, "used_at": row.used_at, "ended_at": row.ended_by(now),
        "note": row.note, "code": code,
    }  # fmt: skip


def in_digits(amount: Decimal | None, currency: str) -> str | None:
    """Return an amount in the decimals of its currency; None for none."""
    return None if amount is None else f"{to_unit(amount, currency):f}"


def receipt_answer(receipt: RewardReceipt) -> Response:
    """Return the answer to who redeemed, cancelled or refunded a reward: 201 where it is new."""
    body = _redeemed(receipt.redemption, receipt.code) | {
        "available": receipt.available,
        "points_back": receipt.points,
        "expired": receipt.expired,
    }
    is_made = receipt.is_new and not receipt.redemption.ended_at
    return Response(ReceiptOut(body).data, status=status.HTTP_201_CREATED if is_made else status.HTTP_200_OK)


def _page(view: APIView, request: Request, rows: Any, *, with_codes: bool) -> Response:
    pages = NewestFirst()
    found: list[RewardRedemption] = (
        pages.paginate_queryset(
            rows.select_related("program__retailer", "reward").with_withdrawals(), request, view=view
        )
        or []
    )
    codes: dict[UUID | None, str] = {}
    if with_codes:
        for code in RewardCode.objects.filter(redemption__in=found):
            codes[code.redemption_id] = unseal(bytes(code.sealed), bytes(code.digest))
    shown = [RedeemedOut(_redeemed(row, codes.get(row.pk, ""))).data for row in found]
    return pages.get_paginated_response(shown)


def _membership(request: Request, slug: str) -> Membership:
    """Return in which program the caller acts: the one that it names, or the only one that it is in."""
    mine = [membership for membership in memberships_of(request) if membership.left_at is None]
    programs = ", ".join(membership.program.slug for membership in mine) or "-"
    found = [membership for membership in mine if slug in {"", membership.program.slug}]
    if not found:
        raise NoSuchMembership(program=slug, programs=programs)
    if len(found) > 1:
        raise SayProgram(programs=programs)
    return found[0]


class NoSuchRedemption(NotThere):
    message = _("There is no redeemed reward {id}. The list of redemptions has the ids of those that there are.")


CURSOR = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]


class MyRewardsView(AskedView):
    @extend_schema(responses=ShelfOut(many=True), tags=["me"])
    def get(self, request: Request) -> HttpResponse:
        """
        Return what I can get for my points in each program.

        What suits me comes first where I agreed to offers based on a profile.
        """
        customer_id = request.auth.customer_id  # type: ignore[union-attr] # a token's
        shelves = shelves_of(customer_id, at=timezone.now(), site=site_of(request))
        return _as_json(f"[{','.join(shelf.as_json() for shelf in shelves)}]")


def _redeem(request: Request, membership: Membership, said: dict[str, Any]) -> RewardReceipt:
    """Redeem a reward for what was told of it, or try it out; what was redeemed before is as it was."""
    points, amount = said.pop("told_points"), said.pop("told_amount")
    with all_or_dry(request):
        receipt = redeem_reward(membership, said.pop("reward"), now=timezone.now(), **said)
        if receipt.is_new:
            require_told("told_points", points, receipt.redemption.points)
            require_told("told_amount", amount, receipt.redemption.amount)
    return receipt


class MyRedemptionsView(AskedView):
    ids = ("id", "code")
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=PageOut, parameters=CURSOR, tags=["me"])
    def get(self, request: Request) -> Response:
        """Return the rewards that I redeemed, with their codes, the newest first."""
        mine = RewardRedemption.objects.filter(membership__customer=shopper(request))
        return _page(self, request, mine, with_codes=True)

    @extend_schema(request=MyRedeemIn, responses={200: ReceiptOut, 201: ReceiptOut}, tags=["me"])
    def post(self, request: Request) -> Response:
        """Redeem a reward."""
        said = said_in(MyRedeemIn, request)
        membership = _membership(request, said.pop("program"))
        return receipt_answer(_redeem(request, membership, said))


class MyCancellationView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=ReceiptOut, tags=["me"])
    def post(self, request: Request, redemption_id: UUID) -> Response:
        """Cancel a reward that I have not used, where it may be: my points come back with their own expiry."""
        rows = RewardRedemption.objects.filter(membership__customer=shopper(request))
        row = the_one(rows.filter(pk=redemption_id), lambda: NoSuchRedemption(id=redemption_id))
        with all_or_dry(request):
            receipt = cancel_reward(row, by_member=True, now=timezone.now())
        return receipt_answer(receipt)


class MemberRewardsView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=ShelfOut, tags=["rewards"])
    def get(self, request: Request, number: str) -> HttpResponse:
        """Return what a member can get for its points, by the number on its card or in its QR code."""
        member = member_of(request, number)
        shelf = shelf_of(member.pk, at=timezone.now(), site=site_of(request))
        return _as_json((shelf or Shelf(member.program.slug, is_personal=False, rewards=())).as_json())


class MemberRedemptionsView(AskedView):
    ids = ("id", "code")
    scopes: ClassVar = {"GET": "members:read", "POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=PageOut, parameters=CURSOR, tags=["rewards"])
    def get(self, request: Request, number: str) -> Response:
        """Return the rewards that a member redeemed, without their codes, the newest first."""
        rows = RewardRedemption.objects.filter(membership=member_of(request, number))
        return _page(self, request, rows, with_codes=False)

    @extend_schema(request=RedeemIn, responses={200: ReceiptOut, 201: ReceiptOut}, tags=["rewards"])
    def post(self, request: Request, number: str) -> Response:
        """Redeem a reward for a member: at the till, or by your shop."""
        return receipt_answer(_redeem(request, member_of(request, number), said_in(RedeemIn, request)))


def _of_retailer(request: Request, redemption_id: UUID) -> RewardRedemption:
    rows = RewardRedemption.objects.filter(retailer=retailer_of(request), pk=redemption_id)
    return the_one(rows, lambda: NoSuchRedemption(id=redemption_id))


class CancellationView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=ReceiptOut, tags=["rewards"])
    def post(self, request: Request, redemption_id: UUID) -> Response:
        """Cancel a reward that is not used: the same lots get their points back, with their own expiry."""
        with all_or_dry(request):
            receipt = cancel_reward(_of_retailer(request, redemption_id), now=timezone.now())
        return receipt_answer(receipt)


class RefundView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=ReceiptOut, tags=["rewards"])
    def post(self, request: Request, redemption_id: UUID) -> Response:
        """Refund a reward, used or not: the same lots get their points back, with their own expiry."""
        with all_or_dry(request):
            receipt = refund_reward(_of_retailer(request, redemption_id), now=timezone.now())
        return receipt_answer(receipt)


class FulfilmentView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=FulfilIn, responses=RedeemedOut, tags=["rewards"])
    def post(self, request: Request, redemption_id: UUID) -> Response:
        """Tell that a product or an experience is on its way, or has come to its member."""
        said = said_in(FulfilIn, request)
        state = RewardRedemption.Status(said["status"])
        with all_or_dry(request):
            found = fulfil_reward(_of_retailer(request, redemption_id), state, note=said["note"], now=timezone.now())
        return Response(RedeemedOut(_redeemed(found)).data)
