"""A person of whom everything is held that can be, and what is looked for afterwards."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from analytics import statistics
from analytics.runs import compute_value
from customers.claiming import claim_order
from customers.correcting import record_corrections
from customers.facts import CorrectionFact, InteractionFact
from customers.importing.jobs import upload
from customers.models import Customer, Erasure
from customers.privacy import Erased, erase
from customers.recording import record_orders
from customers.registration import CustomerFact, record_consent, register
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.households import transfer
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import hold, redeem
from loyalty.activity.intake import take_interactions
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.api.models import IdempotencyRecord
from loyalty.campaigns.feedback.following_up import close
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.messages.receiving import ReceiptFact, take_receipt
from loyalty.campaigns.models import MessageChannel, PushDevice
from loyalty.campaigns.reaching.addresses import verify
from loyalty.memberships import households
from loyalty.memberships.models import Membership
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.relay import dispatch
from loyalty.programs.models import Program
from loyalty.signin.codes import send_code
from tests import make
from tests.campaigns import make_campaigns as of_campaigns
from tests.campaigns import make_surveys as of_surveys
from tests.make import NOON
from tests.referrals import make_referrals as of_referrals
from tests.rewards import shop as of_rewards

FILE = b"external_id,email,last_name\nada-7,ada@example.org,Lovelace\nbob-8,bob@example.org,Byron\n"
DAY = timedelta(days=1)


@dataclass
class World:
    club: Program
    ada: Membership
    bob: Membership

    @property
    def customer(self) -> Customer:
        return Customer.objects.get(pk=self.ada.customer_id)

    def erased(self, **given: Any) -> Erased:
        said: dict[str, Any] = {
            "asked_by": Erasure.AskedBy.PERSON,
            "reason": "asked for it",
            "now": NOON + 2 * DAY,
        } | given
        return erase(self.customer, **said)


def world() -> World:
    """Ada with a row of all that is held on persons, and Bob, of whom nothing may change."""
    rules = [make.Rule(), make.Rule(code="review", kind="per_interaction", interaction="review")]
    draft = make.version(
        rules=rules,
        tiers=[("bronze", "0", "1"), ("silver", "50", "2")],
        scheme={"window": "lifetime"},  # whenever somebody looks
        points={"pending_days": 0, "point_value": "0.01", "may_transfer": True},
    )
    of_rewards.reward(draft, points=10)
    of_referrals.add_policy(draft)
    club = make.published(draft)
    shop = club.retailer
    people = [
        CustomerFact("ada-7", "ada@example.org", "+33 6 00 00 00 07", "Ada", "Lovelace", date(1990, 12, 10), "en"),
        CustomerFact("bob-8", "bob@example.org", "+33 6 00 00 00 08", "Bob", "Byron"),
        CustomerFact("ada-old", "ada.old@example.org", "", "Ada", "Augusta"),
    ]
    register(shop, people, now=NOON - 30 * DAY)
    ada, bob, old = (make.member(club, name) for name in ("ada-7", "bob-8", "ada-old"))
    add_endpoint(shop, "https://example.org/hook")
    for who, name in ((ada, "o1"), (bob, "o2"), (old, "o3")):
        make.buys(who, "100.00", "20.00", at=NOON - 9 * DAY, name=name)
    take_merge(shop, "ada-old", "ada-7", reference="mail of ada.old@example.org", now=NOON - 8 * DAY)
    everything_about(World(club, ada, bob))
    return World(club, ada, bob)


def everything_about(here: World) -> None:
    ada, bob, shop = here.ada, here.bob, here.club.retailer
    record_orders(shop, [make.order(None, "5.00", name="g1", at=NOON - 7 * DAY)], now=NOON - 7 * DAY)
    claim_order(shop, "g1", "ada-7", reference="receipt of ada@example.org", now=NOON - 6 * DAY)
    corrected = make.order("ada-7", "6.00", name="g1", at=NOON - 7 * DAY)
    record_corrections(shop, [CorrectionFact(corrected, 1)], now=NOON - 6 * DAY)
    record_consent(here.customer, "email", granted=True, occurred_at=NOON, source="web", wording="Yes, Ada", now=NOON)
    call = InteractionFact("i0", "ada-7", "support", NOON - DAY, comment="Ada Lovelace rang")
    take_interactions(shop, [InteractionFact("i1", "ada-7", "review", NOON - DAY), call], now=NOON - DAY)
    adjust(ada, 7, reference="sorry", reason="Ada Lovelace called", author="sue", now=NOON)
    transfer(ada, bob, 5, reference="gift", now=NOON)
    redeem(ada, 3, reference="till-1", now=NOON)
    redeem_reward(ada, "five-off", reference="r1", now=NOON)
    hold(ada, 4, reference="till-2", now=NOON)
    households.share(ada, [bob], name="Home", now=NOON)
    held = of_referrals.claims(bob, ada, at=NOON, signals={"device": "ada’s phone"}).referral
    of_referrals.claims(ada, bob, at=NOON, signals={"device": "ada’s phone"})
    assert held.status == "refused"
    told_by_campaigns(here)
    statistics.refresh(shop)
    compute_value(shop, now=NOON)
    upload(shop, "customers", "c.csv", FILE, now=NOON)
    make.token(here.customer, now=NOON)
    send_code(shop, "ada@example.org", now=NOON)
    body = b'{"number":"o1","customer":"ada-7","email":"ada@example.org"}'
    IdempotencyRecord.objects.create(
        credential="c",
        key="k",
        request_digest="d",
        status=200,
        content_type="application/json",
        body=body,
        created_at=NOON,
    )
    customers = ContentType.objects.get_for_model(Customer)
    LogEntry.objects.create(
        user=User.objects.create_user(make.number("sue")), content_type=customers, object_id=str(ada.customer_id),
        object_repr="Ada Lovelace", action_flag=CHANGE, change_message="Merge: Ada called",
    )  # fmt: skip
    dispatch(now=NOON)


def told_by_campaigns(here: World) -> None:
    """
    Ada got a mail about a cart, and one in her inbox that names her; her address and her phone are known, and one message
    waits.

    She was asked how it was, and somebody called her.
    """
    shop, ada = here.club.retailer, here.ada
    of_campaigns.channels(shop)
    of_campaigns.cap(shop, 9, 1)
    live = of_campaigns.journey(
        here.club, {"kind": "cart"}, of_campaigns.says_by("email"), of_campaigns.waits("P1D"), kind="service"
    )
    assert live.version is not None
    enter(live, live.version, [Candidate(ada.customer_id, "cart:cart-of-ada-7", None)], entered_at=NOON, now=NOON)
    advance_due(shop, now=NOON)
    step = of_campaigns.campaign(here.club, channels=("inbox",), kind="service")
    of_campaigns.due(step, ada, at=NOON)
    box = of_campaigns.Box()
    of_campaigns.send_all(shop, NOON, box)
    of_campaigns.due(step, ada, at=NOON + DAY)
    PushDevice.objects.create(
        retailer=shop, customer=ada.customer, kind="app", address="phone-of-ada-7", created_at=NOON
    )
    verify(shop, "email", "ada@example.org", now=NOON)
    channel = MessageChannel.objects.get(retailer=shop, channel="email")
    take_receipt(shop, channel, ReceiptFact("e1", str(box.taken[0].id), "delivered", NOON), now=NOON)
    close(of_surveys.unhappy(ada, "Ada Lovelace waited", at=NOON), "Called Ada Lovelace", by="sue", now=NOON)


# Of hexadecimal digits and hyphens, behind a 7 at that: by the clock some ids hold "ada-7".
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def found_in_the_database(*texts: str) -> set[tuple[str, str]]:
    """Return the tables, with the texts, in which any column of any row has one of some texts."""
    found = set()
    for model in apps.get_models():
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT t.* FROM "{table}" t')
            rows = cursor.fetchall()
        said = IDS.sub("", DjangoJSONEncoder().encode([[_text(cell) for cell in row] for row in rows]))
        found |= {(table, text) for text in texts if text.lower() in said.lower()}
    return found


def _text(cell: Any) -> str:
    return bytes(cell).decode("utf-8", "replace") if isinstance(cell, bytes | memoryview) else str(cell)
