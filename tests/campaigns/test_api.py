import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.core import bulk
from customers.models import Consent, Customer
from loyalty.campaigns.feedback.links import token_of
from loyalty.campaigns.messages.reading import inbox
from loyalty.campaigns.models import Answer, Campaign, FollowUp, Message, Receipt, Recipient
from loyalty.outbox.signing import signature
from tests import make
from tests.campaigns.make_campaigns import (
    NOON,
    Box,
    ada,
    campaign,
    due,
    journey,
    message,
    says,
    says_by,
    send_all,
    shop,
)
from tests.campaigns.make_surveys import ask, asking, survey

pytestmark = pytest.mark.django_db
SECRET = "whsec_c2VjcmV0"


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


class Caller:
    """A retailer with a member, her token and its key."""

    def __init__(self) -> None:
        self.owner = shop()
        self.club = make.program(self.owner)
        self.member = ada(self.club)
        self.hers = {"HTTP_AUTHORIZATION": f"Bearer {make.token(self.member.customer)}"}
        self.its = {"HTTP_AUTHORIZATION": f"Api-Key {make.key(self.owner)}"}
        self.client = Client()

    def get(self, path: str, who: dict[str, str]) -> Any:
        return self.client.get(f"/api/v1/{path}", **who)  # type: ignore[arg-type] # headers

    def send(self, method: str, path: str, who: dict[str, str], body: Any = None) -> Any:
        said = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        return getattr(self.client, method)(f"/api/v1/{path}", **said, **who)


def test_a_member_reads_its_inbox_the_newest_first_and_notes_what_it_read() -> None:
    here = Caller()
    step = campaign(here.club, channels=("inbox",))
    first, second = (due(step, here.member, at=at)[0] for at in (NOON, NOON.replace(hour=13)))
    for at in (NOON, NOON.replace(hour=13)):
        send_all(here.owner, at, Box())

    rows = told(here.get("me/messages", here.hers))["results"]
    assert [row["id"] for row in rows] == [str(second), str(first)]
    assert (rows[0]["subject"], rows[0]["body"], rows[0]["read_at"]) == ("Hi (en)", "Hello Ada", None)

    tried = told(here.send("post", f"me/messages/{first}/read?dry_run=true", here.hers))
    assert (tried["dry_run"], tried["id"], tried["read_at"] is not None, message(first).read_at) == (
        True,
        str(first),
        True,
        None,
    )
    read = [told(here.send("post", f"me/messages/{first}/read", here.hers))["read_at"] for _ in range(2)]
    assert read[0] is not None
    assert read[0] == read[1]


def test_nobody_reads_anothers_inbox() -> None:
    here = Caller()
    (key,) = due(campaign(here.club, channels=("inbox",)), ada(here.club, "bob"))
    send_all(here.owner, NOON, Box())

    assert told(here.get("me/messages", here.hers))["results"] == []
    told(here.send("post", f"me/messages/{key}/read", here.hers), 404)
    assert message(key).read_at is None


def test_an_inbox_is_found_by_whose_it_is_and_not_among_all() -> None:
    here = Caller()
    others = Customer.objects.bulk_create([
        Customer(retailer=here.owner, external_id=f"other-{place}", identified_at=NOON, recorded_at=NOON)
        for place in range(50)
    ])  # fmt: skip
    Message.objects.bulk_create([
        Message(
            retailer=here.owner, customer=each, cause=f"{each.external_id}:{place}", kind="program", channels=["inbox"],
            channel="inbox", state="delivered", planned_at=NOON, due_at=NOON, claimed_at=NOON,
            expires_at=NOON + timedelta(days=1),
        )
        for each in others for place in range(40)
    ])  # fmt: skip
    bulk.execute("SET LOCAL ROLE NONE")  # whose tables they are may analyse them
    for table in ("campaigns_message", "customers_customer"):
        bulk.execute(f"ANALYZE {table}")
    bulk.execute("SET LOCAL enable_seqscan = off")

    plan = [line.strip(" ->") for line in inbox(here.member.customer).explain().splitlines()]

    (found,) = (place for place, line in enumerate(plan) if line.startswith("Index Scan using message_in_inbox"))
    assert plan[found + 1].startswith("Index Cond: (customer_id ="), plan


