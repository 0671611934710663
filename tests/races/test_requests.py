"""The same and overlapping requests at once, from threads held at a barrier."""

from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client

from customers.models import Order
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
