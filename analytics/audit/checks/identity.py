"""Whether orders can be told apart by person: what the customer behind them is known by, and whether it is one person."""

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from analytics.audit.checks.check import Check, Group, above, below, found, share
from analytics.audit.measures import Measures
from analytics.audit.verdicts import Example, Finding, Level, Use

MIN_ORDERS_A_MONTH = 100
LATELY_DAYS, MIN_ORDERS_LATELY = 28, 20
HEAVY = 5  # times what the 99th percentile has
MIN_HEAVY_ORDERS = 50


def identified(data: Measures) -> Finding:
    """Tell the share of orders that have a customer."""
    count = sum(hour.identified for hour in data.hours)
    part = share(count, data.orders)
    return found("identified", below(part, note=1.0, care=0.8, bad=0.5), count=count, whole=data.orders, share=part)


def guests(data: Measures) -> Finding:
    """Tell the share of sales that belongs to nobody."""
    sales = sum(hour.sales for hour in data.hours)
    of_guests = sum(hour.guest_sales for hour in data.hours)
    part = share(float(of_guests), float(sales))
    return found("guests", above(part, note=0.0, care=0.2, bad=0.5), amount=float(of_guests), share=part)


def identified_jump(data: Measures) -> Finding:
    """Tell by how much the share of orders with a customer moves from a month with 100 orders to the next, at most."""
    months = [(month, known / orders) for month, orders, known in data.by_month if orders >= MIN_ORDERS_A_MONTH]
    moves = [
        (abs(after - before), day)
        for (_earlier, before), (day, after) in pairwise(months)
    ]  # fmt: skip
    if not moves:
        return found("identified_jump", Level.GOOD, case="few")
    most, day = max(moves)
    example = [Example("month", day.isoformat())] if most else []
    level = above(most, note=0.02, care=0.05, bad=0.15)
    return found("identified_jump", level, *example, month=day.isoformat(), share=most)


def identified_lately(data: Measures) -> Finding:
    """
    Tell the share of the last four weeks' orders that have a customer beside that of those before.

    Who is only bought for as a guest any more looks like a customer who left, and who is new is in no cohort.
    """
    since = data.last - timedelta(days=LATELY_DAYS - 1)
    lately, before = ([each for each in data.hours if (each.day >= since) is is_late] for is_late in (True, False))
    (count, whole), (known, all_before) = (
        (sum(each.identified for each in some), sum(each.orders for each in some)) for some in (lately, before)
    )
    if min(whole, all_before) < MIN_ORDERS_LATELY or not known:
        return found("identified_lately", Level.GOOD, case="few", days=LATELY_DAYS, least=MIN_ORDERS_LATELY)
    now, then = share(count, whole), share(known, all_before)
    level = below(now / then, care=0.8, bad=0.5)
    return found("identified_lately", level, days=LATELY_DAYS, count=count, whole=whole, share=now, before_share=then)


def shared_emails(data: Measures) -> Finding:
    """Tell how many customers share an e-mail address with another one."""
    return _shared("shared_emails", data.persons.by_email, data.persons.persons, care=0.01, bad=0.1)


def shared_phones(data: Measures) -> Finding:
    """Tell how many customers share a phone number with another one."""
    return _shared("shared_phones", data.persons.by_phone, data.persons.persons, care=0.05, bad=0.2)


def _shared(check: str, some: tuple[int, int, UUID | None], whole: int, **limits: float) -> Finding:
    count, most, one = some
    examples = [Example("customer", str(one))] if one else []
    part = share(count, whole)
    return found(check, above(part, note=0.0, **limits), *examples, count=count, whole=whole, share=part, most=most)


def heavy_buyers(data: Measures) -> Finding:
    """Tell whether one customer has more orders than a person can have: a till's card, a reseller."""
    usual, rare = data.buyers.usual, data.buyers.rare
    heavy = [
        (customer, orders)
        for customer, orders in data.buyers.heaviest
        if orders >= MIN_HEAVY_ORDERS and orders > HEAVY * usual
    ]
    examples = [Example("customer", str(customer)) for customer, _orders in heavy]
    most = data.buyers.heaviest[0][1] if data.buyers.heaviest else 0
    level = Level.CARE if heavy else Level.GOOD
    return found("heavy_buyers", level, *examples, most=most, usual=round(usual), rare=round(rare))


