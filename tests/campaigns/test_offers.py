"""Scenario S16, and what is next to it: what an offer reserves, what it costs, who gets it, and what becomes of it."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Erasure, Retailer
from customers.privacy import erase
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.models import SetAside
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.redeeming import LimitReached, NotForMember, SoldOut, redeem_reward
from loyalty.activity.rewards.tills import AmountTooFine, MoreThanReserved, check_voucher, confirm_voucher, hold_voucher
from loyalty.activity.rewards.undoing import HeldByTill, NotUndoable
from loyalty.campaigns.models import Offer, OfferGrant, OfferRefusal, Recipient
from loyalty.campaigns.offering.managing import (
    BudgetTooSmall,
    OfferHasFlaws,
    WrongOfferState,
    end_offer,
    set_budget,
    start,
    withdraw_offer,
)
from loyalty.campaigns.offering.reading import figures_of, offers_of_member, rewards_of_grants, status_of, to_use
from loyalty.campaigns.offering.releasing import release_due
from loyalty.campaigns.offering.taking import OfferOver, decline_offer, take_offer
from loyalty.experiments.running import start as start_experiment
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.programs.models import Program
from loyalty.rewards.models import RewardBudget, RewardBudgetEntry, RewardRedemption
from tests import make
from tests.campaigns.make_offers import DAY, TEN_OFF, ask, budget, club, granted, offer, reasons, use
from tests.experiments.make_experiments import planned
from tests.experiments.test_arms import OFFER, both, people
from tests.make import NOON
from tests.rewards import shop
from tests.segments.profiles import agree, known_as

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def members(program: Program, number: int) -> list[Membership]:
    return [make.member(program) for _ in range(number)]


def good_for(spring: Offer, days: int) -> None:
    Offer.objects.filter(pk=spring.pk).update(valid_days=days)


def refused(spring: Offer) -> list[tuple[str, str]]:
    return list(OfferRefusal.objects.filter(offer=spring).order_by("pk").values_list("reason", "rule"))


def test_scenario_16_a_budget_is_reserved_spent_and_given_back_exactly() -> None:
    program = club()
    spring = offer(program, valid_days=1)
    ask(spring, *members(program, 3))
    good_for(spring, 30)
    nine = members(program, 9)

    assert reasons(ask(spring, *nine)) == [""] * 7 + ["budget_reserved"] * 2
    assert budget(spring) == (100, 0)

    # Three expire unused: exactly three new ones.
    later = NOON + 2 * DAY
    assert release_due(program.retailer, now=later) == 3
    assert budget(spring) == (70, 0)
    assert reasons(ask(spring, *members(program, 4), at=later)) == ["", "", "", "budget_reserved"]
    assert budget(spring) == (100, 0)

    # One is redeemed at an actual 8: 2 are free, and the next request is refused.
    ada = nine[0]
    bought = make.buys(ada, "40.00", at=later)
    number = bought.outcome.fact.number
    use(OfferGrant.objects.get(customer=ada.customer_id), at=later, amount="8", order=number)
    assert budget(spring) == (90, 8)
    assert reasons(ask(spring, make.member(program), at=later)) == ["budget_reserved"]

    # Its order is returned in full: 10 are free, for one more.
    make.returns(ada, bought, (1, "1"), at=later + DAY)
    assert budget(spring) == (90, 0)
    assert reasons(ask(spring, *members(program, 2), at=later + DAY)) == ["", "budget_reserved"]
    assert budget(spring) == (100, 0)
    assert RewardRedemption.objects.get().status == "refunded"


def test_what_is_over_is_given_to_others_whether_or_not_a_night_has_run() -> None:
    program = club()
    spring = offer(program, budget="30", valid_days=1)
    first = members(program, 3)
    ask(spring, *first)
    taken = take_offer(OfferGrant.objects.get(customer=first[0].customer_id), now=NOON)
    good_for(spring, 30)
    midnight = datetime.fromisoformat("2026-06-17T00:00Z")

    before = ask(spring, *members(program, 1), at=midnight - SECOND)
    after = ask(spring, *members(program, 4), at=midnight)

    assert reasons(before) == ["budget_reserved"]
    assert reasons(after) == ["", "", "", "budget_reserved"]
    assert budget(spring) == (30, 0)
    taken.redemption.refresh_from_db()
    assert (taken.redemption.status, taken.redemption.ended_at) == ("expired", midnight)
    assert set(OfferGrant.objects.filter(customer__in=[who.customer_id for who in first]).values_list("state")) == {
        ("expired",),
        ("taken",),
    }


def test_the_budgets_ledger_says_how_it_came_to_what_it_is() -> None:
    program = club()
    spring = offer(program, budget="30")
    ada, bob, eve = members(program, 3)
    grants = [granted(spring, who) for who in (ada, bob, eve)]

    use(grants[0], amount="8")
    decline_offer(grants[1], now=NOON)
    decline_offer(grants[1], now=NOON)  # again it changes nothing

    entries = RewardBudgetEntry.objects.filter(budget=spring.budget_id).order_by("pk")
    assert [(str(each.reserved.normalize()), str(each.spent.normalize())) for each in entries] == [
        ("1E+1", "0"), ("1E+1", "0"), ("1E+1", "0"), ("-1E+1", "8"), ("-1E+1", "0"),
    ]  # fmt: skip
    assert budget(spring) == (10, 8)
    assert [status_of(OfferGrant.objects.get(pk=each.pk), at=NOON) for each in grants] == [
        "used",
        "declined",
        "granted",
    ]


def test_one_occurrence_is_one_grant_and_another_one_is_another() -> None:
    program = club()
    spring = offer(program)
    ada = make.member(program)

    first, again, other = (ask(spring, ada, because=because)[0] for because in ("may", "may", "june"))

    assert (first.grant_id, first.is_new, again.is_new) == (again.grant_id, True, False)
    assert other.grant_id not in {first.grant_id, None}
    assert budget(spring) == (20, 0)


def test_it_is_not_had_again_before_its_days_are_over_where_the_member_is() -> None:
    program = club()
    spring = offer(program, again_after_days=3)
    ada = make.member(program)
    Recipient.objects.create(customer=ada.customer, retailer=ada.retailer, zone="Pacific/Auckland")  # 12 hours ahead
    ask(spring, ada, because="a")

    found = [
        ask(spring, ada, at=at, because="b")
        for at in (datetime.fromisoformat("2026-06-18T11:59Z"), datetime.fromisoformat("2026-06-18T12:00Z"))
    ]

    assert [reasons(each) for each in found] == [["again_after"], [""]]


def test_it_ends_at_midnight_where_the_member_is() -> None:
    program = club()
    spring = offer(program, valid_days=1, last_day=date(2026, 6, 30))
    ada, bob = members(program, 2)
    Recipient.objects.create(customer=ada.customer, retailer=ada.retailer, zone="Indian/Reunion")  # 4 hours ahead

    ends = [granted(spring, who).expires_at.isoformat() for who in (ada, bob)]

    assert ends == ["2026-06-16T20:00:00+00:00", "2026-06-17T00:00:00+00:00"]
    own = OfferGrant.objects.get(customer=ada.customer_id)
    with pytest.raises(OfferOver):
        take_offer(own, now=own.expires_at)
    receipt = take_offer(own, now=own.expires_at - SECOND)
    assert receipt.redemption.expires_at == own.expires_at
    assert check_voucher(ada.retailer, receipt.code, now=own.expires_at).status == "expired"


def test_who_got_it_as_a_vip_keeps_it_when_the_segment_moves_but_not_beyond_its_window() -> None:
    program = club()
    spring = offer(program, segments=["vip"], valid_days=3)
    ada, bob = members(program, 2)
    for who in (ada, bob):
        known_as(who, segment="vip")
    grants = [granted(spring, who) for who in (ada, bob)]
    known_as(ada, segment="low_value_at_risk")
    known_as(bob, segment="low_value_at_risk")

    receipt = take_offer(grants[0], now=NOON + 2 * DAY)

    assert receipt.redemption.price_rule == f"offer:{spring.code}"
    assert grants[0].insight_as_of == NOON.date()
    with pytest.raises(OfferOver):
        take_offer(grants[1], now=NOON + 4 * DAY)


def test_who_did_not_agree_to_a_profile_gets_only_what_asks_none() -> None:
    program = club(tiers=[("base", "0", "1")])
    vips, excluding = offer(program, segments=["vip"]), offer(program, excluded=["serial_returner"])
    plain, tier = offer(program), offer(program, tiers=["base"])
    ada = make.member(program)
    known_as(ada, agreed=False, segment="vip")

    found = [reasons(ask(each, ada)) for each in (vips, excluding, plain, tier)]

    assert found == [["no_profiling"], ["no_profiling"], [""], [""]]
    assert refused(vips) == [("no_profiling", "")]
    assert OfferRefusal.objects.get(offer=vips).insight_as_of is None


def test_it_is_for_a_value_an_affinity_and_a_tier() -> None:
    program = club(tiers=[("base", "0", "1"), ("gold", "100", "1")])
    ada, bob = members(program, 2)
    make.buys(bob, "200.00", at=NOON - DAY)
    known_as(ada, value_decile=9, favourite_category="tea")
    known_as(bob, value_decile=4, favourite_brand="Kusmi")
    asked: list[dict[str, Any]] = [
        {"value_from": 8}, {"value_to": 4}, {"value_from": 5, "value_to": 8}, {"categories": ["tea"]},
        {"brands": ["Kusmi"], "categories": ["coffee"]}, {"tiers": ["gold"]},
    ]  # fmt: skip

    found = [reasons(ask(offer(program, **each), ada, bob)) for each in asked]

    assert found == [
        ["", "other_value"], ["other_value", ""], ["other_value", "other_value"], ["", "other_affinity"],
        ["other_affinity", ""], ["other_tier", ""],
    ]  # fmt: skip


def test_who_costs_more_than_it_brings_is_excluded_and_gets_something_else_and_that_is_counted() -> None:
    program = club(TEN_OFF, {"code": "tasting", "kind": "experience", "cost": Decimal(3)})
    tasting = offer(program, rewards=["tasting"], name="A tasting")
    excluded = ["serial_returner", "promotion_lover", "low_value_at_risk"]
    spring = offer(program, excluded=excluded, instead=tasting)
    ada, bob, eve, dan = members(program, 4)
    known_as(ada, tags=["serial_returner", "gift_buyer"])
    known_as(bob, segment="low_value_at_risk", tags=["promotion_lover"])
    known_as(eve, segment="vip")
    agree(dan, agreed=True)  # of whom nothing is known

    found = ask(spring, ada, bob, eve, dan)

    assert reasons(found) == ["", "", "", ""]
    assert list(OfferGrant.objects.order_by("pk").values_list("offer__name", "instead_of")) == [
        ("A tasting", spring.code), ("A tasting", spring.code), ("Ten off", ""), ("Ten off", ""),
    ]  # fmt: skip
    assert refused(spring) == [("excluded", "serial_returner"), ("excluded", "low_value_at_risk")]
    assert (budget(spring), budget(tasting)) == ((20, 0), (6, 0))
    figures = figures_of(spring)[spring.pk]
    assert (figures.granted, figures.excluded, figures.not_reserved, figures.refused) == (
        2,
        2,
        Decimal(20),
        {"excluded": 2},
    )
    assert figures.expected_loss_avoided is None  # too few are over to say it


def test_what_the_excluded_would_have_cost_is_foreseen_by_what_others_did() -> None:
    program = club()
    spring = offer(program, budget="1000", excluded=["promotion_lover"], valid_days=1)
    ask(spring, *[known(program) for _ in range(24)])
    six = [known(program) for _ in range(6)]
    for who in six:
        use(granted(spring, who), amount="5")
    release_due(program.retailer, now=NOON + 2 * DAY)

    ask(spring, *[known(program, tags=["promotion_lover"]) for _ in range(4)], at=NOON + 2 * DAY)

    figures = figures_of(spring)[spring.pk]
    # 30 are over and 30.00 are spent: 1.00 each, so 4.00 of the 40.00 that would have been reserved.
    assert (figures.expired, figures.used, figures.spent) == (24, 6, Decimal(30))
    assert (figures.not_reserved, figures.expected_loss_avoided) == (Decimal(40), Decimal("4.00"))


def known(program: Program, **kind: Any) -> Membership:
    who = make.member(program)
    known_as(who, **kind)
    return who


def test_of_a_slot_a_member_has_one_at_a_time_and_the_one_that_goes_first() -> None:
    program = club(TEN_OFF, {"code": "five-off", "kind": "amount_off", "value": Decimal(5), "codes": "generated"})
    small = offer(program, rewards=["five-off"], slot="spring", priority=10, name="Five off")
    big = offer(program, slot="spring", priority=20, budget="10")
    ada, bob = members(program, 2)

    # Two campaigns of one night, whichever comes first: the one of more priority, and then no other one.
    first, second = ask(small, ada, because="journey:1"), ask(big, ada, because="journey:2")
    other = ask(big, bob, because="journey:2")

    assert (reasons(first), reasons(second), reasons(other)) == ([""], ["slot_taken"], [""])
    rows = OfferGrant.objects.order_by("pk").values_list("offer__code", "chosen_over")
    assert list(rows) == [(big.code, [small.code]), (small.code, [])]
    assert refused(big) == [("slot_taken", big.code), ("budget_reserved", "")]
    assert refused(small) == [("slot_taken", big.code)]
    decline_offer(OfferGrant.objects.get(membership=ada), now=NOON)
    assert reasons(ask(small, ada, because="journey:3")) == [""]


def test_a_member_of_a_variant_gets_the_depth_of_its_variant() -> None:
    draft = make.version()
    depth: dict[str, Any] = {"points": 0, "granted_only": True}
    shop.reward(draft, "two-off", value=Decimal(2), arms={"experiment": "double", "variants": ["B"]}, **depth)
    shop.reward(draft, "five-off", **depth)
    planned(draft.program.retailer, draft.program, "double", **OFFER)
    program = make.published(draft)
    people(program)
    ada, bob = both(start_experiment(program.experiments.get(), author="Grace", now=NOON), "A", "B")
    spring = offer(program, rewards=["two-off", "five-off"])

    grants = [granted(spring, who, at=NOON + DAY) for who in (ada, bob)]

    assert [each.reserved for each in grants] == [5, 2]
    assert budget(spring) == (7, 0)


def test_who_takes_it_pays_nothing_and_again_it_is_the_same() -> None:
    program = club()
    grant = granted(offer(program), make.member(program))

    first, again = (take_offer(grant, now=NOON + at) for at in (SECOND, DAY))

    assert (first.code, first.redemption.pk, first.is_new) == (again.code, again.redemption.pk, True)
    assert not again.is_new
    assert (first.redemption.points, first.redemption.status) == (0, "issued")
    with pytest.raises(NotForMember):
        redeem_reward(grant.membership, "ten-off", reference="mine", now=NOON)


def test_at_its_redemption_stock_limit_and_the_rewards_own_days_are_asked() -> None:
    program = club(TEN_OFF | {"stock": 1}, TEN_OFF | {"code": "once", "member_limit": 1}, TEN_OFF | {"code": "soon"})
    ada, bob = members(program, 2)
    stocked, once, soon = (offer(program, rewards=[code]) for code in ("ten-off", "once", "soon"))
    first, last = (granted(stocked, who) for who in (ada, bob))
    twice = [granted(once, ada, because=because) for because in ("a", "b")]
    gone = granted(soon, ada)
    shop.follow(program, NOON + DAY, last_day=NOON.date())

    take_offer(first, now=NOON)
    take_offer(twice[0], now=NOON)

    for grant, at, error in ((last, NOON, SoldOut), (twice[1], NOON, LimitReached), (gone, NOON + DAY, NotForMember)):
        with pytest.raises(error):
            take_offer(grant, now=at)
        assert OfferGrant.objects.get(pk=grant.pk).state == "granted"


def test_a_till_never_gives_more_than_is_reserved() -> None:
    program = club({"code": "fifth", "kind": "percent_off", "percent": Decimal(20), "codes": "generated"})
    spring = offer(program, rewards=["fifth"], at_most=Decimal("7.50"))
    grant = granted(spring, make.member(program))
    receipt = take_offer(grant, now=NOON)
    retailer = program.retailer

    voucher = check_voucher(retailer, receipt.code, now=NOON)

    assert (voucher.percent, voucher.most) == (Decimal(20), Decimal("7.50"))
    assert budget(spring) == (Decimal("7.50"), 0)
    for amount, error in (("7.51", MoreThanReserved), ("7.505", AmountTooFine)):
        with pytest.raises(error):
            use(grant, amount=amount)
        assert budget(spring) == (Decimal("7.50"), 0)
    use(grant, amount="6.20")
    assert budget(spring) == (0, Decimal("6.20"))


@pytest.mark.parametrize(("currency", "amount", "actual"), [("JPY", "1500", "1200"), ("KWD", "1.250", "0.875")])
def test_amounts_are_exact_in_every_currency(currency: str, amount: str, actual: str) -> None:
    owner = make.retailer(currency=currency)
    program = club(TEN_OFF | {"value": Decimal(amount)}, owner=owner)
    spring = offer(program, budget=amount)
    ada, bob = members(program, 2)

    assert reasons(ask(spring, ada, bob)) == ["", "budget_reserved"]
    use(OfferGrant.objects.get(), amount=actual)

    assert budget(spring) == (0, Decimal(actual))
    with pytest.raises(OfferHasFlaws):
        offer(program, budget="10.0005")


def test_what_is_used_cannot_be_declined_and_what_a_till_holds_waits() -> None:
    program = club()
    spring = offer(program)
    ada, bob = members(program, 2)
    held, used = granted(spring, ada), granted(spring, bob)
    receipt = take_offer(held, now=NOON)
    voucher = check_voucher(ada.retailer, receipt.code, now=NOON)
    hold_voucher(ada.retailer, voucher, reference="till", now=NOON)
    use(used)

    with pytest.raises(HeldByTill):
        decline_offer(held, now=NOON)
    with pytest.raises(NotUndoable):
        decline_offer(used, now=NOON)

    decline_offer(held, now=NOON + DAY)
    assert budget(spring) == (0, 10)


def test_an_offer_that_ended_is_kept_by_who_has_it_and_one_that_is_withdrawn_is_not() -> None:
    program = club()
    kept, gone = offer(program), offer(program)
    ada, bob = members(program, 2)
    mine, taken, open_one = granted(kept, ada), granted(gone, ada), granted(gone, bob)
    take_offer(taken, now=NOON)

    end_offer(kept)
    assert withdraw_offer(gone, now=NOON) == 1

    assert reasons(ask(kept, bob)) == reasons(ask(gone, bob, because="again")) == ["not_live"]
    assert take_offer(mine, now=NOON).redemption.status == "issued"
    with pytest.raises(OfferOver):
        take_offer(open_one, now=NOON)
    assert (budget(kept), budget(gone)) == ((10, 0), (10, 0))
    with pytest.raises(WrongOfferState):
        withdraw_offer(gone, now=NOON)


def test_a_budget_grows_and_shrinks_to_what_is_taken() -> None:
    program = club()
    spring = offer(program, budget="20")
    ask(spring, *members(program, 3))
    with pytest.raises(BudgetTooSmall):
        set_budget(spring, Decimal("19.99"))

    set_budget(spring, Decimal(30))

    assert reasons(ask(spring, *members(program, 2))) == ["", "budget_reserved"]
    with pytest.raises(IntegrityError), transaction.atomic():
        RewardBudget.objects.filter(pk=spring.budget_id).update(limit=29)


def test_what_stands_in_an_offers_way_is_said() -> None:
    program = club(TEN_OFF, {"code": "fifth", "kind": "percent_off", "percent": Decimal(20), "codes": "generated"})
    discount = offer(program)
    wrong = offer(
        program,
        budget="0",
        rewards=["fifth", "nothing"],
        excluded=["vip"],
        instead=discount,
        is_live=False,
        name="Wrong",
    )

    with pytest.raises(OfferHasFlaws) as refusal:
        start(wrong, now=NOON)

    for said in ("budget is nothing", "“nothing”", "costs at most", "is a discount"):
        assert said in str(refusal.value)
    assert reasons(ask(wrong, make.member(program))) == ["not_live"]


def test_who_leaves_or_is_erased_gives_its_offers_back() -> None:
    program = club()
    spring = offer(program, budget="40")
    ada, bob, eve, dan = members(program, 4)
    grants = [granted(spring, who) for who in (ada, bob, eve, dan)]
    take_offer(grants[1], now=NOON)
    take_offer(grants[3], now=NOON)

    leave(ada, now=NOON + DAY)
    leave(bob, now=NOON + DAY)
    for who in (eve, dan):
        erase(who.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON + DAY)
    release_due(program.retailer, now=NOON + DAY)

    assert budget(spring) == (10, 0)  # a code is good for whoever holds it
    release_due(program.retailer, now=NOON + DAY)
    run_nights(program, until=date(2026, 7, 15), now=NOON + 30 * DAY)
    assert budget(spring) == (0, 0)
    assert not OfferGrant.objects.filter(customer=eve.customer_id, occurrence="spring").exists()
    assert reasons(ask(spring, ada, at=NOON + DAY, because="again")) == ["no_member"]


def test_who_is_erased_leaves_no_word_of_the_facts_for_which_it_was_given_offers_or_not() -> None:
    program = club()
    spring, gold = offer(program), offer(program, tiers=["gold"], is_live=False)
    Offer.objects.filter(pk=gold.pk).update(state="live")
    ada = make.member(program)
    said = "Ada Lovelace " + "complained " * 12
    granted(spring, ada, because=said[:150])
    ask(gold, ada, because="complaint:1")
    (first,) = OfferRefusal.objects.all()
    ask(gold, ada, because=f"complaint:{first.pk}")  # whose number is that of the row of the other one

    erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON + DAY)

    kept = [(row.pk, row.occurrence) for row in OfferGrant.objects.all()]
    left = [(row.pk, row.occurrence) for row in OfferRefusal.objects.all()]
    assert (len(kept), len(left)) == (1, 2)
    assert [occurrence for _key, occurrence in (*kept, *left)] == [f"erased:{key}" for key, _ in (*kept, *left)]


def test_what_two_who_are_one_person_have_is_that_persons() -> None:
    program = club()
    spring = offer(program, budget="30", again_after_days=30)
    ada, again = members(program, 2)
    first, second = granted(spring, ada), granted(spring, again)
    take_offer(first, now=NOON)
    merged(again, ada, at=NOON + DAY)

    receipt = take_offer(second, now=NOON + DAY)

    assert receipt.redemption.membership_id == ada.pk
    assert reasons(ask(spring, ada, at=NOON + DAY, because="june")) == ["again_after"]
    assert to_use(offers_of_member(ada), at=NOON + DAY).count() == 2
    use(second, at=NOON + DAY)
    assert budget(spring) == (10, 10)


def test_an_offer_that_was_taken_is_told_as_withdrawn_with_its_reward_before_the_night() -> None:
    now = timezone.now()
    program = club(TEN_OFF | {"on_withdrawal": "give_back"}, TEN_OFF | {"code": "other", "on_withdrawal": "give_back"})
    spring = offer(program, valid_days=30, at=now - 4 * DAY)
    ada = make.member(program)
    take_offer(granted(spring, ada, at=now - 3 * DAY), now=now - 3 * DAY)
    shop.follow(program, now - DAY, without="ten-off")
    sue = Client()
    sue.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))

    mine = Client().get("/api/v1/me/offers", headers={"authorization": f"Bearer {make.token(ada.customer)}"}).json()
    listed = sue.get(reverse("admin:campaigns_offergrant_changelist")).content.decode()

    assert [each["status"] for each in mine["results"]] == ["withdrawn"]
    assert re.findall(r"field-status[^>]*>(?:<[^>]*>)?([^<]+)", listed) == ["withdrawn"]
    assert list(to_use(offers_of_member(ada), at=now)) == []
    assert to_use(offers_of_member(ada), at=now - 2 * DAY).count() == 1


def merged(source: Membership, target: Membership, *, at: datetime) -> None:
    take_merge(source.retailer, source.customer.external_id, target.customer.external_id, reference="crm", now=at)


def test_an_order_that_names_it_brings_it_back_and_one_that_keeps_a_line_does_not() -> None:
    program = club()
    spring = offer(program)
    ada = make.member(program)
    bought = make.buys(ada, "40.00", "10.00", at=NOON)
    use(granted(spring, ada), order=bought.outcome.fact.number)

    make.returns(ada, bought, (1, "1"), at=NOON + DAY)
    assert budget(spring) == (0, 10)
    make.returns(ada, bought, (2, "1"), at=NOON + 2 * DAY)
    assert budget(spring) == (0, 0)


def test_a_night_ends_what_was_taken_and_not_used() -> None:
    program = club()
    spring = offer(program, valid_days=1)
    grant = granted(spring, make.member(program))
    take_offer(grant, now=NOON)

    run_nights(program, until=date(2026, 6, 17), now=NOON + 2 * DAY)

    assert budget(spring) == (0, 0)
    assert status_of(OfferGrant.objects.get(), at=NOON + 2 * DAY) == "expired"


def test_another_retailers_members_get_nothing() -> None:
    program, other = club(), club()

    assert reasons(ask(offer(program), make.member(other))) == ["no_member"]
    assert Retailer.objects.count() == 2


@pytest.mark.parametrize(("amount", "cost"), [(15, None), (5, None), (10, 30)])
def test_what_was_promised_is_what_is_had_whatever_a_later_version_says(amount: int, cost: int | None) -> None:
    program = club()
    spring = offer(program, budget="10")
    grant = granted(spring, make.member(program))
    shop.follow(program, NOON + DAY, value=Decimal(amount), cost=cost, name="Another one")
    later = NOON + 2 * DAY

    assert str(rewards_of_grants([grant])[grant.pk]) == "Ten-Off"
    receipt = take_offer(grant, now=later)

    voucher = check_voucher(grant.retailer, receipt.code, now=later)
    assert (voucher.amount, voucher.most, voucher.name) == (Decimal(10), Decimal(10), "Ten-Off")
    held = hold_voucher(grant.retailer, voucher, reference="till", now=later)
    confirm_voucher(grant.retailer, held.token, now=later)
    assert budget(spring) == (0, 10)
    assert reasons(ask(spring, make.member(program), at=later)) == ["budget_reserved"]


@pytest.mark.parametrize("on_withdrawal", ["keep", "give_back"])
def test_who_has_an_offer_keeps_it_when_the_catalogue_has_its_reward_no_more(on_withdrawal: str) -> None:
    program = club(TEN_OFF | {"on_withdrawal": on_withdrawal})
    spring = offer(program)
    grant = granted(spring, make.member(program))
    shop.follow(program, NOON + DAY, without="ten-off")

    assert reasons(ask(spring, make.member(program), at=NOON + 2 * DAY)) == ["no_reward"]
    if on_withdrawal == "give_back":
        with pytest.raises(NotForMember, match="“ten-off” cannot be redeemed any more"):
            take_offer(grant, now=NOON + 2 * DAY)
        return
    receipt = take_offer(grant, now=NOON + 2 * DAY)
    assert check_voucher(grant.retailer, receipt.code, now=NOON + 2 * DAY).status == "usable"


def test_how_many_there_are_is_as_it_is_when_it_is_taken() -> None:
    program = club(TEN_OFF | {"stock": 10})
    spring = offer(program)
    first, second = (granted(spring, who) for who in members(program, 2))
    shop.follow(program, NOON + DAY, stock=1)

    take_offer(first, now=NOON + 2 * DAY)

    with pytest.raises(SoldOut):
        take_offer(second, now=NOON + 2 * DAY)


@pytest.mark.parametrize("has_night_run", [False, True])
def test_who_leaves_and_comes_back_has_no_offer_of_before(*, has_night_run: bool) -> None:
    program = club()
    spring = offer(program, budget="20")
    ada = make.member(program)
    grant, taken = (granted(spring, ada, because=because) for because in ("a", "b"))
    take_offer(taken, now=NOON)
    leave(ada, now=NOON + DAY)
    if has_night_run:
        release_due(program.retailer, now=NOON + DAY)
    enrol(program, [(ada.customer_id, NOON + 2 * DAY)], source="api", now=NOON + 2 * DAY)
    later = NOON + 3 * DAY

    with pytest.raises(OfferOver, match="expired"):
        take_offer(OfferGrant.objects.get(pk=grant.pk), now=later)

    rows = offers_of_member(Membership.objects.get(pk=ada.pk))
    assert [status_of(row, at=later) for row in rows.order_by("granted_at", "pk")] == ["expired", "forfeited"]
    assert list(to_use(rows, at=later)) == []
    assert reasons(ask(spring, *members(program, 3), at=later)) == ["", "", "budget_reserved"]
    assert budget(spring) == (20, 0)


def test_what_somebody_had_goes_over_with_a_merge_and_ends_when_the_one_leaves() -> None:
    program = club()
    spring = offer(program, budget="10")
    eva, ada = make.member(program, "eva"), make.member(program, "ada", since=NOON + timedelta(hours=1))
    grant = granted(spring, eva)
    take_merge(program.retailer, "eva", "ada", reference="same", now=NOON + DAY)

    assert [status_of(row, at=NOON + DAY) for row in offers_of_member(ada)] == ["granted"]
    leave(ada, now=NOON + 2 * DAY)

    assert [status_of(row, at=NOON + 2 * DAY) for row in offers_of_member(ada)] == ["expired"]
    assert list(to_use(offers_of_member(ada), at=NOON + 2 * DAY)) == []
    with pytest.raises(OfferOver):
        take_offer(grant, now=NOON + 2 * DAY)


def test_an_offer_that_was_taken_and_had_ended_before_a_merge_comes_back_to_its_budget_once() -> None:
    program = club()
    ada, _eve = (make.member(program, name) for name in ("ada", "eve"))
    spring = offer(program, valid_days=1)
    take_offer(granted(spring, ada), now=NOON)
    late = NOON + 2 * DAY  # it ended with the midnight before, and no night has run

    take_merge(ada.retailer, "ada", "eve", reference="crm", now=late)
    run_nights(program, until=(late + DAY).date(), now=late + DAY)

    assert budget(spring) == (0, 0)
    assert RewardRedemption.objects.get().status == "expired"
    assert [entry.reserved for entry in RewardBudgetEntry.objects.order_by("pk")] == [10, -10]


@pytest.mark.breaks_the_ledger
@pytest.mark.sets_aside
def test_who_fails_and_has_a_late_voucher_of_an_offer_stops_nobody_elses() -> None:
    draft = make.version(points={"pending_days": 1})
    shop.reward(draft, "ten-off", 0, kind="amount_off", value=Decimal(10), codes="generated", granted_only=True)
    program = make.published(draft)
    spring = offer(program, budget="30", valid_days=1)
    ill, sound = members(program, 2)
    for each in (ill, sound):
        take_offer(granted(spring, each), now=NOON)
    make.buys(ill, "5.00", at=NOON)
    Wallet.objects.filter(membership=ill).update(pending=0)  # so the points that it has pending cannot be activated
    late = NOON + 2 * DAY  # both vouchers ended with the midnight before, and no night has run

    found = ask(spring, *members(program, 3), at=late)

    # Of 30, 10 stay with who failed; the other voucher's came back.
    assert reasons(found) == ["", "", "budget_reserved"]
    assert budget(spring) == (30, 0)
    assert [(each.membership_id, each.what) for each in SetAside.objects.all()] == [(ill.pk, "time")]
    assert reasons(ask(spring, make.member(program), at=late + DAY)) == ["budget_reserved"]


def test_who_gave_an_offer_back_is_told_so_when_it_takes_it() -> None:
    program = club()
    grant = granted(offer(program), make.member(program))
    take_offer(grant, now=NOON)
    decline_offer(grant, now=NOON + DAY)

    with pytest.raises(OfferOver, match="cancelled"):
        take_offer(grant, now=NOON + DAY)


def test_who_takes_again_what_has_ended_or_was_withdrawn_is_told_so_whether_or_not_a_night_has_run() -> None:
    program = club(TEN_OFF | {"on_withdrawal": "give_back"}, TEN_OFF | {"code": "other", "on_withdrawal": "give_back"})
    ended = granted(offer(program, valid_days=1), make.member(program))
    gone = granted(offer(program, valid_days=9), make.member(program))
    for each in (ended, gone):
        take_offer(each, now=NOON)
    shop.follow(program, NOON + 2 * DAY, without="ten-off")

    for each, words in ((ended, "expired, at 2026-06-17 00:00"), (gone, "withdrawn, at 2026-06-17 12:00")):
        with pytest.raises(OfferOver, match=words):
            take_offer(each, now=NOON + 3 * DAY)


def brings(row: Offer, margin: str | None) -> Offer:
    """Let an experiment have found what an offer brings."""
    known = None if margin is None else NOON
    Offer.objects.filter(pk=row.pk).update(expected_margin=margin, expected_as_of=known)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("margins", "first", "by"),
    [
        (("1.00", "3.00", "2.00"), 1, "margin"),
        (("-1.00", "-0.50", "-2.00"), 1, "margin"),
        (("2.00", "2.00", "2.00"), 0, "margin"),  # of two alike the one of the higher priority
        (("1.00", None, "9.00"), 0, "priority"),  # it is not known of all: one that was measured is no better for that
        ((None, None, None), 0, "priority"),
    ],
)
def test_of_a_slot_the_offer_that_is_expected_to_bring_most_goes_first_where_that_is_known_of_all(
    margins: tuple[str | None, ...], first: int, by: str
) -> None:
    program = club()
    rows = [
        brings(offer(program, code=code, slot="spring", priority=priority), margin)
        for code, priority, margin in zip("abc", (30, 20, 10), margins, strict=True)
    ]

    grant = granted(rows[2], make.member(program))

    assert (grant.offer, grant.chosen_by) == (rows[first], by)
    assert sorted([grant.offer.code, *grant.chosen_over]) == ["a", "b", "c"]


def test_what_a_member_cannot_have_does_not_decide_how_the_others_are_ordered() -> None:
    program = club()
    high = brings(offer(program, code="high", slot="spring", priority=20), "1.00")
    best = brings(offer(program, code="best", slot="spring", priority=10, budget="10"), "5.00")
    offer(program, code="vips", slot="spring", priority=30, segments=["vip"])  # nobody knows what that brings
    ada, bob, eve = members(program, 3)

    grants = [granted(high, who) for who in (ada, bob)]

    assert [(each.offer, each.chosen_over, each.chosen_by) for each in grants] == [
        (best, ["high"], "margin"), (high, [], ""),
    ]  # fmt: skip
    assert refused(best) == [("budget_reserved", "")]
    known_as(eve, segment="vip")
    assert granted(high, eve).offer.code == "vips"


def test_what_is_had_as_such_and_instead_of_another_one_is_one_offer_and_not_chosen_over_itself() -> None:
    program = club(TEN_OFF, {"code": "mug", "kind": "product", "cost": Decimal(3)})
    mug = brings(offer(program, code="mug", slot="spring", rewards=["mug"]), "1.00")
    for code, priority in (("high", 30), ("higher", 40)):
        offer(program, code=code, slot="spring", priority=priority, excluded=["promotion_lover"], instead=mug)
    low = brings(offer(program, code="low", slot="spring", priority=1), "2.00")
    ada = make.member(program)
    known_as(ada, tags=["promotion_lover"])

    grant = granted(low, ada)

    assert (grant.offer, grant.chosen_over, grant.chosen_by) == (low, ["mug"], "margin")


@pytest.mark.parametrize("how", [end_offer, lambda row: withdraw_offer(row, now=NOON)])
def test_what_ends_while_it_is_given_to_many_is_given_to_nobody_more(how: Callable[[Offer], object]) -> None:
    program = club()
    spring = offer(program)
    ends = iter([how])

    def on_the_way(execute: Any, sql: str, *given: Any) -> Any:
        if "FOR NO KEY UPDATE" in sql:  # the first lock
            for each in ends:
                each(Offer.objects.get(pk=spring.pk))
        return execute(sql, *given)

    with connection.execute_wrapper(on_the_way):
        found = ask(spring, *members(program, 2))

    assert (reasons(found), budget(spring), OfferGrant.objects.count()) == (["not_live"] * 2, (0, 0), 0)


def test_a_reward_that_is_over_where_the_member_is_is_not_given_for_a_day_that_has_ended() -> None:
    at = datetime.fromisoformat("2026-06-30T21:00Z")
    program = club({**TEN_OFF, "last_day": date(2026, 6, 30)})
    spring = offer(program)
    ada, bob = members(program, 2)
    Recipient.objects.create(customer=ada.customer, retailer=ada.retailer, zone="Indian/Reunion")  # July since an hour

    found = ask(spring, ada, bob, at=at)

    assert reasons(found) == ["no_reward", ""]
    grant = OfferGrant.objects.get()
    assert (grant.customer_id, grant.expires_at) == (bob.customer_id, datetime.fromisoformat("2026-07-01T00:00Z"))
    assert budget(spring) == (10, 0)


def test_what_was_given_for_itself_because_of_the_same_stands_in_no_other_offers_way() -> None:
    mug = {"code": "mug", "kind": "product", "cost": Decimal(2), "codes": "generated"}
    program = club(TEN_OFF, mug)
    own = offer(program, code="own", rewards=["mug"])
    spring = offer(program, code="spring", excluded=["promotion_lover"], instead=own)
    ada = make.member(program, "ada")
    known_as(ada, segment="vip")

    (first,), (second,) = ask(own, ada), ask(spring, ada)

    assert (first.is_new, second.is_new) == (True, True)
    given = OfferGrant.objects.order_by("pk").values_list("offer__code", "occurrence", "instead_of")
    assert list(given) == [("own", "spring", ""), ("spring", "spring", "")]
    assert (budget(own), budget(spring)) == ((2, 0), (10, 0))
    assert [each.is_new for each in (*ask(own, ada), *ask(spring, ada))] == [False, False]


def test_what_was_given_for_itself_is_not_given_once_more_in_the_place_of_another_offer() -> None:
    mug = {"code": "mug", "kind": "product", "cost": Decimal(2), "codes": "generated"}
    program = club(TEN_OFF, mug)
    own = offer(program, code="own", rewards=["mug"])
    spring = offer(program, code="spring", excluded=["promotion_lover"], instead=own)
    ada = make.member(program, "ada")
    known_as(ada, tags=["promotion_lover"])

    (first,), (second,) = ask(own, ada), ask(spring, ada)

    assert (second.grant_id, second.is_new, budget(own), budget(spring)) == (first.grant_id, False, (2, 0), (0, 0))
