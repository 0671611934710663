"""
Near misses of an experiment: how many there are, and whether members pile up above their tier's threshold.

Where they do, those just above differ from those just below by more than the tier, and comparing them says nothing of it. It
is told either way, and never compared: of those who just miss it chance alone decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.utils.translation import gettext_lazy as _

from analytics.uplift.density import Density, check_density
from analytics.uplift.results import Point, Range
from customers.core.errors import DomainError, Kind
from loyalty.activity.near_misses import approach_of
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import NobodyNear

PERCENT = 100
WITHIN_PERCENT = 30  # of the threshold, on each side of which members are counted, if near misses do not lack more


class NoSuchTierNow(DomainError):
    code = "tier_unknown"
    kind = Kind.CONFLICT
    message = _("The program in force has no such tier: publish a version that has it.")


class NoNearMisses(DomainError):
    code = "no_near_misses"
    kind = Kind.CONFLICT
    message = _("{experiment} is no experiment of near misses.")


class NearMissesNotKept(DomainError):
    code = "near_misses_not_kept"
    kind = Kind.CONFLICT
    message = _(
        "{experiment} has started, and its plan does not say who was near: it was not made with what analytics can detect. Who "
        "was drawn is told by the experiment; who is near now are others."
    )


@dataclass(frozen=True)
class NearMisses:
    """
    Who just misses a tier, as its program's members are now.

    :param tier: its code
    :param basis: what it counts: spend, points, orders or visits
    :param percent: of the threshold, how much near misses lack at most
    :param members: of the program
    :param near: of them just miss it
    """

    tier: str
    basis: str
    threshold: float
    percent: int
    members: int
    near: int
    density: Density

    def as_json(self) -> dict[str, Any]:
        """Return it as it is frozen with a plan."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "NearMisses":
        """Return what a plan froze."""
        density = dict(said["density"])
        density["bins"] = [Point(**each) for each in density["bins"]]
        density["ratio"] = Range(**density["ratio"]) if density["ratio"] else None
        return cls(**{**said, "density": Density(**density)})


def near_misses_now(experiment: Experiment, *, now: datetime) -> tuple[Sequence[UUID], NearMisses]:
    """
    Return the customers who just miss an experiment's tier now, and what is told of them.

    :raises NoNearMisses: of an experiment of another form
    :raises NoSuchTierNow: when the program in force has no such tier
    """
    if experiment.form != Experiment.Form.NEAR_MISS:
        raise NoNearMisses(experiment=experiment.code)
    found = approach_of(experiment, now=now)
    if found is None:
        raise NoSuchTierNow
    percent, threshold = experiment.missing_percent or 0, float(found.threshold)
    reached = np.array([float(each.reached) for each in found.members], dtype=np.float64)
    within = threshold * max(percent, WITHIN_PERCENT) / PERCENT
    density = check_density(reached, threshold, within) if threshold > 0 else Density("cannot_tell", 0, len(reached))
    near = found.near
    return near, NearMisses(found.code, found.basis, threshold, percent, len(reached), len(near), density)


def near_misses_of(experiment: Experiment, *, now: datetime) -> NearMisses:
    """
    Return what is told of an experiment's near misses: of a draft now, of one that has started when it was planned.

    :raises NearMissesNotKept: of one that has started by a plan that does not say
    :raises NoNearMisses: and what else `near_misses_now` raises
    """
    if experiment.is_draft or experiment.form != Experiment.Form.NEAR_MISS:
        return near_misses_now(experiment, now=now)[1]
    kept = frozen_near_misses(experiment)
    if kept is None:
        raise NearMissesNotKept(experiment=experiment.code)
    return kept


def require_somebody(experiment: Experiment, near: Sequence[UUID]) -> None:
    """Refuse to plan where nobody is near. :raises NobodyNear: then"""
    if not near:
        raise NobodyNear(percent=experiment.missing_percent)


def frozen_near_misses(experiment: Experiment) -> NearMisses | None:
    """Return what was known of near misses when an experiment was planned; None where its plan does not say."""
    told = experiment.plan.get("detectable") if experiment.plan else None
    near = told.get("near") if isinstance(told, dict) else None
    try:
        return NearMisses.from_json(near) if isinstance(near, dict) else None
    except (KeyError, TypeError):
        return None  # somebody else wrote the plan
