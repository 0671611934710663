"""Write down all that is held on a person."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import new_file, retailer_named
from customers.packing import as_zip
from customers.privacy import export, find


class Command(BaseCommand):
    help = "Write down all that is held on a person, as JSON, or as a ZIP of JSON and CSV files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="its slug")
        parser.add_argument("customer", help="the retailer's id of the person")
        parser.add_argument(
            "--zip", type=new_file, metavar="FILE", help="write a ZIP there, and no JSON to standard output"
        )

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **given: Any) -> None:
        retailer = retailer_named(given["retailer"])
        try:
            document = export(find(retailer, given["customer"]), now=timezone.now())
        except DomainError as error:
            raise CommandError(str(error)) from error
        if given["zip"]:
            given["zip"].write_bytes(as_zip(document))
        else:
            self.stdout.write(json.dumps(document, indent=1, ensure_ascii=False))
