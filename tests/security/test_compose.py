"""The roles of compose.yaml: what the site acts as is no superuser, owns nothing, and becomes nobody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from django.conf import settings
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "loyalty_app": "tried_app",
    "ROLE loyalty ": "ROLE tried ",
    "TO loyalty;": "TO tried;",
    "DATABASE loyalty": "DATABASE tried",
}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def connect(user: str, password: str, database: str) -> psycopg.Connection[Any]:
    default = settings.DATABASES["default"]
    return psycopg.connect(
        host=default["HOST"], port=default["PORT"], user=user, password=password, dbname=database, autocommit=True
    )


@pytest.fixture
def roles() -> Iterator[None]:
    """The roles, and a database, under other names."""
    script = compose()["configs"]["roles"]["content"]
    script = script.replace("${POSTGRES_PASSWORD}", "owner-password").replace("${APP_PASSWORD}", "app-password")
    for name, other in NAMES.items():
        assert name in script
        script = script.replace(name, other)
    default = settings.DATABASES["default"]
    with connect(default["USER"], default["PASSWORD"], "postgres") as server:
        server.execute("CREATE DATABASE tried")
        for statement in script.strip().split("\n"):
            server.execute(statement)
        yield
        server.execute("DROP DATABASE tried WITH (FORCE)")
        for name in ("tried_app", "tried"):
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_what_the_site_acts_as_cannot_get_behind_the_wall(roles: None) -> None:
    with connect("tried", "owner-password", "tried") as owner:
        owner.execute("CREATE TABLE secret (retailer_id bigint)")
        owner.execute("INSERT INTO secret VALUES (1)")
        owner.execute("GRANT SELECT ON secret TO tried_app")
        owner.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY own ON secret USING (current_setting('app.retailer', true) = '1')")
    with connect("tried_app", "app-password", "tried") as app:
        app.execute("RESET ROLE")
        seen = app.execute("SELECT count(*) FROM secret").fetchone()
        powers = app.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        for statement in ("SET ROLE tried", "SET ROLE postgres", "ALTER TABLE secret DISABLE ROW LEVEL SECURITY"):
            with pytest.raises(psycopg.Error):
                app.execute(statement)

    assert (seen, powers) == ((0,), (False, False, False))


def test_the_site_acts_as_that_role_and_migrations_alone_as_the_owner() -> None:
    services = compose()["services"]

    users = {
        name: service["environment"]["DATABASE_URL"].partition("://")[2].partition(":")[0]
        for name, service in services.items()
        if "DATABASE_URL" in service.get("environment", {})
    }

    of_the_site = dict.fromkeys(("web", "worker", "webhooks", "beat"), "loyalty_app")
    assert users == of_the_site | {"migrate": "loyalty"}
    assert services["web"]["environment"]["DATABASE_ROLE"] == ""
    assert "127.0.0.1" in services["web"]["environment"]["ALLOWED_HOSTS"].split(",")
