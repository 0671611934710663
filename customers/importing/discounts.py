"""What a file says of an order as a whole about its lines' amounts: a discount of all of them, and what they come to."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice

from django.utils.translation import gettext as _

from customers.core.money import to_scale, unit_of
from customers.facts import LineFact
from customers.importing.cells import BadCell

Lines = tuple[LineFact, ...]


def spread(lines: Sequence[LineFact], discount: Decimal, currency: str) -> Lines:
    """
    Return lines with an order's discount taken off, each in proportion to its amount, by largest remainder.

    :raises BadCell: when it is more than the lines cost
    """
    unit = unit_of(currency)
    amounts = [to_scale(line.net_amount, unit) for line in lines]
    total = sum(amounts, Decimal(0))
    if discount > total:
        reason = _("The discount {discount} is more than the lines cost, {total}.")
        raise BadCell("order_discount", reason.format(discount=discount, total=total))
    exact = [discount * amount / total for amount in amounts]
    parts = [share // unit * unit for share in exact]
    left = int((discount - sum(parts, Decimal(0))) / unit)
    by_remainder = sorted(range(len(lines)), key=lambda place: parts[place] - exact[place])
    for place in islice(by_remainder, left):
        parts[place] += unit
    return tuple(
        replace(line, net_amount=amount - part, discount=line.discount + part, is_derived=False)
        for line, amount, part in zip(lines, amounts, parts, strict=True)
    )


def require_sum(lines: Sequence[LineFact], stated: Decimal, currency: str) -> None:
    """Refuse lines that do not come to what the file says of them together."""
    unit = unit_of(currency)
    found = sum((to_scale(line.net_amount, unit) for line in lines), Decimal(0))
    if found != stated:
        reason = _("The lines come to {found}, but the file says {stated}.")
        raise BadCell("lines_amount", reason.format(found=found, stated=stated))
