"""What the uplift costs by how many customers there are: CPU seconds and peak memory, each piece in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics.uplift import imputation, staggered
from analytics.uplift.cohorts import CohortTable
from analytics.uplift.measuring import measure
from analytics.uplift.panel import Customers, Group, Orders, Panel
from analytics.uplift.plan import Plan
from analytics.uplift.simulation.columns import CHANNELS
from analytics.uplift.simulation.designs import TRAITS
from analytics.uplift.simulation.simulating import simulate
from benchmarks.measuring import Figure
from benchmarks.uplift_draws import COLUMNS, by_month, frame

SIZES, SIZES_QUICK = (10_000, 100_000, 1_000_000), (10_000,)
THEIRS_UP_TO = 100_000  # diff-diff asks for more memory than this machine has beyond
MILLION = 1_000_000
LEVEL = 0.95
BARS = {"event study": (0.5, None), "band": (30.0, 1_500.0)}  # CPU seconds and MB, of a million customers


@dataclass(frozen=True)
class Work:
    """CPU seconds, the process's peak memory in MB, and by how much the work itself raised it."""

    seconds: float
    memory: float
    raised: float


def figures(*, quick: bool) -> list[Figure]:
    """Measure, print a table, and return the figures with their bars."""
    works = {}
    with TemporaryDirectory() as folder:
        for size in SIZES_QUICK if quick else SIZES:
            path = Path(folder) / f"{size}"
            path.mkdir()
            _save(simulate(TRAITS, customers=size, seed=1).panel, path)
            for name in WAYS:
                if size <= THEIRS_UP_TO or not name.startswith("diff-diff"):
                    works[name, size] = _apart(name, path)
    table = Table("customers", "what", "CPU s", "peak MB", "of these by the work", title="24 months")
    for (name, size), work in works.items():
        table.add_row(f"{size:,}", name, f"{work.seconds:.3f}", f"{work.memory:,.0f}", f"{work.raised:,.0f}")
    Console(width=110).print(table)
    return [figure for (name, size), work in works.items() for figure in _judged(name, size, work)]


def _judged(name: str, size: int, work: Work) -> list[Figure]:
    seconds, memory = BARS.get(name, (None, None)) if size == MILLION else (None, None)
    title = f"{name.replace(' ', '_')}_{size}"
    return [Figure(title, work.seconds, "CPU s", seconds), Figure(f"{title}_memory", work.memory, "MB", memory)]


def _apart(name: str, path: Path) -> Work:
    """Do a piece of work in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.uplift_scale", name, str(path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return Work(**json.loads(found.stdout.splitlines()[-1]))


def _save(panel: Panel, path: Path) -> None:
    """Write a panel's columns as they are read again: those of the customers' channel stand for their stratum."""
    for name in Orders.__dataclass_fields__:
        np.save(path / f"orders_{name}.npy", getattr(panel.orders, name))
    for name in ("joined", "seconds", "stratum"):
        np.save(path / f"customers_{name}.npy", getattr(panel.customers, name))
    np.save(path / "ends.npy", np.array([panel.first, panel.cut]))


def _load(path: Path) -> Panel:
    orders = Orders(**{name: np.load(path / f"orders_{name}.npy") for name in Orders.__dataclass_fields__})
    columns = {name: np.load(path / f"customers_{name}.npy") for name in ("joined", "seconds", "stratum")}
    groups = {"channel": Group(CHANNELS, columns["stratum"])}
    first, cut = (int(day) for day in np.load(path / "ends.npy"))
    return Panel(Customers(**columns, groups=groups), orders, first, cut)


def _table(panel: Panel) -> Callable[[], object]:
    return lambda: CohortTable.of(*by_month(panel))


def _study(panel: Panel) -> Callable[[], object]:
    table = CohortTable.of(*by_month(panel))

    def work() -> object:
        theirs = staggered.by_months_since(staggered.cohort_effects(table), joining_month=False)
        imputed = imputation.by_months_since(imputation.impute(table), joining_month=False)
        return [each.effects.ranges(table, LEVEL) for each in (theirs, imputed)]

    return work


def _band(panel: Panel) -> Callable[[], object]:
    return lambda: measure(panel, Plan())


def _theirs(name: str) -> Callable[[Panel], Callable[[], object]]:
    def prepared(panel: Panel) -> Callable[[], object]:
        import diff_diff  # noqa: PLC0415 - only in its own process

        rows = frame(*by_month(panel))
        return lambda: getattr(diff_diff, name)().fit(rows, *COLUMNS, aggregate="event_study")

    return prepared


WAYS: dict[str, Callable[[Panel], Callable[[], object]]] = {
    "cohort table": _table,
    "event study": _study,
    "band": _band,
    "diff-diff, Callaway-Sant'Anna": _theirs("CallawaySantAnna"),
    "diff-diff, imputation": _theirs("ImputationDiD"),
}


def _memory(field: str) -> float:
    """Return the process's memory in MB: now (VmRSS), or at most (VmHWM), which unlike `getrusage` knows no parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def _do(name: str, path: Path) -> Work:
    work = WAYS[name](_load(path))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here on
    before, started = _memory("VmRSS"), os.times()
    work()
    ended, peak = os.times(), _memory("VmHWM")
    return Work(ended.user - started.user + ended.system - started.system, peak, peak - before)


if __name__ == "__main__":
    print(json.dumps(asdict(_do(sys.argv[1], Path(sys.argv[2])))))  # noqa: T201 - the answer
