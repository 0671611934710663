"""Whom one may write to, and what winning customers costs."""

from django.utils.translation import gettext_lazy as _

from analytics.audit.checks.check import Check, Group, below, found, share
from analytics.audit.measures import Acquired, Measures
from analytics.audit.verdicts import Finding, Level, Use


def reachable(data: Measures) -> Finding:
    """Tell how many customers have agreed to a channel and have an address for it."""
    count, whole = data.consents.reachable, data.persons.persons
    part = share(count, whole)
    return found("reachable", below(part, note=0.5, care=0.05), count=count, whole=whole, share=part)


def profiling(data: Measures) -> Finding:
    """Tell how many customers have agreed to offers based on a profile."""
    count, whole = data.consents.profiling, data.persons.persons
    part = share(count, whole)
    return found("profiling", below(part, note=0.5, care=0.05), count=count, whole=whole, share=part)


def channels(data: Measures) -> Finding:
    """Tell of how many customers the channel is known through which they came, but for those of the first month."""
    later = _later(data)
    count, whole = sum(each.known for each in later), sum(each.customers for each in later)
    if not whole:
        return found("channels", Level.BAD, case="none")
    part = share(count, whole)
    return found("channels", below(part, note=1.0, care=0.9, bad=0.5), count=count, whole=whole, share=part)


def costs(data: Measures) -> Finding:
    """Tell of how many months with new customers an acquisition cost is known, but for the first and the one that still runs."""
    later = _later(data)
    over = [each for each in later if each.month < data.today.replace(day=1)]
    count, whole = sum(each.has_cost for each in over), len(over)
    if not whole:
        return found("costs", Level.BAD, case="running" if later else "none")
    part = share(count, whole)
    return found("costs", below(part, care=1.0, bad=0.5), count=count, whole=whole, share=part)


def _later(data: Measures) -> list[Acquired]:
    return [each for each in data.acquired if each.month > data.first.replace(day=1)]


CHECKS = (
    Check(
        "reachable", Group.REACH, _("How many customers may one write to?"),
        {"": _("Customers with consent to a channel and an address for it: %(count)s of %(whole)s (%(share)s).")},
        _("Ask for consent and address at the till and on the members’ page: what is recommended reaches nobody else."),
        {Use.RECOMMENDATIONS: Level.CARE},
        reachable,
    ),
    Check(
        "profiling", Group.REACH, _("How many agreed to offers based on a profile?"),
        {"": _("Customers who agreed to a profile: %(count)s of %(whole)s (%(share)s).")},
        _("Without it nobody gets an offer that reads his or her purchases: ask for it when somebody joins."),
        {Use.RECOMMENDATIONS: Level.CARE},
        profiling,
    ),
    Check(
        "channels", Group.ACQUISITION, _("Is it known how customers were won?"),
        {
            "": _("Customers after the first month whose channel is known: %(count)s of %(whole)s (%(share)s)."),
            "none": _("No customer came after the first month."),
        },
        _("Send acquisition_channel with the customer, by API or in a file."),
        {Use.CAC: Level.BAD},
        channels,
    ),
    Check(
        "costs", Group.ACQUISITION, _("Is it known what winning them cost?"),
        {
            "": _("Months after the first one whose acquisition cost is known: %(count)s of %(whole)s (%(share)s)."),
            "none": _("No customer came after the first month."),
            "running": _("The month after the first one is not over yet."),
        },
        _("Enter what each channel cost in a month, or import it, under Acquisition costs."),
        {Use.CAC: Level.BAD},
        costs,
    ),
)  # fmt: skip
