"""Points for a member because of something else: they wait for it, and are decided once, as of their own instant."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.core.ids import new_id
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import redeem
from loyalty.activity.backlog import catch_up
from loyalty.activity.intake import take_orders
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.memberships.models import Membership
from loyalty.points import granting
from loyalty.points.capability import Points
from loyalty.points.models import Entry, Grant
from loyalty.points.state import GrantAsked
from tests import make
from tests.make import NOON, on, spendable, wallet_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _asked_for() -> Iterator[None]:
    """Let something of every program ask for grants."""
    Points.grants = True
    yield
    Points.grants = False


def ask(who: Membership, points: int = 100, *, cause: str = "friend:1", at: datetime = NOON, **given: Any) -> UUID:
    grant_id = new_id()
    asked = GrantAsked(
        grant_id, who.retailer_id, who.pk, "test", "points", points, cause, at, {"referral": "friend"}, **given
    )
    granting.ask([asked], now=at)
    return grant_id


def states(who: Membership) -> tuple[int, int, int, int]:
    """Return available, pending, owed and short points."""
    wallet = wallet_of(who)
    return wallet.available, wallet.pending, wallet.owed, wallet.shortfall


def outcomes() -> list[tuple[int | None, str]]:
    return list(Grant.objects.order_by("occurred_at", "asked_at", "pk").values_list("given", "reason"))


def test_it_is_there_before_its_member_spends() -> None:
    ada = make.member(make.program())
    ask(ada)

    redeem(ada, 100, reference="r1", now=NOON + timedelta(hours=1))

    assert states(ada) == (0, 0, 0, 0)
    assert outcomes() == [(100, "")]
    assert Entry.objects.get(cause="friend:1").occurred_at == NOON


def test_it_is_there_before_an_order_is_decided() -> None:
    ada = make.member(make.program())
    ask(ada)

    make.buys(ada, "10.00", at=NOON + timedelta(days=1))

    assert states(ada) == (110, 0, 0, 0)


def test_it_comes_without_anything_that_its_member_does() -> None:
    ada = make.member(make.program())
    ask(ada)

    catch_up(ada.retailer, now=NOON)
    catch_up(ada.retailer, now=NOON)

    assert states(ada) == (100, 0, 0, 0)


def test_the_night_takes_it_in() -> None:
    ada = make.member(make.program())
    ask(ada)

    run_nights(ada.program, until=on("2026-06-16T00:00").date(), now=on("2026-06-16T00:00"))

    assert states(ada) == (100, 0, 0, 0)


def test_the_same_cause_again_changes_nothing() -> None:
    ada = make.member(make.program())
    ask(ada)
    ask(ada, 500)

    catch_up(ada.retailer, now=NOON)
    ask(ada)
    catch_up(ada.retailer, now=NOON)

    assert states(ada) == (100, 0, 0, 0)
    assert outcomes() == [(100, "")]


def test_a_dry_run_lets_it_wait() -> None:
    ada = make.member(make.program())
    ask(ada)

    take_orders(ada.retailer, [make.order(ada, "10.00")], now=NOON, dry_run=True)

    assert outcomes() == [(None, "")]


def test_it_is_of_one_program() -> None:
    ada = make.member(make.program(), "ada")
    too = make.member(make.program(ada.retailer), "ada")
    ask(ada)

    make.buys(ada, "10.00")

    assert (states(ada), states(too)) == ((110, 0, 0, 0), (10, 0, 0, 0))


def test_it_is_pending_for_its_days_and_becomes_active_with_a_midnight() -> None:
    ada = make.member(make.program())
    ask(ada, pending_days=14)

    catch_up(ada.retailer, now=NOON)

    assert states(ada) == (0, 100, 0, 0)
    assert spendable(ada, on("2026-06-28T23:59")) == 0
    assert spendable(ada, on("2026-06-29T00:00")) == 100


def test_what_was_pending_is_cancelled() -> None:
    ada = make.member(make.program())
    grant = ask(ada, pending_days=14)
    catch_up(ada.retailer, now=NOON)

    ask(ada, cause="back:1", at=NOON + timedelta(days=5), takes_back=grant)
    catch_up(ada.retailer, now=NOON + timedelta(days=5))

    assert states(ada) == (0, 0, 0, 0)
    assert spendable(ada, NOON + timedelta(days=30)) == 0
    assert outcomes() == [(100, ""), (100, "")]


def test_both_waiting_come_in_the_order_of_their_time() -> None:
    ada = make.member(make.program())
    grant = ask(ada, pending_days=14)
    ask(ada, cause="back:1", at=NOON + timedelta(days=5), takes_back=grant)

    catch_up(ada.retailer, now=NOON + timedelta(days=20))

    assert states(ada) == (0, 0, 0, 0)


@pytest.mark.parametrize(("on_return", "left"), [("allow_negative", (0, 0, 100, 0)), ("stop_at_zero", (0, 0, 0, 100))])
def test_what_was_spent_is_taken_by_the_policy(on_return: str, left: tuple[int, ...]) -> None:
    ada = make.member(make.program(points={"on_return": on_return}))
    grant = ask(ada)
    redeem(ada, 100, reference="r1", now=NOON)

    ask(ada, cause="back:1", at=NOON + timedelta(days=20), takes_back=grant)
    catch_up(ada.retailer, now=NOON + timedelta(days=20))

    assert states(ada) == left


def test_what_was_spent_is_taken_from_other_points_and_back_with_the_redemption() -> None:
    ada = make.member(make.program())
    make.given(ada, 60, NOON)
    grant = ask(ada)
    redeem(ada, 100, reference="r1", now=NOON)

    ask(ada, cause="back:1", at=NOON + timedelta(days=20), takes_back=grant)
    catch_up(ada.retailer, now=NOON + timedelta(days=20))

    assert states(ada)[:2] == (0, 0)


def test_given_again_it_settles_first_what_could_not_be_taken() -> None:
    ada = make.member(make.program(points={"on_return": "stop_at_zero"}))
    grant = ask(ada)
    redeem(ada, 100, reference="r1", now=NOON)
    ask(ada, cause="back:1", at=NOON + timedelta(days=1), takes_back=grant)
    ask(ada, cause="friend:2", at=NOON + timedelta(days=2), is_again=True)

    catch_up(ada.retailer, now=NOON + timedelta(days=2))

    assert states(ada) == (0, 0, 0, 0)


def test_who_has_left_is_given_nothing_and_it_is_said() -> None:
    ada = make.member(make.program())
    grant = ask(ada)
    catch_up(ada.retailer, now=NOON)
    leave(ada, now=NOON + timedelta(days=1))
    ask(ada, cause="back:1", at=NOON + timedelta(days=2), takes_back=grant)
    ask(ada, cause="friend:2", at=NOON + timedelta(days=2))

    catch_up(ada.retailer, now=NOON + timedelta(days=3))

    assert states(ada) == (0, 0, 0, 0)
    assert outcomes() == [(100, ""), (0, "not_a_member_then"), (0, "not_a_member_then")]


def test_what_waits_for_one_who_was_merged_comes_to_the_one_that_stays() -> None:
    club = make.program()
    ada, eve = make.member(club, "ada"), make.member(club, "eve")
    grant = ask(ada)
    take_merge(club.retailer, "ada", "eve", reference="crm", now=NOON)
    ask(ada, 7, cause="friend:2")
    ask(ada, cause="back:1", takes_back=grant, at=NOON + timedelta(minutes=1))

    catch_up(club.retailer, now=NOON + timedelta(hours=1))

    assert (states(ada), states(eve)) == ((0, 0, 0, 0), (7, 0, 0, 0))


def test_a_past_that_is_lived_again_knows_it() -> None:
    ada = make.member(make.program())
    make.buys(ada, "10.00")
    grant = ask(ada, pending_days=14)
    ask(ada, 30, cause="friend:2", at=NOON + timedelta(days=1))
    ask(ada, cause="back:1", at=NOON + timedelta(days=3), takes_back=grant)
    catch_up(ada.retailer, now=NOON + timedelta(days=4))

    found = replay(ada.program, now=NOON + timedelta(days=4))

    assert (found.members, found.deviations) == (1, [])
    assert states(ada) == (40, 0, 0, 0)


def test_it_costs_an_order_no_statement_more() -> None:
    ada = make.member(make.program())
    make.buys(ada, "10.00")

    asking = statements(ada)
    Points.grants = False
    plain = statements(ada)

    assert asking == plain


def statements(who: Membership) -> int:
    shop, fact = who.retailer, make.order(who, "10.00")
    with CaptureQueriesContext(connection) as captured:
        take_orders(shop, [fact], now=NOON)
    return len(captured)
