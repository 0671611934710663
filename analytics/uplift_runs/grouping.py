"""
Ways to divide customers by what was known of them before they joined, so that nobody is sorted by what came of it.

The measurement itself divides by the quarter of joining. Beside it:

- channel: of the first order;
- segment: the type by a segment run of an earlier day; of those who joined after it, and of those who did not join;
- tier: the one that what was spent in the year before joining would have reached, of members alone, by the thresholds of the
  version in force. Tiers that are reached later say what was spent later: their effect is told by upgrades drawn at random.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.copying import read_columns
from analytics.uplift.panel import NEVER, NOBODY, Customers, Days, Group, Orders, Places
from customers.core import bulk
from customers.core.segments import SegmentType

SIZE = 250_000
MAX_CHANNELS = 8  # the largest; the others are one more
DAYS_A_YEAR = 365
NONE = -1
OTHER = ""  # of those that are not told apart, and of orders that name none
TYPES = [str(each) for each in SegmentType]

CHANNELS = """
SELECT channel FROM customers_order WHERE retailer_id = %(retailer)s AND local_date <= %(cut)s AND recorded_at <= %(known)s
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %(most)s
"""
PLACED_FIELDS = {"customer": "uuid", "place": "integer"}
SEGMENT_RUN = """
SELECT min(r.data_cut) FROM analytics_segmentrun r JOIN analytics_valuerun v ON v.id = r.run_id
WHERE r.retailer_id = %(retailer)s AND r.data_cut < %(cut)s AND v.ran_at <= %(known)s
    AND EXISTS (SELECT 1 FROM analytics_customersegment s WHERE s.run_id = r.run_id)
"""
SEGMENTS = """
SELECT s.customer_id, array_position(%(types)s::text[], s.segment::text) - 1 FROM analytics_customersegment s
WHERE s.run_id = (
    SELECT max(r.run_id) FROM analytics_segmentrun r JOIN analytics_valuerun v ON v.id = r.run_id
    WHERE r.retailer_id = %(retailer)s AND r.data_cut = %(day)s AND v.ran_at <= %(known)s
) AND s.segment = ANY(%(types)s) ORDER BY 1
"""
# Of the version in force at the cut, where tiers are reached by money.
TIERS = """
SELECT t.name, t.threshold FROM tiers_tier t JOIN tiers_tierpolicy p ON p.version_id = t.version_id
WHERE p.basis = 'spend' AND t.version_id = (
    SELECT id FROM programs_programversion WHERE program_id = %(program)s AND status = 'published'
        AND effective_from <= %(known)s ORDER BY effective_from DESC LIMIT 1
) ORDER BY t.threshold, t.rank
"""
Ids = NDArray[np.bytes_]


def channels_of(parameters: Mapping[str, Any]) -> list[str]:
    """Return the channels that are told apart, the largest first."""
    return [name for (name,) in bulk.fetch(CHANNELS, {**parameters, "most": MAX_CHANNELS}) if name]


def groups_of(parameters: Mapping[str, Any], ids: Ids, joined: Days, channel: Group) -> dict[str, Group]:
    """
    Return the ways of dividing that these customers can be divided by.

    :param parameters: of the source: retailer, program, cut, until when recorded, zone
    :param ids: of the customers, sorted
    """
    found = {
        "channel": channel,
        "segment": _segments(parameters, ids, joined),
    }
    return {name: group for name, group in found.items() if divides(group)}


def divides(group: Group) -> bool:
    """Tell whether there are two parts or more."""
    return len(np.unique(group.places[group.places != NONE])) > 1


def _segments(parameters: Mapping[str, Any], ids: Ids, joined: Days) -> Group:
    """Return the types on the first day that is kept; who had joined by then is of none."""
    ((day,),) = bulk.fetch(SEGMENT_RUN, {**parameters})
    if day is None:
        return _nobody(ids)
    placed = _placed(SEGMENTS, {**parameters, "day": day, "types": TYPES}, ids)
    before = joined <= np.datetime64(day, "D").astype(np.int64)
    return Group(TYPES, np.where(before, NONE, placed).astype(np.int32))


def tiers_of(parameters: Mapping[str, Any], customers: Customers, orders: Orders) -> Group:
    """Return the tier that each member's spend in the year before joining would have reached; the first label is none."""
    tiers = bulk.fetch(TIERS, {"program": parameters["program"], "known": parameters["known"]})
    places = np.full(len(customers), NONE, np.int32)
    if not tiers:
        return Group([], places)
    linked = orders.customer != NOBODY
    who, day, value = orders.customer[linked], orders.day[linked], orders.value[linked]
    joined = customers.joined[who].astype(np.int64)
    before = (day < joined) & (day >= joined - DAYS_A_YEAR) & (joined != NEVER)
    spent = np.bincount(who[before], weights=value[before], minlength=len(customers))
    reached = np.searchsorted([float(threshold) for _name, threshold in tiers], spent, side="right")
    members = customers.joined != NEVER
    places[members] = reached[members]
    return Group([OTHER, *(name for name, _threshold in tiers)], places)


def _placed(sql: str, parameters: Mapping[str, Any], ids: Ids) -> Places:
    """Return the place that a statement gives each customer, or NONE."""
    places = np.full(len(ids), NONE, np.int32)
    for block in read_columns(sql, parameters, PLACED_FIELDS, SIZE):
        who = np.ascontiguousarray(block["customer"]).view("S16")
        at = np.minimum(np.searchsorted(ids, who), len(ids) - 1)
        known = ids[at] == who
        places[at[known]] = block["place"][known]
    return places


def _nobody(ids: Ids) -> Group:
    return Group([], np.full(len(ids), NONE, np.int32))
