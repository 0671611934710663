"""
CDNOW, real purchases of CDs: customers of early 1997, who they were until 1997-09-30 and what they did in the 39 weeks after it.

The files are those that `lifetimes` brings: everybody (master), and every tenth customer (sample), on whom the papers' numbers
are.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.held_out import HeldOut, held_out

CALIBRATION_END = np.datetime64("1997-09-30")
WEEKS = 39.0


@cache
def cdnow(name: str = "sample") -> HeldOut:
    """Read the customers of the file `sample` or `master`."""
    found = find_spec("lifetimes")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "datasets" / f"CDNOW_{name}.txt"
    lines = [line.split() for line in path.read_text().splitlines() if not line.strip().startswith("customer_id")]
    customer = np.array([int(line[-4]) for line in lines])
    day = np.array([f"{line[-3][:4]}-{line[-3][4:6]}-{line[-3][6:]}" for line in lines], dtype="datetime64[D]")
    value = np.array([float(line[-1]) for line in lines])
    # Some paid nothing: the papers' numbers are of all.
    return held_out(customer, day, value, end=CALIBRATION_END, weeks=WEEKS, free_too=True)
