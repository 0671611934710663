"""A campaign as one document: written out, checked, compared and applied. The round trip is exact."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR
from customers.core.contacts import MAX_TOPIC
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.document_parts import CODE, Document, an_object, differences
from loyalty.campaigns.models import Campaign, CampaignVersion, Offer, Step, StepText, Survey
from loyalty.campaigns.models.campaign import EXPERIMENT_STAYS, MAX_PRIORITY
from loyalty.campaigns.models.words import Channel, Ground, MessageKind
from loyalty.campaigns.publishing.checking import MAX_STEPS, flaws_of
from loyalty.campaigns.publishing.describing import said_of_flaw
from loyalty.campaigns.publishing.managing import draft_of
from loyalty.campaigns.publishing.outdated import ChangedSince, NothingToChange
from loyalty.campaigns.rules.revisions import PATTERN, changed_since, revision_of
from loyalty.campaigns.rules.triggers import OF_CONTACT
from loyalty.configuration.document import Change, InvalidDocument, schema_findings
from loyalty.configuration.findings import Finding
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program

FORMAT = 1
SCHEMA_ID = "urn:loyalty:campaign:1"
LANGUAGES = [str(each) for each in Retailer.Language.values]
MAX_DAYS = 32_767
STATE_LENGTH = 8
NOT_USUAL = object()

FLAG: dict[str, Any] = {"type": "boolean"}
DAYS: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
INSTANT: dict[str, Any] = {
    "type": ["string", "null"],
    "description": "With its zone, such as 2027-01-01T09:00:00+01:00.",
}
WAIT: dict[str, Any] = {"type": "string", "maxLength": 32}
WORDS: dict[str, Any] = {
    "type": "array", "items": {"type": "string", "maxLength": MAX_TOPIC}, "maxItems": 50,
    "description": "Of a contact with support: any where it is left out.",
}  # fmt: skip
# What stands with the campaign and holds at once, and what stands with its version and holds when it is published.
OF_CAMPAIGN: Mapping[str, dict[str, Any]] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "priority": {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY, "default": 10},
    "starts_at": INSTANT,
    "ends_at": INSTANT,
}
OF_VERSION: Mapping[str, dict[str, Any]] = {
    "ground": {"enum": list(Ground.values), "default": Ground.CONSENT.value},
    "uses_profile": FLAG | {"default": False},
    "tags": {"type": "array", "items": CODE, "maxItems": 20, "default": []},
    "trigger": {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]},
    "exits": {
        "type": "array",
        "maxItems": 10,
        "default": [],
        "items": {
            "type": "object",
            "properties": {"fact": {"type": "string"}, "goal": FLAG} | dict.fromkeys(OF_CONTACT, WORDS),
            "required": ["fact"],
            "additionalProperties": False,
        },
    },
    "again_after_days": {"anyOf": [DAYS, {"type": "null"}], "default": None},
    "at_most_one_active": FLAG | {"default": True},
    "late_up_to_days": DAYS | {"maximum": 60, "default": 3},
    "on_cap": {"enum": list(CampaignVersion.OnCap.values), "default": CampaignVersion.OnCap.WAIT.value},
}
OF_STEP: Mapping[str, dict[str, Any]] = {
    "wait": WAIT | {"default": ""},
    "channels": {"type": "array", "items": {"enum": list(Channel.values)}, "minItems": 1, "maxItems": 5, "default": []},
    "to_all_channels": FLAG | {"default": False},
    "is_urgent": FLAG | {"default": False},
    "expires_after": WAIT | {"default": "P3D"},
    "variant": {"type": "string", "pattern": r"^[-a-zA-Z0-9_]*$(?!\n)", "maxLength": 50, "default": ""},
}
# What a step names: the offer that it gives, or the survey that it asks, by their codes.
NAMED: Mapping[str, dict[str, Any]] = {
    "offer": CODE | {"description": "Which the step gives."},
    "ends_without": FLAG
    | {"default": True, "description": "Whether who does not get the offer gets no later step either."},
    "survey": CODE | {"description": "Which the message asks."},
}
OF_TEXT: Mapping[str, dict[str, Any]] = {
    "subject": {"type": "string", "maxLength": 200, "default": ""},
    "body": {"type": "string", "minLength": 1, "maxLength": 20_000},
    "button": {"type": "string", "maxLength": 60, "default": ""},
    "link": {"type": "string", "maxLength": 500, "default": ""},
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a campaign's document."""
    text = an_object(OF_TEXT, "body")
    texts = an_object({channel: an_object(dict.fromkeys(LANGUAGES, text)) for channel in Channel.values})
    step = an_object({**OF_STEP, **NAMED, "texts": texts})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A campaign",
        **an_object(
            {
                "campaign": {"const": FORMAT, "description": "The format of this document."},
                "program": CODE | {"description": "The slug of a program that there is."},
                "code": CODE,
                "revision": {
                    "type": "string", "pattern": PATTERN, "maxLength": 1_000,
                    "description": "Of what was written out: where that has changed since, this document is not applied. "
                    "Leave it out to replace whatever there is.",
                },
                "name": OF_CAMPAIGN["name"],
                "kind": {"enum": list(Campaign.Kind.values)},
                **OF_CAMPAIGN,
                "experiment": {
                    "anyOf": [CODE, {"type": "null"}],
                    "description": "Whose control gets nothing.",
                    "default": None,
                },
                "message_kind": {"enum": list(MessageKind.values)},
                **OF_VERSION,
                "steps": {"type": "array", "items": step, "maxItems": MAX_STEPS},
            },
            "campaign", "program", "code", "name", "kind", "message_kind", "trigger", "steps",
        ),
    }  # fmt: skip


