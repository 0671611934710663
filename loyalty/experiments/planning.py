"""Experiments until they start: drafts that are checked, and planned; a plan is hashed, so that none is told otherwise later."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from secrets import token_hex
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.experiments.checking import others_of, refuse
from loyalty.experiments.models import Experiment, ExperimentEvent, Variant
from loyalty.experiments.noting import note
from loyalty.experiments.rules import NEAR_MISS, Design, Share, check, digest
from loyalty.programs.models import Program

OWN = ("code", "name", "program", "layer", "form", "unit", "metric", "window_days", "duration_days", "missing_percent")
OF_NEAR_MISS = frozenset({"tier", "missing_percent"})
MAX_EXPERIMENTS = 1_000  # of a retailer
REASON_LENGTH = 500


class NoSuchExperiment(DomainError):
    code = "no_such_experiment"
    kind = Kind.NOT_FOUND
    message = _("There is no experiment {experiment}.")


class ExperimentStarted(DomainError):
    code = "experiment_started"
    kind = Kind.CONFLICT
    message = _(
        "{experiment} has started: its shares, salt, metric and window stay what they are. Make a new experiment instead."
    )


class CodeTaken(DomainError):
    code = "experiment_code_taken"
    kind = Kind.CONFLICT
    message = _("There is an experiment {experiment} already.")


class TooManyExperiments(DomainError):
    code = "too_many_experiments"
    message = _("A retailer has at most {limit} experiments.")


class NothingDetectable(DomainError):
    code = "nothing_detectable"
    kind = Kind.INVALID
    message = _("Say which effect the experiment can detect, or why it is planned without.")


@dataclass(frozen=True, slots=True)
class VariantFact:
    """A variant to be; its place among the others decides which buckets it gets."""

    code: str
    share_bp: int
    is_control: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentFact:
    """
    An experiment to be.

    :param program: None for a hold-out of all programs
    :param salt: empty for a new one
    :param within: the code of the hold-out within which it stands; empty for none
    :param tier: the identity of the tier to which near misses are raised; None for none
    :param missing_percent: how much of what it asks for they lack at most; None for none
    """

    code: str
    name: str
    program: Program | None
    layer: str
    form: str
    variants: tuple[VariantFact, ...]
    salt: str = ""
    unit: str = Experiment.Unit.CUSTOMER.value
    metric: str = Experiment.Metric.MARGIN.value
    window_days: int = 56
    duration_days: int | None = None
    within: str = ""
    tier: UUID | None = None
    missing_percent: int | None = None


def find(retailer: Retailer, code: str) -> Experiment:
    """
    Return a retailer's experiment by its code.

    :raises NoSuchExperiment: when there is none
    """
    found = Experiment.objects.select_related("program", "within").filter(retailer=retailer, code=code).first()
    if found is None:
        raise NoSuchExperiment(experiment=code)
    return found


def locked(experiment: Experiment) -> Experiment:
    """
    Return an experiment as it is now, locked until the transaction ends.

    :raises NoSuchExperiment: when it is no more
    """
    rows = Experiment.objects.select_for_update(of=("self",), no_key=True).select_related(
        "program", "within", "retailer"
    )
    found = rows.filter(pk=experiment.pk).first()
    if found is None:
        raise NoSuchExperiment(experiment=experiment.code)
    return found


@transaction.atomic
def create(retailer: Retailer, fact: ExperimentFact, *, author: str, now: datetime) -> Experiment:
    """
    Write an experiment down as a draft.

    :raises CodeTaken: when another one has its code
    :raises ExperimentHasErrors: when it cannot be: a salt that another one has, shares that do not add up
    """
    Retailer.objects.select_for_update(no_key=True).only("pk").get(pk=retailer.pk)  # one at a time sees the others
    known = Experiment.objects.filter(retailer=retailer)
    if known.filter(code=fact.code).exists():
        raise CodeTaken(experiment=fact.code)
    if known.count() >= MAX_EXPERIMENTS:
        raise TooManyExperiments(limit=MAX_EXPERIMENTS)
    experiment = Experiment(retailer=retailer, created_at=now)
    _fill(experiment, fact)
    note(experiment, ExperimentEvent.Action.CREATED, author=author, said=described(experiment), now=now)
    return experiment


@transaction.atomic
def change(experiment: Experiment, fact: ExperimentFact, *, author: str, now: datetime) -> Experiment:
    """
    Change a draft; a plan of it has to be made anew.

    :raises ExperimentStarted: when it has started
    :raises ExperimentHasErrors: as `create`
    """
    Retailer.objects.select_for_update(no_key=True).only("pk").get(pk=experiment.retailer_id)
    experiment = locked(experiment)
    require_draft(experiment)
    if Experiment.objects.filter(retailer=experiment.retailer_id, code=fact.code).exclude(pk=experiment.pk).exists():
        raise CodeTaken(experiment=fact.code)
    before = described(experiment)
    experiment.plan, experiment.plan_hash, experiment.planned_at, experiment.detectable = {}, "", None, {}
    _fill(experiment, fact)
    after = described(experiment)
    names = {**before, **after}
    changed = {
        name: {"was": before.get(name), "is": after.get(name)} for name in names if before.get(name) != after.get(name)
    }
    note(experiment, ExperimentEvent.Action.CHANGED, author=author, said=changed, now=now)
    return experiment


def design_of(experiment: Experiment, fact: ExperimentFact) -> Design:
    """Return how an experiment would divide customers if it were as a fact says; without a salt it gets a new one."""
    salt = fact.salt or (experiment.salt if fact.code == experiment.code else "") or f"{fact.code}-{token_hex(4)}"
    return Design(
        fact.code,
        fact.program.slug if fact.program else "",
        fact.layer,
        salt,
        fact.unit,
        fact.form,
        fact.metric,
        fact.window_days,
        tuple(Share(each.code, each.share_bp, each.is_control) for each in fact.variants),
        fact.within,
        fact.duration_days,
        str(fact.tier) if fact.tier else "",
        fact.missing_percent,
    )


def _fill(experiment: Experiment, fact: ExperimentFact) -> None:
    design = design_of(experiment, fact)
    refuse(check(design, others_of(experiment)))
    for name in OWN:
        setattr(experiment, name, getattr(fact, name))
    experiment.tier_key = fact.tier
    experiment.salt = design.salt
    siblings = Experiment.objects.filter(retailer=experiment.retailer_id)
    experiment.within = siblings.get(code=fact.within) if fact.within else None
    experiment.save()
    experiment.variants.all().delete()
    Variant.objects.bulk_create(
        Variant(
            experiment=experiment,
            retailer_id=experiment.retailer_id,
            code=each.code,
            name=each.name,
            share_bp=each.share_bp,
            is_control=each.is_control,
            position=place,
        )
        for place, each in enumerate(fact.variants)
    )


def require_draft(experiment: Experiment) -> None:
    """
    Refuse to change what has started.

    :raises ExperimentStarted: then
    """
    if not experiment.is_draft:
        raise ExperimentStarted(experiment=experiment.code)


def described(experiment: Experiment) -> dict[str, Any]:
    """Return how an experiment divides customers, and what it measures, as plain values: what a plan is made of."""
    design = experiment.design()
    found = asdict(design) | {"variants": [asdict(each) for each in design.variants]}
    # As plans of all other forms are known by their digest, also those of before there was this one.
    return {name: said for name, said in found.items() if name not in OF_NEAR_MISS or design.form == NEAR_MISS}


@transaction.atomic
def plan(
    experiment: Experiment, *, detectable: Mapping[str, Any], reason: str = "", author: str, now: datetime
) -> Experiment:
    """
    Say what an experiment is to show, and freeze it by a digest; a draft may be planned again.

    :param detectable: which effect it can detect and with how many, as analytics computed it from the retailer's own data
    :param reason: why it is planned without
    :raises NothingDetectable: when neither is said
    :raises ExperimentStarted: when it has started
    :raises ExperimentHasErrors: when it cannot be
    """
    experiment = locked(experiment)
    require_draft(experiment)
    reason = reason.strip()[:REASON_LENGTH]
    if not detectable and not reason:
        raise NothingDetectable
    refuse(check(experiment.design(), others_of(experiment)))
    experiment.detectable = dict(detectable)
    experiment.plan = described(experiment) | {"detectable": dict(detectable), "reason": "" if detectable else reason}
    experiment.plan_hash, experiment.planned_at = digest(experiment.plan), now
    experiment.save(update_fields=["detectable", "plan", "plan_hash", "planned_at"])
    said = {"plan_hash": experiment.plan_hash} | ({"reason": reason} if not detectable else {"detectable": detectable})
    note(experiment, ExperimentEvent.Action.PLANNED, author=author, said=said, now=now)
    return experiment
