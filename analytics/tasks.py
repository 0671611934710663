import structlog
from celery import shared_task
from django.utils import timezone

from analytics import runs, statistics
from analytics.audit.running import audit, retailers_who_asked, take_request
from analytics.experiments.looking import looked_at_tonight, retailers_with_experiments
from analytics.experiments.offer_margins import write_offer_margins
from analytics.kpis import mailing, points_days
from analytics.recommendations import running as recommending
from analytics.roll_outs import running as roll_outs
from analytics.runs import compute_or_ask
from analytics.uplift_runs import running as uplift
from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.points.tasks import MAX_TOLD

log = structlog.get_logger()


@shared_task(name="analytics.tasks.refresh_statistics")
@for_each_retailer(among=statistics.retailers_with_changes)
def refresh_statistics(retailer: Retailer) -> None:
    """Count again what was recorded since the last time."""
    statistics.refresh(retailer)


@shared_task(name="analytics.tasks.value_everyone")
@for_each_retailer()
def value_everyone(retailer: Retailer) -> None:
    """Compute every customer's value anew."""
    compute_or_ask(retailer, now=timezone.now())


@shared_task(name="analytics.tasks.run_asked")
@for_each_retailer(among=runs.retailers_with_asked)
def run_asked(retailer: Retailer) -> None:
    """Compute the values that were asked for."""
    while runs.run_next(retailer, now=timezone.now()):
        pass


@shared_task(name="analytics.tasks.sum_points")
@for_each_retailer(among=points_days.retailers_with_points)
def sum_points(retailer: Retailer) -> None:
    """Sum what happened to points by day, as far as it is settled."""
    points_days.sum_points(retailer, now=timezone.now())


@shared_task(name="analytics.tasks.prove_points")
@for_each_retailer(among=points_days.retailers_with_points)
def prove_points(retailer: Retailer) -> None:
    """Prove the sums of points by day, and say loudly which days the ledger does not confirm: they are summed anew."""
    found = points_days.prove_sums(retailer)
    for difference in found[:MAX_TOLD]:
        log.error("points_by_day_broken", difference=str(difference))
    log.info("points_by_day_proven", differences=len(found))


@shared_task(name="analytics.tasks.audit_everyone")
@for_each_retailer()
def audit_everyone(retailer: Retailer) -> None:
    """Look at every retailer's data."""
    audit(retailer, now=timezone.now())


@shared_task(name="analytics.tasks.audit_asked")
@for_each_retailer(among=retailers_who_asked)
def audit_asked(retailer: Retailer) -> None:
    """Look at the data of retailers for whom somebody asked."""
    take_request(retailer, now=timezone.now())


@shared_task(name="analytics.tasks.uplift_nightly")
@for_each_retailer(among=uplift.retailers_who_want_nights)
def uplift_nightly(retailer: Retailer) -> None:
    """Measure the uplift of a retailer's programs, where it wants that every night."""
    uplift.measure_nightly(retailer, now=timezone.now())


@shared_task(name="analytics.tasks.uplift_asked")
@for_each_retailer(among=uplift.retailers_with_asked)
def uplift_asked(retailer: Retailer) -> None:
    """Measure the uplift where somebody asked for it."""
    while uplift.run_next(retailer):
        pass


@shared_task(name="analytics.tasks.roll_outs_asked")
@for_each_retailer(among=roll_outs.retailers_with_asked)
def roll_outs_asked(retailer: Retailer) -> None:
    """Judge the roll-outs in stores that somebody asked for."""
    while roll_outs.run_next(retailer):
        pass


@shared_task(name="analytics.tasks.look_at_experiments")
@for_each_retailer(among=retailers_with_experiments)
def look_at_experiments(retailer: Retailer) -> None:
    """Look at every experiment that runs or has just ended, and note what offers bring by that."""
    looked_at_tonight(retailer, now=timezone.now())
    write_offer_margins(retailer)


@shared_task(name="analytics.tasks.recommend_nightly")
@for_each_retailer(among=recommending.retailers_who_want_nights)
def recommend_nightly(retailer: Retailer) -> None:
    """Recommend products anew, where a retailer wants that every night."""
    recommending.recommend(retailer, now=timezone.now())


@shared_task(name="analytics.tasks.recommend_asked")
@for_each_retailer(among=recommending.retailers_with_asked)
def recommend_asked(retailer: Retailer) -> None:
    """Recommend products where somebody asked for it."""
    while recommending.run_next(retailer, now=timezone.now()):
        pass


@shared_task(name="analytics.tasks.mail_key_figures")
@for_each_retailer(among=mailing.retailers_to_tell)
def mail_key_figures(retailer: Retailer) -> None:
    """Mail the key figures of the last week to who reads them."""
    mailing.mail_week(retailer, now=timezone.now())
