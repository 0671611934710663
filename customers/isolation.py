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


class _Failed(Exception):
    """That a retailer's turn failed, which is told already."""


def for_each_retailer(
    among: Callable[[], Collection[int]] | None = None, *, in_turns: bool = False
) -> Callable[[Callable[[Retailer], object]], Callable[[], None]]:
    """
    Turn work for one retailer into work for each, in the order of their ids, acting for it alone, and by its settings of then.

    What fails is logged with its retailer, and the work fails when it is over, so that it is seen.

    :param among: returns the ids of those that have any work, asked while acting for everyone; all retailers if None
    :param in_turns: that work which answers True is not through: it goes on when all retailers have had another turn
    :raises RetailersFailed: when it is over, naming those for which it failed
    """

    def decorate(run: Callable[[Retailer], object]) -> Callable[[], None]:
        @wraps(run)
        def run_for_each() -> None:
            failed: dict[int, str] = {}
            while _serve(run, among, failed) and in_turns:
                pass
            if failed:
                raise RetailersFailed(f"{run.__name__} failed for {', '.join(failed.values())}")

        run_for_each.isolates_retailers = True  # type: ignore[attr-defined] # what a test of all periodic tasks looks for
        return run_for_each

    return decorate


def _chosen(among: Callable[[], Collection[int]] | None) -> list[Retailer]:
    with acting_for(ALL_TENANTS):
        retailers = Retailer.objects.order_by("pk")
        return list(retailers if among is None else retailers.filter(pk__in=among()))


def _serve(
    run: Callable[[Retailer], object], among: Callable[[], Collection[int]] | None, failed: dict[int, str]
) -> bool:
    """Give each retailer a turn that has not failed before; return whether any is not through."""
    is_left = False
    for retailer in _chosen(among):
        if retailer.pk in failed:
            continue
        try:
            is_left = _turn(run, retailer) is True or is_left
        except _Failed:
            failed[retailer.pk] = retailer.slug
    return is_left


def _turn(run: Callable[[Retailer], object], retailer: Retailer) -> object:
    try:
        with bound_contextvars(retailer=retailer.slug), acting_for(retailer.pk):
            now = Retailer.objects.filter(pk=retailer.pk).first()  # others' turns may have taken hours
            return run(now) if now else None
    except Exception:  # whatever it is, it is this retailer's
        log.exception("retailer_failed", retailer=retailer.slug, work=run.__name__)
        connection.close_if_unusable_or_obsolete()  # or the next one would get a broken connection
        raise _Failed from None
