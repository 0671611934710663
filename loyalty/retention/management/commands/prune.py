"""Delete what is no longer kept."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.retention.pruning import prune
from loyalty.retention.rules import RULES


class Command(BaseCommand):
    help = "Delete what is no longer kept, as the worker does every hour, but until nothing is left of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [rule.name for rule in RULES]
        parser.add_argument("--only", nargs="+", choices=names, default=names, help="all if left out")
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        chosen, now = [rule for rule in RULES if rule.name in options["only"]], timezone.now()
        if options["dry_run"]:
            found = {rule: rule.rows(now).count() for rule in chosen}
        else:
            found = {each.rule: each.rows for each in prune(now=now, rules=chosen)}
        for rule, rows in found.items():
            kept = f"kept for {getattr(settings, rule.setting)} days" if rule.setting else "when they end"
            self.stdout.write(f"{rule.name:16} {rows:>9,}  {kept}")
