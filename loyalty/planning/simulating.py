"""What-if on the real past: a job that lets every member live again under a version, and compares with what was."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import add_months, day_after, midnight
from customers.core.errors import DomainError, Kind
from customers.core.money import to_unit
from customers.models import Retailer
from loyalty.activity.past import Past
from loyalty.activity.simulation import points_of, simulate, with_draft
from loyalty.activity.versions import read_version, versions_of_program
from loyalty.configuration.checking import Refused, check
from loyalty.configuration.drafts import locked
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership
from loyalty.planning.costs import value_of
from loyalty.planning.models import Simulation
from loyalty.points.state import MAIN, POINTS, Posting
from loyalty.points.states import State
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.models import Tier

SHOWN_MOVERS = 1_000
LAST = datetime.max.replace(tzinfo=UTC)
ABANDONED = timedelta(minutes=10)
KINDS = ("issued", "returned", "redeemed", "expired")


class NoPast(DomainError):
    code = "no_past"
    kind = Kind.INVALID
    message = _(
        "From {since} through {until} is no past that the program knows. It began on {began}; today is {today}."
    )


class AlreadyOver(DomainError):
    code = "already_over"
    kind = Kind.CONFLICT
    message = _("The what-if is over: {status}.")


@transaction.atomic
def ask(version: ProgramVersion, *, since: date, until: date, author: str, now: datetime) -> Simulation:
    """
    Ask for a past to be lived again under a version; a task takes it up.

    The same question while one waits is answered with that one.

    :param since: the first day on which the version would have been in force
    :param until: the last day
    :raises NoPast: when that is not a past of the program
    :raises Refused: when the version has errors
    :raises NoSuchVersion: when it was deleted meanwhile
    """
    version = locked(version)
    program = version.program
    starts = versions_of_program(program.pk).starts
    began = starts[0].astimezone(program.tzinfo).date() if starts else None
    today = now.astimezone(program.tzinfo).date()
    if began is None or since > until or until > today or until < began:
        raise NoPast(since=since, until=until, began=began or "-", today=today)
    errors = [finding for finding in check(version) if finding.is_error]
    if errors:
        raise Refused(errors)
    question = {"version": version, "revision": version.revision, "since": max(since, began), "until": until}
    waits = (
        Simulation.objects.filter(**question, status=Simulation.Status.WAITING, cancel_asked=False)
        .order_by("pk")
        .first()
    )
    return waits or Simulation.objects.create(
        retailer=program.retailer, **question, author=author, asked_at=now, touched_at=now
    )


def cancel(simulation: Simulation, *, now: datetime) -> Simulation:
    """
    Cancel a what-if that waits, or ask the one that runs to stop.

    :raises AlreadyOver: when it has ended
    """
    with transaction.atomic():
        found = Simulation.objects.select_for_update().get(pk=simulation.pk)
        if found.is_over:
            raise AlreadyOver(status=found.get_status_display())
        found.cancel_asked = True
        if found.status == Simulation.Status.WAITING:
            found.status, found.ended_at = Simulation.Status.CANCELLED, now
        found.save(update_fields=["cancel_asked", "status", "ended_at"])
    return found


def retailers_with_what_ifs() -> list[int]:
    """Return the ids of the retailers that have a what-if to run."""
    open_ones = Simulation.objects.filter(status__in=[Simulation.Status.WAITING, Simulation.Status.RUNNING])
    return list(open_ones.values_list("retailer_id", flat=True).distinct())


def run_next(retailer: Retailer | None = None, *, now: datetime) -> bool:
    """Run one what-if, of a retailer or of anybody, that waits or that its task abandoned; return whether there was one."""
    with transaction.atomic():
        own = Simulation.objects.filter(**({"retailer": retailer} if retailer else {}))
        waiting = own.filter(status=Simulation.Status.WAITING)
        abandoned = own.filter(status=Simulation.Status.RUNNING, touched_at__lt=now - ABANDONED)
        found = (waiting | abandoned).select_for_update(skip_locked=True, of=("self",)).order_by("pk").first()
        if found is None:
            return False
        found.status, found.touched_at = Simulation.Status.RUNNING, now
        found.save(update_fields=["status", "touched_at"])
    run(found, now=now)
    return True


def run(simulation: Simulation, *, now: datetime) -> Simulation:
    """Carry out a what-if; its row tells how far it is."""
    try:
        result = _simulate(simulation)
    except Exception as error:
        _end(simulation, Simulation.Status.FAILED, now, failure=f"{type(error).__name__}: {error}"[:1_000])
        raise
    status = Simulation.Status.DONE if result is not None else Simulation.Status.CANCELLED
    return _end(simulation, status, now, result=result)


@dataclass
class _Tally:
    """What a replay comes to, month by month."""

    since: datetime
    months: list[tuple[str, datetime]]
    points: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    tiers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    outstanding: int = 0
    missed: int = 0
    final: dict[UUID, str] = field(default_factory=dict)

    def observe(self, decision: Decision) -> None:
        """Count the points of the main wallet that a decision moved within the time."""
        if decision.at < self.since or not decision.effects:
            return
        month = self._month(decision.at)
        main = decision.member.of(POINTS).main.wallet_id
        for posting in decision.effects:
            if not isinstance(posting, Posting) or posting.wallet_id != main or "merged" in posting.explanation:
                continue  # what went over with a merge was redeemed once
            change = posting.change(State.AVAILABLE) + posting.change(State.PENDING)
            if posting.kind == "earn":
                self.points["issued"][month] += change
            elif posting.kind == "return":
                self.points["returned"][month] -= change - posting.owed_change
            elif posting.kind == "expire":
                self.points["expired"][month] -= change
            elif posting.kind == "redeem":
                self.points["redeemed"][month] -= change

    def end(self, past: Past) -> None:
        """Take in a past that is over."""
        for month, ends_at in self.months:
            if past.joined.began_at < ends_at:
                self.tiers[past.tier_code_at(ends_at - timedelta.resolution)][month] += 1
        self.outstanding += points_of([past])
        self.missed += past.missed
        self.final[past.joined.membership_id] = past.tier_code_at(LAST)

    def _month(self, at: datetime) -> str:
        return next((month for month, ends_at in self.months if at < ends_at), self.months[-1][0])


def _simulate(simulation: Simulation) -> dict[str, Any] | None:
    """Return what a what-if comes to; None when it was cancelled."""
    version = ProgramVersion.objects.select_related("program__retailer").get(pk=simulation.version_id)
    program = version.program
    since, until = midnight(simulation.since, program.tzinfo), midnight(day_after(simulation.until), program.tzinfo)
    versions = with_draft(versions_of_program(program.pk), read_version(version.pk), since)
    months = _months(simulation.since, simulation.until, program)
    tally = _Tally(since, months)
    total = Membership.objects.filter(program=program, merged_into=None, enrolled_at__lt=until).count()
    Simulation.objects.filter(pk=simulation.pk).update(members_total=total, members_done=0, orders_done=0)
    is_going_on = True

    def on_chunk(members: int, orders: int) -> bool:
        nonlocal is_going_on
        row = Simulation.objects.filter(pk=simulation.pk)
        row.update(members_done=members, orders_done=orders, touched_at=Now())
        is_going_on = not row.values_list("cancel_asked", flat=True).get()
        return is_going_on

    for past in simulate(versions, until=until - timedelta.resolution, observe=tally.observe, on_chunk=on_chunk):
        tally.end(past)
    return _result(simulation, program, tally, since, until) if is_going_on else None


def _result(
    simulation: Simulation, program: Program, tally: _Tally, since: datetime, until: datetime
) -> dict[str, Any]:
    in_force = versions_of_program(program.pk).at(until)
    months = [month for month, _ends_at in tally.months]
    actual, actual_tiers = _actual(program, tally.months, since)
    actual_final = _actual_final(program, until)
    revenue, margin = _margin(program, since, until)
    draft_value = value_of(simulation.version_id)
    actual_value = value_of(in_force.version_id if in_force else None)
    ((actual_open,),) = bulk.fetch(OUTSTANDING, {"program": program.pk, "until": until, "main": MAIN})
    movers = [key for key, code in tally.final.items() if code != actual_final.get(key, "")]
    pairs = Counter((actual_final.get(key, ""), tally.final[key]) for key in movers)
    currency = program.retailer.currency
    draft = _side(tally.points, months, tally.tiers, tally.outstanding, draft_value, currency)
    was = _side(actual, months, actual_tiers, actual_open, actual_value, currency)
    extra = Decimal(draft["cost"]) - Decimal(was["cost"])
    return {
        "months": months,
        "currency": currency,
        "draft": draft,
        "actual": was,
        "tiers": _names(simulation.version_id, in_force.version_id if in_force else None),
        "members": len(tally.final),
        "movers": len(movers),
        "moves": [{"from": first, "to": last, "members": count} for (first, last), count in pairs.most_common()],
        "first_movers": [
            [str(key), actual_final.get(key, ""), tally.final[key]] for key in sorted(movers)[:SHOWN_MOVERS]
        ],
        "missed": tally.missed,
        "revenue": str(revenue),
        "margin": str(margin) if margin is not None else None,
        "extra_cost": str(extra),
        "break_even": str((extra / margin).quantize(Decimal("0.0001"))) if margin else None,
    }


def _side(  # noqa: PLR0913 - all that is told of one side
    points: dict[str, Counter[str]],
    months: list[str],
    tiers: dict[str, Counter[str]],
    outstanding: int,
    value: Decimal,
    currency: str,
) -> dict[str, Any]:
    net = points["issued"].total() - points["returned"].total()
    return {
        **{kind: [points[kind][month] for month in months] for kind in KINDS},
        "tiers": {code: [counts[month] for month in months] for code, counts in tiers.items()},
        "net": net,
        "cost": str(to_unit(net * value, currency)),
        "outstanding": outstanding,
        "liability": str(to_unit(outstanding * value, currency)),
    }


def _months(since: date, until: date, program: Program) -> list[tuple[str, datetime]]:
    """Return the months of a time, each with the instant at which it, or the time, ends."""
    found = []
    first = since.replace(day=1)
    while first <= until:
        following = add_months(first, 1)
        found.append((f"{first:%Y-%m}", midnight(min(following, day_after(until)), program.tzinfo)))
        first = following
    return found


POINTS_BY_MONTH = """
SELECT to_char(e.occurred_at AT TIME ZONE %(zone)s, 'YYYY-MM'), e.kind,
    sum(CASE e.kind WHEN 'earn' THEN e.available_change + e.pending_change
        WHEN 'return' THEN e.owed_change - e.available_change - e.pending_change
        WHEN 'redeem' THEN (e.explanation->>'points')::bigint ELSE -e.available_change END)::bigint
