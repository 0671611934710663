"""What must never be, tried by raw SQL: see docs/explanation/guards.md."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from customers.facts import InteractionFact, OrderEventFact
from loyalty.activity.intake import take_interactions, take_order_events
from loyalty.configuration.drafts import open_draft
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


def copy_of(table: str, **changes: object) -> str:
    """Return the SQL that inserts the first row of a table again, under an id of its own, with some changes."""
    kept = "'{}'::jsonb" if not changes else f"'{json.dumps(changes)}'::jsonb"
    own = "jsonb_build_object('id', CASE WHEN jsonb_typeof(to_jsonb(r) -> 'id') = 'string'"
    own += " THEN to_jsonb(gen_random_uuid()) ELSE to_jsonb(floor(random() * 1e9)::int + 1000000) END)"
    return f"INSERT INTO {table} SELECT (jsonb_populate_record(r, {own} || {kept})).* FROM {table} r LIMIT 1"


def on_a_draft(table: str, **changes: object) -> str:
    """Return the same for a row of the draft that the test opens."""
    draft = "version_id IN (SELECT id FROM programs_programversion WHERE status = 'draft')"
    return copy_of(table, **changes).replace(" LIMIT 1", f" WHERE {draft} LIMIT 1")


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE points_wallet SET available = -1", "wallet_available_never_negative"),
        ("UPDATE points_wallet SET pending = -1", "wallet_pending_never_negative"),
        ("UPDATE points_wallet SET held = -1", "wallet_held_never_negative"),
        ("UPDATE points_wallet SET owed = -1", "wallet_owed_never_negative"),
        ("UPDATE points_lot SET available = -1", "lot_available_never_negative"),
        ("UPDATE points_lot SET pending = -1", "lot_pending_never_negative"),
        ("UPDATE points_lot SET held = -1", "lot_held_never_negative"),
        ("UPDATE points_lot SET available = amount + 1", "lot_open_points_within_amount"),
        (copy_of("points_lot", amount=0, available=0), "lot_amount_positive"),
        (copy_of("points_lot", expires_at="2020-01-01T00:00:00Z"), "lot_expires_after_activation"),
        (copy_of("points_lot", active_at=None, available=0), "lot_without_a_date_awaits_an_event"),
        (copy_of("points_lot", active_at=None, awaits="delivered"), "lot_that_awaits_is_pending"),
        (
            (
                "INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)"
                " SELECT retailer_id, entry_id, lot_id, 'available', 'held', 0 FROM points_movement"
            ),
            "movement_amount_positive",
        ),
        (
            (
                "INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)"
                " SELECT retailer_id, entry_id, lot_id, 'held', 'held', 1 FROM points_movement"
            ),
            "movement_goes_somewhere",
        ),
        (
            (
                "INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)"
                " SELECT retailer_id, entry_id, lot_id, 'held', 'issued', 1 FROM points_movement"
            ),
            "movement_never_back_to_issued",
        ),
        (
            (
                "INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)"
                " SELECT retailer_id, entry_id, lot_id, 'held', 'lost', 1 FROM points_movement"
            ),
            "movement_between_known_states",
        ),
        (copy_of("points_entry"), "entry_once_per_cause"),
        (copy_of("activity_orderdecision"), "order_decided_once_per_wallet"),
        (copy_of("activity_returndecision"), "return_decided_once_per_program"),
        (copy_of("activity_interactiondecision"), "interaction_decided_once_per_program"),
        ("UPDATE points_budgetshare SET used = granted + 1", "budget_never_exceeded"),
        (copy_of("points_budgetshare"), "budget_share_once"),
        (copy_of("points_wallet"), "wallet_once_per_code"),
        ("UPDATE customers_order SET paid_with_points = net_amount + 1", "order_paid_with_points_within_amount"),
        (copy_of("customers_orderevent"), "order_event_once_per_kind"),
        (on_a_draft("points_pointspolicy", redeemed_share="1.5"), "points_policy_share_is_a_share"),
        (on_a_draft("points_pointspolicy", expiry="fixed_dates"), "points_policy_fixed_dates_are_named"),
        (on_a_draft("points_pointspolicy", pending_days=0), "points_policy_once_per_wallet"),
        (on_a_draft("points_earningrule", kind="per_interaction"), "earning_rule_names_its_interaction"),
    ],
)
def test_a_constraint_refuses(sql: str, constraint: str) -> None:
    rules = [make.Rule(), make.Rule(code="review", kind="per_interaction", interaction="review")]
    ada = make.member(make.program(rules=rules, points={"budget": 1_000}))
    bought = make.buys(ada, "100.00", name="o1")
    make.returns(ada, bought, (1, "0.5"))
    fact = InteractionFact("i1", ada.customer.external_id, "review", make.NOON)
    take_interactions(ada.retailer, [fact], now=make.NOON)
    take_order_events(ada.retailer, [OrderEventFact("o1", "delivered", make.NOON)], now=make.NOON)
    open_draft(ada.program)
    execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match=constraint):
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
