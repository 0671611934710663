"""Gifts of entries: given, made good, taken back where a return undid the entry. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.engine.decision import Decision, Told
from loyalty.points.clawback import claw_back_own
from loyalty.points.expiry import Active
from loyalty.points.state import MAIN, POINTS, RULES, OpenLot
from loyalty.points.steps.entries import Cause, settle_for_gifts, wallet_in
from loyalty.points.steps.giving import give_points
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.idling import disprove
from loyalty.points.steps.replacing import settled_of_gifts
from loyalty.points.steps.returning import take_or_owe
from loyalty.tiers.past import DayOfStart, Tenure, replay_days
from loyalty.tiers.rules import TierRule, TierScheme
from loyalty.tiers.state import SCHEME, TIERS, TierEntry, TierState
from loyalty.tiers.steps.causes import cause_of
from loyalty.tiers.steps.counting import sums_of, today_of
from loyalty.tiers.steps.replaying import schemes_of


def give_gift(decision: Decision, tier: TierRule, cause: str) -> Decision:
    """Give what a tier gives on entry; it makes good first what of earlier gifts could not be taken back."""
    if not tier.entry_gift:
        return decision
    known = {lot.id for lot in wallet_in(decision, MAIN).lots}
    name = f"gift:{tier.code}:{cause}"
    kept = decision.occasion
    under = decision.then(occasion=replace(kept, extra_months=tier.extra_months))
    said = {"gift": tier.code, "version": decision.rules.number}
    under = give_points(under, MAIN, tier.entry_gift, Cause(name, said), gift=tier.code)
    state = under.member.of(TIERS)
    lots = [lot for lot in wallet_in(under, MAIN).lots if lot.id not in known]
    under, less = settle_for_gifts(under, MAIN, lots, state.gifts_missing, cause=name)
    if less:
        state = replace(state, gifts_missing=state.gifts_missing - less)
        under = under.then(member=under.member.having(TIERS, state))
    points = tier.entry_gift - less
    told = [Told("points.earned", {"gift": tier.code, "points": points}, under.at)] if points else []
    return under.then(*told, occasion=kept)


def note_settled(decision: Decision) -> Decision:
    """Note that points which came back made good what was missing of gifts: it is never more than what is missing in all."""
    if not decision.member.has(TIERS) or not decision.member.of(TIERS).gifts_missing:
        return decision
    state, codes = decision.member.of(TIERS), {tier.code for tier in all_tiers(decision)}
    left = state.gifts_missing - settled_of_gifts(decision, MAIN, codes.__contains__)
    missing = max(min(left, decision.member.of(POINTS).main.shortfall), 0)
    return decision.then(member=decision.member.having(TIERS, replace(state, gifts_missing=missing)))


def take_gifts(decision: Decision, own: Sequence[OpenLot]) -> Decision:
    """Take back the gifts of entries that a return undid: from their own points, then from others, then by the policy."""
    if not own:
        return decision
    decision = _note_back(decision, own)
    wallet = wallet_in(decision, MAIN)
    given = sum(lot.amount for lot in own)
    taken = claw_back_own(given, [lot.id for lot in own], wallet.lots)
    decision = claim(decision, MAIN, taken.claims)
    policy = decision.rules.of(RULES).policy(MAIN)
    said = {
        "gifts_back": [lot.gift for lot in own],
        "gift_lots": [str(lot.id) for lot in own],
        "points": sum(move.amount for move in taken.moves),
    }
    decision = disprove(decision, MAIN, lambda active: any(_gave(active, lot) for lot in own))
    cause = f"gift:{cause_of(decision)}"
    wallet = wallet_in(decision, MAIN)
    decision, shortfall = take_or_owe(decision, wallet, taken.moves, taken.missing, policy, said, cause)
    if not shortfall:
        return decision
    state = decision.member.of(TIERS)
    state = replace(state, gifts_missing=state.gifts_missing + shortfall)
    return decision.then(member=decision.member.having(TIERS, state))


def _note_back(decision: Decision, own: Sequence[OpenLot]) -> Decision:
    """Note with the changes that gave gifts that these are taken back: who has such a tier again enters it."""
    state = decision.member.of(TIERS)
    places = [(lot.earned_at, place.key) for lot in own if (place := place_of(decision, lot)) is not None]
    changes = tuple(
        replace(change, gifts_back=(*change.gifts_back, *(key for at, key in places if at == change.at)))
        for change in state.changes
    )
    return decision.then(member=decision.member.having(TIERS, replace(state, changes=changes)))


def _gave(active: Active, lot: OpenLot) -> bool:
    """Tell whether a member was active by getting a gift."""
    return active.at == lot.earned_at and active.cause.startswith(f"gift:{lot.gift}:")


def undone_gifts(decision: Decision, tenures: Sequence[Tenure], how: DayOfStart) -> list[OpenLot]:
    """
    Return the gifts of entries that there would not have been, by the times at which the member would have had tiers.

    An entry is the same one where its tier would have been held at one time with it, though it was entered on another day.
    Where another member was taken over, days tell of both as of one: gifts of two who had a tier at one time stay as long as
    these days reach it twice.
    """
    state = decision.member.of(TIERS)
    free, kept, undone = list(tenures), list[Tenure](), []
    for lot in sorted(untaken_gifts(decision), key=lambda lot: lot.earned_at):
        changes = _changes_with(state, lot)
        tenure = tenure_of(decision, lot, changes) if changes else None
        if tenure is None:
            continue
        same = next((each for each in free if each.key == tenure.key and each.meets(tenure)), None)
        if same is not None:
            free.remove(same)
        elif not state.taken_over or not _is_reached_for_each(decision, tenure, kept, how):
            undone.append(lot)
            continue
        kept.append(tenure)
    return undone


def untaken_gifts(decision: Decision) -> list[OpenLot]:
    wallet = wallet_in(decision, MAIN)
    taken = {lot_id for entry in wallet.debt_entries for lot_id in entry.gift_lots}
    return [lot for lot in wallet.lots if lot.gift and lot.id not in taken]


def _is_reached_for_each(decision: Decision, tenure: Tenure, others: Sequence[Tenure], how: DayOfStart) -> bool:
    """Tell whether a member's days reach a tier once for each entry of those who had it at one time."""
    times = 1 + sum(each.key == tenure.key and each.meets(tenure) for each in others)
    schemes = [replace(each, scheme=each.scheme.times(times)) for each in schemes_of(decision)]
    past = replay_days(schemes, sums_of(decision.member, decision.rules), today_of(decision), day_of_start=how)
    return any(each.key == tenure.key and each.meets(tenure) for each in past.tenures)


