"""Mails to staff on their way: a worker sends what leads to a new password, so nobody who asks learns who has an address."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from customers.core import bulk
from loyalty.access.models import PasswordReset

log = structlog.get_logger()

BATCH = 50
TRY_AGAIN = timedelta(minutes=1)
GIVE_UP = timedelta(hours=1)  # then what the mail leads to would be over
# Claimed for a while: who dies with it in hand leaves it to the next one, which at worst mails twice.
CLAIM = """
UPDATE access_passwordreset SET mail_due_at = %s WHERE id = ANY(ARRAY(
    SELECT id FROM access_passwordreset WHERE mail_due_at <= %s AND asked_at > %s
    ORDER BY mail_due_at LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING id
"""


def mail_resets(*, now: datetime) -> int:
    """Mail what is due; what fails is tried again for an hour. Return how many requests are over."""
    claimed = [pk for (pk,) in bulk.fetch(CLAIM, [now + TRY_AGAIN, now, now - GIVE_UP, BATCH])]
    over = [row.pk for row in PasswordReset.objects.filter(pk__in=claimed) if _mailed(row)]
    PasswordReset.objects.filter(pk__in=over).update(mail_due_at=None)
    return len(over)


def _mailed(row: PasswordReset) -> bool:
    users = get_user_model()._default_manager.filter(email__iexact=row.email, is_active=True, is_staff=True)
    try:
        for user in users:
            _mail(row, user)
    except Exception:  # whatever a mail server does, the next one is mailed
        log.exception("password_reset_not_mailed", request=row.pk)
        return False
    return True


def _mail(row: PasswordReset, user: Any) -> None:
    link = reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)},
    )
    with translation.override(row.language or settings.LANGUAGE_CODE):
        said = {"link": f"{row.site}{link}", "username": user.get_username()}
        text = render_to_string("staff_signin/reset.txt", said)
        send_mail(_("Choose a new password"), text, settings.DEFAULT_FROM_EMAIL, [user.email])
