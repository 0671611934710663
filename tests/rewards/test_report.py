"""Rewards in figures: what became of them, month by month, and how much of what was earned they took."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from loyalty.access.models import StaffRole
from loyalty.activity.account.merging import take_merge
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import fulfil_reward
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.rewards.models import RewardRedemption
from loyalty.rewards.report import Tally, reward_report
from tests import make
from tests.rewards import shop

pytestmark = pytest.mark.django_db
JUNE, JULY, AUGUST = make.on("2026-06-01"), make.on("2026-07-01"), make.on("2026-08-01")
AT = make.on("2026-06-15")
DAY = timedelta(days=1)


def uses(who: Membership, code: str, reference: str, days: int) -> None:
    at = AT + days * DAY
    held = hold_voucher(who.retailer, check_voucher(who.retailer, code, now=at), reference=reference, now=at)
    confirm_voucher(who.retailer, held.token, now=at)


def a_summer() -> Program:
    """Two members earn 6,000 in June, and redeem: of five vouchers two are used, one is cancelled, one ends, one waits."""
    draft = make.version()
    shop.reward(draft, valid_days=20, cost=Decimal(4))
    shop.reward(draft, "mug", 100, kind="product", sku="MUG", cost=Decimal("1.50"))
    shop.reward(draft, "nobody", 9_999)
    program = make.published(draft)
    ada, bob, _eve = (shop.member(program, 3_000, name=name, at=JUNE) for name in ("ada", "bob", "eve"))
    bought = make.buys(bob, "100.00", at=JUNE + DAY)
    make.returns(bob, bought, (1, "1"), at=JUNE + 2 * DAY)
    got = {name: redeem_reward(ada, "five-off", reference=name, now=AT) for name in ("u1", "u2", "undone", "ends")}
    redeem_reward(bob, "five-off", reference="late", now=JULY + DAY)
    mug = redeem_reward(bob, "mug", reference="mug", now=AT)
    uses(ada, got["u1"].code, "t1", 2)
    uses(ada, got["u2"].code, "t2", 5)
    cancel_reward(got["undone"].redemption, now=AT)
    refund_reward(got["u1"].redemption, now=JULY + DAY)
    fulfil_reward(mug.redemption, RewardRedemption.Status.FULFILLED, now=AT + DAY)
    run_nights(program, until=(AT + 22 * DAY).date(), now=AT + 22 * DAY)
    return program


def test_each_reward_is_counted_in_the_month_in_which_something_happens_to_it() -> None:
    found = reward_report(a_summer(), since=JUNE, until=AUGUST)

    off, mug = found.rewards
    assert (off.code, off.members, off.days_to_use) == ("five-off", 2, Decimal("3.5"))
    assert off.by_month == {
        date(2026, 6, 1): Tally(4, 2_000, 2, 0, 0, 1, 500, Decimal("8.00")),
        date(2026, 7, 1): Tally(1, 500, 0, 0, 1, 1, 500, Decimal("-4.00")),
    }
    assert off.tally == Tally(5, 2_500, 2, 0, 1, 2, 1_000, Decimal("4.00"))
    assert off.tally.breakage_percent == Decimal(100) / 3
    assert (mug.code, mug.tally, mug.days_to_use) == ("mug", Tally(1, 100, 0, 1, 0, 0, 0, Decimal("1.50")), Decimal(1))
    assert [(each.first, each.earned, each.tally.cost) for each in found.months] == [
        (date(2026, 6, 1), 9_000, Decimal("9.50")),
        (date(2026, 7, 1), 0, Decimal("-4.00")),
    ]
    assert (found.earned, found.tally.points_spent, found.members, found.active) == (9_000, 1_600, 2, 3)
    assert found.rate_percent == Decimal(160_000) / 9_000
    assert found.months[1].rate_percent is None


def test_nobody_does_anything_by_a_merge() -> None:
    draft = make.version()
    shop.reward(draft, valid_days=60)
    program = make.published(draft)
    ada, _bob = (shop.member(program, 3_000, name=name, at=JUNE) for name in ("ada", "bob"))
    redeem_reward(ada, "five-off", reference="r1", now=AT)

    take_merge(program.retailer, "ada", "bob", reference="crm", now=JULY + DAY)

    assert [reward_report(program, since=since, until=since + 30 * DAY).active for since in (JUNE, JULY)] == [2, 0]


def test_only_what_happens_in_the_time_counts_and_another_program_has_nothing() -> None:
    program = a_summer()

    july = reward_report(program, since=JULY, until=AUGUST)
    none = reward_report(make.program(), since=JUNE, until=AUGUST)

    assert [(each.code, each.tally.redeemed, each.members) for each in july.rewards] == [("five-off", 1, 1)]
    assert (none.rewards, none.tally, none.rate_percent, none.members_percent) == ((), Tally(), None, None)
    assert len(none.months) == 2


def test_the_page_says_what_its_figures_mean_and_gives_them_as_a_file(client: Client) -> None:
    program = a_summer()
    user = User.objects.create_user("olga", is_staff=True)
    StaffRole.objects.create(user=user, retailer=program.retailer, role="owner")
    client.force_login(user)
    page = reverse("admin:rewards_reward_figures")
    period = {"since": "2026-06-01", "through": "2026-07-31"}

    shown = client.get(page, period)
    text = shown.content.decode()
    exported = client.get(page, period | {"format": "csv"}).content.decode().splitlines()

    assert shown.status_code == 200
    for said in ("17.8 %", "33.3 %", "Of the points earned, rewards took", "ended unused", "Five-Off", "3.5"):
        assert said in text
    assert exported[0].startswith("month,reward,kind,redeemed,points,used,fulfilled,unused,came_back,points_back,cost")
    assert exported[1] == "2026-06-01,five-off,amount_off,4,2000,2,0,0,1,500,8.00"
    assert len(exported) == 4
    by_member = client.get(page, period | {"format": "csv", "by": "member"}).content.decode().splitlines()
    assert by_member[0] == "member,customer,redeemed,points,used,fulfilled,unused,came_back,points_back,cost"
    rows = {line.split(",")[1]: line.split(",")[2:] for line in by_member[1:]}
    # Of Ada's four vouchers two were used, one of them refunded a month later; Bob has a mug, and a voucher that waits.
    assert rows == {
        "ada": ["4", "2000", "2", "0", "1", "2", "1000", "4.00"],
        "bob": ["2", "600", "0", "1", "0", "0", "0", "1.50"],
    }


def test_its_files_open_in_a_french_spreadsheet(client: Client) -> None:
    program = a_summer()
    Customer.objects.filter(external_id="ada").update(external_id="=ada")
    client.force_login(User.objects.create_superuser("olga"))
    period = {"since": "2026-06-01", "through": "2026-07-31", "program": program.slug, "format": "csv"}
    page, french = reverse("admin:rewards_reward_figures"), {"accept-language": "fr"}

    figures, members = (
        client.get(page, period | more, headers=french).content.decode() for more in ({}, {"by": "member"})
    )

    assert figures.startswith(
        "\ufeffmonth;reward;kind;redeemed;points;used;fulfilled;unused;came_back;points_back;cost\r\n"
    )
    assert figures.splitlines()[1] == "2026-06-01;five-off;amount_off;4;2000;2;0;0;1;500;8,00"
    number = Membership.objects.get(customer__external_id="=ada").number
    assert f"{number};'=ada;4;2000;2;0;1;2;1000;4,00" in members.splitlines()


def test_a_period_that_cannot_be_is_told_and_who_may_not_see_money_sees_nothing(client: Client) -> None:
    program = a_summer()
    page = reverse("admin:rewards_reward_figures")
    for role in ("owner", "support"):
        user = User.objects.create_user(role, is_staff=True)
        StaffRole.objects.create(user=user, retailer=program.retailer, role=role)
    client.force_login(User.objects.get(username="owner"))

    for since, through in (("nonsense", "2026-07-31"), ("2026-07-31", "2026-06-01"), ("0001-01-01", "9999-12-31")):
        answer = client.get(page, {"since": since, "through": through})
        assert (answer.status_code, bool(answer.context["form"].errors)) == (200, True)
        assert answer.context["report"] is None
    assert client.get(page, {"program": "nothing"}).status_code == 404
    client.force_login(User.objects.get(username="support"))
    assert client.get(page).status_code == 403
