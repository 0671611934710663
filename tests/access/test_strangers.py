"""Every endpoint and every page, asked by whoever is of another retailer, another member, nobody, or nobody any more."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Order, Retailer
from loyalty.access.models import StaffRole
from loyalty.api.models import RetailerKey, Scope
from loyalty.programs.models import ProgramVersion
from tests import make
from tests.access.matrix import API, OPEN, PAGES, READ
from tests.access.test_matrix import OF_NOTHING, address_of, api_address, rows_of, world

pytestmark = pytest.mark.django_db
__all__ = ["world"]  # the fixture
# What nothing is said about: it is a stranger's own, and asks for nothing of anybody's.
OWN = {("customers", "POST"), ("consents", "POST"), ("orders", "POST")}


def traces(world: dict[str, Any]) -> list[str]:
    """Return texts by which an answer would name what is this retailer's."""
    ada, shop = world["ada"], world["shop"]
    orders = Order.objects.filter(retailer=shop).values_list("pk", flat=True)
    keys = RetailerKey.objects.filter(retailer=shop).values_list("prefix", flat=True)
    return [ada.number, str(ada.pk), str(ada.customer_id), shop.name, world["endpoint"].url, *map(str, orders), *keys]


def kept(world: dict[str, Any]) -> dict[str, str]:
    """Return all rows of the retailer, table by table."""
    models = [model for model in apps.get_models() if any(each.name == "retailer" for each in model._meta.fields)]
    with acting_for(ALL_TENANTS):
        return {
            model._meta.db_table: str(
                list(model._default_manager.filter(retailer=world["shop"]).order_by("pk").values())
            )
            for model in models
            if model._meta.db_table not in {"api_membertoken"}  # made by the test itself
        }


def ask(method: str, address: str, authorization: str = "") -> Any:
    headers = {"authorization": authorization} if authorization else {}
    client = Client(raise_request_exception=False)
    with transaction.atomic():
        return client.generic(method, address, b"{}", content_type="application/json", headers=headers)


def test_each_endpoint_opens_to_one_scope_and_to_no_other(world: dict[str, Any]) -> None:
    keys = {scope: make.key(world["shop"], scope) for scope in Scope.values}
    wrong = []
    for (name, method), needed in API.items():
        address = api_address(name, world)
        opened = {
            scope for scope, key in keys.items() if ask(method, address, f"Api-Key {key}").status_code not in {401, 403}
        }
        wrong += [] if opened == ({needed} & set(keys)) else [(name, method, opened)]

    assert wrong == []


def test_who_is_nobody_or_nobody_any_more_is_told_nothing(world: dict[str, Any]) -> None:
    shop, past = world["shop"], timezone.now() - timedelta(days=1)
    revoked, expired = make.key(shop), make.key(shop)
    RetailerKey.objects.filter(prefix=revoked.partition(".")[0]).update(revoked=True)
    RetailerKey.objects.filter(prefix=expired.partition(".")[0]).update(expiry_date=past)
    over = make.token(world["ada"].customer, now=past)
    credentials = ["", f"Api-Key {revoked}", f"Api-Key {expired}", f"Bearer {over}", "Api-Key x.y", "Bearer x"]
    before = kept(world)

    found = {
        (name, method, credential[:9]): ask(method, api_address(name, world), credential).status_code
        for name, method in API
        for credential in credentials
    }

    assert {key: status for key, status in found.items() if status != 401} == {}
    assert kept(world) == before


def test_another_retailers_key_sees_and_changes_nothing(world: dict[str, Any]) -> None:
    stranger = make.key(Retailer.objects.create(slug="elsewhere", name="Elsewhere", zone="UTC", currency="EUR"))
    marks, before = traces(world), kept(world)
    leaks, failed = [], []
    for name, method in API:
        answer = ask(method, api_address(name, world), f"Api-Key {stranger}")
        said = body_of(answer) if answer.status_code < 300 else ""
        leaks += [(name, method, mark) for mark in marks if mark in said]
        failed += [(name, method)] if answer.status_code >= 500 else []

    assert (leaks, failed) == ([], [])
    assert kept(world) == before


