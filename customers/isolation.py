"""Work for all retailers, in which one that fails stops nobody else's: what every periodic task goes through."""

from collections.abc import Callable, Collection
from functools import wraps

import structlog
from django.db import connection
from structlog.contextvars import bound_contextvars

from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer

log = structlog.get_logger()


class RetailersFailed(Exception):
    """That work was done for all retailers but some: each one's error is in the log, as `retailer_failed`."""


def for_each_retailer(
    among: Callable[[], Collection[int]] | None = None,
) -> Callable[[Callable[[Retailer], object]], Callable[[], None]]:
    """
    Turn work for one retailer into work for each, in the order of their ids, acting for it alone.

    What fails is logged with its retailer, and the work fails when it is over, so that it is seen.

    :param among: returns the ids of those that have any work, asked while acting for everyone; all retailers if None
    :raises RetailersFailed: when it is over, naming those for which it failed
    """

    def decorate(run: Callable[[Retailer], object]) -> Callable[[], None]:
        @wraps(run)
        def run_for_each() -> None:
            failed = [retailer.slug for retailer in _chosen(among) if not _succeeds(run, retailer)]
            if failed:
                raise RetailersFailed(f"{run.__name__} failed for {', '.join(failed)}")

        run_for_each.isolates_retailers = True  # type: ignore[attr-defined] # what a test of all periodic tasks looks for
        return run_for_each

    return decorate


def _chosen(among: Callable[[], Collection[int]] | None) -> list[Retailer]:
    with acting_for(ALL_TENANTS):
        retailers = Retailer.objects.order_by("pk")
        return list(retailers if among is None else retailers.filter(pk__in=among()))


def _succeeds(run: Callable[[Retailer], object], retailer: Retailer) -> bool:
    try:
        with bound_contextvars(retailer=retailer.slug), acting_for(retailer.pk):
            run(retailer)
    except Exception:  # whatever it is, it is this retailer's
        log.exception("retailer_failed", retailer=retailer.slug, work=run.__name__)
        connection.close_if_unusable_or_obsolete()  # or the next one would get a broken connection
        return False
    return True
