"""What a look says of the depths of an offer, or of the prices of a reward: for whom which, or why not. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

from analytics.uplift.depth_budget import Offer, Plan, fill
from analytics.uplift.depth_choosing import Cell, Choice, Decision
from analytics.uplift.depth_prices import PricePoint
from analytics.uplift.results import Range, Reason

Kind = Literal["amount", "percent", "price"]
ALL, OTHERS, NEVER_BOUGHT = "all", "others", "never_bought"  # beside the types of customers
CODE_LENGTH = 20  # of the experiment's code in those of its offers: with the segment and the report they are 50 at most


def offer_code(tried: str, segment: str, report: int) -> str:
    """
    Return the code of the offer that a report's choice for a segment becomes.

    :param tried: the code of the experiment
    :param report: the id of the look
    """
    return f"{tried[:CODE_LENGTH]}-{segment}-{report}"


@dataclass(frozen=True)
class Given:
    """
    What giving a depth to a segment took.

    :param cost: per customer of the arm: what the rewards cost that were redeemed
    :param redeemed: the share of its customers who redeemed what is tried
    """

    cost: float
    redeemed: float


@dataclass(frozen=True)
class DepthResult:
    """
    Which depth pays, for whom.

    :param kind: whether depths are an amount or a percentage off, or points below a reward's price
    :param reward: what it is called
    :param list_price: of the catalogue, in points; None where it is no price that is tried
    :param variants: the codes of those who have each depth, in the order of the depths
    :param customers: of each segment, in all arms
    :param given: for each segment and each depth above 0
    :param segments_from: the day until which they were known, ISO; empty where all are one segment
    :param curve: of prices, over all segments
    """

    kind: Kind
    reward: str
    list_price: int | None
    depths: Sequence[float]
    variants: Sequence[str]
    decision: Decision
    customers: Sequence[int]
    given: Sequence[Sequence[Given]]
    segments_from: str
    curve: Sequence[PricePoint]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept: what would take for ever is null."""
        return dict(_finite(asdict(self)))

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "DepthResult":
        decision = kept["decision"]
        read: dict[str, Any] = {
            **kept,
            "decision": Decision(list(map(_choice, decision["choices"])), [Reason(**each) for each in decision["refusals"]]),
            "given": [[Given(**each) for each in row] for row in kept["given"]],
            "curve": [PricePoint(**each | {"margin": Range(**each["margin"])}) for each in kept["curve"]],
        }  # fmt: skip
        return cls(**read)

    def spend(self, budget: float) -> Plan:
        """Return how a budget is spent on the depths that were chosen, on as many customers as were tried."""
        offers = [
            Offer(choice.segment, choice.depth, customers, given.cost, cell.expected, cell.expected_error)
            for choice, customers, row in zip(self.decision.choices, self.customers, self.given, strict=True)
            for cell, given in zip(choice.cells, row, strict=True)
            if choice.depth and cell.depth == choice.depth
        ]
        return fill(offers, budget)


def _choice(kept: Mapping[str, Any]) -> Choice:
    cells = [Cell(**each | {"effect": Range(**each["effect"])}) for each in kept["cells"]]
    return Choice(kept["segment"], kept["depth"], Reason(**kept["reason"]), cells, kept["falls_at"])


def _finite(kept: Any) -> Any:
    """Return numbers as JSON has them."""
    if isinstance(kept, dict):
        return {name: _finite(value) for name, value in kept.items()}
    if isinstance(kept, list | tuple):
        return [_finite(value) for value in kept]
    return None if isinstance(kept, float) and not isfinite(kept) else kept
