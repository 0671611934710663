"""An experiment from its start to its end: who is assigned stays so, and decisions look at it between the two instants."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import LAST_YEAR
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.models import Customer, Retailer
from loyalty.experiments.assigning import assign_all, assign_these
from loyalty.experiments.checking import refuse_to_start
from loyalty.experiments.models import Experiment, ExperimentEvent
from loyalty.experiments.noting import note
from loyalty.experiments.planning import described, locked, require_draft
from loyalty.experiments.rules import BUCKETS
from loyalty.programs.models import Program


class NotPlanned(DomainError):
    code = "experiment_not_planned"
    kind = Kind.CONFLICT
    message = _("Plan {experiment} first: what it is to show is written down before it starts.")


class PlanOutOfDate(DomainError):
    code = "experiment_plan_out_of_date"
    kind = Kind.CONFLICT
    message = _("{experiment} is no longer what was planned. Plan it again.")


class StartsInThePast(DomainError):
    code = "experiment_starts_in_the_past"
    kind = Kind.INVALID
    message = _("{instant} has passed: what was decided then was decided without the experiment.")


class StartsTooLate(DomainError):
    code = "experiment_starts_too_late"
    kind = Kind.INVALID
    message = _("It cannot start on {day}: calendars go to the year {last}.")


class NotRunning(DomainError):
    code = "experiment_not_running"
    kind = Kind.CONFLICT
    message = _("{experiment} does not run.")


class NobodyNear(DomainError):
    code = "nobody_near"
    kind = Kind.CONFLICT
    message = _("Nobody lacks {percent} percent or less of the tier now. Let them lack more, or start it later.")


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What a start would do.

    :param customers: who are known now
    :param expected: of them in each variant, by its share; who another hold-out holds out is still among them
    """

    customers: int
    expected: Mapping[str, int]
    ends_at: datetime | None


def preview(experiment: Experiment, *, starts_at: datetime, among: int | None = None) -> Preview:
    """Return what a start would do. :param among: so many customers; all who are known if None"""
    known = Customer.objects.filter(retailer=experiment.retailer_id, erased_at=None).persons()
    customers = known.count() if among is None else among
    variants = experiment.variants.in_order()
    expected = {each.code: round(customers * each.share_bp / BUCKETS) for each in variants}
    return Preview(customers, expected, end_of(experiment, starts_at))


def end_of(experiment: Experiment, starts_at: datetime) -> datetime | None:
    """
    Return when an experiment ends by itself: at the same time of its retailer's day; None where somebody has to end it.

    Windows are of so many times 24 hours: where clocks go forward, one that lasts as long as its window ends that hour later, or
    nobody would have been in it for a whole one.

    :raises StartsTooLate: for an instant beyond what calendars count with
    """
    if starts_at.year > LAST_YEAR:
        raise StartsTooLate(day=starts_at.date().isoformat(), last=LAST_YEAR)
    if experiment.duration_days is None:
        return None
    zone = (experiment.program or experiment.retailer).tzinfo
    same_time = (starts_at.astimezone(zone) + timedelta(days=experiment.duration_days)).astimezone(UTC)
    return max(same_time, starts_at + timedelta(days=experiment.window_days))


@transaction.atomic
def start(
    experiment: Experiment,
    *,
    starts_at: datetime | None = None,
    only: Sequence[UUID] | None = None,
    author: str,
    now: datetime,
) -> Experiment:
    """
    Start an experiment: assign all customers who are known, and from now on each who becomes known.

    :param starts_at: from when decisions look at it; at once if None
    :param only: the near misses, of an experiment that raises some of them: nobody else is ever in it
    :raises NobodyNear: when there are none of those
    :raises ExperimentStarted: when it has started already
    :raises NotPlanned: when it has no plan
    :raises PlanOutOfDate: when it was changed since
    :raises ExperimentHasErrors: when something else stands in its way
    :raises StartsInThePast: for an instant that has passed; StartsTooLate for one beyond what calendars count with
    """
    _lock_retailer(experiment)
    experiment = locked(experiment)
    require_draft(experiment)
    starts_at = starts_at or now
    if not experiment.plan_hash:
        raise NotPlanned(experiment=experiment.code)
    if any(experiment.plan.get(name) != said for name, said in described(experiment).items()):
        raise PlanOutOfDate(experiment=experiment.code)
    if starts_at < now:
        raise StartsInThePast(instant=starts_at.isoformat())
    refuse_to_start(experiment, now=starts_at)
    experiment.state, experiment.starts_at = Experiment.State.RUNNING, starts_at
    experiment.ends_at = end_of(experiment, starts_at)
    experiment.save(update_fields=["state", "starts_at", "ends_at"])
    if only is None:
        assert experiment.form != Experiment.Form.NEAR_MISS, "who is near is found above, where tiers are known"
        assigned = assign_all(experiment, now=now)
    elif not (assigned := assign_these(experiment, only, now=now)):
        raise NobodyNear(percent=experiment.missing_percent)
    _renew_programs(experiment)
    said = {"starts_at": starts_at, "ends_at": experiment.ends_at, "assigned": assigned}
    note(experiment, ExperimentEvent.Action.STARTED, author=author, said=said, now=now)
    return experiment


@transaction.atomic
def end(experiment: Experiment, *, reason: str = "", author: str, now: datetime) -> Experiment:
    """
    End an experiment: nobody is assigned any more, nobody is treated otherwise, and all assignments stay.

    :raises NotRunning: when it does not run
    """
    _lock_retailer(experiment)
    experiment = locked(experiment)
    if experiment.state != Experiment.State.RUNNING:
        raise NotRunning(experiment=experiment.code)
    is_over = experiment.ends_at is not None and experiment.ends_at <= now
    experiment.state, experiment.ended_at = Experiment.State.ENDED, experiment.ends_at if is_over else now
    experiment.save(update_fields=["state", "ended_at"])
    if not is_over:  # or it ended by itself, as all know who decide
        _renew_programs(experiment)
    said = {"ended_at": experiment.ended_at, "reason": reason, "by_itself": is_over}
    note(experiment, ExperimentEvent.Action.ENDED, author=author, said=said, now=now)
    return experiment


def end_due(retailer: Retailer, *, now: datetime) -> int:
    """Note the end of those of a retailer's experiments that have ended by themselves, and return how many."""
    due = Experiment.objects.running().filter(retailer=retailer, ends_at__lte=now)
    for experiment in due:
        end(experiment, author="", now=now)
    return len(due)


def _lock_retailer(experiment: Experiment) -> None:
    """Let one experiment of a retailer start or end at a time: which others run does not change meanwhile."""
    Retailer.objects.select_for_update(no_key=True).only("pk").get(pk=experiment.retailer_id)


def _renew_programs(experiment: Experiment) -> None:
    """Let every process read anew which experiments its programs have: what it remembers is known by this revision."""
    programs = Program.objects.filter(retailer=experiment.retailer_id)
    mine = programs.filter(pk=experiment.program_id) if experiment.program_id else programs
    for program in mine.select_for_update(no_key=True).order_by("pk"):
        program.versions_revision = new_id()
        program.save(update_fields=["versions_revision"])
