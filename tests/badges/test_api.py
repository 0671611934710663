"""Badges, challenges and leaderboards over HTTP: by shoppers, and by a shop's systems."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from loyalty.badges.models import Participation
from loyalty.memberships.models import Membership
from tests import make
from tests.badges import game

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


@pytest.fixture
def ada() -> Membership:
    club = game.program(
        {"code": "three", "target": "3", "badge": "fan", "points": 30, "name_fr": "Trois commandes"},
        {"code": "spend", "metric": "spend", "target": "50", "opt_in": True, "points": 5},
        badges=[{"code": "fan", "description": "For fans", "image": "https://cdn.example/fan.svg"}],
        boards=[{"code": "buyers", "metric": "count"}],
    )
    return make.member(club, "ada", since=NOW - timedelta(days=30))


def call(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = client.generic(
        method, f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )
    return answer.status_code, answer.json()


def mine(ada: Membership) -> dict[str, str]:
    return {"authorization": f"Bearer {make.token(ada.customer)}"}


def test_a_shopper_sees_how_far_it_has_come_and_what_gave_it_its_badge(client: Client, ada: Membership) -> None:
    for place in (3, 2, 1):
        make.buys(ada, "10", at=NOW - timedelta(days=place), name=f"A{place}", recorded=NOW)
    me = mine(ada)

    status, said = call(client, "GET", "me/challenges", **me)
    three, spend = said[0]["challenges"]
    assert (status, three["name"], three["met"], three["awards"]) == (200, "Three", 1, 1)
    assert three["goals"] == [{"metric": "count", "interaction": "", "value": "3", "target": "3"}]
    assert (spend["goals"][0]["value"], spend["is_joined_by_hand"], spend["joined_at"]) == ("0", True, None)

    status, said = call(client, "GET", "me/badges", **me)
    badge, award = said[0]["badges"][0], said[0]["awards"][0]
    assert (status, badge["times"], badge["image"]) == (200, 1, "https://cdn.example/fan.svg")
    assert (award["challenge"], award["badge"], award["points"]) == ("three", "fan", 30)
    assert [cause["order"] for cause in award["causes"]] == ["A3", "A2", "A1"]

    status, said = call(client, "GET", "me/challenges", **me, **{"accept-language": "fr"})
    assert said[0]["challenges"][0]["name"] == "Trois commandes"


def test_the_answer_of_an_order_says_what_it_won_and_a_dry_run_too(client: Client, ada: Membership) -> None:
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    for place in (3, 2):
        make.buys(ada, "10", at=NOW - timedelta(days=place))
    body = {
        "number": "W1", "customer": "ada", "occurred_at": NOW.isoformat(),
        "lines": [{"sku": "s", "quantity": 1, "net_amount": "10.00"}],
    }  # fmt: skip
    won = [{"challenge": "three", "badge": "fan", "level": 0, "points": 30}]

    status, said = call(client, "POST", "orders?dry_run=true", body, **key)
    assert (status, said["effects"][0]["awards"], game.awards_of(ada)) == (200, won, [])

    status, said = call(client, "POST", "orders", body, **key)
    assert (status, said["effects"][0]["awards"], said["effects"][0]["points"]) == (201, won, 10)

    back = {
        "number": "R1",
        "order_number": "W1",
        "occurred_at": NOW.isoformat(),
        "lines": [{"position": 1, "quantity": "1"}],
    }
    status, said = call(client, "POST", "returns", back, **key)
    assert (status, said["effects"][0]["awards"]) == (201, [won[0] | {"points": -30}])


def test_a_shopper_joins_a_challenge_and_a_board_and_tries_it_first(client: Client, ada: Membership) -> None:
    slug, me = ada.program.slug, mine(ada)

    status, said = call(client, "POST", f"me/challenges/{slug}/spend/join?dry_run=true", **me)
    assert (status, said["dry_run"], said["joined_at"] is None) == (200, True, False)
    assert not Participation.objects.exists()
    assert call(client, "POST", f"me/challenges/{slug}/spend/join", **me)[0] == 201
    assert call(client, "POST", f"me/challenges/{slug}/spend/join", **me)[0] == 200
    status, said = call(client, "POST", f"me/challenges/{slug}/three/join", **me)
    assert (status, said["code"]) == (409, "nothing_to_join")
    status, said = call(client, "POST", f"me/challenges/{slug}/nix/join", **me)
    assert (status, said["code"]) == (404, "no_such_challenge")

    make.buys(ada, "10", at=NOW - timedelta(hours=1))
    status, said = call(client, "POST", f"me/boards/{slug}/buyers/join", {"name": "Ace"}, **me)
    assert (status, said["mine"]["rank"], said["mine"]["score"], said["mine"]["name"]) == (201, 1, "1", "Ace")
    status, said = call(client, "GET", f"me/boards/{slug}/buyers", **me)
    assert (status, said["lines"][0]["name"], said["lines"][0]["is_me"]) == (200, "Ace", True)
    status, said = call(client, "GET", "me/boards", **me)
    assert (status, said[0]["boards"][0]["mine"]["rank"]) == (200, 1)
    status, said = call(client, "POST", f"me/boards/{slug}/buyers/leave", **me)
    assert (status, said["mine"]) == (201, None)
    assert call(client, "GET", f"me/boards/{slug}/nix", **me)[0] == 404


@pytest.mark.parametrize("window", ["week", "month", "quarter", "year"])
def test_a_window_in_which_the_calendar_ends_ends_with_it(client: Client, window: str) -> None:
    club = game.program(boards=[{"code": "late", "metric": "count", "window": window}], since=NOW - timedelta(days=30))
    eve = make.member(club, since=NOW - timedelta(days=20))

    status, said = call(client, "GET", f"me/boards/{club.slug}/late?window=9999-12-31", **mine(eve))

    assert (status, said["last_day"], said["lines"]) == (200, "9999-12-31", [])


def test_a_shops_systems_see_a_members_badges_and_let_it_join(client: Client, ada: Membership) -> None:
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    base = f"members/{ada.number}"

    assert call(client, "GET", f"{base}/badges", **key)[0] == 200
    assert call(client, "POST", f"{base}/challenges/spend/join", **key)[0] == 201
    status, said = call(client, "GET", f"{base}/challenges", **key)
    assert (status, said["challenges"][1]["joined_at"] is not None) == (200, True)
    assert call(client, "POST", f"{base}/boards/buyers/join", {"name": "Ace"}, **key)[0] == 201
    status, said = call(client, "GET", f"programs/{ada.program.slug}/boards/buyers?limit=5", **key)
    assert (status, said["mine"]) == (200, None)
    status, said = call(client, "GET", f"programs/{ada.program.slug}/boards/buyers?limit=x", **key)
    assert (status, said["errors"][0]["pointer"]) == (400, "/limit")
    status, said = call(client, "GET", f"programs/{ada.program.slug}/boards/buyers?window=tomorrow", **key)
    assert (status, said["errors"][0]["code"]) == (400, "not_a_day")


def test_lists_cost_the_same_statements_whatever_their_length(
    client: Client, ada: Membership, django_assert_num_queries: Any
) -> None:
    me, counts = mine(ada), []
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for round_ in range(2):
        for place in range(3 + 9 * round_):
            make.buys(ada, "10", at=NOW - timedelta(days=1, hours=place))
        call(client, "GET", "me/badges", **me)
        with CaptureQueriesContext(connection) as seen:
            call(client, "GET", "me/badges", **me)
        counts.append(len(seen))

    assert counts[0] == counts[1]
