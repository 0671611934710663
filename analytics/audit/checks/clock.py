"""Whether instants are on the shop's clock, and how late they are told."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from analytics.audit.checks.check import Check, Extremes, Group, above, counted, found, share
from analytics.audit.measures import HOURS_A_DAY, Measures
from analytics.audit.verdicts import Finding, Level, Use

MIN_ORDERS = 1_000
QUIETEST = 3  # at night, where a shop never closes
NIGHT = (23, 0, 1, 2, 3, 4)
MIN_CLOSED = 6  # hours a day, of a shop that closes
CLOSED_SHARE = 0.0005
DATES_ONLY = 0.5
MIN_LIVE = 100
DAY = timedelta(days=1)


def clock(data: Measures) -> Finding:
    """Tell whether the quiet hours are at night."""
    orders = data.by_hour
    total = sum(orders)
    if total < MIN_ORDERS:
        return found("clock", Level.GOOD, case="few", orders=total)
    if share(_midnights(data), total) > DATES_ONLY:
        return found("clock", Level.GOOD, case="dates", orders=total)
    numbers = {
        "quietest": orders.index(min(orders)), "fewest": min(orders), "peak": orders.index(max(orders)), "most": max(orders),
    }  # fmt: skip
    if sum(1 for each in orders if each < total * CLOSED_SHARE) >= MIN_CLOSED:
        part = share(sum(orders[hour] for hour in NIGHT), total)
        return found("clock", above(part, care=0.02), case="closed", **numbers, share=part)
    off = hours_off(orders)
    return found(
        "clock", above(abs(off), note=1, care=2), case="off" if abs(off) > 1 else "", **numbers, hours=abs(off)
    )


def hours_off(orders: list[int]) -> int:
    """Return by how many hours the middle of the three quietest hours lies after three in the morning, from -12 to 11."""
    sums = [orders[hour - 1] + orders[hour] + orders[(hour + 1) % HOURS_A_DAY] for hour in range(HOURS_A_DAY)]
    return (sums.index(min(sums)) - QUIETEST + HOURS_A_DAY // 2) % HOURS_A_DAY - HOURS_A_DAY // 2


def midnight(data: Measures) -> Finding:
    """Tell how many orders have a date and no time."""
    count = _midnights(data)
    part = share(count, data.orders)
    return found("midnight", above(part, note=0.01, care=DATES_ONLY), count=count, whole=data.orders, share=part)


def _midnights(data: Measures) -> int:
    return sum(hour.midnight for hour in data.hours)


def recorded_early(data: Measures) -> Finding:
    """Tell how many orders were known before they occurred."""
    return counted("recorded_early", unlike(data, "early"), data.orders, care=0.001)


def future(data: Measures) -> Finding:
    """Tell how many orders lie in the future."""
    return counted("future", unlike(data, "future"), data.orders, care=0.0)


def unlike(data: Measures, name: str) -> Extremes:
    """Return how many orders stand out by something, and the least and the greatest number of them."""
    some = [hour.unlike[name] for hour in data.hours if name in hour.unlike]
    least = min((first for _count, first, _last in some if first), default=None)
    greatest = max((last for _count, _first, last in some if last), default=None)
    return sum(count for count, _first, _last in some), least, greatest


def late_arrivals(data: Measures) -> Finding:
    """Tell how late orders arrive that do not come in files."""
    if data.amounts.live < MIN_LIVE:
        return found("late_arrivals", Level.GOOD, case="files", orders=data.amounts.live)
    days = data.amounts.lag / DAY
    return found("late_arrivals", above(days, care=2, bad=30), orders=data.amounts.live, days=round(days, 1))


CHECKS = (
    Check(
        "clock", Group.CLOCK, _("Are times on the shop’s clock?"),
        {
            "": _(
                "Quietest hour: %(quietest)s h (%(fewest)s orders); peak: %(peak)s h (%(most)s). That is what a shop’s day looks "
                "like."
            ),
            "off": _(
                "Quietest hour: %(quietest)s h (%(fewest)s orders); peak: %(peak)s h (%(most)s). Probably not the shop’s zone: "
                "about %(hours)s h off."
            ),
            "closed": _("Orders from 23 h to 5 h, though the shop closes: %(share)s. Peak: %(peak)s h (%(most)s)."),
            "dates": _("Most orders have a date and no time, so nothing can be told."),
            "few": _("Orders: %(orders)s. That is too few to tell."),
        },
        _(
            "Compare one receipt with its order here. Send instants with their zone, or set the retailer’s time zone; evenings "
            "are counted to the wrong day otherwise."
        ),
        {Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE, Use.RECOMMENDATIONS: Level.CARE},
        clock,
    ),
    Check(
        "midnight", Group.CLOCK, _("Do orders have a time of day?"),
        {"": _("Orders at midnight to the second: %(count)s of %(whole)s (%(share)s).")},
        _("The export has dates only: let it write the time, or leave aside what depends on the hour."),
        {Use.RECOMMENDATIONS: Level.CARE},
        midnight,
    ),
    Check(
        "recorded_early", Group.CLOCK, _("Was any order known before it occurred?"),
        {"": _("Orders recorded before they occurred: %(count)s of %(whole)s (%(share)s).")},
        _("A till’s clock runs ahead, or its zone is wrong."),
        {Use.PREDICTED: Level.CARE},
        recorded_early,
    ),
    Check(
        "future", Group.CLOCK, _("Does any order lie in the future?"),
        {"": _("Orders of the future: %(count)s of %(whole)s (%(share)s).")},
        _("Correct their instants: a single one moves the end of the data for everybody."),
        {Use.PREDICTED: Level.CARE, Use.FORMULA: Level.CARE, Use.UPLIFT: Level.CARE, Use.COHORTS: Level.CARE},
        future,
    ),
    Check(
        "late_arrivals", Group.CLOCK, _("How late do orders arrive?"),
        {
            "": _("Of %(orders)s orders that came one by one, 99 %% were here within %(days)s days. Files are left aside."),
            "files": _("Orders came in files, which tell late by their nature; one by one came %(orders)s."),
        },
        _("Send orders as they occur: the last days before a cut look weaker than they were."),
        {Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE},
        late_arrivals,
    ),
)  # fmt: skip
