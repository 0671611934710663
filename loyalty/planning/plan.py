"""What publishing a version would change: its differences, who moves, what it costs, what is wrong with it. Reads only."""

import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.activity.versions import read_version, versions_of_program
from loyalty.configuration.checking import check
from loyalty.configuration.document import Change, differences, to_document
from loyalty.configuration.drafts import hold
from loyalty.configuration.findings import Finding
from loyalty.planning.costs import Estimate, check_costs, estimate
from loyalty.planning.movers import Movers, movers
from loyalty.programs.models import ProgramVersion

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What a version would change on its first day.

    :param basis: the version that is in force until then; None for a program's first
    """

    version: ProgramVersion
    basis: ProgramVersion | None
    effective_from: datetime
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    movers: Movers
    estimate: Estimate

    @property
    def is_publishable(self) -> bool:
        return not any(finding.is_error for finding in self.findings)


@transaction.atomic
def plan(version: ProgramVersion, *, effective_from: datetime, now: datetime) -> Plan:
    """
    Return what a version would change if it came into force at an instant, as far as is known today.

    :raises NoSuchVersion: when it was deleted
    """
    hold(version)
    program = version.program
    in_force = versions_of_program(program.pk).at(effective_from)
    basis = ProgramVersion.objects.select_related("program").get(pk=in_force.version_id) if in_force else None
    rules = read_version(version.pk)
    on = local_date(max(effective_from, now), program.tzinfo)
    moving = movers(program, rules, on=on)
    moved = {each.membership_id: each.earned_key for each in (*moving.up, *moving.down)}
    return Plan(
        version=version,
        basis=basis,
        effective_from=effective_from,
        findings=(*check(version), *check_costs(version, today=local_date(now, program.tzinfo))),
        changes=tuple(differences(to_document(basis) if basis else {}, to_document(version))),
        movers=moving,
        estimate=estimate(program, in_force, rules, until=now, moved=moved),
    )


def fingerprint(found: Plan) -> str:
    """
    Return what tells one plan of a version from another: from when, beside what, which changes, what is wrong, who moves.

    A shop sells while somebody reads, so figures that each order moves do not count; a move of twice as many members does.
    """
    told = (
        str(found.version.revision), found.effective_from.isoformat(), found.basis.pk if found.basis else None,
        [change.said() for change in found.changes], sorted((each.code, each.place) for each in found.findings),
        sorted((str(first), str(last), count.bit_length()) for first, last, count in found.movers.pairs()),
    )  # fmt: skip
    return salted_hmac("loyalty.planning.plan", json.dumps(told, default=str), algorithm="sha256").hexdigest()


def said(found: Plan, *, names: dict[Any, str] | None = None) -> dict[str, Any]:
    """
    Return a plan as plain values.

    :param names: of members, for those who may see them
    """
    known = names or {}

    def rows(standings: Any) -> list[dict[str, Any]]:
        return [
            {"member_number": each.number, "name": known.get(each.membership_id, ""), "from": each.current,
             "to": each.earned, "counts": str(each.counts)}
            for each in standings[:SHOWN]
        ]  # fmt: skip

    return {
        "basis": found.basis.number if found.basis else None,
        "effective_from": found.effective_from.isoformat(),
        "publishable": found.is_publishable,
        "findings": [said_finding(each) for each in found.findings],
        "changes": [change.said() for change in found.changes],
        "members": [{"tier": tier, "members": count} for tier, count in found.movers.members.items()],
        "moves": [{"from": first, "to": last, "members": count} for first, last, count in found.movers.pairs()],
        "up": {"members": len(found.movers.up), "first": rows(found.movers.up)},
        "down": {"members": len(found.movers.down), "first": rows(found.movers.down)},
        "at_risk": {"members": len(found.movers.at_risk), "first": rows(found.movers.at_risk)},
        "estimate": {name: _plain(getattr(found.estimate, name)) for name in found.estimate.__slots__},
    }


def said_finding(finding: Finding) -> dict[str, str]:
    """Return a finding as plain values."""
    severity = "error" if finding.is_error else "warning"
    return {"severity": severity, "code": finding.code, "place": finding.place, "message": finding.message}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)
