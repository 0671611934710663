"""An offer's own life: drawn up with its budget, given from its start on, ended or withdrawn."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.money import decimals_of, to_unit
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.releasing import withdraw_open
from loyalty.rewards.models import Reward, RewardBudget
from loyalty.rewards.rules import OF_ANY_POINTS
from loyalty.rewards.writing import lock_budgets

DISCOUNTS = frozenset({Reward.Kind.AMOUNT_OFF, Reward.Kind.PERCENT_OFF})


class OfferHasFlaws(DomainError):
    code = "offer_has_flaws"
    kind = Kind.INVALID
    message = _("This offer cannot start yet: {flaws}")


class WrongOfferState(DomainError):
    code = "wrong_offer_state"
    kind = Kind.CONFLICT
    message = _("This offer is {state}, so this cannot be done with it.")


class BudgetTooSmall(DomainError):
    code = "budget_too_small"
    kind = Kind.CONFLICT
    message = _("{taken} {currency} of this budget are reserved or spent. It cannot be less than that.")


@transaction.atomic
def draw_up(offer: Offer, *, limit: Decimal, now: datetime) -> Offer:
    """Write a new offer down, with a budget of its own. :param limit: what it may cost in all"""
    offer.budget = RewardBudget.objects.create(retailer=offer.retailer, program=offer.program, limit=limit)
    offer.created_at = now
    offer.save(force_insert=True)
    return offer


@transaction.atomic
def set_budget(offer: Offer, limit: Decimal) -> None:
    """
    Let an offer cost more in all, or less.

    :raises BudgetTooSmall: when more is reserved and spent
    """
    state = lock_budgets([offer.budget_id])[offer.budget_id]
    taken = state.reserved + state.spent
    if limit < taken:
        currency = offer.retailer.currency
        raise BudgetTooSmall(taken=f"{to_unit(taken, currency):f}", currency=currency)
    RewardBudget.objects.filter(pk=offer.budget_id).update(limit=limit)


@transaction.atomic
def start(offer: Offer, *, now: datetime) -> Offer:
    """
    Let an offer be given from now on.

    :raises OfferHasFlaws: naming them
    """
    offer = _locked(offer, Offer.State.DRAFT)
    if flaws := list(flaws_of(offer, now=now)):
        raise OfferHasFlaws(flaws=" ".join(flaws))
    return _become(offer, Offer.State.LIVE)


@transaction.atomic
def end_offer(offer: Offer) -> Offer:
    """Give an offer to nobody any more; who has it keeps it until it ends."""
    return _become(_locked(offer, Offer.State.LIVE), Offer.State.ENDED)


@transaction.atomic
def withdraw_offer(offer: Offer, *, now: datetime) -> int:
    """Take an offer back from all who have not taken it, and give it to nobody any more; return from how many."""
    _become(_locked(offer, Offer.State.LIVE, Offer.State.ENDED), Offer.State.WITHDRAWN)
    return withdraw_open(offer.pk, offer.budget_id, now=now)


def flaws_of(offer: Offer, *, now: datetime) -> Iterator[str]:
    """Yield what stands in the way of an offer, in words."""
    currency, decimals = offer.retailer.currency, decimals_of(offer.retailer.currency)
    for amount in filter(None, (offer.budget.limit, offer.at_most)):
        if amount != to_unit(amount, currency):
            words = _("“%(amount)s” has more decimals than amounts of %(currency)s have (%(decimals)s).")
            yield str(words) % {"amount": f"{amount:f}", "currency": currency, "decimals": decimals}
    if offer.budget.limit <= 0:
        yield str(_("Its budget is nothing."))
    rewards = {row.code: row for row in rewards_of(offer, now=now)}
    for code in offer.rewards:
        if code not in rewards:
            words = _("The program in force has no reward “%(code)s”. Publish a version that has it.")
            yield str(words) % {"code": code}
        elif flaw := _flaw_of_reward(offer, rewards[code]):
            yield flaw
    if offer.instead is not None and any(row.kind in DISCOUNTS for row in rewards_of(offer.instead, now=now)):
        yield str(_("Who is excluded from it would get “%(offer)s”, which is a discount.")) % {"offer": offer.instead}
    if offer.instead is not None and offer.instead.excluded:
        yield str(_("Who is excluded from it would get “%(offer)s”, which excludes others.")) % {"offer": offer.instead}


def _flaw_of_reward(offer: Offer, reward: Reward) -> str:
    if reward.kind in OF_ANY_POINTS:
        return str(_("“%(reward)s” takes points, and is no offer.")) % {"reward": reward}
    knows_cost = reward.cost is not None or reward.kind == Reward.Kind.AMOUNT_OFF
    if not knows_cost and offer.at_most is None:
        words = _("Nobody knows what “%(reward)s” costs at most. Say it with the offer, or give the reward a cost.")
        return str(words) % {"reward": reward}
    return ""


def rewards_of(offer: Offer, *, now: datetime) -> list[Reward]:
    """Return the rewards of an offer that the version in force has, whoever gets them."""
    version = (
        offer.program.versions.filter(status="published", effective_from__lte=now).order_by("-effective_from").first()
    )
    return list(Reward.objects.filter(version=version, code__in=offer.rewards)) if version else []


def _locked(offer: Offer, *states: str) -> Offer:
    rows = Offer.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.select_related("budget", "retailer", "program", "instead__program").get(pk=offer.pk)
    if locked.state not in states:
        raise WrongOfferState(state=locked.get_state_display())
    return locked


def _become(offer: Offer, state: Offer.State) -> Offer:
    offer.state = state
    offer.save(update_fields=["state"])
    return offer
