"""Which versions of programs have parts that name an experiment, and for which of its variants."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models

from customers.core.values import dataclass
from loyalty.experiments.models import Experiment
from loyalty.programs.models import ProgramVersion

FIELD = "arms"
HOLDING_BACK = {"campaigns", "offers_held_out"}  # what the floors above call their own that name an experiment


@dataclass(frozen=True, slots=True)
class Named:
    """That some part of a version holds for variants of an experiment alone."""

    version: int
    variants: tuple[str, ...]


def kinds_that_vary() -> list[type[models.Model]]:
    """Return the kinds of parts that can hold for some variants alone."""
    return [model for model in apps.get_models() if any(each.name == FIELD for each in model._meta.fields)]


def named_by(code: str, versions: Collection[int]) -> list[Named]:
    """Return what parts of some versions say of an experiment, by its code: one statement, whatever kinds they are of."""
    if not versions:
        return []
    named = {"version__in": versions, f"{FIELD}__experiment": code}
    rows: list[Any] = [
        model._default_manager.filter(**named).order_by().values_list("version_id", FIELD)
        for model in kinds_that_vary()
    ]
    return [Named(version, tuple(said["variants"])) for version, said in rows[0].union(*rows[1:], all=True)]


def holds_back(experiment: Experiment) -> bool:
    """Tell whether a campaign or an offer keeps something from an experiment's control, which then varies by that."""
    kinds = (each for each in Experiment._meta.related_objects if each.related_name in HOLDING_BACK)
    return any(each.related_model._default_manager.filter(**{each.field.name: experiment}).exists() for each in kinds)


def versions_from(experiment: Experiment, instant: datetime) -> list[ProgramVersion]:
    """Return the versions of its retailer's programs that are in force at an instant, or will be later, the first first."""
    published = ProgramVersion.objects.filter(status=ProgramVersion.Status.PUBLISHED)
    later = published.filter(program=models.OuterRef("program"), effective_from__gt=models.OuterRef("effective_from"))
    known = published.filter(program__retailer=experiment.retailer_id)
    return list(
        known.exclude(models.Exists(later.filter(effective_from__lte=instant)))
        .select_related("program").order_by("effective_from", "pk")
    )  # fmt: skip
