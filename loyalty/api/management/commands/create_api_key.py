"""Make an API key for a retailer's systems."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from customers.core.tenancy import acting_for
from customers.management.arguments import retailer_named
from loyalty.api.models import RetailerKey, Scope


class Command(BaseCommand):
    help = "Make an API key and print it; it is shown only this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")
        parser.add_argument("--name", default="command line", help="what tells it from other keys")
        parser.add_argument("--scopes", nargs="+", choices=Scope.values, default=Scope.values, help="all if left out")

    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = retailer_named(options["retailer"])
        with acting_for(retailer.pk):
            _, key = RetailerKey.objects.create_key(name=options["name"], retailer=retailer, scopes=options["scopes"])
        self.stdout.write(key)
