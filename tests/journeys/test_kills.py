"""
kill -9 of the importing process, the deciding process and the database, in mid-import: nothing lost, nothing double.

The services are of this test's own, and the processes are real ones that run the same commands as a user does.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from loyalty.embedded.folder import state_folder
from loyalty.embedded.postgres import EmbeddedPostgres
from tests.make import NOON

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, ORDERS = 40, 12_000
PREPARE = """
from datetime import datetime, UTC
from decimal import Decimal
from customers.models import Retailer
from loyalty.configuration.drafts import create_program, publish
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.tiers.models import Tier
shop = Retailer.objects.create(slug="shop", name="Shop", zone="UTC")
draft = create_program(shop, slug="club", name="Club")
EarningRule.objects.create(version=draft, code="base", name="Base", points=Decimal(1))
PointsPolicy.objects.filter(version=draft).update(pending_days=1)
Tier.objects.create(version=draft, code="silver", name="Silver", rank=1, threshold=100, multiplier=2)
start = datetime(2026, 1, 1, tzinfo=UTC)
publish(draft, effective_from=start, now=start)
"""
ENROL = """
from django.utils import timezone
from loyalty.activity.enrolment import enrol_everyone
from loyalty.programs.models import Program
enrol_everyone(Program.objects.get(), source="import", now=timezone.now())
"""
DECIDE = """
from datetime import date
from django.utils import timezone
from customers.models import Retailer
from loyalty.activity.backlog import catch_up
print(catch_up(Retailer.objects.get(), now=timezone.now(), until=date(2026, 7, 15)))
"""


@pytest.fixture
def server(open_folder: Callable[[], Path]) -> Iterator[EmbeddedPostgres]:
    found = EmbeddedPostgres(state_folder({"LOYALTY_STATE_DIR": str(open_folder())}, name="own"))
    yield found
    found.stop()


def start(url: str, *command: str) -> "subprocess.Popen[bytes]":
    environ = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "loyalty.settings.test"}
    environ.pop("COVERAGE_PROCESS_CONFIG", None)  # who is killed writes no measures down
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(url: str, *command: str) -> None:
    process = start(url, *command)
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def count(url: str, sql: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])


def kill_when(process: "subprocess.Popen[bytes]", url: str, sql: str, at_least: int, victim: int) -> None:
    """Kill a process as soon as some work is committed and more is to come."""
    while count(url, sql) < at_least:
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
    os.kill(victim, signal.SIGKILL)


def write_orders(path: Path) -> None:
    rows = ["order_number,customer,occurred_at,sku,quantity,net_amount"]
    for number in range(ORDERS):
        at = NOON + timedelta(days=number * 30 / ORDERS)
        rows.append(f"N{number},c{number % CUSTOMERS},{at.isoformat()},milk,1,{number % 7 + 1}.00")
    path.write_text("\n".join(rows) + "\n")


@pytest.mark.slow
def test_kills_in_mid_import_lose_nothing_and_double_nothing(server: EmbeddedPostgres, tmp_path: Path) -> None:
    url = server.start()
    finish(url, "migrate", "--verbosity", "0")
    finish(url, "shell", "--no-imports", "-c", PREPARE)
    file = tmp_path / "orders.csv"
    write_orders(file)
    orders, decided = "SELECT count(*) FROM customers_order", "SELECT count(*) FROM activity_orderdecision"

    importing = start(url, "import_csv", "shop", "orders", str(file))
    kill_when(importing, url, orders, 2_000, importing.pid)
    importing.wait()
    after_first_kill = count(url, orders)
    importing = start(url, "import_csv", "shop", "orders", str(file))
    assert server.process is not None
    kill_when(importing, url, orders, after_first_kill + 2_000, server.process.pid)
    importing.communicate()
    server.process.wait()
    url = server.start()
    after_second_kill = count(url, orders)
    finish(url, "import_csv", "shop", "orders", str(file))

    finish(url, "shell", "--no-imports", "-c", ENROL)
    deciding = start(url, "shell", "--no-imports", "-c", DECIDE)
    kill_when(deciding, url, decided, 1_000, deciding.pid)
    deciding.wait()
    after_third_kill = count(url, decided)
    finish(url, "shell", "--no-imports", "-c", DECIDE)
    finish(url, "reconcile")

    assert 0 < after_first_kill < after_second_kill < ORDERS
    assert 0 < after_third_kill < ORDERS
    assert (count(url, orders), count(url, decided)) == (ORDERS, ORDERS)
    assert count(url, "SELECT count(*) FROM customers_orderline") == ORDERS
    assert count(url, "SELECT count(*) FROM points_entry WHERE kind = 'earn'") == ORDERS
    assert count(url, "SELECT sum(net_amount)::bigint FROM customers_order") == sum(n % 7 + 1 for n in range(ORDERS))
    assert count(url, "SELECT sum(points) FROM activity_orderdecision") == count(
        url, "SELECT sum(amount) FROM points_lot"
    )
