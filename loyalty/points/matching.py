"""Conditions as SQL: which lines of recorded orders meet them, and how much they are. Reads only."""

from decimal import Decimal
from typing import Any

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.memberships.profiles import AGREED, SEGMENTS_OF
from loyalty.points.conditions import DECILES, MIDNIGHT, WEEKDAYS, AllOf, AnyOf, Between, In, Is, Node, Not

COLUMNS = {
    "category": "l.category",
    "brand": "l.brand",
    "sku": "l.sku",
    "channel": "o.channel",
    "store": "o.store",
    "promotion_code": "o.promotion_code",
    "is_gift": "o.is_gift",
    "order_amount": "o.net_amount",
    "tier": "coalesce(t.code, '')",
    # As the latest version calls it; read only where a condition asks for it.
    "plan": """coalesce((SELECT a.code FROM plans_subscription u JOIN plans_paidplan a ON a.key = u.key
        JOIN programs_programversion v ON v.id = a.version_id WHERE u.membership_id = m.id AND u.ended_at IS NULL
        AND v.status = 'published' ORDER BY v.effective_from DESC LIMIT 1), '')""",
    "is_first": """NOT EXISTS (SELECT 1 FROM customers_order e WHERE e.customer_id = o.customer_id
        AND e.occurred_at >= m.enrolled_at AND (e.occurred_at, e.id) < (o.occurred_at, o.id))""",
    "weekday": "extract(isodow FROM o.occurred_at AT TIME ZONE %(zone)s)::int",
    "date": "(o.occurred_at AT TIME ZONE %(zone)s)::date",
    "time": "(o.occurred_at AT TIME ZONE %(zone)s)::time",
}
MATCHES = """
SELECT count(DISTINCT m.id), count(DISTINCT o.id), count(*), coalesce(sum(l.net_amount), 0),
    coalesce(sum(l.quantity), 0), coalesce(sum(l.net_amount - l.unit_cost * l.quantity), 0), count(l.unit_cost)
FROM memberships_membership m
JOIN customers_order o ON o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at
JOIN customers_orderline l ON l.order_id = o.id
LEFT JOIN tiers_standing s ON s.membership_id = m.id LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE m.program_id = %(program)s AND o.local_date BETWEEN %(since)s AND %(until)s AND {condition}
    AND (%(free)s OR l.net_amount > 0) AND (%(cards)s OR NOT l.is_gift_card)
"""


@dataclass(frozen=True, slots=True)
class Matches:
    """
    What met a condition in a past.

    :param margin: of the lines whose cost is known, which `costed` counts
    """

    members: int
    orders: int
    lines: int
    amount: Decimal
    quantity: Decimal
    margin: Decimal
    costed: int


def matches(  # noqa: PLR0913 - of which past, and what of it
    condition: Node,
    *,
    program_id: int,
    zone: str,
    since: Any,
    until: Any,
    free_lines: bool = True,
    gift_cards: bool = True,
) -> Matches:
    """
    Return which lines of members' orders between two days meet a condition.

    :param free_lines: whether those count that cost nothing
    :param gift_cards: whether those count by which gift cards are bought

    A condition on the tier, the plan or the segment looks at the one that each member has today.
    """
    parameters: dict[str, Any] = {"program": program_id, "zone": zone, "since": since, "until": until}
    parameters |= {"free": free_lines, "cards": gift_cards}
    sql = to_sql(condition, parameters)
    (row,) = bulk.fetch(MATCHES.format(condition=sql), parameters)
    return Matches(*row)


def to_sql(node: Node, parameters: dict[str, Any]) -> str:  # noqa: PLR0911 - a case each
    """
    Return a condition as SQL over a line `l`, its order `o`, its member `m` and its tier `t`.

    :param parameters: gains the values that the condition names; it must hold the `zone`
    """
    match node:
        case AllOf(parts):
            return " AND ".join(f"({to_sql(part, parameters)})" for part in parts) or "true"
        case AnyOf(parts):
            return " OR ".join(f"({to_sql(part, parameters)})" for part in parts) or "false"
        case Not(part):
            return f"NOT ({to_sql(part, parameters)})"
        case In("weekday", values):
            return f"{COLUMNS['weekday']} = ANY({_bind(sorted(WEEKDAYS.index(value) + 1 for value in values), parameters)})"
        case In("segment") | Between("value_decile"):
            return _of_profile(node, parameters)
        case In(field, values):
            return f"{COLUMNS[field]} = ANY({_bind(sorted(values), parameters)})"
        case Is(field, value):
            return COLUMNS[field] if value else f"NOT ({COLUMNS[field]})"
        case Between("time", first, last):
            return _hours(first or MIDNIGHT, last, parameters)
        case Between(field, first, last):
            bounds = [f"{COLUMNS[field]} >= {_bind(first, parameters)}"] if first is not None else []
            bounds += [f"{COLUMNS[field]} <= {_bind(last, parameters)}"] if last is not None else []
            return " AND ".join(bounds)


def _of_profile(node: In | Between, parameters: dict[str, Any]) -> str:
    """Return what is asked of what is known of the customer today, where it agreed to a profile."""
    if isinstance(node, In):
        asked = f"{SEGMENTS_OF} && {_bind(sorted(node.values), parameters)}::text[]"
    else:
        first, last = node.first or DECILES[0], node.last or DECILES[-1]
        asked = f"i.value_decile BETWEEN {_bind(first, parameters)} AND {_bind(last, parameters)}"
    known = f"SELECT {asked} FROM customers_insight i WHERE i.customer_id = o.customer_id AND {AGREED}"
    return f"coalesce(({known}), false)"


def _hours(first: Any, last: Any, parameters: dict[str, Any]) -> str:
    starts = f"{COLUMNS['time']} >= {_bind(first, parameters)}"
    if last is None or last == MIDNIGHT:
        return starts
    ends = f"{COLUMNS['time']} < {_bind(last, parameters)}"
    return f"({starts} {'AND' if first < last else 'OR'} {ends})"


def _bind(value: Any, parameters: dict[str, Any]) -> str:
    name = f"c{len(parameters)}"
    parameters[name] = value
    return f"%({name})s"
