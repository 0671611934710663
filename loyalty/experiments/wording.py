"""What is wrong with an experiment, and what was done with it, in words."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.core.instants import instant_said
from customers.core.labels import labelled
from customers.core.numbers import percent, shown
from loyalty.experiments.models import Experiment, ExperimentEvent
from loyalty.experiments.rules import BUCKETS, Flaw

FLAWS: dict[str, Promise] = {
    "one_salt_per_layer": _(
        "The salt {salt} is that of {other} ({layer}). One salt per layer: with the same one, the same customers are held"
        " out twice. Choose a new salt."
    ),
    "number_of_variants": _("An experiment has 2 to {limit} variants; this one has {number}."),
    "variant_twice": _("Two variants are called {variant}."),
    "share_of_nobody": _("The variant {variant} has no share."),
    "shares_do_not_add_up": _("The shares add up to {total}; all together are {whole}."),
    "not_one_control": _("One variant is the control, with which the others are compared; {number} are."),
    "form_of_another_layer": _("The form {form} does not belong to the layer {layer}."),
    "program_needed": _("Say of which program it is: only a hold-out of everything (global) may be of all programs."),
    "shorter_than_its_window": _(
        "It ends after {duration} days, and nobody would have been in it for a whole window of {window} days: nothing could ever"
        " be told. Let it last at least as long as its window, better twice, or shorten the window."
    ),
    "parts_of_no_variant": _(
        "Version {number} of {program} has parts for the variants {variants} of an experiment of this code, and this one has no"
        " such variants: they would hold for nobody. Call its variants so, or publish a version that names its own."
    ),
    "nothing_varies": _(
        "Nothing names its variants: no version in force or published for later, no campaign, no offer. Unless your own systems"
        " treat them otherwise, all are treated alike, and nothing can be found."
    ),
    "within_no_hold_out": _(
        "{within} is no hold-out (campaign) of the same program, within which variants could stand."
    ),
    "within_not_running": _(
        "The hold-out {within} does not run. Start it first: it decides who gets a variant at all."
    ),
    "global_running": _("The hold-out of everything {other} runs already. End it first."),
    "others_running": _(
        "{others} already run. A hold-out of everything starts before all others of its programs: end them first."
    ),
    "tier_of_no_near_miss": _("Only an experiment of near misses names a tier, and how much may be lacking."),
    "tier_needed": _("Name the tier to which a part of the near misses is raised."),
    "missing_percent": _("Say how much of the tier may be lacking at most, from 1 to {limit} percent."),
    "two_variants": _("Near misses are in two variants, of which one is raised; {number} are named."),
    "tier_unknown": _("The program in force has no such tier."),
    "tier_of_everybody": _("{tier} asks for nothing, so nobody just misses it."),
    "tier_of_balance": _(
        "{tier} asks for points that can be spent now: who just misses it changes with each purchase. Near misses need what is "
        "counted over a time."
    ),
    "near_miss_running": _("{other} raises near misses to this tier already. End it first."),
    "household_as_unit": _(
        "{members} members share points with others. Make the household the unit, or what one of them gets the others use."
    ),
    "wash_out": _(
        "The hold-out of everything {other} ended on {ended}. Wait {days} days, so that what it did has worn off."
    ),
}

CONTAMINATION: dict[str, Promise] = {
    "merged_across_variants": _("persons two of whose records were in different variants"),
    "household_across_variants": _("persons who share points with somebody in another variant"),
    "joined_against_assignment": _("persons who were not invited, and joined since"),
}


DIGEST = 12  # letters by which a plan's digest is told from others; the results have all of them
KINDS: dict[str, Any] = {
    "layer": Experiment.Layer,
    "form": Experiment.Form,
    "unit": Experiment.Unit,
    "metric": Experiment.Metric,
}
BP = 100  # of a percent
SHARES = frozenset({"total", "whole"})  # facts of flaws that are shares, in ten-thousandths
NAMES: dict[str, str | Promise] = {
    "variants": _("variants"),
    "assigned": _("customers who were assigned"),
    "reason": _("reason"),
    "tier": _("tier"),
    "by_itself": _("ends by itself"),
}


def said_of(flaw: Flaw) -> str:
    """Return what is wrong and what to do, in the reader's language."""
    return str(FLAWS[flaw.code]).format(**{name: written(name, fact) for name, fact in flaw.facts.items()})


def told_of(event: ExperimentEvent, tiers: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """
    Return what an event says, a line for each thing; what it can detect stands with its results, in words.

    :param tiers: what tiers are called, by their identity
    """
    told = {name: _told(name, said, tiers) for name, said in event.said.items() if name != "detectable"}
    return [labelled(capfirst(_name_of(name)), words) for name, words in told.items() if words]


def _told(name: str, said: Any, tiers: Mapping[str, str]) -> str:
    if isinstance(said, dict) and set(said) == {"was", "is"}:
        return f"{_told(name, said['was'], tiers) or '-'} → {_told(name, said['is'], tiers) or '-'}"
    return tiers.get(said, said) if name == "tier" and said else written(name, said)


def _name_of(name: str) -> str:
    fields = {each.name: each.verbose_name for each in Experiment._meta.fields}
    return str(NAMES.get(name) or fields.get(name, name))


def written(name: str, said: Any) -> str:
    """Return a value of an experiment, its plan or its events as the reader writes it; empty for none."""
    if isinstance(said, str):
        return _text(name, said)
    if isinstance(said, list):
        return ", ".join(f"{each['code']} {share_said(each['share_bp'])}" for each in said)
    if said is None or isinstance(said, bool):
        return gettext("yes") if said else ""
    return share_said(said) if name in SHARES else shown(said, 0)


def share_said(share_bp: int) -> str:
    """Return a share of ten-thousandths in percent, with as many decimals as it has: 1,000 is 10 %, 3,333 is 33.33 %."""
    return percent(Decimal(share_bp) / BUCKETS, decimals_of_share(share_bp))


def decimals_of_share(share_bp: int) -> int:
    """Return how many decimals a share has in percent."""
    return next((decimals for decimals, unit in enumerate((100, 10)) if share_bp % unit == 0), 2)


def _text(name: str, said: str) -> str:
    if name in KINDS:
        return str(KINDS[name](said).label)
    if name == "plan_hash":
        return said[:DIGEST]
    at = parse_datetime(said) if name.endswith("_at") else None
    return said if at is None else instant_said(at)
