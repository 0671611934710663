"""Value of every customer: read, choose, fit, score, store as a run, and write down for the floors below."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import formats
from django.utils.translation import gettext_lazy as _

from analytics import card, reading, scoring, statistics, writing
from analytics.asking import ask_once
from analytics.blocks import Block
from analytics.choosing import Chosen, Sample, activation, choose, share_of
from analytics.clv.formulas import DAYS_A_YEAR, MIN_DAYS, lifetime_from_churn
from analytics.clv.statements import Statement
from analytics.clv.tuples import Floats, Tuples, collect
from analytics.margins import margin, rate_of_goods
from analytics.models import CustomerValue, ValueRun
from analytics.reading import Spool
from analytics.scoring import Plan
from analytics.segments.assigning import assign, forget_unfinished
from analytics.truncation import is_truncated
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.money import decimals_of
from customers.models import Retailer

LOCK = 7_006  # the first key of the advisory lock; the second is the retailer
DEFAULT_LIFETIME_YEARS = 3.0
NEARLY_ALL = 0.995
SEED = 7  # of all draws: the same data have the same ranges, so that a night without news writes nothing
Progress = Callable[[str, int, int], None]  # the step's name, how much is done, of how much


class AnotherRun(DomainError):
    code = "value_run_going_on"
    kind = Kind.CONFLICT
    message = _("The value of this retailer's customers is being computed already.")


class CutAhead(DomainError):
    code = "cut_ahead_of_the_data"
    kind = Kind.INVALID
    message = _("The data end on {last}; they cannot be cut on {cut}, after it.")


class CutBeforeData(DomainError):
    code = "cut_before_the_data"
    kind = Kind.INVALID
    message = _("The first order is of {first}; nothing was known on {cut}.")


def forget_plan(_plan: Plan) -> None:
    """Let a plan go with its run."""


def nobody_watches(_step: str, _done: int, _of: int) -> None:
    """Tell nobody about the progress."""


def compute_value(  # noqa: PLR0913 - of whom, when, until when, for how long, at which rate, told to whom
    retailer: Retailer,
    *,
    now: datetime,
    cut: date | None = None,
    horizon_days: int = 365,
    discount_rate: Decimal = Decimal("0.10"),
    on_progress: Progress = nobody_watches,
    on_plan: Callable[[Plan], None] = forget_plan,
) -> ValueRun | None:
    """
    Compute and store the value of every customer who bought.

    What is computed of all the data is written down for others to read; of an earlier cut it is kept to be looked at.

    :param cut: the last day of data; the last day with an order if None
    :param discount_rate: a year, by which later purchases count less
    :param on_plan: is told by what all customers are scored, so that others can score the same elsewhere
    :returns: the run, also where the data allow no prediction (it says why); None when nothing was ever bought
    :raises AnotherRun: when one is going on
    :raises CutAhead: when there are no data until then
    :raises CutBeforeData: when nothing had been bought by then
    """
    run = ValueRun(retailer=retailer, ran_at=now, data_cut=cut, horizon_days=horizon_days, discount_rate=discount_rate)
    with _alone(retailer):
        clean_up(retailer)
        return run if _carried_out(run, on_progress, on_plan) else None


def compute_or_ask(retailer: Retailer, *, now: datetime) -> None:
    """Compute a night's values; where another run goes on, which may be of an earlier day, have it done after that one."""
    try:
        compute_value(retailer, now=now)
    except AnotherRun:
        ask(retailer, now=now, author="")


def ask(retailer: Retailer, *, now: datetime, author: str, **given: Any) -> ValueRun:
    """
    Let a worker compute the value of a retailer's customers; what is given is as for `compute_value`.

    The same question while one waits is answered with that one.
    """
    run = ValueRun(retailer=retailer, status=ValueRun.Status.ASKED, ran_at=now, author=author,
                   currency=retailer.currency, has_values=False, **given)  # fmt: skip
    return ask_once(
        run, retailer, data_cut=run.data_cut, horizon_days=run.horizon_days, discount_rate=run.discount_rate
    )


