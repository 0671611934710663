"""
What a measurement shows: one page that is read in a minute, with all below it that a check of an hour needs.

The same for the admin and for the report that is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.dashboards import charts
from analytics.dashboards.cards import Card
from analytics.dashboards.drawing import Drawing
from analytics.experiments.models import ExperimentLook
from analytics.experiments.words import blocked, headline
from analytics.uplift.plan import Plan
from analytics.uplift.results import Gap, Measured, Reason
from analytics.uplift_runs import drawings, words
from analytics.uplift_runs.group_drawings import group_drawings
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.pictures import Pictures
from analytics.uplift_runs.planning import thawed
from analytics.uplift_runs.running import measured_of
from analytics.uplift_runs.storing import from_json
from analytics.uplift_runs.tables import Money, Table, counts_table, gates_table, holdout_tables, plan_table
from analytics.uplift_runs.words import percent
from analytics.uplift_runs.worth import worth_shown
from analytics.uplift_runs.worth_words import note_of, worth_cards, worth_tables
from loyalty.experiments.models import Experiment

SHOWN_LOOKS = 50


@dataclass(frozen=True)
class Said:
    """
    All that is shown of one run.

    :param headline: the answer in one sentence
    :param detail: what it means in money, or what would lift a refusal
    :param reasons: why it has no better grade
    :param front: the pictures that a controller looks at, `checks` those of a statistician
    """

    run: UpliftRun
    grade: str
    headline: str
    detail: str = ""
    gap: str = ""
    reasons: Sequence[str] = ()
    cards: Sequence[Card] = ()
    front: Sequence[Drawing] = ()
    checks: Sequence[Drawing] = ()
    groups: Sequence[Drawing] = ()
    worth: Sequence[Table] = ()
    worth_cards: Sequence[Card] = ()
    worth_note: str = ""
    whom: str = ""
    tables: Sequence[Table] = ()
    looks: Sequence[UpliftRun] = field(default_factory=list)
    holdouts: Sequence[str] = ()

    @property
    def grade_words(self) -> str:
        return str(words.GRADES.get(self.grade, ""))


def said_of(run: UpliftRun) -> Said:
    """Return what is shown of a run, whatever became of it."""
    measured = measured_of(run)
    if measured is None:
        return Said(
            run, "", _without_result(run), tables=[plan_table(run)] if run.plan_digest else [], looks=looks_of(run)
        )
    plan, _source = thawed(run)
    worth = worth_shown(run)
    pictures = from_json(Pictures, run.pictures)
    money = Money(run.currency, run.margin_basis != UpliftRun.MarginBasis.NONE)
    return Said(
        run,
        measured.grade,
        headline_of(measured, plan.metric),
        detail=detail_of(measured, money),
        gap=gap_words(measured.gap, money),
        reasons=reasons_of(measured),
        cards=_cards(measured, money, plan.metric),
        worth_cards=[Card(*each) for each in worth_cards(worth)] if worth else (),
        front=[
            drawings.estimates(measured, plan.level),
            drawings.capture(measured),
            drawings.event_study(pictures.studies, run.currency, plan.level),
        ],
        checks=[
            drawings.leads(measured, plan.level), drawings.placebo(measured, plan.level), drawings.balance(measured),
            drawings.overlap(measured),
        ],
        groups=group_drawings(measured.groups, plan.metric),
        worth=worth_tables(worth) if worth else (),
        worth_note=note_of(worth) if worth else "",
        whom=whom(measured, run),
        tables=[
            gates_table(measured), counts_table(measured), *holdout_tables(pictures.holdout, measured, money),
            plan_table(run),
        ],
        looks=looks_of(run),
        holdouts=holdouts_of(run),
    )  # fmt: skip


def holdouts_of(run: UpliftRun) -> list[str]:
    """Return what hold-outs from the program say, which is better than any comparison; the newest look of each."""
    looks = ExperimentLook.objects.filter(
        experiment__retailer=run.retailer, experiment__layer=Experiment.Layer.GLOBAL
    ).filter(Q(experiment__program=run.program) | Q(experiment__program=None))
    newest = looks.select_related("experiment__retailer").prefetch_related("experiment__variants")
    said = list[str]()
    for look in newest.order_by("experiment_id", "-id").distinct("experiment_id"):
        result = look.result
        told = [blocked(result.blocked)] if result.blocked else [headline(look, each) for each in result.effects]
        said += [f"{look.experiment.name} · {each}" for each in told]
    return said


def is_detected(measured: Measured) -> bool:
    """Tell whether there is a band, and nothing is not in it."""
    return measured.band is not None and not measured.band[0] <= 0 <= measured.band[1]


def headline_of(measured: Measured, metric: str) -> str:
    """Return the answer in one sentence: a band, no detectable uplift, or why there is none; metric is a plan's."""
    if measured.grade == "D" or measured.band is None:
        return _("It cannot be told what members spend because of the program.")
    low, high = (percent(each, signed=True) for each in measured.band)
    if not is_detected(measured):
        return _("No detectable uplift: the effect lies between %(low)s and %(high)s, which includes none at all.") % {
            "low": low, "high": high,
        }  # fmt: skip
    found = str(words.LESS[metric]) % {"low": low, "high": high}
    if measured.band[0] > 0:
        found = str(words.MORE[metric]) % {"low": percent(measured.band[0]), "high": percent(measured.band[1])}
    return f"{found} {words.ONLY_A_RANGE}" if measured.grade == "C" else found


def reasons_of(measured: Measured) -> list[str]:
    """Return why a result has no better grade, each reason once, and not again what the headline says."""
    codes = {each.code for each in measured.reasons}
    skipped = {"no_detectable_uplift"} | ({"members"} if "too_few_members" in codes else set[str]())
    return list(dict.fromkeys(words.sentence(each) for each in measured.reasons if each.code not in skipped))


