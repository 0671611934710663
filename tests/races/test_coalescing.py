"""Orders that arrive one by one at the same moment share a transaction, and each gets its own answer."""

from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from customers.models import Order
from loyalty.points.models import Entry
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.usefixtures("committed_db")


def at_once(key: str, orders: list[dict[str, Any]], threads: int = 8) -> dict[str, tuple[int, dict[str, Any]]]:
    """Send orders from so many threads held at a barrier; return status and body by order number."""
    barrier, answers = Barrier(threads), {}

    def send(turn: int) -> None:
        client = Client(raise_request_exception=False)
        barrier.wait()
        try:
            for order in orders[turn::threads]:
                answer = call(client, key, "orders", order)
                answers[order["number"]] = (answer.status_code, answer.json())
        finally:
            connection.close()

    running = [Thread(target=send, args=(turn,)) for turn in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return answers


def lines(points: int) -> list[dict[str, str]]:
    return [{"sku": "x", "quantity": "1", "net_amount": f"{points}.00"}]


def test_each_order_gets_its_own_answer() -> None:
    shop = make.retailer()
    club = make.program(shop)
    names = [make.member(club).customer.external_id for _ in range(10)]
    orders = [
        ORDER | {"number": f"N{place}", "customer": names[place % 10], "lines": lines(place + 1)} for place in range(80)
    ]

    answers = at_once(make.key(shop), orders)

    assert {number: (code, body["effects"][0]["points"]) for number, (code, body) in answers.items()} == {
        f"N{place}": (201, place + 1) for place in range(80)
    }
    assert (Order.objects.count(), Entry.objects.count()) == (80, 80)


def test_the_same_order_from_all_sides_is_one_and_other_content_a_conflict() -> None:
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    key, codes = make.key(shop), []

    for _ in range(5):
        same = [ORDER | {"number": "one", "lines": lines(7 if place % 2 else 8)} for place in range(8)]
        barrier = Barrier(8)

        def send(order: dict[str, Any], barrier: Barrier = barrier) -> None:
            barrier.wait()
            try:
                codes.append(call(Client(), key, "orders", order).status_code)
            finally:
                connection.close()

        running = [Thread(target=send, args=(order,)) for order in same]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    assert (Order.objects.count(), Entry.objects.count(), codes.count(201)) == (1, 1, 1)
    assert set(codes) == {200, 201, 409}
    assert (codes.count(200), codes.count(409)) == (19, 20)


def test_one_that_fails_does_not_take_the_others_with_it() -> None:
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    with connection.cursor() as cursor:  # the database refuses one of them, and with it its whole batch
        cursor.execute("RESET ROLE")
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.number = 'N3' THEN RAISE 'no'; END IF; RETURN NEW; END $$"
        )
        cursor.execute("CREATE TRIGGER t BEFORE INSERT ON customers_order FOR EACH ROW EXECUTE FUNCTION refuse()")
        cursor.execute("SET ROLE loyalty_app")
    orders = [ORDER | {"number": f"N{place}", "lines": lines(1)} for place in range(24)]

    answers = at_once(make.key(shop), orders)

    assert {number for number, (code, _) in answers.items() if code != 201} == {"N3"}
    assert (answers["N3"][1]["code"], Order.objects.count()) == ("server_error", 23)


def test_retailers_are_never_taken_together() -> None:
    shops = [make.retailer() for _ in range(2)]
    for shop in shops:
        make.member(make.program(shop), "ada")
    keys = [make.key(shop) for shop in shops]
    answers: list[dict[str, Any]] = []
    running = [
        Thread(target=lambda key=key: answers.append(at_once(key, [ORDER | {"number": f"N{n}"} for n in range(16)], 4)))
        for key in keys
    ]  # fmt: skip
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()

    assert [Order.objects.filter(retailer=shop).count() for shop in shops] == [16, 16]
    assert all(code == 201 for found in answers for code, _ in found.values())
