"""An offer's own life: drawn up with its budget, given from its start on, ended or withdrawn."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.money import decimals_of, to_unit
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.releasing import withdraw_open
from loyalty.campaigns.rules.discounts import DISCOUNTS
from loyalty.configuration.findings import Finding
from loyalty.experiments.assigning import runs_at
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward, RewardBudget
from loyalty.rewards.rules import OF_ANY_POINTS
from loyalty.rewards.writing import lock_budgets
from loyalty.tiers.models import Tier


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
        raise OfferHasFlaws(flaws=" ".join(each.message for each in flaws))
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


def flaws_of(offer: Offer, *, now: datetime) -> Iterator[Finding]:
    """Yield what stands in the way of an offer, with its place in its document."""
    currency, decimals = offer.retailer.currency, decimals_of(offer.retailer.currency)
    for place, amount in (("budget", offer.budget.limit), ("at_most", offer.at_most)):
        if amount and amount != to_unit(amount, currency):
            words = _("“%(amount)s” has more decimals than amounts of %(currency)s have (%(decimals)s).")
            facts = {"amount": f"{amount:f}", "currency": currency, "decimals": decimals}
            yield Finding.error("too_many_decimals", place, words % facts)
    if offer.budget.limit <= 0:
        yield Finding.error("no_budget", "budget", str(_("Its budget is nothing.")))
    yield from unknown_tiers(offer.program, offer.tiers)
    yield from _flaws_of_hold_out(offer, now)
    rewards = {row.code: row for row in rewards_of(offer, now=now)}
    for position, code in enumerate(offer.rewards):
        yield from _flaws_of_reward(offer, rewards.get(code) or code, f"rewards/{position}", now)
    yield from _flaws_of_instead(offer, now)


def _flaws_of_reward(offer: Offer, reward: Reward | str, place: str, now: datetime) -> Iterator[Finding]:
    if isinstance(reward, str):
        words = _("The program in force has no reward “%(code)s”. Publish a version that has it.")
        yield Finding.error("unknown_reward", place, words % {"code": reward})
    elif (code := reward.arms.get("experiment")) and _is_over(offer, code, now):
        words = _(
            "“%(reward)s” is only for variants of “%(experiment)s”, which is over. Publish a version that gives it to all."
        )
        yield Finding.error("only_for_variants", place, words % {"reward": reward, "experiment": code})
    elif reward.kind in OF_ANY_POINTS:
        words = _("“%(reward)s” takes points, and is no offer.")
        yield Finding.error("takes_points", place, words % {"reward": reward})
    elif reward.cost is None and reward.kind != Reward.Kind.AMOUNT_OFF and offer.at_most is None:
        words = _("Nobody knows what “%(reward)s” costs at most. Say it with the offer, or give the reward a cost.")
        yield Finding.error("unknown_cost", place, words % {"reward": reward})


def _flaws_of_instead(offer: Offer, now: datetime) -> Iterator[Finding]:
    other = offer.instead
    if other is None:
        return
    if any(row.kind in DISCOUNTS for row in rewards_of(other, now=now)):
        words = _("Who is excluded from it would get “%(offer)s”, which is a discount.")
        yield Finding.error("instead_is_discount", "instead", words % {"offer": other})
    if other.excluded:
        words = _("Who is excluded from it would get “%(offer)s”, which excludes others.")
        yield Finding.error("instead_excludes", "instead", words % {"offer": other})


def _flaws_of_hold_out(offer: Offer, now: datetime) -> Iterator[Finding]:
    held = offer.hold_out
    if held is None:
        return
    if not offer.holds_out_by(held):
        yield Finding.error(
            "other_experiment", "hold_out", str(_("Name an experiment of variants of the same program."))
        )
    elif not runs_at(held, now):
        words = _("Its hold-out “%(experiment)s” does not run: plan and start it first, or take it away.")
        yield Finding.error("hold_out_not_running", "hold_out", words % {"experiment": held.code})


def _is_over(offer: Offer, experiment: str, now: datetime) -> bool:
    """Tell whether nobody is in a variant of an experiment any more; one that starts later has its variants then."""
    found = Experiment.objects.filter(retailer=offer.retailer_id, code=experiment).first()
    ends = () if found is None else (found.ends_at, found.ended_at)
    return found is None or any(end is not None and end <= now for end in ends)


def unknown_tiers(program: Program, codes: Sequence[str]) -> Iterator[Finding]:
    """Yield the tiers that a program neither has nor had: nobody stands in them."""
    rows = Tier.objects.filter(version__program=program, version__status="published") if codes else Tier.objects.none()
    known = sorted(set(rows.values_list("code", flat=True)))
    for position, code in enumerate(codes):
        if code not in known:
            words = _("There is no tier “%(code)s”. There are: %(known)s.")
            facts = {"code": code, "known": ", ".join(known) or "-"}
            yield Finding.error("unknown_tier", f"tiers/{position}", words % facts)


def rewards_of(offer: Offer, *, now: datetime) -> list[Reward]:
    """Return the rewards of an offer that the version in force has, whoever gets them."""
    version = (
        offer.program.versions.filter(status="published", effective_from__lte=now).order_by("-effective_from").first()
    )
    return list(Reward.objects.filter(version=version, code__in=offer.rewards)) if version else []


def locked(offer: Offer) -> Offer:
    """Return an offer as it is now, locked until the transaction ends."""
    rows = Offer.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("budget", "retailer", "program", "instead__program", "hold_out").get(pk=offer.pk)


def _locked(offer: Offer, *states: str) -> Offer:
    found = locked(offer)
    if found.state not in states:
        raise WrongOfferState(state=found.get_state_display())
    return found


def _become(offer: Offer, state: Offer.State) -> Offer:
    offer.state = state
    offer.save(update_fields=["state"])
    return offer
