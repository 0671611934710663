"""By which code a look was made: of the same version and the same data it gives the same digits."""

from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path

# All that stands between the tables and the numbers.
MODULES = (
    "analytics.margins", "analytics.statistics", "analytics.experiments.costs", "analytics.experiments.depth_looking",
    "analytics.experiments.depth_reading", "analytics.experiments.depth_results", "analytics.experiments.offered",
    "analytics.experiments.reading", "analytics.experiments.results", "analytics.experiments.rules",
    "analytics.experiments.varying", "analytics.experiments.winning", "analytics.uplift.depth", "analytics.uplift.depth_choosing",
    "analytics.uplift.depth_prices", "analytics.uplift.multiplicity", "analytics.uplift.power", "analytics.uplift.randomised",
    "analytics.uplift.sample_ratio", "analytics.uplift.sequence",
)  # fmt: skip
DIGITS = 16


def code_version() -> str:
    """Return a digest of the code by which experiments are read and judged."""
    return version_of(MODULES)


@cache
def version_of(modules: tuple[str, ...]) -> str:
    """Return a digest of the code of some modules."""
    found = sha256()
    for name in modules:
        path = import_module(name).__file__
        assert path is not None, "these modules are files"
        found.update(Path(path).read_bytes())
    return found.hexdigest()[:DIGITS]
