"""
How fast facts come in: a CSV file recorded and then decided, and batches of 1,000 by API; CPU per order and orders a second.

    make bench NAME=ingest [QUICK=1]
"""

import io
import json
import os
import sys
from datetime import timedelta
from http.client import HTTPConnection

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from benchmarks.ledger import key_of, web_server  # noqa: E402
from benchmarks.measuring import Cost, Figure, arguments, judge, measure, own_database, show  # noqa: E402
from benchmarks.shop import NOW, in_batches, open_shop  # noqa: E402
from customers.importing.running import run_import  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity.backlog import catch_up  # noqa: E402
from loyalty.points.proof import require_proof  # noqa: E402

BARS = {"recorded orders decided, with half a year of nights": 2_000}


def main() -> int:
    asked = arguments(__doc__).parse_args()
    members, orders = (2_000, 4_000) if asked.quick else (200_000, 60_000)
    own_database()
    shop = open_shop(members)
    in_batches(shop, members, 1, 10**6)
    file = io.BytesIO(csv_of(members, orders))
    costs = {
        "CSV recorded": measure(lambda: recorded(shop, file), orders),
        "recorded orders decided, with half a year of nights": measure(lambda: decided(shop), orders),
        "batch of 1,000, in process": measure(lambda: in_batches(shop, members, orders // 1_000, 10**7), orders),
        "batch of 1,000, by HTTP": by_http(shop, members, orders),
    }
    require_proof()
    show(f"CPU per order coming in, {members:,} members", costs)
    single = costs["batch of 1,000, in process"]
    return judge([
        *(
            Figure(f"{name.replace(',', '').replace(' ', '_')}_rate", cost.rate, "orders/s", BARS.get(name), at_least=True)
            for name, cost in costs.items()
        ),
        Figure("http_batch_of_process_batch", costs["batch of 1,000, by HTTP"].total / single.total, "x"),
    ])  # fmt: skip


def csv_of(members: int, orders: int) -> bytes:
    rows = ["order_number,customer,occurred_at,sku,quantity,net_amount"]
    for number in range(orders):
        at = NOW - timedelta(seconds=number % 3_600)
        rows.append(f"f{number},c{number * 7919 % members},{at.isoformat()},x,1,12.00")
    return "\n".join(rows).encode()


def recorded(shop: Retailer, file: io.BytesIO) -> None:
    report = run_import(shop, "orders", file, now=NOW)
    assert not report.problems, report.problems[:3]


def decided(shop: Retailer) -> None:
    catch_up(shop, now=NOW, until=NOW.date())


def by_http(shop: Retailer, members: int, orders: int) -> Cost:
    """Measure batches by API: the WSGI server's processes and PostgreSQL, without the client."""
    key = key_of(shop)
    with web_server() as (pid, port):
        connection = HTTPConnection("127.0.0.1", port)

        def report(first: int, count: int) -> None:
            for start in range(first, first + count, 1_000):
                rows = [_row(members, number) for number in range(start, start + 1_000)]
                headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
                connection.request("POST", "/api/v1/orders/batch", json.dumps({"orders": rows}), headers)
                answer = connection.getresponse()
                results = json.loads(answer.read())["results"]
                assert {row["status"] for row in results} == {"created"}

        report(0, 1_000)
        return measure(lambda: report(10_000, orders), orders, [pid])


def _row(members: int, number: int) -> dict[str, object]:
    return {
        "number": f"b{number}",
        "customer": f"c{number * 7919 % members}",
        "occurred_at": NOW.isoformat(),
        "lines": [{"sku": "x", "quantity": "1", "net_amount": "12.00"}],
    }


if __name__ == "__main__":
    sys.exit(main())
