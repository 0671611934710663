"""What a roll-out in some stores did: judged by a frozen plan, told with its grade, refused in words where nobody could tell."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation

from analytics.roll_outs import words
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.page import answer_of
from analytics.roll_outs.reading import read, stores_of, whole_months
from analytics.roll_outs.running import (
    Asked,
    NoStores,
    NotBegunYet,
    ask,
    compute_again,
    judged_of,
    run_next,
)
from analytics.tasks import roll_outs_asked
from analytics.uplift.roll_outs import CannotJudge, Sales, judge_roll_out
from analytics.uplift.synthetic import RollOut, placebo_error, synthetic_did
from customers.facts import ReturnFact, ReturnLineFact
from customers.models import Retailer
from customers.recording import record_orders, record_returns
from loyalty.access.models import StaffRole
from tests import make
from tests.analytics.roll_outs.shops import BEGAN, FIRST, NOW, WITH_IT, orders, sales

DRAWS = 30
DAY = timedelta(days=1)


def judged(of: Sales) -> Any:
    return judge_roll_out(of, seed=1, draws=DRAWS)


def test_where_all_stores_go_alike_the_effect_is_exact() -> None:
    season, levels = np.tile([3.0, 1, 4, 1, 5, 9], 3), np.arange(24.0)[:, None] * 10
    sold = levels + season
    sold[:2, 13:] += 7

    found = judged(replace(sales(), sold=sold))

    assert found.effect.value == pytest.approx(7, abs=1e-6)
    assert found.total.value == pytest.approx(7 * 2 * 5, abs=1e-4)
    assert (found.with_it, found.without, found.before, found.after) == (2, 22, 13, 5)
    assert np.array(found.treated) - np.array(found.compared) == pytest.approx([0] * 13 + [7] * 5, abs=1e-5)
    assert sum(each.share for each in found.weights) == pytest.approx(1)


@pytest.mark.parametrize("gained", [0, 10])
def test_what_rounding_leaves_is_no_effect_and_no_other_way_before(gained: int) -> None:
    levels = np.linspace(101.37, 197.91, 24)[:, None]  # each store sells its own multiple of one season
    sold = levels * (1 + 0.3 * np.sin(np.arange(18.0)))
    sold[:2, 13:] += gained

    found = judged(replace(sales(), sold=sold))

    assert (found.grade, found.reasons) == ("B", [])
    assert (found.effect.value, found.effect.error) == (pytest.approx(gained), 0)
    assert (found.lead.value, found.lead.low, found.lead.high) == (0, 0, 0)
    assert found.p_value == (0 if gained else 1)


def test_an_effect_is_found_and_graded_b_with_its_percent() -> None:
    found = judged(sales(2, effect=20))

    assert (found.grade, found.reasons) == ("B", [])
    assert found.effect.low < 20 < found.effect.high
    assert found.effect.low > 0
    would = np.mean(found.treated[13:]) - found.effect.value
    assert found.percent.value == pytest.approx(found.effect.value / would)
    assert found.p_value < 0.001
    assert found.lead.low <= 0 <= found.lead.high


def test_by_as_much_as_stores_were_off_before_they_may_be_off_since() -> None:
    """Looked at as if it had begun three and six months earlier: the more of both is added on each side, with its own error."""
    of = sales(2, effect=20)
    rolled_out = np.array([store in of.treated for store in of.stores])
    earlier = [RollOut(of.sold[:, :13], rolled_out, first) for first in (10, 7)]
    seemed = [synthetic_did(each) for each in earlier]
    most = max((0, 1), key=lambda place: abs(seemed[place].effect))

    found = judged(of)

    assert found.drift == pytest.approx(abs(seemed[most].effect))
    assert found.drift > 0
    error = placebo_error(earlier[most], seemed[most], seed=1, draws=DRAWS)
    wide = 1.959964 * np.hypot(found.effect.error, error) + found.drift
    assert found.effect.high - found.effect.value == pytest.approx(wide, rel=1e-6)
    assert found.effect.value - found.effect.low == pytest.approx(wide, rel=1e-6)


def growing(by: float) -> Sales:
    """Return stores of which those with the program gain so much more each month, and always did; it has no effect."""
    of = sales(1, months=19)
    sold = of.sold.copy()
    sold[:2] += by * np.arange(19)
    return replace(of, sold=sold)


def test_what_stores_that_grow_better_would_have_brought_is_not_claimed() -> None:
    """It is too little to be seen before, and enough to be taken for an effect."""
    found = judged(growing(0.3))

    assert (found.grade, found.reasons) == ("B", [])
    assert found.effect.value > 1.959964 * found.effect.error
    assert found.effect.low < 0 < found.effect.high
    assert found.p_value > 0.05


def test_what_three_months_do_not_tell_of_another_way_six_may() -> None:
    found = judged(growing(0.5))

    assert found.grade == "D"
    assert [(each.code, each.values) for each in found.reasons] == [("moved_before", {"months": 6})]


def test_stores_that_went_another_way_before_are_graded_d() -> None:
    found = judged(sales(3, trend=8))

    assert found.grade == "D"
    assert [each.code for each in found.reasons] == ["moved_before"]


def test_the_answer_does_not_change_with_the_currency() -> None:
    plain = sales(4, effect=20)

    one, hundred = judged(plain), judged(replace(plain, sold=plain.sold * 100))

    assert hundred.effect.value == pytest.approx(100 * one.effect.value, rel=1e-9)
    assert hundred.percent.value == pytest.approx(one.percent.value, rel=1e-9)
    assert hundred.grade == one.grade


@pytest.mark.parametrize(
    ("given", "code", "values"),
    [
        ({"first": 5, "months": 10}, "months_before", {"there_are": 5, "asked": 6}),
        ({"first": 13, "months": 13}, "months_after", {"there_are": 0, "asked": 1}),
        ({"stores": 11}, "stores_without", {"there_are": 9, "asked": 10, "left_out": 0}),
    ],
)
def test_too_little_is_refused_with_what_it_takes(given: dict[str, int], code: str, values: dict[str, int]) -> None:
    with pytest.raises(CannotJudge) as refused:
        judged(sales(1, **given))

    assert (refused.value.reason.code, refused.value.reason.values) == (code, values)
    assert str(words.REFUSED[code]) % values


def test_stores_that_were_not_there_all_the_time_are_left_out_and_those_with_it_refused() -> None:
    plain = sales()
    there = plain.orders.copy()
    there[5, 2] = 0

    assert judged(replace(plain, orders=there)).left_out == ["s05"]
    there[0, 3] = 0
    with pytest.raises(CannotJudge) as refused:
        judged(replace(plain, orders=there))
    assert (refused.value.reason.code, refused.value.reason.values) == ("stores_with_gaps", {"stores": "s00"})
    with pytest.raises(CannotJudge) as unknown:
        judged(replace(plain, treated=frozenset({"s00", "Nantes"})))
    assert unknown.value.reason.values == {"stores": "Nantes"}


def test_few_months_or_stores_are_only_a_hint() -> None:
    few = judged(sales(5, stores=14, months=12, first=8, effect=20))

    assert few.grade == "C"
    assert [each.code for each in few.reasons] == ["no_lead", "few_months_before", "few_stores_without"]
    assert few.lead is None


@pytest.mark.parametrize(
    ("first_day", "began", "today", "found"),
    [
        (date(2026, 1, 1), date(2026, 3, 1), date(2026, 5, 1), ["01", "02", "03", "04"]),
        (date(2026, 1, 2), date(2026, 3, 1), date(2026, 4, 30), ["02", "03"]),
        (date(2026, 1, 1), date(2026, 3, 2), date(2026, 5, 31), ["01", "02", "04"]),  # in the midst of March
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 31), []),
    ],
)
def test_whole_months_are_compared_without_that_in_which_it_began(
    first_day: date, began: date, today: date, found: list[str]
) -> None:
    assert [f"{month:%m}" for month in whole_months(first_day, began, today)] == found


@pytest.mark.django_db
def test_stores_are_read_month_by_month_with_what_came_back_and_guests() -> None:
    owner = make.retailer()
    orders(owner, effect=30)
    back = ReturnFact("r1", "s00-14", NOW - 10 * DAY, (ReturnLineFact(Decimal(1), 1),))
    record_returns(owner, [back], now=NOW)

    found = read(owner, WITH_IT, BEGAN, "revenue", known_at=NOW)

    assert (len(found.sales.stores), len(found.months), found.sales.first, found.basis) == (12, 17, 13, "revenue")
    assert found.sales.sold[0, :2].tolist() == [103, 101]
    assert found.sales.sold[0, 13:15].tolist() == [131, 0]  # February; and March came back
    assert found.sales.sold[5, 0] == 128
    assert found.months[0] == FIRST
    with pytest.raises(CannotJudge, match="nothing_bought"):
        read(owner, WITH_IT, BEGAN, "revenue", known_at=NOW - timedelta(seconds=1))
    assert list(stores_of(owner)) == [f"s{place:02}" for place in range(12)]


@pytest.mark.django_db
def test_margin_is_by_costs_or_by_the_rate() -> None:
    by_rate, by_costs = make.retailer(margin_rate="0.5"), make.retailer()
    orders(by_rate)
    orders(by_costs, cost="0.75")

    rate = read(by_rate, WITH_IT, BEGAN, "margin", known_at=NOW)
    costs = read(by_costs, WITH_IT, BEGAN, "margin", known_at=NOW)

    assert (rate.basis, rate.sales.sold[0, 0]) == ("rate", 51.5)
    assert (costs.basis, costs.sales.sold[0, 0]) == ("costs", 25.75)


def asked_by(owner: Retailer, *stores: str, began: date = BEGAN) -> RollOutRun:
    run = ask(owner, Asked(stores or WITH_IT, began), author="Grace", now=NOW)
    return with_few_draws(run)


def with_few_draws(run: RollOutRun) -> RollOutRun:
    """Let a run be quick, and of what was known by the shops' own time."""
    RollOutRun.objects.filter(pk=run.pk).update(plan=run.plan | {"draws": DRAWS}, known_at=NOW)
    run.refresh_from_db()
    return run


