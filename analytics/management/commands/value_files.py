"""Write a retailer's facts as Parquet files, for statistics and scoring elsewhere."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.spark.files import write_facts
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import retailer_named


class Command(BaseCommand):
    help = "Write a retailer's orders and returns as Parquet files, as `python -m analytics.spark` reads them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="its slug")
        parser.add_argument("folder", type=Path, help="a new folder, or an empty one")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = retailer_named(options["retailer"])
        folder: Path = options["folder"]
        if folder.exists() and not folder.is_dir():
            raise CommandError(f"{folder} is a file; name a folder.")
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty: what is in it would be read as facts, too.")
        try:
            written = write_facts(retailer, folder)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(f"{table}: {rows:,} rows" for table, rows in written.items()))
