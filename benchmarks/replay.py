"""
How fast a past is lived again: orders per second and core under a draft, beside the same orders decided and written.

    make bench NAME=replay [QUICK=1]
"""

import os
import sys
from datetime import timedelta
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from benchmarks.measuring import MICRO, Figure, arguments, judge, measure, own_database, show  # noqa: E402
from benchmarks.shop import NOW, START, open_shop  # noqa: E402
from customers.facts import OrderFact, line_of  # noqa: E402
from customers.models import Retailer  # noqa: E402
from customers.recording import record_orders  # noqa: E402
from loyalty.activity.backlog import catch_up  # noqa: E402
from loyalty.configuration.drafts import open_draft  # noqa: E402
from loyalty.planning.models import Simulation  # noqa: E402
from loyalty.planning.simulating import ask, run_next  # noqa: E402
from loyalty.points.models import EarningRule  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402
from loyalty.tiers.models import Tier  # noqa: E402

DAYS = 160


def main() -> int:
    asked = arguments(__doc__).parse_args()
    members, each = (1_000, 10) if asked.quick else (20_000, 10)
    own_database()
    shop = open_shop(members)
    orders = record(shop, members, each)
    live = measure(lambda: decided(shop), orders)
    lived_again = measure(lambda: simulated(shop), orders)
    show(
        f"CPU per order, {members:,} members with {each} orders each",
        {"decided and written": live, "lived again": lived_again},
    )
    result = Simulation.objects.order_by("-pk").values_list("result", flat=True)[0]
    assert result is not None
    assert result["draft"]["net"] == 2 * result["actual"]["net"], "a doubled rate gives twice the points"
    return judge([
        Figure("replay_orders_per_second_per_core", MICRO / lived_again.total, "orders/s", 5_000, at_least=True),
        Figure("live_orders_per_second_per_core", MICRO / live.total, "orders/s"),
        Figure("replay_of_live", lived_again.total / live.total, "x"),
        Figure("minutes_for_a_million_orders", 1e6 * lived_again.total / MICRO / 60, "min"),
    ])  # fmt: skip


def record(shop: Retailer, members: int, each: int) -> int:
    """Record orders over half a year, each member's some weeks apart."""
    orders = members * each
    for start in range(0, orders, 5_000):
        facts = [order(members, number) for number in range(start, min(start + 5_000, orders))]
        record_orders(shop, facts, now=NOW)
    return orders


def order(members: int, number: int) -> OrderFact:
    lines = tuple(line_of(sku=f"x{place}", quantity=Decimal(1), net_amount=Decimal(12)) for place in range(3))
    at = START + timedelta(days=1 + number * DAYS // (members * 10), seconds=number % 80_000)
    return OrderFact(number=f"r{number}", occurred_at=at, lines=lines, customer=f"c{number % members}")


def decided(shop: Retailer) -> None:
    catch_up(shop, now=NOW, until=NOW.date())


def simulated(shop: Retailer) -> None:
    draft = open_draft(Program.objects.get(retailer=shop))
    EarningRule.objects.filter(version=draft).update(points=2)
    Tier.objects.filter(version=draft, code="silver").update(threshold=100)
    ask(draft, since=START.date(), until=NOW.date(), author="bench", now=NOW)
    assert run_next(now=NOW)


if __name__ == "__main__":
    sys.exit(main())
