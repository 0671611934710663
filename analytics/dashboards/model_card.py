"""The charts of a model card: how well a run's model fits, and how well it foresaw what it had not seen."""

from django.utils.translation import gettext as _

from analytics.dashboards.drawing import Drawing, Series
from analytics.models import ValueRun


def calibration(run: ValueRun) -> Drawing:
    """Return what was bought on held-out time by tenths of the prediction, beside what was said of each."""
    groups = run.held_out.get("purchases", {}).get("groups", [])
    return Drawing(
        title=_("Purchases by tenths of the prediction"),
        labels=[str(place) for place in range(1, len(groups) + 1)],
        series=[
            Series(_("actual"), [each["actual"] for each in groups]),
            Series(_("predicted"), [each["predicted"] for each in groups], "line"),
        ],
        y_title=_("purchase days of a customer"),
        x_title=_("tenth of the customers, by what was predicted"),
    )


def frequencies(run: ValueRun) -> Drawing:
    """Return how many customers bought again how often, beside how many the model expects."""
    found = run.card.get("frequencies", [])
    return Drawing(
        title=_("Customers by number of repeat purchases"),
        labels=[f"{each['repeats']}{'+' if each is found[-1] else ''}" for each in found],
        series=[
            Series(_("actual"), [each["actual"] for each in found]),
            Series(_("by the model"), [each["expected"] for each in found], "line"),
        ],
        y_title=_("customers"),
        x_title=_("repeat purchases"),
    )
