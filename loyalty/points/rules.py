"""What an order or an interaction earns: pure, the same for the live pipeline, a return, a dry run and a replay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from fractions import Fraction

from customers.core.values import dataclass
from loyalty.engine.arms import ForArms
from loyalty.engine.basket import NOTHING, ONE, Basket, Line, Occasion
from loyalty.points.conditions import EVERYTHING, Node, compiled

__all__ = ["NOTHING", "ONE", "Basket", "Line", "Occasion"]


class Counted(StrEnum):
    """What an earning rule gives its points for."""

    PER_AMOUNT = "per_amount"
    PER_ITEM = "per_item"
    PER_ORDER = "per_order"
    FIRST_ORDER = "first_order"
    PER_INTERACTION = "per_interaction"
    BIRTHDAY = "birthday"
    ANNIVERSARY = "anniversary"


FOR_ORDERS = frozenset({Counted.PER_AMOUNT, Counted.PER_ITEM, Counted.PER_ORDER, Counted.FIRST_ORDER})


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What a rule that rewards interactions asks for besides, so that nobody farms it; None for no limit.

    :param day_limit: so many of its kind are rewarded on a day of the program's zone
    :param month_limit: in a calendar month
    :param once_per_product: only the first one about a product is rewarded
    :param bought_within_days: only about a product that was bought so many days before at most, and not returned since
    :param needs_approval: what it gives waits until somebody approves
    :param takes_back: whether it is taken back when the last of the product is returned
    """

    day_limit: int | None = None
    month_limit: int | None = None
    once_per_product: bool = False
    bought_within_days: int | None = None
    needs_approval: bool = False
    takes_back: bool = False

    @property
    def is_about_products(self) -> bool:
        return self.bought_within_days is not None or self.takes_back

    @property
    def counts(self) -> bool:
        """Tell whether it looks at what was rewarded before."""
        return self.day_limit is not None or self.month_limit is not None or self.once_per_product


