"""Documents as files, for the commands that read them."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from loyalty.configuration.document import read_yaml
from loyalty.configuration.findings import Finding


def read_document(name: str) -> Any:
    """Return what a file says, or standard input where its name is a dash."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(str(error)) from error
    return read_yaml(text)


def said_of(finding: Finding) -> str:
    """Return a finding as one line."""
    return f"{_('error') if finding.is_error else _('warning')}: {finding.place}: {finding.message}"


def short(value: Any) -> str:
    """Return a value as a change tells it; a dash for none."""
    return "-" if value is None else str(value)
