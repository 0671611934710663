"""Surprises that are drawn by lot, and contests that are finished by the clock."""

import csv
import hashlib
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from customers.models import Customer, Erasure, UndecidedFact
from customers.privacy import erase
from customers.recording import record_orders
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.backlog import catch_up
from loyalty.activity.models import SetAside
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.badges.account.contests import finish_contests
from loyalty.badges.account.joining import join_board
from loyalty.badges.account.surprises import (
    NobodyToSurprise,
    NotDrawn,
    NoWalletForIt,
    draw,
    explain,
    give,
    placed,
)
from loyalty.badges.account.waiting import give_left
from loyalty.badges.models import Board, ContestFinish, ContestPrize, Participation, Surprise, SurpriseTicket
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.points.models import Entry, Grant, Wallet
from loyalty.programs.models import Program
from loyalty.tiers.models import Tier
from tests import make
from tests.badges import game

pytestmark = pytest.mark.django_db
NOON = make.NOON
PRIZE = [{"rank": 1, "through": 1, "points": 500}]


def surprise(club: Program, **given: Any) -> Surprise:
    return Surprise.objects.create(
        **{
            "retailer": club.retailer,
            "program": club,
            "code": "gift",
            "name": "A gift",
            "seed": 7,
            "points": 1,
            "budget": 100,
        }
        | given
    )


def test_the_lots_of_seed_7_are_the_same_whenever_they_are_drawn() -> None:
    numbers = [f"{place:03}" for place in range(300)]

    lots = placed(7, numbers)

    assert placed(7, reversed(numbers)) == lots
    assert lots[0] == min((hashlib.sha256(f"7:{each}".encode()).hexdigest(), each) for each in numbers)
    assert [number for _lot, number in lots[:5]] == ["203", "232", "161", "126", "038"]
    assert {number for _lot, number in lots[:100]} != {number for _lot, number in placed(8, numbers)[:100]}


def test_of_300_candidates_and_a_budget_of_100_the_same_100_are_given_a_gift_however_often_it_is_tried() -> None:
    club = make.program()
    members = [make.member(club, since=NOON) for _ in range(30)]
    gone = make.member(club, since=NOON + timedelta(days=9))  # no candidate: it joins later
    row = surprise(club, budget=10)

    assert draw(row, author="ada", now=NOON) == 10
    assert draw(row, author="bob", now=NOON) == 10
    expected = {number for _lot, number in placed(7, (each.number for each in members))[:10]}
    assert give(row, now=NOON) == 10
    assert give(row, now=NOON) == 0

    given = Entry.objects.filter(explanation__surprise="gift")
    assert {entry.wallet.membership.number for entry in given} == expected
    row.refresh_from_db()
    assert (row.status, row.candidates, row.drawn_by) == ("given", 30, "ada")
    found = explain(row)
    assert (found.candidates, found.gifts, found.points, found.is_as_drawn) == (30, 10, 10, True)
    assert set(found.drawn) == expected
    assert not row.tickets.filter(membership=gone).exists()
    assert replay(club, now=NOON + timedelta(days=1)).deviations == []


def test_a_draw_that_somebody_tampered_with_is_told() -> None:
    club = make.program()
    for _ in range(9):
        make.member(club, since=NOON)
    row = surprise(club, budget=3)
    draw(row, author="ada", now=NOON)
    last = row.tickets.get(place=9)
    SurpriseTicket.objects.filter(pk=row.tickets.get(place=1).pk).update(is_drawn=False)
    SurpriseTicket.objects.filter(pk=last.pk).update(is_drawn=True)

    assert not explain(row).is_as_drawn


