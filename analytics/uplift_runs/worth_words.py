"""What a program brings and costs, as figures in front and as a table."""

from django.utils import formats
from django.utils.translation import gettext as _

from analytics.dashboards import charts
from analytics.uplift.results import Range
from analytics.uplift_runs.tables import Table
from analytics.uplift_runs.worth import Ahead, Cost, Worth
from customers.core.numbers import shown


def note_of(worth: Worth) -> str:
    """Return what is to be known when the figures are read."""
    return {
        "no_margin": _(
            "What the program brings cannot be set against its cost, for no margin is known: send unit costs of the lines, or "
            "enter the retailer’s margin rate."
        ),
        "not_measured": _(
            "What the program brings is not known, so no return is told. Its cost stands here: a random hold-out would say "
            "what it buys."
        ),
        "not_detected": _("No uplift was detected: whether the program pays for itself cannot be told by these data."),
    }.get(worth.note, "")


def worth_cards(worth: Worth) -> list[tuple[str, str, str]]:
    """Return the figures in front: margin beside cost, and what of the future is the program's."""
    span = _span(worth)
    known = worth.cost.running is not None
    note = span if known else _("%(span)s, without what running it costs") % {"span": span}
    cost = (_whole(worth.cost.total, worth.currency), _("net cost of the program"), note)
    if worth.returned is None:
        return [cost]
    low, high = (shown(each, 2) for each in (worth.returned.low, worth.returned.high))
    label = _("margin per %(currency)s of cost") % {"currency": worth.currency}
    return [(_("%(low)s to %(high)s") % {"low": low, "high": high}, label, _span(worth)), cost]


def worth_tables(worth: Worth) -> list[Table]:
    """Return what the program brought and cost, and what of its members' value ahead is its."""
    cost = worth.cost
    rows = [
        (_("months of membership"), charts.whole(round(worth.member_months)), "", ""),
        (_("margin that the program brought"), *_ends(worth.margin, worth.currency)),
        *_costs(cost, worth.currency),
        (_("net cost"), _whole(cost.total, worth.currency), "", ""),
        (_("margin less net cost"), *_ends(worth.net, worth.currency)),
        (_("margin per unit of cost"), *_plain(worth.returned)),
    ]
    basis = _(
        "%(span)s. The uplift per member and month is taken for all months of membership, though it was measured on those who "
        "could be evaluated. Costs are those of the books, by when they occurred; what orders were paid with points is less "
        "margin already, and is not counted twice."
    ) % {"span": _span(worth)}
    headers = ["", _("middle"), _("at least"), _("at most")]
    found = [Table(_("What the program brings, and what it costs"), headers, rows, basis)]
    return [*found, _ahead_table(worth.ahead, worth.currency)] if worth.ahead else found


def _costs(cost: Cost, currency: str) -> list[tuple[str, str, str, str]]:
    running = _("not known: enter it in the settings of the uplift")
    return [
        (_("rewards used"), _whole(cost.rewards, currency), "", ""),
        (_("orders paid with points, besides rewards"), _whole(cost.paid, currency), "", ""),
        (_("points owed, more than at the start"), _whole(cost.points, currency), "", ""),
        (_("perks of plans"), _whole(cost.perks, currency), "", ""),
        (_("running the program"), running if cost.running is None else _whole(cost.running, currency), "", ""),
        (_("less fees of plans"), _whole(-cost.fees, currency), "", ""),
        (_("less what orders were paid with points"), _whole(-cost.in_margin, currency), "", ""),
    ]


def _ahead_table(ahead: Ahead, currency: str) -> Table:
    rows = [
        (_("members with a predicted value"), charts.whole(ahead.members), "", ""),
        (_("their predicted value"), _whole(ahead.value, currency), "", ""),
        (_("of it because of the program"), *_ends(ahead.program, currency)),
    ]
    basis = _(
        "Over the next %(days)s days, by the last value run, if the effect stays as it was measured: of a value with an effect e "
        "the part e / (1 + e) is the program’s. The ends hold the band and the range of the predicted value together."
    ) % {"days": ahead.days}
    headers = ["", _("middle"), _("at least"), _("at most")]
    return Table(_("What of the members’ predicted value is the program’s"), headers, rows, basis)


def _ends(found: Range | None, currency: str) -> tuple[str, str, str]:
    if found is None:
        return _("not known"), "-", "-"
    middle, low, high = (_whole(each, currency) for each in (found.value, found.low, found.high))
    return middle, low, high


def _plain(found: Range | None) -> tuple[str, str, str]:
    if found is None:
        return _("not known"), "-", "-"
    middle, low, high = (shown(each, 2) for each in (found.value, found.low, found.high))
    return middle, low, high


def _whole(amount: float, currency: str) -> str:
    return f"{shown(amount, 0)}\N{NO-BREAK SPACE}{currency}"


def _span(worth: Worth) -> str:
    return _("%(since)s to %(until)s") % {
        "since": formats.date_format(worth.since), "until": formats.date_format(worth.until),
    }  # fmt: skip
