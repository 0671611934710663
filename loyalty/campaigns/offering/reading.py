"""What members and staff read of offers: those that somebody has, and what became of an offer and its budget."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from customers.core.money import to_unit
from customers.models import Customer
from loyalty.campaigns.models import Offer, OfferGrant, OfferRefusal
from loyalty.memberships.models import Membership
from loyalty.rewards.models import RewardBudget, RewardRedemption

MIN_ENDED = 30  # grants from which the cost of one more is foreseen


def offers_of(customer: Customer) -> QuerySet[OfferGrant]:
    """Return the offers that a customer was given, and those of who was merged into it."""
    return _known(OfferGrant.objects.filter(Q(customer=customer) | Q(customer__merged_into=customer)))


def offers_of_member(membership: Membership) -> QuerySet[OfferGrant]:
    """Return the offers that a member was given, and those of memberships that were merged into it."""
    return _known(OfferGrant.objects.filter(Q(membership=membership) | Q(membership__merged_into=membership)))


def _known(rows: QuerySet[OfferGrant]) -> QuerySet[OfferGrant]:
    return rows.select_related("offer__program__retailer", "redemption__reward")


def to_use(rows: QuerySet[OfferGrant], *, at: datetime) -> QuerySet[OfferGrant]:
    """Return those of some offers that can be taken, or used, at an instant; whether or not a night has run."""
    taken = Q(redemption__status__in=[RewardRedemption.Status.ISSUED, RewardRedemption.Status.IN_PROGRESS])
    lasting = Q(redemption__expires_at__isnull=True) | Q(redemption__expires_at__gt=at)
    return rows.filter(Q(state=OfferGrant.State.GRANTED, expires_at__gt=at) | taken & lasting)


def status_of(grant: OfferGrant, *, at: datetime) -> str:
    """Return what has become of an offer: granted, declined, expired, withdrawn or, once taken, the status of its reward."""
    if grant.redemption is not None:
        redemption, status = grant.redemption, grant.redemption.status
        is_open = status == RewardRedemption.Status.ISSUED
        is_over = redemption.expires_at is not None and redemption.expires_at <= at
        return RewardRedemption.Status.EXPIRED.value if is_open and is_over else status
    if grant.state == OfferGrant.State.GRANTED and grant.expires_at <= at:
        return OfferGrant.State.EXPIRED.value
    return grant.state


@dataclass(frozen=True, slots=True)
class OfferFigures:
    """
    What became of an offer, in the retailer's currency.

    :param taken: of those that were given; `used` of those that were taken
    :param excluded: to how many customers it was not given because they are excluded
    :param not_reserved: what would have been reserved for those, at most
    :param expected_loss_avoided: what they would have cost, if as many of them had used it as did of all whose offer is over;
        None while fewer than 30 are
    :param refused: how many customers did not get it, by the reason
    """

    limit: Decimal
    reserved: Decimal
    spent: Decimal
    granted: int
    taken: int
    used: int
    declined: int
    expired: int
    excluded: int
    not_reserved: Decimal
    expected_loss_avoided: Decimal | None
    refused: dict[str, int]

    @property
    def free(self) -> Decimal:
        return self.limit - self.reserved - self.spent


USED = ("used", "fulfilled")
OVER = ("cancelled", "refunded", "expired", "withdrawn", "forfeited")


def figures_of(offer: Offer) -> OfferFigures:
    """Return what became of an offer."""
    budget = RewardBudget.objects.get(pk=offer.budget_id)
    is_used = Q(redemption__status__in=USED)
    counts = OfferGrant.objects.filter(offer=offer).aggregate(
        granted=Count("pk"), taken=Count("pk", filter=Q(state="taken")), used=Count("pk", filter=is_used),
        declined=Count("pk", filter=Q(state="declined") | Q(redemption__status="cancelled")),
        expired=Count("pk", filter=Q(state="expired") | Q(redemption__status="expired")),
        over=Count("pk", filter=is_used | Q(ended_at__isnull=False) | Q(redemption__status__in=OVER)),
    )  # fmt: skip
    refusals = OfferRefusal.objects.filter(offer=offer)
    refused = dict(refusals.values_list("reason").annotate(number=Count("customer", distinct=True)).order_by("reason"))
    kept = refusals.filter(reason=OfferRefusal.Reason.EXCLUDED).aggregate(total=Sum("reserves"), times=Count("pk"))
    over, not_reserved = counts.pop("over"), kept["total"] or Decimal(0)
    avoided = None
    if over >= MIN_ENDED:
        avoided = to_unit(budget.spent / over * kept["times"], offer.retailer.currency)
    excluded = refused.get(OfferRefusal.Reason.EXCLUDED.value, 0)
    return OfferFigures(
        budget.limit, budget.reserved, budget.spent, **counts, excluded=excluded, not_reserved=not_reserved,
        expected_loss_avoided=avoided, refused=refused,
    )  # fmt: skip
