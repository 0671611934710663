"""
One fit and prediction by clvkit or pymc-marketing, run by the Python of their own environment, which knows nothing of ours.

    PYTHON clv_rival_fits.py clvkit MBG/NBD customers.npy

The file holds frequency, recency and age in days, as columns. pymc-marketing is asked for the most likely parameters, without
priors; the first thousand customers are fitted before, so that nothing is counted that is imported or compiled.
"""

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HORIZON = 365.0
FORGET_PEAK = "5"  # what proc(5) has clear_refs take
Fitted = tuple[list[float], Callable[[], tuple[Any, Any]]]  # the parameters, and what says purchases and who is active
NAMES = {
    "Pareto/NBD": ("r", "alpha", "s", "beta"),
    "MBG/NBD": ("r", "alpha", "a", "b"),
    "BG/NBD": ("r", "alpha", "a", "b"),
}


def clvkit(name: str, frame: pd.DataFrame) -> Fitted:
    from clvkit import CustomerBase  # type: ignore[import-not-found] # noqa: PLC0415 - in its own environment
    from clvkit.clv import BGNBD, MBGNBD  # type: ignore[import-not-found] # noqa: PLC0415

    base = CustomerBase(
        frame.set_index("customer_id"), time_unit="D", observation_period_end=pd.Timestamp("2020-01-01"),
        has_monetary=False, on_negative="ignore",
    )  # fmt: skip
    model = {"MBG/NBD": MBGNBD, "BG/NBD": BGNBD}[name]().fit(base)
    return list(model.params_), lambda: (
        model.predict(HORIZON).to_pandas().iloc[:, -1], model.probability_alive().to_pandas().iloc[:, -1]
    )  # fmt: skip


def pymc(name: str, frame: pd.DataFrame) -> Fitted:
    from pymc_extras.prior import Prior  # type: ignore[import-not-found] # noqa: PLC0415 - in its own environment
    from pymc_marketing import clv  # type: ignore[import-not-found] # noqa: PLC0415

    kinds = {"Pareto/NBD": clv.ParetoNBDModel, "MBG/NBD": clv.ModifiedBetaGeoModel, "BG/NBD": clv.BetaGeoModel}
    names = NAMES[name]
    model = kinds[name](model_config={each: Prior("HalfFlat") for each in names})
    model.fit(data=frame, method="map", progressbar=False)
    found = model.fit_result
    return [float(found[each].mean()) for each in names], lambda: (
        model.expected_purchases(frame, future_t=HORIZON), model.expected_probability_alive(frame)
    )  # fmt: skip


def work(who: str, name: str, path: str) -> dict[str, Any]:
    x, recency, age = np.load(path).astype(float)
    frame = pd.DataFrame({"customer_id": np.arange(len(x)), "frequency": x, "recency": recency, "T": age})
    fit = {"clvkit": clvkit, "pymc-marketing": pymc}[who]
    _, predict = fit(name, frame.head(1_000))
    predict()
    Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
    before, started = _peak(), time.process_time()
    parameters, predict = fit(name, frame)
    fitted = time.process_time()
    answers = [np.asarray(each, dtype=float) for each in predict()]
    return {
        "fit": fitted - started, "predict": time.process_time() - fitted, "memory": _peak() - before,
        "parameters": parameters, "finite": all(bool(np.isfinite(each).all()) for each in answers),
    }  # fmt: skip


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(json.dumps(work(*sys.argv[1:])))  # noqa: T201 - read by the one who started it
