"""What the page of an uploaded file shows, and what somebody answers on it."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from customers.core.errors import DomainError
from customers.importing.formats import FORMATS
from customers.importing.jobs import said_of
from customers.importing.mapping import suggest, targets_of
from customers.importing.reading import Source, is_refusal, open_source
from customers.importing.shipped import recognised, shipped
from customers.importing.table import Said
from customers.models import ImportJob

SHOWN_PROBLEMS, SHOWN_ROWS, SHOWN_CELL = 50, 3, 40
OPEN = (ImportJob.Status.ASKED, ImportJob.Status.PREVIEWED)


def import_page(job: ImportJob) -> dict[str, Any]:
    """Return what the page of a file shows."""
    source = _source(job) if job.status in OPEN else None
    preset = job.said.get("preset") or (recognised(source.columns, job.kind) if source and _is_asked(job) else "")
    return {
        "job": job,
        "is_asked": _is_asked(job),
        "is_open": job.status in OPEN,
        "is_previewed": job.status == ImportJob.Status.PREVIEWED,
        "is_under_way": job.status in {ImportJob.Status.WAITING, ImportJob.Status.RUNNING},
        "may_be_cancelled": job.status in {*OPEN, ImportJob.Status.WAITING, ImportJob.Status.RUNNING},
        "is_done": job.status == ImportJob.Status.DONE,
        "percent": round(100 * job.rows_read / job.rows_total) if job.rows_total else 0,
        "reading": job.seen.get("reading", []),
        "notices": job.seen.get("notices", []),
        "ignored": job.seen.get("ignored", []),
        "problems": job.problems[:SHOWN_PROBLEMS],
        "more_problems": max(0, len(job.problems) - SHOWN_PROBLEMS),
        "columns": _columns(job, source, preset) if source else [],
        "targets": _targets(job.kind),
        "preset": preset,
        "said": job.said,
    }


def answers_of(given: Mapping[str, Any], job: ImportJob) -> tuple[Said, str]:
    """Return what somebody answered of a file, and of which system it is an export."""
    source = _source(job)
    preset = str(given.get("preset", ""))
    known = {column.name for column in FORMATS[job.kind].columns}
    columns = {}
    is_shown = source is not None and preset == given.get("shown", "")  # else what was chosen for columns is of another
    before = _targets_before(job, source, preset) if source else {}
    for place, name in enumerate(source.columns if source and is_shown else []):
        target = given.get(f"column-{place}")
        if name and target is not None and (target in known or not target) and target != before.get(name.lower(), ""):
            columns[name] = str(target)
    said = Said(
        columns=columns,
        dates=_one_of(given.get("dates"), ("dmy", "mdy", "ymd")),
        decimal=_one_of(given.get("decimal"), ("comma", "point")),
        takes_scientific=bool(given.get("takes_scientific")),
    )
    return said, preset


def _is_asked(job: ImportJob) -> bool:
    return job.status == ImportJob.Status.ASKED


def _one_of(given: Any, known: Sequence[str]) -> str:
    return given if given in known else ""


def _source(job: ImportJob) -> Source | None:
    try:
        return open_source(io.BytesIO(bytes(job.content)))
    except DomainError:
        return None


def _targets_before(job: ImportJob, source: Source, preset: str) -> dict[str, str]:
    """Return what the columns of a file are taken for, if nobody says anything of this file."""
    said = Said(remembered=said_of(job).remembered)
    if preset:
        with contextlib.suppress(DomainError):
            said = shipped(preset, job.kind).said(said)
    return targets_of(source, FORMATS[job.kind].columns, said={}, remembered=said.remembered)


def _columns(job: ImportJob, source: Source, preset: str) -> list[dict[str, Any]]:
    """Return each column of a file: its name, its first cells, and what it is taken for, or might be."""
    before = _targets_before(job, source, preset)
    now = before | {name.lower(): target for name, target in said_of(job).columns.items()}
    suggested = suggest(source.columns, FORMATS[job.kind].columns) if _is_asked(job) and not preset else {}
    rows = list(islice((row.cells for row in source.rows() if not row.problem), SHOWN_ROWS))
    taken = set(now.values())
    found = []
    for place, name in enumerate(source.columns):
        if not name or is_refusal(name):
            continue
        target = now.get(name.lower(), "")
        idea = "" if target else suggested.get(name, "")
        idea = "" if idea in taken else idea
        cells = [row[place].strip()[:SHOWN_CELL] for row in rows]
        found.append({
            "place": place, "name": name, "cells": " · ".join(cell for cell in cells if cell), "target": target or idea,
            "is_suggested": bool(idea),
        })  # fmt: skip
    return found


def _targets(kind: str) -> list[tuple[str, str]]:
    """Return what a column can be taken for, and the words for it."""
    form = FORMATS[kind]
    one_of = {name for names in form.one_of for name in names}
    found = [("", _("nobody reads it"))]
    for column in form.columns:
        words = _("{column} (required)") if column.is_required else _("{column} (one of these)")
        is_wanted = column.is_required or column.name in one_of
        found.append((column.name, words.format(column=column.name) if is_wanted else column.name))
    return found
