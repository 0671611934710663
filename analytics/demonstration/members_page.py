"""The demo's members' page: in the grocer's colours, and one member who can sign in to it."""

from datetime import datetime

from django.db.models import F

from customers.models import Customer
from customers.registration import CustomerFact, register
from loyalty.memberships.models import Membership
from loyalty.page.models import Branding
from loyalty.points.models import Wallet
from loyalty.programs.models import Program

EMAIL = "camille@example.com"
NAME = ("Camille", "Martin")
BRANDING = {
    "accent": "#8a2f1d",
    "greeting": "Your groceries give something back",
    "greeting_fr": "Vos courses vous rendent quelque chose",
    "contact": "club@example.com",
}


def open_page(club: Program, *, now: datetime) -> str:
    """
    Open the members' page, unless it is, and return the e-mail address with which somebody can sign in.

    That is the member with the most points among those with a paid plan, or, without plans, among all.
    """
    Branding.objects.get_or_create(retailer=club.retailer, defaults=BRANDING)
    if not Customer.objects.filter(retailer=club.retailer, email=EMAIL).exists():
        first, last = NAME
        fact = CustomerFact(_shown(club).customer.external_id, email=EMAIL, first_name=first, last_name=last)
        register(club.retailer, [fact], now=now)
    return EMAIL


def _shown(club: Program) -> Membership:
    wallets = Wallet.objects.filter(membership__program=club, membership__left_at=None, code="points")
    richest = wallets.order_by(F("available").desc(), "membership__number").values("membership")
    members = Membership.objects.select_related("customer")
    with_plan = richest.filter(membership__subscriptions__key__isnull=False).first()
    return members.get(pk=(with_plan or richest[0])["membership"])
