"""A measurement's tables: conditions, who was used, what a hold-out would detect, the plan, each as it is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from analytics.dashboards import charts
from analytics.uplift.results import Measured, Range
from analytics.uplift_runs import words
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.pictures import Holdout
from analytics.uplift_runs.words import percent
from customers.core.instants import instant_said
from customers.core.money import decimals_of
from customers.core.numbers import shown

LEFT_OUT = {"unlinked_orders", "membership_only_orders"}


@dataclass(frozen=True)
class Table:
    """:param basis: what it rests on, in sentences"""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    basis: str = ""

    @property
    def has_head(self) -> bool:
        return any(self.headers)


@dataclass(frozen=True)
class Money:
    """
    How amounts are written.

    :param knows_margin: whether a margin is known; else what is called so is revenue, and is not shown
    """

    currency: str
    knows_margin: bool

    def __call__(self, amount: float) -> str:
        return f"{shown(amount, decimals_of(self.currency))}\N{NO-BREAK SPACE}{self.currency}"

    def range(self, found: Range, decimals: int | None = None) -> str:
        decimals = decimals_of(self.currency) if decimals is None else decimals
        return _("%(low)s to %(high)s") % {
            "low": shown(found.low, decimals), "high": f"{shown(found.high, decimals)}\N{NO-BREAK SPACE}{self.currency}",
        }  # fmt: skip


def gates_table(measured: Measured) -> Table:
    """Return every condition of the grades, what was seen and whether it holds."""
    rows = []
    for gate in measured.gates:
        name, seen, asked = words.condition_of(gate)
        rows.append((name, seen, asked, gate.for_grade, _("met") if gate.passed else _("not met")))
    headers = [_("condition"), _("seen"), _("needed"), _("for grade"), _("result")]
    basis = _("A: randomised hold-out. B: every condition holds. C: a range only. D: no valid comparison.")
    return Table(_("Conditions of the grade"), headers, rows, basis)


def counts_table(measured: Measured) -> Table:
    """Return who was used, and who was left out and why."""
    used = [
        (words.counted(words.USED, code), charts.whole(measured.used[code]), _("left out") if code in LEFT_OUT else "")
        for code in words.USED
        if code in measured.used
    ]
    out = [
        (words.counted(words.DROPPED, code), charts.whole(measured.dropped[code]), _("left out"))
        for code in words.DROPPED
        if code in measured.dropped
    ]
    return Table(_("Who was used, and who was left out"), [_("who"), _("how many"), ""], [*used, *out])


def holdout_tables(found: Holdout | None, measured: Measured, money: Money) -> Iterable[Table]:
    """Yield what a hold-out would detect and cost."""
    if found is None:
        return
    seen, half = found.outlook.asked, found.outlook.half
    held = round(found.outlook.customers * found.outlook.share)
    rows = [
        (_("customers who bought in the last two windows"), charts.whole(found.outlook.customers)),
        (_("held out"), f"{charts.whole(held)} ({percent(found.outlook.share, 0)})"),
        (_("smallest effect that it finds four times in five"), _detects(seen.share, seen.amount, money)),
        (_("half and half finds"), _detects(half.share, half.amount, money)),
        (
            _("customers that would find the measured effect"),
            "-" if found.needed is None else charts.whole(found.needed),
        ),
        (_("what it costs, if the measured uplift is true"), _cost(found, measured, held, money)),
    ]
    basis = _("Over %(months)s months, from what these customers brought in the last ones. %(advice)s") % {
        "months": found.months, "advice": words.ADVICE[found.outlook.advice],
    }  # fmt: skip
    yield Table(_("What a hold-out would detect and cost"), ["", ""], rows, basis)


def _detects(share: float | None, amount: float, money: Money) -> str:
    return money(amount) if share is None else _("%(share)s (%(amount)s per customer)") % {
        "share": percent(share), "amount": money(amount),
    }  # fmt: skip


def _cost(found: Holdout, measured: Measured, held: int, money: Money) -> str:
    lost = measured.margin if money.knows_margin else measured.revenue
    if lost is None or measured.grade == "D":
        return _("not known")
    factor = held * found.months
    ends = Range(lost.value * factor, 0.0, max(lost.low * factor, 0.0), max(lost.high * factor, 0.0))
    return _("%(range)s in %(months)s months") % {"range": money.range(ends, 0), "months": found.months}


def plan_table(run: UpliftRun) -> Table:
    """Return what was decided before anybody looked, with its hash."""
    frozen = run.plan
    said = frozen["plan"]
    rows = [
        (_("window after joining, and before it"), _("%(months)s months") % {"months": said["window_months"]}),
        (_("months of deciding that are left out"), ", ".join(str(lag) for lag in said["lags"])),
        (_("metric"), words.counted(words.METRICS, said["metric"])),
        (_("level of the intervals"), percent(said["level"], 0)),
        (_("data until"), formats.date_format(run.cut)),
        (_("as recorded until"), instant_said(run.known_at)),
        (_("codes that only members have"), ", ".join(frozen["codes"]) or "-"),
        (_("margin"), run.get_margin_basis_display() or "-"),
        (_("version of the code"), run.code_version),
        (_("hash of the plan (SHA-256)"), run.plan_digest),
        (_("hash of the data (SHA-256)"), run.data_digest or "-"),
    ]  # fmt: skip
    basis = _(
        "The plan was frozen and hashed before the data were looked at. By it the result can be computed again to the digit."
    )
    return Table(_("The plan"), ["", ""], rows, basis)
