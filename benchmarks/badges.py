"""
What badges cost on a million members: orders of a program with ten challenges, of one without, and reads of a leaderboard.

    make bench NAME=badges [QUICK=1]

CPU is that of our process and of PostgreSQL together. The ways take their orders in turns, so that what else happens on the
machine happens to all. Of the program without challenges the other way is a site that has no badges at all. Exits 1 when a bar
is missed.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    counted,
    in_turns,
    judge,
    least,
    least_of,
    measure,
    own_database,
    ratio,
    show,
)
from benchmarks.shop import NOW, START, in_batches, one_by_one, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.core.ids import new_id  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity import deciding  # noqa: E402
from loyalty.activity.capabilities import CAPABILITIES as ALL  # noqa: E402
from loyalty.activity.steps import STEPS  # noqa: E402
from loyalty.badges.boards import SHOWN, Among, standings  # noqa: E402
from loyalty.badges.models import Badge, Board, Challenge, MemberProgress  # noqa: E402
from loyalty.badges.rules import BoardRule, Goal  # noqa: E402
from loyalty.configuration.drafts import open_draft, publish  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402

ROUNDS, QUICK_ROUNDS = 11, 5
MEMBERS, CHUNK = 1_000_000, 50_000
SAMPLE = 1_000  # members who buy before anything is measured: the progress of all is like theirs
WITHOUT, WITH, NO_BADGES = "without challenges", "with ten challenges", "without badges on the site"
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


SEED = """
WITH made AS MATERIALIZED (
    SELECT n, gen_random_uuid() AS customer, gen_random_uuid() AS member FROM generate_series(%(first)s::int, %(last)s::int) AS n
), customers AS (
    INSERT INTO customers_customer (id, retailer_id, external_id, email, phone, first_name, last_name, language,
        acquisition_channel, identified_at, recorded_at)
    SELECT customer, %(shop)s, 'c' || n, '', '', '', '', '', '', %(start)s, %(start)s FROM made
), members AS (
    INSERT INTO memberships_membership (id, retailer_id, program_id, customer_id, number, source, enrolled_at,
        recorded_at, started_at)
    SELECT member, %(shop)s, %(program)s, customer, lpad(n::text, 16, '0'), 'bench', %(start)s, %(start)s, %(start)s FROM made
), tiers AS (
    INSERT INTO tiers_standing (membership_id, retailer_id, program_id, tier_id, since, gifts_missing)
    SELECT member, %(shop)s, %(program)s, %(tier)s, %(start)s, 0 FROM made
)
INSERT INTO points_wallet (retailer_id, membership_id, code, available, pending, held, owed, shortfall)
SELECT %(shop)s, member, 'points', 0, 0, 0, 0, 0 FROM made
"""
LIKE_THE_SAMPLE = """
WITH sample AS MATERIALIZED (
    SELECT row_number() OVER () AS place, count(*) OVER () AS all, state FROM badges_memberprogress WHERE program_id = %(program)s
), others AS (
    SELECT m.id, m.retailer_id, m.program_id, row_number() OVER () AS place FROM memberships_membership m
    WHERE m.program_id = %(program)s AND NOT EXISTS (SELECT 1 FROM badges_memberprogress b WHERE b.membership_id = m.id)
)
INSERT INTO badges_memberprogress (membership_id, retailer_id, program_id, state)
SELECT o.id, o.retailer_id, o.program_id, s.state FROM others o JOIN sample s ON s.place = o.place %% s.all + 1
"""


def main() -> int:
    given = arguments(__doc__).parse_args()
    own_database()
    members, orders, rounds = (5_000, 60, QUICK_ROUNDS) if given.quick else (MEMBERS, 500, ROUNDS)
    shops = {WITHOUT: a_shop(members), WITH: a_shop(members, TEN)}
    assert MemberProgress.objects.count() == members, "the challenges counted nothing"
    board = a_board(shops[WITH], members)
    statements = {name: counted(partial(one_by_one, shop, members, 1)) for name, shop in shops.items()}
    before = counted_in(shops[WITH])
    turns = partial(in_turns, rounds=rounds)
    ways = {name: partial(one_by_one, shop, members) for name, shop in shops.items()}
    one = turns(ways | {NO_BADGES: without_badges(ways[WITHOUT])}, orders, first=100_000_000)
    many = turns(
        {name: partial(in_batches, shop, members) for name, shop in shops.items()},
        max(1, orders // 100),
        first=200_000_000,
    )
    taken = 2 * (rounds + 1) * orders  # at least: one by one, and by the thousand
    assert counted_in(shops[WITH]) - before > taken, "the challenges did not count what was bought"
    reads = {
        "board": board_read(*board, orders, first=True),
        "somebody far down": board_read(*board, orders, first=False),
    }
    show(f"orders one by one, of {members:,} members", least_of(one))
    show("orders by the thousand, a batch each", least_of(many))
    show(f"a leaderboard of {members:,} members", reads)
    return judge([
        Figure("order_without_of_no_badges", ratio(one, WITHOUT, NO_BADGES), "x", 1.03),
        Figure("order_with_ten_challenges", ratio(one, WITH, WITHOUT), "x", 1.25),
        Figure("batch_with_ten_challenges", ratio(many, WITH, WITHOUT), "x"),
        Figure("statements_more_with_ten", statements[WITH] - statements[WITHOUT], "an order"),
        Figure("board_cpu", reads["board"].total / 1_000, "ms", 5),
        Figure("rank_far_down_cpu", reads["somebody far down"].total / 1_000, "ms", 5),
    ])  # fmt: skip


def counted_in(shop: Retailer) -> int:
    """Return how many orders the first challenge has counted, of all members."""
    counts = """
        SELECT sum((w->3->0->>'')::bigint) FROM badges_memberprogress b, jsonb_array_elements(b.state->'w') w
        WHERE b.program_id = %s AND w->>0 = %s
    """
    first = Challenge.objects.get(version__program__retailer=shop, code="challenge-0")
    ((count,),) = bulk.fetch(counts, [first.version.program_id, first.key.hex])
    return int(count)


def a_shop(members: int, challenges: Sequence[dict[str, object]] = ()) -> Retailer:
    """Make a shop with so many members, and the progress of each of them if it has challenges."""
    shop = open_shop(0)
    new_version(shop, challenges=challenges)
    program = Program.objects.get(retailer=shop)
    tier = bulk.fetch("SELECT id FROM tiers_tier WHERE code = 'bronze' ORDER BY version_id DESC LIMIT 1")[0][0]
    given = {"shop": shop.pk, "program": program.pk, "tier": tier, "start": START}
    with unchecked():
        for first in range(0, members, CHUNK):
            bulk.fetch(f"{SEED} RETURNING id", {**given, "first": first, "last": min(first + CHUNK, members) - 1})
    bulk.execute("VACUUM ANALYZE")
    for turn in range(3):
        in_batches(shop, SAMPLE, 1, 50_000_000 + turn * 1_000)
    if challenges:
        with unchecked():
            bulk.fetch(f"{LIKE_THE_SAMPLE} RETURNING membership_id", {"program": program.pk})
    bulk.execute("VACUUM ANALYZE")  # else the server does it while something is measured
    return shop


@contextmanager
def unchecked() -> Iterator[None]:
    """Let rows be written whose keys hold by construction: to check each would take longer than all the rest."""
    bulk.execute("SET session_replication_role TO replica")
    yield
    bulk.execute("SET session_replication_role TO DEFAULT")


def without_badges(take: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Return what takes the same orders on a site whose page of steps and whose capabilities know of no badges."""
    page = {
        kind: tuple(step for step in those if not step.__module__.startswith("loyalty.badges"))
        for kind, those in STEPS.items()
    }

    def taken(count: int, first: int) -> None:
        with knowing(tuple(each for each in ALL if each.name != "badges"), page):
            take(count, first)

    return taken


