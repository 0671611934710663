"""Answers and invitations at the same moment: the later answer counts, and one question is asked."""

from functools import partial

import pytest

from customers.models import Erasure, Interaction
from customers.privacy import erase
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.models import Answer, Campaign, FollowUp, Invitation, Message
from loyalty.campaigns.reaching.preferences import PersonErased
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import NOON, ada, shop
from tests.campaigns.make_surveys import ask, asking, says, survey
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")

RECORDED = 'INSERT INTO "customers_interaction"'
LOCKED = "INSERT INTO campaigns_recipient"


def test_of_two_answers_at_once_the_later_one_counts() -> None:
    member = ada(make.program(shop()))
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)

    first, second = interleaved(partial(says, invitation, 2), partial(says, invitation, 9), after=RECORDED)

    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert list(Answer.objects.order_by("number").values_list("number", "score")) == [(1, 2), (2, 9)]
    assert (Interaction.objects.get().score, FollowUp.objects.get().answer) == (9, second)


def test_two_journeys_that_ask_the_same_at_once_ask_once() -> None:
    member = ada(make.program(shop()))
    asked = survey(member.retailer)
    entered(asking(member.program, asked), member)
    entered(asking(member.program, asked), member)

    interleaved(*[partial(advance_due, member.retailer, now=NOON, limit=1)] * 2, after=LOCKED)

    assert Invitation.objects.count() == Message.objects.count() == 1


def entered(live: Campaign, member: Membership) -> None:
    assert live.version is not None
    enter(live, live.version, [Candidate(member.customer_id, "cart:c1", None)], entered_at=NOON, now=NOON)


@pytest.mark.parametrize("before", [None, 9])
@pytest.mark.parametrize("comes_first", ["answer", "erasure"])
def test_what_is_answered_while_its_author_is_erased_is_kept_without_its_words_or_not_at_all(
    comes_first: str, before: int | None
) -> None:
    member = ada(make.program(shop()))
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)
    if before is not None:
        says(invitation, before)
    works = {
        "answer": lambda: says(invitation, 2, "my dog Rex"),
        "erasure": lambda: erase(member.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON),
    }
    order = sorted(works, key=lambda each: each != comes_first)
    after = {"answer": 'INSERT INTO "campaigns_answer"', "erasure": 'DELETE FROM "campaigns_recipient"'}

    found = dict(zip(order, interleaved(*(works[each] for each in order), after=after[comes_first]), strict=True))

    assert getattr(found["erasure"], "is_new", found["erasure"]) is True
    assert isinstance(found["answer"], Answer if comes_first == "answer" else PersonErased)
    scores = [each for each in (before, 2 if comes_first == "answer" else None) if each is not None]
    assert list(Answer.objects.order_by("number").values_list("score", "comment")) == [(each, "") for each in scores]
    assert Interaction.objects.count() == min(len(scores), 1)
