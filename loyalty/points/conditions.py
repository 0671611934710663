"""
What an earning rule asks for, as one tree: parsed from JSON, decided in Python, counted in SQL. Pure.

A tree is `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}` or a leaf: a field with `in` (a list), `from` and `to`
(both included, but for times, whose end is not) or `is` (true or false). It is asked line by line: a rule counts the
lines for which it holds, in an order of which it holds. Days, weekdays and times are those of the program's zone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

NOTHING = Decimal(0)
ONE = Decimal(1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OF_LINES = ("category", "brand", "sku")
TEXTS = (*OF_LINES, "channel", "store", "promotion_code", "tier")
FLAGS = ("is_gift", "is_first")
RANGES: dict[str, Callable[[Any], Any]] = {
    "order_amount": lambda said: Decimal(str(said)),
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}
FIELDS = (*TEXTS, "weekday", *FLAGS, *RANGES)
MAX_DEPTH = 6
MAX_VALUES = 1_000
MIDNIGHT = time(0)
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as rules see it: `net_amount` is what the whole line cost."""

    net_amount: Decimal
    category: str = ""
    brand: str = ""
    sku: str = ""
    quantity: Decimal = ONE


@dataclass(frozen=True, slots=True)
class Basket:
    """
    What an order consists of, or what is left of it.

    :param paid_with_points: the part of the lines' amounts that was paid with points, which earns none
    """

    lines: tuple[Line, ...]
    paid_with_points: Decimal = NOTHING
    channel: str = ""
    store: str = ""
    promotion_code: str = ""
    is_gift: bool = False

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), NOTHING)

    @property
    def paid(self) -> Decimal:
        """Return what was paid with money."""
        return max(self.net_amount - self.paid_with_points, NOTHING)


@dataclass(frozen=True, slots=True)
class Occasion:
    """
    When and by whom something was bought or done.

    :param at: when it occurred
    :param zone: the program's
    :param multiplier: of the member's tier then, 1 for none
    :param is_first: whether it is the member's first order
    :param tier: the code of the tier on which the member stood; empty for the ground
    """

    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    zone: ZoneInfo = UTC_ZONE
    multiplier: Decimal = ONE
    is_first: bool = False
    tier: str = ""

    @property
    def local(self) -> datetime:
        """Return the wall clock of the program's zone."""
        return self.at.astimezone(self.zone)


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class In:
    """A text, or the weekday, is one of some."""

    field: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Between:
    """An amount, a day or a time is within bounds; None for an open end."""

    field: str
    first: Any
    last: Any


@dataclass(frozen=True, slots=True)
class Is:
    """A flag is set, or is not."""

    field: str
    value: bool


Node = AllOf | AnyOf | Not | In | Between | Is
EVERYTHING = AllOf(())


class InvalidCondition(ValueError):
    """
    A tree that cannot be read.

    :param pointer: where, as a JSON pointer
    :param reason: a code: what is wrong there
    """

    def __init__(self, pointer: str, reason: str, **facts: Any) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer, self.reason, self.facts = pointer, reason, facts


def parse(said: Any, pointer: str = "", depth: int = 0) -> Node:
    """
    Return a condition from its JSON; an empty one holds always.

    :raises InvalidCondition: naming the place
    """
    if said in ({}, None):
        return EVERYTHING
    if not isinstance(said, Mapping):
        raise InvalidCondition(pointer, "not_an_object")
    if depth > MAX_DEPTH:
        raise InvalidCondition(pointer, "too_deep", limit=MAX_DEPTH)
    for word, made in (("all", AllOf), ("any", AnyOf)):
        if word in said:
            return made(_parts(said, word, pointer, depth))
    if "not" in said:
        _only(said, {"not"}, pointer)
        return Not(parse(said["not"], f"{pointer}/not", depth + 1))
    return _leaf(said, pointer)


def _parts(said: Mapping[str, Any], word: str, pointer: str, depth: int) -> tuple[Node, ...]:
    _only(said, {word}, pointer)
    parts = said[word]
    if not isinstance(parts, list) or not parts:
        raise InvalidCondition(f"{pointer}/{word}", "not_a_list")
    return tuple(parse(part, f"{pointer}/{word}/{place}", depth + 1) for place, part in enumerate(parts))


def _only(said: Mapping[str, Any], known: set[str], pointer: str) -> None:
    for key in said:
        if key not in known:
            raise InvalidCondition(f"{pointer}/{key}", "unknown_word", word=key)


def _leaf(said: Mapping[str, Any], pointer: str) -> Node:
    name = said.get("field")
    if name not in FIELDS:
        raise InvalidCondition(f"{pointer}/field", "unknown_field", field=name, fields=", ".join(FIELDS))
    if name in FLAGS:
        _only(said, {"field", "is"}, pointer)
        if not isinstance(said.get("is"), bool):
            raise InvalidCondition(f"{pointer}/is", "not_a_flag")
        return Is(name, said["is"])
    if name in RANGES:
        return _between(name, said, pointer)
    _only(said, {"field", "in"}, pointer)
    values = said.get("in")
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise InvalidCondition(f"{pointer}/in", "not_a_list")
    if any("\x00" in value for value in values):
        raise InvalidCondition(f"{pointer}/in", "not_a_text")
    if len(values) > MAX_VALUES:
        raise InvalidCondition(f"{pointer}/in", "too_many", limit=MAX_VALUES)
    if name == "weekday" and not set(values) <= set(WEEKDAYS):
        raise InvalidCondition(f"{pointer}/in", "not_a_weekday", weekdays=", ".join(WEEKDAYS))
    return In(name, frozenset(values))


