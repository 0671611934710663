"""How the pages of staff write down money."""

from decimal import Decimal

from django import template

from customers.core.money import decimals_of
from customers.core.numbers import shown

register = template.Library()


@register.filter
def amount(value: Decimal | None, currency: str) -> str:
    """Return an amount in its currency's decimals, as the reader writes numbers: 12.345 of KWD, 12 of JPY; empty for none."""
    return "" if value is None else shown(value, decimals_of(currency))
