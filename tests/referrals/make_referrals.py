"""Builders of programs with referrals, and of what referrers and friends do."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from customers.models import Customer, Retailer
from loyalty.activity.account.referring import Claimed, claim_referral
from loyalty.activity.backlog import catch_up
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralPolicy
from tests import make
from tests.make import NOON


def add_policy(draft: ProgramVersion, **policy: Any) -> None:
    given = {"advocate_points": 100, "friend_points": 50, "minimum_amount": "30.00", **policy}
    given["minimum_amount"] = Decimal(given["minimum_amount"])
    ReferralPolicy.objects.create(version=draft, link="https://shop.example/invite?code={code}", **given)


def program(
    owner: Retailer | None = None,
    *,
    since: datetime = make.START,
    policy: dict[str, Any] | None = None,
    **given: Any,
) -> Program:
    """Return a program in force: 100 for the referrer, 50 for the friend, on a first order of 30.00, pending for 14 days."""
    review = make.Rule(code="review", kind="per_interaction", interaction="review")
    draft = make.version(owner, **{"rules": (review,), **given})
    add_policy(draft, **(policy or {}))
    return make.published(draft, since=since)


def person(club: Program, name: str, *, since: datetime = make.START, **about: Any) -> Membership:
    """Return a member of whom more is known than its id."""
    Customer.objects.create(retailer=club.retailer, external_id=name, identified_at=since, **about)
    return make.member(club, name, since=since)


def claims(friend: Membership, advocate: Membership, *, at: datetime = NOON, **given: Any) -> Claimed:
    """Let a friend claim that a member referred it."""
    code = code_of(advocate, now=at)
    return claim_referral(friend, code, **{"channel": "shop", "now": at, "at": at, **given})


def referred(friend: Membership) -> tuple[str, str]:
    """Return the status and the reason of the referral by which a member came."""
    row = Referral.objects.filter(friend=friend).order_by("pk").last()
    return (row.status, row.reason) if row else ("", "")


def points(*members: Membership, at: datetime) -> list[tuple[int, int]]:
    """Return what each member can spend and what is pending, after all that waits by an instant was carried out."""
    catch_up(members[0].retailer, now=at)
    wallets = [make.wallet_of(each) for each in members]
    return [(wallet.available, wallet.pending) for wallet in wallets]
