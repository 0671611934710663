"""What rewards hold on a person: what it redeemed, with the codes."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.activity.rewards.redeemed import code_of
from loyalty.rewards.models import RewardRedemption, VoucherHold


def holds(person: Person, now: datetime) -> list[Section]:
    """Return the rewards that a person redeemed, and when tills had them in hand."""
    rows = _redeemed(person).select_related("reward", "program").order_by("pk")
    tills = VoucherHold.objects.filter(redemption__membership__customer__in=person.ids).order_by("pk")
    return [
        Section("rewards", _("Rewards that you redeemed"), [_reward(row, now) for row in rows]),
        Section(
            "vouchers_at_tills",
            _("When tills had your vouchers in hand"),
            tills.values("till", "status", "held_at"),
        ),
    ]


def _redeemed(person: Person) -> Any:
    return RewardRedemption.objects.filter(membership__customer__in=person.ids).with_withdrawals()


def _reward(row: RewardRedemption, now: datetime) -> dict[str, Any]:
    return {
        "program": row.program.slug, "reward": row.reward.code, "name": str(row.reward), "points": row.points,
        "status": row.status_at(now).value, "code": code_of(row), "reference": row.reference, "redeemed_at": row.redeemed_at,
        "expires_at": row.expires_at, "used_at": row.used_at, "ended_at": row.ended_by(now), "order": row.order_number,
        "note": row.note, "reserved": row.reserved, "cost": row.spent,
    }  # fmt: skip


def erase(person: Person, _now: datetime) -> None:
    """Keep what was redeemed, without notes such as a parcel's number. A code is good for whoever holds it."""
    _redeemed(person).update(note="")


PART = Part(
    "rewards",
    (
        "rewards_rewardredemption", "rewards_rewardcode", "rewards_voucherhold", "rewards_causeentry",
        "rewards_rewardbudgetentry",
    ),
    holds=holds, erase=erase,
)  # fmt: skip
