"""Members read what they won, and shops why somebody was drawn: contests, prizes and surprises by API."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from loyalty.activity.account.merging import take_merge
from loyalty.badges.account.contests import finish_contests
from loyalty.badges.account.joining import join_board
from loyalty.badges.account.surprises import draw, give
from loyalty.badges.models import Surprise, SurpriseTicket
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from loyalty.programs.models import Program
from tests import make
from tests.badges import game
from tests.badges.test_api import call, mine
from tests.experiments.make_experiments import arm_of, running

pytestmark = pytest.mark.django_db
CONTEST = {
    "code": "month", "metric": "spend", "window": "month", "settle_days": 2, "name_fr": "Concours du mois",
    "prizes": [{"rank": 1, "through": 1, "points": 100}, {"rank": 2, "through": 3, "points": 40}],
}  # fmt: skip


def shop(club: Program, *scopes: str) -> dict[str, str]:
    return {"authorization": f"Api-Key {make.key(club.retailer, *scopes)}"}


def surprise(club: Program, **given: Any) -> Surprise:
    said = {"code": "gift", "name": "A gift", "name_fr": "Un cadeau", "seed": 7, "points": 5, "budget": 10} | given
    return Surprise.objects.create(retailer=club.retailer, program=club, **said)


@pytest.fixture
def ada() -> Membership:
    return make.member(game.program(boards=[CONTEST]), "ada")


def joined(*members: Membership) -> None:
    for who in members:
        join_board(who, "month", f"Member {who.number}", now=timezone.now())


def test_a_member_reads_its_rank_in_a_contest_and_what_it_would_win(client: Client, ada: Membership) -> None:
    bob, now = make.member(ada.program, "bob"), timezone.now()
    joined(ada, bob)
    make.buys(bob, "80", at=now)
    make.buys(ada, "50", at=now)

    status, (said,) = call(client, "GET", "me/contests", **mine(ada), **{"accept-language": "fr"})

    (contest,) = said["open"]
    last = ((now.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).date()
    assert (status, contest["name"], contest["rank"], contest["score"], contest["points"]) == (
        200, "Concours du mois", 2, "50", 40,
    )  # fmt: skip
    assert (contest["last_day"], contest["settled_on"]) == (last.isoformat(), (last + timedelta(days=3)).isoformat())
    assert contest["prizes"][1] == {"rank": 2, "through": 3, "points": 40}
    assert said["won"] == []


def test_who_is_held_out_of_benefits_stands_in_nobodys_way_in_a_contest_that_goes_on(
    client: Client, ada: Membership
) -> None:
    now = timezone.now()
    some = [ada, make.member(ada.program, "bob"), make.member(ada.program, "eve")]
    joined(*some)
    for amount, who in zip(("50", "60", "70"), some, strict=True):
        make.buys(who, amount, at=now)

    held = running(ada.retailer, ada.program, form="no_benefits", at=now)
    told = {
        who.pk: [(each["rank"], each["points"]) for each in
                 call(client, "GET", f"members/{who.number}/contests", **shop(ada.program))[1]["open"]]
        for who in some
    }  # fmt: skip

    best_first = [who.pk for who in reversed(some) if arm_of(held, who.customer) == "in"]
    assert len(best_first) in {1, 2}
    ranks = [[(1, 100)], [(2, 40)]]
    assert [told[key] for key in best_first] == ranks[: len(best_first)]
    assert [told[who.pk] for who in some if who.pk not in best_first] == [[]] * (3 - len(best_first))


def test_who_has_not_joined_wins_nothing_and_who_has_no_score_has_no_rank(client: Client, ada: Membership) -> None:
    bob = make.member(ada.program, "bob")
    make.buys(bob, "80", at=timezone.now())
    joined(ada)

    found = [
        call(client, "GET", f"members/{each.number}/contests", **shop(ada.program))[1]["open"][0] for each in (ada, bob)
    ]

    said = [(each["is_joined"], each["rank"], each["score"], each["points"]) for each in found]
    assert said == [(True, None, "0", 0), (False, None, "0", 0)]


def test_a_prize_is_read_by_its_winner_and_by_whom_it_was_merged_into(client: Client, ada: Membership) -> None:
    bob = make.member(ada.program, "bob")
    join_board(ada, "month", "Ace", now=make.on("2026-06-01"))
    make.buys(ada, "50", at=make.on("2026-06-10"))
    finish_contests(ada.program, now=make.on("2026-07-10"))
    prize = {
        "code": "month", "name": "Month", "first_day": "2026-06-01", "last_day": "2026-06-30", "rank": 1, "score": "50",
        "points": 100, "wallet": "points", "members": 1, "finished_at": "2026-07-10T00:00:00+02:00",
    }  # fmt: skip

    (said,) = call(client, "GET", "me/contests", **mine(ada))[1]
    take_merge(ada.retailer, "ada", "bob", reference="desk", now=timezone.now())
    merged = call(client, "GET", f"members/{bob.number}/contests", **shop(ada.program))[1]

    (won,) = said["won"]
    assert won | {"finished_at": ""} == prize | {"finished_at": ""}
    assert merged["won"] == said["won"]


def test_a_member_reads_its_gifts_and_the_shop_the_lots_of_all_draws(client: Client, ada: Membership) -> None:
    people = [ada, *(make.member(ada.program) for _ in range(3))]
    row = surprise(ada.program)
    draw(row, author="sue", now=timezone.now())
    winner, loser = (
        Membership.objects.get(pk=row.tickets.get(place=place).membership_id) for place in (1, len(people))
    )
    before = call(client, "GET", "me/surprises", **mine(winner))[1]
    give(row, now=timezone.now())

    after, none = (call(client, "GET", "me/surprises", **mine(each))[1] for each in (winner, loser))
    lots = call(client, "GET", f"members/{loser.number}/surprises", **shop(ada.program))[1]["surprises"]

    assert (before[0]["surprises"], none[0]["surprises"]) == ([], [])
    (gift,) = after[0]["surprises"]
    assert (gift["code"], gift["name"], gift["points"], gift["wallet"]) == ("gift", "A gift", 5, "points")
    (lot,) = lots
    assert (lot["is_drawn"], lot["place"], lot["candidates"], lot["gifts"]) == (False, 4, 4, 2)
    assert lot["lot"] == hashlib.sha256(f"7:{loser.number}".encode()).hexdigest()


def test_a_surprise_is_drawn_once_by_the_shop_and_explained_afterwards(client: Client, ada: Membership) -> None:
    row, key = surprise(ada.program), shop(ada.program, "points:adjust", "program:read", "members:read")
    path = f"programs/{ada.program.slug}/surprises"

    undrawn = call(client, "GET", f"{path}/gift", **key)
    status, tried = call(client, "POST", f"{path}/gift/draw?dry_run=true", {"author": "sue"}, **key)
    assert (status, tried["drawn"], tried["dry_run"], SurpriseTicket.objects.count()) == (200, 1, True, 0)
    first = call(client, "POST", f"{path}/gift/draw", {"author": "sue"}, **key)
    again = call(client, "POST", f"{path}/gift/draw", {"author": "tom"}, **key)
    give(row, now=timezone.now())
    explained = call(client, "GET", f"{path}/gift?member={ada.number}", **key)[1]
    (listed,) = call(client, "GET", path, **key)[1]["results"]

    assert (undrawn[0], undrawn[1]["code"]) == (409, "not_drawn")
    assert [(status, said["drawn"], said["drawn_by"]) for status, said in (first, again)] == [
        (201, 1, "sue"),
        (200, 1, "sue"),
    ]
    assert (explained["is_as_drawn"], explained["seed"], explained["drawn"], explained["points_given"]) == (
        True,
        7,
        1,
        5,
    )
    assert (explained["lot"]["number"], explained["lot"]["place"]) == (ada.number, 1)
    assert (listed["code"], listed["status"], listed["candidates"]) == ("gift", "given", 1)
    assert Entry.objects.filter(explanation__surprise="gift").count() == 1


def test_another_shops_surprises_are_not_there_and_drawing_needs_its_scope(client: Client, ada: Membership) -> None:
    surprise(ada.program)
    other = make.program()
    path = f"programs/{ada.program.slug}/surprises/gift"

    foreign = call(client, "GET", path, **shop(other))[0]
    unscoped = call(client, "POST", f"{path}/draw", {"author": "sue"}, **shop(ada.program, "members:read"))[0]

    assert (foreign, unscoped, SurpriseTicket.objects.count()) == (404, 403, 0)


@pytest.mark.parametrize("number", ["0000", "x", "1' OR 1=1"])
def test_a_lot_of_nobody_is_not_there(client: Client, ada: Membership, number: str) -> None:
    draw(surprise(ada.program), author="sue", now=timezone.now())

    status, _said = call(
        client, "GET", f"programs/{ada.program.slug}/surprises/gift?member={number}", **shop(ada.program)
    )

    assert status == 404
