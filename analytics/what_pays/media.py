"""What media cost beside what an experiment won: of one who was won, alone and with all else that it cost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from analytics.uplift.winning import Between, Won


@dataclass(frozen=True)
class Media:
    """
    What was spent on media for an arm, and what that makes of one who was won.

    :param spent: of what was spent for the experiment, the share of the arm's customers
    :param each: by one who was won; None where nobody is shown to be won
    :param with_all: with rewards and points; None where those are not known, or nobody is shown to be won
    """

    spent: float
    each: Between | None
    with_all: Between | None


def media_by_arm(spent: float, won: Mapping[str, Won]) -> dict[str, Media]:
    """
    Return what media cost in each arm but the control, by its code.

    All of it counts, also what reached those who had bought before; several arms share it by their customers.
    """
    customers = sum(each.arm.customers for each in won.values())
    return {
        code: _media(spent * each.arm.customers / customers if customers else 0.0, each) for code, each in won.items()
    }


def _media(spent: float, won: Won) -> Media:
    if won.share is None or won.won is None or won.share.low <= 0:
        return Media(spent, None, None)
    whole = None if won.cost is None else won.cost + spent
    return Media(spent, _by(spent, won.won), None if whole is None or whole <= 0 else _by(whole, won.won))


def _by(cost: float, won: Between) -> Between:
    return Between(cost / won.value, cost / won.high, cost / won.low)
