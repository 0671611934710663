"""
The catalogue as a member sees it: what it may have, for which points, and what suits it first.

It is read more often than anything else, so it costs two statements, and what is the same for all who pay the same prices is
written once per version: a member's own is filled in.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.images import address_of
from customers.core.money import to_unit
from customers.core.values import dataclass
from loyalty.activity.account.households import household_lends
from loyalty.activity.account.session import AccountSession
from loyalty.activity.arms import arms_of_membership
from loyalty.activity.rewards.buying import NOTHING_FREED, Freed, buyer_of, freed_by, profile_of
from loyalty.activity.rewards.freeing import freed_of_others
from loyalty.activity.versions import published_version, remembered_versions
from loyalty.engine.profile import Profile
from loyalty.engine.versions import Version, Versions
from loyalty.memberships.profiles import AGREED, COLUMNS
from loyalty.points.state import POINTS
from loyalty.rewards.models import Reward
from loyalty.rewards.rules import Buyer, Price, RewardRule, rank_for, refusal
from loyalty.rewards.state import CATALOGUE
from loyalty.tiers.state import SCHEME

Rank = tuple[int, int, int]
HIDDEN = frozenset({"granted_only", "not_yet", "no_longer", "other_segment"})
# All that a catalogue asks of members for whom no time has to be carried out, at once.
ABOUT = """
SELECT m.id, m.program_id, p.versions_revision, m.next_due_at, m.started_at,
    (SELECT t.key FROM tiers_standing s JOIN tiers_tier t ON t.id = s.tier_id WHERE s.membership_id = m.id),
    ARRAY(SELECT code::text FROM points_wallet WHERE membership_id = m.id ORDER BY id),
    ARRAY(SELECT available FROM points_wallet WHERE membership_id = m.id ORDER BY id),
    i.customer_id IS NOT NULL, {columns},
    EXISTS (SELECT 1 FROM memberships_householdmember WHERE membership_id = m.id)
FROM memberships_membership m JOIN programs_program p ON p.id = m.program_id LEFT JOIN LATERAL (
    SELECT i.* FROM customers_insight i WHERE i.customer_id = m.customer_id AND {agreed} OFFSET 0
) i ON true
WHERE {condition} AND m.left_at IS NULL ORDER BY m.program_id
"""
OF_CUSTOMER = ABOUT.format(
    columns=COLUMNS,
    agreed=AGREED,
    condition="m.customer_id = (SELECT coalesce(merged_into_id, id) FROM customers_customer WHERE id = %s)",
)
OF_MEMBERSHIP = ABOUT.format(columns=COLUMNS, agreed=AGREED, condition="m.id = %s")
# What is taken of stocks, which pools are empty, and how often the member has had what is limited.
COUNTS = """
SELECT 'taken' AS kind, reward_key, taken - added FROM rewards_rewardcounter WHERE program_id = %(program)s AND %(stocked)s
UNION ALL
SELECT 'empty', k.reward_key, 1 FROM (SELECT unnest(%(pools)s::uuid[]) AS reward_key) k WHERE NOT EXISTS (
    SELECT 1 FROM rewards_rewardcode
    WHERE program_id = %(program)s AND reward_key = k.reward_key AND redemption_id IS NULL)
UNION ALL
SELECT 'had', k.reward_key, (
    SELECT count(*)::int FROM rewards_rewardredemption r WHERE r.membership_id = %(member)s
        AND r.reward_key = k.reward_key AND r.id <> ALL(%(freed)s::uuid[]) AND (k.since IS NULL OR r.redeemed_at >= k.since)
        AND r.status NOT IN ('cancelled', 'refunded', 'withdrawn') AND NOT (r.status = 'expired' AND EXISTS (
            SELECT 1 FROM rewards_reward w WHERE w.id = r.reward_id AND w.on_expiry = 'give_back')))
