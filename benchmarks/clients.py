"""
Keep-alive clients that report orders, each waiting for its answer: `python -m benchmarks.clients PORT KEY MEMBERS FIRST COUNT`.

A process of its own, so that what clients cost is not counted as the server's; and one that costs little, because clients
are on other machines and would not take the server's cores.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from selectors import EVENT_READ, DefaultSelector
from socket import create_connection

CLIENTS = 8
HEAD = (
    "POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {key}\r\nAccept: application/json\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)


def main() -> None:
    port, key, members, first, count = sys.argv[1:]
    requests = [request(key, int(members), number) for number in range(int(first), int(first) + int(count))]
    failed = [answer.decode() for answer in report(int(port), requests) if not answer.startswith(b"HTTP/1.1 201")]
    if failed:
        sys.exit(f"{len(failed)} of {count} failed, the first: {failed[0]}")


def request(key: str, members: int, number: int) -> bytes:
    at = datetime.now(UTC).isoformat()
    body = json.dumps({
        "number": f"h{number}", "customer": f"c{number * 7919 % members}", "occurred_at": at,
        "lines": [{"sku": "x", "quantity": "1", "net_amount": "12.00"}],
    }).encode()  # fmt: skip
    return HEAD.format(key=key, length=len(body)).encode() + body


def report(port: int, requests: list[bytes]) -> Iterator[bytes]:
    """Send each request by whichever client has its answer, and yield the answers."""
    left = iter(requests)
    clients = DefaultSelector()
    for asked in [first for _, first in zip(range(CLIENTS), left, strict=False)]:
        client = create_connection(("127.0.0.1", port))
        clients.register(client, EVENT_READ, (client, bytearray()))
        client.sendall(asked)
    while clients.get_map():
        for ready, _ in clients.select():
            client, received = ready.data
            received += client.recv(65_536)
            if not is_whole(received):
                continue
            yield bytes(received)
            received.clear()
            if asked := next(left, b""):
                client.sendall(asked)
            else:
                clients.unregister(client)
                client.close()


def is_whole(received: bytearray) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    _name, _, rest = head.lower().partition(b"content-length:")
    return bool(end) and len(body) >= int(rest.split(b"\r\n", 1)[0])


if __name__ == "__main__":
    main()
