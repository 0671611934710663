"""The same and overlapping requests at once, from threads held at a barrier."""

import time
from threading import Barrier, Event, Thread

import pytest
from django.db import connection, transaction
from django.test import Client

from customers.models import Order, Retailer
from customers.recording import record_orders
from loyalty.points.models import Entry
from tests import make
from tests.api.test_integration import ORDER, call

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


def hold_back(shop: Retailer, number: str, held: Event, free: Event) -> None:
    """Record an order and keep it uncommitted until it is set free, and then undo it."""
    try:
        with transaction.atomic():
            record_orders(shop, [make.order("ada", "1.00", name=number)], now=make.NOON)
            held.set()
            free.wait()
            transaction.set_rollback(True)
    finally:
        connection.close()


def await_waiting(sessions: int) -> None:
    """Return when so many sessions wait for another one's rows."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
            (waiting,) = cursor.fetchone() or (0,)
            if waiting >= sessions:
                return
            assert time.monotonic() < deadline, "nobody waits"


def test_batches_that_name_the_same_orders_the_other_way_round_do_not_wait_for_each_other_in_a_circle() -> None:
    """Each would have recorded an order that the other wants next, were they not recorded in one order of numbers."""
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    key, free, codes = make.key(shop), Event(), []
    held = {number: Event() for number in ("N3", "N4")}
    running = [Thread(target=hold_back, args=(shop, number, event, free)) for number, event in held.items()]

    def send(numbers: list[str]) -> None:
        try:
            rows = [ORDER | {"number": number, "customer": "ada"} for number in numbers]
            codes.append(call(Client(), key, "orders/batch", {"orders": rows}).json())
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

    assert sorted(row["status"] for answer in codes for row in answer["results"]) == ["created"] * 4 + ["unchanged"] * 2
    assert Order.objects.count() == 4
