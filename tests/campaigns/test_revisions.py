"""Documents of campaigns say of which state they were made: one that is outdated is refused, with what has changed since."""

from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.publishing.documents import (
    apply_document,
    check_document,
    to_document,
    written_out,
)
from loyalty.campaigns.publishing.managing import draft_of, publish
from loyalty.campaigns.publishing.outdated import ChangedSince, NothingToChange
from loyalty.campaigns.rules.revisions import changed_since, revision_of
from loyalty.configuration.plain_yaml import read_yaml, to_yaml
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_campaigns import NOON
from tests.campaigns.test_documents import club, written

pytestmark = pytest.mark.django_db


def begun() -> tuple[Program, dict[str, Any]]:
    """Return a program with a live campaign, and its document as it is written out."""
    program = club()
    version = apply_document(program.retailer, written(), now=NOON)
    publish(version, author="sue", now=NOON)
    version = CampaignVersion.objects.select_related("campaign__program", "campaign__experiment").get(pk=version.pk)
    return program, read_yaml(to_yaml(written_out(version)))


def edited(document: dict[str, Any], hours: int, **more: Any) -> dict[str, Any]:
    changed = deepcopy(document) | more
    changed["steps"][0] = {"wait": f"PT{hours}H"}
    return changed


def present() -> dict[str, Any]:
    return to_document(CampaignVersion.objects.order_by("-number")[0])


def test_what_was_written_out_and_changed_is_applied() -> None:
    program, document = begun()
    assert list(document)[:4] == ["campaign", "program", "code", "revision"]

    apply_document(program.retailer, edited(document, 6), now=NOON)

    assert present()["steps"][0] == {"wait": "PT6H"}
    assert "revision" not in present()


def test_what_is_outdated_is_refused_with_what_has_changed_since_and_changes_nothing() -> None:
    program, document = begun()
    apply_document(program.retailer, edited(document, 6, name="Hers", priority=20), now=NOON)
    before = present()

    with pytest.raises(ChangedSince) as refused:
        apply_document(program.retailer, edited(document, 8), now=NOON)

    assert present() == before
    assert "see name, priority, steps/0." in str(refused.value)
    assert [(each.place, each.message) for each in refused.value.findings] == [
        ("name", "It is now: Hers"), ("priority", "It is now: 20"), ("steps/0", 'It is now: {"wait": "PT6H"}'),
    ]  # fmt: skip


def test_steps_that_came_and_went_are_told() -> None:
    program, document = begun()
    shorter = deepcopy(document)
    gone = len(shorter["steps"]) - 1
    shorter["steps"].pop()
    apply_document(program.retailer, shorter, now=NOON)

    with pytest.raises(ChangedSince) as refused:
        apply_document(program.retailer, edited(document, 8), now=NOON)

    assert [(each.place, each.message) for each in refused.value.findings] == [
        (f"steps/{gone}", "There is no such step now.")
    ]


def test_without_a_revision_it_replaces_what_there_is() -> None:
    program, document = begun()
    apply_document(program.retailer, edited(document, 6), now=NOON)
    del document["revision"]

    apply_document(program.retailer, edited(document, 8), now=NOON)

    assert present()["steps"][0] == {"wait": "PT8H"}


def test_the_same_again_is_not_refused_nor_is_what_was_put_back() -> None:
    program, document = begun()
    for _ in range(2):
        apply_document(program.retailer, edited(document, 6), now=NOON)
    other = edited(document, 8)
    with pytest.raises(ChangedSince):
        apply_document(program.retailer, other, now=NOON)

    without = {name: said for name, said in document.items() if name != "revision"}
    apply_document(program.retailer, without, now=NOON)
    apply_document(program.retailer, other, now=NOON)

    assert present()["steps"][0] == {"wait": "PT8H"}