def test_a_member_chooses_how_it_wants_to_be_reached_and_the_rest_stays() -> None:
    here = Caller()

    before = told(here.get("me/preferences", here.hers))
    assert before == {
        "zone": "Europe/Paris", "preferred_channel": "", "quiet_from": None, "quiet_to": None, "paused_until": None,
        "agreed": {"email": True, "sms": True, "push": None},
    }  # fmt: skip
    chosen = {"zone": "Indian/Reunion", "quiet_from": "20:00", "quiet_to": "09:00", "agreed": {"sms": False}}
    after = told(here.send("patch", "me/preferences", here.hers, chosen))

    assert (after["zone"], after["quiet_from"], after["preferred_channel"]) == ("Indian/Reunion", "20:00:00", "")
    assert after["agreed"] == {"email": True, "sms": False, "push": None}
    assert Consent.objects.filter(purpose="sms").order_by("-pk").values_list("granted", "source")[0] == (False, "api")
    again = told(here.send("patch", "me/preferences", here.hers, {"agreed": {"sms": False}}))
    assert (again, Consent.objects.filter(purpose="sms").count()) == (after, 2)


def test_what_was_told_can_be_told_back_and_changes_nothing() -> None:
    here = Caller()
    eve = ada(here.club, "eve", agrees=("program",))
    hers = {"HTTP_AUTHORIZATION": f"Bearer {make.token(eve.customer)}"}
    before = told(here.get("me/preferences", hers))

    tried = told(here.send("patch", "me/preferences?dry_run=true", hers, {"agreed": {"sms": False}}))
    first = told(here.send("patch", "me/preferences", hers, before))
    refused = told(
        here.send(
            "patch", "me/preferences", hers, {"agreed": {"sms": False}, "quiet_from": "20:00", "quiet_to": "09:00"}
        )
    )
    second = told(here.send("patch", "me/preferences", hers, refused))

    assert before["agreed"] == {"email": None, "sms": None, "push": None}
    assert tried == before | {"agreed": {"email": None, "sms": False, "push": None}, "dry_run": True}
    assert first == before
    assert Recipient.objects.get(customer=eve.customer).zone == ""  # still the retailer's
    assert (refused["agreed"], second) == ({"email": None, "sms": False, "push": None}, refused)
    said = Consent.objects.filter(customer=eve.customer).exclude(purpose="program")
    assert list(said.values_list("purpose", "granted", "source")) == [("sms", False, "api")]


def test_who_never_said_anything_of_a_channel_may_refuse_it_and_hears_no_more_by_it() -> None:
    here = Caller()
    eve = ada(here.club, "eve", agrees=("program",))
    hers = {"HTTP_AUTHORIZATION": f"Bearer {make.token(eve.customer)}"}
    program = campaign(here.club, kind="program")
    due(program, eve, at=NOON)
    send_all(here.owner, NOON, box := Box())
    assert [each.address for each in box.taken] == ["eve@example.com"]

    for _ in range(2):
        told(here.send("patch", "me/preferences", hers, {"agreed": {"email": False}}))

    said = Consent.objects.filter(customer=eve.customer, purpose="email")
    assert list(said.values_list("granted", "source")) == [(False, "api")]
    later = timezone.now()
    (second,) = due(program, eve, at=later)
    send_all(here.owner, later, box)
    assert (len(box.taken), Message.objects.get(pk=second).reason) == (1, "no_consent")


