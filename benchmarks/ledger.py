"""
What one order costs, side by side in one run: CPU per order of our process and of PostgreSQL together.

    make bench NAME=ledger [QUICK=1]

The limit is pgbench running one hand-written SQL function that writes the same rows with the same durability. Exits 1
when a bar is missed.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.db import connection  # noqa: E402 - after the settings

from benchmarks import postings  # noqa: E402
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
from benchmarks.pgbench import pgbench  # noqa: E402
from benchmarks.shop import NOW, database_url, in_batches, one_by_one, open_shop, report  # noqa: E402
from customers.batches import Status  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.facts import OrderFact, ReturnFact, ReturnLineFact, line_of  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity.account.spending import redeem  # noqa: E402
from loyalty.activity.intake import take_returns  # noqa: E402
from loyalty.api.models import RetailerKey  # noqa: E402
from loyalty.embedded.folder import free_port  # noqa: E402
from loyalty.memberships.models import Membership  # noqa: E402
from loyalty.points.models import Entry, Wallet  # noqa: E402
from loyalty.points.proof import require_proof  # noqa: E402
from loyalty.points.statement import balance, statement  # noqa: E402

# The same rows as an order through the service: customer by external id, order, line, change, entry, lot, movement,
# wallet, qualifying day, standing, decision, event.
LIMIT = """
CREATE SEQUENCE IF NOT EXISTS bench_numbers;
CREATE OR REPLACE FUNCTION bench_order(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('bench_numbers'); at timestamptz := now(); day date := (now() AT TIME ZONE 'UTC')::date;
    o uuid := uuidv7(); e uuid := uuidv7(); l uuid := uuidv7(); c record;
BEGIN
    SELECT cu.id, cu.retailer_id, m.id AS membership, m.program_id, w.id AS wallet, w.available, s.tier_id, v.id AS version,
        r.id AS rule INTO c
    FROM customers_customer cu JOIN memberships_membership m ON m.customer_id = cu.id
    JOIN points_wallet w ON w.membership_id = m.id JOIN tiers_standing s ON s.membership_id = m.id
    JOIN programs_programversion v ON v.program_id = m.program_id JOIN points_earningrule r ON r.version_id = v.id
    WHERE cu.retailer_id = {retailer} AND cu.external_id = 'c' || who FOR NO KEY UPDATE OF m;
    INSERT INTO customers_order (id, retailer_id, customer_id, number, occurred_at, local_date, currency, net_amount,
        shipping_amount, channel, store, promotion_code, is_gift, identified_by, paid_with_points, redemptions,
        content_hash, recorded_at)
        VALUES (o, c.retailer_id, c.id, 'p' || n, at, day, 'EUR', 12, 0, '', '', '', false, '', 0, '[]',
        decode(md5(n::text), 'hex'), at);
    INSERT INTO customers_orderline (retailer_id, order_id, position, sku, category, brand, quantity, unit_price, discount,
        net_amount) VALUES (c.retailer_id, o, 1, 'x', '', '', 1, 12, 0, 12);
    INSERT INTO customers_factchange (retailer_id, customer_id) VALUES (c.retailer_id, c.id);
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, order_id, occurred_at, recorded_at,
        available_change, pending_change, owed_change, balance_after, explanation)
        VALUES (e, c.retailer_id, c.wallet, 'earn', 'order:' || o, o, at, at, 12, 0, 0, c.available + 12, '{{"version": 1}}');
    INSERT INTO points_lot (id, retailer_id, wallet_id, order_id, version_id, rule_id, amount, earned_at, active_at,
        expires_at, activation_event, expires_on_inactivity, pending, available, held)
        VALUES (l, c.retailer_id, c.wallet, o, c.version, c.rule, 12, at, at, at + '2 years', '', false, 0, 12, 0);
    INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
        VALUES (c.retailer_id, e, l, 'issued', 'available', 12);
    UPDATE points_wallet SET available = available + 12 WHERE id = c.wallet;
    INSERT INTO points_qualifyingday (wallet_id, on_date, spend, points) VALUES (c.wallet, day, 12, 12)
        ON CONFLICT (wallet_id, on_date) DO UPDATE SET spend = points_qualifyingday.spend + 12,
        points = points_qualifyingday.points + 12;
    INSERT INTO activity_orderdecision (retailer_id, program_id, order_id, membership_id, wallet_id, version_id, occasion,
        is_first, reason, points, points_kept, decided_at)
        VALUES (c.retailer_id, c.program_id, o, c.membership, c.wallet, c.version, '{{}}', false, '', 12, 12, at);
    INSERT INTO outbox_event (id, retailer_id, type, subject, payload, occurred_at, recorded_at)
        VALUES (uuidv7(), c.retailer_id, 'points.earned', c.membership::text, '{{"points": 12}}', at, at);
