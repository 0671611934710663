"""Campaigns in words, for people: what enters, what happens step by step, what is wrong, and what became of it."""

from collections.abc import Mapping

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.campaigns.checking import CampaignFlaw
from loyalty.campaigns.models import Campaign, CampaignVersion, Message, Step
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.rules.triggers import TRIGGERS, parameter

TRIGGER_WORDS = {
    "broadcast": gettext_lazy("All members, once."),
    "enrolled": gettext_lazy("Who was enrolled."),
    "cart": gettext_lazy("Who left a cart behind."),
    "birthday": gettext_lazy("Whose birthday is in %(days_before)s days."),
    "points_expiring": gettext_lazy("Of whom at least %(points)s points expire within %(days)s days."),
    "lapsed": gettext_lazy("Who has not bought for %(days)s days."),
}
FLAW_WORDS = {
    "unknown_trigger": gettext_lazy("There is no such trigger; there are %(known)s."),
    "unknown_parameter": gettext_lazy("The trigger has no parameter “%(name)s”."),
    "out_of_bounds": gettext_lazy("It is a whole number from %(least)s to %(most)s."),
    "not_a_list_of_codes": gettext_lazy("It is a list of codes."),
    "unknown_fact": gettext_lazy("An exit names one of %(known)s."),
    "says_nothing": gettext_lazy("No step says anything."),
    "too_many_steps": gettext_lazy("It has more than %(limit)s steps."),
    "no_day": gettext_lazy("It waits for a day, but what begins it is about no day."),
    "other_program": gettext_lazy("The offer “%(offer)s” is of another program."),
    "offer_not_live": gettext_lazy("The offer “%(offer)s” is not given: start it first."),
    "no_wait": gettext_lazy("“%(text)s” says no wait."),
    "only_service_is_urgent": gettext_lazy("Only service may be urgent."),
    "unknown_channel": gettext_lazy("There is no such channel."),
    "text_missing": gettext_lazy("It says nothing by %(channel)s in %(language)s."),
    "subject_missing": gettext_lazy("It has no subject."),
    "not_a_template": gettext_lazy("It cannot be read: %(what)s"),
    "tag_not_allowed": gettext_lazy("“%(what)s” is not for texts; they have if alone."),
    "filter_not_allowed": gettext_lazy("The filter “%(what)s” is not for texts."),
    "value_unknown": gettext_lazy("Nobody knows the value “%(what)s”."),
}


def trigger_of(version: CampaignVersion) -> str:
    """Return who enters on a version."""
    kind = str(version.trigger.get("kind"))
    if kind not in TRIGGERS:
        return "-"
    numbers = {name: parameter(version.trigger, name) for name in TRIGGERS[kind].numbers}
    return str(TRIGGER_WORDS[kind]) % numbers


def step_of(step: Step) -> str:
    """Return a step in one line."""
    if step.kind == Step.Kind.WAIT:
        return _("%(place)s. Wait %(wait)s.") % {"place": step.position + 1, "wait": step.wait}
    if step.kind == Step.Kind.OFFER:
        words = _("%(place)s. Give “%(offer)s”, or end.") if step.ends_without else _("%(place)s. Give “%(offer)s”.")
        return words % {"place": step.position + 1, "offer": step.offer}
    channels = ", ".join(str(Channel(each).label) for each in step.channels if each in Channel.values)
    words = (
        _("%(place)s. Say by all of %(channels)s.") if step.to_all_channels else _("%(place)s. Say by %(channels)s.")
    )
    return words % {"place": step.position + 1, "channels": channels}


def said_of(flaw: CampaignFlaw) -> str:
    """Return what is wrong in words, with its place."""
    return f"{flaw.place}: {FLAW_WORDS[flaw.code] % dict(flaw.facts)}"


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
