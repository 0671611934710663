"""Documents of campaigns that no one should write, at the edge where they come in: each is told what is wrong and where."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.models import Campaign, CampaignVersion, Step
from loyalty.campaigns.publishing.documents import apply_document, say, to_document
from loyalty.campaigns.publishing.managing import draft_of
from loyalty.configuration.document import InvalidDocument
from loyalty.experiments.planning import plan
from loyalty.experiments.running import end, start
from tests import make
from tests.campaigns.make_campaigns import ada, journey, says_by, shop
from tests.campaigns.test_admin import said
from tests.campaigns.test_documents import written
from tests.experiments.make_experiments import HALVES, drafted, running

pytestmark = pytest.mark.django_db


class Tool:
    """A retailer's tool that sends documents."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False)
        self.owner = shop()
        self.club = make.program(self.owner, tiers=[("gold", "0", "1"), ("silver", "500", "1")])
        type(self.club).objects.filter(pk=self.club.pk).update(slug="club")
        self.headers = {"authorization": f"Api-Key {make.key(self.owner)}"}

    def post(self, verb: str, body: Any, kind: str = "application/json") -> tuple[int, Any]:
        address = f"/api/v1/campaign-documents/{verb}"
        answer: Any = self.client.post(address, body, content_type=kind, headers=self.headers)
        return answer.status_code, answer.json()

    def findings(self, document: Any) -> list[tuple[str, str]]:
        status, body = self.post("check", document)
        assert status == 200, body
        return [(each["code"], each["place"]) for each in body["findings"]]


@pytest.fixture
def tool() -> Tool:
    return Tool()


def changed(*place: str | int, to: Any) -> dict[str, Any]:
    """Return a sound document with one value changed."""
    document = deepcopy(written())
    inner: Any = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = to
    return document


TEXTS = written()["steps"][1]["texts"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (changed("starts_at", to="0001-01-01T00:00:00+14:00"), ("no_instant", "starts_at")),
        (changed("ends_at", to="9999-12-31T23:59:59-14:00"), ("no_instant", "ends_at")),
        (changed("steps", 0, "wait", to="0001-01-01@00:00"), ("no_wait", "steps/0/wait")),
        (changed("steps", 0, "wait", to="9999-12-31@23:59"), ("no_wait", "steps/0/wait")),
        (changed("steps", 1, "expires_after", to="2200-01-01@00:00"), ("no_wait", "steps/1/expires_after")),
        (changed("steps", 0, "wait", to="P3D\n"), ("no_wait", "steps/0/wait")),
        (changed("steps", 0, "wait", to="P٣D"), ("no_wait", "steps/0/wait")),
        (changed("trigger", to={"kind": "life_stage", "stage": ["new"]}), ("not_one_of", "trigger/stage")),
        (changed("trigger", to={"kind": "life_stage", "stage": {"new": 1}}), ("not_one_of", "trigger/stage")),
        (changed("trigger", to={"kind": "cart", "a\x00": 1}), ("not_a_text", "trigger")),
        (changed("trigger", to={"kind": "cart", "tiers": ["gold", "glod"]}), ("unknown_tier", "trigger/tiers/1")),
        (changed("steps", 1, "variant", to="b"), ("unknown_variant", "steps/1/variant")),
        (changed("exits", to=[{"fact": "order", "goal": True}, {"fact": "order"}]), ("twice", "exits/1")),
        (
            changed("steps", 1, to={"channels": ["email", "email"], "to_all_channels": True, "texts": TEXTS}),
            ("twice", "steps/1/channels"),
        ),
        (changed("code", to="cart\n"), ("pattern", "code")),
        (
            changed("steps", 1, "texts", "email", "en", "link", to="javascript:alert(1)"),
            ("link_leads_nowhere", "steps/1/texts/email/en/link"),
        ),
        (
            changed("steps", 1, "texts", "email", "en", "body", to="Hello {{ first_name, here you are"),
            ("not_closed", "steps/1/texts/email/en/body"),
        ),
        (
            changed("steps", 1, "texts", "email", "fr", "subject", to="Bonjour first_name }}"),
            ("not_closed", "steps/1/texts/email/fr/subject"),
        ),
    ],
)
def test_what_nobody_can_mean_is_refused_with_its_place(tool: Tool, document: Any, found: tuple[str, str]) -> None:
    assert tool.findings(document) == [found]