@pytest.mark.parametrize("whose", ["another member's", "another retailer's"])
def test_another_members_token_sees_and_changes_nothing(world: dict[str, Any], whose: str) -> None:
    club = world["club"] if whose == "another member's" else make.program()
    other = make.member(club, "stranger-1")
    marks = [each for each in traces(world) if each != world["shop"].name]
    before = kept(world) if whose == "another retailer's" else None
    leaks, failed, opened = [], [], []
    for name, method in API:
        answer = ask(method, api_address(name, world), f"Bearer {make.token(other.customer)}")
        said = body_of(answer) if answer.status_code < 300 else ""
        leaks += [(name, method, mark) for mark in marks if mark in said]
        failed += [(name, method)] if answer.status_code >= 500 else []
        opened += [(name, method)] if API[name, method] != "member" and answer.status_code != 403 else []

    assert (leaks, failed, opened) == ([], [], [])
    assert before is None or kept(world) == before


def body_of(answer: Any) -> str:
    """Return all that an answer says, also one that comes piece by piece."""
    return b"".join(answer).decode(errors="replace")


def pages(world: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the address of every page of the admin that shows or changes a retailer's rows, by its name and method."""
    models = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
    of_pages = rows_of(world)
    found = {(name, method): address_of(name, world, of_pages) for name, method in PAGES}
    for name in READ:
        found[f"{name}_changelist", "GET"] = reverse(f"admin:{name}_changelist")
        found[f"{name}_add", "GET"] = reverse(f"admin:{name}_add")
        rows: Any = models[name]._default_manager.order_by("-pk")
        row = world["draft"] if models[name] is ProgramVersion else rows.first()
        for kind in ("change", "delete", "history") if row is not None else ():
            found[f"{name}_{kind}", "GET"] = reverse(f"admin:{name}_{kind}", args=[row.pk])
        if row is not None:
            found[f"{name}_change", "POST"] = reverse(f"admin:{name}_change", args=[row.pk])
            found[f"{name}_delete", "POST"] = reverse(f"admin:{name}_delete", args=[row.pk])
    return found


def test_who_is_not_signed_in_is_sent_to_sign_in_from_every_page(world: dict[str, Any], client: Client) -> None:
    entrance, addresses = reverse("admin:login"), pages(world)
    before = kept(world)

    found = {}
    for (name, method), address in addresses.items():
        answer = client.generic(method, address)
        found[name, method] = (answer.status_code, answer.headers.get("Location", "").partition("?")[0])

    assert {key: said for key, said in found.items() if said != (302, entrance)} == {}
    assert kept(world) == before
    assert {"login", "logout"} <= OPEN


@pytest.mark.parametrize("role", ["owner", "auditor"])
def test_staff_of_another_retailer_sees_and_changes_nothing(world: dict[str, Any], role: str) -> None:
    addresses = pages(world)
    elsewhere = Retailer.objects.create(slug="elsewhere", name="Elsewhere", zone="UTC", currency="EUR")
    make.program(elsewhere)
    user = User.objects.create_user("eve", is_staff=True)
    StaffRole.objects.create(user=user, retailer=elsewhere, role=role)
    signed_in = Client()
    signed_in.force_login(user)
    marks, before = traces(world), kept(world)
    leaks: list[Any] = []
    failed, shown = [], []
    for (name, method), address in addresses.items():
        data = {"post": "yes"} if method == "POST" else None
        client = Client(
            raise_request_exception=False
        )  # without the messages of the page before, which name what was asked
        client.cookies["sessionid"] = signed_in.cookies["sessionid"].value
        with transaction.atomic():
            answer = client.post(address, data) if data else client.get(address)
        said = body_of(answer).replace(address, "") if answer.status_code == 200 else ""
        leaks += [(name, method, mark) for mark in marks if mark in said]
        failed += [(name, method)] if answer.status_code >= 500 else []
        is_object = not name.endswith(("_add", "_changelist", "_template")) and name not in OF_NOTHING
        shown += [(name, method)] if is_object and answer.status_code == 200 else []

    assert (leaks, failed, shown) == ([], [], [])
    assert kept(world) == before
