"""Rewards in the admin: a desk that uses codes, stock, pools and causes, and exports."""

import csv
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.access.models import StaffRole
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.undoing import refund_reward
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
    use = str(checked.context["voucher"].redemption_id)
    used = staff.post(desk, {"code": got.code, "order": "A-1", "use": use})
    again = staff.post(desk, {"code": got.code, "use": use})
    mistyped = staff.post(desk, {"code": got.code[:-1] + ("0" if got.code[-1] != "0" else "1")})

    assert (checked.context["voucher"].status, used.context["voucher"].status) == ("usable", "used")
    assert "was used before" in again.content.decode()
    assert "typing error" in mistyped.content.decode()
    row = RewardRedemption.objects.get()
    assert (row.status, row.order_number) == ("used", "A-1")


def test_the_desk_speaks_in_words_and_uses_only_what_it_has_shown(client: Client) -> None:
    program = shop.club(minimum_amount=Decimal(20))
    ada = shop.member(program, at=timezone.now() - timedelta(hours=1))
    one, two = (redeem_reward(ada, "five-off", reference=name, now=timezone.now()) for name in ("r1", "r2"))
    desk, staff = reverse("admin:rewards_rewardredemption_desk"), owner(client, ada)

    french = staff.post(desk, {"code": one.code}, headers={"accept-language": "fr"})
    shown = staff.post(desk, {"code": one.code})
    other = staff.post(desk, {"code": two.code, "use": str(one.redemption.pk)})

    facts = [
        ("Reward", "Five-Off"),
        ("Kind", "an amount off"),
        ("Amount off", "5.00 EUR"),
        ("From an order of", "20.00 EUR"),
    ]
    assert shown.context["facts"] == [*facts, ("Status", "can be used")]
    assert ("Remise en montant", "5,00 EUR") in french.context["facts"]
    assert "Nothing was used" in other.content.decode()
    assert other.context["voucher"].redemption_id == two.redemption.pk
    assert set(RewardRedemption.objects.values_list("status", flat=True)) == {"issued"}


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
    paid = unescape(staff.post(page("pay", "forest"), {"reason": "June", "document": "T-1"}).content.decode())
    assert "3.00 EUR are paid out; what was given so far cannot come back." in paid
    confirmed(staff, page("pay", "forest"), reason="June", document="T-1")
    redeem_reward(ada, "forest", reference="d2", points=200, now=timezone.now())
    july = unescape(staff.post(page("pay", "forest"), {"reason": "July", "document": "T-1"}).content.decode())
    assert "With the document T-1 3.00 EUR were paid out before: nothing is noted now." in july
    cancelled = RewardRedemption.objects.get(reference="d2")
    refund_reward(cancelled, now=timezone.now())
    file = SimpleUploadedFile("codes.csv", b"code;note\nAB-12;x\nab12;twice\nCD-34;y\nx;short\n")
    imported = staff.post(page("codes", "pool"), {"file": file}, follow=True).content.decode()

    again = staff.post(page("pay", "forest"), {"reason": "June", "document": "T-2"}).content.decode()
    assert "The cause “Forest” has nothing to be paid out." in unescape(again)
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


def test_catalogue_imports_and_causes_are_told_reward_by_reward_in_lists_and_files(client: Client) -> None:
    draft = make.version()
    shop.reward(draft, "pool", codes="pool", kind="voucher", stock=9)
    shop.reward(
        draft, "forest", 100, kind="donation", points_per_unit=100, name="Plant a tree", name_fr="Planter un arbre"
    )
    program = make.published(draft)
    ada = shop.member(program, at=timezone.now() - timedelta(hours=1))
    key = Reward.objects.get(code="pool").key
    import_codes(
        program, key, [(1, "AAAA-1", ""), (2, "AAAA-2", "")], file_name="may.csv", author="olga", now=timezone.now()
    )
    redeem_reward(ada, "pool", reference="p1", now=timezone.now())
    redeem_reward(ada, "forest", reference="d1", points=300, now=timezone.now())
    staff = owner(client, ada)

    def file(model: str) -> list[dict[str, str]]:
        keys = [str(pk) for pk in apps.get_model("rewards", model).objects.values_list("pk", flat=True)]
        posted = {"action": "export", "_selected_action": keys}
        answer = staff.post(reverse(f"admin:rewards_{model}_changelist"), posted)
        return list(csv.DictReader(answer.content.decode().splitlines()))

    stocks = [(row["code"], row["stock"], row["was_taken"], row["left"], row["in_pool"]) for row in file("reward")]
    assert stocks == [("pool", "9", "1", "8", "1"), ("forest", "", "0", "", "")]
    assert [(row["reward_code"], row["codes"], row["author"]) for row in file("codebatch")] == [("pool", "2", "olga")]
    assert [(row["reward_code"], row["amount"]) for row in file("causeentry")] == [("forest", "3.00")]
    causes = reverse("admin:rewards_causeentry_changelist")
    assert "Planter un arbre" in staff.get(causes, {"q": "tree"}, headers={"accept-language": "fr"}).content.decode()
    assert "may.csv" in staff.get(reverse("admin:rewards_codebatch_changelist"), {"q": "pool"}).content.decode()


@pytest.mark.parametrize("page", ["reward_codes", "reward_change_stock", "rewardredemption_cancel"])
def test_an_address_of_no_row_has_no_page(client: Client, page: str) -> None:
    staff = owner(client, shop.member(shop.club()))

    assert staff.get(reverse(f"admin:rewards_{page}", args=["none"])).status_code == 404


def test_the_catalogue_asks_as_much_for_many_pools_as_for_one(
    client: Client,
) -> None:
    draft = make.version()
    for place in range(3):
        shop.reward(draft, f"pool-{place}", codes="pool", kind="voucher")
    staff = owner(client, shop.member(make.published(draft)))
    address = reverse("admin:rewards_reward_changelist")
    staff.get(address)

    with CaptureQueriesContext(connection) as many:
        staff.get(address)
    with CaptureQueriesContext(connection) as one:
        staff.get(address, {"q": "pool-0"})

    assert len(many) == len(one)


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
