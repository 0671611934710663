"""
What it cost to win a customer who would not have come anyway, from those who had not bought yet and were divided by chance.

Of the customers with it some would have come without it, as many as of the control did: only the rest was won. The interval of
that difference of two shares is Newcombe's (1998, method 10, from Wilson's intervals), which is right for few who came and for
none. What it cost is counted, not estimated; divided by the ends of the interval it is the interval of the cost of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from analytics.uplift.sample_ratio import sample_ratio

MIN_PER_ARM = 100
LEVEL = 0.95


@dataclass(frozen=True)
class Arm:
    """
    Those of an arm who had not bought before it began, whose window is closed.

    :param customers: or households, where those were divided
    :param came: of them, with a first order in the window that they kept something of
    :param cost: of all of them, in units of the currency; None where some of it is not known
    """

    code: str
    is_control: bool
    share_bp: int
    customers: int
    came: int
    cost: float | None


@dataclass(frozen=True)
class Between:
    """An estimate and the interval in which it is."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Between":
        """Return it for so many."""
        return Between(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Won:
    """
    What an arm won beyond its control.

    :param why: why the cost of one is not told, as a code; empty where it is
    :param least: customers of the smallest arm
    :param share: of its customers, who came because of it
    :param won: of them, so many
    :param cost: more than of as many of the control
    :param each: the cost of one who was won
    :param of_all: the cost by all who came, those too who would have come anyway
    """

    why: str
    arm: Arm
    control: Arm
    least: int
    share: Between | None = None
    won: Between | None = None
    cost: float | None = None
    each: Between | None = None
    of_all: float | None = None


def won_by(arms: Sequence[Arm], *, is_final: bool) -> Mapping[str, Won]:
    """
    Return what each arm but the control won, by its code.

    Several arms that are compared with one control share the level among them (Bonferroni).

    :param is_final: it came to its planned end
    """
    control = next(each for each in arms if each.is_control)
    others = [each for each in arms if not each.is_control]
    level = 1 - (1 - LEVEL) / max(len(others), 1)
    why, least = _refused(arms, is_final=is_final), min(each.customers for each in arms)
    return {each.code: Won(why, each, control, least) if why else _told(each, control, least, level) for each in others}


def _refused(arms: Sequence[Arm], *, is_final: bool) -> str:
    """Return why nothing may be told of any arm."""
    if not is_final:
        return "not_ended"
    if sample_ratio([each.customers for each in arms], [each.share_bp for each in arms]).is_broken:
        return "arms_broken"
    return "too_few" if min(each.customers for each in arms) < MIN_PER_ARM else ""


def _told(arm: Arm, control: Arm, least: int, level: float) -> Won:
    share = difference(arm.came, arm.customers, control.came, control.customers, level=level)
    cost = None
    if arm.cost is not None and control.cost is not None:
        cost = arm.cost - control.cost / control.customers * arm.customers
    won = share.times(arm.customers)
    of_all = cost / arm.came if cost is not None and arm.came else None
    why = _why_not(share, cost)
    each = None if why or cost is None else Between(cost / won.value, cost / won.high, cost / won.low)
    return Won(why, arm, control, least, share, won, cost, each, of_all)


def _why_not(share: Between, cost: float | None) -> str:
    if share.high < 0:
        return "fewer_came"
    if share.low <= 0:
        return "not_shown"
    if cost is None:
        return "cost_unknown"
    return "costs_nothing" if cost <= 0 else ""


def difference(some: int, of: int, others: int, of_others: int, *, level: float = LEVEL) -> Between:
    """Return by how much one share is larger than another, with Newcombe's interval; both are of somebody."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    one, other = wilson(some, of, z), wilson(others, of_others, z)
    value = one.value - other.value
    low = value - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = value + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Between(value, low, high)


def wilson(some: int, of: int, z: float) -> Between:
    """Return a share with Wilson's interval."""
    p, z2 = some / of, z * z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = z * sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Between(p, max(0.0, middle - half), min(1.0, middle + half))
