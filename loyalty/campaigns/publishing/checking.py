"""What is wrong with a version of a campaign, before anybody gets it."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from customers.core.values import dataclass
from customers.segment_names import NAMES
from loyalty.campaigns.feedback.links import SURVEY
from loyalty.campaigns.messages.texts import check_text
from loyalty.campaigns.models import CampaignVersion, Offer, Step, StepText
from loyalty.campaigns.models.words import Channel, MessageKind
from loyalty.campaigns.rules.triggers import (
    SEGMENTS,
    TIERS,
    TRIGGERS,
    check_exits,
    check_trigger,
    is_codes,
    reads_profile,
)
from loyalty.campaigns.rules.wall_clock import NoWait, read_wait
from loyalty.experiments.models import Experiment
from loyalty.tiers.models import Tier

MAX_STEPS = 50
OF_OFFER = frozenset({"offer", "offer_until"})  # that texts behind a step that gives one may name


@dataclass(frozen=True, slots=True)
class CampaignFlaw:
    """
    What is wrong with a version: a code, its place, and what explains it.

    :param is_error: whether it cannot be published with it
    """

    code: str
    place: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_error: bool = True


def flaws_of(version: CampaignVersion) -> list[CampaignFlaw]:
    """Return what is wrong with a version, in the order of its steps."""
    found = [CampaignFlaw(each.code, each.place, each.facts) for each in check_trigger(version.trigger)]
    found += [CampaignFlaw(each.code, each.place, each.facts) for each in check_exits(version.exits)]
    found += _audience_flaws(version)
    experiment = version.campaign.experiment
    if experiment is not None and experiment.program_id not in {None, version.campaign.program_id}:
        found.append(CampaignFlaw("other_experiment", "experiment", {"code": experiment.code}))
    if experiment is not None and experiment.state != Experiment.State.RUNNING:
        code = "experiment_ended" if experiment.state == Experiment.State.ENDED else "experiment_not_started"
        found.append(CampaignFlaw(code, "experiment", {"code": experiment.code}, is_error=False))
    if experiment is not None and experiment.form != Experiment.Form.VARIANTS:
        found.append(CampaignFlaw("holds_out_of_program", "experiment", {"code": experiment.code}, is_error=False))
    if reads_profile(version.trigger) and not version.uses_profile:
        found.append(CampaignFlaw("needs_profile", "uses_profile"))
    variants = _variants_of(experiment)
    steps = list(version.steps.in_order().select_related("survey", "offer").prefetch_related("texts"))
    if all(step.kind == Step.Kind.WAIT for step in steps):
        found.append(CampaignFlaw("says_nothing", "steps"))
    if len(steps) > MAX_STEPS:
        found.append(CampaignFlaw("too_many_steps", "steps", {"limit": MAX_STEPS}))
    for place, step in enumerate(steps):
        gives = any(earlier.kind == Step.Kind.OFFER for earlier in steps[:place])
        if step.variant and step.variant not in variants:
            facts = {"code": step.variant, "known": ", ".join(variants) or "-"}
            found.append(CampaignFlaw("unknown_variant", f"steps/{step.position}/variant", facts))
        found += _step_flaws(version, step, OF_OFFER if gives else frozenset())
    return found


def _audience_flaws(version: CampaignVersion) -> Iterator[CampaignFlaw]:
    """Yield the tiers and segments that a trigger is narrowed by, and that nobody can be in."""
    for name, code, known in (
        (TIERS, "unknown_tier", _tiers_of(version)),
        (SEGMENTS, "unknown_segment", sorted(NAMES)),
    ):
        asked = version.trigger.get(name, [])
        for place, each in enumerate(asked if is_codes(asked) else []):
            if each not in known:
                facts = {"code": each, "known": ", ".join(known) or "-"}
                yield CampaignFlaw(code, f"trigger/{name}/{place}", facts)


def _tiers_of(version: CampaignVersion) -> list[str]:
    """Return the codes of the tiers that a program has, or has had: members may still stand in those."""
    if not version.trigger.get(TIERS):
        return []
    rows = Tier.objects.filter(version__program=version.campaign.program_id, version__status="published")
    return sorted(set(rows.values_list("code", flat=True)))


def _variants_of(experiment: Experiment | None) -> list[str]:
    """Return the variants of an experiment of which somebody gets messages."""
    if experiment is None:
        return []
    return [each.code for each in experiment.variants.in_order() if not each.is_control]


def _step_flaws(version: CampaignVersion, step: Step, more: frozenset[str]) -> Iterator[CampaignFlaw]:
    place = f"steps/{step.position}"
    yield from _wait_flaws(version, step.wait, f"{place}/wait")
    if step.kind == Step.Kind.OFFER:
        yield from _offer_flaws(version, step, place)
    if step.kind != Step.Kind.MESSAGE:
        return
    yield from _wait_flaws(version, step.expires_after, f"{place}/expires_after")
    if not step.expires_after and not _has_day(version):
        yield CampaignFlaw("no_day", f"{place}/expires_after")
    if step.is_urgent and version.kind != MessageKind.SERVICE:
        yield CampaignFlaw("only_service_is_urgent", f"{place}/is_urgent")
    if twice := sorted({each for each in step.channels if step.channels.count(each) > 1}):
        yield CampaignFlaw("twice", f"{place}/channels", {"name": twice[0]})
    if unknown := sorted(set(step.channels) - set(Channel.values)):
        yield CampaignFlaw("unknown_channel", f"{place}/channels", {"channels": unknown})
    texts = {(text.channel, text.language): text for text in step.texts.all()}
    if step.survey_id is not None and step.survey is not None and not step.survey.is_open:
        yield CampaignFlaw("survey_closed", f"{place}/survey")
    for channel in step.channels:
        yield from _text_flaws(version, step, texts, channel, more)


def _offer_flaws(version: CampaignVersion, step: Step, place: str) -> Iterator[CampaignFlaw]:
    """Yield whether a step gives an offer of another program, or one that is not given."""
    assert step.offer is not None, "a constraint says so"
    facts = {"offer": step.offer.code}
    if step.offer.program_id != version.campaign.program_id:
        yield CampaignFlaw("other_program", f"{place}/offer", facts)
    elif step.offer.state != Offer.State.LIVE:
        yield CampaignFlaw("offer_not_live", f"{place}/offer", facts)


def _text_flaws(
    version: CampaignVersion,
    step: Step,
    texts: Mapping[tuple[str, str], StepText],
    channel: str,
    more: frozenset[str],
) -> Iterator[CampaignFlaw]:
    kind, place = TRIGGERS.get(str(version.trigger.get("kind"))), f"steps/{step.position}"
    values = (kind.values if kind else frozenset()) | ({SURVEY} if step.survey_id else frozenset()) | more
    for language, _name in StepText._meta.get_field("language").choices or ():
        text = texts.get((channel, str(language)))
        where = f"{place}/texts/{channel}/{language}"
        if text is None:
            is_own = language == version.retailer.language
            yield CampaignFlaw("text_missing", where, {"channel": channel, "language": language}, is_error=is_own)
            continue
        if channel in {Channel.EMAIL, Channel.INBOX} and not text.subject.strip():
            yield CampaignFlaw("subject_missing", where)
        if step.survey_id and not any(SURVEY in getattr(text, name) for name in ("body", "link")):
            yield CampaignFlaw("survey_not_linked", where)
        if text.link and not text.link.lstrip().startswith(("https://", "http://", "{")):
            yield CampaignFlaw("link_leads_nowhere", f"{where}/link")
        for name in ("subject", "body", "button", "link"):
            for flaw in check_text(getattr(text, name), values):
                yield CampaignFlaw(flaw.code, f"{where}/{name}", {"what": flaw.what})


def _wait_flaws(version: CampaignVersion, text: str, place: str) -> Iterator[CampaignFlaw]:
    if not text:
        return
    try:
        wait = read_wait(text)
    except NoWait:
        yield CampaignFlaw("no_wait", place, {"text": text})
    else:
        if wait.before_days is not None and not _has_day(version):
            yield CampaignFlaw("no_day", place)


def _has_day(version: CampaignVersion) -> bool:
    kind = TRIGGERS.get(str(version.trigger.get("kind")))
    return kind is not None and kind.has_day