def _between(name: str, said: Mapping[str, Any], pointer: str) -> Between:
    _only(said, {"field", "from", "to"}, pointer)
    bounds = []
    for word in ("from", "to"):
        try:
            bounds.append(RANGES[name](said[word]) if said.get(word) is not None else None)
        except (ValueError, TypeError, InvalidOperation) as error:
            raise InvalidCondition(f"{pointer}/{word}", f"not_a_{name}") from error
    if bounds == [None, None]:
        raise InvalidCondition(pointer, "no_bounds")
    return Between(name, *bounds)


def compiled(node: Node) -> Callable[[Line, Basket, Occasion], bool]:  # noqa: PLR0911 - a case each
    """Return a condition as a function of a line, its order and its occasion."""
    match node:
        case AllOf(parts):
            every = [compiled(part) for part in parts]
            return lambda *given: all(part(*given) for part in every)
        case AnyOf(parts):
            some = [compiled(part) for part in parts]
            return lambda *given: any(part(*given) for part in some)
        case Not(part):
            denied = compiled(part)
            return lambda *given: not denied(*given)
        case In(field, values):
            read = _READERS[field]
            return lambda *given: read(*given) in values
        case Is(field, value):
            read = _READERS[field]
            return lambda *given: read(*given) is value
        case Between(field, first, last):
            read = _READERS[field]
            if field == "time":
                return lambda *given: _within_hours(read(*given), first or MIDNIGHT, last)
            return lambda *given: (first is None or first <= read(*given)) and (last is None or read(*given) <= last)


_READERS: dict[str, Callable[[Line, Basket, Occasion], Any]] = {
    "category": lambda line, _basket, _occasion: line.category,
    "brand": lambda line, _basket, _occasion: line.brand,
    "sku": lambda line, _basket, _occasion: line.sku,
    "channel": lambda _line, basket, _occasion: basket.channel,
    "store": lambda _line, basket, _occasion: basket.store,
    "promotion_code": lambda _line, basket, _occasion: basket.promotion_code,
    "is_gift": lambda _line, basket, _occasion: basket.is_gift,
    "order_amount": lambda _line, basket, _occasion: basket.net_amount,
    "tier": lambda _line, _basket, occasion: occasion.tier,
    "is_first": lambda _line, _basket, occasion: occasion.is_first,
    "weekday": lambda _line, _basket, occasion: WEEKDAYS[occasion.local.weekday()],
    "date": lambda _line, _basket, occasion: occasion.local.date(),
    "time": lambda _line, _basket, occasion: occasion.local.time(),
}


def _within_hours(moment: time, first: time, last: time | None) -> bool:
    """Tell whether a time is from one to before another, which may be past midnight."""
    if last is None or last == MIDNIGHT:
        return first <= moment
    return first <= moment < last if first < last else moment >= first or moment < last


def never_holds(node: Node) -> str | None:
    """
    Return the field for which a condition contradicts itself, so that nothing ever meets it; None where it can hold.

    It looks at what must hold together, and at each alternative of it; what is denied counts as possible.
    """
    match node:
        case AnyOf(parts):
            found = [never_holds(part) for part in parts]
            return found[0] if all(found) else None
        case AllOf():
            return _contradiction(_together(node))
        case Between(field, first, last):
            empty = field != "time" and first is not None and last is not None and first > last
            return field if empty else None
        case _:
            return None


def _together(node: Node) -> Iterable[Node]:
    """Yield what must hold at the same time."""
    if isinstance(node, AllOf):
        for part in node.parts:
            yield from _together(part)
    else:
        yield node


def _contradiction(parts: Iterable[Node]) -> str | None:
    sets: dict[str, frozenset[str]] = {}
    bounds: dict[str, tuple[Any, Any]] = {}
    flags: dict[str, bool] = {}
    for part in parts:
        found = never_holds(part)
        if found:
            return found
        match part:
            case In(field, values):
                sets[field] = sets.get(field, values) & values
                if not sets[field]:
                    return field
            case Is(field, value):
                if flags.setdefault(field, value) is not value:
                    return field
            case Between(field, first, last) if field != "time":
                low, high = bounds.get(field, (None, None))
                low = max((bound for bound in (low, first) if bound is not None), default=None)
                high = min((bound for bound in (high, last) if bound is not None), default=None)
                bounds[field] = low, high
                if low is not None and high is not None and low > high:
                    return field
    return None


def leaves(node: Node) -> Iterable[In | Between | Is]:
    """Yield every leaf of a condition."""
    match node:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield node


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a condition."""
    here = {"$ref": "#/$defs/condition"}
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_VALUES}

    def of(**properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def between(name: str, bound: dict[str, Any]) -> dict[str, Any]:
        found = of(field={"const": name}, **{"from": bound, "to": bound})
        return found | {"required": ["field"], "minProperties": 2}

    return {
        "description": "What a rule asks for, line by line; empty for everything.",
        "oneOf": [
            {"type": "object", "maxProperties": 0},
            of(all={"type": "array", "items": here, "minItems": 1}) | {"required": ["all"]},
            of(any={"type": "array", "items": here, "minItems": 1}) | {"required": ["any"]},
            of(**{"not": here}) | {"required": ["not"]},
            of(field={"enum": list(TEXTS)}, **{"in": texts}) | {"required": ["field", "in"]},
            of(
                field={"const": "weekday"},
                **{"in": {"type": "array", "items": {"enum": list(WEEKDAYS)}, "minItems": 1}},
            )
            | {"required": ["field", "in"]},
            of(field={"enum": list(FLAGS)}, **{"is": {"type": "boolean"}}) | {"required": ["field", "is"]},
            between("order_amount", {"type": "string", "pattern": r"^\d+(\.\d+)?$"}),
            between("date", {"type": "string", "format": "date"}),
            between("time", {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"}),
        ],
    }
