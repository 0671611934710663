"""The only writer of referrals and of the digests of their signals."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.decision import Effect
from loyalty.referrals.models import Referral, ReferralSignal
from loyalty.referrals.state import REFUSED, MemberReplaced, ReferralSaved, SignalsSeen, orders_said

COLUMNS = (
    "id", "retailer_id", "program_id", "friend_id", "advocate_id", "version_id", "code", "channel", "status", "reason",
    "score", "suspicions", "claimed_at", "round", "order_id", "orders", "earned_at", "pending_until", "friend_grant_id",
    "advocate_grant_id", "reviewed_by", "review_note", "reviewed_at", "recorded_at",
)  # fmt: skip
REPLACE = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[3:-1])
SIGNALS = ("retailer_id", "program_id", "membership_id", "referral_id", "kind", "digest", "seen_at")
SEEN = (
    "ON CONFLICT (membership_id, kind, digest) DO UPDATE SET referral_id = coalesce(referrals_referralsignal.referral_id, \
excluded.referral_id)"
)
REPLACE_MEMBER = """
UPDATE referrals_referral SET advocate_id = %s WHERE advocate_id = %s AND friend_id <> %s
"""


def write(effects: Sequence[Effect], *, now: datetime) -> None:
    """Write down what a batch of decisions says of referrals."""
    saved: dict[UUID, ReferralSaved] = {}
    for effect in effects:
        if isinstance(effect, ReferralSaved):
            saved[effect.referral.id] = effect
    # What ends makes room for what goes on in its place.
    ended_first = sorted(saved.values(), key=lambda each: each.referral.status != REFUSED)
    bulk.insert(Referral, COLUMNS, (_row(each, now) for each in ended_first), suffix=REPLACE)
    note_signals(effect for effect in effects if isinstance(effect, SignalsSeen))
    for effect in effects:
        if isinstance(effect, MemberReplaced):
            bulk.execute(REPLACE_MEMBER, [effect.to_id, effect.from_id, effect.to_id])


def note_signals(seen: Iterable[SignalsSeen]) -> None:
    """Keep digests of what a shop told of members; what is known of a member stays as it was first seen."""
    rows = {
        (each.membership_id, kind, digest): (
            each.retailer_id, each.program_id, each.membership_id, each.referral_id, kind, digest, each.seen_at,
        )
        for each in seen
        for kind, digest in each.signals.items()
    }  # fmt: skip
    bulk.insert(ReferralSignal, SIGNALS, rows.values(), suffix=SEEN)


def _row(saved: ReferralSaved, now: datetime) -> tuple[Any, ...]:
    referral = saved.referral
    return (
        referral.id, saved.retailer_id, saved.program_id, saved.friend_id, referral.advocate_id, referral.version_id,
        referral.code, referral.channel, referral.status, referral.reason, referral.score,
        json.dumps([each.said() for each in referral.suspicions]), referral.claimed_at, referral.round, referral.order_id,
        json.dumps(orders_said(referral.orders)), referral.earned_at, referral.pending_until, referral.friend_grant,
        referral.advocate_grant, referral.reviewed_by, referral.review_note, referral.reviewed_at, now,
    )  # fmt: skip
