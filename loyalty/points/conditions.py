"""
What an earning rule asks for, as one tree: parsed from JSON, decided in Python, counted in SQL. Pure.

A tree is `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}` or a leaf: a field with `in` (a list), `from` and `to`
(both included, but for times, whose end is not) or `is` (true or false). It is asked line by line: a rule counts the
lines for which it holds, in an order of which it holds. Days, weekdays and times are those of the program's zone.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from customers.core.texts import can_be_stored
from customers.core.values import dataclass
from loyalty.engine.basket import Basket, Line, Occasion
from loyalty.engine.profile import SEGMENTS

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OF_LINES = ("category", "brand", "sku")
TEXTS = (*OF_LINES, "channel", "store", "promotion_code", "tier", "plan")
FLAGS = ("is_gift", "is_first")
RANGES = ("order_amount", "date", "time", "value_decile")
OF_PROFILES = frozenset({"segment", "value_decile"})  # what of a member counts only where it agreed to a profile
FIELDS = (*TEXTS, "weekday", "segment", *FLAGS, *RANGES)
DECILES = range(1, 11)
MAX_DEPTH = 6
MAX_LEAVES = 200
MAX_VALUES = 1_000
MAX_AMOUNT = Decimal(1_000_000_000_000)  # what an order may cost
MAX_DECIMALS = 12
MAX_SHOWN = 50
MIDNIGHT = time(0)


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
    """A text, or the weekday, is one of some; or the member belongs to one of some segments."""

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
NEVER = AnyOf(())


class InvalidCondition(ValueError):
    """
    A tree that cannot be read.

    :param pointer: where, as a JSON pointer
    :param reason: a code: what is wrong there
    """

    def __init__(self, pointer: str, reason: str, **facts: Any) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer, self.reason, self.facts = pointer, reason, facts


def parse(said: Any) -> Node:
    """
    Return a condition from its JSON; an empty one holds always.

    Whatever it returns can be decided for any order and counted in SQL: what could not is refused here, for every way in.

    :raises InvalidCondition: naming the place
    """
    return _Reader().read(said, "", 0)


def parse_stored(said: Any) -> Node:
    """Return the condition of a published rule; one that an older release took and that means nothing is NEVER met."""
    try:
        return parse(said)
    except InvalidCondition:
        return NEVER


def to_json(node: Node) -> dict[str, Any]:  # noqa: PLR0911 - a case each
    """Return a condition as JSON in its one way of writing it, such as "50" for 50.00 and each list in order."""
    match node:
        case AllOf(parts):
            return {"all": [to_json(part) for part in parts]} if parts else {}
        case AnyOf(parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case In("weekday", values):
            return {"field": "weekday", "in": [day for day in WEEKDAYS if day in values]}
        case In(field, values):
            return {"field": field, "in": sorted(values)}
        case Is(field, value):
            return {"field": field, "is": value}
        case Between(field, first, last):
            bounds = {"from": first, "to": last}
            return {"field": field, **{word: _written(bound) for word, bound in bounds.items() if bound is not None}}


class _Reader:
    """Reads one tree, and counts its leaves."""

    def __init__(self) -> None:
        self.leaves = 0

    def read(self, said: Any, pointer: str, depth: int) -> Node:
        if said is not None and not isinstance(said, Mapping):
            raise InvalidCondition(pointer, "not_an_object")
        if said and depth > MAX_DEPTH:
            raise InvalidCondition(pointer, "too_deep", limit=MAX_DEPTH)
        for word, made in (("all", AllOf), ("any", AnyOf)):
            if said and word in said:
                return made(self.parts(said, word, pointer, depth))
        if said and "not" in said:
            _only(said, {"not"}, pointer)
            return Not(self.read(said["not"], f"{pointer}/not", depth + 1))
        self.leaves += 1
        if self.leaves > MAX_LEAVES:
            raise InvalidCondition(pointer, "too_large", limit=MAX_LEAVES)
        return _leaf(said, pointer) if said else EVERYTHING

    def parts(self, said: Mapping[str, Any], word: str, pointer: str, depth: int) -> tuple[Node, ...]:
        _only(said, {word}, pointer)
        parts = said[word]
        if not isinstance(parts, list) or not parts:
            raise InvalidCondition(f"{pointer}/{word}", "not_a_list")
        return tuple(self.read(part, f"{pointer}/{word}/{place}", depth + 1) for place, part in enumerate(parts))


def _only(said: Mapping[str, Any], known: set[str], pointer: str) -> None:
    for key in said:
        if key not in known:
            raise InvalidCondition(f"{pointer}/{_shown(key)}", "unknown_word", word=_shown(key))


def _shown(said: Any) -> str:
    """Return the beginning of what somebody wrote, in characters that every answer can carry."""
    return str(said)[:MAX_SHOWN].encode(errors="replace").decode() if isinstance(said, str | int) else "…"


def _leaf(said: Mapping[str, Any], pointer: str) -> Node:
    name = said.get("field")
    if name not in FIELDS:
        raise InvalidCondition(f"{pointer}/field", "unknown_field", field=_shown(name), fields=", ".join(FIELDS))
    if name in FLAGS:
        _only(said, {"field", "is"}, pointer)
        if not isinstance(said.get("is"), bool):
            raise InvalidCondition(f"{pointer}/is", "not_a_flag")
        return Is(name, said["is"])
    if name in RANGES:
        return _between(name, said, pointer)
    _only(said, {"field", "in"}, pointer)
    return In(name, _values(name, said.get("in"), f"{pointer}/in"))


def _values(name: str, values: Any, pointer: str) -> frozenset[str]:
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise InvalidCondition(pointer, "not_a_list")
    if not all(map(can_be_stored, values)):
        raise InvalidCondition(pointer, "not_a_text")
    if len(values) > MAX_VALUES:
        raise InvalidCondition(pointer, "too_many", limit=MAX_VALUES)
    if name == "weekday" and not set(values) <= set(WEEKDAYS):
        raise InvalidCondition(pointer, "not_a_weekday", weekdays=", ".join(WEEKDAYS))
    if name == "segment" and not set(values) <= set(SEGMENTS):
        raise InvalidCondition(pointer, "not_a_segment", segments=", ".join(SEGMENTS))
    return frozenset(values)


def _between(name: str, said: Mapping[str, Any], pointer: str) -> Between:
    _only(said, {"field", "from", "to"}, pointer)
    bounds = []
    for word in ("from", "to"):
        try:
            bounds.append(_BOUNDS[name](said[word]) if said.get(word) is not None else None)
        except (ValueError, TypeError, InvalidOperation) as error:
            raise InvalidCondition(f"{pointer}/{word}", f"not_a_{name}", limit=MAX_AMOUNT) from error
    if bounds == [None, None]:
        raise InvalidCondition(pointer, "no_bounds")
    return Between(name, *bounds)


def _amount(said: Any) -> Decimal:
    """
    Return a finite amount that an order can have.

    :raises ValueError: when it has none of its digits, or too many
    """
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise TypeError(said)
    amount = Decimal(str(said))
    decimals = amount.as_tuple().exponent
    if not isinstance(decimals, int) or amount.copy_abs() > MAX_AMOUNT or decimals < -MAX_DECIMALS:
        raise ValueError(said)
    return amount


def _wall_clock(said: Any) -> time:
    """
    Return a time of the program's zone.

    :raises ValueError: when it is none, or names a zone of its own
    """
    found = time.fromisoformat(said)
    if found.tzinfo is not None:
        raise ValueError(said)
    return found


def _decile(said: Any) -> int:
    """
    Return a decile.

    :raises ValueError: when it is none
    """
    if isinstance(said, bool) or not isinstance(said, int):
        raise TypeError(said)
    if said not in DECILES:
        raise ValueError(said)
    return said


_BOUNDS: dict[str, Callable[[Any], Any]] = {
    "order_amount": _amount,
    "date": date.fromisoformat,
    "time": _wall_clock,
    "value_decile": _decile,
}


def _written(bound: Decimal | date | time | int) -> str | int:
    if isinstance(bound, int):
        return bound
    if isinstance(bound, Decimal):
        return f"{bound.normalize():f}" if bound else "0"
    if isinstance(bound, time) and not bound.second and not bound.microsecond:
        return f"{bound:%H:%M}"
    return bound.isoformat()


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
        case In("segment", values):
            return lambda _line, _basket, occasion: not values.isdisjoint(occasion.segments)
        case In(field, values):
            read = _READERS[field]
            return lambda *given: read(*given) in values
        case Is(field, value):
            read = _READERS[field]
            return lambda *given: read(*given) is value
        case Between("value_decile", first, last):
            lowest, highest = first or DECILES[0], last or DECILES[-1]
            return lambda _line, _basket, occasion: (
                occasion.value_decile is not None and lowest <= occasion.value_decile <= highest
            )
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
    "plan": lambda _line, _basket, occasion: occasion.plan,
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
            return found[0] if found and all(found) else None
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
            case In(field, values) if field != "segment":
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
    many = {"type": "array", "items": here, "minItems": 1, "maxItems": MAX_LEAVES}

    def of(**properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def between(name: str, bound: dict[str, Any]) -> dict[str, Any]:
        found = of(field={"const": name}, **{"from": bound, "to": bound})
        return found | {"required": ["field"], "minProperties": 2}

    return {
        "description": "What a rule asks for, line by line; empty for everything.",
        "oneOf": [
            {"type": "object", "maxProperties": 0},
            of(all=many) | {"required": ["all"]},
            of(any=many) | {"required": ["any"]},
            of(**{"not": here}) | {"required": ["not"]},
            of(field={"enum": list(TEXTS)}, **{"in": texts}) | {"required": ["field", "in"]},
            of(
                field={"const": "weekday"},
                **{"in": {"type": "array", "items": {"enum": list(WEEKDAYS)}, "minItems": 1}},
            )
            | {"required": ["field", "in"]},
            of(
                field={"const": "segment"},
                **{"in": {"type": "array", "items": {"enum": list(SEGMENTS)}, "minItems": 1}},
            )
            | {"required": ["field", "in"]},
            between("value_decile", {"type": "integer", "minimum": DECILES[0], "maximum": DECILES[-1]}),
            of(field={"enum": list(FLAGS)}, **{"is": {"type": "boolean"}}) | {"required": ["field", "is"]},
            between(
                "order_amount",
                {"type": ["string", "integer"], "pattern": rf"^-?\d{{1,13}}(\.\d{{1,{MAX_DECIMALS}}})?$"},
            ),
            between("date", {"type": "string", "format": "date"}),
            between("time", {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"}),
        ],
    }
