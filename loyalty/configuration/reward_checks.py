"""What nobody can want of a version's rewards: told in words, before it is published."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_UP
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.images import is_missing
from customers.core.money import decimals_of, to_unit, unit_of
from loyalty.configuration.findings import Finding
from loyalty.engine.profile import SEGMENTS
from loyalty.plans.models import PaidPlan
from loyalty.points.models import PointsPolicy
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward, RewardPrice

AMOUNTS = ("value", "match_budget", "cost", "minimum_amount")
UNKNOWN = {
    "wallet": gettext_lazy(
        "“%(what)s” names the wallet “%(named)s”, which the version does not have. Add its points policy."
    ),
    "tier": gettext_lazy(
        "“%(what)s” names the tier “%(named)s”, which the version does not have. Nobody could have it."
    ),
    "plan": gettext_lazy(
        "“%(what)s” names the plan “%(named)s”, which no version of the program has. Nobody could have it."
    ),
    "segment": gettext_lazy("“%(what)s” names the segment “%(named)s”. There are: %(known)s."),
    "reward": gettext_lazy("“%(what)s” is a price of “%(named)s”, which is no reward of the version."),
}


def check_rewards(version: ProgramVersion, tiers: set[str]) -> Iterable[Finding]:
    """Return what is wrong with a version's rewards and their prices."""
    rewards = list(Reward.objects.filter(version=version).order_by("place"))
    prices = list(RewardPrice.objects.filter(version=version).order_by("code"))
    if not rewards and not prices:
        return
    wallets = {policy.code: policy for policy in PointsPolicy.objects.filter(version=version)}
    known = {
        "wallet": set(wallets),
        "tier": tiers,
        "plan": _plans(version),
        "segment": set(SEGMENTS),
        "reward": {each.code for each in rewards},
    }
    yield from _unknown(_named(rewards, prices), known)
    for reward in rewards:
        place = f"rewards/{reward.code}"
        policy = wallets.get(reward.wallet)
        if policy is not None and not policy.is_spendable:
            words = _("“%(what)s” is paid from the wallet “%(wallet)s”, whose points cannot be spent.")
            yield Finding.error("not_spendable", place, words % {"what": reward, "wallet": reward.wallet})
        yield from _amounts(reward, place, version.program.retailer.currency)
        yield from check_image(reward, place, version.program.retailer_id)
        if reward.first_day and reward.last_day and reward.first_day > reward.last_day:
            words = _("“%(what)s” ends before it begins. Swap its days.")
            yield Finding.error("ends_before_it_begins", place, words % {"what": reward})
        if not (reward.points or reward.granted_only) and reward.member_limit is None:
            words = _("“%(what)s” costs nothing and has no limit per member: everybody can have it without end.")
            yield Finding.warning("free_without_limit", place, words % {"what": reward})


def _amounts(reward: Reward, place: str, currency: str) -> Iterable[Finding]:
    """Return which amounts cannot be of a currency, and whether the fewest points of a reward are worth nothing."""
    for name in AMOUNTS:
        amount = getattr(reward, name)
        if amount is not None and amount != to_unit(amount, currency):
            words = _("“%(amount)s” of “%(what)s” has more decimals than amounts of %(currency)s have (%(decimals)s).")
            facts = {"amount": f"{amount:f}", "what": reward, "currency": currency, "decimals": decimals_of(currency)}
            yield Finding.error("too_many_decimals", f"{place}/{name}", words % facts)
    least = int((unit_of(currency) * (reward.points_per_unit or 0)).to_integral_value(ROUND_UP))
    if reward.kind in {Reward.Kind.DONATION, Reward.Kind.PAY_WITH_POINTS} and reward.points < least:
        words = _(
            "%(points)s points of “%(what)s” are worth less than the smallest amount of %(currency)s. Ask for %(least)s."
        )
        facts = {"points": reward.points, "what": reward, "currency": currency, "least": least}
        yield Finding.error("worth_nothing", place, words % facts)


def _plans(version: ProgramVersion) -> set[str]:
    """Return the codes of the plans that members may have: a plan that a version does not offer any more is kept."""
    published = Q(version__program=version.program_id, version__status=ProgramVersion.Status.PUBLISHED)
    return set(PaidPlan.objects.filter(Q(version=version) | published).values_list("code", flat=True))


Named = tuple[str, str, str, object]


def _named(rewards: Sequence[Reward], prices: Sequence[RewardPrice]) -> Iterable[Named]:
    """Return what rewards and prices name: kind, name, place, and who names it."""
    for reward in rewards:
        place = f"rewards/{reward.code}"
        yield "wallet", reward.wallet, place, reward
        yield from (("tier", code, place, reward) for code in reward.tiers)
        yield from (("plan", code, place, reward) for code in reward.plans)
        yield from (("segment", code, place, reward) for code in reward.segments)
    for price in prices:
        place = f"reward_prices/{price.code}"
        yield "wallet", price.wallet, place, price
        yield "reward", price.reward, place, price
        yield from (("tier", price.tier, place, price),) if price.tier else ()
        yield from (("plan", price.plan, place, price),) if price.plan else ()
        yield from (("segment", price.segment, place, price),) if price.segment else ()


def _unknown(named: Iterable[Named], known: dict[str, set[str]]) -> Iterable[Finding]:
    for kind, name, place, what in named:
        if name not in known[kind]:
            facts = {"what": what, "named": name, "known": ", ".join(sorted(known[kind]))}
            yield Finding.error(f"unknown_{kind}", place, str(UNKNOWN[kind]) % facts)


def check_image(row: Any, place: str, retailer_id: int) -> Iterable[Finding]:
    """Find an image that a part of a version shows and that its retailer has not stored."""
    if is_missing(row.image, retailer_id):
        words = _("The image of “%(what)s” is not stored here (%(name)s). Upload it, or enter an address.")
        yield Finding.error("no_such_image", place, words % {"what": row, "name": row.image})
