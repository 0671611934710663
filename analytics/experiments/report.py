"""A look at an experiment as one file to send: HTML with its pictures in it, which asks nothing of a network."""

from datetime import datetime
from importlib.util import find_spec

from django.template.loader import render_to_string
from django.utils import translation

from analytics.experiments.depth_page import depth_texts
from analytics.experiments.drawing import drawings
from analytics.experiments.models import ExperimentLook
from analytics.experiments.near_miss_page import near_lines
from analytics.experiments.page import look_told
from analytics.experiments.promise_page import promise_lines
from analytics.reporting import NoDrawing, draw


def experiment_report(look: ExperimentLook, *, now: datetime, language: str = "") -> str:
    """
    Return a look as a page of HTML.

    :param language: en or fr; the reader's if it is empty
    :raises NoDrawing: where the packages that draw are not installed
    """
    if find_spec("vl_convert") is None:
        raise NoDrawing
    with translation.override(language or translation.get_language()):
        context = look_told(look) | {
            "now": now, "language": translation.get_language() or "en",
            "depths": [*near_lines(look), *depth_texts(look), *promise_lines(look)],
            "drawn": [{"drawing": each, "svg": draw(each)} for each in drawings(look, look.result)],
        }  # fmt: skip
        return render_to_string("analytics/experiment_report.html", context)
