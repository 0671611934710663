"""What referrals, badges and paid plans hold on a person, and how they forget it."""

from typing import Any

import pytest

from customers.models import Customer, Erasure
from customers.privacy import Erased, erase, export
from loyalty.badges.account.given import give_badge
from loyalty.badges.account.joining import join_board
from loyalty.badges.models import BoardScore, ChallengeAward, Participation
from loyalty.memberships.models import Membership
from loyalty.plans.account.collecting import collect_due
from loyalty.plans.account.joining import join
from loyalty.plans.models import Invoice, Subscription
from loyalty.points.models import Grant, Wallet
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralCode, ReferralSignal
from tests import make
from tests.badges import game
from tests.make import NOON
from tests.plans import make_plans
from tests.privacy.people import DAY, found_in_the_database
from tests.referrals.make_referrals import claims, person
from tests.referrals.make_referrals import program as of_referrals

pytestmark = pytest.mark.django_db


def erased(who: Membership) -> Erased:
    customer = Customer.objects.get(pk=who.customer_id)
    return erase(customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON + 2 * DAY)


def held(who: Membership) -> dict[str, list[dict[str, Any]]]:
    customer = Customer.objects.get(pk=who.customer_id)
    return {each["name"]: each["rows"] for each in export(customer, now=NOON + DAY)["sections"]}


def test_a_referrers_code_leads_nowhere_and_both_rewards_stay() -> None:
    club = of_referrals()
    ada, bob = person(club, "ada", email="ada@example.org"), person(club, "bob", email="bob@example.org")
    code = code_of(ada, now=NOON)
    claims(bob, ada, signals={"device": "phone-of-bob"})
    make.buys(bob, "50.00", at=NOON + DAY)
    before = Grant.objects.count(), sorted(Wallet.objects.values_list("pending", flat=True))
    mine = held(ada)

    erased(ada)

    assert [row["code"] for row in mine["referral_codes"]] == [code]
    assert [row["status"] for row in mine["referrals"]] == ["earned"]
    assert (Grant.objects.count(), sorted(Wallet.objects.values_list("pending", flat=True))) == before
    assert (ReferralCode.objects.count(), Referral.objects.get().code, Referral.objects.get().status) == (
        0,
        "",
        "earned",
    )
    assert found_in_the_database(code) == set()


def test_a_friends_signs_are_gone_and_the_referrers_are_not() -> None:
    club = of_referrals()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada, signals={"device": "phone-of-bob"})
    assert [row["kind"] for row in held(bob)["referral_signals"]] == ["device"]

    erased(bob)

    assert ReferralSignal.objects.filter(membership=bob).count() == 0
    assert ReferralCode.objects.get().membership == ada
    assert Referral.objects.get().suspicions == []


def test_a_person_is_off_leaderboards_and_its_awards_stay() -> None:
    club = game.program(
        {"code": "three", "metric": "count", "target": "1", "levels": [{"target": "1", "points": 7}]},
        badges=[{"code": "kind"}],
        boards=[{"code": "spend", "metric": "spend"}],
    )
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    for who, name in ((ada, "Countess"), (bob, "Bobby")):
        join_board(who, "spend", name, now=NOON)
        make.buys(who, "10.00", at=NOON + DAY)
    give_badge(ada, "kind", author="sue", reason="Countess has a cold", now=NOON + DAY)
    awards, mine = ChallengeAward.objects.count(), held(ada)

    erased(ada)

    assert [row["pseudonym"] for row in mine["participations"]] == ["Countess"]
    assert len(mine["awards"]) * 2 == awards
    assert [(row["badge__code"], row["reason"]) for row in mine["given_badges"]] == [("kind", "Countess has a cold")]
    assert ChallengeAward.objects.count() == awards
    assert [each.pseudonym for each in Participation.objects.all()] == ["Bobby"]
    assert {each.membership for each in BoardScore.objects.all()} == {bob}
    assert found_in_the_database("Countess") == set()


def test_a_plan_ends_with_what_is_paid_and_nobody_is_charged(settings: Any) -> None:
    club = make_plans.program()
    settings.PAYMENT_ACCOUNTS = {club.retailer.slug: {"provider": "test", "webhook_secret": "s"}}
    ada = make.member(club, "ada")
    join(ada, "plus", method="pays", now=NOON)
    collect_due(club.retailer, now=NOON)
    paid = [(each.status, each.amount) for each in Invoice.objects.all()]
    mine = held(ada)

    told = erased(ada)

    assert [row["method"] for row in mine["plans"]] == ["pays"]
    assert [(row["amount"], row["asked_method"]) for row in mine["invoices"]] == [("10.00", "pays")]
    assert told.lost["memberships"][0]["plan"] != ""
    plan = Subscription.objects.get()
    assert (plan.status, plan.cancels, plan.method) == ("active", True, "")
    assert [(each.status, each.amount) for each in Invoice.objects.all()] == paid
    assert [each.asked_method for each in Invoice.objects.all()] == [""]
    assert collect_due(club.retailer, now=NOON + 40 * DAY) == 0
