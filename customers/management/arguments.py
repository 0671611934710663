"""
What the commands' arguments have in common.

What is written wrongly is refused by the parser (one line, exit code 2) before anything is done; what does not exist is a
CommandError (one line, exit code 1).
"""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from customers.models import Retailer


def day(text: str) -> date:
    """
    Return the day that a text names, such as 2026-05-31.

    :raises ArgumentTypeError: when it names none
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(_("%(text)s is no day such as 2026-05-31.") % {"text": repr(text)}) from error


def existing_file(text: str) -> Path:
    """
    Return the path of a file to read.

    :raises ArgumentTypeError: when there is none
    """
    path = Path(text)
    if not path.is_file():
        raise ArgumentTypeError(_("there is no file %(path)s.") % {"path": path})
    return path


def new_file(text: str) -> Path:
    """
    Return the path of a file to write; one that exists is written anew.

    :raises ArgumentTypeError: when its folder does not exist, or when it is a folder
    """
    path = Path(text)
    if path.is_dir():
        raise ArgumentTypeError(_("%(path)s is a folder.") % {"path": path})
    if not path.parent.is_dir():
        raise ArgumentTypeError(_("there is no folder %(path)s.") % {"path": path.parent})
    return path


def retailer_named(slug: str) -> Retailer:
    """
    Return the retailer of a slug.

    :raises CommandError: when there is none; it names those that there are
    """
    found = Retailer.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Retailer.objects.order_by("slug").values_list("slug", flat=True)) or "-"
        raise CommandError(_("There is no retailer %(slug)s. There are: %(known)s.") % {"slug": slug, "known": known})
    return found