FROM (SELECT unnest(%(limited)s::uuid[]) AS reward_key, unnest(%(since)s::timestamptz[]) AS since) k
WHERE EXISTS (SELECT 1 FROM rewards_rewardredemption WHERE membership_id = %(member)s)
"""


@dataclass(frozen=True, slots=True)
class Shopper:
    """
    A member in front of the catalogue.

    :param available: what it can spend, by wallet
    :param profile: what is known of who agreed to it; None for all others
    :param freed: what time has given back of its rewards
    :param lent: what its household can add, by wallet
    """

    membership_id: UUID
    buyer: Buyer
    available: Mapping[str, int]
    profile: Profile | None
    freed: Freed = NOTHING_FREED
    lent: Mapping[str, int] = field(default_factory=dict)

    def missing(self, offer: "Offer") -> int:
        """Return how many points it lacks for a reward, at the price that is nearest; 0 or less where it has them."""
        lent = {} if offer.reward.is_own_alone else self.lent
        return min(
            [each.points - self.available.get(each.wallet, 0) - lent.get(each.wallet, 0) for each in offer.prices]
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """
    A program's catalogue for a member.

    :param is_personal: whether it is in an order of the member's own
    :param rewards: each as JSON, the first what suits it most
    """

    program: str
    is_personal: bool
    rewards: Sequence[str]

    def as_json(self) -> str:
        """Return the catalogue as a JSON object."""
        personal = "true" if self.is_personal else "false"
        return f'{{"program":{json.dumps(self.program)},"personal":{personal},"rewards":[{",".join(self.rewards)}]}}'


class Reader(NamedTuple):
    """To whom a catalogue is told: in which language, and of which site stored images have their addresses."""

    language: str
    site: str


class Held(NamedTuple):
    """A published version as it holds for some members: for those of some arms, or who get nothing extra."""

    version_id: int
    arms: frozenset[str]
    is_withheld: bool


class Offer(NamedTuple):
    """
    What is the same of a reward for all who pay the same prices on a day.

    :param reason: why they may not have it; empty where they may
    :param shown: as JSON, without its last brace and what is a member's own
    :param is_counted: whether its stock, its pool or a member's limit ends
    :param affordable: as JSON for who has the points, where nothing is counted
    :param rank: the place for who has the points, as `rank_for` gives it
    """

    reward: RewardRule
    reason: str
    prices: tuple[Price, ...]
    shown: str
    is_counted: bool
    affordable: str
    rank: Rank


class Counts(NamedTuple):
    """What is counted of rewards, by their keys: taken of a stock, empty as a pool, had by the member."""

    taken: Mapping[UUID, int]
    empty: Mapping[UUID, int]
    had: Mapping[UUID, int]


def shelves_of(customer_id: UUID, *, at: datetime, site: str = "") -> list[Shelf]:
    """
    Return what the programs of a customer offer it at an instant, whether or not a night has run; reads only.

    :param site: whose addresses those of stored images are, such as https://loyalty.example.org
    """
    return [_shelf(row, at, site) for row in bulk.fetch(OF_CUSTOMER, [customer_id])]


def shelf_of(membership_id: UUID, *, at: datetime, site: str = "") -> Shelf | None:
    """Return what a program offers a member at an instant; None for who has left."""
    found = bulk.fetch(OF_MEMBERSHIP, [membership_id])
    return _shelf(found[0], at, site) if found else None


def _shelf(row: tuple[Any, ...], at: datetime, site: str) -> Shelf:
    membership_id, program_id, revision, due_at, started_at, *about, has_household = row
    versions = remembered_versions(program_id, revision)
    versions = versions.of_arms(arms_of_membership(versions, membership_id))
    version = versions.at(at)
    if version is None or not version.of(CATALOGUE).rewards:
        return Shelf(versions.slug, is_personal=False, rewards=())
    start = versions.start_after(started_at)
    is_due = any(instant is not None and instant <= at for instant in (due_at, start))
    shopper = (
        _advanced(membership_id, at) if is_due or "plans" in versions.uses else _present(membership_id, version, about)
    )
    if has_household:
        shopper = replace(shopper, lent=household_lends(membership_id, at=at, zone=version.zone))
    return Shelf(versions.slug, shopper.profile is not None, _rewards(versions, version, shopper, at, site))


def _present(membership_id: UUID, version: Version, about: Sequence[Any]) -> Shopper:
    key, codes, available, has_profile, *said = about
    profile = Profile(*said) if has_profile else None
    tier = version.of(SCHEME).tier(key)
    buyer = Buyer(
        tier=tier.code if tier else "",
        discount_percent=tier.reward_discount if tier else Decimal(0),
        segments=profile.segments if profile else frozenset(),
    )
    return Shopper(membership_id, buyer, dict(zip(codes, available, strict=True)), profile)


@transaction.atomic
def _advanced(membership_id: UUID, at: datetime) -> Shopper:
    """Carry out what time has brought the member, and leave no trace of it."""
    session = AccountSession.open([membership_id], at)
    decision = session.decisions[membership_id]
    profile = profile_of(decision.member.customer_id)
    buyer = buyer_of(decision, profile) if decision.version is not None else Buyer()
    available = {wallet.code: max(wallet.available, 0) for wallet in decision.member.of(POINTS).wallets}
    freed = freed_by(session) if decision.version is not None else NOTHING_FREED
    transaction.set_rollback(True)
    return Shopper(membership_id, buyer, available, profile, freed)


def _rewards(versions: Versions, version: Version, shopper: Shopper, at: datetime, site: str) -> list[str]:
    """Return a catalogue's rewards for a member, each as JSON."""
    counts = _counts(versions.program_id, version, shopper, at)
    found = []
    reader = Reader(get_language() or "en", site)
    held = Held(version.version_id, version.arms, version.is_withheld)
    for offer in offers_for(held, shopper.buyer, local_date(at, version.zone), reader):
        missing = shopper.missing(offer)
        if missing > 0 or offer.is_counted:
            found.append(_own(offer, max(missing, 0), counts))
        else:
            found.append((offer.rank, offer.affordable))
    return [shown for _, shown in (sorted(found, key=_rank) if shopper.profile else found)]


