"""The catalogue as a member sees it: what it may have, for which points, and what suits it first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language

from customers.core import bulk
from customers.core.calendar import local_date
from loyalty.activity.account.session import AccountSession
from loyalty.activity.rewards.buying import buyer_of, profile_of
from loyalty.activity.rewards.redeeming import redeemed_by
from loyalty.activity.versions import versions_of
from loyalty.engine.versions import Version, Versions
from loyalty.memberships.models import Membership
from loyalty.points.state import POINTS
from loyalty.rewards.models import Reward
from loyalty.rewards.rules import Buyer, Catalogue, Price, Profile, rank_for, refusal
from loyalty.rewards.state import CATALOGUE
from loyalty.tiers.state import SCHEME

HIDDEN = frozenset({"not_yet", "no_longer", "other_segment"})
# All that a catalogue asks of a member for whom no time has to be carried out, at once.
ABOUT = """
SELECT (SELECT t.key FROM tiers_standing s JOIN tiers_tier t ON t.id = s.tier_id WHERE s.membership_id = m.id),
    ARRAY(SELECT code FROM points_wallet WHERE membership_id = m.id ORDER BY id)::text[],
    ARRAY(SELECT available FROM points_wallet WHERE membership_id = m.id ORDER BY id),
    p.value_decile, p.probability_active, p.customer_id IS NOT NULL
