"""Rewards by API: a shopper redeems, a till uses, each may try first; and the how-to's session works as it is written."""

import json
import re
import shlex
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from customers.models import Consent, Insight
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.configuration.document import apply_to, to_document
from loyalty.memberships.models import Membership
from loyalty.rewards.models import RewardCode, RewardRedemption, VoucherHold
from tests import make
from tests.rewards import shop

pytestmark = pytest.mark.django_db
HOW_TO = Path("docs/how-to/offer-rewards.md")
LINE = re.compile(r"^(?P<who>api|mine) (?P<words>.+?) +# (?P<status>\d+) (?P<path>\S+) = (?P<value>.+)$", re.MULTILINE)


class Caller:
    """Somebody with a credential."""

    def __init__(self, client: Client, credential: str) -> None:
        self.client, self.credential = client, credential

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}", headers={"Authorization": self.credential})

    def post(self, path: str, said: Any = None) -> Any:
        headers = {"Authorization": self.credential}
        return self.client.post(f"/api/v1/{path}", said or {}, content_type="application/json", headers=headers)


def till(client: Client, who: Membership) -> Caller:
    return Caller(client, f"Api-Key {make.key(who.retailer)}")


def app(client: Client, who: Membership) -> Caller:
    return Caller(client, f"Bearer {make.token(who.customer)}")


def shelf(answer: Any) -> list[tuple[str, bool, str, int]]:
    body = answer.json()
    rewards = (body[0] if isinstance(body, list) else body)["rewards"]
    return [(each["code"], each["redeemable"], each["reason"], each["prices"][0]["points"]) for each in rewards]


def a_club(**given: Any) -> Any:
    draft = make.version(tiers=[("bronze", "0", "1"), ("gold", "5000", "1")])
    shop.reward(draft, **given)
    shop.reward(draft, "gold-only", 100, tiers=["gold"])
    shop.reward(draft, "dear", 5_000)
    shop.reward(draft, "at-risk-only", 100, segments=["at_risk"])
    shop.reward(draft, "gone", 100, stock=0)
    return make.published(draft)


def test_a_member_sees_what_it_may_have_and_why_not_the_rest(client: Client) -> None:
    ada = shop.member(a_club(), at=timezone.now())

    mine, theirs = app(client, ada).get("me/rewards"), till(client, ada).get(f"members/{ada.number}/rewards")

    assert shelf(mine) == shelf(theirs) == [
        ("five-off", True, "", 500),
        ("gold-only", False, "other_tier", 100),
        ("dear", False, "insufficient_points", 5_000),
        ("gone", False, "sold_out", 100),
    ]  # fmt: skip
    assert mine.json()[0]["personal"] is False


def test_a_catalogue_of_one_and_of_two_hundred_take_three_statements_and_say_what_is_left_now(
    client: Client, django_assert_num_queries: Any
) -> None:
    draft = make.version()
    for place in range(200):
        limits = {"stock": 3, "member_limit": 2} if place % 2 else {}
        shop.reward(draft, f"reward-{place}", 100 + place, **limits)
    large = shop.member(make.published(draft), 2_000, at=timezone.now())
    small = shop.member(shop.club(stock=3, member_limit=2), 2_000, at=timezone.now())

    for who in (small, large):
        mine = app(client, who)
        mine.get("me/rewards")
        with django_assert_num_queries(3):  # the token, the member, what is counted
            mine.get("me/rewards")
    for turn in range(2):
        redeem_reward(large, "reward-1", reference=f"r{turn}", now=timezone.now())
    (said,) = app(client, large).get("me/rewards").json()
    rewards = {each["code"]: each for each in said["rewards"]}

    assert [rewards["reward-1"][name] for name in ("left", "had", "reason", "redeemable")] == [
        1, 2, "limit_reached", False,
    ]  # fmt: skip
    assert [rewards["reward-3"][name] for name in ("left", "had", "reason", "redeemable")] == [3, 0, "", True]
    assert [rewards["reward-2"][name] for name in ("left", "had", "missing", "redeemable")] == [None, 0, 0, True]


