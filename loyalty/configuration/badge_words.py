"""Badges, challenges and boards in plain words, in the reader's language."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Interaction
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.badges.windows import Window
from loyalty.configuration.arm_checks import arms_in_words
from loyalty.configuration.wording import condition_in_words, number
from loyalty.points.conditions import EVERYTHING, parse_stored


def badge_in_words(badge: Badge) -> list[str]:
    """Return how often a badge is given and what it gives, phrase by phrase."""
    said = [str(badge.get_kind_display())]
    said += [_("%(name)s from %(times)s") % {"name": badge.level_name(place), "times": each["times"]}
             for place, each in enumerate(badge.levels, start=1)]  # fmt: skip
    if badge.points:
        said.append(_("%(points)s points") % {"points": number(badge.points)})
    said.append(_("a return takes it back") if badge.takes_back else _("a return leaves it"))
    return said


def challenge_in_words(challenge: Challenge, currency: str) -> list[str]:
    """Return what a challenge asks for, over which time, of whom, and what it gives, phrase by phrase."""
    first = {"metric": challenge.metric, "target": challenge.target, "interaction": challenge.interaction,
             "condition": challenge.condition}  # fmt: skip
    goals = [_goal(each, currency) for each in (first, *challenge.further)]
    join = _(" or ") if challenge.combination == Challenge.Combination.ANY else _(" and ")
    asked = _levels(challenge, currency) if challenge.levels else join.join(goals)
    said = [asked, _window(challenge), *_audience(challenge)]
    if challenge.segments:
        said.append(_("only for segments: %(codes)s") % {"codes": ", ".join(challenge.segments)})
    said += [_("again and again")] if challenge.repeats else []
    said += [_("members join it")] if challenge.opt_in else []
    if challenge.points and not challenge.levels:
        said.append(_("%(points)s points") % {"points": number(challenge.points)})
    if challenge.badge:
        said.append(_("gives the badge “%(badge)s”") % {"badge": challenge.badge})
    elif not challenge.takes_back:
        said.append(_("a return leaves it"))
    return [*said, *arms_in_words(challenge.arms)]


def board_in_words(board: Board) -> list[str]:
    """Return what a leaderboard counts, and over which time, phrase by phrase."""
    return [str(board.get_metric_display()), *_counted(board.interaction, board.condition), _window(board),
            *_audience(board), *arms_in_words(board.arms)]  # fmt: skip


def _goal(said: dict[str, Any], currency: str) -> str:
    target, interaction = said["target"], said.get("interaction", "")
    words = _amount(said["metric"], target, interaction, currency)
    return " · ".join([words, *_counted(interaction, said.get("condition"))])


def _counted(interaction: str, condition: Any) -> list[str]:
    found = [str(Interaction.Kind(interaction).label)] if interaction else []
    node = parse_stored(condition or {})
    return [*found, condition_in_words(node)] if node != EVERYTHING else found


def _amount(metric: str, target: Any, interaction: str, currency: str) -> str:
    count = 1 if float(target) == 1 else 2
    words = {
        "count": ngettext("%(target)s interaction", "%(target)s interactions", count)
        if interaction
        else ngettext("%(target)s order", "%(target)s orders", count),
        "spend": _("%(target)s %(currency)s spent"),
        "points": ngettext("%(target)s point earned", "%(target)s points earned", count),
        "categories": ngettext("%(target)s category", "%(target)s different categories", count),
        "brands": ngettext("%(target)s brand", "%(target)s different brands", count),
        "stores": ngettext("%(target)s store", "%(target)s different stores", count),
        "days": ngettext("%(target)s day", "%(target)s different days", count),
        "day_streak": ngettext("%(target)s day in a row", "%(target)s days in a row", count),
        "week_streak": ngettext("%(target)s week", "%(target)s weeks in a row", count),
    }
    return words[metric] % {"target": number(target), "currency": currency}


def _levels(challenge: Challenge, currency: str) -> str:
    parts = [
        _("%(what)s for %(points)s points")
        % {
            "what": _amount(challenge.metric, each["target"], challenge.interaction, currency),
            "points": number(each.get("points", 0)),
        }
        for each in challenge.levels
    ]
    return " · ".join([", ".join(parts), *_counted(challenge.interaction, challenge.condition)])


def _window(row: Challenge | Board) -> str:
    if row.window == Window.ROLLING:
        return ngettext("within %(days)s day", "within %(days)s days", row.window_days) % {"days": row.window_days}
    if row.window != Window.FIXED:
        return str(row.get_window_display())
    facts = {"first": row.first_day and date_format(row.first_day), "last": row.last_day and date_format(row.last_day)}
    if row.first_day and row.last_day:
        return _("from %(first)s through %(last)s") % facts
    return (_("from %(first)s") if row.first_day else _("through %(last)s")) % facts


def _audience(row: Challenge | Board) -> Sequence[str]:
    found = ((_("only for tiers: %(codes)s"), row.tiers), (_("only for plans: %(codes)s"), row.plans))
    return [words % {"codes": ", ".join(codes)} for words, codes in found if codes]
