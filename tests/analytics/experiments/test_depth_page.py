"""Which depth pays, for whom, as people and systems read it."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from analytics.experiments.depth_page import budget_of, depth_texts
from analytics.experiments.depth_results import ALL, DepthResult, Given
from analytics.experiments.depth_words import CHOICES, REFUSALS, choice_text, falls_texts, probability, refusal_text
from analytics.experiments.looking import look
from analytics.experiments.models import ExperimentLook
from analytics.uplift import depth_choosing, depth_prices
from analytics.uplift.depth_choosing import Cell, Choice, Decision
from analytics.uplift.depth_prices import PricePoint
from analytics.uplift.results import Range, Reason
from customers.models import Retailer
from loyalty.access.models import StaffRole
from loyalty.experiments.models import Experiment
from tests import make
from tests.analytics.experiments.depth_shops import ENDED, MARGIN, bought_before, trying
from tests.analytics.experiments.shops import crowd, experiment

CODE = re.compile(r"(?:Reason|UnfairPrice)\(\s*\"(\w+)\"|^ +\"(\w+)\": \(", re.MULTILINE)
MORE = {"weeks": 7.0, "needed": 4_100}


def chosen(reason: Reason, depth: float = 2.0, **given: Any) -> DepthResult:
    """Return what is said of one segment with two depths."""
    cells = [
        Cell(2.0, 2_100, 2_200, Range(1.5, 0.4, 0.7, 2.3), 1.4, 0.4, 0.9997),
        Cell(5.0, 2_050, 2_200, Range(-0.5, 0.5, -1.5, 0.5), -0.2, 0.5, 0.34),
    ]
    plain: dict[str, Any] = {
        "kind": "amount", "reward": "Five off", "list_price": None, "depths": [0.0, 2.0, 5.0],
        "variants": ["none", "two", "five"], "decision": Decision([Choice("vip", depth, reason, cells, [])], []),
        "customers": [6_350], "given": [[Given(0.4, 0.2), Given(1.2, 0.24)]], "segments_from": "2025-12-31", "curve": [],
    }  # fmt: skip
    return DepthResult(**(plain | given))


PAYS = Reason("pays", {"probability": 0.9997})
VALUES: dict[str, dict[str, Any]] = {
    "pays": {"probability": 0.9997}, "shallower_kept": {"deeper": 5.0, **MORE}, "nothing_earns": {"depth": 5.0},
    "nobody_moved": {"depth": 2.0}, "not_sure": {"depth": 2.0, "probability": 0.81, "asked": 0.9, **MORE}, "refused": {},
    "arms_broken": {"p": 0.0004, "asked": 0.001}, "too_few": {"least": 400, "asked": 1_000, "weeks": None},
    "control_too_small": {"share": 0.052, "asked": 0.1}, "window_open": {"days": 12},
    "pull_forward_unseen": {"days": 14, "asked": 24}, "costs_unknown": {}, "codes_shared": {"share": 0.081, "asked": 0.05},
    "households_crossed": {"share": 0.081, "asked": 0.05},
    "price_changed": {}, "not_as_planned": {}, "above_list": {"price": 700}, "limited_stock": {}, "not_whole": {"price": 0},
    "twice": {"price": 400}, "none": {},
}  # fmt: skip


def codes_of_sources() -> set[str]:
    """Return the codes that stand in the modules which give them."""
    sources = [Path(str(module.__file__)) for module in (depth_choosing, depth_prices)]
    own = Path(__file__).parents[3] / "analytics/experiments"
    sources += [own / "depth_looking.py", own / "offered.py"]
    return {found[1] or found[2] for path in sources for found in CODE.finditer(path.read_text())}


def test_every_code_has_words() -> None:
    assert codes_of_sources() == set(CHOICES) | set(REFUSALS) == set(VALUES)


@pytest.mark.parametrize("code", list(VALUES))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_code_is_worded_with_its_values(code: str, language: str) -> None:
    reason = Reason(code, VALUES[code])
    found = chosen(reason)
    with translation.override(language):
        texts = (
            [choice_text(found, found.decision.choices[0], "EUR")]
            if code in CHOICES
            else [refusal_text(found, reason, "EUR")]
        )

    assert "%(" not in texts[0]
    assert "None" not in texts[0]


def test_numbers_are_written_as_what_they_are() -> None:
    found = chosen(PAYS)

    texts = {
        code: refusal_text(found, Reason(code, VALUES[code]), "EUR")
        for code in ("too_few", "codes_shared", "arms_broken")
    }

    assert (
        choice_text(found, found.decision.choices[0], "EUR")
        == "VIP: 2.00 EUR off. The probability that it pays is > 99\N{NO-BREAK SPACE}%."
    )
    assert texts == {
        "too_few": "The smallest arm has 400 customers, and 1,000 are needed: but nobody enters any more.",
        "codes_shared": "8.1\N{NO-BREAK SPACE}% of the codes were used by others than those who got them; "
        "5\N{NO-BREAK SPACE}% are the most. Give codes that only their member can use, and run a new experiment.",
        "arms_broken": "The arms are not as large as their shares say (p = 0.0004; below 0.001 nothing is chosen). Find out who "
        "was lost in one arm alone, and run a new experiment.",
    }
    assert [probability(each) for each in (0.999, 0.001, 0.914)] == [
        "> 99\N{NO-BREAK SPACE}%",
        "< 1\N{NO-BREAK SPACE}%",
        "91\N{NO-BREAK SPACE}%",
    ]


def test_depths_of_a_price_are_prices() -> None:
    reason = Reason("not_sure", {"depth": 200.0, "probability": 0.8, "asked": 0.9, **MORE})
    found = chosen(reason, 0.0, kind="price", list_price=600, depths=[0.0, 100.0, 200.0])

    text = choice_text(found, found.decision.choices[0], "EUR")

    assert text.startswith(
        "VIP: 600 points for now. 400 points pays with a probability of 80\N{NO-BREAK SPACE}%, "
        "and 90\N{NO-BREAK SPACE}% are asked for."
    )


def test_where_a_response_fell_it_is_said() -> None:
    choice = Choice("vip", 0.0, PAYS, [], [5.0])

    (text,) = falls_texts(chosen(PAYS, decision=Decision([choice], [])), "EUR")

    assert text.startswith("VIP: fewer bought at 5.00 EUR off than at a smaller depth")


@pytest.mark.parametrize("text", ["0", "-5", "many", "NaN", "Infinity", "1e30"])
def test_a_budget_is_an_amount(text: str) -> None:
    assert budget_of(text) == (None, True)


def test_a_budget_is_read_as_people_write_it() -> None:
    assert [str(budget_of(text)[0]) for text in ("5000", "2 500,50", "")] == ["5000", "2500.50", "None"]


def kept(test: Experiment, found: DepthResult) -> ExperimentLook:
    """Return a look with what is said of depths put into it."""
    seen = look(test, now=ENDED)
    numbers = seen.numbers | {"depths": found.as_json()}
    copied = {each.name: getattr(seen, each.name) for each in seen._meta.fields if each.name not in {"id", "numbers"}}
    return ExperimentLook.objects.create(**copied, numbers=numbers)


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(name="Port", margin_rate=MARGIN)


@pytest.fixture
def read(owner: Retailer) -> Callable[..., str]:
    user = User.objects.create_user("analyst", is_staff=True)
    StaffRole.objects.create(user=user, retailer=owner, role="analyst")
    client = Client()
    client.force_login(user)

    def page(test: Experiment, **asked: str) -> str:
        answer = client.get(reverse("admin:analytics_experimentlook_of", args=[test.pk]), asked)
        assert answer.status_code == 200
        return unescape(answer.content.decode())

    return page


@pytest.mark.django_db
def test_a_page_says_which_depth_pays(owner: Retailer, read: Callable[..., str]) -> None:
    test = crowd(owner, experiment)
    kept(test, chosen(PAYS))

    page = read(test, budget="500")

    assert "Which depth pays, for whom" in page
    assert "VIP: 2.00 EUR off. The probability that it pays is > 99\N{NO-BREAK SPACE}%." in page
    assert "Segments as of 2025-12-31, before it began." in page
    assert "0.70 EUR … 2.30 EUR" in page
    assert "1,250" in page  # customers whom 500 pay for
    assert "An amount above 0 is expected, such as 5000." in read(test, budget="many")


@pytest.mark.django_db
def test_a_page_shows_the_curve_of_prices(owner: Retailer, read: Callable[..., str]) -> None:
    test = crowd(owner, experiment)
    curve = [PricePoint(500, 210.0, Range(800.0, 200.0, 400.0, 1_200.0), 150.0)]
    kept(test, chosen(PAYS, kind="price", list_price=600, depths=[0.0, 100.0], curve=curve))

    page = read(test)

    assert "500 points" in page
    assert "400.00 EUR … 1,200.00 EUR" in page


@pytest.mark.django_db
def test_a_page_says_why_nothing_is_chosen(owner: Retailer, read: Callable[..., str]) -> None:
    test = trying(owner, count=600)
    bought_before(owner, 600)
    found = look(test, now=ENDED)

    page = read(test)

    (text,) = depth_texts(found)
    assert text in page
    assert text.startswith("The smallest arm has ")
    assert "So no depth is chosen for anybody: keep what was before." in page
    assert "How far a budget goes" not in page


@pytest.mark.django_db
def test_systems_read_it_too(owner: Retailer, client: Client) -> None:
    test = crowd(owner, experiment)
    address = f"/api/v1/analytics/experiments/{test.code}/depths"
    may = {"Authorization": f"Api-Key {make.key(owner, 'analytics:read')}"}
    assert client.get(address, headers=may).status_code == 404
    kept(test, chosen(PAYS))

    said = client.get(address, {"budget": "500"}, headers=may).json()

    (choice,) = said["choices"]
    assert (choice["segment"], choice["depth"], choice["code"]) == ("vip", 2.0, "pays")
    assert [(each["depth"], each["name"], each["pays"]) for each in choice["cells"]] == [
        (2.0, "2.00 EUR off", 0.9997), (5.0, "5.00 EUR off", 0.34),
    ]  # fmt: skip
    assert said["budget"]["filled"] == [
        {
            "segment": "vip",
            "depth": 2.0,
            "customers": 1_250,
            "cost": 500.0,
            "earns": pytest.approx(1_250 * 1.1302, rel=1e-3),
        }
    ]
    assert client.get(address, {"budget": "x"}, headers=may).status_code == 400
    others = {"Authorization": f"Api-Key {make.key(owner, 'members:read')}"}
    assert client.get(address, headers=others).status_code == 403


def test_what_is_kept_reads_as_it_was() -> None:
    curve = [PricePoint(500, 210.0, Range(800.0, 200.0, 400.0, 1_200.0), 150.0)]
    refused = Decision([Choice(ALL, 0.0, Reason("refused"), [], [])], [Reason("costs_unknown")])

    for found in (chosen(PAYS), chosen(PAYS, curve=curve, list_price=600), chosen(PAYS, decision=refused)):
        assert DepthResult.from_json(found.as_json()) == found
