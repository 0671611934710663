"""Who answers surveys: the rate, and whether those who did not would have said the same."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.kpis.response import Cell, response_of, weighted
from analytics.kpis.response_page import response_blocks
from analytics.kpis.response_reading import cells, groups
from analytics.statistics import rebuild
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, send_all, shop
from tests.campaigns.make_surveys import DAY, ask, asking, says, survey

pytestmark = pytest.mark.django_db


def test_a_score_is_weighted_to_those_who_were_asked_where_others_answered() -> None:
    """Of 100 who spend little 10 answer, all detractors; of 100 who spend much 40, 30 of them promoters."""
    little, much = Cell(100, 10, 0, 10, 1_000, 100), Cell(100, 40, 30, 0, 9_000, 4_000)

    found = response_of("nps", [little, much])

    assert (found.asked, found.score.n, found.score.value) == (200, 50, 40.0)
    assert (found.rate.value, found.weighted, found.differs) == (0.25, -12.5, True)
    assert (found.spent_by_answering, found.spent_by_others) == (82.0, 5_900 / 150)


def test_who_is_alike_needs_no_weights() -> None:
    found = response_of("csat", [Cell(100, 20, 16, 0), Cell(100, 20, 16, 0)])

    assert (found.score.value, found.weighted, found.differs, found.unheard) == (80.0, 80.0, False, 0)


def test_nobody_is_none_and_cells_that_said_nothing_are_counted() -> None:
    silent = Cell(5, 0, 0, 0)

    assert weighted("nps", [silent]) is None
    assert response_of("nps", [silent]).score.value is None
    assert response_of("nps", [silent]).unheard == 5
    assert response_of("nps", [silent, Cell(5, 5, 5, 0)]).weighted == 100.0


def test_those_asked_are_counted_once_their_time_is_over_whether_or_not_they_answered() -> None:
    club = make.program(shop())
    names = ("ada", "bob", "eve", "zoe")
    members = [ada(club, name) for name in names]
    for member, amount in zip(members, ("10", "20", "300", "400"), strict=True):
        make.buys(member, amount, at=NOON - 100 * DAY)
    rebuild(club.retailer)
    asked = ask(asking(club, survey(club.retailer)), *members)
    send_all(club.retailer, NOON, Box())
    by_member = {each.customer_id: each for each in asked}
    says(by_member[members[2].customer_id], 9)
    says(by_member[members[3].customer_id], 3)
    soon, late = NOON + DAY, NOON + 20 * DAY

    assert cells(club.retailer, soon) == {}  # two of four have answered, and two may still
    assert cells(club.retailer, late)["nps"] == [
        Cell(2, 0, 0, 0, 30.0, 0.0, 200.0, 0.0),
        Cell(2, 2, 1, 1, 700.0, 700.0, 200.0, 200.0),
    ]
    assert groups(club.retailer, late) == [
        ("nps", "channel", "inbox", Cell(4, 2, 1, 1)),
        ("nps", "segment", "", Cell(4, 2, 1, 1)),
    ]
    assert cells(club.retailer, NOON + 400 * DAY) == {}


def test_the_page_of_key_figures_says_who_answers() -> None:
    club = make.program(shop())
    member = ada(club)
    at = timezone.now() - timedelta(days=30)
    make.buys(member, "10", at=at)
    rebuild(club.retailer)
    (asked,) = ask(asking(club, survey(club.retailer, "csat")), member, at=at)
    send_all(club.retailer, at, Box())
    says(asked, 5, at=at)
    browser = Client()
    browser.force_login(User.objects.create_superuser("sue"))

    (block,) = response_blocks(club.retailer, now=timezone.now())
    page = browser.get(reverse("admin:analytics_kpigoal_overview") + f"?retailer={club.retailer.slug}").content.decode()

    assert block.facts[:2] == [("people asked", "1"), ("people who answered", "1")]
    assert block.facts[3] == ("score", "100.0 (20.7 to 100.0, too few answers to go by)")
    assert "Who answers: Satisfaction (CSAT)" in page
    assert "By inbox" in page
