"""A person is erased and the books are kept: no row leads to it, and every sum is what it was."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, F, Sum

from analytics.models import CustomerStatistics, CustomerValue
from analytics.runs import compute_value
from customers.checks import InvalidFact
from customers.facts import InteractionFact
from customers.identifying import UnknownCustomer
from customers.models import Consent, Customer, Erasure, ImportJob, Insight, Order
from customers.privacy import erase, find
from customers.registration import CustomerFact, register
from loyalty.activity.account.spending import redeem
from loyalty.activity.intake import take_interactions, take_orders
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.api.models import IdempotencyRecord, MemberToken
from loyalty.memberships.models import Household, Membership
from loyalty.outbox.forgetting import forget_erased
from loyalty.outbox.models import Delivery, Event
from loyalty.outbox.relay import dispatch
from loyalty.points.liability import owed
from loyalty.points.models import Entry, Hold, Lot, Wallet
from loyalty.signin.codes import CodeOver, check_code, code_of
from loyalty.signin.models import MemberSession, SignInCode
from loyalty.tiers.models import Standing
from tests import make
from tests.make import NOON
from tests.privacy.people import DAY, World, found_in_the_database, world

pytestmark = pytest.mark.django_db

ERASED = NOON + 2 * DAY
TRACES = (
    "ada-7", "ada-old", "ada@example.org", "ada.old@example.org", "33 6 00 00 00 07", "Lovelace", "Augusta", "1990-12-10",
    "Ada called", "Yes, Ada",
)  # fmt: skip


ENDS = ("issued", "redeemed", "expired", "cancelled", "transferred")


def sums(here: World) -> dict[str, Any]:
    """Return what the books say of all members and of orders; points are open whether or not a till holds them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_state, sum(amount) FROM points_movement WHERE to_state = ANY(%s) GROUP BY 1", [list(ENDS)]
        )
        ended = dict(cursor.fetchall())
    lots = Lot.objects.aggregate(amount=Sum("amount"), open=Sum(F("pending") + F("available") + F("held")))
    return {
        "ended": ended,
        "lots": lots,
        "owed": [(each.wallet, each.liability, each.deferred) for each in owed(here.club, at=ERASED + DAY)],
        "orders": Order.objects.aggregate(Count("pk"), Sum("net_amount")),
        "values": CustomerValue.objects.aggregate(Sum("historic_revenue"), Sum("formula_value")),
        "statistics": CustomerStatistics.objects.aggregate(Sum("total_value"), Sum("orders")),
        "members": Membership.objects.filter(left_at=None).count(),
        "tiers": list(Standing.objects.values_list("tier__code").annotate(Count("pk")).order_by("tier__code")),
    }


def test_no_row_of_the_database_says_anything_of_the_person() -> None:
    here = world()
    number = here.ada.number
    old = Membership.objects.get(merged_into=here.ada).number
    assert {text for _, text in found_in_the_database(*TRACES, number, old)} == {*TRACES, number, old}

    here.erased()

    told = {(table, text) for table, text in found_in_the_database(*TRACES, number, old)}
    assert told == {("outbox_event", number), ("outbox_event", old)}
    assert [event.payload["member"] for event in Event.objects.filter(type="membership.erased").order_by("pk")] == [
        number,
        old,
    ]


def test_the_books_are_what_they_were() -> None:
    here = world()
    before = sums(here)

    erased = here.erased()

    assert sums(here) == before
    assert (erased.is_new, erased.orders, erased.interactions) == (True, 3, 3)
    assert before["orders"]["net_amount__sum"] == Decimal("366.00")


def test_points_of_nobody_end_by_the_programs_rules_and_the_past_can_be_lived_again() -> None:
    club = make.program(points={"pending_days": 0, "expiry": "days", "expiry_count": 30})
    ada = make.member(club, "ada-7")
    make.buys(ada, "100.00")
    erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=ERASED)
    assert make.spendable(ada, ERASED) == 100

    run_nights(club, until=(NOON + 40 * DAY).date(), now=NOON + 40 * DAY)

    assert make.spendable(ada, NOON + 40 * DAY) == 0
    assert Wallet.objects.get(membership=ada).available == 0
    assert replay(club, now=NOON + 40 * DAY).deviations == []


