"""Builders of offers, of who may get them, and of what becomes of them: each sets only what a test is about."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from customers.models import Retailer
from loyalty.activity.rewards.redeemed import RewardReceipt
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher
from loyalty.campaigns.models import Offer, OfferGrant
from loyalty.campaigns.offering.granting import Ask, Granting, grant_offer
from loyalty.campaigns.offering.managing import draw_up, start
from loyalty.campaigns.offering.taking import take_offer
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.rewards.models import RewardBudget
from tests import make
from tests.make import NOON
from tests.rewards import shop

DAY = timedelta(days=1)
TEN_OFF = {"code": "ten-off", "kind": "amount_off", "value": Decimal(10), "codes": "generated"}


def club(*rewards: dict[str, Any], owner: Retailer | None = None, tiers: Any = ()) -> Program:
    """Return a program with rewards that only offers give: ten off, unless it is said otherwise."""
    draft = make.version(owner, tiers=tiers)
    for given in rewards or (TEN_OFF,):
        shop.reward(draft, points=0, granted_only=True, **given)
    return make.published(draft)


def offer(program: Program, *, budget: str = "100", at: datetime = NOON, is_live: bool = True, **given: Any) -> Offer:
    """Return an offer of ten off that is given, with a budget of 100."""
    said = {"code": make.number("offer"), "name": "Ten off", "rewards": ["ten-off"]} | given
    row = draw_up(Offer(retailer=program.retailer, program=program, **said), limit=Decimal(budget), now=at)
    return start(row, now=at) if is_live else row


def ask(offer: Offer, *members: Membership, at: datetime = NOON, because: str = "spring") -> list[Granting]:
    """Ask for an offer for members; return what came of it, in their order."""
    asks = [Ask(who.customer_id, because) for who in members]
    found = grant_offer(Offer.objects.get(pk=offer.pk), asks, now=at)
    return [found[each] for each in asks]


def granted(offer: Offer, who: Membership, *, at: datetime = NOON, because: str = "spring") -> OfferGrant:
    """Return an offer that a member was given."""
    (found,) = ask(offer, who, at=at, because=because)
    assert found.grant_id is not None, found.refusal
    return OfferGrant.objects.get(pk=found.grant_id)


def reasons(found: Iterable[Granting]) -> list[str]:
    """Return why each was refused; empty for who was not."""
    return [each.refusal.reason if each.refusal else "" for each in found]


def use(grant: OfferGrant, *, at: datetime = NOON, amount: str | None = None, order: str = "") -> RewardReceipt:
    """Take an offer and use it at a till."""
    receipt = take_offer(grant, now=at)
    voucher = check_voucher(grant.retailer, receipt.code, now=at)
    held = hold_voucher(grant.retailer, voucher, reference="till-1", now=at)
    told = None if amount is None else Decimal(amount)
    confirm_voucher(grant.retailer, held.token, order=order, amount=told, now=at)
    return receipt


def budget(offer: Offer) -> tuple[object, object]:
    """Return what of an offer's budget is reserved, and what is spent."""
    row = RewardBudget.objects.get(pk=offer.budget_id)
    return row.reserved, row.spent
