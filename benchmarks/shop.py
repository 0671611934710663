"""A shop for benchmarks: a program with tiers, many members, orders without end."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from django.db import connection

from customers.batches import Status
from customers.core import bulk
from customers.facts import OrderFact, line_of
from customers.models import Retailer
from customers.recording import identify
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.intake import take_orders
from loyalty.configuration.drafts import create_program, publish
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import Program
from loyalty.tiers.models import Tier

# Orders are reported as they happen, as shops do: facts of the future are refused, and late ones cost more.
NOW = datetime.now(UTC).replace(microsecond=0)
START = datetime.combine(NOW.date() - timedelta(days=165), time(), tzinfo=UTC)


def open_shop(members: int) -> Retailer:
    """Make a retailer with so many members in a program with tiers."""
    shop = Retailer.objects.create(slug=f"bench-{Retailer.objects.count()}", name="Bench", zone="UTC")
    draft = create_program(shop, slug="club", name="Club")
    EarningRule.objects.create(version=draft, code="base", name="Base", points=Decimal(1))
    PointsPolicy.objects.filter(version=draft).update(expiry="months", expiry_count=24)
    for rank, (code, threshold) in enumerate((("bronze", 0), ("silver", 10**8))):
        Tier.objects.create(version=draft, code=code, name=code, rank=rank, threshold=threshold)
    club = publish(draft, effective_from=START, now=START).program
    add_members(shop, club, 0, members)
    bulk.execute("VACUUM ANALYZE")  # else the server does it while something is measured
    return shop


def add_members(shop: Retailer, club: Program, since: int, until: int) -> None:
    for first in range(since, until, 20_000):
        named = [(f"c{place}", START) for place in range(first, min(first + 20_000, until))]
        ids = identify(shop, named, now=START)
        enrol(club, [(customer, START) for customer in ids.values()], source="bench", now=START)


def order(members: int, number: int) -> OrderFact:
    """Return an order of one line by one of the members, spread over all of them."""
    lines = (line_of(sku="x", quantity=Decimal(1), net_amount=Decimal("12.00")),)  # as shops write it
    at = NOW - timedelta(milliseconds=number % 900)
    return OrderFact(number=f"n{number}", occurred_at=at, lines=lines, customer=f"c{number * 7919 % members}")


def one_by_one(shop: Retailer, members: int, count: int, first: int) -> None:
    for number in range(first, first + count):
        report(shop, [order(members, number)])


def in_batches(shop: Retailer, members: int, count: int, first: int) -> None:
    for batch in range(count):
        start = first + batch * 1_000
        report(shop, [order(members, number) for number in range(start, start + 1_000)])


def report(shop: Retailer, facts: list[OrderFact]) -> None:
    """Take orders that are new, and see that none was refused: a refusal costs next to nothing."""
    answers = take_orders(shop, facts, now=NOW)
    assert all(answer.outcome.status is Status.CREATED for answer in answers), "an order was not taken"


def database_url() -> str:
    given = connection.settings_dict
    return f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
