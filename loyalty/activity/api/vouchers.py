"""Vouchers for tills: looked at, held for a checkout, confirmed, released."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import retailer_of
from customers.api.fields import InstantField
from customers.api.strict import Strict
from loyalty.activity.api.rewards import in_digits
from loyalty.activity.rewards.tills import (
    HeldVoucher,
    NoSuchHold,
    NoSuchVoucher,
    Voucher,
    VoucherNotIssued,
    check_voucher,
    confirm_voucher,
    hold_voucher,
    release_voucher,
    voucher_of,
)
from loyalty.api.throttling import CredentialThrottle
from loyalty.api.wrong_codes import WrongCodeThrottle, wrong_codes_of
from loyalty.rewards.sealing import MAX_CODE


class CodeIn(Strict):
    code = serializers.CharField(
        max_length=MAX_CODE, help_text="As scanned or typed; case and what stands between are free."
    )


class VoucherOut(serializers.Serializer[Any]):
    redemption = serializers.UUIDField()
    program = serializers.CharField()
    reward = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    amount = serializers.CharField(
        allow_null=True, help_text="That it takes off, or is worth, in the decimals of your currency."
    )
    percent = serializers.CharField(allow_null=True)
    sku = serializers.CharField()
    minimum_amount = serializers.CharField(help_text="Of the order; 0.00 for any.")
    status = serializers.CharField(help_text="usable, held, used, expired, or what else has become of it.")
    at = serializers.DateTimeField(allow_null=True, help_text="Since when it is so; null for usable.")
    held_until = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    reference = serializers.CharField(help_text="Name it in the order that it pays, in `redemptions`.")
    most = serializers.CharField(
        allow_null=True, help_text="What it may come to at most, of an offer; null where the reward says all."
    )


class VoucherHoldIn(Strict):
    code = serializers.CharField(max_length=MAX_CODE, required=False, help_text="Either the code ...")
    redemption = serializers.UUIDField(required=False, help_text="... or the id of the redeemed reward.")
    reference = serializers.CharField(max_length=80, help_text="The till's own: the same again gives the same hold.")
    till = serializers.CharField(max_length=50, required=False, default="", allow_blank=True)
    minutes = serializers.IntegerField(min_value=1, max_value=60, default=5)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("code" in attrs) == ("redemption" in attrs):
            raise serializers.ValidationError(_("Say either the code or the redemption."), code="code_or_redemption")
        return attrs


class VoucherHoldOut(serializers.Serializer[Any]):
    token = serializers.CharField(
        allow_null=True,
        help_text="By which the hold is confirmed or released; keep it if you are cut off. Left out in a dry run.",
    )
    status = serializers.CharField()
    held_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="Until then the till may give what the voucher promises.")
    voucher = VoucherOut()


class TokenIn(Strict):
    token = serializers.CharField(max_length=100)


class VoucherConfirmIn(TokenIn):
    order = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    used_at = InstantField(
        required=False, default=None, allow_null=True, help_text="When the till gave it, if it was cut off since."
    )
    amount = serializers.DecimalField(
        max_digits=16, decimal_places=4, min_value=Decimal(0), required=False, default=None, allow_null=True,
        help_text="What the voucher came to, in your currency, where that is not all that it promises.",
    )  # fmt: skip


def _voucher(voucher: Voucher, currency: str) -> dict[str, Any]:
    """Return a voucher as plain values of `VoucherOut`."""
    percent = None if voucher.percent is None else f"{voucher.percent:f}"
    return {
        "redemption": str(voucher.redemption_id), "program": voucher.program, "reward": voucher.reward,
        "name": voucher.name, "kind": voucher.kind, "amount": in_digits(voucher.amount, currency), "percent": percent,
        "sku": voucher.sku, "minimum_amount": in_digits(voucher.minimum_amount, currency), "status": voucher.status,
        "at": voucher.at, "held_until": voucher.held_until, "expires_at": voucher.expires_at, "reference": voucher.reference,
        "most": in_digits(voucher.most, currency),
    }  # fmt: skip


def _held(found: HeldVoucher, currency: str, *, is_new: bool = False) -> Response:
    body = {
        "token": found.token,
        "status": found.hold.status,
        "held_at": found.hold.held_at,
        "ends_at": found.hold.ends_at,
        "voucher": _voucher(found.voucher, currency),
    }
    return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class CodeView(AskedView):
    """What is asked with codes and tokens: who tries many that do not exist has to wait."""

    throttle_classes = (CredentialThrottle, WrongCodeThrottle)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NoSuchVoucher | VoucherNotIssued | NoSuchHold):
            wrong_codes_of(self.request).note()
        return super().handle_exception(exc)


class VoucherCheckView(CodeView):
    scopes: ClassVar = {"POST": "rewards:redeem"}

    @extend_schema(request=CodeIn, responses=VoucherOut, tags=["vouchers"])
    def post(self, request: Request) -> Response:
        """Tell what a code is good for now. Nothing is held by it, and nothing is said of whom it belongs to."""
        code, retailer = said_in(CodeIn, request)["code"], retailer_of(request)
        return Response(_voucher(check_voucher(retailer, code, now=timezone.now()), retailer.currency))


class VoucherHoldView(CodeView):
    ids = ("token",)
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=VoucherHoldIn, responses={200: VoucherHoldOut, 201: VoucherHoldOut}, tags=["vouchers"])
    def post(self, request: Request) -> Response:
        """Have a voucher in hand: no other till can use it until you confirm, release, or are silent for too long."""
        said, retailer, now = said_in(VoucherHoldIn, request), retailer_of(request), timezone.now()
        if "code" in said:
            voucher = check_voucher(retailer, said["code"], now=now)
        else:
            voucher = voucher_of(retailer, said["redemption"], now=now)
        life = timedelta(minutes=said["minutes"])
        with all_or_dry(request):
            found = hold_voucher(retailer, voucher, reference=said["reference"], till=said["till"], life=life, now=now)
        return _held(found, retailer.currency, is_new=found.is_new)


class VoucherConfirmView(CodeView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=VoucherConfirmIn, responses=VoucherHoldOut, tags=["vouchers"])
    def post(self, request: Request) -> Response:
        """Use the voucher that you have in hand; the same again changes nothing, another order or amount is a conflict."""
        said, retailer = said_in(VoucherConfirmIn, request), retailer_of(request)
        with all_or_dry(request):
            found = confirm_voucher(
                retailer, said["token"], order=said["order"], used_at=said["used_at"],
                amount=said["amount"], now=timezone.now(),
            )  # fmt: skip
        return _held(found, retailer.currency)


class VoucherReleaseView(CodeView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=TokenIn, responses=VoucherHoldOut, tags=["vouchers"])
    def post(self, request: Request) -> Response:
        """Let the voucher go that you have in hand; again it changes nothing."""
        said, retailer = said_in(TokenIn, request), retailer_of(request)
        with all_or_dry(request):
            found = release_voucher(retailer, said["token"], now=timezone.now())
        return _held(found, retailer.currency)
