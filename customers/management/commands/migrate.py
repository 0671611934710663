"""Django's `migrate`, as the role that owns the tables instead of the one that the application acts as."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader


class Command(Migrate):
    def handle(self, *given: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        role = connection.settings_dict["OPTIONS"].pop("assume_role", None)
        connection.close()
        try:
            loader = MigrationLoader(connection, replace_migrations=False)
            if apps := left_half_way(loader.applied_migrations, loader.disk_migrations.values()):
                raise CommandError(
                    f"This database was left between the steps of an earlier release ({', '.join(apps)}). Run `migrate` of the "
                    'commit before "Make each app\'s tables in one step" on it, then this one.'
                )
            super().handle(*given, **options)
        finally:
            connection.close()
            if role is not None:
                connection.settings_dict["OPTIONS"]["assume_role"] = role


def left_half_way(recorded: Iterable[tuple[str, str]], migrations: Iterable[Migration]) -> list[str]:
    """Return the apps of which a database has steps that one migration replaces now, but not the last of them."""
    known = set(recorded)
    begun = {app for app, _ in known}
    return sorted(
        step.app_label
        for step in migrations
        if step.replaces and step.app_label in begun and not known & {(step.app_label, step.name), *step.replaces}
    )
