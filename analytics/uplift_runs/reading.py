"""
A retailer's past as columns, for one program: who bought when for how much, and who joined when.

By binary COPY, in one order, so that ten million orders become arrays without an object for any of them. What counts is what
was recorded until an instant and had happened by the cut, so that the same can be read again later.

The net value of an order is what was paid for it with money, less what came back of it; its margin is that of
`analytics.margins`, by the retailer's rate where costs are not known, else by the share that the known ones leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import numpy as np
from django.db import transaction

from analytics.copying import read_columns
from analytics.margins import margin, rate_of_goods
from analytics.statistics import AS_RECORDED_THEN, BACK, COSTS, give_memory, has_costs, with_money
from analytics.uplift.panel import NEVER, NOBODY, Customers, Floats, Group, Orders, Panel, Places
from analytics.uplift_runs.grouping import OTHER, Ids, channels_of, divides, groups_of, tiers_of
from analytics.uplift_runs.models import UpliftRun
from customers.core import bulk
from customers.models import Retailer
from loyalty.programs.models import Program

SIZE = 250_000  # rows of a block
NEARLY_ALL = 0.995
TELLS = 0.9  # of the linked orders say how: a retailer that says it of fewer does not report it

FIELDS = {
    "customer": "uuid", "day": "integer", "seconds": "double precision", "value": "double precision",
    "paid": "double precision", "costed": "double precision", "cost": "double precision", "of_member": "boolean",
    "tells": "boolean", "channel": "integer",
}  # fmt: skip
# The unlinked come first: no customer's id is all zeros.
ORDERS = """
WITH {tables}
SELECT coalesce(o.customer_id, '00000000-0000-0000-0000-000000000000'::uuid), o.local_date - date '1970-01-01',
    extract(epoch FROM o.occurred_at)::float8, m.value::float8, m.paid::float8, m.costed::float8, m.cost::float8,
    lower(o.identified_by) = ANY(%(codes)s), o.identified_by <> '',
    coalesce(array_position(%(channels)s::text[], o.channel::text), cardinality(%(channels)s::text[]) + 1) - 1
FROM customers_order o {money}
WHERE o.retailer_id = %(retailer)s AND o.local_date <= %(cut)s AND o.recorded_at <= %(known)s
ORDER BY 1, o.occurred_at, o.id
"""
# A merged customer's membership is that of the customer who it turned out to be; who came back joined when it first did.
JOINED_FIELDS = {"customer": "uuid", "day": "integer", "seconds": "double precision", "left": "boolean"}
JOINED = """
WITH spells AS (
    SELECT m.id, m.enrolled_at, m.left_at FROM memberships_membership m WHERE m.program_id = %(program)s
    UNION ALL
    SELECT p.membership_id, p.enrolled_at, p.left_at FROM memberships_membershipperiod p
    JOIN memberships_membership m ON m.id = p.membership_id WHERE m.program_id = %(program)s
), began AS (
    SELECT coalesce(c.merged_into_id, c.id) AS customer_id, s.enrolled_at AS at,
        m.merged_into_id IS NULL AND s.left_at <= %(known)s AND (s.left_at AT TIME ZONE %(zone)s)::date <= %(cut)s AS has_left
    FROM spells s JOIN memberships_membership m ON m.id = s.id JOIN customers_customer c ON c.id = m.customer_id
    WHERE m.recorded_at <= %(known)s AND (s.enrolled_at AT TIME ZONE %(zone)s)::date <= %(cut)s AND s.enrolled_at <= %(known)s
)
SELECT customer_id, (min(at) AT TIME ZONE %(zone)s)::date - date '1970-01-01', extract(epoch FROM min(at))::float8,
    bool_and(coalesce(has_left, false))
