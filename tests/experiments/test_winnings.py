"""Who is held out of benefits wins nothing by lot or by rank, and takes nothing from who does."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from loyalty.activity.account.leaving import leave
from loyalty.activity.replaying import replay
from loyalty.activity.versions import versions_of_member, versions_of_program
from loyalty.badges.account.contests import finish_contests
from loyalty.badges.account.joining import NoSuchBoard, join_board
from loyalty.badges.account.surprises import draw, explain, give
from loyalty.badges.boards import Among, standings
from loyalty.badges.models import Board, ContestPrize, Surprise
from loyalty.badges.state import GAME
from loyalty.badges.winnings import gifts_of, open_contests
from loyalty.configuration.drafts import open_draft, publish
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import end, start
from loyalty.memberships.models import Membership
from loyalty.points.models import Grant
from loyalty.programs.models import Program
from tests import make
from tests.badges import game
from tests.experiments.make_experiments import arm_of, planned, running
from tests.experiments.test_arms import OFFER, one_in
from tests.make import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CONTEST: dict[str, Any] = {
    "code": "month", "metric": "spend", "window": "month", "settle_days": 2,
    "prizes": [{"rank": 1, "through": 1, "points": 100}, {"rank": 2, "through": 2, "points": 40}],
}  # fmt: skip


def club(count: int = 8) -> Program:
    made = game.program(boards=[CONTEST])
    for place in range(count):
        who = make.member(made, f"c{place}")
        join_board(who, "month", f"Member {place}", now=make.on("2026-06-01"))
        make.buys(who, f"{50 - place}", at=make.on("2026-06-10"))
    return made


def held_out(experiment: Experiment) -> set[str]:
    rows = Membership.objects.filter(program__retailer=experiment.retailer).select_related("customer")
    return {each.customer.external_id for each in rows if arm_of(experiment, each.customer) == "out"}


def surprise(made: Program) -> Surprise:
    return Surprise.objects.create(
        retailer=made.retailer,
        program=made,
        code="gift",
        name="A gift",
        name_fr="Un cadeau",
        seed=7,
        points=5,
        budget=500,
    )


def test_surprises_are_drawn_among_those_who_may_be_given_something() -> None:
    made = club()
    experiment = running(made.retailer, made, form="no_benefits", at=NOON)
    row = surprise(made)

    draw(row, author="sue", now=NOON + DAY)
    give(row, now=NOON + DAY)

    drawn = {each.membership.customer.external_id for each in row.tickets.select_related("membership__customer")}
    assert 0 < len(held_out(experiment)) < 8
    assert drawn == {f"c{place}" for place in range(8)} - held_out(experiment)
    assert set(Grant.objects.values_list("given", flat=True)) == {5}


def test_the_best_of_the_others_win_a_contest_that_began_before_a_hold_out() -> None:
    made = club()
    experiment = running(made.retailer, made, form="no_benefits", at=NOON)
    others = [f"c{place}" for place in range(8) if f"c{place}" not in held_out(experiment)]

    finish_contests(made, now=make.on("2026-07-10"))

    won = ContestPrize.objects.select_related("membership__customer").order_by("rank")
    assert [(each.membership.customer.external_id, each.points) for each in won] == [(others[0], 100), (others[1], 40)]
    assert list(Grant.objects.order_by("given").values_list("given", flat=True)) == [40, 100]


def test_after_its_end_everybody_wins_again() -> None:
    made = club()
    end(running(made.retailer, made, form="no_benefits", at=NOON), author="Grace", now=NOON + DAY)
    row = surprise(made)

    draw(row, author="sue", now=NOON + 2 * DAY)
    finish_contests(made, now=make.on("2026-07-10"))

    assert row.tickets.count() == 8
    assert [each.membership.customer.external_id for each in ContestPrize.objects.order_by("rank")] == ["c0", "c1"]


def test_a_gift_that_was_drawn_before_a_hold_out_and_is_due_in_it_is_not_given_and_says_why() -> None:
    made = club()
    row = surprise(made)
    draw(row, author="sue", now=NOON - DAY)
    experiment = running(made.retailer, made, form="no_benefits", at=NOON)
    out = held_out(experiment)

    given = give(row, now=NOON + DAY)

    tickets = {
        each.membership.customer.external_id: each for each in row.tickets.select_related("membership__customer")
    }
    row.refresh_from_db()
    assert (given, row.status) == (8 - len(out), "given")
    assert {name for name, each in tickets.items() if each.given_at is None} == out
    assert {(each.missed_at, each.missed_because) for name, each in tickets.items() if name in out} == {
        (NOON + DAY, "withheld")
    }
    assert {each.missed_because for name, each in tickets.items() if name not in out} == {""}
    ada = tickets[min(out)].membership
    assert gifts_of(ada) == []
    assert not Grant.objects.filter(membership=ada).exists()
    assert (explain(row).gifts, explain(row).missed, explain(row).points) == (8, len(out), 5 * (8 - len(out)))
    assert give(row, now=NOON + 2 * DAY) == 0


def test_who_had_left_by_then_is_not_said_to_have_been_given_anything() -> None:
    made = club(2)
    row = surprise(made)
    draw(row, author="sue", now=NOON - DAY)
    gone = Membership.objects.get(customer__external_id="c0")
    leave(gone, now=NOON)

    assert give(row, now=NOON + DAY) == 1

    missed = row.tickets.get(membership=gone)
    assert (missed.given_at, missed.missed_at, missed.missed_because) == (None, NOON + DAY, "left")


def test_staff_read_why_a_gift_was_not_given(client: Client) -> None:
    made = club()
    row = surprise(made)
    draw(row, author="sue", now=NOON - DAY)
    experiment = running(made.retailer, made, form="no_benefits", at=NOON)
    give(row, now=NOON + DAY)
    ada = Membership.objects.get(program=made, customer__external_id=min(held_out(experiment)))
    key = {"authorization": f"Api-Key {make.key(made.retailer)}"}

    lot = client.get(f"/api/v1/programs/{made.slug}/surprises/gift?member={ada.number}", headers=key).json()["lot"]
    (drawn,) = client.get(f"/api/v1/members/{ada.number}/surprises", headers=key).json()["surprises"]
    (mine,) = client.get("/api/v1/me/surprises", headers={"authorization": f"Bearer {make.token(ada.customer)}"}).json()

    assert (lot["given_at"], lot["missed_because"], drawn["missed_because"]) == (None, "withheld", "withheld")
    assert mine["surprises"] == []


def contest_for_b() -> tuple[Program, Experiment]:
    """Return a program whose contest holds for variant B of an experiment that starts at noon."""
    draft = make.version()
    game.add(draft, boards=[CONTEST | {"arms": {"experiment": "rivalry", "variants": ["B"]}}])
    planned(draft.program.retailer, draft.program, "rivalry", **OFFER)
    made = make.published(draft)
    for place in range(8):
        make.member(made, f"c{place}")
    return made, start(Experiment.objects.get(code="rivalry"), author="Grace", now=NOON)


def test_a_contest_may_hold_for_one_variant() -> None:
    made, experiment = contest_for_b()
    ada, bob = one_in(experiment, "A"), one_in(experiment, "B")
    join_board(bob, "month", "Bob", now=NOON)
    with pytest.raises(NoSuchBoard):
        join_board(ada, "month", "Ada", now=NOON)
    make.buys(ada, "90", at=NOON + DAY)
    make.buys(bob, "50", at=NOON + DAY)

    shown = [open_contests(who, versions_of_member(who), at=NOON + DAY) for who in (ada, bob)]
    finish_contests(made, now=make.on("2026-07-10"))

    assert [[(each.mine.rank, each.points) for each in found if each.mine] for found in shown] == [[], [(1, 100)]]
    assert [each.membership for each in ContestPrize.objects.select_related("membership")] == [bob]


def test_a_contest_that_becomes_one_variants_pays_nobody_else() -> None:
    """Both had scores when it held for everybody."""
    made = game.program(boards=[CONTEST])
    for place in range(8):
        who = make.member(made, f"c{place}")
        join_board(who, "month", f"Member {place}", now=make.on("2026-06-01"))
        make.buys(who, f"{50 - place}", at=make.on("2026-06-10"))
    experiment = running(made.retailer, made, "rivalry", at=NOON, **OFFER)
    draft = open_draft(made)
    Board.objects.filter(version=draft).update(arms={"experiment": "rivalry", "variants": ["B"]})
    publish(draft, effective_from=NOON + DAY, now=NOON)

    finish_contests(made, now=make.on("2026-07-10"))

    winners = [each.membership.customer for each in ContestPrize.objects.select_related("membership__customer")]
    assert [arm_of(experiment, each) for each in winners] == ["B", "B"]


def test_a_leaderboard_lists_nobody_who_is_held_out_of_it_and_ranks_the_others_as_they_win(client: Client) -> None:
    made = club()
    experiment = running(made.retailer, made, form="no_benefits", at=NOON)
    others = [f"c{place}" for place in range(8) if f"c{place}" not in held_out(experiment)]
    ada, bob = one_in(experiment, "out"), Membership.objects.get(customer__external_id=others[-1])
    june, address = "?window=2026-06-10", f"/api/v1/me/boards/{made.slug}/month"

    def asked(path: str, **headers: str) -> Any:
        return client.get(path, headers=headers).json()

    seen = asked(f"{address}{june}&limit=1", authorization=f"Bearer {make.token(bob.customer)}")
    by_system = asked(
        f"/api/v1/programs/{made.slug}/boards/month{june}", authorization=f"Api-Key {make.key(made.retailer)}"
    )
    refused = client.get(f"{address}{june}", headers={"authorization": f"Bearer {make.token(ada.customer)}"})

    assert [(each["rank"], each["name"]) for each in by_system["lines"]] == [
        (rank, f"Member {name[1:]}") for rank, name in enumerate(others, start=1)
    ]
    assert ([each["name"] for each in seen["lines"]], seen["mine"]["rank"]) == (
        [f"Member {others[0][1:]}"], len(others),
    )  # fmt: skip
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "The program has no leaderboard “month”. It has: -.",
    )


def test_a_window_that_had_ended_before_a_hold_out_is_listed_as_it_was() -> None:
    made = club()
    running(made.retailer, made, form="no_benefits", at=make.on("2026-07-01"))
    versions = versions_of_program(made.pk)
    rule = versions.versions[-1].of(GAME).boards[0]

    among = Among.of(rule, versions, "M2026-06-01", now=make.on("2026-07-10"))

    assert len(standings(rule, made.pk, "M2026-06-01", among).lines) == 8


@pytest.mark.parametrize(
    ("begins", "ends", "paid"),
    [
        ("2026-07-02", None, ["ada", "bob"]),  # it began after the window, before the prizes
        ("2026-06-30T23:59:59", None, ["bob", "eve"]),
        ("2026-06-12", "2026-07-02", ["bob", "eve"]),  # it ended after the window, before the prizes
        ("2026-06-12", "2026-06-30T23:59:59", ["ada", "bob"]),
    ],
)
def test_a_contest_pays_whom_its_leaderboard_shows_as_things_were_when_its_window_ended(
    client: Client, begins: str, ends: str | None, paid: list[str]
) -> None:
    """Ada is held out and has most, Bob and Eve are not."""
    made = game.program(boards=[CONTEST])
    for place in range(12):
        make.member(made, f"c{place}")
    experiment = running(made.retailer, made, form="no_benefits", at=make.on(begins))
    ada = one_in(experiment, "out")
    bob, eve = [who for who in Membership.objects.all() if arm_of(experiment, who.customer) == "in"][:2]
    names = {ada.pk: "ada", bob.pk: "bob", eve.pk: "eve"}
    for who, amount in ((ada, "50"), (bob, "40"), (eve, "30")):
        join_board(who, "month", names[who.pk], now=make.on("2026-06-01"))
        make.buys(who, amount, at=make.on("2026-06-10"))
    if ends is not None:
        end(experiment, author="Grace", now=make.on(ends))

    finish_contests(made, now=make.on("2026-07-10"))
    board = client.get(
        f"/api/v1/programs/{made.slug}/boards/month?window=2026-06-10&limit=2",
        headers={"authorization": f"Api-Key {make.key(made.retailer)}"},
    ).json()

    won = ContestPrize.objects.order_by("rank").values_list("membership", "points")
    given = Grant.objects.order_by("-points").values_list("membership", "given", "reason")
    assert [each["name"] for each in board["lines"]] == paid
    assert [(names[who], points) for who, points in won] == [(paid[0], 100), (paid[1], 40)]
    assert replay(made, now=make.on("2026-07-11")).deviations == []
    assert [(names[who], *rest) for who, *rest in given] == [(paid[0], 100, ""), (paid[1], 40, "")]


def test_a_contest_that_becomes_one_variants_after_its_window_pays_and_shows_everybody(client: Client) -> None:
    made = club()
    running(made.retailer, made, "rivalry", at=NOON, **OFFER)
    draft = open_draft(made)
    Board.objects.filter(version=draft).update(arms={"experiment": "rivalry", "variants": ["B"]})
    publish(draft, effective_from=make.on("2026-07-02"), now=NOON)

    finish_contests(made, now=make.on("2026-07-10"))
    versions = versions_of_program(made.pk)
    now = versions.versions[-1].of(GAME).boards[0]
    among = Among.of(now, versions, "M2026-06-01", now=make.on("2026-07-10"))

    won = ContestPrize.objects.order_by("rank").values_list("membership__customer__external_id", flat=True)
    assert list(won) == ["c0", "c1"]
    assert [each.shown_as for each in standings(now, made.pk, "M2026-06-01", among, limit=2).lines] == [
        "Member 0",
        "Member 1",
    ]


def test_a_contest_is_not_shown_to_who_wins_nothing_in_it() -> None:
    made = club()
    experiment = running(made.retailer, made, form="no_benefits", at=NOON)
    ada, bob = one_in(experiment, "out"), one_in(experiment, "in")

    shown = [open_contests(who, versions_of_member(who), at=NOON + DAY) for who in (ada, bob)]

    assert [len(found) for found in shown] == [0, 1]