def test_only_candidates_that_were_asked_for_are_drawn_and_who_left_since_gets_nothing() -> None:
    from loyalty.activity.account.leaving import leave

    club = make.program(tiers=[("gold", "100", "1")])
    ada, bob, cleo = (make.member(club, since=NOON) for _ in range(3))
    make.buys(ada, "100", at=NOON)
    make.buys(bob, "100", at=NOON)
    make.buys(cleo, "10", at=NOON)
    row = surprise(club, tiers=["gold"])
    assert draw(row, author="ada", now=NOON) == 2
    leave(bob, now=NOON + timedelta(hours=1))

    assert give(row, now=NOON + timedelta(hours=2)) == 1

    assert Entry.objects.filter(explanation__surprise="gift").get().wallet.membership_id == ada.pk
    nobody = surprise(club, code="nobody", members=["0"])
    with pytest.raises(NobodyToSurprise):
        draw(nobody, author="ada", now=NOON)
    with pytest.raises(NotDrawn):
        give(nobody, now=NOON)
    recent = surprise(club, code="recent", bought_within_days=1)
    with pytest.raises(NobodyToSurprise):
        draw(recent, author="ada", now=NOON + timedelta(days=5))


CONTEST = {
    "code": "june", "metric": "spend", "window": "month", "settle_days": 2,
    "prizes": [{"rank": 1, "through": 1, "points": 100}, {"rank": 2, "through": 3, "points": 40}],
}  # fmt: skip


def test_a_contest_is_finished_once_after_its_window_and_ties_share_the_prize_of_their_rank() -> None:
    club = game.program(boards=[CONTEST])
    members = [make.member(club) for _ in range(6)]
    spent = ["50", "50", "30", "20", "20", "5"]
    for place, (who, amount) in enumerate(zip(members, spent, strict=True)):
        join_board(who, "june", f"Member {place}", now=make.on("2026-06-01"))
        make.buys(who, amount, at=make.on("2026-06-10") + timedelta(hours=place))

    assert finish_contests(club, now=make.on("2026-07-02T23:00")) == 0
    assert finish_contests(club, now=make.on("2026-07-03T00:30")) == 1
    assert finish_contests(club, now=make.on("2026-07-03T00:30")) == 0

    prizes = [(each.membership_id, each.rank, each.points) for each in ContestPrize.objects.order_by("rank", "pk")]
    assert prizes == [(members[0].pk, 1, 100), (members[1].pk, 1, 100), (members[2].pk, 3, 40)]
    assert ContestFinish.objects.get().members == 6
    assert [make.spendable(who, make.on("2026-07-04")) for who in members] == [150, 150, 70, 20, 20, 5]
    won = Event.objects.filter(type="contest.won")
    assert [(each.payload["rank"], each.payload["points"]) for each in won.order_by("pk")] == [
        (1, 100),
        (1, 100),
        (3, 40),
    ]
    assert replay(club, now=make.on("2026-07-04")).deviations == []


@pytest.mark.breaks_the_ledger
@pytest.mark.sets_aside
def test_a_winner_of_whom_nothing_can_be_decided_stops_nobody_elses_prize_or_gift_and_has_its_own_once_it_can() -> None:
    draft = make.version(points={"pending_days": 30})
    game.add(draft, boards=[CONTEST])
    club = make.published(draft)
    ill, sound = (make.member(club, name) for name in ("ada", "bob"))
    for who, amount in ((ill, "50"), (sound, "40")):
        join_board(who, "june", who.number, now=make.on("2026-06-01"))
        make.buys(who, amount, at=make.on("2026-06-10"))
    Wallet.objects.filter(membership=ill).update(pending=0)  # so the points that it has pending cannot be activated
    gift = surprise(club)
    now = make.on("2026-07-20")
    assert draw(gift, author="sue", now=now) == 2

    assert finish_contests(club, now=now) == 1
    assert (give(gift, now=now), give(gift, now=now), finish_contests(club, now=now)) == (2, 0, 0)

    def given() -> list[tuple[object, int, int | None]]:
        return list(Grant.objects.order_by("-points", "pk").values_list("membership", "points", "given"))

    later = {(each.membership_id, each.what) for each in SetAside.objects.all()}
    assert later == {(ill.pk, "time")}
    assert sorted(given(), key=str) == sorted(
        [(ill.pk, 100, None), (sound.pk, 40, 40), (ill.pk, 1, None), (sound.pk, 1, 1)], key=str
    )

    Wallet.objects.filter(membership=ill).update(pending=50)
    give_left(club.retailer, now=now)
    assert (100, None) in [(points, found) for _who, points, found in given()]  # it is not tried at once
    give_left(club.retailer, now=now + timedelta(hours=1))

    assert sorted(given(), key=str) == sorted(
        [(ill.pk, 100, 100), (sound.pk, 40, 40), (ill.pk, 1, 1), (sound.pk, 1, 1)], key=str
    )
    assert SetAside.objects.count() == 0


