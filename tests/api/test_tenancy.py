"""For whom a connection acts, whatever became of the requests, transactions and savepoints that it served before."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from customers.core.tenancy import ALL_TENANTS, NOBODY, act_for, acting_for
from customers.models import Order, Retailer
from customers.recording import record_orders
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture(autouse=True)
def acts_for_who_it_did(committed_db: None) -> Iterator[None]:
    yield
    act_for(ALL_TENANTS)


def send(key: str, number: str, *, query: str = "", **changed: Any) -> int:
    """Send an order on this thread's connection, and return the answer's status."""
    client = Client(raise_request_exception=False)
    return int(call(client, key, f"orders{query}", ORDER | {"number": number} | changed).status_code)


def shops(count: int) -> tuple[list[Retailer], list[str]]:
    made = [make.retailer() for _ in range(count)]
    return made, [make.key(shop) for shop in made]


def test_dry_runs_for_guests_leave_the_connection_to_the_next_retailer() -> None:
    made, keys = shops(3)

    known = send(keys[2], "A")  # both keys are recognised without a question now
    first = [send(keys[0], f"A{turn}") for turn in range(3)]
    dry = [send(keys[2], f"G{turn}", query="?dry_run=1", customer=None) for turn in range(16)]
    then = [send(keys[0], f"B{turn}") for turn in range(40)]

    assert (known, first, dry, then) == (201, [201] * 3, [200] * 16, [201] * 40)
    assert [Order.objects.filter(retailer=shop).count() for shop in made] == [43, 0, 1]


REQUESTS: dict[str, Callable[[str, int], int]] = {
    "order": lambda key, turn: send(key, f"N{turn}"),
    "guest": lambda key, turn: send(key, f"N{turn}", customer=None),
    "dry": lambda key, turn: send(key, f"N{turn}", query="?dry_run=1"),
    "refused": lambda key, turn: send(key, "same", store=f"s{turn}"),  # a conflict, found behind the first writes
    "keyed": lambda key, turn: keyed(key, f"N{turn}"),
    "keyed refusal": lambda key, turn: keyed(key, "same", store=f"s{turn}"),
    "failure": lambda key, _turn: send(key, "bad"),
}
ENDS = {"order": 201, "guest": 201, "dry": 200, "refused": 409, "keyed": 201, "keyed refusal": 409, "failure": 500}


def keyed(key: str, number: str, **changed: Any) -> int:
    headers = {"Idempotency-Key": f"{number}-{changed}"}
    return int(call(Client(), key, "orders", ORDER | {"number": number} | changed, **headers).status_code)


def test_every_end_of_a_request_follows_every_other_and_none_is_anothers() -> None:
    made, keys = shops(2)
    refuse_the_order("bad")
    for key in keys:
        send(key, "same")
    kinds = list(REQUESTS)
    # Each kind is followed by each, of the same retailer and of the other one.
    turns = [(one, other, own) for one in kinds for other in kinds for own in (0, 1)]

    told = []
    for turn, (one, other, own) in enumerate(turns):
        told.append((one, REQUESTS[one](keys[0], 2 * turn)))
        told.append((other, REQUESTS[other](keys[own], 2 * turn + 1)))

    assert [(kind, code) for kind, code in told if code != ENDS[kind]] == []
    # Of 98 turns, the first is the first retailer's always, and every second one half of the times.
    written = [kind for kind, code in told if code == 201 and kind != "dry"]
    counts = [Order.objects.filter(retailer=shop).count() for shop in made]
    assert sum(counts) == 2 + len(written)
    assert counts == [1 + 42 + 21, 1 + 21]


def refuse_the_order(number: str) -> None:
    """Let the database fail when an order of this number is written."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.number = '{number}' THEN RAISE 'no'; END IF; RETURN NEW; END $$"
        )
        cursor.execute("CREATE TRIGGER t BEFORE INSERT ON customers_order FOR EACH ROW EXECUTE FUNCTION refuse()")
        cursor.execute("SET ROLE loyalty_app")