@pytest.mark.django_db
def test_it_is_judged_once_by_a_worker_kept_and_computed_again_to_the_digit() -> None:
    owner = make.retailer(name="Port")
    orders(owner, stores=14, effect=30)
    run = asked_by(owner)
    assert run.plan_digest
    assert answer_of(run) == "It waits for a worker. Look again in a moment."

    roll_outs_asked()
    assert run_next(owner) is False

    run.refresh_from_db()
    found = judged_of(run)
    assert found is not None
    assert run.status == "done"
    assert found.effect.value == pytest.approx(30, abs=1e-3)
    assert found.grade == "C"
    assert answer_of(run).startswith("Each store with it brings 30.00 EUR more a month than it would without: between")
    again = compute_again(run)
    assert (again.same_data, again.same_code, again.same_result) == (True, True, True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stores", "given", "began", "begins"),
    [
        (("Nantes",), {}, BEGAN, "No order names these stores: Nantes."),
        (
            WITH_IT,
            {"stores": 11},
            BEGAN,
            "9 stores without it were there all the time, and 10 are needed (0 stores were not)",
        ),
        (WITH_IT, {}, date(2025, 4, 1), "There are 3 whole months before it began, and 6 are needed"),
        (WITH_IT, {}, date(2026, 6, 2), "No whole month has passed since it began."),
        (WITH_IT, {"without": ["s01:2025-07"]}, BEGAN, "These stores have months without an order: s01."),
    ],
)
def test_what_cannot_be_judged_says_why_and_what_would_lift_it(
    stores: tuple[str, ...], given: dict[str, Any], began: date, begins: str
) -> None:
    owner = make.retailer()
    orders(owner, **given)
    run = asked_by(owner, *stores, began=began)

    assert run_next(owner)

    run.refresh_from_db()
    assert run.status == "refused"
    assert answer_of(run).startswith(begins)
    assert compute_again(run).same_result