END $$;
"""
ROUNDS = 8
FEW, MANY = 10, 10_000  # open lots
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "loyalty.settings.prod", "ALLOWED_HOSTS": "127.0.0.1", "BROKER_URL": "memory://",
    "SECURE_SSL_REDIRECT": "false", "DATABASE_ROLE": "loyalty_app", "API_RATE": "10000000/minute",
}  # fmt: skip
# The whale has this many entries, with a lot each, most of them spent.
WHALE = """
WITH w AS (
    SELECT w.id, w.retailer_id, v.id AS version FROM points_wallet w JOIN memberships_membership m ON m.id = w.membership_id
    JOIN programs_programversion v ON v.program_id = m.program_id WHERE w.id = {wallet}
), e AS (
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, occurred_at, recorded_at, available_change,
        pending_change, owed_change, balance_after, explanation)
    SELECT uuidv7(), w.retailer_id, w.id, 'earn', 'whale:' || n, '2026-02-01', '2026-02-01', {points}, 0, 0, n * {points},
        '{{}}'
    FROM w, generate_series(1, {count}) n RETURNING id, retailer_id, wallet_id
), l AS (
    INSERT INTO points_lot (id, retailer_id, wallet_id, version_id, amount, earned_at, active_at,
        activation_event, expires_on_inactivity, pending, available, held)
    SELECT e.id, e.retailer_id, e.wallet_id, w.version, {points}, at, at, '', false, 0, {points}, 0
    FROM e, w, LATERAL (SELECT '2026-02-01'::timestamptz + (hashtext(e.id::text) % 1000000) * interval '1 second' AS at) t
), m AS (
    INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
    SELECT e.retailer_id, e.id, e.id, 'issued', 'available', {points} FROM e
)
UPDATE points_wallet SET available = available + {count} * {points} WHERE id = {wallet}
"""
FILL = """
CREATE TEMP TABLE IF NOT EXISTS fill_wallets AS
    SELECT row_number() OVER (ORDER BY w.id) AS place, w.id, w.retailer_id, v.id AS version
    FROM points_wallet w JOIN memberships_membership m ON m.id = w.membership_id
    JOIN programs_programversion v ON v.program_id = m.program_id WHERE w.retailer_id = {shop};
