"""
Who enters a campaign: each trigger as data, with its parameters and what texts may say because of it. Pure.

How the members are found is SQL, in `journeys.triggers`; a trigger is a state that holds, so a missed night is caught up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date, timedelta
from typing import Any

from customers.core.contacts import OUTCOMES
from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number that a trigger takes."""

    default: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class TriggerKind:
    """
    A way to enter.

    :param has_day: whether it is about a day, before which waits may end and until which messages may be worth saying
    :param values: what texts may say because of it
    :param is_of_night: whether a night finds who enters; else the fact itself brings them
    :param words: the words that a parameter may be; the first where nothing is said
    :param lists: the lists of words that it may be narrowed by, each with the words that there are; with none where any word is
    :param reads_profile: whether it always asks what was computed about a customer
    :param fades: whether it may stop being true before a step is taken: it is looked at again with each
    :param lasts: whether it stays true from one night to the next: then nothing is made up for, the last night finds all of whom
        it is true now
    """

    has_day: bool = False
    is_of_night: bool = True
    values: frozenset[str] = frozenset()
    numbers: Mapping[str, Number] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads_profile: bool = False
    fades: bool = False
    lasts: bool = False


TOPICS, ENDED_AS = "topics", "outcomes"  # of contacts with support
OF_CONTACT: Mapping[str, tuple[str, ...]] = {TOPICS: (), ENDED_AS: OUTCOMES}
DAYS = Number(60, 1, 730)
DAYS_BEFORE = Number(0, 0, 60)
PROSPECT, NEW, LOYAL, LAPSING = STAGES = ("prospect", "new", "loyal", "lapsing")
TRIGGERS: Mapping[str, TriggerKind] = {
    "broadcast": TriggerKind(),
    "enrolled": TriggerKind(),
    "cart": TriggerKind(is_of_night=False, values=frozenset({"cart"})),
    "first_order": TriggerKind(values=frozenset({"order_on"}), numbers={"days": Number(7, 1, 90)}, fades=True),
    "birthday": TriggerKind(has_day=True, values=frozenset({"birthday_on"}), numbers={"days_before": DAYS_BEFORE}),
    "anniversary": TriggerKind(
        has_day=True, values=frozenset({"anniversary_on", "years"}), numbers={"days_before": DAYS_BEFORE}
    ),
    "points_expiring": TriggerKind(
        has_day=True,
        values=frozenset({"expiring_points", "expires_on"}),
        numbers={"days": Number(30, 1, 180), "points": Number(1, 1, 1_000_000_000)},
        fades=True,
        lasts=True,
    ),
    "tier_within_reach": TriggerKind(
        values=frozenset({"next_tier", "tier_missing"}), numbers={"percent": Number(20, 1, 99)}, fades=True, lasts=True
    ),
    "tier_at_risk": TriggerKind(
        has_day=True,
        values=frozenset({"tier_missing", "keeps_through"}),
        numbers={"days": Number(45, 1, 180)},
        fades=True,
        lasts=True,
    ),
    "lapsed": TriggerKind(values=frozenset({"last_order_on"}), numbers={"days": DAYS}, lasts=True),
    "vip_at_risk": TriggerKind(values=frozenset({"last_order_on"}), reads_profile=True, fades=True, lasts=True),
    "review": TriggerKind(values=frozenset({"order", "order_on"}), numbers={"days": Number(7, 1, 90)}, fades=True),
    "contact": TriggerKind(values=frozenset({"contact_on"}), numbers={"days": Number(3, 1, 90)}, lists=OF_CONTACT),
    "survey_wave": TriggerKind(numbers={"weeks": Number(13, 1, 52)}, lasts=True),
    "plan_renewal": TriggerKind(
        has_day=True,
        values=frozenset({"plan", "renews_on"}),
        numbers={"days": Number(14, 1, 60)},
        fades=True,
        lasts=True,
    ),
    "life_stage": TriggerKind(words={"stage": STAGES}, fades=True, lasts=True),
}
FACTS = frozenset({"order", "left", "contact"})
# By which the exit of a fact may be narrowed, as triggers are.
LISTS_OF_FACTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"contact": OF_CONTACT}
SEGMENTS, TIERS = "segments", "tiers"
# Stages that nobody knows without computing what a customer will do.
COMPUTED_STAGES = frozenset({LOYAL, LAPSING})
# Their fact is the last order: whatever was bought after that day is newer, also before it was entered.
SINCE_LAST_ORDER = ("lapse:", "vip_risk:", f"stage:{LAPSING}:")
FEBRUARY, LAST_OF_FEBRUARY = 2, 28


