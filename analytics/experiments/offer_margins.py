"""What offers are expected to bring, written down for whoever chooses among them: as experiments of their campaigns found."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from analytics.experiments.models import ExperimentLook
from analytics.experiments.overview import lines_of
from customers.core.money import to_unit
from customers.models import Retailer
from loyalty.campaigns.models import Campaign, Offer, Step


def write_offer_margins(retailer: Retailer) -> int:
    """
    Write down what each offer of a retailer brings, by the newest final look that tells it; return of how many that is new.

    That is the margin for each assigned customer, less what its benefits cost: where an experiment compares one variant with
    its control, came to its end, is graded, and its campaigns give one offer and no other. What several did is nobody's.
    """
    offers = _only_offers(retailer)
    told: dict[int, tuple[datetime, Decimal]] = {}
    for line in lines_of(retailer) if offers else ():
        margin = None if line.look is None else margin_of(line.look)
        if line.look is None or margin is None or line.experiment.pk not in offers:
            continue
        found = (line.look.looked_at, to_unit(margin, retailer.currency))
        key = offers[line.experiment.pk]
        told[key] = max(told.get(key, found), found)
    changed = 0
    for row in Offer.objects.filter(pk__in=told):
        looked_at, margin = told[row.pk]
        if (row.expected_as_of, row.expected_margin) != (looked_at, margin):
            changed += Offer.objects.filter(pk=row.pk).update(expected_margin=margin, expected_as_of=looked_at)
    return changed


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
    """Return the one offer that all campaigns of an experiment give, by the experiment."""
    versions = Campaign.objects.filter(retailer=retailer, experiment__isnull=False, version__isnull=False)
    by_version = dict(versions.values_list("version", "experiment"))
    given: dict[UUID, set[int]] = defaultdict(set)
    steps = Step.objects.filter(version__in=by_version, offer__isnull=False).values_list("version", "offer")
    for version, offer in steps:
        experiment = by_version[version]
        assert experiment is not None, "they were asked for"
        given[experiment].add(offer)
    return {experiment: offers.pop() for experiment, offers in given.items() if len(offers) == 1}
