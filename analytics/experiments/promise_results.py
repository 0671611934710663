"""What a look at a hold-out of offers says of the report they were drawn up from: what was promised, what is kept. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analytics.uplift.depth_audit import Verdict
from analytics.uplift.results import Range, Reason


@dataclass(frozen=True)
class Kept:
    """
    A promise beside what is kept of it; money for each customer who was given an offer.

    :param share: of the promise that is kept; None where nothing was promised
    :param total: what is kept, for all who were given one
    """

    promised: Range
    realised: Range
    verdict: Verdict
    share: float | None
    total: Range


@dataclass(frozen=True)
class OfferKept:
    """
    One offer in the first window of its customers.

    :param segment: as the report names it
    :param depth: of the offer
    :param customers: for whom it is meant, without those who are kept without it
    :param control: those
    :param given: of the customers, who were given it
    :param promised: for each who is given it
    :param kept: None where it cannot be told, with the reason
    """

    code: str
    segment: str
    depth: float
    customers: int
    control: int
    given: int
    promised: Range
    kept: Kept | None
    reason: Reason | None = None


@dataclass(frozen=True)
class WindowKept:
    """
    All offers together in one window after another.

    :param number: 1 for the first after the exposure
    :param given: who were given one in it
    :param kept: None where too few were
    """

    number: int
    given: int
    kept: Kept | None


@dataclass(frozen=True)
class Promoted:
    """
    A variant's orders since its exposure, of the last six months at most.

    :param promoted: of them, with a code, with a discount, or with a reward that takes something off
    """

    code: str
    is_control: bool
    orders: int
    promoted: int


@dataclass(frozen=True)
class PromiseResult:
    """
    What a report promised and what a hold-out tells of it.

    :param report: the id of that look
    :param tried: the code of its experiment
    :param since: the instant of the first offer that was given, ISO: windows begin then, or when a customer becomes known
    :param window_days: of each window
    :param refusals: why nothing is told
    :param others: codes of offers that this hold-out holds back as well, and that no report promised anything of
    :param whole: all offers together, of those that can be told, in the first window
    :param windows: that and the later ones, the newest of them
    :param promoted: how many orders of each variant were on promotion: a description, what is taught by offers
    """

    report: int
    tried: str
    since: str
    window_days: int
    refusals: Sequence[Reason]
    others: Sequence[str]
    offers: Sequence[OfferKept]
    whole: Kept | None
    windows: Sequence[WindowKept]
    promoted: Sequence[Promoted]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "PromiseResult":
        read: dict[str, Any] = {
            **kept,
            "refusals": [Reason(**each) for each in kept["refusals"]],
            "offers": [_offer(each) for each in kept["offers"]],
            "whole": _kept(kept["whole"]),
            "windows": [WindowKept(**{**each, "kept": _kept(each["kept"])}) for each in kept["windows"]],
            "promoted": [Promoted(**each) for each in kept["promoted"]],
        }
        return cls(**read)


def _offer(kept: Mapping[str, Any]) -> OfferKept:
    reason = Reason(**kept["reason"]) if kept["reason"] else None
    return OfferKept(**{**kept, "promised": Range(**kept["promised"]), "kept": _kept(kept["kept"]), "reason": reason})


def _kept(kept: Mapping[str, Any] | None) -> Kept | None:
    if kept is None:
        return None
    ranges = {name: Range(**kept[name]) for name in ("promised", "realised", "total")}
    return Kept(**{**kept, **ranges})
