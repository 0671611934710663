"""Make an API key for a retailer's systems."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.models import Retailer
from loyalty.api.models import RetailerKey, Scope


class Command(BaseCommand):
    help = "Make an API key and print it; it is shown only this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")
        parser.add_argument("--name", default="command line")
        parser.add_argument("--scopes", nargs="+", choices=Scope.values, default=Scope.values)

    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = Retailer.objects.filter(slug=options["retailer"]).first()
        if retailer is None:
            raise CommandError(f"There is no retailer {options['retailer']!r}.")
        _, key = RetailerKey.objects.create_key(name=options["name"], retailer=retailer, scopes=options["scopes"])
        self.stdout.write(key)
