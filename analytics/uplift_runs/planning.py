"""
What a run is decided to be before anybody looks: its plan with all that decides the result but the data, written and hashed.

The plan's own digest covers its windows, limits and the code that measures. The run's covers that, the program, the cut, until
when records count, which codes are members' own, the margin rate, and the seed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from math import inf
from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.statistics import rate_of, with_rate
from analytics.uplift.plan import InvalidPlan, Limits, Plan, code_version
from analytics.uplift_runs.models import MEMBER_CODES, UpliftRun, UpliftSettings
from analytics.uplift_runs.reading import Source
from customers.core.errors import DomainError, Kind
from customers.models import Retailer
from loyalty.experiments.rules import digest

MARGIN_RATE = "margin_rate"
WHOLE = frozenset({"window_months", "lags", "max_members", "max_controls"})


class PlanRefused(DomainError):
    code = "uplift_plan_refused"
    kind = Kind.INVALID
    message = _("The plan cannot have {value} for {name}.")


def planned(given: Mapping[str, Any]) -> Plan:
    """
    Return a plan from what somebody wrote; what is left out is as usual.

    :raises PlanRefused: where a name is not one of a plan, or a value cannot be
    """
    known = {each.name for each in fields(Plan)} - {"cut", "limits"}
    for name, value in given.items():
        if name not in known | {"limits"}:
            raise PlanRefused(name=name, value=value)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if name in known
    }
    for name, value in values.items():
        _require_kind(name, value)
    try:
        return Plan(**values, limits=_limits(given.get("limits", {})))
    except InvalidPlan as error:
        raise PlanRefused(name=error.name, value=error.value) from error
    except TypeError as error:
        raise PlanRefused(name="-", value=str(given)) from error


def _require_kind(name: str, value: Any) -> None:
    """
    Refuse a value that is of another kind than its name asks for, before any code that measures meets it.

    :raises PlanRefused: then
    """
    whole = value if name == "lags" and isinstance(value, tuple) else (value,)
    if name in WHOLE and not all(type(each) is int and each >= 1 for each in whole):
        raise PlanRefused(name=name, value=value)
    if name == "level" and type(value) not in {int, float}:
        raise PlanRefused(name=name, value=value)


def _limits(given: Any) -> Limits:
    if not isinstance(given, Mapping):
        raise PlanRefused(name="limits", value=given)
    known = {each.name for each in fields(Limits)}
    for name, value in given.items():
        if name not in known or type(value) not in {int, float} or not 0 <= value < inf:
            raise PlanRefused(name=name, value=value)
    return Limits(**given)


def settings_of(retailer: Retailer) -> UpliftSettings:
    """Return how a retailer's uplift is measured; as usual where nothing was said."""
    return UpliftSettings.objects.filter(pk=retailer.pk).first() or UpliftSettings(
        retailer=retailer, member_codes=list(MEMBER_CODES)
    )


def freeze(run: UpliftRun, plan: Plan, codes: list[str]) -> None:
    """Write all that decides a run's result on it, and the hash of that; its cut is known, its data are not yet looked at."""
    run.plan = {
        "plan": json.loads(json.dumps(asdict(plan))),
        "plan_digest": plan.digest(),
        "program": run.program.slug,
        "cut": run.cut.isoformat(),
        "known_at": run.known_at.isoformat(),
        "codes": sorted(code.lower() for code in codes),
        MARGIN_RATE: rate_of(run.retailer),
        "seed": run.seed,
        "code": code_version(),
    }
    run.code_version = code_version()
    run.plan_digest = digest(run.plan)


def thawed(run: UpliftRun) -> tuple[Plan, Source]:
    """Return by what a run was, or will be, measured, from what was frozen on it."""
    frozen = run.plan
    said = frozen["plan"]
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name != "limits"
    }
    plan = Plan(**values, limits=Limits(**said["limits"]))
    cut, known = date.fromisoformat(frozen["cut"]), datetime.fromisoformat(frozen["known_at"])
    return plan, Source(_as_frozen(run.retailer, frozen), run.program, cut, known, frozen["codes"])


def _as_frozen(retailer: Retailer, frozen: Mapping[str, Any]) -> Retailer:
    """Return a retailer with the margin rate of then; with its own, where a run of an earlier release did not keep it."""
    return retailer if MARGIN_RATE not in frozen else with_rate(retailer, frozen[MARGIN_RATE])
