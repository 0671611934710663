"""Whatever is done with offers, in whatever order: a budget is what its offers come to, and never more than it is."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from customers.core.errors import DomainError
from loyalty.activity.account.leaving import leave
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher
from loyalty.activity.rewards.undoing import refund_reward
from loyalty.campaigns.models import Offer, OfferGrant
from loyalty.campaigns.offering.managing import set_budget
from loyalty.campaigns.offering.releasing import release_due
from loyalty.campaigns.offering.taking import decline_offer, take_offer
from loyalty.rewards.models import RewardBudget, RewardBudgetEntry
from tests import make
from tests.campaigns.make_offers import ask, club, offer
from tests.make import NOON

pytestmark = pytest.mark.django_db
STEPS = 120
OPEN, USED = {"issued", "in_progress"}, {"used", "fulfilled"}


class Walk:
    """A retailer with two offers of one slot, and members who do what chance says, as time goes on."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - the same walk each time
        self.program = club()
        self.members = [make.member(self.program) for _ in range(6)]
        self.offers = [
            offer(self.program, budget="45", valid_days=2),
            offer(self.program, budget="30", slot="spring", valid_days=4),
            offer(self.program, budget="20", slot="spring", valid_days=1, priority=20),
        ]
        self.now = NOON

    def step(self) -> None:
        self.now += timedelta(hours=self.chance.randrange(9))
        verbs: list[Callable[[], object]] = [
            self.asks, self.asks, self.asks, self.takes, self.takes, self.uses, self.uses, self.declines, self.refunds,
            self.passes, self.sweeps, self.changes_budget, self.leaves,
        ]  # fmt: skip
        with suppress(DomainError):  # a refusal changes nothing: what holds is looked at all the same
            self.chance.choice(verbs)()

    def asks(self) -> None:
        some = self.chance.sample(self.members, 3)
        ask(self.chance.choice(self.offers), *some, at=self.now, because=f"fact:{self.chance.randrange(40)}")

    def takes(self) -> None:
        take_offer(self._any(), now=self.now)

    def uses(self) -> None:
        receipt = take_offer(self._any(), now=self.now)
        retailer = self.program.retailer
        voucher = check_voucher(retailer, receipt.code, now=self.now)
        held = hold_voucher(retailer, voucher, reference=f"t{self.chance.random()}", now=self.now)
        amount = self.chance.choice([None, Decimal(3), Decimal("7.25"), Decimal(10), Decimal(11)])
        confirm_voucher(retailer, held.token, amount=amount, now=self.now)

    def declines(self) -> None:
        decline_offer(self._any(), now=self.now)

    def refunds(self) -> None:
        redemption = self._any().redemption
        if redemption is not None:
            refund_reward(redemption, now=self.now)

    def passes(self) -> None:
        run_nights(self.program, until=self.now.date(), now=self.now)

    def sweeps(self) -> None:
        release_due(self.program.retailer, now=self.now)

    def changes_budget(self) -> None:
        set_budget(self.chance.choice(self.offers), Decimal(self.chance.randrange(10, 60)))

    def leaves(self) -> None:
        leave(self.members.pop(), now=self.now)
        self.members.append(make.member(self.program, since=self.now))

    def _any(self) -> OfferGrant:
        rows = list(OfferGrant.objects.order_by("-pk")[:8])
        if not rows:
            raise DomainError
        return self.chance.choice(rows)


def holds(spring: Offer, at: datetime) -> None:
    row = RewardBudget.objects.get(pk=spring.budget_id)
    entries = list(RewardBudgetEntry.objects.filter(budget=row))
    grants = list(OfferGrant.objects.filter(offer=spring).select_related("redemption"))
    taken = [each.redemption for each in grants if each.redemption is not None]
    reserved = [each.reserved for each in grants if each.state == "granted"]
    reserved += [each.reserved for each in taken if each.status in OPEN and each.reserved is not None]

    assert sum((each.reserved for each in entries), Decimal(0)) == row.reserved == sum(reserved, Decimal(0)), at
    spent = [each.spent for each in taken if each.status in USED and each.spent is not None]
    assert sum((each.spent for each in entries), Decimal(0)) == row.spent == sum(spent, Decimal(0)), at
    assert row.reserved + row.spent <= row.limit


@pytest.mark.parametrize("seed", range(4))
def test_budgets_are_what_their_offers_come_to_after_every_step(seed: int) -> None:
    walk = Walk(seed)

    for _ in range(STEPS):
        walk.step()
        for each in walk.offers:
            holds(each, walk.now)

    assert OfferGrant.objects.filter(redemption__status="used").exists()
