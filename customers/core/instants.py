"""Instants as the reader reads them: by the clock of the page that shows them, and not by that of the database."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format


def instant_said(at: datetime) -> str:
    """Return an instant with its day and its minute."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def day_said(at: datetime) -> str:
    """Return the day on which an instant was."""
    return date_format(timezone.localtime(at))
