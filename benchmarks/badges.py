"""
What badges cost: an order of a program with ten challenges beside one without, and a leaderboard of a million members.

    make bench NAME=badges [QUICK=1]

CPU is that of our process and of PostgreSQL together. The programs take their orders in turns, so that what else happens on the
machine happens to both. Exits 1 when a bar is missed.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.db import connection  # noqa: E402 - after the settings

from benchmarks.measuring import (  # noqa: E402
    MICRO,
    Cost,
    Figure,
    arguments,
    backend_cpu,
    judge,
    least,
    measure,
    own_database,
    show,
)
from benchmarks.shop import NOW, in_batches, one_by_one, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.core.ids import new_id  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.badges.boards import SHOWN, standings  # noqa: E402
from loyalty.badges.models import Badge, Board, Challenge, MemberProgress  # noqa: E402
from loyalty.badges.rules import BoardRule, Goal  # noqa: E402
from loyalty.configuration.drafts import open_draft, publish  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402

MEMBERS, ROUNDS = 2_000, 5
WITHOUT, WITH = "without challenges", "with ten challenges"
TEN: tuple[dict[str, object], ...] = (
    {"metric": "count", "target": 1_000},
    {"metric": "count", "target": 5, "window": "month", "repeats": True},
    {"metric": "spend", "target": 500, "window": "month"},
    {"metric": "points", "target": 10_000, "window": "year"},
    {"metric": "categories", "target": 5, "window": "quarter"},
    {"metric": "stores", "target": 3},
    {"metric": "week_streak", "target": 8},
    {"metric": "day_streak", "target": 7, "window": "month"},
    {"metric": "count", "target": 10, "window": "rolling", "window_days": 30},
    {"metric": "count", "target": 3, "window": "week", "condition": {"field": "category", "in": ["WINE"]}},
)


def main() -> int:
    given = arguments(__doc__).parse_args()
    own_database()
    count, batches, on_board = (100, 1, 100_000) if given.quick else (2_000, 10, 1_000_000)
    shops = {WITHOUT: open_shop(MEMBERS), WITH: open_shop(MEMBERS)}
    for name, shop in shops.items():
        new_version(shop, challenges=TEN if name == WITH else ())
        in_batches(shop, MEMBERS, MEMBERS // 1_000, 5_000_000)  # everybody is assessed under it, and has some progress
    costs = alone(shops, count) | together(shops, batches)
    show("orders", costs)
    counted = MemberProgress.objects.filter(program__retailer=shops[WITH]).count()
    assert counted > MEMBERS // 2, "the challenges counted nothing"
    board = a_board(shops[WITH], on_board)
    reads = {
        "board": board_read(*board, count, first=True),
        "somebody far down": board_read(*board, count, first=False),
    }
    show(f"a leaderboard of {on_board:,} members", reads)
    return judge([
        Figure("order_with_ten_challenges", costs[f"one, {WITH}"].total / costs[f"one, {WITHOUT}"].total, "x", 1.25),
        Figure("batch_with_ten_challenges", costs[f"of 1,000, {WITH}"].total / costs[f"of 1,000, {WITHOUT}"].total, "x"),
        Figure("board_cpu", reads["board"].total / 1_000, "ms", 5),
        Figure("rank_far_down_cpu", reads["somebody far down"].total / 1_000, "ms", 5),
    ])  # fmt: skip


def new_version(shop: Retailer, *, challenges: Sequence[dict[str, object]]) -> None:
    """Let a shop's program have another version, with challenges, a badge and a leaderboard or without any."""
    draft = open_draft(Program.objects.get(retailer=shop), author="bench", now=NOW)
    if challenges:
        Badge.objects.create(version=draft, code="fan", name="Fan", kind="repeatable")
        Board.objects.create(version=draft, code="buyers", name="Buyers")
    for place, each in enumerate(challenges):
        row: dict[str, Any] = {**each, "target": Decimal(str(each["target"]))}
        Challenge.objects.create(
            version=draft,
            code=f"challenge-{place}",
            name=f"Challenge {place}",
            place=place,
            badge="fan",
            points=1,
            **row,
        )
    publish(draft, effective_from=NOW - timedelta(hours=1), now=NOW - timedelta(hours=2))


def alone(shops: dict[str, Retailer], count: int) -> dict[str, Cost]:
    """Measure orders that are each taken by themselves."""
    rounds: dict[str, list[Cost]] = {}
    for turn in range(ROUNDS + 1):
        for name, shop in shops.items():
            cost = measured(partial(one_by_one, shop, MEMBERS, count, turn * count), count)
            if turn:  # the first until statements are planned and members have progress
                rounds.setdefault(f"one, {name}", []).append(cost)
    return {name: least(costs) for name, costs in rounds.items()}


def together(shops: dict[str, Retailer], batches: int) -> dict[str, Cost]:
    """Measure orders that are taken a thousand at once."""
    rounds: dict[str, list[Cost]] = {}
    for turn in range(ROUNDS):
        for name, shop in shops.items():
            first = 1_000_000 + turn * batches * 1_000
            cost = measured(partial(in_batches, shop, MEMBERS, batches, first), batches * 1_000)
            rounds.setdefault(f"of 1,000, {name}", []).append(cost)
    return {name: least(costs) for name, costs in rounds.items()}


def measured(work: partial[None], pieces: int) -> Cost:
    server = backend_cpu()
    cost = measure(work, pieces)
    return replace(cost, server=(backend_cpu() - server) * MICRO / pieces)


def a_board(shop: Retailer, members: int) -> tuple[BoardRule, int, UUID]:
    """Put so many on a board, without the members themselves: who is far down is returned with it."""
    program = Program.objects.get(retailer=shop)
    rule = BoardRule(1, new_id(), "million", (Goal("count"),))
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no member, no key to check
        for table, columns, values in (
            ("boardscore", "window_name, score, reached_at", "'', n %% 10000 + 1, now() - n * interval '1 second'"),
            ("participation", "pseudonym, joined_at", "'member ' || n, now()"),
        ):
            cursor.execute(
                f"INSERT INTO badges_{table} (retailer_id, program_id, membership_id, name, {columns})"
                f" SELECT %s, %s, md5(n::text)::uuid, %s, {values} FROM generate_series(1, %s) n",
                [shop.pk, program.pk, rule.name, members],
            )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("SELECT md5('5000')::uuid")
        (far_down,) = cursor.fetchone()
    bulk.execute("VACUUM ANALYZE")
    return rule, program.pk, far_down


def board_read(rule: BoardRule, program_id: int, member: UUID, count: int, *, first: bool) -> Cost:
    """Measure reading a board: its first twenty, or besides them somebody in the middle of a million."""

    def read(turns: int) -> None:
        for _ in range(turns):
            assert len(standings(rule, program_id, "", member=None if first else member).lines) == SHOWN

    read(20)  # until the statements are planned
    return least([measured(partial(read, count), count) for _ in range(ROUNDS)])


if __name__ == "__main__":
    sys.exit(main())
