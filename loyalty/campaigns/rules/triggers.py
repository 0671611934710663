"""
Who enters a campaign: each trigger as data, with its parameters and what texts may say because of it. Pure.

How the members are found is SQL, in `loyalty.campaigns.triggers`; a trigger is a state that holds, so a missed night is caught
up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


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
    """

    has_day: bool = False
    is_of_night: bool = True
    values: frozenset[str] = frozenset()
    numbers: Mapping[str, Number] = field(default_factory=dict)


DAYS = Number(60, 1, 730)
TRIGGERS: Mapping[str, TriggerKind] = {
    "broadcast": TriggerKind(),
    "enrolled": TriggerKind(),
    "cart": TriggerKind(values=frozenset({"cart"})),
    "birthday": TriggerKind(has_day=True, values=frozenset({"birthday_on"}), numbers={"days_before": Number(0, 0, 60)}),
    "points_expiring": TriggerKind(
        has_day=True,
        values=frozenset({"expiring_points", "expires_on"}),
        numbers={"days": Number(30, 1, 180), "points": Number(1, 1, 1_000_000_000)},
    ),
    "lapsed": TriggerKind(values=frozenset({"last_order_on"}), numbers={"days": DAYS}),
}
FACTS = frozenset({"order", "left"})


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
        yield TriggerFlaw("unknown_trigger", "trigger/kind", {"kind": said.get("kind"), "known": sorted(TRIGGERS)})
        return
    for name, value in said.items():
        if name in {"kind", "segments", "tiers"}:
            continue
        bounds = kind.numbers.get(name)
        if bounds is None:
            yield TriggerFlaw("unknown_parameter", f"trigger/{name}", {"name": name, "known": sorted(kind.numbers)})
        elif isinstance(value, bool) or not isinstance(value, int) or not bounds.least <= value <= bounds.most:
            yield TriggerFlaw("out_of_bounds", f"trigger/{name}", {"least": bounds.least, "most": bounds.most})
    for name in ("segments", "tiers"):
        asked = said.get(name, [])
        if not isinstance(asked, list) or not all(isinstance(each, str) for each in asked):
            yield TriggerFlaw("not_a_list_of_codes", f"trigger/{name}")


def check_exits(said: Any) -> Iterator[TriggerFlaw]:
    """Yield what is wrong with exits as they are written."""
    if not isinstance(said, list):
        yield TriggerFlaw("unknown_fact", "exits", {"known": sorted(FACTS)})
        return
    for place, each in enumerate(said):
        if not isinstance(each, dict) or each.get("fact") not in FACTS or set(each) - {"fact", "goal"}:
            yield TriggerFlaw("unknown_fact", f"exits/{place}", {"known": sorted(FACTS)})


def parameter(said: Mapping[str, Any], name: str) -> int:
    """Return a number of a trigger, as it is written or as it is where nothing is."""
    found: int = said.get(name, TRIGGERS[said["kind"]].numbers[name].default)
    return found
