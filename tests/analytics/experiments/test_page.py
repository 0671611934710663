"""The pages of results, who sees them, the API, the command and the night."""

from collections.abc import Callable
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from analytics.experiments import words
from analytics.experiments.looking import latest, look
from analytics.experiments.models import ExperimentLook
from analytics.experiments.overview import lines_of
from analytics.experiments.page import said
from analytics.experiments.planning import plan_from_data
from analytics.experiments.report import experiment_report
from analytics.tasks import look_at_experiments
from analytics.uplift.results import Range
from customers.models import Retailer
from loyalty.access.models import StaffRole
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact, plan
from loyalty.experiments.running import start
from tests import make
from tests.analytics.experiments.shops import CLOSED, DAY, LATER, bought, crowd, experiment, in_arm, persons
from tests.analytics.experiments.test_planning import TENTH, shop
from tests.experiments.make_experiments import drafted, planned
from tests.make import START

pytestmark = pytest.mark.django_db
ENDED = START + 121 * DAY
LIST = "admin:analytics_experimentlook_changelist"


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(name="Port")


@pytest.fixture
def as_role(owner: Retailer) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        user = User.objects.create_user(role, is_staff=True)
        StaffRole.objects.create(user=user, retailer=owner, role=role)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def of(test: Experiment) -> str:
    return reverse("admin:analytics_experimentlook_of", args=[test.pk])