@dataclass(frozen=True, slots=True)
class Earning:
    """
    An earning rule of a version.

    :param points: per unit of money, per item, or in all
    :param wallet: the code of the wallet that gets them
    :param minimum_amount: of the lines that it counts
    :param condition: which lines of which orders count
    :param interaction: the kind of interaction that earns, for `per_interaction`
    :param cap: the most that it gives at once; None for no cap
    :param group: rules of one group belong together; empty for none
    :param best_of: that only the best of its group gives
    :param terms: of a rule for interactions; None for none
    :param arms: of an experiment, for which it holds; None for all
    :param counts_free_lines: whether lines count that cost nothing: as items, and as what makes an order
    :param counts_gift_cards: whether lines count by which gift cards are bought
    """

    id: int
    code: str
    kind: Counted
    points: Decimal
    wallet: str = "points"
    minimum_amount: Decimal = NOTHING
    condition: Node = EVERYTHING
    interaction: str = ""
    uses_multiplier: bool = True
    cap: int | None = None
    group: str = ""
    best_of: bool = False
    terms: Terms | None = None
    arms: ForArms | None = None
    counts_free_lines: bool = True
    counts_gift_cards: bool = False
    counts: Callable[[Line, Basket, Occasion], bool] | None = field(init=False, compare=False, repr=False)
    is_for_orders: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", None if self.condition == EVERYTHING else compiled(self.condition))
        object.__setattr__(self, "is_for_orders", self.kind in FOR_ORDERS)

    def meeting(self, basket: Basket, occasion: Occasion) -> Sequence[Line]:
        """Return the lines of an order that meet its condition."""
        counts = self.counts
        return basket.lines if counts is None else [line for line in basket.lines if counts(line, basket, occasion)]

    def counted(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Return those of lines that it counts, by whether they are free, or gift cards."""
        if not self.counts_gift_cards and any(line.is_gift_card for line in lines):
            lines = [line for line in lines if not line.is_gift_card]
        return lines if self.counts_free_lines else [line for line in lines if line.net_amount]


@dataclass(frozen=True, slots=True)
class Earned:
    """
    What one rule gave.

    :param basis: the amount of money, or the number of items, that it counted; 1 for a bonus
    :param dropped: the part of a point that rounding down dropped
    :param capped: points that the rule's own cap dropped
    :param beaten: rules of its group that would have given less, with what
    """

    rule_id: int
    code: str
    wallet: str
    points: int
    basis: Decimal
    multiplier: Decimal
    dropped: Decimal
    capped: int = 0
    beaten: tuple[tuple[str, int], ...] = ()


def earn(basket: Basket, rules: Iterable[Earning], occasion: Occasion) -> tuple[Earned, ...]:
    """
    Return what the rules give for an order, by their codes, whatever order their rows are in.

    1. Each rule counts the lines that meet its condition, gift cards and free lines as it says; under its minimum it gives
       nothing.
    2. Its points are rounded down once, on the order's total, never per line, and cut at its cap.
    3. Of a group that gives the best of its rules, the one with most points stays; of two alike the first by code.
    4. What stays adds up.
    """
    matching = [
        rule for rule in rules if rule.is_for_orders and (occasion.is_first or rule.kind is not Counted.FIRST_ORDER)
    ]
    return _grouped([(rule, _for_order(rule, basket, occasion)) for rule in _in_order(matching)])


def earn_for_interaction(kind: str, rules: Iterable[Earning], occasion: Occasion) -> tuple[Earned, ...]:
    """Return what the rules give for an interaction, by their codes."""
    matching = (rule for rule in rules if rule.kind is Counted.PER_INTERACTION and rule.interaction == kind)
    return _grouped((rule, _at_once(rule, occasion)) for rule in _in_order(matching))


def earn_for_day(kind: Counted, rules: Iterable[Earning], occasion: Occasion) -> tuple[Earned, ...]:
    """Return what the rules give for a birthday, or for an anniversary of joining, by their codes."""
    matching = (rule for rule in rules if rule.kind is kind)
    return _grouped((rule, _at_once(rule, occasion)) for rule in _in_order(matching))


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


def _grouped(given: Iterable[tuple[Earning, Earned | None]]) -> tuple[Earned, ...]:
    """Return what was given, of each group that asks for it only the best."""
    some = [(rule, earned) for rule, earned in given if earned is not None and earned.points > 0]
    if not any(rule.best_of for rule, _ in some):
        return tuple([earned for _, earned in some])
    best: dict[str, Earned] = {}
    for rule, earned in some:
        if rule.best_of and (rule.group not in best or earned.points > best[rule.group].points):
            best[rule.group] = earned
    beaten: dict[str, tuple[tuple[str, int], ...]] = {}
    for rule, earned in some:
        if rule.best_of and earned is not best[rule.group]:
            beaten[rule.group] = (*beaten.get(rule.group, ()), (earned.code, earned.points))
    return tuple(
        replace(earned, beaten=beaten.get(rule.group, ())) if rule.best_of else earned
        for rule, earned in some
        if not rule.best_of or earned is best[rule.group]
    )


def _for_order(rule: Earning, basket: Basket, occasion: Occasion) -> Earned | None:
    counted = rule.counted(rule.meeting(basket, occasion))
    amount = sum((line.net_amount for line in counted), NOTHING)
    if not counted:
        return None
    share = _share_of_money(basket)
    with_money = _times(amount, share)
    if with_money < rule.minimum_amount or (basket.paid_with_points and not with_money):
        return None
    if rule.kind is Counted.PER_AMOUNT:
        return _rounded(rule, with_money, with_money, occasion)
    if rule.kind is Counted.PER_ITEM:
        pieces = _times(sum((line.quantity for line in counted), NOTHING), share)
        return _rounded(rule, pieces, pieces, occasion)
    return _rounded(rule, ONE, amount, occasion)


def with_money(lines: Sequence[Line], basket: Basket) -> Decimal:
    """Return what of an order's lines was paid with money, as an explanation shows it."""
    return _shown(_times(sum((line.net_amount for line in lines), NOTHING), _share_of_money(basket)))


def _share_of_money(basket: Basket) -> Fraction | Decimal:
    """Return the part of an order that was paid with money; points are spread over the lines by their amounts."""
    if basket.paid_with_points and basket.net_amount:
        return Fraction(basket.paid) / Fraction(basket.net_amount)  # as a fraction, which loses nothing
    return ONE


def _times(amount: Decimal, share: Fraction | Decimal) -> Fraction | Decimal:
    return Fraction(amount) * share if isinstance(share, Fraction) else amount


NO_LINE, NO_BASKET = Line(NOTHING), Basket(())


def _at_once(rule: Earning, occasion: Occasion) -> Earned | None:
    if rule.counts is not None and not rule.counts(NO_LINE, NO_BASKET, occasion):
        return None
    return _rounded(rule, ONE, ONE, occasion)


def _rounded(rule: Earning, units: Fraction | Decimal, basis: Fraction | Decimal, occasion: Occasion) -> Earned:
    """Return what a rule gives: exact to the end, and rounded down once."""
    factor = occasion.multiplier if rule.uses_multiplier else ONE
    if isinstance(units, Fraction):
        exact = Fraction(rule.points) * Fraction(factor) * units
        points = exact.numerator // exact.denominator
        dropped = _shown(exact - points)
    else:
        product = rule.points * factor * units
        points = int(product.to_integral_value(ROUND_FLOOR))
        dropped = product - points
    kept = points if rule.cap is None else min(points, rule.cap)
    return Earned(rule.id, rule.code, rule.wallet, kept, _shown(basis), factor, dropped, points - kept)


def _shown(number: Fraction | Decimal) -> Decimal:
    """Return a number as an explanation shows it: a fraction with four decimals."""
    if isinstance(number, Fraction):
        return (Decimal(number.numerator) / Decimal(number.denominator)).quantize(FOUR_DECIMALS)
    return number


FOUR_DECIMALS = Decimal("0.0001")
