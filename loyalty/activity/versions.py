"""Versions as decisions see them. A published version never changes, so each is read once per process."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from uuid import UUID

from customers.core import bulk
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.engine.versions import Version, Versions
from loyalty.programs.models import ProgramVersion

PUBLISHED = """
SELECT effective_from, id FROM programs_programversion WHERE program_id = %s AND status = 'published'
ORDER BY effective_from
"""


def versions_of(program_ids: Iterable[int]) -> dict[int, Versions]:
    """Return programs' versions as they are published now."""
    revisions = bulk.fetch("SELECT id, versions_revision FROM programs_program WHERE id = ANY(%s)", [list(program_ids)])
    return {program_id: remembered_versions(program_id, revision) for program_id, revision in revisions}


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
    ((slug,),) = bulk.fetch("SELECT slug FROM programs_program WHERE id = %s", [program_id])
    versions = tuple(published_version(version_id) for _, version_id in found)
    return Versions(program_id, slug, tuple(start for start, _ in found), versions, used_by(versions))


def used_by(versions: Iterable[Version]) -> frozenset[str]:
    """Return the names of the capabilities that any of some versions uses."""
    return frozenset(
        capability.name
        for capability in CAPABILITIES
        for version in versions
        if capability.is_used(version.parts[capability.name])
    )


@lru_cache(maxsize=512)
def published_version(version_id: int) -> Version:
    """Return a published version from this process's memory."""
    return read_version(version_id)


def read_version(version_id: int) -> Version:
    """Return a version, a draft too, as its rows are now."""
    row = ProgramVersion.objects.select_related("program").get(pk=version_id)
    parts = {capability.name: capability.rules(version_id) for capability in CAPABILITIES}
    return Version(row.pk, row.number, row.program.tzinfo, parts)


def forget_versions() -> None:
    """Forget what this process remembers: tests do, whose databases come and go."""
    _last.clear()
    remembered_versions.cache_clear()
    published_version.cache_clear()
