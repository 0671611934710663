"""How far what a version says may reach: so far that nobody lives to see it, and no farther than calendars count."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR

MAX_MONTHS = 1_200
MONTHS = ("window_months", "extra_months")
COUNT, UNIT, DAYS = "expiry_count", "expiry", "days"  # days are as few as their column holds: 90 years

DATES, LEAP_YEAR = "expiry_dates", 2_000


class WithinCalendars(models.Model):
    """A part of a version whose spans end within a century, and whose days are of years that facts may have."""

    class Meta:
        abstract = True

    def clean(self) -> None:
        """
        Refuse what calendars could not count.

        :raises ValidationError: naming each field
        """
        super().clean()
        require_within_calendars(self)


def require_within_calendars(row: models.Model) -> None:
    """
    Refuse a part of a version that reaches too far.

    :raises ValidationError: naming each field
    """
    errors: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(field, models.DateField) and value is not None and not FIRST_YEAR <= value.year <= LAST_YEAR:
            errors[field.name] = _("A day from %(first)s to %(last)s is expected.") % {
                "first": FIRST_YEAR,
                "last": LAST_YEAR,
            }
        if _counts_months(row, field.name) and value is not None and value > MAX_MONTHS:
            errors[field.name] = _("At most %(limit)s months, which is a century.") % {"limit": MAX_MONTHS}
        if field.name == DATES and (missing := [each for each in value if not _is_a_day(each)]):
            errors[field.name] = _("There is no %(day)s in any year.") % {"day": ", ".join(missing)}
    if errors:
        raise ValidationError(errors)


def _is_a_day(text: str) -> bool:
    """Tell whether a year has a day that is written as 06-30; 29 February is one."""
    try:
        date.fromisoformat(f"{LEAP_YEAR}-{text}")
    except ValueError:
        return False
    return True


def _counts_months(row: models.Model, name: str) -> bool:
    return name in MONTHS or (name == COUNT and getattr(row, UNIT) != DAYS)
