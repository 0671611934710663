"""Recommendation runs: read, hold the last four weeks out, serve what was right, write it down, and keep what was found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.asking import ask_once
from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.recommendations import writing
from analytics.recommendations.baskets import Pairs
from analytics.recommendations.methods import NEW, POPULAR_WITHIN, TASKS, ByWeights, Maker, fitted
from analytics.recommendations.models import RecommendationRun, RecommendationSettings
from analytics.recommendations.picking import NONE, SOURCES
from analytics.recommendations.purchases import by_popularity, popularity
from analytics.recommendations.reading import Past, read
from analytics.recommendations.reasons import reasons
from analytics.recommendations.relating import related
from analytics.recommendations.validating import Verdict, validate
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.models import Retailer

LOCK = 7_010  # the first key of the advisory lock; the second is the retailer
LENGTH = 12  # of a list: more than are shown, for some may be out of stock by then
POPULAR_LENGTH = 30
Progress = Callable[[str, int, int], None]  # the step's name, how much is done, of how much


class AnotherRecommendationRun(DomainError):
    code = "recommendation_run_going_on"
    kind = Kind.CONFLICT
    message = _("Recommendations for this retailer are being made already.")


def nobody_watches(_step: str, _done: int, _of: int) -> None:
    """Tell nobody about the progress."""


def ask(retailer: Retailer, *, now: datetime, author: str) -> RecommendationRun:
    """Let a worker recommend products to a retailer's customers; again while that waits it changes nothing."""
    return ask_once(RecommendationRun(retailer=retailer, author=author, asked_at=now), retailer)


def recommend(
    retailer: Retailer, *, now: datetime, author: str = "", on_progress: Progress = nobody_watches
) -> RecommendationRun:
    """
    Recommend products to a retailer's customers now, and keep how right that is.

    :raises AnotherRecommendationRun: when one is going on
    """
    with _alone(retailer):
        clean_up(retailer)
        run = RecommendationRun.objects.create(retailer=retailer, author=author, asked_at=now)
        _carry_out(run, on_progress, now)
    return run


def retailers_with_asked() -> list[int]:
    """Return the ids of the retailers of whom a run was asked for."""
    asked = RecommendationRun.objects.filter(status=RecommendationRun.Status.ASKED)
    return list(asked.values_list("retailer_id", flat=True).distinct())


def retailers_who_want_nights() -> list[int]:
    """Return the ids of the retailers that want new lists every night: others cost a night nothing."""
    return list(RecommendationSettings.objects.filter(is_nightly=True).values_list("retailer_id", flat=True))


def run_next(retailer: Retailer, *, now: datetime) -> bool:
    """Carry out the run that was asked for first; return whether there was one, and nobody else is at work."""
    try:
        with _alone(retailer):
            clean_up(retailer)
            asked = RecommendationRun.objects.filter(retailer=retailer, status=RecommendationRun.Status.ASKED)
            run = asked.select_related("retailer").order_by("pk").first()
            if run is None:
                return False
            _carry_out(run, nobody_watches, now)
            return True
    except AnotherRecommendationRun:
        return False


def latest_run(retailer_id: int) -> RecommendationRun | None:
    """Return the newest run of a retailer that came to an end."""
    over = (RecommendationRun.Status.DONE, RecommendationRun.Status.REFUSED)
    return RecommendationRun.objects.filter(retailer=retailer_id, status__in=over).order_by("-pk").first()


def clean_up(retailer: Retailer) -> None:
    """Mark runs that died."""
    for run in RecommendationRun.objects.filter(retailer=retailer, status=RecommendationRun.Status.RUNNING):
        run.write(status=RecommendationRun.Status.FAILED, code="died", finished_at=timezone.now())


