"""Roll-outs judged: asked for with a frozen plan, carried out by a worker one after the other, kept, and computed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.asking import ask_once
from analytics.experiments.version import version_of
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.reading import Read, read
from analytics.uplift.roll_outs import DRAWS, LEVEL, CannotJudge, Judged, judge_roll_out
from analytics.uplift_runs.storing import as_json, from_json
from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Kind
from customers.core.texts import can_be_stored
from customers.models import Retailer
from loyalty.experiments.rules import digest

SEED, MAX_STORES = 7, 1_000
LOCK = 7_013  # the first key of the advisory lock; the second is the retailer
MODULES = (
    "analytics.margins",
    "analytics.statistics",
    "analytics.roll_outs.reading",
    "analytics.uplift.roll_outs",
    "analytics.uplift.synthetic",
)


class NoStores(DomainError):
    code = "no_stores_named"
    kind = Kind.INVALID
    message = _("Name the stores in which it began, {limit} at most.")


class NotBegunYet(DomainError):
    code = "roll_out_not_begun"
    kind = Kind.INVALID
    message = _("It begins on {day}. It is judged when a whole month has passed since.")


@dataclass(frozen=True)
class Again:
    """
    A run that was computed once more; nothing of it is kept.

    :param same_data: what was recorded by then is read as it was; else some was corrected since
    :param same_code: by the version of then
    :param same_result: every digit is
    """

    same_data: bool
    same_code: bool
    same_result: bool


@dataclass(frozen=True)
class Found:
    """What a run comes to: what was read, and what is told, or why nothing is."""

    read: Read
    judged: Judged

    def as_json(self) -> dict[str, Any]:
        """Return what is kept of it."""
        told: dict[str, Any] = as_json(self.judged)
        return told | {"months": [month.isoformat() for month in self.read.months]}


class Asked(NamedTuple):
    """
    A roll-out to judge.

    :param stores: the codes of those in which the program began
    :param began_on: the day; a month in the midst of which it began is not compared
    :param metric: revenue or margin
    :param draws: placebos by which the error is told
    """

    stores: Sequence[str]
    began_on: date
    metric: str = "revenue"
    draws: int = DRAWS


def ask(retailer: Retailer, asked: Asked, *, author: str, now: datetime) -> RollOutRun:
    """
    Ask for a roll-out to be judged by a worker; its plan is frozen by a digest before anybody looks.

    The same question while one waits, or is judged, is answered with that one, as recorded until that was asked.

    :raises NoStores: when none is named, or too many are
    :raises NotBegunYet: when it begins later
    """
    named = sorted({each.strip() for each in asked.stores if each.strip() and can_be_stored(each)})
    if not 1 <= len(named) <= MAX_STORES:
        raise NoStores(limit=MAX_STORES)
    if asked.began_on > local_date(now, retailer.tzinfo):
        raise NotBegunYet(day=asked.began_on.isoformat())
    plan = {
        "stores": named, "began_on": asked.began_on.isoformat(), "metric": asked.metric, "known_at": now.isoformat(),
        "level": LEVEL, "draws": asked.draws, "seed": SEED,
    }  # fmt: skip
    run = RollOutRun(
        retailer=retailer, stores=named, began_on=asked.began_on, metric=asked.metric, author=author, asked_at=now, known_at=now,
        currency=retailer.currency, plan=plan, plan_digest=digest(plan), code_version=code_version(),
    )  # fmt: skip
    return ask_once(run, retailer, stores=named, began_on=asked.began_on, metric=asked.metric, plan__draws=asked.draws)


def code_version() -> str:
    """Return a digest of the code by which roll-outs are read and judged."""
    return version_of(MODULES)


def retailers_with_asked() -> list[int]:
    """Return the ids of the retailers of whom a roll-out waits to be judged."""
    asked = RollOutRun.objects.filter(status=RollOutRun.Status.ASKED)
    return list(asked.order_by("retailer_id").values_list("retailer_id", flat=True).distinct())


def run_next(retailer: Retailer) -> bool:
    """Carry out the run that was asked for first; return whether there was one, and nobody else is at work."""
    (locked,) = bulk.fetch("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, retailer.pk])[0]
    if not locked:
        return False
    try:
        asked = RollOutRun.objects.filter(retailer=retailer, status=RollOutRun.Status.ASKED)
        run = asked.select_related("retailer").order_by("pk").first()
        if run is not None:
            _carry_out(run)
        return run is not None
    finally:
        bulk.fetch("SELECT pg_advisory_unlock(%s, %s)", [LOCK, retailer.pk])


def _carry_out(run: RollOutRun) -> None:
    """Judge, and write down how it ended, whatever that is; nothing is locked while it is computed, which takes its time."""
    try:
        found = carried_out(run)
    except CannotJudge as refused:
        said: dict[str, Any] = {
            "status": RollOutRun.Status.REFUSED, "code": refused.reason.code, "details": dict(refused.reason.values),
        }  # fmt: skip
    except Exception as error:  # noqa: BLE001 - told on its page; the next one is judged all the same
        said = {"status": RollOutRun.Status.FAILED, "code": "error", "details": {"error": type(error).__name__}}
    else:
        said = {
            "status": RollOutRun.Status.DONE, "result": found.as_json(), "basis": found.read.basis,
            "data_digest": found.read.digest,
        }  # fmt: skip
    for name, value in said.items():
        setattr(run, name, value)
    run.finished_at, run.code_version = timezone.now(), code_version()
    run.save(update_fields=[*said, "finished_at", "code_version"])


def carried_out(run: RollOutRun) -> Found:
    """
    Return what a run comes to by its plan, of what was recorded until then; nothing is written.

    :raises CannotJudge: where the data allow no comparison
    """
    found = read(run.retailer, run.stores, run.began_on, run.metric, known_at=run.known_at)
    return Found(found, judge_roll_out(found.sales, seed=run.plan["seed"], draws=run.plan["draws"]))


def compute_again(run: RollOutRun) -> Again:
    """Compute a finished run once more, and compare; nothing is written."""
    same_code = code_version() == run.code_version
    try:
        found = carried_out(run)
    except CannotJudge as refused:
        same = run.status == RollOutRun.Status.REFUSED and refused.reason.code == run.code
        return Again(same, same_code, same)
    return Again(found.read.digest == run.data_digest, same_code, found.as_json() == run.result)


def judged_of(run: RollOutRun) -> Judged | None:
    """Return what a run says; None where it says nothing."""
    return None if run.result is None else from_json(Judged, run.result)


def months_of(run: RollOutRun) -> list[date]:
    """Return the months that a run compared."""
    return [date.fromisoformat(each) for each in (run.result or {}).get("months", ())]


def latest(retailer: Retailer) -> RollOutRun | None:
    """Return the newest run of a retailer."""
    return RollOutRun.objects.filter(retailer=retailer).select_related("retailer").order_by("-pk").first()