@dataclass(frozen=True, slots=True)
class TriggerFlaw:
    """What is wrong with a trigger or an exit. :param code: unknown_trigger, unknown_parameter, out_of_bounds or unknown_fact"""

    code: str
    place: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def check_trigger(said: Mapping[str, Any]) -> Iterator[TriggerFlaw]:
    """Yield what is wrong with a trigger as it is written."""
    kind = TRIGGERS.get(str(said.get("kind")))
    if kind is None:
        yield TriggerFlaw(
            "unknown_trigger", "trigger/kind", {"kind": said.get("kind"), "known": ", ".join(sorted(TRIGGERS))}
        )
        return
    for name, value in said.items():
        if name in {"kind", SEGMENTS, TIERS, *kind.lists}:
            continue
        if name in kind.words:
            if value not in kind.words[name]:
                yield TriggerFlaw("not_one_of", f"trigger/{name}", {"known": ", ".join(kind.words[name])})
            continue
        bounds = kind.numbers.get(name)
        if bounds is None:
            known = ", ".join(sorted({*kind.numbers, *kind.words, *kind.lists})) or "-"
            yield TriggerFlaw("unknown_parameter", f"trigger/{name}", {"name": name, "known": known})
        elif isinstance(value, bool) or not isinstance(value, int) or not bounds.least <= value <= bounds.most:
            yield TriggerFlaw("out_of_bounds", f"trigger/{name}", {"least": bounds.least, "most": bounds.most})
    for name in (SEGMENTS, TIERS):
        if not is_codes(said.get(name, [])):
            yield TriggerFlaw("not_a_list_of_codes", f"trigger/{name}")
    yield from _check_lists(said, kind.lists, "trigger")


def _check_lists(said: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]], place: str) -> Iterator[TriggerFlaw]:
    """Yield what is wrong with the lists of words by which a trigger or an exit is narrowed."""
    for name, known in lists.items():
        words = said.get(name, [])
        if not is_codes(words):
            yield TriggerFlaw("not_a_list_of_words", f"{place}/{name}")
        elif known and not set(words) <= set(known):
            yield TriggerFlaw("not_one_of", f"{place}/{name}", {"known": ", ".join(known)})


def is_codes(said: Any) -> bool:
    """Tell whether something is a list of codes."""
    return isinstance(said, list) and all(isinstance(each, str) for each in said)


def check_exits(said: Any) -> Iterator[TriggerFlaw]:
    """Yield what is wrong with exits as they are written."""
    if not isinstance(said, list):
        yield TriggerFlaw("unknown_fact", "exits", {"known": ", ".join(sorted(FACTS))})
        return
    for place, each in enumerate(said):
        fact = str(each.get("fact")) if isinstance(each, dict) else ""
        lists = LISTS_OF_FACTS.get(fact, {})
        if fact not in FACTS or set(each) - {"fact", "goal", *lists}:
            yield TriggerFlaw("unknown_fact", f"exits/{place}", {"known": ", ".join(sorted(FACTS))})
        elif fact in {other.get("fact") for other in said[:place] if isinstance(other, dict)}:
            yield TriggerFlaw("twice", f"exits/{place}", {"name": fact})
        else:
            yield from _check_lists(each, lists, f"exits/{place}")


def parameter(said: Mapping[str, Any], name: str) -> int:
    """Return a number of a trigger, as it is written or as it is where nothing is."""
    found: int = said.get(name, TRIGGERS[said["kind"]].numbers[name].default)
    return found


def word(said: Mapping[str, Any], name: str) -> str:
    """Return a word of a trigger, as it is written or as it is where nothing is."""
    found: str = said.get(name, TRIGGERS[said["kind"]].words[name][0])
    return found


def wave_of(day: date, weeks: int) -> tuple[int, str]:
    """
    Return which part of all members is asked in the week of a day, from 0, and the name of that week.

    Weeks begin on Mondays and are counted on from one year to the next, so that each part has its turn once in so many weeks.
    """
    year, week, _ = day.isocalendar()
    return (day.toordinal() - 1) // 7 % weeks, f"{year}-W{week:02d}"


def reads_profile(said: Mapping[str, Any]) -> bool:
    """Tell whether who enters is decided by what was computed about customers: they have to have agreed to that."""
    kind = TRIGGERS.get(str(said.get("kind")))
    if kind is None:
        return False
    return kind.reads_profile or bool(said.get(SEGMENTS)) or str(said.get("stage")) in COMPUTED_STAGES


def is_of_last_order(occurrence: str) -> bool:
    """Tell whether an entry is about what was not bought since the last order."""
    return occurrence.startswith(SINCE_LAST_ORDER)


def is_leaps_eve(day: date) -> bool:
    """Tell whether a day stands for a 29th of February that its year does not have."""
    return (day.month, day.day) == (FEBRUARY, LAST_OF_FEBRUARY) and (day + timedelta(days=1)).month != FEBRUARY


def years_between(first: date, anniversary: date) -> int:
    """Return which anniversary of a day it is."""
    return anniversary.year - first.year
