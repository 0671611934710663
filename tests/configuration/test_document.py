"""A version as one document: written, checked, compared, applied elsewhere, and the same again."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from jsonschema import Draft202012Validator

from loyalty.configuration.checking import check
from loyalty.configuration.document import InvalidDocument, apply_to, check_document, differences, schema, to_document
from loyalty.configuration.drafts import create_program
from loyalty.configuration.plain_yaml import UnreadableDocument, read_yaml, to_yaml
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy
from tests import make
from tests.make import Rule

pytestmark = pytest.mark.django_db
EVENING = {"all": [{"field": "time", "from": "18:00", "to": "20:00"}, {"field": "weekday", "in": ["friday"]}]}


def rich() -> ProgramVersion:
    """Return a draft that uses all there is."""
    draft = make.version(
        rules=[
            Rule(points="1.25", minimum_amount="10.5"),
            Rule(code="evening", points="2", condition=EVENING, group="best", cap=500),
            Rule(code="100", kind="per_interaction", interaction="review", points="25", group="best"),
        ],
        tiers=[("bronze", "0", "1"), ("silver", "499.99", "1.25"), ("yes", "1500", "2")],
        points={"expiry": "fixed_dates", "expiry_dates": ["06-30", "12-31"], "budget": 10**12, "period_limit": 1000,
                "pending_until": date(2026, 7, 1), "point_value": Decimal("0.005"), "name_fr": "Étoiles : les « points »"},
        scheme={"window": "membership_year", "downgrade": "grace", "grace_days": 30, "soft_landing": True, "combination": "any"},
    )  # fmt: skip
    EarningGroup.objects.create(version=draft, code="best", name="Friday evening")
    PointsPolicy.objects.create(version=draft, code="status", is_spendable=False)
    Tier.objects.filter(version=draft, code="yes").update(
        also_orders=12, entry_gift=100, free_shipping=True, benefits="A\nB"
    )
    return draft


def test_the_round_trip_is_exact_into_another_retailer() -> None:
    draft = rich()
    text = to_yaml(to_document(draft))
    elsewhere = create_program(
        make.retailer(), slug=draft.program.slug, name=draft.program.name, zone=draft.program.zone
    )

    apply_to(elsewhere, read_yaml(text))

    assert to_yaml(to_document(elsewhere)) == text
    assert check_document(read_yaml(text)) == []
    for model in (PointsPolicy, EarningRule, EarningGroup, Tier, TierPolicy):
        first, second = (
            list(model._default_manager.filter(version=each).order_by("pk").values()) for each in (draft, elsewhere)
        )
        without = {"id", "key", "version_id"}
        assert sorted(str({k: v for k, v in row.items() if k not in without}) for row in first) == sorted(
            str({k: v for k, v in row.items() if k not in without}) for row in second
        )


def test_the_schema_is_one_and_takes_what_is_exported() -> None:
    Draft202012Validator.check_schema(schema())

    assert Draft202012Validator(schema()).is_valid(to_document(rich()))


def test_times_days_and_codes_are_read_as_they_are_written() -> None:
    said = read_yaml(
        "time: 18:00\nday: 2026-03-31\namount: 1.50\ncount: 010\nyes: no\nlimit: 5\nnothing: ~\nflag: true"
    )

    assert said == {"time": "18:00", "day": "2026-03-31", "amount": "1.50", "count": "010", "yes": "no", "limit": 5,
                    "nothing": None, "flag": True}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: &x [1]\nb: *x",
        "!!python/object/apply:os.system ['true']",
        "x" * 1_000_001,
        "[" * 999_999,
        "[{" * 400_000,
        "- " * 400_000,
        "{a: " * 200_000,
    ],
)
def test_what_is_no_plain_document_is_refused(text: str) -> None:
    with pytest.raises(UnreadableDocument):
        read_yaml(text)


@pytest.mark.parametrize(
    "text", ["a\x85b", "\x85", "a\u2028b", " a\r\n\r\nb ", "\ufeffa", "\x01\x9f", "12:30:45", "<<", "\U0001f600\u202e"]
)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    assert read_yaml(to_yaml({"body": text, "list": [text]})) == {"body": text, "list": [text]}


def changed(path: str, value: Any) -> Any:
    document = read_yaml(to_yaml(to_document(rich())))
    *way, last = path.split("/")
    place = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("loyalty", 2, "loyalty"),
        ("earning_rules", ..., "/"),
        ("earning_rules/0/points", ..., "earning_rules/0"),
        ("earning_rules/0/points", "many", "earning_rules/0/points"),
        ("earning_rules/0/points", "0", "earning_rules/0/points"),
        ("earning_rules/0/colour", "red", "earning_rules/0"),
        ("earning_rules/0/kind", "per_smile", "earning_rules/0/kind"),
        ("earning_rules/0/condition", {"field": "colour", "in": ["red"]}, "earning_rules/0/condition"),
        ("earning_rules/1/code", "100", "earning_rules/1"),
        ("tiers/1/threshold", "-5", "tiers/1/threshold"),
        ("tiers/1/code", "two words", "tiers/1/code"),
        ("wallets/0/expiry_dates", ["13-01"], "wallets/0/expiry_dates"),
        ("program/zone", "Europe/Lutetia", "program/zone"),
        ("tier_policy/grace_days", "30", "tier_policy/grace_days"),
        ("note", "a\x00b", "note"),
        ("earning_rules/0/condition", {"field": "sku", "in": ["a\x00b"]}, "earning_rules/0/condition/in/0"),
        ("earning_rules/0/condition", {"field": "order_amount", "from": "NaN"}, "earning_rules/0/condition"),
        ("earning_rules/0/condition", {"field": "order_amount", "from": "9999999999999"}, "earning_rules/0/condition"),
        ("earning_rules/0/condition", {"field": "time", "from": "10:00+02:00"}, "earning_rules/0/condition"),
        ("earning_rules/0/condition", {"any": [{}] * 30_000}, "earning_rules/0/condition"),
        (
            "earning_rules/0/condition",
            {"not": {"any": [{"any": [{}] * 101}, {"any": [{}] * 101}]}},
            "earning_rules/0/condition",
        ),
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_error_names_its_place_in_words(path: str, value: Any, place: str, language: str) -> None:
    with translation.override(language):
        found = check_document(changed(path, value))

    assert [finding.place for finding in found] == [place]
    assert found[0].is_error
    assert len(found[0].message) > 10


def test_nothing_of_a_document_with_errors_is_applied() -> None:
    draft = rich()
    before = to_document(draft)

    with pytest.raises(InvalidDocument) as refused:
        apply_to(draft, changed("tiers/1/threshold", "-5"))

    assert [finding.place for finding in refused.value.findings] == ["tiers/1/threshold"]
    assert to_document(draft) == before


def nested(depth: int) -> Any:
    condition: Any = {"field": "category", "in": ["FRESH"]}
    for _ in range(depth):
        condition = {"not": condition}
    return condition


def test_a_document_that_is_nested_without_end_is_refused() -> None:
    (finding,) = check_document(changed("earning_rules/0/condition", nested(5_000)))

    assert finding.code == "too_deep"


def test_a_document_with_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnreadableDocument):
        read_yaml('earning_rules: [{"code": "\\ud800"}]')


def test_a_document_with_a_condition_in_another_way_of_writing_it_changes_nothing() -> None:
    draft = rich()
    before, said = to_document(draft), to_document(draft)
    (evening,) = [rule for rule in said["earning_rules"] if rule["code"] == "evening"]
    evening["condition"]["all"][0]["from"] = "18:00:00"

    apply_to(draft, said)

    assert differences(before, to_document(draft)) == []


def test_a_document_with_the_days_of_another_zone_is_refused() -> None:
    draft = rich()

    with pytest.raises(InvalidDocument) as refused:
        apply_to(draft, changed("program/zone", "Pacific/Auckland"))

    (finding,) = refused.value.findings
    assert (finding.code, finding.place) == ("other_zone", "program/zone")
    assert "Pacific/Auckland" in finding.message
    assert draft.program.zone in finding.message


def test_differences_are_told_value_by_value_and_row_by_row() -> None:
    before = to_document(rich())
    after = to_document(rich())
    after["tiers"][2]["threshold"] = "1200"
    after["tiers"].pop(1)
    after["earning_rules"].append({"code": "new", "name": "New", "points": "3"})
    del after["tier_policy"]["grace_days"]

    told = {change.path: (change.before, change.after) for change in differences(before, after)}

    assert told.pop("tiers/silver")[1] is None
    assert told.pop("earning_rules/new") == (None, {"name": "New", "kind": "per_amount", "points": "3", "wallet": "points",
                                                    "uses_multiplier": True, "counts_free_lines": True})  # fmt: skip
    assert told == {
        "tiers/yes/threshold": ("1500", "1200"),
        "tiers/yes/rank": (2, 1),
        "tier_policy/grace_days": (30, 0),
    }
    assert differences(before, before) == []


def test_a_tier_that_nobody_can_stand_on_is_refused_with_both_names_and_what_to_do() -> None:
    draft = make.version(tiers=[("bronze", "0", "1"), ("silver", "500", "1"), ("gold", "400", "2")])

    with translation.override("fr"):
        (found,) = check(draft)

    assert (found.is_error, found.code, found.place) == (True, "unreachable_tier", "tiers/silver")
    assert all(name in found.message for name in ("Silver", "Gold", "500", "400"))


@pytest.mark.parametrize(
    ("combination", "silver", "gold", "reachable"),
    [
        ("all", {}, {"threshold": 500}, False),
        ("all", {}, {"threshold": 400, "also_orders": 5}, True),
        ("all", {"also_orders": 5}, {"threshold": 400, "also_orders": 5}, False),
        ("any", {"also_orders": 5}, {"threshold": 600, "also_orders": 4}, True),
        ("any", {"also_orders": 5}, {"threshold": 400}, True),
        ("any", {"also_orders": 5}, {"threshold": 400, "also_orders": 5}, False),
    ],
)
def test_further_conditions_decide_whether_a_tier_can_be_reached(
    combination: str,
    silver: dict[str, Any],
    gold: dict[str, Any],
    reachable: bool,  # noqa: FBT001 - a row of the table
) -> None:
    draft = make.version(tiers=[("silver", "500", "1"), ("gold", "1000", "2")], scheme={"combination": combination})
    Tier.objects.filter(version=draft, code="silver").update(**silver)
    Tier.objects.filter(version=draft, code="gold").update(**gold)

    assert [finding.code for finding in check(draft)] == ([] if reachable else ["unreachable_tier"])


def test_rules_that_add_up_where_that_may_not_be_meant_are_pointed_out() -> None:
    fresh, weekend = {"field": "category", "in": ["A", "B"]}, {"field": "weekday", "in": ["sunday"]}
    both = {"all": [{"field": "category", "in": ["C"]}, {"field": "weekday", "in": ["monday"]}]}
    rules = [Rule(), Rule(code="fresh", condition=fresh), Rule(code="sunday", condition=weekend),
             Rule(code="other", condition=both)]  # fmt: skip
    draft = make.version(rules=rules)

    (found,) = check(draft)

    assert (found.is_error, found.code, found.place) == (False, "overlap", "earning_rules/sunday")
    EarningGroup.objects.create(version=draft, code="one")
    EarningRule.objects.filter(version=draft, code__in=["fresh", "sunday"]).update(group="one")
    assert check(draft) == []


def test_a_rule_that_contradicts_itself_or_names_what_is_not_there_is_refused() -> None:
    never = {"all": [{"field": "category", "in": ["A"]}, {"field": "category", "in": ["B"]}]}
    draft = make.version(rules=[Rule(condition=never), Rule(code="lost", group="nowhere", wallet="gold")])

    assert [(finding.code, finding.place) for finding in check(draft)] == [
        ("unknown_wallet", "earning_rules/lost"),
        ("unknown_group", "earning_rules/lost"),
        ("contradiction", "earning_rules/base"),
    ]