@pytest.mark.parametrize("code", ["a\0b", "a\ud800"])
@pytest.mark.parametrize("verb", [apply_document, say])
def test_a_code_that_no_database_holds_is_refused_at_its_place(tool: Tool, verb: Any, code: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        verb(tool.owner, changed("code", to=code), now=make.START)

    assert [each.place for each in refused.value.findings] == ["code"]


def test_a_segment_that_does_not_exist_is_refused_and_those_that_do_are_not(tool: Tool) -> None:
    def narrowed(*segments: str) -> dict[str, Any]:
        return changed("trigger", to={"kind": "cart", "segments": list(segments)}) | {"uses_profile": True}

    assert tool.findings(narrowed("vip", "serial_returner", "overdue")) == []
    assert tool.findings(narrowed("vip", "vips")) == [("unknown_segment", "trigger/segments/1")]


def test_a_variant_is_one_of_the_experiment_that_gets_messages(tool: Tool) -> None:
    running(tool.owner, tool.club, "halves", layer="variant", form="variants", variants=HALVES)

    def of(variant: str) -> dict[str, Any]:
        return changed("steps", 1, "variant", to=variant) | {"experiment": "halves"}

    assert tool.findings(of("in")) == []
    assert tool.findings(of("out")) == [("unknown_variant", "steps/1/variant")]  # who is held out gets nothing
    assert tool.findings(of("inn")) == [("unknown_variant", "steps/1/variant")]


def test_an_experiment_of_another_program_is_refused(tool: Tool) -> None:
    other = make.program(tool.owner)
    running(tool.owner, other, "elsewhere", layer="variant", form="variants", variants=HALVES)

    assert tool.findings(written() | {"experiment": "elsewhere"}) == [("other_experiment", "experiment")]


def test_an_experiment_that_does_not_run_is_told_and_stands_in_no_ones_way(tool: Tool) -> None:
    found = drafted(tool.owner, tool.club, "halves", layer="variant", form="variants", variants=HALVES)
    document = written() | {"experiment": "halves"}
    assert tool.findings(document) == [("experiment_not_started", "experiment")]
    assert tool.post("check", document)[1]["publishable"] is True

    live = start(
        plan(found, detectable={"effect_percent": "5"}, author="Grace", now=make.START), author="Grace", now=make.START
    )
    assert tool.findings(document) == []

    end(live, author="Grace", now=make.NOON)
    assert tool.findings(document) == [("experiment_ended", "experiment")]


def test_the_experiment_of_a_campaign_that_somebody_entered_stays_until_it_has_ended(tool: Tool, staff: Client) -> None:
    held = running(tool.owner, tool.club, "halves", layer="variant", form="variants", variants=HALVES)
    running(tool.owner, tool.club, "others", layer="variant", form="variants", variants=HALVES, salt="another")
    live = journey(tool.club, {"kind": "lapsed"}, says_by("email"), experiment=held)
    assert live.version is not None
    document = to_document(live.version) | {"program": "club"}
    without, other = document | {"experiment": None}, document | {"experiment": "others"}
    assert (tool.findings(without), tool.findings(other)) == ([], [])

    member = ada(tool.club)
    found = [Candidate(member.customer_id, "lapse:2026-01-01", date(2026, 1, 1))]
    assert enter(live, live.version, found, entered_at=make.NOON, now=make.NOON) == 1

    assert tool.findings(document) == []
    assert tool.findings(without) == tool.findings(other) == [("experiment_stays", "experiment")]
    assert tool.post("apply", without)[0] == 422
    form = {
        "code": live.code, "name": live.name, "priority": "10", "experiment": "", "starts_at_0": "", "starts_at_1": "",
        "ends_at_0": "", "ends_at_1": "",
    }  # fmt: skip
    address = reverse("admin:campaigns_campaign_change", args=[live.pk])
    page = said(staff.post(address, opened(staff, address) | form))
    assert "it stays until it has ended" in page
    live.refresh_from_db()
    assert live.experiment == held

    end(held, author="Grace", now=make.NOON)
    assert tool.findings(without) == []


HEAD = "campaign: 1\nprogram: club\ncode: cart\nkind: journey\nmessage_kind: marketing\nsteps: []\nname: A\n"


@pytest.mark.parametrize("verb", ["check", "plan", "apply"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "name: B\n", "“name” is there twice"),
        (HEAD + "trigger: {kind: lapsed, days: 30, days: 60}\n", "“days” is there twice"),
        (HEAD + "trigger: {kind: cart, 1: 2}\n", "a name is a text: put it in quotes"),
        (HEAD + "trigger: {kind: cart, ~: 2}\n", "a name is a text: put it in quotes"),
        (HEAD + "trigger: {kind: lapsed, days: !!float .nan}\n", "it has tags"),
        (HEAD + "trigger: {kind: lapsed, days: !!timestamp 2026-01-01}\n", "it has tags"),
        (HEAD + "trigger: {kind: lapsed, days: !!set {a}}\n", "it has tags"),
        (HEAD + "trigger: {kind: lapsed, days: !!binary YQ==}\n", "it has tags"),
        (HEAD + "trigger: {kind: lapsed, days: !!bool nearly}\n", "it has tags"),
    ],
)
def test_a_text_that_makes_other_things_than_plain_values_is_refused(
    tool: Tool, verb: str, text: str, reason: str
) -> None:
    status, body = tool.post(verb, text.encode(), "application/yaml")

    assert (status, body["code"], reason in body["detail"]) == (422, "unreadable_document", True)
    assert Campaign.objects.count() == 0


