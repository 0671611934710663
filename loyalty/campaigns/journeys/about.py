"""
What entries are about, as it is now: what their texts may say of it, and whether it is still true.

Looked at with each step: a tier that was reached, points that were spent and an order that came back are not written about.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from itertools import groupby
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.money import written
from customers.models import Retailer
from loyalty.activity.published import tiers_of
from loyalty.activity.tier_counts import When
from loyalty.campaigns.journeys.open_entries import OpenEntry
from loyalty.campaigns.journeys.tier_gaps import gaps
from loyalty.campaigns.journeys.versions import published
from loyalty.campaigns.messages.loading import KEPT
from loyalty.campaigns.rules.tier_gaps import TierGap
from loyalty.campaigns.rules.triggers import LAPSING, LOYAL, PROSPECT, parameter, word, years_between
from loyalty.points.ends import ENDS_AT
from loyalty.programs.models import Program

EXPIRING = f"""
SELECT m.customer_id, k.day, sum(l.available)::bigint FROM memberships_membership m
JOIN points_wallet w ON w.membership_id = m.id AND w.code = 'points' JOIN points_lot l ON l.wallet_id = w.id
JOIN programs_program p ON p.id = m.program_id JOIN customers_retailer s ON s.id = m.retailer_id
JOIN (SELECT unnest(%b::uuid[]) AS customer_id, unnest(%b::bigint[]) AS program_id, unnest(%b::date[]) AS day) k
    ON k.customer_id = m.customer_id AND k.program_id = m.program_id
