"""By which index the statements find messages that are asked once for each of them, on a table that has many."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from customers.core import bulk
from customers.core.ids import new_id
from loyalty.campaigns.messages.settling import NEXT, SETTLE
from loyalty.campaigns.models import Message
from tests import make
from tests.campaigns.make_campaigns import NOON, ada, campaign, due, shop

pytestmark = pytest.mark.django_db
MANY = 20_000
# Nearly all have ended; of those on their way many are dead, as after a night without a worker.
FILL = f"""
INSERT INTO campaigns_message SELECT (jsonb_populate_record(m, jsonb_build_object(
    'id', gen_random_uuid(), 'cause', 'fill:' || n, 'channel', 'inbox', 'claimed_at', m.planned_at,
    'customer_id', c.id, 'state', CASE WHEN n %% 10 = 0 THEN 'claimed' ELSE 'delivered' END,
    'claimed_until', CASE WHEN n %% 10 = 0 THEN m.planned_at + interval '5 minutes' END))).*
FROM campaigns_message m, generate_series(1, {MANY}) n
JOIN customers_customer c ON c.external_id = 'c' || n %% 50 WHERE m.state = 'due'
"""


@pytest.fixture
def ids() -> list[UUID]:
    """
    Return some of the messages that are on their way, of twenty thousand.

    Few enough that looking each up is by far the cheaper plan: of a hundred, the planner may rightly read the table once.
    """
    club = make.program(shop())
    for place in range(50):
        make.member(club, f"c{place}")
    due(campaign(club), ada(club))
    bulk.execute(FILL, [])
    bulk.execute("ANALYZE campaigns_message")
    return list(Message.objects.filter(state="claimed").order_by("pk").values_list("pk", flat=True)[:30])


def plan_of(statement: str, given: list[Any]) -> list[str]:
    return [line.strip() for (line,) in bulk.fetch(f"EXPLAIN {statement}", given)]


def test_answers_are_settled_by_the_ids_of_their_messages(ids: list[UUID]) -> None:
    rows = [(key, 1, "accepted", "", None, "", "en", "", "", "", "", "") for key in ids]

    plan = plan_of(SETTLE, [NOON + timedelta(minutes=1), *bulk.columns_of(rows)])

    of_messages = [line for line in plan if "campaigns_message" in line]
    assert any("Index Scan using campaigns_message_pkey on campaigns_message m" in line for line in of_messages), plan
    assert not [line for line in of_messages if "Seq Scan" in line or "message_by_campaign" in line], plan


def test_what_is_next_of_a_recipient_is_found_among_its_own_messages(ids: list[UUID]) -> None:
    customers = list(Message.objects.filter(pk__in=ids).values_list("customer_id", flat=True).distinct())

    plan = plan_of(NEXT, [customers])

    # Whether by a bitmap or row by row is the planner's: it depends on which rows its statistics happened to see.
    assert any(" message_open" in line or " message_of_customer" in line for line in plan), plan
    assert not [line for line in plan if "Seq Scan on campaigns_message" in line or "message_by_campaign" in line], plan


def test_none_is_settled_that_is_not_on_its_way(ids: list[UUID]) -> None:
    rows = [(key, 1, "accepted", "", None, "p", "en", "", "", "", "", "") for key in [*ids[:2], new_id()]]
    ended = Message.objects.filter(state="delivered").order_by("pk").values_list("pk", flat=True)[0]

    written = bulk.fetch(SETTLE, [NOON, *bulk.columns_of([*rows, (ended, *rows[0][1:])])])

    assert sorted(key for key, _state in written) == sorted(ids[:2])
