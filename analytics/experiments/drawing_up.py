"""
Drafts of offers from a report of depths: one for each segment that a depth pays for; a person looks at them and starts them.

A tenth of the members stays without, as long as the offers are given: by a hold-out that is a draft as well. What a report
promises is partly luck, and only they tell what is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db import transaction
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.experiments import depth_words
from analytics.experiments.depth_results import ALL, CODE_LENGTH, OTHERS, DepthResult, offer_code
from analytics.experiments.looking import latest
from analytics.experiments.models import ExperimentLook
from analytics.segments.rules import TYPES
from analytics.uplift.depth_audit import HELD_BACK
from analytics.uplift.depth_budget import Filled
from analytics.uplift.depth_choosing import Choice, Decision
from customers.core.errors import DomainError, Kind
from customers.core.money import unit_of
from customers.models import Retailer
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.managing import draw_up
from loyalty.engine.profile import SEGMENTS
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import ExperimentFact, VariantFact, create
from loyalty.experiments.rules import BUCKETS
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward


class NothingToDrawUp(DomainError):
    code = "nothing_to_draw_up"
    kind = Kind.REFUSED
    message = gettext_lazy("No offer is drawn up. {why}")


@dataclass(frozen=True)
class Without:
    """A segment without an offer, and why, in the reader's language."""

    segment: str
    why: str


@dataclass(frozen=True)
class DrawnUp:
    """
    What a report makes.

    :param offers: drafts, one for each segment that a depth pays for
    :param without: the other segments
    :param hold_out: a draft as well, whose control gets none of them
    :param is_new: False where they were drawn up before
    """

    offers: Sequence[Offer]
    without: Sequence[Without]
    hold_out: Experiment | None
    is_new: bool

    def lines(self) -> list[str]:
        """Return what was made, in the reader's language."""
        codes = ", ".join(each.code for each in self.offers)
        if not self.is_new:
            return [_("They were drawn up before: %(codes)s.") % {"codes": codes}]
        said = [_("Drawn up: %(codes)s. Look at them, and start them; nothing is given before.") % {"codes": codes}]
        if self.hold_out is not None:
            words = _("Plan and start the hold-out “%(experiment)s” first: its control gets none of them.")
            said.append(words % {"experiment": self.hold_out.code})
        return said


def offers_of(look: ExperimentLook) -> list[Offer]:
    """Return the offers that were drawn up from a report, in the order of its segments."""
    rows = Offer.objects.filter(found_in=look.experiment_id, found_look=look.pk)
    return list(rows.select_related("retailer", "budget", "hold_out").order_by("pk"))


@transaction.atomic
def draw_up_offers(look: ExperimentLook, *, budget: Decimal | None = None, author: str, now: datetime) -> DrawnUp:
    """
    Make drafts of the offers that a report of depths says pay; of the same report again, return those that there are.

    :param budget: what they may cost in all; as much as the report expects them to cost for as many as were tried if None
    :raises NothingToDrawUp: where the report is refused or of no offer, with what would lift that
    """
    Retailer.objects.select_for_update(no_key=True).only("pk").get(pk=look.retailer_id)  # one at a time sees the others
    found = _report(look)
    rewards = _rewards_of(look.experiment, found, now)
    plan = _planned(found, rewards, budget)
    picked, without = list[tuple[Choice, Filled, Reward]](), list[Without]()
    for choice in found.decision.choices:
        filled, reward = plan.get(choice.segment), rewards.get(choice.depth)
        if why := _why_not(look, found, choice, filled, reward):
            without.append(Without(choice.segment, why))
        elif filled is not None and reward is not None:
            picked.append((choice, filled, reward))
    if made := offers_of(look):
        return DrawnUp(made, without, made[0].hold_out, is_new=False)
    if not picked:
        raise NothingToDrawUp(why=" ".join(each.why for each in without))
    hold_out = _hold_out(look, author, now)
    offers = [_offer(look, found, each, hold_out, now) for each in picked]
    return DrawnUp(offers, without, hold_out, is_new=True)


def _report(look: ExperimentLook) -> DepthResult:
    """Return what a report says of depths, where offers may be drawn up by it."""
    found, newest = look.result.depths, latest(look.experiment)
    if found is None:
        raise NothingToDrawUp(why=_("This look tells of no depths: its variants are none, or nothing may be told yet."))
    if newest is not None and newest.pk != look.pk:
        raise NothingToDrawUp(why=_("There is a newer report of this experiment: draw them up from that one."))
    if found.decision.refusals:
        said = [depth_words.refusal_text(found, each, look.currency) for each in found.decision.refusals]
        raise NothingToDrawUp(why=" ".join(said))
    if not look.is_final:
        raise NothingToDrawUp(
            why=_("The experiment has not come to its planned end: its report is read then, and once.")
        )
    if look.currency != look.retailer.currency:
        words = _("The report is in %(currency)s, and amounts are in %(own)s now.")
        raise NothingToDrawUp(why=words % {"currency": look.currency, "own": look.retailer.currency})
    if found.kind == "price":
        words = _(
            "It tries prices in points, and offers take none. Publish a version of the program with these prices."
        )
        raise NothingToDrawUp(why=words)
    return found


def _planned(found: DepthResult, rewards: Mapping[float, Reward], budget: Decimal | None) -> Mapping[str, Filled]:
    """Return how a budget is spent on the segments that an offer can be for, by their names."""
    rows = zip(found.decision.choices, found.customers, found.given, strict=True)
    fit = [row for row in rows if row[0].depth and not _unfit(found, row[0], rewards.get(row[0].depth))]
    own = replace(
        found, decision=Decision([each for each, _count, _row in fit]), customers=[count for _each, count, _row in fit],
        given=[row for _each, _count, row in fit],
    )  # fmt: skip
    return {each.offer.segment: each for each in own.spend(float(_whole(own) if budget is None else budget)).filled}


