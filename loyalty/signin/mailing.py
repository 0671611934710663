"""Codes on their way: a worker mails what is due, so that nobody who asks waits for a mail server, or learns from it."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from customers.core import bulk
from customers.core.mails import sender_of
from customers.models import Retailer
from loyalty.signin.codes import CODE_LIFE, code_of
from loyalty.signin.models import SignInCode

log = structlog.get_logger(__name__)

BATCH = 50
TRY_AGAIN = timedelta(seconds=30)
# Claimed for a while: who dies with it in hand leaves it to the next one, which at worst mails a code twice.
CLAIM = """
UPDATE signin_signincode SET mail_due_at = %s WHERE id = ANY(ARRAY(
    SELECT id FROM signin_signincode
    WHERE retailer_id = %s AND mail_due_at <= %s AND expires_at > %s AND used_at IS NULL
    ORDER BY mail_due_at LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING id
"""


def waiting(now: datetime) -> list[int]:
    """Return the ids of retailers for which something is to be mailed."""
    due = Q(mail_due_at__lte=now, expires_at__gt=now, used_at=None)
    return list(SignInCode.objects.filter(due).values_list("retailer_id", flat=True).distinct())


def mail_codes(retailer: Retailer, *, now: datetime) -> int:
    """Mail the codes of a retailer that are due; what fails is tried again while it is good. Return how many went out."""
    claimed = now + TRY_AGAIN
    keys = [key for (key,) in bulk.fetch(CLAIM, [claimed, retailer.pk, now, now, BATCH])]
    connection = get_connection()
    sent = [key for key in keys if _mail(key, retailer, connection)]
    SignInCode.objects.filter(pk__in=sent).update(mail_due_at=None)
    return len(sent)


def _mail(key: UUID, retailer: Retailer, connection: BaseEmailBackend) -> bool:
    row = SignInCode.objects.select_related("customer__merged_into").get(pk=key)
    assert row.customer is not None, "only what has one is due"
    customer = row.customer.merged_into or row.customer
    if not customer.email:
        return True
    try:
        message(
            key, retailer, customer.email, customer.language or row.language or retailer.language, connection
        ).send()
    except Exception:  # whatever a mail server does, the next one is mailed
        log.exception("signin_code_not_mailed", retailer=retailer.slug)
        return False
    return True


def message(
    key: UUID, retailer: Retailer, to: str, language: str, connection: BaseEmailBackend | None = None
) -> EmailMultiAlternatives:
    """Return the mail with a code, in a language, as text and as HTML."""
    with translation.override(language):
        minutes = int(CODE_LIFE.total_seconds() // 60)
        name = " ".join(retailer.name.split())  # in one line: it goes into the head
        said = {"code": code_of(key), "minutes": minutes, "retailer": name, "language": language}
        subject = _("%(code)s is your code for %(retailer)s") % said
        mail = EmailMultiAlternatives(
            subject,
            render_to_string("signin/code.txt", said),
            sender_of(name),
            [to],
            connection=connection,
            headers={"Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("signin/code.html", said), "text/html")
    return mail
