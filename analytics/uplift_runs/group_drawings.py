"""The effect among some, by each way of dividing, with the level that counts how many were looked at."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.dashboards import charts
from analytics.dashboards.drawing import Drawing, Series
from analytics.uplift.results import GroupEffect
from analytics.uplift_runs import words
from analytics.uplift_runs.drawings import TEAL, hundred
from analytics.uplift_runs.words import percent


def group_drawings(found: Mapping[str, Sequence[GroupEffect]], metric: str) -> list[Drawing]:
    """Return the effect by each way of dividing."""
    return [_group(way, effects, metric) for way, effects in found.items() if effects]


def _group(way: str, effects: Sequence[GroupEffect], metric: str) -> Drawing:
    told = [each for each in effects if each.band is not None and each.effect is not None]
    level = max((each.level for each in effects), default=0.95)
    title = _("Effect by %(way)s") % {"way": words.counted(words.WAYS, way)}
    return Drawing(
        title=title,
        labels=[words.group_label(way, each.label) for each in told],
        series=[
            Series(
                _("middle estimate"), [hundred(each.effect or 0.0) for each in told], "dots", TEAL,
                [(hundred(each.band[0]), hundred(each.band[1])) if each.band else None for each in told], _("band"),
            )
        ],
        headers=[_("group"), _("grade"), _("members"), _("middle estimate"), _("at least"), _("at most"), _("why not")],
        rows=[_group_row(way, each) for each in effects],
        y_title=_("effect on %(metric)s in %%") % {"metric": words.counted(words.METRICS, metric)},
        basis=ngettext(
            "%(count)s group had members enough, so its band is at the level of %(level)s.",
            "%(count)s groups were looked at, so each band is at the level of %(level)s: with many groups one of them would "
            "else seem to differ by chance.",
            len(told),
        )
        % {"count": len(told), "level": percent(level, 2)},
        instead="" if told else _("No group has members enough who can be evaluated: %(sizes)s.")
        % {"sizes": ", ".join(f"{words.group_label(way, each.label)} {charts.whole(each.members)}" for each in effects)},
        is_flat=True,
    )  # fmt: skip


def _group_row(way: str, each: GroupEffect) -> list[str]:
    reason = words.sentence(each.reason) if each.reason else ""
    ends = ["-"] * 3
    if each.band is not None and each.effect is not None:
        ends = [percent(value, 1, signed=True) for value in (each.effect, *each.band)]
    return [words.group_label(way, each.label), each.grade, charts.whole(each.members), *ends, reason]
