"""What an order or an interaction earns: pure, the same for the live pipeline, a return, a dry run and a replay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

NOTHING = Decimal(0)
ONE = Decimal(1)


class Counted(StrEnum):
    """What an earning rule gives its points for."""

    PER_AMOUNT = "per_amount"
    PER_ITEM = "per_item"
    PER_ORDER = "per_order"
    FIRST_ORDER = "first_order"
    PER_INTERACTION = "per_interaction"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as rules see it: `net_amount` is what the whole line cost."""

    net_amount: Decimal
    category: str = ""
    brand: str = ""
    sku: str = ""
    quantity: Decimal = ONE


@dataclass(frozen=True, slots=True)
class Basket:
    """
    What an order consists of, or what is left of it.

    :param paid_with_points: the part of the lines' amounts that was paid with points, which earns none
    """

    lines: tuple[Line, ...]
    paid_with_points: Decimal = NOTHING

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), NOTHING)

    @property
    def paid(self) -> Decimal:
        """Return what was paid with money."""
        return max(self.net_amount - self.paid_with_points, NOTHING)


@dataclass(frozen=True, slots=True)
class Earning:
    """
    An earning rule of a version.

    :param points: per unit of money, per item, or in all
    :param wallet: the code of the wallet that gets them
    :param categories: empty for all
    :param brands: empty for all
    :param interaction: the kind of interaction that earns, for `per_interaction`
    """

    id: int
    code: str
    kind: Counted
    points: Decimal
    wallet: str = "points"
    minimum_amount: Decimal = NOTHING
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    interaction: str = ""
    uses_multiplier: bool = True


@dataclass(frozen=True, slots=True)
class Earned:
    """
    What one rule gave.

    :param basis: the amount of money, or the number of items, that it counted; 1 for a bonus
    :param dropped: the part of a point that rounding down dropped
    """

    rule_id: int
    code: str
    wallet: str
    points: int
    basis: Decimal
    multiplier: Decimal
    dropped: Decimal


def earn(basket: Basket, rules: Iterable[Earning], *, multiplier: Decimal, is_first: bool) -> tuple[Earned, ...]:
    """
    Return what each matching rule gives for an order, by the rules' codes, whatever order their rows are in.

    Points are rounded down once per rule, on the order's total, never per line.

    :param multiplier: the member's tier's, 1 for none
    :param is_first: whether it is the member's first order
    """
    skipped = {Counted.PER_INTERACTION} if is_first else {Counted.PER_INTERACTION, Counted.FIRST_ORDER}
    given = (_for_order(rule, basket, multiplier) for rule in _in_order(rules) if rule.kind not in skipped)
    return tuple(earned for earned in given if earned is not None and earned.points > 0)


def earn_for_interaction(kind: str, rules: Iterable[Earning], *, multiplier: Decimal) -> tuple[Earned, ...]:
    """Return what each matching rule gives for an interaction, by the rules' codes."""
    matching = (rule for rule in _in_order(rules) if rule.kind is Counted.PER_INTERACTION and rule.interaction == kind)
    given = (_rounded(rule, ONE, ONE, multiplier) for rule in matching)
    return tuple(earned for earned in given if earned.points > 0)


def total_of(earned: Sequence[Earned]) -> int:
    return sum(part.points for part in earned)


def by_wallet(earned: Iterable[Earned]) -> dict[str, tuple[Earned, ...]]:
    """Return what was earned, wallet by wallet, in the order of the wallets' codes."""
    found: dict[str, tuple[Earned, ...]] = {}
    for part in sorted(earned, key=lambda part: (part.wallet, part.code)):
        found[part.wallet] = (*found.get(part.wallet, ()), part)
    return found


def _in_order(rules: Iterable[Earning]) -> list[Earning]:
    return sorted(rules, key=lambda rule: rule.code)


def _for_order(rule: Earning, basket: Basket, multiplier: Decimal) -> Earned | None:
    counted = [line for line in basket.lines if _counts(rule, line)]
    amount = sum((line.net_amount for line in counted), NOTHING)
    with_money = amount
    if basket.paid_with_points and basket.net_amount:
        # What was paid with points is spread over the lines by their amounts.
        with_money = amount * basket.paid / basket.net_amount
    if not counted or with_money < rule.minimum_amount or (basket.paid_with_points and not with_money):
        return None
    if rule.kind is Counted.PER_AMOUNT:
        return _rounded(rule, with_money, with_money, multiplier)
    if rule.kind is Counted.PER_ITEM:
        pieces = sum((line.quantity for line in counted), NOTHING)
        share = with_money / amount if amount else ONE
        return _rounded(rule, pieces * share, pieces * share, multiplier)
    return _rounded(rule, ONE, amount, multiplier)


def _rounded(rule: Earning, units: Decimal, basis: Decimal, multiplier: Decimal) -> Earned:
    factor = multiplier if rule.uses_multiplier else ONE
    exact = rule.points * factor * units
    points = int(exact.to_integral_value(ROUND_FLOOR))
    return Earned(rule.id, rule.code, rule.wallet, points, basis, factor, exact - points)


def _counts(rule: Earning, line: Line) -> bool:
    return (not rule.categories or line.category in rule.categories) and (not rule.brands or line.brand in rule.brands)