def to_document(version: CampaignVersion) -> Document:
    """Return a version of a campaign as a document of plain values; what is as usual is left out."""
    campaign = version.campaign
    about = {
        "campaign": FORMAT, "program": campaign.program.slug, "code": campaign.code, "name": campaign.name,
        "kind": campaign.kind,
    }  # fmt: skip
    own = _unusual(campaign, {name: said for name, said in OF_CAMPAIGN.items() if name != "name"})
    experiment = {"experiment": campaign.experiment.code} if campaign.experiment else {}
    said = {"message_kind": version.kind} | _unusual(version, OF_VERSION)
    steps = [
        _step(step) for step in version.steps.in_order().select_related("offer", "survey").prefetch_related("texts")
    ]
    return {**about, **own, **experiment, **said, "steps": steps}


def written_out(version: CampaignVersion) -> Document:
    """Return a version as a document with its revision, to be changed and applied."""
    document = to_document(version)
    revision = {"revision": revision_of(document)}
    first = {name: said for name, said in document.items() if name in {"campaign", "program", "code"}}
    return {**first, **revision, **document}


def state_of(version: CampaignVersion) -> str:
    """Return in a few characters what a version says: others where anything of it is another, texts too."""
    return revision_of(to_document(version))[:STATE_LENGTH]


