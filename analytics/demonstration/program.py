"""The demo's retailer and its program: sensible, and no more than that."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from analytics.demonstration import badges
from analytics.demonstration.pictures import picture
from customers.models import Retailer
from loyalty.configuration.drafts import create_program, publish
from loyalty.plans.models import PaidPlan
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import Program, ProgramVersion
from loyalty.referrals.models import ReferralPolicy
from loyalty.rewards.models import Reward
from loyalty.tiers.models import Tier, TierPolicy

SLUG = "complete-journey"
WORDING = "I join the Journey Club and agree that my purchases are kept to count points and tiers."


def retailer() -> Retailer:
    """Return the demo's retailer, creating it the first time."""
    return Retailer.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": "Complete Journey",
            "currency": "USD",
            "zone": "America/New_York",
            "language": Retailer.Language.ENGLISH,
        },
    )[0]


def program(owner: Retailer, *, effective_from: datetime, now: datetime) -> Program:
    """Return the demo's program with its first version in force, creating it the first time."""
    found = Program.objects.filter(retailer=owner, slug="journey-club").first()
    if found is not None:
        return found
    draft = create_program(owner, slug="journey-club", name="Journey Club")
    PointsPolicy.objects.filter(version=draft).update(
        expiry=PointsPolicy.Expiry.END_OF_MONTH,
        expiry_count=6,
        pending_days=1,
        point_value=Decimal("0.01"),
        redeemed_share=Decimal("0.8"),
    )
    TierPolicy.objects.filter(version=draft).update(window=TierPolicy.Window.ROLLING, window_months=6)
    _add_rules_and_tiers(draft)
    _add_plans_and_rewards(draft)
    badges.add_to(draft)
    ReferralPolicy.objects.create(
        version=draft,
        link="https://shop.example/invite?code={code}",
        advocate_points=500,
        friend_points=250,
        minimum_amount=Decimal(20),
        advocate_limit=3,
    )
    publish(draft, effective_from=effective_from, now=now)
    return draft.program


def _add_rules_and_tiers(draft: ProgramVersion) -> None:
    for code, name, name_fr, kind, points, limits in RULES:
        EarningRule.objects.create(
            version=draft,
            code=code,
            name=name,
            name_fr=name_fr,
            kind=kind,
            points=Decimal(points),
            uses_multiplier=kind == "per_amount",
            **limits,
        )
    for rank, (code, name, name_fr, threshold, multiplier, benefits, benefits_fr) in enumerate(TIERS):
        Tier.objects.create(
            version=draft,
            code=code,
            name=name,
            name_fr=name_fr,
            rank=rank,
            threshold=threshold,
            multiplier=Decimal(multiplier),
            benefits=benefits,
            benefits_fr=benefits_fr,
        )


def _add_plans_and_rewards(draft: ProgramVersion) -> None:
    for rank, (code, name, name_fr, price, multiplier, benefits, benefits_fr, perks_cost) in enumerate(PLANS):
        PaidPlan.objects.create(
            version=draft,
            code=code,
            name=name,
            name_fr=name_fr,
            rank=rank,
            price=Decimal(price),
            trial_days=14 if code == "plus" else 0,
            multiplier=Decimal(multiplier),
            free_shipping=True,
            benefits=benefits,
            benefits_fr=benefits_fr,
            perks_cost=Decimal(perks_cost),
        )
    for place, (code, name, name_fr, kind, in_points, more) in enumerate(REWARDS):
        image = picture(draft.program.retailer_id, code)
        Reward.objects.create(
            version=draft,
            code=code,
            name=name,
            name_fr=name_fr,
            kind=kind,
            points=in_points,
            place=place,
            image=image,
            **more,
        )


PRODUCE = {"field": "category", "in": ["PRODUCE"]}
OWN_BRAND = {"field": "brand", "in": ["Private"]}
RULES: tuple[tuple[str, str, str, str, str, dict[str, Any]], ...] = (
    ("base", "1 point per dollar", "1 point par dollar", "per_amount", "1", {}),
    ("fresh", "2 more on produce", "2 de plus au rayon frais", "per_amount", "2", {"condition": PRODUCE}),
    ("own-brand", "1 more on our brand", "1 de plus sur notre marque", "per_amount", "1", {"condition": OWN_BRAND}),
    ("welcome", "Welcome: 100 points", "Bienvenue : 100 points", "first_order", "100", {}),
)
PLANS = (
    (
        "plus",
        "Plus",
        "Plus",
        "4.99",
        "1.5",
        "Half as many points again\nFree delivery",
        "Moitié plus de points\nLivraison offerte",
        "1.20",
    ),
    ("max", "Max", "Max", "9.99", "2", "Twice the points\nFree delivery", "Points doublés\nLivraison offerte", "3.50"),
)
REWARDS: tuple[tuple[str, str, str, str, int, dict[str, Any]], ...] = (
    (
        "five-off", "Five dollars off", "Cinq dollars de remise", "amount_off", 500,
        {"value": Decimal(5), "minimum_amount": Decimal(25), "codes": "generated", "valid_days": 90, "on_expiry": "give_back"},
    ),
    ("bag", "A shopping bag", "Un cabas", "product", 300, {"sku": "BAG", "cost": Decimal("1.80"), "stock": 2_000}),
    (
        "cinema", "A cinema ticket", "Une place de cinéma", "voucher", 900,
        {"codes": "pool", "cost": Decimal("6.50"), "member_limit": 2, "member_period": "month", "valid_days": 60},
    ),
    (
        "forest", "Plant trees", "Planter des arbres", "donation", 100,
        {"points_per_unit": 100, "match_percent": 100, "match_budget": Decimal(500)},
    ),
)  # fmt: skip
TIERS = (
    ("bronze", "Bronze", "Bronze", 0, "1", "Points on every purchase", "Des points à chaque achat"),
    (
        "silver",
        "Silver",
        "Argent",
        500,
        "1.25",
        "A quarter more points\nFree delivery above 50",
        "Un quart de points en plus\nLivraison offerte dès 50",
    ),
    (
        "gold",
        "Gold",
        "Or",
        1500,
        "1.5",
        "Half as many points again\nFree delivery\nEarly access",
        "Moitié plus de points\nLivraison offerte\nAccès en avant-première",
    ),
)
