"""Tables are made together with their triggers, and go together."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pgtrigger
import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger

from customers.core.migrating import Together

pytestmark = pytest.mark.usefixtures("as_owner")
BEFORE = ProjectState()


def _made() -> Together:
    """Return what makes two tables, of which one names the other and has a trigger."""
    made = migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))])
    named = migrations.CreateModel(
        "Tin", [("id", models.BigAutoField(primary_key=True)), ("shelf", models.ForeignKey("Shelf", models.PROTECT))]
    )
    kept = pgtrigger.Protect(name="tins_are_kept", operation=pgtrigger.Delete)
    return Together([made, named, AddTrigger("tin", kept.compile(_tin()))])


def _tin() -> Any:
    state = ProjectState()
    migrations.CreateModel("Tin", [("id", models.BigAutoField(primary_key=True))]).state_forwards("pantry", state)
    return state.apps.get_model("pantry", "Tin")


@contextmanager
def _after(operation: Together) -> Iterator[ProjectState]:
    state = BEFORE.clone()
    operation.state_forwards("pantry", state)
    with connection.schema_editor() as editor:
        operation.database_forwards("pantry", editor, BEFORE, state)
    yield state


def _tables() -> set[str]:
    return {name for name in connection.introspection.table_names() if name.startswith("pantry_")}


def test_tables_and_triggers_are_made_and_go_again() -> None:
    operation = _made()

    with _after(operation) as state:
        made = _tables()
        with connection.schema_editor() as editor:
            operation.database_backwards("pantry", editor, state, BEFORE)

    assert made == {"pantry_shelf", "pantry_tin"}
    assert _tables() == set()
