"""What clvkit and pymc-marketing take for the same customers, in an environment of their own, where that can be installed."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from analytics.clv.tuples import Tuples
from benchmarks.clv_fits import OURS, Work
from benchmarks.environments import ROOT, interpreter

FITS = {
    "clvkit": ("MBG/NBD", "BG/NBD"),
    "pymc-marketing": ("Pareto/NBD", "MBG/NBD", "BG/NBD"),
}


def rival(who: str, name: str, path: Path) -> Work | None:
    """Fit and predict by another library; None where it is not installed, or has no such model."""
    python = interpreter("clv_rivals") if name in FITS[who] else None
    if python is None:
        return None
    command = [str(python), "-P", str(ROOT / "benchmarks" / "clv_rival_fits.py"), who, name, str(path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    found = json.loads(
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )
    tuples, _ = Tuples.grouped(*np.load(path))
    model = OURS[name].fit(tuples)[0].with_values(np.array(found.pop("parameters")))
    return Work(**found, log_likelihood=float(model.log_likelihood(tuples) @ tuples.counts))