@contextmanager
def _alone(retailer: Retailer) -> Iterator[None]:
    (locked,) = bulk.fetch("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, retailer.pk])[0]
    if not locked:
        raise AnotherRecommendationRun
    try:
        yield
    finally:
        bulk.fetch("SELECT pg_advisory_unlock(%s, %s)", [LOCK, retailer.pk])


def _carry_out(run: RecommendationRun, on_progress: Progress, now: datetime) -> None:
    """Make the lists, and write down how it ended, whatever that is."""
    status = RecommendationRun.Status
    run.write(status=status.RUNNING)

    def watched(step: str, done: int, of: int) -> None:
        if run.step != step:
            run.write(step=step)
        on_progress(step, done, of)

    try:
        ended = _made(run, watched, now)
    except Exception as error:
        details = {"error": type(error).__name__}
        run.write(status=status.FAILED, code="error", details=details, finished_at=timezone.now())
        raise
    run.write(status=status.DONE if ended else status.REFUSED, finished_at=timezone.now())


def _made(run: RecommendationRun, on_progress: Progress, now: datetime) -> bool:
    """Make lists; return whether there was anything to recommend."""
    if verdict(run.retailer, Use.RECOMMENDATIONS).is_blocked:
        writing.serve(run.retailer, is_carried=False)
        run.write(code="not_carried")
        return False
    on_progress("reading", 0, 1)
    settings = RecommendationSettings.objects.filter(pk=run.retailer_id).first()
    past = read(run.retailer, now=now, excluded=settings.excluded_categories if settings else None)
    on_progress("reading", 1, 1)
    if past is None or not past.catalogue.shelf.items.any():
        writing.forget(run.retailer)
        run.write(code="nothing_bought" if past is None else "nothing_left")
        return False
    run.write(
        data_cut=past.cut, history_days=past.history_days, customers=past.everyone.customers,
        consenting=len(past.ids), items=len(past.catalogue.skus), excluded=past.catalogue.excluded,
    )  # fmt: skip
    verdicts = _validated(past, on_progress)
    run.write(verdicts={task: asdict(verdict) for task, verdict in verdicts.items()})
    pairs = Pairs.of(past.everyone)
    run.write(coverage=_listed(run, past, verdicts, pairs, on_progress))
    on_progress("products", 0, 1)
    _products(run, past, pairs)
    on_progress("products", 1, 1)
    return True


def _validated(past: Past, on_progress: Progress) -> dict[str, Verdict]:
    verdicts = {}
    for done, task in enumerate(TASKS):
        on_progress("validating", done, len(TASKS))
        verdicts[task] = validate(task, past.consenting, past.catalogue.shelf)
    on_progress("validating", len(TASKS), len(TASKS))
    return verdicts


def _listed(
    run: RecommendationRun, past: Past, verdicts: dict[str, Verdict], pairs: Pairs, on_progress: Progress
) -> dict[str, dict[str, int]]:
    """Write everybody's lists, block by block; return what they show."""
    shelf, purchases = past.catalogue.shelf, past.consenting
    tells = {task: fitted(task, verdicts[task].served, purchases) for task in TASKS}
    makers = {task: Maker.of(task, tells[task], purchases, shelf, length=LENGTH) for task in TASKS}
    weights = next((tell.learned for tell in tells.values() if isinstance(tell, ByWeights)), None)
    shown = {task: np.zeros(purchases.items, dtype=bool) for task in TASKS}
    counts = {task: np.zeros(len(SOURCES), np.int64) for task in TASKS}
    for first in makers[TASKS[0]].firsts:
        block, found = makers[TASKS[0]].block(first), {}
        for task, maker in makers.items():
            lists = maker.lists(first)
            found[task] = (lists, reasons(lists, block.purchases, pairs, weights if task == NEW else None))
            shown[task][lists.items[lists.items != NONE]] = True
            counts[task] += np.bincount(lists.source[lists.source != NONE], minlength=len(SOURCES))
        ids = past.ids[first : first + block.purchases.customers]
        writing.write_block(run, ids, found, past.catalogue.skus)
        on_progress("writing", first + len(ids), len(past.ids))
    return {
        task: {"distinct": int(shown[task].sum()), "by_method": int(counts[task][0]),
               "by_category": int(counts[task][1]), "by_popularity": int(counts[task][2])}
        for task in TASKS
    }  # fmt: skip


def _products(run: RecommendationRun, past: Past, pairs: Pairs) -> None:
    late = popularity(past.everyone, POPULAR_WITHIN)
    popular = [item for item in by_popularity(late).tolist() if past.catalogue.shelf.items[item] and late[item]]
    goes = related(past.everyone, pairs, past.catalogue.shelf, past.catalogue.price)
    writing.write_products(run, popular[:POPULAR_LENGTH], goes, past.catalogue.skus)