def _whole(found: DepthResult) -> float:
    """Return what all that was chosen would cost, for as many customers as were tried."""
    return 1 + sum(
        customers * given.cost
        for choice, customers, row in zip(found.decision.choices, found.customers, found.given, strict=True)
        for cell, given in zip(choice.cells, row, strict=True)
        if cell.depth == choice.depth
    )


def _rewards_of(experiment: Experiment, found: DepthResult, now: datetime) -> Mapping[float, Reward]:
    """Return the reward of each depth: as the program in force has it, or else as the experiment's newest version had."""
    versions = ProgramVersion.objects.filter(
        program=experiment.program_id, status=ProgramVersion.Status.PUBLISHED, effective_from__lte=now
    )
    tried = Reward.objects.filter(version__in=versions, arms__experiment=experiment.code)
    by_code = {
        code: each for each in tried.order_by("version__effective_from", "pk") for code in each.arms["variants"]
    }  # fmt: skip
    in_force = {each.key: each for each in Reward.objects.filter(version=versions.order_by("-effective_from").first())}
    rewards = {
        depth: by_code[code]
        for depth, names in zip(found.depths, found.variants, strict=True)
        for code in names.split(", ") if depth and code in by_code
    }  # fmt: skip
    return {depth: in_force.get(each.key, each) for depth, each in rewards.items()}


def _why_not(
    look: ExperimentLook, found: DepthResult, choice: Choice, filled: Filled | None, reward: Reward | None
) -> str:
    """Return why a segment gets no offer, in the reader's language; empty where it does."""
    if not choice.depth:
        return capfirst(depth_words.choice_text(found, choice, look.currency))
    words = _unfit(found, choice, reward) or _too_dear(look, filled, reward)
    facts = {"segment": capfirst(depth_words.segment_name(choice.segment)), "reward": reward}
    return str(words) % facts if words else ""


def _unfit(found: DepthResult, choice: Choice, reward: Reward | None) -> str:
    """Return why no offer can give a segment what was tried."""
    if _segments(found, choice.segment) is None:
        return _("%(segment)s: no offer can name these customers, who have no segment of those that offers know.")
    if reward is None:
        return _("%(segment)s: the reward that was tried is in no published version of the program.")
    if (reward.value if reward.kind == Reward.Kind.AMOUNT_OFF else reward.percent) != choice.depth:
        return _("%(segment)s: “%(reward)s” takes off something else now than when it was tried.")
    return _("%(segment)s: “%(reward)s” was tried for points, and an offer takes none.") if reward.points else ""


def _too_dear(look: ExperimentLook, filled: Filled | None, reward: Reward | None) -> str:
    """Return why a budget does not pay for a segment's offer."""
    if filled is None:
        return _("%(segment)s: the budget does not reach, or what it brings is not worth its cost, judged cautiously.")
    reserves = None if reward is None else _reserves(reward)
    is_short = reserves is not None and _limit(look, filled) < reserves
    return _("%(segment)s: its part of the budget is less than one such offer reserves.") if is_short else ""


def _segments(found: DepthResult, segment: str) -> list[str] | None:
    """Return the segments that an offer names; None where there are none to name."""
    if segment == ALL:
        return []
    told = {each.segment for each in found.decision.choices}
    named = [str(each) for each in TYPES if str(each) not in told] if segment == OTHERS else [segment]
    known = [each for each in named if each in SEGMENTS]
    return known or None


def _reserves(reward: Reward) -> Decimal | None:
    return reward.cost if reward.cost is not None else reward.value if reward.kind == Reward.Kind.AMOUNT_OFF else None


def _limit(look: ExperimentLook, filled: Filled) -> Decimal:
    """Return the budget of an offer: what the report expects it to cost, in the currency's decimals."""
    return Decimal(str(round(filled.cost, 6))).quantize(unit_of(look.currency), ROUND_DOWN)


def _hold_out(look: ExperimentLook, author: str, now: datetime) -> Experiment:
    """Draw up the hold-out of offers: a tenth, as the control of what was tried is at least."""
    tried = look.experiment
    share = round(HELD_BACK * BUCKETS)
    name = _("Kept without the offers of %(experiment)s") % {"experiment": tried}
    fact = ExperimentFact(
        code=f"{tried.code[:CODE_LENGTH]}-kept-{look.pk}", name=name[:200], program=tried.program, layer="variant",
        form="variants",
        variants=(
            VariantFact("kept", share, is_control=True, name=_("without the offers")),
            VariantFact("offered", BUCKETS - share, name=_("with the offers")),
        ),
        unit=tried.unit, metric=tried.metric, window_days=tried.window_days,
    )  # fmt: skip
    return create(look.retailer, fact, author=author, now=now)


def _offer(
    look: ExperimentLook, found: DepthResult, picked: tuple[Choice, Filled, Reward], hold_out: Experiment, now: datetime
) -> Offer:
    choice, filled, reward = picked
    tried = look.experiment
    assert tried.program is not None, "experiments of variants are of a program"
    offer = Offer(
        retailer=look.retailer, program=tried.program, code=offer_code(tried.code, choice.segment, look.pk),
        name=reward.name, name_fr=reward.name_fr, rewards=[reward.code], segments=_segments(found, choice.segment) or [],
        hold_out=hold_out, found_in=tried, found_look=look.pk,
    )  # fmt: skip
    return draw_up(offer, limit=_limit(look, filled), now=now)
