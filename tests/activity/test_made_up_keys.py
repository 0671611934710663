"""By which index rows are found whose key is made up of another row's columns, behind the row-level policies."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from customers.core import bulk
from loyalty.activity.account.spending import redeem
from loyalty.activity.api.members import redemptions_of
from loyalty.activity.interactions.admin import with_states
from loyalty.activity.member.statement import open_redemptions
from loyalty.activity.models import InteractionDecision
from loyalty.memberships.models import Membership
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_ledger]  # rows of no fact fill its tables
MANY = 5_000
ENTRIES = f"""
INSERT INTO points_entry SELECT (jsonb_populate_record(e, jsonb_build_object(
    'id', gen_random_uuid(), 'kind', 'earn', 'cause', 'fill:' || n))).*
FROM points_entry e, generate_series(1, {MANY}) n WHERE e.kind = 'redeem'
"""
LOTS = f"""
INSERT INTO points_lot SELECT (jsonb_populate_record(l, jsonb_build_object(
    'id', gen_random_uuid(), 'gift', 'interaction-' || n, 'activation_event', 'approved'))).*
FROM points_lot l, generate_series(1, {MANY}) n
"""


@pytest.fixture
def ada() -> Membership:
    """Return a member of much: points that wait for approval, entries, and a redemption."""
    ada = make.member(make.program())
    make.given(ada, 100, make.NOON)
    redeem(ada, 10, reference="till", now=make.NOON)
    for statement in (ENTRIES, LOTS):
        bulk.execute(statement, [])
    with connection.cursor() as cursor:
        cursor.execute(
            "RESET ROLE"
        )  # only the owner of a table may count it: for others it is skipped without an error
        cursor.execute("ANALYZE points_entry, points_lot")
        cursor.execute("SET ROLE loyalty_app")
    return ada


def asked_by(rows: QuerySet[Any], column: str) -> list[str]:
    """Return by what an index is asked for a column, where rows are looked up one by one: what tests filled before counts too."""
    sql, given = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN {sql}", given)
        plan = [line.strip() for (line,) in cursor.fetchall()]
    found = [line for line in plan if "Index Cond" in line and f"({column})::" in line]
    assert found, "\n".join(plan)
    return found


@pytest.mark.usefixtures("ada")
def test_what_became_of_a_reward_is_found_by_its_label() -> None:
    found = asked_by(with_states(InteractionDecision.objects.all()).filter(reward="waiting"), "gift")

    assert all("(gift)::text = ('interaction-'::text || replace(" in line for line in found)


def test_whether_a_redemption_was_undone_is_found_by_its_cause(ada: Membership) -> None:
    for rows in (open_redemptions(ada), redemptions_of(ada)):
        (found,) = asked_by(rows, "cause")
        assert "(cause)::text = ('restore:'::text || (" in found
    assert [entry.explanation["reference"] for entry in open_redemptions(ada)] == ["till"]
