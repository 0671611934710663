"""The days that are looked at."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from analytics.kpis.reading import span_of
from customers.models import Retailer

DAYS = {"30": 30, "90": 90, "365": 365}
USUAL_DAYS = "90"


@dataclass(frozen=True, slots=True)
class Days:
    """Whole local days, both ends included."""

    first: date
    last: date


def last_days(retailer: Retailer, count: int, now: datetime) -> Days | None:
    """Return the last days that are known, no more than there are orders of; None before the first order."""
    span = span_of(retailer, now)
    if span is None:
        return None
    return Days(max(span.first, span.until - timedelta(days=count - 1)), span.until)