def test_what_comes_back_of_an_order_of_nobody_takes_what_it_gave() -> None:
    club = make.program()
    ada = make.member(club, "ada-7")
    bought = make.buys(ada, "100.00", "50.00")
    erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=ERASED)

    answer = make.returns(ada, bought, (2, "1"), at=ERASED + DAY)

    assert [decision.order_return.points for decision in answer.decisions if decision.order_return] == [50]
    assert make.spendable(ada, ERASED + 2 * DAY) == 100


def test_what_was_going_on_ends() -> None:
    here = world()
    token, asked = make.token(here.customer, now=NOON), SignInCode.objects.get()

    here.erased()

    assert list(Hold.objects.values_list("status")) == [("released",)]
    assert Household.objects.get().members.get().membership == here.bob
    assert (MemberToken.objects.count(), MemberSession.objects.count(), SignInCode.objects.count()) == (0, 0, 0)
    with pytest.raises(CodeOver):
        check_code(here.club.retailer, asked.pk, code_of(asked.pk), now=NOON)
    assert token


def test_neither_ids_nor_numbers_lead_to_anybody_and_the_next_one_is_somebody_new() -> None:
    here = world()
    number, key = here.ada.number, here.customer.pk

    here.erased()

    for name in ("ada-7", "ada-old"):
        with pytest.raises(UnknownCustomer):
            find(here.club.retailer, name)
    assert Membership.objects.numbered(here.club.retailer_id, number).count() == 0
    (again,) = register(here.club.retailer, [CustomerFact("ada-7", "ada@example.org")], now=ERASED)
    assert (again.is_new, again.id == key) == (True, False)
    new = make.member(here.club, "ada-7", since=ERASED)
    make.buys(new, "10.00", at=ERASED + DAY)
    assert make.spendable(new, ERASED + DAY) == 10
    assert find(here.club.retailer, "ada-7").orders.count() == 1


def test_an_order_that_is_told_again_is_not_taken_for_another_ones() -> None:
    here = world()
    here.erased()

    (answer,) = take_orders(
        here.club.retailer, [make.order("ada-7", "100.00", "20.00", at=NOON - 9 * DAY, name="o1")], now=ERASED
    )

    assert (answer.outcome.error.code if answer.outcome.error else "") == "conflict"
    assert Order.objects.filter(customer__external_id="ada-7").count() == 0
    assert "erased" not in str(answer.outcome.error)


def test_erasing_again_changes_nothing() -> None:
    here = world()
    here.erased()
    rows = Customer.objects.order_by("pk").values_list("external_id", "erased_at")
    before = list(rows), Event.objects.count()

    again = here.erased()

    assert (again.is_new, again.orders, again.lost) == (False, 0, {})
    assert (list(rows.all()), Event.objects.count()) == before
    assert Erasure.objects.count() == 1


def test_a_dry_run_says_what_is_lost_and_changes_nothing() -> None:
    here = world()
    before = found_in_the_database(*TRACES), sums(here)

    told = here.erased(dry_run=True)

    assert (found_in_the_database(*TRACES), sums(here)) == before
    assert (told.orders, told.interactions) == (3, 3)
    assert told.lost == here.erased().lost
    (member,) = told.lost["memberships"]
    assert (member["program"], member["member_number"], member["holds"], member["rewards"], member["tier"]) == (
        here.club.slug, here.ada.number, 1, 1, "silver",
    )  # fmt: skip
    assert member["points"] == {"points": make.spendable(here.ada, ERASED)}


def test_who_erased_whom_and_why_is_kept_without_whom() -> None:
    here = world()

    here.erased(asked_by=Erasure.AskedBy.STAFF, author="sue", reason="letter of June")

    kept = Erasure.objects.get()
    assert (kept.asked_by, kept.author, kept.reason, kept.erased_at) == ("staff", "sue", "letter of June", ERASED)
    assert kept.customer.erased_at == ERASED


