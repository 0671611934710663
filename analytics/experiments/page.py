"""What the pages of experiments' results show."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.experiments import words
from analytics.experiments.depth_page import depths_page
from analytics.experiments.drawing import pictures
from analytics.experiments.models import ExperimentLook
from analytics.experiments.near_miss_page import near_page_of_draft, near_page_of_look
from analytics.experiments.near_misses import NoSuchTierNow
from analytics.experiments.overview import Line, lines_of, quarter_of
from analytics.experiments.planning import TooLittleToPlanFrom, forecast
from analytics.experiments.promise_page import promise_page
from analytics.experiments.reading import limit_of
from analytics.experiments.results import ArmResult, Effect, Result
from analytics.experiments.varying import varied_by
from customers.core.instants import instant_said
from customers.core.numbers import shown
from customers.models import Retailer
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import NobodyNear

SHOWN_LOOKS = 20


def overview_page(retailer: Retailer) -> dict[str, Any]:
    """Return what the page of all experiments shows."""
    return {"lines": [_line(each) for each in lines_of(retailer)]}


def _line(line: Line) -> dict[str, Any]:
    experiment, look = line.experiment, line.look
    first = quarter_of(experiment)
    quarter = (first.year, (first.month + 2) // 3) if first else None
    return {
        "name": str(experiment), "address": reverse("admin:analytics_experimentlook_of", args=[experiment.pk]),
        "layer": experiment.get_layer_display(), "state": experiment.get_state_display(), "tag": experiment.state,
        "says": said(look) if look else [], "looked_at": look.looked_at if look else None,
        "quarter": words.quarter_name(*quarter) if quarter else "", "p_value": words.p_value(line.p_value),
        "among": words.p_value(line.among), "is_lost": line.is_lost,
    }  # fmt: skip


def said(look: ExperimentLook) -> list[dict[str, str]]:
    """Return what a look says, in sentences, each with how it is marked."""
    result = look.result
    if result.blocked:
        return [{"tag": "failed", "label": _("blocked"), "text": words.blocked(result.blocked)}]
    labels = {"effect": _("effect"), "no_detectable_effect": _("none detectable"), "not_decided": _("open")}
    return [
        {"tag": words.TAGS[each.says], "label": labels[each.says], "text": words.headline(look, each)}
        for each in result.effects
    ]


def draft_page(experiment: Experiment, *, now: Any) -> dict[str, Any]:
    """Return what the page of an experiment shows before it starts: what it can detect."""
    about = {
        "experiment": experiment, "plan": _plan(experiment), "varied": _varied(experiment),
        "near": near_page_of_draft(experiment, now=now) if experiment.is_draft else None,
    }  # fmt: skip
    try:
        told = forecast(experiment, now=now).as_json()
    except (TooLittleToPlanFrom, NobodyNear, NoSuchTierNow) as refused:
        return about | {"refused": str(refused)}
    currency = experiment.retailer.currency
    return about | {
        "advice": words.advice(told, currency), "is_measurable": told["advice"] == "as_asked",
        "customers": shown(told["customers"], 0), "mean": words.money(told["mean"], currency),
        "correlation": shown(told["correlation"], 2), "is_past_known": told["correlation"] != 0,
        "variants": [
            {
                "name": words.name_of(experiment, each["code"]), "customers": shown(each["customers"], 0),
                "detectable": words.detectable(each["detectable"]["amount"], each["detectable"]["share"], currency),
            }
            for each in told["variants"]
        ],
        "needed": [
            (words.percent(float(share.rstrip("%")) / 100, 0), shown(count, 0)) for share, count in told["needed"].items()
        ],
    }  # fmt: skip


def look_page(request: HttpRequest, look: ExperimentLook) -> dict[str, Any]:
    """Return what the page of a look shows."""
    return look_told(look) | {
        "charts": pictures(look, look.result), "depths": depths_page(look, request.GET.dict()), "kept": promise_page(look),
        "near": near_page_of_look(look),
        "by_household": look.experiment.unit == Experiment.Unit.HOUSEHOLD,
    }  # fmt: skip


def look_told(look: ExperimentLook) -> dict[str, Any]:
    """Return what a look tells, but for its pictures: on its page, and in the report that is sent."""
    experiment, result = look.experiment, look.result
    looks = ExperimentLook.objects.filter(experiment=experiment).select_related("experiment")
    earlier = looks.exclude(pk=look.pk).order_by("-id")[:SHOWN_LOOKS]
    return {
        "experiment": experiment, "look": look, "said": said(look), "grade": result.grade,
        "ends": words.ends_in_words(experiment),
        "effects": [_effect(look, each) for each in result.effects],
        "arms": [_arm(look, result, each) for each in result.arms], "ratio": _ratio(result),
        "checks": _checks(look, result), "plan": _plan(experiment), "varied": _varied(experiment),
        "earlier": [
            {"look": each, "address": reverse("admin:analytics_experimentlook_change", args=[each.pk]), "said": said(each)}
            for each in earlier
        ],
    }  # fmt: skip


def _effect(look: ExperimentLook, each: Effect) -> dict[str, str]:
    currency = look.currency
    return {
        "name": words.name_of(look.experiment, each.code), "value": words.middle(each.shown, currency),
        "interval": words.interval(each.shown, currency), "percent": words.percent(each.percent.value if each.percent else None),
        "total": words.middle(each.total, currency), "total_interval": words.interval(each.total, currency),
        "plain": words.middle(each.plain, currency), "plain_interval": words.interval(each.plain, currency),
        "p_value": words.p_value(each.p_value), "holm": words.p_value(each.holm),
        "take_up": words.percent(each.take_up.value if each.take_up else None),
        "compliers": words.middle(each.compliers, currency) if each.compliers else "-",
        "compliers_interval": words.interval(each.compliers, currency),
        "detectable": words.detectable(each.detectable, each.detectable_percent, currency),
    }  # fmt: skip


def _arm(look: ExperimentLook, result: Result, each: ArmResult) -> dict[str, Any]:
    expected = dict(zip([arm.code for arm in result.arms], result.ratio.expected, strict=True))
    return {
        "name": words.name_of(look.experiment, each.code), "is_control": each.is_control,
        "share": words.percent(each.share_bp / 10_000), "units": shown(each.units, 0),
        "expected": shown(expected[each.code], 0), "customers": shown(each.customers, 0),
        "mean": words.money(each.mean, look.currency), "before": words.money(each.before, look.currency),
        "take_up": words.percent(each.take_up), "crossed": words.percent(each.crossed),
    }  # fmt: skip


def _ratio(result: Result) -> str:
    text = (
        _("The arms’ sizes do not fit their shares: chi-squared %(statistic)s, p = %(p_value)s.")
        if result.ratio.is_broken
        else _("The arms’ sizes fit their shares: chi-squared %(statistic)s, p = %(p_value)s.")
    )
    return text % {"statistic": shown(result.ratio.statistic, 2), "p_value": words.p_value(result.ratio.p_value)}


def _checks(look: ExperimentLook, result: Result) -> list[tuple[str, str]]:
    experiment = look.experiment
    window = _("%(days)s days from the planned exposure; the same before it as covariate") % {
        "days": experiment.window_days
    }
    return [
        (_("what is measured"), look.get_basis_display()),
        (_("window"), window),
        (_("unit"), experiment.get_unit_display()),
        (_("form"), experiment.get_form_display()),
        (_waiting_name(look), shown(result.waiting, 0)),
        (_("as recorded until"), instant_said(look.known_at)),
        (_("hash of the plan"), look.plan_hash),
        (_("hash of the data"), look.data_digest),
        (_("version of the code"), look.code_version),
    ]


def _waiting_name(look: ExperimentLook) -> str:
    """Return what those are called whose window was not over: of one that has ended, none of them ever will be."""
    is_over = limit_of(look.experiment, look.known_at) < look.known_at
    return _("customers who were in it for a part of a window") if is_over else _("customers still on the way")


def _varied(experiment: Experiment) -> list[dict[str, str]]:
    return [
        {
            "kind": each.kind, "name": each.name, "versions": ", ".join(map(str, each.versions)),
            "variants": ", ".join(words.name_of(experiment, code) for code in each.variants),
        }
        for each in varied_by(experiment)
    ]  # fmt: skip


def _plan(experiment: Experiment) -> list[tuple[str, str]]:
    if not experiment.plan_hash:
        return []
    plan = experiment.plan
    shares = ", ".join(
        f"{words.name_of(experiment, each['code'])} {words.percent(each['share_bp'] / 10_000)}"
        for each in plan["variants"]
    )
    rows = [
        (_("planned"), instant_said(experiment.planned_at) if experiment.planned_at else ""),
        (_("shares"), shares),
        (_("metric"), experiment.get_metric_display()),
        (_("window in days"), str(plan["window_days"])),
        (_("salt"), plan["salt"]),
        (_("hash of the plan"), experiment.plan_hash),
    ]
    if told := words.planned(plan.get("detectable"), experiment.retailer.currency):
        rows.append((_("detectable effect"), told))
    if plan.get("reason"):
        rows.append((_("planned without a detectable effect"), plan["reason"]))
    return rows
