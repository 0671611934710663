"""
How often the intervals of a hold-out hold the truth.

One world is simulated twice, once with everybody invited and once with everybody held out (of whom some join nevertheless): so
what each customer does in either arm is known, and the true effect of being invited is a mean over the same customers. Then the
customers are assigned by many salts, and each time analysed as an experiment is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics.uplift.panel import NOBODY, Flags, Floats, Panel
from analytics.uplift.randomised import Arm, adjusted, complier, difference
from analytics.uplift.simulation.designs import TRAITS
from analytics.uplift.simulation.holding_out import BUCKETS, Holdout, draw_buckets
from analytics.uplift.simulation.shopping import MONTH
from analytics.uplift.simulation.simulating import simulate
from benchmarks.measuring import Figure

EFFECTS, SHARES = (0.0, 0.07), (0.5, 0.1)
CUSTOMERS, CROSSING = 5_000, 0.05
WINDOW, BEFORE = 12 * MONTH, TRAITS.opens * MONTH
MIN_COVER, MAX_COVER = 0.94, 0.96


@dataclass(frozen=True)
class Worlds:
    """What each customer spends after enrolment opened, and whether they join, in either arm; and what they spent before."""

    before: Floats
    spent: tuple[Floats, Floats]
    joined: tuple[Floats, Floats]

    @property
    def effect(self) -> float:
        return float(np.mean(self.spent[1] - self.spent[0]))

    @property
    def of_compliers(self) -> float:
        return self.effect / float(np.mean(self.joined[1] - self.joined[0]))


def figures(*, worlds: int, assignments: int) -> list[Figure]:
    """Assign, print a table, and return the figures with their bars."""
    table = Table("effect", "held out", "analysis", "covers", "claims an effect", "assignments", title="Hold-outs")
    found = []
    for effect in EFFECTS:
        drawn = [world(effect, seed) for seed in range(worlds)]
        for share in SHARES:
            covers, claims = _covered(drawn, share, assignments)
            for name, flags in covers.items():
                rate, claimed = float(np.mean(flags)), float(np.mean(claims[name]))
                table.add_row(f"{effect:.0%}", f"{share:.0%}", name, f"{rate:.1%}", f"{claimed:.1%}", f"{len(flags):,}")
            whole = 100 * float(np.mean(covers["adjusted"]))
            title = f"holdout_{effect:.0%}_of_{share:.0%}_covered"
            found += [
                Figure(title, whole, "%", 100 * MIN_COVER, at_least=True),
                Figure(f"{title}_at_most", whole, "%", 100 * MAX_COVER),
            ]  # fmt: skip
    Console(width=110).print(table)
    return found


def world(effect: float, seed: int) -> Worlds:
    """Simulate the same customers with everybody held out, and with nobody."""
    held = simulate(
        TRAITS, customers=CUSTOMERS, effect=effect, seed=seed, holdout=Holdout(1.0, crossing=CROSSING)
    ).panel
    free = simulate(TRAITS, customers=CUSTOMERS, effect=effect, seed=seed).panel
    opens = held.first + int(BEFORE)
    ends = opens + int(WINDOW)
    spent = (_spent(held, opens, ends), _spent(free, opens, ends))
    joined = ((held.customers.joined < ends).astype(np.float64), (free.customers.joined < ends).astype(np.float64))
    return Worlds(_spent(free, free.first, opens), spent, joined)


def _spent(panel: Panel, start: int, stop: int) -> Floats:
    orders = panel.orders
    some = (orders.customer != NOBODY) & (orders.day >= start) & (orders.day < stop)
    spent = np.bincount(orders.customer[some], weights=orders.value[some], minlength=len(panel.customers))
    return spent.astype(np.float64)


def _covered(
    drawn: list[Worlds], share: float, assignments: int
) -> tuple[dict[str, list[bool]], dict[str, list[bool]]]:
    covers: dict[str, list[bool]] = {}
    claims: dict[str, list[bool]] = {}
    for place, each in enumerate(drawn):
        for draw in range(assignments):
            buckets = draw_buckets(Holdout(share, salt=f"world-{place}-{draw}"), CUSTOMERS)
            for name, truth, low, high in _analysed(each, buckets < round(share * BUCKETS)):
                covers.setdefault(name, []).append(low <= truth <= high)
                claims.setdefault(name, []).append(not low <= 0 <= high)
    return covers, claims


def _analysed(each: Worlds, held: Flags) -> Iterator[tuple[str, float, float, float]]:
    """Yield what each analysis says, with what is true."""
    control = Arm(each.spent[0][held], each.before[held], each.joined[0][held])
    treated = Arm(each.spent[1][~held], each.before[~held], each.joined[1][~held])
    for name, analysis in (("difference", difference), ("adjusted", adjusted)):
        told = analysis(treated, control).effect
        yield name, each.effect, told.low, told.high
    of_compliers = complier(treated, control).effect
    if of_compliers is not None:
        yield "on those who join because of it", each.of_compliers, of_compliers.low, of_compliers.high
