"""What nobody should send, sent anyway: each is answered with a code and a way out, and nothing is half done."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.rewards.models import (
    CauseEntry,
    CodeBatch,
    Reward,
    RewardCode,
    RewardCounter,
    RewardRedemption,
    VoucherHold,
)
from tests import make
from tests.admin.test_rewards import confirmed, owner
from tests.rewards import shop

pytestmark = pytest.mark.django_db
ODD_TEXTS: tuple[Any, ...] = (None, "", " ", 7, 1.5, True, [], {}, ["x"], "x" * 10_000, "a\x00b", "\u202e", "\ud800")
ODD_NUMBERS: tuple[Any, ...] = (0, -1, 1e30, 10**30, "1e30", "NaN", "Infinity", "", [], {}, "ten", 2**31, 1.5)


@pytest.fixture(autouse=True)
def many_codes_may_be_wrong(settings: Settings) -> Iterator[None]:
    settings.WRONG_CODE_RATE = "100000/minute"
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada() -> Membership:
    draft = make.version()
    shop.reward(draft, stock=5, member_limit=3)
    shop.reward(draft, "mug", 100, kind="product", sku="MUG")
    shop.reward(draft, "forest", 100, kind="donation", points_per_unit=100)
    return shop.member(make.published(draft), 5_000, name="ada", at=timezone.now())


def rows() -> list[int]:
    counted = (RewardRedemption, VoucherHold, RewardCode, CauseEntry, CodeBatch)
    return [model._default_manager.count() for model in counted]


def send(client: Client, who: Membership, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Api-Key {make.key(who.retailer)}"}
    text = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(f"/api/v1/{path}", text, content_type="application/json", headers=headers)


def require_refused(answer: Any, what: object) -> None:
    assert (400 <= answer.status_code < 500, answer["Content-Type"]) == (True, "application/problem+json"), (
        what,
        answer.status_code,
        answer.content[:300],
    )
    assert answer.json()["code"], what
    assert answer.json()["detail"], what


GOOD: dict[str, dict[str, Any]] = {
    "members/NUMBER/rewards/redemptions": {"reward": "five-off", "reference": "new"},
    "vouchers/check": {"code": "CODE"},
    "vouchers/hold": {"code": "CODE", "reference": "till-1"},
    "vouchers/confirm": {"token": "TOKEN"},
    "vouchers/release": {"token": "TOKEN"},
    "rewards/redemptions/MUG/fulfil": {"status": "fulfilled"},
}


def odd_bodies(good: dict[str, Any]) -> Iterator[Any]:
    yield from (None, [], [good], "text", 7, b"", b"{", b"\xff\xfe", b'{"code": NaN}', {})
    for name in good:
        for odd in ODD_TEXTS:
            if not (name == "code" and odd in (7, 1.5, True)):  # texts of numbers may be codes, and are no voucher's
                yield good | {name: odd}
    if "reference" in good and "reward" in good:
        yield from (good | {"reward": "forest", "points": odd} for odd in ODD_NUMBERS)
        wallets: tuple[Any, ...] = ("nothing", 7.5, [], "\x00")
        yield from (good | {"wallet": odd} for odd in wallets)
    if "reference" in good and "code" in good:
        yield from (good | {"minutes": odd} for odd in (*ODD_NUMBERS, 61))
        yield from ({"redemption": odd, "reference": "t"} for odd in ODD_TEXTS)


@pytest.mark.parametrize("path", GOOD)
def test_odd_bodies_are_refused_with_a_reason_and_change_nothing(client: Client, ada: Membership, path: str) -> None:
    got = redeem_reward(ada, "five-off", reference="r1", now=timezone.now())
    mug = redeem_reward(ada, "mug", reference="r2", now=timezone.now())
    held = send(client, ada, "vouchers/hold", {"redemption": str(mug.redemption.pk), "reference": "t0"})
    known = {"CODE": got.code, "TOKEN": held.json()["token"]}
    address = path.replace("NUMBER", ada.number).replace("MUG", str(got.redemption.pk))
    good = {name: known.get(str(value), value) for name, value in GOOD[path].items()}
    before = rows()

    for body in odd_bodies(good):
        answer = send(client, ada, address, body)
        if answer.status_code in {200, 201}:
            assert isinstance(body, dict), body
            assert set(body) <= {*good, "points", "wallet", "minutes"}, body
            # A number is a text to JSON's reader; and a text that reads oddly is a text.
            assert any(isinstance(value, bool | int | float) or value == "\u202e" for value in body.values()), body
            continue
        require_refused(answer, body)

    assert rows()[0] == before[0] or path.startswith("members")
    assert make.spendable(ada, timezone.now()) in {4_400, 3_900, 3_400, 2_900}


def test_ids_tokens_and_codes_of_others_and_of_nothing_are_not_found(client: Client, ada: Membership) -> None:
    eve = shop.member(shop.club(), 5_000, name="eve", at=timezone.now())
    got = redeem_reward(ada, "five-off", reference="r1", now=timezone.now())
    token = send(client, ada, "vouchers/hold", {"code": got.code, "reference": "t"}).json()["token"]
    mine = got.redemption.pk

    answers = [
        send(client, eve, path, body)
        for path, body in (
            (f"rewards/redemptions/{mine}/cancel", {}),
            (f"rewards/redemptions/{mine}/refund", {}),
            (f"rewards/redemptions/{mine}/fulfil", {"status": "fulfilled"}),
            ("rewards/redemptions/00000000-0000-0000-0000-000000000000/cancel", {}),
            ("rewards/redemptions/nothing/cancel", {}),
            ("vouchers/check", {"code": got.code}),
            ("vouchers/hold", {"redemption": str(mine), "reference": "t"}),
            ("vouchers/confirm", {"token": token}),
            ("vouchers/release", {"token": token}),
            (f"members/{ada.number}/rewards/redemptions", {"reward": "five-off", "reference": "x"}),
            ("members/%00/rewards/redemptions", {"reward": "five-off", "reference": "x"}),
        )
    ]

    for answer in answers:
        require_refused(answer, answer)
    assert {answer.status_code for answer in answers} == {404}
    assert RewardRedemption.objects.get().status == "issued"


def imports(client: Client, reward: Reward, content: bytes) -> str:
    page = reverse("admin:rewards_reward_codes", args=[reward.pk])
    answer = client.post(page, {"file": SimpleUploadedFile("codes.csv", content)}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def a_pool(client: Client) -> tuple[Program, Reward, Client]:
    program = shop.club(codes="pool", kind="voucher")
    ada = shop.member(program, at=timezone.now())
    return program, Reward.objects.get(), owner(client, ada)


@pytest.mark.parametrize(
    ("content", "new"),
    [
        (b"\xef\xbb\xbfcode\r\nAB-12\r\n\r\nCD-34\r\n", 2),
        (b"AB-12\nab 12\nAB\xe2\x80\x9112\n\n\n", 1),
        (b"AB-12\rCD-34\r", 2),
        (b'"code";"note"\n"AB-12";"x"\n"CD-34";"y"\n', 2),
        ("ÄÖ-ÜÜ\n一二三四\n".encode(), 2),
        (b"AB-12", 1),
        ("AB-12\nÄÖ-34\n".encode("utf-16"), 2),
        ("ÄÖ-12\n".encode("latin-1"), 1),
    ],
)
def test_files_of_codes_as_they_come_are_taken(client: Client, content: bytes, new: int) -> None:
    _, reward, staff = a_pool(client)

    imports(staff, reward, content)

    assert RewardCode.objects.count() == new


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        b"abc\n",
        b"AB\x00CD-12\n",
        b"x" * 200_000,
        b'"AB-12\nCD-34\n' + b"y" * 140_000,
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_files_that_hold_no_codes_are_told_and_leave_nothing(client: Client, tmp_path: Path, content: bytes) -> None:
    program, reward, staff = a_pool(client)
    file = tmp_path / "codes.csv"
    file.write_bytes(content)

    shown = imports(staff, reward, content)
    with pytest.raises(CommandError) as refused:
        call_command("import_codes", program.retailer.slug, program.slug, "five-off", str(file))

    assert 'role="alert"' in shown
    assert str(refused.value)
    assert (RewardCode.objects.count(), CodeBatch.objects.count()) == (0, 0)


def test_a_desk_and_a_stock_take_nothing_odd(client: Client, ada: Membership) -> None:
    redeem_reward(ada, "forest", reference="d1", points=300, now=timezone.now())
    rewards, staff = {row.code: row for row in Reward.objects.all()}, owner(client, ada)
    desk = reverse("admin:rewards_rewardredemption_desk")
    stock = reverse("admin:rewards_reward_change_stock", args=[rewards["five-off"].pk])
    pay = reverse("admin:rewards_reward_pay", args=[rewards["forest"].pk])

    for code in ("", " ", "x" * 101, "a\x00b", "\u202e", "', DROP TABLE", "0" * 17 + "1"):
        assert staff.post(desk, {"code": code, "use": "1"}).context["form"].errors, code
    for pieces in ("", "1e30", "ten", "1.5", str(10**9), str(-(10**9))):
        assert staff.post(stock, {"pieces": pieces, "reason": "x"}).context["form"].errors, pieces
    for document in ("", "x" * 101):
        assert staff.post(pay, {"document": document, "reason": "x"}).context["form"].errors, document
    for _ in range(2):
        confirmed(staff, pay, document="T-1", reason="June")
    confirmed(staff, stock, pieces="-3", reason="lost")

    assert CauseEntry.objects.filter(kind="payout").count() == 1
    assert RewardCounter.objects.get(reward_key=rewards["five-off"].key).added == -3