def test_a_draft_that_somebody_edited_by_hand_is_not_overwritten_by_what_is_in_force() -> None:
    program, document = begun()
    draft = draft_of(Campaign.objects.get())
    CampaignVersion.objects.filter(pk=draft.pk).update(again_after_days=30)

    with pytest.raises(ChangedSince, match="see again_after_days"):
        apply_document(program.retailer, edited(document, 6), now=NOON)

    draft = CampaignVersion.objects.select_related("campaign__program", "campaign__experiment").get(pk=draft.pk)
    apply_document(program.retailer, edited(written_out(draft), 6), now=NOON)
    assert (present()["again_after_days"], present()["steps"][0]) == (30, {"wait": "PT6H"})


def test_of_a_campaign_that_is_not_here_there_is_nothing_to_change() -> None:
    program, document = begun()

    with pytest.raises(NothingToChange, match="Leave “revision” out to make a new one"):
        apply_document(program.retailer, document | {"code": "other"}, now=NOON)
    with pytest.raises(NothingToChange):
        apply_document(club().retailer, document, now=NOON)

    assert Campaign.objects.filter(retailer=program.retailer).count() == 1


@pytest.mark.parametrize("said", ["", "latest", "x" * 16, "x" * 16 + ".abc", "x" * 2_000, 7, None])
def test_what_is_no_revision_is_refused_at_its_place(said: Any) -> None:
    program, document = begun()

    found = check_document(document | {"revision": said}, program.retailer)

    assert {each.place for each in found} == {"revision"}


def test_a_revision_is_that_of_the_content_whatever_way_it_is_written() -> None:
    _program, document = begun()
    turned = dict(reversed(list(document.items())))

    assert revision_of(turned) == document["revision"]
    assert changed_since(document["revision"], turned) == ()
    long = edited(document, 6) | {"steps": document["steps"] * 3}
    assert changed_since(document["revision"], long) == tuple(
        f"steps/{place}" for place in range(len(document["steps"]), 3 * len(document["steps"]))
    )


def test_by_api_it_is_a_conflict_that_says_where() -> None:
    program, document = begun()
    client = Client()
    headers = {"authorization": f"Api-Key {make.key(program.retailer)}", "accept-language": "en"}

    def post(verb: str, said: Any) -> tuple[int, Any]:
        answer: Any = client.post(f"/api/v1/campaign-documents/{verb}", said, "application/json", headers=headers)
        return answer.status_code, answer.json()

    read = client.get(f"/api/v1/campaigns/{document['code']}/document", headers=headers).json()
    assert read == document
    status, applied = post("apply", edited(read, 6))
    assert (status, applied["version"]) == (200, 2)

    for verb in ("apply", "plan"):
        status, told = post(verb, edited(read, 8))
        assert (status, told["code"]) == (409, "changed_meanwhile")
        assert told["errors"] == [
            {"pointer": "/steps/0", "code": "changed_meanwhile", "detail": 'It is now: {"wait": "PT6H"}'}
        ]
    status, told = post("check", edited(read, 8))
    assert (status, told["publishable"]) == (200, False)
    assert [(each["code"], each["place"]) for each in told["findings"]] == [("changed_meanwhile", "revision")]
    assert post("apply", edited(read, 8, revision=applied["revision"]))[0] == 200


def test_by_command_it_is_said_in_words(tmp_path: Path) -> None:
    program, document = begun()
    own = ("--retailer", program.retailer.slug)
    file = tmp_path / "campaign.yaml"

    def run(*words: str) -> str:
        out = StringIO()
        call_command("campaign", *words, stdout=out, stderr=out, no_color=True)
        return out.getvalue()

    assert read_yaml(run("export", document["code"], *own)) == document
    file.write_text(to_yaml(edited(document, 6)), encoding="utf-8")
    made, again = run("apply", str(file), *own).splitlines()
    assert made == f"Draft 2 of {document['code']} is made."
    assert again.startswith("To change it again, put this into the document: revision: ")

    file.write_text(to_yaml(edited(document, 8)), encoding="utf-8")
    for verb in ("apply", "plan", "check"):
        with pytest.raises(CommandError, match="was changed since this document was written out: see steps/0"):
            run(verb, str(file), *own)
    file.write_text(to_yaml(edited(document, 8, revision=again.rpartition(" ")[2])), encoding="utf-8")
    run("apply", str(file), *own)
    assert present()["steps"][0] == {"wait": "PT8H"}