def _own(offer: Offer, missing: int, counts: Counts) -> tuple[Rank, str]:
    """Return a reward's rank and JSON with what is the member's own."""
    reward, reason = offer.reward, offer.reason
    left = None if reward.stock is None else max(reward.stock - counts.taken.get(reward.key, 0), 0)
    had = 0 if reward.member_limit is None else counts.had.get(reward.key, 0)
    if not reason:
        is_empty = reward.from_pool and reward.key in counts.empty
        reason = _lack(reward, left, had, missing, is_empty=is_empty)
    rank = (offer.rank[0], 1, missing) if reason else offer.rank
    return rank, _whole(offer.shown, reason, missing, left, had)


def _whole(shown: str, reason: str, missing: int, left: int | None, had: int) -> str:
    """Return the JSON of a reward with what is a member's own."""
    return (
        f'{shown},"redeemable":{"false" if reason else "true"},"reason":"{reason}","missing":{missing},'
        f'"left":{"null" if left is None else left},"had":{had}}}'
    )


def _rank(item: tuple[Rank, str]) -> Rank:
    return item[0]


def _lack(reward: RewardRule, left: int | None, had: int, missing: int, *, is_empty: bool) -> str:
    """Return for want of what somebody cannot have a reward that it may have; empty where it can."""
    if left == 0 or is_empty:
        return "sold_out"
    if reward.member_limit is not None and had >= reward.member_limit:
        return "limit_reached"
    return "insufficient_points" if missing else ""


class _Counted(NamedTuple):
    """What a catalogue counts: whether it has stocks, its pools, and its rewards of which a member has a limit."""

    stocked: bool
    pools: list[UUID]
    limited: list[RewardRule]


@lru_cache(maxsize=128)
def _counted(version_id: int) -> _Counted:
    rewards = published_version(version_id).of(CATALOGUE).rewards
    return _Counted(
        any(reward.stock is not None for reward in rewards),
        [reward.key for reward in rewards if reward.from_pool],
        [reward for reward in rewards if reward.member_limit is not None],
    )


