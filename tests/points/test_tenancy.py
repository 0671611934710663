"""The second wall between retailers: what a session does not act for, it cannot see, whatever SQL it sends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, NOBODY, act_for, acting_for, current
from customers.models import Order
from customers.recording import record_orders
from loyalty.activity.tasks import catch_up_everyone
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Wallet
from loyalty.signin.codes import code_of
from loyalty.signin.models import MemberSession
from loyalty.signin.sessions import CHALLENGE, COOKIE, sign_in
from tests import make

pytestmark = pytest.mark.django_db
# What no retailer's row is in: users, and what is counted and answered by who calls.
OPEN_TABLES = {"api_idempotencyrecord", "signin_signinlimit", "auth_user", "access_passwordreset"}
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


CREDENTIALS = ("api_retailerkey", "api_membertoken", "signin_membersession")


def credentials_of(who: Membership) -> None:
    make.key(who.retailer)
    make.token(who.customer)
    MemberSession.objects.create(
        retailer=who.retailer, customer=who.customer, digest=str(who.pk), began_at=make.NOON, seen_at=make.NOON,
        ends_at=make.NOON + timedelta(days=1),
    )  # fmt: skip


def changed(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.rowcount)


@pytest.mark.parametrize("table", CREDENTIALS)
def test_who_acts_for_nobody_finds_by_what_callers_are_known_and_changes_nothing(table: str) -> None:
    ada, eve = ada_and_eve()
    for who in (ada, eve):
        credentials_of(who)

    seen, touched = [], []
    for acting in (NOBODY, ada.retailer_id, ALL_TENANTS):
        with acting_for(acting):
            seen.append(changed(f"SELECT 1 FROM {table}"))
            touched.append(changed(f"UPDATE {table} SET retailer_id = retailer_id"))

    assert (seen, touched) == ([2, 1, 2], [0, 1, 2])


@pytest.mark.parametrize("acting", ["", "ada"])
@pytest.mark.parametrize("table", CREDENTIALS)
def test_nobody_makes_a_credential_for_another_retailer(table: str, acting: str) -> None:
    ada, eve = ada_and_eve()
    credentials_of(eve)
    with acting_for(eve.retailer_id), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE another ON COMMIT DROP AS SELECT * FROM {table}")
        cursor.execute(f"DELETE FROM {table}")

    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        acting_for(ada.retailer_id if acting else NOBODY),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO {table} SELECT * FROM another")


def test_who_acts_for_nobody_sees_retailers_and_changes_none() -> None:
    ada, _eve = ada_and_eve()

    touched = []
    for acting in (NOBODY, ada.retailer_id, ALL_TENANTS):
        with acting_for(acting):
            touched.append(
                (changed("SELECT 1 FROM customers_retailer"), changed("UPDATE customers_retailer SET name = 'x'"))
            )

    assert touched == [(2, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("table", ["auth_user_user_permissions", "auth_user_groups", "auth_group_permissions"])
def test_nobody_who_acts_for_a_retailer_gives_powers_by_another_table(table: str) -> None:
    user = User.objects.create_user("sue", is_staff=True)
    group = Group.objects.create(name="all")
    row = {
        "auth_user_user_permissions": f"(user_id, permission_id) SELECT {user.pk}, min(id) FROM auth_permission",
        "auth_user_groups": f"(user_id, group_id) VALUES ({user.pk}, {group.pk})",
        "auth_group_permissions": f"(group_id, permission_id) SELECT {group.pk}, min(id) FROM auth_permission",
    }[table]

    for acting in (make.retailer().pk, NOBODY):
        with pytest.raises(ProgrammingError, match="row-level security"), acting_for(acting), transaction.atomic():
            changed(f"INSERT INTO {table} {row}")

    assert changed(f"INSERT INTO {table} {row}") == 1


def test_callers_are_known_and_members_sign_in_where_nobody_is_acted_for() -> None:
    ada, eve = ada_and_eve()
    ada.customer.email = "ada@example.org"
    ada.customer.save()
    where = {"retailer": ada.retailer.slug}
    browser = Client()
    request, response = RequestFactory().get("/"), HttpResponse()
    sign_in(request, response, eve.customer, now=timezone.now())
    browser.cookies[COOKIE] = response.cookies[COOKIE].value  # as somebody else, of another retailer

    with acting_for(NOBODY):
        asked = Client().post(
            "/api/v1/signin/codes", where | {"email": "ada@example.org"}, content_type="application/json"
        )
        told = where | {"challenge": asked.json()["challenge"], "code": code_of(UUID(asked.json()["challenge"]))}
        begun = Client().post("/api/v1/signin/confirm", told, content_type="application/json").json()
        mine = Client().get("/api/v1/me", headers={"authorization": f"Bearer {begun['token']}"})
        ended = Client().delete("/api/v1/me/token", headers={"authorization": f"Bearer {begun['token']}"})
        browser.post(reverse("page:start", kwargs=where), {"email": "ada@example.org"})
        browser.post(reverse("page:code", kwargs=where), {"code": code_of(UUID(browser.cookies[CHALLENGE].value))})
        home = browser.get(reverse("page:home", kwargs=where | {"program": ada.program.slug}))
        left = current()

    assert (mine.status_code, ended.status_code, home.status_code, left) == (200, 204, 200, NOBODY)
    assert list(MemberSession.objects.values_list("customer", flat=True)) == [ada.customer_id]
