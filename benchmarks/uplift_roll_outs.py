"""
How right roll-outs in stores are measured where the truth is known: bias, coverage of intervals, false claims without effect.

Stores sell by their size, the season, a trend that not all of them share, and what a month brings, which the next one remembers.
The program begins in some of them: drawn by chance, in the larger ones, or in those whose trend is better. Beside it stands the
plain difference of differences, which believes that all would have gone on alike.
"""

from dataclasses import dataclass, field
from itertools import product

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics.uplift.panel import Flags, Floats
from analytics.uplift.roll_outs import Judged, Sales, judge_roll_out
from benchmarks.measuring import Figure

EFFECTS = (0.0, 0.07)
AFTER = 6  # months with the program
MEAN = 50_000.0  # a store and month, in units of the currency
SEASON, TREND, NOISE, REMEMBERED = 0.15, 0.004, 0.04, 0.4


@dataclass(frozen=True)
class Kind:
    """
    Retailers of one kind.

    :param chosen: how the stores with the program came to it: by "chance", by "size" or by "trend"
    :param before: months before it
    """

    name: str
    chosen: str
    stores: int = 40
    treated: int = 10
    before: int = 24


KINDS = (
    Kind("chance", "chance"),
    Kind("larger", "size"),
    Kind("growing", "trend"),
    Kind("few", "chance", stores=15, treated=3, before=12),
)


@dataclass
class Tally:
    """What was told of the draws of a kind and an effect; shares of what the stores would have sold."""

    effect: float
    found: list[Judged] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)

    @property
    def told(self) -> list[tuple[Judged, float]]:
        """What is told with its truth: where the grade is D, nothing is."""
        pairs = zip(self.found, self.truths, strict=True)
        return [(judged, truth) for judged, truth in pairs if judged.grade != "D"]

    @property
    def covered(self) -> float:
        """The share of intervals with the truth in them; who says nothing is not wrong."""
        wrong = sum(not judged.effect.low <= truth <= judged.effect.high for judged, truth in self.told)
        return 1 - wrong / len(self.found)

    @property
    def claims(self) -> float:
        return sum(not judged.effect.low <= 0 <= judged.effect.high for judged, _ in self.told) / len(self.found)

    @property
    def bias(self) -> float:
        """By how much what is told is off, as a share of what the stores would have sold."""
        return float(np.mean([(judged.effect.value - truth) / MEAN for judged, truth in self.told] or [np.nan]))

    @property
    def width(self) -> float:
        return float(np.mean([(judged.effect.high - judged.effect.low) / MEAN for judged, _ in self.told] or [np.nan]))


def figures(*, draws: int, placebos: int) -> list[Figure]:
    """Draw so many roll-outs of each kind and effect, print a table, and return the figures: measured, not judged."""
    table = Table(
        "stores with the program", "true", "bias", "interval", "covers", "claims an effect", "told", "plain bias",
        title=f"roll-outs in stores, {draws} draws each",
    )  # fmt: skip
    found = list[Figure]()
    for kind, effect in product(KINDS, EFFECTS):
        tally = drawn(kind, effect, draws=draws, placebos=placebos)
        cells = (tally.covered, tally.claims, len(tally.told) / draws)
        plain = float(np.mean(tally.plain))
        table.add_row(
            f"{kind.name}: {kind.treated} of {kind.stores}, {kind.before} months before", f"{effect:.0%}",
            f"{tally.bias:+.3f}", f"{tally.width:.3f}", *(f"{each:.0%}" for each in cells), f"{plain:+.3f}",
        )  # fmt: skip
        title = f"roll_out_{kind.name}_{effect:.0%}"
        found.append(Figure(f"{title}_covered", 100 * tally.covered, "%"))
        if not effect:
            found.append(Figure(f"{title}_false_claims", 100 * tally.claims, "%"))
    Console(width=130).print(table)
    return found


def drawn(kind: Kind, effect: float, *, draws: int, placebos: int) -> Tally:
    """Judge so many retailers of a kind: seeds 0, 1, ..."""
    tally = Tally(effect)
    for seed in range(draws):
        sold, treated = _retailer(kind, np.random.default_rng(seed))
        truth = effect * float(sold[treated, kind.before :].mean())
        sold[treated, kind.before :] *= 1 + effect
        stores = [f"s{place}" for place in range(kind.stores)]
        with_it = frozenset(np.array(stores)[treated].tolist())
        sales = Sales(stores, sold, np.ones_like(sold), with_it, kind.before)
        tally.found.append(judge_roll_out(sales, draws=placebos))
        tally.plain.append((_plain(sold, treated, kind.before) - truth) / MEAN)
        tally.truths.append(truth)
    return tally


def _retailer(kind: Kind, rng: np.random.Generator) -> tuple[Floats, Flags]:
    """Return what the stores would sell without the program, stores x months, and which of them get it."""
    months = np.arange(kind.before + AFTER)
    size = rng.lognormal(-0.125, 0.5, kind.stores)
    trend = TREND * (0.5 + rng.standard_normal(kind.stores))
    season = 1 + SEASON * np.sin(2 * np.pi * months / 12)
    noise = np.zeros((kind.stores, len(months)))
    for month in range(len(months)):
        before = noise[:, month - 1] if month else np.zeros(kind.stores)
        noise[:, month] = REMEMBERED * before + NOISE * rng.standard_normal(kind.stores)
    sold = MEAN * size[:, None] * season * (1 + trend[:, None] * months + noise)
    # Who is chosen by something is so with some chance in it: a program never goes to exactly the best ones.
    by = {"chance": np.zeros(kind.stores), "size": np.log(size), "trend": trend / TREND}[kind.chosen]
    order = np.argsort(-(by + rng.standard_normal(kind.stores)))
    treated = np.zeros(kind.stores, dtype=bool)
    treated[order[: kind.treated]] = True
    return np.asarray(sold), treated


def _plain(sold: Floats, treated: Flags, first: int) -> float:
    gained = sold[:, first:].mean(axis=1) - sold[:, :first].mean(axis=1)
    return float(gained[treated].mean() - gained[~treated].mean())
