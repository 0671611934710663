"""A name before what it has, as the reader's language sets the colon: French has a space before it."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _


def labelled(name: str | Promise, value: str | Promise) -> str:
    """Return a value behind its name."""
    return _("%(name)s: %(value)s") % {"name": name, "value": value}
