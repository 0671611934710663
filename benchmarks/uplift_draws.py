"""
How right each estimator is on retailers whose truth is known: bias, coverage of intervals, and false claims without effect.

All estimators see the same draws. Event studies tell an amount per member and month; as a share it is divided by what members
spent less that amount. diff-diff's answers are of the same matrix of customers and months as our event studies.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics.uplift import imputation, staggered
from analytics.uplift.band import band_of
from analytics.uplift.cohorts import CohortTable
from analytics.uplift.effects import Study
from analytics.uplift.measuring import measure
from analytics.uplift.panel import NEVER, NOBODY, Floats, Panel, Places
from analytics.uplift.plan import Plan
from analytics.uplift.results import Measured
from analytics.uplift.simulation.designs import DESIGNS, Design
from analytics.uplift.simulation.simulating import simulate
from benchmarks.measuring import Figure

EFFECTS = (0.0, 0.07)
LEVEL, REACH = 0.95, 1.959963984540054
KNOWN = 6  # months: who bought in them is compared from then on, as our event studies do it
COLUMNS = ("spent", "customer", "month", "joined")
NO_CLAIM = "need"  # in which nothing honest can be said: it must be graded C or D
COVERED, FALSE_CLAIMS, DOUBTED, AGREES = 0.92, 0.05, 0.90, 1e-6


@dataclass(frozen=True)
class Answer:
    """What an estimator says of one draw, as a share; without an interval where it tells none."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass
class Tally:
    """What an estimator said of the draws of a design and an effect."""

    effect: float
    answers: list[Answer] = field(default_factory=list)
    silent: int = 0

    def add(self, answer: Answer | None) -> None:
        if answer is None:
            self.silent += 1
        else:
            self.answers.append(answer)

    @property
    def told(self) -> list[Answer]:
        return [each for each in self.answers if not np.isnan(each.low)]

    @property
    def bias(self) -> float:
        return float(np.mean([each.value for each in self.answers]) - self.effect) if self.answers else float("nan")

    @property
    def spread(self) -> float:
        return float(np.std([each.value for each in self.answers])) if self.answers else float("nan")

    @property
    def covered(self) -> float:
        """The share of intervals with the truth in them; who says nothing is not wrong."""
        return _share([each.low <= self.effect <= each.high for each in self.told], len(self.told) + self.silent, 1)

    @property
    def claims(self) -> float:
        """The share of all draws of which an effect other than zero is claimed."""
        return _share([not each.low <= 0 <= each.high for each in self.told], len(self.told) + self.silent, 0)

    @property
    def width(self) -> float:
        return float(np.mean([each.high - each.low for each in self.told])) if self.told else float("nan")


def _share(flags: Sequence[bool], of: int, otherwise: int) -> float:
    return (sum(flags) + otherwise * (of - len(flags))) / of if of else float("nan")


@dataclass
class Draws:
    """All that was said of a design with one effect: by estimator, the grades, and how far from diff-diff ours are."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    grades: dict[str, int] = field(default_factory=dict)
    apart: float = 0.0

    def add(self, name: str, effect: float, answer: Answer | None) -> None:
        self.tallies.setdefault(name, Tally(effect)).add(answer)


def figures(*, draws: int, customers: int, designs: Sequence[Design] = DESIGNS, larger: int = 0) -> list[Figure]:
    """
    Draw, print a table, and return the figures with their bars.

    :param larger: how many customers the retailers have, in a second round, of whom nothing can be said honestly: so many
        that no grade is refused for want of members alone
    """
    rounds = [(design, effect, customers) for design, effect in product(designs, EFFECTS)]
    rounds += [
        (design, effect, larger) for design, effect in product(designs, EFFECTS) if larger and design.code == NO_CLAIM
    ]
    found = list[Figure]()
    for design, effect, size in rounds:
        draws_of_it = drawn(design, effect, draws=draws, customers=size)
        _show(f"{design.code}, {size:,} customers", effect, draws_of_it)
        found += _judged(f"{design.code}_{size}", effect, draws_of_it, can_claim=design.code != NO_CLAIM)
    return found


def drawn(design: Design, effect: float, *, draws: int, customers: int) -> Draws:
    """Ask every estimator about so many draws: seeds 0, 1, ..."""
    found = Draws()
    for seed in range(draws):
        panel = simulate(design, customers=customers, effect=effect, seed=seed).panel
        measured = measure(panel, Plan(level=LEVEL))
        found.grades[measured.grade] = found.grades.get(measured.grade, 0) + 1
        for name, answer in (*of_measured(measured), *of_studies(panel, found)):
            found.add(name, effect, answer)
    return found


def of_measured(measured: Measured) -> Iterator[tuple[str, Answer | None]]:
    """Yield the band, which is silent where it is refused, what it would have been then, its estimates, and the plain gap."""
    band, effect = measured.band, measured.effect
    yield "band", None if band is None or effect is None else Answer(effect, *band)
    would_be = band_of(measured.estimates)
    yield "band, if refused too", None if would_be is None else Answer(would_be.effect, would_be.low, would_be.high)
    for each in measured.estimates:
        effects = each.effect
        yield each.method, None if effects is None else Answer(effects.value, effects.low, effects.high)
    yield "naive gap", None if measured.gap.share is None else Answer(measured.gap.share)


def of_studies(panel: Panel, found: Draws) -> Iterator[tuple[str, Answer | None]]:
    """Yield our event studies, without the month of joining, and diff-diff's overall effects."""
    spent, joined = by_month(panel)
    table = CohortTable.of(spent, joined)
    member = np.arange(table.months) >= table.joined[:, None]
    after = np.arange(table.months) > table.joined[:, None]
    ours = {
        "Callaway-Sant'Anna": staggered.by_months_since(staggered.cohort_effects(table), joining_month=False),
        "imputation": imputation.by_months_since(imputation.impute(table), joining_month=False),
    }
    for name, study in ours.items():
        yield name, _as_share(study, table, after)
    theirs = of_diff_diff(spent, joined)
    for name, (value, error) in theirs.items():
        yield f"diff-diff, {name}", as_share(value, error, _mean(table, member))
    mine = (
        staggered.simple(staggered.cohort_effects(table)),
        imputation.by_months_since(imputation.impute(table)).overall,
    )
    found.apart = max([
        found.apart, *(abs(each.estimates[0] - value) for each, (value, _) in zip(mine, theirs.values(), strict=True)),
    ])  # fmt: skip


