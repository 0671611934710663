"""What an experiment's variants differ by: the parts of its program's versions that name them."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from loyalty.experiments.models import Experiment
from loyalty.experiments.parts import FIELD, kinds_that_vary, named_by
from loyalty.programs.models import ProgramVersion


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


def alike_from(experiment: Experiment, known_at: datetime) -> datetime | None:
    """
    Return when a version came into force under which no part names a running experiment any more, after one did.

    From then on its variants are treated alike, as they are from its end on. None where that was not, or not known by then.
    """
    if experiment.form != Experiment.Form.VARIANTS or experiment.starts_at is None:
        return None
    published = ProgramVersion.objects.filter(
        program=experiment.program_id, status=ProgramVersion.Status.PUBLISHED, published_at__lte=known_at
    )
    versions = list(published.order_by("effective_from").values_list("pk", "effective_from"))
    naming = {each.version for each in named_by(experiment.code, [pk for pk, _since in versions])}
    for (pk, _since), (following, until) in pairwise(versions):
        if pk in naming and following not in naming and until is not None and until > experiment.starts_at:
            return until
    return None
