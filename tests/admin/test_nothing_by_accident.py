"""What stops people in the admin: nothing changes by a look, a link or a save of nothing, and what is grave is asked twice."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Retailer
from loyalty.configuration.drafts import open_draft
from loyalty.planning.plan import plan
from loyalty.planning.simulating import ask, run_next
from loyalty.programs.models import Program, ProgramVersion, VersionEvent
from loyalty.tiers.models import Tier
from tests import make
from tests.access.matrix import PAGES
from tests.access.test_matrix import address_of, rows_of, world  # noqa: F401 - a fixture
from tests.admin.test_pages import _form as form_of
from tests.make import NOON

pytestmark = pytest.mark.django_db
CHANGED = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname <> 'django_session'
"""


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


@pytest.fixture
def club() -> Program:
    return make.program(tiers=[("bronze", "0", "1"), ("silver", "50", "1")])


def changed() -> dict[str, int]:
    """Return how many rows of which tables this transaction has written so far, also those that it took back."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        return dict(cursor.fetchall())


def test_no_page_changes_a_row_because_somebody_looks_at_it(world: dict[str, Any], staff: Client) -> None:  # noqa: F811
    rows = rows_of(world)
    addresses = {address_of(name, world, rows) for name, _method in PAGES}
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses |= {reverse(f"{name}_changelist"), reverse(f"{name}_add")}
        for row in model._default_manager.order_by("-pk")[:2]:
            addresses |= {reverse(f"{name}_{way}", args=[row.pk]) for way in ("change", "delete", "history")}
    staff.get(reverse("admin:index"))
    before = changed()

    wrong = {}
    for address in sorted(addresses | {reverse("search") + "?q=ada"}):
        answer = staff.get(address)
        assert answer.status_code < 500, address
        if (after := changed()) != before:
            wrong[address], before = {name: after[name] - before.get(name, 0) for name in after}, after

    assert wrong == {}
    assert len(addresses) > 250


def test_a_draft_is_opened_by_a_button_and_never_by_a_link(staff: Client, club: Program) -> None:
    address = reverse("admin:programs_program_new_draft", args=[club.pk])

    page = staff.get(address).content.decode()
    assert "It begins as a copy of version 1." in page
    assert club.versions.count() == 1
    assert Client(enforce_csrf_checks=True).post(address).status_code == 403
    assert staff.post(address).status_code == 302
    assert club.versions.count() == 2


@pytest.mark.parametrize("when", ["full", "of imports", "empty"])
def test_a_retailer_with_books_is_not_deleted(staff: Client, club: Program, when: str) -> None:
    shop = {"full": club.retailer}.get(when) or make.retailer()
    if when == "of imports":
        shop.imports.create(kind="orders", filename="x.csv", content=b"", uploaded_at=NOON)
    address = reverse("admin:customers_retailer_delete", args=[shop.pk])

    shown = staff.get(address, follow=True)
    staff.post(address, {"post": "yes"})

    assert ("its books stay" in shown.content.decode()) is (when != "empty")
    assert Retailer.objects.filter(pk=shop.pk).exists() is (when != "empty")
    assert "delete_selected" not in staff.get(reverse("admin:customers_retailer_changelist")).content.decode()


def test_what_days_and_amounts_are_of_stays_once_it_is_used(staff: Client, club: Program) -> None:
    new = make.retailer()
    draft = make.version().program
    make.buys(make.member(club, "ada"), "5.00")

    def may_write(row: Any, field: str) -> bool:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        return f'name="{field}"' in staff.get(reverse(name, args=[row.pk])).content.decode()

    assert [may_write(club.retailer, each) for each in ("currency", "zone", "name")] == [False, False, True]
    assert [may_write(new, each) for each in ("currency", "zone")] == [True, True]
    assert [may_write(club, "zone"), may_write(draft, "zone")] == [False, True]


def test_a_save_without_a_change_is_none(staff: Client, club: Program) -> None:
    draft = open_draft(club)
    Tier.objects.filter(version=draft).update(benefits="free coffee\na cake", benefits_fr="un café\nun gâteau")
    page = reverse("admin:programs_programversion_change", args=[draft.pk])
    sent = {name: value.replace("\n", "\r\n") for name, value in form_of(staff, page).items()}  # as browsers do

    assert staff.post(page, sent).status_code == 302

    before, draft = draft.revision, ProgramVersion.objects.get(pk=draft.pk)
    assert draft.revision == before
    assert not VersionEvent.objects.filter(action="edited").exists()
    assert set(Tier.objects.filter(version=draft).values_list("benefits", flat=True)) == {"free coffee\na cake"}


class Publishing:
    """Somebody on the plan page of a draft."""

    def __init__(self, staff: Client, draft: ProgramVersion, days: int = 1) -> None:
        self.staff, self.draft = staff, draft
        day = timezone.now() + timedelta(days=days)
        self.said = {"effective_from_0": f"{day:%Y-%m-%d}", "effective_from_1": "00:00:00"}
        self.shown = self._page(staff.get(reverse("admin:programs_programversion_plan", args=[draft.pk]), self.said))

    def _page(self, answer: Any) -> str:
        return unescape(answer.content.decode())

    @property
    def seen(self) -> str:
        (found,) = set(re.findall(r'name="seen" value="(\w+)"', self.shown))
        return str(found)

    def send(self, way: str = "publish_version", **more: str) -> str:
        address = reverse(f"admin:programs_programversion_{way}", args=[self.draft.pk])
        self.shown = self._page(self.staff.post(address, self.said | {"seen": self.seen} | more, follow=True))
        return self.shown

    @property
    def status(self) -> str:
        return ProgramVersion.objects.get(pk=self.draft.pk).status


def test_what_is_published_is_asked_about_first(staff: Client, club: Program) -> None:
    publishing = Publishing(staff, open_draft(club))

    assert "Nobody can change it any more" in publishing.send()
    assert publishing.status == "draft"
    assert "is published." in publishing.send(confirmed="1")
    assert publishing.status == "published"


def _edited(draft: ProgramVersion) -> None:
    Tier.objects.filter(version=draft, code="silver").update(threshold=70)


def _moves(draft: ProgramVersion) -> None:
    for place in range(3):
        make.buys(make.member(draft.program, f"m{place}"), "30.00", at=timezone.now() - timedelta(days=1))


@pytest.mark.parametrize("change", [_edited, _moves])
def test_another_plan_than_the_shown_one_is_shown_and_not_published(staff: Client, club: Program, change: Any) -> None:
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="silver").update(threshold=20)
    publishing = Publishing(staff, draft)
    change(draft)

    assert "this is another plan than the one that you were shown" in publishing.send(confirmed="1")
    assert publishing.status == "draft"
    assert "is published." in publishing.send(confirmed="1")


def test_the_past_is_refused_before_anybody_is_asked(staff: Client, club: Program) -> None:
    publishing = Publishing(staff, open_draft(club), days=-9)

    assert "cannot come into force in the past" in publishing.send()
    assert publishing.status == "draft"


@pytest.mark.parametrize("way", ["publish_version", "propose"])
def test_another_instant_than_the_planned_one_is_planned_first(staff: Client, club: Program, way: str) -> None:
    publishing = Publishing(staff, open_draft(club))
    publishing.said["effective_from_0"] = f"{timezone.now() + timedelta(days=9):%Y-%m-%d}"

    assert "this is another plan than the one that you were shown" in publishing.send(way, confirmed="1")
    assert publishing.status == "draft"
    assert list(VersionEvent.objects.filter(number=2).values_list("action", flat=True)) == ["created"]


@pytest.mark.parametrize("seen", ["", "x", "é"])
def test_what_was_never_shown_is_not_published(staff: Client, club: Program, seen: str) -> None:
    publishing = Publishing(staff, open_draft(club))

    publishing.send(confirmed="1", seen=seen)

    assert publishing.status == "draft"


def test_a_draft_with_a_what_if_is_deleted(staff: Client, club: Program) -> None:
    make.buys(make.member(club, "ada"), "60.00")
    draft = open_draft(club)
    ask(draft, since=NOON.date(), until=(NOON + timedelta(days=9)).date(), author="eve", now=timezone.now())
    address = reverse("admin:programs_programversion_delete", args=[draft.pk])

    assert "cannot delete" not in staff.get(address).content.decode().lower()
    assert staff.post(address, {"post": "yes"}).status_code == 302

    assert not ProgramVersion.objects.filter(pk=draft.pk).exists()
    assert VersionEvent.objects.latest("pk").action == "deleted"


def test_the_plan_says_what_the_what_if_says(staff: Client) -> None:
    club = make.program(
        tiers=[("bronze", "0", "1"), ("silver", "10", "2")],
        scheme={"window": "rolling", "window_months": 12, "downgrade": "at_once"},
        since=make.on("2024-01-01"),
    )
    now = timezone.now()
    ada = make.member(club, "ada", since=now - timedelta(days=300))
    make.buys(ada, "500.00", at=now - timedelta(days=200))
    for place in range(5):
        make.buys(ada, "20.00", at=now - timedelta(days=50 - place))
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="silver").update(threshold=9_999)
    since, until = (now - timedelta(days=80)).date(), now.date()
    asked = ask(draft, since=since, until=until, author="eve", now=now)
    run_next(now=now)

    found = plan(draft, effective_from=now + timedelta(days=1), now=now).estimate
    asked.refresh_from_db()

    assert asked.result is not None
    assert found.points_then - found.points_now == asked.result["draft"]["net"] - asked.result["actual"]["net"] == -100
    shown = staff.get(reverse("admin:programs_programversion_plan", args=[draft.pk])).content.decode()
    assert '<span class="figure">-100</span><span class="label">points more or less in the what-if' in shown
