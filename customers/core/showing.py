"""How values stand on the admin's pages: for people, and not as they are stored."""

from decimal import Decimal
from math import isfinite
from typing import Any

import unfold.fields
import unfold.sections
import unfold.templatetags.unfold_list
import unfold.utils
from django.db import models
from django.db.models.constraints import BaseConstraint
from django.template.defaultfilters import linebreaksbr
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from customers.core.labels import labelled

MIN_DECIMALS, DIGITS = 2, 4  # decimals of an amount at least, and figures of a share or a statistic that are read
PIECES = 3  # decimals of a quantity, which is mostly whole
MAX_SHOWN = 20  # parts of what was stored as one value
SEPARATOR = ", "
_as_the_theme_does = unfold.utils.display_for_field


def display_for_field(value: Any, field: Any, empty: str) -> Any:
    """
    Return a stored value as people read it, whatever shows it.

    An amount has no more zeros than it needs, a statistic the figures that mean something, and what is stored as JSON is told
    in words.
    """
    if value is None or getattr(field, "flatchoices", None):
        return _as_the_theme_does(value, field, empty)
    if isinstance(field, models.JSONField):
        return in_words(value) or empty
    if isinstance(field, models.DecimalField):
        return number_format(value, decimals_of(value, field.decimal_places))
    if isinstance(field, models.FloatField):
        return figures(value)
    return _as_the_theme_does(value, field, empty)


def decimals_of(value: Any, places: int) -> int:
    """Return how many decimals of a number say something; a number with decimals has two at least, as amounts do."""
    exponent = Decimal(value).normalize().as_tuple().exponent
    needed = max(0, -exponent) if isinstance(exponent, int) else places
    return max(needed, MIN_DECIMALS) if places > PIECES or needed else 0


def figures(value: float) -> str:
    """Return a statistic with four figures; a larger whole one with all of them."""
    if not isfinite(value):
        return "-"
    if abs(value) >= 10 ** (DIGITS - 1):
        return str(number_format(round(value), 0))
    return str(number_format(f"{Decimal(f'{value:.{DIGITS}g}'):f}"))


def in_words(value: Any) -> str:
    """Return a list or an object that is stored as JSON as text: its parts, each with its name."""
    if isinstance(value, dict):
        return SEPARATOR.join(labelled(name, in_words(each)) for name, each in list(value.items())[:MAX_SHOWN])
    if isinstance(value, list):
        return SEPARATOR.join(in_words(each) for each in value[:MAX_SHOWN])
    if isinstance(value, bool):
        return str(_("yes")) if value else str(_("no"))
    if isinstance(value, float):
        return figures(value)
    return "-" if value is None else str(value)


def lines_of(value: Any) -> Any:
    """Return what a page shows of a method's answer; a label of a list is its code with its words, of which the words."""
    return linebreaksbr(value[1] if isinstance(value, tuple) else value)


# What a constraint of a page's rows refuses, where the field itself cannot say it; by the constraint's name.
REFUSED = {
    "margin_rate_is_a_share": _("A margin rate is a share: from 0 to 1, such as 0.25."),
    "currency_is_an_iso_code": _("A currency is a code of ISO 4217, such as EUR."),
}


def refused(constraint: BaseConstraint) -> Any:
    """Return what a constraint refuses, for people: its name is for developers."""
    told = constraint.violation_error_message
    if told != BaseConstraint.default_violation_error_message:
        return told
    return REFUSED.get(constraint.name, _("These values do not go together."))


def install() -> None:
    """Let the theme's pages and lists show values so, and say in words what a constraint refuses."""
    BaseConstraint.get_violation_error_message = refused  # type: ignore[assignment,method-assign] # in its place
    for module in (unfold.fields, unfold.sections, unfold.templatetags.unfold_list, unfold.utils):
        module.display_for_field = display_for_field
    unfold.fields.linebreaksbr = lines_of
    unfold.fields.prettify_json = lambda _value, _encoder: None  # coloured, it would still be JSON
