"""Take a file of codes into the pool of a reward."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.activity.rewards.code_files import read_codes
from loyalty.activity.rewards.importing import import_codes
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward


class Command(BaseCommand):
    help = "Take a file of codes (one a line, or the column code of a CSV file) into the pool of a reward."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="its slug")
        parser.add_argument("program", help="its slug")
        parser.add_argument("reward", help="its code in the latest version")
        parser.add_argument("file", type=Path)

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **given: Any) -> None:
        program = Program.objects.filter(retailer__slug=given["retailer"], slug=given["program"]).first()
        if program is None:
            raise CommandError(f"There is no program {given['program']} of a retailer {given['retailer']}.")
        reward = Reward.objects.filter(version__program=program, code=given["reward"]).order_by("-version").first()
        if reward is None:
            raise CommandError(f"No version of {program.slug} has a reward {given['reward']}.")
        try:
            with given["file"].open("rb") as file:
                done = import_codes(
                    program, reward.key, read_codes(file), file_name=given["file"].name, author="command",
                    now=timezone.now(),
                )  # fmt: skip
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        for place, problem in done.problems:
            self.stderr.write(f"line {place}: {problem}")
        self.stdout.write(f"{done.new} new, {done.known} known, {done.refused} refused")
        if done.refused and not done.new:
            raise CommandError("No code is new.")