def retailers_with_asked() -> list[int]:
    """Return the ids of the retailers of whom a run was asked for."""
    return list(ValueRun.objects.filter(status=ValueRun.Status.ASKED).values_list("retailer_id", flat=True).distinct())


def run_next(retailer: Retailer, *, now: datetime) -> bool:
    """Carry out the run that was asked for first; return whether there was one, and nobody else is at work."""
    try:
        with _alone(retailer):
            clean_up(retailer)
            run = ValueRun.objects.filter(retailer=retailer, status=ValueRun.Status.ASKED).order_by("pk").first()
            if run is None:
                return False
            run.ran_at = now
            _answer(run)
            return True
    except AnotherRun:
        return False


def _answer(run: ValueRun) -> None:
    try:
        if not _carried_out(run, nobody_watches, forget_plan):
            _fail(run, Statement("nothing_bought"))
    except (CutAhead, CutBeforeData) as error:
        _fail(run, Statement(error.code, {name: formats.date_format(day) for name, day in error.facts.items()}))


def _carried_out(run: ValueRun, on_progress: Progress, on_plan: Callable[[Plan], None]) -> bool:
    """Compute a run; return whether anything was ever bought."""
    retailer = run.retailer
    on_progress("statistics", 0, 1)
    statistics.refresh(retailer)
    run.differences = statistics.rebuild(retailer)
    on_progress("statistics", 1, 1)
    known = reading.span(retailer)
    if known is None:
        writing.forget(retailer)
        return False
    first, last = known
    cut = run.data_cut or last
    if cut > last:
        raise CutAhead(cut=cut, last=last)
    if cut < first:
        raise CutBeforeData(cut=cut, first=first)
    run.status, run.data_cut, run.is_current, run.has_values = ValueRun.Status.RUNNING, cut, cut == last, True
    run.currency, run.margin_rate = retailer.currency, retailer.margin_rate
    run.never_bought = reading.never_bought(retailer, None if run.is_current else cut)
    run.is_truncated = is_truncated(reading.first_purchases(retailer), cut)
    run.save()
    with _marked_if_it_fails(run):
        _compute(run, first, on_progress, on_plan)
    return True


