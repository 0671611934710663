"""Referrals are claimed and reviewed: by the one way of every change, with the friend's member locked and nobody else's."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.checks import past_of
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.activity import pipeline
from loyalty.activity.account.session import HasLeft
from loyalty.activity.versions import versions_of_member
from loyalty.engine.activities import ReferralClaimed, ReferralReviewed
from loyalty.memberships.models import Membership
from loyalty.referrals.codes import find_referrers
from loyalty.referrals.identity import digest_of
from loyalty.referrals.models import Referral
from loyalty.referrals.rules import plain
from loyalty.referrals.state import POLICY, SignalsSeen
from loyalty.referrals.writing import note_signals


class NoReferrals(DomainError):
    code = "no_referrals"
    kind = Kind.CONFLICT
    message = _("The program {program} has no referrals then.")


class NoSuchCode(DomainError):
    code = "no_such_code"
    kind = Kind.NOT_FOUND
    message = _("Nobody in the program {program} has the code “{code}”.")


class AlreadyReferred(DomainError):
    code = "already_referred"
    kind = Kind.CONFLICT
    message = _("The member was referred with the code {code} before.")


class NotAMemberThen(DomainError):
    code = "not_a_member_then"
    kind = Kind.CONFLICT
    message = _("The customer is a member since {since}, and was none at the instant of the claim.")


class NotHeld(DomainError):
    code = "not_held"
    kind = Kind.CONFLICT
    message = _("The referral is not held for review: it is {status}.")


class NoteMissing(DomainError):
    code = "note_missing"
    kind = Kind.INVALID
    message = _("A decision on a referral needs an author and a note.")


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a claim; `is_new` is False where the same had been claimed before."""

    referral: Referral
    is_new: bool = True


@transaction.atomic
def claim_referral(  # noqa: PLR0913 - who, by whom, what is known, when
    membership: Membership,
    code: str,
    *,
    channel: str,
    now: datetime,
    at: datetime | None = None,
    signals: Mapping[str, str] | None = None,
) -> Claimed:
    """
    Note who referred a member: the claim is open, held for a person to decide, or refused with its reason.

    :param code: of the referrer, however it is typed
    :param at: when the friend claimed it, where that is told later; now if None
    :param signals: what the shop knows of the friend's device and the like, by kind: device, address, ip, payment
    :raises NoReferrals: when the program had none then
    :raises NoSuchCode: when nobody has the code
    :raises AlreadyReferred: when the member was referred with the code of another one
    :raises NotAMemberThen: when the customer was no member at that instant
    """
    instant = past_of("claimed_at", at or now, now)
    _require_claimable(membership, code, instant)
    digests = digests_of(membership.retailer_id, signals or {})
    fact = ReferralClaimed(new_id(), membership.customer_id, membership.program_id, instant, code, channel, digests)
    batch = pipeline.run([fact], now=now)
    decisions = batch.by_fact.get(fact.id, [])
    if any(each.reason for each in decisions):
        raise NotAMemberThen(since=f"{membership.enrolled_at:%Y-%m-%d %H:%M}")
    referral = Referral.objects.filter(friend=membership).order_by("status").exclude(status="refused").first()
    referral = referral or Referral.objects.filter(friend=membership).order_by("-pk").first()
    if referral is None:
        raise NoReferrals(program=membership.program.slug)
    if not _is_same_referrer(membership.program_id, referral.code, plain(code)):
        raise AlreadyReferred(code=referral.code)
    return Claimed(referral, is_new=any(each.effects for each in decisions))


def _is_same_referrer(program_id: int, code: str, other: str) -> bool:
    """Tell whether two codes are one member's: who was merged with another one has both."""
    if code == other:
        return True
    found = find_referrers(program_id, [code, other])
    return found.get(code) == found.get(other)


def _require_claimable(membership: Membership, code: str, at: datetime) -> None:
    if membership.left_at is not None:
        raise HasLeft(left=f"{membership.left_at:%Y-%m-%d}")
    version = versions_of_member(membership).at(at)
    if version is None or version.of(POLICY) is None:
        raise NoReferrals(program=membership.program.slug)
    if plain(code) not in find_referrers(membership.program_id, [plain(code)]):
        raise NoSuchCode(program=membership.program.slug, code=code)


@transaction.atomic
def review_referral(referral_id: UUID, *, approve: bool, author: str, note: str, now: datetime) -> Referral:
    """
    Decide a referral that is held: approved, it earns by what the friend has ordered since; refused, it ends.

    :raises NotHeld: when it is not held any more
    :raises NoteMissing: without an author or a note
    """
    if not author.strip() or not note.strip():
        raise NoteMissing
    referrals = Referral.objects.select_related("friend__customer", "program")
    referral = referrals.get(pk=referral_id)
    fact = ReferralReviewed(
        new_id(), referral.friend.customer_id, referral.program_id, now, referral.pk, approve, author, note.strip()
    )
    batch = pipeline.run([fact], now=now)
    after = referrals.get(pk=referral_id)
    decided = any(each.effects for each in batch.by_fact.get(fact.id, ()))
    if not decided:
        raise NotHeld(status=after.get_status_display())
    return after


@transaction.atomic
def note_member_signals(membership: Membership, signals: Mapping[str, str], *, now: datetime) -> None:
    """Keep digests of what a shop knows of a member's device and the like, for claims to come."""
    digests = digests_of(membership.retailer_id, signals)
    seen = SignalsSeen(membership.retailer_id, membership.program_id, membership.pk, None, digests, now)
    note_signals([seen])


def digests_of(retailer_id: int, signals: Mapping[str, str]) -> dict[str, str]:
    """Return what is kept of signals: of their values, digests."""
    return {
        kind: digest_of(settings.SECRET_KEY, retailer_id, kind, value)
        for kind, value in signals.items()
        if value.strip()
    }