@contextmanager
def knowing(capabilities: Sequence[object], page: Mapping[type, Sequence[object]]) -> Iterator[None]:
    """Let the site have other capabilities and another page of steps."""
    users = [
        module
        for name, module in sys.modules.items()
        if name.startswith("loyalty.") and hasattr(module, "CAPABILITIES")
    ]
    for module in users:
        module.CAPABILITIES = capabilities  # type: ignore[attr-defined] # they all have it
    deciding.STEPS = page  # type: ignore[attr-defined, assignment] # it was imported there
    yield
    for module in users:
        module.CAPABILITIES = ALL  # type: ignore[attr-defined] # they all have it
    deciding.STEPS = STEPS  # type: ignore[attr-defined] # it was imported there


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


def measured(work: partial[None], pieces: int) -> Cost:
    server = backend_cpu()
    cost = measure(work, pieces)
    return replace(cost, server=(backend_cpu() - server) * MICRO / pieces)


def a_board(shop: Retailer, members: int) -> tuple[BoardRule, int, UUID]:
    """Put so many on a board, without the members themselves: who is far down is returned with it."""
    program = Program.objects.get(retailer=shop)
    rule = BoardRule(1, new_id(), "million", (Goal("count"),))
    with unchecked(), connection.cursor() as cursor:  # no member, no key to check
        for table, columns, values in (
            ("boardscore", "window_name, score, reached_at", "'', n %% 10000 + 1, now() - n * interval '1 second'"),
            ("participation", "pseudonym, joined_at", "'member ' || n, now()"),
        ):
            cursor.execute(
                f"INSERT INTO badges_{table} (retailer_id, program_id, membership_id, name, {columns})"
                f" SELECT %s, %s, md5(n::text)::uuid, %s, {values} FROM generate_series(1, %s) n",
                [shop.pk, program.pk, rule.name, members],
            )
        cursor.execute("SELECT md5('5000')::uuid")
        (far_down,) = cursor.fetchone()
    bulk.execute("VACUUM ANALYZE")
    return rule, program.pk, far_down


def board_read(rule: BoardRule, program_id: int, member: UUID, count: int, *, first: bool) -> Cost:
    """Measure reading a board: its first twenty, or besides them somebody in the middle of a million."""

    def read(turns: int) -> None:
        for _ in range(turns):
            assert len(standings(rule, program_id, "", Among(), member=None if first else member).lines) == SHOWN

    read(20)  # until the statements are planned
    return least([measured(partial(read, count), count) for _ in range(ROUNDS)])


if __name__ == "__main__":
    sys.exit(main())
