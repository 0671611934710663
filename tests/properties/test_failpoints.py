"""Whatever statement of a change is its last: nothing of the change is there, and the next try does all of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from customers.facts import CorrectionFact, InteractionFact, OrderEventFact
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.households import transfer
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.activity.correcting import take_claim, take_correction
from loyalty.activity.intake import take_interactions, take_order_events, take_orders
from loyalty.memberships.models import Membership
from loyalty.points.proof import prove
from tests import make
from tests.make import NOON, Rule

pytestmark = pytest.mark.django_db
POLICY = {"pending_event": "", "may_transfer": True, "budget": 10_000, "expiry": "inactivity", "expiry_count": 12}
RULES = [Rule(), Rule(code="review", kind="per_interaction", interaction="review", points="25")]
TABLES = (
    "customers_order", "customers_orderline", "customers_orderevent", "customers_return", "customers_interaction",
    "customers_factchange", "points_entry", "points_lot", "points_movement", "points_hold", "activity_orderdecision",
    "activity_returndecision", "activity_interactiondecision", "tiers_tierchange", "outbox_event",
)  # fmt: skip
STATE = """
SELECT (SELECT json_agg(row_to_json(w) ORDER BY w.id)::text FROM points_wallet w),
    (SELECT json_agg(row_to_json(s) ORDER BY s.membership_id)::text FROM tiers_standing s),
    (SELECT json_agg(row_to_json(q) ORDER BY q.wallet_id, q.on_date)::text FROM points_qualifyingday q),
    (SELECT sum(used) FROM points_budgetshare)
"""


class Broken(Exception):
    """The process ends here."""


@contextmanager
def ending_after(statements: int) -> Iterator[list[str]]:
    """Break right after so many statements were carried out."""
    sent: list[str] = []

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's
        answer = execute(sql, params, many, context)
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            sent.append(sql)
            if len(sent) == statements:
                raise Broken
        return answer

    with connection.execute_wrapper(count):
        yield sent


def state() -> list[Any]:
    with connection.cursor() as cursor:
        counts = []
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts.append(cursor.fetchone())
        cursor.execute(STATE)
        return [*counts, cursor.fetchone()]


def order(ada: Membership, _bob: Membership) -> Callable[[], object]:
    fact = make.order(ada, "60.00", "50.00")
    return lambda: take_orders(ada.retailer, [fact], now=NOON)


def several_orders(ada: Membership, bob: Membership) -> Callable[[], object]:
    facts = [make.order(who, "60.00", at=NOON + timedelta(minutes=turn)) for turn in range(3) for who in (ada, bob)]
    return lambda: take_orders(ada.retailer, facts, now=NOON)


def given_back(ada: Membership, _bob: Membership) -> Callable[[], object]:
    bought = make.buys(ada, "60.00", "50.00")
    redeem(ada, 150, reference="r1", now=NOON)
    return lambda: make.returns(ada, bought, (1, "1"), (2, "1"))


def review(ada: Membership, _bob: Membership) -> Callable[[], object]:
    fact = InteractionFact("i1", ada.customer.external_id, "review", NOON)
    return lambda: take_interactions(ada.retailer, [fact], now=NOON)


def delivery(ada: Membership, _bob: Membership) -> Callable[[], object]:
    make.buys(ada, "60.00", name="o1")
    fact = OrderEventFact("o1", "delivered", NOON)
    return lambda: take_order_events(ada.retailer, [fact], now=NOON)


def redemption(ada: Membership, _bob: Membership) -> Callable[[], object]:
    return lambda: redeem(ada, 70, reference="r1", now=NOON)


def reversal(ada: Membership, _bob: Membership) -> Callable[[], object]:
    booked = redeem(ada, 70, reference="r1", now=NOON)
    return lambda: reverse(ada, booked.entry_id, now=NOON)


def a_hold(ada: Membership, _bob: Membership) -> Callable[[], object]:
    return lambda: hold(ada, 70, reference="h1", now=NOON)


def confirmation(ada: Membership, _bob: Membership) -> Callable[[], object]:
    made, _ = hold(ada, 70, reference="h1", now=NOON)
    return lambda: confirm(made.pk, points=30, now=NOON)


def a_release(ada: Membership, _bob: Membership) -> Callable[[], object]:
    made, _ = hold(ada, 70, reference="h1", now=NOON)
    return lambda: release(made.pk, now=NOON)


def adjustment(ada: Membership, _bob: Membership) -> Callable[[], object]:
    return lambda: adjust(ada, 30, reference="a1", reason="late", author="bob", now=NOON)


def a_transfer(ada: Membership, bob: Membership) -> Callable[[], object]:
    return lambda: transfer(ada, bob, 30, reference="t1", now=NOON)


def a_correction(ada: Membership, bob: Membership) -> Callable[[], object]:
    bought = make.buys(ada, "60.00", "50.00")
    said = CorrectionFact(make.order(bob, "70.00", at=NOON - timedelta(days=2), name=bought.outcome.fact.number), 1)
    return lambda: take_correction(ada.retailer, said, now=NOON)


def a_claim(ada: Membership, _bob: Membership) -> Callable[[], object]:
    take_orders(ada.retailer, [make.order(None, "60.00", name="g1")], now=NOON)
    return lambda: take_claim(ada.retailer, "g1", ada.customer.external_id, reference="receipt", now=NOON)


def a_merge(ada: Membership, bob: Membership) -> Callable[[], object]:
    redeem(ada, 70, reference="r1", now=NOON)
    names = ada.customer.external_id, bob.customer.external_id
    return lambda: take_merge(ada.retailer, *names, reference="case", now=NOON)


CHANGES = [
    order, several_orders, given_back, review, delivery, redemption, reversal, a_hold, confirmation, a_release,
    adjustment, a_transfer, a_correction, a_claim, a_merge,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_that_breaks_after_any_statement_leaves_nothing(change: Callable[..., Callable[[], object]]) -> None:
    club = make.program(rules=RULES, points=POLICY, tiers=[("bronze", "0", "1"), ("silver", "100", "2")])
    ada, bob = make.member(club), make.member(club)
    make.buys(ada, "90.00", at=NOON - timedelta(days=1))
    work = change(ada, bob)
    before, breaks = state(), 0

    while True:
        try:
            with transaction.atomic(), ending_after(breaks + 1):
                work()
                break
        except Broken:
            breaks += 1
            assert state() == before, f"after statement {breaks}"

    assert breaks >= 4
    assert state() != before
    assert prove().differences == []
