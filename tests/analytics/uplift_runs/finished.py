"""Runs that are over, with what a simulated panel really comes to, without a database full of its orders."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from analytics.uplift.measuring import measure
from analytics.uplift.panel import Panel
from analytics.uplift.plan import Plan
from analytics.uplift.results import Measured
from analytics.uplift.simulation import designs
from analytics.uplift.simulation.simulating import simulate
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.pictures import Pictures, picture
from analytics.uplift_runs.planning import freeze
from analytics.uplift_runs.reading import digest_of
from analytics.uplift_runs.running import ask
from analytics.uplift_runs.storing import as_json
from analytics.uplift_runs.worth import worth_of
from loyalty.programs.models import Program

PLAN = Plan()
GOOD: dict[str, Any] = {"design": designs.TRAITS, "customers": 6_000, "months": 26, "effect": 0.15, "seed": 2}
NOTHING: dict[str, Any] = {"design": designs.TRAITS, "customers": 2_500, "months": 26, "effect": 0.0, "seed": 3}
HIDDEN: dict[str, Any] = {"design": designs.CAPTURE, "customers": 2_500, "months": 26, "effect": 0.0, "seed": 4}


@cache
def came_to(name: str) -> tuple[Panel, Measured, Pictures]:
    """Return a panel of this module by its name, what it comes to, and its pictures."""
    given = dict(globals()[name])
    panel = simulate(given.pop("design"), **given).panel
    measured = measure(panel, PLAN)
    return panel, measured, picture(panel, PLAN, measured.effect)


def finished(club: Program, name: str, *, now: datetime, author: str = "") -> UpliftRun:
    """Return a run of a program that came to what a panel comes to."""
    panel, measured, pictures = came_to(name)
    run = ask(club, now=now, author=author, plan=PLAN)
    run.data_cut = date(1970, 1, 1) + timedelta(days=panel.cut)
    freeze(run, PLAN, ["card", "member_number"])
    run.data_digest, run.margin_basis = digest_of(panel), UpliftRun.MarginBasis.RATE
    run.result, run.pictures = as_json(measured), as_json(pictures) | {"left": 12}
    run.worth = as_json(worth_of(run, measured))
    run.status, run.finished_at = UpliftRun.Status.DONE, now
    run.save()
    return run


def refused(club: Program, code: str, *, now: datetime, **details: Any) -> UpliftRun:
    """Return a run of a program that the data refused."""
    run = ask(club, now=now, author="")
    run.finish(UpliftRun.Status.REFUSED, datetime(2026, 1, 1, tzinfo=UTC), code=code, details=details)
    return run
