"""What is wrong with an experiment, and what stands in the way of its start."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Fault, Kind
from loyalty.experiments.models import Experiment
from loyalty.experiments.parts import holds_back, named_by, versions_from
from loyalty.experiments.rules import GLOBAL, NEAR_MISS, VARIANTS, Design, Flaw, check
from loyalty.experiments.wording import said_of

WASH_OUT_DAYS = 30
SHARING = """
SELECT coalesce(sum(members), 0)::int FROM (
    SELECT count(*) AS members FROM memberships_householdmember m JOIN memberships_household h ON h.id = m.household_id
    WHERE h.program_id = %s GROUP BY h.id HAVING count(*) > 1
) shared
"""


class ExperimentHasErrors(DomainError):
    code = "experiment_has_errors"
    kind = Kind.INVALID
    message = "{first}"

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(first=" ".join(said_of(flaw) for flaw in flaws))
        self.flaws = flaws
        self.findings = [Fault(flaw.place, flaw.code, said_of(flaw)) for flaw in flaws]


def others_of(experiment: Experiment) -> list[Design]:
    """Return the designs of all other experiments of a retailer."""
    rows = Experiment.objects.filter(retailer=experiment.retailer_id).exclude(pk=experiment.pk)
    return [row.design() for row in rows.select_related("program", "within").prefetch_related("variants")]


def flaws_of(experiment: Experiment, *, now: datetime) -> tuple[Flaw, ...]:
    """Return what is wrong with an experiment, and what would be if it started now."""
    if not experiment.is_draft:
        return ()
    return (*check(experiment.design(), others_of(experiment)), *_start_flaws(experiment, now))


def _start_flaws(experiment: Experiment, now: datetime) -> Iterable[Flaw]:
    beside = [row for row in _of_its_programs(experiment) if row.state == Experiment.State.RUNNING]
    running = [row for row in beside if row.ends_at is None or row.ends_at > now]
    if experiment.layer == GLOBAL:
        if globals_ := [row for row in running if row.layer == GLOBAL]:
            yield Flaw("global_running", "layer", {"other": globals_[0].code})
        elif running:
            yield Flaw("others_running", "layer", {"others": ", ".join(sorted(row.code for row in running))})
        yield from _wash_out(experiment, now)
    if experiment.form == NEAR_MISS:
        for row in running:
            if row.tier_key == experiment.tier_key:
                yield Flaw("near_miss_running", "tier", {"other": row.code})
    yield from _shared(experiment)
    yield from _named(experiment, now)
    parent = experiment.within
    if parent is not None and parent not in running:
        yield Flaw("within_not_running", "within", {"within": parent.code})


def _named(experiment: Experiment, now: datetime) -> Iterable[Flaw]:
    """Yield the versions whose parts name variants that it has not: they would hold for nobody; or that nothing names any."""
    versions = {row.pk: row for row in versions_from(experiment, now)}
    known = {each.code for each in experiment.variants.all()} if experiment.form == VARIANTS else set()
    missing: dict[int, set[str]] = {}
    named = named_by(experiment.code, list(versions))
    if experiment.form == VARIANTS and not named and not holds_back(experiment):
        yield Flaw("nothing_varies", "variants", is_error=False)
    for each in named:
        lacks = set(each.variants) - known
        if versions[each.version].program_id != experiment.program_id:
            lacks = set(each.variants)
        if lacks:
            missing.setdefault(each.version, set()).update(lacks)
    for pk, lacks in missing.items():
        row = versions[pk]
        facts = {"program": row.program.name, "number": row.number, "variants": ", ".join(sorted(lacks))}
        yield Flaw("parts_of_no_variant", "variants", facts)


def _shared(experiment: Experiment) -> Iterable[Flaw]:
    """Yield that members who share points would be divided one by one: what the one gets, the other uses."""
    if experiment.unit == Experiment.Unit.CUSTOMER and experiment.program_id is not None:
        ((members,),) = bulk.fetch(SHARING, [experiment.program_id])
        if members:
            yield Flaw("household_as_unit", "unit", {"members": members}, is_error=False)


def _wash_out(experiment: Experiment, now: datetime) -> Iterable[Flaw]:
    """Yield that what an earlier hold-out of everything did has not worn off."""
    for row in _of_its_programs(experiment):
        ended = min(filter(None, (row.ends_at, row.ended_at)), default=None)
        if row.layer == GLOBAL and ended is not None and now - timedelta(days=WASH_OUT_DAYS) < ended <= now:
            zone = (row.program or row.retailer).tzinfo
            facts = {"other": row.code, "ended": f"{local_date(ended, zone):%Y-%m-%d}", "days": WASH_OUT_DAYS}
            yield Flaw("wash_out", "layer", facts, is_error=False)


def _of_its_programs(experiment: Experiment) -> list[Experiment]:
    """Return the others that have started and divide customers of the same program."""
    known = Experiment.objects.filter(retailer=experiment.retailer_id).select_related("program", "retailer")
    started = known.exclude(state=Experiment.State.DRAFT)
    mine = experiment.program_id
    return [
        row for row in started.order_by("created_at", "pk") if None in {mine, row.program_id} or row.program_id == mine
    ]


def refuse(flaws: Iterable[Flaw]) -> None:
    """
    Refuse what has errors, with all of them.

    :raises ExperimentHasErrors: then
    """
    if errors := [flaw for flaw in flaws if flaw.is_error]:
        raise ExperimentHasErrors(errors)


def refuse_to_start(experiment: Experiment, *, now: datetime) -> None:
    """
    Refuse an experiment that cannot start now.

    :raises ExperimentHasErrors: with all that is wrong
    """
    refuse(flaws_of(experiment, now=now))
