"""Facts that name a customer, and a merge of it, at the same moment: whoever is first, nothing stays behind."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from customers.claiming import claim_order
from customers.correcting import record_corrections
from customers.facts import CorrectionFact, InteractionFact, ReturnFact, ReturnLineFact
from customers.merging import merge
from customers.models import Customer, CustomerMerge, Interaction, Order, Retailer
from customers.recording import record_interactions, record_orders, record_returns
from customers.registration import CustomerFact, register
from tests import make
from tests.make import NOON
from tests.races.interleaving import waiting_sessions

pytestmark = pytest.mark.usefixtures("committed_db")
Work = Callable[[Retailer], object]


def one_waits_for_the_other(shop: Retailer, first: Work, second: Work) -> list[Exception]:
    """Do one thing, and another one before the first is committed; return what they raised."""
    is_done, may_commit, raised = Event(), Event(), []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told below
            raised.append(error)
        finally:
            is_done.set()
            connection.close()

    def hold() -> None:
        with transaction.atomic():
            first(shop)
            is_done.set()
            may_commit.wait(30)

    holder, other = Thread(target=run, args=(hold,)), Thread(target=run, args=(lambda: second(shop),))
    holder.start()
    is_done.wait(30)
    other.start()
    while other.is_alive() and not waiting_sessions():
        other.join(0.01)
    may_commit.set()
    holder.join()
    other.join()
    return raised


WORKS: dict[str, Work] = {
    "order": lambda shop: record_orders(shop, [make.order("old", "5.00", at=NOON - timedelta(days=9))], now=NOON),
    "interaction": lambda shop: record_interactions(shop, [InteractionFact("I2", "old", "visit", NOON)], now=NOON),
    "return": lambda shop: record_returns(
        shop, [ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))], now=NOON
    ),
    "registration": lambda shop: register(shop, [CustomerFact("old", first_name="Ada")], now=NOON),
    "claim": lambda shop: claim_order(shop, "G1", "old", reference="r", now=NOON),
    "correction": lambda shop: record_corrections(
        shop, [CorrectionFact(make.order("old", "7.00", name="A1"), 1)], now=NOON
    ),
    "merge": lambda shop: merge(shop, "ada", "eve", reference="m2", now=NOON),
}


@pytest.mark.parametrize("comes_first", [False, True])
@pytest.mark.parametrize("kind", sorted(WORKS))
def test_nothing_stays_with_who_was_merged(
    kind: str,
    comes_first: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("old", "10.00", name="A1"), make.order(None, "10.00", name="G1")], now=NOON)
    record_orders(shop, [make.order("ada", "10.00"), make.order("eve", "10.00")], now=NOON)
    record_interactions(shop, [InteractionFact("I1", "old", "visit", NOON)], now=NOON)
    works: tuple[Work, Work] = (WORKS[kind], lambda shop: merge(shop, "old", "ada", reference="m1", now=NOON))

    raised = one_waits_for_the_other(shop, *(works if comes_first else reversed(works)))

    last = "eve" if kind == "merge" else "ada"
    assert raised == []
    assert Customer.objects.get(external_id="old").merged_into == Customer.objects.get(external_id=last)
    assert not Order.objects.filter(customer__merged_into__isnull=False).exists()
    assert not Interaction.objects.filter(customer__merged_into__isnull=False).exists()
    assert CustomerMerge.objects.count() == (2 if kind == "merge" else 1)


def test_batches_that_make_the_same_customers_known_earlier_do_not_wait_in_a_circle() -> None:
    shop = make.retailer()
    names = [f"c{place}" for place in range(20)]
    record_orders(shop, [make.order(name, "1.00") for name in names], now=NOON)
    raised: list[Exception] = []

    def report(days: int, *, turned: bool) -> None:
        try:
            at = NOON - timedelta(days=days)
            facts = [make.order(name, "1.00", at=at) for name in (reversed(names) if turned else names)]
            record_orders(shop, facts, now=NOON)
        except Exception as error:  # noqa: BLE001 - told below
            raised.append(error)
        finally:
            connection.close()

    for days in range(1, 21, 2):
        threads = [Thread(target=report, args=(days + turned,), kwargs={"turned": bool(turned)}) for turned in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert raised == []
    assert {customer.identified_at for customer in Customer.objects.all()} == {NOON - timedelta(days=20)}
