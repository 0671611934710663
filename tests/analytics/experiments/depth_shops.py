"""Shops that try depths of an offer, or prices of a reward: who buys more of it, and what that costs."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from analytics import writing
from analytics.models import ValueRun
from analytics.segments.models import CustomerSegment, SegmentRun
from customers.facts import OrderFact
from customers.models import Customer, Retailer
from customers.recording import record_orders
from loyalty.activity.account.enrolment import enrol
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.experiments.running import start
from loyalty.memberships.models import Membership
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward, RewardRedemption
from tests import make
from tests.analytics.experiments.shops import DAY, line
from tests.experiments.make_experiments import planned
from tests.make import START
from tests.rewards import shop as rewards

THREE = (
    VariantFact("none", 3_400, is_control=True),
    VariantFact("two", 3_300, name="Two off"),
    VariantFact("five", 3_300, name="Five off"),
)
ENDED = START + 121 * DAY
CODE = "depths"
MARGIN = Decimal("0.5")
MANY = 3_900  # customers: enough for three arms


def for_variant(code: str) -> dict[str, Any]:
    return {"experiment": CODE, "variants": [code]}


def two_and_five(draft: ProgramVersion) -> None:
    """Offer 2 off to some, 5 off to others, for no points."""
    for code, value in (("two", 2), ("five", 5)):
        rewards.reward(
            draft, f"{code}-off", 0, kind="amount_off", value=Decimal(value), codes="generated", arms=for_variant(code)
        )


def cheaper(draft: ProgramVersion, **given: Any) -> None:
    """Offer a reward of 600 points for 500 to some, for 400 to others."""
    rewards.reward(draft, points=600, cost=Decimal(5), **given)
    for code, points in (("two", 500), ("five", 400)):
        rewards.price(draft, code, points, arms=for_variant(code))


def trying(
    owner: Retailer, offer: Callable[[ProgramVersion], None] = two_and_five, count: int = 0, **given: Any
) -> Experiment:
    """Return a running experiment of an offer's depths, of so many members."""
    draft = make.version(owner, points={"point_value": Decimal("0.01"), "redeemed_share": Decimal(1)})
    offer(draft)
    plain: dict[str, Any] = {
        "layer": "variant", "form": "variants", "variants": THREE, "metric": "margin", "window_days": 28, "duration_days": 120,
    }  # fmt: skip
    planned(owner, draft.program, CODE, **(plain | given))
    club = make.published(draft)
    if count:
        Customer.objects.bulk_create(
            [
                Customer(retailer=owner, external_id=f"c{place}", identified_at=START - 100 * DAY)
                for place in range(count)
            ]
        )
        found = Customer.objects.filter(retailer=owner).order_by("pk").values_list("pk", flat=True)
        enrol(club, [(pk, START - DAY) for pk in found], source="test", now=START - DAY)
    return start(club.experiments.get(), author="Grace", now=START)


def variants_of(test: Experiment) -> Mapping[str, str]:
    rows = test.assignments.values_list("customer__external_id", "variant__code")
    return dict(rows.order_by("customer__external_id"))


def bought_before(owner: Retailer, count: int) -> None:
    """Let everybody buy twice before, ten days apart."""
    facts = [
        OrderFact(f"b{ago}-{place}", START - ago * DAY, (line(f"{10 + 3 * (place % 11)}.00"),), customer=f"c{place}")
        for place in range(count) for ago in (5, 15)
    ]  # fmt: skip
    record_orders(owner, facts, now=START - DAY)


def buys_after(owner: Retailer, test: Experiment, moved: Callable[[int, str], bool]) -> None:
    """Let a sixth buy for 40 whatever they are offered, and those as well who are moved by it."""
    facts = [
        OrderFact(f"a-{name}", START + 3 * DAY, (line("40.00"),), customer=name)
        for name, code in variants_of(test).items()
        if int(name[1:]) % 6 == 0 or moved(int(name[1:]), code)
    ]
    record_orders(owner, facts, now=START + 4 * DAY)


def redeem(test: Experiment, by_order: Mapping[str, str] | None = None) -> None:
    """Let whoever bought in the window have redeemed the offer of its variant; by another's order where it is said so."""
    orders = dict(test.retailer.orders.filter(occurred_at__gte=START).values_list("customer__external_id", "number"))
    orders |= by_order or {}
    offers = {each.arms["variants"][0]: each for each in Reward.objects.filter(version__program=test.program_id)}
    codes = variants_of(test)
    members = Membership.objects.filter(program=test.program_id).select_related("customer")
    RewardRedemption.objects.bulk_create(
        RewardRedemption(
            retailer=test.retailer, program=test.program, membership=each, reward=offers[codes[name]],
            reward_key=offers[codes[name]].key, reference=f"r-{name}", wallet="points", points=0, price_rule="list",
            amount=offers[codes[name]].value, status="used", redeemed_at=START + 2 * DAY, recorded_at=START + 2 * DAY,
            used_at=START + 3 * DAY, order_number=orders[name],
        )
        for each in members
        if (name := each.customer.external_id) in orders and codes[name] in offers
    )  # fmt: skip


def segmented(owner: Retailer, of: Callable[[int], str], cut: date | None = None) -> SegmentRun:
    """Say of each customer in which segment it was at the end of the month before the start, or of another day."""
    day = cut or START.date() - timedelta(days=1)
    run = ValueRun.objects.create(
        retailer=owner, status="done", ran_at=START - timedelta(hours=1), data_cut=day, currency="EUR", held_out={}
    )
    writing.open_partition(run)
    writing.close_partition(run)
    customers = Customer.objects.filter(retailer=owner).order_by("pk")
    CustomerSegment.objects.bulk_create(
        CustomerSegment(
            id=(run.pk << writing.PLACES) + place, run=run, customer=each, segment=of(int(each.external_id[1:])),
            life_stage="established", recency_score=3, frequency_score=3, spend_score=3,
        )
        for place, each in enumerate(customers)
    )  # fmt: skip
    return SegmentRun.objects.create(
        run=run, retailer=owner, data_cut=day, basis="history", thresholds={}, customers=len(customers), never_bought=0
    )


def by_segment(owner: Retailer) -> Experiment:
    """Return an experiment in which loyal customers of low value are moved by an offer, two as much as five; others not."""
    test = trying(owner, count=MANY)
    bought_before(owner, MANY)
    segmented(owner, lambda place: "loyal_low_value" if place % 2 else "vip")
    buys_after(owner, test, lambda place, code: place % 2 == 1 and code != "none" and place % 10 < 6)
    redeem(test)
    return test