@pytest.mark.parametrize("reason", ["", "x" * 101, "a\x00b"])
def test_a_reason_that_cannot_be_kept_erases_nobody(reason: str) -> None:
    here = world()

    with pytest.raises(InvalidFact):
        here.erased(reason=reason)

    assert Erasure.objects.count() == 0
    assert here.customer.external_id == "ada-7"


def test_a_file_loses_the_lines_of_the_person_alone() -> None:
    here = world()

    here.erased()

    assert bytes(ImportJob.objects.get().content) == b"external_id,email,last_name\nbob-8,bob@example.org,Byron\n"


def test_an_answer_that_named_the_person_is_known_as_given_and_says_nothing() -> None:
    here = world()

    here.erased()

    kept = IdempotencyRecord.objects.get()
    assert (kept.status, json.loads(bytes(kept.body))["code"]) == (410, "erased")


def test_systems_are_told_whom_to_forget_and_then_the_event_forgets_too() -> None:
    here = world()
    number = here.ada.number
    here.erased()
    dispatch(now=ERASED)
    told = Event.objects.filter(type="membership.erased")
    assert forget_erased(now=ERASED + DAY) == 0
    assert told.filter(payload__member=number).count() == 1

    Delivery.objects.filter(event__in=told).update(delivered_at=ERASED, due_at=None)

    assert forget_erased(now=ERASED + DAY) == 2
    assert [event.payload for event in told] == [{"program": here.club.slug}] * 2
    assert forget_erased(now=ERASED + DAY) == 0


def test_what_systems_answered_to_events_of_the_person_is_forgotten_and_to_others_is_not() -> None:
    here = world()
    dispatch(now=NOON)
    for each in Delivery.objects.select_related("event"):  # as who tells what it understood
        Delivery.objects.filter(pk=each.pk).update(answer=json.dumps(each.event.payload))

    here.erased()

    # Of Bob what he joined, and not by whose code he came.
    left = Delivery.objects.exclude(answer="").values_list("event__type", "event__payload__customer").distinct()
    types = ("membership.enrolled", "points.earned", "points.transfer", "tier.changed")
    assert set(left) == {(each, "bob-8") for each in types}
    assert {table for table, _text in found_in_the_database("ada-7", here.ada.number)} == {"outbox_event"}


def test_what_was_answered_when_systems_heard_whom_to_forget_is_forgotten_with_it() -> None:
    here = world()
    here.erased()
    dispatch(now=ERASED)
    told = Delivery.objects.filter(event__type="membership.erased")
    told.update(delivered_at=ERASED, due_at=None, answer=f"forgot {here.ada.number}")

    forget_erased(now=ERASED + DAY)

    assert list(told.values_list("answer", flat=True)) == ["", ""]


def test_a_system_that_never_answers_is_told_for_thirty_days() -> None:
    here = world()
    here.erased()
    dispatch(now=ERASED)

    assert [forget_erased(now=ERASED + timedelta(days=days)) for days in (30, 31)] == [0, 2]


def test_nobody_has_no_insight_and_agrees_to_nothing() -> None:
    here = world()
    here.erased()

    compute_value(here.club.retailer, now=ERASED)

    assert Insight.objects.filter(customer__erased_at__isnull=False).count() == 0
    assert Insight.objects.filter(customer=here.bob.customer).count() == 1
    assert Consent.objects.filter(customer=here.ada.customer).count() == 0
    assert Customer.objects.filter(erased_at__isnull=False).count() == 2


def test_another_person_is_as_before() -> None:
    here = world()
    bob = {"bob-8", "bob@example.org", "33 6 00 00 00 08", "Byron", here.bob.number}
    before = {(table, text) for table, text in found_in_the_database(*bob)}

    here.erased()

    assert found_in_the_database(*bob) == before
    redeem(here.bob, 1, reference="mine", now=ERASED)


def test_an_interaction_that_is_told_later_is_of_somebody_new() -> None:
    here = world()
    here.erased()

    take_interactions(here.club.retailer, [InteractionFact("i2", "ada-7", "review", ERASED)], now=ERASED)

    assert find(here.club.retailer, "ada-7").erased_at is None
    assert (
        Entry.objects.filter(wallet__membership=here.ada, occurred_at__gte=ERASED).exclude(kind="release").count() == 0
    )
