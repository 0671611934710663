"""Erase a person; orders and points stay in the books."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import retailer_named
from customers.models import Erasure
from customers.privacy import erase, find


class Command(BaseCommand):
    help = "Erase a person, or, without --yes, say what would be left and lost. It cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="its slug")
        parser.add_argument("customer", help="the retailer's id of the person")
        parser.add_argument("--reason", required=True, help="on whose word, without the person's name: it is kept")
        parser.add_argument("--author", default="", help="who does it")
        parser.add_argument("--yes", action="store_true", help="do it")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **given: Any) -> None:
        retailer = retailer_named(given["retailer"])
        try:
            erased = erase(
                find(retailer, given["customer"]), asked_by=Erasure.AskedBy.STAFF, reason=given["reason"],
                author=given["author"], now=timezone.now(), dry_run=not given["yes"],
            )  # fmt: skip
        except DomainError as error:
            raise CommandError(str(error)) from error
        said = {"status": "erased" if given["yes"] else "would be erased", **asdict(erased)}
        said.pop("is_new")
        self.stdout.write(json.dumps(said, indent=1))
