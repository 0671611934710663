"""
How right the measurements of the uplift are, and what they cost, beside diff-diff and the naive gap, on simulated retailers.

    make bench NAME=uplift [QUICK=1]

Exits 1 when a bar is missed. In full it takes most of an hour; `python -m benchmarks.uplift --part draws --design latent`
does one part of it, `--draws 50` fewer.
"""

import sys

from analytics.uplift.simulation.designs import DESIGNS
from benchmarks import uplift_draws, uplift_holdout, uplift_roll_outs, uplift_scale
from benchmarks.measuring import Figure, arguments, judge

PARTS = ("draws", "holdout", "roll-outs", "scale")
DRAWS, DRAWS_QUICK = 200, 3
CUSTOMERS, CUSTOMERS_QUICK = 5_000, 2_000
LARGER = 10_000
WORLDS, ASSIGNMENTS = 20, 200
ROLL_OUTS, ROLL_OUTS_QUICK, PLACEBOS = 200, 2, 100


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--design", choices=[design.code for design in DESIGNS], action="append")
    parser.add_argument("--draws", type=int)
    given = parser.parse_args()
    quick, figures = given.quick, list[Figure]()
    parts = given.part or PARTS
    if "draws" in parts:
        designs = [design for design in DESIGNS if not given.design or design.code in given.design]
        draws, customers = (DRAWS_QUICK, CUSTOMERS_QUICK) if quick else (DRAWS, CUSTOMERS)
        larger = 0 if quick else LARGER
        figures += uplift_draws.figures(draws=given.draws or draws, customers=customers, designs=designs, larger=larger)
    if "holdout" in parts:
        figures += uplift_holdout.figures(worlds=1 if quick else WORLDS, assignments=ASSIGNMENTS)
    if "roll-outs" in parts:
        roll_outs = ROLL_OUTS_QUICK if quick else ROLL_OUTS
        figures += uplift_roll_outs.figures(draws=given.draws or roll_outs, placebos=PLACEBOS)
    if "scale" in parts:
        figures += uplift_scale.figures(quick=quick)
    return judge(figures)


if __name__ == "__main__":
    sys.exit(main())
