"""What nobody can want of a version's badges, challenges and boards: told in words, before it is published."""

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from loyalty.badges.models import Badge, Board, Challenge
from loyalty.badges.models.fields import require_target
from loyalty.badges.rules import Metric
from loyalty.badges.windows import Window
from loyalty.configuration.findings import Finding
from loyalty.configuration.reward_checks import UNKNOWN, check_image
from loyalty.engine.profile import SEGMENTS
from loyalty.plans.models import PaidPlan
from loyalty.points.conditions import InvalidCondition, never_holds, parse
from loyalty.points.models import PointsPolicy
from loyalty.points.models.policy import words_for
from loyalty.programs.models import ProgramVersion

STREAKS = {Metric.DAY_STREAK, Metric.WEEK_STREAK}
MAX_IN_WINDOW = {
    Window.WEEK: {Metric.DAYS: 7, Metric.DAY_STREAK: 7, Metric.WEEK_STREAK: 1},
    Window.MONTH: {Metric.DAYS: 31, Metric.DAY_STREAK: 31, Metric.WEEK_STREAK: 6},
    Window.QUARTER: {Metric.DAYS: 92, Metric.DAY_STREAK: 92, Metric.WEEK_STREAK: 15},
    Window.YEAR: {Metric.DAYS: 366, Metric.DAY_STREAK: 366, Metric.WEEK_STREAK: 54},
}


def check_badges(version: ProgramVersion, tiers: set[str]) -> Iterable[Finding]:
    """Return what is wrong with a version's badges, challenges and boards."""
    challenges = list(Challenge.objects.filter(version=version).order_by("place"))
    boards = list(Board.objects.filter(version=version).order_by("place"))
    badges = list(Badge.objects.filter(version=version).order_by("place"))
    if not (challenges or boards or badges):
        return
    yield from _names(version, challenges, boards, badges, tiers)
    for section, rows in (("challenges", challenges), ("boards", boards)):
        for row in rows:
            yield from _condition(row, f"{section}/{row.code}")
    for section, shown in (("badges", badges), ("challenges", challenges), ("boards", boards)):
        for each in shown:
            yield from check_image(each, f"{section}/{each.code}", version.program.retailer_id)
    for challenge in challenges:
        yield from _challenge(challenge)
    for badge in badges:
        if badge.code not in {challenge.badge for challenge in challenges}:
            words = _("No challenge gives the badge “%(badge)s”.")
            yield Finding.warning("badge_not_given", f"badges/{badge.code}", words % {"badge": badge})


def _names(
    version: ProgramVersion,
    challenges: Sequence[Challenge],
    boards: Sequence[Board],
    badges: Sequence[Badge],
    tiers: set[str],
) -> Iterable[Finding]:
    """Find names of what the version does not have."""
    known = {
        "wallet": set(PointsPolicy.objects.filter(version=version).values_list("code", flat=True)),
        "tier": tiers,
        "plan": set(PaidPlan.objects.filter(version=version).values_list("code", flat=True)),
        "segment": set(SEGMENTS),
        "badge": {badge.code for badge in badges},
    }
    words = {
        **UNKNOWN,
        "plan": _("“%(what)s” names the plan “%(named)s”, which the version does not have. Nobody could have it."),
        "badge": _("“%(what)s” gives the badge “%(named)s”, which the version does not have. Add it."),
    }
    for kind, name, place, what in _named(challenges, boards):
        if name not in known[kind]:
            facts = {"what": what, "named": name, "known": ", ".join(sorted(known[kind]))}
            yield Finding.error(f"unknown_{kind}", place, str(words[kind]) % facts)


def _named(challenges: Sequence[Challenge], boards: Sequence[Board]) -> Iterable[tuple[str, str, str, object]]:
    for challenge in challenges:
        place = f"challenges/{challenge.code}"
        yield "wallet", challenge.wallet, place, challenge
        yield from (("segment", name, place, challenge) for name in challenge.segments)
        yield from (("badge", challenge.badge, place, challenge),) if challenge.badge else ()
    for section, rows in (("challenges", challenges), ("boards", boards)):
        for row in rows:
            yield from (("tier", name, f"{section}/{row.code}", row) for name in row.tiers)
            yield from (("plan", name, f"{section}/{row.code}", row) for name in row.plans)


def _condition(row: Challenge | Board, place: str) -> Iterable[Finding]:
    try:
        field = never_holds(parse(row.condition))
    except InvalidCondition as error:
        words = _("The condition of “%(rule)s” cannot be read. %(what)s")
        yield Finding.error("unreadable_condition", place, words % {"rule": row, "what": words_for(error)})
        return
    if field:
        words = _("Nothing can count for “%(what)s”: what it asks of “%(field)s” contradicts itself.")
        yield Finding.error("contradiction", place, words % {"what": row, "field": field})


def _challenge(challenge: Challenge) -> Iterable[Finding]:
    place = f"challenges/{challenge.code}"
    goals = [(challenge.metric, challenge.target), *((each["metric"], each["target"]) for each in challenge.further)]
    for metric, target in [*goals, *((challenge.metric, each["target"]) for each in challenge.levels)]:
        try:
            require_target(metric, target)
        except Exception as error:  # noqa: BLE001 - in words, whatever it is
            yield Finding.error("bad_target", place, " ".join(getattr(error, "messages", [str(error)])))
            continue
        most = MAX_IN_WINDOW.get(Window(challenge.window), {}).get(Metric(metric))
        if most is not None and float(target) > most:
            words = _("“%(what)s” asks for more than its window has: at most %(most)s.")
            yield Finding.error("out_of_reach", place, words % {"what": challenge, "most": most})
        if challenge.window == Window.ROLLING and metric in STREAKS:
            words = _(
                "“%(what)s” counts what follows in a row: over fixed days or since joining, not over the last days."
            )
            yield Finding.error("streak_of_last_days", place, words % {"what": challenge})
        if challenge.window == Window.ROLLING and metric == Metric.DAYS and float(target) > challenge.window_days:
            words = _("“%(what)s” asks for more than its window has: at most %(most)s.")
            yield Finding.error("out_of_reach", place, words % {"what": challenge, "most": challenge.window_days})
    if not challenge.badge and not challenge.points and not any(each.get("points") for each in challenge.levels):
        words = _("“%(what)s” gives neither points nor a badge: it only shows progress.")
        yield Finding.warning("gives_nothing", place, words % {"what": challenge})
