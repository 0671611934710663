"""A queryset whose SQL is made once gives what the ORM gives, and finds a member by its number without reading the others."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from customers.core.prepared import Prepared
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.tiers.models import Tier
from tests import make

pytestmark = pytest.mark.django_db

BY_NUMBER = Prepared(
    lambda retailer, number: Membership.objects.select_related("program", "customer").filter(
        retailer=retailer, number=number, merged_into=None
    )
)


def test_rows_are_what_the_orm_gives_with_what_they_are_joined_with(django_assert_num_queries: Any) -> None:
    club = make.program(make.retailer())
    ada, bob = make.member(club, "ada"), make.member(club, "bob")

    (found,) = BY_NUMBER.rows(retailer=club.retailer_id, number=ada.number)
    others = BY_NUMBER.rows(retailer=club.retailer_id, number=bob.number)

    assert (found, others) == (ada, [bob])
    assert {field.name: getattr(found, field.attname) for field in Membership._meta.concrete_fields} == {
        field.name: getattr(Membership.objects.get(pk=ada.pk), field.attname)
        for field in Membership._meta.concrete_fields
    }
    with django_assert_num_queries(0):
        assert (found.program, found.customer.external_id) == (club, "ada")


def test_what_is_not_there_is_no_row() -> None:
    assert BY_NUMBER.rows(retailer=1, number="no such number") == []


def test_values_of_every_kind_come_as_the_orm_reads_them() -> None:
    club = make.program(make.retailer(), tiers=[("gold", "100", "1.5")])
    (tier,) = Tier.objects.filter(version__program=club)

    (found,) = Prepared(lambda version: Tier.objects.filter(version=version)).rows(version=tier.version_id)

    assert vars(found) | {"_state": None} == vars(tier) | {"_state": None}


def test_a_parameter_may_be_used_twice_beside_one_that_never_changes() -> None:
    ada = make.member(make.program(make.retailer()), "ada")
    twice = Prepared(
        lambda membership: Wallet.objects.filter(membership=membership, membership__id=membership, code="points")
    )

    assert [wallet.membership_id for wallet in twice.rows(membership=ada.pk)] == [ada.pk]
    assert twice.rows(membership=uuid4()) == []


def test_a_member_is_found_by_its_number_without_reading_the_others() -> None:
    ada = make.member(make.program(make.retailer()), "ada")
    numbered = Membership.objects.numbered(ada.retailer_id, ada.number)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a small table would be read from end to end
        plan = numbered.explain()

    assert "Seq Scan" not in plan
    assert plan.startswith("Index Scan using memberships_membership_pkey")
    assert "InitPlan" in plan
    assert "Join" not in plan
