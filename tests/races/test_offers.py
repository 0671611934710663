"""Offers asked for, taken, declined and ended by many at once: no budget is overspent, and nobody waits for ever."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from analytics.experiments.drawing_up import DrawnUp, draw_up_offers
from customers.core.errors import DomainError
from loyalty.activity.account.merging import take_merge
from loyalty.activity.rewards.redeemed import RewardReceipt
from loyalty.campaigns.models import Offer, OfferGrant
from loyalty.campaigns.offering.discounts import set_caps
from loyalty.campaigns.offering.documents import apply_document
from loyalty.campaigns.offering.granting import Ask, grant_offer
from loyalty.campaigns.offering.managing import withdraw_offer
from loyalty.campaigns.offering.releasing import release_due
from loyalty.campaigns.offering.taking import OfferOver, decline_offer, take_offer
from loyalty.campaigns.rules.discounts import DiscountCap
from loyalty.memberships.models import Membership
from loyalty.rewards.models import RewardBudget, RewardBudgetEntry, RewardRedemption
from tests import make
from tests.analytics.experiments.depth_shops import MARGIN, trying
from tests.analytics.experiments.test_drawing_up import LATER, choice, report
from tests.campaigns.make_offers import DAY, ask, budget, club, granted, offer, reasons, use
from tests.make import NOON
from tests.races.interleaving import interleaved
from tests.races.test_rewards import outcomes

pytestmark = pytest.mark.usefixtures("committed_db")
ROUNDS = 30


def asks(spring: Offer, who: Membership, because: str) -> None:
    """Ask for an offer; a refusal is raised as its reason."""
    (found,) = grant_offer(spring, [Ask(who.customer_id, because)], now=NOON).values()
    if found.refusal is not None:
        raise _Refused(found.refusal.reason)


class _Refused(DomainError):
    def __init__(self, reason: str) -> None:
        super().__init__()
        self.code = reason

    message = "refused"


def test_scenario_16_of_twelve_at_once_ten_get_it_in_each_of_thirty_rounds() -> None:
    program = club()
    members = [make.member(program) for _ in range(12)]

    for turn in range(ROUNDS):
        spring = offer(program)
        found = outcomes([partial(asks, spring, who, f"round:{turn}") for who in members])

        assert found == {"ok": 10, "budget_reserved": 2}
        assert budget(spring) == (100, 0)
        assert OfferGrant.objects.filter(offer=spring).count() == 10


def test_one_occurrence_asked_for_at_once_is_one_grant() -> None:
    program = club()
    ada, spring = make.member(program), offer(program)

    first, second = interleaved(partial(ask, spring, ada), partial(ask, spring, ada), after="FROM rewards_rewardbudget")

    assert isinstance(first, list)
    assert isinstance(second, list)
    assert (first[0].is_new, second[0].is_new, first[0].grant_id) == (True, False, second[0].grant_id)
    assert budget(spring) == (10, 0)


def test_of_two_offers_of_a_slot_asked_for_at_once_a_member_gets_one() -> None:
    program = club()
    ada = make.member(program)
    first, second = (offer(program, slot="spring") for _ in range(2))

    interleaved(
        partial(ask, first, ada, because="a"), partial(ask, second, ada, because="b"), after="FROM rewards_rewardbudget"
    )

    assert OfferGrant.objects.filter(membership=ada).count() == 1
    assert RewardBudget.objects.filter(reserved=10).count() == 1


def test_scenario_of_a_cap_twelve_discounts_asked_for_at_once_are_two_in_each_of_ten_rounds() -> None:
    program = club()
    set_caps(program, [DiscountCap(2, 30)], author="staff", now=NOON)

    for turn in range(10):
        ada = make.member(program)
        springs = [offer(program) for _ in range(3)]
        found = outcomes([partial(asks, springs[each % 3], ada, f"fact:{turn}:{each}") for each in range(12)])

        assert found == {"ok": 2, "discount_capped": 10}
        assert OfferGrant.objects.filter(membership=ada).count() == 2
        assert sum(budget(each)[0] for each in springs) == 20  # type: ignore[misc] # amounts


@pytest.mark.parametrize("order", ["taken first", "declined first"])
def test_what_is_taken_while_it_is_declined_is_one_of_both(order: str) -> None:
    program = club()
    spring = offer(program)
    grant = granted(spring, make.member(program))
    works = [partial(take_offer, grant, now=NOON), partial(decline_offer, grant, now=NOON)]

    interleaved(*(works if order == "taken first" else reversed(works)), after="campaigns_offergrant")

    grant.refresh_from_db()
    assert budget(spring) == (0, 0)  # declined, before or behind its redemption
    assert grant.state == "declined" or RewardRedemption.objects.get().status == "cancelled"


def test_what_is_taken_while_a_night_ends_it_is_one_of_both() -> None:
    program = club()
    spring = offer(program, valid_days=1)
    grant = granted(spring, make.member(program))
    late = NOON + 3 * DAY

    _, taken = interleaved(
        partial(release_due, program.retailer, now=late),
        partial(take_offer, grant, now=grant.expires_at - timedelta(seconds=1)),
        after="UPDATE campaigns_offergrant",
    )

    assert isinstance(taken, OfferOver)
    assert (budget(spring), RewardRedemption.objects.count()) == ((0, 0), 0)


def test_a_grant_that_is_being_taken_makes_nobody_wait_who_gives_others() -> None:
    program = club()
    spring = offer(program, budget="20", valid_days=1)
    ada, bob = make.member(program), make.member(program)
    mine = granted(spring, ada)

    taken, found = interleaved(
        partial(take_offer, mine, now=NOON),
        partial(ask, spring, bob, at=NOON + 3 * DAY),
        after='UPDATE "campaigns_offergrant"',
    )

    assert not isinstance(taken, Exception)
    assert isinstance(found, list)
    assert found[0].refusal is None
    entries = RewardBudgetEntry.objects.filter(budget=spring.budget_id)
    assert sum(each.reserved for each in entries) == budget(spring)[0] == 20


def test_one_document_that_two_apply_at_once_makes_one_offer() -> None:
    program = club()
    said = {
        "offer": 1, "program": program.slug, "code": "spring", "name": "Ten off", "rewards": ["ten-off"],
        "currency": "EUR",
    }  # fmt: skip

    first, second = interleaved(
        partial(apply_document, program.retailer, said | {"budget": 10}, now=NOON),
        partial(apply_document, program.retailer, said | {"budget": 20}, now=NOON),
        after="INSERT INTO campaigns_offer",
    )

    (row,) = Offer.objects.select_related("budget")
    assert isinstance(first, Offer)
    assert isinstance(second, Offer)
    assert (first.pk, second.pk, row.budget.limit) == (row.pk, row.pk, 20)
    assert RewardBudget.objects.count() == 1


def test_one_report_from_which_two_draw_up_at_once_makes_its_offers_once() -> None:
    test = trying(make.retailer(margin_rate=MARGIN), count=4)
    seen = report(test, choice("vip", 2.0), choice("loyal_low_value", 5.0))

    first, second = interleaved(
        partial(draw_up_offers, seen, author="Grace", now=LATER), partial(draw_up_offers, seen, author="Alan", now=LATER),
        after="INSERT INTO campaigns_offer",
    )  # fmt: skip

    assert isinstance(first, DrawnUp)
    assert isinstance(second, DrawnUp)
    assert (first.is_new, second.is_new) == (True, False)
    assert [each.pk for each in first.offers] == [each.pk for each in second.offers]
    assert (Offer.objects.count(), RewardBudget.objects.count(), test.retailer.experiments.count()) == (2, 2, 2)


@pytest.mark.parametrize("order", ["given first", "merged first"])
def test_who_is_merged_while_it_is_given_an_offer_waits_for_nobody_crosswise(order: str) -> None:
    program = club()
    ada, _eve = make.member(program, "ada"), make.member(program, "eve")
    spring = offer(program)
    gives, merges = (
        partial(ask, spring, ada),
        partial(take_merge, program.retailer, "ada", "eve", reference="crm", now=NOON),
    )

    if order == "given first":
        given, merged = interleaved(gives, merges, after="FROM memberships_membership m")
    else:
        merged, given = interleaved(merges, gives, after="external_id FOR UPDATE")

    assert getattr(merged, "customer", merged) == "eve"
    assert isinstance(given, list), given
    assert reasons(given) == ([""] if order == "given first" else ["no_member"])
    assert budget(spring) == ((10, 0) if order == "given first" else (0, 0))


def test_who_lets_late_vouchers_end_waits_for_no_member_behind_the_budget() -> None:
    program = club()
    spring = offer(program, valid_days=2)
    ada, bob = make.member(program), make.member(program)
    take_offer(granted(spring, bob, at=NOON - DAY), now=NOON)
    mine = granted(spring, ada)
    late = NOON + 2 * DAY  # Bob's has ended, and no night has run; Ada's has not

    def gives() -> object:
        with transaction.atomic():  # as a request does
            return ask(spring, ada, at=late, because="again")

    given, used = interleaved(gives, partial(use, mine, at=late), after="FROM rewards_rewardbudget")

    assert isinstance(given, list), given
    assert isinstance(used, RewardReceipt), used
    assert budget(spring) == (10, 10)


def test_who_declines_what_somebody_takes_meanwhile_waits_for_no_member_behind_the_budget() -> None:
    program = club()
    spring = offer(program)
    grant = granted(spring, make.member(program))

    declined, used = interleaved(
        partial(decline_offer, grant, now=NOON), partial(use, grant), after="FROM rewards_rewardbudget"
    )

    assert getattr(declined, "state", declined) == "declined"
    assert isinstance(used, OfferOver), used
    assert budget(spring) == (0, 0)


def test_what_was_only_tried_to_be_taken_is_taken_back_with_its_offer() -> None:
    program = club()
    spring = offer(program)
    grant = granted(spring, make.member(program))

    def tries() -> None:
        with transaction.atomic():  # as a dry run does
            take_offer(grant, now=NOON)
            transaction.set_rollback(True)

    _, number = interleaved(
        tries, partial(withdraw_offer, spring, now=NOON), after='UPDATE "campaigns_offergrant"'
    )  # fmt: skip

    assert number == 1
    assert (OfferGrant.objects.get().state, budget(spring)) == ("withdrawn", (0, 0))


@pytest.mark.parametrize("who", ["staff", "member"])
def test_who_takes_an_offer_again_waits_for_nobody_behind_its_budget_who_takes_it_back(who: str) -> None:
    program = club()
    spring = offer(program, valid_days=2)
    ada = make.member(program)
    take_offer(granted(spring, ada, at=NOON - DAY), now=NOON)
    mine = granted(spring, ada, because="again")
    late = NOON + 2 * DAY  # her first one has ended, and no night has run: it comes back to the budget now

    taken, back = interleaved(
        partial(take_offer, mine, now=late),
        partial(withdraw_offer, spring, now=late) if who == "staff" else partial(decline_offer, mine, now=late),
        after="UPDATE rewards_rewardbudget",
    )

    assert isinstance(taken, RewardReceipt), taken
    assert getattr(back, "state", back) == (0 if who == "staff" else "taken")
    assert budget(spring) == ((10, 0) if who == "staff" else (0, 0))