FROM points_entry e JOIN points_wallet w ON w.id = e.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.program_id = %(program)s AND w.code = %(main)s AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
    AND e.kind IN ('earn', 'return', 'redeem', 'expire') AND NOT e.explanation ? 'merged' GROUP BY 1, 2
"""
NAMES_OF_KINDS = {"earn": "issued", "return": "returned", "redeem": "redeemed", "expire": "expired"}
# The tier at an instant: that of the last change before it, or where the first change afterwards came from. Who came back has
# begun anew.
TIERS_AT = """
SELECT {what} FROM memberships_membership m JOIN tiers_standing s ON s.membership_id = m.id
LEFT JOIN tiers_tier now ON now.id = s.tier_id
LEFT JOIN LATERAL (
    SELECT c.to_tier_id AS id FROM tiers_tierchange c
    WHERE c.membership_id = m.id AND c.occurred_at < %(until)s AND {of_then} ORDER BY c.id DESC LIMIT 1
) before ON true
LEFT JOIN LATERAL (
    SELECT c.id AS change, c.from_tier_id AS id FROM tiers_tierchange c
    WHERE c.membership_id = m.id AND c.occurred_at >= %(until)s ORDER BY c.id LIMIT 1
) later ON true
LEFT JOIN tiers_tier t ON t.id = CASE
    WHEN EXISTS (
        SELECT 1 FROM tiers_tierchange c WHERE c.membership_id = m.id AND c.occurred_at < %(until)s AND {of_then}
    ) THEN before.id
    WHEN later.change IS NOT NULL THEN later.id ELSE now.id END
