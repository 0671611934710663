"""Mails in the name of a retailer."""

from email.utils import formataddr, parseaddr

from django.conf import settings


def sender_of(name: str) -> str:
    """
    Return by whom a mail is sent: somebody's name, and the address of this site.

    `DEFAULT_FROM_EMAIL` may carry a name of its own, as Django takes it; no mail has two.
    """
    return formataddr((" ".join(name.split()), address_of_site()))


def address_of_site() -> str:
    """Return the address that mails come from."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
