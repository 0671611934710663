"""
Which customers are what: types, tags, scores and stages, column by column. Pure.

Whatever compares counts or money does so without dividing, so that who stands exactly on a threshold is in. Money is in
ten-thousandths of the currency, as float64: exact up to 9 thousand million of it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customers.core.segments import LifeStage, SegmentTag, SegmentType

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

TYPES: tuple[SegmentType, ...] = tuple(SegmentType)
STAGES: tuple[LifeStage, ...] = tuple(LifeStage)
TAGS: tuple[SegmentTag, ...] = tuple(SegmentTag)
SCORES = 5
PERCENT = 100
MIN_OCCASIONS_OF_GAPS = 3  # two gaps: of one alone nobody knows whether it is usual


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    Where types, tags and stages begin. The defaults stand here, and nowhere else.

    :param top_percent: so many of all buyers, those worth most, are VIPs
    :param few_occasions: who bought on so many days at most is still getting to know the shop
    :param first_year_days: and so is who first bought less than so many days before
    :param new_days: who first bought less than so many days before is new
    :param lost_percent: who is at risk, and whose probability of buying is less than that, is lost
    :param overdue_gaps: without a prediction: at risk is who has waited longer than so many of its usual gaps
    :param lost_gaps: without a prediction: lost is who has waited longer than so many
    :param returned_percent: of what was bought, by value, that came back of a serial returner
    :param returns: so many it has at least
    :param visits_per_purchase: of a visitor who seldom buys
    :param gift_percent: of a gift buyer's orders
    :param lover_percent: of the spend of who loves a category, or a brand
    :param lover_occasions: on so many days it bought at least
    :param seasonal_percent: of a seasonal buyer's purchase days that are in one quarter of the year
    :param seasonal_days: so many days before it first bought at least, and in two calendar years
    :param promotion_percent: of a promotion lover's orders that have a code or a discount
    """

    top_percent: int = 20
    few_occasions: int = 2
    first_year_days: int = 365
    new_days: int = 90
    lost_percent: int = 10
    overdue_gaps: int = 2
    lost_gaps: int = 4
    returned_percent: int = 30
    returns: int = 3
    visits_per_purchase: int = 5
    gift_percent: int = 50
    lover_percent: int = 60
    lover_occasions: int = 3
    seasonal_percent: int = 70
    seasonal_days: int = 730
    promotion_percent: int = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Where buyers stand, as columns of equal length; each row bought on a day at least.

    :param value: by which they are ranked: what they would be worth if active, or what they were worth so far
    :param occasions: days with a purchase
    :param since_first: days from the first purchase to the cut
    :param since_last: days from the last purchase to the cut
    :param at_risk: whether the chance that they buy has fallen; None where nothing was predicted
    :param buying: the probability of buying within the horizon; None where nothing was predicted
    """

    value: Floats
    occasions: Integers
    since_first: Integers
    since_last: Integers
    at_risk: Flags | None = None
    buying: Floats | None = None

    def __len__(self) -> int:
        return len(self.value)

    def rows(self, chosen: slice) -> "Standing":
        """Return some of the rows."""
        return Standing(
            self.value[chosen],
            self.occasions[chosen],
            self.since_first[chosen],
            self.since_last[chosen],
            None if self.at_risk is None else self.at_risk[chosen],
            None if self.buying is None else self.buying[chosen],
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What buyers did, as columns of equal length, up to the cut.

    :param orders: how many
    :param spend: of all of them, in ten-thousandths of the currency
    :param returned: of it, what came back
    :param returns: how many times something came back
    :param visits: reported visits
    :param gifts: orders that were gifts
    :param promoted: orders with a promotion code, or a line with a discount
    :param kept: what is left of all lines, in ten-thousandths
    :param best_category: of it, what is left of the lines of the category of which most is left
    :param best_brand: the same of brands
    :param best_quarter: purchase days in the quarter of the year that has most of them
    :param years: calendar years with a purchase day
    """

    orders: Integers
    spend: Floats
    returned: Floats
    returns: Integers
    visits: Integers
    gifts: Integers
    promoted: Integers
    kept: Floats
    best_category: Floats
    best_brand: Floats
    best_quarter: Integers
    years: Integers


@dataclass(frozen=True, slots=True)
class Cuts:
    """
    What must be known of all buyers before any of them is looked at.

    :param top_value: from which value on a buyer is among the top; infinite where nobody is
    :param recency: days since the last purchase, less than none, from which on a buyer is a fifth better
    :param frequency: purchase days, as `recency`
    :param spend: total spend, as `recency`
    :param gap: days between purchases that are usual, for who has no gaps of its own
    """

    top_value: float
    recency: Floats
    frequency: Floats
    spend: Floats
    gap: float


def cuts_of(standing: Standing, spend: Floats, thresholds: Thresholds) -> Cuts:
    """Return the cuts among all buyers of a retailer."""
    return Cuts(
        top_value=edge(np.sort(standing.value), PERCENT - thresholds.top_percent, PERCENT),
        recency=edges(-standing.since_last, SCORES),
        frequency=edges(standing.occasions, SCORES),
        spend=edges(spend, SCORES),
        gap=typical_gap(standing, thresholds),
    )


