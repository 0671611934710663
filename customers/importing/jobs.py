"""Imports that somebody uploaded: previewed at once, then run by a worker, with progress in the row."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from customers.core.errors import DomainError
from customers.importing.mapping import MissingColumns
from customers.importing.problems import Problem
from customers.importing.reading import open_source
from customers.importing.report import Report
from customers.importing.resending import heeded
from customers.importing.running import preview_import, run_import
from customers.importing.survey import MixedDates, MixedNumbers, UndecidedDates, UndecidedNumbers
from customers.importing.table import Said
from customers.importing.writing import write_refused
from customers.models import ImportJob, ImportMapping, Retailer

MAX_PROBLEMS, MAX_WORDS = 1_000, 1_000
LEASE = timedelta(minutes=5)
# What somebody can answer, so that the same file can be taken after all.
QUESTIONS = (MissingColumns, UndecidedDates, MixedDates, UndecidedNumbers, MixedNumbers)
TOLD = ("rows_total", "rows_read", "created", "unchanged", "bad", "problems")
ENDED = (ImportJob.Status.DONE, ImportJob.Status.FAILED, ImportJob.Status.CANCELLED)


class Cancelled(Exception):
    """Somebody cancelled the import while it ran."""


def remembered(retailer: Retailer, kind: str) -> dict[str, str]:
    """Return what the columns of a retailer's files of a kind are, as somebody said before; empty where nobody did."""
    found = ImportMapping.objects.filter(retailer=retailer, kind=kind).first()
    return dict(found.columns) if found else {}


def remember(retailer: Retailer, kind: str, columns: Mapping[str, str]) -> None:
    """Keep what somebody said of columns, beside what was said of others."""
    if columns:
        together = remembered(retailer, kind) | dict(columns)
        ImportMapping.objects.update_or_create(retailer=retailer, kind=kind, defaults={"columns": together})


def upload(  # noqa: PLR0913 - whose file, what it holds, what was said of it
    retailer: Retailer,
    kind: str,
    filename: str,
    content: bytes,
    *,
    now: datetime,
    said: Said | None = None,
    preset: str = "",
) -> ImportJob:
    """
    Keep a file with what its import would do, or with the question that somebody has to answer first.

    :raises DomainError: when it is no CSV file that anybody could take
    """
    said = replace(said or Said(), remembered=remembered(retailer, kind))
    said, preset = heeded(open_source(io.BytesIO(content)), kind, said, preset)
    job = ImportJob(retailer=retailer, kind=kind, filename=filename[:255], content=content)
    job.said = _as_json(said, preset)
    _preview(job, now)
    job.save()
    return job


def answer(job: ImportJob, said: Said, *, preset: str = "", now: datetime) -> None:
    """
    Read a file that has not run anew with other answers, and remember what was said of its columns for the next one.

    :raises DomainError: when nobody could take it so
    """
    if job.status not in {ImportJob.Status.ASKED, ImportJob.Status.PREVIEWED}:
        return
    said = replace(said, remembered=remembered(job.retailer, job.kind))
    job.said = _as_json(said, preset)
    _preview(job, now)
    job.save()
    if job.status == ImportJob.Status.PREVIEWED:
        remember(job.retailer, job.kind, said.columns)


def said_of(job: ImportJob) -> Said:
    """Return what was said of a file."""
    return Said(**{name: value for name, value in job.said.items() if name != "preset"})


def _as_json(said: Said, preset: str) -> dict[str, Any]:
    return {
        "columns": dict(said.columns), "remembered": dict(said.remembered), "dates": said.dates, "decimal": said.decimal,
        "takes_scientific": said.takes_scientific, "preset": preset,
    }  # fmt: skip


def _preview(job: ImportJob, now: datetime) -> None:
    try:
        report = preview_import(
            job.retailer, job.kind, _file(job), now=now, said=said_of(job), preset=job.said.get("preset", "")
        )
    except QUESTIONS as question:
        job.status, job.failure, job.seen = ImportJob.Status.ASKED, str(question), {}
        return
    job.status, job.failure = ImportJob.Status.PREVIEWED, ""
    _note(job, report)
    _keep_refused(job, report)


