"""A database that an earlier release made goes on, or is told how."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from customers.management.commands.migrate import left_half_way

pytestmark = pytest.mark.django_db
OLD_ENDS = {("tiers", "0011_arms"), ("points", "0030_references_of_merged")}


@pytest.mark.parametrize(
    ("recorded", "apps"),
    [
        (set(), []),
        ({("auth", "0001_initial"), ("tiers", "0001_squashed")}, []),
        (OLD_ENDS | {("tiers", "0001_initial"), ("points", "0001_initial")}, []),
        ({("tiers", "0001_initial"), ("points", "0030_references_of_merged")}, ["tiers"]),
        ({("tiers", "0001_initial"), ("points", "0001_initial"), ("auth", "0001_initial")}, ["points", "tiers"]),
    ],
)
def test_only_steps_that_were_left_half_way_stop_it(recorded: set[tuple[str, str]], apps: list[str]) -> None:
    loader = MigrationLoader(connection, replace_migrations=False)

    assert left_half_way(recorded, loader.disk_migrations.values()) == apps