@pytest.mark.django_db
def test_without_orders_or_without_stores_on_them_it_says_so() -> None:
    empty, nameless = make.retailer(), make.retailer()
    make.buys(make.member(make.program(nameless)), "10.00")

    for owner, begins in ((empty, "There is no order yet."), (nameless, "None of the 1 orders names its store.")):
        run = asked_by(owner)
        run_next(owner)
        run.refresh_from_db()
        assert answer_of(run).startswith(begins)


@pytest.mark.django_db
def test_what_nobody_can_ask_is_refused_at_once() -> None:
    owner = make.retailer()

    with pytest.raises(NoStores):
        ask(owner, Asked(["", " ", "s\0", "s\ud800"], BEGAN), author="", now=NOW)
    with pytest.raises(NotBegunYet, match="It begins on 2026-06-21"):
        ask(owner, Asked(WITH_IT, date(2026, 6, 21)), author="", now=NOW)
    assert not RollOutRun.objects.exists()


@pytest.mark.django_db
def test_one_that_fails_is_told_and_stops_no_other() -> None:
    owner = make.retailer()
    orders(owner)
    first, second = asked_by(owner), asked_by(owner)
    RollOutRun.objects.filter(pk=first.pk).update(plan={})

    assert run_next(owner)
    assert run_next(owner)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("failed", "done")
    assert answer_of(first) == "It failed (KeyError). Ask again; if it fails again, tell who runs this site."