CREATE UNIQUE INDEX IF NOT EXISTS fill_wallets_place ON fill_wallets (place);
ANALYZE fill_wallets;
WITH e AS (
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, occurred_at, recorded_at, available_change,
        pending_change, owed_change, balance_after, explanation)
    SELECT uuidv7(), w.retailer_id, w.id, 'adjust', 'fill:' || uuidv7(), '2026-02-01', '2026-02-01', 0, 0, 0, 0, '{{}}'
    FROM generate_series({first} + 1, {first} + {count}) n JOIN fill_wallets w ON w.place = n::bigint * 7919 % 1000000 + 1
    RETURNING id, retailer_id, wallet_id
), l AS (
    INSERT INTO points_lot (id, retailer_id, wallet_id, version_id, amount, earned_at, active_at,
        activation_event, expires_on_inactivity, pending, available, held)
    SELECT e.id, e.retailer_id, e.wallet_id, (SELECT version FROM fill_wallets LIMIT 1), 1, '2026-02-01', '2026-02-01', '',
        false, 0, 0, 0 FROM e
)
INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
SELECT e.retailer_id, e.id, e.id, s.a, s.b, 1 FROM e, (VALUES ('issued', 'available'), ('available', 'redeemed')) s(a, b);
"""
# Spent as the ledger does it: what expires first, then the oldest.
SPEND = """
WITH s AS (
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, occurred_at, recorded_at, available_change,
        pending_change, owed_change, balance_after, explanation)
    SELECT uuidv7(), w.retailer_id, w.id, 'redeem', 'redeem:whale', '2026-03-01', '2026-03-01', -{spent}, 0, 0,
        {count} - {spent}, '{{"points": {spent}}}' FROM points_wallet w WHERE w.id = {wallet} RETURNING id
), l AS (
    UPDATE points_lot SET available = 0 WHERE id IN (
        SELECT id FROM points_lot WHERE wallet_id = {wallet} AND available = 1
        ORDER BY expires_at, earned_at, id LIMIT {spent})
    RETURNING id, retailer_id
), m AS (
    INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
    SELECT l.retailer_id, s.id, l.id, 'available', 'redeemed', 1 FROM l, s
)
UPDATE points_wallet SET available = available - {spent} WHERE id = {wallet}
"""


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument(
        "--growth", type=int, nargs="?", const=1_000_000, help="up to so many entries, and a million members"
    )
    asked = parser.parse_args()
    own_database()
    if asked.growth is not None:
        return growth(asked.growth)
    members, singles, batches = (2_000, 100, 1) if asked.quick else (200_000, 1_000, 10)
    shop = open_shop(members)
    with connection.cursor() as cursor:
        cursor.execute(LIMIT.format(retailer=shop.pk))
    warm_up(shop, members)
    orders = write_orders(shop, members, singles, batches)
    reads = read_wallets(shop, 200_000 if not asked.quick else 20_000)
    lots = touch_lots(shop, 20 if asked.quick else 100)
    rivals = postings.compare(singles)
    require_proof()
    show(f"CPU per order, {members:,} members", orders, limit="limit: pgbench, one SQL function")
    show("CPU per read", reads)
    show("CPU per verb of a member with few and with many open lots", lots)
    show("CPU per posting of a ledger", rivals)
    return judge(_figures(orders, reads, lots, rivals))


def _figures(
    orders: dict[str, Cost], reads: dict[str, Cost], lots: dict[str, Cost], rivals: dict[str, Cost]
) -> list[Figure]:
    limit, single, batch, http = orders.values()
    ours = rivals["this ledger, a batch of 1,000"]
    figures = [
        Figure("single_order_of_limit", single.total / limit.total, "x", 3.5),
        Figure("batch_order_of_limit", batch.total / limit.total, "x", 0.7),
        Figure("http_order_cpu", http.total / 1_000, "ms", 2.2),
        Figure("wallet_read_server_cpu", reads["wallet"].server, "us", 60),
        Figure("whale_wallet_read_server_cpu", reads["wallet of the whale"].server, "us", 60),
        *(
            Figure(
                f"{verb}_with_{MANY}_lots",
                lots[f"{verb}, {MANY:,} lots"].total / lots[f"{verb}, {FEW} lots"].total,
                "x",
                1.5,
            )
            for verb in ("redemption", "return")
        ),
        Figure("statement_page_cpu", reads["statement page"].total, "us"),
        Figure("whale_statement_page_cpu", reads["statement page of the whale"].total, "us"),
    ]
    single_posting = rivals["this ledger, one posting a transaction"]
    if postings.PGLEDGER in rivals:
        figures.append(Figure("posting_of_pgledger", single_posting.total / rivals[postings.PGLEDGER].total, "x", 1))
        figures.append(Figure("batch_posting_of_pgledger", ours.total / rivals[postings.PGLEDGER].total, "x", 1))
    if "django-hordak" in rivals:
        figures.append(Figure("posting_of_hordak", single_posting.total / rivals["django-hordak"].total, "x", 1))
    plain = rivals["plain SQL transfer, one a transaction"]
    figures.append(Figure("batch_posting_of_plain_sql_transfer", ours.total / plain.total, "x", 1))
    return figures


def warm_up(shop: Retailer, members: int) -> None:
    """
    Let a shop run before anything is measured: what was filled is written down, and every page touched once.

    Sessions that planned their statements, and their checks of foreign keys, when tables were empty read them from end to
    end, until autovacuum has analysed them: within a minute, but not before the measuring.
    """
    bulk.execute("CHECKPOINT")
    in_batches(shop, members, max(4, members // 4_000), 10**8)
    one_by_one(shop, members, 200, 0)
    tidy_up()


def tidy_up() -> None:
    """Do what the server does in the background, before it does it while one way or another is measured."""
    bulk.execute("VACUUM ANALYZE")
    bulk.execute("CHECKPOINT")


def write_orders(shop: Retailer, members: int, singles: int, batches: int) -> dict[str, Cost]:
    """Measure the same order four ways, in turns."""
    rounds: dict[str, list[Cost]] = {}
    with web_server() as (pid, port):
        by_http = partial(report_orders, port, key_of(shop), members)
        by_http(0, 800)  # until each of its connections has planned its statements
        for turn in range(ROUNDS):
            tidy_up()
            first = turn * 10**6
            ways: dict[str, tuple[Callable[[], None], int, list[int]]] = {
                "limit: pgbench, one SQL function": (
                    partial(pgbench, "SELECT bench_order(:who);", members, 3 * singles), 3 * singles, []),
                "single order through the service": (
                    partial(one_by_one, shop, members, singles, 10**7 + first), singles, []),
                "batch of 1,000": (partial(in_batches, shop, members, batches, 2 * 10**7 + first), batches * 1_000, []),
                "HTTP, 8 keep-alive clients": (partial(by_http, 10_000 + first, singles), singles, [pid]),
            }  # fmt: skip
            for name, (work, pieces, processes) in ways.items():
                rounds.setdefault(name, []).append(measure(work, pieces, processes))
    return {name: least(costs) for name, costs in rounds.items()}


def key_of(shop: Retailer) -> str:
    _, key = RetailerKey.objects.create_key(name="bench", retailer=shop, scopes=["activity:write"])
    return str(key)


def report_orders(port: int, key: str, members: int, first: int, count: int) -> None:
    """Report orders from a process of the clients' own, which is not measured."""
    arguments = [str(port), key, str(members), str(first), str(count)]
    subprocess.run([sys.executable, "-m", "benchmarks.clients", *arguments], check=True)


