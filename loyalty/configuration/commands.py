"""What the commands have in common that take documents: programs, campaigns and offers as files."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.configuration.document import Change
from loyalty.configuration.findings import Finding
from loyalty.configuration.plain_yaml import read_yaml

Run = Callable[[dict[str, Any]], None]


class DocumentCommand(BaseCommand):
    """A command of several verbs, each a method that is given the options; whatever is refused is told finding by finding."""

    def verb(self, verbs: Any, name: str, about: str, run: Run) -> CommandParser:
        """Add a verb that is about one retailer."""
        found: CommandParser = verbs.add_parser(name, help=about)
        found.set_defaults(run=run)
        found.add_argument("--retailer", required=True, help="the slug")
        return found

    def schema_verb(self, verbs: Any, schema: Callable[[], Any]) -> None:
        """Add the verb that writes the schema of documents to standard output."""

        def write(_options: dict[str, Any]) -> None:
            self.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False))

        verbs.add_parser("schema", help="write the JSON Schema of a document").set_defaults(run=write)

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except DomainError as error:
            for finding in getattr(error, "findings", []):
                self.stderr.write(_said(finding))
            raise CommandError(str(error)) from error

    def tell(self, findings: Iterable[Finding]) -> None:
        """Write findings, a line each."""
        for finding in findings:
            style = self.style.ERROR if finding.is_error else self.style.WARNING
            self.stdout.write(style(_said(finding)))

    def show(self, changes: Iterable[Change]) -> None:
        """Write what a document would change, a line for each value."""
        for change in changes:
            self.stdout.write(f"{change.path}: {_short(change.before)} -> {_short(change.after)}")


def read_document(name: str) -> Any:
    """Return what a file says, or standard input where its name is a dash."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(str(error)) from error
    return read_yaml(text)


def _said(finding: Finding) -> str:
    return f"{_('error') if finding.is_error else _('warning')}: {finding.place}: {finding.message}"


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