WHERE l.available > 0 AND ({ENDS_AT} AT TIME ZONE coalesce(nullif(p.zone, ''), s.zone))::date - 1 = k.day GROUP BY 1, 2
"""
JOINED = """
SELECT m.customer_id, (m.enrolled_at AT TIME ZONE %s)::date FROM memberships_membership m
WHERE m.program_id = %s AND m.customer_id = ANY(%s)
"""
KEPT_ORDERS = f"""
SELECT o.customer_id, o.number FROM customers_order o
WHERE o.retailer_id = %s AND o.customer_id = ANY(%s) AND {KEPT.format(order="o")}
"""
SEGMENT = "SELECT customer_id FROM customers_insight WHERE customer_id = ANY(%s) AND segment = %s"
STAGE = "SELECT customer_id FROM customers_insight WHERE customer_id = ANY(%s) AND life_stage = %s"
# By the plan with which the next period begins.
RENEWING = """
SELECT m.customer_id, s.end_day, p.name, p.name_fr
FROM plans_subscription s JOIN memberships_membership m ON m.id = s.membership_id
CROSS JOIN LATERAL (
    SELECT p.name, p.name_fr FROM plans_paidplan p JOIN programs_programversion v ON v.id = p.version_id
    WHERE p.key = CASE WHEN s.next_key IS NULL THEN s.key ELSE s.next_key END
        AND v.program_id = s.program_id AND v.status = 'published'
    ORDER BY v.effective_from DESC LIMIT 1
) p
WHERE s.program_id = %s AND m.customer_id = ANY(%s) AND s.ended_at IS NULL AND s.status IN ('trial', 'active') AND NOT s.cancels
"""
UNBROKEN = "\u00a0"  # between an amount and its currency no line ends
Values = dict[str, Any]
Facts = dict[UUID, Values | None]
Said = Callable[[Sequence[OpenEntry], Mapping[str, Any], datetime], Facts]


def facts_of(entries: Iterable[OpenEntry], now: datetime) -> Facts:
    """
    Return what entries may say of what they are about, by their ids: None where it is not true any more.

    All of them are answered for: what nobody can say anything of is not true.
    """
    found: Facts = {}
    ordered = sorted(entries, key=lambda entry: (entry.version_id, entry.program_id))
    for version_id, group in groupby(ordered, key=lambda entry: entry.version_id):
        own, trigger = list(group), published(version_id).trigger
        say = SAID.get(trigger["kind"])
        found |= dict.fromkeys((entry.id for entry in own), None) | (say(own, trigger, now) if say else _nothing(own))
    return found


def _nothing(entries: Iterable[OpenEntry]) -> Facts:
    return {entry.id: {} for entry in entries}


def _in_languages(name: str, name_fr: str) -> dict[str, str]:
    return {Retailer.Language.ENGLISH: name, Retailer.Language.FRENCH: name_fr or name}


def _day(entry: OpenEntry) -> str:
    return entry.about.isoformat() if entry.about else ""


def _of_day(name: str) -> Said:
    """Return what says nothing but the day, and is true for ever."""
    return lambda entries, _trigger, _now: {entry.id: {name: _day(entry)} for entry in entries}


def _of_cart(entries: Sequence[OpenEntry], _trigger: Mapping[str, Any], _now: datetime) -> Facts:
    return {entry.id: {"cart": entry.occurrence.removeprefix("cart:")} for entry in entries}


def _of_anniversary(entries: Sequence[OpenEntry], _trigger: Mapping[str, Any], _now: datetime) -> Facts:
    program = _program(entries)
    joined = dict(bulk.fetch(JOINED, [str(program.tzinfo), program.pk, _customers(entries)]))

    def say(entry: OpenEntry) -> Values:
        assert entry.about is not None, "an anniversary is a day"
        return {"anniversary_on": _day(entry), "years": years_between(joined[entry.customer_id], entry.about)}

    return {entry.id: say(entry) for entry in entries if entry.customer_id in joined}


def _of_expiry(entries: Sequence[OpenEntry], trigger: Mapping[str, Any], _now: datetime) -> Facts:
    rows = bulk.fetch(EXPIRING, bulk.columns_of((e.customer_id, e.program_id, e.about) for e in entries))
    points = {(customer, day): number for customer, day, number in rows}

    def say(entry: OpenEntry) -> Values | None:
        left = points.get((entry.customer_id, entry.about), 0)
        is_enough = left >= parameter(trigger, "points")
        return {"expires_on": _day(entry), "expiring_points": left} if is_enough else None

    return {entry.id: say(entry) for entry in entries}


def _of_tier(entries: Sequence[OpenEntry], trigger: Mapping[str, Any], now: datetime) -> Facts:
    program = _program(entries)
    today = local_date(now, program.tzinfo)
    found = gaps(program, trigger, When(today, today, now), only=_customers(entries))
    known = {(customer, gap.occurrence): (version_id, gap) for customer, version_id, gap in found}

    def say(entry: OpenEntry) -> Values | None:
        if (entry.customer_id, entry.occurrence) not in known:
            return None
        version_id, gap = known[entry.customer_id, entry.occurrence]
        tier = tiers_of(version_id)[gap.tier.id]
        said = {"tier_missing": missing_in_words(gap, program.retailer.currency)}
        own = {"keeps_through": _day(entry)} if gap.about else {"next_tier": _in_languages(tier.name, tier.name_fr)}
        return {**said, **own}

    return {entry.id: say(entry) for entry in entries}


def missing_in_words(gap: TierGap, currency: str) -> dict[str, str]:
    """Return what is missing for a tier as people read it, by language."""
    found = {}
    for language in Retailer.Language.values:
        with translation.override(language):
            join = _("%(first)s or %(second)s") if gap.is_any else _("%(first)s and %(second)s")
            parts = [_amount_in_words(basis, amount, currency) for basis, amount in gap.missing]
            found[language] = _joined(parts, join)
    return found


def _joined(parts: Sequence[str], join: str) -> str:
    return reduce(lambda one, other: join % {"first": one, "second": other}, parts)


def _amount_in_words(basis: str, amount: Any, currency: str) -> str:
    if basis == "spend":
        return written(amount, currency).replace(" ", UNBROKEN)
    number = int(amount)
    words = {
        "orders": ngettext("%(number)s order", "%(number)s orders", number),
        "visits": ngettext("%(number)s visit", "%(number)s visits", number),
    }.get(basis, ngettext("%(number)s point", "%(number)s points", number))
    return words % {"number": number_format(number)}


def _of_order(entries: Sequence[OpenEntry], _trigger: Mapping[str, Any], _now: datetime) -> Facts:
    kept = _kept_orders(entries)

    def say(entry: OpenEntry) -> Values | None:
        number = entry.occurrence.removeprefix("order:")
        return {"order": number, "order_on": _day(entry)} if number in kept.get(entry.customer_id, ()) else None

    return {entry.id: say(entry) for entry in entries}


def _of_first_order(entries: Sequence[OpenEntry], _trigger: Mapping[str, Any], _now: datetime) -> Facts:
    kept = _kept_orders(entries)
    return {entry.id: {"order_on": _day(entry)} if entry.customer_id in kept else None for entry in entries}


def _of_vip(entries: Sequence[OpenEntry], _trigger: Mapping[str, Any], _now: datetime) -> Facts:
    still = {key for (key,) in bulk.fetch(SEGMENT, [_customers(entries), "vip_at_risk"])}
    return {entry.id: {"last_order_on": _day(entry)} if entry.customer_id in still else None for entry in entries}


def _of_stage(entries: Sequence[OpenEntry], trigger: Mapping[str, Any], _now: datetime) -> Facts:
    stage = word(trigger, "stage")
    computed = {LOYAL: "established", LAPSING: "overdue"}
    if stage in computed:
        still = {key for (key,) in bulk.fetch(STAGE, [_customers(entries), computed[stage]])}
        return {entry.id: {} if entry.customer_id in still else None for entry in entries}
    kept = _kept_orders(entries)
    return {entry.id: {} if (entry.customer_id in kept) == (stage != PROSPECT) else None for entry in entries}


def _of_renewal(entries: Sequence[OpenEntry], _trigger: Mapping[str, Any], _now: datetime) -> Facts:
    rows = bulk.fetch(RENEWING, [entries[0].program_id, _customers(entries)])
    plans = {(customer, day): _in_languages(name, name_fr) for customer, day, name, name_fr in rows}

    def say(entry: OpenEntry) -> Values | None:
        plan = plans.get((entry.customer_id, entry.about))
        return None if plan is None else {"plan": plan, "renews_on": _day(entry)}

    return {entry.id: say(entry) for entry in entries}


def _kept_orders(entries: Sequence[OpenEntry]) -> dict[UUID, set[str]]:
    """Return the numbers of the orders of which something stayed, by customer."""
    found: dict[UUID, set[str]] = {}
    for customer, number in bulk.fetch(KEPT_ORDERS, [_program(entries).retailer_id, _customers(entries)]):
        found.setdefault(customer, set()).add(number)
    return found


def _customers(entries: Sequence[OpenEntry]) -> list[UUID]:
    return [entry.customer_id for entry in entries]


def _program(entries: Sequence[OpenEntry]) -> Program:
    """Return the program of the entries of a version: they are of one."""
    return Program.objects.select_related("retailer").get(pk=entries[0].program_id)


SAID: Mapping[str, Said] = {
    "cart": _of_cart,
    "first_order": _of_first_order,
    "birthday": _of_day("birthday_on"),
    "anniversary": _of_anniversary,
    "points_expiring": _of_expiry,
    "tier_within_reach": _of_tier,
    "tier_at_risk": _of_tier,
    "lapsed": _of_day("last_order_on"),
    "vip_at_risk": _of_vip,
    "contact": _of_day("contact_on"),
    "review": _of_order,
    "plan_renewal": _of_renewal,
    "life_stage": _of_stage,
}
