"""What must never be, tried by raw SQL: see docs/explanation/guards.md."""

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from loyalty.points.models import Lot, Movement
from loyalty.points.proof import LedgerBroken, prove, require_proof
from tests import make

pytestmark = pytest.mark.django_db


def execute(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE points_entry SET available_change = 0",
        "DELETE FROM points_entry",
        "TRUNCATE points_entry CASCADE",
        "UPDATE points_movement SET amount = 1",
        "DELETE FROM points_movement",
        "TRUNCATE points_movement",
        "UPDATE points_lot SET amount = amount + 1",
        "UPDATE points_lot SET expires_at = now() + interval '1 day'",
        "DELETE FROM points_lot",
        "TRUNCATE points_lot CASCADE",
        "UPDATE tiers_tierchange SET cause = 'x'",
        "DELETE FROM customers_consent",
        "UPDATE points_earningrule SET points = 99",
        "DELETE FROM tiers_tier",
        "UPDATE tiers_tierpolicy SET window_months = 1",
        "UPDATE points_pointspolicy SET pending_days = 1",
        "UPDATE programs_programversion SET effective_from = now()",
        "DELETE FROM programs_programversion",
    ],
)
def test_a_trigger_refuses_even_the_owner(sql: str, as_owner: None) -> None:
    ada = make.member(make.program(tiers=[("bronze", "0", "1"), ("silver", "50", "2")]))
    make.buys(ada, "100.00")
    execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match="Cannot"):
        execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE points_wallet SET available = -1",
        "UPDATE points_wallet SET pending = -1",
        "UPDATE points_wallet SET held = -1",
        "UPDATE points_wallet SET owed = -1",
        "UPDATE points_lot SET available = -1",
        "UPDATE points_lot SET available = amount + 1",
        (
            "INSERT INTO points_movement (entry_id, lot_id, from_state, to_state, amount)"
            " SELECT entry_id, lot_id, 'available', 'held', 0 FROM points_movement"
        ),
        (
            "INSERT INTO points_movement (entry_id, lot_id, from_state, to_state, amount)"
            " SELECT entry_id, lot_id, 'held', 'held', 1 FROM points_movement"
        ),
        (
            "INSERT INTO points_movement (entry_id, lot_id, from_state, to_state, amount)"
            " SELECT entry_id, lot_id, 'held', 'issued', 1 FROM points_movement"
        ),
        (
            "INSERT INTO points_movement (entry_id, lot_id, from_state, to_state, amount)"
            " SELECT entry_id, lot_id, 'held', 'lost', 1 FROM points_movement"
        ),
        (
            "INSERT INTO points_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*"
            " FROM points_entry e"
        ),
    ],
)
def test_a_constraint_refuses(sql: str) -> None:
    ada = make.member(make.program())
    make.buys(ada, "100.00")

    with pytest.raises(IntegrityError):
        execute(sql)


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


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE points_hold SET points = 0",
        "UPDATE points_hold SET redeemed = points + 1",
        "UPDATE points_hold SET status = 'released'",
        "UPDATE points_hold SET ended_at = now()",
        (
            "INSERT INTO points_hold SELECT (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid()))).*"
            " FROM points_hold h"
        ),
    ],
)
def test_a_hold_cannot_contradict_itself(sql: str) -> None:
    from loyalty.activity.spending import hold

    ada = make.member(make.program())
    make.buys(ada, "100.00")
    hold(ada, 10, reference="till:1", now=make.NOON)

    with pytest.raises(IntegrityError):
        execute(sql)
