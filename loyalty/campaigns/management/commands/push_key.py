"""Make the key by which this site signs Web Push."""

from typing import Any

from django.core.management.base import BaseCommand

from loyalty.campaigns.transports.push_keys import new_key


class Command(BaseCommand):
    help = "Make a key for Web Push and print it as the setting that holds it. Keep it: browsers take messages of this key alone."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(f"VAPID_PRIVATE_KEY={new_key()}")
