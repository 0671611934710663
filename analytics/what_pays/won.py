"""
What it cost to win a customer who would not have come anyway (incremental CAC), by experiments that reached new people.

A campaign without a control is not told: its customers might have come without it. Nor are referrals, whose friends nobody
divided by chance.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from analytics.experiments.models import ExperimentLook
from analytics.experiments.overview import Line, lines_of
from analytics.experiments.results import Result
from analytics.uplift.winning import Arm, Won, won_by
from analytics.what_pays.media import Media, media_by_arm
from analytics.what_pays.models import MediaCost
from customers.models import Retailer
from loyalty.campaigns.models import Campaign
from loyalty.experiments.models import Experiment
from loyalty.referrals.models import ReferralPolicy

# Of which nothing is told at all, and not even how many came because of it.
UNTOLD = frozenset({"not_ended", "arms_broken", "too_few"})


@dataclass(frozen=True)
class WonLine:
    """
    What a variant of an experiment won.

    :param names: of its campaigns, or its own
    :param media: what was spent to reach its customers; None where nobody said so
    """

    names: tuple[str, ...]
    look: ExperimentLook
    won: Won
    media: Media | None = None


@dataclass(frozen=True)
class NotKnown:
    """
    Something of which nobody knows whom it won.

    :param why: a code, as those of `Won`; or no_control, not_started, not_looked, blocked, not_counted
    :param program: of referrals, its name; empty of what has a name of its own
    """

    name: str
    why: str
    look: ExperimentLook | None = None
    won: Won | None = None
    program: str = ""


@dataclass(frozen=True)
class CustomersWon:
    """Those that won a customer for least first, then those that are not shown to; and those of which nobody knows."""

    told: Sequence[WonLine]
    not_known: Sequence[NotKnown]


def customers_won(retailer: Retailer) -> CustomersWon:
    """Return what winning customers cost, by a retailer's experiments, in a fixed number of statements."""
    campaigns = Campaign.objects.filter(retailer=retailer).exclude(state=Campaign.State.DRAFT).order_by("name", "code")
    named: dict[UUID | None, list[str]] = defaultdict(list)
    for each in campaigns:
        named[each.experiment_id].append(str(each))
    not_known = [NotKnown(name, "no_control") for name in named.pop(None, [])]
    not_known += [NotKnown("", "no_control", program=name) for name in _with_referrals(retailer)]
    told: list[WonLine] = []
    spent = _spent_on_media(retailer)
    for line in lines_of(retailer):
        for found in _of(line, named, spent):
            if isinstance(found, WonLine):
                told.append(found)
            else:
                not_known.append(found)
    told.sort(key=_cheapest_first)
    return CustomersWon(told, not_known)


def _cheapest_first(line: WonLine) -> tuple[bool, float, tuple[str, ...]]:
    each = line.won.each
    return each is None, 0.0 if each is None else each.value, line.names


def _spent_on_media(retailer: Retailer) -> Mapping[tuple[UUID, str], float]:
    """Return what was spent on media, by experiment and currency."""
    rows = MediaCost.objects.filter(retailer=retailer).values_list("experiment", "currency")
    return {(key, currency): float(amount) for key, currency, amount in rows.annotate(amount_of_all=Sum("amount"))}


def _of(
    line: Line, named: Mapping[UUID | None, Sequence[str]], spent: Mapping[tuple[UUID, str], float]
) -> Iterator[WonLine | NotKnown]:
    """Yield what an experiment won; of one that no campaign has, nothing where nobody in it was new."""
    names = tuple(named.get(line.experiment.pk, ()))
    result = None if line.look is None else line.look.result
    if line.look is None or result is None or not result.effects or not result.won:
        yield from (NotKnown(name, _why_untold(line, result), line.look) for name in names)
        return
    arms = won_by(arms_of(result), is_final=result.is_final)
    media = spent.get((line.experiment.pk, line.look.currency))
    by_arm = {} if media is None else media_by_arm(media, arms)
    for code, won in arms.items():
        known_as = names or (str(line.experiment),)
        if won.why in UNTOLD:
            yield from (NotKnown(name, won.why, line.look, won) for name in known_as)
        else:
            assert won.arm.code == code
            yield WonLine(known_as, line.look, won, by_arm.get(code))


def _why_untold(line: Line, result: Result | None) -> str:
    if result is None:
        return "not_started" if line.experiment.state == Experiment.State.DRAFT else "not_looked"
    if not result.effects:
        return "blocked" if result.blocked is not None else "not_looked"
    return "not_counted" if result.is_final else "not_ended"


def arms_of(result: Result) -> list[Arm]:
    """Return the arms of a look as what they won is judged."""
    counted = {each.code: each for each in result.won}
    return [
        Arm(each.code, each.is_control, each.share_bp, counted[each.code].customers, counted[each.code].came,
            counted[each.code].cost)
        for each in result.arms
    ]  # fmt: skip


def _with_referrals(retailer: Retailer) -> list[str]:
    """Return the names of the programs with a published version that has referrals."""
    policies = ReferralPolicy.objects.filter(version__program__retailer=retailer, version__status="published")
    return list(policies.order_by("version__program__name").values_list("version__program__name", flat=True).distinct())