WHERE m.program_id = %(program)s AND m.merged_into_id IS NULL AND coalesce(
    (SELECT min(enrolled_at) FROM memberships_membershipperiod WHERE membership_id = m.id), m.enrolled_at) < %(until)s
"""
OUTSTANDING = """
SELECT coalesce(sum(e.available_change + e.pending_change), 0)::bigint + coalesce((
    SELECT sum(CASE WHEN v.to_state = 'held' THEN v.amount ELSE -v.amount END) FROM points_movement v
    JOIN points_entry h ON h.id = v.entry_id JOIN points_wallet w ON w.id = h.wallet_id
    JOIN memberships_membership m ON m.id = w.membership_id
    WHERE m.program_id = %(program)s AND w.code = %(main)s AND h.occurred_at < %(until)s
    AND 'held' IN (v.from_state, v.to_state)), 0)::bigint
FROM points_entry e JOIN points_wallet w ON w.id = e.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.program_id = %(program)s AND w.code = %(main)s AND e.occurred_at < %(until)s
"""
OF_THEN = "(c.occurred_at >= m.enrolled_at OR m.enrolled_at > %(until)s)"
# Of what members kept: points go back with what came back, so its margin is none either.
MARGIN = """
SELECT coalesce(sum(k.amount), 0), sum(k.amount - l.unit_cost * k.quantity),
    coalesce(sum(k.amount) FILTER (WHERE l.unit_cost IS NULL), 0)
