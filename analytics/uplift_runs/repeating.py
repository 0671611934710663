"""A measurement computed once more, as of what was known then, and compared: to the digit, or why not."""

from dataclasses import dataclass

from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.planning import thawed
from analytics.uplift_runs.running import Progress, Refused, carried_out, nobody_watches
from loyalty.experiments.rules import digest


@dataclass(frozen=True)
class Again:
    """
    A run that was computed once more.

    :param same_data: what was recorded by then is read as it was; else corrections, merges or erasures changed it
    :param same_code: the code that measures is as it was
    :param same_result: every digit is
    :param same_plan: the plan is what was hashed before anybody looked; else somebody changed it, and nothing holds
    """

    same_data: bool
    same_code: bool
    same_result: bool
    same_plan: bool = True


def compute_again(run: UpliftRun, on_progress: Progress = nobody_watches) -> Again:
    """Compute a finished run once more by its frozen plan, as of what was known then, and compare; nothing is written."""
    plan, _source = thawed(run)
    same_code, same_plan = plan.digest() == run.plan["plan_digest"], digest(run.plan) == run.plan_digest
    try:
        found = carried_out(run, on_progress)
    except Refused:  # what is left of the data allows no measurement any more
        return Again(same_data=False, same_code=same_code, same_result=False, same_plan=same_plan)
    same = found.result == run.result and found.pictures == run.pictures
    # Not all that is told is in the hash, such as who left; by the same plan and code the same data come to the same.
    same_data = found.read.digest == run.data_digest and (same or not (same_code and same_plan))
    return Again(same_data, same_code, same, same_plan=same_plan)
