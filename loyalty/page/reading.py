"""What a member's page shows, put together from what each part tells: reads only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from customers.core.values import dataclass
from customers.models import Consent, Order
from loyalty.activity.explaining import rule_names, said_by
from loyalty.activity.models import OrderDecision
from loyalty.activity.published import policies_of
from loyalty.activity.rewards.catalogue import shelf_of
from loyalty.activity.versions import versions_as_read
from loyalty.badges.winnings import gifts_of, prizes_of
from loyalty.campaigns.offering.reading import last_days_of, offers_of_member, rewards_of_grants, to_use
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, PointsPolicy, Wallet
from loyalty.points.state import MAIN
from loyalty.points.statement import forecast, statement_of
from loyalty.rewards.models import RewardCode, RewardCounter, RewardRedemption
from loyalty.rewards.sealing import unseal
from loyalty.rewards.state import CATALOGUE

PAGE = 20
WON = 10  # prizes and gifts


@dataclass(frozen=True, slots=True)
class Page:
    """
    Some rows of a list.

    :param older: what to ask for the rows before these; empty where there are none
    """

    rows: Sequence[Any]
    older: str = ""


@dataclass(frozen=True, slots=True)
class EarnedBy:
    """
    An order and what it gave.

    :param kept: points that it gave and that no return took, of all wallets
    :param returned: points that returns took
    :param is_decided: False for one that waits, or that was placed before joining
    """

    order: Order
    kept: int
    returned: int
    is_decided: bool


@dataclass(frozen=True, slots=True)
class Said:
    """An entry of the ledger with its explanation in the reader's language."""

    entry: Entry
    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ending:
    """
    Points of a wallet that can be spent through a day.

    :param name: the wallet's, where it is not the one that every program has
    """

    name: str
    points: int
    last_day: date


@dataclass(frozen=True, slots=True)
class Winning:
    """
    Points that a member won without a challenge: a contest's prize, or a surprise.

    :param rank: in the contest; 0 for a surprise
    :param name: the wallet's, where it is not the one that every program has
    """

    of: str
    rank: int
    at: datetime
    points: int
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A purpose that a member may agree to: what it said last, and when."""

    purpose: str
    label: str
    granted: bool
    said_at: datetime | None


def endings(member: Membership, *, at: datetime, dates: int) -> list[Ending]:
    """Return which points end next, the earliest first."""
    zone, names = member.program.tzinfo, wallet_names(member, at=at)
    found = [
        Ending(names.get(wallet.code, ""), expiring.points, expiring.last_day)
        for wallet in Wallet.objects.filter(membership=member).order_by("pk")
        for expiring in forecast(wallet, at=at, zone=zone, dates=dates)
    ]
    return sorted(found, key=lambda each: each.last_day)[:dates]


def orders(member: Membership, *, before: str = "", rows: int = PAGE) -> Page:
    """
    Return a member's orders with what each gave, the newest first.

    :param before: `older` of the page before
    """
    own = Order.objects.filter(customer=member.customer_id).order_by("-occurred_at", "-id")
    instant, _, order_id = before.partition("_")
    if (at := _instant(instant)) is not None and (pk := _id(order_id)) is not None:
        own = own.filter(Q(occurred_at__lt=at) | Q(occurred_at=at, id__lt=pk))
    found = list(own[: rows + 1])
    older = f"{found[rows - 1].occurred_at.isoformat()}_{found[rows - 1].pk}" if len(found) > rows else ""
    return Page(earned_by(member, found[:rows]), older)


def earned_by(member: Membership, found: Sequence[Order]) -> list[EarnedBy]:
    """Return what orders gave to a member."""
    decided: dict[UUID, list[OrderDecision]] = {}
    for decision in OrderDecision.objects.filter(membership=member, order__in=found):
        decided.setdefault(decision.order_id, []).append(decision)
    return [_earned_by(order, decided.get(order.pk, [])) for order in found]


def _earned_by(order: Order, decisions: Iterable[OrderDecision]) -> EarnedBy:
    given = list(decisions)
    kept = sum(each.points_kept for each in given)
    return EarnedBy(order, kept, sum(each.points for each in given) - kept, bool(given))


def entries(member: Membership, *, before: str = "", rows: int = PAGE) -> Page:
    """Return the entries of a member's wallets with their explanation, the newest first."""
    own = statement_of(member)
    if (pk := _id(before)) is not None:
        own = own.filter(id__lt=pk)
    found = list(own[: rows + 1])
    return Page(said(member, found[:rows]), str(found[rows - 1].pk) if len(found) > rows else "")


def said(member: Membership, found: Sequence[Entry]) -> list[Said]:
    """Return entries with what they say."""
    names = rule_names(member.program_id, found)
    return [Said(entry, said_by(entry, names)) for entry in found]


def catalogue(member: Membership, *, at: datetime) -> list[dict[str, Any]]:
    """Return what a member may get for its points, as the API tells it, each price with the `name` of its wallet."""
    shelf = shelf_of(member.pk, at=at)
    rewards: list[dict[str, Any]] = json.loads(shelf.as_json())["rewards"] if shelf else []
    names = wallet_names(member, at=at) if rewards else {}
    for price in (price for reward in rewards for price in reward["prices"]):
        price["name"] = names.get(price["wallet"], "")
    return rewards


