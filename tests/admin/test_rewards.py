"""Rewards in the admin: a desk that uses codes, stock, pools and causes, and exports."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.access.models import StaffRole
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.memberships.models import Membership
from loyalty.rewards.models import CauseEntry, CodeBatch, Reward, RewardCode, RewardCounter, RewardRedemption
from loyalty.rewards.sealing import unseal
from tests import make
from tests.rewards import shop

pytestmark = pytest.mark.django_db


def owner(client: Client, who: Membership) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    StaffRole.objects.create(user=user, retailer=who.retailer, role="owner")
    client.force_login(user)
    return client


def confirmed(client: Client, address: str, **said: str) -> str:
    """Say something on a staff page, and confirm what it shows; return the page that follows."""
    shown = client.post(address, said)
    assert "signature" in shown.context, shown.context["form"].errors
    assert shown.context["signature"]
    done = client.post(address, said | {"confirmed": shown.context["signature"]}, follow=True)
    return str(done.content.decode())


def test_a_code_is_checked_and_used_at_the_desk(client: Client) -> None:
    ada = shop.member(shop.club(), at=timezone.now() - timedelta(hours=1))
    got = redeem_reward(ada, "five-off", reference="r1", now=timezone.now())
    desk, staff = reverse("admin:rewards_rewardredemption_desk"), owner(client, ada)

    checked = staff.post(desk, {"code": got.code.lower()})
    used = staff.post(desk, {"code": got.code, "order": "A-1", "use": "1"})
    again = staff.post(desk, {"code": got.code, "use": "1"})
    mistyped = staff.post(desk, {"code": got.code[:-1] + ("0" if got.code[-1] != "0" else "1")})

    assert (checked.context["voucher"].status, used.context["voucher"].status) == ("usable", "used")
    assert "was used before" in again.content.decode()
    assert "typing error" in mistyped.content.decode()
    row = RewardRedemption.objects.get()
    assert (row.status, row.order_number) == ("used", "A-1")


def test_staff_cancel_refund_and_fulfil_after_they_saw_what_happens(client: Client) -> None:
    ada = shop.member(shop.club(code="mug", kind="product", sku="MUG"), at=timezone.now() - timedelta(hours=1))
    first = redeem_reward(ada, "mug", reference="r1", now=timezone.now()).redemption
    second = redeem_reward(ada, "mug", reference="r2", now=timezone.now()).redemption
    staff = owner(client, ada)

    def page(name: str, row: RewardRedemption) -> str:
        return reverse(f"admin:rewards_rewardredemption_{name}", args=[row.pk])

    confirmed(staff, page("cancel", first), reason="asked")
    confirmed(staff, page("fulfil", second), reason="parcel 7", status="fulfilled")
    confirmed(staff, page("refund", second), reason="broken")

    rows = RewardRedemption.objects.order_by("pk").values_list("status", "note")
    assert list(rows) == [("cancelled", ""), ("refunded", "parcel 7")]
    assert make.spendable(ada, timezone.now()) == 1_000


def test_stock_is_added_codes_are_imported_and_causes_paid_out(client: Client) -> None:
    draft = make.version()
    shop.reward(draft, stock=1)
    shop.reward(draft, "pool", codes="pool", kind="voucher")
    shop.reward(draft, "forest", 100, kind="donation", points_per_unit=100)
    program = make.published(draft)
    ada = shop.member(program, at=timezone.now() - timedelta(hours=1))
    redeem_reward(ada, "forest", reference="d1", points=300, now=timezone.now())
    staff, rewards = owner(client, ada), {row.code: row for row in Reward.objects.all()}

    def page(name: str, code: str) -> str:
        return reverse(f"admin:rewards_reward_{name}", args=[rewards[code].pk])

    confirmed(staff, page("change_stock", "five-off"), reason="delivery", pieces="4")
    confirmed(staff, page("pay", "forest"), reason="June", document="T-1")
    file = SimpleUploadedFile("codes.csv", b"code;note\nAB-12;x\nab12;twice\nCD-34;y\nx;short\n")
    imported = staff.post(page("codes", "pool"), {"file": file}, follow=True).content.decode()

    assert RewardCounter.objects.get(reward_key=rewards["five-off"].key).added == 4
    assert CauseEntry.objects.get(kind="payout").amount == Decimal(-3)
    batch = CodeBatch.objects.get()
    assert (batch.codes, batch.known, batch.author) == (2, 1, "olga")
    assert [unseal(bytes(row.sealed), bytes(row.digest)) for row in RewardCode.objects.order_by("pk")] == [
        "AB-12",
        "CD-34",
    ]
    assert "2 codes are in the pool now; 1 were known before; 1 lines were refused." in imported
    got = redeem_reward(ada, "pool", reference="p1", now=timezone.now())
    assert got.code == "AB-12"


def test_lists_can_be_searched_and_exported_and_formulas_stay_texts(client: Client) -> None:
    ada = shop.member(shop.club(), at=timezone.now() - timedelta(hours=1))
    redeem_reward(ada, "five-off", reference="=HYPERLINK()", now=timezone.now())
    staff, listed = owner(client, ada), reverse("admin:rewards_rewardredemption_changelist")

    found = staff.get(listed, {"q": ada.number}).content.decode()
    row = RewardRedemption.objects.get()
    exported = staff.post(listed, {"action": "export", "_selected_action": [str(row.pk)]})
    catalogue = staff.get(reverse("admin:rewards_reward_changelist"))

    assert ada.number in found
    assert "'=HYPERLINK()" in exported.content.decode()
    assert catalogue.status_code == 200
    assert "Five-Off" in catalogue.content.decode()


def test_codes_are_imported_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = shop.club(codes="pool", kind="voucher")
    file = tmp_path / "codes.csv"
    file.write_text("codes\nAAAA-1\nAAAA-2\n", encoding="utf-8")
    who = (program.retailer.slug, program.slug)

    call_command("import_codes", *who, "five-off", str(file))
    call_command("import_codes", *who, "five-off", str(file))

    assert capsys.readouterr().out == "2 new, 0 known, 0 refused\n0 new, 2 known, 0 refused\n"
    with pytest.raises(CommandError, match="has a reward nothing"):
        call_command("import_codes", *who, "nothing", str(file))
