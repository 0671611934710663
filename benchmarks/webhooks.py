"""
What hostile endpoints do to a good one: how long after its commit an event arrives, alone, and beside endpoints that hang, drip,
answer half, garbage, a redirect into a private network or 500, close, or take 9.5 s for each.

    make bench NAME=webhooks [QUICK=1]

The worker is the site's own, with eight threads, woken four times a second (in production every five seconds: then what is
measured would be the clock). Events of two retailers come at a steady rate, for members in turn. Alone, each retailer has a good
endpoint; beside, the good one's own retailer has one hostile endpoint of each kind, and the other retailer eight that take 9.5 s
for each and answer then: more than the worker has threads. An event that has not arrived at the end counts as if it came then.

Bar: the good endpoint's p99 beside all of them is at most twice its p99 alone, but for half a second, and every event arrived.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from statistics import quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from celery import Celery  # noqa: E402 - after the settings
from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.ledger import PRODUCTION  # noqa: E402
from benchmarks.measuring import Figure, arguments, judge, own_database  # noqa: E402
from benchmarks.shop import database_url, open_shop  # noqa: E402
from benchmarks.strangers import GOOD, HOSTILE, Stranger, is_slow, serving  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.memberships.models import Membership  # noqa: E402
from loyalty.outbox.endpoints import add_endpoint  # noqa: E402
from loyalty.outbox.models import Delivery, Endpoint, Event  # noqa: E402
from loyalty.outbox.publishing import NewEvent, publish  # noqa: E402

MEMBERS, PER_SECOND, WAKE_SECONDS, SLOW_ONES = 40, 20, 0.25, 8
LEEWAY_SECONDS = 0.5
DELIVER = "loyalty.outbox.tasks.deliver"
Talks = dict[str, Callable[[Stranger, socket], None]]


@dataclass(frozen=True)
class Delays:
    """Seconds from the commit of each event to its arrival at the good endpoint, and how many never came."""

    seconds: Sequence[float]
    lost: int

    def part(self, hundredth: int) -> float:
        return quantiles(self.seconds, n=100)[hundredth - 1]


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--log", default=os.devnull, help="where the worker writes")
    given = parser.parse_args()
    own_database()
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    shops = open_shop(MEMBERS), open_shop(MEMBERS)
    seconds = 10 if given.quick else 60
    with worker(given.log):
        alone, _ = deliver(shops, {}, 0, seconds)
        beside, posts = deliver(shops, HOSTILE, SLOW_ONES, seconds)
    tell({"alone": alone, "beside all of them": beside}, posts)
    bar = 2 * alone.part(99) + LEEWAY_SECONDS
    return judge([
        Figure("good_endpoint_p99_alone", alone.part(99), "s"),
        Figure("good_endpoint_p99_beside", beside.part(99), "s", round(bar, 2)),
        Figure("good_endpoint_lost", alone.lost + beside.lost, "events", 0),
    ])  # fmt: skip


@contextmanager
def worker(log: str) -> Iterator[None]:
    """Run the site's worker of webhooks as in production, and wake it."""
    environ = os.environ | PRODUCTION | {
        "DATABASE_URL": database_url(), "BROKER_URL": broker(), "WEBHOOKS_MAY_GO_INSIDE": "true", "SECRET_KEY": "x" * 50,
    }  # fmt: skip
    command = [sys.executable, "-m", "celery", "-A", "loyalty", "--quiet", "worker", "--queues", "webhooks", "--pool", "threads",
               "--concurrency", "8", "--loglevel", "error", "--without-gossip", "--without-mingle"]  # fmt: skip
    with Path(log).open("ab") as said:
        running = subprocess.Popen(command, env=environ, stdout=said, stderr=said)
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:  # a post takes ten seconds, and turns are finished first
            running.kill()
            running.wait()


def broker() -> str:
    return os.environ["BROKER_URL"]


def deliver(shops: Sequence[Retailer], hostile: Talks, slow: int, seconds: int) -> tuple[Delays, dict[str, int]]:
    """Return how long events took to the good endpoint, and how many posts came to each."""
    forget_everything()
    own, other = shops
    others: Talks = {f"takes 9.5 s, the other retailer's {place + 1}": is_slow for place in range(slow)} or {
        "other": GOOD
    }
    with serving({"good": GOOD, **hostile, **others}) as servers:
        for name, server in servers.items():
            add_endpoint(other if name in others else own, server.url)
        wake_up(shops, servers["good"])
        told = tell_events(shops, seconds)
        arrived = servers["good"].arrived
        now = time.time()
        delays = [arrived.get(name, now) - at for name, at in told.items()]
        return Delays(delays, len(told.keys() - arrived.keys())), {name: each.posts for name, each in servers.items()}


def forget_everything() -> None:
    Delivery.objects.all()._raw_delete("default")
    Event.objects.all()._raw_delete("default")
    Endpoint.objects.all()._raw_delete("default")


def tell_events(shops: Sequence[Retailer], seconds: int) -> dict[str, float]:
    """Publish events at a steady rate, and return those of the first retailer with the instants of their commits."""
    members = {shop.pk: list(Membership.objects.filter(retailer=shop).select_related("program")) for shop in shops}
    wake, told = Celery(broker=broker()), dict[str, float]()
    began, turn, waited = time.time(), 0, 0.0
    end = began + seconds + 2 * SLOW_GRACE
    while time.time() < end:
        if time.time() - waited >= WAKE_SECONDS:
            waited = time.time()
            wake.send_task(DELIVER, queue="webhooks", expires=5)
        if time.time() - began < seconds and turn < (time.time() - began) * PER_SECOND:
            told |= tell_one(shops, members, turn)
            turn += 1
        else:
            time.sleep(0.01)
    return told


SLOW_GRACE = 2.5  # seconds for the last ones to arrive
START_SECONDS = 300


def wake_up(shops: Sequence[Retailer], good: Stranger) -> None:
    """Tell one event, and wait until it arrived: the worker has started, and every endpoint was met once."""
    members = {shop.pk: list(Membership.objects.filter(retailer=shop).select_related("program")) for shop in shops}
    (name,) = tell_one(shops, members, -1)
    wake, deadline = Celery(broker=broker()), time.time() + START_SECONDS
    while name not in good.arrived:
        assert time.time() < deadline, "the worker did not start"
        wake.send_task(DELIVER, queue="webhooks", expires=5)
        time.sleep(1)


def tell_one(shops: Sequence[Retailer], members: dict[int, list[Membership]], turn: int) -> dict[str, float]:
    now = timezone.now()
    for shop in shops:
        member = members[shop.pk][turn % MEMBERS]
        data = {"program": member.program.slug, "member": member.number, "points": turn}
        publish([NewEvent(shop.pk, "points.expired", member.pk, data, now)], now=now)
    (name,) = Event.objects.filter(retailer=shops[0], payload__points=turn).values_list("pk", flat=True)
    return {str(name): time.time()}


def tell(delays: dict[str, Delays], posts: dict[str, int]) -> None:
    table = Table(
        "the good endpoint", "events", "p50 s", "p95 s", "p99 s", "worst s", "lost", title="hostile endpoints"
    )
    for name, found in delays.items():
        parts = [f"{found.part(each):.2f}" for each in (50, 95, 99)]
        table.add_row(name, str(len(found.seconds)), *parts, f"{max(found.seconds):.2f}", str(found.lost))
    Console(width=110).print(table)
    for name, count in posts.items():
        print(f"{name}: {count} posts")  # noqa: T201 - its answer


if __name__ == "__main__":
    sys.exit(main())
