"""What a retailer's customers are worth, as one HTML file to send."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.reporting import NoDrawing, value_report
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import new_file, retailer_named
from customers.models import Retailer


class Command(BaseCommand):
    help = "Write what a retailer's customers are worth into one HTML file with its charts in it, to be sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retailer", required=True, help="slug")
        parser.add_argument("--out", required=True, type=new_file, help="the HTML file to write")
        parser.add_argument("--language", choices=Retailer.Language.values, help="that of the retailer if not given")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = retailer_named(options["retailer"])
        language = options["language"] or retailer.language
        try:
            with acting_for(retailer.pk):
                page = value_report(retailer, now=timezone.now(), language=language)
        except NoDrawing as error:
            raise CommandError(str(error)) from error
        options["out"].write_text(page, encoding="utf-8")
        self.stdout.write(str(options["out"]))
