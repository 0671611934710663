"""Django's `migrate`, as the role that owns the tables instead of the one that the application acts as."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections


class Command(Migrate):
    def handle(self, *given: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        role = connection.settings_dict["OPTIONS"].pop("assume_role", None)
        connection.close()
        try:
            super().handle(*given, **options)
        finally:
            connection.close()
            if role is not None:
                connection.settings_dict["OPTIONS"]["assume_role"] = role
