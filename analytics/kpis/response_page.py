"""What the board says of who answers: the rate, who they are beside those who do not, and scores by channel and type."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from analytics.dashboards import charts
from analytics.kpis.figures import Unit
from analytics.kpis.numbers import written
from analytics.kpis.response import Cell, Response, response_of, score_of
from analytics.kpis.response_reading import cells, groups
from analytics.kpis.scores import Score
from analytics.kpis.words import NAMES
from customers.core.numbers import percent, shown
from customers.models import Retailer
from customers.segment_names import TYPE_NAMES
from loyalty.campaigns.models.words import Channel


@dataclass(frozen=True)
class ResponseBlock:
    """
    One kind of survey, as the page shows it.

    :param rows: what is told, those who answered, and those who did not
    :param weighted: in words, what all who were asked would have said; empty where that is nearly the same
    :param groups: dimension, group, how many were asked and answered, the score and its interval
    """

    name: str
    facts: list[tuple[str, str]]
    rows: list[tuple[str, str, str]]
    weighted: str
    unheard: str
    groups: list[tuple[str, str, str, str, str]]


def response_blocks(retailer: Retailer, *, now: datetime) -> list[ResponseBlock]:
    """Return how each kind of survey was answered within the last year, of those whose time to answer is over."""
    by_group = groups(retailer, now)
    return [
        _block(response_of(kind, found), [row for row in by_group if row[0] == kind], retailer.currency)
        for kind, found in sorted(cells(retailer, now).items(), reverse=True)
    ]


def _block(found: Response, rows: list[tuple[str, str, str, Cell]], currency: str) -> ResponseBlock:
    facts = [
        (_("people asked"), charts.whole(found.asked)),
        (_("people who answered"), charts.whole(found.score.n)),
        (_("response rate"), _with_interval(found.rate, is_share=True)),
        (_("score"), _with_interval(found.score)),
    ]
    money = [written(each, Unit.MONEY, currency) for each in (found.spent_by_answering, found.spent_by_others)]
    days = ["-" if each is None else shown(each, 0) for each in (found.days_of_answering, found.days_of_others)]
    compared = [(_("spent so far, on average"), *money), (_("days since the first purchase, on average"), *days)]
    return ResponseBlock(
        str(NAMES[found.kind]), facts, [(name, one, other) for name, one, other in compared], _weighted(found), _unheard(found),
        [_group(*row) for row in rows],
    )  # fmt: skip


def _with_interval(score: Score, *, is_share: bool = False) -> str:
    if score.value is None or score.low is None or score.high is None:
        return "-"
    say = percent if is_share else _points
    ends = _("%(low)s to %(high)s") % {"low": say(score.low), "high": say(score.high)}
    few = f", {_('too few answers to go by')}" if score.is_too_few else ""
    return f"{say(score.value)} ({ends}{few})"


def _points(value: float) -> str:
    return shown(value, 1)


def _weighted(found: Response) -> str:
    if not found.differs or found.weighted is None:
        return ""
    said = {"weighted": _points(found.weighted), "score": _points(found.score.value or 0.0)}
    return _(
        "Those who answered are other people than those who were asked: weighted to the latter by what they spent and how long "
        "they have bought, the score is %(weighted)s instead of %(score)s."
    ) % said  # fmt: skip


def _unheard(found: Response) -> str:
    if not found.unheard or not found.score.n:
        return ""
    return _("Of %(count)s who were asked nobody alike answered: nothing is known of them.") % {
        "count": charts.whole(found.unheard)
    }


def _group(kind: str, dimension: str, group: str, cell: Cell) -> tuple[str, str, str, str, str]:
    if dimension == "channel":
        name = _("by %(channel)s") % {"channel": Channel(group).label if group in Channel.values else group}
    else:
        name = str(TYPE_NAMES.get(group, "")) or _("no type yet")
    score = score_of(kind, cell)
    return name, charts.whole(cell.asked), charts.whole(cell.answered), _with_interval(score), dimension
