"""Leaderboards and levels are told in the decimals of the shop's currency."""

from datetime import timedelta

import pytest
from django.utils import timezone

from loyalty.badges.account.joining import join_board
from tests import make
from tests.badges import game
from tests.page.test_pages import home_of, known, signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("currency", "bought", "scores", "level"),
    [
        ("KWD", ("12.349", "12.345"), "1 Ada Eagle (you) 12.349 2 Bob Owl 12.345", "100.500"),
        ("JPY", ("1500", "900"), "1 Ada Eagle (you) 1,500 2 Bob Owl 900", "100"),
    ],
)
def test_scores_and_levels_have_the_currencys_decimals(
    currency: str, bought: tuple[str, str], scores: str, level: str
) -> None:
    shop = make.retailer(language="en", currency=currency)
    big = {"code": "big", "metric": "spend", "target": "1", "levels": [{"target": level, "points": 20}]}
    since = timezone.now() - timedelta(days=100)
    club = game.program(big, boards=[{"code": "top", "metric": "spend"}], owner=shop, since=since)
    ada, bob = known(club, "ada"), known(club, "bob")
    for who, amount, name in zip((ada, bob), bought, ("Ada Eagle", "Bob Owl"), strict=True):
        make.buys(who, amount, at=timezone.now())
        join_board(who, "top", name, now=timezone.now())

    said = text_of(signed_in(ada).get(f"{home_of(ada)}challenges"))

    assert scores in said
    assert f"{level} 20 points" in said
