"""
What a shop's system sees while something is away, and whether anything that was acknowledged is lost or done twice.

    make bench NAME=outages [QUICK=1] [python -m benchmarks.outages --orders 100000 --kills 20]

Eight clients report orders over HTTP, each with an Idempotency-Key, and send each until it is acknowledged. The site runs as in
production: two web workers and a worker with its clock, each started again when it dies, on a PostgreSQL (fsync on) and a Valkey
of this run's own. First each of these is away for some seconds: the broker, the database (killed), a database that takes no
changes, all of its connections taken. Then, while so many orders are reported, so many processes are killed with SIGKILL in
turn: a web worker, the worker, the database.

Bars: while the database is away every answer is 503 with Retry-After, as a problem that says whether something was done; no
answer that says that nothing was done is wrong; without the broker every write is acknowledged, and its webhook comes after; of
what was acknowledged nothing is lost and nothing is there twice; the ledger adds up. Recovery times are told.
"""

import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from threading import Thread

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.sites import ROOT, Site, report, running_site
from loyalty.embedded.postgres import EmbeddedPostgres
from loyalty.embedded.valkey import EmbeddedValkey

TWICE = "SELECT count(*) FROM (SELECT number FROM customers_order GROUP BY 1 HAVING count(*) > 1) twice"
EARNED_TWICE = """
SELECT count(*) FROM (SELECT order_id FROM points_entry WHERE kind = 'earn' GROUP BY 1 HAVING count(*) > 1) twice
"""
UNEARNED = """
SELECT count(*) FROM customers_order o WHERE NOT EXISTS (
    SELECT 1 FROM points_entry e WHERE e.order_id = o.id AND e.kind = 'earn')
"""


@dataclass(frozen=True)
class Seen:
    """
    What clients saw of one outage.

    :param acknowledged: writes, while it lasted
    :param recovery: seconds from its end to the next acknowledgement; or, of the broker, to the last webhook of that time
    """

    answers: dict[str, int]
    acknowledged: int
    recovery: float
    vague: int
    untrue: int


def main() -> int:
    given = arguments()
    with running_site() as site:
        seconds = 3.0 if given.quick else 8.0
        seen = {name: during(site, *outage, seconds) for name, outage in outages(site).items()}
        count, kills = (3_000, 6) if given.quick else (given.orders, given.kills)
        killed = through_kills(site, count, kills)
        figures = [*of_outages(seen), *of_kills(site, killed, count)]
    tell(seen)
    for name, value, bar in figures:
        verdict = "" if bar is None else f", bar {bar:g} {'met' if value == bar else 'MISSED'}"
        print(f"{name} {value:.2f}{verdict}")  # noqa: T201 - its answer
    return 0 if all(bar is None or value == bar for _, value, bar in figures) else 1


def arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3,000 orders through 6 kills")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=20)
    return parser.parse_args()


Outage = tuple[Callable[[], None], Callable[[], None], bool]


def outages(site: Site) -> dict[str, Outage]:
    """Return how each thing goes away and comes back, and whether writes go on without it."""
    taken: list[psycopg.Connection[tuple[object, ...]]] = []
    return {
        "broker down": (site.broker.stop, lambda: start(site.broker), True),
        "database down": (lambda: kill_database(site), lambda: start(site.database), False),
        "database read-only": (lambda: read_only(site, "on"), lambda: read_only(site, "off"), False),
        "no connection left": (lambda: take_connections(site, taken), lambda: give_connections(taken), False),
    }


def start(server: EmbeddedPostgres | EmbeddedValkey) -> None:
    server.start()


def kill_database(site: Site) -> None:
    assert site.database.process is not None
    site.database.process.kill()
    site.database.process.wait()


def read_only(site: Site, state: str) -> None:
    """Let the database take no changes, also of who is connected: as a standby that took over."""
    with psycopg.connect(site.url, autocommit=True) as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"ALTER SYSTEM SET default_transaction_read_only = {state}".encode())
        admin.execute("SELECT pg_reload_conf()")


def take_connections(site: Site, taken: list[psycopg.Connection[tuple[object, ...]]]) -> None:
    """End the site's connections, and take every one that there is."""
    admin = psycopg.connect(site.url, autocommit=True)
    taken.append(admin)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'loyalty%'"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        admin.execute(others)
        try:
            while True:
                taken.append(psycopg.connect(site.url, autocommit=True))
        except psycopg.OperationalError:
            rows = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'loyalty%'"
            ).fetchone()
            if rows == (0,):
                return


def give_connections(taken: list[psycopg.Connection[tuple[object, ...]]]) -> None:
    while taken:
        taken.pop().close()


