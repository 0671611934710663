"""
What keeps points alive of whom something is withheld: what it does would earn, were it of another arm. Pure.

Points that end when their member is idle live on by what earns. Who earns nothing only because an experiment withholds it
does the same as the others: by an entry of nothing that says until when, what it has lives as long as theirs does.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from loyalty.engine.activities import Award
from loyalty.engine.arms import NO_ARMS, arm, holding
from loyalty.engine.decision import Decision
from loyalty.points.rules import Earned, Earning, by_wallet
from loyalty.points.state import MAIN, RULES
from loyalty.points.steps.entries import Cause, entry, keeps_until, post, wallet_in
from loyalty.points.steps.idling import extend_inactivity
from loyalty.points.steps.limiting import limited_on

Earns = Callable[[Sequence[Earning]], tuple[Earned, ...]]  # what rules give for what a member did


def name_of(cause: Cause) -> str:
    """Return the cause of the entry that keeps points by what would have earned."""
    return f"{cause.name}:kept"


def keep(decision: Decision, earns: Earns, cause: Cause, awards: Collection[Award] = ()) -> Decision:
    """
    Let what ends when its member is idle live on by what earned it nothing, and would have as a member of another arm.

    :param cause: of what it would have earned
    :param awards: what it did earn: those wallets live on by that
    """
    for code, until in sorted(kept_by_others(decision, earns, awards).items()):
        decision = keep_until(decision, code, until, cause)
    return decision


def kept_by_others(decision: Decision, earns: Earns, awards: Collection[Award] = ()) -> dict[str, datetime]:
    """Return until when what wallets have would live on by what earned them nothing, and would have in another arm."""
    given = {award.wallet_id for award in awards if award.points}
    ends: dict[str, datetime] = {}
    for rules in _of_others(decision):
        for code, parts in by_wallet(earns(rules)).items():
            is_given = wallet_in(decision, code).wallet_id in given
            until = None if is_given else keeps_until(decision, code)
            if until is not None and limited_on(decision, code, parts, decision.on).earned:
                ends[code] = until
    return ends


def keep_until(decision: Decision, code: str, until: datetime, cause: Cause) -> Decision:
    """Let what a wallet has live until an instant, unless its member does more; what was told before is not told again."""
    told = wallet_in(decision, code).actives or ()
    if any((each.at, each.until, each.order_id) == (decision.at, until, cause.order_id) for each in told):
        return decision
    decision = extend_inactivity(decision, code, until, order_id=cause.order_id)
    said = {**cause.said, "kept": True, **({} if code == MAIN else {"wallet": code})}
    wallet = wallet_in(decision, code)
    return post(
        decision, entry(decision, wallet, "keep", name_of(cause), said, order_id=cause.order_id, keeps_until=until)
    )


def _of_others(decision: Decision) -> list[tuple[Earning, ...]]:
    """Return the earning rules as each arm sees them of which nothing is withheld; none where nobody is divided."""
    seen = decision.rules
    whole = decision.versions.version(seen.version_id) if seen.named or seen.is_withheld else None
    if whole is None:
        return []
    earnings = whole.of(RULES).earnings
    running = {trial.code for trial in decision.versions.trials if trial.runs_at(decision.at)}
    arms = {
        arm(rule.arms.experiment, variant)
        for rule in earnings
        if rule.arms is not None and rule.arms.experiment in running
        for variant in rule.arms.variants
    }
    return [holding(earnings, frozenset({each})) for each in sorted(arms)] or [holding(earnings, NO_ARMS)]