@pytest.mark.django_db
def test_stores_stand_in_the_order_of_their_numbers() -> None:
    owner = make.retailer()
    names = ["Store 10", "store 2", "Store 1", "Annex", "7 rue Haute", "12 rue Haute", "Store 2b"]
    record_orders(owner, [make.order(None, "1.00", at=NOW, store=name) for name in names], now=NOW)
    run = asked_by(owner, "Store 10", "Store 1", "store 2")

    assert list(stores_of(owner)) == [
        "7 rue Haute", "12 rue Haute", "Annex", "Store 1", "store 2", "Store 2b", "Store 10",
    ]  # fmt: skip
    assert words.plan_rows(run)[0][1] == "Store 1, store 2, Store 10"


@pytest.mark.django_db
def test_what_no_name_can_hold_is_refused_beside_the_form() -> None:
    owner = make.retailer()
    client, address = staff_of(owner, "analyst"), reverse("admin:analytics_rolloutrun_ask")
    said = {"retailer": owner.slug, "stores": ["s\0"], "began_on": "2026-02-01", "metric": "revenue"}

    answers = [client.post(address, said, follow=True), client.post(address, said | {"retailer": "a\0"}, follow=True)]

    told = [str(each) for answer in answers for each in answer.context["messages"]]
    assert told == ["Name the stores in which it began, 1000 at most.", "Choose a retailer."]
    assert not RollOutRun.objects.exists()


