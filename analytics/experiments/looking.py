"""Looks at experiments: made as planned, kept for ever, and made again to compare."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from analytics.experiments.costs import costs_of, digest_of
from analytics.experiments.depth_looking import depths_told, digest_with
from analytics.experiments.models import ExperimentLook
from analytics.experiments.promise_looking import promise_told
from analytics.experiments.reading import Read, limit_of, read
from analytics.experiments.results import Part, Result, Trial
from analytics.experiments.rules import judge
from analytics.experiments.version import code_version
from analytics.experiments.winning import won_in
from analytics.statistics import rate_of, with_rate
from customers.core.errors import DomainError, Kind
from customers.models import Retailer
from loyalty.experiments.models import Experiment, Variant
from loyalty.experiments.rules import digest

MARGIN_RATE = "margin_rate"
ALL_PARTS = frozenset({"won", "promise"})
MARGINS = {"rate", "costs", "costs_and_rate"}  # by what a margin is known


class ExperimentNotStarted(DomainError):
    code = "experiment_not_started"
    kind = Kind.CONFLICT
    message = _("{experiment} has not started: there is nothing to look at.")


@dataclass(frozen=True)
class Repeated:
    """
    A look that was made again, of the same plan and of what was recorded by then.

    :param same_data: the facts are those of then; else some were corrected since
    :param same_code: by the version of then
    :param same_numbers: to the digit
    """

    same_data: bool
    same_code: bool
    same_numbers: bool
    result: Result


def look(experiment: Experiment, *, author: str = "", now: datetime) -> ExperimentLook:
    """
    Look at an experiment as planned, and keep what was seen; where nothing has changed since the last look, return that.

    :param author: who asks; empty for a night
    :raises ExperimentNotStarted: when it is a draft
    """
    if experiment.is_draft or experiment.starts_at is None or experiment.starts_at > now:
        raise ExperimentNotStarted(experiment=experiment.code)
    found, result = _seen(experiment, known_at=now)
    kept: dict[str, Any] = {
        "is_final": result.is_final, "plan_hash": experiment.plan_hash, "data_digest": found.digest,
        "code_version": code_version(), "currency": experiment.retailer.currency, "basis": found.basis,
        "numbers": result.as_json() | _rate_of(experiment),
    }  # fmt: skip
    return _kept_once(experiment, kept, author=author, now=now)


@transaction.atomic
def _kept_once(experiment: Experiment, kept: dict[str, Any], *, author: str, now: datetime) -> ExperimentLook:
    """Keep a look, or return the last one where that says the same: two who look at once have one between them."""
    Experiment.objects.select_for_update(no_key=True).only("pk").get(pk=experiment.pk)
    last = latest(experiment)
    if last is not None and all(getattr(last, name) == said for name, said in kept.items()):
        return last
    return ExperimentLook.objects.create(
        experiment=experiment, retailer_id=experiment.retailer_id, looked_at=now, known_at=now, author=author, **kept
    )


def look_again(kept: ExperimentLook) -> Repeated:
    """Make a look again from what was recorded by then, and say what differs; nothing is kept of it."""
    numbers = dict(kept.numbers)
    if MARGIN_RATE in numbers:
        kept.experiment.retailer = with_rate(kept.experiment.retailer, numbers.pop(MARGIN_RATE))
    found, result = _seen(kept.experiment, known_at=kept.known_at, tells=ALL_PARTS & set(numbers))
    same_numbers, same_code = result.as_json() == numbers, code_version() == kept.code_version
    # The hash is of whose window is over; those who wait are data as well, and one code makes one result of the same data.
    same_data = found.digest == kept.data_digest and (same_numbers or not same_code)
    return Repeated(same_data=same_data, same_code=same_code, same_numbers=same_numbers, result=result)


def _rate_of(experiment: Experiment) -> dict[str, str | None]:
    """Return the margin rate by which a look read margins: a retailer may have another one when it is made again."""
    return {MARGIN_RATE: rate_of(experiment.retailer)} if experiment.metric == Experiment.Metric.MARGIN else {}


def latest(experiment: Experiment) -> ExperimentLook | None:
    """Return the newest look at an experiment."""
    return ExperimentLook.objects.filter(experiment=experiment).order_by("-id").first()


def looked_at_tonight(retailer: Retailer, *, now: datetime) -> int:
    """
    Look at all of a retailer's experiments that have started, and return how many looks are new.

    One that ended is looked at until what came back of its orders has had a window's time to come.
    """
    before = ExperimentLook.objects.filter(retailer=retailer).count()
    for experiment in _worth_a_look(retailer, now):
        look(experiment, now=now)
    return ExperimentLook.objects.filter(retailer=retailer).count() - before


def retailers_with_experiments() -> list[int]:
    """Return the ids of retailers with an experiment that has started: others cost a night nothing."""
    started = Experiment.objects.exclude(state=Experiment.State.DRAFT)
    return list(started.order_by("retailer_id").values_list("retailer_id", flat=True).distinct())


def _worth_a_look(retailer: Retailer, now: datetime) -> list[Experiment]:
    started = Experiment.objects.filter(retailer=retailer, starts_at__lte=now).exclude(state=Experiment.State.DRAFT)
    found = started.select_related("retailer", "program").annotate(looked=Max("looks__looked_at")).order_by("pk")
    return [each for each in found if not _is_done(each, now)]


def _is_done(experiment: Any, now: datetime) -> bool:
    """Return whether an experiment was looked at when a window had passed since its end."""
    settled = limit_of(experiment, now) + timedelta(days=experiment.window_days)
    return experiment.looked is not None and settled <= experiment.looked


def _seen(experiment: Experiment, *, known_at: datetime, tells: frozenset[str] = ALL_PARTS) -> tuple[Read, Result]:
    """Return what is seen of an experiment. :param tells: the parts that looks have since they are told, of an earlier one"""
    variants = list(experiment.variants.in_order())
    found = read(experiment, variants, known_at=known_at)
    result = judge(found.units, _trial(experiment, variants, found, known_at))
    if result.is_final and result.effects and found.basis in MARGINS:
        costs = costs_of(experiment, variants, known_at)
        found, result = replace(found, digest=digest_of(found.digest, costs)), replace(result, costs=costs)
    won = won_in(experiment, variants, known_at) if "won" in tells and result.is_final and result.effects else []
    if won:
        found, result = replace(found, digest=digest_of(found.digest, won)), replace(result, won=won)
    promise = promise_told(experiment, variants, result, known_at) if "promise" in tells else None
    if promise is not None:
        digest = digest_with(found.digest, promise.digest)
        found, result = replace(found, digest=digest), replace(result, promise=promise.result)
    told = depths_told(experiment, variants, result, known_at)
    if told is None:
        return found, result
    return replace(found, digest=digest_with(found.digest, told.digest)), replace(result, depths=told.result)


def _trial(experiment: Experiment, variants: list[Variant], found: Read, known_at: datetime) -> Trial:
    return Trial(
        parts=[Part(each.code, each.name, each.share_bp, each.is_control) for each in variants],
        is_final=came_to_its_end(experiment, known_at),
        is_over=limit_of(experiment, known_at) < known_at,
        tells_take_up=experiment.form != Experiment.Form.VARIANTS,
        plan_is_kept=digest(experiment.plan) == experiment.plan_hash and _shares_are_planned(experiment, variants),
        misplaced=found.misplaced,
        waiting=found.waiting,
    )


def came_to_its_end(experiment: Experiment, at: datetime) -> bool:
    """
    Return whether an experiment had reached its planned end.

    One that somebody ended early has not: when to end may have been decided by what was seen.
    """
    planned, ended = experiment.ends_at, experiment.ended_at
    return planned is not None and planned <= at and (ended is None or ended >= planned)


def _shares_are_planned(experiment: Experiment, variants: list[Variant]) -> bool:
    planned = [(each["code"], each["share_bp"], each["is_control"]) for each in experiment.plan.get("variants", [])]
    return planned == [(each.code, each.share_bp, each.is_control) for each in variants]
