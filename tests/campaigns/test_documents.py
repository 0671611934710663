"""Campaigns as documents, and the ready-made journeys that are some."""

from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from loyalty.campaigns.document_parts import differences
from loyalty.campaigns.models import Campaign, CampaignVersion, Message, Step, StepText
from loyalty.campaigns.publishing.documents import (
    apply_document,
    check_document,
    findings_of,
    say,
    schema,
    to_document,
    written_out,
)
from loyalty.campaigns.publishing.managing import publish
from loyalty.campaigns.publishing.previewing import preview
from loyalty.campaigns.publishing.ready_made import ORDER, SHIPPED, begin, ready_made
from loyalty.configuration.document import InvalidDocument
from loyalty.configuration.plain_yaml import read_yaml, to_yaml
from tests import make
from tests.campaigns import make_offers, make_surveys
from tests.campaigns.make_campaigns import NOON, ada, journey, says_by, shop, waits

pytestmark = pytest.mark.django_db


def written(**given: Any) -> dict[str, Any]:
    """Return a document of a cart journey, with what a test says otherwise."""
    text = {"subject": "Hi", "body": "Hello", "button": "Go", "link": "https://shop.example"}
    document = {
        "campaign": 1, "program": "club", "code": "cart", "name": "Cart", "kind": "journey", "message_kind": "marketing",
        "trigger": {"kind": "cart"}, "exits": [{"fact": "order", "goal": True}],
        "steps": [{"wait": "PT4H"}, {"channels": ["email"], "texts": {"email": {"en": text, "fr": dict(text)}}}],
    }  # fmt: skip
    return document | given


def club() -> Any:
    found = make.program(shop(), tiers=[("gold", "0", "1")])
    type(found).objects.filter(pk=found.pk).update(slug="club")
    found.refresh_from_db()
    return found


