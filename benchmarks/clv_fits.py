"""
One fit and prediction by ours or by `lifetimes`, in a process of its own: its CPU and its peak memory are then its own.

    python -m benchmarks.clv_fits ours Pareto/NBD customers.npy
"""

import json
import sys
import time
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from analytics.clv import bg_nbd, mbg_nbd, pareto_nbd
from analytics.clv.tuples import Floats, Tuples

OURS: Any = {"Pareto/NBD": pareto_nbd, "MBG/NBD": mbg_nbd, "BG/NBD": bg_nbd}
THEIRS = {"Pareto/NBD": "ParetoNBDFitter", "MBG/NBD": "ModifiedBetaGeoFitter", "BG/NBD": "BetaGeoFitter"}
HORIZON = 365.0
SEED = 1  # from some others its search takes thirty times longer, and stops lower
FORGET_PEAK = "5"  # what proc(5) has clear_refs take


@dataclass(frozen=True)
class Work:
    """
    What a fit and a prediction of one model came to.

    :param fit: CPU seconds, grouping included
    :param predict: CPU seconds for purchases within a year and the probability of being active, for every customer
    :param memory: peak of the process beyond what the customers' columns and the libraries take, in megabytes
    :param log_likelihood: of the parameters found, by our exact likelihood
    """

    fit: float
    predict: float
    memory: float
    log_likelihood: float
    finite: bool


def _work(who: str, name: str, path: str) -> Work:
    work = _ours if who == "ours" else _theirs
    x, recency, age = np.load(path)
    work(name, x[:1_000], recency[:1_000], age[:1_000], 0)  # until everything is imported
    Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
    return work(name, x, recency, age, _peak())


def _ours(name: str, x: Any, recency: Any, age: Any, before: float) -> Work:
    started = time.process_time()
    tuples, place = Tuples.grouped(x, recency, age)
    model, fit = OURS[name].fit(tuples)
    fitted = time.process_time()
    active = model.probability_active(tuples)
    expected = model.purchases_if_active(tuples, HORIZON) * active
    return _result(started, fitted, before, fit.log_likelihood, active[place], expected[place])


def _theirs(name: str, x: Any, recency: Any, age: Any, before: float) -> Work:
    import lifetimes  # noqa: PLC0415 - ours do without it
    import pandas as pd  # noqa: PLC0415

    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    np.random.seed(SEED)  # noqa: NPY002 - it draws where to begin by this
    started = time.process_time()
    frame = pd.DataFrame({"x": x, "recency": recency, "age": age})
    grouped = frame.groupby(["x", "recency", "age"], sort=False).size().reset_index(name="count")
    fitter = getattr(lifetimes, THEIRS[name])()
    fitter.fit(grouped["x"], grouped["recency"], grouped["age"], weights=grouped["count"])
    fitted = time.process_time()
    active = np.asarray(fitter.conditional_probability_alive(x, recency, age), dtype=np.float64)
    expected = fitter.conditional_expected_number_of_purchases_up_to_time(HORIZON, x, recency, age)
    ended = _result(started, fitted, before, 0.0, active, np.asarray(expected, dtype=np.float64))
    tuples = Tuples.of(x, recency, age)
    model = OURS[name].fit(tuples)[0].with_values(fitter.params_.to_numpy())
    return replace(ended, log_likelihood=float(model.log_likelihood(tuples) @ tuples.counts))


def _peak() -> float:
    """Return the process's peak memory so far, in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _result(started: float, fitted: float, before: float, log_likelihood: float, *answers: Floats) -> Work:
    ended = time.process_time()
    memory = _peak() - before
    finite = all(bool(np.all(np.isfinite(answer))) for answer in answers)
    return Work(fitted - started, ended - fitted, memory, log_likelihood, finite)


if __name__ == "__main__":
    print(json.dumps(asdict(_work(*sys.argv[1:]))))  # noqa: T201 - read by the one who started it
