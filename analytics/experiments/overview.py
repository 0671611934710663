"""All experiments of a retailer with what was last seen of them, and what is left of a quarter's when all are counted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from analytics.experiments.models import ExperimentLook
from analytics.uplift.multiplicity import benjamini_hochberg
from customers.models import Retailer
from loyalty.experiments.models import Experiment

LEVEL = 0.05


@dataclass(frozen=True)
class Line:
    """
    An experiment and its newest look.

    :param look: None before the first one
    :param p_value: the smallest of its variants', after Holm; None where nothing final is told
    :param among: the same after counting how many campaigns ended in its quarter
    """

    experiment: Experiment
    look: ExperimentLook | None
    p_value: float | None = None
    among: float | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it stood out alone, and does not among all of its quarter."""
        return self.p_value is not None and self.among is not None and self.p_value <= LEVEL < self.among


def lines_of(retailer: Retailer) -> list[Line]:
    """Return a retailer's experiments, the newest first: three statements, however many they are."""
    found = (
        Experiment.objects.filter(retailer=retailer).select_related("program", "retailer").prefetch_related("variants")
    )
    experiments = list(found.order_by("-created_at", "-pk"))
    looks = _newest(retailer)
    alone = {each.pk: _smallest(looks.get(each.pk)) for each in experiments}
    among = _by_quarter(experiments, alone)
    return [Line(each, looks.get(each.pk), alone[each.pk], among.get(each.pk)) for each in experiments]


def quarter_of(experiment: Experiment) -> date | None:
    """Return the first day of the quarter in which an experiment came to its end; None of one that has none."""
    end = experiment.ends_at
    if end is None:
        return None
    day = end.astimezone((experiment.program or experiment.retailer).tzinfo).date()
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def _newest(retailer: Retailer) -> Mapping[UUID, ExperimentLook]:
    looks = ExperimentLook.objects.filter(retailer=retailer).select_related(
        "experiment__retailer", "experiment__program"
    )
    found = looks.prefetch_related("experiment__variants").order_by("experiment_id", "-id").distinct("experiment_id")
    return {each.experiment_id: each for each in found}


def _smallest(look: ExperimentLook | None) -> float | None:
    told = [] if look is None else [each.holm for each in look.result.effects if each.holm is not None]
    return min(told, default=None)


def _by_quarter(experiments: Sequence[Experiment], alone: Mapping[UUID, float | None]) -> Mapping[UUID, float]:
    quarters: dict[date, list[tuple[UUID, float]]] = defaultdict(list)
    for each in experiments:
        quarter, p_value = quarter_of(each), alone[each.pk]
        if quarter is not None and p_value is not None and each.layer != Experiment.Layer.GLOBAL:
            quarters[quarter].append((each.pk, p_value))
    found: dict[UUID, float] = {}
    for told in quarters.values():
        adjusted = benjamini_hochberg([p_value for _pk, p_value in told])
        found |= dict(zip([pk for pk, _p_value in told], adjusted, strict=True))
    return found
