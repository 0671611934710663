"""
What one order costs, side by side in one run: CPU per order of our process and of PostgreSQL together.

    make bench NAME=ledger [QUICK=1]

The limit is pgbench running one hand-written SQL function that writes the same rows with the same durability. Times are
CPU from /proc, so that a busy machine changes little. Exits 1 when a bar is missed.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.core.management import call_command  # noqa: E402 - after the settings
from django.db import connection  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from customers.core import bulk  # noqa: E402
from customers.facts import OrderFact, line_of  # noqa: E402
from customers.models import Retailer  # noqa: E402
from customers.recording import identify  # noqa: E402
from loyalty.activity.enrolment import enrol  # noqa: E402
from loyalty.activity.intake import take_orders  # noqa: E402
from loyalty.configuration.drafts import create_program, publish  # noqa: E402
from loyalty.embedded.postgres import _package_folder  # noqa: E402
from loyalty.points.models import EarningRule  # noqa: E402
from loyalty.points.proof import require_proof  # noqa: E402
from loyalty.tiers.models import Tier  # noqa: E402

START = datetime(2026, 1, 1, tzinfo=UTC)
TICKS = os.sysconf("SC_CLK_TCK")
MICRO = 1e6

# The same rows as an order through the service: customer by external id, order, line, change, entry, lot, movement,
# wallet, qualifying day, standing, decision, event.
LIMIT = """
CREATE SEQUENCE IF NOT EXISTS bench_numbers;
CREATE OR REPLACE FUNCTION bench_order(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('bench_numbers'); at timestamptz := '2026-06-15T12:00:00Z';
    o uuid := uuidv7(); e uuid := uuidv7(); l uuid := uuidv7(); c record;
BEGIN
    SELECT cu.id, cu.retailer_id, m.id AS membership, m.program_id, w.id AS wallet, w.available, s.tier_id, v.id AS version,
        r.id AS rule INTO c
    FROM customers_customer cu JOIN memberships_membership m ON m.customer_id = cu.id
    JOIN points_wallet w ON w.membership_id = m.id JOIN tiers_standing s ON s.membership_id = m.id
    JOIN programs_programversion v ON v.program_id = m.program_id JOIN points_earningrule r ON r.version_id = v.id
    WHERE cu.retailer_id = {retailer} AND cu.external_id = 'c' || who FOR UPDATE OF w;
    INSERT INTO customers_order VALUES (o, 'p' || n, at, '2026-06-15', 'EUR', 12, 0, '', '', '', false, '',
        decode(md5(n::text), 'hex'), at, c.id, c.retailer_id);
    INSERT INTO customers_orderline (order_id, position, sku, category, brand, quantity, unit_price, discount, net_amount)
        VALUES (o, 1, 'x', '', '', 1, 12, 0, 12);
    INSERT INTO customers_factchange (retailer_id, customer_id) VALUES (c.retailer_id, c.id);
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, order_id, occurred_at, recorded_at,
        available_change, pending_change, owed_change, balance_after, explanation)
        VALUES (e, c.retailer_id, c.wallet, 'earn', 'order:' || o, o, at, at, 12, 0, 0, c.available + 12, '{{"version": 1}}');
    INSERT INTO points_lot (id, retailer_id, wallet_id, order_id, version_id, rule_id, amount, earned_at, active_at,
        pending, available, held) VALUES (l, c.retailer_id, c.wallet, o, c.version, c.rule, 12, at, at, 0, 12, 0);
    INSERT INTO points_movement (entry_id, lot_id, from_state, to_state, amount) VALUES (e, l, 'issued', 'available', 12);
    UPDATE points_wallet SET available = available + 12 WHERE id = c.wallet;
    INSERT INTO tiers_qualifyingday (membership_id, on_date, spend, points) VALUES (c.membership, '2026-06-15', 12, 12)
        ON CONFLICT (membership_id, on_date) DO UPDATE SET spend = tiers_qualifyingday.spend + 12,
        points = tiers_qualifyingday.points + 12;
    UPDATE tiers_standing SET assessed_on = '2026-06-15' WHERE membership_id = c.membership;
    INSERT INTO activity_orderdecision (retailer_id, program_id, order_id, membership_id, version_id, multiplier, is_first,
        points, points_kept, decided_at)
        VALUES (c.retailer_id, c.program_id, o, c.membership, c.version, 1, false, 12, 12, at);
    INSERT INTO outbox_event (id, retailer_id, type, subject, payload, occurred_at, recorded_at)
        VALUES (uuidv7(), c.retailer_id, 'points.earned', c.membership::text, '{{"points": 12}}', at, at);
