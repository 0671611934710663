"""A measurement computed once more, as of what was known then, and compared: to the digit, or why not."""

from dataclasses import dataclass

from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.planning import thawed
from analytics.uplift_runs.running import Progress, carried_out, nobody_watches


@dataclass(frozen=True)
class Again:
    """
    A run that was computed once more.

    :param same_data: what was recorded by then is read as it was; else corrections, merges or erasures changed it
    :param same_code: the code that measures is as it was
    :param same_result: every digit is
    """

    same_data: bool
    same_code: bool
    same_result: bool


def compute_again(run: UpliftRun, on_progress: Progress = nobody_watches) -> Again:
    """Compute a finished run once more by its frozen plan, as of what was known then, and compare; nothing is written."""
    found = carried_out(run, on_progress)
    plan, _source = thawed(run)
    same = found.result == run.result and found.pictures == run.pictures
    return Again(found.read.digest == run.data_digest, plan.digest() == run.plan["plan_digest"], same)
