"""The first page: card, balance, what ends next, tier, and what was lately."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import number_format

from customers.suggesting import suggestions_for
from loyalty.activity.api.rendering import tier_of, wallets_of
from loyalty.activity.versions import versions_of_member
from loyalty.page import reading
from loyalty.page.passes import CONTENT_TYPE, Card, pkpass, signer_of
from loyalty.page.visit import Visit, of_member, show
from loyalty.plans.account.offering import shown_to
from loyalty.plans.overview import overview
from loyalty.rewards.models import RewardRedemption

SHOWN = 3


@of_member
def home(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member its card and where it stands."""
    member, now = visit.member, timezone.now()
    versions = versions_of_member(member)
    rewards = reading.catalogue(member, at=now)
    return show(request, visit, "page/home.html", {
        "here": "home",
        "wallets": wallets_of(member, at=now),
        "tier": tier_of(member, at=now),
        "endings": reading.endings(member, at=now, dates=SHOWN),
        "plan": shown_to(member, overview(member, versions, at=now), at=now),
        "orders": reading.orders(member, rows=SHOWN).rows,
        "rewards": sorted(rewards, key=lambda each: not each["redeemable"])[:SHOWN],
        "offers": reading.offers(member, at=now, limit=SHOWN),
        "has_pass": signer_of(visit.shop.retailer.slug) is not None,
        "suggested": suggestions_for(member.customer, visit.shop.retailer, at=now, limit=SHOWN),
        "codes": reading.open_redemptions(member, at=now).filter(status=RewardRedemption.Status.ISSUED).count(),
    })  # fmt: skip


@of_member
def wallet_pass(_request: HttpRequest, visit: Visit) -> HttpResponse:
    """Return a member's card as a file for its phone's wallet."""
    member, now = visit.member, timezone.now()
    tier, palette = tier_of(member, at=now)["current"], visit.shop.branding.palette
    card = Card(
        retailer=visit.shop.retailer.name,
        program=member.program.name,
        serial=str(member.pk),
        number=member.number,
        name=str(member.customer),
        balance=number_format(wallets_of(member, at=now)[0]["available"]),
        tier=tier["name"] if tier else "",
        ground=palette.accent,
        ink=palette.on_accent,
    )
    headers = {"Content-Disposition": f'attachment; filename="{member.number}.pkpass"'}
    return HttpResponse(pkpass(card, signer_of(visit.shop.retailer.slug)), content_type=CONTENT_TYPE, headers=headers)
