"""What a worker is asked for: who asks again for what waits already is answered with that."""

from typing import Any, TypeVar

from django.db import models, transaction

from customers.core import bulk
from customers.models import Retailer

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('analytics.asking'), %s)"
Run = TypeVar("Run", bound=models.Model)


@transaction.atomic
def ask_once(run: Run, retailer: Retailer, **question: Any) -> Run:
    """
    Keep a new run of a retailer for a worker, or return the one that waits with the same question.

    Two clicks leave one, at once too.

    :param question: what such a run has: all that decides what is asked
    """
    bulk.fetch(ONE_AT_A_TIME, [retailer.pk])
    rows = type(run)._default_manager
    waits = rows.filter(retailer=retailer, status="asked", **question).order_by("pk").first()
    if waits is None:
        run.save(force_insert=True)
    return waits or run
