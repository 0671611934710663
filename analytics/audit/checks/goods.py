"""Whether what came back is told, and whether products are known."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from analytics.audit.checks.check import Check, Group, above, below, counted, found, share
from analytics.audit.checks.money import NONE
from analytics.audit.measures import Measures
from analytics.audit.verdicts import Example, Finding, Level, Use

DAY = timedelta(days=1)
MIN_DAYS = 90  # after which something should have come back


def returns_linked(data: Measures) -> Finding:
    """Tell whether returns are reported, and how many find their order."""
    back = data.returns
    sales = sum(hour.sales for hour in data.hours)
    of_sales = share(float(back.amount), float(sales))
    if not back.returns and not back.refused:
        is_long = (data.last - data.first).days >= MIN_DAYS
        return found("returns_linked", Level.CARE if is_long else Level.NOTE, case="none")
    rows = back.taken + back.refused
    linked = share(back.taken, rows) if rows else 1.0
    level = below(linked, note=1.0, care=0.98, bad=0.8)
    return found("returns_linked", level, returns=back.returns, sales_share=of_sales, linked_share=linked)


def return_lag(data: Measures) -> Finding:
    """Tell how long after its order something comes back."""
    if not data.returns.returns:
        return found("return_lag", Level.GOOD, case="none")
    median, late = (lag / DAY for lag in data.returns.lag)
    count, *numbers = data.returns.early
    examples = [Example("return", number) for number in dict.fromkeys(numbers) if number]
    level = Level.CARE if count else above(late, note=90, care=365)
    return found("return_lag", level, *examples, median_days=round(median, 1), late_days=round(late, 1), count=count)


def over_returned(data: Measures) -> Finding:
    """Tell how many lines came back more than once over."""
    count, *numbers = data.returns.over
    examples = [Example("return", number) for number in dict.fromkeys(numbers) if number]
    return found("over_returned", Level.CARE if count else Level.GOOD, *examples, count=count)


def products_unknown(data: Measures) -> Finding:
    """Tell how many lines have neither a category nor a brand."""
    return counted("products_unknown", data.lines.unlike.get("unknown", NONE), data.lines.lines, care=0.05, bad=0.5)


def categories(data: Measures) -> Finding:
    """Tell how many lines have no category."""
    return counted("categories", data.lines.unlike.get("uncategorised", NONE), data.lines.lines, care=0.2, bad=0.9)


CHECKS = (
    Check(
        "returns_linked", Group.RETURNS, _("Are returns told, and do they find their order?"),
        {
            "": _("Returns: %(returns)s (%(sales_share)s of sales); of the rows in files, %(linked_share)s found their order."),
            "none": _("No return was ever reported."),
        },
        _("Send what comes back with the number of its order: until then values are what was bought, not what was kept."),
        dict.fromkeys((Use.HISTORY, Use.FORMULA, Use.PREDICTED, Use.UPLIFT, Use.CAC), Level.CARE),
        returns_linked,
    ),
    Check(
        "return_lag", Group.RETURNS, _("When do returns come?"),
        {
            "": _("Half of them within %(median_days)s days, 99 %% within %(late_days)s; before their order: %(count)s."),
            "none": _("There are none."),
        },
        _("Late returns make the last months look better than they are; one before its order has a wrong instant."),
        {Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE},
        return_lag,
    ),
    Check(
        "over_returned", Group.RETURNS, _("Did more come back than was bought?"),
        {"": _("Lines of which more came back than was bought: %(count)s.")},
        _("The same return was reported under two numbers: correct it in the shop’s system."),
        {Use.HISTORY: Level.CARE},
        over_returned,
    ),
    Check(
        "products_unknown", Group.PRODUCTS, _("Are products known?"),
        {"": _("Lines with neither a category nor a brand: %(count)s of %(whole)s (%(share)s).")},
        _("Send the product’s category and brand with the line: these SKUs are missing in the catalogue."),
        {Use.RECOMMENDATIONS: Level.BAD},
        products_unknown,
    ),
    Check(
        "categories", Group.PRODUCTS, _("Do lines have a category?"),
        {"": _("Lines without a category: %(count)s of %(whole)s (%(share)s).")},
        _("Send the category: who loves one cannot be recognised without it."),
        {Use.RECOMMENDATIONS: Level.BAD},
        categories,
    ),
)  # fmt: skip
