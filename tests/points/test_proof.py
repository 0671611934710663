"""The proof: every balance is the sum of its rows, and whoever tampers with them is found out."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from loyalty.activity.account.households import transfer
from loyalty.points.models import Lot, Movement
from loyalty.points.proof import LedgerBroken, prove, require_proof
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def execute(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_proof_holds_and_counts() -> None:
    ada = make.member(make.program())
    make.buys(ada, "100.00")

    proof = require_proof()

    assert (proof.lots, proof.movements, proof.differences) == (1, 1, [])


@pytest.mark.breaks_the_ledger
@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE points_movement SET amount = amount + 1", "lot amount"),
        ("UPDATE points_lot SET amount = amount + 1", "lot amount"),
        ("UPDATE points_wallet SET available = available + 1", "wallet available"),
        ("UPDATE points_entry SET available_change = available_change + 1", "wallet entries"),
        ("DELETE FROM points_movement", "lot amount"),
    ],
)
def test_the_proof_fails_loudly_when_a_superuser_tampers(sql: str, what: str, as_owner: None) -> None:
    ada = make.member(make.program())
    make.buys(ada, "100.00")
    # As a superuser who switches the triggers off.
    execute(f"SET LOCAL session_replication_role = replica; {sql}")

    assert what in {difference.what for difference in prove().differences}
    with pytest.raises(LedgerBroken):
        require_proof()
    with pytest.raises(CommandError, match="does not add up"):
        call_command("reconcile")


@pytest.mark.breaks_the_ledger
@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE points_lot SET origin_id = NULL WHERE amount = 40", {"origin", "transferred of origin"}),
        ("UPDATE points_lot SET origin_id = from_lot_id WHERE amount = 30", {"origin", "transferred of origin"}),
        ("UPDATE points_lot SET origin_id = id WHERE amount = 100", {"origin"}),
        ("UPDATE points_lot SET amount = 50 WHERE amount = 40", {"transfer", "transferred of origin", "lot amount"}),
        ("UPDATE points_lot SET earned_at = now() WHERE amount = 30", {"origin"}),
    ],
)
def test_the_proof_finds_points_that_came_from_elsewhere(sql: str, what: set[str], as_owner: None) -> None:
    club = make.program(points={"may_transfer": True})
    ada, bob, eve = (make.member(club) for _ in range(3))
    make.buys(ada, "100.00")
    transfer(ada, bob, 40, reference="t1", now=NOON)
    transfer(bob, eve, 30, reference="t2", now=NOON)
    whole = prove().differences
    execute(f"SET LOCAL session_replication_role = replica; {sql}")

    found = {difference.what for difference in prove().differences}

    assert (whole, what - found) == ([], set())


def test_reconcile_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    make.buys(make.member(make.program()), "100.00")

    call_command("reconcile")

    assert capsys.readouterr().out == "The ledger adds up: 1 wallets, 1 lots, 1 movements.\n"
    assert (Lot.objects.count(), Movement.objects.count()) == (1, 1)
