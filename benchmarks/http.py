"""
What the API's edge costs: an order without and with an Idempotency-Key, a member for a till, a page of a statement, and a
batch's strict reading, beside a REST framework view that does nothing.

    make bench NAME=http [QUICK=1]

CPU per request is that of the web server and of PostgreSQL together; waiting times are those of 8 keep-alive clients that share
this machine with both. Exits 1 when a bar is missed.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from selectors import EVENT_READ, DefaultSelector
from socket import create_connection
from statistics import quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from benchmarks.clients import CLIENTS, is_whole  # noqa: E402 - after the settings
from benchmarks.ledger import web_server  # noqa: E402
from benchmarks.measuring import MICRO, Cost, Figure, arguments, judge, least_of, measure, own_database, ratio, show  # noqa: E402
from benchmarks.shop import NOW, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity.account.adjusting import adjust  # noqa: E402
from loyalty.activity.api.reported import OrderIn, fact_of  # noqa: E402
from loyalty.api.models import RetailerKey, Scope  # noqa: E402
from loyalty.api.parsers import EncodableJSONParser  # noqa: E402
from loyalty.memberships.models import Membership  # noqa: E402

MEMBERS, ENTRIES, ROUNDS = 500, 60, 3
REQUEST = (
    "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {key}\r\nAccept: application/json\r\n{more}"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
)
NOTHING, BARE, KEYED = "view that does nothing", "order", "order with a key"
MEMBER, STATEMENT, LIST = "member", "statement page", "page of orders"


def main() -> int:
    given = arguments(__doc__).parse_args()
    own_database()
    shop = open_shop(MEMBERS)
    member = with_entries(shop)
    _, key = RetailerKey.objects.create_key(name="bench", retailer=shop, scopes=list(Scope.values))
    rounds, waits = ask(str(key), member, 200 if given.quick else 1_000)
    costs = least_of(rounds)
    show("the edge", costs, limit=NOTHING)
    for name, found in waits.items():
        print(f"{name}: p50 {found[49]:.1f} ms, p95 {found[94]:.1f} ms, p99 {found[98]:.1f} ms")  # noqa: T201 - its answer
    return judge([
        Figure("order_with_key_over_without", ratio(rounds, KEYED, BARE), "x", 1.2),
        Figure("member_cpu", costs[MEMBER].total / 1_000, "ms", 2),
        Figure("statement_cpu", costs[STATEMENT].total / 1_000, "ms", 2),
        Figure("orders_page_cpu", costs[LIST].total / 1_000, "ms"),
        Figure("batch_reading_per_order", reading(1_000), "us", 30),
    ])  # fmt: skip


def with_entries(shop: Retailer) -> Membership:
    """Return a member with some pages of a statement."""
    members = Membership.objects.filter(retailer=shop).select_related("program__retailer", "customer").order_by("pk")
    member = members[0]
    for place in range(ENTRIES):
        adjust(member, 10, reference=f"a{place}", reason="a start", author="bench", now=NOW)
    bulk.execute("VACUUM ANALYZE")
    return member


def ask(key: str, member: Membership, count: int) -> tuple[dict[str, list[Cost]], dict[str, list[float]]]:
    """Return what each kind of request costs, round by round, and how long each hundredth of them waited, in milliseconds."""
    rounds: dict[str, list[Cost]] = {}
    waits: dict[str, list[float]] = {}
    with web_server() as (pid, port), web_server("benchmarks.nothing:application") as (nothing_pid, nothing_port):
        ways: dict[str, tuple[int, int, Callable[[int], bytes]]] = {
            NOTHING: (nothing_pid, nothing_port, lambda place: request("POST", "nothing", key, order(place))),
            BARE: (pid, port, lambda place: request("POST", "api/v1/orders", key, order(place))),
            KEYED: (pid, port, lambda place: request("POST", "api/v1/orders", key, order(place), f"k{place}")),
            MEMBER: (pid, port, lambda _: request("GET", f"api/v1/members/{member.number}", key)),
            STATEMENT: (pid, port, lambda _: request("GET", f"api/v1/members/{member.number}/statement", key)),
            LIST: (pid, port, lambda _: request("GET", "api/v1/orders", key)),
        }
        for turn in range(ROUNDS + 1):  # the first warms up
            for way, (name, (process, at, made)) in enumerate(ways.items()):
                first = (turn * len(ways) + way) * count
                asked = [made(first + place) for place in range(count)]
                found: list[float] = []
                cost = measure(partial(send, at, asked, found), count, [process])
                if turn:
                    rounds.setdefault(name, []).append(cost)
                    waits.setdefault(name, []).extend(found)
    return rounds, {name: quantiles((1_000 * each for each in found), n=100) for name, found in waits.items()}


def send(port: int, requests: Sequence[bytes], waits: list[float]) -> None:
    """Send requests by 8 clients, each when it has its last answer, and note how long each waited."""
    for answer, seconds in answers(port, requests):
        status = answer[9:12]
        if not status.startswith(b"2"):
            sys.exit(answer.decode())
        waits.append(seconds)


def answers(port: int, requests: Sequence[bytes]) -> Iterator[tuple[bytes, float]]:
    left = iter(requests)
    clients = DefaultSelector()
    for asked in [first for _, first in zip(range(CLIENTS), left, strict=False)]:
        client = create_connection(("127.0.0.1", port))
        client.sendall(asked)
        clients.register(client, EVENT_READ, [client, bytearray(), time.perf_counter()])
    while clients.get_map():
        for ready, _ in clients.select():
            client, received, began = ready.data
            received += client.recv(65_536)
            if not is_whole(received):
                continue
            yield bytes(received), time.perf_counter() - began
            received.clear()
            if asked := next(left, b""):
                ready.data[2] = time.perf_counter()
                client.sendall(asked)
            else:
                clients.unregister(client)
                client.close()


def order(place: int) -> str:
    """Return an order of one line as JSON."""
    return json.dumps({
        "number": f"h{place}", "customer": f"c{place * 7919 % MEMBERS}", "occurred_at": NOW.isoformat(),
        "lines": [{"sku": "x", "quantity": "1", "net_amount": "12.00"}],
    })  # fmt: skip


def request(method: str, path: str, key: str, body: str = "", once: str = "") -> bytes:
    more = f"Idempotency-Key: {once}\r\n" if once else ""
    return REQUEST.format(method=method, path=path, key=key, more=more, length=len(body), body=body).encode()


def reading(rows: int) -> float:
    """Return what it costs to read an order of a batch as strictly as one by itself, in microseconds."""
    body = f'{{"orders": [{",".join(map(order, range(rows)))}]}}'.encode()

    def once() -> float:
        began = time.process_time()
        read = EncodableJSONParser().parse(io.BytesIO(body))["orders"]
        assert len([fact_of(OrderIn, row) for row in read]) == rows, "all are orders"
        return time.process_time() - began

    return min(once() for _ in range(7)) * MICRO / rows


if __name__ == "__main__":
    sys.exit(main())