END $$;
"""


@dataclass(frozen=True)
class Cost:
    """CPU per order, in microseconds."""

    client: float
    server: float

    @property
    def total(self) -> float:
        return self.client + self.server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    members, singles, batches = (2_000, 400, 4) if quick else (200_000, 5_000, 50)
    call_command("migrate", verbosity=0)
    shop = prepare(members)
    bulk.execute("ANALYZE")
    warm = [order(members, number) for number in range(50)]
    for fact in warm:
        take_orders(shop, [fact], now=START)
    limit = measure(lambda: pgbench(members, singles), singles)
    single = measure(lambda: one_by_one(shop, members, singles, 10**6), singles)
    batch = measure(lambda: in_batches(shop, members, batches, 10**7), batches * 1_000)
    require_proof()
    return report(members, {"limit": limit, "single": single, "batch": batch})


def prepare(members: int) -> Retailer:
    """Return a retailer with so many members in a program with tiers."""
    shop = Retailer.objects.create(slug=f"bench-{os.getpid()}", name="Bench", zone="UTC")
    draft = create_program(shop, slug="club", name="Club")
    EarningRule.objects.create(version=draft, code="base", name="Base", points=Decimal(1))
    for code, threshold in (("bronze", 0), ("silver", 10**8)):
        Tier.objects.create(version=draft, code=code, name=code, threshold=threshold)
    club = publish(draft, effective_from=START, now=START).program
    for first in range(0, members, 20_000):
        named = [(f"c{place}", START) for place in range(first, min(first + 20_000, members))]
        ids = identify(shop, named, now=START)
        enrol(club, [(customer, START) for customer in ids.values()], source="bench", now=START)
    with connection.cursor() as cursor:
        cursor.execute(LIMIT.format(retailer=shop.pk))
    return shop


def order(members: int, number: int) -> OrderFact:
    lines = (line_of(sku="x", quantity=Decimal(1), net_amount=Decimal(12)),)
    at = datetime(2026, 6, 15, 12, tzinfo=UTC) + timedelta(milliseconds=number % 10_000_000)
    return OrderFact(number=f"n{number}", occurred_at=at, lines=lines, customer=f"c{number * 7919 % members}")


def one_by_one(shop: Retailer, members: int, count: int, first: int) -> None:
    for number in range(first, first + count):
        take_orders(shop, [order(members, number)], now=START)


def in_batches(shop: Retailer, members: int, count: int, first: int) -> None:
    for batch in range(count):
        start = first + batch * 1_000
        take_orders(shop, [order(members, number) for number in range(start, start + 1_000)], now=START)


def pgbench(members: int, count: int) -> None:
    """Run the limit with one client, each order a transaction of its own."""
    given = connection.get_connection_params()
    script = Path(f"/tmp/bench-{os.getpid()}.sql")  # noqa: S108 - our own, removed below
    script.write_text(f"\\set who random(0, {members - 1})\nSELECT bench_order(:who);\n")
    where = ["-h", given["host"], "-p", str(given["port"]), "-U", given["user"], given["dbname"]]
    binary = str(_package_folder() / "pginstall" / "bin" / "pgbench")
    command = [binary, "-n", "-M", "prepared", "-c", "1", "-t", str(count), "-f", str(script), *where]
    try:
        subprocess.run(command, env=os.environ | {"PGPASSWORD": given["password"]}, check=True, capture_output=True)
    finally:
        script.unlink()


def measure(work: Callable[[], None], orders: int) -> Cost:
    """Return what some work costs per order: our CPU and our children's, and all of the server's."""
    client, server = client_cpu(), server_cpu()
    work()
    return Cost((client_cpu() - client) * MICRO / orders, (server_cpu() - server) * MICRO / orders)


def client_cpu() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def server_cpu() -> float:
    """Return the CPU seconds of the server, its living processes and those that ended."""
    (backend,) = bulk.fetch("SELECT pg_backend_pid()")[0]
    server = int(_stat(backend)[1])
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    ended = sum(int(ticks) for ticks in _stat(server)[13:15])
    living = sum(int(ticks) for pid in [server, *map(int, children)] for ticks in _stat(pid)[11:13])
    return (ended + living) / TICKS


def _stat(pid: int) -> list[str]:
    """Return a process's fields after its name: state, parent, ..., utime at 11, stime at 12, of children at 13, 14."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def report(members: int, costs: dict[str, Cost]) -> int:
    table = Table(
        "way", "client us", "server us", "total us", "of the limit", title=f"CPU per order, {members:,} members"
    )
    for name, cost in costs.items():
        share = f"{cost.total / costs['limit'].total:.2f}x"
        table.add_row(name, f"{cost.client:.0f}", f"{cost.server:.0f}", f"{cost.total:.0f}", share)
    Console().print(table)
    figures = [
        ("single_order_of_limit", costs["single"].total / costs["limit"].total, 5.0),
        ("batch_order_of_limit", costs["batch"].total / costs["limit"].total, 1.0),
    ]
    for name, value, bar in figures:
        print(f"{name} {value:.2f} x, {bar:g} {'met' if value <= bar else 'MISSED'}")  # noqa: T201 - the benchmark's answer
    return 0 if all(value <= bar for _, value, bar in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
