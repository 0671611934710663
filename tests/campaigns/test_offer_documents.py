"""Offers as documents: written, refused with a place, applied wholly or not at all."""

from copy import deepcopy
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from customers.models import Retailer
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.checking import schema
from loyalty.campaigns.offering.documents import apply_document, check, say, to_document
from loyalty.campaigns.offering.managing import end_offer, start
from loyalty.configuration.document import InvalidDocument
from loyalty.configuration.plain_yaml import read_yaml, to_yaml
from loyalty.programs.models import Program
from loyalty.rewards.models import RewardBudget
from tests import make
from tests.campaigns.make_offers import TEN_OFF, ask, budget, club, offer
from tests.make import NOON

pytestmark = pytest.mark.django_db
DOCUMENT: dict[str, Any] = {
    "offer": 1, "program": "club", "code": "spring", "name": "Ten off", "rewards": ["ten-off"], "currency": "EUR",
    "budget": "100.5",
}  # fmt: skip
WHOLE = DOCUMENT | {
    "at_most": "9.5", "first_day": "2027-01-01", "last_day": "2027-01-31", "name_fr": "Dix de moins", "valid_days": 1,
    "again_after_days": 0, "slot": "home", "priority": 0, "tiers": ["gold"], "segments": ["vip", "overdue"], "value_from": 3,
    "value_to": 10, "categories": ["Thé & café"], "brands": ["Ö"], "excluded": ["promotion_lover"], "instead": "other",
}  # fmt: skip


def shop(**owner: Any) -> Program:
    found = club(TEN_OFF, {"code": "stay", "kind": "product", "cost": Decimal(3)},
                 owner=make.retailer(language="en", **owner), tiers=[("gold", "0", "1")])  # fmt: skip
    Program.objects.filter(pk=found.pk).update(slug="club")
    found.refresh_from_db()
    return found


def places(retailer: Retailer, said: Any) -> list[tuple[str, str]]:
    return [(each.code, each.place) for each in check(retailer, said, now=NOON)]


@pytest.mark.parametrize("said", [DOCUMENT, WHOLE])
def test_what_is_exported_and_applied_again_changes_nothing(said: dict[str, Any]) -> None:
    program = shop()
    offer(program, code="other", rewards=["stay"], is_live=False)

    first = say(program.retailer, said, now=NOON)
    document = to_document(first.offer)
    again = say(program.retailer, read_yaml(to_yaml(document)), now=NOON)

    assert (first.offer.state, first.findings) == ("draft", [])
    assert document == said
    assert (again.offer.pk, again.changes, to_document(again.offer)) == (first.offer.pk, [], said)
    start(again.offer, now=NOON)
    assert say(program.retailer, document, now=NOON).changes == []


def test_a_program_and_its_offers_are_carried_to_another_retailer_by_documents() -> None:
    one, other = shop(), shop()
    exported = to_document(apply_document(one.retailer, DOCUMENT, now=NOON))

    found = apply_document(other.retailer, exported, now=NOON)

    assert (found.retailer_id, found.program_id, to_document(found)) == (other.retailer_id, other.pk, DOCUMENT)
    assert Offer.objects.filter(code="spring").count() == 2