def _changes_with(state: TierState, lot: OpenLot) -> tuple[TierEntry, ...]:
    """
    Return the changes of which one gave a gift; none where unknown.

    Of a gift that came with a member who was taken over: that member's changes until then, and what followed.
    """
    for changes in state.taken_over if lot.from_lot is not None else ():
        *before, end = changes
        if any(change.at == lot.earned_at for change in before):
            return (*before, *(change for change in state.changes if change.at >= end.at))
    return state.changes if any(change.at == lot.earned_at for change in state.changes) else ()


def tenure_of(decision: Decision, lot: OpenLot, changes: Sequence[TierEntry]) -> Tenure | None:
    """Return when a member had the tier whose entry gave a gift, by changes of which one gave it; None for no such tier."""
    if (found := place_of(decision, lot)) is None:
        return None
    zone, rank = decision.rules.zone, found.rank
    # By their order: a tier may be lost at the very instant at which it was entered.
    entered_by = next(place for place, change in enumerate(changes) if change.at == lot.earned_at)
    later = changes[entered_by + 1 :]
    left = next((change.at for change in later if found.scheme.rank(change.to_key) < rank), None)
    return Tenure(found.key, local_date(lot.earned_at, zone), local_date(left, zone) if left else None)


@dataclass(frozen=True, slots=True)
class Place:
    """A tier in the scheme that says which are above it: the one in force, or, of one that was removed, the gift's own."""

    scheme: TierScheme
    key: UUID

    @property
    def rank(self) -> int:
        return self.scheme.rank(self.key)


def place_of(decision: Decision, lot: OpenLot) -> Place | None:
    """Return the tier that gave a gift; None where no version says which it was."""
    version = decision.versions.version(lot.version_id)
    own = version.of(SCHEME) if version else TierScheme()
    key = next((tier.key for tier in own.tiers if tier.code == lot.gift), None)
    if key is None:
        return None
    scheme = decision.rules.of(SCHEME)
    return Place(scheme if scheme.tier(key) else own, key)


def all_tiers(decision: Decision) -> list[TierRule]:
    return [tier for version in decision.versions.versions for tier in version.of(SCHEME).tiers]
