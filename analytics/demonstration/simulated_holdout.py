"""The simulated retailer's hold-out: planned from its own orders, started on the day enrolment opened, and still running."""

from datetime import datetime

import numpy as np

from analytics.demonstration.simulated_records import ids_of
from analytics.experiments.looking import latest, look
from analytics.experiments.planning import plan_from_data
from analytics.uplift.panel import Flags
from loyalty.experiments.models import Assignment, Experiment
from loyalty.experiments.planning import ExperimentFact, VariantFact, create
from loyalty.experiments.running import start
from loyalty.programs.models import Program

CODE, NAME = "simulated-holdout", "Not invited, to know what the club brings"
SHARE = 0.4
WINDOW_DAYS, DURATION_DAYS = 270, 730
AUTHOR = "demo"


def held_out(club: Program, customers: int, *, starts_at: datetime) -> Flags:
    """Return who is held out, by their places in the panel, having planned and started the hold-out the first time."""
    experiment = _started(club, starts_at)
    assigned = Assignment.objects.filter(experiment=experiment, variant__is_control=True)
    control = set(assigned.values_list("customer", flat=True))
    ids = ids_of(club.retailer)
    return np.array([ids[place] in control for place in range(customers)], dtype=np.bool_)


def look_once(club: Program, *, now: datetime) -> None:
    """Look at the result, unless somebody has."""
    experiment = Experiment.objects.select_related("retailer", "program").get(retailer=club.retailer, code=CODE)
    if latest(experiment) is None:
        look(experiment, author=AUTHOR, now=now)


def _started(club: Program, starts_at: datetime) -> Experiment:
    found = Experiment.objects.filter(retailer=club.retailer, code=CODE).first()
    if found is None:
        out = round(SHARE * 10_000)
        variants = (VariantFact("not-invited", out, is_control=True), VariantFact("invited", 10_000 - out))
        fact = ExperimentFact(
            CODE, NAME, club, Experiment.Layer.GLOBAL.value, Experiment.Form.NOT_INVITED.value, variants,
            salt=CODE, window_days=WINDOW_DAYS, duration_days=DURATION_DAYS,
        )  # fmt: skip
        found = create(club.retailer, fact, author=AUTHOR, now=starts_at)
    if found.is_draft:
        plan_from_data(found, author=AUTHOR, now=starts_at)
        found = start(found, author=AUTHOR, now=starts_at)
    return found
