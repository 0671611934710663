"""A campaign as a file: exported, checked, planned, applied, published; and made of a ready-made journey."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.management.arguments import retailer_named
from customers.models import Retailer
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.publishing.documents import check_document, findings_of, say, schema, written_out
from loyalty.campaigns.publishing.outlook_words import lines_of
from loyalty.campaigns.publishing.ready_made import begin, ready_made, ready_made_named
from loyalty.campaigns.publishing.starting import outlook_of, start
from loyalty.configuration.commands import DocumentCommand, read_document
from loyalty.configuration.plain_yaml import to_yaml
from loyalty.programs.models import Program

AUTHOR = "manage.py campaign"


class Command(DocumentCommand):
    help = "Export a campaign as a document, or check, plan and apply one; or begin with a ready-made journey."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = self.verb(verbs, "export", "write a campaign as YAML", self.export_campaign)
        export.add_argument("code", help="of the campaign")
        export.add_argument("--number", type=int, help="the version; the one in force, or else the draft, if left out")
        self.schema_verb(verbs, schema)
        check = self.verb(verbs, "check", "say what is wrong with a document", self.check_file)
        plan = self.verb(verbs, "plan", "say what a document would change and who would enter", self.plan_file)
        apply = self.verb(verbs, "apply", "make a draft of a document, and publish it if wanted", self.apply_file)
        for each in (check, plan, apply):
            each.add_argument("file", help="YAML; - for standard input")
        self._publishes(apply)
        publish = self.verb(verbs, "publish", "publish a campaign's draft", self.publish_draft)
        publish.add_argument("code", help="of the campaign")
        self._publishes(publish, is_asked=False)
        ready = verbs.add_parser("ready", help="list the ready-made journeys")
        ready.set_defaults(run=self.list_ready)
        new = self.verb(verbs, "new", "make a draft of a ready-made journey, or only write it", self.begin_ready)
        new.add_argument("name", help="of the ready-made journey")
        new.add_argument("--program", required=True, help="the slug")
        new.add_argument("--code", default="", help="of the campaign; the journey's name if left out")
        new.add_argument("--write", action="store_true", help="write it as YAML, and make nothing")

    def _publishes(self, parser: CommandParser, *, is_asked: bool = True) -> None:
        if is_asked:
            parser.add_argument("--publish", action="store_true", help="members enter on it from now on")
        parser.add_argument("--few", action="store_true", help="also where an arm has fewer than 100 customers")

    def export_campaign(self, options: dict[str, Any]) -> None:
        """Write a campaign to standard output."""
        campaign = self._campaign(retailer_named(options["retailer"]), options["code"])
        versions = campaign.versions.order_by("-number")
        number = options["number"] or (campaign.version.number if campaign.version else None)
        found = versions.filter(number=number).first() if number else versions.first()
        if found is None:
            raise CommandError(_("There is no version %(number)s.") % {"number": number})
        self.stdout.write(to_yaml(written_out(found)), ending="")

    def check_file(self, options: dict[str, Any]) -> None:
        """Say what is wrong with a document; nothing is kept."""
        said, retailer = read_document(options["file"]), retailer_named(options["retailer"])
        findings = check_document(said, retailer)
        if not findings:
            with transaction.atomic():
                findings = say(retailer, said, now=timezone.now()).findings
                transaction.set_rollback(True)
        self.tell(findings)
        if any(finding.is_error for finding in findings):
            raise CommandError(_("The document cannot be published."))
        self.stdout.write(self.style.SUCCESS(_("The document can be published.")))

    def plan_file(self, options: dict[str, Any]) -> None:
        """Say what a document would change and who would enter; nothing is kept."""
        now = timezone.now()
        with transaction.atomic():
            found = say(retailer_named(options["retailer"]), read_document(options["file"]), now=now)
            self.show(found.changes)
            self.tell(found.findings)
            if not any(finding.is_error for finding in found.findings):
                self._lines(list(lines_of(outlook_of(found.version, now=now))))
            transaction.set_rollback(True)

    def apply_file(self, options: dict[str, Any]) -> None:
        """Make a draft of a document, and publish it where that is asked for."""
        with transaction.atomic():
            found = say(retailer_named(options["retailer"]), read_document(options["file"]), now=timezone.now())
            if options["publish"]:
                self._publish(found.version, confirms_few=options["few"])
                return
        self.tell(found.findings)
        self._told(found.version, _("Draft %(number)s of %(campaign)s is made."))
        if found.said_revision:
            words = _("To change it again, put this into the document: revision: %(revision)s")
            self.stdout.write(words % {"revision": written_out(found.version)["revision"]})

    def publish_draft(self, options: dict[str, Any]) -> None:
        """Publish what is a draft."""
        campaign = self._campaign(retailer_named(options["retailer"]), options["code"])
        draft = campaign.versions.filter(published_at=None).first()
        if draft is None:
            raise CommandError(_("%(campaign)s has no draft.") % {"campaign": campaign.code})
        self._publish(draft, confirms_few=options["few"])

    def list_ready(self, _options: dict[str, Any]) -> None:
        """Name the ready-made journeys."""
        for each in ready_made().values():
            self.stdout.write(f"{each.name}: {each.about}")

    def begin_ready(self, options: dict[str, Any]) -> None:
        """Make a draft of a ready-made journey, or write it as a document."""
        retailer = retailer_named(options["retailer"])
        program = Program.objects.filter(retailer=retailer, slug=options["program"]).select_related("retailer").first()
        if program is None:
            raise CommandError(_("There is no program %(slug)s.") % {"slug": options["program"]})
        if options["write"]:
            document = ready_made_named(options["name"]).document(program, options["code"])
            self.stdout.write(to_yaml(document), ending="")
            return
        draft = begin(program, options["name"], code=options["code"], now=timezone.now())
        self.tell(findings_of(draft))
        self._told(draft, _("Draft %(number)s of %(campaign)s is made."))

    def _publish(self, draft: CampaignVersion, *, confirms_few: bool) -> None:
        _campaign, outlook = start(draft, author=AUTHOR, confirms_few=confirms_few, now=timezone.now())
        self._lines(list(lines_of(outlook)))
        self._told(draft, _("Version %(number)s of %(campaign)s is published."))

    def _told(self, version: CampaignVersion, words: str) -> None:
        self.stdout.write(self.style.SUCCESS(words % {"number": version.number, "campaign": version.campaign.code}))

    def _campaign(self, retailer: Retailer, code: str) -> Campaign:
        campaigns = Campaign.objects.filter(retailer=retailer)
        campaign = campaigns.filter(code=code).select_related("version").first()
        if campaign is None:
            known = ", ".join(campaigns.order_by("code").values_list("code", flat=True)) or "-"
            raise CommandError(
                _("There is no campaign %(code)s. There are: %(known)s.") % {"code": code, "known": known}
            )
        return campaign

    def _lines(self, lines: list[str]) -> None:
        for line in lines:
            self.stdout.write(line)