def test_a_number_without_end_is_a_text_and_no_number(tool: Tool) -> None:
    text = HEAD + f"trigger: {{kind: lapsed, days: {'9' * 5_000}}}\n"

    status, body = tool.post("check", text.encode(), "application/yaml")

    assert status == 200
    assert [each["code"] for each in body["findings"]] == ["out_of_bounds", "says_nothing"]


def test_a_name_is_kept_in_one_form_whichever_way_it_was_written(tool: Tool) -> None:
    text = HEAD.replace("name: A", "name: Cafe\u0301") + "trigger: {kind: cart}\n"

    assert tool.post("apply", text.encode(), "application/yaml")[0] == 200

    assert Campaign.objects.get().name == "Caf\u00e9"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    return client


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("trigger", '["birthday"]', "A trigger is written such as"),
        ("trigger", '"birthday"', "A trigger is written such as"),
        ("trigger", '{"kind": "\\u0000"}', "that cannot be stored"),
        ("trigger", '{"kind": "contact", "topics": ["\\ud800"]}', "that cannot be stored"),
        ("trigger", '{"kind": "contact", "\\udfff": 1}', "that cannot be stored"),
        ("exits", '[{"fact": "contact", "topics": ["\\ud83d"]}]', "that cannot be stored"),
        ("trigger", '{"kind": "lapsed", "days": NaN}', "that cannot be stored"),
        ("trigger", '{"kind": "lapsed", "days": ' + "1" * 5_000 + "}", "Enter a valid JSON"),
        ("trigger", '{"kind": ' + "[" * 100_000 + "]" * 100_000 + "}", "This is nested too deep"),
        ("trigger", '{"kind": ' + "[" * 60 + "]" * 60 + "}", "This is nested too deep"),
        ("exits", '{"fact": "order"}', "Exits are written such as"),
    ],
)
def test_the_admin_refuses_what_is_written_as_no_trigger(staff: Client, field: str, value: str, words: str) -> None:
    draft = draft_of(journey(Tool().club, {"kind": "cart"}, says_by("email")))

    shown = said(staff.post(address_of(draft), opened(staff, address_of(draft)) | form_of(draft) | {field: value}))

    assert words in shown
    draft.refresh_from_db()
    assert (draft.trigger, draft.exits) == ({"kind": "cart"}, [])


