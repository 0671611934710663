"""Campaigns in words, for people: what enters, what happens step by step, what is wrong, and what became of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Count
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.models import Interaction
from loyalty.campaigns.models import Campaign, CampaignVersion, Message, Step
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.publishing.checking import CampaignFlaw
from loyalty.campaigns.rules.triggers import ENDED_AS, TOPICS, TRIGGERS, parameter, word
from loyalty.campaigns.rules.wall_clock import NoWait, Wait, read_wait

TRIGGER_WORDS = {
    "broadcast": gettext_lazy("All members, once."),
    "enrolled": gettext_lazy("Who was enrolled."),
    "cart": gettext_lazy("Who left a cart behind."),
    "birthday": gettext_lazy("Whose birthday is in %(days_before)s days."),
    "points_expiring": gettext_lazy("Of whom at least %(points)s points expire within %(days)s days."),
    "lapsed": gettext_lazy("Who has not bought for %(days)s days."),
    "first_order": gettext_lazy("Who bought for the first time within the last %(days)s days."),
    "anniversary": gettext_lazy("Whose anniversary of joining is in %(days_before)s days."),
    "tier_within_reach": gettext_lazy("For whom at most %(percent)s percent is missing for the next tier."),
    "tier_at_risk": gettext_lazy("Who will lose its tier within %(days)s days unless more counts by then."),
    "vip_at_risk": gettext_lazy("Who is a VIP at risk, and agreed to offers based on a profile."),
    "contact": gettext_lazy("Who spoke with support within the last %(days)s days: each contact."),
    "survey_wave": gettext_lazy("Each week another one of %(weeks)s equal parts of all members."),
    "review": gettext_lazy("Each order, after %(days)s days."),
    "plan_renewal": gettext_lazy("Whose paid plan renews within %(days)s days."),
    "life_stage": gettext_lazy("Who is in the stage: %(stage)s."),
}
LIST_WORDS = {
    TOPICS: gettext_lazy("About: %(words)s."),
    ENDED_AS: gettext_lazy("Ended: %(words)s."),
}
ON_THE_DAY_WORDS = {
    "birthday": gettext_lazy("Whose birthday it is."),
    "anniversary": gettext_lazy("Whose anniversary of joining it is."),
}
STAGE_WORDS = {
    "prospect": gettext_lazy("has not bought yet"),
    "new": gettext_lazy("bought for the first time within the last 90 days"),
    "loyal": gettext_lazy("buys regularly"),
    "lapsing": gettext_lazy("waits longer than usual to buy again"),
}
FLAW_WORDS = {
    "unknown_trigger": gettext_lazy("There is no such trigger; there are %(known)s."),
    "unknown_parameter": gettext_lazy("The trigger has no parameter “%(name)s”; it has %(known)s."),
    "out_of_bounds": gettext_lazy("It is a whole number from %(least)s to %(most)s."),
    "not_a_list_of_codes": gettext_lazy("It is a list of codes."),
    "not_a_list_of_words": gettext_lazy("It is a list of words."),
    "not_one_of": gettext_lazy("It is one of %(known)s."),
    "needs_profile": gettext_lazy(
        "Who enters is decided by what was computed about customers: tick that it is decided by a profile."
    ),
    "holds_out_of_program": gettext_lazy(
        "“%(code)s” withholds more than this campaign from its control: it is not invited to the program, or gets no benefits. "
        "To measure this campaign alone, choose an experiment of the layer “variants”."
    ),
    "unknown_fact": gettext_lazy("An exit names one of %(known)s."),
    "twice": gettext_lazy("“%(name)s” is there twice."),
    "unknown_tier": gettext_lazy("The program has no tier “%(code)s”; it has %(known)s."),
    "unknown_segment": gettext_lazy("There is no segment “%(code)s”; there are %(known)s."),
    "unknown_variant": gettext_lazy(
        "The campaign's experiment has no variant “%(code)s” that gets messages; it has %(known)s."
    ),
    "other_experiment": gettext_lazy("The experiment “%(code)s” is of another program."),
    "experiment_not_started": gettext_lazy(
        "The experiment “%(code)s” has not started: until it does nobody is held out."
    ),
    "experiment_ended": gettext_lazy("The experiment “%(code)s” has ended: nobody is held out any more."),
    "link_leads_nowhere": gettext_lazy("A link begins with https:// or with a value such as {{ page }}."),
    "says_nothing": gettext_lazy("No step says anything."),
    "too_many_steps": gettext_lazy("It has more than %(limit)s steps."),
    "no_day": gettext_lazy("It waits for a day, but what begins it is about no day."),
    "other_program": gettext_lazy("The offer “%(offer)s” is of another program."),
    "offer_not_live": gettext_lazy("The offer “%(offer)s” is not given: start it first."),
    "no_wait": gettext_lazy("“%(text)s” says no wait."),
    "only_service_is_urgent": gettext_lazy("Only service may be urgent."),
    "unknown_channel": gettext_lazy("There is no such channel."),
    "text_missing": gettext_lazy("It says nothing by %(channel)s in %(language)s."),
    "survey_closed": gettext_lazy("Its survey asks nobody any more."),
    "survey_not_linked": gettext_lazy("It asks a survey, and does not lead to it: write {{ survey }} as its link."),
    "subject_missing": gettext_lazy("It has no subject."),
    "not_a_template": gettext_lazy("It cannot be read: %(what)s"),
    "not_closed": gettext_lazy("“%(what)s” stands alone: a value is written {{ name }}."),
    "tag_not_allowed": gettext_lazy("“%(what)s” is not for texts; they have if alone."),
    "filter_not_allowed": gettext_lazy("The filter “%(what)s” is not for texts."),
    "value_unknown": gettext_lazy("Nobody knows the value “%(what)s”."),
}


def trigger_of(version: CampaignVersion) -> str:
    """Return who enters on a version."""
    kind = str(version.trigger.get("kind"))
    if kind not in TRIGGERS:
        return "-"
    facts: dict[str, Any] = {name: parameter(version.trigger, name) for name in TRIGGERS[kind].numbers}
    facts |= {name: STAGE_WORDS.get(str(word(version.trigger, name)), "-") for name in TRIGGERS[kind].words}
    if kind in ON_THE_DAY_WORDS and not facts["days_before"]:
        return str(ON_THE_DAY_WORDS[kind])
    lists = (words % {"words": _listed(name, version.trigger[name])}
             for name, words in LIST_WORDS.items() if name in TRIGGERS[kind].lists and version.trigger.get(name))  # fmt: skip
    return " ".join([str(TRIGGER_WORDS[kind]) % facts, *lists])


def _listed(name: str, said: Any) -> str:
    """Return the words by which a trigger is narrowed, as people read them."""
    words = [str(each) for each in said] if isinstance(said, list) else [str(said)]
    names = dict(Interaction.Outcome.choices) if name == ENDED_AS else {}
    return ", ".join(str(names.get(each, each)) for each in words)


def wait_of(text: str) -> str:
    """Return a wait in words, such as: 3 days, then until 10:00."""
    try:
        wait = read_wait(text)
    except NoWait:
        return text
    hour = time_format(wait.at, "H:i") if wait.at else ""
    if wait.until is not None:
        return _("until %(day)s, %(hour)s") % {"day": date_format(wait.until), "hour": hour}
    if wait.before_days is not None:
        words = ngettext(
            "until %(number)s day before the day, at %(hour)s", "until %(number)s days before the day, at %(hour)s",
            wait.before_days,
        )  # fmt: skip
        return words % {"number": wait.before_days, "hour": hour}
    counted = ", ".join(_counted(wait))
    if hour and counted:
        return _("%(counted)s, then until %(hour)s") % {"counted": counted, "hour": hour}
    return _("until %(hour)s") % {"hour": hour} if hour else counted


def _counted(wait: Wait) -> Iterator[str]:
    minutes = int(wait.exact.total_seconds()) // 60 if wait.exact else 0
    for number, words in (
        (wait.months, ngettext("%(number)s month", "%(number)s months", wait.months)),
        (wait.days, ngettext("%(number)s day", "%(number)s days", wait.days)),
        (minutes // 60, ngettext("%(number)s hour", "%(number)s hours", minutes // 60)),
        (minutes % 60, ngettext("%(number)s minute", "%(number)s minutes", minutes % 60)),
    ):
        if number:
            yield words % {"number": number}


def step_of(step: Step) -> str:
    """Return a step in one line."""
    if step.kind == Step.Kind.WAIT:
        return _("%(place)s. Wait %(wait)s.") % {"place": step.position + 1, "wait": wait_of(step.wait)}
    if step.kind == Step.Kind.OFFER:
        words = _("%(place)s. Give “%(offer)s”, or end.") if step.ends_without else _("%(place)s. Give “%(offer)s”.")
        return words % {"place": step.position + 1, "offer": step.offer}
    channels = ", ".join(str(Channel(each).label) for each in step.channels if each in Channel.values)
    words = (
        _("%(place)s. Say by all of %(channels)s.") if step.to_all_channels else _("%(place)s. Say by %(channels)s.")
    )
    line = words % {"place": step.position + 1, "channels": channels}
    return line if step.survey is None else _("%(step)s It asks “%(survey)s”.") % {"step": line, "survey": step.survey}


def said_of_flaw(flaw: CampaignFlaw) -> str:
    """Return what is wrong in words."""
    return str(FLAW_WORDS[flaw.code]) % dict(flaw.facts)


def said_of(flaw: CampaignFlaw) -> str:
    """Return what is wrong in words, with its place."""
    return f"{flaw.place}: {said_of_flaw(flaw)}"


def funnel_of(campaign: Campaign) -> Mapping[str, int]:
    """Return how many messages of a campaign are in which state: those of which nobody knows have a line of their own."""
    rows = Message.objects.filter(campaign=campaign).values_list("state").annotate(number=Count("pk"))
    return {str(Message.State(state).label): number for state, number in sorted(rows)}


def is_finished(campaign: Campaign) -> bool:
    """Tell whether nothing of a campaign is under way: every message has ended, and nobody is in it any more."""
    opened = (Message.State.DUE, Message.State.HELD, Message.State.CLAIMED)
    return (
        not Message.objects.filter(campaign=campaign, state__in=opened).exists()
        and not campaign.entries.filter(ended_at=None).exists()
    )