def edge(in_order: NDArray[np.generic], part: int, whole: int) -> float:
    """
    Return the least value below which at least a part of all values lies; infinite where there is none.

    Who is equal goes together: a tie over the edge stays below it.

    :param in_order: all values, the least first
    """
    place = -(-len(in_order) * part // whole)
    if place >= len(in_order):
        return float("inf")
    value = in_order[place]
    if np.searchsorted(in_order, value, "left") < place:
        place = int(np.searchsorted(in_order, value, "right"))
    return float(in_order[place]) if place < len(in_order) else float("inf")


def edges(values: NDArray[np.generic], bins: int) -> Floats:
    """Return from which values on one is in the second, the third, ... of some bins of equally many values."""
    in_order = np.sort(values)
    return np.array([edge(in_order, part, bins) for part in range(1, bins)])


def score(values: NDArray[np.generic], cuts: Floats) -> Codes:
    """Return in which bin each value is, from 1 on: equal values are in the same one."""
    return (1 + np.searchsorted(cuts, np.asarray(values, dtype=np.float64), "right")).astype(np.int8)


def typical_gap(standing: Standing, thresholds: Thresholds) -> float:
    """Return the median of the mean gaps, in days, of who bought three times; a year where nobody did."""
    regular = standing.occasions >= MIN_OCCASIONS_OF_GAPS
    if not regular.any():
        return float(thresholds.first_year_days)
    return float(np.median(_gaps(standing)[regular]))


def _gaps(standing: Standing) -> Floats:
    between = (standing.since_first - standing.since_last).astype(np.float64)
    return between / np.maximum(standing.occasions - 1, 1)


def _waits_longer_than(standing: Standing, cuts: Cuts, gaps: int) -> Flags:
    """Tell who has waited longer than so many gaps: of its own, or the usual ones where it has none."""
    usual = np.where(standing.occasions >= MIN_OCCASIONS_OF_GAPS, _gaps(standing), cuts.gap)
    found: Flags = standing.since_last > gaps * usual
    return found


def at_risk(standing: Standing, cuts: Cuts, thresholds: Thresholds) -> Flags:
    """Tell who is at risk: as predicted, or by its own gaps where nothing was."""
    if standing.at_risk is not None:
        return standing.at_risk
    return _waits_longer_than(standing, cuts, thresholds.overdue_gaps)


def types_of(standing: Standing, cuts: Cuts, thresholds: Thresholds) -> Codes:
    """Return the type of each buyer, as its place in TYPES: exactly one."""
    top = (standing.value >= cuts.top_value) & (standing.value > 0)
    risky = at_risk(standing, cuts, thresholds)
    is_beginning = (standing.occasions <= thresholds.few_occasions) | (
        standing.since_first < thresholds.first_year_days
    )
    found = np.select(
        [top & ~risky, top, risky, is_beginning],
        [
            TYPES.index(SegmentType.VIP),
            TYPES.index(SegmentType.VIP_AT_RISK),
            TYPES.index(SegmentType.LOW_VALUE_AT_RISK),
            TYPES.index(SegmentType.POTENTIAL_LOYAL),
        ],
        TYPES.index(SegmentType.LOYAL_LOW_VALUE),
    )
    return found.astype(np.int8)


def stages_of(standing: Standing, cuts: Cuts, thresholds: Thresholds) -> Codes:
    """Return the stage of each buyer, as its place in STAGES: exactly one, and never that of who never bought."""
    risky = at_risk(standing, cuts, thresholds)
    if standing.at_risk is not None and standing.buying is not None:
        gone = risky & (standing.buying * PERCENT < thresholds.lost_percent)
    else:
        gone = risky & _waits_longer_than(standing, cuts, thresholds.lost_gaps)
    found = np.select(
        [gone, risky, standing.since_first < thresholds.new_days],
        [STAGES.index(LifeStage.LOST), STAGES.index(LifeStage.OVERDUE), STAGES.index(LifeStage.NEW)],
        STAGES.index(LifeStage.ESTABLISHED),
    )
    return found.astype(np.int8)


def rfm_of(standing: Standing, spend: Floats, cuts: Cuts) -> tuple[Codes, Codes, Codes]:
    """Return the scores of recency, frequency and spend of each buyer, from 1 to 5, the best: in that order."""
    return (
        score(-standing.since_last, cuts.recency),
        score(standing.occasions, cuts.frequency),
        score(spend, cuts.spend),
    )


def tags_of(facts: Facts, standing: Standing, thresholds: Thresholds) -> dict[SegmentTag, Flags]:
    """Return who has each tag."""
    said = thresholds
    often = standing.occasions >= said.lover_occasions
    return {
        SegmentTag.SERIAL_RETURNER: (facts.returns >= said.returns)
        & _is_share(facts.returned, facts.spend, said.returned_percent),
        SegmentTag.SELDOM_BUYER: (facts.orders > 0) & (facts.visits >= said.visits_per_purchase * facts.orders),
        SegmentTag.GIFT_BUYER: _is_share(facts.gifts, facts.orders, said.gift_percent),
        SegmentTag.CATEGORY_LOVER: often & _is_share(facts.best_category, facts.kept, said.lover_percent),
        SegmentTag.BRAND_LOVER: often & _is_share(facts.best_brand, facts.kept, said.lover_percent),
        SegmentTag.SEASONAL_BUYER: (standing.since_first >= said.seasonal_days)
        & (facts.years >= 2)  # noqa: PLR2004 - one year has seasons for everybody
        & _is_share(facts.best_quarter, standing.occasions, said.seasonal_percent),
        SegmentTag.PROMOTION_LOVER: _is_share(facts.promoted, facts.orders, said.promotion_percent),
    }


def _is_share(part: Floats | Integers, whole: Floats | Integers, percent: int) -> Flags:
    """Tell where something is at least a share of all; of nothing nothing is."""
    found: Flags = (whole > 0) & (part * PERCENT >= whole * percent)
    return found
