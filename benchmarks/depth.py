"""
Offer depths chosen from experiments, on simulated shops of known truth: what each rule earns of what could be earned.

    make bench NAME=depth [QUICK=1]

In each of 4,000 shops one experiment is drawn, with so many customers in each arm, and each rule is rolled out: the first
figure is what it truly earns over the long window, as a share of what who knew the truth would earn (by segment); the second
the share of shops in which it loses money. Then 20,000 experiments in which no depth has an effect or a cost.

Last, and kept for measuring without a bar: the default rule where experiments are disturbed, and does not know it; and shares
that drift week by week towards what seems to earn most, beside an experiment that is read once and chosen from.
"""

import os
import sys
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from analytics.uplift.depth import DEEPER, Arms, Z, best_depths, cells_of  # noqa: E402
from analytics.uplift.depth_choosing import MIN_PER_ARM  # noqa: E402
from analytics.uplift.panel import Flags, Floats, Places  # noqa: E402
from analytics.uplift.worlds import (  # noqa: E402
    DEPTHS,
    Drawn,
    Trouble,
    Worlds,
    draw_experiments,
    draw_worlds,
    with_returns,
    without_effect,
)
from benchmarks import depth_by_week  # noqa: E402
from benchmarks.measuring import Figure, arguments, judge, self_cpu  # noqa: E402

SIZES = (500, 2_000, 10_000, 50_000)
LARGE = 10_000
WORLDS, QUICK_WORLDS = 4_000, 500
ZEROS, QUICK_ZEROS = 20_000, 2_000
BLOCK = 1_000
SEED = 16
BONFERRONI = 2.394  # two-sided 95 % over three depths
SHARED, SEASON, RETURNED = (0.03, 0.10), (0.02, 0.10), (0.10, 0.30)
Rule = Callable[[Worlds, Drawn], Places]


def main() -> int:
    quick = bool(arguments(__doc__).parse_args().quick)
    rng, started = np.random.default_rng(SEED), self_cpu()
    worlds = draw_worlds(QUICK_WORLDS if quick else WORLDS, rng)
    best = float(worlds.gain(worlds.effects.argmax(axis=-1).astype(np.int32)).mean())
    table = Table("rule", *(f"n {size:,} per arm" for size in SIZES), title=f"oracle by segment {best:.3f} a customer")
    experiments = {size: draw_experiments(worlds, size, rng) for size in SIZES}
    for name, rule in RULES.items():
        gains = [worlds.gain(rule(worlds, experiments[size])) for size in SIZES]
        table.add_row(name, *(f"{gain.mean() / best:+.0%}, {np.mean(gain < 0):.1%}" for gain in gains))
    Console(width=110).print(table)
    chosen = _default(experiments[LARGE])
    gain = worlds.gain(chosen)
    small, cells = experiments[SIZES[0]], cells_of(_arms(experiments[LARGE]))
    covered = np.abs(cells.effects - worlds.effects[..., 1:]) <= Z * cells.errors
    promised = {
        name: 100 * float(worlds.gain(places).mean()) / _promised(worlds, places, effects)
        for name, places, effects in (
            ("the default", chosen, cells.shrunk), ("the best point", cells.effects.argmax(axis=-1) + 1, cells.effects)
        )
    }  # fmt: skip
    claims = _claims_at_zero(QUICK_ZEROS if quick else ZEROS, rng)
    _show_disturbed(worlds, rng)
    depth_by_week.show(worlds, rng)
    return judge([
        Figure("some uniform depth pays in", 100 * float(np.mean(_uniform(worlds)[:, 1:].max(axis=1) > 0)), "% of shops"),
        Figure("gain at 10,000 per arm", 100 * float(gain.mean()) / best, "% of the oracle's", 75, at_least=True),
        Figure("loses at 10,000 per arm", 100 * float(np.mean(gain < 0)), "% of shops", 5),
        Figure("claims without any effect", 100 * claims, "% of experiments", 2.5),
        Figure("95 % intervals cover", 100 * float(covered.mean()), "%", 93, at_least=True),
        Figure("95 % intervals cover", 100 * float(covered.mean()), "%", 97),
        Figure("refuses at 500 per arm", 100 * float(np.mean(_refused(small))), "% of experiments", 90, at_least=True),
        *(Figure(f"of what {name} promises, it keeps", kept, "%") for name, kept in promised.items()),
        Figure("CPU", self_cpu() - started, "s"),
    ])  # fmt: skip


