"""Whom a version would find, before it is published: who enters, who cannot and why, who cannot be reached, who gets nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import local_date, midnight, zone_of
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import BATCH
from loyalty.campaigns.journeys.judging import JudgedCustomer, judge
from loyalty.campaigns.journeys.triggers import candidates
from loyalty.campaigns.journeys.versions import rule_of
from loyalty.campaigns.messages.loading import consents_of, load_persons, load_settings
from loyalty.campaigns.models import Campaign, CampaignVersion, Offer
from loyalty.campaigns.offering.granting import Foresight
from loyalty.campaigns.rules.journeys import MESSAGE, Before, JourneyRule, StepRule, not_entered
from loyalty.campaigns.rules.planning import Dropped, Due, plan_all
from loyalty.campaigns.rules.progress import offers_before_message
from loyalty.campaigns.rules.triggers import TRIGGERS
from loyalty.experiments.models import Variant

COUNTED = 10_000  # of more than so many, so many are looked at, and the others are taken to be like them
MONTH_DAYS = 30
SHARES = 10_000
ELSEWHERE = "/"  # held out of everything: in no variant, and no code of one
# Those that a fact brings, and no night: as many as it brought in the last month.
CARTS = """
SELECT count(*) FROM customers_interaction i JOIN memberships_membership m ON m.customer_id = i.customer_id
WHERE i.retailer_id = %s AND m.program_id = %s AND m.left_at IS NULL AND i.kind = 'cart_abandoned' AND i.occurred_at > %s
"""
ENROLMENTS = """
SELECT count(*) FROM memberships_membership m WHERE m.retailer_id = %s AND m.program_id = %s AND m.enrolled_at > %s
"""
FACTS: Mapping[str, str] = {"cart": CARTS, "enrolled": ENROLMENTS}
DAILY = frozenset({"birthday", "anniversary"})  # whose people differ from day to day, and are known before
A_MONTH_OF: Mapping[str, Mapping[str, int]] = {
    "first_order": {"days": MONTH_DAYS},
    "plan_renewal": {"days": MONTH_DAYS},
}


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant of a campaign's experiment. :param customers: of those who enter, how many will be in it in a month"""

    name: str
    is_control: bool
    customers: int


@dataclass(frozen=True, slots=True)
class Audience:
    """
    Whom a version would find.

    :param is_by_fact: whether what members do brings them, and nobody is looked for
    :param found: for whom its trigger holds today, and who did not enter for that yet
    :param in_a_month: how many it finds in a month; None where nobody knows more than of today
    :param counted: how many of them were looked at; the numbers below are of all, by their shares
    :param expected: how many will enter, in a month where that is known, and else today
    :param enters: of those found, who enters; some of them are held out
    :param not_entered: by reason: no_consent, no_profiling, active, again_after
    :param held_out: of who enters, whom an experiment holds out already
    :param unreachable: of who enters, to whom the first message could not go now, by reason: no_channel, no_consent, or
        no_offer, where a step before it gives an offer without which nothing more is said
    :param arms: of the campaign's experiment
    """

    is_by_fact: bool
    found: int
    in_a_month: int | None
    expected: int
    counted: int
    enters: int
    not_entered: Mapping[str, int]
    held_out: int
    unreachable: Mapping[str, int]
    arms: Sequence[Arm] = ()

    @property
    def smallest_arm(self) -> int | None:
        """How many will be in the smallest arm; None where nobody is held out to compare with."""
        return min((arm.customers for arm in self.arms), default=None)

    @property
    def reached(self) -> int:
        """How many of those who enter can be reached."""
        return self.enters - self.held_out - sum(self.unreachable.values())


