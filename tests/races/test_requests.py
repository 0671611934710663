"""The same and overlapping requests at once, from threads held at a barrier."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from customers.facts import InteractionFact, ReturnFact, ReturnLineFact
from customers.models import Order, Retailer
from customers.recording import record_interactions, record_orders
from loyalty.activity.intake import Answer, take_returns
from loyalty.api.models import IdempotencyRecord
from loyalty.points.models import Entry
from tests import make
from tests.api.test_integration import ORDER, call
from tests.races.interleaving import await_waiting

pytestmark = pytest.mark.usefixtures("committed_db")


def test_the_same_key_twelve_times_at_once_has_one_effect() -> None:
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    key, barrier = make.key(shop), Barrier(12)
    codes: list[int] = []

    def send() -> None:
        barrier.wait()
        try:
            codes.append(call(Client(), key, "orders", ORDER, **{"Idempotency-Key": "one"}).status_code)
        finally:
            connection.close()

    threads = [Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(codes) <= {201, 409}
    assert codes.count(201) >= 1
    assert (Order.objects.count(), Entry.objects.count()) == (1, 1)


def test_requests_with_keys_are_taken_together_and_each_answer_is_kept() -> None:
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    key, barrier = make.key(shop), Barrier(12)
    answers: dict[int, list[Any]] = {}

    def send(place: int) -> None:
        # Every third without a key, two of one key with the same order, and two that are refused.
        body = ORDER | {"number": f"N{place // 2 if place < 2 else place}", "currency": "USD" if place > 9 else "EUR"}
        named = {} if place % 3 == 2 else {"Idempotency-Key": f"k{place // 2 if place < 2 else place}"}
        barrier.wait()
        try:
            answers[place] = [call(Client(), key, "orders", body, **named)]
            if named:
                answers[place].append(call(Client(), key, "orders", body, **named))
        finally:
            connection.close()

    threads = [Thread(target=send, args=(place,)) for place in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {first.status_code for place, (first, *_) in answers.items() if 1 < place < 10} == {201}
    assert {first.status_code for place, (first, *_) in answers.items() if place > 9} == {422}
    assert {answers[place][0].status_code for place in (0, 1)} in ({201}, {201, 409})
    for place in (3, 4, 6, 7, 9, 10):
        first, again = answers[place]
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again["Idempotent-Replayed"] == "true"
    assert (Order.objects.count(), Entry.objects.count(), IdempotencyRecord.objects.count()) == (9, 9, 7)


def test_overlapping_batches_at_once_neither_deadlock_nor_double() -> None:
    shop = make.retailer()
    club = make.program(shop)
    names = [make.member(club).customer.external_id for _ in range(20)]
    # The last customers are new: whoever comes first registers them.
    orders = [
        ORDER | {"number": f"N{place}", "customer": names[place] if place < 20 else f"new-{place % 20}"}
        for place in range(400)
    ]  # fmt: skip
    key, barrier = make.key(shop), Barrier(6)
    codes: list[int] = []

    def send(turn: int) -> None:
        mine = orders[turn * 10 : turn * 10 + 350]
        barrier.wait()
        try:
            codes.append(call(Client(), key, "orders/batch", {"orders": mine[:: 1 if turn % 2 else -1]}).status_code)
        finally:
            connection.close()

    threads = [Thread(target=send, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes == [200] * 6
    assert (Order.objects.count(), Entry.objects.count()) == (400, 20)


def hold_back(record: Callable[[], object], held: Event, free: Event, *, undo: bool = True) -> None:
    """Record something and keep it uncommitted until it is set free, and then undo or commit it."""
    try:
        with transaction.atomic():
            record()
            held.set()
            free.wait()
            transaction.set_rollback(undo)
    finally:
        connection.close()


def record_order(shop: Retailer, number: str) -> object:
    return record_orders(shop, [make.order("ada", "1.00", name=number)], now=make.NOON)


def record_review(shop: Retailer, number: str) -> object:
    return record_interactions(shop, [InteractionFact(number, "ada", "review", make.NOON)], now=make.NOON)


@pytest.mark.parametrize(("kind", "record"), [("orders", record_order), ("interactions", record_review)])
def test_batches_that_name_the_same_the_other_way_round_do_not_wait_in_a_circle(
    kind: str, record: Callable[[Retailer, str], object]
) -> None:
    """Each would have recorded what the other wants next, were it not recorded in one order of numbers."""
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    key, free = make.key(shop), Event()
    answers: list[dict[str, Any]] = []
    held = {number: Event() for number in ("N3", "N4")}
    running = [
        Thread(target=hold_back, args=(partial(record, shop, number), event, free)) for number, event in held.items()
    ]
    review = {"customer": "ada", "kind": "review", "occurred_at": ORDER["occurred_at"]}
    row = ORDER | {"customer": "ada"} if kind == "orders" else review

    def send(numbers: list[str]) -> None:
        try:
            rows = [row | {"number": number} for number in numbers]
            answers.append(call(Client(), key, f"{kind}/batch", {kind: rows}).json())
        finally:
            connection.close()

    running += [Thread(target=send, args=(numbers,)) for numbers in (["N1", "N3", "N2"], ["N2", "N4", "N1"])]
    for thread in running[:2]:
        thread.start()
    for event in held.values():
        event.wait()
    for thread in running[2:]:
        thread.start()
    await_waiting(2)
    free.set()
    for thread in running:
        thread.join()

    told = sorted(result["status"] for answer in answers for result in answer["results"])
    assert told == ["created"] * 4 + ["unchanged"] * 2


@pytest.mark.parametrize(
    ("order", "status", "left"), [("A1", "unchanged", 40), ("A2", "failed", 40)], ids=["the same", "of another order"]
)
def test_a_return_that_comes_again_while_it_is_recorded_is_known(order: str, status: str, left: int) -> None:
    shop = make.retailer()
    ada = make.member(make.program(shop), "ada")
    make.buys(ada, "60.00", name="A1")
    make.buys(ada, "40.00", name="A2")
    fact = ReturnFact("R1", "A1", make.NOON + timedelta(days=1), (ReturnLineFact(Decimal(1), 1),))
    second = replace(fact, order_number=order)
    held, free = Event(), Event()
    answers: list[Answer[ReturnFact]] = []

    def again() -> None:
        try:
            answers.extend(take_returns(shop, [second], now=make.NOON + timedelta(days=1)))
        finally:
            connection.close()

    first = partial(take_returns, shop, [fact], now=make.NOON + timedelta(days=1))
    running = [Thread(target=hold_back, args=(first, held, free), kwargs={"undo": False}), Thread(target=again)]
    running[0].start()
    held.wait()
    running[1].start()
    await_waiting(1)
    free.set()
    for thread in running:
        thread.join()

    (answer,) = answers
    assert answer.outcome.status == status
    assert answer.outcome.error is None or answer.outcome.error.code == "conflict"
    assert make.wallet_of(ada).available == left