def test_who_are_level_with_the_last_rank_that_wins_all_win() -> None:
    club = game.program(boards=[CONTEST])
    members = [make.member(club) for _ in range(5)]
    for place, (who, amount) in enumerate(zip(members, ["50", "30", "20", "20", "5"], strict=True)):
        join_board(who, "june", f"Member {place}", now=make.on("2026-06-01"))
        make.buys(who, amount, at=make.on("2026-06-10") + timedelta(hours=place))

    finish_contests(club, now=make.on("2026-07-10"))

    assert [each.points for each in ContestPrize.objects.order_by("rank", "pk")] == [100, 40, 40, 40]


def test_a_return_before_the_prizes_reorders_and_one_after_them_does_not() -> None:
    club = game.program(boards=[CONTEST])
    ada, bob = make.member(club), make.member(club)
    for who in (ada, bob):
        join_board(who, "june", who.number, now=make.on("2026-06-01"))
    make.buys(bob, "40", at=make.on("2026-06-09"))
    bought = make.buys(ada, "50", at=make.on("2026-06-10"))
    make.returns(ada, bought, (1, "1"), at=make.on("2026-07-02"))

    finish_contests(club, now=make.on("2026-07-10"))

    assert [(each.membership_id, each.rank) for each in ContestPrize.objects.all()] == [(bob.pk, 1)]


def test_who_joins_after_the_window_has_ended_does_not_win_it_whatever_is_told_of_it_later() -> None:
    contest = {"code": "run", "metric": "spend", "window": "month", "prizes": PRIZE, "settle_days": 5}
    club = game.program(boards=[contest])
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    join_board(bob, "run", "Bob", now=make.on("2026-06-30T23:59:59"))
    make.buys(ada, "900", at=make.on("2026-06-10"))
    make.buys(bob, "10", at=make.on("2026-06-10"))

    join_board(ada, "run", "Ada", now=make.on("2026-07-01"))
    make.buys(ada, "900", at=make.on("2026-06-20"), recorded=make.on("2026-07-02"))
    finish_contests(club, now=make.on("2026-07-06"))

    prizes = ContestPrize.objects.values_list("membership__customer__external_id", "rank", "points")
    assert list(prizes) == [("bob", 1, 500)]


def test_a_contest_waits_for_what_was_told_of_who_takes_part_and_for_nothing_that_cannot_be_decided() -> None:
    contest = {"code": "run", "metric": "spend", "window": "month", "prizes": PRIZE}
    club = game.program(boards=[contest])
    ada, bob, cleo = (make.member(club, name) for name in ("ada", "bob", "cleo"))
    for who in (ada, bob):
        join_board(who, "run", f"{who.customer.external_id} the runner", now=make.on("2026-06-01"))
    make.buys(ada, "10", at=make.on("2026-06-10"))
    file = [make.order(who, "90", at=make.on("2026-06-11")) for who in (bob, cleo)]  # Cleo does not take part
    record_orders(club.retailer, file, now=make.on("2026-06-30T23:59"))

    assert finish_contests(club, now=make.on("2026-07-01T00:05")) == 0
    UndecidedFact.objects.filter(customer=bob.customer).update(error="Broken: it is", next_try_at=make.on("2026-07-09"))
    with transaction.atomic():
        assert finish_contests(club, now=make.on("2026-07-01T00:05")) == 1
        transaction.set_rollback(True)
    UndecidedFact.objects.update(error="", next_try_at=None)
    catch_up(club.retailer, now=make.on("2026-07-01T00:06"))
    assert finish_contests(club, now=make.on("2026-07-01T00:10")) == 1

    prizes = ContestPrize.objects.values_list("membership__customer__external_id", "score", "points")
    assert list(prizes) == [("bob", 900_000, 500)]


