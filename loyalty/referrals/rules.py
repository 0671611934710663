"""
Who may refer whom, what is suspicious of it, and which order earns it. Pure.

A claim is judged by what was so at its own instant: it is refused for what makes it no referral, held for a person to decide
where enough is suspicious, and open otherwise. What it has earned is told by the friend's orders alone, in whatever order
they are told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from customers.core.values import dataclass

NOTHING = Decimal(0)
NEARLY = Decimal("1.05")  # of the minimum: an order up to here is just above it
IGNORED = str.maketrans("", "", " -_\u00a0\u2010\u2011\u2013")  # in codes
MAX_KNOWN = 10  # orders of a friend of which the earliest are remembered

# What makes it no referral, the plainest first.
SAME_CUSTOMER, SAME_EMAIL, SAME_PHONE, SAME_PAYMENT = "same_customer", "same_email", "same_phone", "same_payment"
BOUGHT_BEFORE, CYCLE, ADVOCATE_LEFT = "bought_before", "cycle", "advocate_left"
NOT_CLAIMED = "not_claimed"
# What is suspicious, and by how much.
SCORES = {
    "same_device": 60, "same_household": 60, "same_address": 50, "same_ip": 20, "velocity": 100,
    "nearly_same_email": 60, "similar_email": 40,
    "orders_returned": 40, "orders_just_above_minimum": 30, "just_above_minimum": 20,
}  # fmt: skip
SHARED = {"device": "same_device", "address": "same_address", "ip": "same_ip"}
MANY_RETURNED, MANY_JUST_ABOVE, MANY_ALIKE = 2, 3, 2


@dataclass(frozen=True, slots=True)
class ReferralRules:
    """
    What a version promises for referrals.

    :param link: the address that is shared, with {code} in it; empty for none
    :param first_order_only: whether the friend's first order alone counts, or the first that reaches the minimum
    :param minimum_amount: of what the order's kept lines cost in money, in the retailer's currency
    :param waiting_days: whole days for which both rewards are pending
    :param window_days: from the claim, within which the order is to come; 0 for no end
    :param advocate_limit: rewards of one referrer in a period; None for no limit
    :param budget: points that all referrers and friends together may get in a period; None for no limit
    :param claims_limit: claims from one address or device within `claims_days`; the next one is held
    :param hold_score: of what is suspicious, from which a claim is held
    """

    link: str = ""
    wallet: str = "points"
    advocate_points: int = 0
    friend_points: int = 0
    first_order_only: bool = True
    minimum_amount: Decimal = NOTHING
    waiting_days: int = 14
    window_days: int = 90
    advocate_limit: int | None = None
    limit_period: str = "month"
    budget: int | None = None
    budget_period: str = "ever"
    claims_limit: int = 10
    claims_days: int = 7
    hold_score: int = 50


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What is known of a claim at its instant.

    :param is_nearly_same_email: that their addresses are one but for dots and dashes
    :param shared: the kinds of signals that friend and referrer have in common
    :param bought_at: when the friend first bought; None for never
    :param in_chain: whether the friend is the one who, maybe by others, referred the referrer
    :param earlier: earlier claims of others with the same signal, by its kind
    :param alike: earlier friends of the referrer with an address like the friend's
    :param returned: earlier friends of the referrer whose reward was taken back
    :param just_above: those whose order was just above the minimum
    """

    is_same_customer: bool = False
    is_same_email: bool = False
    is_same_phone: bool = False
    has_left: bool = False
    shares_household: bool = False
    is_nearly_same_email: bool = False
    shared: frozenset[str] = frozenset()
    bought_at: datetime | None = None
    in_chain: bool = False
    earlier: Mapping[str, int] = field(default_factory=dict)
    alike: int = 0
    returned: int = 0
    just_above: int = 0


