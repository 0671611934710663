"""What members and shops read of referrals: of a friend no more than its initial, of what is suspicious nothing to members."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, QuerySet, When
from django.utils.translation import gettext_lazy as _

from customers.core.values import dataclass
from loyalty.activity.inviting import is_invited
from loyalty.activity.versions import versions_of_member
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral
from loyalty.referrals.rules import BOUGHT_BEFORE, ReferralRules
from loyalty.referrals.state import POLICY

WAITING, CHECKING, PENDING, REWARDED, NO_REWARD, ENDED = (
    "waiting", "checking", "pending", "rewarded", "no_reward", "ended",
)  # fmt: skip
STATES = (WAITING, CHECKING, PENDING, REWARDED, NO_REWARD, ENDED)
WORDS = {
    WAITING: _("We wait for your friend’s order."),
    CHECKING: _("We are looking at this invitation. You need not do anything."),
    PENDING: _("Your friend has ordered. The reward comes when the order can come back no more."),
    REWARDED: _("The reward has been paid."),
    NO_REWARD: _("Your friend has ordered. You have had all rewards that there are for now."),
    ENDED: _("This invitation does not meet the conditions of the program."),
}


@dataclass(frozen=True, slots=True)
class Friend:
    """
    A friend as its referrer sees it.

    :param initial: of its first name; empty where none is known
    :param points: of the reward, of whoever looks at it; 0 for none
    :param wallet: where they go; empty for none
    """

    initial: str
    state: str
    words: str
    claimed_at: datetime
    points: int = 0
    wallet: str = ""
    pending_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """
    A member's referrals in a program.

    :param code: to share; empty for who is not to be asked to invite anybody
    :param link: to share; empty where the program names no address
    :param rules: what the version in force promises; None where it promises nothing
    :param counts: friends by state
    :param mine: the referral by which the member came, as its friend sees it; None for none
    """

    membership: Membership
    code: str
    link: str
    rules: ReferralRules | None
    counts: dict[str, int]
    mine: Friend | None


def has_referrals(membership: Membership, at: datetime) -> bool:
    """Tell whether there is anything of referrals to say to a member."""
    if _rules_at(membership, versions_of_member(membership), at) is not None:
        return True
    return Referral.objects.filter(advocate=membership).exists() or Referral.objects.filter(friend=membership).exists()


def overview(membership: Membership, *, at: datetime) -> Overview:
    """Return a member's referrals as they are at an instant; a member that has no code yet gets one."""
    versions = versions_of_member(membership)
    rules = _rules_at(membership, versions, at)
    code = code_of(membership, now=at) if is_invited(membership, versions, at=at) else ""
    link = rules.link.replace("{code}", code) if rules and rules.link else ""
    counts = Counter(friend_of(each, at=at).state for each in friends_of(membership)[:1_000])
    # The one that goes on, where the person of two memberships was referred twice; else the last one.
    is_over = Case(When(status=Referral.Status.REFUSED, then=1), default=0)
    referrals = Referral.objects.filter(friend=membership).select_related("friend_grant", "version")
    own = referrals.order_by(is_over, "-pk").first()
    mine = _friend(own, at, own.friend_grant) if own else None
    return Overview(membership, code, link, rules, {state: counts.get(state, 0) for state in STATES}, mine)


def friends_of(membership: Membership) -> QuerySet[Referral]:
    """Return whom a member referred, the newest first."""
    rows = Referral.objects.filter(advocate=membership).order_by("-pk")
    return rows.select_related("friend__customer", "advocate_grant", "version__referral_policy")


def friend_of(referral: Referral, *, at: datetime) -> Friend:
    """Return a friend as its referrer sees it at an instant."""
    return _friend(referral, at, referral.advocate_grant)


def _friend(referral: Referral, at: datetime, grant: Any) -> Friend:
    state = _state(referral, at, grant)
    is_rewarded = state in {PENDING, REWARDED} and grant is not None
    return Friend(
        initial=referral.friend.customer.first_name[:1].upper(),
        state=state,
        words=str(WORDS[state]),
        claimed_at=referral.claimed_at,
        points=grant.points if is_rewarded else 0,
        wallet=grant.wallet if is_rewarded else "",
        pending_until=referral.pending_until if state == PENDING else None,
    )


def _state(referral: Referral, at: datetime, grant: Any) -> str:
    status = Referral.Status(referral.status)
    if status == Referral.Status.HELD:
        return CHECKING
    if status == Referral.Status.EARNED:
        if grant is None or (grant.decided_at is not None and not grant.given):
            return NO_REWARD
        return PENDING if referral.pending_until is not None and referral.pending_until > at else REWARDED
    if status == Referral.Status.OPEN and not _is_over(referral, at):
        return WAITING
    return ENDED


def _is_over(referral: Referral, at: datetime) -> bool:
    """Tell whether no order can earn a referral any more that waits for one."""
    policy = referral.version.referral_policy
    if referral.reason == BOUGHT_BEFORE:
        return True
    if policy.first_order_only and referral.reason in {"below_minimum", "too_late"}:
        return True
    return bool(policy.window_days) and at > referral.claimed_at + timedelta(days=policy.window_days)


def _rules_at(membership: Membership, versions: Versions, at: datetime) -> ReferralRules | None:
    version = versions.at(at)
    return version.of(POLICY) if version and is_invited(membership, versions, at=at) else None
