"""Which effect a campaign can show before it starts: asked by `loyalty.campaigns`, by the name of it in the settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from analytics.experiments.planning import TooLittleToPlanFrom, forecast_among
from analytics.experiments.words import detectable
from loyalty.experiments.models import Experiment


def smallest_effect(experiment: Experiment, customers: int, *, now: datetime) -> Mapping[str, Any]:
    """
    Return the smallest effect that a campaign's experiment finds four times in five among so many customers.

    By what the customers of its retailer brought in the experiment's last window: those who enter may differ less, or more.

    :returns: `amount` a customer, `percent` of what one brings (None where that is nothing), `currency`, `window_days` and
        `words`; or the `reason` why nobody knows, with `words`
    """
    if not customers:
        return {"reason": "nobody_enters", "words": _("Nobody would enter today, so nothing can be detected yet.")}
    try:
        found = forecast_among(experiment, customers, now=now)
    except TooLittleToPlanFrom as refused:
        return {"reason": refused.code, "words": str(refused)}
    worst = max((each.detectable for each in found.variants), key=lambda each: each.amount)
    currency = experiment.retailer.currency
    return {
        "amount": round(worst.amount, 2), "percent": None if worst.share is None else round(100 * worst.share, 1),
        "currency": currency, "window_days": found.window_days, "words": detectable(worst.amount, worst.share, currency),
    }  # fmt: skip
