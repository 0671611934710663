"""What the driver does with referrals: friends claim, somebody looks at what is held, and what waits is given."""

from datetime import datetime
from decimal import Decimal

from customers.models import Retailer
from loyalty.activity.account import referring
from loyalty.activity.backlog import catch_up
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralPolicy
from tests.properties.model.terms import Terms

REFERRAL_REFUSALS = (referring.NoReferrals, referring.AlreadyReferred, referring.NotHeld)


class Referring:
    """Referrals of one program."""

    retailer: Retailer
    program: Program
    members: dict[str, Membership]
    terms: Terms

    def note_signals(self, name: str, now: datetime) -> None:
        """Let a shop tell where a member lives, and from where it calls."""
        referring.note_member_signals(self.members[name], {"address": name, "ip": name}, now=now)

    def claim(self, friend: str, advocate: str, signal: str, at: datetime, now: datetime) -> None:
        """Let a friend say who referred it: from the referrer's own address, or not."""
        signals = {signal: advocate} if signal else {}
        code = code_of(self.members[advocate], now=now)
        referring.claim_referral(self.members[friend], code, channel="shop", now=now, at=at, signals=signals)

    def review(self, friend: str, now: datetime, *, approve: bool) -> None:
        row = self._referral(friend)
        if row is None:
            raise referring.NotHeld(status="")
        referring.review_referral(row.pk, approve=approve, author="test", note="test", now=now)

    def give_grants(self, now: datetime) -> None:
        """Give members what waits for them because of others."""
        catch_up(self.retailer, now=now)

    def referred(self, name: str) -> tuple[str, str, int]:
        """Return what has become of the referral by which a member came, why, and how often it was earned."""
        row = self._referral(name)
        return referral_said(row.status, row.reason, row.round) if row else ("", "", 0)

    def _referral(self, name: str) -> Referral | None:
        rows = Referral.objects.filter(friend=self.members[name])
        return rows.exclude(status="refused").first() or rows.order_by("pk").last()


def referral_said(status: str, reason: str, times: int) -> tuple[str, str, int]:
    """Return what has become of a referral; of several that were refused each has its reason."""
    return (status, "", 0) if status == "refused" else (status, reason, times)


def offer_referrals(draft: ProgramVersion, terms: Terms) -> None:
    """Write the policy of referrals into a draft without any."""
    if (said := terms.referrals) is not None:
        ReferralPolicy.objects.create(
            version=draft, advocate_points=said.advocate_points, friend_points=said.friend_points,
            first_order_only=said.first_order_only, minimum_amount=Decimal(said.minimum), waiting_days=said.waiting_days,
            window_days=said.window_days, advocate_limit=said.advocate_limit, limit_period=said.limit_period,
            budget=said.budget, budget_period=said.budget_period, hold_score=said.hold_score,
        )  # fmt: skip
