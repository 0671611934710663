"""Who gets an offer, which one of several, and until when it is good. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import day_after, local_date, midnight
from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class OfferRule:
    """
    An offer, as far as it decides who gets it.

    :param segments: of one of which a member is to be; empty for all
    :param value_from: the least decile of value, 10 is the highest; None for any
    :param excluded: segments whose members do not get it
    :param instead_id: the offer that those get instead; None for none
    :param expected_margin: what it brings for each member that it is meant for, less its cost; None where nobody knows
    :param hold_out_id: the experiment whose control does not get it; None for none
    """

    id: int
    code: str
    tiers: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    value_from: int | None = None
    value_to: int | None = None
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    instead_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    valid_days: int = 14
    again_after_days: int | None = None
    slot: str = ""
    priority: int = 10
    is_live: bool = True
    expected_margin: Decimal | None = None
    hold_out_id: UUID | None = None

    @property
    def reads_profile(self) -> bool:
        """Tell whether it asks what analytics learned of a member: then nobody has it who did not agree to that."""
        asks_value = self.value_from is not None or self.value_to is not None
        return asks_value or bool(self.segments or self.categories or self.brands or self.excluded)


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A member who may get offers, as they look at it.

    :param held_out_by: the experiments that run, and in whose control it is
    :param agrees: to offers based on a profile; without that nothing of the profile is known here
    :param granted_on: the last day on which it got an offer, by the offer's id
    :param holds: the code of the offer that it has of a slot, by the slot
    """

    zone: ZoneInfo
    tier: str = ""
    is_held_out: bool = False
    held_out_by: frozenset[UUID] = frozenset()
    agrees: bool = False
    segments: frozenset[str] = frozenset()
    value_decile: int | None = None
    category: str = ""
    brand: str = ""
    granted_on: Mapping[int, date] = field(default_factory=dict)
    holds: Mapping[str, str] = field(default_factory=dict)


class Refusal(NamedTuple):
    """Why somebody does not get an offer. :param rule: such as the segment, or the offer that it has already"""

    reason: str
    rule: str = ""


def refusal(offer: OfferRule, who: Candidate, now: datetime) -> Refusal | None:
    """Return why a member does not get an offer, whatever its budget; None where it does."""
    on = local_date(now, who.zone)
    if not offer.is_live:
        return Refusal("not_live")
    if offer.first_day is not None and on < offer.first_day:
        return Refusal("not_yet")
    if offer.last_day is not None and on > offer.last_day:
        return Refusal("no_longer")
    if who.is_held_out or offer.hold_out_id in who.held_out_by:
        return Refusal("held_out")
    return _not_for(offer, who) or _not_now(offer, who, on)


def _not_for(offer: OfferRule, who: Candidate) -> Refusal | None:
    """Return why an offer is for others."""
    if offer.tiers and who.tier not in offer.tiers:
        return Refusal("other_tier", who.tier)
    if not offer.reads_profile:
        return None
    if not who.agrees:
        return Refusal("no_profiling")
    if found := sorted(offer.excluded & who.segments):
        return Refusal("excluded", found[0])
    if offer.segments and offer.segments.isdisjoint(who.segments):
        return Refusal("other_segment")
    return _other_value(offer, who.value_decile) or _other_affinity(offer, who)


def _other_value(offer: OfferRule, decile: int | None) -> Refusal | None:
    if offer.value_from is None and offer.value_to is None:
        return None
    if decile is None or not (offer.value_from or 1) <= decile <= (offer.value_to or 10):
        return Refusal("other_value", "" if decile is None else str(decile))
    return None


def _other_affinity(offer: OfferRule, who: Candidate) -> Refusal | None:
    if not (offer.categories or offer.brands) or who.category in offer.categories or who.brand in offer.brands:
        return None
    return Refusal("other_affinity")


def _not_now(offer: OfferRule, who: Candidate, on: date) -> Refusal | None:
    """Return why a member does not get an offer yet that is for it."""
    last = who.granted_on.get(offer.id)
    if offer.again_after_days is not None and last is not None and on < last + timedelta(days=offer.again_after_days):
        return Refusal("again_after")
    if offer.slot and (other := who.holds.get(offer.slot)):
        return Refusal("slot_taken", other)
    return None


def in_turn(offers: Iterable[OfferRule]) -> list[OfferRule]:
    """Return offers that compete for one slot, the one that goes first first; of two alike the older one."""
    return sorted(offers, key=lambda offer: (-offer.priority, offer.id))


def grant_ends_at(offer: OfferRule, granted_at: datetime, zone: ZoneInfo, last_day: date | None = None) -> datetime:
    """
    Return the midnight, where the member is, with which an offer ends that is granted at an instant.

    :param last_day: on which its reward can be had; None for any
    """
    ends = [local_date(granted_at, zone) + timedelta(days=offer.valid_days), offer.last_day, last_day]
    return midnight(day_after(min(each for each in ends if each is not None)), zone)


@dataclass(frozen=True, slots=True)
class Available:
    """An offer that a member can have, what it reserves, and of which budget."""

    offer: OfferRule
    budget_id: int
    reserves: Decimal


MARGIN, PRIORITY = "margin", "priority"


class Choice(NamedTuple):
    """
    Which offer a member gets.

    :param chosen: None where no budget has room for any
    :param by: margin where it is known of all that the member could have had, else priority
    :param over: the codes of those that it could have had, too
    :param short: those for which the budget had no room, and that would have gone first
    """

    chosen: Available | None
    over: tuple[str, ...]
    short: tuple[Available, ...]
    by: str = PRIORITY


def choose(available: Iterable[Available], free: Mapping[int, Decimal]) -> Choice:
    """
    Return which of some offers a member gets: of those whose budget has room the one that is expected to bring most.

    Where it is not known of each of them what it brings, it is the first: one that was measured is no better for that.

    :param available: in turn, by priority; one that is had in two ways, as such and instead of another one, is one
    :param free: what is left of budgets, by their ids
    """
    found, by = _by_margin(list({each.offer.id: each for each in available}.values()))
    fits = [each for each in found if each.reserves <= free[each.budget_id]]
    if not fits:
        return Choice(None, (), tuple(found), by)
    chosen = fits[0]
    short = tuple(each for each in found[: found.index(chosen)])
    return Choice(chosen, tuple(each.offer.code for each in fits[1:]), short, by)


def _by_margin(found: list[Available]) -> tuple[list[Available], str]:
    """Return offers by what each is expected to bring, where that is known of all; of two alike the one that was first."""
    known = {each.offer.id: margin for each in found if (margin := each.offer.expected_margin) is not None}
    if len(known) < len(found):
        return found, PRIORITY
    return sorted(found, key=lambda each: -known[each.offer.id]), MARGIN
