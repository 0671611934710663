"""Fields that parts of versions have in common."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models


def codes_field(name: Any, about: Any = "") -> ArrayField[Any, Any]:
    """Return a field of codes of other parts of the version, such as tiers; empty for all."""
    return ArrayField(models.SlugField(max_length=50), verbose_name=name, default=list, blank=True, help_text=about)
