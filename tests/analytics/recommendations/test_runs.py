"""Runs from recorded orders to what is suggested to whom."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from analytics.audit.running import audit
from analytics.recommendations.models import RecommendationRun, RecommendationSettings
from analytics.recommendations.running import ask, latest_run, recommend, run_next
from analytics.tasks import recommend_asked, recommend_nightly
from customers.cataloguing import ProductFact, record_products
from customers.facts import OrderFact
from customers.merging import merge
from customers.models import Customer, OrderLine, RelatedProduct, Retailer, Suggestion
from customers.recording import record_orders
from customers.suggesting import Suggestions, related_to, related_to_order, suggested_names, suggestions_for
from tests import make
from tests.analytics.recommendations.shops import OWN, habitual, line, name, profile
from tests.make import NOON

pytestmark = pytest.mark.django_db


def shown(retailer: Retailer, who: str) -> Suggestions:
    return suggestions_for(Customer.objects.get(retailer=retailer, external_id=who), retailer, at=NOON)


def test_a_habit_comes_first_in_the_list_for_the_next_basket_with_its_reason() -> None:
    retailer = habitual()

    run = recommend(retailer, now=NOON)

    assert (run.status, run.customers, run.consenting, run.items) == ("done", 60, 60, OWN + 3)
    assert run.excluded == {"category": 1, "not_suggested": 0, "out_of_stock": 0, "loss": 0}
    assert run.verdicts["again"]["reason"] == "better"
    found = shown(retailer, name(7))
    assert found.is_personal
    assert [(each.sku, each.words) for each in found.again[:1]] == [("P07", "You bought it on 16 days")]
    assert not {"FUEL"} & {each.sku for each in (*found.again, *found.new)}
    assert not {"P07", "BREAD", "BUTTER"} & {each.sku for each in found.new}


def test_the_figures_of_a_run_stand_beside_those_of_popularity() -> None:
    run = recommend(habitual(), now=NOON)

    judged = {each["method"]: each for each in run.verdicts["again"]["judged"]}
    assert set(judged) == {"popularity", "own", "own_and_neighbours"}
    assert judged["own"]["recall"] > judged["popularity"]["recall"]
    assert judged["popularity"]["difference"] == 0
    assert run.coverage["again"]["distinct"] == OWN + 2
    assert run.verdicts["new"]["customers"] == 0 or run.verdicts["new"]["served"]


def test_who_allows_no_profile_is_shown_what_is_popular_and_nothing_is_written_of_it() -> None:
    retailer = habitual(allowing=55)

    recommend(retailer, now=NOON)

    assert Suggestion.objects.values("customer").distinct().count() == 55
    found = shown(retailer, name(58))
    assert (found.is_personal, found.again == found.new) == (False, True)
    assert [each.sku for each in found.again[:2]] == ["BREAD", "BUTTER"]
    assert found.again[0].words == "Much bought of late"


def test_a_withdrawn_consent_counts_at_once_and_the_next_run_forgets() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)

    profile(retailer, name(3), granted=False)

    assert not shown(retailer, name(3)).is_personal
    assert Suggestion.objects.filter(customer__external_id=name(3)).exists()
    recommend(retailer, now=NOON)
    assert not Suggestion.objects.filter(customer__external_id=name(3)).exists()


def test_a_statement_that_is_told_late_does_not_open_what_was_closed_since() -> None:
    retailer = habitual(allowing=0)
    profile(retailer, name(0), granted=False, at=NOON)
    profile(retailer, name(0), granted=True, at=NOON - timedelta(days=3))

    run = recommend(retailer, now=NOON)

    assert run.consenting == 0
    assert not shown(retailer, name(0)).is_personal


def test_too_few_who_allow_it_are_served_what_is_popular_and_the_run_says_so() -> None:
    retailer = habitual(allowing=20)

    run = recommend(retailer, now=NOON)

    assert (run.verdicts["again"]["served"], run.verdicts["again"]["reason"]) == ("popularity", "few")
    assert run.coverage["again"]["by_method"] == 0


def test_what_is_out_of_stock_sold_at_a_loss_or_not_to_be_suggested_is_in_no_list() -> None:
    retailer = habitual()
    lossy = OrderFact(
        number="loss", customer=name(0), occurred_at=NOON, lines=(line("LOSS", "BAKERY", amount="1", cost="2"),)
    )
    record_orders(retailer, [lossy], now=NOON, are_decided=True)
    record_products(retailer, [ProductFact("P01", in_stock=False), ProductFact("P02", is_suggested=False)], now=NOON)

    run = recommend(retailer, now=NOON)

    assert run.excluded == {"category": 1, "not_suggested": 1, "out_of_stock": 1, "loss": 1}
    assert not Suggestion.objects.filter(sku__in=["P01", "P02", "LOSS", "FUEL"]).exists()


def test_what_runs_out_of_stock_afterwards_is_not_shown() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)

    record_products(retailer, [ProductFact("P07", in_stock=False)], now=NOON)

    assert "P07" not in {each.sku for each in shown(retailer, name(7)).again}


def test_a_retailer_names_its_own_categories() -> None:
    retailer = habitual()
    RecommendationSettings.objects.create(retailer=retailer, excluded_categories=["bakery"])

    recommend(retailer, now=NOON)

    assert not Suggestion.objects.filter(sku="BREAD").exists()
    assert Suggestion.objects.filter(sku="FUEL").exists()


def test_names_are_said_where_they_are_known() -> None:
    retailer = habitual()
    record_products(retailer, [ProductFact("P07", name="Whole milk", product_type="milk")], now=NOON)

    recommend(retailer, now=NOON)

    assert shown(retailer, name(7)).again[0].name == "Whole milk"


def test_what_is_bought_each_week_is_not_new_under_another_number() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)
    ada = Customer.objects.get(retailer=retailer, external_id=name(7))
    first = shown(retailer, name(7)).new[0].sku

    record_products(retailer, [ProductFact(sku, name="Whole milk") for sku in ("P07", first)], now=NOON)

    found = shown(retailer, name(7))
    assert (found.again[0].name, [each for each in found.new if each.name == "Whole milk"]) == ("Whole milk", [])
    said = suggested_names(retailer, [ada.pk], at=NOON)[ada.pk]
    assert (said.again[0], "Whole milk" in said.new) == ("Whole milk", False)


def test_what_was_bought_since_is_not_new_any_more_for_who_bought_it_or_for_whom_it_is_merged_with() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)
    fresh, other = (each.sku for each in shown(retailer, name(7)).new[:2])
    facts = [
        OrderFact(number=f"n-{who}", customer=who, occurred_at=NOON, lines=(line(sku, "DAIRY"),))
        for who, sku in ((name(7), fresh), ("card-of-7", other))
    ]

    record_orders(retailer, facts[:1], now=NOON, are_decided=True)
    assert fresh not in {each.sku for each in shown(retailer, name(7)).new}
    assert shown(retailer, name(7)).new[0].sku == other
    record_orders(retailer, facts[1:], now=NOON, are_decided=True)
    merge(retailer, source="card-of-7", target=name(7), reference="m-2", now=NOON)

    assert not {fresh, other} & {each.sku for each in shown(retailer, name(7)).new}
    seven = Customer.objects.get(retailer=retailer, external_id=name(7))
    assert not {fresh, other} & set(suggested_names(retailer, [seven.pk], at=NOON, limit=12)[seven.pk].new)


def test_what_was_bought_before_the_two_years_that_are_read_is_not_new() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)
    first = shown(retailer, name(7)).new[0].sku
    then = NOON - timedelta(days=900)
    long_ago = OrderFact(number="old", customer=name(7), occurred_at=then, lines=(line(first, "DAIRY"),))

    record_orders(retailer, [long_ago], now=NOON, are_decided=True)
    recommend(retailer, now=NOON)

    assert Suggestion.objects.filter(customer__external_id=name(7), list="new", sku=first).exists()
    assert first not in {each.sku for each in shown(retailer, name(7)).new}


def test_who_may_be_shown_nothing_of_its_own_any_more_is_shown_what_is_popular() -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)
    own = set(Suggestion.objects.filter(customer__external_id=name(7)).values_list("sku", flat=True))

    record_products(retailer, [ProductFact(sku, in_stock=False) for sku in own], now=NOON)

    found = shown(retailer, name(7))
    assert (found.is_personal, {each.reason for each in found.again}) == (False, {"popular"})
    assert not own & {each.sku for each in found.again}


def test_a_gift_card_is_recommended_to_nobody_whatever_its_category_is_called() -> None:
    retailer = habitual()
    card = replace(line("CARD", "PRESENTS"), is_gift_card=True)
    facts = [
        OrderFact(number=f"g-{who}", customer=name(who), occurred_at=NOON, lines=(card, line("BREAD", "BAKERY")))
        for who in range(40)
    ]
    record_orders(retailer, facts, now=NOON, are_decided=True)

    run = recommend(retailer, now=NOON)

    assert run.excluded["category"] == 2
    assert not Suggestion.objects.filter(sku="CARD").exists()
    assert "CARD" not in {each.sku for each in related_to(retailer, ["BREAD"])}


def test_what_goes_with_a_product_and_with_an_order() -> None:
    retailer = habitual()
    record_products(
        retailer,
        [ProductFact(f"P{n:02}", product_type="milk") for n in range(5)] + [ProductFact("BREAD", name="Bread")],
        now=NOON,
    )
    dear = OrderFact(number="dear", customer=name(0), occurred_at=NOON, lines=(line("CREAM", "DAIRY", amount="3"),))
    record_orders(retailer, [dear], now=NOON, are_decided=True)
    record_products(retailer, [ProductFact("CREAM", product_type="milk")], now=NOON)

    recommend(retailer, now=NOON)

    together = related_to(retailer, ["BREAD"], relation="together")
    assert [(each.sku, each.words) for each in together] == [("BUTTER", "Often bought together with Bread")]
    similar = related_to(retailer, ["P00"], relation="similar")
    assert {each.sku for each in similar} == {"P01", "P02", "P03", "P04", "CREAM"}
    assert [each.sku for each in related_to(retailer, ["P00"], relation="upgrade")] == ["CREAM"]
    order = retailer.orders.get(number="0-0")
    assert [each.sku for each in related_to_order(order, retailer)] == ["BUTTER"]


def test_a_retailer_without_orders_is_told_that_there_is_nothing() -> None:
    retailer = make.retailer()

    run = recommend(retailer, now=NOON)

    assert (run.status, run.code) == ("refused", "nothing_bought")
    assert not retailer.has_suggestions


def test_who_is_merged_or_erased_has_no_suggestions() -> None:
    from customers.models import Erasure
    from customers.privacy import erase

    retailer = habitual()
    recommend(retailer, now=NOON)

    merge(retailer, source=name(1), target=name(2), reference="m-1", now=NOON)
    erase(Customer.objects.get(external_id=name(3)), asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)

    assert not Suggestion.objects.filter(customer__external_id=name(1)).exists()
    assert Suggestion.objects.values("customer").distinct().count() == 58


def test_suggestions_stand_in_what_a_person_is_told() -> None:
    from customers.privacy import export

    retailer = habitual()
    recommend(retailer, now=NOON)

    told = export(Customer.objects.get(external_id=name(7)), now=NOON)

    (section,) = [each for each in told["sections"] if each["name"] == "suggestions"]
    assert section["rows"][0] == {
        "list": "again", "rank": 1, "sku": "P07", "reason": "bought", "because_sku": "", "days_bought": 16,
    }  # fmt: skip


def test_who_suggests_nothing_costs_no_statement(django_assert_num_queries: object) -> None:
    retailer = make.retailer()
    ada = make.customer(retailer, "ada")

    with django_assert_num_queries(0):  # type: ignore[operator] # pytest-django's fixture
        assert suggestions_for(ada, retailer, at=NOON) == Suggestions()
        assert related_to(retailer, ["A"]) == []


def test_suggestions_are_one_statement(django_assert_num_queries: object) -> None:
    retailer = habitual()
    recommend(retailer, now=NOON)
    ada = Customer.objects.get(external_id=name(0))

    with django_assert_num_queries(1):  # type: ignore[operator] # pytest-django's fixture
        suggestions_for(ada, retailer, at=NOON)


def test_a_worker_carries_out_what_was_asked_for() -> None:
    retailer = habitual()
    asked = ask(retailer, now=NOON, author="ada")

    recommend_asked()

    asked.refresh_from_db()
    assert (asked.status, asked.author) == ("done", "ada")
    assert not run_next(retailer, now=NOON)
    assert latest_run(retailer.pk) == asked


def test_a_night_is_for_those_who_want_it() -> None:
    retailer = habitual(weeks=2)

    recommend_nightly()
    assert not RecommendationRun.objects.exists()
    RecommendationSettings.objects.create(retailer=retailer, is_nightly=True)
    recommend_nightly()

    assert RecommendationRun.objects.get().verdicts["again"]["reason"] == "short"


def test_the_command_says_what_is_served_and_how_right_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    retailer = habitual()

    call_command("recommend", retailer=retailer.slug)

    said = capsys.readouterr().out
    assert "For the next basket: own purchases" in said
    assert RelatedProduct.objects.filter(sku="BREAD", relation=RelatedProduct.Relation.TOGETHER).count() == 1


def test_nothing_is_suggested_where_the_newest_audit_says_that_the_data_do_not_carry_it(client: Client) -> None:
    retailer = habitual(100)
    recommend(retailer, now=NOON)
    assert audit(retailer, now=NOON) is not None
    assert shown(retailer, name(7)).again[0].sku == "P07"
    lines = OrderLine.objects.exclude(sku="FUEL")
    OrderLine.objects.update(category="")

    audit(retailer, now=NOON)

    retailer.refresh_from_db()
    assert (shown(retailer, name(7)), related_to(retailer, ["BREAD"])) == (Suggestions(), [])
    assert suggested_names(retailer, [Customer.objects.get(external_id=name(7)).pk], at=NOON).popitem()[1].popular == ()
    run = recommend(retailer, now=NOON)
    assert (run.status, run.code) == ("refused", "not_carried")
    client.force_login(User.objects.create_superuser("sue"))
    page = client.get(reverse("admin:analytics_recommendationrun_changelist")).content.decode()
    assert "Recommendations: not shown, for the data do not carry it." in page
    assert "What some customers see" not in page

    lines.update(category="FOOD")
    audit(retailer, now=NOON)

    retailer.refresh_from_db()
    assert shown(retailer, name(7)).again[0].sku == "P07"
