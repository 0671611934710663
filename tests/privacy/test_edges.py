"""Export and erasure by the person, the retailer's systems, staff and commands."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from customers.models import Customer, Erasure
from loyalty.access.models import StaffRole
from loyalty.api.models import IdempotencyRecord
from tests import make
from tests.make import NOON
from tests.privacy.people import World, found_in_the_database, world

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> World:
    return world()


def as_member(here: World) -> dict[str, str]:
    return {"authorization": f"Bearer {make.token(here.customer)}"}


def as_system(here: World, *scopes: str) -> dict[str, str]:
    return {"authorization": f"Api-Key {make.key(here.club.retailer, *scopes)}"}


def post(client: Client, address: str, body: Any, headers: dict[str, str]) -> Any:
    return client.post(f"/api/v1/{address}", body, content_type="application/json", headers=headers)


def test_a_member_takes_its_data_away(here: World, client: Client) -> None:
    mine = as_member(here)

    document = client.get("/api/v1/me/export", headers=mine)
    file = client.get("/api/v1/me/export.zip", headers=mine)

    assert document.json()["customer"] == "ada-7"
    assert (document["Cache-Control"], file["Content-Type"]) == ("no-store", "application/zip")
    assert "person.csv" in ZipFile(io.BytesIO(file.content)).namelist()


def test_a_member_erases_itself_after_it_was_told_what_it_loses(here: World, client: Client) -> None:
    mine = as_member(here)

    told = post(client, "me/erase?dry_run=true", {}, mine)
    unsure = post(client, "me/erase", {}, mine)
    still = Customer.objects.filter(external_id="ada-7").count()
    done = post(client, "me/erase", {"confirm": "erase"}, mine)

    assert (told.status_code, told.json()["dry_run"], told.json()["orders"]) == (200, True, 3)
    assert [each["member_number"] for each in told.json()["memberships"]] == [here.ada.number]
    assert (unsure.status_code, unsure.json()["code"], still) == (400, "not_confirmed", 1)
    assert done.json() == {"status": "erased", "orders": 3, "interactions": 3, "memberships": []}
    assert client.get("/api/v1/me", headers=mine).status_code == 401
    assert Erasure.objects.get().asked_by == "person"


def test_a_retailers_system_exports_and_erases(here: World, client: Client) -> None:
    system = as_system(here, "customers:privacy")

    document = client.get("/api/v1/customers/ada-7/export", headers=system)
    alias = client.get("/api/v1/customers/ada-old/export", headers=system)
    file = client.get("/api/v1/customers/ada-7/export.zip", headers=system)
    told = post(client, "customers/ada-7/erase?dry_run=true", {"reason": "letter"}, system)
    done = post(client, "customers/ada-7/erase", {"reason": "letter"}, {**system, "idempotency-key": "e1"})
    again = post(client, "customers/ada-7/erase", {"reason": "letter"}, system)
    replayed = post(client, "customers/ada-7/erase", {"reason": "letter"}, {**system, "idempotency-key": "e1"})

    assert [each.status_code for each in (document, alias, file, told, done)] == [200] * 5
    assert alias.json()["customer"] == "ada-7"
    assert told.json()["memberships"][0]["tier"] == "silver"
    assert done.json() == {"status": "erased", "orders": 3, "interactions": 3, "memberships": []}
    assert (again.status_code, again.json()["code"]) == (404, "unknown_customer")
    assert (replayed.json(), replayed["Idempotent-Replayed"]) == (done.json(), "true")
    assert here.ada.number not in str([bytes(row.body) for row in IdempotencyRecord.objects.all()])


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 101}])
def test_an_erasure_needs_a_reason(here: World, client: Client, body: dict[str, str]) -> None:
    answer = post(client, "customers/ada-7/erase", body, as_system(here))

    assert (answer.status_code, Erasure.objects.count()) == (400, 0)


def test_another_retailers_system_finds_nobody(here: World, client: Client) -> None:
    stranger = {"authorization": f"Api-Key {make.key(make.retailer())}"}

    answers = [
        client.get("/api/v1/customers/ada-7/export", headers=stranger),
        post(client, "customers/ada-7/erase", {"reason": "x"}, stranger),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert Erasure.objects.count() == 0


def test_staff_erase_in_two_steps_with_a_reason_and_the_log_does_not_name_the_person(here: World) -> None:
    sue = User.objects.create_user("support", is_staff=True)
    StaffRole.objects.create(user=sue, retailer=here.club.retailer, role="support")
    client = Client()
    client.force_login(sue)
    page = reverse("admin:customers_customer_erase_person", args=[here.customer.pk])

    shown = client.post(page, {"reason": "letter of June"})
    kept = Customer.objects.filter(external_id="ada-7").count()
    signature = shown.content.decode().split('name="confirmed" value="')[1].split('"')[0]
    done = client.post(page, {"reason": "letter of June", "confirmed": signature})

    assert (kept, done.status_code) == (1, 302)
    assert (Erasure.objects.get().author, Erasure.objects.get().reason) == ("support", "letter of June")
    assert LogEntry.objects.filter(object_repr__contains="Ada").count() == 0
    assert found_in_the_database("Lovelace", "ada@example.org") == set()
    assert client.get(page).status_code == 302  # there is nothing to do any more
    change = reverse("admin:customers_customer_change", args=[here.ada.customer_id])
    assert client.post(change, {"first_name": "Ada"}).status_code == 403
    assert client.get(reverse("admin:customers_customer_export_person", args=[here.ada.customer_id])).status_code == 404


def test_staff_export(here: World) -> None:
    client = Client()
    client.force_login(User.objects.create_user("root", is_staff=True, is_superuser=True))

    answer = client.get(reverse("admin:customers_customer_export_person", args=[here.customer.pk]))

    assert answer["Content-Disposition"] == 'attachment; filename="data.zip"'
    assert json.loads(ZipFile(io.BytesIO(answer.content)).read("data.json"))["customer"] == "ada-7"


def test_commands_export_and_erase(here: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slug, file = here.club.retailer.slug, tmp_path / "ada.zip"

    call_command("export_person", slug, "ada-7")
    document = json.loads(capsys.readouterr().out)
    call_command("export_person", slug, "ada-7", zip=file)
    call_command("erase_person", slug, "ada-7", reason="letter")
    told = json.loads(capsys.readouterr().out)
    kept = Customer.objects.filter(external_id="ada-7").count()
    call_command("erase_person", slug, "ada-7", reason="letter", author="sue", yes=True)
    done = json.loads(capsys.readouterr().out)

    assert (document["customer"], "data.json" in ZipFile(file).namelist()) == ("ada-7", True)
    assert (told["status"], told["orders"], kept) == ("would be erased", 3, 1)
    assert (done["status"], done["orders"]) == ("erased", 3)
    for command in ("export_person", "erase_person"):
        given = {"reason": "letter"} if command == "erase_person" else {}
        with pytest.raises(CommandError, match="There is no customer ada-7"):
            call_command(command, slug, "ada-7", **given)
    assert Erasure.objects.get().erased_at - NOON > timedelta(0)
