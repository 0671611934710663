"""Numbers as the reader writes them."""

from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format


def shown(number: Decimal | float, decimals: int) -> str:
    """
    Return a number in the reader's language, grouped, rounded half up to so many decimals.

    Django's own formatting cuts off what does not fit: 5.218 would be 5.21.
    """
    exact = number if isinstance(number, Decimal) else Decimal(repr(float(number)))  # NumPy says its type besides
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return str(number_format(rounded + 0, decimals, use_l10n=True, force_grouping=True))  # -0 is 0


def percent(share: Decimal | float, decimals: int = 1) -> str:
    """Return a share as the reader writes it in percent: 0.35 is 35.0 %."""
    return f"{shown(share * 100, decimals)}\u00a0%"
