"""CPU per piece of work, ours and PostgreSQL's, from /proc: a busy machine changes it little; and a table with bars."""

import atexit
import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from rich.console import Console
from rich.table import Table

from customers.core import bulk
from customers.core.collecting import collect_rarely

TICKS = os.sysconf("SC_CLK_TCK")
MICRO = 1e6


@dataclass(frozen=True)
class Cost:
    """
    CPU per piece of work, in microseconds, and pieces per second of wall time.

    :param median: of several rounds, where there were several
    :param worst: of them
    """

    client: float
    server: float
    rate: float = 0.0
    median: float = 0.0
    worst: float = 0.0

    @property
    def total(self) -> float:
        return self.client + self.server


@dataclass(frozen=True)
class Figure:
    """A figure with the bar that it must not exceed, or must reach at least; None where it is only told."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.bar is None or (self.value >= self.bar if self.at_least else self.value <= self.bar)

    def __str__(self) -> str:
        bar = "" if self.bar is None else f", bar {self.bar:g} {'met' if self.met else 'MISSED'}"
        return f"{self.name} {self.value:.2f} {self.unit}{bar}"


def measure(work: Callable[[], None], pieces: int, processes: Iterable[int] = ()) -> Cost:
    """
    Return what some work costs per piece: our CPU, or that of other processes that do it for us, and all of the server's.

    :param processes: whose CPU counts instead of our own, with their children
    """
    others = list(processes)

    def own() -> float:
        return sum(tree_cpu(pid) for pid in others) if others else self_cpu()

    started, client, server = os.times().elapsed, own(), server_cpu()
    work()
    seconds = os.times().elapsed - started
    return Cost(
        (own() - client) * MICRO / pieces, (server_cpu() - server) * MICRO / pieces, pieces / max(seconds, 1e-9)
    )


def least(rounds: Iterable[Cost]) -> Cost:
    """
    Return the round that cost least: others on the machine only ever add to what work costs, as timeit's manual has it.

    On shared hosts the same loop costs up to twice the CPU from one second to the next.
    """
    costs = sorted(rounds, key=lambda each: each.total)
    return replace(costs[0], median=median(each.total for each in costs), worst=costs[-1].total)


def in_turns(
    ways: Mapping[str, Callable[[int, int], None]], count: int, *, first: int, rounds: int
) -> dict[str, list[Cost]]:
    """
    Measure ways in turns, each time in another order, after a round until each statement is planned.

    :param ways: what takes so many orders, from a number on
    """
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name in sorted(ways, reverse=turn % 2 == 0):
            first += 1_000_000
            server = backend_cpu()
            cost = measure(partial(ways[name], count, first), count)
            exact = replace(cost, server=(backend_cpu() - server) * MICRO / count)
            if turn:
                found[name].append(exact)
    return found


def least_of(rounds: Mapping[str, Iterable[Cost]]) -> dict[str, Cost]:
    return {name: least(costs) for name, costs in rounds.items()}


def ratio(rounds: Mapping[str, Sequence[Cost]], way: str, other: str) -> float:
    """Return how many times what one way costs the other does: the median of the rounds, which lie side by side."""
    return median(one.total / two.total for one, two in zip(rounds[way], rounds[other], strict=True))


def counted(take: Callable[[int], None]) -> int:
    """Return how many statements an order sends that is not the first one."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, *rest)

    take(0)
    with connection.execute_wrapper(note):
        take(1)
    return len(sent)


def self_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def tree_cpu(pid: int) -> float:
    """Return the CPU seconds of a process, its ended children, and its living descendants."""
    fields = _stat(pid)
    spent = sum(int(ticks) for ticks in fields[11:15]) / TICKS
    return spent + sum(tree_cpu(child) for child in _children(pid))


def server_cpu() -> float:
    """Return the CPU seconds of the database server, its living processes and those that ended."""
    (backend,) = bulk.fetch("SELECT pg_backend_pid()")[0]
    return tree_cpu(int(_stat(backend)[1]))


def backend_cpu() -> float:
    """Return the CPU seconds of the server's process for our own connection, to the nanosecond: it has one thread."""
    (backend,) = bulk.fetch("SELECT pg_backend_pid()")[0]
    return int(Path(f"/proc/{backend}/schedstat").read_text().split()[0]) / 1e9


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _stat(pid: int) -> list[str]:
    """Return a process's fields after its name: state, parent, ..., utime, stime, cutime, cstime at 11 to 14."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20


def arguments(purpose: str | None) -> ArgumentParser:
    """Return the parser of what every benchmark takes."""
    parser = ArgumentParser(description=purpose)
    parser.add_argument("--quick", action="store_true", help="under a minute; too short to judge bars by")
    return parser


def own_database() -> None:
    """
    Make a new database on the server and act as its owner, for all retailers, in a process like the site's, until it ends.

    What earlier runs left would make tables larger than they say; and functions of a benchmark belong into no other one.
    """
    collect_rarely()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    atexit.register(connection.creation.destroy_test_db, name, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SET app.retailer = '*'")


def show(title: str, rows: dict[str, Cost], *, limit: str = "") -> None:
    """Print a table of costs, each beside the limit where one is named."""
    table = Table(
        "way", "client us", "server us", "total us", "median", "worst", "per second", "of the limit", title=title
    )
    for name, cost in rows.items():
        share = f"{cost.total / rows[limit].total:.2f}x" if limit else ""
        rate = f"{cost.rate:,.0f}" if cost.rate else ""
        rounds = [f"{value:.0f}" if value else "" for value in (cost.median, cost.worst)]
        table.add_row(name, f"{cost.client:.0f}", f"{cost.server:.0f}", f"{cost.total:.0f}", *rounds, rate, share)
    Console(width=110).print(table)


def judge(figures: Iterable[Figure]) -> int:
    """Print one line per figure, and return 1 when a bar is missed."""
    told = list(figures)
    for figure in told:
        print(figure)  # noqa: T201 - the benchmark's answer
    return 0 if all(figure.met for figure in told) else 1
