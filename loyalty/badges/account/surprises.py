"""
Surprises: points for members drawn by lot, within a budget.

A member's lot is the SHA-256 of the seed and its number; the smallest lots win. So the draw can be made again by anybody, and
what was drawn is kept beside it: who was a candidate, with which lot, at which place. Gifts are given from what was drawn, by
as many workers as there are, each gift once.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.activity.arms import withheld_among
from loyalty.activity.nightly import advance_due, give_waiting
from loyalty.activity.versions import versions_of
from loyalty.badges.models import Surprise, SurpriseTicket
from loyalty.memberships.profiles import profiles_of
from loyalty.points import granting
from loyalty.points.loading.wallets import codes_of
from loyalty.points.state import SURPRISES, GrantAsked
from loyalty.programs.models import Program

BATCH = 200
Missed = SurpriseTicket.Missed
CANDIDATES = """
SELECT m.id, m.number FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND m.enrolled_at <= %(now)s AND c.erased_at IS NULL
    AND (%(members)s::text[] = '{}' OR m.number = ANY(%(members)s))
    AND (%(tiers)s::text[] = '{}' OR EXISTS (
        SELECT 1 FROM tiers_standing s JOIN tiers_tier t ON t.id = s.tier_id
        WHERE s.membership_id = m.id AND t.code = ANY(%(tiers)s)))
    AND (%(since)s::timestamptz IS NULL OR EXISTS (
        SELECT 1 FROM activity_orderdecision d JOIN customers_order o ON o.id = d.order_id
        WHERE d.membership_id = m.id AND d.is_kept AND o.occurred_at >= %(since)s))
ORDER BY m.id
"""
# A gift for a membership that was merged goes to the one that stays, as all that waits for it.
NEXT = """
SELECT t.id, t.membership_id, m.id, m.left_at IS NULL AND c.erased_at IS NULL FROM badges_surpriseticket t
JOIN memberships_membership a ON a.id = t.membership_id
JOIN memberships_membership m ON m.id = CASE WHEN a.merged_into_id IS NULL THEN a.id ELSE a.merged_into_id END
JOIN customers_customer c ON c.id = m.customer_id
WHERE t.surprise_id = %s AND t.is_drawn AND t.given_at IS NULL AND t.missed_at IS NULL
ORDER BY t.place LIMIT %s FOR UPDATE OF t SKIP LOCKED
"""
GIVEN = "UPDATE badges_surpriseticket SET given_at = %s WHERE id = ANY(%s)"
MISSED = "UPDATE badges_surpriseticket SET missed_at = %s, missed_because = %s WHERE id = ANY(%s)"


class NobodyToSurprise(DomainError):
    code = "nobody_to_surprise"
    kind = Kind.CONFLICT
    message = _("No member is a candidate of “{surprise}”.")


class NoWalletForIt(DomainError):
    code = "no_such_wallet"
    kind = Kind.INVALID
    message = _("The program {program} has no wallet “{wallet}”. It has: {known}.")


class NotDrawn(DomainError):
    code = "not_drawn"
    kind = Kind.CONFLICT
    message = _("“{surprise}” has not been drawn yet.")


@dataclass(frozen=True, slots=True)
class Explained:
    """
    A draw made again from its seed and its candidates.

    :param missed: how many gifts were not given, because their members had left, or got nothing extra, by then
    :param points: of all that were given, or will be
    :param is_as_drawn: whether that gives the very same lots, places and winners
    :param drawn: the numbers of the members who were drawn, in the order of their lots
    """

    candidates: int
    gifts: int
    missed: int
    points: int
    is_as_drawn: bool
    drawn: tuple[str, ...]


def lot_of(seed: int, number: str) -> str:
    """Return a member's lot: 64 hexadecimal digits."""
    return hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()


def placed(seed: int, numbers: Iterable[str]) -> list[tuple[str, str]]:
    """Return lots with the numbers of whose they are, in the order of the draw."""
    return sorted((lot_of(seed, number), number) for number in numbers)


def require_wallet(program: Program, wallet: str) -> None:
    """
    Refuse a wallet that members of a program do not have.

    :raises NoWalletForIt: then
    """
    known = codes_of(versions_of([program.pk])[program.pk].versions)
    if wallet not in known:
        raise NoWalletForIt(program=program.slug, wallet=wallet, known=", ".join(sorted(known)))


def draw(surprise: Surprise, *, author: str, now: datetime) -> int:
    """
    Draw by lot who is given something, once; return how many are.

    Of a surprise for tiers, what time alone changes is carried out before: a tier that has ended makes nobody a candidate.

    :raises NobodyToSurprise: when there is no candidate
    :raises NoWalletForIt: when members have no such wallet
    """
    if surprise.tiers and surprise.status == Surprise.Status.DRAFT:
        day = local_date(now, surprise.program.tzinfo)
        advance_due(surprise.program, day=day, until=now, now=now)
    return _draw(surprise, author, now)


