"""What a look at an experiment says, as numbers and codes; an edge words it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analytics.experiments.depth_results import DepthResult
from analytics.experiments.promise_results import PromiseResult
from analytics.uplift.results import Range, Reason
from analytics.uplift.sample_ratio import SampleRatio

Floats = NDArray[np.float64]
Places = NDArray[np.int32]
Says = Literal["effect", "no_detectable_effect", "not_decided"]


@dataclass(frozen=True)
class Part:
    """
    A variant as it was planned.

    :param share_bp: of 10,000
    """

    code: str
    name: str
    share_bp: int
    is_control: bool


@dataclass(frozen=True)
class Trial:
    """
    What was planned, and what is known of it but the units.

    :param is_final: it came to its planned end: its interval is read once; else only through the confidence sequence
    :param is_over: it has ended, planned so or not: no window is closed any more
    :param tells_take_up: that there is something to take part in, which the control is not offered
    :param plan_is_kept: it is still what was hashed before the start
    :param misplaced: customers whose stored variant is not that of their bucket
    :param waiting: customers whose window is not closed yet
    """

    parts: Sequence[Part]
    is_final: bool
    tells_take_up: bool
    is_over: bool = False
    plan_is_kept: bool = True
    misplaced: int = 0
    waiting: int = 0
    level: float = 0.95


@dataclass(frozen=True)
class Units:
    """
    Those whose window is closed, as columns of equal length: a customer each, or a household.

    :param part: its place among the trial's parts
    :param customers: of the unit
    :param outcome: what they brought in the window after the planned exposure, in units of the currency
    :param before: in the window before it
    :param took_up: 1 where one of them took part
    :param crossed: 1 where what another arm got reached one of them
    """

    part: Places
    customers: Floats
    outcome: Floats
    before: Floats
    took_up: Floats
    crossed: Floats

    def __len__(self) -> int:
        return len(self.part)


@dataclass(frozen=True)
class ArmResult:
    """
    An arm as it was read; means are per customer.

    :param take_up: the share of units that took part
    :param crossed: the share of units that what another arm got reached
    """

    code: str
    is_control: bool
    share_bp: int
    units: int
    customers: int
    mean: float
    low: float
    high: float
    before: float
    take_up: float
    crossed: float


@dataclass(frozen=True)
class Effect:
    """
    What a variant did to its customers, compared with the control; money is per assigned customer.

    :param shown: what may be told: at the end the adjusted interval at the level that Holm leaves; at a look the sequence's
    :param percent: the same as a share of what the control brought
    :param plain: without adjusting for what was before, at the plan's level; at a look the sequence's
    :param adjusted: with it, at the plan's level; at a look the sequence's
    :param p_value: of the adjusted difference; None at a look before the end, where it would mislead
    :param holm: the same after counting how many variants were compared
    :param compliers: the effect on those who took part because of it
    :param take_up: the difference in take-up
    :param detectable: what so many units detect four times in five
    :param total: `shown` for all customers of the variant
    """

    code: str
    says: Says
    shown: Range
    percent: Range | None
    plain: Range
    adjusted: Range
    level: float
    p_value: float | None
    holm: float | None
    take_up: Range | None
    compliers: Range | None
    detectable: float
    detectable_percent: float | None
    total: Range


@dataclass(frozen=True)
class ArmCost:
    """
    What an arm's customers cost in their windows, in units of the currency.

    :param rewards: that were redeemed and kept
    :param points: by how much more are owed, as far as they are expected to be redeemed
    :param paid: orders that points paid besides those rewards
    :param in_margin: what the margin is less already by what points and rewards paid
    """

    code: str
    customers: int
    rewards: float
    points: float
    paid: float
    in_margin: float

    @property
    def each(self) -> float:
        """Return what a customer cost."""
        return (self.rewards + self.points + self.paid - self.in_margin) / self.customers if self.customers else 0.0


@dataclass(frozen=True)
class ArmWon:
    """
    An arm's customers (or households) who had not bought yet when it reached them.

    :param came: of them, with a first order in their window that they kept something of
    :param rewards: what those cost that they redeemed and kept
    :param points: what more they are owed in points
    :param paid: what points paid besides those rewards
    :param unknown: redemptions without a cost and movements of points without a worth
    """

    code: str
    customers: int
    came: int
    rewards: float
    points: float
    paid: float
    unknown: int

    @property
    def cost(self) -> float | None:
        """Return what all of them cost; None where some of it is not known."""
        return None if self.unknown else self.rewards + self.points + self.paid


@dataclass(frozen=True)
class Result:
    """
    What a look says: a grade and effects, or why it may say nothing.

    :param grade: A, as chance alone decided who is compared with whom; None where it is blocked
    :param costs: what each arm's customers cost, at the end of one that tells margin
    :param won: each arm's customers who had not bought yet, at the end; none where all had
    :param depths: which depth pays for whom, where the variants are depths of an offer or prices of a reward
    :param promise: what is kept of a report of depths, where it holds back offers that were drawn up from one
    """

    grade: Literal["A"] | None
    blocked: Reason | None
    is_final: bool
    ratio: SampleRatio
    arms: Sequence[ArmResult]
    effects: Sequence[Effect]
    waiting: int
    depths: DepthResult | None = None
    costs: Sequence[ArmCost] = field(default_factory=list)
    won: Sequence[ArmWon] = field(default_factory=list)
    promise: PromiseResult | None = None

    def as_json(self) -> dict[str, Any]:
        told = asdict(replace(self, depths=None, costs=(), won=(), promise=None))
        del told["depths"], told["costs"], told["won"], told["promise"]
        costs = {"costs": [asdict(each) for each in self.costs]} if self.costs else {}
        won = {"won": [asdict(each) for each in self.won]} if self.won else {}
        promise = {"promise": self.promise.as_json()} if self.promise else {}
        return told | ({"depths": self.depths.as_json()} if self.depths else {}) | costs | won | promise

    def cost_of(self, code: str) -> float | None:
        """Return what a variant's customers cost more than as many of the control; None where it was not counted."""
        arms = {each.code: each for each in self.costs}
        control = next((arms.get(each.code) for each in self.arms if each.is_control), None)
        mine = arms.get(code)
        return None if mine is None or control is None else (mine.each - control.each) * mine.customers

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Result":
        blocked = kept["blocked"]
        return cls(
            grade=kept["grade"], blocked=Reason(**blocked) if blocked else None, is_final=kept["is_final"],
            ratio=SampleRatio(**kept["ratio"]), arms=[ArmResult(**each) for each in kept["arms"]],
            effects=[_effect(each) for each in kept["effects"]], waiting=kept["waiting"],
            depths=DepthResult.from_json(kept["depths"]) if kept.get("depths") else None,
            costs=[ArmCost(**each) for each in kept.get("costs", ())],
            won=[ArmWon(**each) for each in kept.get("won", ())],
            promise=PromiseResult.from_json(kept["promise"]) if kept.get("promise") else None,
        )  # fmt: skip


RANGES = ("shown", "percent", "plain", "adjusted", "take_up", "compliers", "total")


def _effect(kept: Mapping[str, Any]) -> Effect:
    ranges = {name: Range(**kept[name]) if kept[name] else None for name in RANGES}
    named: Any = {**kept, **ranges}
    return Effect(**named)
