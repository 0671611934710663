"""Every guard of the database refuses what it is named for, whoever asks: see docs/explanation/guards.md."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from psycopg.errors import Error

from analytics import statistics
from analytics.experiments.looking import look
from analytics.models import AcquisitionCost, MediaCost, UpliftRun
from analytics.roll_outs.running import Asked
from analytics.roll_outs.running import ask as ask_roll_out
from analytics.runs import compute_value
from customers.claiming import claim_order
from customers.core.ids import new_id
from customers.correcting import record_corrections
from customers.facts import CorrectionFact, InteractionFact, OrderEventFact
from customers.merging import merge
from customers.models import Consent, Erasure, ImportMapping, Retailer
from customers.privacy import erase
from customers.recording import record_orders
from loyalty.access.models import StaffRole
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.households import transfer
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.spending import hold
from loyalty.activity.intake import take_interactions, take_order_events
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import pay_out
from loyalty.activity.rewards.tills import check_voucher, hold_voucher
from loyalty.api.models import IdempotencyRecord
from loyalty.badges.account.contests import finish_contests
from loyalty.badges.account.given import give_badge
from loyalty.badges.account.joining import join_board
from loyalty.badges.account.surprises import draw, give
from loyalty.badges.models import Surprise
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.messages.receiving import ReceiptFact, take_receipt
from loyalty.campaigns.models import MessageChannel, OfferGrant, PushDevice
from loyalty.campaigns.offering.discounts import set_caps
from loyalty.campaigns.offering.taking import decline_offer, take_offer
from loyalty.campaigns.publishing.managing import draft_of
from loyalty.campaigns.rules.discounts import DiscountCap
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships import households
from loyalty.memberships.models import Membership
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.relay import dispatch
from loyalty.planning.closing import close_month
from loyalty.planning.simulating import ask
from loyalty.plans.account.joining import change
from loyalty.plans.account.notices import take_notice
from loyalty.plans.account.paying import refund
from loyalty.plans.models import Invoice
from loyalty.plans.providers.signing import sign
from loyalty.plans.providers.tryout import HEADER, TryoutProvider
from loyalty.points import granting
from loyalty.points.models import Disproof, EarningGroup, Entry
from loyalty.points.state import GrantAsked, GrantDecided
from loyalty.referrals.codes import code_of
from loyalty.rewards.models import RewardBudget
from loyalty.signin.codes import send_code
from tests import make
from tests.badges import game
from tests.campaigns import make_campaigns as campaigns
from tests.campaigns import make_offers as offers
from tests.campaigns import make_surveys as surveys
from tests.experiments.make_experiments import drafted, running
from tests.guards.attempts import ATTEMPTS
from tests.make import NOON
from tests.plans import make_plans
from tests.plans.make_plans import joined
from tests.referrals import make_referrals
from tests.rewards import shop as shop_of_rewards

pytestmark = pytest.mark.django_db
OURS = ("customers", "loyalty", "analytics")


def left_and_came_back(member: Membership, other: Membership) -> None:
    households.share(member, [other], now=NOON)
    leave(member, now=NOON)  # its household, too
    enrol(member.program, [(member.customer_id, NOON)], source="web", now=NOON)


@pytest.fixture
def world() -> None:
    """A row in every table that has a guard."""
    rules = [make.Rule(), make.Rule(code="review", kind="per_interaction", interaction="review")]
    tiers = [("bronze", "0", "1"), ("silver", "50", "2")]
    club = make.program(rules=rules, tiers=tiers, points={"budget": 1_000, "point_value": 1, "may_transfer": True})
    ada = make.member(club, "ada")
    make.buys(make.member(make.program(club.retailer), "bob"), "20.00")
    bought = make.buys(ada, "100.00", name="o1")
    make.returns(ada, bought, (1, "0.5"))
    transfer(ada, make.member(club, "eve"), 10, reference="gift", now=NOON)
    close_month(club, NOON.date().replace(day=1), now=NOON + timedelta(days=30))
    Disproof.objects.create(
        entry=Entry.objects.earliest("id"), retailer=ada.retailer, cause="correct:o1:1", recorded_at=NOON
    )
    take_interactions(ada.retailer, [InteractionFact(f"i{n}", "ada", "review", NOON) for n in range(1, 7)], now=NOON)
    take_order_events(ada.retailer, [OrderEventFact("o1", "delivered", NOON)], now=NOON)
    shop = ada.retailer
    record_orders(shop, [make.order(None, "10.00", name="g1"), make.order("old", "10.00")], now=NOON)
    claim_order(shop, "g1", "eve", reference="receipt", now=NOON)
    record_corrections(shop, [CorrectionFact(make.order("eve", "9.00", name="g1"), 1)], now=NOON)
    merge(shop, "old", "eve", reference="crm", now=NOON)
    hold(ada, 10, reference="till:1", now=NOON)
    run_nights(club, until=(NOON + timedelta(days=2)).date(), now=NOON)
    statistics.refresh(club.retailer)
    compute_value(club.retailer, now=NOON)
    AcquisitionCost.objects.create(retailer=shop, channel="search", month=date(2026, 6, 1), amount=9, currency="EUR")
    held = running(shop, club, "media-test")
    MediaCost.objects.create(retailer=shop, experiment=held, what="leaflet", amount=9, currency="EUR")
    Consent.objects.create(customer=ada.customer, purpose="email", granted=True, occurred_at=NOON, source="till")
    following = open_draft(club, author="ada", now=NOON)
    EarningGroup.objects.create(version=following, code="seasons")
    shop_of_rewards.price(following, "top", 400, reward=shop_of_rewards.reward(following).code)
    publish(following, effective_from=NOON + timedelta(days=30), now=NOON)
    draft = open_draft(club, author="ada", now=NOON)
    ask(draft, since=NOON.date() - timedelta(days=9), until=NOON.date(), author="ada", now=NOON)
    StaffRole.objects.create(user=User.objects.create_user("sue"), retailer=club.retailer, role="owner")
    IdempotencyRecord.objects.create(
        credential="c", key="k", request_digest="", status=201, content_type="", body=b"", created_at=NOON
    )
    add_endpoint(club.retailer, "https://example.org/hook")
    dispatch(now=NOON)
    left_and_came_back(make.member(club, "zoe"), ada)
    record_orders(shop, [make.order("nobody", "10.00", name="n1")], now=NOON)  # it waits to be decided
    erase(make.member(club, "max").customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)
    send_code(shop, "ada@example.org", now=NOON)
    granted_to(ada)
    plans_of(shop)
    with_rewards()
    with_referrals()
    with_challenges()
    with_experiments()
    with_campaigns()
    with_offers()
    execute("SET CONSTRAINTS ALL IMMEDIATE")


def with_campaigns() -> None:
    """A campaign with a draft beside what is live, an entry of it, messages complained of and due, and a low score."""
    owner = campaigns.shop()
    club = make.program(owner)
    campaigns.cap(owner, 9, 1)
    member = campaigns.ada(club, "kim")
    live = campaigns.journey(club, {"kind": "cart"}, campaigns.waits("P1D"), campaigns.says_by("email"))
    draft_of(live)
    carts = [Candidate(member.customer_id, f"cart:{number}", None) for number in (1, 2)]
    assert live.version is not None
    enter(live, live.version, carts, entered_at=NOON, now=NOON)
    step = campaigns.campaign(club)
    (key,) = campaigns.due(step, member, at=NOON)
    campaigns.send_all(owner, NOON, campaigns.Box())
    campaigns.due(step, member, at=NOON + timedelta(days=1))
    PushDevice.objects.create(retailer=owner, customer=member.customer, kind="app", address="token", created_at=NOON)
    surveys.unhappy(member, at=NOON)
    channel = MessageChannel.objects.get(retailer=owner, channel="email")
    take_receipt(owner, channel, ReceiptFact("e1", str(key), "complaint", NOON), now=NOON)


def with_offers() -> None:
    """An offer that a member declined, another one has and a third took, and a fourth was refused."""
    club = offers.club()
    spring = offers.offer(club, budget="30")
    set_caps(club, [DiscountCap(5, 30)], author="staff", now=NOON)
    RewardBudget.objects.create(retailer=club.retailer, program=club, limit=30)
    members = [make.member(club) for _ in range(4)]
    offers.ask(spring, *members)
    grants = list(OfferGrant.objects.filter(offer=spring).order_by("pk"))
    take_offer(grants[0], now=NOON)
    decline_offer(grants[1], now=NOON)


def granted_to(who: Membership) -> None:
    """One grant that was decided, and one that waits."""
    asked = [
        GrantAsked(new_id(), who.retailer_id, who.pk, "test", "points", 5, f"grant:{place}", NOON) for place in (1, 2)
    ]
    granting.ask(asked, now=NOON)
    granting.settle([GrantDecided(asked[0].id, 0, "test")], now=NOON)


def with_referrals() -> None:
    """A friend who has ordered, and one who has not; a draft that goes on promising."""
    club = make_referrals.program()
    ada, *friends = (make_referrals.person(club, name) for name in ("ada", "bob", "eve"))
    for friend in friends:
        make_referrals.claims(friend, ada, signals={"device": friend.number})
        code_of(friend, now=NOON)
    make.buys(friends[0], "30.00")
    open_draft(club, author="ada", now=NOON)


def plans_of(shop: Retailer) -> None:
    """A member with a plan, whose change awaits its payment, and of whose fee a part went back."""
    club = make_plans.program({}, {"code": "max", "price": "25.00"}, owner=shop)
    ada = make.member(club, "ada")
    joined(ada, at=NOON, method="pays")
    change(ada, "max", now=NOON)
    refund(Invoice.objects.get(kind="first").pk, Decimal(1), reason="late", author="sue", reference="r1", now=NOON)
    body = b'{"id": "n1", "kind": "other", "subject": "019a0000-0000-7000-8000-000000000000", "at": "2026-06-15T12:00:00Z"}'
    take_notice(shop, TryoutProvider("s"), {HEADER: sign(body, "s", NOON)}, body, now=NOON)
    open_draft(club, author="ada", now=NOON)
    close_month(club, NOON.date().replace(day=1), now=NOON + timedelta(days=30))


def with_rewards() -> None:
    """A voucher that a till has in hand, and a donation that was paid out."""
    saver = shop_of_rewards.member(shop_of_rewards.club(stock=9))
    got = redeem_reward(saver, "five-off", reference="r1", now=NOON)
    hold_voucher(saver.retailer, check_voucher(saver.retailer, got.code, now=NOON), reference="till:1", now=NOON)
    cause: Any = {"kind": "donation", "points_per_unit": 100, "match_percent": 50, "match_budget": 9}
    giver = shop_of_rewards.member(shop_of_rewards.club(code="forest", points=100, **cause))
    given = redeem_reward(giver, "forest", reference="d1", points=500, now=NOON)
    pay_out(giver.program, given.redemption.reward_key, document="T-1", now=NOON)


def with_challenges() -> None:
    """Two in a contest that one of them won, with an award, something of a month that ended long ago, and a surprise."""
    club = game.program(
        {"target": "1", "window": "month"},
        badges=[{}],
        boards=[{"code": "buyers", "window": "month", "prizes": [{"rank": 1, "through": 1, "points": 5}]}],
    )
    ada, bob = make.member(club), make.member(club)
    join_board(ada, "buyers", "Ace", now=NOON)
    join_board(bob, "buyers", "Bob", now=NOON)
    make.buys(ada, "10.00", at=NOON)
    make.buys(ada, "10.00", at=NOON + timedelta(days=99))
    finish_contests(club, now=NOON + timedelta(days=30))
    give_badge(bob, "badge0", author="sue", reason="a kind word", now=NOON)
    surprise = Surprise.objects.create(
        retailer=club.retailer, program=club, code="gift", name="Gift", points=1, budget=1
    )
    draw(surprise, author="ada", now=NOON)
    give(surprise, now=NOON + timedelta(days=99))
    open_draft(club, author="ada", now=NOON)


def with_experiments() -> None:
    """A hold-out with somebody in it that was looked at, a draft of variants within it, and an uplift that was refused."""
    club = make.program()
    look(running(club.retailer, club, "winback"), now=NOON)
    make.customer(club.retailer, "ada")
    ImportMapping.objects.create(retailer=club.retailer, kind="orders")
    ask_roll_out(club.retailer, Asked(["Nantes"], NOON.date()), author="", now=NOON + timedelta(days=1))
    UpliftRun.objects.create(
        retailer=club.retailer,
        program=club,
        status="refused",
        code="nobody_joined",
        asked_at=NOON,
        known_at=NOON,
        currency="EUR",
    )
    drafted(club.retailer, club, "depth", layer="variant", form="variants", within="winback")


def execute(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def guards() -> set[str]:
    """Return the names of all constraints and triggers of our tables."""
    models = [model for model in apps.get_models() if model.__module__.startswith(OURS)]
    found = {constraint.name for model in models for constraint in model._meta.constraints}
    return found | {trigger.name for model in models for trigger in getattr(model._meta, "triggers", ())}


def refused_by(sql: str) -> str:
    """Return the name of what refuses a statement; nothing is left of it where nothing does."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
            transaction.set_rollback(True)
    except DatabaseError as refused:
        cause = refused.__cause__
        assert isinstance(cause, Error)
        # A constraint is named by the error, a trigger by the function that raised it.
        return cause.diag.constraint_name or (cause.diag.context or str(cause)).removeprefix(
            "PL/pgSQL function pgtrigger_"
        )
    return "nothing"


def test_each_guard_refuses_even_the_owner(world: None, as_owner: None) -> None:
    tried = [(guard, sql) for guard, some in ATTEMPTS.items() for sql in ((some,) if isinstance(some, str) else some)]

    found = {(guard, sql): refused_by(sql) for guard, sql in tried}

    assert {key: by for key, by in found.items() if not by.startswith(key[0])} == {}


def test_every_guard_is_tried_and_listed() -> None:
    listed = Path("docs/explanation/guards.md").read_text()

    assert guards() == ATTEMPTS.keys()
    assert {guard for guard in guards() if f"`{guard}`" not in listed} == set()


def test_every_guard_is_in_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint UNION SELECT indexrelid::regclass::text FROM pg_index")
        known = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")
        triggers = [name for (name,) in cursor.fetchall()]

    missing = {
        guard
        for guard in guards()
        if guard not in known and not any(name.startswith(f"pgtrigger_{guard}") for name in triggers)
    }
    assert missing == set()