@contextmanager
def _alone(retailer: Retailer) -> Iterator[None]:
    (locked,) = bulk.fetch("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, retailer.pk])[0]
    if not locked:
        raise AnotherRun
    try:
        yield
    finally:
        bulk.fetch("SELECT pg_advisory_unlock(%s, %s)", [LOCK, retailer.pk])


def clean_up(retailer: Retailer) -> None:
    """Mark runs that died, and forget what they had written; the next publication writes down whatever differs."""
    for run in ValueRun.objects.filter(retailer=retailer, status=ValueRun.Status.RUNNING):
        _fail(run, Statement("died"))


@contextmanager
def _marked_if_it_fails(run: ValueRun) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        _fail(run, Statement("error", {"error": type(error).__name__}))
        raise


def _fail(run: ValueRun, reason: Statement) -> None:
    with transaction.atomic():
        run.status, run.code, run.details = ValueRun.Status.FAILED, reason.code, dict(reason.values)
        run.save(update_fields=["status", "code", "details"])
        writing.drop_partition(run)
        forget_unfinished(run)


@dataclass
class Sums:
    """What is summed up over all customers in one pass."""

    customers: int = 0
    total: float = 0.0
    paid_with_points: float = 0.0
    costed: float = 0.0
    cost: float = 0.0
    long_occasions: int = 0
    long_days: int = 0
    rows: list[Any] = field(default_factory=list)

    def add(self, block: Block) -> None:
        self.customers += len(block)
        self.total += float(block.total.sum())
        self.paid_with_points += float(block.paid_with_points.sum())
        self.costed += float(block.costed.sum())
        self.cost += float(block.cost.sum())
        long = block.age >= MIN_DAYS
        self.long_occasions += int(block.occasions[long].sum())
        self.long_days += int(block.age[long].sum())

    @property
    def goods(self) -> float:
        """The value of what was bought and kept, however paid."""
        return self.total + self.paid_with_points

    @property
    def common_rate(self) -> float:
        """Purchases a year of all who have been customers for 90 days."""
        return self.long_occasions / self.long_days * DAYS_A_YEAR if self.long_days else float("nan")


def _compute(run: ValueRun, first: date, on_progress: Progress, on_plan: Callable[[Plan], None]) -> None:
    with Spool(reading.blocks(run.retailer, run.cut)) as spool:
        sums, sample = Sums(), Sample.among(spool.customers)
        tuples = collect(_gathered(spool, sums, sample, on_progress))
        run.customers = sums.customers
        chosen = _choose(run, tuples, sample, first, on_progress)
        plan = _planned(run, sums, chosen, tuples, on_progress)
        _describe(run, chosen, plan, tuples)
        on_plan(_stage(run, spool, plan, on_progress))
        _range_of_total(run, chosen, plan, sample)
    on_progress("publishing", 0, 1)
    if run.is_current:
        published = writing.publish(run)
        run.card["published"] = {"written": published.written, "removed": published.removed}
    assign(run, is_current=run.is_current)
    run.status = ValueRun.Status.REFUSED if chosen.prediction is None else ValueRun.Status.DONE
    run.save()
    writing.drop_old(run.retailer)
    on_progress("publishing", 1, 1)


def _gathered(spool: Spool, sums: Sums, sample: Sample, on_progress: Progress) -> Iterator[tuple[Any, ...]]:
    for block in spool:
        sums.add(block)
        sample.add(block)
        on_progress("reading", sums.customers, spool.customers)
        yield block.frequency, block.recency, block.age


def _choose(run: ValueRun, tuples: Tuples, sample: Sample, first: date, on_progress: Progress) -> Chosen:
    if not run.customers:
        return Chosen(Statement("all_returned"))
    on_progress("models", 0, 2)
    chosen = choose(
        run.retailer, tuples, sample, first=first, cut=run.cut, horizon_days=run.horizon_days,
        rate=float(run.discount_rate),
    )  # fmt: skip
    on_progress("models", 1, 2)
    return chosen


def _planned(run: ValueRun, sums: Sums, chosen: Chosen, tuples: Tuples, on_progress: Progress) -> Plan:
    """Return all that customers are scored by, but for the deciles."""
    churn = reading.churn_a_year(run.retailer, run.cut, known=None if run.is_current else run.cut)
    lifetime = DEFAULT_LIFETIME_YEARS if churn is None else lifetime_from_churn(churn)
    plan = Plan(_money(run, sums), scoring.Formula(lifetime, sums.common_rate))
    if chosen.prediction is not None:
        plan = replace(plan, prediction=scoring.predict_rows(chosen.prediction, tuples, seed=SEED))
    on_progress("models", 2, 2)
    return plan


def _money(run: ValueRun, sums: Sums) -> scoring.Money:
    """Return what turns revenue into value, and note on the run what it is."""
    basis, rate = ValueRun.Basis, None if run.margin_rate is None else float(run.margin_rate)
    if sums.costed > 0:
        run.basis = basis.COSTS_AND_RATE if rate is not None else basis.COSTS_EXTENDED
        if sums.costed >= NEARLY_ALL * sums.goods:
            run.basis = basis.COSTS
        rate = rate_of_goods(rate, costed=sums.costed, cost=sums.cost)
    else:
        run.basis = basis.REVENUE if rate is None else basis.RATE
    run.margin_share = _margin_share(sums, rate)
    run.costed_share = min(sums.costed / sums.goods, 1.0) if sums.goods > 0 else 0.0
    return scoring.Money(rate, run.margin_share, decimals_of(run.currency))


def _margin_share(sums: Sums, rate: float | None) -> float:
    """Return what is left of revenue, as `scoring.Money.margin` has it of each customer; all of it where nothing is known."""
    if rate is None or sums.total <= 0:
        return 1.0 if rate is None else rate
    left: float = margin(value=sums.total, paid=sums.paid_with_points, costed=sums.costed, cost=sums.cost, rate=rate)
    return left / sums.total


def _describe(run: ValueRun, chosen: Chosen, plan: Plan, tuples: Tuples) -> None:
    """Note on the run what was chosen, why, how wrong it was and how well it fits."""
    run.code, run.details = chosen.reason.code, card.said(chosen.reason)["values"]
    run.held_out = card.held_out(chosen)
    run.calibration_cut = chosen.origins[0].at if chosen.origins else None
    run.card = {
        "tracking": card.tracking(run, chosen, run.customers),
        "change": card.change(latest_run(run.retailer_id)),
        "formula": card.said(_formula_said(plan.formula)),
    }
    if plan.prediction is None:
        return
    prediction = plan.prediction
    run.model, run.factor = prediction.model.name, prediction.factor
    run.parameters = card.parameters(chosen.fit, prediction.spend)
    run.card["spend"] = card.said(prediction.spend.reason)
    if run.never_bought:
        share, known = share_of(run.never_bought), None if run.is_current else run.cut
        waits = reading.waits(run.retailer, run.cut, share, known=known)
        activated = activation(waits, prediction, run.never_bought, plan.money.margin_share)
        run.card["activation"] = card.said(activated)
    run.card["frequencies"] = card.frequencies(prediction.model, tuples, seed=SEED)


def _formula_said(formula: scoring.Formula) -> Statement:
    """Return what values by formula rest on."""
    if np.isnan(formula.common_rate):
        return Statement("no_formula", {"days": MIN_DAYS})
    said = {"lifetime_years": formula.lifetime_years, "days": MIN_DAYS, "purchases_a_year": formula.common_rate}
    return Statement("by_formula", said)


def _stage(run: ValueRun, spool: Spool, plan: Plan, on_progress: Progress) -> Plan:
    """Rank everybody, and copy what is said of each block; return the plan by which it was said."""
    values = _ranks(spool, plan)
    if plan.prediction is not None:
        run.total_value = Decimal(f"{values.sum():.{plan.money.decimals}f}")
    plan = replace(plan, deciles=scoring.Deciles.among(values))
    del values
    with transaction.atomic():
        writing.open_partition(run)
    staged = 0
    for block in spool:
        staged = writing.stage(run, scoring.score(block, plan), staged)
        on_progress("writing", staged, spool.customers)
    writing.close_partition(run)
    return plan


def _range_of_total(run: ValueRun, chosen: Chosen, plan: Plan, sample: Sample) -> None:
    if plan.prediction is None or run.total_value is None:
        return
    low, high = card.total_range(plan.prediction, chosen, sample.customers(), seed=SEED)
    total, decimals = float(run.total_value), plan.money.decimals
    run.total_low, run.total_high = (Decimal(f"{each:.{decimals}f}") for each in sorted((total * low, total * high)))


def _ranks(spool: Spool, plan: Plan) -> Floats:
    """Return by what everybody is ranked: the one column that is of all customers at once."""
    values, first = np.empty(spool.customers), 0
    for block in spool:
        values[first : first + len(block)] = _ranked(block, plan)
        first += len(block)
    return values


def _ranked(block: Block, plan: Plan) -> Floats:
    value = scoring.value(block, plan)
    return block.total if value is None else value


def latest_run(retailer_id: int) -> ValueRun | None:
    """Return the run of a retailer's whole data that came to its end last, whenever it was asked for."""
    runs = ValueRun.objects.filter(retailer=retailer_id, status__in=ValueRun.FINISHED, is_current=True)
    return runs.order_by(*ValueRun.LAST_FIRST).first()


def top_customers(run: ValueRun, limit: int) -> list[CustomerValue]:
    """Return the customers with the highest value of a run."""
    values = CustomerValue.objects.filter(run=run).select_related("customer")
    return list(values.order_by("-predicted_value", "-formula_value")[:limit])