def test_who_agreed_to_a_profile_sees_its_own_order_and_who_did_not_sees_everybodys(client: Client) -> None:
    ada = shop.member(a_club(), at=timezone.now())
    Insight.objects.create(
        customer=ada.customer, run_id=1, as_of=timezone.now().date(), horizon_days=365, currency="EUR",
        historic_revenue=1, value_decile=2, probability_active=0.1,
    )  # fmt: skip
    said = {"customer": ada.customer, "purpose": "profiling", "source": "app"}

    before = shelf(app(client, ada).get("me/rewards"))
    Consent.objects.create(granted=True, occurred_at=timezone.now(), **said)
    agreed = app(client, ada).get("me/rewards")
    Consent.objects.create(granted=False, occurred_at=timezone.now(), **said)
    after = shelf(app(client, ada).get("me/rewards"))

    assert [code for code, *_ in shelf(agreed)] == ["at-risk-only", "five-off", "gold-only", "gone", "dear"]
    assert agreed.json()[0]["personal"] is True
    assert before == after
    assert "at-risk-only" not in {code for code, *_ in after}


def test_time_that_no_night_has_carried_out_counts_in_the_catalogue(client: Client) -> None:
    program = shop.club(policy={"expiry": "days", "expiry_count": 1})
    ada = make.member(program)
    make.buys(ada, "700.00", at=timezone.now() - timedelta(days=3), recorded=timezone.now() - timedelta(days=3))

    assert shelf(app(client, ada).get("me/rewards")) == [("five-off", False, "insufficient_points", 500)]
    assert make.wallet_of(ada).available == 700


def test_a_shopper_tries_redeems_sees_its_code_and_cancels(client: Client) -> None:
    ada = shop.member(shop.club(may_cancel=True), at=timezone.now())
    shopper = app(client, ada)
    said = {"reward": "five-off", "reference": "app-1"}

    dry = shopper.post("me/rewards/redemptions?dry_run=true", said)
    assert (dry.status_code, dry.json()["dry_run"], dry.json()["available"]) == (200, True, 500)
    assert {"id", "code"}.isdisjoint(dry.json())
    assert (RewardRedemption.objects.count(), RewardCode.objects.count()) == (0, 0)
    made = shopper.post("me/rewards/redemptions", said)
    again = shopper.post("me/rewards/redemptions", said)
    listed = shopper.get("me/rewards/redemptions").json()["results"]
    cancelled = shopper.post(f"me/rewards/redemptions/{made.json()['id']}/cancel")

    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 200, made.json()["code"])
    assert [(each["code"], each["status"]) for each in listed] == [(made.json()["code"], "issued")]
    assert (cancelled.status_code, cancelled.json()["points_back"], cancelled.json()["available"]) == (200, 500, 1_000)


