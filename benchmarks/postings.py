"""
One posting of points in several ledgers: this one, django-hordak, and a plain SQL transfer as SQL ledgers have it.

Each moves points from one account to another, durably, in a transaction of its own (or, for a batch, in one of many).
django-hordak is installed into an environment of its own on the first run. pgledger is in no package registry: where
PGLEDGER_SQL names the `pgledger.sql` of a checkout, it is called from Django as this ledger is. The plain transfer writes what
such ledgers write: a transfer, two entries with running balances, two accounts locked in order.
"""

import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from django.db import connection, transaction

from benchmarks.environments import ROOT, interpreter
from benchmarks.measuring import Cost, least, measure
from benchmarks.pgbench import pgbench
from benchmarks.shop import NOW, database_url, open_shop
from customers.core.ids import new_id
from loyalty.points import ledger
from loyalty.points.models import Wallet
from loyalty.points.state import NewLot, Posting
from loyalty.points.states import State
from loyalty.programs.models import ProgramVersion

ACCOUNTS, ROUNDS = 1_000, 4
PGLEDGER = "pgledger, one transfer a transaction"
TRANSFER = """
DROP TABLE IF EXISTS bench_entries, bench_transfers, bench_accounts;
CREATE TABLE bench_accounts (id bigint PRIMARY KEY, balance numeric NOT NULL DEFAULT 0, version bigint NOT NULL DEFAULT 0);
CREATE TABLE bench_transfers (id uuid PRIMARY KEY DEFAULT uuidv7(), from_account bigint NOT NULL REFERENCES bench_accounts,
    to_account bigint NOT NULL REFERENCES bench_accounts, amount numeric NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE bench_entries (id uuid PRIMARY KEY DEFAULT uuidv7(), account_id bigint NOT NULL REFERENCES bench_accounts,
    transfer_id uuid NOT NULL REFERENCES bench_transfers, amount numeric NOT NULL, previous_balance numeric NOT NULL,
    current_balance numeric NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON bench_entries (account_id, version);
CREATE INDEX ON bench_entries (transfer_id);
INSERT INTO bench_accounts (id) SELECT generate_series(0, {accounts});
CREATE OR REPLACE FUNCTION bench_transfer(a bigint, b bigint, x numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE t uuid; r record; d numeric;
BEGIN
    INSERT INTO bench_transfers (from_account, to_account, amount) VALUES (a, b, x) RETURNING id INTO t;
    PERFORM 1 FROM bench_accounts WHERE id IN (a, b) ORDER BY id FOR UPDATE;
    FOR r IN SELECT * FROM bench_accounts WHERE id IN (a, b) ORDER BY id LOOP
        d := CASE WHEN r.id = a THEN -x ELSE x END;
        UPDATE bench_accounts SET balance = r.balance + d, version = r.version + 1 WHERE id = r.id;
        INSERT INTO bench_entries (account_id, transfer_id, amount, previous_balance, current_balance, version)
            VALUES (r.id, t, d, r.balance, r.balance + d, r.version + 1);
    END LOOP;
END $$;
"""


def compare(count: int) -> dict[str, Cost]:
    """Return what a posting costs in each ledger."""
    shop = open_shop(ACCOUNTS)
    wallets = list(Wallet.objects.filter(retailer=shop).order_by("pk").values_list("pk", flat=True))
    version = ProgramVersion.objects.get(program__retailer=shop).pk
    with connection.cursor() as cursor:
        cursor.execute(TRANSFER.format(accounts=ACCOUNTS))
    balances = dict.fromkeys(wallets, 0)

    def post(places: range) -> None:
        chosen = [(place, wallets[place * 7919 % ACCOUNTS]) for place in places]
        ledger.post([_posting(shop.pk, wallet, version, place) for place, wallet in chosen], balances=balances, now=NOW)
        for _, wallet in chosen:
            balances[wallet] += 12

    def singles(first: int, some: int) -> None:
        for place in range(first, first + some):
            post(range(place, place + 1))

    singles(0, 50)
    ways: dict[str, tuple[Callable[[int], None], int]] = {
        "this ledger, one posting a transaction": (lambda turn: singles((turn + 1) * 10**5, count), count),
        "this ledger, a batch of 1,000": (lambda turn: _batches(post, 10, 10**7 + turn * 10**5), 10_000),
        "plain SQL transfer, one a transaction": (
            lambda _: pgbench("SELECT bench_transfer(:who, (:who + 1), 12);", ACCOUNTS, count),
            count,
        ),
    }
    if (transfers := _pgledger()) is not None:
        ways[PGLEDGER] = (lambda _: transfers(count), count)
    rounds: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, (work, pieces) in ways.items():
            rounds[name].append(measure(partial(work, turn), pieces))
    found = {name: least(costs) for name, costs in rounds.items()}
    if (hordak := _hordak(count)) is not None:
        found["django-hordak"] = hordak
    return found


def _batches(post: Callable[[range], None], count: int, first: int) -> None:
    for batch in range(count):
        post(range(first + batch * 1_000, first + (batch + 1) * 1_000))


def _pgledger() -> Callable[[int], None] | None:
    """Return what makes so many of pgledger's transfers, one a transaction; None where there is no checkout of it."""
    if not (given := os.environ.get("PGLEDGER_SQL")):
        return None
    sql = Path(given)
    helpers = sorted(sql.parent.glob("vendor/*/*.sql"))
    with connection.cursor() as cursor:
        for script in (*helpers, sql):
            cursor.execute(script.read_text())
        cursor.execute("SELECT (pgledger_create_account('a' || n, 'PTS')).id FROM generate_series(0, %s) n", [ACCOUNTS])
        accounts = [account for (account,) in cursor.fetchall()]

    def transfers(count: int) -> None:
        for place in range(count):
            chosen = place * 7919 % ACCOUNTS
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT id FROM pgledger_create_transfer(%s, %s, %s)", [accounts[chosen], accounts[chosen + 1], 12]
                )
                cursor.fetchall()

    transfers(50)
    return transfers


def _posting(retailer: int, wallet: int, version: int, place: int) -> Posting:
    lot = NewLot(new_id(), 12, NOW, NOW, None, version, None, None, State.AVAILABLE)
    return Posting(retailer, wallet, "earn", f"bench:{place}", NOW, {"points": 12}, lots=(lot,))


def _hordak(count: int) -> Cost | None:
    """Measure django-hordak in an environment and a database of its own; None where it cannot be installed."""
    python = interpreter("hordak")
    if python is None:
        return None
    name = f"hordak_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    url = database_url().rpartition("/")[0] + f"/{name}"
    environ = {"DATABASE_URL": url, "PATH": os.environ["PATH"]}
    worker = subprocess.Popen(
        [str(python), "-P", str(ROOT / "benchmarks" / "hordak_posting.py"), str(count)],  # beside it lies a module named http
        env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert worker.stdin
        assert worker.stdout
        if worker.stdout.readline().strip() != "ready":
            return None

        def work() -> None:
            assert worker.stdin
            assert worker.stdout
            worker.stdin.write("go\n")
            worker.stdin.flush()
            assert worker.stdout.readline().strip() == "done"

        return measure(work, count, [worker.pid])
    finally:
        worker.kill()
        worker.wait()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
