"""pgbench, from the embedded server's package: what PostgreSQL does when nothing else is in the way."""

import os
import subprocess
import time
from tempfile import NamedTemporaryFile

from django.db import connection

from loyalty.embedded.postgres import _package_folder


def pgbench(statement_sql: str, members: int, count: int) -> None:
    """Run a statement with one client, each in a transaction of its own; `:who` is one of the members."""
    given = connection.get_connection_params()
    where = ["-h", given["host"], "-p", str(given["port"]), "-U", given["user"], given["dbname"]]
    binary = str(_package_folder() / "pginstall" / "bin" / "pgbench")
    with NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set who random(0, {members - 1})\n{statement_sql}\n")
        script.flush()
        command = [binary, "-n", "-M", "prepared", "-c", "1", "-t", str(count), "-f", script.name, *where]
        subprocess.run(command, env=os.environ | {"PGPASSWORD": given["password"]}, check=True, capture_output=True)
    time.sleep(0.5)  # the server counts a session's CPU when it has buried it
