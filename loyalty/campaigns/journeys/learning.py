"""
What happens to customers while campaigns run: carts begin them, orders and withdrawals end them, as soon as they are recorded.

Facts of campaigns wait in a table that triggers of the database fill; enrolments come with the outbox's events.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from customers.core import bulk
from customers.core.calendar import local_date
from customers.models import Retailer
from loyalty.campaigns.journeys.about import facts_of
from loyalty.campaigns.journeys.advancing import Ending, end_entries, ending_by, untrue
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.open_entries import OpenEntry, load_active, lock_active
from loyalty.campaigns.journeys.versions import published
from loyalty.campaigns.models import Campaign, WaitingFact
from loyalty.campaigns.rules.triggers import TRIGGERS
from loyalty.campaigns.setting_aside import set_aside
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event

BATCH = 1_000
TAKE = """
DELETE FROM campaigns_waitingfact WHERE id = ANY(ARRAY(
    SELECT id FROM campaigns_waitingfact WHERE retailer_id = %s AND kind <> 'merged' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING kind, customer_id, number, occurred_at
"""
MEMBERS = (
    "SELECT customer_id FROM memberships_membership WHERE program_id = %s AND customer_id = ANY(%s) AND left_at IS NULL"
)
# Of customers of whom an entry may end.
RECIPIENTS = """
SELECT r.customer_id FROM campaigns_recipient r WHERE r.customer_id = ANY(%s)
    AND EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = r.customer_id AND e.ended_at IS NULL)
ORDER BY r.customer_id FOR NO KEY UPDATE OF r
"""
ENROLLED, LEFT = "membership.enrolled", "membership.left"
# What may make untrue what somebody is in a campaign for.
CHANGES = frozenset({"tier.changed", "plan.cancelled", "plan.changed", "plan.ended", "plan.renewed"})


@transaction.atomic
def learn(retailer: Retailer, *, now: datetime, limit: int = BATCH) -> int:
    """Take some facts that wait, in the order of their time; return how many."""
    facts = sorted(bulk.fetch(TAKE, [retailer.pk, limit]), key=lambda fact: (fact[3], fact[2]))
    if not facts:
        return 0
    carts = [fact for fact in facts if fact[0] == WaitingFact.Kind.CART]
    if len(carts) > 1:
        _hold_campaigns("cart", retailer=retailer)
    for _, customer, number, at in carts:
        _begin_carts(retailer, customer, number, at, now)
    ending = [each for each in facts if each[0] not in {WaitingFact.Kind.CART, WaitingFact.Kind.RETURN}]
    returned = {customer for kind, customer, *_ in facts if kind == WaitingFact.Kind.RETURN}
    _hold({customer for _, customer, *_ in ending} | returned)
    _end(retailer, [(kind, customer, at) for kind, customer, _, at in ending], now)
    with set_aside("return_ended_nothing"), transaction.atomic():  # each step looks again
        end_untrue(retailer, returned, now=now)
    return len(facts)


def _begin_carts(retailer: Retailer, customer: UUID, number: str, at: datetime, now: datetime) -> None:
    """Let a customer enter the campaigns that begin with a cart, as its member."""
    for campaign in begun_by(retailer, "cart", at):
        assert campaign.version is not None, "a constraint says so"
        if bulk.fetch(MEMBERS, [campaign.program_id, [customer]]):
            with set_aside("campaign_entered_nobody", campaign=campaign.code):
                enter(campaign, campaign.version, [Candidate(customer, f"cart:{number}", None)], entered_at=at, now=now)


def _hold_campaigns(kind: str, **of: object) -> None:
    """Lock the campaigns that a trigger begins in the order of their ids: not in that of the facts which begin them."""
    begun = Campaign.objects.live().filter(version__trigger__kind=kind, **of)
    list(begun.order_by("pk").select_for_update(no_key=True, of=("self",)).only("pk"))


def _hold(customers: Collection[UUID]) -> None:
    """Lock the entries of customers, then their recipients: all at once, where they end by one thing after the other."""
    if len(customers) > 1:
        lock_active(customers)
        bulk.fetch(RECIPIENTS, [sorted(customers)])


def _end(
    retailer: Retailer, facts: Sequence[tuple[str, UUID, datetime]], now: datetime, *, program: int | None = None
) -> None:
    """End the entries that facts end, each by the first of them. :param program: of which alone; of any where it is None"""
    latest = max([now, *(at for *_, at in facts)])  # clocks may differ a little
    found = load_active({customer for _, customer, _ in facts}, now=latest)
    entries = [each for each in found if program in {None, each.program_id}]
    endings = []
    for entry in entries:
        own = (_ending(entry, kind, at) for kind, customer, at in facts if customer == entry.customer_id)
        ending = next((each for each in own if each is not None), None)
        if ending is not None:
            endings.append(ending)
    end_entries(retailer, endings, now=now)


def _ending(entry: OpenEntry, kind: str, at: datetime) -> Ending | None:
    """
    Return how a fact ends an entry; of a contact, which its exit may not mean, and of an order, which may have come back
    meanwhile as a whole, by what was read of the entry.
    """
    if kind not in {WaitingFact.Kind.CONTACT, WaitingFact.Kind.ORDER}:
        return ending_by(entry, kind, at)
    first = entry.contacted_at if kind == WaitingFact.Kind.CONTACT else entry.ordered_at
    return ending_by(entry, kind, first) if first is not None and first <= at else None


def end_untrue(retailer: Retailer, customers: Collection[UUID], *, now: datetime) -> None:
    """End the entries of customers of which the fact is not true any more; of who was merged, `carrying` asks it of who stays."""
    if not customers:
        return
    entries = [each for each in load_active(customers, now=now) if not each.is_merged]
    fading = [each for each in entries if TRIGGERS[published(each.version_id).kind].fades]
    end_entries(retailer, untrue(fading, facts_of(fading, now)), now=now)


def begun_by(retailer: Retailer, kind: str, at: datetime) -> list[Campaign]:
    """Return the live campaigns that a trigger begins at an instant."""
    rows = Campaign.objects.live().filter(retailer=retailer, version__trigger__kind=kind)
    found = rows.select_related("version__retailer", "program__retailer").order_by("pk")
    return [each for each in found if is_open(each, at)]


def is_open(campaign: Campaign, at: datetime) -> bool:
    """Tell whether members may enter a campaign at an instant."""
    return (campaign.starts_at is None or campaign.starts_at <= at) and (
        campaign.ends_at is None or at < campaign.ends_at
    )


def on_events(events: Sequence[Event], *, now: datetime | None = None) -> None:
    """
    Let who was enrolled enter, who left leave, and end what a change made untrue.

    A subscriber of the outbox, in its transaction, any number of times.

    :param now: when they are told; as this runs if left out
    """
    told = [event for event in events if event.type in {ENROLLED, LEFT, *CHANGES}]
    if not told or not Campaign.objects.live().filter(retailer__in={event.retailer_id for event in told}).exists():
        return
    now = now or timezone.now()
    members = Membership.objects.select_related("retailer").in_bulk([UUID(event.subject) for event in told])
    enrolled: dict[tuple[int, int, datetime], list[Membership]] = defaultdict(list)
    changed: dict[Retailer, set[UUID]] = defaultdict(set)
    _hold_of(told, members)
    for event in told:
        member = members.get(UUID(event.subject))
        if member is None:
            continue
        if event.type == LEFT:
            left = [("left", member.customer_id, event.occurred_at)]
            with (
                set_aside("leaving_ended_nothing", member=member.number),
                transaction.atomic(),
            ):  # each step looks again
                _end(member.retailer, left, max(now, event.occurred_at), program=member.program_id)
        elif event.type in CHANGES:
            changed[member.retailer].add(member.customer_id)
        elif member.left_at is None:
            enrolled[member.retailer_id, member.program_id, event.occurred_at].append(member)
    for (_, program, at), some in enrolled.items():  # many are enrolled at once, at one instant
        _begin_enrolled(some, program, at, max(now, at))
    for retailer, customers in changed.items():
        with set_aside("change_ended_nothing", retailer=retailer.slug), transaction.atomic():  # each step looks again
            end_untrue(retailer, customers, now=now)


def _hold_of(told: Sequence[Event], members: Mapping[UUID, Membership]) -> None:
    """Lock what events begin and end, in the order of all who lock several: campaigns, entries, recipients."""
    ending = {
        members[key].customer_id for event in told if event.type != ENROLLED and (key := UUID(event.subject)) in members
    }
    enrolled = {event.retailer_id for event in told if event.type == ENROLLED}
    if enrolled and len(told) > 1:
        _hold_campaigns("enrolled", retailer__in=enrolled)
    _hold(ending)


def _begin_enrolled(members: Sequence[Membership], program: int, at: datetime, now: datetime) -> None:
    """Let members enter the campaigns that begin with their enrolment."""
    for campaign in begun_by(members[0].retailer, "enrolled", at):
        if campaign.program_id == program:
            assert campaign.version is not None, "a constraint says so"
            occurrence = f"enrolled:{local_date(at, campaign.program.tzinfo)}"
            found = [Candidate(member.customer_id, occurrence, None) for member in members]
            with set_aside("campaign_entered_nobody", campaign=campaign.code):
                enter(campaign, campaign.version, found, entered_at=at, now=now)