@transaction.atomic
def _draw(surprise: Surprise, author: str, now: datetime) -> int:
    row = Surprise.objects.select_for_update().get(pk=surprise.pk)
    if row.status != Surprise.Status.DRAFT:
        return row.tickets.filter(is_drawn=True).count()
    require_wallet(row.program, row.wallet)
    members = dict(_candidates(row, now))
    if not members:
        raise NobodyToSurprise(surprise=row.code)
    by_number = {number: key for key, number in members.items()}
    lots = placed(row.seed, by_number)
    rows = [
        (row.retailer_id, row.pk, by_number[number], number, lot, place, place <= row.gifts)
        for place, (lot, number) in enumerate(lots, start=1)
    ]
    columns = ("retailer_id", "surprise_id", "membership_id", "number", "lot", "place", "is_drawn")
    bulk.insert(SurpriseTicket, columns, rows)
    row.status, row.candidates, row.drawn_at, row.drawn_by = Surprise.Status.DRAWN, len(rows), now, author
    row.save(update_fields=["status", "candidates", "drawn_at", "drawn_by"])
    return min(row.gifts, len(rows))


def _candidates(row: Surprise, now: datetime) -> list[tuple[UUID, str]]:
    """Return who may be drawn, ids with numbers: who gets nothing extra would take a gift from the others."""
    since = now - timedelta(days=row.bought_within_days) if row.bought_within_days is not None else None
    found = bulk.fetch(
        CANDIDATES,
        {"program": row.program_id, "now": now, "members": list(row.members), "tiers": list(row.tiers), "since": since},
    )
    versions = versions_of([row.program_id])[row.program_id]
    outside = withheld_among(versions, lambda: [key for key, _number in found], at=now)
    found = [(key, number) for key, number in found if key not in outside]
    if not row.segments:
        return found
    profiles = profiles_of([key for key, _number in found])
    named = {key for key, profile in profiles.items() if not profile.segments.isdisjoint(row.segments)}
    return [(key, number) for key, number in found if key in named]


def give(surprise: Surprise, *, now: datetime) -> int:
    """
    Give what was drawn and is not given yet, in batches that each commit by themselves; return how many this call gave.

    Several may do it at once: each gift is given once, and together never more than were drawn.

    :raises NotDrawn: before the draw
    """
    row = Surprise.objects.get(pk=surprise.pk)
    if row.status == Surprise.Status.DRAFT:
        raise NotDrawn(surprise=row.code)
    given = 0
    while (some := _give_some(row, now)) is not None:
        given += some
    # Who finds nothing left may be the last one, or others may be at work still: the last one says so.
    Surprise.objects.filter(pk=row.pk).exclude(
        tickets__in=SurpriseTicket.objects.filter(surprise=row, is_drawn=True, given_at=None, missed_at=None)
    ).update(status=Surprise.Status.GIVEN)
    return given


class _Drawn(NamedTuple):
    """A lot that was drawn, of which membership, and which one has what it had by now."""

    ticket: int
    drawn_id: UUID
    membership_id: UUID
    is_member: bool


@transaction.atomic
def _give_some(row: Surprise, now: datetime) -> int | None:
    """Give some of what was drawn; return to how many, and None where nothing is left."""
    found = [_Drawn(*each) for each in bulk.fetch(NEXT, [row.pk, BATCH])]
    if not found:
        return None
    missed = _missed(row, found, now)
    given = [each for each in found if each.ticket not in missed]
    granting.ask([_asked(row, each, now) for each in given], now=now)
    bulk.execute(GIVEN, [now, [each.ticket for each in given]])
    for why in sorted(set(missed.values())):
        bulk.execute(MISSED, [now, why.value, [ticket for ticket, because in missed.items() if because is why]])
    give_waiting({each.membership_id for each in given}, now=now)
    return len(given)


def _missed(row: Surprise, found: Sequence[_Drawn], now: datetime) -> dict[int, Missed]:
    """Return, by their lots, who is given nothing after all: who has left since, was erased, or gets nothing extra by now."""
    versions = versions_of([row.program_id])[row.program_id]
    outside = withheld_among(versions, lambda: [each.membership_id for each in found], at=now)
    missed = {each.ticket: Missed.WITHHELD for each in found if each.membership_id in outside}
    return missed | {each.ticket: Missed.LEFT for each in found if not each.is_member}


def _asked(row: Surprise, drawn: _Drawn, now: datetime) -> GrantAsked:
    cause = f"surprise:{row.pk}:{drawn.ticket}"  # of two memberships that became one each is given its own
    said = {"surprise": row.code, "name": row.name, "name_fr": row.name_fr}
    return GrantAsked(
        new_id(), row.retailer_id, drawn.membership_id, SURPRISES, row.wallet, row.points, cause, now, said
    )


def explain(surprise: Surprise) -> Explained:
    """
    Make a draw again from its seed and its candidates, and compare; of who was erased since, the lot alone is known.

    :raises NotDrawn: before the draw
    """
    tickets = list(surprise.tickets.order_by("place"))
    if not tickets:
        raise NotDrawn(surprise=surprise.code)
    again = placed(surprise.seed, (ticket.number for ticket in tickets if ticket.number))
    again = sorted([*again, *((ticket.lot, "") for ticket in tickets if not ticket.number)])
    stored = [(ticket.lot, ticket.number) for ticket in tickets]
    drawn = tuple(ticket.number for ticket in tickets if ticket.is_drawn)
    winners = tuple(number for _lot, number in again[: surprise.gifts])
    missed = sum(ticket.missed_at is not None for ticket in tickets)
    points = (len(drawn) - missed) * surprise.points
    return Explained(len(tickets), len(drawn), missed, points, again == stored and winners == drawn, drawn)


def to_be_given(retailer_id: int) -> Sequence[Surprise]:
    """Return a retailer's surprises of which gifts are on their way."""
    return list(Surprise.objects.filter(retailer=retailer_id, status=Surprise.Status.DRAWN).order_by("pk"))
