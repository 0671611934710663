"""What an experiment's variants differ by: the parts of its program's versions that name them."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from loyalty.experiments.models import Experiment

FIELD = "arms"


@dataclass(frozen=True)
class Varied:
    """
    A part of a version that holds for some variants alone.

    :param kind: what it is, such as earning rule or tier
    :param versions: the numbers of the program's versions in which it stands so
    """

    kind: str
    name: str
    variants: tuple[str, ...]
    versions: tuple[int, ...]


def varied_by(experiment: Experiment) -> list[Varied]:
    """Return the parts that an experiment compares, of drafts too; a hold-out compares no parts."""
    if experiment.layer != Experiment.Layer.VARIANT:
        return []
    found: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for model in kinds_that_vary():
        of_program = {"version__program": experiment.program_id, f"{FIELD}__experiment": experiment.code}
        rows: Any = model._default_manager.filter(**of_program).select_related("version").order_by("version", "pk")
        for row in rows:
            key = (str(model._meta.verbose_name), str(row), tuple(getattr(row, FIELD)["variants"]))
            found.setdefault(key, []).append(row.version.number)
    return [Varied(*key, tuple(versions)) for key, versions in found.items()]


def kinds_that_vary() -> list[type[models.Model]]:
    """Return the kinds of parts that can hold for some variants alone."""
    return [model for model in apps.get_models() if any(each.name == FIELD for each in model._meta.fields)]
