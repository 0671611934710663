"""Why rules gave nothing for an order, and what they did not count: read from the same values that decided it. Pure."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum

from customers.core.values import dataclass
from loyalty.engine.basket import NOTHING, Basket, Line, Occasion
from loyalty.points.rules import Counted, Earning, earn, with_money


class Remark(StrEnum):
    """What there is to say of a rule for an order."""

    UNDER_MINIMUM = "under_minimum"
    ONLY_FREE_LINES = "only_free_lines"
    ONLY_GIFT_CARDS = "only_gift_cards"
    PAID_WITH_POINTS = "paid_with_points"
    BELOW_A_POINT = "below_a_point"
    FREE_LINES_NOT_COUNTED = "free_lines_not_counted"
    GIFT_CARDS_NOT_COUNTED = "gift_cards_not_counted"


@dataclass(frozen=True, slots=True)
class Remarked:
    """
    What there is to say of one rule.

    :param amount: in units of money: what it counted, or the gift cards that it did not count
    :param minimum: of the rule
    :param lines: how many it did not count
    """

    rule: str
    remark: Remark
    amount: Decimal = NOTHING
    minimum: Decimal = NOTHING
    lines: int = 0


def remarks(basket: Basket, rules: Iterable[Earning], occasion: Occasion) -> tuple[Remarked, ...]:
    """
    Return why rules gave nothing for an order whose lines meet their conditions, and which of those others did not count.

    A rule for first orders has nothing to say of another order, and one whose condition no line meets has not either.
    """
    told: list[Remarked] = []
    for rule in sorted(rules, key=lambda rule: rule.code):
        if rule.is_for_orders and (occasion.is_first or rule.kind is not Counted.FIRST_ORDER):
            told += _of_rule(rule, basket, occasion)
    return tuple(told)


def _of_rule(rule: Earning, basket: Basket, occasion: Occasion) -> Iterator[Remarked]:
    meeting = rule.meeting(basket, occasion)
    counted = rule.counted(meeting)
    if not meeting:
        return
    if not counted:
        is_cards = any(line.is_gift_card for line in meeting)
        yield Remarked(rule.code, Remark.ONLY_GIFT_CARDS if is_cards else Remark.ONLY_FREE_LINES, lines=len(meeting))
        return
    money = with_money(counted, basket)
    if money < rule.minimum_amount:
        yield Remarked(rule.code, Remark.UNDER_MINIMUM, money, rule.minimum_amount)
    elif basket.paid_with_points and not money:
        yield Remarked(rule.code, Remark.PAID_WITH_POINTS)
    elif not any(part.points or part.capped for part in earn(basket, [rule], occasion)):
        yield Remarked(rule.code, Remark.BELOW_A_POINT, money)
    else:
        yield from _not_counted(rule, meeting)


def _not_counted(rule: Earning, meeting: Iterable[Line]) -> Iterator[Remarked]:
    cards = [line for line in meeting if line.is_gift_card and not rule.counts_gift_cards]
    free = [line for line in meeting if not line.net_amount and not line.is_gift_card and not rule.counts_free_lines]
    if cards:
        amount = sum((line.net_amount for line in cards), NOTHING)
        yield Remarked(rule.code, Remark.GIFT_CARDS_NOT_COUNTED, amount, lines=len(cards))
    if free:
        yield Remarked(rule.code, Remark.FREE_LINES_NOT_COUNTED, lines=len(free))
