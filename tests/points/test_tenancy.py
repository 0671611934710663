"""The second wall between retailers: what a session does not act for, it cannot see, whatever SQL it sends."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse

from customers.core.tenancy import ALL_TENANTS, NOBODY, act_for, acting_for, current
from customers.models import Order
from customers.recording import record_orders
from loyalty.activity.tasks import catch_up_everyone
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Wallet
from tests import make

pytestmark = pytest.mark.django_db
# What no retailer's row is in, or what says who calls, before anybody acts for anybody.
OPEN_TABLES = {
    "api_retailerkey", "api_membertoken", "api_idempotencyrecord", "signin_membersession", "signin_signinlimit",
    "auth_user", "access_passwordreset",
}  # fmt: skip
OURS = (
    "access",
    "customers",
    "programs",
    "memberships",
    "points",
    "tiers",
    "rewards",
    "activity",
    "outbox",
    "analytics",
    "api",
    "signin",
)


def test_every_table_with_retailers_rows_has_the_wall() -> None:
    tables = {model._meta.db_table for label in OURS for model in apps.get_app_config(label).get_models()}

    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')")
        walled = {name for (name,) in cursor.fetchall()}

    assert tables - walled == OPEN_TABLES


def test_the_applications_role_owns_nothing_and_may_not_empty_a_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user")
        owner = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)")
        powers = cursor.fetchone()

    assert (owner, powers) == (("loyalty_app", 0), (0,))
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE points_entry CASCADE")


def ada_and_eve() -> tuple[Membership, Membership]:
    ada, eve = make.member(make.program()), make.member(make.program())
    for who in (ada, eve):
        make.buys(who, "10.00")
    return ada, eve


def everything() -> list[int]:
    with connection.cursor() as cursor:
        counts = []
        for table in ("customers_orderline", "points_entry", "points_lot", "points_movement", "points_qualifyingday"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts.append(cursor.fetchone()[0])
        return counts


def test_raw_sql_sees_one_retailer_nobody_or_everyone() -> None:
    ada, _eve = ada_and_eve()

    seen = []
    for who in (ada.retailer_id, NOBODY, ALL_TENANTS):
        with acting_for(who):
            seen.append(everything())

    assert seen == [[1] * 5, [0] * 5, [2] * 5]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE points_wallet SET available = 99",
        "DELETE FROM points_hold",
        "UPDATE memberships_membership SET number = '0'",
    ],
)
def test_raw_sql_changes_nothing_of_another_retailer(sql: str) -> None:
    ada, eve = ada_and_eve()
    before = Wallet.objects.get(membership=eve).available, eve.number

    with acting_for(make.retailer().pk), connection.cursor() as cursor:
        cursor.execute(sql)
        touched = cursor.rowcount

    eve.refresh_from_db()
    assert (touched, (Wallet.objects.get(membership=eve).available, eve.number)) == (0, before)
    assert ada.number


def test_nothing_is_written_for_another_retailer() -> None:
    ada, eve = ada_and_eve()

    with pytest.raises(ProgrammingError, match="row-level security"), acting_for(ada.retailer_id), transaction.atomic():
        make.buys(eve, "10.00")

    assert Order.objects.count() == 2


def test_a_task_for_all_retailers_acts_for_each_by_itself() -> None:
    people = ada_and_eve()
    for who in people:  # imported, not decided
        record_orders(who.retailer, [make.order(who, "5.00", at=(at := make.NOON + timedelta(hours=1)))], now=at)

    with acting_for(NOBODY):
        catch_up_everyone()
        after = current()

    assert [make.wallet_of(who).available for who in people] == [15, 15]
    assert after == NOBODY


def test_commands_and_the_admin_act_for_everyone(capsys: pytest.CaptureFixture[str], client: Client) -> None:
    people = ada_and_eve()
    client.force_login(User.objects.create_superuser("staff", password="a long enough one"))

    with acting_for(NOBODY):
        call_command("reconcile")
        page = client.get(reverse("admin:points_entry_changelist")).content.decode()
        anonymous = Client().get(reverse("admin:points_entry_changelist"))
        left = current()

    assert "2 wallets" in capsys.readouterr().out
    assert all(who.number in page for who in people)
    assert (anonymous.status_code, left) == (302, NOBODY)


def test_a_request_acts_for_its_credentials_retailer_and_then_for_nobody(client: Client) -> None:
    ada, _eve = ada_and_eve()
    key = make.key(ada.retailer)

    with acting_for(NOBODY):
        found = client.get(f"/api/v1/members/{ada.number}", headers={"authorization": f"Api-Key {key}"})
        mine = client.get("/api/v1/reconciliation", headers={"authorization": f"Api-Key {key}"}).json()
        refused = client.get(f"/api/v1/members/{ada.number}", headers={"authorization": "Api-Key none"})
        left, seen = current(), Entry.objects.count()

    assert (found.status_code, refused.status_code, mine["wallets"]) == (200, 401, 1)
    assert (left, seen) == (NOBODY, 0)


def test_who_wraps_statements_for_a_while_does_not_take_the_wall_away() -> None:
    ada, _eve = ada_and_eve()

    def pass_on(execute: Any, *given: Any) -> Any:
        return execute(*given)

    connection.execute_wrappers.clear()
    with connection.execute_wrapper(pass_on):
        act_for(ada.retailer_id)
    seen = Entry.objects.count()
    act_for(ALL_TENANTS)

    assert (seen, Entry.objects.count()) == (1, 2)


def test_what_a_rollback_took_back_is_told_again() -> None:
    ada, eve = ada_and_eve()

    with acting_for(eve.retailer_id), transaction.atomic():
        Entry.objects.count()  # the session is told within the transaction
        transaction.set_rollback(True)
    with acting_for(eve.retailer_id):
        seen = list(Entry.objects.values_list("retailer", flat=True))

    assert (seen, ada.retailer_id != eve.retailer_id) == ([eve.retailer_id], True)