FROM began GROUP BY 1 ORDER BY 1
"""
SPAN = """
SELECT min(local_date), max(local_date) FROM customers_order
WHERE retailer_id = %(retailer)s AND customer_id IS NOT NULL AND recorded_at <= %(known)s
"""
COUNTED = "SELECT count(*) FROM customers_order WHERE retailer_id = %(retailer)s AND recorded_at <= %(known)s"


@dataclass(frozen=True)
class Source:
    """
    What is read: whose orders, of which program, until when, and as recorded until when.

    :param codes: of `identified_by`, in small letters: those by which only a member's order is known
    """

    retailer: Retailer
    program: Program
    cut: date
    known_at: datetime
    codes: Sequence[str]

    def parameters(self) -> dict[str, Any]:
        return {
            "retailer": self.retailer.pk, "program": self.program.pk, "zone": self.retailer.zone, "cut": self.cut,
            "known": self.known_at, "codes": [code.lower() for code in self.codes],
        }  # fmt: skip


@dataclass(frozen=True)
class Read:
    """
    A past that was read.

    :param digest: of all its numbers: two readings of the same data have the same
    :param basis: what its margin is
    :param left: how many who joined have left since: they stay members here, as they were asked in
    """

    panel: Panel
    digest: str
    basis: UpliftRun.MarginBasis
    left: int


@dataclass(frozen=True)
class _Bought:
    """Orders as they come, the ids of those who made them, each once, and the channels of their first ones."""

    ids: Ids
    channels: Places
    orders: Orders
    tells: int  # linked orders that say how they were linked


def span(retailer: Retailer, known_at: datetime) -> tuple[date, date] | None:
    """Return the first and the last day with an order of a known customer; None where there is none."""
    ((first, last),) = bulk.fetch(SPAN, {"retailer": retailer.pk, "known": known_at})
    return (first, last) if first else None


def orders_known(retailer: Retailer, known_at: datetime) -> int:
    """Return how many orders were recorded by an instant, whoever made them."""
    ((count,),) = bulk.fetch(COUNTED, {"retailer": retailer.pk, "known": known_at})
    return int(count)


def read(source: Source) -> Read | None:
    """Return a retailer's past for one program; None where nothing was bought by then."""
    with transaction.atomic():
        give_memory()
        channels = channels_of(source.parameters())
        bought, basis = _orders(source, channels)
        if bought is None:
            return None
        joined = _rows(JOINED, source, JOINED_FIELDS)
    ids, places = _everybody(bought.ids, _ids(joined))
    orders = _placed(bought, places[: len(bought.ids)])
    days, seconds = np.full(len(ids), NEVER, np.int32), np.full(len(ids), np.nan)
    members = places[len(bought.ids) :]
    days[members], seconds[members] = joined["day"], joined["seconds"]
    channel = _first_channels(bought, places, len(ids), channels)
    customers = _customers(source, ids, Customers(days, seconds, np.maximum(channel.places, 0)), channel, orders)
    linked = int(np.count_nonzero(orders.customer != NOBODY))
    panel = Panel(
        customers, orders, first=int(orders.day.min()), cut=_day(source.cut),
        identification_known=linked > 0 and bought.tells >= TELLS * linked,
    )  # fmt: skip
    return Read(panel, digest_of(panel), basis, int(joined["left"].sum()))


def _customers(source: Source, ids: Ids, plain: Customers, channel: Group, orders: Orders) -> Customers:
    """Return customers with the ways of dividing them; they are compared within the channel of their first order."""
    groups = groups_of(source.parameters(), ids, plain.joined, channel)
    tier = tiers_of(source.parameters(), plain, orders)
    return replace(plain, groups=groups | {"tier": tier} if divides(tier) else groups)


def _first_channels(bought: "_Bought", places: Places, count: int, channels: Sequence[str]) -> Group:
    """Return the channel of each customer's first order, the last label being that of all others."""
    first = np.full(count, -1, np.int32)
    buyers = places[: len(bought.ids)]
    known = buyers != NOBODY
    first[buyers[known]] = bought.channels[known]
    others = np.any(first == len(channels))
    return Group([*channels, *[OTHER][: int(others)]], first)


def digest_of(panel: Panel) -> str:
    """Return a hash of all numbers of a past."""
    found = sha256(f"{panel.first} {panel.cut} {panel.identification_known}".encode())
    who, what = panel.customers, panel.orders
    for column in (who.joined, who.seconds, who.stratum, what.customer, what.day, what.seconds, what.value, what.margin,
                   what.membership_only):  # fmt: skip
        found.update(np.ascontiguousarray(column).data)
    for name, group in sorted(who.groups.items()):
        found.update(f"{name} {list(group.labels)}".encode())
        found.update(np.ascontiguousarray(group.places).data)
    return found.hexdigest()


