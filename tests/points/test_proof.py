"""The proof: every balance is the sum of its rows, and whoever tampers with them is found out."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from loyalty.points.models import Lot, Movement
from loyalty.points.proof import LedgerBroken, prove, require_proof
from tests import make

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


def test_reconcile_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    make.buys(make.member(make.program()), "100.00")

    call_command("reconcile")

    assert capsys.readouterr().out == "The ledger adds up: 1 wallets, 1 lots, 1 movements.\n"
    assert (Lot.objects.count(), Movement.objects.count()) == (1, 1)
