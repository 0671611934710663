"""A program as a file: exported, checked, planned, applied."""

from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.management.arguments import retailer_named
from loyalty.configuration import drafts
from loyalty.configuration.checking import check
from loyalty.configuration.commands import DocumentCommand, read_document
from loyalty.configuration.document import apply_to, check_document, schema, to_document
from loyalty.configuration.plain_yaml import to_yaml
from loyalty.planning.plan import Plan, plan
from loyalty.programs.models import Program, ProgramVersion

AUTHOR = "manage.py program"


class Command(DocumentCommand):
    help = "Export a version of a program as a document, or check, plan and apply one."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="write a version as YAML")
        export.set_defaults(run=self.export_version)
        export.add_argument("program", help="the slug")
        export.add_argument("--number", type=int, help="the version; the one in force if left out")
        export.add_argument("--retailer", required=True, help="the slug")
        self.schema_verb(verbs, schema)
        for verb, about, run in (
            ("check", "say what is wrong with a document", self.check_file),
            ("plan", "say what a document would change", self.plan_file),
            ("apply", "make a draft of a document, and publish it if an instant is given", self.apply_file),
        ):
            each = verbs.add_parser(verb, help=about)
            each.set_defaults(run=run)
            each.add_argument("file", help="YAML; - for standard input")
            each.add_argument("--retailer", required=True, help="the slug")
            if verb != "check":
                about_instant = "with its zone; now if left out of a plan"
                each.add_argument("--effective-from", type=_instant, help=about_instant)

    def export_version(self, options: dict[str, Any]) -> None:
        """Write a version to standard output."""
        program, number = self._program(options["retailer"], options["program"]), options["number"]
        versions = program.versions.order_by("number")
        in_force = program.in_force_at(timezone.now()) or versions.first()
        found = versions.filter(number=number).first() if number else in_force
        if found is None:
            raise CommandError(_("There is no version %(number)s.") % {"number": number})
        self.stdout.write(to_yaml(to_document(found)), ending="")

    def check_file(self, options: dict[str, Any]) -> None:
        """Say what is wrong with a document; nothing is kept."""
        said = read_document(options["file"])
        findings = check_document(said)
        if not findings:
            with transaction.atomic():
                findings = check(self._draft(options["retailer"], said))
                transaction.set_rollback(True)
        self.tell(findings)
        if any(finding.is_error for finding in findings):
            raise CommandError(_("The document cannot be published."))
        self.stdout.write(self.style.SUCCESS(_("The document can be published.")))

    def plan_file(self, options: dict[str, Any]) -> None:
        """Say what a document would change; nothing is kept."""
        with transaction.atomic():
            draft = self._draft(options["retailer"], read_document(options["file"]))
            found = plan(draft, effective_from=options["effective_from"] or timezone.now(), now=timezone.now())
            transaction.set_rollback(True)
        self.tell(found.findings)
        self._tell_plan(found, draft.program.retailer.currency)

    def apply_file(self, options: dict[str, Any]) -> None:
        """Make a draft of a document, and publish it where an instant is given."""
        with transaction.atomic():
            draft = self._draft(options["retailer"], read_document(options["file"]))
            instant = options["effective_from"]
            if instant is not None:
                drafts.publish(draft, effective_from=instant, author=AUTHOR, now=timezone.now())
        words = (
            _("Version %(number)s of %(program)s is published.")
            if instant
            else _("Draft %(number)s of %(program)s is made.")
        )
        self.stdout.write(self.style.SUCCESS(words % {"number": draft.number, "program": draft.program.slug}))

    def _draft(self, retailer: str, said: Any) -> ProgramVersion:
        """Return a draft that says what a document says, of the program that it names: a new one if need be."""
        findings = check_document(said)
        if findings:
            self.tell(findings)
            raise CommandError(_("The document cannot be applied."))
        about = said["program"]
        owner = retailer_named(retailer)
        program = Program.objects.filter(retailer=owner, slug=about["slug"]).first()
        now = timezone.now()
        if program is None:
            draft = drafts.create_program(owner, slug=about["slug"], name=about["name"], zone=about["zone"])
        else:
            draft = drafts.open_draft(program, author=AUTHOR, now=now)
        drafts.edit(draft, lambda each: apply_to(each, said), author=AUTHOR, now=now)
        return drafts.locked(draft)

    def _program(self, retailer: str, slug: str) -> Program:
        program = Program.objects.filter(retailer=retailer_named(retailer), slug=slug).first()
        if program is None:
            raise CommandError(_("There is no program %(slug)s.") % {"slug": slug})
        return program

    def _tell_plan(self, found: Plan, currency: str) -> None:
        self.show(found.changes)
        moves = _("%(count)s members: %(first)s -> %(last)s")
        for first, last, count in found.movers.pairs():
            self.stdout.write(moves % {"count": count, "first": first or "-", "last": last or "-"})
        at_risk = _("%(count)s members would no longer qualify, but are protected")
        if found.movers.at_risk:
            self.stdout.write(at_risk % {"count": len(found.movers.at_risk)})
        each = found.estimate
        self.stdout.write(
            _("points for the last 90 days' orders: %(now)s -> %(then)s; liability: %(owed)s -> %(owing)s %(currency)s")
            % {
                "now": each.points_now,
                "then": each.points_then,
                "owed": each.liability_now,
                "owing": each.liability_then,
                "currency": currency,
            }
        )


def _instant(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:  # it looks like one: 2027-02-30T00:00:00Z
        found = None
    if found is None or found.tzinfo is None:
        raise ArgumentTypeError(
            _("“%(text)s” is no instant with a zone, such as 2027-01-01T00:00:00+01:00.") % {"text": text}
        )
    return found
