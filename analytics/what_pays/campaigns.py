"""
Which campaigns pay: by what their experiment says against its control, and by nothing else.

A campaign without a control is not ranked: what its customers do afterwards they might have done without it. Campaigns of one
experiment have one effect together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from analytics.experiments.models import ExperimentLook
from analytics.experiments.overview import Line, lines_of
from analytics.experiments.results import Effect
from analytics.uplift.results import Range
from customers.models import Retailer
from loyalty.campaigns.models import Campaign
from loyalty.experiments.models import Experiment


class Why(StrEnum):
    """Why a campaign is not measured."""

    NO_CONTROL = "no_control"
    NOT_STARTED = "not_started"
    NOT_LOOKED = "not_looked"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class CampaignReturn:
    """
    What campaigns of one experiment did with a variant.

    :param cost: what the variant's customers cost more than as many of the control; None before the end
    :param is_lost: it stood out alone, and does not among all campaigns of its quarter
    """

    names: tuple[str, ...]
    look: ExperimentLook
    effect: Effect
    customers: int
    cost: float | None
    is_lost: bool

    @property
    def pays(self) -> bool:
        """Tell whether it brought more by more than chance, at its end."""
        return self.look.is_final and self.effect.says == "effect" and self.effect.shown.low > 0 and not self.is_lost

    @property
    def per_unit(self) -> Range | None:
        """Return the margin per unit of what it cost; None where it cost nothing, or nobody knows what."""
        if self.cost is None or self.cost <= 0:
            return None
        total = self.effect.total
        return Range(*(each / self.cost for each in (total.value, total.error, total.low, total.high)))


@dataclass(frozen=True)
class Unmeasured:
    """A campaign of which nothing is told; `look` where there is one that may say nothing."""

    name: str
    why: Why
    look: ExperimentLook | None = None


@dataclass(frozen=True)
class CampaignReturns:
    """Campaigns with a control, those that surely brought most first, and those that cannot be told."""

    measured: Sequence[CampaignReturn]
    unmeasured: Sequence[Unmeasured]


def campaign_returns(retailer: Retailer) -> CampaignReturns:
    """Return what a retailer's campaigns brought, in a fixed number of statements."""
    rows = Campaign.objects.filter(retailer=retailer).exclude(state=Campaign.State.DRAFT).order_by("name", "code")
    named: dict[UUID | None, list[str]] = defaultdict(list)
    for each in rows:
        named[each.experiment_id].append(str(each))
    unmeasured = [Unmeasured(name, Why.NO_CONTROL) for name in named.pop(None, [])]
    lines = {line.experiment.pk: line for line in lines_of(retailer)} if named else {}
    measured: list[CampaignReturn] = []
    for experiment, names in named.items():
        assert experiment is not None, "those without one were taken out"
        line = lines[experiment]
        measured += _measured(line, names)
        if why := _why_not(line):
            unmeasured += [Unmeasured(name, why, line.look) for name in names]
    measured.sort(key=lambda each: (not each.pays, -each.effect.total.low, each.names))
    return CampaignReturns(measured, unmeasured)


def _why_not(line: Line) -> Why | None:
    if line.look is None:
        return Why.NOT_STARTED if line.experiment.state == Experiment.State.DRAFT else Why.NOT_LOOKED
    return None if line.look.result.effects else Why.BLOCKED


def _measured(line: Line, names: Sequence[str]) -> list[CampaignReturn]:
    if line.look is None:
        return []
    result = line.look.result
    customers = {each.code: each.customers for each in result.arms}
    return [
        CampaignReturn(tuple(names), line.look, each, customers[each.code], result.cost_of(each.code), line.is_lost)
        for each in result.effects
    ]
