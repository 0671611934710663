"""Commands as processes, on a small database of each test's own, with the settings and the walls that a user has."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone
from psycopg import sql
from pytest_django import DjangoDbBlocker

from analytics.experiments.looking import look
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.importing.templates import write_template
from customers.models import Retailer
from customers.recording import record_orders
from loyalty.activity.versions import forget_versions
from loyalty.campaigns.publishing.ready_made import ready_made_named
from loyalty.configuration.document import to_document
from loyalty.configuration.drafts import publish
from loyalty.configuration.plain_yaml import to_yaml
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward
from tests import make
from tests.conftest import _server, _template_name, _use
from tests.experiments.make_experiments import running

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS = "external_id,first_name\nada,Ada\nbob,Bob\n"
ORDERS = "order_number,customer,occurred_at,sku,quantity,net_amount\nN1,ada,2026-03-01T10:00:00Z,milk,1,3.00\n"
TILL = "Ticket;Jour;Article;Nombre;Total\n1;03/04/2026 18:30;milk;2;3,00\n"
SHOPIFY = ROOT / "tests" / "customers" / "samples" / "shopify.csv"
CODES = "QK7M-41\nQK7M-42\n"
SPRING = """offer: 1
program: journey-club
code: spring
name: A seat for you
rewards: [cinema]
currency: EUR
budget: '900'
at_most: '9.50'
segments: [vip]
"""


@dataclass
class Shell:
    """A folder to work in and a database, as somebody has who types commands."""

    folder: Path
    database: str
    environ: dict[str, str] = field(default_factory=dict)

    def url(self) -> str:
        server = settings.DATABASES["default"]
        return f"postgres://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{self.database}"

    def run(self, *command: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        environ = os.environ | {"DATABASE_URL": self.url(), "DJANGO_SETTINGS_MODULE": "loyalty.settings.dev"}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ | self.environ,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def manage(self, *command: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return self.run(sys.executable, str(ROOT / "manage.py"), *command, given=given)


@pytest.fixture(scope="session")
def small_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Make a database with shops, a program, members and orders; return its name and the program as YAML."""
    shared = settings.DATABASES["default"]["NAME"]
    name = f"{shared}_commands"
    with _server("postgres") as server:
        _copy(server, name, _template_name())
        _use(name)
        _forget_versions()
        with django_db_blocker.unblock(), acting_for(ALL_TENANTS):
            document = fill()
        _use(shared)
        _forget_versions()
        yield name, document
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _forget_versions() -> None:
    """Forget what this process knows of another database's versions, whose ids are others'."""
    forget_versions()


def fill() -> str:
    """Make shops, a program and a member with an order; return the program as YAML."""
    shop = make.retailer(slug="my-shop")
    for slug in ("corner-shop", "complete-journey"):
        make.retailer(slug=slug)
    draft = make.version(
        shop, tiers=[("bronze", "0", "1"), ("silver", "100", "1.5")], points={"pending_days": 0, "point_value": "0.01"}
    )
    draft.program.slug = "journey-club"
    draft.program.save(update_fields=["slug"])
    Reward.objects.create(version=draft, code="cinema", name="Cinema", kind="voucher", codes="pool", points=900)
    club = publish(draft, effective_from=make.START, now=make.START).program
    make.buys(make.member(club, "ada"), "80.00")
    earlier = (make.START - timedelta(days=days) for days in (200, 100))
    record_orders(shop, [make.order(f"c{at:%j}", "20.00", at=at) for at in earlier], now=make.START)
    look(running(shop, club, "winter-hold-out"), now=timezone.now())
    return to_yaml(to_document(draft))


def write_files(folder: Path, document: str) -> None:
    """Write the files that command lines name."""
    template = StringIO()
    write_template(template, "orders")
    shop = Retailer(language=Retailer.Language.FRENCH)
    birthday = ready_made_named("birthday").document(Program(slug="journey-club", retailer=shop))
    files = {
        "birthday.yaml": to_yaml(birthday), "spring.yaml": SPRING,
        "club.yaml": document, "customers.csv": CUSTOMERS, "orders.csv": ORDERS, "codes.csv": CODES, "till.csv": TILL,
        "shopify.csv": SHOPIFY.read_text(encoding="utf-8"), "new-orders.csv": template.getvalue(),
    }  # fmt: skip
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")


@pytest.fixture
def shell(small_world: tuple[str, str], tmp_path: Path) -> Iterator[Shell]:
    template, document = small_world
    name = f"{template}_own"
    write_files(tmp_path, document)
    with _server("postgres") as server:
        _copy(server, name, template)
        yield Shell(tmp_path, name)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _copy(server: "psycopg.Connection[tuple[object, ...]]", name: str, template: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