@pytest.mark.parametrize(
    ("trigger", "exits", "words"),
    [
        ('{"kind": "life_stage", "stage": ["new"]}', "[]", "trigger/stage: It is one of"),
        ('{"kind": "life_stage", "stage": "old"}', "[]", "trigger/stage: It is one of"),
        ('{"kind": ["cart"]}', "[]", "trigger/kind: There is no such trigger"),
        ('{"kind": "cart"}', '[{"fact": ["order"]}]', "exits/0: An exit names one of contact, left, order."),
        ('{"kind": "contact", "outcomes": ["done"]}', "[]", "trigger/outcomes: It is one of open, solved, unsolved."),
        ('{"kind": "contact", "topics": "size"}', "[]", "trigger/topics: It is a list of words."),
        ('{"kind": "cart", "topics": ["size"]}', "[]", "trigger/topics: The trigger has no parameter"),
        ('{"kind": "cart"}', '[{"fact": "order", "topics": ["size"]}]', "exits/0: An exit names one of"),
        ('{"kind": "cart"}', '[{"fact": "contact", "outcomes": ["done"]}]', "exits/0/outcomes: It is one of open"),
        ('{"kind": "cart"}', '[{"fact": "contact", "topics": [1]}]', "exits/0/topics: It is a list of words."),
        ('{"kind": "cart"}', '["order"]', "exits/0: An exit names one of contact, left, order."),
    ],
)
def test_a_trigger_that_is_not_known_is_kept_in_the_draft_and_told_on_its_page(
    staff: Client, trigger: str, exits: str, words: str
) -> None:
    draft = draft_of(journey(Tool().club, {"kind": "cart"}, says_by("email")))

    address = address_of(draft)
    form = opened(staff, address) | form_of(draft) | {"trigger": trigger, "exits": exits}
    answer: Any = staff.post(address, form, follow=True)

    assert answer.status_code == 200
    assert words in said(staff.get(address_of(draft)))
    assert staff.get(reverse("admin:campaigns_campaign_change", args=[draft.campaign_id])).status_code == 200


def address_of(draft: CampaignVersion) -> str:
    return reverse("admin:campaigns_campaignversion_change", args=[draft.pk])


def opened(client: Client, address: str) -> dict[str, str]:
    """Return the field in which a page that is opened now says what it shows."""
    return {"seen": client.get(address).context["seen"]}


def form_of(draft: CampaignVersion) -> dict[str, Any]:
    """Return the form of a draft as its page sends it."""
    (step,) = Step.objects.filter(version=draft)
    return {
        "kind": draft.kind, "ground": draft.ground, "tags": "", "trigger": '{"kind": "cart"}', "exits": "[]",
        "again_after_days": "", "at_most_one_active": "on", "late_up_to_days": "3", "on_cap": "wait",
        "steps-TOTAL_FORMS": "1", "steps-INITIAL_FORMS": "1", "steps-MIN_NUM_FORMS": "0", "steps-MAX_NUM_FORMS": "1000",
        "steps-0-id": step.pk, "steps-0-version": draft.pk, "steps-0-position": "0", "steps-0-kind": "message",
        "steps-0-channels": "email", "steps-0-expires_after": "P3D", "steps-0-ends_without": "on",
    }  # fmt: skip


def test_several_names_that_are_missing_are_told_once(tool: Tool) -> None:
    bare = {name: value for name, value in written().items() if name not in {"kind", "message_kind", "steps"}}

    status, body = tool.post("check", bare)

    assert (status, len(body["findings"])) == (200, 1)
    assert body["findings"][0]["message"] == "something is missing that must be there: kind, message_kind, steps."