def _rows(sql: str, source: Source, kinds: dict[str, str]) -> Any:
    found = list(read_columns(sql, source.parameters(), kinds, SIZE))
    if found:
        return np.concatenate(found)
    return np.empty(0, dtype=[(name, "V16" if kind == "uuid" else np.int32) for name, kind in kinds.items()])


def _orders(source: Source, channels: Sequence[str]) -> tuple[_Bought | None, UpliftRun.MarginBasis]:
    knows_costs = has_costs(source.retailer)
    sql = ORDERS.format(
        tables=", ".join(each.format(**AS_RECORDED_THEN) for each in ((BACK, COSTS) if knows_costs else (BACK,))),
        money=with_money(knows_costs=knows_costs),
    )  # fmt: skip
    gathered = _Gathered(with_costs=knows_costs)
    for block in read_columns(sql, source.parameters() | {"channels": list(channels)}, FIELDS, SIZE):
        gathered.add(block)
    if not gathered.parts:
        return None, UpliftRun.MarginBasis.NONE
    columns = [np.concatenate(column) for column in zip(*gathered.parts, strict=True)]
    gathered.parts.clear()
    who, day, seconds, of_member, value, paid, *costs = columns
    brought, basis = _margin(source.retailer, value, paid, *costs)
    orders = Orders(who, day, seconds, value, brought, of_member)
    return _Bought(np.concatenate(gathered.ids), np.concatenate(gathered.channels), orders, gathered.tells), basis


class _Gathered:
    """Blocks of orders in the order of their customers, who get a number each as they come."""

    def __init__(self, *, with_costs: bool) -> None:
        self.money = ("value", "paid", "costed", "cost") if with_costs else ("value", "paid")
        self.ids: list[Ids] = []
        self.channels: list[Places] = []
        self.parts: list[tuple[Any, ...]] = []
        self.tells = 0
        self._last, self._count = b"", -1

    def add(self, block: Any) -> None:
        who = np.ascontiguousarray(block["customer"]).view("S16")
        begins = np.concatenate([[who[0] != self._last or self._count < 0], who[1:] != who[:-1]])
        places = (self._count + np.cumsum(begins)).astype(np.int32)
        self._last, self._count = who[-1], int(places[-1])
        linked = who != b""
        self.ids.append(who[begins])
        self.channels.append(block["channel"][begins].astype(np.int32))
        self.tells += int(np.count_nonzero(block["tells"] & linked))
        money = [block[name].astype(np.float64) for name in self.money]
        self.parts.append((
            places, block["day"].astype(np.int32), block["seconds"].astype(np.float64), block["of_member"] & linked, *money,
        ))  # fmt: skip


def _margin(
    retailer: Retailer, value: Floats, paid: Floats, costed: Floats | float = 0.0, cost: Floats | float = 0.0
) -> tuple[Floats, UpliftRun.MarginBasis]:
    """Return what of each order is margin, and by what; all of it where nothing is known."""
    basis, known = UpliftRun.MarginBasis, None if retailer.margin_rate is None else float(retailer.margin_rate)
    whole = float(np.sum(costed))
    rate = rate_of_goods(known, costed=whole, cost=float(np.sum(cost)))
    if rate is None:
        return value, basis.NONE
    found = basis.RATE if whole <= 0 else basis.COSTS_EXTENDED if known is None else basis.COSTS_AND_RATE
    if whole > 0 and whole >= NEARLY_ALL * float(value.sum() + paid.sum()):
        found = basis.COSTS
    return margin(value=value, paid=paid, costed=costed, cost=cost, rate=rate), found


def _everybody(buyers: Ids, members: Ids) -> tuple[Ids, Places]:
    """Return all who bought or joined, sorted, and where the buyers and then the members stand among them; nobody is NOBODY."""
    ids = np.union1d(buyers[buyers != b""], members)
    places = np.searchsorted(ids, np.concatenate([buyers, members])).astype(np.int32)
    places[: len(buyers)][buyers == b""] = NOBODY
    return ids, places


def _placed(bought: _Bought, places: Places) -> Orders:
    found = bought.orders
    return Orders(places[found.customer], found.day, found.seconds, found.value, found.margin, found.membership_only)


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _ids(rows: Any) -> Ids:
    return np.ascontiguousarray(rows["customer"]).view("S16")
