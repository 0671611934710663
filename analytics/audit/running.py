"""An audit is made, kept, and asked for its verdicts."""

from datetime import datetime

from django.db import transaction

from analytics.audit.checks import CHECKS, WEIGHTS
from analytics.audit.measures import Measures, measure
from analytics.audit.verdicts import Answer, Finding, Use, Verdict, judge
from analytics.models import AuditRequest, AuditRun
from analytics.recommendations.writing import serve
from customers.models import Retailer

MAX_KEPT = 400  # audits of a retailer: more than a year of nights


def audit(retailer: Retailer, *, now: datetime) -> AuditRun | None:
    """
    Look at a retailer's data, and keep what was found.

    Products are suggested from then on only where they carry that: who serves them stands below, and cannot ask.

    :returns: None where nothing was ever bought
    """
    data = measure(retailer, now)
    if data is None:
        return None
    findings = look(data)
    with transaction.atomic():
        run = AuditRun.objects.create(
            retailer=retailer,
            ran_at=now,
            first_day=data.first,
            last_day=data.last,
            orders=data.orders,
            customers=data.buyers.customers,
            findings=[finding.as_json() for finding in findings],
            hours=data.by_hour,
            months=[[month.isoformat(), orders, identified] for month, orders, identified in data.by_month],
        )
        _forget_old(retailer)
        serve(retailer, is_carried=not verdict_of(run, Use.RECOMMENDATIONS).is_blocked)
    return run


def ask(retailer: Retailer, *, now: datetime) -> None:
    """Let a worker look at a retailer's data as soon as it can; again it changes nothing."""
    AuditRequest.objects.get_or_create(retailer=retailer, defaults={"asked_at": now})


def retailers_who_asked() -> list[int]:
    """Return the ids of retailers whose data somebody wants looked at."""
    return list(AuditRequest.objects.values_list("retailer_id", flat=True))


def take_request(retailer: Retailer, *, now: datetime) -> None:
    """Look at a retailer's data because somebody asked; the request is gone whatever becomes of it, for the night repeats it."""
    AuditRequest.objects.filter(retailer=retailer).delete()
    audit(retailer, now=now)


def look(data: Measures) -> list[Finding]:
    """Return what all checks find, in their order."""
    return [check.find(data) for check in CHECKS]


def _forget_old(retailer: Retailer) -> None:
    old = AuditRun.objects.filter(retailer=retailer).order_by("-id").values("id")[MAX_KEPT:]
    AuditRun.objects.filter(id__in=old).delete()


def latest(retailer_id: int) -> AuditRun | None:
    """Return the newest audit of a retailer."""
    return AuditRun.objects.filter(retailer=retailer_id).order_by("-id").first()


def verdict(retailer: Retailer, use: Use) -> Verdict:
    """Return whether a retailer's data carry a use, as the newest audit found them: one statement."""
    return verdict_of(latest(retailer.pk), use)


def verdict_of(run: AuditRun | None, use: Use) -> Verdict:
    """Return the verdict of an audit; where there is none yet, nothing is blocked."""
    if run is None:
        return Verdict(use, Answer.READY)
    return judge(use, findings_of(run), WEIGHTS, run.last_day)


def findings_of(run: AuditRun) -> list[Finding]:
    """Return what an audit found, without what checks of another time found that there are no more."""
    found = [Finding.from_json(kept) for kept in run.findings]
    return [finding for finding in found if finding.check in WEIGHTS]
