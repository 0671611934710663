"""
The weekly report: on Monday a worker mails last week's key figures to who reads them, once.

A reader is claimed before the mail goes out: who dies with it in hand leaves one report out rather than sending it twice.
What a mail server refuses is tried again by the next run.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from analytics.kpis.board import Board
from analytics.kpis.models import KpiReader
from analytics.kpis.page import Card, page
from analytics.kpis.periods import Grain, Period, start_of
from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.mails import sender_of
from customers.models import Retailer

log = structlog.get_logger(__name__)
CLAIM = """
UPDATE analytics_kpireader SET sent_for = %s WHERE retailer_id = %s AND (sent_for IS NULL OR sent_for < %s)
RETURNING id, email, language
"""


def retailers_to_tell() -> list[int]:
    """Return the ids of retailers with a reader who may not have this week's report yet."""
    # A zone is at most 14 hours ahead: who has it of the Monday that begins there has it everywhere.
    monday = start_of((timezone.now() + timedelta(hours=14)).date(), Grain.WEEK)
    wants = Q(sent_for=None) | Q(sent_for__lt=monday)
    return list(KpiReader.objects.filter(wants).values_list("retailer_id", flat=True).distinct())


def mail_week(retailer: Retailer, *, now: datetime) -> int:
    """Mail the figures of the last whole week to all who have not had them; return how many mails went out."""
    monday = start_of(local_date(now, retailer.tzinfo), Grain.WEEK)
    claimed = bulk.fetch(CLAIM, [monday, retailer.pk, monday])
    sent = [key for key, email, language in claimed if _mail(retailer, email, language, now)]
    failed = [key for key, _email, _language in claimed if key not in sent]
    KpiReader.objects.filter(pk__in=failed).update(sent_for=None)
    return len(sent)


def _mail(retailer: Retailer, email: str, language: str, now: datetime) -> bool:
    try:
        report(retailer, email, language, now=now).send()
    except Exception:  # whatever a mail server does, the next one is mailed
        log.exception("key_figures_not_mailed", retailer=retailer.slug)
        return False
    return True


def report(retailer: Retailer, email: str, language: str, *, now: datetime) -> EmailMultiAlternatives:
    """Return the mail with the figures of the last whole week that is known, in a language, as text and as HTML."""
    with translation.override(language):
        said = page(retailer, {"grain": Grain.WEEK.value}, now=now)
        week = _last_week(said["board"], local_date(now, retailer.tzinfo))
        cards = _told(said.get("cards", []))
        name = " ".join(retailer.name.split())  # in one line: it goes into the head
        context = {"retailer": name, "cards": cards, "as_of": said.get("as_of", ""), "language": language, "week": week}
        mail = EmailMultiAlternatives(
            _("%(retailer)s: key figures of the week of %(day)s") % {"retailer": name, "day": _day(week.start)},
            render_to_string("analytics/kpis_mail.txt", context),
            sender_of(name),
            [email],
            headers={"Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("analytics/kpis_mail.html", context), "text/html")
    return mail


def _last_week(board: Board | None, today: date) -> Period:
    """Return the week that the figures are of: the last whole one, or that with which data ended that ended long ago."""
    after = today if board is None else board.span.as_of + timedelta(days=1)
    return Period(start_of(after, Grain.WEEK), Grain.WEEK).before


def _told(cards: Iterable[Card]) -> list[Card]:
    return [each for each in cards if each.value and each.value != "-"]


def _day(day: date) -> str:
    return str(formats.date_format(day, "SHORT_DATE_FORMAT"))