REFUSED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"budgt": "5"}, [("additionalProperties", "/")]),
    ({"offer": 2}, [("const", "offer")]),
    ({"budget": "-1"}, [("pattern", "budget")]),
    ({"budget": -1}, [("minimum", "budget")]),
    ({"budget": 10.5}, [("no_whole_number", "budget")]),
    ({"budget": 100.0}, [("no_whole_number", "budget")]),
    ({"budget": 10**12}, [("maximum", "budget")]),
    ({"budget": "1" * 13}, [("pattern", "budget")]),
    ({"budget": "1e3"}, [("pattern", "budget")]),
    ({"budget": "NaN"}, [("pattern", "budget")]),
    ({"budget": "١"}, [("pattern", "budget")]),
    ({"budget": "5\n"}, [("pattern", "budget")]),
    ({"budget": True}, [("type", "budget")]),
    ({"budget": None}, [("type", "budget")]),
    ({"budget": "1.001"}, [("too_many_decimals", "budget")]),
    ({"at_most": "0.001"}, [("too_many_decimals", "at_most")]),
    ({"currency": "JPY"}, [("other_currency", "currency")]),
    ({"currency": "eur"}, [("other_currency", "currency")]),
    ({"valid_days": 0}, [("minimum", "valid_days")]),
    ({"valid_days": 401}, [("maximum", "valid_days")]),
    ({"valid_days": "14"}, [("type", "valid_days")]),
    ({"valid_days": 14.0}, [("no_whole_number", "valid_days")]),
    ({"again_after_days": 10**30}, [("maximum", "again_after_days")]),
    ({"priority": 101}, [("maximum", "priority")]),
    ({"rewards": []}, [("minItems", "rewards")]),
    ({"rewards": "ten-off"}, [("type", "rewards")]),
    ({"rewards": ["ten-off", "ten-off"]}, [("uniqueItems", "rewards")]),
    ({"tiers": ["gold", "glod"]}, [("unknown_tier", "tiers/1")]),
    ({"segments": ["vip", "vips"]}, [("enum", "segments/1")]),
    ({"excluded": [None]}, [("enum", "excluded/0")]),
    ({"value_from": 0}, [("minimum", "value_from")]),
    ({"value_from": 9, "value_to": 3}, [("no_decile", "value_to")]),
    ({"first_day": "2027-02-30"}, [("no_day", "first_day")]),
    ({"last_day": "0001-01-01"}, [("no_day", "last_day")]),
    ({"last_day": "9999-12-31"}, [("no_day", "last_day")]),
    ({"first_day": "2027-02-02", "last_day": "2027-02-01"}, [("ends_first", "last_day")]),
    ({"name": ""}, [("minLength", "name"), ("pattern", "name")]),
    ({"name": " "}, [("pattern", "name")]),
    ({"name": "a\x00"}, [("not_a_text", "name")]),
    ({"code": "spring\n"}, [("pattern", "code")]),
    ({"code": ""}, [("pattern", "code")]),
    ({"program": "none"}, [("unknown_program", "program")]),
    ({"instead": "none", "excluded": ["vip"]}, [("unknown_offer", "instead")]),
    ({"instead": "spring", "excluded": ["vip"]}, [("unknown_offer", "instead")]),
    ({"instead": "other"}, [("nobody_excluded", "instead")]),
]


