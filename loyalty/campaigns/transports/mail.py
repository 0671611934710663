"""Mails by the backend that Django's settings name: SMTP, or a provider's by django-anymail."""

import smtplib
from collections.abc import Iterator, Sequence

import structlog
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from customers.core.mails import address_of_site, sender_of
from loyalty.campaigns.transports.port import Accepted, Answer, IsOver, NoAnswer, NotNow, Outgoing, Refused, Route

log = structlog.get_logger(__name__)

PERMANENT = range(500, 600)
NO_SUCH_ADDRESS = (550, 551, 553)


class MailTransport:
    def send(self, route: Route, batch: Sequence[Outgoing], is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        """Send mails over one connection."""
        connection = get_connection()
        try:
            connection.open()
        except (OSError, smtplib.SMTPException) as error:
            log.warning("mail_server_unreachable", retailer=route.retailer, error=str(error))
            yield from ((message, NotNow("unreachable")) for message in batch)
            return
        try:
            for message in batch:
                yield message, NotNow("out_of_time") if is_over() else _send(mail_of(route, message, connection))
        finally:
            connection.close()


def mail_of(route: Route, message: Outgoing, connection: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """Return the mail of a message, as text and HTML, with what lets a mail program unsubscribe by one request (RFC 8058)."""
    headers = {
        "Message-ID": f"<{message.id}@{address_of_site().rpartition('@')[2] or 'localhost'}>",
        "Auto-Submitted": "auto-generated",
    }
    if message.unsubscribe:
        headers["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        _one_line(message.subject),
        message.text,
        sender_of(route.sender),
        [message.address],
        reply_to=[route.reply_to] if route.reply_to else None,
        headers=headers,
        connection=connection,
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def _one_line(text: str) -> str:
    """Return a text that may stand in the head of a mail."""
    return " ".join(text.split())


def _send(mail: EmailMultiAlternatives) -> Answer:
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        return _refused(next(iter(error.recipients.values()))[0])
    except smtplib.SMTPResponseException as error:
        return Refused(f"smtp_{error.smtp_code}") if error.smtp_code in PERMANENT else NotNow(f"smtp_{error.smtp_code}")
    except (OSError, smtplib.SMTPException):  # in the middle of it: it may have gone
        return NoAnswer()
    except Exception:  # a mail that cannot be made: it is this one's own failure
        log.exception("mail_not_made")
        return Refused("not_a_mail")
    return Accepted(str(getattr(getattr(mail, "anymail_status", None), "message_id", "") or ""))


def _refused(code: int) -> Answer:
    return Refused(f"smtp_{code}", is_address=code in NO_SUCH_ADDRESS) if code in PERMANENT else NotNow(f"smtp_{code}")