@contextmanager
def web_server(application: str = "loyalty.wsgi:application") -> Iterator[tuple[int, int]]:
    """Serve the site as in production, with a worker of four threads, on a port of its own."""
    port = free_port()
    environ = os.environ | PRODUCTION | {"DATABASE_URL": database_url(), "SECRET_KEY": secrets.token_hex()}
    command = [
        str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--port", str(port), "--workers", "1",
        "--blocking-threads", "4", "--runtime-threads", "1", "--no-ws", "--log-level", "warning", application,
    ]  # fmt: skip
    server = subprocess.Popen(
        command, env=environ, stderr=subprocess.DEVNULL
    )  # a line a request, written and thrown away
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        yield server.pid, port
    finally:
        server.terminate()
        server.wait(20)


def read_wallets(shop: Retailer, entries: int) -> dict[str, Cost]:
    """Measure what a member reads, and the same of one with very many entries."""
    small, whale = Wallet.objects.filter(retailer=shop).order_by("pk")[:2]
    spent = entries - 50
    for sql in (WHALE, SPEND):
        with connection.cursor() as cursor:
            cursor.execute(sql.format(wallet=whale.pk, count=entries, spent=spent, points=1))
    tidy_up()
    found = {}
    for name, wallet in (("", small), (" of the whale", whale)):
        zone = wallet.membership.program.tzinfo
        found[f"wallet{name}"] = reading(partial(balance, wallet, at=NOW, zone=zone))
        found[f"statement page{name}"] = reading(partial(page_of, wallet))
    return found


def touch_lots(shop: Retailer, times: int) -> dict[str, Cost]:
    """Measure redemptions and returns of a member with few open lots, and of one with many, in turns."""
    wallets = dict(zip((FEW, MANY), Wallet.objects.filter(retailer=shop).order_by("pk")[2:4], strict=True))
    for count, wallet in wallets.items():
        with connection.cursor() as cursor:
            cursor.execute(WHALE.format(wallet=wallet.pk, count=count, points=1_000))
    tidy_up()
    rounds: dict[str, list[Cost]] = {}
    for turn in range(ROUNDS):
        for count, wallet in wallets.items():
            member = Membership.objects.select_related("program", "customer").get(pk=wallet.membership_id)
            orders = [_bought(member, f"{turn}-{place}") for place in range(times)]
            report(shop, orders)
            ways = {"redemption": partial(_redeem_all, member, orders), "return": partial(_return_all, shop, orders)}
            for verb, work in ways.items():
                rounds.setdefault(f"{verb}, {count:,} lots", []).append(measure(work, times))
    return {name: least(costs) for name, costs in rounds.items()}