@pytest.mark.parametrize("night", [False, True])
def test_a_tier_that_has_ended_or_is_called_otherwise_by_now_decides_whether_or_not_the_night_has_run(
    *, night: bool
) -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "at_once"}
    club = make.program(tiers=[("base", "0", "1"), ("gold", "100", "1")], scheme=scheme)
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    make.buys(ada, "150", at=make.on("2026-06-10"))
    make.buys(bob, "150", at=make.on("2026-07-10"))
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="gold").update(code="or")
    publish(draft, effective_from=make.on("2026-07-15"), now=make.on("2026-07-12"))
    if night:
        run_nights(club, until=date(2026, 7, 16), now=make.on("2026-07-16"))

    row = surprise(club, tiers=["or"])

    assert draw(row, author="ada", now=make.on("2026-07-16T00:01")) == 1
    assert [ticket.membership_id for ticket in row.tickets.all()] == [bob.pk]
    with pytest.raises(NobodyToSurprise):
        draw(surprise(club, code="old", tiers=["gold"]), author="ada", now=make.on("2026-07-16T00:02"))


def _erased(who: Membership) -> None:
    customer = Customer.objects.get(pk=who.customer_id)
    erase(customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)


def test_gifts_go_on_where_all_of_a_batch_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loyalty.badges.account.surprises.BATCH", 2)
    club = game.program()
    members = [make.member(club) for _ in range(5)]
    gift = surprise(club, budget=5 * 5, points=5)
    draw(gift, author="ada", now=NOON)
    by_place = [ticket.membership for ticket in gift.tickets.select_related("membership__program").order_by("place")]
    for gone in by_place[:2]:
        leave(gone, now=NOON)

    assert give(gift, now=NOON) == len(members) - 2


def test_a_draw_is_explained_after_some_were_erased_left_or_merged() -> None:
    club = make.program()
    members = [make.member(club) for _ in range(10)]
    row = surprise(club, budget=3)
    draw(row, author="ada", now=NOON)
    lots = [ticket.membership_id for ticket in row.tickets.order_by("place")]
    by_place = {lots.index(each.pk): each for each in members}

    _erased(by_place[0])
    _erased(by_place[9])
    leave(by_place[1], now=NOON)
    names = [by_place[place].customer.external_id for place in (2, 3)]
    take_merge(club.retailer, *names, reference="same", now=NOON)

    found = explain(row)
    assert (found.is_as_drawn, found.candidates, found.gifts) == (True, 10, 3)
    assert found.drawn == ("", by_place[1].number, by_place[2].number)


def test_who_was_erased_is_no_candidate_and_is_given_nothing() -> None:
    club = make.program()
    ada, bob, cleo = (make.member(club) for _ in range(3))
    _erased(ada)
    row = surprise(club)

    assert draw(row, author="ada", now=NOON) == 2
    _erased(cleo)
    assert give(row, now=NOON) == 1

    assert [make.wallet_of(each).available for each in (ada, bob, cleo)] == [0, 1, 0]


def test_gifts_of_who_was_merged_go_to_the_one_that_stays() -> None:
    club = make.program()
    ada, bob, cleo = (make.member(club, name) for name in ("ada", "bob", "cleo"))
    row = surprise(club)
    draw(row, author="ada", now=NOON)
    take_merge(club.retailer, "cleo", "bob", reference="same", now=NOON)

    assert give(row, now=NOON) == 3

    assert [make.wallet_of(each).available for each in (ada, bob, cleo)] == [1, 2, 0]
    assert draw(surprise(club, code="next"), author="ada", now=NOON) == 2