def of_diff_diff(spent: Floats, joined: Places) -> dict[str, tuple[float, float]]:
    """Return diff-diff's overall effects with their errors, by estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diff_diff import CallawaySantAnna, ImputationDiD  # noqa: PLC0415 - it warns where it is imported

        rows = frame(spent, joined)
        told = {
            "Callaway-Sant'Anna": CallawaySantAnna().fit(rows, *COLUMNS),
            "imputation": ImputationDiD().fit(rows, *COLUMNS),
        }
    return {name: (float(each.overall_att), float(each.overall_se)) for name, each in told.items()}


def by_month(panel: Panel) -> tuple[Floats, Places]:
    """Return what each customer spent by month (customers x months), and the place of the month of joining, `NEVER` for none."""
    first = panel.orders.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    start = int(np.datetime64(panel.first, "D").astype("datetime64[M]").astype(np.int64))
    place, linked = first - start - KNOWN, panel.orders.customer != NOBODY
    known = np.unique(panel.orders.customer[linked & (place < 0)])
    row = np.full(len(panel.customers), -1)
    row[known] = np.arange(len(known))
    mine = linked & (place >= 0)
    mine[mine] = row[panel.orders.customer[mine]] >= 0
    months = int(place.max()) + 1
    cells = row[panel.orders.customer[mine]] * months + place[mine]
    spent = np.bincount(cells, weights=panel.orders.value[mine], minlength=len(known) * months).reshape(-1, months)
    day = panel.customers.joined[known]
    month = np.where(day == NEVER, 0, day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return spent.astype(np.float64), np.where(day == NEVER, NEVER, month - start - KNOWN).astype(np.int32)


def frame(spent: Floats, joined: Places) -> Any:
    """Return the same as diff-diff wants it: a row per customer and month."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and only theirs

    kept = joined > 0
    customers, months = int(kept.sum()), spent.shape[1]
    return pd.DataFrame({
        "customer": np.repeat(np.arange(customers), months),
        "month": np.tile(np.arange(months), customers),
        "spent": spent[kept].ravel(),
        "joined": np.repeat(np.where(joined[kept] == NEVER, 0, joined[kept]), months),
    })  # fmt: skip


def _mean(table: CohortTable, cells: Any) -> float:
    """Return what a member spent a month in some cells of the table."""
    counts = table.customers[:, None] * cells
    return float((table.sums * cells).sum() / counts.sum())


def _as_share(study: Study, table: CohortTable, cells: Any) -> Answer:
    (told,) = study.overall.ranges(table, LEVEL)
    return as_share(told.value, told.error, _mean(table, cells))


def as_share(value: float, error: float, spent: float) -> Answer:
    """Return an amount as a share of what members would have spent without it."""
    base = spent - value
    return Answer(value / base, (value - REACH * error) / base, (value + REACH * error) / base)


def _show(title: str, effect: float, draws: Draws) -> None:
    grades = ", ".join(f"{grade} {count}" for grade, count in sorted(draws.grades.items()))
    title = f"{title}, true effect {effect:.0%}: grades {grades}"
    table = Table("estimator", "bias", "spread", "interval", "covers", "claims an effect", "silent", title=title)
    for name, tally in draws.tallies.items():
        told = [f"{tally.width:.3f}", f"{tally.covered:.0%}", f"{tally.claims:.0%}"] if tally.told else ["", "", ""]
        table.add_row(name, f"{tally.bias:+.3f}", f"{tally.spread:.3f}", *told, str(tally.silent or ""))
    Console(width=110).print(table)


def _judged(code: str, effect: float, draws: Draws, *, can_claim: bool) -> Iterator[Figure]:
    total, band = sum(draws.grades.values()), draws.tallies["band"]
    name = f"{code}_{effect:.0%}"
    yield Figure(f"{name}_apart_from_diff_diff", draws.apart, "of the currency", AGREES)
    if not can_claim:
        doubted = (draws.grades.get("C", 0) + draws.grades.get("D", 0)) / total
        yield Figure(f"{name}_graded_c_or_d", 100 * doubted, "%", 100 * DOUBTED, at_least=True)
        return
    yield Figure(f"{name}_covered", 100 * band.covered, "%", 100 * COVERED, at_least=True)
    if effect == 0:
        yield Figure(f"{name}_false_claims", 100 * band.claims, "%", 100 * FALSE_CLAIMS)