@pytest.mark.parametrize(
    ("chosen", "status"),
    [
        ({"zone": "Mars/Olympus"}, 422),
        ({"quiet_from": "20:00"}, 422),
        ({"preferred_channel": "pigeon"}, 400),
        ({"agreed": {"fax": True}}, 400),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_changes_nothing(chosen: Any, status: int) -> None:
    here = Caller()
    before = told(here.get("me/preferences", here.hers))

    told(here.send("patch", "me/preferences", here.hers, chosen), status)

    assert told(here.get("me/preferences", here.hers)) == before


def test_a_retailers_system_pauses_resumes_and_ends_a_campaign() -> None:
    here = Caller()
    live = journey(here.club, {"kind": "broadcast"}, says_by("email"))
    step = live.version.steps.get() if live.version else None
    assert step is not None
    keys = [due(step, here.member, at=NOON)[0] for _ in range(2)]

    assert told(here.send("post", f"campaigns/{live.code}/pause?dry_run=true", here.its))["state"] == "paused"
    assert told(here.send("post", f"campaigns/{live.code}/pause", here.its))["state"] == "paused"
    send_all(here.owner, NOON, Box())
    assert [message(key).state for key in keys] == ["held", "held"]
    assert told(here.send("post", f"campaigns/{live.code}/resume", here.its))["state"] == "live"
    box = Box()
    send_all(here.owner, NOON, box)
    assert ([message(key).state for key in keys], len(box.taken)) == (["accepted", "accepted"], 2)
    (last,) = due(step, here.member, at=NOON)
    assert told(here.send("post", f"campaigns/{live.code}/end", here.its))["state"] == "ended"
    assert (message(last).state, message(last).reason) == ("dropped", "campaign_ended")
    told(here.send("post", f"campaigns/{live.code}/resume", here.its), 409)
    assert [row["code"] for row in told(here.get("campaigns", here.its))] == [live.code]
    assert told(here.get("campaigns/nothing", here.its), 404)["detail"] is not None
    assert Campaign.objects.get().state == "ended"


def test_why_somebody_got_nothing_is_one_question() -> None:
    here = Caller()
    step = campaign(here.club)
    says(here.member.customer, "email", granted=False, at=NOON)
    due(step, here.member, at=NOON)
    send_all(here.owner, NOON, Box())

    rows = told(here.get(f"campaigns/{step.version.campaign.code}/why/ada", here.its))

    assert [(row["what"], row["reason"], row["step"]) for row in rows] == [("dropped", "no_consent", 0)]


def test_a_provider_tells_what_became_of_a_message_by_its_signature() -> None:
    here = Caller()
    (key,) = due(campaign(here.club), here.member)
    send_all(here.owner, NOON, Box())
    said = {"event_id": "e1", "message": str(key), "what": "hard_bounce", "occurred_at": "2026-11-27T12:00:00Z"}
    body, now = json.dumps(said), timezone.now()

    answers = [tell(here, body, body, now).json() for _ in range(2)]

    assert answers == [{"is_new": True}, {"is_new": False}]
    assert (Message.objects.get().state, Receipt.objects.count()) == ("bounced", 1)
    wrong = tell(here, body, f"{body} ", now)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_signature")


def tell(here: Caller, body: str, signed: str, now: datetime) -> Any:
    """Post what a provider says, with the signature of what it signed."""
    stamp = int(now.timestamp())
    headers = {
        "webhook-id": "m1", "webhook-timestamp": str(stamp),
        "webhook-signature": signature(SECRET, "m1", stamp, signed.encode()),
    }  # fmt: skip
    path = f"/api/v1/receipts/{here.owner.slug}/email"
    return here.client.post(path, data=body, content_type="application/json", headers=headers)


def test_a_member_sees_what_it_was_asked_answers_it_and_says_it_instead() -> None:
    here = Caller()
    now = timezone.now()
    (asked,) = ask(asking(here.club, survey(here.owner)), here.member, at=now)

    (row,) = told(here.get("me/surveys", here.hers))
    assert (row["id"], row["kind"], row["lowest"], row["highest"]) == (str(asked.pk), "nps", 0, 10)
    assert row["question"] == f"How likely are you to recommend {here.owner.name} to a friend?"
    assert row["link"].endswith(f"/s/{token_of(asked.pk)}")
    said = {"score": 4, "comment": "Too slow"}
    answered = told(here.send("post", f"me/surveys/{asked.pk}", here.hers, said), 201)
    assert (answered["id"], answered["score"], answered["comment"]) == (str(asked.pk), 4, "Too slow")
    assert FollowUp.objects.get().answer.by == "api"

    assert told(here.send("post", f"me/surveys/{asked.pk}", here.hers, said)) == answered  # the same changes nothing
    again = told(here.send("post", f"me/surveys/{asked.pk}", here.hers, {"score": 10}), 201)
    assert (answered["number"], again["number"], again["score"], again["comment"]) == (1, 2, 10, "")
    assert told(here.get("me/surveys", here.hers)) == []


def test_nobody_answers_for_another_and_what_is_not_on_the_scale_is_refused() -> None:
    here = Caller()
    live = asking(here.club, survey(here.owner, "csat"))
    mine, other = ask(live, here.member, ada(here.club, "bob"), at=timezone.now())
    mine, other = (mine, other) if mine.customer_id == here.member.customer_id else (other, mine)

    assert told(here.send("post", f"me/surveys/{other.pk}", here.hers, {"score": 5}), 404)["code"] == "not_found"
    for body in ({"score": 0}, {"score": 6}, {"score": 11}, {}, {"score": 3, "comment": "x" * 2_001}):
        told(here.send("post", f"me/surveys/{mine.pk}", here.hers, body), 422 if body.get("score") in {0, 6} else 400)
    assert not Answer.objects.exists()
