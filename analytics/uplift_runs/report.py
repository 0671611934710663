"""A measurement as one file to send: HTML with its pictures in it, which asks nothing of a network."""

from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from analytics.dashboards.drawing import Drawing
from analytics.reporting import NoDrawing, draw
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.page import look_row, said_of


def uplift_report(run: UpliftRun, *, now: datetime, language: str = "") -> str:
    """
    Return a run as a page of HTML.

    :param language: en or fr; the reader's if it is empty
    :raises NoDrawing: where the packages that draw are not installed
    """
    if find_spec("vl_convert") is None:
        raise NoDrawing
    with translation.override(language or translation.get_language()):
        said = said_of(run)
        context = {
            "said": said, "run": run, "now": now, "language": translation.get_language() or "en",
            "front": _drawn(said.front), "groups": _drawn(said.groups), "checks": _drawn(said.checks),
            "looks": [look_row(each) for each in said.looks],
        }  # fmt: skip
        return render_to_string("analytics/uplift_report.html", context)


def _drawn(found: Sequence[Drawing]) -> list[dict[str, Any]]:
    return [{"drawing": each, "svg": "" if each.instead else draw(each)} for each in found]