def test_all_of_the_shipped_files_are_offered() -> None:
    assert {each.stem for each in SHIPPED.glob("*.yaml")} == set(ORDER)
    assert [each.name for each in ready_made().values()] == list(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_ready_made_journey_is_a_draft_that_can_be_published_and_survives_export_and_import(name: str) -> None:
    program = club()

    draft = begin(program, name, now=NOON)
    document = to_document(draft)

    assert (draft.campaign.state, draft.is_draft, findings_of(draft), Message.objects.count()) == ("draft", True, [], 0)
    assert document == {**document, **ready_made()[name].content}
    said = read_yaml(to_yaml(document))
    assert said == document
    again = apply_document(program.retailer, {**said, "code": "again"}, now=NOON)
    assert to_document(again) == {**document, "code": "again"}
    assert publish(again, author="sue", now=NOON).state == "live"


@pytest.mark.parametrize("name", ORDER)
def test_a_ready_made_journey_reads_well_in_both_languages_with_and_without_a_name(name: str) -> None:
    program = club()
    member = ada(program)
    nobody = ada(program, "nobody", first_name="")
    draft = begin(program, name, now=NOON)

    for step in draft.steps.filter(kind="message"):
        for who, language in ((member, "en"), (member, "fr"), (nobody, "en"), (nobody, "fr")):
            for channel in step.channels:
                said = preview(step, who, channel, language, now=NOON)
                assert said.language == language
                for part in (said.subject, said.body, said.button, said.link):
                    assert part
                    assert "{" not in part
                    assert "  " not in part
                    assert " ," not in part
                assert said.body.splitlines()[0] == {
                    ("en", True): "Hello Ada,", ("fr", True): "Bonjour Ada,", ("en", False): "Hello,", ("fr", False): "Bonjour,"
                }[language, who is member]  # fmt: skip


def test_the_languages_of_a_ready_made_journey_say_the_same_number_of_paragraphs() -> None:
    program = club()
    for name in ORDER:
        begin(program, name, now=NOON)

    for text in StepText.objects.filter(language="en"):
        other = StepText.objects.get(step=text.step, channel=text.channel, language="fr")
        assert text.body.count("\n\n") == other.body.count("\n\n")
        assert {bool(text.button), bool(other.button)} == {True}


def test_a_ready_made_journey_with_a_goal_waits_for_it_behind_its_last_message() -> None:
    lasts = {
        name: each.content["steps"][-1]
        for name, each in ready_made().items()
        if any(exit_.get("goal") for exit_ in each.content.get("exits", []))
    }

    assert lasts == {
        name: {"wait": "P2D" if name == "abandoned-cart" else "P14D"}
        for name in (
            "first-purchase", "abandoned-cart", "tier-within-reach", "win-back", "vip-at-risk", "stage-prospect", "stage-lapsing",
        )
    }  # fmt: skip


def test_a_second_one_of_the_same_name_has_a_number() -> None:
    program = club()

    codes = [begin(program, "welcome", now=NOON).campaign.code for _ in range(3)]

    assert codes == ["welcome", "welcome-2", "welcome-3"]


def test_a_new_one_of_a_code_that_there_is_changes_nothing_and_says_what_to_do() -> None:
    program = club()
    own = ("--program", program.slug, "--retailer", program.retailer.slug)
    run("new", "birthday", "--code", "mine", *own)
    before = written_out(CampaignVersion.objects.get())

    with pytest.raises(
        CommandError, match=r"There is a campaign mine already, and it stays as it is\. Choose another code"
    ):
        run("new", "welcome", "--code", "mine", *own)

    assert written_out(CampaignVersion.objects.get()) == before
    assert (Campaign.objects.get().name, Campaign.objects.get().priority) == ("Birthday", 25)


def test_a_document_says_only_what_is_not_as_usual() -> None:
    program = club()
    live = journey(program, {"kind": "cart"}, waits("PT4H"), says_by("email"), exits=[{"fact": "order"}])
    assert live.version is not None

    document = to_document(live.version)

    text = {"subject": "Step 1", "body": "Hello"}
    assert document == {
        "campaign": 1, "program": "club", "code": live.code, "name": "Journey", "kind": "journey",
        "message_kind": "marketing", "trigger": {"kind": "cart"}, "exits": [{"fact": "order"}],
        "steps": [{"wait": "PT4H"}, {"channels": ["email"], "texts": {"email": {"en": text, "fr": text}}}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        (("colour",), "red", "/"),
        (("steps", 1, "colour"), "red", "steps/1"),
        (("steps", 1, "texts", "email", "fr", "title"), "x", "steps/1/texts/email/fr"),
        (("steps", 1, "texts", "email", "de"), {"body": "x"}, "steps/1/texts/email"),
        (("steps", 1, "channels"), ["pigeon"], "steps/1/channels/0"),
        (("steps", 1, "wait"), "PT4H", "steps/1"),
        (("steps", 0), {}, "steps/0"),
        (("steps", 1, "texts", "email", "en", "button"), "", "steps/1/texts/email/en"),
        (("priority",), 101, "priority"),
        (("trigger",), {}, "trigger"),
        (("starts_at",), "2027-02-30T00:00:00Z", "starts_at"),
        (("program",), "nowhere", "program"),
        (("experiment",), "nothing", "experiment"),
        (("name",), "a\x00b", "name"),
        (("exits", 0, "why"), "x", "exits/0"),
    ],
)
def test_what_is_not_written_well_is_refused_with_its_place(place: tuple[Any, ...], value: Any, found: str) -> None:
    program = club()
    document = deepcopy(written())
    inner: Any = document
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value

    assert [each.place for each in check_document(document, program.retailer)] == [found]
    with pytest.raises(InvalidDocument):
        apply_document(program.retailer, document, now=NOON)
    assert Campaign.objects.count() == 0


def test_what_can_be_a_draft_and_not_be_published_is_found_at_its_place() -> None:
    program = club()
    document = written(trigger={"kind": "cart", "hours": 3})
    document["steps"][1]["texts"]["email"]["fr"] = {"subject": "Hi", "body": "{{ nonsense }}"}

    found = say(program.retailer, document, now=NOON)

    assert [(each.code, each.place) for each in found.findings] == [
        ("unknown_parameter", "trigger/hours"),
        ("value_unknown", "steps/1/texts/email/fr/body"),
    ]


def test_a_document_of_a_live_campaign_is_its_next_draft_and_says_what_it_changes() -> None:
    program = club()
    first = apply_document(program.retailer, written(), now=NOON)
    publish(first, author="sue", now=NOON)
    changed = written(priority=20)
    changed["steps"][0] = {"wait": "PT6H"}

    found = say(program.retailer, changed, now=NOON)

    assert [each.said() for each in found.changes] == [
        {"path": "steps/0/wait", "before": "PT4H", "after": "PT6H"},
        {"path": "priority", "before": None, "after": 20},
    ]
    campaign = Campaign.objects.get()
    assert (campaign.version_id, campaign.priority, found.version.number) == (first.pk, 20, 2)
    assert to_document(first)["steps"][0] == {"wait": "PT4H"}
    again = say(program.retailer, changed, now=NOON)
    assert (again.version.pk, CampaignVersion.objects.count()) == (found.version.pk, 2)


def test_a_code_that_another_program_has_is_not_taken_over() -> None:
    program = club()
    apply_document(program.retailer, written(), now=NOON)

    found = check_document(written(kind="broadcast"), program.retailer)

    assert [(each.code, each.place) for each in found] == [("other_campaign", "kind")]


def test_differences_are_told_value_by_value() -> None:
    one = {"name": "A", "tags": [], "steps": [{"wait": "PT4H"}]}
    other = {"name": "B", "tags": ["x"], "steps": []}

    assert [(each.path, each.before, each.after) for each in differences(one, other)] == [
        ("name", "A", "B"),
        ("steps/0/wait", "PT4H", None),
        ("tags/0", None, "x"),
    ]


def test_every_field_of_a_version_and_a_step_is_in_the_document() -> None:
    said = schema()["properties"]
    own = {field.name for field in CampaignVersion._meta.get_fields() if getattr(field, "editable", False)}

    assert own - {"id", "campaign", "retailer", "number", "kind"} <= set(said)
    of_step = {field.name for field in Step._meta.get_fields() if getattr(field, "editable", False)}
    assert of_step - {"id", "version", "retailer", "position", "kind"} | {"texts"} == set(
        said["steps"]["items"]["properties"]
    )


def run(*words: str) -> str:
    out = StringIO()
    call_command("campaign", *words, stdout=out, no_color=True)
    return out.getvalue()


def test_the_command_takes_a_journey_from_a_file_to_members(tmp_path: Path) -> None:
    program = club()
    ada(program)
    own = ("--retailer", program.retailer.slug)
    file = tmp_path / "birthday.yaml"

    file.write_text(run("new", "birthday", "--program", "club", "--write", *own), encoding="utf-8")
    assert Campaign.objects.count() == 0
    assert run("check", str(file), *own) == "The document can be published.\n"
    planned = run("plan", str(file), *own).splitlines()
    assert planned[0] == "campaign: - -> 1"
    assert "Today it finds 0 members. 0 enter." in planned
    assert "Nobody is held out of it, so nobody will know what it did: an experiment on it would say." in planned
    assert run("apply", str(file), *own) == "Draft 1 of birthday is made.\n"
    exported = read_yaml(run("export", "birthday", *own))
    assert exported.pop("revision")
    assert exported == read_yaml(file.read_text(encoding="utf-8"))
    assert run("publish", "birthday", *own).splitlines()[-1] == "Version 1 of birthday is published."
    assert Campaign.objects.get().state == "live"
    assert len(run("ready").splitlines()) == len(ORDER)
    assert run("new", "welcome", "--program", "club", *own) == "Draft 1 of welcome is made.\n"
    with pytest.raises(CommandError, match="There is no ready-made journey “wellcome”"):
        run("new", "wellcome", "--program", "club", *own)
    with pytest.raises(CommandError, match=r"There is no campaign nothing\. There are: birthday, welcome"):
        run("export", "nothing", *own)


def test_a_file_that_says_something_unknown_is_refused(tmp_path: Path) -> None:
    program = club()
    file = tmp_path / "cart.yaml"
    file.write_text(to_yaml(written(colour="red")), encoding="utf-8")

    with pytest.raises(CommandError):
        run("check", str(file), "--retailer", program.retailer.slug)
    with pytest.raises(CommandError, match="something is there that is not known: colour"):
        run("apply", str(file), "--retailer", program.retailer.slug)
    assert Campaign.objects.count() == 0


def test_steps_that_give_an_offer_or_ask_a_survey_survive_export_and_import() -> None:
    program = make_offers.club()
    given = make_offers.offer(program, code="spring")
    asked = make_surveys.survey(program.retailer, code="nps")
    text = {"body": "{{ offer }} {{ survey }}", "subject": "Hi"}
    document = written(
        program=program.slug,
        steps=[
            {"offer": given.code, "ends_without": False},
            {"offer": given.code, "variant": "b"},
            {"channels": ["inbox"], "survey": asked.code, "texts": {"inbox": {"en": text, "fr": text}}},
        ],
    )

    draft = apply_document(program.retailer, document, now=NOON)

    assert to_document(draft) == document
    # No experiment has that variant yet: nobody would get the second offer.
    assert [(each.code, each.place) for each in findings_of(draft)] == [("unknown_variant", "steps/1/variant")]


def test_a_wait_of_one_variant_survives_export_and_import() -> None:
    program = club()
    text = {"subject": "Hi", "body": "Hello"}
    steps = [
        {"wait": "PT4H"},
        {"wait": "P7D@09:00", "variant": "later"},
        {"channels": ["email"], "texts": {"email": {"en": text, "fr": text}}},
    ]

    draft = apply_document(program.retailer, written(steps=steps), now=NOON)

    assert list(draft.steps.in_order().values_list("kind", "wait", "variant")) == [
        ("wait", "PT4H", ""), ("wait", "P7D@09:00", "later"), ("message", "", ""),
    ]  # fmt: skip
    assert to_document(draft)["steps"] == steps


@pytest.mark.parametrize(
    ("step", "code", "place"),
    [
        ({"offer": "winter"}, "unknown_offer", "steps/0/offer"),
        ({"channels": ["inbox"], "survey": "csat"}, "unknown_survey", "steps/0/survey"),
        ({"offer": "winter", "wait": "P1D"}, "waits_or_says", "steps/0"),
        ({"offer": "winter", "channels": ["inbox"]}, "waits_or_says", "steps/0"),
        ({"offer": "winter", "survey": "csat"}, "waits_or_says", "steps/0"),
        ({"wait": "P1D", "ends_without": True}, "waits_or_says", "steps/0"),
        ({"channels": ["inbox"], "ends_without": True}, "waits_or_says", "steps/0"),
        ({}, "waits_or_says", "steps/0"),
    ],
)
def test_what_a_step_cannot_say_is_refused_with_its_place(step: dict[str, Any], code: str, place: str) -> None:
    program = club()

    found = check_document(written(steps=[step]), program.retailer)

    assert (code, place) in {(finding.code, finding.place) for finding in found}