def confirm(job: ImportJob) -> None:
    """Put a previewed file into the queue; a second confirmation changes nothing."""
    ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.PREVIEWED).update(status=ImportJob.Status.WAITING)


def cancel(job: ImportJob) -> None:
    """End an import that has not ended; one that runs stops behind its batch, and what was taken stays."""
    ImportJob.objects.filter(pk=job.pk).exclude(status__in=ENDED).update(status=ImportJob.Status.CANCELLED)


def retailers_with_jobs() -> list[int]:
    """Return the ids of the retailers that have a file to run."""
    open_jobs = ImportJob.objects.filter(status__in=[ImportJob.Status.WAITING, ImportJob.Status.RUNNING])
    return list(open_jobs.values_list("retailer_id", flat=True).distinct())


def run_next(retailer: Retailer | None = None, *, now: datetime) -> bool:
    """
    Run one file that waits, of a retailer or of anybody, or one whose worker died; tell whether there was any.

    What fails for no reason that a file can give is not tried again, unless it was the database that did not serve.
    """
    job = _claim(retailer, now)
    if job is None:
        return False
    try:
        report = run_import(
            job.retailer, job.kind, _file(job), now=now, said=said_of(job), preset=job.said.get("preset", ""),
            on_progress=lambda report: _save_progress(job, report),
        )  # fmt: skip
    except Cancelled:
        return True
    except DomainError as error:
        _fail(job, str(error))
        return True
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        _fail(job, f"{type(error).__name__}: {error}"[:MAX_WORDS])
        raise
    _keep_refused(job, report)
    job.status = ImportJob.Status.DONE
    _note(job, report)
    job.save(update_fields=["status", *TOLD, "seen", "refused_rows", "touched_at"])
    return True


def _file(job: ImportJob) -> io.BytesIO:
    return io.BytesIO(bytes(job.content))


def _fail(job: ImportJob, why: str) -> None:
    job.status, job.failure = ImportJob.Status.FAILED, why
    job.save(update_fields=["status", "failure", "touched_at"])


def _claim(retailer: Retailer | None, now: datetime) -> ImportJob | None:
    with transaction.atomic():
        waiting = ImportJob.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            **({"retailer": retailer} if retailer else {})
        )
        abandoned = waiting.filter(status=ImportJob.Status.RUNNING, touched_at__lt=now - LEASE)
        job = waiting.filter(status=ImportJob.Status.WAITING).order_by("pk").first() or abandoned.first()
        if job is not None:
            job.status = ImportJob.Status.RUNNING
            job.save(update_fields=["status", "touched_at"])
    return job


def _save_progress(job: ImportJob, report: Report) -> None:
    """Tell how far it is, unless somebody has cancelled it: then that it ends here."""
    _note(job, report)
    told = {name: getattr(job, name) for name in TOLD}
    rows = ImportJob.objects.filter(pk=job.pk)
    if not rows.filter(status=ImportJob.Status.RUNNING).update(**told, touched_at=timezone.now()):
        rows.update(**told)
        raise Cancelled


def _note(job: ImportJob, report: Report) -> None:
    job.rows_total, job.rows_read = report.total, report.rows
    job.created, job.unchanged, job.bad = report.created, report.unchanged, len(report.refused)
    job.problems = [_problem(problem) for problem in report.problems[:MAX_PROBLEMS]]
    job.seen = report.as_json()


def _problem(problem: Problem) -> dict[str, object]:
    return {"line": problem.line, "column": problem.column, "reason": problem.reason}


def _keep_refused(job: ImportJob, report: Report) -> None:
    if not report.refused:
        job.refused_rows = None
        return
    text = io.StringIO()
    write_refused(text, open_source(_file(job)), report)
    job.refused_rows = text.getvalue().encode()
