"""What members and staff read of offers: those that somebody has, and what became of an offer and its budget."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from customers.core.calendar import local_date, zone_of
from customers.core.money import to_unit
from customers.core.values import dataclass
from customers.models import Customer
from loyalty.campaigns.models import Offer, OfferGrant, OfferRefusal, Recipient
from loyalty.memberships.models import Membership
from loyalty.rewards.models import Reward, RewardBudget, RewardRedemption, withdrawal

MOMENT = timedelta(microseconds=1)
MIN_ENDED = 30  # grants from which the cost of one more is foreseen


def offers_of(customer: Customer) -> QuerySet[OfferGrant]:
    """Return the offers that a customer was given, and those of who was merged into it."""
    return _known(OfferGrant.objects.filter(customer__in=Customer.objects.of_person(customer)))


def offers_of_member(membership: Membership) -> QuerySet[OfferGrant]:
    """Return the offers that a member was given, and those of memberships that were merged into it."""
    return _known(OfferGrant.objects.filter(membership__in=Membership.objects.of_member(membership)))


def _known(rows: QuerySet[OfferGrant]) -> QuerySet[OfferGrant]:
    related = rows.select_related("offer__program__retailer", "redemption__reward", "membership__merged_into")
    return with_withdrawals(related)


def with_withdrawals(rows: QuerySet[OfferGrant]) -> QuerySet[OfferGrant]:
    """Return offers with when the reward of each that was taken is withdrawn, whether or not a night has run."""
    return rows.annotate(withdrawn_at=withdrawal("redemption__"))  # type: ignore[no-redef] # None where nobody asked


def to_use(rows: QuerySet[OfferGrant], *, at: datetime) -> QuerySet[OfferGrant]:
    """Return those of some offers that can be taken, or used, at an instant; whether or not a night has run."""
    taken = Q(redemption__status__in=[RewardRedemption.Status.ISSUED, RewardRedemption.Status.IN_PROGRESS])
    lasting = Q(redemption__expires_at__isnull=True) | Q(redemption__expires_at__gt=at)
    kept = Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=at)
    return rows.filter(Q(state=OfferGrant.State.GRANTED, expires_at__gt=at) & STAYED | taken & lasting & kept)


def left_behind_at(grant: OfferGrant) -> datetime | None:
    """Return when the member whose an offer was had left since, whether or not it came back; None where it has stayed."""
    own, kept = grant.membership, grant.membership.merged_into
    if kept is not None:
        return kept.left_at
    return own.left_at or (own.enrolled_at if own.enrolled_at > grant.granted_at else None)


STAYED = Q(membership__merged_into=None, membership__left_at=None, membership__enrolled_at__lte=F("granted_at")) | Q(
    membership__merged_into__isnull=False, membership__merged_into__left_at=None
)  # as above


def status_of(grant: OfferGrant, *, at: datetime) -> str:
    """Return what has become of an offer: granted, declined, expired, withdrawn or, once taken, the status of its reward."""
    if grant.redemption is not None:
        grant.redemption.withdrawn_at = grant.withdrawn_at
        return grant.redemption.status_at(at).value
    if grant.state == OfferGrant.State.GRANTED and grant.expires_at <= at:
        return OfferGrant.State.EXPIRED.value
    if grant.state == OfferGrant.State.GRANTED and left_behind_at(grant) is not None:
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


def figures_of(*offers: Offer) -> dict[int, OfferFigures]:
    """Return what became of offers, by their ids: a fixed number of statements, however many they are."""
    ids, currencies = [each.pk for each in offers], {each.pk: each.retailer.currency for each in offers}
    budgets = {row.pk: row for row in RewardBudget.objects.filter(offer__in=ids)}
    counted = OfferGrant.objects.filter(offer__in=ids).values_list("offer").annotate(**COUNTS)
    counts = {key: dict(zip(COUNTS, numbers, strict=True)) for key, *numbers in counted}
    refusals = OfferRefusal.objects.filter(offer__in=ids)
    refused: dict[int, dict[str, int]] = {}
    for key, reason, number in (
        refusals.values_list("offer", "reason").annotate(number=Count("customer", distinct=True)).order_by("reason")
    ):
        refused.setdefault(key, {})[reason] = number
    kept = refusals.filter(reason=OfferRefusal.Reason.EXCLUDED).values_list("offer")
    lost = {key: (total, times) for key, total, times in kept.annotate(total=Sum("reserves"), times=Count("pk"))}
    return {
        each.pk: _figures(
            budgets[each.budget_id], counts.get(each.pk, NOTHING_HAPPENED), refused.get(each.pk, {}),
            lost.get(each.pk, (Decimal(0), 0)), currencies[each.pk],
        )
        for each in offers
    }  # fmt: skip


IS_USED = Q(redemption__status__in=USED)
COUNTS = {
    "granted": Count("pk"),
    "taken": Count("pk", filter=Q(state="taken")),
    "used": Count("pk", filter=IS_USED),
    "declined": Count("pk", filter=Q(state="declined") | Q(redemption__status="cancelled")),
    "expired": Count("pk", filter=Q(state="expired") | Q(redemption__status="expired")),
    "over": Count("pk", filter=IS_USED | Q(ended_at__isnull=False) | Q(redemption__status__in=OVER)),
}
NOTHING_HAPPENED = dict.fromkeys(COUNTS, 0)


def _figures(
    budget: RewardBudget, counts: Mapping[str, int], refused: dict[str, int], lost: tuple[Decimal, int], currency: str
) -> OfferFigures:
    own = dict(counts)
    over, (not_reserved, times) = own.pop("over"), lost
    avoided = to_unit(budget.spent / over * times, currency) if over >= MIN_ENDED else None
    return OfferFigures(
        budget.limit, budget.reserved, budget.spent, **own, excluded=refused.get(OfferRefusal.Reason.EXCLUDED.value, 0),
        not_reserved=not_reserved, expected_loss_avoided=avoided, refused=refused,
    )  # fmt: skip


def rewards_of_grants(grants: Iterable[OfferGrant]) -> dict[UUID, Reward]:
    """
    Return what offers of members are, by the grants' ids, in one statement.

    Once one is taken it is what was redeemed; before that what was promised when it was given.
    """
    rows = list(grants)
    open_ones = [each for each in rows if each.redemption is None]
    published = Reward.objects.filter(
        version__status="published", version__program__in={each.offer.program_id for each in open_ones},
        key__in={each.reward_key for each in open_ones},
    )  # fmt: skip
    versions: dict[UUID, list[Reward]] = {}
    for row in published.select_related("version").order_by("version__effective_from") if open_ones else ():
        versions.setdefault(row.key, []).append(row)
    return {
        each.pk: each.redemption.reward if each.redemption else _promised(versions[each.reward_key], each.granted_at)
        for each in rows
    }


def _promised(versions: Sequence[Reward], granted_at: datetime) -> Reward:
    """Return which of a reward's versions, the earliest first, was in force at an instant."""
    known = [each for each in versions if (each.version.effective_from or granted_at) <= granted_at]
    return (known or list(versions))[-1]


def last_days_of(grants: Iterable[OfferGrant]) -> dict[UUID, date]:
    """Return the last day on which each of some offers is good, where its member is, by the grants' ids."""
    rows = list(grants)
    zones = dict(
        Recipient.objects.filter(customer__in={row.customer_id for row in rows})
        .exclude(zone="")
        .values_list("pk", "zone")
    )
    return {
        row.pk: local_date(
            row.expires_at - MOMENT,
            zone_of(zones.get(row.customer_id), row.offer.program.tzinfo),
        )
        for row in rows
    }
