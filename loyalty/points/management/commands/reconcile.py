"""Prove the ledger."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.points.proof import prove

SHOWN = 20


class Command(BaseCommand):
    help = "Prove that every balance is the sum of its rows; exits 1 and names the places if one is not."

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **_options: Any) -> None:
        proof = prove()
        for difference in proof.differences[:SHOWN]:
            self.stderr.write(str(difference))
        if proof.differences:
            raise CommandError(f"The ledger does not add up in {len(proof.differences)} places.")
        self.stdout.write(
            f"The ledger adds up: {proof.wallets:,} wallets, {proof.lots:,} lots, {proof.movements:,} movements."
        )
