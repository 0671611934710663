"""
The demo's simulated retailers, loaded beside the real one by a process of their own: retailers know nothing of each other.

The process is started anew instead of forked, so that it shares no connection with the one that waits for it.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context

import django
from django.core.management.base import CommandError

from analytics.demonstration import simulated, simulated_leaflet
from customers.core import bulk
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer


@dataclass(frozen=True)
class Beside:
    """What was loaded: the retailer whose program has a known effect, and the one that sent a leaflet."""

    simulated: simulated.Loaded
    leaflet: Retailer


def hurry() -> None:
    """Let this session not wait until the disk has each commit: what a crash takes of a demo is loaded again."""
    bulk.execute("SET synchronous_commit TO off")


@contextmanager
def loading(size: str, *, now: datetime) -> Iterator[Future[Beside]]:
    """Load the simulated retailers while the body runs, which asks for the result where it needs it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=django.setup) as process:
        yield process.submit(_load, size, now)


def _load(size: str, now: datetime) -> Beside:
    """:raises CommandError: for what the verbs refuse: their own errors do not cross to another process"""
    try:
        with acting_for(ALL_TENANTS):
            hurry()
            return Beside(simulated.load(size, now=now), simulated_leaflet.load(now=now))
    except DomainError as error:
        raise CommandError(str(error)) from error
