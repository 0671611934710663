"""What offers are expected to bring, written down for whoever chooses among them: as experiments of their campaigns found."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from analytics.experiments.models import ExperimentLook
from analytics.experiments.overview import lines_of
from customers.core import bulk
from customers.core.money import to_unit
from customers.models import Retailer
from loyalty.campaigns.models import Offer, Step


class Told(NamedTuple):
    """
    What a final look tells of an offer; of two, the larger tuple is the one that counts.

    That is the newer look, then the experiment that ended later, then the one that promises less.
    """

    looked_at: datetime
    ended_at: datetime
    less: Decimal


def write_offer_margins(retailer: Retailer) -> int:
    """
    Write down what each offer of a retailer brings, by the newest final look that tells it; return of how many that is new.

    That is the margin for each assigned customer, less what its benefits cost: where an experiment compares one variant with
    its control, came to its end, is graded, and its campaigns gave one offer and no other while it ran. What several did is
    nobody's. Where the last look of all takes back what an earlier one told, nobody knows it any more.
    """
    offers = _only_offers(retailer)
    told: dict[int, Told | None] = {}
    for line in lines_of(retailer) if offers else ():
        look, experiment = line.look, line.experiment
        if look is None or not look.is_final or experiment.pk not in offers:
            continue
        key, margin = offers[experiment.pk], margin_of(look)
        before = told.setdefault(key, None)
        if margin is not None:
            ended_at = experiment.ended_at or experiment.ends_at or look.looked_at
            found = Told(look.looked_at, ended_at, -to_unit(margin, retailer.currency))
            told[key] = found if before is None else max(before, found)
    return sum(_note(row, told[row.pk]) for row in Offer.objects.filter(pk__in=told))


def _note(row: Offer, told: Told | None) -> int:
    """Write down what is told of an offer; return 1 where that is new."""
    new = (None, None) if told is None else (-told.less, told.looked_at)
    if (row.expected_margin, row.expected_as_of) == new:
        return 0
    return Offer.objects.filter(pk=row.pk).update(expected_margin=new[0], expected_as_of=new[1])


def margin_of(look: ExperimentLook) -> Decimal | None:
    """Return the margin that a final, graded look tells for each customer of its only variant, less its cost; else None."""
    result = look.result
    if not look.is_final or result.grade is None or len(result.effects) != 1:
        return None
    (effect,) = result.effects
    cost = result.cost_of(effect.code)
    customers = next(each.customers for each in result.arms if each.code == effect.code)
    return None if cost is None or not customers else Decimal(str(effect.shown.value - cost / customers))


def _only_offers(retailer: Retailer) -> Mapping[UUID, int]:
    """Return the one offer that all campaigns of an experiment gave while it ran, by the experiment."""
    by_version = _versions_of_experiments(retailer)
    given: dict[UUID, set[int]] = defaultdict(set)
    steps = Step.objects.filter(version__in=by_version, offer__isnull=False).values_list("version", "offer")
    for version, offer in steps:
        given[by_version[version]].add(offer)
    return {experiment: offers.pop() for experiment, offers in given.items() if len(offers) == 1}


VERSIONS = """
SELECT v.id, c.experiment_id FROM campaigns_campaignversion v
JOIN campaigns_campaign c ON c.id = v.campaign_id JOIN experiments_experiment e ON e.id = c.experiment_id
WHERE v.retailer_id = %s AND v.published_at < least(e.ended_at, e.ends_at, 'infinity') AND NOT EXISTS (
    SELECT 1 FROM campaigns_campaignversion n WHERE n.campaign_id = v.campaign_id AND n.published_at <= e.starts_at
        AND (n.published_at, n.id) > (v.published_at, v.id))
"""


def _versions_of_experiments(retailer: Retailer) -> Mapping[int, UUID]:
    """Return the versions of campaigns that were in force while their experiment ran, each with that experiment."""
    return dict(bulk.fetch(VERSIONS, [retailer.pk]))
