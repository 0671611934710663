"""
The demo's simulated retailers, loaded beside the real one by a process of their own: retailers know nothing of each other.

The process is started anew instead of forked, so that it shares no connection with the one that waits for it. It ends with that
one, however that ends.
"""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import active_children, get_context

from django.core.management.base import CommandError

from analytics.demonstration import simulated, simulated_leaflet, simulated_stores, spawned
from customers.core import bulk
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer


@dataclass(frozen=True)
class Beside:
    """What was loaded: the retailer whose program has a known effect, the one that sent a leaflet, the one with stores."""

    simulated: simulated.Loaded
    leaflet: Retailer
    stores: Retailer


def hurry() -> None:
    """Let this session not wait until the disk has each commit: what a crash takes of a demo is loaded again."""
    bulk.execute("SET synchronous_commit TO off")


@contextmanager
def loading(size: str, *, now: datetime) -> Iterator[Future[Beside]]:
    """
    Load the simulated retailers while the body runs, which asks for the result where it needs it.

    :raises CommandError: when the other process was killed
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=spawned.begin) as process:
        with spawned.deaf_to_ctrl_c():
            loaded = process.submit(_load, size, now)
        try:
            yield loaded
        except BrokenExecutor as error:
            raise CommandError(
                "The process that loads the simulated retailers was killed. Run the demo again."
            ) from error
        except BaseException:
            for child in active_children():
                child.terminate()
            raise


def _load(size: str, now: datetime) -> Beside:
    """:raises CommandError: for what the verbs refuse: their own errors do not cross to another process"""
    try:
        with acting_for(ALL_TENANTS):
            hurry()
            return Beside(
                simulated.load(size, now=now), simulated_leaflet.load(now=now), simulated_stores.load(now=now)
            )
    except DomainError as error:
        raise CommandError(str(error)) from error
