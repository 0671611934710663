"""Money is Decimal with its ISO 4217 currency beside it."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from django.db import models

CENT = Decimal("0.01")
THOUSANDTH = Decimal("0.001")
MILLIONTH = Decimal("0.000001")


def to_cents(amount: Decimal) -> Decimal:
    """Round an amount of money to two decimals, half up, as a till does."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def to_scale(number: Decimal, scale: Decimal) -> Decimal:
    """Give a number the scale that its column has, so that equal content is written in equal digits."""
    return number.quantize(scale, ROUND_HALF_EVEN)


class MoneyField(models.DecimalField[Any, Any]):
    """An amount with two decimals, up to a trillion."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 14)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)


class CurrencyField(models.CharField[Any, Any]):
    """An ISO 4217 code such as EUR."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 3)
        super().__init__(*args, **kwargs)
