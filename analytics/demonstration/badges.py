"""The demo's badges, challenges and leaderboard: what real baskets of a grocer trigger, the same each time."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from analytics.demonstration.pictures import SQUARE, picture
from customers.core.errors import DomainError
from loyalty.badges.account.joining import join_board
from loyalty.badges.account.surprises import draw, give
from loyalty.badges.models import Badge, Board, Challenge, Participation, Surprise
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion

EVERY = 5  # of the members in the order of their ids: every fifth is on the leaderboard
PRODUCE = {"field": "category", "in": ["PRODUCE"]}
BADGES: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("regular", "Regular", "Fidèle au poste", "repeatable", {"takes_back": False}),
    (
        "explorer", "Explorer", "Explorateur", "levelled",
        {"levels": [
            {"times": 1, "name": "Bronze", "name_fr": "Bronze"}, {"times": 4, "name": "Silver", "name_fr": "Argent"},
            {"times": 8, "name": "Gold", "name_fr": "Or"},
        ]},
    ),
    ("fresh", "Fresh", "Primeur", "once", {"points": 20}),
)  # fmt: skip
CHALLENGES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    (
        "three-weeks", "Three weeks in a row", "Trois semaines d’affilée",
        {"metric": "week_streak", "target": 3, "window": "quarter", "badge": "regular", "points": 30},
    ),
    (
        "departments", "Six departments in a month", "Six rayons en un mois",
        {"metric": "categories", "target": 6, "window": "month", "badge": "explorer", "points": 25},
    ),
    (
        "greens", "Ten baskets with produce in a quarter", "Dix paniers de frais en un trimestre",
        {"target": 10, "condition": PRODUCE, "window": "quarter", "badge": "fresh"},
    ),
    (
        "big-month", "Spend in a month", "Dépenses d’un mois",
        {"metric": "spend", "target": 200, "window": "month", "badge": "",
         "levels": [{"target": 200, "points": 20}, {"target": 500, "points": 60}]},
    ),
    (
        "summer", "Five days in thirty", "Cinq jours sur trente",
        {"metric": "days", "target": 5, "window": "rolling", "window_days": 30, "opt_in": True, "points": 40},
    ),
)  # fmt: skip


def add_to(draft: ProgramVersion) -> None:
    """Add badges, challenges and a leaderboard to the demo's program."""
    for place, (code, name, name_fr, kind, more) in enumerate(BADGES):
        image = picture(draft.program.retailer_id, code, SQUARE)
        Badge.objects.create(
            version=draft, code=code, name=name, name_fr=name_fr, kind=kind, place=place, image=image, **more
        )
    for place, (code, name, name_fr, more) in enumerate(CHALLENGES):
        given = {**more, "target": Decimal(more["target"])}
        Challenge.objects.create(version=draft, code=code, name=name, name_fr=name_fr, place=place, **given)
    Board.objects.create(
        version=draft, code="year", name="Baskets of the year", name_fr="Paniers de l’année", window="year"
    )


def take_part(club: Program, *, now: datetime) -> int:
    """Let members join the leaderboard, and draw a surprise, unless that was done; return how many joined."""
    if Participation.objects.filter(program=club).exists():
        return 0
    members = Membership.objects.filter(program=club, left_at=None).select_related("program__retailer", "customer")
    done = 0
    for place, member in enumerate(members.order_by("customer__external_id")[::EVERY]):
        try:
            done += join_board(member, "year", f"Shopper {place + 1}", now=now)
        except DomainError:  # it has left meanwhile
            continue
    thanks = Surprise.objects.create(
        retailer=club.retailer, program=club, code="thank-you", name="A small thank-you", name_fr="Un petit merci",
        seed=7, points=50, budget=500,
    )  # fmt: skip
    draw(thanks, author="demo", now=now)
    give(thanks, now=now)
    return done