@pytest.mark.parametrize(("wrong", "found"), REFUSED)
def test_what_nobody_can_mean_is_refused_with_its_place_and_changes_nothing(
    wrong: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    program = shop()
    offer(program, code="other", rewards=["stay"], is_live=False)
    before = to_document(apply_document(program.retailer, DOCUMENT, now=NOON))

    assert places(program.retailer, deepcopy(DOCUMENT) | wrong) == found
    with pytest.raises(InvalidDocument):
        apply_document(program.retailer, DOCUMENT | {"name": "Eleven off"} | wrong, now=NOON)

    assert to_document(Offer.objects.get(code="spring")) == before
    assert (Offer.objects.count(), RewardBudget.objects.count()) == (2, 2)


@pytest.mark.parametrize("said", [None, [], "offer", 1, 1.5, {}, {"offer": 1}])
def test_what_is_no_document_is_refused(said: Any) -> None:
    assert places(shop().retailer, said)


def test_nesting_without_end_is_refused() -> None:
    deep: Any = []
    for _turn in range(100_000):
        deep = [deep]

    assert places(shop().retailer, DOCUMENT | {"tiers": deep}) == [("too_deep", "/")]


def test_a_refusal_says_what_there_is() -> None:
    (found,) = check(shop().retailer, DOCUMENT | {"tiers": ["glod"]}, now=NOON)

    assert found.message == "There is no tier “glod”. There are: gold."


def test_what_is_only_in_the_way_of_starting_is_told_with_its_place_and_makes_a_draft() -> None:
    program = shop()
    said = DOCUMENT | {"rewards": ["nothing", "ten-off"], "budget": 0}

    found = say(program.retailer, said, now=NOON)

    assert [(each.code, each.place) for each in found.findings] == [
        ("no_budget", "budget"), ("unknown_reward", "rewards/0"),
    ]  # fmt: skip
    assert (found.offer.state, found.offer.budget.limit) == ("draft", 0)


def test_of_an_offer_that_is_given_only_the_budget_can_be_another() -> None:
    program = shop()
    live = offer(program, code="spring", budget="30")
    document = to_document(live)
    ask(live, make.member(program, "ada"), make.member(program, "bob"))

    more = say(program.retailer, document | {"budget": "25"}, now=NOON)
    assert ([(each.path, each.before, each.after) for each in more.changes], more.offer.state) == (
        [("budget", "30", "25")], "live",
    )  # fmt: skip
    assert budget(live) == (20, 0)
    assert places(program.retailer, document | {"budget": "19.99"}) == [("budget_too_small", "budget")]
    wrong = document | {"budget": "50", "name": "More", "valid_days": 3}
    assert places(program.retailer, wrong) == [("offer_stays", "name"), ("offer_stays", "valid_days")]
    with pytest.raises(InvalidDocument):
        apply_document(program.retailer, wrong, now=NOON)
    assert to_document(Offer.objects.get(pk=live.pk)) == document | {"budget": "25"}

    end_offer(live)
    assert places(program.retailer, document | {"budget": "26"}) == [("offer_stays", "budget")]
    assert say(program.retailer, document | {"budget": "25"}, now=NOON).changes == []


def test_the_code_of_another_programs_offer_is_refused() -> None:
    program = shop()
    second = club(owner=program.retailer)
    offer(second, code="spring", is_live=False)

    assert places(program.retailer, DOCUMENT) == [("other_offer", "program")]


def test_another_retailers_program_offer_and_tier_are_not_there() -> None:
    mine, other = shop(), make.retailer(language="en")
    offer(mine, code="quiet", rewards=["stay"], is_live=False)

    assert places(other, DOCUMENT) == [("unknown_program", "program")]
    theirs = club(owner=other)
    Program.objects.filter(pk=theirs.pk).update(slug="club")
    wrong = DOCUMENT | {"tiers": ["gold"], "excluded": ["vip"], "instead": "quiet"}
    assert places(other, wrong) == [("unknown_tier", "tiers/0"), ("unknown_offer", "instead")]


def test_amounts_of_a_currency_without_cents_have_none() -> None:
    program = shop(currency="JPY")

    assert places(program.retailer, DOCUMENT) == [("other_currency", "currency")]
    assert places(program.retailer, DOCUMENT | {"currency": "JPY"}) == [("too_many_decimals", "budget")]
    assert places(program.retailer, DOCUMENT | {"currency": "JPY", "budget": 5_000}) == []


class Tool:
    """A retailer's tool that sends documents."""

    def __init__(self) -> None:
        self.client, self.program = Client(raise_request_exception=False), shop()
        self.headers = {"authorization": f"Api-Key {make.key(self.program.retailer)}"}

    def post(self, verb: str, body: Any, kind: str = "application/json") -> tuple[int, Any]:
        answer: Any = self.client.post(f"/api/v1/{verb}", body, content_type=kind, headers=self.headers)
        return answer.status_code, answer.json()

    def get(self, address: str) -> Any:
        return self.client.get(f"/api/v1/{address}", headers=self.headers)


def test_a_tool_checks_plans_applies_starts_and_exports() -> None:
    tool = Tool()

    assert tool.post("offer-documents/check", DOCUMENT) == (200, {"can_start": True, "findings": []})
    status, plan = tool.post("offer-documents/plan", to_yaml(DOCUMENT).encode(), "application/yaml")
    assert (status, plan["room"], plan["findings"]) == (
        200, {"reserves": "10.00", "times": 10, "currency": "EUR"}, [],
    )  # fmt: skip
    assert {"path": "budget", "before": None, "after": "100.5"} in plan["changes"]
    assert Offer.objects.count() == 0
    status, applied = tool.post("offer-documents/apply", DOCUMENT)
    assert (status, applied["code"], applied["state"]) == (200, "spring", "draft")
    assert tool.post("offers/spring/start?dry_run=true", None)[1]["state"] == "live"
    assert Offer.objects.get().state == "draft"
    assert tool.post("offers/spring/start", None)[1]["state"] == "live"
    assert tool.post("offers/spring/start", None)[0] == 409
    written = DOCUMENT | {"revision": applied["revision"]}
    assert tool.get("offers/spring/document").json() == written
    assert read_yaml(tool.get("offers/spring/document?as=yaml").content.decode()) == written
    assert tool.get("offer-documents/schema").json() == schema()
    assert tool.get("offers/summer/document").status_code == 404


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b'{"offer": 1, "offer": 1}', "application/json", 400, "parse_error"),
        (b"offer: 1\noffer: 1\n", "application/yaml", 422, "unreadable_document"),
        (b"offer: !!float 1\n", "application/yaml", 422, "unreadable_document"),
        (b'{"offer": 1, "budget": 1e400}', "application/json", 422, "invalid_document"),
        (b'{"offer": 1, "budget": ' + b"9" * 5_000 + b"}", "application/json", 400, "parse_error"),
        (b"\xff", "application/yaml", 400, "parse_error"),
        (b"[]", "application/json", 422, "invalid_document"),
    ],
)
def test_bodies_that_say_nothing_sure_are_refused(body: bytes, kind: str, status: int, code: str) -> None:
    tool = Tool()

    for verb in ("plan", "apply"):
        answered, said = tool.post(f"offer-documents/{verb}", body, kind)
        assert (answered, said["code"]) == (status, code)

    assert Offer.objects.count() == 0


