"""Versions as decisions see them. A published version never changes, so each is read once per process."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.activity.arms import load_arms
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.published import forget_published
from loyalty.engine.arms import NO_ARMS, Trial
from loyalty.engine.versions import Version, Versions
from loyalty.memberships.models import Membership
from loyalty.programs.models import ProgramVersion

PUBLISHED = """
SELECT effective_from, id FROM programs_programversion WHERE program_id = %s AND status = 'published'
ORDER BY effective_from
"""
PROGRAM = """
SELECT p.slug, (
    SELECT json_agg(json_build_array(e.code, e.starts_at, least(e.ends_at, e.ended_at),
        CASE e.form WHEN 'no_benefits' THEN v.code ELSE '' END, CASE e.form WHEN 'not_invited' THEN v.code ELSE '' END,
        CASE e.form WHEN 'near_miss' THEN (
            SELECT u.code FROM experiments_variant u WHERE u.experiment_id = e.id AND NOT u.is_control) END, e.tier_key)
        ORDER BY e.starts_at, e.code)::text
    FROM experiments_experiment e JOIN experiments_variant v ON v.experiment_id = e.id AND v.is_control
    WHERE e.retailer_id = p.retailer_id AND (e.program_id IS NULL OR e.program_id = p.id)
        AND e.state IN ('running', 'ended')
) FROM programs_program p WHERE p.id = %s
"""


def versions_of(program_ids: Iterable[int]) -> dict[int, Versions]:
    """Return programs' versions as they are published now."""
    revisions = bulk.fetch("SELECT id, versions_revision FROM programs_program WHERE id = ANY(%s)", [list(program_ids)])
    return {program_id: remembered_versions(program_id, revision) for program_id, revision in revisions}


def versions_of_program(program_id: int) -> Versions:
    """Return a program's versions as they are published now."""
    return versions_of([program_id])[program_id]


def versions_as_read(membership: Membership) -> Versions:
    """Return a program's versions as they were published when it was read with a membership: a moment ago, for an answer."""
    return remembered_versions(membership.program_id, membership.program.versions_revision)


def versions_of_member(membership: Membership) -> Versions:
    """Return a program's versions as they are published now, and as they hold for a member."""
    return for_member(versions_of_program(membership.program_id), membership)


def for_member(versions: Versions, membership: Membership) -> Versions:
    """Return a program's versions as they hold for a member."""
    return versions.of_arms(load_arms(versions, [membership.customer_id]).get(membership.customer_id, NO_ARMS))


# The revision under which this process last saw each program: a guess that whoever reads members sees confirmed.
_last: dict[int, UUID] = {}


def last_revisions(program_ids: Iterable[int]) -> dict[int, UUID]:
    """Return programs' revisions as this process saw them last: whoever decides by them must see that they still hold."""
    asked = list(program_ids)
    if new := [program_id for program_id in asked if program_id not in _last]:
        _last.update(bulk.fetch("SELECT id, versions_revision FROM programs_program WHERE id = ANY(%s)", [new]))
    return {program_id: _last[program_id] for program_id in asked}


def note_revisions(revisions: Mapping[int, UUID]) -> None:
    """Remember programs' revisions as they are now."""
    _last.update(revisions)


@lru_cache(maxsize=512)
def remembered_versions(program_id: int, _revision: UUID) -> Versions:
    """Return a program's versions from this process's memory: their revision changes with each publication."""
    found = bulk.fetch(PUBLISHED, [program_id])
    ((slug, said),) = bulk.fetch(PROGRAM, [program_id])
    versions = tuple(published_version(version_id) for _, version_id in found)
    starts, uses = tuple(start for start, _ in found), used_by(versions)
    whole = Versions(program_id, slug, starts, versions, uses, counts_held=_count_held(versions))
    return whole.among([_trial(*row) for row in json.loads(said or "[]")])


def _count_held(versions: Iterable[Version]) -> bool:
    """Tell whether it counts under any of some versions what a member's holds keep."""
    return any(each.counts_held(version.parts[each.name]) for each in CAPABILITIES for version in versions)


def used_by(versions: Iterable[Version]) -> frozenset[str]:
    """Return the names of the capabilities that any of some versions uses."""
    return frozenset(
        capability.name
        for capability in CAPABILITIES
        for version in versions
        if capability.is_used(version.parts[capability.name])
    )


def _trial(  # noqa: PLR0913 - as PROGRAM says them
    code: str, starts_at: str, ends_at: str | None, withheld: str, uninvited: str, raised: str | None, tier: str | None
) -> Trial:
    end = datetime.fromisoformat(ends_at) if ends_at else None
    key = UUID(tier) if raised and tier else None
    return Trial(code, datetime.fromisoformat(starts_at), end, withheld, uninvited, raised or "", key)


@lru_cache(maxsize=512)
def published_version(version_id: int) -> Version:
    """Return a published version from this process's memory."""
    return read_version(version_id)


def read_version(version_id: int) -> Version:
    """Return a version, a draft too, as its rows are now."""
    row = ProgramVersion.objects.select_related("program").get(pk=version_id)
    parts: dict[str, Any] = {}
    for capability in CAPABILITIES:
        parts[capability.name] = capability.rules_beside(version_id, parts)
    return Version.of_parts(row.pk, row.number, row.program.tzinfo, parts)


def forget_versions() -> None:
    """Forget what this process remembers: tests do, whose databases come and go."""
    _last.clear()
    remembered_versions.cache_clear()
    published_version.cache_clear()
    forget_published()
