"""What a shopper reads of itself."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.api.callers import the_one
from customers.models import Customer
from loyalty.activity.api.asking import NotThere, listed
from loyalty.activity.api.rendering import profile_of, tier_of, wallets_of
from loyalty.activity.api.serializers import ProfileOut, ProgressOut, WalletOut
from loyalty.memberships.models import Membership


class NoSuchMembership(NotThere):
    code = "no_such_membership"
    message = _("You are no member of the program “{program}”. You are of: {programs}.")


def shopper(request: Request) -> Customer:
    """
    Return who calls: the customer of the token, or the one into whom it was merged since.

    :raises AuthenticationFailed: when it was erased at the moment at which the token was given
    """
    customer: Customer = request.auth.customer  # type: ignore[union-attr] # HasScope let only a token through
    customer = customer.merged_into or customer
    if customer.erased_at is not None:
        raise AuthenticationFailed(_("This token is not valid, or no longer."))
    return customer


def memberships_of(request: Request) -> list[Membership]:
    """Return where the caller is a member."""
    return list(Membership.objects.filter(customer=shopper(request)).select_related("program").order_by("program"))


def my_membership(request: Request, slug: str) -> Membership:
    """
    Return where the caller is a member, by the program's slug.

    :raises NoSuchMembership: where it is not
    """
    mine = Membership.objects.select_related("program__retailer", "customer").filter(customer=shopper(request))
    return the_one(
        mine.filter(program__slug=slug),
        lambda: NoSuchMembership(program=slug, programs=listed(each.program.slug for each in mine)),
    )


class MeView(AskedView):
    @extend_schema(responses=ProfileOut, tags=["me"])
    def get(self, request: Request) -> Response:
        """Return my profile and my memberships."""
        return Response(ProfileOut(profile_of(shopper(request), memberships_of(request), at=timezone.now())).data)


class WalletView(AskedView):
    @extend_schema(responses=WalletOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return my points in each program: what I can spend now, what comes, what expires next."""
        now = timezone.now()
        wallets = [wallet for membership in memberships_of(request) for wallet in wallets_of(membership, at=now)]
        return Response(WalletOut(wallets, many=True).data)


class TierView(AskedView):
    @extend_schema(responses=ProgressOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return my tier in each program, and what is missing for the next one."""
        now = timezone.now()
        tiers = [tier_of(membership, at=now) for membership in memberships_of(request)]
        return Response(ProgressOut(tiers, many=True).data)