def detail_of(measured: Measured, money: Money) -> str:
    """Return what the answer is in money; nothing where there is none."""
    if measured.grade == "D" or measured.revenue is None:
        return ""
    words_of = _("That is %(revenue)s of revenue per member and month, of which %(margin)s are margin.")
    if not money.knows_margin or measured.margin is None:
        words_of = _("That is %(revenue)s of revenue per member and month; no margin is known.")
    margin = money.range(measured.margin) if measured.margin else "-"
    return words_of % {"revenue": money.range(measured.revenue), "margin": margin}


def gap_words(gap: Gap, money: Money) -> str:
    """Return the plain gap under its right name, and how much of it those who join bring with them."""
    if gap.share is None and gap.others_mean > 0:
        others = _(
            "Others bring %(others)s a month. Nobody was a member for a whole month of the window: there is no gap to tell."
        )
        return others % {"others": money(gap.others_mean)}
    if gap.share is None:
        only = _(
            "Members bring %(members)s a month. Nobody else does: there is no gap to tell, and nobody to compare with."
        )
        return only % {"members": money(gap.members_mean)}
    said = _(
        "Members bring %(members)s a month, others %(others)s: a gap of %(share)s. That is %(name)s."
    ) % {
        "members": money(gap.members_mean), "others": money(gap.others_mean), "share": percent(gap.share, signed=True),
        "name": words.NAIVE,
    }  # fmt: skip
    if gap.joiners_share is None:
        return said
    who_joins = _("%(share)s of this gap was there before they joined: it is who joins, not what joining does.")
    return f"{said} {who_joins % {'share': percent(gap.joiners_share, 0)}}"


def _gap_card(gap: Gap) -> Card:
    what = _("gap between members and others")
    if gap.share is None:
        why = _("nobody was a member for a whole month") if gap.others_mean > 0 else _("nobody but members spends")
        return Card("-", what, why)
    return Card(percent(gap.share, signed=True), what, str(words.NAIVE))


def _cards(measured: Measured, money: Money, metric: str) -> list[Card]:
    gap = _gap_card(measured.gap)
    if measured.grade == "D" or measured.band is None:
        reason = words.failed_sentence(measured.reasons[0]) if measured.reasons else ""
        return [Card(_("not known"), str(words.UPLIFT_OF[metric]), reason), gap]
    low, high = (percent(each, signed=True) for each in measured.band)
    note = _("middle estimate %(effect)s") % {"effect": percent(measured.effect or 0.0, signed=True)}
    uplift = Card(_("%(low)s to %(high)s") % {"low": low, "high": high}, str(words.UPLIFT_OF[metric]), note)
    if not is_detected(measured):
        uplift = Card(
            _("none detected"), str(words.NO_UPLIFT), _("between %(low)s and %(high)s") % {"low": low, "high": high}
        )
    told = [(measured.revenue, _("revenue per member and month"))]
    if money.knows_margin:
        told.append((measured.margin, _("margin per member and month")))
    per_member = [
        Card(money.range(found), label, _("middle %(value)s") % {"value": money(found.value)})
        for found, label in told
        if found
    ]
    return [uplift, gap, *per_member]


def whom(measured: Measured, run: UpliftRun) -> str:
    """Return to whom the result applies."""
    members = max((each.members for each in measured.estimates), default=0)
    left = int(run.pictures.get("left", 0))
    said = _(
        "It applies to members who joined with an order, after having bought for some time: %(members)s of them were "
        "evaluated. Of who joined at the first order nothing was known before, so nothing is said."
    ) % {"members": charts.whole(members)}
    if not left:
        return said
    gone = ngettext("%(count)s member has left since, and counts as a member all the same.",
                    "%(count)s members have left since, and count as members all the same.", left)  # fmt: skip
    return f"{said} {gone % {'count': charts.whole(left)}}"


def looks_of(run: UpliftRun) -> list[UpliftRun]:
    """Return the earlier looks at the same program, the newest first: who looks often enough finds something by chance."""
    over = (UpliftRun.Status.DONE, UpliftRun.Status.REFUSED)
    return list(
        UpliftRun.objects.filter(program=run.program, pk__lt=run.pk, status__in=over).order_by("-pk")[:SHOWN_LOOKS]
    )


def look_row(run: UpliftRun) -> dict[str, Any]:
    """Return one earlier look as its line shows it."""
    measured = measured_of(run)
    answer = reason_of(run)
    if measured is not None and measured.band is not None and measured.grade != "D":
        ends = (percent(each, signed=True) for each in measured.band)
        answer = _("%(low)s to %(high)s") % dict(zip(("low", "high"), ends, strict=True))
    elif measured is not None:
        answer = (
            words.sentence(measured.reasons[0]) if measured.reasons else str(words.SENTENCES["no_valid_comparison"])
        )
    return {"run": run, "grade": measured.grade if measured else "-", "answer": answer, "digest": run.plan_digest[:12]}


def reason_of(run: UpliftRun) -> str:
    """Return why a run came to nothing; nothing where it did not."""
    return words.sentence(Reason(run.code, run.details)) if run.code else ""


def _without_result(run: UpliftRun) -> str:
    if run.status == UpliftRun.Status.REFUSED:
        return _("Not measured: %(reason)s") % {"reason": reason_of(run)}
    return f"{run.get_status_display()}. {reason_of(run)}".strip()


def plan_of(run: UpliftRun) -> Plan:
    """Return the plan of a run that looked."""
    return thawed(run)[0]