FROM memberships_membership m LEFT JOIN LATERAL (
    SELECT i.customer_id, i.value_decile, i.probability_active FROM customers_insight i
    WHERE i.customer_id = m.customer_id AND (
        SELECT granted FROM customers_consent WHERE customer_id = i.customer_id AND purpose = 'profiling'
        ORDER BY occurred_at DESC, id DESC LIMIT 1) OFFSET 0
) p ON true
WHERE m.id = %s
"""
TAKEN = "SELECT reward_key, taken - added FROM rewards_rewardcounter WHERE program_id = %s"
IN_POOLS = """
SELECT k.reward_key FROM unnest(%b::uuid[]) AS k(reward_key) WHERE EXISTS (
    SELECT 1 FROM rewards_rewardcode WHERE program_id = %s AND reward_key = k.reward_key AND redemption_id IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Shopper:
    """
    A member in front of the catalogue.

    :param available: what it can spend, by wallet
    :param profile: what is known of who agreed to it; None for all others
    """

    membership_id: UUID
    buyer: Buyer
    available: Mapping[str, int]
    profile: Profile | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """
    A program's catalogue for a member.

    :param is_personal: whether it is in an order of the member's own
    :param rewards: plain values, the first what suits it most
    """

    program: str
    is_personal: bool
    rewards: Sequence[dict[str, Any]]


def catalogue_for(membership: Membership, *, at: datetime) -> Shelf:
    """Return what a program offers a member at an instant, whether or not a night has run; reads only."""
    versions = versions_of([membership.program_id])[membership.program_id]
    version = versions.at(at)
    if version is None or not version.of(CATALOGUE).rewards:
        return Shelf(versions.slug, is_personal=False, rewards=())
    shopper = _shopper(membership, versions, version, at)
    items = _items(membership.program_id, version, shopper, at)
    return Shelf(versions.slug, shopper.profile is not None, [item for _, item in sorted(items, key=_rank)])


def _rank(item: tuple[tuple[int, int, int], dict[str, Any]]) -> tuple[int, int, int]:
    return item[0]


def _shopper(membership: Membership, versions: Versions, version: Version, at: datetime) -> Shopper:
    due, start = membership.next_due_at, versions.start_after(membership.started_at)
    is_due = any(instant is not None and instant <= at for instant in (due, start))
    if is_due or "plans" in versions.uses or membership.left_at is not None:
        return _advanced(membership, at)
    ((key, codes, available, decile, probability, has_profile),) = bulk.fetch(ABOUT, [membership.pk])
    profile = Profile(decile, probability) if has_profile else None
    tier = version.of(SCHEME).tier(key)
    buyer = Buyer(
        tier=tier.code if tier else "",
        discount_percent=tier.reward_discount if tier else Decimal(0),
        segments=profile.segments if profile else frozenset(),
    )
    return Shopper(membership.pk, buyer, dict(zip(codes, available, strict=True)), profile)


@transaction.atomic
def _advanced(membership: Membership, at: datetime) -> Shopper:
    """Carry out what time has brought the member, and leave no trace of it."""
    session = AccountSession.open([membership.pk], at)
    decision = session.decisions[membership.pk]
    profile = profile_of(decision.member.customer_id)
    buyer = buyer_of(decision, profile) if decision.version is not None else Buyer()
    available = {wallet.code: max(wallet.available, 0) for wallet in decision.member.of(POINTS).wallets}
    transaction.set_rollback(True)
    return Shopper(membership.pk, buyer, available, profile)


def _items(
    program_id: int, version: Version, shopper: Shopper, at: datetime
) -> list[tuple[tuple[int, int, int], dict[str, Any]]]:
    catalogue, on = version.of(CATALOGUE), local_date(at, version.zone)
    left, had = _left(program_id, catalogue), _had(shopper, catalogue, version, at)
    shown = _shown(version.version_id, get_language() or "en")
    found = []
    for reward in catalogue.rewards:
        reason = refusal(reward, shopper.buyer, on)
        if reason in HIDDEN:
            continue
        prices = list(catalogue.prices_of(reward, shopper.buyer).values())
        missing = min(max(price.points - shopper.available.get(price.wallet, 0), 0) for price in prices)
        if not reason and left.get(reward.key, 1) <= 0:
            reason = "sold_out"
        if not reason and reward.member_limit is not None and had.get(reward.key, 0) >= reward.member_limit:
            reason = "limit_reached"
        if not reason and missing:
            reason = "insufficient_points"
        rank = rank_for(shopper.profile, reward, is_redeemable=not reason, missing=missing)
        item = {
            **shown[reward.code],
            "prices": [_price(price) for price in prices],
            "redeemable": not reason,
            "reason": reason,
            "missing": missing,
            "left": left.get(reward.key) if reward.stock is not None else None,
            "had": had.get(reward.key, 0),
        }
        found.append((rank, item))
    return found


def _price(price: Price) -> dict[str, Any]:
    return {"wallet": price.wallet, "points": price.points, "rule": price.rule}


def _left(program_id: int, catalogue: Catalogue) -> dict[UUID, int]:
    """Return how many are left of the rewards that end; of those of an empty pool none."""
    stocked = [reward for reward in catalogue.rewards if reward.stock is not None]
    pooled = [reward.key for reward in catalogue.rewards if reward.from_pool]
    taken = dict(bulk.fetch(TAKEN, [program_id])) if stocked else {}
    left = {reward.key: max((reward.stock or 0) - taken.get(reward.key, 0), 0) for reward in stocked}
    if pooled:
        filled = {key for (key,) in bulk.fetch(IN_POOLS, [pooled, program_id])}
        left |= dict.fromkeys((key for key in pooled if key not in filled), 0)
    return left


def _had(shopper: Shopper, catalogue: Catalogue, version: Version, at: datetime) -> dict[UUID, int]:
    limited = [reward for reward in catalogue.rewards if reward.member_limit is not None]
    return redeemed_by(shopper.membership_id, [(each.key, each.counts_from(at, version.zone)) for each in limited])


@lru_cache(maxsize=128)
def _shown(version_id: int, language: str) -> dict[str, dict[str, Any]]:
    """Return what a published version says of its rewards to readers of a language, by their codes: it never changes."""
    return {row.code: reward_said(row, language) for row in Reward.objects.filter(version=version_id)}


def reward_said(row: Reward, language: str) -> dict[str, Any]:
    """Return a reward as plain values, in a language."""
    is_french = language == "fr"
    return {
        "code": row.code,
        "name": (row.name_fr if is_french else "") or row.name,
        "description": (row.description_fr if is_french else "") or row.description,
        "image": row.image,
        "kind": row.kind,
        "amount": _text(row.value),
        "percent": _text(row.percent),
        "sku": row.sku,
        "minimum_amount": _text(row.minimum_amount),
        "points_per_unit": row.points_per_unit,
        "match_percent": row.match_percent,
        "valid_days": row.valid_days,
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "may_cancel": row.may_cancel,
        "member_limit": row.member_limit,
        "member_period": row.member_period,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
