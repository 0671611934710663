"""Every page of the admin and every endpoint, seen by every role, by a stranger, and by nobody."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from analytics.experiments.looking import look
from analytics.experiments.models import ExperimentLook
from analytics.models import UpliftRun, ValueRun
from analytics.roll_outs.running import Asked
from analytics.roll_outs.running import ask as ask_roll_out
from customers.importing.jobs import upload
from customers.models import Customer, Order, Retailer
from loyalty.access.models import StaffRole
from loyalty.activity.models import InteractionDecision
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.api.models import Scope
from loyalty.badges.account.joining import join_board
from loyalty.badges.models import Badge, Board, Challenge, GivenBadge, Surprise
from loyalty.campaigns.models import Campaign, FollowUp, Message, Offer, Step
from loyalty.campaigns.offering.discounts import set_caps
from loyalty.campaigns.publishing.managing import draft_of
from loyalty.campaigns.rules.discounts import DiscountCap
from loyalty.configuration.drafts import open_draft
from loyalty.experiments.models import Experiment
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.relay import dispatch
from loyalty.planning.models import Simulation
from loyalty.planning.simulating import ask
from loyalty.programs.models import ProgramVersion
from tests import make
from tests.access.matrix import ADD, API, CHANGE, DELETE, OPEN, PAGES, READ, SESSION, SIGN_IN, SIGNED
from tests.badges import game as of_badges
from tests.campaigns import make_campaigns as of_campaigns
from tests.campaigns import make_offers as of_offers
from tests.campaigns import make_surveys as of_surveys
from tests.experiments.make_experiments import drafted, running
from tests.make import NOON
from tests.plans import make_plans
from tests.plans.make_plans import joined
from tests.referrals import make_referrals
from tests.rewards import shop as of_rewards

pytestmark = pytest.mark.django_db

LETTERS = {"O": "owner", "M": "manager", "S": "support", "A": "analyst", "U": "auditor"}
DENIED = {403}


@pytest.fixture
def world() -> dict[str, Any]:
    """One retailer with a row of everything that has a page, and who works for it."""
    first = make.version(tiers=[("bronze", "0", "1"), ("silver", "50", "1")], points={"pending_days": 1})
    of_rewards.reward(first)
    of_rewards.reward(first, "forest", 100, kind="donation", points_per_unit=100)
    of_badges.add(
        first,
        {"target": "1", "badge": "badge0"},
        {"code": "joined", "target": "9", "opt_in": True},
        badges=[{}],
        boards=[{"code": "buyers"}],
    )
    club = make.published(first)
    shop = club.retailer
    ada = make.member(club, "ada")
    endpoint = add_endpoint(shop, "https://example.org/hook")
    join_board(ada, "buyers", "Ace", now=NOON)
    Surprise.objects.create(retailer=shop, program=club, code="gift", name="Gift", points=1, budget=1)
    of_badges.does(ada, "review", NOON)
    badge = Badge.objects.get(version=first)
    GivenBadge.objects.create(
        retailer=shop, membership=ada, badge=badge, badge_key=badge.key, given_at=NOON, given_by="sue", reason="kind"
    )
    bought = make.buys(ada, "60.00", "5.00")
    make.returns(ada, bought, (2, "1"))
    run_nights(club, until=(NOON + timedelta(days=2)).date(), now=NOON)
    dispatch(now=NOON)
    make.key(shop)
    plan = joined(make.member(make_plans.program(owner=shop), "bea"), at=NOON)
    saver = of_rewards.member(club, name="saver", at=NOON + timedelta(days=2))
    redeemed = redeem_reward(saver, "five-off", reference="r1", now=NOON + timedelta(days=3)).redemption
    redeem_reward(saver, "forest", reference="d1", points=100, now=NOON + timedelta(days=3))
    import_codes(club, redeemed.reward_key, make.codes("AAAA-1"), file_name="codes.csv", now=NOON)
    draft = open_draft(club)
    asked = ask(draft, since=date(2026, 6, 1), until=date(2026, 6, 30), author="ada", now=timezone.now())
    friends = make_referrals.program(owner=shop)
    referral = make_referrals.claims(make.member(friends, "joe"), make.member(friends, "sue")).referral
    job = upload(shop, "customers", "c.csv", b"external_id\nx1\n", now=NOON)
    ValueRun.objects.create(
        retailer=shop,
        status="refused",
        ran_at=NOON,
        data_cut=NOON.date(),
        horizon_days=365,
        discount_rate=0,
        currency="EUR",
    )
    running(shop, club, "winback", at=NOON)
    drafted(shop, club, "depth", layer="variant", form="variants", within="winback")
    ask_roll_out(shop, Asked(["Nantes"], NOON.date()), author="", now=NOON + timedelta(days=1))
    UpliftRun.objects.create(
        retailer=shop,
        program=club,
        status="refused",
        code="nobody_joined",
        asked_at=NOON,
        known_at=NOON,
        currency="EUR",
    )
    of_surveys.unhappy(ada, at=NOON)
    draft_of(of_campaigns.journey(club, {"kind": "cart"}, of_campaigns.says_by("email")))
    of_shop = of_offers.club(owner=shop)
    of_offers.ask(of_offers.offer(of_shop, budget="10"), *[make.member(of_shop) for _ in range(2)])
    of_offers.offer(of_shop, is_live=False)
    set_caps(of_shop, [DiscountCap(5, 30)], author="staff", now=NOON)
    users = {}
    for letter, role in LETTERS.items():
        users[letter] = User.objects.create_user(role, is_staff=True)
        StaffRole.objects.create(user=users[letter], retailer=shop, role=role)
    users["X"] = User.objects.create_user("stranger", is_staff=True)
    return {"shop": shop, "club": club, "ada": ada, "draft": draft, "asked": asked, "job": job, "users": users,
            "endpoint": endpoint, "plan": plan, "redeemed": redeemed, "referral": referral}  # fmt: skip


def clients(world: dict[str, Any]) -> dict[str, Client]:
    found = {}
    for letter, user in world["users"].items():
        found[letter] = Client()
        found[letter].force_login(user)
    return found


def allowed(clients: dict[str, Client], method: str, address: str) -> str:
    """Return the letters of those who are not refused."""
    answers = {letter: getattr(client, method.lower())(address) for letter, client in clients.items()}
    assert all(answer.status_code < 500 for answer in answers.values()), address
    return "".join(letter for letter in "OMSAUX" if answers[letter].status_code not in DENIED)


def admin_names() -> set[str]:
    return {name for name in _names(admin.site.get_urls()) if name}


def _names(patterns: list[Any]) -> Iterator[str | None]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _names(each.url_patterns)
        elif isinstance(each, URLPattern):
            yield each.name


def test_every_page_of_the_admin_is_in_the_matrix() -> None:
    of_models = {f"{name}_{kind}" for name in READ for kind in ("changelist", "add", "change", "delete", "history")}
    known = of_models | {name for name, _method in PAGES} | OPEN

    assert admin_names() - known == set()
    assert {name for name, _method in PAGES} - admin_names() == set()


def test_each_role_sees_the_lists_and_objects_that_it_needs_and_no_others(world: dict[str, Any]) -> None:
    everybody = clients(world)
    models = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
    assert models.keys() == READ.keys()

    seen = {}
    for name, model in models.items():
        seen[name, "list"] = allowed(everybody, "GET", reverse(f"admin:{name}_changelist"))
        seen[name, "add"] = allowed(everybody, "GET", reverse(f"admin:{name}_add"))
        row = world["draft"] if model is ProgramVersion else model._default_manager.order_by("-pk").first()
        if row is None:
            continue
        seen[name, "change"] = allowed(everybody, "POST", reverse(f"admin:{name}_change", args=[row.pk]))
        seen[name, "delete"] = allowed(everybody, "GET", reverse(f"admin:{name}_delete", args=[row.pk]))
        seen[name, "read"] = allowed(everybody, "GET", reverse(f"admin:{name}_change", args=[row.pk]))

    tables = {"list": READ, "read": READ, "add": ADD, "change": CHANGE, "delete": DELETE}
    # A user's page is of no retailer: whoever may not see it is told that it is not there, which redirects.
    wrong = {key: who for key, who in seen.items() if who != tables[key[1]].get(key[0], "")}
    assert wrong == {}


OF_NOTHING = {
    "analytics_segmentrun_churn", "analytics_recommendationrun_ask", "analytics_upliftrun_ask", "analytics_upliftrun_budget",
    "analytics_rolloutrun_ask",
    "index", "plans_subscription_report", "plans_subscription_members", "plans_subscription_to_report",
    "plans_invoice_to_dunning", "referrals_referral_to_queue",
    "rewards_reward_figures", "rewards_reward_to_figures", "rewards_rewardredemption_desk",
    "rewards_rewardredemption_to_desk", "analytics_auditrun_ask", "analytics_acquisitioncost_report",
    "analytics_acquisitioncost_to_report", "analytics_acquisitioncost_bring_file", "analytics_acquisitioncost_to_import",
    "analytics_valuerun_overview", "analytics_valuerun_report",
    "campaigns_campaign_ready_made", "campaigns_campaign_to_ready_made",
    "analytics_kpigoal_overview", "analytics_kpigoal_file", "analytics_kpigoal_to_board", "analytics_mediacost_to_won",
    "analytics_funnel_overview", "analytics_funnel_file", "analytics_funnel_map", "analytics_funnel_map_file",
    "analytics_funnel_to_funnels", "analytics_kpigoal_what_pays", "analytics_kpigoal_what_pays_file",
}  # no row  # fmt: skip


def a_look() -> ExperimentLook:
    started = Experiment.objects.filter(state="running").select_related("retailer", "program").earliest("pk")
    return look(started, now=timezone.now())


def rows_of(world: dict[str, Any]) -> dict[str, Any]:
    """Return of which row a page is whose name begins in some way: of the first that fits."""
    shown, latest = a_look(), Experiment.objects.latest("pk")
    return {
        "programs_program_": world["club"],
        "customers_importjob": world["job"],
        "rewards_rewardredemption_": world["redeemed"],
        "rewards_reward_": world["redeemed"].reward,
        "badges_surprise_": Surprise.objects.get(),
        "analytics_experimentlook_again": shown,
        "analytics_experimentlook_report": shown,
        "analytics_experimentlook_draw_up": shown,
        "analytics_experimentlook_": latest,
        "experiments_experiment_": latest,
        "campaigns_campaign_": Campaign.objects.latest("created_at"),
        "campaigns_message_": Message.objects.latest("pk"),
        "campaigns_offer_": Offer.objects.latest("pk"),
        "campaigns_step_": Step.objects.latest("pk"),
        "campaigns_followup_": FollowUp.objects.get(),
        "activity_interactiondecision_": InteractionDecision.objects.earliest("pk"),
        "badges_badge_": Badge.objects.earliest("pk"),
        "badges_givenbadge_": GivenBadge.objects.get(),
        "badges_challenge_": Challenge.objects.earliest("pk"),
        "badges_board_": Board.objects.earliest("pk"),
        "auth_user": world["users"]["O"],
        "customers_customer_": world["ada"].customer,
        "customers_order_claim_for": Order.objects.filter(retailer=world["shop"]).first(),
        "memberships_membership_": world["ada"],
        "plans_subscription_cancel": world["plan"],
        "referrals_referral_": world["referral"],
        "plans_invoice_": world["plan"].invoices.get(),
        "analytics_upliftrun_": UpliftRun.objects.get(),
    }


def address_of(name: str, world: dict[str, Any], rows: dict[str, Any]) -> str:
    draft, asked = world["draft"].pk, world["asked"].pk
    if name.startswith("planning_simulation_") and name != "planning_simulation_ask":
        return reverse(f"admin:{name}", args=[draft, asked])
    if name in OF_NOTHING:
        return reverse(f"admin:{name}")
    if name == "customers_importjob_template":
        return reverse(f"admin:{name}", args=["orders"])
    if name == "programs_programversion_compare":
        return reverse(f"admin:{name}", args=[draft]) + "?with=1"
    for beginning, row in rows.items():
        if name.startswith(beginning):
            return reverse(f"admin:{name}", args=[row.pk])
    return reverse(f"admin:{name}", args=[draft])


def test_each_page_of_its_own_opens_to_those_who_need_it(world: dict[str, Any]) -> None:
    everybody, rows = clients(world), rows_of(world)

    found = {(name, method): allowed(everybody, method, address_of(name, world, rows)) for name, method in PAGES}

    assert found.pop(("index", "GET")) == "OMSAUX"  # it says to a stranger that there is nothing
    assert found == {key: who for key, who in PAGES.items() if key[0] != "index"}


def test_nobody_sees_another_retailers_rows(world: dict[str, Any]) -> None:
    other = make.program()
    make.buys(make.member(other, "evelyn-77"), "10.00")
    draft = open_draft(other)
    owner = clients(world)["O"]

    for name in ("page", "plan", "document", "tiers"):
        assert owner.get(reverse(f"admin:programs_programversion_{name}", args=[draft.pk])).status_code == 404
    eve = Customer.objects.get(external_id="evelyn-77")
    assert owner.get(reverse("admin:customers_customer_change", args=[eve.pk])).status_code == 302  # "is not there"
    shown = owner.get(reverse("admin:customers_order_changelist")).content.decode()
    assert "evelyn-77" not in shown
    assert other.retailer.name not in owner.get(reverse("admin:customers_retailer_changelist")).content.decode()


def test_nobody_who_is_not_signed_in_sees_a_page(world: dict[str, Any], client: Client) -> None:
    rows = rows_of(world)

    for name, method in PAGES:
        answer = getattr(client, method.lower())(address_of(name, world, rows))
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, reverse("admin:login"))


def test_a_program_manager_plans_without_names_and_an_owner_with_them(world: dict[str, Any]) -> None:
    Customer.objects.filter(external_id="ada").update(last_name="Lovelace")
    world["draft"].tiers.filter(code="silver").update(threshold=70)
    plan = reverse("admin:programs_programversion_plan", args=[world["draft"].pk])
    everybody = clients(world)

    pages = {letter: everybody[letter].get(plan).content.decode() for letter in "OMAU"}

    assert {letter for letter, page in pages.items() if "Lovelace" in page} == {"O", "U"}
    assert all(world["ada"].number in page for page in pages.values())


def api_endpoints() -> dict[str, URLPattern]:
    found: dict[str, URLPattern] = {}
    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and str(resolver.pattern) == "api/v1/":
            found |= {str(each.name): each for each in resolver.url_patterns if isinstance(each, URLPattern)}
    return found


def methods_of(pattern: URLPattern) -> set[str]:
    view: Any = vars(pattern.callback)["view_class"]
    return {method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if hasattr(view, method.lower())}


def test_every_endpoint_is_in_the_matrix() -> None:
    endpoints = {(name, method) for name, pattern in api_endpoints().items() for method in methods_of(pattern)}

    assert endpoints == API.keys() | SIGNED | SIGN_IN


ARGUMENTS: dict[str, Any] = {
    "slug": lambda world: world["club"].slug, "number": lambda world: world["draft"].number, "other": lambda _: 1,
    "simulation_id": lambda world: world["asked"].pk, "external_id": lambda _: "ada", "order_number": lambda _: "o",
    "hold_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "entry_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "invoice_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "referral_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "sku": lambda _: "o", "code": lambda _: "buyers", "run_id": lambda world: world["shop"].value_runs.first().pk,
    "roll_out_id": lambda world: world["shop"].roll_out_runs.first().pk,
    "uplift_id": lambda world: world["shop"].uplift_runs.first().pk,
    "redemption_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "offer_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "device_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "message_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "survey_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "name": lambda _: "welcome",
    "webhook_id": lambda _: "019a0000-0000-7000-8000-000000000000",
    "event_id": lambda _: "019a0000-0000-7000-8000-000000000000",
}  # fmt: skip


def api_address(name: str, world: dict[str, Any]) -> str:
    names = api_endpoints()[name].pattern.converters
    given = {each: ARGUMENTS[each](world) for each in names}
    if "number" in given and "slug" not in given:
        given["number"] = world["ada"].number
    return reverse(name, kwargs=given)


def call(client: Client, method: str, address: str, **headers: str) -> int:
    return int(client.generic(method, address, b"{}", content_type="application/json", headers=headers).status_code)


def test_each_endpoint_opens_to_its_scope_alone(world: dict[str, Any], client: Client) -> None:
    shop = world["shop"]
    keys = {scope: make.key(shop, scope) for scope in Scope.values}
    without = {scope: make.key(shop, *(each for each in Scope.values if each != scope)) for scope in Scope.values}
    every_key = make.key(shop)
    wrong = []
    for (name, method), scope in API.items():
        address, is_members = api_address(name, world), scope == "member"
        member = make.token(world["ada"].customer)  # a new one: some of what is called ends it
        right, others = (every_key, every_key) if is_members else (keys[scope], without[scope])
        found = {
            "nobody": call(client, method, address),
            "others": call(client, method, address, Authorization=f"Api-Key {others}"),
            "member": call(client, method, address, Authorization=f"Bearer {member}"),
            "right": call(client, method, address, Authorization=f"Api-Key {right}"),
        }
        as_expected = (
            (found["nobody"], found["others"]) == (401, 403)
            and (found["member"] in {401, 403}, found["right"] in {401, 403}) == (not is_members, is_members)
            and all(status < 500 for status in found.values())
        )
        wrong += [] if as_expected else [(name, method, found)]

    assert wrong == []


def test_staff_may_call_what_its_role_needs(world: dict[str, Any]) -> None:
    everybody = clients(world)
    found = {}
    for name, method in API:
        address = api_address(name, world)
        answers = {letter: call(each, method, address) for letter, each in everybody.items()}
        assert answers.pop("X") == 401
        found[name, method] = "".join(letter for letter in "OMSAU" if answers[letter] not in {401, 403})

    assert found == {key: SESSION.get(scope, "") for key, scope in API.items()}


def test_another_retailers_program_is_not_there(world: dict[str, Any], client: Client) -> None:
    stranger = make.key(Retailer.objects.create(slug="other", name="other", zone="UTC", currency="EUR"))
    of_programs = {each: method for each, method in API if "programs/" in api_address(each, world)}

    found = {
        name: call(client, method, api_address(name, world), Authorization=f"Api-Key {stranger}")
        for name, method in of_programs.items()
        if name not in {"month-end", "journal"}
    }

    assert {name: status for name, status in found.items() if status not in {404, 400}} == {}
    assert Simulation.objects.count() == 1
