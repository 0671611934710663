"""
Keep-alive clients that report orders, each waiting for its answer: `python -m benchmarks.clients PORT KEY MEMBERS FIRST COUNT`.

A process of its own, so that what clients cost is not counted as the server's.
"""

import json
import sys
from http.client import HTTPConnection
from threading import Thread

CLIENTS = 8


def main() -> None:
    port, key, members, first, count = sys.argv[1:]
    each = int(count) // CLIENTS
    failed: list[str] = []
    threads = [
        Thread(target=report, args=(int(port), key, int(members), int(first) + place * each, each, failed))
        for place in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"{len(failed)} of {count} failed, the first: {failed[0]}")


def report(port: int, key: str, members: int, first: int, count: int, failed: list[str]) -> None:  # noqa: PLR0913 - a thread's own
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
    for number in range(first, first + count):
        body = json.dumps({
            "number": f"h{number}", "customer": f"c{number * 7919 % members}", "occurred_at": "2026-06-15T12:00:00Z",
            "lines": [{"sku": "x", "quantity": "1", "net_amount": "12.00"}],
        })  # fmt: skip
        connection.request("POST", "/api/v1/orders", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 201:  # noqa: PLR2004 - created
            failed.append(said.decode())


if __name__ == "__main__":
    main()