def _show_disturbed(worlds: Worlds, rng: np.random.Generator) -> None:
    """Print what the default rule earns where something disturbs its experiments; measured, not judged."""
    table = Table(
        "disturbed by", "of the oracle's", "loses in", "95 % cover", "keeps of its promise",
        title=f"n {LARGE:,} per arm, without bars",
    )  # fmt: skip
    for name, trouble, returned in (
        ("nothing", Trouble(), 0.0),
        *((f"{share:.0%} of the control use the deepest, by others' codes", Trouble(shared=share), 0.0) for share in SHARED),
        *((f"arms whose seasons differ by {share:.0%}", Trouble(season=share), 0.0) for share in SEASON),
        ("baskets with a log-normal's tail", Trouble(is_heavy=True), 0.0),
        *((f"{share:.0%} of moved orders come back after it was read", Trouble(), share) for share in RETURNED),
    ):  # fmt: skip
        true = with_returns(worlds, returned)
        drawn = draw_experiments(worlds, LARGE, rng, trouble)
        chosen, cells = _default(drawn), cells_of(_arms(drawn))
        gain, best = true.gain(chosen), true.gain(true.effects.argmax(axis=-1).astype(np.int32))
        covered = np.abs(cells.effects - true.effects[..., 1:]) <= Z * cells.errors
        kept = float(gain.mean()) / _promised(worlds, chosen, cells.shrunk)
        row = float(gain.mean() / best.mean()), float(np.mean(gain < 0)), float(covered.mean()), kept
        table.add_row(name, f"{row[0]:+.0%}", *(f"{each:.1%}" for each in row[1:3]), f"{row[3]:.0%}")
    Console(width=110).print(table)


def _promised(worlds: Worlds, places: Places, effects: Floats) -> float:
    """Return what a rule says that its depths will earn per customer: of what was chosen for being high, too much."""
    told = np.concatenate([np.zeros((*effects.shape[:2], 1)), effects], axis=-1)
    return float(
        (worlds.shares * np.take_along_axis(told, places[..., None].astype(np.int64), axis=-1)[..., 0])
        .sum(axis=1)
        .mean()
    )


def _claims_at_zero(count: int, rng: np.random.Generator) -> float:
    """Return in how many experiments of offers without effect and cost some depth is chosen for some segment."""
    claims = 0
    for _ in range(0, count, BLOCK):
        zero = without_effect(draw_worlds(BLOCK, rng))
        claims += int(np.count_nonzero(np.any(_default(draw_experiments(zero, LARGE, rng)) > 0, axis=-1)))
    return claims / count


def _arms(drawn: Drawn) -> Arms:
    return Arms(drawn.customers, drawn.means, drawn.variances, drawn.responses)


def _refused(drawn: Drawn) -> Flags:
    """Return which experiments are too small to decide."""
    flags: Flags = drawn.customers.sum(axis=1).min(axis=-1) < MIN_PER_ARM
    return flags


def _uniform(worlds: Worlds, of_cells: Floats | None = None) -> Floats:
    """Return what each depth earns (or seems to) if everybody gets it, W x D."""
    of_all: Floats = (worlds.shares[..., None] * (worlds.effects if of_cells is None else of_cells)).sum(axis=1)
    return of_all


def _everybody(worlds: Worlds, depth: Places) -> Places:
    return np.repeat(depth[:, None], worlds.shares.shape[1], axis=1)


def _highest(worlds: Worlds, of_cells: Floats) -> Places:
    return _everybody(worlds, _uniform(worlds, of_cells).argmax(axis=-1).astype(np.int32))


def _lower_bound(worlds: Worlds, drawn: Drawn) -> Places:
    """Give the best of the depths whose lower bound is above 0 to everybody."""
    of_means = drawn.variances / np.maximum(drawn.customers, 1)
    errors = np.sqrt((worlds.shares[..., None] ** 2 * (of_means + of_means[..., :1])).sum(axis=1))
    effects = _uniform(worlds, drawn.means - drawn.means[..., :1])
    seen = np.where(effects - BONFERRONI * errors > 0, effects, 0.0)
    return _everybody(worlds, seen.argmax(axis=-1).astype(np.int32))


def _default(drawn: Drawn, deeper: float = DEEPER) -> Places:
    arms = _arms(drawn)
    chosen = best_depths(arms, cells_of(arms), deeper)
    return np.where(_refused(drawn)[:, None], np.int32(0), chosen)


RULES: dict[str, Rule] = {
    "deepest to everyone": lambda worlds, _: np.full(worlds.shares.shape, len(DEPTHS) - 1, dtype=np.int32),
    "highest response": lambda worlds, drawn: _highest(worlds, drawn.responses),
    "highest margin in the campaign": lambda worlds, drawn: _highest(worlds, drawn.campaign),
    "long-window margin, best point": lambda worlds, drawn: _highest(worlds, drawn.means),
    "same, lower bound above 0": _lower_bound,
    "by segment, best point": lambda _, drawn: drawn.means.argmax(axis=-1).astype(np.int32),
    "by segment, pulled together, likely to pay (the default)": lambda _, drawn: _default(drawn),
    "same, a deeper one only if it is better at 97.5 %": lambda _, drawn: _default(drawn, 0.975),
}


if __name__ == "__main__":
    sys.exit(main())
