"""Two who have something of everything are merged, whichever of them goes: nothing of the one stands in the other's way."""

from datetime import timedelta

import pytest

from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import redeem
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.badges.account.joining import join_board, join_challenge
from loyalty.badges.models import Badge, GivenBadge
from loyalty.campaigns.journeys.carrying import follow_merges
from loyalty.campaigns.models import OfferGrant
from loyalty.memberships import households
from loyalty.memberships.models import Membership
from loyalty.plans.models import Subscription
from loyalty.points.proof import prove
from loyalty.programs.models import Program
from tests import make
from tests.badges import game as of_badges
from tests.campaigns import make_offers as of_offers
from tests.campaigns import make_surveys as of_surveys
from tests.make import NOON
from tests.plans import make_plans
from tests.referrals import make_referrals
from tests.rewards import shop as of_rewards

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NAMES = ("ada", "bob")


@pytest.fixture
def club() -> Program:
    """A program of which Ada and Bob have tiers, points, rewards, badges, places on a board; and others with plans and offers."""
    draft = make.version(tiers=[("bronze", "0", "1"), ("silver", "50", "1")], points={"pending_days": 1})
    of_rewards.reward(draft)
    joined = {"code": "joined", "target": "9", "opt_in": True}
    of_badges.add(draft, {"target": "1", "badge": "badge0"}, joined, badges=[{}], boards=[{"code": "buyers"}])
    make_referrals.add_policy(draft)
    found = make.published(draft)
    for name in NAMES:
        has_everything(make.member(found, name))
    run_nights(found, until=(NOON + DAY).date(), now=NOON + DAY)
    for name in NAMES:
        who = Membership.objects.get(program=found, customer__external_id=name)
        redeem(who, 3, reference="till", now=NOON + DAY)
        redeem_reward(who, "five-off", reference="r1", now=NOON + DAY)
    paid = make_plans.program(owner=found.retailer)
    of_shop = of_offers.club(owner=found.retailer)
    for name in NAMES:
        make_plans.joined(make.member(paid, name), at=NOON)
    of_offers.ask(of_offers.offer(of_shop), *(make.member(of_shop, name) for name in NAMES))
    return found


def has_everything(who: Membership) -> None:
    join_board(who, "buyers", who.customer.external_id.title(), now=NOON)
    join_challenge(who, "joined", now=NOON)
    badge = Badge.objects.get(version__program=who.program)
    GivenBadge.objects.create(
        retailer=who.retailer,
        membership=who,
        badge=badge,
        badge_key=badge.key,
        given_at=NOON,
        given_by="sue",
        reason="kind",
    )
    make.buys(who, "600.00", at=NOON)
    of_badges.does(who, "review", NOON)
    of_surveys.unhappy(who, at=NOON)


@pytest.mark.parametrize("are_together", [False, True])
@pytest.mark.parametrize(("goes", "stays"), [NAMES, NAMES[::-1]])
def test_two_who_have_something_of_everything_are_one(
    club: Program, goes: str, stays: str, *, are_together: bool
) -> None:
    one, other = (Membership.objects.get(program=club, customer__external_id=name) for name in (stays, goes))
    cyd = make.member(club, "cyd")
    households.share(one, [other, cyd] if are_together else [cyd], name="us", now=NOON + DAY)

    answer = take_merge(club.retailer, goes, stays, reference="crm", now=NOON + 2 * DAY)
    while follow_merges(club.retailer, now=NOON + 2 * DAY):
        pass

    assert [each.points for each in answer.memberships] == [{"points": 97}, {"points": 0}, {"points": 0}]
    assert make.wallet_of(one).available == 2 * 97
    assert Subscription.objects.filter(membership__customer=one.customer_id, key__isnull=False).count() == 1
    granted = OfferGrant.objects.values_list(
        "membership__customer__external_id", "membership__merged_into__customer__external_id", "state"
    )
    assert set(granted) == {(goes, stays, "granted"), (stays, None, "granted")}  # what either was given stays
    run_nights(club, until=(NOON + 40 * DAY).date(), now=NOON + 40 * DAY)
    assert prove().differences == []
