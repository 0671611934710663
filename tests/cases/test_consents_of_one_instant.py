"""Two statements of one instant, such as two files of one day say: whoever asks, the one that withdraws counts."""

from datetime import timedelta

import pytest
from django.test import Client

from analytics.audit.measures import CONSENTS
from analytics.recommendations.running import recommend
from customers.core import bulk
from customers.models import Customer
from customers.privacy import export
from customers.suggesting import suggested_names, suggestions_for
from loyalty.campaigns.messages.loading import consents_of
from loyalty.campaigns.reaching.preferences import preferences_of
from loyalty.memberships.profiles import profiles_of, profiles_of_customers
from loyalty.page.reading import choices
from tests import make
from tests.analytics.recommendations.shops import habitual, name, profile
from tests.make import NOON
from tests.segments.profiles import known_as

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize("told", [(False, True), (True, False)])
def test_who_agrees_and_withdraws_at_one_instant_has_withdrawn_in_whatever_order_it_is_told(
    told: tuple[bool, bool],
) -> None:
    ada = make.member(make.program(make.retailer()))
    known_as(ada, segment="vip")
    for granted in told:
        for purpose in ("profiling", "email"):
            ada.customer.consents.create(purpose=purpose, granted=granted, occurred_at=NOON, source="file")
    Customer.objects.filter(pk=ada.customer_id).update(email="ada@example.com")

    assert profiles_of([ada.pk]) == {}
    assert profiles_of_customers([ada.customer_id]) == {}
    assert consents_of([ada.customer_id], LATER)[ada.customer_id] == {
        "profiling": False,
        "email": False,
        "program": True,
    }
    assert not preferences_of(ada.customer, now=LATER).agreed["email"]
    assert {each.purpose for each in choices(ada) if each.granted} == set()
    assert bulk.fetch(CONSENTS, {"retailer": ada.retailer_id, "now": LATER}) == [(0, 0)]


@pytest.mark.parametrize("told", [(False, True), (True, False)])
def test_lists_of_consents_end_or_begin_with_the_one_that_counts(client: Client, told: tuple[bool, bool]) -> None:
    ada = make.customer(make.retailer(), "ada")
    for granted in told:
        ada.consents.create(purpose="email", granted=granted, occurred_at=NOON, source="file")
    headers = {"authorization": f"Api-Key {make.key(ada.retailer)}"}

    listed = client.get("/api/v1/customers/ada/consents", headers=headers).json()
    exported = next(part for part in export(ada, now=LATER)["sections"] if part["name"] == "consents")

    assert [each["granted"] for each in listed] == [False, True]
    assert [each["granted"] for each in exported["rows"]] == [True, False]


def test_no_profile_is_made_or_shown_of_who_withdraws_at_the_instant_at_which_it_agrees() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)
    for granted in (False, True):
        profile(retailer, name(3), granted=granted, at=LATER)
    who = Customer.objects.get(retailer=retailer, external_id=name(3))

    assert not suggestions_for(who, retailer, at=LATER).is_personal
    assert suggested_names(retailer, [who.pk], at=LATER)[who.pk].again == ()
    assert recommend(retailer, now=LATER).consenting == 59
