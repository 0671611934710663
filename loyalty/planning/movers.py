"""Who would stand on another tier under a version: every member counted as of a day, by one statement. Reads only."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from loyalty.activity.candidates import who_would_stand_where
from loyalty.activity.rulesets import Ruleset
from loyalty.points.ledger import MAIN
from loyalty.programs.models import Program
from loyalty.tiers.rules import Ladder, window_start


@dataclass(frozen=True, slots=True)
class Standing:
    """
    A member, the tier that it has and the one that it would have earned; None for the ground.

    :param counts: what counts for it, in the basis of the ladder
    """

    membership_id: UUID
    number: str
    current: str | None
    earned: str | None
    counts: Decimal


@dataclass(frozen=True, slots=True)
class Movers:
    """
    What a version would do to tiers on its first day.

    :param up: who goes up, and who changes because its tier is not there any more
    :param down: who goes down that day
    :param at_risk: who would no longer qualify, but keeps the tier for now: a period, a grace or a promise protects it
    :param members: by tier under the version, the ground under None
    """

    up: tuple[Standing, ...]
    down: tuple[Standing, ...]
    at_risk: tuple[Standing, ...]
    members: dict[str | None, int]

    def pairs(self) -> list[tuple[str | None, str | None, int]]:
        """Return how many go from one tier to another: from, to, members."""
        counted = Counter((each.current, each.earned) for each in (*self.up, *self.down))
        return sorted(((*pair, count) for pair, count in counted.items()), key=lambda row: (-row[2], str(row[:2])))


def movers(program: Program, ruleset: Ruleset, *, on: date) -> Movers:
    """Return who would move on the day on which a version, such as a draft, would come into force."""
    ladder = ruleset.ladder
    up: list[Standing] = []
    down: list[Standing] = []
    at_risk: list[Standing] = []
    members: Counter[str | None] = Counter()
    for standing in standings(program, ruleset, on=on):
        after = standing.earned
        has, earns = ladder.rank(standing.current), ladder.rank(standing.earned)
        is_gone = standing.current is not None and ladder.step(standing.current) is None
        if is_gone or earns > has:
            up.append(standing)
        elif earns < has and ladder.downgrade == "at_once":
            landed = _landed(standing, ladder)
            down.append(landed)
            after = landed.earned
        elif earns < has:
            at_risk.append(standing)
            after = standing.current
        members[after] += 1
    return Movers(tuple(up), tuple(down), tuple(at_risk), dict(members))


def standings(program: Program, ruleset: Ruleset, *, on: date) -> list[Standing]:
    """Return every member with the tier that it has and the one that it would have earned by a day."""
    parameters = {
        "program": program.pk,
        "version": ruleset.version_id,
        "on": on,
        "zone": program.zone,
        "wallet": ruleset.ladder.wallet,
        "main": MAIN,
        "first": window_start(ruleset.ladder, on, on),
    }
    return [Standing(*row) for row in bulk.fetch(who_would_stand_where(ruleset.ladder), parameters)]


def _landed(standing: Standing, ladder: Ladder) -> Standing:
    """Return where a member lands: one step lower only, where the program lets members down softly."""
    current = ladder.step(standing.current)
    landing = ladder.landing(current, ladder.step(standing.earned)) if current else None
    code = landing.code if landing else None
    return Standing(standing.membership_id, standing.number, standing.current, code, standing.counts)