def _counts(program_id: int, version: Version, shopper: Shopper, at: datetime) -> Counts:
    """Count what is taken of a catalogue's rewards, and what a member has had; nothing is asked where nothing ends."""
    stocked, pools, limited = _counted(version.version_id)
    counts: dict[str, dict[UUID, int]] = {"taken": {}, "empty": {}, "had": {}}
    if not (stocked or pools or limited):
        return Counts(**counts)
    starts = {period: _start(period, limited, at, version) for period in {each.member_period for each in limited}}
    asked = {
        "program": program_id, "member": shopper.membership_id, "stocked": stocked, "pools": pools,
        "limited": [reward.key for reward in limited], "since": [starts[reward.member_period] for reward in limited],
        "freed": list(shopper.freed.redemptions),
    }  # fmt: skip
    for kind, key, count in bulk.fetch(COUNTS, asked):
        counts[kind][key] = count
    freed = Counter(shopper.freed.pieces)
    if gone := _gone(version, counts["taken"]):
        freed.update(freed_of_others(program_id, gone, shopper.membership_id, at=at))
    for key, pieces in freed.items():
        counts["taken"][key] = counts["taken"].get(key, 0) - pieces
    return Counts(**counts)


def _gone(version: Version, taken: Mapping[UUID, int]) -> list[UUID]:
    """Return the keys of the rewards of whose stock nothing is left."""
    rewards = version.of(CATALOGUE).rewards
    return [each.key for each in rewards if each.stock is not None and each.stock <= taken.get(each.key, 0)]


def _start(period: str, limited: Iterable[RewardRule], at: datetime, version: Version) -> datetime | None:
    return next(each for each in limited if each.member_period == period).counts_from(at, version.zone)


@lru_cache(maxsize=1_024)
def offers_for(held: Held, buyer: Buyer, on: date, reader: Reader) -> tuple[Offer, ...]:
    """
    Return what a published version offers all who buy alike on a day, as a reader is told.

    What is for others in a way that says something of them, or for another time, is left out.
    """
    version = published_version(held.version_id).seen_by(held.arms, is_withheld=held.is_withheld)
    catalogue, shown = version.of(CATALOGUE), _shown(held.version_id, reader)
    found = []
    for reward in catalogue.rewards:
        reason = refusal(reward, buyer, on)
        if reason not in HIDDEN:
            prices = tuple(catalogue.prices_of(reward, buyer).values())
            said = {**shown[reward.code], "prices": [price._asdict() for price in prices]}
            text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).removesuffix("}")
            is_counted = reward.stock is not None or reward.from_pool or reward.member_limit is not None
            rank = rank_for(buyer.segments, reward, is_redeemable=not reason, missing=0)
            found.append(Offer(reward, reason, prices, text, is_counted, _whole(text, reason, 0, None, 0), rank))
    return tuple(found)


@lru_cache(maxsize=128)
def _shown(version_id: int, reader: Reader) -> dict[str, dict[str, Any]]:
    """Return what a published version says of its rewards to a reader, by their codes: it never changes."""
    rows = Reward.objects.filter(version=version_id).select_related("version__program__retailer")
    return {row.code: reward_said(row, reader) for row in rows}


def reward_said(row: Reward, reader: Reader) -> dict[str, Any]:
    """Return a reward as plain values."""
    is_french, currency = reader.language == "fr", row.version.program.retailer.currency
    return {
        "code": row.code,
        "name": (row.name_fr if is_french else "") or row.name,
        "description": (row.description_fr if is_french else "") or row.description,
        "image": address_of(row.image, reader.site),
        "kind": row.kind,
        "amount": None if row.value is None else f"{to_unit(row.value, currency):f}",
        "percent": None if row.percent is None else f"{row.percent:f}",
        "sku": row.sku,
        "minimum_amount": f"{to_unit(row.minimum_amount, currency):f}",
        "points_per_unit": row.points_per_unit,
        "match_percent": row.match_percent,
        "valid_days": row.valid_days,
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "may_cancel": row.may_cancel,
        "member_limit": row.member_limit,
        "member_period": row.member_period,
    }


def forget_offers() -> None:
    """Forget what this process remembers of catalogues: tests do, whose databases come and go."""
    for remembered in (offers_for, _shown, _counted):
        remembered.cache_clear()
