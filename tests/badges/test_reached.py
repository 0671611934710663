"""Who reached a score first: by what was bought and kept, in the order of its time, against a count by hand."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given, seed
from hypothesis import strategies as st

from customers.facts import CorrectionFact
from loyalty.activity import correcting
from loyalty.activity.account.leaving import leave as leave_program
from loyalty.activity.account.merging import take_merge
from loyalty.activity.intake import Answer
from loyalty.activity.versions import versions_of_program
from loyalty.badges.account.joining import join_board, leave
from loyalty.badges.boards import Among, standings
from loyalty.badges.models import MemberProgress
from loyalty.badges.reaching import MAX_OF_ITEM, MAX_OF_SUM, changed, micros_of, reached_at
from loyalty.badges.state import GAME
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.badges import game
from tests.properties.scripts import quick

JUNE = "M2026-06-01"
SPENDERS = {"code": "spenders", "metric": "spend", "window": "month"}
EXPLORERS = {"code": "explorers", "metric": "categories", "window": "month"}
REGULARS = {"code": "regulars", "metric": "day_streak", "window": "month"}
BOARDS = (SPENDERS, EXPLORERS, REGULARS)
NAMES = ("Ada", "Bob", "Cleo")
NOW = make.on("2026-06-29")


# -- exact cases


def on_board(board: dict[str, Any], *names: str) -> tuple[Program, list[Membership]]:
    club = game.program(boards=[board])
    members = [make.member(club) for _ in names]
    for who, name in zip(members, names, strict=True):
        join_board(who, board["code"], name, now=make.on("2026-06-01"))
    return club, members


def listed(club: Program, place: int = 0) -> list[tuple[int | None, str, datetime | None]]:
    rule = versions_of_program(club.pk).versions[-1].of(GAME).boards[place]
    return [(line.rank, line.shown_as, line.reached_at) for line in standings(rule, club.pk, JUNE, Among()).lines]


@pytest.mark.django_db
def test_what_comes_back_leaves_a_score_reached_when_what_is_kept_reached_it() -> None:
    club, (ada, bob) = on_board(SPENDERS, "Ada", "Bob")
    make.buys(ada, "30", at=make.on("2026-06-02"))
    make.buys(bob, "30", at=make.on("2026-06-03"))
    more = make.buys(ada, "10", at=make.on("2026-06-04"))

    make.returns(ada, more, (1, "1"), at=make.on("2026-06-05"))

    assert listed(club) == [(1, "Ada", make.on("2026-06-02")), (1, "Bob", make.on("2026-06-03"))]


@pytest.mark.django_db
def test_who_falls_and_rises_again_reaches_the_score_with_what_it_bought_last() -> None:
    club, (ada, bob) = on_board(SPENDERS, "Ada", "Bob")
    first = make.buys(ada, "30", at=make.on("2026-06-02"))
    make.buys(bob, "30", at=make.on("2026-06-03"))
    make.returns(ada, first, (1, "1"), at=make.on("2026-06-04"))

    make.buys(ada, "30", at=make.on("2026-06-05"))

    assert listed(club) == [(1, "Bob", make.on("2026-06-03")), (1, "Ada", make.on("2026-06-05"))]


@pytest.mark.django_db
def test_nobody_keeps_a_place_by_what_it_brings_back_later() -> None:
    club, (ada, bob) = on_board(SPENDERS, "Ada", "Bob")
    early = make.buys(ada, "30", at=make.on("2026-06-02"))
    make.buys(bob, "30", at=make.on("2026-06-03"))
    make.buys(ada, "30", at=make.on("2026-06-04"))

    make.returns(ada, early, (1, "1"), at=make.on("2026-06-05"))

    assert listed(club) == [(1, "Bob", make.on("2026-06-03")), (1, "Ada", make.on("2026-06-04"))]


@pytest.mark.django_db
def test_buying_more_of_the_same_reaches_nothing_new() -> None:
    club, (ada, bob) = on_board(EXPLORERS, "Ada", "Bob")
    for who, day in ((ada, "2026-06-02"), (bob, "2026-06-03"), (ada, "2026-06-04")):
        make.buys(who, make.line("10", category="TEA"), at=make.on(day))

    assert listed(club) == [(1, "Ada", make.on("2026-06-02")), (1, "Bob", make.on("2026-06-03"))]


@pytest.mark.django_db
def test_a_streak_is_reached_with_the_last_day_of_the_first_that_is_as_long() -> None:
    club, (ada,) = on_board(REGULARS, "Ada")
    for day in (11, 12, 3, 2, 20, 12):
        make.buys(ada, "10", at=make.on(f"2026-06-{day:02}"), recorded=NOW)

    assert listed(club) == [(1, "Ada", make.on("2026-06-03"))]


@pytest.mark.django_db
def test_an_order_that_is_corrected_to_another_day_reached_the_score_then() -> None:
    club, (ada, bob) = on_board(SPENDERS, "Ada", "Bob")
    make.buys(ada, "30", at=make.on("2026-06-02"), name="A1")
    make.buys(bob, "30", at=make.on("2026-06-03"))

    moved = make.order(ada, "30", at=make.on("2026-06-04"), name="A1")
    correcting.take_correction(club.retailer, CorrectionFact(moved, 1), now=NOW)

    assert listed(club) == [(1, "Bob", make.on("2026-06-03")), (1, "Ada", make.on("2026-06-04"))]


@pytest.mark.django_db
def test_two_who_are_one_reached_what_they_have_with_the_later_of_what_both_did() -> None:
    club, (ada, other) = on_board(SPENDERS, "Ada", "Other")
    make.buys(other, "30", at=make.on("2026-06-03"))
    last = make.buys(ada, "10", at=make.on("2026-06-04"))
    make.buys(ada, "10", at=make.on("2026-06-02"), recorded=NOW)
    take_merge(club.retailer, other.customer.external_id, ada.customer.external_id, reference="same", now=NOW)
    assert listed(club) == [(1, "Ada", make.on("2026-06-04"))]

    make.returns(ada, last, (1, "1"), at=NOW)

    assert listed(club) == [(1, "Ada", make.on("2026-06-03"))]


@pytest.mark.django_db
def test_who_leaves_and_comes_back_has_reached_what_it_does_since() -> None:
    club, (ada,) = on_board(SPENDERS, "Ada")
    before = make.buys(ada, "30", at=make.on("2026-06-02"))
    leave_program(ada, now=make.on("2026-06-03"))
    ada = make.member(club, ada.customer.external_id, since=make.on("2026-06-04"))
    assert listed(club) == []

    join_board(ada, "spenders", "Ada", now=make.on("2026-06-05"))
    make.buys(ada, "5", at=make.on("2026-06-06"))
    make.returns(ada, before, (1, "1"), at=make.on("2026-06-07"))

    assert listed(club) == [(1, "Ada", make.on("2026-06-06"))]


@pytest.mark.django_db
def test_a_score_from_before_instants_were_known_was_reached_when_it_changed_last() -> None:
    club, (ada,) = on_board(SPENDERS, "Ada")
    make.buys(ada, "30", at=make.on("2026-06-10"))
    row = MemberProgress.objects.get()
    row.state["w"] = [each[:5] for each in row.state["w"]]
    row.save(update_fields=["state"])

    make.buys(ada, "5", at=make.on("2026-06-04"), recorded=NOW)

    assert listed(club) == [(1, "Ada", make.on("2026-06-10"))]


def test_beyond_what_is_known_the_nearest_of_what_came_back_tells_when() -> None:
    days = [make.on("2026-06-01") + timedelta(hours=hour) for hour in range(MAX_OF_SUM + 10)]
    micros = [micros_of(day) for day in days]
    sums = changed("count", {}, {("", at): 1 for at in micros}, {"": len(micros)})
    items = changed("brands", {}, {("X", at): 1 for at in micros}, {"X": len(micros)})
    assert (len(sums[""]), len(items["X"])) == (MAX_OF_SUM, MAX_OF_ITEM)

    sums = changed("count", sums, {("", at): -1 for at in micros[10:]}, {"": 10})
    items = changed("brands", items, {("X", at): -1 for at in micros[:8]}, {"X": MAX_OF_SUM + 2})

    assert (reached_at("count", sums), reached_at("brands", items)) == (days[10], days[7])


# -- whatever happens, in whatever order it is told


@dataclass(frozen=True)
class Bought:
    """An order as it is now: what is kept of it, by category."""

    number: str
    who: str
    at: datetime
    kept: tuple[tuple[str, int], ...]


@dataclass
class Hand:
    """The count by hand: all orders, and who has turned out to be whom."""

    orders: dict[str, Bought] = field(default_factory=dict)
    shown: dict[str, set[str]] = field(default_factory=lambda: {board["code"]: set(NAMES) for board in BOARDS})

    def merge(self, stays: str, goes: str) -> None:
        self.orders = {key: replace(each, who=stays) if each.who == goes else each for key, each in self.orders.items()}
        for names in self.shown.values():
            if goes in names:
                names.remove(goes)
                names.add(stays)

    def reached(self, who: str, value: Callable[[Sequence[Bought]], int]) -> tuple[int, datetime | None]:
        """Go through what somebody keeps in the order of its time; return its score, and with what it came to it."""
        kept = sorted(
            (each for each in self.orders.values() if each.who == who and each.kept), key=lambda each: each.at
        )
        score, at = 0, None
        for number, each in enumerate(kept, start=1):
            if (now := value(kept[:number])) != score:
                score, at = now, each.at
        return score, at


def spend(orders: Sequence[Bought]) -> int:
    return sum(amount for each in orders for _, amount in each.kept) * 10_000


def categories(orders: Sequence[Bought]) -> int:
    return len({category for each in orders for category, _ in each.kept})


def day_streak(orders: Sequence[Bought]) -> int:
    days = {each.at.date() for each in orders}
    return max((_run(days, first) for first in days), default=0)


def _run(days: set[date], first: date) -> int:
    length = 0
    while first + timedelta(days=length) in days:
        length += 1
    return length


VALUES: tuple[Callable[[Sequence[Bought]], int], ...] = (spend, categories, day_streak)
AMOUNTS = st.tuples(st.sampled_from("XYZ"), st.sampled_from([10, 20]))
LINES = st.lists(AMOUNTS, min_size=1, max_size=2).map(tuple)
TIMES = st.integers(0, 8 * 24).map(lambda hour: datetime(2026, 6, 5, tzinfo=UTC) + timedelta(hours=hour))


class Played:
    """The same acts on the ledger and by hand."""

    def __init__(self) -> None:
        self.club, self.hand, self.now = game.program(boards=list(BOARDS)), Hand(), NOW
        self.members = {name: make.member(self.club, name) for name in NAMES}
        self.bought: dict[str, Answer[Any]] = {}
        self.left: dict[str, dict[int, tuple[str, int]]] = {}
        for board in BOARDS:
            for name, who in self.members.items():
                join_board(who, str(board["code"]), name, now=make.on("2026-06-01"))

    def act(self, draw: Any) -> None:
        self.now += timedelta(minutes=1)
        acts = [self.order, self.order, self.order]
        acts += [self.give_back, self.correct] if self.left else []
        acts += [self.waver] + ([self.merge] if len(self.members) > 1 else [])
        draw(st.sampled_from(acts))(draw)

    def order(self, draw: Any) -> None:
        number, who, at, lines = (
            f"o{len(self.bought)}",
            draw(st.sampled_from(list(self.members))),
            draw(TIMES),
            draw(LINES),
        )
        facts = [make.line(str(amount), category=category) for category, amount in lines]
        self.bought[number] = make.buys(self.members[who], *facts, at=at, name=number, recorded=self.now)
        self._note(number, who, at, lines)

    def _note(self, number: str, who: str, at: datetime, lines: Sequence[tuple[str, int]]) -> None:
        self.left[number] = dict(enumerate(lines, start=1))
        self.hand.orders[number] = Bought(number, who, at, tuple(lines))

    def give_back(self, draw: Any) -> None:
        number = draw(st.sampled_from(list(self.left)))
        position = draw(st.sampled_from(list(self.left[number])))
        order = self.hand.orders[number]
        at = max(order.at, self.now - timedelta(days=draw(st.integers(0, 20))))
        make.returns(self.members[order.who], self.bought[number], (position, "1"), at=at)
        del self.left[number][position]
        self.hand.orders[number] = replace(order, kept=tuple(self.left[number].values()))
        if not self.left[number]:
            del self.left[number]

    def correct(self, draw: Any) -> None:
        whole = [key for key, lines in self.left.items() if len(lines) == len(self.bought[key].outcome.fact.lines)]
        if not whole:
            return
        number, who, at, lines = (
            draw(st.sampled_from(whole)),
            draw(st.sampled_from(list(self.members))),
            draw(TIMES),
            draw(LINES),
        )
        facts = [make.line(str(amount), category=category) for category, amount in lines]
        fact = make.order(self.members[who], *facts, at=at, name=number)
        answer = correcting.take_correction(
            self.club.retailer, CorrectionFact(fact, int(self.now.timestamp())), now=self.now
        )
        assert answer.outcome.error is None
        self.bought[number] = replace(self.bought[number], outcome=replace(self.bought[number].outcome, fact=fact))
        self._note(number, who, at, lines)

    def merge(self, draw: Any) -> None:
        stays, goes = draw(st.permutations(list(self.members)))[:2]
        take_merge(self.club.retailer, goes, stays, reference=f"{goes}-{stays}", now=self.now)
        del self.members[goes]
        self.hand.merge(stays, goes)

    def waver(self, draw: Any) -> None:
        who, code = (
            draw(st.sampled_from(list(self.members))),
            draw(st.sampled_from([board["code"] for board in BOARDS])),
        )
        if leave(self.members[who], str(code), now=self.now):
            self.hand.shown[str(code)].remove(who)
        else:
            join_board(self.members[who], str(code), who, now=self.now)
            self.hand.shown[str(code)].add(who)

    def check(self) -> None:
        names = {who.pk: name for name, who in self.members.items()}
        rules = versions_of_program(self.club.pk).versions[-1].of(GAME).boards
        for rule, value in zip(rules, VALUES, strict=True):
            lines = standings(rule, self.club.pk, JUNE, Among()).lines
            found = [(line.rank, names[line.membership_id], line.score, line.reached_at) for line in lines]
            assert found == self._expected(rule.code, value), rule.code

    def _expected(
        self, code: str, value: Callable[[Sequence[Bought]], int]
    ) -> list[tuple[int, str, int, datetime | None]]:
        scored = [(*self.hand.reached(name, value), self.members[name].pk, name) for name in self.hand.shown[code]]
        lines = sorted((each for each in scored if each[0]), key=_in_order)
        return [(1 + sum(other[0] > score for other in lines), name, score, at) for score, at, _, name in lines]


def _in_order(line: tuple[int, datetime | None, UUID, str]) -> tuple[int, datetime | None, UUID]:
    score, at, key, _ = line
    return -score, at, key


@pytest.mark.django_db
def test_boards_are_as_a_count_by_hand_whatever_is_told_when() -> None:
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(25)
    @given(st.data())
    def they_are(data: st.DataObject) -> None:
        with transaction.atomic():
            played = Played()
            for _ in range(data.draw(st.integers(4, 14))):
                played.act(data.draw)
                played.check()
            transaction.set_rollback(True)

    they_are()
