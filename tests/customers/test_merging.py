"""Two customers are one: everything goes to the one that stays, and every id of it leads there."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from customers.checks import InvalidFact
from customers.claiming import claim_order
from customers.core.errors import DomainError
from customers.correcting import record_corrections
from customers.facts import CorrectionFact, InteractionFact
from customers.identifying import UnknownCustomer
from customers.merging import MergedElsewhere, SameCustomer, merge
from customers.models import Consent, Customer, CustomerMerge, FactChange, Insight, Interaction, Order, Retailer
from customers.recording import identify, record_interactions, record_orders
from customers.registration import CustomerFact, record_consent, register
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
EARLIER = NOON - timedelta(days=30)
AS_OF = NOON.date()


def shop_of(*names: str) -> Retailer:
    """Return a retailer at which each of some customers has an order and a visit; later ones came later."""
    shop = make.retailer()
    for place, name in enumerate(names):
        at = EARLIER + timedelta(days=place)
        record_orders(shop, [make.order(name, "10.00", at=at, name=f"A-{name}")], now=NOON)
        record_interactions(shop, [InteractionFact(f"I-{name}", name, "visit", at)], now=NOON)
    return shop


def customer(shop: Retailer, name: str) -> Customer:
    return Customer.objects.get(retailer=shop, external_id=name)


def join(shop: Retailer, source: str, target: str) -> Any:
    return merge(shop, source, target, reference=f"crm {source}", now=NOON)


def leads(shop: Retailer) -> dict[str, str]:
    """Return whom each external id leads to."""
    found = Customer.objects.filter(retailer=shop).select_related("merged_into")
    return {one.external_id: (one.merged_into or one).external_id for one in found}


def test_orders_and_interactions_go_over_and_the_id_leads_there() -> None:
    shop = shop_of("old", "ada")
    changes = FactChange.objects.count()

    merged = join(shop, "old", "ada")

    ada, old = customer(shop, "ada"), customer(shop, "old")
    assert (merged.source_id, merged.target_id, merged.is_new) == (old.pk, ada.pk, True)
    assert (merged.orders, merged.interactions) == (1, 1)
    assert (Order.objects.filter(customer=ada).count(), Interaction.objects.filter(customer=ada).count()) == (2, 2)
    assert (old.merged_into, ada.merged_into, ada.identified_at) == (ada, None, EARLIER)
    assert FactChange.objects.count() == changes + 2
    row = CustomerMerge.objects.get()
    assert (row.source, row.target, row.reference, row.merged_at) == (old, ada, "crm old", NOON)


def known(who: Customer, revenue: int, *, day: date = AS_OF) -> None:
    Insight.objects.create(
        customer=who, run_id=1, as_of=day, horizon_days=1, currency="EUR", historic_revenue=revenue, segment="vip"
    )


def insights() -> list[tuple[str, int]]:
    rows = Insight.objects.order_by("customer__external_id").values_list("customer__external_id", "historic_revenue")
    return [(name, int(revenue)) for name, revenue in rows]


def test_insight_of_the_source_is_that_of_the_target_until_it_has_its_own() -> None:
    shop = shop_of("old", "ada")
    known(customer(shop, "old"), 1)

    join(shop, "old", "ada")

    assert insights() == [("ada", 1)]


def test_insight_of_the_target_stays_and_that_of_the_source_is_forgotten() -> None:
    shop = shop_of("old", "ada")
    known(customer(shop, "old"), 1)
    known(customer(shop, "ada"), 2)

    join(shop, "old", "ada")

    assert insights() == [("ada", 2)]


@pytest.mark.parametrize("buyer", ["old", "ada"])
def test_insight_from_before_either_bought_last_is_forgotten(buyer: str) -> None:
    shop = shop_of("old", "ada")
    known(customer(shop, "old"), 1, day=EARLIER.date())
    record_orders(shop, [make.order(buyer, "5", at=NOON)], now=NOON)

    join(shop, "old", "ada")

    assert insights() == []


def test_consents_are_added_to_the_targets() -> None:
    shop = shop_of("old", "ada")
    old, ada = customer(shop, "old"), customer(shop, "ada")
    for who, granted, days in ((old, True, 1), (old, False, 3), (ada, True, 2)):
        at = EARLIER + timedelta(days=days)
        record_consent(who, "email", granted=granted, occurred_at=at, source="till", wording="w", now=NOON)

    join(shop, "old", "ada")

    newest = Consent.objects.filter(customer=ada).order_by("-occurred_at")
    assert list(newest.values_list("granted", "wording")) == [(False, "w"), (True, "w"), (True, "w")]
    assert Consent.objects.filter(customer=old).count() == 2


def test_what_is_not_known_of_the_target_is_taken_from_the_source() -> None:
    shop = make.retailer()
    register(shop, [CustomerFact("old", email="old@example.org", phone="1"), CustomerFact("ada", phone="2")], now=NOON)

    join(shop, "old", "ada")

    ada = customer(shop, "ada")
    assert (ada.email, ada.phone) == ("old@example.org", "2")


def test_whatever_names_the_source_reaches_the_target() -> None:
    shop = shop_of("old", "ada")
    join(shop, "old", "ada")
    ada = customer(shop, "ada")

    (order,) = record_orders(shop, [make.order("old", "5.00", at=EARLIER - timedelta(days=9))], now=NOON)
    (interaction,) = record_interactions(shop, [InteractionFact("I9", "old", "visit", NOON)], now=NOON)
    (registered,) = register(shop, [CustomerFact("old", first_name="Ada")], now=NOON)
    record_orders(shop, [make.order(None, "1.00", name="G1")], now=NOON)
    claimed = claim_order(shop, "G1", "old", reference="r", now=NOON)
    (corrected,) = record_corrections(shop, [CorrectionFact(make.order("old", "2.00", name="G1"), 1)], now=NOON)

    assert {
        order.customer_id,
        interaction.customer_id,
        registered.id,
        identify(shop, [("old", NOON)], now=NOON)["old"],
        claimed.customer_id,
        corrected.customer_id,
    } == {ada.pk}
    ada.refresh_from_db()
    assert (ada.first_name, ada.identified_at) == ("Ada", EARLIER - timedelta(days=9))
    assert customer(shop, "old").first_name == ""


def test_a_customers_and_its_aliases_facts_in_one_call_are_one_customers() -> None:
    shop = shop_of("old", "ada")
    join(shop, "old", "ada")

    facts = [CustomerFact("ada", first_name="A"), CustomerFact("old", first_name="B")]
    registered = register(shop, facts, now=NOON)

    ada = customer(shop, "ada")
    assert [(one.external_id, one.id, one.changed) for one in registered] == [
        ("ada", ada.pk, False),
        ("old", ada.pk, True),
    ]
    assert ada.first_name == "B"


def test_an_order_is_known_by_every_id_of_its_customer() -> None:
    shop = make.retailer()
    fact = make.order("old", "10.00", name="A1")
    record_orders(shop, [fact, make.order("ada", "1.00"), make.order("eve", "1.00")], now=NOON)
    join(shop, "old", "ada")

    again = [make.order(name, *fact.lines, name="A1") for name in ("old", "ada", "eve")]

    assert [record_orders(shop, [each], now=NOON)[0].status.value for each in again] == [
        "unchanged",
        "unchanged",
        "failed",
    ]


def test_the_api_reads_the_target_under_the_sources_id() -> None:
    shop = shop_of("old", "ada")
    join(shop, "old", "ada")
    client = Client(headers={"authorization": f"Api-Key {make.key(shop)}"})

    answer = client.get("/api/v1/customers/old")
    said = {"purpose": "sms", "granted": True, "source": "web"}
    client.post("/api/v1/customers/old/consents", said, content_type="application/json")

    assert answer.json()["external_id"] == "ada"
    assert Consent.objects.get().customer == customer(shop, "ada")


@pytest.mark.parametrize(
    "merges",
    [
        (("a", "b"), ("b", "c")),
        (("b", "c"), ("a", "b")),
        (("a", "b"), ("b", "c"), ("a", "b")),
        (("a", "b"), ("b", "c"), ("a", "c")),
        (("a", "c"), ("b", "a")),
    ],
)
def test_a_chain_leads_to_its_end_at_once(merges: tuple[tuple[str, str], ...]) -> None:
    shop = shop_of("a", "b", "c")

    for source, target in merges:
        join(shop, source, target)

    assert leads(shop) == {"a": "c", "b": "c", "c": "c"}
    assert Order.objects.filter(customer=customer(shop, "c")).count() == 3
    assert customer(shop, "c").identified_at == EARLIER


def test_the_same_merge_again_changes_nothing() -> None:
    shop = shop_of("old", "ada")
    first = join(shop, "old", "ada")
    changes = FactChange.objects.count()

    again = join(shop, "old", "ada")

    assert (again.source_id, again.target_id, again.is_new) == (first.source_id, first.target_id, False)
    assert (CustomerMerge.objects.count(), FactChange.objects.count()) == (1, changes)


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ("ada", "ada", SameCustomer),
        ("ada", "old", SameCustomer),  # old leads to ada
        ("old", "old", None),  # it leads there already
        ("old", "eve", MergedElsewhere),
        ("nobody", "ada", UnknownCustomer),
        ("eve", "nobody", UnknownCustomer),
        ("eve", "", InvalidFact),
    ],
)
def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(
    source: str, target: str, error: type[DomainError] | None
) -> None:
    shop = shop_of("old", "ada", "eve")
    join(shop, "old", "ada")
    before = leads(shop)

    if error is None:
        assert join(shop, source, target).is_new is False
    else:
        with pytest.raises(error), transaction.atomic():
            join(shop, source, target)

    assert leads(shop) == before
    assert CustomerMerge.objects.count() == 1


def test_customers_of_another_retailer_cannot_be_merged() -> None:
    shop = shop_of("old", "ada")

    with pytest.raises(UnknownCustomer), transaction.atomic():
        join(make.retailer(), "old", "ada")

    assert leads(shop) == {"old": "old", "ada": "ada"}