def during(site: Site, leave: Callable[[], None], come_back: Callable[[], None], goes_on: bool, seconds: float) -> Seen:  # noqa: FBT001 - told by name in `outages`
    """Report orders while something is away, and until they are acknowledged again."""
    told = site.keepers.told
    leave()
    told.answers.clear()
    told.vague.clear()
    told.untrue.clear()
    known = set(told.acknowledged)
    threads = report(site, 10**6, wait=False)
    time.sleep(seconds)
    answers, during_it = dict(told.answers), set(told.acknowledged) - known
    come_back()
    since = time.monotonic()
    wait_for(lambda: any(at > since for at in list(told.acknowledged.values())))
    recovery = min((at for at in told.acknowledged.values() if at > since), default=since + 60) - since
    site.keepers.is_over = True
    for thread in threads:
        thread.join()
    if goes_on:
        wait_for(lambda: heard(site) >= count(site, "SELECT count(*) FROM customers_order"))
        recovery = time.monotonic() - since
    return Seen(answers, len(during_it), recovery, len(told.vague), len(told.untrue))


def heard(site: Site) -> int:
    return len(site.hook.arrived)


def wait_for(true: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)


def through_kills(site: Site, orders: int, kills: int) -> set[str]:
    """Report orders while processes are killed one after the other, and return those that were acknowledged."""
    told = site.keepers.told
    with psycopg.connect(site.url, autocommit=True) as admin:  # its webhooks would take as long again
        admin.execute("UPDATE outbox_endpoint SET is_active = false")
    known = set(told.acknowledged)
    threads = report(site, orders, wait=False)
    ways: list[Callable[[], object]] = [site.web.kill_a_child, site.worker.kill_a_child, partial(kill_and_start, site)]
    victims = cycle(ways)
    for turn, kill in zip(range(kills), victims, strict=False):
        due = len(known) + (turn + 1) * orders // (kills + 1)
        wait_for(partial(has_come_to, site, threads, due), 3_600)
        kill()
    for thread in threads:
        thread.join()
    return set(told.acknowledged) - known


def has_come_to(site: Site, threads: list[Thread], due: int) -> bool:
    return len(site.keepers.told.acknowledged) >= due or not any(each.is_alive() for each in threads)


def kill_and_start(site: Site) -> None:
    kill_database(site)
    site.database.start()


def of_outages(seen: dict[str, Seen]) -> Iterator[tuple[str, float, float | None]]:
    away = {name: each for name, each in seen.items() if name != "broker down"}
    yield (
        "answers_of_another_kind_while_away",
        sum(n for each in away.values() for code, n in each.answers.items() if code not in {"503"}),
        0.0,
    )
    yield "vague_answers", sum(each.vague for each in seen.values()), 0.0
    yield "untrue_answers", sum(each.untrue for each in seen.values()), 0.0
    yield "refused_without_broker", sum(n for code, n in seen["broker down"].answers.items() if code != "201"), 0.0


def of_kills(site: Site, acknowledged: set[str], orders: int) -> Iterator[tuple[str, float, float | None]]:
    with psycopg.connect(site.url) as reader:
        there = {str(number) for (number,) in reader.execute("SELECT number FROM customers_order").fetchall()}
    yield "not_acknowledged", orders - len(acknowledged), 0.0
    yield "lost", len(acknowledged - there), 0.0
    yield "there_twice", count(site, TWICE) + count(site, EARNED_TWICE), 0.0
    yield "without_points", count(site, UNEARNED), 0.0
    yield "ledger_differences", reconciled(site), 0.0
    waited = sorted(site.keepers.told.waited)
    yield "longest_wait_s", waited[-1], None


def count(site: Site, sql: str) -> int:
    with psycopg.connect(site.url) as reader:
        row = reader.execute(sql.encode()).fetchone()
    return int(str(row[0])) if row else 0


def reconciled(site: Site) -> int:
    """Return 0 where the ledger adds up."""
    environ = site.web.environ
    done = subprocess.run(
        [sys.executable, "manage.py", "reconcile"], cwd=ROOT, env=environ, check=False, capture_output=True
    )
    return done.returncode


def tell(seen: dict[str, Seen]) -> None:
    table = Table("away", "answers meanwhile", "acknowledged", "recovery s", "vague", "untrue", title="outages")
    for name, each in seen.items():
        answers = ", ".join(f"{code}: {n}" for code, n in sorted(each.answers.items()))
        table.add_row(name, answers, str(each.acknowledged), f"{each.recovery:.1f}", str(each.vague), str(each.untrue))
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
