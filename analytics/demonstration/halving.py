"""An experiment of the demo that draws by chance who of two halves gets something."""

from datetime import datetime

from customers.core.values import dataclass
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import ExperimentFact, VariantFact, create, plan
from loyalty.experiments.running import start
from loyalty.programs.models import Program

AUTHOR = "demo"


@dataclass(frozen=True, slots=True)
class Halves:
    """
    What is tried on every second customer, and for how long.

    :param control: the code of the half that gets nothing
    :param treated: that of the other half
    :param reason: why it is started without a plan of what it can detect
    """

    code: str
    name: str
    control: str
    treated: str
    window_days: int
    duration_days: int
    reason: str


def start_halves(club: Program, halves: Halves, *, now: datetime) -> Experiment:
    """Draw up an experiment of two halves, plan and start it; its code is its salt, so that each loading draws the same."""
    variants = (VariantFact(halves.control, 5_000, is_control=True), VariantFact(halves.treated, 5_000))
    fact = ExperimentFact(
        halves.code, halves.name, club, Experiment.Layer.VARIANT.value, Experiment.Form.VARIANTS.value, variants,
        salt=halves.code, window_days=halves.window_days, duration_days=halves.duration_days,
    )  # fmt: skip
    drawn = create(club.retailer, fact, author=AUTHOR, now=now)
    return start(plan(drawn, detectable={}, reason=halves.reason, author=AUTHOR, now=now), author=AUTHOR, now=now)