def audience_of(campaign: Campaign, version: CampaignVersion, *, now: datetime) -> Audience:
    """Return whom a version would find today; of a large audience an even part is looked at."""
    day = local_date(now, campaign.program.tzinfo)
    found = candidates(campaign, version, day)
    step = -(-len(found) // COUNTED) or 1
    looked_at = found[::step]
    counted = _count(campaign, version, looked_at, Foresight(Fraction(len(looked_at), len(found) or 1), now), now)
    scale = len(found) / len(looked_at) if looked_at else 1.0

    def scaled(prefix: str) -> dict[str, int]:
        own = {name.removeprefix(prefix): number for name, number in sorted(counted.items()) if name.startswith(prefix)}
        return {name: round(number * scale) for name, number in own.items()}

    enters = round(counted["enters"] * scale)
    month = _in_a_month(campaign, version, day, len(found))
    share = counted["enters"] / len(looked_at) if looked_at else 1.0
    expected = max(enters, round(month * share) if month is not None else 0)
    held_out = round(counted["held_out"] * scale)
    is_by_fact = not TRIGGERS[version.trigger["kind"]].is_of_night
    return Audience(
        is_by_fact, len(found), month, expected, len(looked_at), enters, scaled("not:"), held_out,
        scaled("unreachable:"), _arms(campaign, counted, expected),
    )  # fmt: skip


def _count(
    campaign: Campaign, version: CampaignVersion, found: Sequence[Candidate], foresight: Foresight, now: datetime
) -> Counter[str]:
    rule = rule_of(version)
    given = {step.offer_id for step in rule.steps if step.offer_id is not None}
    offers = {each.pk: each for each in Offer.objects.filter(pk__in=given)}
    counted: Counter[str] = Counter()
    for start in range(0, len(found), BATCH):
        ids = list(dict.fromkeys(each.customer_id for each in found[start : start + BATCH]))
        known, consents = judge(campaign, ids, now, ground=rule.ground), consents_of(ids, now)
        entering: dict[str, list[UUID]] = {}
        for customer in ids:
            judged = known.get(customer)
            reason = _reason(campaign, rule, judged, consents.get(customer, {}), now)
            counted[f"not:{reason}" if reason else "enters"] += 1
            if reason or judged is None:
                continue
            is_held_out = judged.is_held_out_of(rule.kind)
            counted["held_out"] += is_held_out
            if judged.variant or judged.is_held_out_of_all:
                counted[f"variant:{judged.variant or ELSEWHERE}"] += 1
            if not is_held_out:
                entering.setdefault(judged.variant or "", []).append(customer)
        for variant, customers in entering.items():
            left = _given(offers_before_message(rule.steps, variant), offers, customers, foresight)
            if len(left) < len(customers):
                counted["unreachable:no_offer"] += len(customers) - len(left)
            counted.update(_unreachable(campaign, version, rule, left, now))
    return counted


def _given(
    steps: Sequence[StepRule], offers: Mapping[int, Offer], customers: Sequence[UUID], foresight: Foresight
) -> list[UUID]:
    """Return the customers who would be given all that they need of the offers of some steps, asked for one after the other."""
    left = list(customers)
    for step in steps:
        assert step.offer_id is not None, "a constraint says so"
        refused = foresight.refused(offers[step.offer_id], left)
        if step.ends_without:
            left = [customer for customer in left if customer not in refused]
    return left


def _reason(
    campaign: Campaign, rule: JourneyRule, judged: JudgedCustomer | None, consents: Mapping[str, bool], now: datetime
) -> str:
    """Return why a customer does not enter; empty where it does."""
    if judged is None:
        return "gone"
    zone = zone_of(judged.zone, campaign.program.tzinfo)
    before = Before(zone, consents, judged.is_active, judged.last_entered_at, judged.has_bought)
    return not_entered(rule, before, now)


def _unreachable(
    campaign: Campaign, version: CampaignVersion, rule: JourneyRule, customers: Sequence[UUID], now: datetime
) -> Counter[str]:
    """Count to whom the first message could not go now, by reason: decided as it will be when it goes."""
    first = next((step for step in rule.steps if step.kind == MESSAGE), None)
    if first is None or not customers:
        return Counter()
    due = Due(
        new_id(), version.kind, first.channels, now, now + timedelta(days=MONTH_DAYS), ground=version.ground,
        needs_profiling=version.uses_profile,
    )  # fmt: skip
    persons = load_persons(campaign.retailer, load_settings(campaign.retailer), customers, now, grounded=customers)
    plans = (plan_all(each.recipient, [due], (), each.consents, (), now)[0] for each in persons.values())
    return Counter(f"unreachable:{plan.reason}" for plan in plans if isinstance(plan, Dropped))


def _in_a_month(campaign: Campaign, version: CampaignVersion, day: date, today: int) -> int | None:
    """Return how many a trigger finds in a month."""
    kind = version.trigger["kind"]
    if kind in FACTS:
        since = midnight(day - timedelta(days=MONTH_DAYS), campaign.program.tzinfo)
        ((number,),) = bulk.fetch(FACTS[kind], [campaign.retailer_id, campaign.program_id, since])
        return int(number)
    if kind in DAILY:
        later = (candidates(campaign, version, day + timedelta(days=number)) for number in range(1, MONTH_DAYS))
        return today + sum(map(len, later))
    if kind in A_MONTH_OF:
        over = CampaignVersion(trigger={**version.trigger, **A_MONTH_OF[kind]})
        return len(candidates(campaign, over, day))
    return None


def _arms(campaign: Campaign, counted: Mapping[str, int], expected: int) -> list[Arm]:
    """Return how many will be in each variant: those who are in it already, and of those who are in none its share."""
    if campaign.experiment is None:
        return []
    enters = counted["enters"]  # of those who were looked at
    variants = campaign.experiment.variants.in_order()
    others = enters - sum(counted[f"variant:{code}"] for code in (ELSEWHERE, *(each.code for each in variants)))

    def customers(each: Variant) -> int:
        if not enters:
            return expected * each.share_bp // SHARES
        own = counted[f"variant:{each.code}"] + Fraction(others * each.share_bp, SHARES)
        return int(own * expected / enters)

    return [Arm(each.name or each.code, each.is_control, customers(each)) for each in variants]
