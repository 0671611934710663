"""What an order earns: pure, the same for the live pipeline, a return, a dry run and a replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as rules see it: `net_amount` is what the whole line cost."""

    net_amount: Decimal
    category: str = ""
    brand: str = ""
    sku: str = ""


@dataclass(frozen=True, slots=True)
class Earning:
    """
    An earning rule of a version.

    :param points: per unit of money for `per_amount`; in all for `first_order`
    :param categories: empty for all
    :param brands: empty for all
    """

    id: int
    code: str
    kind: Literal["per_amount", "first_order"]
    points: Decimal
    minimum_amount: Decimal = NOTHING
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    uses_multiplier: bool = True


@dataclass(frozen=True, slots=True)
class Earned:
    """
    What one rule gave for one order.

    :param basis: the amount of money that it counted
    :param dropped: the part of a point that rounding down dropped
    """

    rule_id: int
    code: str
    points: int
    basis: Decimal
    multiplier: Decimal
    dropped: Decimal


def earn(lines: Sequence[Line], rules: Sequence[Earning], *, multiplier: Decimal, is_first: bool) -> tuple[Earned, ...]:
    """
    Return what each matching rule gives for an order, by the rules' codes, whatever order their rows are in.

    Points are rounded down once per rule, on the order's total, never per line.

    :param multiplier: the member's tier's, 1 for none
    :param is_first: whether it is the member's first order
    """
    given = (_apply(rule, lines, multiplier, is_first=is_first) for rule in sorted(rules, key=lambda rule: rule.code))
    return tuple(earned for earned in given if earned is not None and earned.points > 0)


def total_of(earned: Sequence[Earned]) -> int:
    return sum(part.points for part in earned)


def _apply(rule: Earning, lines: Sequence[Line], multiplier: Decimal, *, is_first: bool) -> Earned | None:
    if rule.kind == "first_order" and not is_first:
        return None
    counted = [line.net_amount for line in lines if _counts(rule, line)]
    basis = sum(counted, NOTHING)
    if not counted or basis < rule.minimum_amount:
        return None
    factor = multiplier if rule.uses_multiplier else Decimal(1)
    exact = rule.points * factor * (basis if rule.kind == "per_amount" else 1)
    points = int(exact.to_integral_value(ROUND_FLOOR))
    return Earned(rule.id, rule.code, points, basis, factor, exact - points)


def _counts(rule: Earning, line: Line) -> bool:
    return (not rule.categories or line.category in rule.categories) and (not rule.brands or line.brand in rule.brands)
