"""
What is tried where an experiment's variants are depths of an offer or prices of a reward.

Depths are amounts off, or percentages off, of rewards that name variants; or how much less a price that names a variant is
than the catalogue's. Only versions count that were published and in force while it ran. Where something else differs as well,
or the control has a depth, it is no experiment of depths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from analytics.experiments.depth_results import Kind
from analytics.experiments.reading import limit_of
from analytics.uplift.depth_prices import UnfairPrice, depths_of
from analytics.uplift.results import Reason
from loyalty.experiments.models import Experiment, Variant
from loyalty.experiments.parts import kinds_that_vary
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward, RewardPrice

OFF: Mapping[str, Kind] = {Reward.Kind.AMOUNT_OFF: "amount", Reward.Kind.PERCENT_OFF: "percent"}


@dataclass(frozen=True)
class Offered:
    """
    What is tried.

    :param depths: of each variant's code; who is not named has 0
    :param keys: of the rewards, whatever the version
    :param wallet: whose points pay it; empty where it takes none
    :param has_cost: what a redeemed one costs is known
    :param changed: while it ran
    :param unfair: why these prices cannot be tried
    """

    kind: Kind
    reward: str
    list_price: int | None
    depths: Mapping[str, float]
    keys: Sequence[UUID]
    wallet: str
    has_cost: bool
    changed: bool = False
    unfair: Reason | None = None


def offered_by(experiment: Experiment, variants: Sequence[Variant], known_at: datetime) -> Offered | None:
    """Return what an experiment tries; None where it is no depths."""
    if experiment.layer != Experiment.Layer.VARIANT or experiment.program_id is None:
        return None
    versions = _in_force(experiment, known_at)
    named = {"version__in": versions, "arms__experiment": experiment.code}
    rewards = list(Reward.objects.filter(**named).order_by("version", "pk"))
    prices = list(RewardPrice.objects.filter(**named).order_by("version", "pk"))
    if bool(rewards) == bool(prices) or _differs_otherwise(named):
        return None
    tried = [_of_version(each, rewards, prices) for each in versions]
    first = next((each for each in tried if each is not None), None)
    control = next(each.code for each in variants if each.is_control)
    if first is None or control in first.depths or set(first.depths) - {each.code for each in variants}:
        return None
    changed = any(each is None or (each.depths, each.list_price) != (first.depths, first.list_price) for each in tried)
    return Offered(**{**vars(first), "changed": changed})


def _in_force(experiment: Experiment, known_at: datetime) -> list[ProgramVersion]:
    """Return the versions that were in force while an experiment ran, as far as was known at an instant."""
    until = limit_of(experiment, known_at)
    published = ProgramVersion.objects.filter(
        program=experiment.program_id, status=ProgramVersion.Status.PUBLISHED, published_at__lte=known_at,
        effective_from__lt=until,
    )  # fmt: skip
    found = list(published.order_by("effective_from"))
    starts: Any = experiment.starts_at
    before = [place for place, each in enumerate(found) if each.effective_from and each.effective_from <= starts]
    return found[before[-1] if before else 0 :]


def _differs_otherwise(named: Mapping[str, Any]) -> bool:
    others = [model for model in kinds_that_vary() if model not in {Reward, RewardPrice}]
    return any(model._default_manager.filter(**named).exists() for model in others)


def _of_version(version: ProgramVersion, rewards: list[Reward], prices: list[RewardPrice]) -> Offered | None:
    own = [each for each in rewards if each.version_id == version.pk]
    if own:
        return _of_rewards(own)
    cheaper = [each for each in prices if each.version_id == version.pk]
    return _of_prices(cheaper) if cheaper else None


def _of_rewards(rewards: list[Reward]) -> Offered | None:
    """Return the depths of rewards that are the same but for what they take off."""
    first = rewards[0]
    alike = {(each.kind, each.points, each.wallet) for each in rewards}
    named = [(code, each) for each in rewards for code in each.arms["variants"]]
    depths = {
        code: float((each.value if each.kind == Reward.Kind.AMOUNT_OFF else each.percent) or 0) for code, each in named
    }
    if len(alike) > 1 or first.kind not in OFF or len(depths) < len(named):
        return None
    limited = any(each.stock is not None for each in rewards)
    return Offered(
        OFF[first.kind], ", ".join(dict.fromkeys(map(str, rewards))), None, depths, sorted({each.key for each in rewards}),
        first.wallet if first.points else "",
        has_cost=all(_has_cost(each) for each in rewards), unfair=Reason("limited_stock") if limited else None,
    )  # fmt: skip


def _of_prices(prices: list[RewardPrice]) -> Offered | None:
    """Return how much less than the catalogue's the prices of one reward are."""
    first = prices[0]
    reward = Reward.objects.filter(version=first.version_id, code=first.reward).first()
    same = {(each.reward, each.wallet) for each in prices} == {(first.reward, reward.wallet if reward else "")}
    named = {code: each.points for each in prices for code in each.arms["variants"]}
    if reward is None or not same or len(named) < sum(len(each.arms["variants"]) for each in prices):
        return None
    unfair = None
    try:
        depths_of(reward.points, list(named.values()), limited_stock=reward.stock is not None)
    except UnfairPrice as refused:
        unfair = Reason(refused.code, {} if refused.price is None else {"price": refused.price})
    depths = {code: float(reward.points - points) for code, points in named.items() if points != reward.points}
    return Offered(
        "price",
        str(reward),
        reward.points,
        depths,
        [reward.key],
        reward.wallet,
        has_cost=_has_cost(reward),
        unfair=unfair,
    )


def _has_cost(reward: Reward) -> bool:
    return reward.cost is not None or reward.kind == Reward.Kind.AMOUNT_OFF