FROM memberships_membership m
JOIN customers_order o ON o.customer_id = m.customer_id AND (
    (o.occurred_at >= m.enrolled_at AND (m.left_at IS NULL OR o.occurred_at < m.left_at)) OR EXISTS (
        SELECT 1 FROM memberships_membershipperiod p
        WHERE p.membership_id = m.id AND o.occurred_at >= p.enrolled_at AND o.occurred_at < p.left_at))
JOIN customers_orderline l ON l.order_id = o.id
CROSS JOIN LATERAL (
    SELECT l.net_amount - coalesce(sum(r.net_amount), 0) AS amount, l.quantity - coalesce(sum(r.quantity), 0) AS quantity
    FROM customers_returnline r JOIN customers_return b ON b.id = r.order_return_id
    WHERE r.line_id = l.id AND b.occurred_at < %(until)s
) k
WHERE m.program_id = %(program)s AND o.occurred_at >= %(since)s AND o.occurred_at < %(until)s
"""


def _actual(
    program: Program, months: list[tuple[str, datetime]], since: datetime
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return what the ledger says of the same time: points by kind and month, members by tier and month's end."""
    points: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    parameters = {"program": program.pk, "main": MAIN, "zone": program.zone, "since": since, "until": months[-1][1]}
    for month, kind, amount in bulk.fetch(POINTS_BY_MONTH, parameters):
        points[NAMES_OF_KINDS[kind]][month] += amount
    tiers: dict[str, Counter[str]] = defaultdict(Counter)
    sql = TIERS_AT.format(what="coalesce(t.code, ''), count(*)", of_then=OF_THEN) + " GROUP BY 1"
    for month, ends_at in months:
        for code, count in bulk.fetch(sql, {"program": program.pk, "until": ends_at}):
            tiers[code][month] = count
    return points, tiers


def _actual_final(program: Program, until: datetime) -> dict[UUID, str]:
    sql = TIERS_AT.format(what="m.id, coalesce(t.code, '')", of_then=OF_THEN)
    return dict(bulk.fetch(sql, {"program": program.pk, "until": until}))


def _margin(program: Program, since: datetime, until: datetime) -> tuple[Decimal, Decimal | None]:
    """Return what members paid in a time for what they kept, and what that left over; None where no cost is known."""
    ((revenue, known, without),) = bulk.fetch(MARGIN, {"program": program.pk, "since": since, "until": until})
    rate, currency = program.retailer.margin_rate, program.retailer.currency
    if known is None and rate is None:
        return to_unit(revenue, currency), None
    return to_unit(revenue, currency), to_unit((known or 0) + without * (rate or 0), currency)


def _names(*versions: int | None) -> list[dict[str, str]]:
    """Return the tiers of both versions, lowest first, by their codes."""
    found: dict[str, dict[str, str]] = {}
    for tier in Tier.objects.filter(version__in=[version for version in versions if version]).order_by("rank", "pk"):
        found.setdefault(tier.code, {"code": tier.code, "name": tier.name, "name_fr": tier.name_fr or tier.name})
    return list(found.values())


def _end(simulation: Simulation, status: Simulation.Status, now: datetime, **given: Any) -> Simulation:
    Simulation.objects.filter(pk=simulation.pk).update(status=status, ended_at=now, **given)
    simulation.refresh_from_db()
    return simulation
