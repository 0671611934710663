"""What a member's page shows above its statement, and the stories below: reads only."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import local_date
from customers.core.labels import labelled
from customers.core.values import dataclass
from loyalty.activity.member.holds import open_holds
from loyalty.activity.member.wallets import wallet_names
from loyalty.activity.progress import plan_of, progress
from loyalty.activity.search.hits import in_groups
from loyalty.configuration.wording import conditions_in_words
from loyalty.experiments.assigning import arms_of
from loyalty.memberships.models import Membership
from loyalty.points.models import Lot, Movement, Wallet
from loyalty.points.statement import Balance, balance, forecast
from loyalty.tiers.models import TierChange

SHOWN_LOTS, SHOWN_CHANGES = 25, 10


@dataclass(frozen=True)
class Step:
    """One movement of a lot, as its story tells it."""

    at: datetime
    kind: str
    from_state: str
    to_state: str
    amount: int
    cause: str


@dataclass(frozen=True)
class NamedBalance:
    """What a wallet holds, with the name that its program gives it."""

    name: str
    balance: Balance


def head_of(membership: Membership) -> dict[str, Any]:
    """Return who a member is, where it stands and what it has."""
    now, zone = timezone.now(), membership.program.tzinfo
    names = wallet_names(membership, at=now)
    wallets = {each.code: each for each in Wallet.objects.filter(membership=membership)}
    found = progress(membership, at=now)
    return {
        "member": membership,
        "grouped_number": in_groups(membership.number),
        "wallet_names": names,
        "balances": [NamedBalance(name, balance(wallets[code], at=now, zone=zone)) for code, name in names.items()],
        "progress": found,
        "progress_percent": found.percent,
        "missing": conditions_in_words(found.missing, membership.program.retailer.currency, is_any=found.is_any),
        "plan": plan_of(membership, at=now),
        "holds": open_holds(membership, at=now),
        "arms": _arms(membership, now),
    }


def _arms(membership: Membership, now: datetime) -> str:
    """Return what staff see, and the member is not told: in which variants it is."""
    found = [each for each in arms_of(membership.customer, now=now) if each.is_running]
    return ", ".join(labelled(str(each.experiment), str(each.variant)) for each in found)


def lots_of(membership: Membership) -> dict[str, Any]:
    """Return the stories of a member's newest lots, when points expire, and how its tier changed."""
    wallet = Wallet.objects.get(membership=membership, code="points")
    movements = Movement.objects.select_related("entry").order_by("id")
    lots = Lot.objects.filter(wallet__membership=membership)
    newest = lots.select_related("rule", "version", "order").prefetch_related(Prefetch("movements", movements))
    changes = TierChange.objects.filter(membership=membership).select_related("from_tier", "to_tier").order_by("-id")
    return {
        "forecast": forecast(wallet, at=timezone.now(), zone=membership.program.tzinfo, dates=6),
        "lots": [
            (lot, last_day(lot, membership), story(lot)) for lot in newest.order_by("-earned_at", "-id")[:SHOWN_LOTS]
        ],
        "lot_count": lots.count(),
        "tier_changes": list(changes[:SHOWN_CHANGES]),
    }


def last_day(lot: Lot, membership: Membership) -> date | None:
    """Return the last day on which a lot's points can be spent."""
    if lot.expires_at is None:
        return None
    return local_date(lot.expires_at, membership.program.tzinfo) - timedelta(days=1)


def story(lot: Lot) -> list[Step]:
    """Return what became of a lot, movement by movement."""
    return [
        Step(
            movement.entry.occurred_at,
            movement.entry.label,
            str(STATES[movement.from_state]),
            str(STATES[movement.to_state]),
            movement.amount,
            movement.entry.cause,
        )
        for movement in sorted(lot.movements.all(), key=lambda movement: movement.pk)
    ]


STATES = {
    "issued": _("issued"),
    "pending": _("pending"),
    "available": _("available"),
    "held": _("held"),
    "redeemed": _("redeemed"),
    "expired": _("expired"),
    "cancelled": _("cancelled"),
    "transferred": _("transferred"),
}
