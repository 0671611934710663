"""What programs hold on a person: points with their entries, tiers, holds, and what each order earned."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.privacy import Part, Person, Rows, Section
from loyalty.activity.account.leaving import lost_by_leaving
from loyalty.activity.account.spending import release
from loyalty.activity.explaining import REASONS, rule_names, said_by
from loyalty.activity.models import InteractionDecision, InteractionHold, OrderDecision, SetAside
from loyalty.memberships import households
from loyalty.memberships.locking import lock_memberships
from loyalty.memberships.models import Membership
from loyalty.memberships.privacy import memberships_of
from loyalty.points.models import Entry, Grant, Hold, QualifyingDay, Wallet
from loyalty.points.statement import balance, forecast
from loyalty.tiers.models import Standing, TierChange


def holds(person: Person, now: datetime) -> list[Section]:
    """Return a person's wallets as they stand, every entry in words, and its tiers."""
    mine = memberships_of(person)
    return [
        Section("wallets", _("Your points now"), [_wallet(each, now) for each in _wallets(mine)]),
        Section("expiring", _("Points that end"), [row for each in _wallets(mine) for row in _forecast(each, now)]),
        Section("points", _("Every change of your points"), [row for each in mine for row in _entries(each)]),
        Section("holds", _("Points that were set aside"), _holds(mine, now)),
        Section("grants", _("Points that came of something else"), _grants(mine)),
        Section("order_points", _("What each order earned"), _decisions(mine)),
        Section("interaction_points", _("What else earned points"), _interactions(person)),
        Section("held_interactions", _("Reviews that somebody had to look at"), _held(person)),
        Section("qualifying_days", _("What counts for your tier, by day"), _days(mine)),
        Section("tier", _("Your tier"), _standings(mine)),
        Section("tier_changes", _("When your tier changed"), _changes(mine)),
    ]


def _wallets(mine: Iterable[Membership]) -> list[Wallet]:
    wallets = Wallet.objects.filter(membership__in=mine).select_related("membership__program__retailer")
    return list(wallets.order_by("pk"))


def _of(wallet: Wallet) -> dict[str, Any]:
    return {"program": wallet.membership.program.slug, "number": wallet.membership.number, "wallet": wallet.code}


def _wallet(wallet: Wallet, now: datetime) -> dict[str, Any]:
    return _of(wallet) | asdict(balance(wallet, at=now, zone=wallet.membership.program.tzinfo))


def _forecast(wallet: Wallet, now: datetime) -> Rows:
    return [_of(wallet) | asdict(each) for each in forecast(wallet, at=now, zone=wallet.membership.program.tzinfo)]


def _entries(member: Membership) -> Rows:
    entries = Entry.objects.filter(wallet__membership=member).select_related("wallet", "order")
    rows = list(entries.order_by("occurred_at", "pk"))
    rules = rule_names(member.program_id, rows)
    return [
        {
            "program": member.program.slug, "wallet": row.wallet.code, "occurred_at": row.occurred_at,
            "recorded_at": row.recorded_at, "kind": row.kind, "what": row.label, "points": row.available_change,
            "pending": row.pending_change, "balance": row.balance_after, "order": row.order.number if row.order else "",
            "why": said_by(row, rules), "explanation": row.explanation,
        }
        for row in rows
    ]  # fmt: skip


def _holds(mine: Iterable[Membership], now: datetime) -> Rows:
    rows = Hold.objects.filter(wallet__membership__in=mine).order_by("pk")
    return [
        {
            "reference": row.reference, "points": row.points, "redeemed": row.redeemed, "status": row.status_at(now).value,
            "held_at": row.held_at, "times_out_at": row.times_out_at, "ended_at": row.ended_by(now),
        }
        for row in rows
    ]  # fmt: skip


def _grants(mine: Iterable[Membership]) -> Rows:
    rows = Grant.objects.filter(membership__in=mine).order_by("pk")
    return rows.values("source", "wallet", "points", "said", "given", "reason", "occurred_at", "decided_at")


def _decisions(mine: Iterable[Membership]) -> Rows:
    rows = OrderDecision.objects.filter(membership__in=mine).select_related("order", "program", "wallet", "version")
    return [
        {
            "program": row.program.slug, "order": row.order.number, "wallet": row.wallet.code,
            "version": row.version.number if row.version else None, "points": row.points,
            "points_kept": row.points_kept, "is_first": row.is_first,
            "reason": str(REASONS[row.reason]) if row.reason else "", "occasion": row.occasion,
        }
        for row in rows.order_by("order__occurred_at", "pk")
    ]  # fmt: skip


