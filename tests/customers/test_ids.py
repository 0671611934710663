"""Identifiers are unique whoever makes them at the same moment, and sort by when they were made."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

from customers.core.ids import first_id_at, new_id


def many(count: int) -> list[UUID]:
    return [new_id() for _ in range(count)]


def test_ids_sort_by_the_time_of_their_making() -> None:
    before = time.time_ns() // 1_000_000
    ids = many(20_000)
    after = time.time_ns() // 1_000_000

    assert ids == sorted(ids)
    assert {(made.version, made.variant) for made in ids} == {(7, "specified in RFC 4122")}
    # Twenty thousand need five milliseconds of 4,096, and do not run ahead of the clock by more.
    assert before <= ids[0].int >> 80 <= ids[-1].int >> 80 <= max(after, before + 5) + 5


def test_threads_and_forked_processes_never_make_the_same() -> None:
    many(10)
    with ThreadPoolExecutor(8) as threads:
        in_threads = [made for part in threads.map(many, [5_000] * 8) for made in part]
    with multiprocessing.get_context("fork").Pool(4) as processes:
        in_processes = [made for part in processes.map(many, [5_000] * 4) for made in part]

    made = [*in_threads, *in_processes, *many(5_000)]
    assert len(set(made)) == len(made) == 65_000
    tails = {each.int & (1 << 62) - 1 for each in made}
    assert len(tails) == len(made), "no process goes on with another one's randomness"


def test_an_instant_parts_the_ids_that_are_drawn_before_it_from_the_others() -> None:
    instant = datetime(2026, 12, 1, 12, tzinfo=UTC)
    milliseconds = int(instant.timestamp() * 1_000)

    assert UUID(int=(milliseconds << 80) - 1) < first_id_at(instant) <= UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)
    assert first_id_at(datetime.now(UTC)) < new_id()