# What a member agrees to when it redeems a reward.
DEAL = ("prices", "points_per_unit", "amount", "percent", "minimum_amount", "valid_days", "valid_until", "may_cancel")


def deal_of(reward: Mapping[str, Any]) -> str:
    """Return a name of what a reward costs and gives, as the catalogue tells it: of another deal it is another one."""
    return sha256(json.dumps([reward[name] for name in DEAL]).encode()).hexdigest()


def match_left(member: Membership, code: str, *, at: datetime) -> Decimal:
    """Return what the retailer still adds to donations to a cause of the version in force."""
    version = versions_as_read(member).at(at)
    rule = version.of(CATALOGUE).by_code.get(code) if version else None
    if rule is None:
        return Decimal(0)
    counters = RewardCounter.objects.filter(program=member.program_id, reward_key=rule.key)
    used = counters.values_list("matched", flat=True).first() or Decimal(0)
    return max(rule.match_budget - used, Decimal(0))


def wallet_names(member: Membership, *, at: datetime) -> dict[str, str]:
    """Return the names of a program's wallets by their codes, but for the one that every program has: its are points."""
    version = versions_as_read(member).at(at)
    policies: Mapping[str, PointsPolicy] = policies_of(version.version_id) if version else {}
    return {code: str(policy) for code, policy in policies.items() if code != MAIN}


def lost_in_wallets(lost: Sequence[Mapping[str, Any]], *, retailer_id: int, at: datetime) -> list[dict[str, Any]]:
    """Return what a person's memberships lose, each with the names of its program's wallets: `wallets`."""
    mine = Membership.objects.filter(retailer=retailer_id, number__in=[each["member_number"] for each in lost])
    names = {(each.program.slug, each.number): wallet_names(each, at=at) for each in mine.select_related("program")}
    return [{**each, "wallets": names[each["program"], each["member_number"]]} for each in lost]


def redemptions(member: Membership) -> QuerySet[RewardRedemption]:
    """Return the rewards that a member redeemed, the newest first."""
    own = RewardRedemption.objects.filter(membership=member).with_withdrawals()
    return own.select_related("reward", "program").order_by("-redeemed_at", "-id")


def open_redemptions(member: Membership, *, at: datetime) -> QuerySet[RewardRedemption]:
    """Return the rewards that a member has and can use at an instant, or that are on their way, the newest first."""
    status = RewardRedemption.Status
    is_good = Q(status=status.ISSUED) & (Q(expires_at=None) | Q(expires_at__gt=at))
    is_good &= Q(withdrawn_at=None) | Q(withdrawn_at__gt=at)
    return redemptions(member).filter(is_good | Q(status=status.IN_PROGRESS))


def code_of(redemption: RewardRedemption) -> str:
    """Return the code to be shown at the till; empty where there is none."""
    code = RewardCode.objects.filter(redemption=redemption).first()
    return unseal(bytes(code.sealed), bytes(code.digest)) if code else ""


def offers(member: Membership, *, at: datetime, limit: int | None = None) -> list[dict[str, Any]]:
    """Return the offers that a member can take or use, what ends first first."""
    rows = list(to_use(offers_of_member(member), at=at).order_by("expires_at", "pk")[:limit])
    rewards, days = rewards_of_grants(rows), last_days_of(rows)
    return [
        {
            "id": row.pk, "offer": row.offer, "reward": rewards[row.pk], "last_day": days[row.pk],
            "redemption": row.redemption_id,
        }
        for row in rows
    ]  # fmt: skip


def winnings(member: Membership, *, at: datetime) -> list[Winning]:
    """Return the prizes and gifts that a member was given last, the newest first."""
    names = wallet_names(member, at=at)
    found = [
        Winning(
            str(board := each.finish.board),
            each.rank,
            each.finish.finished_at,
            each.points,
            names.get(board.wallet, ""),
        )
        for each in prizes_of(member)
    ]
    for each in gifts_of(member):
        assert each.given_at is not None, "it was given"
        gift = each.surprise
        found.append(Winning(str(gift), 0, each.given_at, gift.points, names.get(gift.wallet, "")))
    return sorted(found, key=lambda each: each.at, reverse=True)[:WON]


def choices(member: Membership) -> list[Choice]:
    """Return what a member may agree to, with what it said last."""
    said = Consent.objects.filter(customer=member.customer_id).newest_first().reverse()
    latest = {consent.purpose: consent for consent in said}
    asked = (each for each in Consent.Purpose if each != Consent.Purpose.PROGRAM)  # which ends by leaving
    return [_choice(purpose, latest.get(purpose.value)) for purpose in asked]


def _choice(purpose: Consent.Purpose, last: Consent | None) -> Choice:
    granted = bool(last and last.granted)
    return Choice(purpose.value, str(purpose.label), granted, last.occurred_at if last else None)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
