"""Key figures and periods as the reader writes them."""

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.kpis.figures import Unit
from analytics.kpis.periods import Grain, Period
from customers.core.money import decimals_of
from customers.core.numbers import percent, shown

DECIMALS = {Unit.COUNT: 0, Unit.POINTS: 0, Unit.RATIO: 2}


def written(value: float | None, unit: Unit, currency: str) -> str:
    """Return a figure as the reader writes it; a dash where there is none."""
    if value is None:
        return "-"
    if unit is Unit.MONTHS:
        return ngettext("month %(count)s", "month %(count)s", round(value)) % {"count": round(value)}
    if unit is Unit.MONEY:
        return f"{shown(value, decimals_of(currency))}\u00a0{currency}"
    return percent(value) if unit is Unit.SHARE else shown(value, DECIMALS[unit])


def signed(change: float, unit: Unit, currency: str) -> str:
    sign = "+" if change > 0 else "\N{MINUS SIGN}" if change < 0 else "±"
    if unit is Unit.SHARE:
        return _("%(sign)s%(points)s points") % {"sign": sign, "points": shown(abs(change) * 100, 1)}
    return f"{sign}{written(abs(change), unit, currency)}"


def name_of(period: Period) -> str:
    """Return a period as the reader names it."""
    match period.grain:
        case Grain.WEEK:
            return _("week of %(day)s") % {"day": formats.date_format(period.start, "SHORT_DATE_FORMAT")}
        case Grain.QUARTER:
            return _("Q%(quarter)s %(year)s") % {"quarter": (period.start.month + 2) // 3, "year": period.start.year}
        case Grain.YEAR:
            return str(period.start.year)
    return str(formats.date_format(period.start, "N Y"))


def scaled(value: float | None, unit: Unit, currency: str) -> float | None:
    """Return a figure as a chart draws it, with the decimals with which the table beside it is written."""
    if value is None:
        return None
    if unit is Unit.SHARE:
        return round(value * 100, 1)
    return round(value, decimals_of(currency) if unit is Unit.MONEY else 2)