def test_a_surprise_into_a_wallet_that_nobody_has_is_not_drawn() -> None:
    club = make.program()
    make.member(club)
    row = surprise(club, wallet="stars")

    with pytest.raises(NoWalletForIt, match="It has: points"):
        draw(row, author="ada", now=NOON)

    assert (SurpriseTicket.objects.count(), Surprise.objects.get().status) == (0, "draft")


def test_surprises_and_winners_are_taken_along_and_boards_speak_the_readers_language(client: Client) -> None:
    club = game.program(boards=[{"code": "race", "name_fr": "La course", "metric": "count", "window": "year"}])
    ada = make.member(club, "ada")
    board, row = Board.objects.get(), surprise(club)
    finish = ContestFinish.objects.create(
        program=club,
        retailer=club.retailer,
        board=board,
        name=board.key.hex,
        window="2025",
        members=3,
        finished_at=NOON,
    )
    ContestPrize.objects.create(
        retailer=club.retailer, finish=finish, membership=ada, rank=1, score=4, reached_at=NOON, points=50
    )
    join_board(ada, "race", "Robin", now=NOON)
    make.buys(ada, "10.00")
    client.force_login(User.objects.create_superuser("eve"))

    def file(model: str, pk: int, action: str = "export") -> list[dict[str, str]]:
        posted = {"action": action, "_selected_action": [pk]}
        answer = client.post(reverse(f"admin:badges_{model}_changelist"), posted)
        return list(csv.DictReader(answer.content.decode().splitlines()))

    (gift,), (winner,) = file("surprise", row.pk), file("contestfinish", finish.pk, "export_winners")
    assert (gift["code"], gift["seed"], gift["status"]) == (row.code, str(row.seed), "draft")
    assert (winner["rank"], winner["membership__number"], winner["points"]) == ("1", ada.number, "50")
    for model in ("board", "boardscore", "participation"):
        page = client.get(reverse(f"admin:badges_{model}_changelist"), headers={"accept-language": "fr"})
        assert "La course" in page.content.decode()
    assert [each["named"] for each in file("participation", Participation.objects.get().pk)] == ["race"]


def test_what_was_drawn_while_somebody_saved_it_stays_as_it_was_drawn(client: Client) -> None:
    club = make.program()
    make.member(club)
    row = surprise(club)
    opened = Surprise.objects.get(pk=row.pk)  # as a page read it before it was drawn
    draw(row, author="ada", now=NOON)
    opened.budget, site = 5, admin.site.get_model_admin(Surprise)

    with pytest.raises(PermissionDenied, match="drawn already"):
        site.save_model(RequestFactory().post("/"), opened, SimpleNamespace(changed_data=["budget"]), change=True)

    assert Surprise.objects.values_list("status", "budget", "drawn_by").get() == ("drawn", 100, "ada")
    other = surprise(club, code="other")
    client.force_login(User.objects.create_superuser("eve"))
    said = {
        "program": club.pk, "code": "other", "name": "A gift", "points": 2, "budget": 50, "seed": 7, "wallet": "points",
    }  # fmt: skip
    assert client.post(reverse("admin:badges_surprise_change", args=[other.pk]), said).status_code == 302
    other.refresh_from_db()
    assert (other.points, other.budget, other.status) == (2, 50, "draft")


def test_the_admin_takes_no_surprise_into_a_wallet_that_nobody_has(client: Client) -> None:
    club = make.program()
    client.force_login(User.objects.create_superuser("eve"))
    said = {
        "program": club.pk, "code": "gift", "name": "A gift", "points": 1, "budget": 5, "seed": 7, "wallet": "stars",
    }  # fmt: skip

    refused = client.post(reverse("admin:badges_surprise_add"), said)
    assert "has no wallet “stars”. It has: points." in refused.content.decode()
    client.post(reverse("admin:badges_surprise_add"), said | {"wallet": "points"})

    assert Surprise.objects.get().wallet == "points"
