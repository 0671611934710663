"""kill -9 of the sending process, again and again: nothing lost, nothing double, and what nobody knows is told."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Concat

from customers.models import Consent, Customer, Retailer
from customers.recording import identify
from loyalty.activity.account.enrolment import enrol
from loyalty.campaigns.models import Message, MessageChannel
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_campaigns import NOON, campaign, due, shop
from tests.conftest import HUNTS

pytestmark = pytest.mark.usefixtures("committed_db")
ROOT = Path(__file__).resolve().parents[2]
MESSAGES, KILLS, BATCH = (10_000, 20, 500) if HUNTS else (120, 2, 30)
WORK = """
import time
from datetime import datetime, timedelta
from customers.models import Retailer
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.sending import send
now, began = datetime.fromisoformat("{now}"), time.monotonic()
clock = lambda: now + timedelta(seconds=time.monotonic() - began)
while send(Retailer.objects.get(slug="{slug}"), look_again=look_again, clock=clock, limit={batch}):
    pass
"""


class Provider:
    """A provider on loopback, which counts what it takes; one that knows keys takes each once."""

    def __init__(self, *, knows_keys: bool) -> None:
        self.asked = Counter[str]()
        self.taken = Counter[str]()
        self.reached, self.wanted = Event(), sys.maxsize
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                provider.take(self.headers["Idempotency-Key"], knows_keys=knows_keys)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_said: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/messages"

    def take(self, key: str, *, knows_keys: bool) -> None:
        self.asked[key] += 1
        if not (knows_keys and self.taken[key]):
            self.taken[key] += 1
        if self.asked.total() >= self.wanted:
            self.reached.set()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider_of() -> Iterator[Callable[[str], Provider]]:
    made: list[Provider] = []

    def make_one(kind: str) -> Provider:
        made.append(Provider(knows_keys=kind == "keys"))
        return made[-1]

    yield make_one
    for each in made:
        each.close()


def work(owner: Retailer, hours: int) -> "subprocess.Popen[bytes]":
    """Start a process that sends what is due so many hours later: the leases of who was killed are over then."""
    own = settings.DATABASES["default"]
    url = f"postgres://{own['USER']}:{quote(own['PASSWORD'])}@{quote(own['HOST'], safe='')}:{own['PORT']}/{own['NAME']}"
    code = WORK.format(now=(NOON + timedelta(hours=hours)).isoformat(), slug=owner.slug, batch=BATCH)
    environ = os.environ | {
        "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "loyalty.settings.test", "WEBHOOKS_MAY_GO_INSIDE": "true"
    }  # fmt: skip
    environ.pop("COVERAGE_PROCESS_CONFIG", None)  # who is killed writes no measures down
    return subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def members(club: Program) -> list[Membership]:
    """Return as many members as messages, who agreed to mails: made together, as ten thousand one by one take long."""
    owner = club.retailer
    ids = identify(owner, [(f"m{turn}", make.START) for turn in range(MESSAGES)], now=make.START)
    enrol(club, [(customer, make.START) for customer in ids.values()], source="test", now=make.START)
    Customer.objects.filter(retailer=owner).update(email=Concat("external_id", Value("@example.com")))
    Consent.objects.bulk_create(
        Consent(
            customer_id=customer,
            purpose="email",
            granted=True,
            occurred_at=make.START,
            recorded_at=make.START,
            source="test",
        )
        for customer in ids.values()
    )
    return list(Membership.objects.filter(program=club))


def sent_with_kills(provider: Provider, kind: str, *, takes_keys: bool) -> Counter[str]:
    """Kill who sends, as often as is asked for, and let one finish; return how many messages are in which state."""
    owner = shop()
    MessageChannel.objects.filter(retailer=owner).update(url=provider.url, takes_keys=takes_keys)
    club = make.program(owner)
    due(campaign(club, kind=kind), *members(club))
    for turn in range(KILLS):
        provider.reached.clear()
        provider.wanted = provider.asked.total() + BATCH // 2
        process = work(owner, turn)
        while not provider.reached.wait(0.05):
            assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    for turn in (KILLS, KILLS + 1):
        process = work(owner, turn)
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
    return Counter(Message.objects.values_list("state", flat=True))


def test_a_provider_that_knows_its_keys_gets_each_message_once(provider_of: Callable[[str], Provider]) -> None:
    provider = provider_of("keys")

    states = sent_with_kills(provider, "marketing", takes_keys=True)

    assert states == {"accepted": MESSAGES}
    assert (len(provider.taken), max(provider.taken.values())) == (MESSAGES, 1)


def test_marketing_is_never_doubled_and_what_nobody_knows_is_told(provider_of: Callable[[str], Provider]) -> None:
    provider = provider_of("plain")

    states = sent_with_kills(provider, "marketing", takes_keys=False)

    assert max(provider.taken.values()) == 1
    assert states["accepted"] + states["unknown"] == MESSAGES
    assert states["unknown"] <= BATCH * KILLS
    unknown = Message.objects.filter(state="unknown").values_list("pk", flat=True)
    assert MESSAGES - len(provider.taken) == sum(str(key) not in provider.taken for key in unknown)


def test_no_service_message_is_lost_and_what_may_be_double_says_so(provider_of: Callable[[str], Provider]) -> None:
    provider = provider_of("plain")

    sent_with_kills(provider, "service", takes_keys=False)

    marked = {str(key) for key in Message.objects.filter(is_resent=True).values_list("pk", flat=True)}
    doubled = {key for key, times in provider.taken.items() if times > 1}
    assert len(provider.taken) == MESSAGES
    assert doubled <= marked
    assert max(provider.taken.values()) <= 2