def staff_of(owner: Retailer, role: str) -> Client:
    user = User.objects.create_user(f"{role}-{owner.slug}", is_staff=True)
    StaffRole.objects.create(user=user, retailer=owner, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_a_controller_asks_for_it_and_reads_it_on_one_page() -> None:
    owner = make.retailer(name="Port")
    orders(owner, stores=14, effect=30)
    client, address = staff_of(owner, "analyst"), reverse("admin:analytics_rolloutrun_changelist")

    before = unescape(client.get(address).content.decode())
    wrong = client.post(
        reverse("admin:analytics_rolloutrun_ask"), {"retailer": owner.slug, "metric": "revenue"}, follow=True
    )
    form = {"retailer": owner.slug, "stores": list(WITH_IT), "began_on": "2026-02-01", "metric": "revenue"}
    asked = client.post(reverse("admin:analytics_rolloutrun_ask"), form)
    with_few_draws(RollOutRun.objects.get())
    run_next(owner)
    page = unescape(client.get(address).content.decode())
    with translation.override("fr"):
        french = client.get(address, headers={"Accept-Language": "fr"})

    assert "No roll-out has been judged yet." in before
    assert "s00 (18)" in before
    assert "This field is required." in unescape(wrong.content.decode())
    assert asked.status_code == 302
    assert "Each store with it brings 30.00 EUR more a month" in page
    assert "Stores with it, and what they would have sold" in page
    assert "With which stores they are compared" in page
    assert re.search(r"\([0-9,]+\xa0% ; [0-9,]+\xa0% – [0-9,]+\xa0%\)", unescape(french.content.decode()))


@pytest.mark.django_db
def test_a_retailer_sees_its_own_alone() -> None:
    owner, other = make.retailer(), make.retailer()
    run = asked_by(other)

    assert (
        staff_of(owner, "analyst").get(reverse("admin:analytics_rolloutrun_change", args=[run.pk])).status_code != 200
    )


@pytest.mark.django_db
def test_a_system_asks_for_it_and_reads_all_that_it_rests_on(client: Client) -> None:
    owner = make.retailer()
    orders(owner, stores=14, effect=30)
    its = {"HTTP_AUTHORIZATION": f"Api-Key {make.key(owner)}"}

    def post(body: Any) -> Any:
        return client.post("/api/v1/analytics/roll-outs", json.dumps(body), content_type="application/json", **its)  # type: ignore[arg-type]

    def get(path: str) -> Any:
        return client.get(f"/api/v1/analytics/{path}", **its)  # type: ignore[arg-type]

    assert get("stores").json()[0] == {"store": "s00", "orders": 18}
    asked = post({"stores": list(WITH_IT), "began_on": "2026-02-01"})
    assert (asked.status_code, asked.json()["status"], asked.json()["grade"]) == (202, "asked", None)
    assert post({"stores": [], "began_on": "2026-02-01"}).json()["errors"][0]["pointer"] == "/stores"
    assert post({"stores": ["s00"], "began_on": "2999-01-01"}).json()["code"] == "roll_out_not_begun"
    with_few_draws(RollOutRun.objects.get())
    run_next(owner)
    card = get(f"roll-outs/{asked.json()['id']}").json()
    assert (card["status"], card["grade"], len(card["result"]["treated"])) == ("done", "C", 17)
    assert card["plan"]["stores"] == list(WITH_IT)
    assert len(get("roll-outs").json()["results"]) == 1
    assert get("roll-outs/999999").status_code == 404


@pytest.mark.django_db
def test_the_command_judges_now_lists_stores_and_computes_again() -> None:
    owner = make.retailer()
    orders(owner, stores=14)

    def said(*given: str) -> str:
        out = StringIO()
        call_command("roll_out", owner.slug, *given, stdout=out)
        return " ".join(out.getvalue().split())

    assert "s00: 18" in said()
    with pytest.raises(CommandError, match="No roll-out"):
        said("--again")
    with pytest.raises(CommandError, match="--began"):
        said("s00")
    assert said("s00", "s01", "--began", "2026-02-01", "--draws", "20").startswith("C: No detectable effect")
    assert said("--again") == "The same to the digit."
    RollOutRun.objects.update(code_version="of then", data_digest="of then", result={})
    with pytest.raises(CommandError, match=r"Not the same: the data of then .*; the code that measures is another one"):
        said("--again")
    waiting = asked_by(owner)
    with pytest.raises(CommandError, match=f"Run {waiting.pk} came to no result"):
        said("--again")