def seen() -> list[str]:
    """Return the numbers of the orders that can be seen."""
    return list(Order.objects.order_by("number").values_list("number", flat=True))


def two_shops_with_an_order() -> tuple[Retailer, Retailer]:
    one, two = make.retailer(), make.retailer()
    record_orders(one, [make.order(None, "1.00", name="of one")], now=make.NOON)
    record_orders(two, [make.order(None, "1.00", name="of two")], now=make.NOON)
    return one, two


def see_and_fail(*statements: str) -> None:
    seen()
    with connection.cursor() as cursor:
        for statement in statements or ["SELECT 1 / 0"]:
            cursor.execute(statement)


def roll_back() -> None:
    with transaction.atomic():
        seen()
        transaction.set_rollback(True)


def fail() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        see_and_fail()


def undo_a_savepoint() -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            see_and_fail()
        seen()
        transaction.set_rollback(True)


def commit_what_has_failed() -> None:
    """The server answers COMMIT with ROLLBACK, and nobody is told by an error."""
    with transaction.atomic(), pytest.raises(DatabaseError):
        see_and_fail()


def say_rollback() -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        seen()
        cursor.execute("ROLLBACK")


def say_rollback_to_a_savepoint() -> None:
    with transaction.atomic():
        point = transaction.savepoint()
        seen()
        transaction.savepoint_rollback(point)
        seen()
        transaction.savepoint_commit(point)


def reset_all() -> None:
    seen()
    with connection.cursor() as cursor:
        cursor.execute("RESET ALL")


def change_the_role() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        seen()
        cursor.execute("RESET ROLE")
        transaction.set_rollback(True)


def lose_the_connection() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        see_and_fail("RESET ROLE", "SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close_if_unusable_or_obsolete()


decorated = transaction.atomic(seen)


def undo_what_is_decorated() -> None:
    """The decorator's one Atomic object serves this call and the next."""
    with transaction.atomic():
        decorated()
        transaction.set_rollback(True)


ENDINGS = [
    roll_back, fail, undo_a_savepoint, commit_what_has_failed, say_rollback, say_rollback_to_a_savepoint, reset_all,
    change_the_role, lose_the_connection, undo_what_is_decorated,
]  # fmt: skip


@pytest.mark.parametrize("read", [seen, decorated], ids=["alone", "in a transaction"])
def test_a_telling_holds_as_long_as_its_transaction(read: Callable[[], list[str]]) -> None:
    one, two = two_shops_with_an_order()
    told = {}

    for end in ENDINGS:
        with acting_for(one.pk):
            before = read()
        with acting_for(two.pk):
            end()
            after = read()
        with acting_for(one.pk):
            told[end.__name__] = (before, after, read())

    assert told == {end.__name__: (["of one"], ["of two"], ["of one"]) for end in ENDINGS}


def test_who_acts_within_for_another_gives_back_whatever_ends_inside() -> None:
    one, two = two_shops_with_an_order()
    told = {}

    for end in ENDINGS:
        with acting_for(one.pk):
            with acting_for(two.pk), acting_for(ALL_TENANTS):
                end()
            mine = seen()
            with acting_for(NOBODY):
                end()
            told[end.__name__] = (mine, seen())

    assert told == {end.__name__: (["of one"], ["of one"]) for end in ENDINGS}


def test_a_session_is_told_once_and_again_only_after_what_took_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = two_shops_with_an_order()
    told: list[str] = []
    execute = connection.connection.execute

    def note(sql: str, parameters: list[str]) -> object:
        told.append(parameters[0])
        return execute(sql, parameters)

    monkeypatch.setattr(connection.connection, "execute", note)

    with acting_for(one.pk):
        decorated()
        roll_back()
        undo_a_savepoint()
        seen()
    with acting_for(two.pk):
        roll_back()
        decorated()
        seen()

    assert told == [str(one.pk), str(two.pk), str(two.pk)]


def test_the_session_acts_as_the_applications_role_after_a_rollback_that_changed_it() -> None:
    change_the_role()
    roll_back()

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("loyalty_app",)
