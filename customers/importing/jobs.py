"""Imports that somebody uploaded: previewed at once, then run by a worker, with progress in the row."""

import io
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction

from customers.core.errors import DomainError
from customers.importing.formats import Problem
from customers.importing.running import Report, preview_import, run_import
from customers.models import ImportJob, Retailer

MAX_PROBLEMS, MAX_WORDS = 1_000, 1_000
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
            job.retailer,
            job.kind,
            io.BytesIO(bytes(job.content)),
            now=now,
            on_progress=lambda report: _save(job, report),
        )
    except DomainError as error:
        _fail(job, str(error))
        return True
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        _fail(job, f"{type(error).__name__}: {error}"[:MAX_WORDS])
        raise
    job.status = ImportJob.Status.DONE
    _save(job, report)
    return True


def _fail(job: ImportJob, why: str) -> None:
    job.status, job.failure = ImportJob.Status.FAILED, why
    job.save(update_fields=["status", "failure", "touched_at"])


def _claim(retailer: Retailer | None, now: datetime) -> ImportJob | None:
    with transaction.atomic():
        waiting = ImportJob.objects.select_for_update(skip_locked=True).filter(
            **({"retailer": retailer} if retailer else {})
        )
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
