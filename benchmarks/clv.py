"""
What a customer's value costs to compute, and how right it is, beside `lifetimes`, clvkit and
pymc-marketing (in an environment of their own, made on the first run): CPU seconds, peak memory, held-out errors.

    make bench NAME=clv [QUICK=1]
    python -m benchmarks.clv --held-out    # how right alone, on all sets

Exits 1 when a bar is missed.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from benchmarks import clv_engine  # noqa: E402 - after the settings
from benchmarks.measuring import arguments, judge  # noqa: E402


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--held-out", action="store_true", help="how right the models are alone")
    given = parser.parse_args()
    if given.held_out:
        return judge(clv_engine.held_out_figures(quick=given.quick))
    return judge(clv_engine.figures(quick=given.quick))


if __name__ == "__main__":
    sys.exit(main())