def test_nobody_touches_anothers_reward(client: Client) -> None:
    ada, eve = shop.member(shop.club(), at=timezone.now()), shop.member(shop.club(), at=timezone.now())
    made = app(client, ada).post("me/rewards/redemptions", {"reward": "five-off", "reference": "app-1"}).json()

    answers = [
        app(client, eve).post(f"me/rewards/redemptions/{made['id']}/cancel"),
        till(client, eve).post(f"rewards/redemptions/{made['id']}/refund"),
        till(client, eve).post("vouchers/check", {"code": made["code"]}),
        till(client, eve).post("vouchers/hold", {"redemption": made["id"], "reference": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert app(client, eve).get("me/rewards/redemptions").json()["results"] == []


def test_a_till_checks_holds_confirms_and_the_other_is_told_when(client: Client) -> None:
    ada = shop.member(shop.club(minimum_amount=Decimal(20)), name="ada-lovelace", at=timezone.now())
    mine = till(client, ada)
    made = mine.post(f"members/{ada.number}/rewards/redemptions", {"reward": "five-off", "reference": "r1"}).json()
    code = made["code"].lower()

    checked = mine.post("vouchers/check", {"code": code})
    dry = mine.post("vouchers/hold?dry_run=true", {"code": code, "reference": "t1"})
    held = mine.post("vouchers/hold", {"code": code, "reference": "t1", "till": "7"})
    other = mine.post("vouchers/hold", {"code": code, "reference": "t2"})
    assert "token" not in dry.json()
    token = {"token": held.json()["token"]}
    tried = mine.post("vouchers/confirm?dry_run=true", token)
    used = mine.post("vouchers/confirm", token | {"order": "A-1"})
    late = mine.post("vouchers/hold", {"code": code, "reference": "t2"})
    released = mine.post("vouchers/release", token)

    assert (checked.json()["status"], checked.json()["amount"], checked.json()["reference"]) == ("usable", "5.00", "r1")
    assert [each.status_code for each in (dry, held, other, tried, used, late, released)] == [
        200, 201, 409, 200, 200, 409, 409,
    ]  # fmt: skip
    assert (other.json()["code"], late.json()["code"], released.json()["code"]) == (
        "voucher_held", "voucher_used", "hold_over",
    )  # fmt: skip
    assert (VoucherHold.objects.count(), RewardRedemption.objects.get().order_number) == (1, "A-1")
    for answer in (checked, held, other, used, late):
        assert "ada" not in answer.content.decode()
        assert ada.number not in answer.content.decode()


def test_what_is_wrong_is_told_with_its_field_or_its_reason(client: Client) -> None:
    ada = shop.member(shop.club(), 0, at=timezone.now())
    mine = till(client, ada)

    answers = [
        mine.post("vouchers/check", {"code": "0" * 17 + "1"}),
        mine.post("vouchers/check", {"code": "nothing"}),
        mine.post("vouchers/hold", {"reference": "t"}),
        mine.post("vouchers/confirm", {"token": "guessed"}),
        mine.post(f"members/{ada.number}/rewards/redemptions", {"reward": "five-off", "reference": "r"}),
        mine.post(f"members/{ada.number}/rewards/redemptions", {"reward": "nothing", "reference": "r"}),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (422, "mistyped_code"), (404, "no_such_voucher"), (400, "code_or_redemption"), (404, "no_such_hold"),
        (422, "insufficient_points"), (404, "no_such_reward"),
    ]  # fmt: skip


def test_a_product_is_sent_by_api(client: Client) -> None:
    ada = shop.member(shop.club(code="mug", kind="product", sku="MUG"), at=timezone.now())
    mine = till(client, ada)
    made = mine.post(f"members/{ada.number}/rewards/redemptions", {"reward": "mug", "reference": "r"}).json()

    sent = mine.post(f"rewards/redemptions/{made['id']}/fulfil", {"status": "in_progress", "note": "parcel 7"})
    came = mine.post(f"rewards/redemptions/{made['id']}/fulfil", {"status": "fulfilled"})
    back = mine.post(f"rewards/redemptions/{made['id']}/refund")

    assert (sent.json()["status"], came.json()["status"], came.json()["note"]) == (
        "in_progress",
        "fulfilled",
        "parcel 7",
    )
    assert (back.json()["status"], back.json()["available"]) == ("refunded", 1_000)


def test_lists_cost_the_same_for_one_and_for_thirty(client: Client, django_assert_num_queries: Any) -> None:
    ada = shop.member(shop.club(), 50_000, at=timezone.now())
    mine = app(client, ada)
    made = [mine.post("me/rewards/redemptions", {"reward": "five-off", "reference": f"r{turn}"}) for turn in range(30)]
    assert {answer.status_code for answer in made} == {201}

    with django_assert_num_queries(4):
        mine.get("me/rewards/redemptions?page_size=1")
    with django_assert_num_queries(4):
        mine.get("me/rewards/redemptions?page_size=30")


def test_the_how_tos_session_answers_what_it_says(client: Client) -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    draft = make.version()
    offered, *_ = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    apply_to(draft, to_document(draft) | {"rewards": yaml.safe_load(offered)["rewards"]})
    ada = shop.member(make.published(draft), 2_000, name="ada", at=timezone.now())
    callers = {"api": (till(client, ada), ""), "mine": (app(client, ada), "me/")}
    named: dict[str, str] = {"NUMBER": ada.number, "PROGRAM": ada.program.slug, "CUSTOMER": "ada"}
    lines, told, said = list(LINE.finditer(text)), [], []

    for line in lines:
        words = line["words"]
        for name, value in (named | {"NOW": timezone.now().isoformat()}).items():
            words = re.sub(rf"\b{name}\b", value, words)
        address, *rest = shlex.split(words)
        caller, prefix = callers[line["who"]]
        answer = caller.post(prefix + address, json.loads(rest[1])) if rest else caller.get(prefix + address)
        body = answer.json()
        if isinstance(body, dict):
            named |= {name.upper(): body[name] for name in ("code", "token") if body.get(name)}
        for name in line["path"].split("."):
            body = body[int(name)] if name.isdigit() else body[name]
        told.append((line["words"], answer.status_code, body))
        said.append((line["words"], int(line["status"]), json.loads(line["value"])))

    assert told == said
    assert len(lines) == text.count("\napi ") + text.count("\nmine ")


def test_who_forgets_the_content_type_is_told_which_one_it_is(client: Client) -> None:
    ada = shop.member(a_club(), at=timezone.now())
    headers = {"Authorization": f"Api-Key {make.key(ada.retailer)}"}

    answer = client.post(
        "/api/v1/vouchers/check", '{"code": "x"}', content_type="application/x-www-form-urlencoded", headers=headers
    )

    assert answer.status_code == 415
    assert answer.json()["detail"].endswith("Here it is to be application/json: name it in Content-Type.")


@pytest.mark.parametrize(
    ("currency", "value", "said"), [("EUR", "5", "5.00"), ("JPY", "500", "500"), ("KWD", "1.5", "1.500")]
)
def test_amounts_of_what_was_redeemed_have_the_decimals_of_their_currency(
    client: Client, currency: str, value: str, said: str
) -> None:
    draft = make.version(make.retailer(currency=currency))
    shop.reward(draft, kind="amount_off", value=Decimal(value), codes="generated")
    ada = shop.member(make.published(draft), name="ada", at=timezone.now())

    made = till(client, ada).post(
        f"members/{ada.number}/rewards/redemptions", {"reward": "five-off", "reference": "r1"}
    )
    (listed,) = app(client, ada).get("me/rewards/redemptions").json()["results"]
    checked = till(client, ada).post("vouchers/check", {"code": made.json()["code"]})
    (offered,) = app(client, ada).get("me/rewards").json()[0]["rewards"]
    back = till(client, ada).post(f"rewards/redemptions/{made.json()['id']}/cancel")

    assert [each["amount"] for each in (made.json(), listed, back.json(), checked.json(), offered)] == [said] * 5
    assert Decimal(made.json()["matched"]) == 0


def test_a_reward_costs_and_gives_what_was_told_or_nothing_is_done(client: Client) -> None:
    ada = shop.member(shop.club(), at=timezone.now())
    here, base = till(client, ada), f"members/{ada.number}/rewards/redemptions"

    def redeem(caller: Caller, path: str, **told: Any) -> tuple[int, Any]:
        answer = caller.post(path, {"reward": "five-off", "reference": "r1", **told})
        return answer.status_code, answer.json().get("code") if answer.status_code >= 400 else answer.json()["points"]

    refused = [
        redeem(here, base, told_points=400),
        redeem(here, base, told_points=500, told_amount="4.00"),
        redeem(here, f"{base}?dry_run=true", told_points=400),
        redeem(app(client, ada), "me/rewards/redemptions", told_points=400),
    ]
    left = RewardRedemption.objects.count(), here.get(f"members/{ada.number}").json()["wallets"][0]["available"]

    assert (refused, left) == ([(409, "price_changed")] * 4, (0, 1_000))
    assert redeem(here, base, told_points=500, told_amount="5.00") == (201, 500)
    assert redeem(here, base, told_points=400) == (200, 500)  # what was redeemed before is as it was


def test_a_donation_gives_what_was_told_or_nothing_is_done(client: Client) -> None:
    club = shop.club(code="forest", kind="donation", points=100, points_per_unit=100)
    ada = shop.member(club, at=timezone.now())
    said = {"reward": "forest", "reference": "r1", "points": 300}

    refused = app(client, ada).post("me/rewards/redemptions", said | {"told_amount": "2.50"})
    given = app(client, ada).post("me/rewards/redemptions", said | {"told_amount": "3.00"})

    assert (refused.status_code, refused.json()["code"]) == (409, "price_changed")
    assert (given.status_code, given.json()["amount"]) == (201, "3.00")
