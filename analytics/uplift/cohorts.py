"""
The table of cohorts and months: all that event studies need to know of a retailer, however many customers it has.

A cohort is the customers who joined in one calendar month, or never. For each cohort there are its customers, what they spent
in each month, and the sums of products of any two months' spend: from these follow the estimates of Callaway and Sant'Anna,
of imputation and of two-way fixed effects, and their errors clustered by customer, to the last digit.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import NEVER, NOBODY, Days, Floats, Panel, Places

KNOWN_MONTHS = 6  # who bought in them is compared, from the month after them on


@dataclass(frozen=True)
class CohortTable:
    """
    G cohorts and T calendar months, all customers there in all months (who buys nothing spends 0).

    :param first_month: the first one, in months since 1970-01
    :param joined: the place (0 is the first month) of the month in which a cohort joined, ascending; `NEVER` is the last
    :param customers: of each cohort
    :param sums: of what they spent in a month, G x T
    :param products: of what each spent in one month and in another, summed over the cohort, G x T x T
    :param left_out: customers who joined in the first month or before: of them no month before joining is known
    """

    first_month: int
    joined: Places
    customers: NDArray[np.int64]
    sums: Floats
    products: Floats
    left_out: int = 0

    @classmethod
    def of(cls, spent: Floats, joined: Places, first_month: int = 0) -> "CohortTable":
        """
        Return the table of customers whose spend is known month by month.

        :param spent: customers x months
        :param joined: the place of each customer's month of joining, or `NEVER`; one of 0 or less is left out
        """
        months = spent.shape[1]
        place = np.where(joined >= months, NEVER, joined)  # who joins later is no member yet
        late = place > 0
        cohorts, counts = np.unique(place[late], return_counts=True)
        parts = [spent[place == cohort] for cohort in cohorts]
        return cls(
            first_month, cohorts.astype(np.int32), counts.astype(np.int64),
            np.array([part.sum(axis=0) for part in parts]).reshape(len(cohorts), months),
            np.array([part.T @ part for part in parts]).reshape(len(cohorts), months, months),
            int(np.count_nonzero(~late)),
        )  # fmt: skip

    @property
    def months(self) -> int:
        return int(self.sums.shape[1])

    @cached_property
    def means(self) -> Floats:
        """What a customer of a cohort spent in a month, G x T."""
        return self.sums / self.customers[:, None]

    @cached_property
    def covariances(self) -> Floats:
        """How two months' spend varies together within a cohort, G x T x T, divided by its customers."""
        of_means = self.means[:, :, None] * self.means[:, None, :]
        return self.products / self.customers[:, None, None] - of_means


def month_of(days: Days) -> Places:
    """Return the months since 1970-01 in which days since 1970-01-01 lie."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int32)


def whole_months(first: int, cut: int) -> range:
    """Return the months, since 1970-01, of which all days are from a first day up to and with a cut."""
    before, after = month_of(np.array([first - 1, cut + 1], dtype=np.int32))
    return range(int(before) + 1, int(after))


def from_panel(panel: Panel, *, margin: bool = False, known_months: int = KNOWN_MONTHS) -> CohortTable:
    """
    Return the table of a panel's whole months.

    Compared are those who bought in the first months already, from then on: of who is first seen at the order with which
    they join it is not known what they spent before, and a row of zeros would make their joining look like an effect.

    :param margin: of the margin, not of the revenue
    :param known_months: how many months those are; 0 takes everyone who ever bought, and all months
    """
    orders, months = panel.orders, whole_months(panel.first, panel.cut)
    place = month_of(orders.day) - months.start - known_months
    linked = (orders.customer != NOBODY) & (place >= -known_months) & (place < len(months) - known_months)
    customer, place = orders.customer[linked], place[linked]
    value = (orders.margin if margin else orders.value)[linked]
    known = np.unique(customer[place < 0] if known_months else customer)
    row = np.full(len(panel.customers), -1, dtype=np.int64)
    row[known] = np.arange(len(known))
    told = (row[customer] >= 0) & (place >= 0)
    shape = len(known), max(0, len(months) - known_months)
    cells = row[customer[told]] * shape[1] + place[told]
    spent = np.bincount(cells, weights=value[told], minlength=shape[0] * shape[1]).reshape(shape)
    joined = panel.customers.joined[known]
    first = months.start + known_months
    joined = np.where(joined == NEVER, NEVER, month_of(np.where(joined == NEVER, 0, joined)) - first)
    return CohortTable.of(spent.astype(np.float64), joined.astype(np.int32), first)
