"""The pages on which a retailer shapes a draft: what they show, save, and say in English and French."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from loyalty.configuration.drafts import open_draft
from loyalty.configuration.wording import rule_in_words, scheme_in_words, tier_in_words, wallet_in_words
from loyalty.planning.forms import EarningRuleForm, apart, together
from loyalty.planning.simulating import ask, run_next
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import ProgramVersion, VersionEvent
from loyalty.tiers.models import Tier, TierPolicy
from tests import make
from tests.activity.test_replay import END, POINTS, SCHEMES, lived
from tests.make import Rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> ProgramVersion:
    tiers = [("bronze", "0", "1"), ("silver", "1500.50", "1.5"), ("gold", "3000", "2")]
    club = make.program(tiers=tiers, scheme={"window": "lifetime"})
    make.buys(make.member(club, "ada"), "1600.00")
    return open_draft(club, author="ada", now=timezone.now())


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def at(name: str, version: ProgramVersion) -> str:
    return reverse(f"admin:programs_programversion_{name}", args=[version.pk])


def tier_form(draft: ProgramVersion, *rows: tuple[str, str, str, str]) -> dict[str, Any]:
    names = ("code", "name", "threshold", "multiplier")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    nothing = [""] * len(rows)
    return {**columns, "name_fr": nothing, "entry_gift": nothing, "revision": str(draft.revision)}


@pytest.mark.parametrize(
    ("language", "typed", "saved"),
    [("en", "1,500", "1500"), ("en", "1500.75", "1500.75"), ("fr", "1 500,75", "1500.75"), ("fr", "1500,75", "1500.75"),
     ("fr", "1\u202f500", "1500")],
)  # fmt: skip
def test_the_tiers_are_typed_as_the_language_writes_numbers(
    staff: Client, draft: ProgramVersion, language: str, typed: str, saved: str
) -> None:
    rows = (("gold", "Gold", "3000", "2"), ("silver", "Silver", typed, "1"), ("bronze", "Bronze", "0", "1"))

    answer = staff.post(at("tiers", draft), tier_form(draft, *rows), headers={"accept-language": language})

    assert answer.status_code == 302
    assert Tier.objects.get(version=draft, code="silver").threshold == type(draft.tiers.get(code="gold").threshold)(
        saved
    )
    assert list(draft.tiers.order_by("rank").values_list("code", flat=True)) == ["bronze", "silver", "gold"]


def test_tiers_are_reordered_grown_and_audited(staff: Client, draft: ProgramVersion) -> None:
    rows = (("platinum", "Platinum", "9000", "3"), ("gold", "Gold", "3000", "2"), ("bronze", "Bronze", "0", "1"))

    staff.post(at("tiers", draft), tier_form(draft, *rows))

    assert list(draft.tiers.order_by("rank").values_list("code", flat=True)) == ["bronze", "gold", "platinum"]
    event = VersionEvent.objects.get(action="edited")
    assert event.author == "boss"
    assert {change["path"] for change in event.changes} == {"tiers/silver", "tiers/platinum", "tiers/gold/rank"}


def test_what_is_wrong_with_tiers_is_said_and_nothing_is_lost(staff: Client, draft: ProgramVersion) -> None:
    rows = (("gold", "Gold", "much", "2"), ("bronze", "Bronze", "0", "1"))

    page = staff.post(at("tiers", draft), tier_form(draft, *rows))
    stale = staff.post(
        at("tiers", draft), {**tier_form(draft, *rows[1:]), "revision": "019a0000-0000-7000-8000-000000000000"}
    )

    assert 'value="much"' in page.content.decode()
    assert "notice bad" in page.content.decode()
    assert "was changed since you read it" in stale.content.decode()
    assert draft.tiers.count() == 3


def test_the_distribution_says_what_members_have(staff: Client, draft: ProgramVersion) -> None:
    make.member(draft.program)

    found = staff.get(at("distribution", draft)).json()

    assert found == {"values": [0.0, 1600.0], "members": [1, 1], "held": {"silver": 1, "bronze": 1}}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["Who did what", "1,500.5", "go up"]), ("fr", ["Qui a fait quoi", "1\xa0500,5", "montent"])],
)
def test_a_version_is_read_on_one_page_and_planned(
    staff: Client, draft: ProgramVersion, language: str, words: list[str]
) -> None:
    headers = {"accept-language": language}

    pages = [staff.get(at(name, draft), headers=headers).content.decode() for name in ("page", "plan")]

    assert all(any(word in page for page in pages) for word in words)


def test_a_document_is_changed_in_place(staff: Client, draft: ProgramVersion) -> None:
    text = staff.get(at("document", draft) + "?download=1").content.decode()
    form = {"document": text.replace("threshold: '3000'", "threshold: '2500'"), "revision": str(draft.revision)}

    applied = staff.post(at("document", draft), form)
    draft.refresh_from_db()
    wrong = staff.post(at("document", draft), {"document": "a: [", "revision": str(draft.revision)})

    assert (applied.status_code, draft.tiers.get(code="gold").threshold) == (302, 2500)
    assert "cannot be read" in wrong.content.decode()
    compared = staff.get(at("compare", draft) + "?with=1").content.decode()
    assert "2500" in compared


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_what_if_shows_what_it_came_to(staff: Client, language: str) -> None:
    club = lived(SCHEMES[0], POINTS[0])
    draft = open_draft(club)
    Tier.objects.filter(version=draft, code="gold").update(threshold=120)
    asked = ask(draft, since=make.START.date(), until=END.date(), author="boss", now=END)
    address = reverse("admin:planning_simulation_page", args=[draft.pk, asked.pk])
    waiting = staff.get(address, headers={"accept-language": language}).content.decode()
    while run_next(now=END):
        pass

    page = staff.get(address, headers={"accept-language": language}).content.decode()

    assert 'http-equiv="refresh"' in waiting
    assert page.count("<canvas") == 3
    assert ("With this version" if language == "en" else "Avec cette version") in page


CONDITIONS = [
    {},
    {"field": "category", "in": ["FRESH"]},
    {"all": [{"field": "brand", "in": ["A"]}, {"field": "date", "from": "2026-03-30", "to": "2026-04-05"}]},
    {"all": [{"field": "weekday", "in": ["friday"]}, {"field": "time", "from": "18:00", "to": "20:00"},
             {"any": [{"field": "sku", "in": ["1"]}, {"not": {"field": "is_gift", "is": True}}]}]},
    {"any": [{"field": "channel", "in": ["web"]}, {"field": "order_amount", "from": "50"}]},
    {"all": [{"field": "category", "in": ["A", "B"]}, {"field": "category", "in": ["B"]}]},
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_comes_out_of_its_form_as_it_went_in(condition: dict[str, Any]) -> None:
    from datetime import date, time

    simple, rest = apart(condition)
    readers: dict[str, Any] = {"first_day": date.fromisoformat, "last_day": date.fromisoformat,
               "first_time": time.fromisoformat, "last_time": time.fromisoformat}  # fmt: skip
    typed = {name: readers[name](value) if name in readers else value for name, value in simple.items() if value}

    again = together({**typed, "more": rest})

    def parts(said: dict[str, Any]) -> list[str]:
        return sorted(map(str, said.get("all", [said])))

    assert parts(again) == parts(condition)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('{"field": "order_amount", "from": "NaN"}', 'an amount such as "50.00" is expected'),
        ('{"field": "order_amount", "from": NaN}', 'an amount such as "50.00" is expected'),
        ('{"field": "time", "from": "10:00+02:00"}', 'a time such as "18:00" is expected'),
        ("[" * 100_000, "This is nested too deep."),
        (json.dumps({"any": [{"field": "sku", "in": ["1"]}] * 200}), "a condition may ask 200 things"),
        ('{"not": ' * 6 + '{"field": "sku", "in": ["1"]}' + "}" * 6, "conditions may be nested 6 deep."),
    ],
)
def test_a_condition_that_could_break_an_order_is_refused_in_its_form(typed: str, words: str) -> None:
    given = {
        "code": "web",
        "name": "Web",
        "kind": "per_amount",
        "points": "1",
        "wallet": "points",
        "minimum_amount": "0",
    }
    form = EarningRuleForm({**given, "channels": "web", "more": typed})  # what stands beside it counts, too

    assert form.is_valid() is False
    assert list(form.errors) == ["more"]
    assert words in form.errors["more"][0]


ENGLISH = (
    "2 points per EUR spent, category FRESH and on Friday and between 6 p.m. and 8 p.m., from 10 EUR, at most 500 points at "
    "once, times the tier’s multiplier."
)
FRENCH = (
    "2 points par EUR dépensé, catégorie FRESH et le vendredi et entre 18:00 et 20:00, dès 10 EUR, 500 points au plus à la "
    "fois, multipliés par le palier."
)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ENGLISH),
        ("fr", FRENCH),
    ],
)  # fmt: skip
def test_a_rule_is_said_in_plain_words(language: str, words: str) -> None:
    evening = {"all": [{"field": "category", "in": ["FRESH"]}, {"field": "weekday", "in": ["friday"]},
                       {"field": "time", "from": "18:00", "to": "20:00"}]}  # fmt: skip
    draft = make.version(rules=[Rule(points="2", condition=evening, minimum_amount="10", cap=500)])

    with translation.override(language):
        assert rule_in_words(EarningRule.objects.get(version=draft), "EUR") == words


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_choice_has_its_words(language: str) -> None:
    draft = make.version(tiers=[("bronze", "0", "1"), ("silver", "10", "2")])
    rule = EarningRule.objects.get(version=draft)
    wallet, policy = PointsPolicy.objects.get(version=draft), TierPolicy.objects.get(version=draft)
    tier = Tier(code="x", name="X", threshold=10, also_orders=2, entry_gift=5, extra_months=1, reward_discount=10,
                free_shipping=True, early_access=True)  # fmt: skip
    said = []
    with translation.override(language):
        for rule.kind in EarningRule.Kind.values:
            said.append(rule_in_words(rule, "EUR"))
        for wallet.expiry in PointsPolicy.Expiry.values:
            said += wallet_in_words(wallet)
        for policy.basis in TierPolicy.Basis.values:
            said += [*scheme_in_words(policy, [tier]), *tier_in_words(tier, policy, "EUR")]
        for policy.window in TierPolicy.Window.values:
            for policy.downgrade in TierPolicy.Downgrade.values:
                said += scheme_in_words(policy, [tier])

    assert all(words and "%(" not in words for words in said)
