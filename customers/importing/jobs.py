"""Imports that somebody uploaded: previewed at once, then run by a worker, with progress in the row."""

import io
from datetime import datetime, timedelta

from django.db import transaction

from customers.core.errors import DomainError
from customers.importing.formats import Problem
from customers.importing.running import Report, preview_import, run_import
from customers.models import ImportJob, Retailer

MAX_PROBLEMS = 1_000
LEASE = timedelta(minutes=5)


def upload(retailer: Retailer, kind: str, filename: str, content: bytes, *, now: datetime) -> ImportJob:
    """
    Keep a file with what its import would do.

    :raises UnreadableFile: when it is no CSV file
    :raises MissingColumns: when no row can be taken
    """
    report = preview_import(retailer, kind, io.BytesIO(content), now=now)
    job = ImportJob(retailer=retailer, kind=kind, filename=filename, content=content)
    _note(job, report)
    job.save()
    return job


def confirm(job: ImportJob) -> None:
    """Put a previewed file into the queue; a second confirmation changes nothing."""
    ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.PREVIEWED).update(status=ImportJob.Status.WAITING)


def run_next(*, now: datetime) -> bool:
    """Run one file that waits, or one whose worker died; tell whether there was any."""
    job = _claim(now)
    if job is None:
        return False
    try:
        report = run_import(
            job.retailer,
            job.kind,
            io.BytesIO(bytes(job.content)),
            now=now,
            on_progress=lambda report: _save(job, report),
        )
    except DomainError as error:
        job.status, job.failure = ImportJob.Status.FAILED, str(error)
        job.save(update_fields=["status", "failure", "touched_at"])
        return True
    job.status = ImportJob.Status.DONE
    _save(job, report)
    return True


def _claim(now: datetime) -> ImportJob | None:
    with transaction.atomic():
        waiting = ImportJob.objects.select_for_update(skip_locked=True).select_related(None)
        abandoned = waiting.filter(status=ImportJob.Status.RUNNING, touched_at__lt=now - LEASE)
        job = waiting.filter(status=ImportJob.Status.WAITING).order_by("pk").first() or abandoned.first()
        if job is not None:
            job.status = ImportJob.Status.RUNNING
            job.save(update_fields=["status", "touched_at"])
    return job


def _save(job: ImportJob, report: Report) -> None:
    _note(job, report)
    job.save(update_fields=["status", "rows_read", "created", "unchanged", "bad", "problems", "touched_at"])


def _note(job: ImportJob, report: Report) -> None:
    job.rows_read, job.created, job.unchanged = report.rows, report.created, report.unchanged
    job.bad = len(report.problems)
    job.problems = [_as_json(problem) for problem in report.problems[:MAX_PROBLEMS]]


def _as_json(problem: Problem) -> dict[str, object]:
    return {"line": problem.line, "column": problem.column, "reason": problem.reason}