def test_a_tool_is_told_each_place_at_once() -> None:
    status, said = Tool().post("offer-documents/apply", DOCUMENT | {"tiers": ["a", "b"], "first_day": "2027-02-30"})

    assert status == 422
    assert [(each["pointer"], each["code"]) for each in said["errors"]] == [
        ("/first_day", "no_day"), ("/tiers/0", "unknown_tier"), ("/tiers/1", "unknown_tier"),
    ]  # fmt: skip


def test_the_command_does_the_same(tmp_path: Path) -> None:
    program, file = shop(), tmp_path / "spring.yaml"
    file.write_text(to_yaml(DOCUMENT), encoding="utf-8")

    def run(*words: str) -> str:
        out = StringIO()
        call_command("offer", *words, "--retailer", program.retailer.slug, stdout=out, stderr=out, no_color=True)
        return out.getvalue()

    assert run("check", str(file)) == "The offer can start.\n"
    assert "Each reserves 10.00 EUR at most: it can be given 10 times.\n" in run("plan", str(file))
    assert Offer.objects.count() == 0
    assert run("apply", str(file)) == "The offer spring: draft.\n"
    assert run("start", "spring") == "The offer spring: live.\n"
    assert run("apply", str(file), "--start") == "The offer spring: live.\n"
    exported = read_yaml(run("export", "spring"))
    assert exported == DOCUMENT | {"revision": exported["revision"]}
    file.write_text(to_yaml(DOCUMENT | {"code": "next", "rewards": ["nothing"]}), encoding="utf-8")
    with pytest.raises(CommandError, match="This offer cannot start yet: The program in force has no reward “nothing”"):
        run("apply", str(file), "--start")
    assert Offer.objects.count() == 1