def test_a_controller_reads_the_answer_in_a_sentence(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = crowd(owner, experiment)
    found = look(test, now=ENDED)

    page = text(as_role("analyst").get(of(test)))

    effect = found.result.effects[0]
    assert f"in: each customer brings {effect.shown.value:.2f} EUR more in 28 days than one of the control" in page
    assert "Grade A: chance alone decided who is compared with whom." in page
    assert "This is the end that was planned." in page
    assert test.plan_hash in page
    assert "The arms’ sizes fit their shares" in page


def test_a_controller_reads_it_in_french(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = crowd(owner, experiment)
    look(test, now=CLOSED)
    client = as_role("analyst")

    with translation.override("fr"):
        page = text(client.get(of(test), headers={"Accept-Language": "fr"}))

    assert test.code in page or test.name in page


def test_a_look_before_the_end_says_when_the_answer_comes(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = crowd(owner, experiment, gain=0)
    look(test, now=CLOSED)

    page = text(as_role("analyst").get(of(test)))

    assert "not decided yet" in page
    assert "It ends on May 1, 2026; then its interval is read once." in page


def test_a_blocked_result_says_why_and_shows_no_effect(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    persons(owner, 40)
    test = experiment(owner)
    look(test, now=ENDED)

    page = text(as_role("analyst").get(of(test)))

    assert "of fewer than 100 a few decide, so nothing is told." in page
    assert "No grade: nothing may be told." in page
    assert "What each variant brings more" not in page


def test_other_looks_are_listed(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = crowd(owner, experiment)
    first = look(test, author="Grace", now=CLOSED)
    look(test, now=ENDED)
    client = as_role("analyst")

    page = text(client.get(of(test)))

    address = reverse("admin:analytics_experimentlook_change", args=[first.pk])
    assert address in page
    assert "Grace" in page
    assert "not decided yet" in text(client.get(address)) or "brings" in text(client.get(address))


def test_a_look_is_asked_for_and_made_again(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = crowd(owner, experiment)
    client = as_role("owner")

    client.post(reverse("admin:analytics_experimentlook_look", args=[test.pk]))

    found = latest(test)
    assert found is not None
    assert (found.author, found.is_final) == ("owner", True)
    again = client.post(reverse("admin:analytics_experimentlook_again", args=[found.pk]), follow=True)
    assert "the same to the digit" in text(again)
    bought(in_arm(test, "in")[0], START + DAY, now=LATER)
    assert "the same to the digit" in text(
        client.post(reverse("admin:analytics_experimentlook_again", args=[found.pk]), follow=True)
    )


def test_what_a_draft_detects_is_shown_before_it_starts(as_role: Callable[[str], Client]) -> None:
    owner = shop()
    draft = drafted(owner, make.program(owner), metric="revenue", window_days=28, variants=TENTH)
    user = User.objects.create_superuser("Ada")
    client = Client()
    client.force_login(user)

    page = text(client.get(of(draft)))

    assert "What it can detect" in page
    assert "Half and half detects" in page
    client.post(reverse("admin:analytics_experimentlook_plan", args=[draft.pk]))
    draft.refresh_from_db()
    assert draft.plan["detectable"]["customers"] == 60
    assert draft.plan_hash in text(client.get(of(draft)))


@pytest.mark.parametrize(("detectable", "says"), [
    ({"effect_percent": "4.8", "customers": 20_000}, "20,000 customers, an effect of 4.8\N{NO-BREAK SPACE}%"),
    ({"variants": 5}, "variants: 5"),
    ({"variants": [{"code": "B"}]}, "variants: [{'code': 'B'}]"),
])  # fmt: skip
def test_what_somebody_else_computed_is_shown_as_it_stands_in_the_plan(
    owner: Retailer, as_role: Callable[[str], Client], detectable: dict[str, Any], says: str
) -> None:
    draft = plan(drafted(owner, make.program(owner)), detectable=detectable, author="Grace", now=START)

    assert says in text(as_role("owner").get(of(draft)))


def test_a_planned_effect_is_told_in_money_where_it_is_an_amount() -> None:
    told = {"variants": [{"detectable": {"amount": 1.5, "share": 0.05}}, {"detectable": {"amount": 2, "share": None}}]}
    beyond = {"variants": [{"detectable": {"amount": 10**400, "share": None}}]}

    assert (
        words.planned(told, "EUR") == f"{words.money(1.5, 'EUR')} (5.0\N{NO-BREAK SPACE}%), {words.money(2.0, 'EUR')}"
    )
    assert words.planned(beyond, "EUR").startswith("variants: [{'detectable': {'amount': 1000")
    nothing: list[Any] = [{}, None, [1]]
    assert [words.planned(each, "EUR") for each in nothing] == ["", "", ""]


def test_a_draft_without_orders_says_what_is_missing(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    draft = drafted(owner, make.program(owner))

    assert "What can be detected is computed from the orders of one whole window" in text(
        as_role("owner").get(of(draft))
    )


def test_support_sees_no_results_and_an_auditor_asks_for_none(
    owner: Retailer, as_role: Callable[[str], Client]
) -> None:
    test = crowd(owner, experiment)
    support, auditor = as_role("support"), as_role("auditor")

    assert support.get(reverse(LIST)).status_code == 403
    assert support.get(of(test)).status_code == 403
    assert auditor.get(reverse(LIST)).status_code == 200
    assert auditor.post(reverse("admin:analytics_experimentlook_look", args=[test.pk])).status_code == 403
    assert ExperimentLook.objects.count() == 0


def test_a_look_cannot_be_written_by_hand(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    first = look(crowd(owner, experiment), now=CLOSED)
    client = as_role("owner")

    assert client.post(reverse("admin:analytics_experimentlook_change", args=[first.pk])).status_code == 403
    assert client.get(reverse("admin:analytics_experimentlook_add")).status_code == 403


def several(owner: Retailer, count: int) -> list[Experiment]:
    first = crowd(owner, experiment)
    club = first.program
    return [first, *(drafted(owner, club, f"draft{place}") for place in range(count - 1))]


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_takes_as_many_statements_for_thirty_as_for_one(
    owner: Retailer, django_assert_num_queries: Any, count: int
) -> None:
    test = several(owner, count)[0]
    look(test, now=ENDED)

    with django_assert_num_queries(4):
        lines = lines_of(owner)

    assert len(lines) == count


def test_a_quarters_campaigns_are_counted_together(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = crowd(owner, experiment)
    look(test, now=ENDED)

    (line,) = lines_of(owner)

    assert line.p_value is not None
    assert line.among == line.p_value
    assert not line.is_lost
    assert "Q2 2026" in text(as_role("analyst").get(reverse(LIST)))


def key(owner: Retailer, scope: str = "analytics:read") -> dict[str, Any]:
    return {"headers": {"Authorization": f"Api-Key {make.key(owner, scope)}"}}


def test_the_api_gives_looks_and_what_a_draft_detects() -> None:
    owner = shop()
    draft = drafted(owner, make.program(owner), metric="revenue", window_days=28, variants=TENTH, form="no_benefits")
    client = Client()

    found = client.get("/api/v1/analytics/experiments/hold-out/detectable", **key(owner))

    assert found.status_code == 200
    assert (found.json()["customers"], found.json()["advice"]) == (60, "half_and_half")
    assert client.get("/api/v1/analytics/experiments/hold-out/looks", **key(owner)).json()["results"] == []
    assert client.get("/api/v1/analytics/experiments/hold-out/looks", **key(make.retailer())).status_code == 404
    assert client.get("/api/v1/analytics/experiments/hold-out/looks", **key(owner, "members:read")).status_code == 403
    assert draft.is_draft


def test_the_api_says_why_nothing_can_be_detected(owner: Retailer) -> None:
    drafted(owner, make.program(owner))

    found = Client().get("/api/v1/analytics/experiments/hold-out/detectable", **key(owner))

    assert (found.status_code, found.json()["code"]) == (422, "too_little_to_plan_from")


def test_the_api_gives_what_a_look_says(owner: Retailer) -> None:
    kept = look(crowd(owner, experiment), now=ENDED)

    (found,) = Client().get("/api/v1/analytics/experiments/hold-out/looks", **key(owner)).json()["results"]

    assert (found["id"], found["is_final"], found["plan_hash"]) == (kept.pk, True, kept.plan_hash)
    assert found["numbers"] == kept.numbers
    assert found["says"][0]["verdict"] == "effect"


def said_by(*arguments: str) -> str:
    out = StringIO()
    call_command("experiments", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_looks_and_looks_again(owner: Retailer) -> None:
    test = crowd(owner, experiment)

    assert "each customer brings" in said_by(owner.slug)
    assert ExperimentLook.objects.filter(experiment=test).count() == 1
    assert "the same to the digit" in said_by(owner.slug, "hold-out", "--again")


def test_the_command_passes_over_what_starts_later(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    ahead = timezone.now() + DAY
    start(planned(owner, test.program, "ahead"), starts_at=ahead, author="Grace", now=ahead - DAY)

    said = said_by(owner.slug)

    assert (said.count("each customer brings"), "ahead" in said) == (1, False)
    with pytest.raises(CommandError, match="ahead has not started: there is nothing to look at"):
        said_by(owner.slug, "ahead")


@pytest.mark.parametrize("name", ["[red]rebate", "rebate [/] half", ":smile: rebate", "[bold"])
def test_the_command_writes_names_as_they_are(owner: Retailer, name: str) -> None:
    variants = (VariantFact("out", 5_000, is_control=True), VariantFact("in", 5_000, name=name))
    crowd(owner, lambda shop: experiment(shop, variants=variants))

    assert f"{name}: each customer brings" in said_by(owner.slug)


def test_the_command_says_what_can_be_detected_and_plans() -> None:
    owner = shop()
    draft = drafted(owner, make.program(owner), metric="revenue", window_days=28, variants=TENTH)

    assert "Half and half detects" in said_by(owner.slug, "hold-out", "--detectable")
    draft.refresh_from_db()
    assert draft.plan_hash == ""
    told = said_by(owner.slug, "hold-out", "--plan")
    draft.refresh_from_db()
    assert draft.plan_hash in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plan"], "Name the experiment of --plan."),
        (["nothing"], "There is no experiment nothing."),
        (["hold-out"], "has not started"),
        (["hold-out", "--again"], "has not been looked at."),
    ],
)
def test_the_command_says_what_is_wrong(owner: Retailer, arguments: list[str], words: str) -> None:
    drafted(owner, make.program(owner))

    with pytest.raises(CommandError, match=words):
        said_by(owner.slug, *arguments)


def test_a_night_looks_at_every_retailers_experiments(owner: Retailer) -> None:
    test = crowd(owner, experiment)

    look_at_experiments()

    assert latest(test) is not None


def test_planning_again_replaces_the_plan() -> None:
    owner = shop()
    draft = drafted(owner, make.program(owner), metric="revenue", window_days=28, variants=TENTH)

    first = plan_from_data(draft, author="Grace", now=START).plan_hash

    assert plan_from_data(draft, author="Grace", now=START).plan_hash == first


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_is_one_file_that_asks_nothing_of_a_network(owner: Retailer, language: str) -> None:
    test = crowd(owner, lambda shop: experiment(shop, name="Winter"))
    found = look(test, now=ENDED)

    page = experiment_report(found, now=ENDED, language=language)

    assert f'<html lang="{language}">' in page
    assert page.count("<svg") == 2
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    with translation.override(language):
        assert said(found)[0]["text"] in unescape(page)


def test_a_blocked_look_is_sent_with_why_and_without_pictures(owner: Retailer) -> None:
    found = look(experiment(owner), now=START + DAY)

    page = unescape(experiment_report(found, now=START + DAY))

    assert "Nobody has been in it for a whole window yet." in page
    assert "No grade: nothing may be told." in page
    assert "<svg" not in page


def test_the_report_is_loaded_by_who_may_see_the_look(owner: Retailer, as_role: Callable[[str], Client]) -> None:
    test = experiment(owner)
    found = look(test, now=START + DAY)
    address = reverse("admin:analytics_experimentlook_report", args=[found.pk])

    answer = as_role("analyst").get(address)

    assert answer.headers["Content-Disposition"] == f'attachment; filename="experiment-{test.code}-{found.pk}.html"'
    assert Client().get(address).status_code == 302
    assert address in text(as_role("owner").get(of(test)))


def test_the_command_writes_the_report(owner: Retailer, tmp_path: Path) -> None:
    test = experiment(owner)
    out = tmp_path / "winter.html"

    call_command("experiments", owner.slug, test.code, out=out, stdout=StringIO())

    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(CommandError, match="Name the experiment of --out"):
        call_command("experiments", owner.slug, out=out, stdout=StringIO())
    with pytest.raises(CommandError, match="--out writes the report on a look"):
        call_command("experiments", owner.slug, test.code, again=True, out=out, stdout=StringIO())


@pytest.mark.parametrize(("low", "high", "currency", "written"), [
    (3.6, 4.2, "JPY", "3.6 JPY … 4.2 JPY"),
    (0.12, 0.31, "JPY", "0.1 JPY … 0.3 JPY"),
    (12.4, 90.6, "JPY", "12 JPY … 91 JPY"),
    (-3.0, 45.0, "JPY", "-3 JPY … 45 JPY"),
    (0.0021, 0.0048, "EUR", "0.002 EUR … 0.005 EUR"),
    (3.71, 4.3, "EUR", "3.71 EUR … 4.30 EUR"),
    (3.71, 4.3, "KWD", "3.710 KWD … 4.300 KWD"),
    (0.0, 0.0, "JPY", "0 JPY … 0 JPY"),
    (1e-12, 2e-12, "JPY", "0.0000 JPY … 0.0000 JPY"),
])  # fmt: skip
def test_an_interval_of_means_has_the_decimals_that_tell_its_ends_apart(
    low: float, high: float, currency: str, written: str
) -> None:
    """Half a yen more is an effect, and 0 JPY to 0 JPY would be none."""
    with translation.override("en"):
        assert words.interval(Range((low + high) / 2, 0.1, low, high), currency) == written