CHECKS = (
    Check(
        "identified", Group.IDENTITY, _("How many orders have a customer?"),
        {"": _("Orders with a customer: %(count)s of %(whole)s (%(share)s).")},
        _("Ask for the card or the address at the till: what guests buy is missing in their value."),
        {
            Use.HISTORY: Level.CARE, Use.FORMULA: Level.CARE, Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.BAD,
            Use.COHORTS: Level.CARE, Use.CAC: Level.CARE, Use.RECOMMENDATIONS: Level.CARE,
        },
        identified,
    ),
    Check(
        "guests", Group.IDENTITY, _("How much is sold to guests?"),
        {"": _("Sales to guests: %(amount)s (%(share)s of all).")},
        _("The values of customers add up to the rest only: do not compare their sum with the books."),
        {Use.HISTORY: Level.CARE, Use.CAC: Level.CARE},
        guests,
    ),
    Check(
        "identified_jump", Group.IDENTITY, _("Does the share of orders with a customer jump?"),
        {
            "": _("Largest move from a month to the next: %(share)s, in %(month)s."),
            "few": _("There are not two months with 100 orders, so nothing can be told."),
        },
        _(
            "Since then more (or fewer) orders are recognised: customers seem to begin, or to buy more, who did so before. "
            "Compare only months on one side of it."
        ),
        {Use.UPLIFT: Level.BAD, Use.COHORTS: Level.BAD, Use.CAC: Level.BAD, Use.PREDICTED: Level.CARE, Use.FORMULA: Level.CARE},
        identified_jump,
    ),
    Check(
        "identified_lately", Group.IDENTITY, _("Do orders still come with their customers?"),
        {
            "": _(
                "Orders of the last %(days)s days with a customer: %(count)s of %(whole)s (%(share)s); of those before: "
                "%(before_share)s."
            ),
            "few": _(
                "There are not %(least)s orders in the last %(days)s days and as many before with some customer, so nothing can "
                "be told."
            ),
        },
        _(
            "See whether tills still read cards and the shop’s connection still names customers. Who buys as a guest now seems "
            "to have left, and new customers are in no cohort: claim their orders for them, or wait until they are recognised "
            "again."
        ),
        {
            Use.PREDICTED: Level.BAD, Use.COHORTS: Level.BAD, Use.CAC: Level.BAD, Use.UPLIFT: Level.BAD,
            Use.FORMULA: Level.CARE, Use.HISTORY: Level.CARE, Use.RECOMMENDATIONS: Level.CARE,
        },
        identified_lately,
    ),
    Check(
        "shared_emails", Group.IDENTITY, _("Do customers share e-mail addresses?"),
        {"": _("Customers who share an e-mail address: %(count)s of %(whole)s (%(share)s); at one address: %(most)s.")},
        _("Probably the same persons twice: merge them, else each of them counts as a new customer who leaves early."),
        dict.fromkeys((Use.HISTORY, Use.PREDICTED, Use.COHORTS, Use.CAC, Use.UPLIFT), Level.CARE),
        shared_emails,
    ),
    Check(
        "shared_phones", Group.IDENTITY, _("Do customers share phone numbers?"),
        {"": _("Customers who share a phone number: %(count)s of %(whole)s (%(share)s); at one number: %(most)s.")},
        _("A household, or the same person twice: look at some of them, and merge those who are one."),
        {Use.HISTORY: Level.CARE, Use.PREDICTED: Level.CARE, Use.COHORTS: Level.CARE, Use.CAC: Level.CARE},
        shared_phones,
    ),
    Check(
        "heavy_buyers", Group.IDENTITY, _("Is every customer one person?"),
        {"": _("Most orders of one customer: %(most)s; one in a hundred has %(usual)s or more, one in ten thousand %(rare)s.")},
        _("A card that the till uses for everybody, or a reseller: report these orders without a customer."),
        {Use.HISTORY: Level.CARE, Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE, Use.RECOMMENDATIONS: Level.CARE},
        heavy_buyers,
    ),
)  # fmt: skip
