"""Points as a capability: how wallets, lots and days are read behind the lock, and how what steps decided is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeGuard
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import (
    Activity,
    GrantTakenBack,
    InteractionReported,
    OrderCorrected,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
)
from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey
from loyalty.engine.versions import Version, Versions
from loyalty.points import granting, ledger
from loyalty.points.budgets import lock_budgets, settle_budgets
from loyalty.points.conditions import parse_stored
from loyalty.points.debts import DebtEntry, covers_in, debts_of, taken_over
from loyalty.points.ends import ENDS_AT
from loyalty.points.expiry import Active, Lifetime, Span
from loyalty.points.limits import Limits, Rewarded, period_start
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.points.rules import Counted, Earning, Terms
from loyalty.points.state import (
    MAIN,
    NEVER,
    POINTS,
    RULES,
    Day,
    DayCounted,
    GrantAsked,
    GrantDecided,
    LotClaimed,
    LotDated,
    Move,
    OpenLot,
    PointsRules,
    PointsState,
    Policy,
    Posting,
    Redeemed,
    WalletState,
)
from loyalty.points.states import State
from loyalty.points.steps.limiting import pools_of

FOREVER, BEFORE = date.min, datetime(1970, 1, 1, tzinfo=UTC)

WALLET = ("w.id", "w.code", "w.available - w.owed", "w.owed", "w.shortfall", "w.active_since", "w.idle_until")
WALLETS = f"""
SELECT w.membership_id, {", ".join(WALLET)} FROM points_wallet w WHERE w.membership_id = ANY(%s)
"""
# Days that are in every window that the batch looks at need not be told apart: they come as one. So do those before
# every window that begins, where there is one that never does.
DAYS = """
LEFT JOIN LATERAL (
    SELECT array_agg(day) AS days, array_agg(spend) AS spend, array_agg(points) AS points, array_agg(orders) AS orders,
        array_agg(visits) AS visits
    FROM (
        SELECT CASE
            WHEN on_date < %(first)s THEN %(before)s
            WHEN on_date >= %(common)s AND on_date < %(begin)s THEN %(common)s
            ELSE on_date
        END AS day, sum(spend) AS spend, sum(points)::bigint AS points, sum(orders)::int AS orders,
            sum(visits)::int AS visits
        FROM points_qualifyingday WHERE wallet_id = w.id AND on_date >= %(oldest)s GROUP BY 1
    ) counted
) d ON true
"""
ALL_DAYS = """
SELECT wallet_id, on_date, spend, points, orders, visits FROM points_qualifyingday
WHERE wallet_id = ANY(%s) ORDER BY wallet_id, on_date
"""
LOT = f"""
l.id, l.order_id, l.earned_at, l.active_at, {ENDS_AT},
l.pending, l.available, l.held, l.expires_on_inactivity, l.version_id, l.activation_event, l.gift, l.from_lot_id, l.is_lent,
l.claimed, l.rule_id, l.grant_id
"""
LOTS = f"""
SELECT l.wallet_id, {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE l.wallet_id = ANY(%s) AND (l.available > 0 OR l.pending > 0 OR l.held > 0) ORDER BY l.id
"""
# Those that are spent first: of the ones with dates, or without end, and of the ones that follow their member. An index has
# each in its order; a limit that the planner cannot guess keeps it from sorting all of them instead.
SPENDABLE = f"""
SELECT l.wallet_id, {LOT}
FROM unnest(%(wallets)s::bigint[]) n(wallet_id) JOIN points_wallet w ON w.id = n.wallet_id CROSS JOIN LATERAL (
    (SELECT * FROM points_lot WHERE wallet_id = n.wallet_id AND available > 0 AND NOT expires_on_inactivity
        ORDER BY expires_at NULLS LAST, earned_at, id LIMIT (SELECT %(limit)s::bigint))
    UNION ALL
    (SELECT * FROM points_lot WHERE wallet_id = n.wallet_id AND available > 0 AND expires_on_inactivity
        ORDER BY expires_at NULLS LAST, earned_at, id LIMIT (SELECT %(limit)s::bigint))
) l
"""
LOTS_BY_ID = f"""
SELECT {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id WHERE l.id = ANY(%s) ORDER BY l.id
"""
# What a return or an event of an order looks at besides open lots: the order's own and those of entry gifts, whatever is
# left in them; those of grants that are taken back, or given again; and those that expired on inactivity, which a late fact may
# prove wrong.
CLOSED = f"""
SELECT l.wallet_id, {LOT}, coalesce(m.expired, 0)::bigint, coalesce(m.cancelled, 0)::bigint,
    coalesce(m.redeemed, 0)::bigint, coalesce(m.transferred, 0)::bigint, l.amount,
    (SELECT to_lot_id FROM points_movedlot WHERE lot_id = l.id)
FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
LEFT JOIN LATERAL (
    SELECT sum(CASE 'expired' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS expired,
        sum(CASE 'cancelled' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS cancelled,
        sum(CASE 'redeemed' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS redeemed,
        sum(CASE 'transferred' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS transferred
    FROM points_movement WHERE lot_id = l.id
) m ON true
WHERE l.wallet_id = ANY(%(wallets)s) AND l.id IN (
    SELECT id FROM points_lot WHERE order_id = ANY(%(orders)s)
    UNION SELECT unnest(%(lots)s::uuid[])
    UNION SELECT to_lot_id FROM points_movedlot WHERE lot_id = ANY(%(lots)s)
    UNION SELECT id FROM points_lot WHERE wallet_id = ANY(%(wallets)s) AND gift <> ''
    UNION SELECT id FROM points_lot WHERE grant_id = ANY(%(grants)s)
    UNION SELECT i.id FROM points_lot i JOIN points_wallet iw ON iw.id = i.wallet_id
        WHERE i.wallet_id = ANY(%(idling)s) AND i.expires_on_inactivity AND iw.idle_until > %(since)s
)
ORDER BY l.id
"""
# A redemption that paid an order, whether at once or through a hold, unless it was undone already.
REDEEMED = f"""
SELECT r.membership_id, r.reference, e.id, e.wallet_id, (e.explanation->>'merged_from')::uuid,
    m.from_state, m.to_state, m.amount, {LOT}
FROM unnest(%s::text[], %s::uuid[]) AS r(reference, membership_id)
JOIN points_wallet w ON w.membership_id = r.membership_id
LEFT JOIN points_hold h ON h.wallet_id = w.id AND h.reference = r.reference
JOIN points_entry e ON e.wallet_id = w.id AND e.cause IN ('redeem:' || r.reference, 'confirm:' || h.id, 'redeem:hold:' || h.id)
    AND coalesce(e.explanation->>'reference', r.reference) = r.reference
JOIN points_movement m ON m.entry_id = e.id AND m.to_state = 'redeemed'
LEFT JOIN points_movedlot v ON v.lot_id = m.lot_id JOIN points_lot l ON l.id = coalesce(v.to_lot_id, m.lot_id)
WHERE NOT EXISTS (SELECT 1 FROM points_entry u WHERE u.wallet_id = e.wallet_id AND u.cause = 'restore:' || e.id)
ORDER BY m.id
"""
# What entries told of debts, in wallets with orders that were returned, or gifts that were lost, of which some points may
# come back; and in those where something of an order's lots was taken, be it for itself or in others' place. What merged
# memberships lacked stands in the entry by which it went over.
DEBTS = """
WITH back AS MATERIALIZED (
    SELECT wallet_id FROM points_entry WHERE kind = 'return' AND order_id = ANY(%(orders)s)
    UNION SELECT e.wallet_id FROM points_lot l JOIN points_entry e ON e.order_id = l.order_id
        WHERE l.id = ANY(%(lots)s) AND e.kind = 'return' AND e.wallet_id = l.wallet_id
    UNION SELECT wallet_id FROM points_lot WHERE id = ANY(%(lots)s) AND (gift <> '' OR grant_id IS NOT NULL)
    UNION SELECT unnest(%(all_of)s::bigint[])
    UNION SELECT wallet_id FROM points_entry WHERE wallet_id = ANY(%(wallets)s) AND kind = 'transfer' AND explanation ? 'debts'
    UNION SELECT l.wallet_id FROM points_lot l JOIN points_movement c ON c.lot_id = l.id AND c.to_state = 'cancelled'
        WHERE l.order_id = ANY(%(orders)s)
)
SELECT e.wallet_id, e.id, e.kind, e.order_id, e.explanation->'gift_lots', coalesce(e.explanation->>'for_gifts', '') <> '',
    e.owed_change, e.shortfall_change, e.explanation->'debts', coalesce(v.to_lot_id, m.lot_id), m.from_state, m.to_state,
    m.amount, l.order_id
FROM (SELECT wallet_id FROM back WHERE wallet_id = ANY(%(wallets)s)) b
CROSS JOIN LATERAL (
    SELECT * FROM points_entry WHERE wallet_id = b.wallet_id AND kind IN ('return', 'repay', 'leave')
    UNION ALL SELECT * FROM points_entry WHERE wallet_id = b.wallet_id AND kind = 'transfer' AND explanation ? 'debts' OFFSET 0
) e
LEFT JOIN points_movement m ON m.entry_id = e.id AND e.kind <> 'transfer' LEFT JOIN points_lot l ON l.id = m.lot_id
LEFT JOIN points_movedlot v ON v.lot_id = m.lot_id
ORDER BY e.id, m.id
"""


class Points(Capability[PointsState]):
    """A member's wallets: every program has them."""

    name = POINTS.name

    def rules(self, version_id: int) -> PointsRules:
        groups = EarningGroup.objects.filter(version=version_id, combination=EarningGroup.Combination.BEST_OF)
        best_of = set(groups.values_list("code", flat=True))
        rules = EarningRule.objects.filter(version=version_id).order_by("code")
        policies = PointsPolicy.objects.filter(version=version_id)
        return PointsRules(
            tuple(_earning(rule, best_of) for rule in rules), {policy.code: _policy(policy) for policy in policies}
        )

    def is_used(self, rules: PointsRules) -> bool:
        return True

    def reach(self, rules: PointsRules, day: date, *, last: bool) -> Sequence[date]:
        limits = [policy.limits for policy in rules.policies.values()]
        return [period_start(each.period, day) for each in limits if each.in_period is not None]

    def begin(self, versions: Versions) -> PointsState:
        codes = {code for each in versions.versions for code in each.of(RULES).policies} - {MAIN}
        return PointsState(
            tuple(WalletState(place, code, actives=()) for place, code in enumerate((MAIN, *sorted(codes)), start=1))
        )

    def joined(self, reach: Reach | None) -> Joined | None:
        wallets = "LEFT JOIN LATERAL (SELECT * FROM points_wallet WHERE membership_id = m.id OFFSET 0) w ON true"
        if reach is None:
            return Joined(WALLET, wallets)
        asked = {"first": reach.first, "before": FOREVER, "common": reach.common, "begin": reach.begin,
                 "oldest": reach.oldest}  # fmt: skip
        days = ("d.days", "d.spend", "d.points", "d.orders", "d.visits")
        return Joined((*WALLET, *days), wallets + DAYS, asked)

    def load(self, scope: Scope) -> Mapping[UUID, PointsState]:
        wallets = _load_wallets(scope)
        whole = [wallet.wallet_id for key in scope.whole for wallet in wallets[key]]
        days = _load_days(whole) if scope.reach and whole else {}
        given = _given_before(scope)
        closed = _load_closed(scope, whole, given)
        lots = _load_open(scope, wallets, closed)
        redeemed = _load_redeemed(scope)
        celebrated = _load_celebrated(scope)
        rewarded = _load_rewarded(scope)
        actives = _load_actives(scope, whole)
        gifts = [lot.id for known in closed.values() for lot in known if lot.gift or lot.grant_id in given]
        debts = _load_debts(scope, whole, redeemed, gifts, given)

        def completed(wallet: WalletState) -> WalletState:
            if not (days or closed or lots or debts) and actives is None:
                return wallet  # as of most orders that are told in time
            known = closed.get(wallet.wallet_id, [])
            ids = {lot.id for lot in known}
            others = (lot for lot in lots.get(wallet.wallet_id, ()) if lot.id not in ids)
            return wallet.completed(
                days=tuple(days.get(wallet.wallet_id, wallet.days)),
                lots=(*others, *known),
                actives=None if actives is None else actives.get(wallet.wallet_id, ()),
                debt_entries=debts.get(wallet.wallet_id, ()),
            )

        return {
            key: PointsState(
                tuple(
                    _knowing_covers(completed(wallet))
                    for wallet in sorted(own, key=lambda each: (each.code != MAIN, each.wallet_id))
                ),
                tuple(redeemed.get(key, ())),
                celebrated.get(key, frozenset()),
                rewarded.get(key, ()),
            )
            for key, own in wallets.items()
        }

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        ledger.post(
            [effect for effect in effects if isinstance(effect, Posting)],
            balances={wallet.wallet_id: wallet.balance for member in before.values() for wallet in _wallets(member)},
            now=now,
            spans=_spans(before, after),
            claims=_claims(effects, of_new=True),
        )
        ledger.count_days(effect for effect in effects if isinstance(effect, DayCounted))
        granting.ask([effect for effect in effects if isinstance(effect, GrantAsked)], now=now)
        granting.settle([effect for effect in effects if isinstance(effect, GrantDecided)], now=now)

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        """Write what must be on its own, because it touches rows that the postings touch, too."""
        ledger.give_dates((effect for effect in effects if isinstance(effect, LotDated)), now=now)
        ledger.claim(_claims(effects, of_new=False))

    def pools(self, program_id: int, version: Version, on: date) -> Mapping[PoolKey, int]:
        return pools_of(program_id, version, on)

    def lock_pools(self, limits: Mapping[PoolKey, int], *, whole: bool) -> dict[PoolKey, Pool]:
        return lock_budgets(limits, whole=whole)

    def settle_pools(self, before: Mapping[PoolKey, Pool], after: Mapping[PoolKey, Pool]) -> None:
        settle_budgets(before, after)


def _claims(effects: Sequence[Effect], *, of_new: bool) -> dict[UUID, int]:
    """Return what is claimed more or less, by lot: of lots that these effects open, or of the others."""
    sums: dict[UUID, int] = {}
    for each in effects:
        if isinstance(each, LotClaimed):
            sums[each.lot_id] = sums.get(each.lot_id, 0) + each.points
    if not sums:
        return sums
    new = {lot.id for each in effects if isinstance(each, Posting) for lot in each.lots}
    return {lot_id: points for lot_id, points in sums.items() if (lot_id in new) is of_new}


# Also what a membership gave that was merged into this one: a person has one birthday a year.
CELEBRATED = """
SELECT o.whose, array_agg(e.cause) FROM (
    SELECT id AS whose, id FROM unnest(%(members)s::uuid[]) AS m(id)
    UNION ALL SELECT merged_into_id, id FROM memberships_membership WHERE merged_into_id = ANY(%(members)s)
) o JOIN points_wallet w ON w.membership_id = o.id JOIN points_entry e ON e.wallet_id = w.id
WHERE e.cause LIKE 'birthday:%%' OR e.cause LIKE 'anniversary:%%' GROUP BY 1
"""


# Interactions that were rewarded: those of the months of what is to be decided, and those about its products; also of a
# membership that was merged into this one.
REWARDED = """
SELECT m.id, i.id, i.kind, i.sku, i.occurred_at FROM memberships_membership m
JOIN memberships_membership o ON o.id = m.id OR o.merged_into_id = m.id
JOIN customers_interaction i ON i.customer_id = m.customer_id JOIN points_wallet w ON w.membership_id = o.id
JOIN points_entry e ON e.wallet_id = w.id AND e.cause = 'interaction:' || i.id AND e.pending_change + e.available_change > 0
WHERE m.id = ANY(%(members)s) AND i.occurred_at >= o.enrolled_at
    AND (i.occurred_at BETWEEN %(first)s AND %(last)s OR i.sku = ANY(%(skus)s))
    AND NOT EXISTS (SELECT 1 FROM points_entry b WHERE b.cause = 'interaction-back:' || i.id AND b.wallet_id IN (
        SELECT v.id FROM points_wallet v WHERE v.membership_id IN (m.id, o.id)))
GROUP BY m.id, i.id ORDER BY i.occurred_at, i.id
"""
A_MONTH = timedelta(days=32)


def _load_rewarded(scope: Scope) -> dict[UUID, tuple[Rewarded, ...]]:
    """Load which interactions were rewarded of those who report another one, or return a product, where a rule asks."""
    told = [each for each in scope.activities if isinstance(each, InteractionReported | OrderReturned)]
    if not told:
        return {}
    looks = {
        program_id
        for program_id, versions in scope.versions.items()
        if any(rule.terms for version in versions.versions for rule in version.of(RULES).earnings)
    }
    customers = {each.customer_id for each in told}
    keys = [key for key, each in scope.members.items() if each.customer_id in customers and each.program_id in looks]
    if not keys:
        return {}
    instants = [each.occurred_at for each in told if isinstance(each, InteractionReported)]
    skus = {each.sku for each in told if isinstance(each, InteractionReported) and each.sku}
    skus |= {sku for each in told if isinstance(each, OrderReturned) for sku in each.gone}
    given = {
        "members": keys, "skus": sorted(skus), "first": min(instants, default=BEFORE + A_MONTH) - A_MONTH,
        "last": max(instants, default=BEFORE - A_MONTH) + A_MONTH,
    }  # fmt: skip
    found: dict[UUID, tuple[Rewarded, ...]] = {}
    for key, *row in bulk.fetch(REWARDED, given):
        found[key] = (*found.get(key, ()), Rewarded(*row))
    return found


def _load_celebrated(scope: Scope) -> dict[UUID, frozenset[str]]:
    """Load what was given to those for whom time may pass, where any version of their program celebrates."""
    celebrate = {Counted.BIRTHDAY, Counted.ANNIVERSARY}
    keys = [
        key
        for key in scope.whole
        if any(
            rule.kind in celebrate
            for version in scope.versions[scope.members[key].program_id].versions
            for rule in version.of(RULES).earnings
        )
    ]
    return {key: frozenset(causes) for key, causes in bulk.fetch(CELEBRATED, {"members": keys})} if keys else {}


FIRST_FEW, TIMES = 50, 10


def load_spendable(needed: Mapping[int, int]) -> dict[int, list[OpenLot]]:
    """
    Load the lots of wallets from which so many points would be spent: as few as there are needed, or all.

    :param needed: points by wallet
    """
    found: dict[int, list[OpenLot]] = {}
    left, limit = {wallet_id for wallet_id, points in needed.items() if points > 0}, FIRST_FEW
    while left:
        rows = bulk.fetch(SPENDABLE, {"wallets": sorted(left), "limit": limit})
        found |= _group(rows, OpenLot)
        left = {
            wallet_id
            for wallet_id in left
            for lots in [found.get(wallet_id, ())]
            if len(lots) >= limit and sum(lot.available for lot in lots) < needed[wallet_id]
        }
        limit *= TIMES
    return found


def load_open(wallet_ids: Sequence[int]) -> dict[int, list[OpenLot]]:
    """Load all open lots of wallets."""
    return _group(bulk.fetch(LOTS, [list(wallet_ids)]), OpenLot) if wallet_ids else {}


def _load_open(
    scope: Scope, wallets: Mapping[UUID, Sequence[WalletState]], closed: Mapping[int, Sequence[OpenLot]]
) -> dict[int, list[OpenLot]]:
    """Load all open lots of those for whom time passes; of the others those from which a return may take."""
    needed = _needed(scope, wallets, closed)
    found = load_spendable(needed)
    # A return takes pending points where nothing else is left.
    short = {key for key, points in needed.items() if sum(lot.available for lot in found.get(key, ())) < points}
    passing = {wallet.wallet_id for key in scope.passing for wallet in wallets[key]}
    return found | load_open(sorted(passing | short))


def _needed(
    scope: Scope, wallets: Mapping[UUID, Sequence[WalletState]], closed: Mapping[int, Sequence[OpenLot]]
) -> dict[int, int]:
    """Return by wallet how many points returns may take besides their orders' own: what those gave, and gifts."""
    mine = {wallet.wallet_id for key in scope.whole - scope.passing for wallet in wallets[key]}
    returned = {each.order_id for each in scope.activities if isinstance(each, OrderReturned)}
    needed: dict[int, int] = {}
    for (order_id, _), decided in scope.decided.items():
        for award in decided.awards if order_id in returned else ():
            if award.wallet_id in mine:
                needed[award.wallet_id] = needed.get(award.wallet_id, 0) + award.points_kept
    for each in scope.activities:
        if isinstance(each, GrantTakenBack):
            for wallet_id in _wallets_of(each, scope, wallets) & mine:
                needed[wallet_id] = needed.get(wallet_id, 0) + each.points
    for wallet_id, points in needed.items():
        lots = closed.get(wallet_id, ())
        needed[wallet_id] = points + sum(lot.amount for lot in lots if lot.gift) + sum(lot.claimed for lot in lots)
    return needed


def _wallets_of(taken: GrantTakenBack, scope: Scope, wallets: Mapping[UUID, Sequence[WalletState]]) -> frozenset[int]:
    """Return the wallet from which a grant is taken back."""
    return frozenset(
        wallet.wallet_id
        for key, own in wallets.items()
        if scope.members[key].customer_id == taken.customer_id and scope.members[key].program_id == taken.program_id
        for wallet in own
        if wallet.code == taken.wallet
    )


def load_lots(lot_ids: Iterable[UUID]) -> list[OpenLot]:
    """Return lots whatever is left in them."""
    ids = list(lot_ids)
    return [OpenLot(*row) for row in bulk.fetch(LOTS_BY_ID, [ids])] if ids else []


def _wallets(member: Member) -> tuple[WalletState, ...]:
    return member.of(POINTS).wallets


def _spans(before: Mapping[UUID, Member], after: Mapping[UUID, Member]) -> dict[int, Span]:
    """Return the wallets' newest spans, where they changed."""
    found = {}
    for key, member in after.items():
        if member.of(POINTS) is before[key].of(POINTS):
            continue
        for wallet, was in zip(_wallets(member), _wallets(before[key]), strict=True):
            if wallet.span is not None and wallet.span != was.span:
                found[wallet.wallet_id] = wallet.span
    return found


def _load_wallets(scope: Scope) -> dict[UUID, list[WalletState]]:
    """Load wallets, and open those that a version brought since their member enrolled."""
    found = {key: [_wallet(*row) for row in rows if row[0]] for key, rows in scope.joined[POINTS.name].items()}
    missing: dict[int, list[tuple[UUID, str]]] = {}
    for key, member in scope.members.items():
        codes = codes_of(scope.versions[member.program_id].versions)
        has = found[key]
        if len(has) < len(codes):
            lacks = codes - {wallet.code for wallet in has}
            missing.setdefault(member.retailer_id, []).extend((key, code) for code in sorted(lacks))
    for retailer_id, pairs in missing.items():
        ledger.open_missing(retailer_id, pairs)
    if missing:
        known = {wallet.wallet_id for own in found.values() for wallet in own}
        keys = [key for pairs in missing.values() for key, _ in pairs]
        for key, *wallet in bulk.fetch(WALLETS, [sorted(set(keys))]):
            found[key] += [opened] if (opened := _wallet(*wallet)).wallet_id not in known else []
    return found


def codes_of(versions: Iterable[Version]) -> frozenset[str]:
    """Return the wallets that some versions name, and the one that every program has."""
    return frozenset({MAIN}.union(*(version.of(RULES).policies for version in versions)))


def _wallet(wallet_id: int, code: str, *rest: Any) -> WalletState:
    """Return a wallet as it was joined, with its days where they were."""
    balance, owed, shortfall, since, until, *days = rest
    counted = sorted(zip(*days, strict=True)) if days and days[0] else ()
    return WalletState(
        wallet_id,
        code,
        balance,
        owed,
        shortfall,
        Span(since, until) if since else None,
        days=tuple(Day(*counted_on) for counted_on in counted),
    )


def _load_days(whole: Sequence[int]) -> dict[int, list[Day]]:
    """Load each day of some wallets."""
    days: dict[int, list[Day]] = {wallet_id: [] for wallet_id in whole}
    for wallet_id, *day in bulk.fetch(ALL_DAYS, [list(whole)]):
        days[wallet_id].append(Day(*day))
    return days


def _load_closed(scope: Scope, whole: Sequence[int], given: frozenset[UUID]) -> dict[int, list[OpenLot]]:
    """Load lots that may be closed: those of orders that come back, of gifts, and what late facts may give back."""
    concerned = [each for each in scope.activities if isinstance(each, OrderReturned | OrderEvent)]
    grants = [each.grant_id for each in scope.activities if isinstance(each, GrantTakenBack)]
    grants += given
    may_idle = bool(scope.activities) and _may_idle(scope)
    if not whole or not (concerned or grants or scope.lots or may_idle):
        return {}
    parameters = {
        "wallets": list(whole),
        "orders": sorted({each.order_id for each in concerned}),
        "lots": list(scope.lots),
        "grants": grants,
        "idling": list(whole) if may_idle else [],
        "since": min((activity.occurred_at for activity in scope.activities), default=NEVER),
    }
    found: dict[int, list[OpenLot]] = {}
    for wallet_id, *lot in bulk.fetch(CLOSED, parameters):
        *terms, expired, cancelled, redeemed, transferred, amount, moved_to = lot
        made = replace(
            OpenLot(*terms), expired=expired, cancelled=cancelled, redeemed=redeemed, transferred=transferred,
            amount=amount, moved_to=moved_to,
        )  # fmt: skip
        found.setdefault(wallet_id, []).append(made)
    return found


def _given_before(scope: Scope) -> frozenset[UUID]:
    """Return the grants by which something was given that is given again."""
    granted = (each for each in scope.activities if isinstance(each, PointsGranted))
    return frozenset(before for each in granted for before in each.before)


def _may_idle(scope: Scope) -> bool:
    """Tell whether points expire on inactivity under any version."""
    return any(
        policy.lifetime.on_inactivity
        for versions in scope.versions.values()
        for version in versions.versions
        for policy in version.of(RULES).policies.values()
    )


ACTIVES = """
SELECT wallet_id, array_agg(occurred_at), array_agg(keeps_until) FROM points_entry
WHERE wallet_id = ANY(%s) AND keeps_until IS NOT NULL GROUP BY wallet_id
"""


def _load_actives(scope: Scope, whole: Sequence[int]) -> dict[int, tuple[Active, ...]] | None:
    """Load what members did that keeps points that expire on inactivity, for facts that may be late."""
    if not whole or not scope.activities or not _may_idle(scope):
        return None
    found = bulk.fetch(ACTIVES, [list(whole)])
    return {wallet_id: tuple(map(Active, instants, ends)) for wallet_id, instants, ends in found}


def _load_debts(
    scope: Scope,
    whole: Sequence[int],
    redeemed: Mapping[UUID, Sequence[Redeemed]],
    gifts: Sequence[UUID],
    given: frozenset[UUID],
) -> dict[int, tuple[DebtEntry, ...]]:
    """Load what entries told of debts where a batch may give points back to an order that was returned before."""
    orders = sorted({each.order_id for each in scope.activities if _may_give_back(each)})
    if not whole or not (orders or scope.lots or given):
        return {}
    lots = [lot.id for known in redeemed.values() for each in known for lot in each.lots]
    # What returns of other orders took from one that is moved now comes back to its new lots.
    moves = any(isinstance(each, OrderCorrected) and each.is_moved for each in scope.activities)
    return load_debts(whole, orders=orders, lots=[*scope.lots, *lots, *gifts], all_of=whole if moves else ())


def _may_give_back(activity: Activity) -> TypeGuard[OrderPlaced | OrderReturned]:
    """Tell what may give points of an order that took others' in their place before."""
    return isinstance(activity, OrderReturned) or (isinstance(activity, OrderPlaced) and activity.may_be_anew)


def load_debts(
    wallets: Sequence[int], *, orders: Sequence[UUID] = (), lots: Sequence[UUID] = (), all_of: Sequence[int] = ()
) -> dict[int, tuple[DebtEntry, ...]]:
    """
    Return what entries told of debts, by wallet, in their order; nothing of a wallet that has none to look at.

    :param orders: to which points may come back
    :param lots: to which they may
    :param all_of: wallets to look at in any case
    """
    found: dict[UUID, tuple[int, tuple[DebtEntry, ...]]] = {}
    parameters = {"wallets": list(wallets), "orders": list(orders), "lots": list(lots), "all_of": list(all_of)}
    for wallet_id, entry_id, kind, order_id, gifts, for_gifts, owed, shortfall, said, *move in bulk.fetch(
        DEBTS, parameters
    ):
        if said is not None:
            found[entry_id] = (wallet_id, _taken_over(said))
            continue
        gift_lots = tuple(UUID(each) for each in gifts or ())
        known = found.get(entry_id)
        entry = known[1][0] if known else DebtEntry(kind, order_id, gift_lots, owed, shortfall, (), for_gifts)
        found[entry_id] = (wallet_id, (replace(entry, covers=(*entry.covers, *_covers(entry, *move))),))
    by_wallet: dict[int, tuple[DebtEntry, ...]] = {}
    for wallet_id, entries in found.values():
        by_wallet[wallet_id] = (*by_wallet.get(wallet_id, ()), *entries)
    return by_wallet


def _taken_over(said: Sequence[Mapping[str, Any]]) -> tuple[DebtEntry, ...]:
    """Return what was taken over from merged memberships, of the lots that have the points since."""
    entries = taken_over(said)
    lots = sorted({lot_id for entry in entries for lot_id, _ in entry.covers})
    moved = dict(bulk.fetch("SELECT lot_id, to_lot_id FROM points_movedlot WHERE lot_id = ANY(%s)", [lots]))
    return tuple(entry.of_moved(moved) for entry in entries)


def _covers(  # noqa: PLR0913 - the columns of a movement
    entry: DebtEntry, lot_id: UUID | None, source: str, target: str, amount: int, lot_order: UUID | None
) -> tuple[tuple[UUID, int], ...]:
    if lot_id is None:
        return ()
    is_own = (entry.order_id is not None and lot_order == entry.order_id) or lot_id in entry.gift_lots
    return covers_in([(lot_id, State(source), State(target), amount)], {lot_id: is_own})


def _knowing_covers(wallet: WalletState) -> WalletState:
    """Return a wallet with the lots, closed or not, that would get back what was taken in others' place."""
    if not wallet.debt_entries:
        return wallet
    known = {lot.id for lot in wallet.lots}
    covers = {lot_id for debt in debts_of(wallet.debt_entries) for lot_id, _ in debt.covers}
    return wallet.knowing(load_lots(sorted(covers - known)))


def with_debts(wallet: WalletState, lots: Sequence[UUID]) -> WalletState:
    """Return a wallet with all that must be known where points come back to some lots."""
    debts = load_debts([wallet.wallet_id], lots=lots).get(wallet.wallet_id, ())
    return _knowing_covers(replace(wallet, debt_entries=debts))


def with_all_debts(points: PointsState) -> PointsState:
    """Return wallets with all that they lack, and what may come back to them."""
    wallets = [wallet.wallet_id for wallet in points.wallets]
    found = load_debts(wallets, all_of=wallets)
    for wallet_id, entries in found.items():
        points = points.having(_knowing_covers(replace(points.wallet_of(wallet_id), debt_entries=entries)))
    return points


def _load_redeemed(scope: Scope) -> dict[UUID, list[Redeemed]]:
    """Load the redemptions that paid orders of which nothing is left."""
    members_of: dict[UUID, list[UUID]] = {}
    for key, member in scope.members.items():
        members_of.setdefault(member.customer_id, []).append(key)
    pairs = {
        (reference, key)
        for each in scope.activities
        if isinstance(each, OrderReturned) and not each.kept.lines
        for reference in each.redemptions
        for key in members_of.get(each.customer_id, ())
    }
    return load_redeemed(sorted(pairs))


def load_redeemed(pairs: Sequence[tuple[str, UUID]]) -> dict[UUID, list[Redeemed]]:
    """Return redemptions that were not undone, by membership, from the references under which each member made them."""
    if not pairs:
        return {}
    found: dict[tuple[UUID, UUID], Redeemed] = {}
    for membership, reference, entry_id, wallet_id, first_id, source, target, amount, *lot in bulk.fetch(
        REDEEMED, bulk.columns_of(pairs)
    ):
        known = found.get((membership, entry_id), Redeemed(entry_id, reference, wallet_id, (), (), first_id))
        move = Move(lot[0], State(source), State(target), amount)
        found[membership, entry_id] = replace(known, moves=(*known.moves, move), lots=(*known.lots, OpenLot(*lot)))
    by_member: dict[UUID, list[Redeemed]] = {}
    for (membership, _), redeemed in found.items():
        by_member.setdefault(membership, []).append(redeemed)
    return by_member


def _group(rows: Iterable[tuple[Any, ...]], make: type[OpenLot]) -> dict[int, list[OpenLot]]:
    found: dict[int, list[OpenLot]] = {}
    for wallet_id, *lot in rows:
        found.setdefault(wallet_id, []).append(make(*lot))
    return found


def _policy(row: PointsPolicy) -> Policy:
    dates = (tuple(map(int, each.split("-"))) for each in row.expiry_dates)
    return Policy(
        lifetime=Lifetime(
            pending_days=row.pending_days,
            pending_until=row.pending_until,
            activation_event=row.pending_event,
            expiry=row.expiry,
            expiry_count=row.expiry_count,
            expiry_dates=tuple((month, day) for month, day in dates),
        ),
        limits=Limits(row.transaction_limit, row.period_limit, row.period, row.budget, row.budget_period),
        allow_negative=row.on_return == PointsPolicy.OnReturn.ALLOW_NEGATIVE,
        is_spendable=row.is_spendable,
        may_transfer=row.may_transfer,
    )


def _earning(rule: EarningRule, best_of: set[str]) -> Earning:
    return Earning(
        id=rule.pk,
        code=rule.code,
        kind=Counted(rule.kind),
        wallet=rule.wallet,
        interaction=rule.interaction,
        points=rule.points,
        minimum_amount=rule.minimum_amount,
        condition=parse_stored(rule.condition),
        uses_multiplier=rule.uses_multiplier,
        counts_free_lines=rule.counts_free_lines,
        counts_gift_cards=rule.counts_gift_cards,
        cap=rule.cap,
        group=rule.group,
        best_of=rule.group in best_of,
        terms=_terms(rule),
        arms=ForArms.read(rule.arms),
    )


def _terms(rule: EarningRule) -> Terms | None:
    """Return what a rule for interactions asks for besides; None for nothing."""
    terms = Terms(
        rule.day_limit,
        rule.month_limit,
        rule.once_per_product,
        rule.bought_within_days,
        rule.needs_approval,
        rule.is_taken_back,
    )
    return None if terms == Terms() else terms
