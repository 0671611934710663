"""Whether the experiments that parts of a version name are there, and divide its members into the variants that it names."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.configuration.findings import Finding
from loyalty.configuration.parts import SECTIONS
from loyalty.experiments.models import Experiment
from loyalty.experiments.parts import named_by
from loyalty.programs.models import ProgramVersion

DIVIDED = tuple(section for section, model in SECTIONS.items() if any(f.name == "arms" for f in model._meta.fields))


def arms_in_words(said: dict[str, Any]) -> list[str]:
    """Return for which variants a part holds, as a phrase; nothing where it holds for all."""
    if not said:
        return []
    words = ngettext(
        "only for the variant %(variants)s of the experiment “%(experiment)s”",
        "only for the variants %(variants)s of the experiment “%(experiment)s”",
        len(said["variants"]),
    )
    return [words % {"variants": ", ".join(said["variants"]), "experiment": said["experiment"]}]


def check_arms(version: ProgramVersion) -> Iterator[Finding]:
    """Yield what is wrong with the arms that parts of a version name."""
    named = [(f"{section}/{row.code}", row) for section in DIVIDED for row in _rows(section, version)]
    codes = {row.arms["experiment"] for _place, row in named}
    yield from _left_out(version, codes)
    if not named:
        return
    found = Experiment.objects.filter(retailer=version.program.retailer_id, code__in=codes).prefetch_related("variants")
    known = {experiment.code: experiment for experiment in found}
    for place, row in named:
        yield from _of_part(place, row, version, known)


def _left_out(version: ProgramVersion, codes: set[str]) -> Iterator[Finding]:
    """Yield the running experiments of whose variants another version has parts, and this one none."""
    running = Experiment.objects.running().filter(program=version.program_id, form=Experiment.Form.VARIANTS)
    others = running.exclude(code__in=codes).order_by("pk")
    for experiment in others:
        published = version.program.versions.filter(status=ProgramVersion.Status.PUBLISHED)
        if named_by(experiment.code, list(published.values_list("pk", flat=True))):
            words = _(
                "The experiment “%(experiment)s” runs, and this version has no part for any of its variants: from its first"
                " instant on all of them are treated alike, and no window that reaches beyond it counts. Copy the parts from the"
                " version in force, or end the experiment first."
            )
            yield Finding.warning("experiment_left_out", "experiments", words % {"experiment": experiment.code})


def _rows(section: str, version: ProgramVersion) -> Iterable[Any]:
    return SECTIONS[section]._default_manager.filter(version=version).exclude(arms={}).order_by("pk")


def _of_part(place: str, row: Any, version: ProgramVersion, known: dict[str, Experiment]) -> Iterator[Finding]:
    facts = {"what": row, "experiment": row.arms["experiment"]}
    experiment = known.get(row.arms["experiment"])
    if experiment is None:
        words = _(
            "“%(what)s” names the experiment “%(experiment)s”, which does not exist. Make it first, or name another."
        )
        yield Finding.error("unknown_experiment", place, words % facts)
        return
    if experiment.form != Experiment.Form.VARIANTS or experiment.program_id != version.program_id:
        words = _(
            "“%(what)s” names the experiment “%(experiment)s”, which has no variants of parts of this program."
            " Name one of the form “variants”."
        )
        yield Finding.error("experiment_without_parts", place, words % facts)
        return
    variants = [variant.code for variant in experiment.variants.all()]
    for code in row.arms["variants"]:
        if code not in variants:
            words = _(
                "“%(what)s” names the variant “%(variant)s”, which the experiment “%(experiment)s” does not have."
                " It has: %(known)s."
            )
            more = {"variant": code, "known": ", ".join(sorted(variants))}
            yield Finding.error("unknown_variant", place, words % (facts | more))
    if experiment.state == Experiment.State.ENDED:
        words = _("“%(what)s” holds for nobody: the experiment “%(experiment)s” has ended.")
        yield Finding.warning("experiment_ended", place, words % facts)
