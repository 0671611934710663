from datetime import UTC, datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers

from customers.facts import FIRST_YEAR, LAST_YEAR


class InstantField(serializers.DateTimeField):
    """An instant with its zone, in years that calendars can count with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(MinValueValidator(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)))
        self.validators.append(MaxValueValidator(datetime(LAST_YEAR, 12, 31, tzinfo=UTC)))
