"""Whether amounts are amounts, in one currency, with what the goods cost."""

from django.utils.translation import gettext_lazy as _

from analytics.audit.checks.check import Check, Group, above, counted, found, share
from analytics.audit.checks.clock import unlike
from analytics.audit.measures import Measures
from analytics.audit.verdicts import Example, Finding, Level, Use

NONE = (0, None, None)
ENOUGH = 0.95  # of sales with a unit cost, to take margin from them alone
FAR = 20  # times the 99.9th percentile
PERCENTS, TENTHS = 100, 10  # customers from whom on one is no more than that


def free_orders(data: Measures) -> Finding:
    """Tell how many orders have no amount."""
    return counted("free_orders", unlike(data, "free"), data.orders, care=0.02, bad=0.2)


def free_lines(data: Measures) -> Finding:
    """Tell how many lines have no amount."""
    return counted("free_lines", data.lines.unlike.get("free", NONE), data.lines.lines, care=0.05, bad=0.5)


def line_costs(data: Measures) -> Finding:
    """Tell what margin can be taken from: the lines' costs, the retailer's rate, or nothing."""
    lines = data.lines
    part = share(float(lines.costed_sales), float(lines.sales))
    rate = 1 - share(float(lines.cost), float(lines.costed_sales)) if lines.costed_sales else None
    case, level = _of_margin(part, has_rate=data.has_margin_rate)
    return found("line_costs", level, case=case, share=part, margin_share=rate)


def _of_margin(part: float, *, has_rate: bool) -> tuple[str, Level]:
    if part >= ENOUGH:
        return "", Level.GOOD
    if has_rate:
        return ("partly", Level.CARE) if part else ("rate", Level.CARE)
    return "none", Level.BAD


def discounts(data: Measures) -> Finding:
    """Tell how many lines have a discount above their price."""
    return counted("discounts", data.lines.unlike.get("discounted", NONE), data.lines.lines, care=0.005, bad=0.1)


def currency(data: Measures) -> Finding:
    """Tell how many orders are in another currency than the retailer's."""
    return counted("currency", unlike(data, "foreign"), data.orders, care=0.0, bad=0.001)


def concentration(data: Measures) -> Finding:
    """Tell how much of sales a few customers bring."""
    percent = share(float(data.buyers.top_percent), float(data.buyers.sales))
    decile = share(float(data.buyers.top_decile), float(data.buyers.sales))
    level, some = above(percent, note=0.2, care=0.4), data.buyers.customers
    if some >= PERCENTS:
        return found("concentration", level, top_share=percent, decile_share=decile)
    case = "best" if some < TENTHS else "best_of_few"  # who is begun counts whole: one percent of fewer is one of them
    return found("concentration", level, case=case, top_share=percent, decile_share=decile)


def largest_orders(data: Measures) -> Finding:
    """Tell whether single orders are out of all proportion."""
    usual = float(data.amounts.usual)
    far = [(number, amount) for number, amount in data.amounts.largest if usual and float(amount) > FAR * usual]
    examples = [Example("order", number) for number, _amount in far]
    largest = float(data.amounts.largest[0][1])
    level = Level.CARE if far else Level.GOOD
    return found("largest_orders", level, *examples, largest_amount=largest, usual_amount=usual)


CHECKS = (
    Check(
        "free_orders", Group.MONEY, _("Are there orders without an amount?"),
        {"": _("Orders of 0: %(count)s of %(whole)s (%(share)s).")},
        _("Exchanges, samples or cancelled receipts? They are no purchases: do not report them as orders."),
        {Use.HISTORY: Level.CARE, Use.FORMULA: Level.CARE, Use.PREDICTED: Level.CARE},
        free_orders,
    ),
    Check(
        "free_lines", Group.MONEY, _("Are there lines without an amount?"),
        {"": _("Lines of 0: %(count)s of %(whole)s (%(share)s).")},
        _("Gifts and coupons are fine; goods whose price is missing are not: look at the examples."),
        {Use.HISTORY: Level.CARE, Use.RECOMMENDATIONS: Level.CARE},
        free_lines,
    ),
    Check(
        "line_costs", Group.MONEY, _("What is margin taken from?"),
        {
            "": _("Sales whose lines carry a cost: %(share)s. Their margin is %(margin_share)s."),
            "partly": _("Sales whose lines carry a cost: %(share)s. The rest has the retailer’s margin rate."),
            "rate": _("No line carries a cost: margin is by the retailer’s rate only, the same for every product."),
            "none": _(
                "Sales whose lines carry a cost: %(share)s, and the retailer has no margin rate: values are revenue, not margin."
            ),
        },
        _("Send unit costs with the lines, or set the retailer’s margin rate."),
        {Use.HISTORY: Level.CARE, Use.FORMULA: Level.CARE, Use.PREDICTED: Level.CARE, Use.CAC: Level.BAD},
        line_costs,
    ),
    Check(
        "discounts", Group.MONEY, _("Is any discount above the price?"),
        {"": _("Lines with a discount above their price: %(count)s of %(whole)s (%(share)s).")},
        _("The discount of the whole order was probably written on each line."),
        {Use.HISTORY: Level.CARE},
        discounts,
    ),
    Check(
        "currency", Group.MONEY, _("Is all of it in one currency?"),
        {"": _("Orders in another currency than the retailer’s: %(count)s of %(whole)s (%(share)s).")},
        _("Report amounts in the retailer’s currency, at the rate of the day: sums of two currencies are no sums."),
        dict.fromkeys((Use.HISTORY, Use.FORMULA, Use.PREDICTED, Use.UPLIFT, Use.COHORTS, Use.CAC), Level.BAD),
        currency,
    ),
    Check(
        "concentration", Group.MONEY, _("Do a few customers bring most of the sales?"),
        {
            "": _("The top 1 %% of customers bring %(top_share)s of sales, the top 10 %% bring %(decile_share)s."),
            "best_of_few": _("The best customer brings %(top_share)s of sales, the top 10 %% bring %(decile_share)s."),
            "best": _("The best customer brings %(top_share)s of sales."),
        },
        _("Are they persons? Resellers and companies belong apart: means say little where a few outweigh all."),
        {Use.FORMULA: Level.CARE, Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE},
        concentration,
    ),
    Check(
        "largest_orders", Group.MONEY, _("Are there orders out of all proportion?"),
        {"": _("Largest order: %(largest_amount)s; one in a thousand has %(usual_amount)s or more.")},
        _("A typing error, or a company? Correct the order, or report it without a customer."),
        {Use.HISTORY: Level.CARE, Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE},
        largest_orders,
    ),
)  # fmt: skip
