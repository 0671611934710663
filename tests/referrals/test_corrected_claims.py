"""A first order that claims a referral by its promotion code claims what it says since its correction, and when."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from customers.facts import CorrectionFact
from loyalty.activity.account.referring import review_referral
from loyalty.activity.correcting import take_correction
from loyalty.activity.intake import take_orders
from loyalty.activity.replaying import replay
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.points.proof import prove
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral, ReferralPolicy
from tests import make
from tests.make import NOON
from tests.referrals.make_referrals import person, points, program, referred

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BOTH, NONE = [(0, 100), (0, 50)], [(0, 0), (0, 0)]


def club() -> dict[str, Membership]:
    """Return ada and carl, who have codes, and their friends bob and eve."""
    found = program()
    return {name: person(found, name) for name in ("ada", "carl", "bob", "eve")}


def fact(members: dict[str, Membership], customer: str, at: datetime, code: str, amount: str = "45.00") -> Any:
    promotion = code_of(members[code], now=NOON) if code else ""
    return make.order(customer, amount, at=at, name="o1", promotion_code=promotion)


def buys(members: dict[str, Membership], customer: str, at: datetime, code: str) -> None:
    take_orders(members["ada"].retailer, [fact(members, customer, at, code)], now=at)


def corrects(
    members: dict[str, Membership], customer: str, at: datetime, code: str, *, now: datetime, version: int = 1
) -> None:
    take_correction(members["ada"].retailer, CorrectionFact(fact(members, customer, at, code), version), now=now)


def have(members: dict[str, Membership], *names: str, at: datetime) -> list[tuple[int, int]]:
    return points(*(members[name] for name in names), at=at)


def test_an_order_that_is_anothers_claimed_nothing_for_whoever_had_it() -> None:
    members = club()
    buys(members, "bob", NOON, "ada")
    before = have(members, "ada", "bob", at=NOON)

    corrects(members, "eve", NOON, "ada", now=NOON + DAY)
    make.buys(members["bob"], "45.00", at=NOON + 2 * DAY)

    assert before == BOTH
    assert have(members, "ada", "bob", "eve", at=NOON + 2 * DAY) == [(0, 100), (0, 0), (0, 50)]
    assert (referred(members["bob"]), referred(members["eve"])) == (("refused", "not_claimed"), ("earned", ""))
    assert prove().differences == []
    assert replay(members["ada"].program, now=NOON + 3 * DAY).deviations == []


def test_an_order_that_comes_back_to_whoever_had_it_claims_again() -> None:
    members = club()
    buys(members, "bob", NOON, "ada")
    corrects(members, "eve", NOON, "ada", now=NOON + DAY)

    corrects(members, "bob", NOON, "ada", now=NOON + 2 * DAY, version=2)

    assert have(members, "ada", "bob", "eve", at=NOON + 2 * DAY) == [*BOTH, (0, 0)]
    assert have(members, "ada", "bob", "eve", at=NOON + 20 * DAY) == [(100, 0), (50, 0), (0, 0)]
    assert Referral.objects.get(friend=members["bob"]).round == 2
    assert prove().differences == []


@pytest.mark.parametrize("at", [NOON - DAY, NOON + timedelta(hours=1)])
def test_an_order_of_another_instant_claimed_then_and_goes_on_earning(at: datetime) -> None:
    members = club()
    buys(members, "bob", NOON, "ada")

    corrects(members, "bob", at, "ada", now=NOON + DAY)

    assert referred(members["bob"]) == ("earned", "")
    assert Referral.objects.get().claimed_at == at
    assert have(members, "ada", "bob", at=NOON + DAY) == BOTH


def test_an_order_that_turns_out_to_be_later_than_another_one_claimed_nothing() -> None:
    members = club()
    buys(members, "bob", NOON, "ada")
    make.buys(members["bob"], "10.00", at=NOON + DAY)

    corrects(members, "bob", NOON + 2 * DAY, "ada", now=NOON + 3 * DAY)

    assert have(members, "ada", "bob", at=NOON + 3 * DAY) == NONE
    assert referred(members["bob"])[1] == "bought_before"


def test_an_order_that_names_no_code_claims_nothing() -> None:
    members = club()
    buys(members, "bob", NOON, "ada")

    corrects(members, "bob", NOON, "", now=NOON + DAY)

    assert have(members, "ada", "bob", at=NOON + DAY) == NONE
    assert referred(members["bob"]) == ("refused", "not_claimed")


def test_an_order_that_names_a_code_claims_as_of_its_own_instant() -> None:
    members = club()
    buys(members, "bob", NOON, "")

    corrects(members, "bob", NOON, "ada", now=NOON + DAY)

    assert have(members, "ada", "bob", at=NOON + DAY) == BOTH
    assert Referral.objects.get().claimed_at == NOON


def test_an_order_that_names_anothers_code_gives_to_that_one() -> None:
    members = club()
    buys(members, "bob", NOON, "ada")

    corrects(members, "bob", NOON, "carl", now=NOON + DAY)

    assert have(members, "ada", "carl", "bob", at=NOON + DAY) == [(0, 0), *BOTH]
    assert [(each.status, each.reason) for each in Referral.objects.order_by("pk")] == [
        ("refused", "not_claimed"),
        ("earned", ""),
    ]


def test_an_order_whose_amount_alone_is_corrected_leaves_its_claim() -> None:
    members = club()
    buys(members, "bob", NOON, "ada")
    other = make.order("bob", "20.00", at=NOON, name="o1", promotion_code=code_of(members["ada"], now=NOON))

    take_correction(members["ada"].retailer, CorrectionFact(other, 1), now=NOON + DAY)

    assert have(members, "ada", "bob", at=NOON + DAY) == NONE
    assert referred(members["bob"]) == ("taken_back", "below_minimum")


def test_an_order_that_turns_out_to_be_of_another_versions_time_gives_what_that_one_promises() -> None:
    members = club()
    draft = open_draft(members["ada"].program)
    ReferralPolicy.objects.filter(version=draft).update(advocate_points=200, friend_points=80, budget=280)
    publish(draft, effective_from=NOON + 5 * DAY, now=NOON - DAY)
    buys(members, "bob", NOON, "ada")

    corrects(members, "bob", NOON + 6 * DAY, "ada", now=NOON + 7 * DAY)
    given = have(members, "ada", "bob", at=NOON + 7 * DAY)
    other = make.order("bob", "20.00", at=NOON + 6 * DAY, name="o1", promotion_code=code_of(members["ada"], now=NOON))
    take_correction(members["ada"].retailer, CorrectionFact(other, 2), now=NOON + 8 * DAY)

    assert given == [(0, 200), (0, 80)]
    assert have(members, "ada", "bob", at=NOON + 8 * DAY) == NONE
    assert referred(members["bob"]) == ("taken_back", "below_minimum")
    assert prove().differences == []
    assert replay(members["ada"].program, now=NOON + 9 * DAY).deviations == []


@pytest.mark.parametrize(("customer", "code"), [("eve", "ada"), ("bob", "carl"), ("bob", "")])
def test_what_was_approved_is_claimed_again_when_its_order_is_again_as_it_was(customer: str, code: str) -> None:
    found = program()
    members = {name: person(found, name) for name in ("carl", "eve")}
    members["ada"] = person(found, "ada", email="ada.lovelace@shop.example")
    members["bob"] = person(found, "bob", email="adalove-lace@shop.example")
    buys(members, "bob", NOON, "ada")
    review_referral(Referral.objects.get().pk, approve=True, author="sue", note="sisters", now=NOON)
    before = have(members, "ada", "bob", at=NOON)
    corrects(members, customer, NOON, code, now=NOON + DAY)

    corrects(members, "bob", NOON, "ada", now=NOON + 2 * DAY, version=2)

    assert before == BOTH
    row = Referral.objects.filter(friend=members["bob"]).order_by("status").first()
    assert row is not None
    is_known = code != "carl"  # who was referred by another one meanwhile is looked at again
    assert (row.status, row.reviewed_by) == (("earned", "sue") if is_known else ("held", ""))
    assert have(members, "ada", "bob", at=NOON + 2 * DAY) == (BOTH if is_known else NONE)
    assert prove().differences == []
