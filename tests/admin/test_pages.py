"""Every page of the admin, in both languages, with a retailer's data in it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.dashboards.figures import figures
from analytics.kpis.points_days import sum_points
from analytics.runs import compute_value
from customers.facts import CorrectionFact
from customers.importing.jobs import run_next
from customers.models import ImportJob, Order, UndecidedFact
from customers.recording import record_orders
from loyalty.access.models import StaffRole
from loyalty.access.roles import Role
from loyalty.activity.account import spending
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.correcting import take_correction
from loyalty.activity.member.admin import MembershipAdmin
from loyalty.activity.member.overview import story
from loyalty.activity.nightly import run_nights, set_aside
from loyalty.admin_theme.theme import NEEDED
from loyalty.api.models import RetailerKey
from loyalty.configuration.drafts import open_draft
from loyalty.memberships.models import Membership
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.relay import dispatch
from loyalty.points.models import Entry, Lot
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db

TIERS = (("bronze", "0", "1"), ("silver", "50", "2"))


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def club() -> ProgramVersion:
    """A program with a member, orders, a return, a night, a value run, a webhook and a key."""
    club = make.program(tiers=TIERS, points={"pending_days": 1})
    ada = make.member(club, "ada")
    add_endpoint(club.retailer, "https://example.org/hook")
    bought = make.buys(ada, "60.00", "5.00")
    make.returns(ada, bought, (2, "1"))
    run_nights(club, until=(NOON + timedelta(days=2)).date(), now=NOON)
    compute_value(club.retailer, now=NOON)
    dispatch(now=NOON)
    make.key(club.retailer)
    return club.versions.get()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_list_and_every_object_has_a_page(staff: Client, club: ProgramVersion, language: str) -> None:
    draft = open_draft(club.program)
    headers = {"accept-language": language}
    seen = 0
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        assert staff.get(reverse(f"admin:{name}_changelist"), headers=headers).status_code == 200
        for row in model._default_manager.all()[:2]:
            page = staff.get(reverse(f"admin:{name}_change", args=[row.pk]), headers=headers)
            assert page.status_code == 200, row
            seen += 1

    assert ProgramVersion.objects.filter(pk=draft.pk).exists()
    assert seen == 21


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["Members by tier", "of 1 customers"]), ("fr", ["Membres par palier"])]
)
def test_the_first_page_shows_the_figures(staff: Client, club: ProgramVersion, language: str, words: list[str]) -> None:
    page = staff.get(reverse("admin:index"), headers={"accept-language": language}).content.decode()

    assert all(word in page for word in words)
    assert page.count("<canvas") == 3
    assert page.count('class="plain-table"') == 3


def test_the_first_page_tells_as_expired_what_is() -> None:
    club = make.program(points={"pending_days": 0, "expiry": "days", "expiry_count": 9})
    ada, bob, charlie = (make.member(club, name) for name in ("ada", "bob", "charlie"))
    make.buys(ada, "100.00", at=make.on("2026-06-01"))
    spent = spending.redeem(ada, 60, reference="r1", now=make.on("2026-06-02"))
    bought = make.buys(bob, "30.00", at=make.on("2026-06-01"))
    make.buys(charlie, "7.00", at=make.on("2026-06-01"))
    run_nights(club, until=make.on("2026-07-01").date(), now=make.on("2026-07-01"))
    assert figures(club.retailer).expired == 40 + 30 + 7

    spending.reverse(ada, spent.entry_id, now=make.on("2026-07-02"))
    make.returns(bob, bought, (1, "1"), at=make.on("2026-07-02"))

    assert figures(club.retailer).expired == 40 + 60 + 7
    for _ in range(2):
        sum_points(club.retailer, now=timezone.now(), settles_in=timedelta(0))
    assert figures(club.retailer).expired == 40 + 60 + 7


def test_the_figures_count_persons_members_and_points_once(staff: Client) -> None:
    club = make.program(tiers=TIERS)
    ada, bob, cyd, dan = (make.member(club, name) for name in ("ada", "bob", "cyd", "dan"))
    for who, amount in ((ada, "60.00"), (bob, "60.00"), (cyd, "20.00")):
        make.buys(who, amount)
    take_merge(club.retailer, "bob", "ada", reference="same card", now=NOON)
    leave(cyd, now=NOON + timedelta(days=1))

    found = figures(club.retailer)

    assert (found.members, found.customers, found.issued) == (2, 3, 140)
    assert [(name, count) for name, _french, count in found.tiers] == [("Bronze", 1), ("Silver", 1)]
    page = staff.get(reverse("admin:memberships_membership_changelist")).content.decode()
    assert f"merged into {ada.number}" in unescape(page)
    assert [each.state(row)[0] for each, row in _states(ada, bob, cyd, dan)] == ["member", "merged", "left", "member"]


@pytest.mark.sets_aside
def test_the_first_page_leads_to_what_could_not_be_carried_out(staff: Client, club: ProgramVersion) -> None:
    address = reverse("admin:activity_setaside_changelist")
    undecided = reverse("admin:customers_undecidedfact_changelist")
    before = staff.get(reverse("admin:index")).content.decode()
    set_aside(Membership.objects.get().pk, "time", ValueError("was"), now=NOON)
    record_orders(club.program.retailer, [make.order("ada", "25.00"), make.order("ada", "5.00")], now=NOON)
    UndecidedFact.objects.filter(pk=UndecidedFact.objects.earliest("pk").pk).update(error="was")

    after = staff.get(reverse("admin:index")).content.decode()

    assert "1 member is set aside." not in before
    assert f'1 member is set aside. <a class="version-link" href="{address}">' in after
    assert "2 facts wait to be decided. 1 could not be so far." in after
    assert before.count(address) == 1  # in the menu
    assert before.count(undecided) == 1
    assert "Create a new item" not in staff.get(undecided).content.decode()


def _states(*rows: Membership) -> list[tuple[MembershipAdmin, Membership]]:
    for row in rows:
        row.refresh_from_db()
    return [(MembershipAdmin(Membership, admin.site), row) for row in rows]


def test_the_first_page_of_an_empty_site_says_what_to_do(staff: Client) -> None:
    assert "Nothing here yet" in staff.get(reverse("admin:index")).content.decode()


def test_a_members_page_tells_each_lots_story(staff: Client, club: ProgramVersion) -> None:
    lot = Lot.objects.get()
    membership = lot.wallet.membership

    page = staff.get(reverse("admin:memberships_membership_change", args=[membership.pk])).content.decode()

    assert [(step.from_state, step.to_state, step.amount) for step in story(lot)] == [
        ("issued", "pending", 65),
        ("pending", "available", 65),  # due when the return came
        ("available", "cancelled", 5),
    ]
    assert "Base: 65 points for 65.00 × 1" in page
    assert "keeps 60 of 65 points" in page


@pytest.mark.parametrize(
    ("combination", "language", "words"),
    [
        ("all", "en", "Missing for Silver: 2 orders"),  # 60 of 50 are spent: 0 more would be a lie
        ("all", "fr", "Manque pour Silver : 2 commandes"),
        ("any", "en", ""),
    ],
)
def test_a_members_page_tells_all_that_the_next_tier_asks_for(
    staff: Client, combination: str, language: str, words: str
) -> None:
    draft = make.version(tiers=TIERS, scheme={"window": "lifetime", "basis": "spend", "combination": combination})
    Tier.objects.filter(version=draft, code="silver").update(also_orders=3)
    ada = make.member(make.published(draft), "ada")
    make.buys(ada, "60.00")
    address = reverse("admin:memberships_membership_change", args=[ada.pk])

    page = staff.get(address, headers={"accept-language": language}).content.decode()

    assert ("Missing for" in page or "Manque pour" in page) == bool(words)
    assert words in page


def test_a_correction_is_not_called_a_return(staff: Client) -> None:
    club = make.program()
    ada = make.member(club, "ada")
    make.buys(ada, "60.00", name="A1")
    less = CorrectionFact(make.order(ada, "40.00", name="A1"), version=1)
    take_correction(club.retailer, less, now=NOON)

    entry = Entry.objects.latest("pk")
    page = staff.get(reverse("admin:memberships_membership_change", args=[ada.pk])).content.decode()

    assert (entry.kind, entry.available_change, entry.label) == ("return", -20, "order corrected")
    assert page.count("order corrected") == 2  # in the statement and in the lot's story
    assert "taken back for a return</span>" not in page
    assert "order corrected" in staff.get(reverse("admin:points_entry_changelist")).content.decode()


def test_an_orders_page_tells_of_its_points_as_it_was_told(staff: Client) -> None:
    club = make.program()
    ada = make.member(club, "ada")
    make.buys(ada, "60.00", name="A1")
    moved = CorrectionFact(make.order(ada, "60.00", name="A1", at=NOON - timedelta(hours=1)), version=1)
    take_correction(club.retailer, moved, now=NOON + timedelta(hours=1))

    page = staff.get(reverse("admin:customers_order_change", args=[Order.objects.get().pk]))

    changes = [entry.available_change for entry, _reasons in page.context["entries"]]
    assert changes == [60, -60, 60]  # what it gave before, what was taken, and what it gives since


@pytest.mark.parametrize(
    ("language", "given", "nothing"),
    [
        ("en", "Base: 60 points for 60.00 × 1", "The customer was not a member when the order was placed."),
        ("fr", "Base : 60 points pour 60,00 × 1", "Le client n’était pas membre au moment de la commande."),
    ],
)
def test_an_orders_page_says_why_it_gave_what_it_gave(staff: Client, language: str, given: str, nothing: str) -> None:
    ada = make.member(make.program(), "ada", since=NOON)
    make.buys(ada, "60.00", name="A1", at=NOON)
    make.buys(ada, "60.00", name="A2", at=NOON - timedelta(days=1))
    rows = [Order.objects.get(number=name) for name in ("A1", "A2")]

    pages = [
        unescape(
            staff.get(
                reverse("admin:customers_order_change", args=[row.pk]), headers={"accept-language": language}
            ).content.decode()
        )
        .replace("\u00a0", " ")
        .replace("\u202f", " ")
        for row in rows
    ]

    assert [given in page for page in pages] == [True, False]
    assert [nothing in page for page in pages] == [False, True]


def test_ledger_and_facts_are_read_only(staff: Client, club: ProgramVersion) -> None:
    for name in (
        "points_entry",
        "customers_order",
        "customers_return",
        "memberships_membership",
        "analytics_customervalue",
    ):
        assert staff.get(reverse(f"admin:{name}_add")).status_code == 403


def test_a_draft_is_edited(staff: Client, club: ProgramVersion) -> None:
    draft = open_draft(club.program)
    page = reverse("admin:programs_programversion_change", args=[draft.pk])
    form = _form(staff, page)
    place = next(name.split("-")[1] for name, value in form.items() if value == "silver")
    form[f"tiers-{place}-threshold"] = "40"

    saved = staff.post(page, form)

    draft.refresh_from_db()
    assert saved.status_code == 302
    assert Tier.objects.get(version=draft, code="silver").threshold == 40
    assert draft.is_draft


def test_a_published_version_has_nothing_to_save(staff: Client, club: ProgramVersion) -> None:
    page = reverse("admin:programs_programversion_change", args=[club.pk])

    assert 'name="_save"' not in staff.get(page).content.decode()
    assert staff.post(page, {"note": "x"}).status_code == 403


def test_a_new_program_opens_with_a_draft(staff: Client) -> None:
    shop = make.retailer()

    staff.post(
        reverse("admin:programs_program_add"), {"retailer": shop.pk, "name": "Club", "slug": "club", "zone": "UTC"}
    )

    assert shop.programs.get().versions.get().is_draft


def test_a_file_is_uploaded_previewed_and_imported(staff: Client) -> None:
    shop = make.retailer()
    content = b"order_number,customer,occurred_at,sku,quantity,net_amount\nA1,ada,2026-03-01,x,1,2\nA2,ada,soon,x,1,2\n"
    given = {"retailer": shop.pk, "kind": "orders", "file": SimpleUploadedFile("orders.csv", content)}

    answer = staff.post(reverse("admin:customers_importjob_add"), given)
    job = ImportJob.objects.get()
    page = staff.get(answer["Location"]).content.decode()
    staff.post(reverse("admin:customers_importjob_start_import", args=[job.pk]))
    run_next(now=NOON)
    problems = staff.get(reverse("admin:customers_importjob_download_problems", args=[job.pk])).content.decode(
        "utf-8-sig"
    )

    assert (job.created, job.bad) == (1, 1)
    assert "“soon” is no date and time" in page
    assert Order.objects.get().number == "A1"
    assert problems.splitlines()[1].startswith("3: occurred_at: “soon” is no date")


def test_a_file_that_is_none_says_why(staff: Client) -> None:
    given = {"retailer": make.retailer().pk, "kind": "orders", "file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")}

    answer = staff.post(reverse("admin:customers_importjob_add"), given, follow=True)

    assert "These columns are missing" in answer.content.decode()
    assert ImportJob.objects.get().status == "asked"


def test_an_api_key_is_shown_once(staff: Client) -> None:
    shop = make.retailer()
    given = {"retailer": shop.pk, "name": "till", "scopes": ["activity:write"]}

    page = staff.post(reverse("admin:api_retailerkey_add"), given, follow=True).content.decode()

    key = RetailerKey.objects.get()
    (shown,) = re.findall(r"The key is (\S+)\. Copy it now", page)
    assert key.is_valid(shown)
    assert shown not in staff.get(reverse("admin:api_retailerkey_change", args=[key.pk])).content.decode()


def test_the_admin_asks_who_you_are(client: Client) -> None:
    assert client.get(reverse("admin:index")).status_code == 302


def _form(staff: Client, page: str) -> dict[str, str]:
    """Return a page's form as a browser would send it back."""
    response = staff.get(page)
    form: dict[str, str] = {}
    forms = [response.context["adminform"].form]
    for formset in response.context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.formset.forms]
    for each in forms:
        for field in each:
            value = field.value()
            if value is True:
                form[field.html_name] = "on"
            elif value is not None and value is not False:
                form[field.html_name] = str(value)
    return form


