"""Who tries many codes that do not exist is slowed, and is told for how long; who mistypes one is not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from loyalty.access.models import StaffRole
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.api.wrong_codes import WrongCodes
from loyalty.rewards.models import Reward
from loyalty.rewards.sealing import new_code
from tests import make
from tests.rewards import shop

pytestmark = pytest.mark.django_db
PERIOD, LIMIT = 60, 5


class Clock:
    now = 1_000 * PERIOD + 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(WrongCodes, "timer", clock)
    settings.WRONG_CODE_RATE = f"{LIMIT}/minute"
    cache.clear()
    yield clock
    cache.clear()


def checks(client: Client, key: str, code: str, what: str = "check", **said: str) -> Any:
    headers = {"Authorization": f"Api-Key {key}"}
    return client.post(
        f"/api/v1/vouchers/{what}", {"code": code} | said, content_type="application/json", headers=headers
    )


def test_a_key_that_tries_many_wrong_codes_has_to_wait_and_others_do_not(client: Client, clock: Clock) -> None:
    ada = shop.member(shop.club(), at=timezone.now())
    code = redeem_reward(ada, "five-off", reference="r1", now=timezone.now()).code
    key, other = make.key(ada.retailer), make.key(ada.retailer)

    wrong = [checks(client, key, new_code()).status_code for _ in range(LIMIT)]
    refused = [checks(client, key, code), checks(client, key, code, "hold", reference="t")]

    assert wrong == [404] * LIMIT
    assert [answer.status_code for answer in refused] == [429, 429]
    assert (refused[0].json()["code"], refused[0]["Content-Type"]) == (
        "too_many_wrong_codes",
        "application/problem+json",
    )
    assert checks(client, other, code).status_code == 200
    wait = int(refused[0]["Retry-After"])
    assert refused[0].json()["detail"] == f"Too many wrong codes. Try again in {wait} seconds."
    clock.now += wait - 2
    assert checks(client, key, code).status_code == 429
    clock.now += 2
    assert checks(client, key, code).json()["status"] == "usable"
    assert checks(client, key, new_code()).status_code == 404  # one more is room for
    assert checks(client, key, code).status_code == 429


def test_mistyped_and_right_codes_do_not_count_and_unissued_ones_and_tokens_do(client: Client) -> None:
    program = shop.club(codes="pool", kind="voucher")
    import_codes(
        program, Reward.objects.get().key, make.codes("AB-12", "CD-34"), file_name="codes.csv", now=timezone.now()
    )
    ada = shop.member(program, at=timezone.now())
    code = redeem_reward(ada, "five-off", reference="r1", now=timezone.now()).code
    key = make.key(ada.retailer)
    good = new_code()
    mistyped = good[:-1] + ("0" if good[-1] != "0" else "1")

    fine = [checks(client, key, text).status_code for text in (mistyped, code) for _ in range(2 * LIMIT)]
    wrong = [checks(client, key, "cd34").status_code for _ in range(LIMIT - 1)]
    token = {"token": "guessed"}
    headers = {"Authorization": f"Api-Key {key}"}
    guessed = [
        client.post("/api/v1/vouchers/confirm", token, content_type="application/json", headers=headers).status_code
        for _ in range(2)
    ]

    assert fine == [422] * 2 * LIMIT + [200] * 2 * LIMIT
    assert wrong == [409] * (LIMIT - 1)
    assert guessed == [404, 429]


def test_somebody_at_the_desk_has_to_wait_as_well(client: Client) -> None:
    ada = shop.member(shop.club(), at=timezone.now())
    code = redeem_reward(ada, "five-off", reference="r1", now=timezone.now()).code
    user = User.objects.create_user("olga", is_staff=True)
    StaffRole.objects.create(user=user, retailer=ada.retailer, role="owner")
    client.force_login(user)
    desk = reverse("admin:rewards_rewardredemption_desk")

    for _ in range(LIMIT):
        assert "no voucher with this code" in client.post(desk, {"code": new_code()}).content.decode()
    refused = client.post(desk, {"code": code})

    assert refused.context["form"].errors["code"] == ["Too many wrong codes. Try again in 72 seconds."]
    assert refused.context["voucher"] is None