def _interactions(person: Person) -> Rows:
    rows = InteractionDecision.objects.filter(interaction__customer__in=person.ids).select_related(
        "interaction", "program"
    )
    return [
        {"program": row.program.slug, "interaction": row.interaction.number, "points": row.points}
        for row in rows.order_by("pk")
    ]


def _held(person: Person) -> Rows:
    rows = InteractionHold.objects.filter(interaction__customer__in=person.ids).select_related("interaction")
    return [
        {"interaction": row.interaction.number, "why": row.get_reason_display(), "held_at": row.held_at,
         "decided_at": row.decided_at, "approved": row.is_approved}
        for row in rows.order_by("pk")
    ]  # fmt: skip


def _days(mine: Iterable[Membership]) -> Rows:
    rows = QualifyingDay.objects.filter(wallet__membership__in=mine).order_by("wallet", "on_date")
    return rows.values("wallet__code", "on_date", "spend", "points", "orders", "visits")


def _standings(mine: Iterable[Membership]) -> Rows:
    rows = Standing.objects.filter(membership__in=mine).select_related("tier", "program").order_by("pk")
    return [
        {"program": row.program.slug, "tier": row.tier.code if row.tier else "", "name": str(row.tier or "")}
        for row in rows
    ]


def _changes(mine: Iterable[Membership]) -> Rows:
    rows = TierChange.objects.filter(membership__in=mine).select_related("from_tier", "to_tier").order_by("pk")
    return [
        {"from": str(row.from_tier or ""), "to": str(row.to_tier or ""), "occurred_at": row.occurred_at} for row in rows
    ]


def loses(person: Person, now: datetime) -> dict[str, Any]:
    """Return what a person's memberships have that it cannot use any more."""
    return {"memberships": [_lost(each, now) for each in memberships_of(person) if _is_open(each)]}


def _is_open(member: Membership) -> bool:
    return member.left_at is None and member.merged_into_id is None


def _lost(member: Membership, now: datetime) -> dict[str, Any]:
    found = asdict(lost_by_leaving(member, at=now))
    found.pop("left_at")
    return {"program": member.program.slug, "member_number": member.number, **found}


# Whoever shares with a person, or lent to it for what a till holds: ends of holds lock them, too, and all in one order.
CONCERNED = """
WITH mine AS (SELECT id FROM memberships_membership WHERE customer_id = ANY(%s))
SELECT id FROM mine
UNION SELECT other.membership_id FROM memberships_householdmember me
    JOIN memberships_householdmember other ON other.household_id = me.household_id WHERE me.membership_id IN (SELECT id FROM mine)
UNION SELECT lender.membership_id FROM points_wallet w JOIN points_lot l ON l.wallet_id = w.id
    JOIN points_lot given ON given.id = l.from_lot_id JOIN points_wallet lender ON lender.id = given.wallet_id
    WHERE w.membership_id IN (SELECT id FROM mine) AND l.is_lent AND l.held > 0
"""


HELD = """
SELECT h.id FROM activity_interactionhold h JOIN customers_interaction i ON i.id = h.interaction_id
WHERE i.customer_id = ANY(%s) AND h.decided_at IS NULL ORDER BY h.id FOR NO KEY UPDATE OF h
"""


def lock_reviews(person: Person) -> None:
    """Wait for whoever decides what is held of it: that one holds it before it holds the person's members."""
    bulk.fetch(HELD, [list(person.ids)])


def lock(person: Person) -> None:
    """Hold a person's members with those who share with them: what tills and nights do is before the erasure, or after it."""
    lock_memberships(key for (key,) in bulk.fetch(CONCERNED, [list(person.ids)]))


def erase(person: Person, now: datetime) -> None:
    """
    End what a person has going on: holds, and the household that could spend its points. Points stay as they are.

    What is held of its reviews is refused: nobody gives points to nobody, nor publishes what is nobody's.
    """
    open_holds = InteractionHold.objects.filter(interaction__customer__in=person.ids, decided_at=None)
    open_holds.update(is_approved=False, decided_at=now)
    mine = memberships_of(person)
    for hold in Hold.objects.filter(wallet__membership__in=mine, status=Hold.Status.OPEN).order_by("pk"):
        release(hold.pk, now=now)
    for member in sorted(mine, key=lambda each: each.pk):
        households.leave(member, now=now)
    SetAside.objects.filter(membership__in=mine).update(error="")


PART = Part(
    "activity",
    (
        "activity_orderdecision", "activity_returndecision", "activity_interactiondecision", "activity_interactionhold",
        "activity_setaside",
        "tiers_standing", "tiers_tierchange",
    ),
    holds=holds,
    loses=loses,
    lock_first=lock_reviews,
    lock=lock,
    erase=erase,
)  # fmt: skip