@pytest.mark.parametrize("query", ["q=%00", "status__exact=%00", "e=%00&o=1", "%00=1"])
@pytest.mark.parametrize("model", ["memberships_membership", "customers_customer", "referrals_referral"])
def test_what_no_row_can_hold_is_looked_for_in_vain(staff: Client, model: str, query: str) -> None:
    answer = staff.get(f"{reverse(f'admin:{model}_changelist')}?{query}")

    assert answer.status_code == 400


def test_times_are_of_the_retailers_zone_and_each_page_names_it(client: Client) -> None:
    club = make.program(make.retailer(zone="Asia/Tokyo"), zone="Europe/Paris")
    make.buys(make.member(club, "ada"), "5.00", at=make.on("2026-06-14T20:30"))
    client.force_login(User.objects.create_superuser("staff"))
    pages = {
        "orders": reverse("admin:customers_order_changelist"),
        "order": reverse("admin:customers_order_change", args=[Order.objects.get().pk]),
        "member": reverse("admin:memberships_membership_change", args=[Membership.objects.get().pk]),
        "version": reverse("admin:programs_programversion_page", args=[club.versions.get().pk]),
    }

    shown = {name: client.get(address).content.decode() for name, address in pages.items()}

    zones = {name: re.findall(r'<p class="zone-said">Times are of (\S+)\.</p>', page) for name, page in shown.items()}
    assert zones == {
        "orders": ["Asia/Tokyo"], "order": ["Asia/Tokyo"], "member": ["Europe/Paris"], "version": ["Europe/Paris"],
    }  # fmt: skip
    assert "June 15, 2026, 5:30 a.m." in shown["orders"]
    assert "06/14/2026 10:30 p.m." in shown["member"]


@pytest.mark.parametrize("role", list(Role))
def test_the_menu_leads_to_pages_of_no_list_whoever_may_see_them(
    client: Client, club: ProgramVersion, role: Role
) -> None:
    user = User.objects.create_user("sue", is_staff=True)
    StaffRole.objects.create(user=user, retailer=club.program.retailer, role=role)
    client.force_login(user)
    addresses = [reverse(name) for name in NEEDED]

    menu = unescape(client.get(reverse("admin:index")).content.decode())
    shown = [f'href="{address}"' in menu for address in addresses]

    assert shown == [client.get(address).status_code == 200 for address in addresses]
