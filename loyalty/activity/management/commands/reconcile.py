"""Prove the ledger, and on demand its decisions."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.activity.replaying import replay
from loyalty.points.proof import prove
from loyalty.programs.models import Program

SHOWN = 20


class Command(BaseCommand):
    help = "Prove that every balance is the sum of its rows; exits 1 and names the places if one is not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--replay",
            action="store_true",
            help="live every member's past again by the same steps, too, and name whoever comes to something else",
        )

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        proof = prove()
        for difference in proof.differences[:SHOWN]:
            self.stderr.write(str(difference))
        if proof.differences:
            raise CommandError(f"The ledger does not add up in {len(proof.differences)} places.")
        self.stdout.write(
            f"The ledger adds up: {proof.wallets:,} wallets, {proof.lots:,} lots, {proof.movements:,} movements."
        )
        if options["replay"]:
            self._replay()

    def _replay(self) -> None:
        members = skipped = deviations = 0
        for program in Program.objects.order_by("pk"):
            done = replay(program, now=timezone.now())
            members, skipped = members + done.members, skipped + done.skipped
            deviations += len(done.deviations)
            for deviation in done.deviations:
                self.stderr.write(str(deviation))
        if deviations:
            raise CommandError(
                f"{deviations:,} values of {members:,} members are others when their pasts are lived again: look at what "
                "was told late of them, or report them as a fault."
            )
        self.stdout.write(
            f"The pasts of {members:,} members come to the same; {skipped:,} wait for a night or the backlog, or have left."
        )
