import re
from datetime import UTC, datetime, time
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.timezone import is_naive
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from customers.core.calendar import FIRST_YEAR, LAST_YEAR


class NumberField(serializers.DecimalField):
    """
    A decimal number, taken as it is written: a text has digits and a point, and is nothing that only Python would read.

    How large it may be and how many decimals it may have is said once, for all ways in, by `customers.facts`.
    """

    WRITTEN = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and not self.WRITTEN.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class ExactField(serializers.DecimalField):
    """A number as it is, however large: with all of its decimals, and at least two."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        whole, _point, decimals = f"{value:f}".partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


class InstantField(serializers.DateTimeField):
    """An instant with its zone, in years that calendars can count with. Without one it could be on another day."""

    default_error_messages: ClassVar = {
        "no_zone": _("Say the zone, as in 2026-06-15T12:00:00+02:00 or 2026-06-15T10:00:00Z.")
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(MinValueValidator(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)))
        self.validators.append(MaxValueValidator(datetime(LAST_YEAR, 12, 31, tzinfo=UTC)))

    def enforce_timezone(self, value: datetime) -> datetime:
        if is_naive(value):
            self.fail("no_zone")
        return super().enforce_timezone(value)


class HourField(serializers.TimeField):
    """An hour of the day as a clock on the wall shows it: it has no zone, that is said elsewhere."""

    default_error_messages: ClassVar = {"zone": _("Say the hour without a zone, as in 21:00.")}

    def to_internal_value(self, value: Any) -> time:
        hour: time = super().to_internal_value(value)
        if hour.tzinfo is not None:
            self.fail("zone")
        return hour