def _unusual(row: Any, fields: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the fields of a row that are not as usual, as plain values."""
    found = {name: _plain(getattr(row, name)) for name in fields}
    return {name: value for name, value in found.items() if value != fields[name].get("default")}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _step(step: Step) -> dict[str, Any]:
    variant = {"variant": step.variant} if step.variant else {}
    if step.kind == Step.Kind.WAIT:
        return {"wait": step.wait} | variant
    if step.offer is not None:
        return {"offer": step.offer.code} | variant | ({} if step.ends_without else {"ends_without": False})
    texts: dict[str, dict[str, Any]] = {}
    for text in sorted(step.texts.all(), key=lambda each: (each.channel, each.language)):
        texts.setdefault(text.channel, {})[text.language] = _unusual(text, OF_TEXT)
    survey = {"survey": step.survey.code} if step.survey is not None else {}
    return _unusual(step, OF_STEP) | survey | ({"texts": texts} if texts else {})


def check_document(said: Any, retailer: Retailer) -> list[Finding]:
    """Return what is wrong with how a document is written, and with what it names; nothing where it can be applied."""
    try:
        return schema_findings(said, schema()) or [
            *_of_instants(said),
            *_of_steps(said),
            *_of_names(said, retailer),
            *_of_named(said, retailer),
        ]
    except RecursionError:
        return [Finding.error("too_deep", "/", _("The document is nested too deep."))]


def _of_instants(said: Mapping[str, Any]) -> Iterator[Finding]:
    for name in ("starts_at", "ends_at"):
        if said.get(name) is not None and _instant(said[name]) is None:
            words = _("“%(text)s” is no instant with a zone, such as 2027-01-01T00:00:00+01:00.")
            yield Finding.error("no_instant", name, words % {"text": said[name]})
    first, last = (_instant(said[name]) if said.get(name) else None for name in ("starts_at", "ends_at"))
    if first and last and last <= first:
        yield Finding.error("ends_first", "ends_at", _("It ends after it starts."))


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:  # it looks like one: 2027-02-30T00:00:00Z
        return None
    is_known = found is not None and found.tzinfo is not None and FIRST_YEAR < found.year < LAST_YEAR
    return found if is_known else None


def _of_steps(said: Mapping[str, Any]) -> Iterator[Finding]:
    for position, step in enumerate(said["steps"]):
        place = f"steps/{position}"
        if not _is_one_kind(step):
            words = _(
                "A step waits for something (wait), gives an offer (offer), or sends a message by channels with texts."
            )
            yield Finding.error("waits_or_says", place, words)
        for channel, texts in step.get("texts", {}).items():
            for language, text in texts.items():
                if bool(text.get("button")) != bool(text.get("link")):
                    where = f"{place}/texts/{channel}/{language}"
                    yield Finding.error("half_a_button", where, _("A button has a text and a link."))


def _is_one_kind(step: Mapping[str, Any]) -> bool:
    """Tell whether a step says what one of its kind does, and nothing of another."""
    if step.get("wait"):
        return set(step) <= {"wait", "variant"}
    if "offer" in step:
        return set(step) <= {"offer", "ends_without", "variant"}
    return bool(step.get("channels")) and "ends_without" not in step


def _of_named(said: Mapping[str, Any], retailer: Retailer) -> Iterator[Finding]:
    """Yield the offers and surveys that steps name and that are not there."""
    offers = set(Offer.objects.filter(retailer=retailer, program__slug=said["program"]).values_list("code", flat=True))
    surveys = set(Survey.objects.filter(retailer=retailer).values_list("code", flat=True))
    for position, step in enumerate(said["steps"]):
        for name, known in (("offer", offers), ("survey", surveys)):
            if step.get(name, "") and step[name] not in known:
                words = _("There is no “%(code)s” here. There are: %(known)s.")
                facts = {"code": step[name], "known": ", ".join(sorted(known)) or "-"}
                yield Finding.error(f"unknown_{name}", f"steps/{position}/{name}", words % facts)


def _of_names(said: Mapping[str, Any], retailer: Retailer) -> Iterator[Finding]:
    programs = Program.objects.filter(retailer=retailer).order_by("slug").values_list("slug", flat=True)
    if said["program"] not in programs:
        words = _("There is no program “%(slug)s”. There are: %(known)s.")
        facts = {"slug": said["program"], "known": ", ".join(programs) or "-"}
        yield Finding.error("unknown_program", "program", words % facts)
    code = said.get("experiment")
    if code is not None and not Experiment.objects.filter(retailer=retailer, code=code).exists():
        yield Finding.error(
            "unknown_experiment", "experiment", _("There is no experiment “%(code)s”.") % {"code": code}
        )
    rows = Campaign.objects.filter(retailer=retailer, code=said["code"])
    known = rows.select_related("program", "experiment").first()
    if known is not None:
        if known.experiment is not None and known.experiment.code != code and known.is_measured:
            yield Finding.error("experiment_stays", "experiment", EXPERIMENT_STAYS % {"code": known.experiment.code})
        for name, own in (("program", known.program.slug), ("kind", known.kind)):
            if said[name] != own:
                words = _(
                    "The campaign “%(code)s” is there already with “%(own)s”, which stays. Give this one another code."
                )
                yield Finding.error("other_campaign", name, words % {"code": known.code, "own": own})


def require_present(retailer: Retailer, said: Mapping[str, Any]) -> None:
    """
    Refuse a document whose campaign was changed since it was written out, by the revision that it says, if any.

    What it would replace is the draft, or else the version in force. A document that says just what there is changes nothing,
    and is not refused. It holds the campaign, so that of two at once the second one is refused.

    :param said: a document that was checked
    :raises ChangedSince: naming each place that differs
    :raises NothingToChange: where the campaign is not here
    """
    if "revision" not in said:
        return
    campaign = Campaign.objects.select_for_update(no_key=True).filter(retailer=retailer, code=said["code"]).first()
    if campaign is None:
        raise NothingToChange(code=said["code"])
    present = campaign.versions.select_related("campaign__program", "campaign__experiment").order_by("-number")[0]
    document = to_document(present)
    if (places := changed_since(said["revision"], document)) and _plain_of(said) != _plain_of(document):
        raise ChangedSince(present, document, places)


def _plain_of(said: Mapping[str, Any]) -> Document:
    """Return what a document says but for its revision, with nothing said that is as usual."""
    usual = {**OF_CAMPAIGN, **OF_VERSION, "experiment": {"default": None}}
    found = {name: each for name, each in said.items() if name != "revision"}
    return {
        name: each for name, each in found.items() if name not in usual or each != usual[name].get("default", NOT_USUAL)
    }


@transaction.atomic
def apply_document(retailer: Retailer, said: Any, *, now: datetime) -> CampaignVersion:
    """
    Return the draft of a campaign that says what a document says: of a new campaign, or of the one with its code.

    :raises InvalidDocument: with all that is wrong with how it is written
    :raises ChangedSince: where it says of which revision it was made, and that is not the present one
    """
    if found := check_document(said, retailer):
        raise InvalidDocument(found)
    require_present(retailer, said)
    draft = _draft(retailer, said, now)
    draft.kind = said["message_kind"]
    for name, asked in OF_VERSION.items():
        setattr(draft, name, said.get(name, asked.get("default")))
    draft.save()
    draft.steps.all().delete()
    for position, each in enumerate(said["steps"]):
        _write_step(draft, position, each)
    return draft


def _draft(retailer: Retailer, said: Mapping[str, Any], now: datetime) -> CampaignVersion:
    """Return the draft to be written, and write what holds at once."""
    given: dict[str, Any] = {
        "name": said["name"], "priority": said.get("priority", OF_CAMPAIGN["priority"]["default"]),
        "starts_at": _instant(said["starts_at"]) if said.get("starts_at") else None,
        "ends_at": _instant(said["ends_at"]) if said.get("ends_at") else None,
        "experiment": Experiment.objects.filter(retailer=retailer, code=said.get("experiment") or "").first(),
    }  # fmt: skip
    campaign = Campaign.objects.filter(retailer=retailer, code=said["code"]).first()
    if campaign is None:
        program = Program.objects.get(retailer=retailer, slug=said["program"])
        campaign = Campaign.objects.create(
            retailer=retailer, program=program, code=said["code"], kind=said["kind"], created_at=now, **given
        )  # fmt: skip
        return CampaignVersion(campaign=campaign, retailer=retailer, number=1)
    draft = draft_of(campaign)
    for name, value in given.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=list(given))
    draft.campaign = campaign
    return draft


def _write_step(draft: CampaignVersion, position: int, said: Mapping[str, Any]) -> None:
    kind = Step.Kind.WAIT if said.get("wait") else Step.Kind.OFFER if "offer" in said else Step.Kind.MESSAGE
    given = {name: said.get(name, asked.get("default")) for name, asked in OF_STEP.items()}
    given["ends_without"] = said.get("ends_without", True)
    if "offer" in said:
        given["offer"] = Offer.objects.get(retailer=draft.retailer_id, code=said["offer"])
    if "survey" in said:
        given["survey"] = Survey.objects.get(retailer=draft.retailer_id, code=said["survey"])
    step = Step.objects.create(version=draft, retailer_id=draft.retailer_id, position=position, kind=kind, **given)
    StepText.objects.bulk_create(
        StepText(step=step, retailer_id=draft.retailer_id, channel=channel, language=language, **text)
        for channel, texts in said.get("texts", {}).items()
        for language, text in texts.items()
    )


def findings_of(version: CampaignVersion) -> list[Finding]:
    """Return what is wrong with a version, as a document's findings are told."""
    return [Finding(each.is_error, each.code, each.place, said_of_flaw(each)) for each in flaws_of(version)]


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a document would make of a campaign.

    :param changes: against what is in force, or else against the draft
    :param said_revision: of which it was made; empty where it does not say
    """

    version: CampaignVersion
    changes: list[Change]
    findings: list[Finding]
    said_revision: str = ""


def say(retailer: Retailer, said: Any, *, now: datetime) -> Said:
    """
    Write a document's draft down, and return what it changes; whoever only wants to know rolls it back.

    :raises InvalidDocument: as `apply_document`
    """
    if found := check_document(said, retailer):
        raise InvalidDocument(found)
    known = Campaign.objects.filter(retailer=retailer, code=said["code"]).first()
    before = (known.version or known.versions.filter(published_at=None).first()) if known else None
    old = to_document(before) if before else {}
    version = apply_document(retailer, said, now=now)
    changes = differences(old, to_document(version))
    return Said(version, changes, findings_of(version), said.get("revision", ""))
