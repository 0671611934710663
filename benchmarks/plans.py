"""
What paid plans cost orders: of a program with plans, of the same without, and of that one beside tables full of others' rows.

    make bench NAME=plans [QUICK=1]

CPU per order of our process and of PostgreSQL together, in turns within one run, so that a busy machine is as busy for each.
Exits 1 when a bar is missed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()


from benchmarks.measuring import (  # noqa: E402 - after the settings
    Figure,
    arguments,
    counted,
    in_turns,
    judge,
    least_of,
    own_database,
    ratio,
    show,
)
from benchmarks.shop import NOW, START, in_batches, one_by_one, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity.nightly import run_nights  # noqa: E402
from loyalty.configuration.drafts import open_draft, publish  # noqa: E402
from loyalty.plans.models import PaidPlan, Subscription  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402

Take = Callable[[int, int], None]
ROUNDS, QUICK_ROUNDS = 11, 5
TABLES = ("subscription", "invoice", "invoiceline", "planchange", "refund", "paymentnotice")
WITH, WITHOUT = "with plans", "without plans"
EMPTY, FULL = "without, beside empty tables", "without, beside full ones"
# Every member has a plan, with its change from none; every tenth an invoice that is open.
JOIN = """
WITH joined AS (
    INSERT INTO plans_subscription (id, retailer_id, program_id, membership_id, plan_id, key, status, joined_at, since,
        anchor_on, first_day, end_day, paid_from, paid, had_trial, cancels, next_key, credit, method, ended_at, end_reason)
    SELECT gen_random_uuid(), m.retailer_id, m.program_id, m.id, p.id, p.key, 'active', %(since)s, %(since)s, %(first)s,
        %(first)s, %(last)s, %(first)s, p.price, false, false, NULL, 0, '', NULL, ''
    FROM memberships_membership m, plans_paidplan p WHERE m.program_id = %(program)s AND p.id = %(plan)s
    RETURNING id, retailer_id, membership_id, plan_id
), changed AS (
    INSERT INTO plans_planchange (retailer_id, membership_id, from_plan_id, to_plan_id, cause, occurred_at, recorded_at)
    SELECT retailer_id, membership_id, NULL, plan_id, 'joined:' || id, %(since)s, %(since)s FROM joined
)
INSERT INTO plans_invoice (id, retailer_id, subscription_id, plan_id, kind, status, currency, first_day, end_day, fee,
    credit_used, amount, refunded, issued_at, unpaid_on, attempts, last_error, provider, provider_reference, asked_method)
SELECT gen_random_uuid(), retailer_id, id, plan_id, 'renewal', 'open', 'EUR', %(first)s, %(last)s, 10, 0, 10, 0, %(since)s,
    %(last)s, 0, '', '', '', '' FROM joined WHERE hashtext(id::text) %% 10 = 0
"""


def main() -> int:
    given = arguments(__doc__).parse_args()
    own_database()
    members, orders, batches, rounds = (500, 60, 1, QUICK_ROUNDS) if given.quick else (20_000, 500, 1, ROUNDS)
    shops = {WITH: open_shop(members), WITHOUT: open_shop(members)}
    next_version(shops[WITHOUT])
    all_join(next_version(shops[WITH], ("plus", 10, 2), ("max", 25, 3)), members)
    statements = {name: counted(partial(one_by_one, shop, members, 1)) for name, shop in shops.items()}
    turns = partial(in_turns, rounds=rounds)
    one = turns({name: at_shop(one_by_one, shop, members) for name, shop in shops.items()}, orders, first=100_000_000)
    many = turns({name: at_shop(in_batches, shop, members) for name, shop in shops.items()}, batches, first=200_000_000)
    unused = shops[WITHOUT]
    beside = {EMPTY: beside_empty(unused, members), FULL: at_shop(one_by_one, unused, members)}
    tables = turns(beside, orders, first=300_000_000)
    show("orders one by one", least_of(one))
    show("orders by the thousand, a batch each", least_of(many))
    show("orders one by one", least_of(tables))
    return judge([
        Figure("order_with_plans", ratio(one, WITH, WITHOUT), "x", 1.10),
        Figure("batch_with_plans", ratio(many, WITH, WITHOUT), "x", 1.10),
        Figure("order_beside_full_tables", ratio(tables, FULL, EMPTY), "x", 1.03),
        Figure("statements_with_plans", statements[WITH], "an order"),
        Figure("statements_without", statements[WITHOUT], "an order"),
        Figure("statements_more", statements[WITH] - statements[WITHOUT], "an order", 0),
    ])  # fmt: skip


def next_version(shop: Retailer, *plans: tuple[str, int, int]) -> Program:
    """Let a version follow that offers plans, or none, and let all members have passed its start."""
    program = Program.objects.get(retailer=shop)
    draft = open_draft(program, author="bench", now=START)
    for rank, (code, price, multiplier) in enumerate(plans):
        PaidPlan.objects.create(
            version=draft, code=code, name=code, rank=rank, price=Decimal(price), multiplier=Decimal(multiplier)
        )
    publish(draft, effective_from=START + timedelta(seconds=1), now=START)
    run_nights(program, until=NOW.date(), now=NOW)
    return program


def all_join(program: Program, members: int) -> None:
    """Let each member of a program have a plan."""
    plan = PaidPlan.objects.get(version__program=program, code="plus")
    first = NOW.date() - timedelta(days=15)
    asked: dict[str, Any] = {
        "program": program.pk, "plan": plan.pk, "since": NOW - timedelta(days=15), "first": first,
        "last": first + timedelta(days=30),
    }  # fmt: skip
    bulk.fetch(f"{JOIN} RETURNING id", asked)
    assert Subscription.objects.count() == members, "somebody did not join"
    bulk.execute("VACUUM ANALYZE")


def at_shop(take: Callable[[Retailer, int, int, int], None], shop: Retailer, members: int) -> Take:
    """Return what takes a shop's orders: so many, from a number on."""
    return partial(take, shop, members)


def beside_empty(shop: Retailer, members: int) -> Take:
    """Return what takes orders of a shop where the tables of plans are empty: others of the same names stand before them."""
    bulk.execute("CREATE SCHEMA nobodys")
    for table in TABLES:
        bulk.execute(f"CREATE TABLE nobodys.plans_{table} (LIKE public.plans_{table} INCLUDING ALL)")

    def take(count: int, first: int) -> None:
        with seeing("nobodys, public"):
            one_by_one(shop, members, count, first)

    return take


@contextmanager
def seeing(path: str) -> Iterator[None]:
    bulk.execute(f"SET search_path TO {path}")
    try:
        yield
    finally:
        bulk.execute("SET search_path TO public")


if __name__ == "__main__":
    sys.exit(main())
