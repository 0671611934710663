"""The comparable posting in django-hordak, run by its own interpreter: a transaction with two legs between two accounts."""

import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username,
            "PASSWORD": url.password, "HOST": url.hostname, "PORT": url.port, "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "djmoney", "hordak"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    DEFAULT_CURRENCY="EUR",
    CURRENCIES=["EUR"],
)  # fmt: skip
django.setup()

from django.core.management import call_command  # noqa: E402 - after the settings
from hordak.models import Account, AccountType  # type: ignore[import-not-found] # noqa: E402 - in its own environment
from moneyed import Money  # type: ignore[import-not-found] # noqa: E402 - in its own environment

ACCOUNTS = 200


def main() -> None:
    count = int(sys.argv[1])
    call_command("migrate", verbosity=0)
    issued = Account.objects.create(name="issued", type=AccountType.liability, currencies=["EUR"])
    members = [
        Account.objects.create(name=f"m{place}", type=AccountType.liability, currencies=["EUR"])
        for place in range(ACCOUNTS)
    ]
    for place in range(20):
        issued.transfer_to(members[place % ACCOUNTS], Money(12, "EUR"))
    print("ready", flush=True)  # noqa: T201 - the benchmark reads it
    sys.stdin.readline()
    for place in range(count):
        issued.transfer_to(members[place * 7919 % ACCOUNTS], Money(12, "EUR"))
    print("done", flush=True)  # noqa: T201 - the benchmark reads it


if __name__ == "__main__":
    main()