@dataclass(frozen=True, slots=True)
class Suspicion:
    """
    One thing that is suspicious of a claim.

    :param count: of what was counted; 0 where nothing was
    """

    code: str
    score: int
    count: int = 0

    def said(self) -> dict[str, object]:
        return {"code": self.code, "score": self.score, **({"count": self.count} if self.count else {})}


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What becomes of a claim.

    :param refusal: why it is none, as a code; empty where it may be one
    """

    refusal: str
    suspicions: tuple[Suspicion, ...]

    @property
    def score(self) -> int:
        return sum(each.score for each in self.suspicions)


def plain(text: str) -> str:
    """Return a code as it is stored, whatever blanks and small letters it was typed with."""
    return text.translate(IGNORED).upper()


def judge(evidence: Evidence, rules: ReferralRules, at: datetime) -> Judgement:
    """Return what becomes of a claim made at an instant."""
    return Judgement(_refusal(evidence, at), tuple(_suspicions(evidence, rules)))


def _refusal(evidence: Evidence, at: datetime) -> str:
    tests = (
        (SAME_CUSTOMER, evidence.is_same_customer),
        (SAME_EMAIL, evidence.is_same_email),
        (SAME_PHONE, evidence.is_same_phone),
        (SAME_PAYMENT, "payment" in evidence.shared),
        (ADVOCATE_LEFT, evidence.has_left),
        (BOUGHT_BEFORE, evidence.bought_at is not None and evidence.bought_at < at),
        (CYCLE, evidence.in_chain),
    )
    return next((code for code, holds in tests if holds), "")


def _suspicions(evidence: Evidence, rules: ReferralRules) -> Iterable[Suspicion]:
    for kind, code in SHARED.items():
        if kind in evidence.shared:
            yield Suspicion(code, SCORES[code])
    if evidence.shares_household:
        yield Suspicion("same_household", SCORES["same_household"])
    if evidence.is_nearly_same_email:
        yield Suspicion("nearly_same_email", SCORES["nearly_same_email"])
    most = max(evidence.earlier.values(), default=0)
    if most >= rules.claims_limit:
        yield Suspicion("velocity", SCORES["velocity"], most + 1)
    for code, count, many in (
        ("similar_email", evidence.alike, MANY_ALIKE),
        ("orders_returned", evidence.returned, MANY_RETURNED),
        ("orders_just_above_minimum", evidence.just_above, MANY_JUST_ABOVE),
    ):
        if count >= many:
            yield Suspicion(code, SCORES[code], count)


@dataclass(frozen=True, slots=True)
class FriendOrder:
    """An order of a friend: what its kept lines cost in money; 0 and `is_kept` false where all came back."""

    id: UUID
    at: datetime
    amount: Decimal
    is_kept: bool = True


def with_order(orders: Sequence[FriendOrder], changed: FriendOrder, rules: ReferralRules) -> tuple[FriendOrder, ...]:
    """Return the friend's orders, the earliest first, with one of them as it is now; only those that may count."""
    others = [each for each in orders if each.id != changed.id]

    def counts(order: FriendOrder) -> tuple[bool, bool, datetime, str]:
        is_little = not rules.first_order_only and order.amount < rules.minimum_amount
        return not order.is_kept, is_little, order.at, str(order.id)

    known = sorted((*others, changed), key=counts)[:MAX_KNOWN]
    return tuple(sorted(known, key=lambda order: (order.at, str(order.id))))


def without_order(orders: Sequence[FriendOrder], order_id: UUID) -> tuple[FriendOrder, ...]:
    """Return the friend's orders without one that is not the friend's any more."""
    return tuple(each for each in orders if each.id != order_id)


@dataclass(frozen=True, slots=True)
class EarningOrder:
    """
    Which order earns a referral.

    :param reason: why none does, as a code
    """

    order: FriendOrder | None
    reason: str = ""


def earning_order(orders: Sequence[FriendOrder], claimed_at: datetime, rules: ReferralRules) -> EarningOrder:
    """Return the order that earns a referral, by the friend's orders since the claim, of which something is kept."""
    window = timedelta(days=rules.window_days)
    kept = [order for order in orders if order.is_kept and order.at >= claimed_at]
    if not kept:
        return EarningOrder(None, "order_returned" if orders else "")
    candidates = kept[:1] if rules.first_order_only else kept
    in_time = [order for order in candidates if not rules.window_days or order.at <= claimed_at + window]
    if not in_time:
        return EarningOrder(None, "too_late")
    earning = next((order for order in in_time if order.amount >= rules.minimum_amount), None)
    return EarningOrder(earning, "" if earning else "below_minimum")


def is_just_above(amount: Decimal, rules: ReferralRules) -> bool:
    """Tell whether an order is hardly larger than it has to be."""
    return NOTHING < rules.minimum_amount <= amount < rules.minimum_amount * NEARLY
