"""What each unit of cost buys: actions with a control ranked by margin per unit of cost, and those that have none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.experiments.models import ExperimentLook
from analytics.experiments.overview import Line, lines_of
from analytics.experiments.words import blocked, name_of
from analytics.uplift.results import Range
from analytics.uplift_runs import running
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.page import reason_of, reasons_of
from analytics.uplift_runs.running import measured_of
from analytics.uplift_runs.storing import from_json
from analytics.uplift_runs.worth import Worth
from customers.core import bulk
from customers.core.labels import labelled
from customers.core.numbers import shown
from customers.models import Retailer
from loyalty.programs.models import Program

MEASURED = ("A", "B")
SHOWN_NAMES = 5

# What the version in force offers besides the program itself, by kind: each acts on members, and none has a control of its own.
PARTS = """
WITH version AS (
    SELECT DISTINCT ON (v.program_id) v.id FROM programs_programversion v JOIN programs_program p ON p.id = v.program_id
    WHERE p.retailer_id = %(retailer)s AND v.status = 'published' AND v.effective_from <= %(now)s
    ORDER BY v.program_id, v.effective_from DESC
)
SELECT 'tiers', name::text FROM tiers_tier WHERE version_id IN (SELECT id FROM version)
UNION ALL SELECT 'plans', name FROM plans_paidplan WHERE version_id IN (SELECT id FROM version)
UNION ALL SELECT 'rewards', name FROM rewards_reward WHERE version_id IN (SELECT id FROM version)
UNION ALL SELECT 'challenges', name FROM badges_challenge WHERE version_id IN (SELECT id FROM version)
UNION ALL SELECT 'badges', name FROM badges_badge WHERE version_id IN (SELECT id FROM version)
UNION ALL SELECT 'referrals', '' FROM referrals_referralpolicy WHERE version_id IN (SELECT id FROM version)
"""


@dataclass(frozen=True)
class Action:
    """
    Something that costs money, with a control.

    :param margin: that it brought, `cost` what it cost, both in the same time; None where it is not known
    """

    name: str
    grade: str
    margin: Range | None
    cost: float | None
    page: str = ""

    @property
    def per_cost(self) -> Range | None:
        """Margin per unit of cost."""
        if self.margin is None or not self.cost or self.cost <= 0:
            return None
        each = self.margin
        return Range(*(value / self.cost for value in (each.value, each.error, each.low, each.high)))


@dataclass(frozen=True)
class Unmeasured:
    """Something without a control of its own, or whose comparison is not good enough, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Budget:
    """:param rows: measured actions as they are read, those first that bring most by a unit of cost"""

    currency: str
    rows: Sequence[Sequence[str]]
    unmeasured: Sequence[Unmeasured]


def budget(retailer: Retailer, *, now: datetime) -> Budget:
    """Return a retailer's actions: those of grade A or B ranked, all others with why they cannot be."""
    actions, unmeasured = list[Action](), list[Unmeasured]()
    for program in Program.objects.filter(retailer=retailer).select_related("retailer").order_by("name"):
        found = of_program(program)
        (actions if isinstance(found, Action) else unmeasured).append(found)  # type: ignore[arg-type] # each to its own
    for line in lines_of(retailer):
        found_of_it, reason = of_experiment(line)
        actions += found_of_it
        if reason:
            unmeasured.append(Unmeasured(str(line.experiment.name), reason))
    ranked = sorted(actions, key=_rank, reverse=True)
    rows = [_row(place, each, retailer.currency) for place, each in enumerate(ranked, 1)]
    return Budget(retailer.currency, rows, [*unmeasured, *without_control(retailer, now)])


def of_experiment(line: Line) -> tuple[list[Action], str]:
    """Return an experiment's variants as actions, or why they are none: it has not ended, is blocked, or knows no margin."""
    look = line.look
    if look is None or not look.is_final:
        return [], _("The experiment has not come to its planned end: until then nothing is ranked.")
    if look.result.blocked is not None:
        return [], blocked(look.result.blocked)
    if look.basis in {ExperimentLook.Basis.REVENUE, ExperimentLook.Basis.NO_MARGIN}:
        return [], _("It was measured in revenue; what brings margin is ranked here.")
    of_variants = [
        Action(
            f"{line.experiment.name} · {name_of(line.experiment, each.code)}",
            "A",
            each.total,
            look.result.cost_of(each.code),
        )
        for each in look.result.effects
    ]
    return of_variants, ""


def _rank(action: Action) -> tuple[float, float]:
    """Those whose cost is known come first, by margin per unit of it, then the others by margin."""
    per_cost = action.per_cost
    return (per_cost.value if per_cost else float("-inf"), action.margin.value if action.margin else float("-inf"))


def of_program(program: Program) -> Action | Unmeasured:
    """Return the program as an action, or why it is none that can be ranked."""
    name = _("Program: %(name)s") % {"name": program.name}
    run = running.latest_run(program)
    if run is None:
        return Unmeasured(name, _("Its uplift has not been measured yet."))
    measured = measured_of(run)
    if measured is None:
        return Unmeasured(name, reason_of(run))
    if measured.grade not in MEASURED:
        why = " ".join(reasons_of(measured)[:2])
        return Unmeasured(name, _("Grade %(grade)s. %(why)s") % {"grade": measured.grade, "why": why})
    return _as_action(name, run, measured.grade)


def _as_action(name: str, run: UpliftRun, grade: str) -> Action:
    worth = None if run.worth is None else from_json(Worth, run.worth)
    return Action(name, grade, worth.margin if worth else None, worth.cost.total if worth else None, str(run.pk))


def without_control(retailer: Retailer, now: datetime) -> Iterator[Unmeasured]:
    """Yield the kinds of parts of the versions in force, none of which has a control."""
    names: dict[str, list[str]] = {}
    for kind, name in bulk.fetch(PARTS, {"retailer": retailer.pk, "now": now}):
        names.setdefault(kind, []).append(name)
    for kind, found in names.items():
        reason = _("There is no control group. An experiment, planned before it starts, would give one.")
        yield Unmeasured(_kind(kind, found), reason)


def _kind(kind: str, names: Sequence[str]) -> str:
    words = {
        "tiers": _("Tiers"), "plans": _("Paid plans"), "rewards": _("Rewards"), "challenges": _("Challenges"),
        "badges": _("Badges"), "referrals": _("Referrals"),
    }  # fmt: skip
    told = [each for each in names if each]
    listed = ", ".join(told[:SHOWN_NAMES])
    left = len(told) - SHOWN_NAMES
    more = ngettext("and %(count)s more", "and %(count)s more", left) % {"count": left} if left > 0 else ""
    said = f"{listed} {more}".strip()
    return labelled(words[kind], said) if said else words[kind]


def _row(place: int, action: Action, currency: str) -> Sequence[str]:
    per = action.per_cost
    return (
        str(place), action.name, action.grade, _money(action.margin, currency),
        "-" if action.cost is None else _whole(action.cost, currency),
        "-" if per is None else shown(per.value, 2), "-" if per is None else f"{shown(per.low, 2)} – {shown(per.high, 2)}",
    )  # fmt: skip


def _money(found: Range | None, currency: str) -> str:
    return "-" if found is None else f"{shown(found.low, 0)} – {_whole(found.high, currency)}"


def _whole(amount: float, currency: str) -> str:
    return f"{shown(amount, 0)}\N{NO-BREAK SPACE}{currency}"
