"""Reviews that are told at the same moment count each other, and what is held is decided once."""

from datetime import timedelta
from functools import partial

import pytest

from customers.facts import InteractionFact
from customers.models import Erasure
from customers.privacy import erase
from loyalty.activity.account.approving import DecidedOtherwise, review
from loyalty.activity.account.merging import take_merge
from loyalty.activity.intake import take_interactions
from loyalty.activity.models import InteractionDecision, InteractionHold
from loyalty.memberships.models import Membership
from tests import make
from tests.activity.test_interaction_limits import DAY, club
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
RECORDED = 'INSERT INTO "customers_interaction"'
MINUTE = timedelta(minutes=1)


def writes(who: Membership, number: str, *, sku: str = "", ahead: int = 0) -> None:
    fact = InteractionFact(number, who.customer.external_id, "review", DAY, sku=sku)
    take_interactions(who.program.retailer, [fact], now=DAY + ahead * MINUTE)


@pytest.mark.parametrize("ahead", [0, 1])
def test_of_two_at_once_the_sixth_is_held_whoever_s_clock_is_ahead(ahead: int) -> None:
    ada = make.member(club(), "ada")
    for number in range(4):
        writes(ada, f"r{number}")

    interleaved(partial(writes, ada, "a", ahead=ahead), partial(writes, ada, "b", ahead=1 - ahead), after=RECORDED)

    assert InteractionHold.objects.count() == 1
    assert make.spendable(ada, DAY + MINUTE) == 250


def test_new_customers_who_write_at_once_about_one_product_count_each_other() -> None:
    program = club()
    new = [make.member(program, f"n{number}", since=DAY - timedelta(days=1)) for number in range(6)]
    for number, who in enumerate(new[:4]):
        writes(who, f"r{number}", sku="X")

    interleaved(*[partial(writes, who, f"of-{who.pk}", sku="X") for who in new[4:]], after=RECORDED)

    assert InteractionHold.objects.count() == 1


def test_what_is_held_is_approved_once_and_by_one_of_two() -> None:
    ada = make.member(club(), "ada")
    for number in range(6):
        writes(ada, f"r{number}")
    owner = ada.program.retailer
    (held,) = InteractionHold.objects.values_list("interaction__number", flat=True)

    def decide(is_approved: bool) -> int:  # noqa: FBT001 - what is decided
        return review(owner, held, is_approved=is_approved, now=DAY + MINUTE)

    both = interleaved(partial(decide, True), partial(decide, True), after="UPDATE")  # noqa: FBT003

    assert sorted(map(str, both)) == ["0", "50"]
    assert (make.spendable(ada, DAY + MINUTE), InteractionDecision.objects.count()) == (300, 6)
    with pytest.raises(DecidedOtherwise):
        decide(False)  # noqa: FBT003


@pytest.mark.parametrize(("first", "points"), [("approval", 50), ("erasure", 0)])
def test_what_is_approved_while_its_author_is_erased_is_approved_before_or_not_at_all(first: str, points: int) -> None:
    ada = make.member(club(), "ada")
    for number in range(6):
        writes(ada, f"r{number}")
    held = InteractionHold.objects.get().interaction.number
    works = {
        "approval": lambda: review(ada.program.retailer, held, is_approved=True, now=DAY + MINUTE),
        "erasure": lambda: erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=DAY + MINUTE),
    }
    order = [first, *(works.keys() - {first})]

    found = dict(
        zip(order, interleaved(*(works[each] for each in order), after="activity_interactionhold"), strict=True)
    )

    assert found["approval"] == 50 if points else isinstance(found["approval"], DecidedOtherwise)
    assert getattr(found["erasure"], "is_new", found["erasure"]) is True
    assert make.spendable(ada, DAY + MINUTE) == 250 + points


@pytest.mark.parametrize("is_held", [True, False])
def test_what_is_approved_while_its_author_turns_out_to_be_another_is_that_ones(*, is_held: bool) -> None:
    program = club(needs_approval=True)
    ada, eve = make.member(program, "ada"), make.member(program, "eve")
    for number in range(6 if is_held else 1):
        writes(ada, f"r{number}")
    works = (
        partial(review, program.retailer, "r5" if is_held else "r0", is_approved=True, now=DAY + MINUTE),
        partial(take_merge, program.retailer, "ada", "eve", reference="same", now=DAY + MINUTE),
    )

    approved, merged = interleaved(*works, after='FROM "customers_interaction"')

    assert (approved, getattr(merged, "customer", merged)) == (50, "eve")
    assert make.spendable(eve, DAY + MINUTE) == 50
