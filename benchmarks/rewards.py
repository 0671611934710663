"""
What rewards cost: a voucher checked at the till by HTTP, a catalogue of 200 rewards read for a member, a million codes imported.

    make bench NAME=rewards [QUICK=1]

CPU per request is that of the web server and of PostgreSQL together. Exits 1 when a bar is missed.
"""

import os
import secrets
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
os.environ.setdefault("CODE_KEYS", "of this benchmark, and of the server that it starts")
django.setup()

from benchmarks.clients import report  # noqa: E402 - after the settings
from benchmarks.ledger import web_server  # noqa: E402
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
from benchmarks.shop import NOW, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.models import Consent, Customer, Insight, Retailer  # noqa: E402
from loyalty.activity.account.adjusting import adjust  # noqa: E402
from loyalty.activity.rewards.catalogue import shelves_of  # noqa: E402
from loyalty.activity.rewards.importing import import_codes  # noqa: E402
from loyalty.activity.rewards.redeeming import redeem_reward  # noqa: E402
from loyalty.api.models import MemberToken, RetailerKey  # noqa: E402
from loyalty.configuration.drafts import open_draft, publish  # noqa: E402
from loyalty.memberships.models import Membership  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402
from loyalty.rewards.models import Reward, RewardPrice  # noqa: E402

REWARDS, MEMBERS = 200, 500
SHELF = f"catalogue of {REWARDS} itself"
ROUNDS = 5
REQUEST = (
    "{method} /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {credential}\r\nAccept: application/json\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
)


def main() -> int:
    given = arguments(__doc__).parse_args()
    own_database()
    codes, requests = (100_000, 400) if given.quick else (1_000_000, 2_000)
    shop = open_shop(MEMBERS)
    program = a_catalogue(shop)
    members = with_points(shop)
    vouchers = [redeem_reward(who, "reward-0", reference="r", now=NOW).code for who in members]
    seconds = a_million_codes(program, codes)
    bulk.execute("VACUUM ANALYZE")
    costs = read(shop, members, vouchers, requests) | {SHELF: shelves(members, requests)}
    show("rewards", costs)
    per_million = seconds * 1_000_000 / codes
    return judge([
        Figure("voucher_check_cpu", costs["voucher check by HTTP"].total / 1_000, "ms", 3),
        Figure("catalogue_cpu", costs[SHELF].total / 1_000, "ms"),
        Figure("catalogue_by_http_cpu", costs[f"catalogue of {REWARDS} by HTTP"].total / 1_000, "ms", 3),
        Figure("million_codes_seconds", per_million, "s", 60),
    ])  # fmt: skip


def a_catalogue(shop: Retailer) -> Program:
    """Let the shop's program have many rewards: with stock, limits and prices, for tiers and segments, and a pool."""
    program = Program.objects.get(retailer=shop)
    draft = open_draft(program, author="bench", now=NOW)
    rewards = [
        Reward(
            version=draft, code=f"reward-{place}", name=f"Reward {place}", name_fr=f"Récompense {place}", place=place,
            description="Something that members like to have.", kind="amount_off", value=Decimal(5), points=100 + place,
            codes="pool" if place == REWARDS - 1 else "generated", stock=10_000 if place % 4 == 1 else None,
            member_limit=3 if place % 5 == 1 else None, tiers=["silver"] if place % 10 == 1 else [],
            segments=["top_value"] if place % 11 == 1 else [], valid_days=90,
        )
        for place in range(REWARDS)
    ]  # fmt: skip
    Reward.objects.bulk_create(rewards)
    prices = [
        RewardPrice(version=draft, code=f"price-{place}", reward=f"reward-{place}", points=90, segment="top_value")
        for place in range(0, REWARDS, 5)
    ]
    RewardPrice.objects.bulk_create(prices)
    publish(draft, effective_from=NOW, now=NOW - timedelta(seconds=1))
    return program


def with_points(shop: Retailer) -> list[Membership]:
    """Give members points, and let each agree to a profile that is known."""
    members = list(
        Membership.objects.filter(retailer=shop).select_related("program__retailer", "customer").order_by("pk")
    )
    for who in members:
        adjust(who, 10_000, reference="bench", reason="bench", author="bench", now=NOW)
        Consent.objects.create(
            customer=who.customer, purpose="profiling", granted=True, occurred_at=NOW, source="bench"
        )
        Insight.objects.create(
            customer=who.customer, run_id=1, as_of=NOW.date(), horizon_days=365, currency="EUR", historic_revenue=1,
            value_decile=10, probability_active=0.9,
        )  # fmt: skip
    return members


def a_million_codes(program: Program, count: int) -> float:
    """Import so many codes into a pool; return in how many seconds of wall time."""
    key = Reward.objects.get(version__program=program, code=f"reward-{REWARDS - 1}").key
    codes = ((line, secrets.token_hex(8).upper(), "") for line in range(1, count + 1))
    began = time.monotonic()
    done = import_codes(program, key, codes, file_name="bench.csv", now=NOW)
    assert done.new == count, "codes were not taken"
    return time.monotonic() - began


def read(shop: Retailer, members: list[Membership], vouchers: list[str], count: int) -> dict[str, Cost]:
    """Measure both requests in turns, against a server as in production."""
    _, key = RetailerKey.objects.create_key(name="bench", retailer=shop, scopes=["rewards:redeem", "members:read"])
    tokens = [MemberToken.issue(Customer.objects.get(pk=who.customer_id), now=NOW)[0] for who in members[:50]]
    checks = [asked("POST", "vouchers/check", f"Api-Key {key}", f'{{"code": "{code}"}}') for code in vouchers]
    shelves = [asked("GET", "me/rewards", f"Bearer {token}", "") for token in tokens]
    rounds: dict[str, list[Cost]] = {}
    with web_server() as (pid, port):
        ways = {"voucher check by HTTP": checks, f"catalogue of {REWARDS} by HTTP": shelves}
        for turn in range(ROUNDS + 1):
            for name, requests in ways.items():
                cost = measure(partial(send, port, requests, count), count, [pid])
                if turn:  # the first until each connection has planned its statements
                    rounds.setdefault(name, []).append(cost)
    return {name: least(costs) for name, costs in rounds.items()}


def shelves(members: list[Membership], count: int) -> Cost:
    """Measure the catalogue itself, from the customer to the JSON: without the frame around it and the token's look-up."""

    def read_all(turns: int) -> None:
        for place in range(turns):
            for shelf in shelves_of(members[place % len(members)].customer_id, at=datetime.now(UTC)):
                shelf.as_json()

    read_all(20)  # until the statements are planned
    rounds = []
    for _ in range(ROUNDS):
        server = backend_cpu()
        cost = measure(partial(read_all, count), count)
        rounds.append(replace(cost, server=(backend_cpu() - server) * MICRO / count))
    return least(rounds)


def asked(method: str, path: str, credential: str, body: str) -> bytes:
    length = len(body.encode())
    return REQUEST.format(method=method, path=path, credential=credential, length=length, body=body).encode()


def send(port: int, requests: list[bytes], count: int) -> None:
    """Send requests in turns, and see that none was refused: a refusal costs next to nothing."""
    turns = [requests[place % len(requests)] for place in range(count)]
    failed = [answer for answer in report(port, turns) if not answer.startswith(b"HTTP/1.1 200")]
    assert not failed, failed[0].decode()


if __name__ == "__main__":
    sys.exit(main())
