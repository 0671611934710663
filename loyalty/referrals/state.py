"""A member's referrals as decisions see them: the one by which it came, and what it got for its own. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.decision import Effect
from loyalty.engine.member import Key
from loyalty.engine.versions import RulesOf
from loyalty.referrals.rules import Evidence, FriendOrder, ReferralRules, Suspicion

REFERRALS: "Key[ReferralState]" = Key("referrals")
POLICY: "RulesOf[ReferralRules | None]" = RulesOf("referrals")

OPEN, HELD, EARNED, TAKEN_BACK, REFUSED = "open", "held", "earned", "taken_back", "refused"
ADVOCATE, FRIEND = "advocate", "friend"


@dataclass(frozen=True)
class Referral:
    """
    A friend who was referred.

    :param advocate_id: the membership that referred it
    :param status: open, held, earned, taken_back or refused
    :param reason: why it is held, refused or taken back, as a code
    :param version_id: under which it was claimed: it promises and asks what that one does
    :param round: how often it was earned
    :param order_id: the order that earns it now
    :param orders: of the friend since the claim that may count, the earliest first
    :param reviewed_by: who decided that it is one, or none; empty for nobody
    """

    id: UUID
    advocate_id: UUID
    code: str
    channel: str
    status: str
    claimed_at: datetime
    version_id: int
    reason: str = ""
    suspicions: tuple[Suspicion, ...] = ()
    round: int = 0
    order_id: UUID | None = None
    earned_at: datetime | None = None
    pending_until: datetime | None = None
    friend_grant: UUID | None = None
    advocate_grant: UUID | None = None
    orders: tuple[FriendOrder, ...] = ()
    reviewed_by: str = ""
    review_note: str = ""
    reviewed_at: datetime | None = None

    @property
    def score(self) -> int:
        return sum(each.score for each in self.suspicions)

    @property
    def is_live(self) -> bool:
        """Tell whether something may still become of it."""
        return self.status != REFUSED


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A referrer whose code was named by a member, and what is known of both at that instant.

    :param fact_id: of the claim, or of the order that named the code
    :param orders: of the member since then, as far as they were decided before
    """

    fact_id: UUID
    advocate_id: UUID
    code: str
    evidence: Evidence
    orders: tuple[FriendOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """A reward that a referrer got and keeps, and when its friend earned it."""

    grant_id: UUID
    at: datetime


@dataclass(frozen=True)
class ReferralState:
    """
    What a decision knows of a member's referrals.

    :param referral: by which the member came; None for none
    :param bought_at: when it first bought, where it was referred
    :param in_cycle: whether it is among those who, maybe by others, were referred by it
    :param is_same_person: whether it turned out to be the one who referred it
    :param candidates: referrers whose codes this batch names, by the claim or the order
    :param given: rewards as a referrer, where one more is to be decided
    """

    referral: Referral | None = None
    bought_at: datetime | None = None
    in_cycle: bool = False
    is_same_person: bool = False
    candidates: Mapping[UUID, Candidate] = field(default_factory=dict)
    given: tuple[Given, ...] = ()

    def having(self, referral: Referral | None) -> "ReferralState":
        return replace(self, referral=referral)


@dataclass(frozen=True, slots=True)
class ReferralEffect(Effect):
    """One thing that this capability writes."""

    writer: ClassVar[str] = "referrals"


@dataclass(frozen=True, slots=True)
class ReferralSaved(ReferralEffect):
    """A friend's referral is now as its state says."""

    retailer_id: int
    program_id: int
    friend_id: UUID
    referral: Referral


@dataclass(frozen=True, slots=True)
class SignalsSeen(ReferralEffect):
    """Digests of what a shop told of a member's device and the like, by kind."""

    retailer_id: int
    program_id: int
    membership_id: UUID
    referral_id: UUID | None
    signals: Mapping[str, str]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class MemberReplaced(ReferralEffect):
    """A member turned out to be another one: whom it referred, that one has referred."""

    from_id: UUID
    to_id: UUID


def orders_said(orders: Sequence[FriendOrder]) -> list[dict[str, Any]]:
    """Return orders as they are stored."""
    return [
        {"id": str(each.id), "at": each.at.isoformat(), "amount": f"{each.amount:f}", "kept": each.is_kept}
        for each in orders
    ]


def read_orders(said: Sequence[Mapping[str, Any]]) -> tuple[FriendOrder, ...]:
    """Return orders from what is stored of them."""
    return tuple(
        FriendOrder(UUID(each["id"]), datetime.fromisoformat(each["at"]), Decimal(each["amount"]), each["kept"])
        for each in said
    )
