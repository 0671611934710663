"""The same measurement where nothing can be found: with the index moved before joining by more than the window."""

from collections.abc import Sequence

from analytics.uplift.band import rejects
from analytics.uplift.estimating import estimates_of, match
from analytics.uplift.pairs import extract, spending
from analytics.uplift.panel import Panel
from analytics.uplift.plan import Plan, days_of
from analytics.uplift.results import Estimate
from analytics.uplift.windows import History

APART = 2  # months between the placebo's window and the index


def placebo_of(panel: Panel, history: History, plan: Plan) -> list[Estimate]:
    """Return the estimates at an index that lies the window and two months earlier; none where the data are too short."""
    moved = days_of(plan.window_months + APART)
    shortest = plan.history_months(min(plan.lags))
    units = extract(panel, history, plan, back=days_of(shortest), moved=moved).units
    months = plan.history_months(max(plan.lags))
    spent = spending(panel, history, units, plan, months=months, metrics=(plan.metric,))[plan.metric]
    matched = match(panel.customers, units, spent, plan, first=panel.first)
    return estimates_of(matched, spent, plan, plan.level)


def chance_of_placebos(placebos: Sequence[Estimate]) -> float | None:
    """Return the chance of the least likely of the placebos, times how many there are (Bonferroni); None without any."""
    chances = [chance for each in placebos if (chance := rejects(each)) is not None]
    return min(1.0, min(chances) * len(chances)) if chances else None
