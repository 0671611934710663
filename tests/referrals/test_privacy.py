"""A person reads what referrals hold on it, and is forgotten in them; what others earned stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from customers.models import Customer, Erasure
from customers.privacy import erase, export
from loyalty.activity.account.referring import NoSuchCode, claim_referral, review_referral
from loyalty.points.models import Grant
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralCode, ReferralSignal
from tests import make
from tests.make import NOON
from tests.referrals.make_referrals import claims, person, points, program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def pair() -> Any:
    club = program()
    ada, bob = person(club, "ada", first_name="Ada"), person(club, "bob", first_name="Bob")
    claims(bob, ada, signals={"device": "phone"})
    make.buys(bob, "30.00", at=NOON)
    points(ada, bob, at=NOON)
    return ada, bob


def forget(who: Any) -> None:
    customer = Customer.objects.get(pk=who.customer_id)
    erase(customer, asked_by=Erasure.AskedBy.PERSON, reason="asked for it", now=NOON + DAY)


def test_a_person_reads_what_is_held_of_its_referrals_and_nothing_of_friends() -> None:
    ada, bob = pair()

    said = [
        {each["name"]: each["rows"] for each in export(Customer.objects.get(pk=who.customer_id), now=NOON)["sections"]}
        for who in (ada, bob)
    ]

    assert [(each["referrals"][0]["you_are"], each["referrals"][0]["status"]) for each in said] == [
        ("referrer", "earned"),
        ("friend", "earned"),
    ]
    assert [each["referral_codes"][0]["code"] for each in said[:1]] == [code_of(ada, now=NOON)]
    assert [len(each["referral_signals"]) for each in said] == [0, 1]
    assert "Bob" not in str(said[0]["referrals"])


def test_of_a_friend_that_is_erased_nothing_is_left_but_what_it_earned() -> None:
    ada, bob = pair()

    forget(bob)

    assert (ReferralSignal.objects.count(), Referral.objects.get().status) == (0, "earned")
    assert points(ada, at=NOON + 20 * DAY) == [(100, 0)]


def test_the_code_of_who_is_erased_leads_to_nobody() -> None:
    ada, bob = pair()
    code = code_of(ada, now=NOON)
    eve = person(ada.program, "eve")

    forget(ada)

    with pytest.raises(NoSuchCode):
        claim_referral(eve, code, channel="shop", now=NOON + DAY)
    assert (ReferralCode.objects.filter(code=code).count(), Referral.objects.get().code) == (0, "")
    assert points(bob, at=NOON + 20 * DAY) == [(50, 0)]


def test_what_staff_wrote_of_a_friend_is_forgotten() -> None:
    _, bob = pair()
    review_referral(Referral.objects.get().pk, approve=False, author="sue", note="Bob is Ada", now=NOON)

    forget(bob)

    assert (Referral.objects.get().review_note, Referral.objects.get().reviewed_by) == ("", "sue")


@pytest.mark.parametrize("ordered", [NOON + timedelta(hours=1), NOON + 2 * DAY], ids=["before, told since", "since"])
def test_who_is_erased_earns_nothing_more_and_its_friend_what_was_promised(ordered: datetime) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)

    forget(ada)
    make.buys(bob, "30.00", at=ordered)

    assert points(ada, bob, at=NOON + 20 * DAY) == [(0, 0), (50, 0)]
    assert list(Grant.objects.order_by("points").values_list("given", "reason")) == [(50, ""), (0, "erased_since")]