def _bought(member: Membership, number: str) -> OrderFact:
    lines = (line_of(sku="x", quantity=Decimal(1), net_amount=Decimal(12)),)
    name = member.customer.external_id
    return OrderFact(number=f"{name}-{number}", occurred_at=NOW, lines=lines, customer=name)


def _redeem_all(member: Membership, orders: Iterable[OrderFact]) -> None:
    for order in orders:
        redeem(member, 3, reference=order.number, now=NOW)


def _return_all(shop: Retailer, orders: Iterable[OrderFact]) -> None:
    for order in orders:
        back = ReturnFact(f"{order.number}-back", order.number, NOW, (ReturnLineFact(Decimal(1), 1),))
        answers = take_returns(shop, [back], now=NOW)
        assert answers[0].outcome.status is Status.CREATED, "a return was not taken"


def page_of(wallet: Wallet) -> list[Entry]:
    return list(statement(wallet)[:50])


def reading(read: Callable[[], object]) -> Cost:
    """Measure a read on our own connection: the server's CPU is that connection's process's alone."""
    times = 500
    for _ in range(20):
        read()
    rounds = []
    for _ in range(ROUNDS):
        client, server = time.process_time(), backend_cpu()
        for _ in range(times):
            read()
        rounds.append(Cost((time.process_time() - client) * MICRO / times, (backend_cpu() - server) * MICRO / times))
    return least(rounds)


def growth(entries: int) -> int:
    """Measure a single order and a batch as members, and then entries, grow."""
    rows: dict[str, Cost] = {}
    for members in (10_000, 100_000, 1_000_000):
        shop = open_shop(members)
        rows |= cost_of_size(shop, members, 10**6, f"{members:,} members")
        show(f"{members:,} members", rows)  # as it comes: the next one takes minutes
    for count in [each for each in (1_000_000, 10_000_000) if each <= entries]:
        fill(shop, count)
        rows |= cost_of_size(shop, 1_000_000, 10**8 + count, f"1,000,000 members, {count:,} more entries")
        show(f"{count:,} more entries", rows)
    show("CPU per order as the shop grows", rows)
    start, large = (rows[f"single, {members} members"].total for members in ("10,000", "1,000,000"))
    figures = [Figure("growth_from_10k_to_1M_members", large / start, "x", 1.15)]
    for name, cost in rows.items():
        first = rows[f"{name.split(',')[0]}, 10,000 members"]
        figures.append(Figure(name.replace(" ", "_").replace(",", ""), cost.total / first.total, "x"))
    return judge(figures)


def cost_of_size(shop: Retailer, members: int, first: int, size: str) -> dict[str, Cost]:
    """Measure orders three ways, and a wallet's read, in a shop of some size, after some orders that warm it up."""
    rounds: dict[str, list[Cost]] = {"single": [], "batch": [], "HTTP": []}
    with web_server() as (pid, port):
        by_http = partial(report_orders, port, key_of(shop), members)
        by_http(first, 800)
        one_by_one(shop, members, 200, first)
        in_batches(shop, members, 4, first + 10_000)
        tidy_up()
        for turn in range(ROUNDS):
            start = first + (turn + 1) * 100_000
            rounds["single"].append(measure(partial(one_by_one, shop, members, 500, start), 500))
            rounds["batch"].append(measure(partial(in_batches, shop, members, 5, start + 10_000), 5_000))
            rounds["HTTP"].append(measure(partial(by_http, start, 500), 500, [pid]))
    wallet = Wallet.objects.filter(retailer=shop).order_by("pk")[0]
    read = reading(partial(balance, wallet, at=NOW, zone=wallet.membership.program.tzinfo))
    return {f"{way}, {size}": least(costs) for way, costs in rounds.items()} | {f"wallet, {size}": read}


def fill(shop: Retailer, count: int) -> None:
    """Give a shop's members so many entries more, with a lot each, all of it spent."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # rows known to be right, so unchecked
        for first in range(0, count, 500_000):
            cursor.execute(FILL.format(shop=shop.pk, first=first, count=min(500_000, count - first)))
        cursor.execute("RESET session_replication_role")


if __name__ == "__main__":
    sys.exit(main())
