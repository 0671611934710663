"""An offer as a file: exported, checked, planned, applied and started."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.core.money import written
from customers.management.arguments import retailer_named
from customers.models import Retailer
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.checking import schema
from loyalty.campaigns.offering.documents import check, room_of, say, written_out
from loyalty.campaigns.offering.managing import start
from loyalty.configuration.commands import DocumentCommand, read_document
from loyalty.configuration.plain_yaml import to_yaml


class Command(DocumentCommand):
    help = "Export an offer as a document, or check, plan and apply one; or start an offer."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = self.verb(verbs, "export", "write an offer as YAML", self.export_offer)
        self.schema_verb(verbs, schema)
        check_it = self.verb(verbs, "check", "say what is wrong with a document", self.check_file)
        plan = self.verb(verbs, "plan", "say what a document would change, and how far its budget goes", self.plan_file)
        apply = self.verb(verbs, "apply", "make a draft of a document, and start it if wanted", self.apply_file)
        for each in (check_it, plan, apply):
            each.add_argument("file", help="YAML; - for standard input")
        apply.add_argument("--start", action="store_true", help="it is given from now on")
        begin = self.verb(verbs, "start", "start an offer that is a draft", self.start_draft)
        for each in (export, begin):
            each.add_argument("code", help="of the offer")

    def export_offer(self, options: dict[str, Any]) -> None:
        """Write an offer to standard output."""
        offer = self._offer(retailer_named(options["retailer"]), options["code"])
        self.stdout.write(to_yaml(written_out(offer)), ending="")

    def check_file(self, options: dict[str, Any]) -> None:
        """Say what is wrong with a document; nothing is kept."""
        said, retailer = read_document(options["file"]), retailer_named(options["retailer"])
        findings = check(retailer, said, now=timezone.now())
        self.tell(findings)
        if findings:
            raise CommandError(_("The offer cannot start."))
        self.stdout.write(self.style.SUCCESS(_("The offer can start.")))

    def plan_file(self, options: dict[str, Any]) -> None:
        """Say what a document would change, and how far its budget goes; nothing is kept."""
        now = timezone.now()
        with transaction.atomic():
            found = say(retailer_named(options["retailer"]), read_document(options["file"]), now=now)
            self.show(found.changes)
            self.tell(found.findings)
            room = room_of(found.offer, now=now)
            if room is not None:
                words = _("Each reserves %(amount)s at most: it can be given %(times)s times.")
                facts = {"amount": written(room.reserves, found.offer.retailer.currency), "times": room.times}
                self.stdout.write(words % facts)
            transaction.set_rollback(True)

    def apply_file(self, options: dict[str, Any]) -> None:
        """Make a draft of a document, and start it where that is asked for: both, or nothing."""
        now = timezone.now()
        with transaction.atomic():
            found = say(retailer_named(options["retailer"]), read_document(options["file"]), now=now)
            begins = options["start"] and found.offer.state == Offer.State.DRAFT
            offer = start(found.offer, now=now) if begins else found.offer
        if not begins:
            self.tell(found.findings)
        self._told(offer)

    def start_draft(self, options: dict[str, Any]) -> None:
        """Start what is a draft."""
        self._told(start(self._offer(retailer_named(options["retailer"]), options["code"]), now=timezone.now()))

    def _told(self, offer: Offer) -> None:
        words, state = _("The offer %(code)s: %(state)s."), offer.get_state_display()
        self.stdout.write(self.style.SUCCESS(words % {"code": offer.code, "state": state}))

    def _offer(self, retailer: Retailer, code: str) -> Offer:
        offers = Offer.objects.filter(retailer=retailer)
        offer = offers.filter(code=code).select_related("program", "retailer", "budget", "instead", "hold_out").first()
        if offer is None:
            known = ", ".join(offers.order_by("code").values_list("code", flat=True)) or "-"
            raise CommandError(_("There is no offer %(code)s. There are: %(known)s.") % {"code": code, "known": known})
        return offer
