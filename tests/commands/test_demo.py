"""The demo as `make demo` runs it, on one household of sixty."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

from tests.commands.conftest import ROOT, Shell
from tests.conftest import _server, _template_name

# How many they are is another week's another number: the year ends last week, and the months begin elsewhere in it.
WITH_PLANS = r"Plus [1-9]\d*, Max [1-9]\d*"
CHALLENGES_MET = (
    r"Three weeks in a row [1-9]\d*, Six departments in a month [1-9]\d*, "
    r"Ten baskets with produce in a quarter [1-9]\d*, Spend in a month [1-9]\d*"
)
STORED = "✓ 3,070 baskets, 29,138 lines and 91,075.65 USD stored: none lost, none double (tiny)."

# Who is held out follows from the ids that customers got.
WRITTEN = r"Messages +│ ([\d,]+) in members' inboxes; ([\d,]+) of ([\d,]+) entries held out"
BESIDE = r"[\d,]+ orders of 200 drawn customers, of whom \d+ are not invited and \d+ are members, who spend 20% more"


@contextmanager
def empty_database(folder: Path) -> Iterator[Shell]:
    """Make a database in which nothing is but tables, for the time of the body."""
    shell = Shell(folder, f"demo_{folder.name}", {"COLUMNS": "160"})
    with _server("postgres") as server:
        name, template = sql.Identifier(shell.database), sql.Identifier(_template_name())
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        try:
            yield shell
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.mark.slow
def test_the_demo_loads_decides_and_values_and_again_changes_nothing(django_db_setup: None, tmp_path: Path) -> None:
    with empty_database(tmp_path) as shell:
        first, again = (shell.manage("demo", "--size", "tiny") for _ in range(2))

    assert [(done.returncode, done.stderr) for done in (first, again)] == [(0, "")] * 2
    assert all(STORED in done.stdout for done in (first, again))
    assert "Orders imported  │ 3,070 (" in first.stdout
    assert "Orders imported  │ 0 (nothing new)" in again.stdout
    for row, wanted in (("Paid plans", WITH_PLANS), ("Challenges met", CHALLENGES_MET)):
        told = [re.search(rf"{row} +│ (.*?) *│", done.stdout) for done in (first, again)]
        assert told[0] is not None
        assert told[1] is not None
        assert re.fullmatch(wanted, told[0][1])
        assert told[1][1] == told[0][1]
    written = [re.search(WRITTEN, done.stdout) for done in (first, again)]
    assert written[0] is not None
    assert written[1] is not None
    assert written[0].groups() == written[1].groups()
    assert all(int(number.replace(",", "")) > 0 for number in written[0].groups())
    proofs = [re.search(r"The ledger adds up: .*", done.stdout) for done in (first, again)]
    assert proofs[0] is not None
    assert proofs[1] is not None
    assert proofs[0][0] == proofs[1][0]
    beside = [re.search(BESIDE, " ".join(done.stdout.split())) for done in (first, again)]
    assert beside[0] is not None
    assert beside[1] is not None
    assert beside[0][0] == beside[1][0]
    assert "sign in as demo with the password demo" in first.stdout
    assert "/my/complete-journey: sign in as camille@example.com" in again.stdout


@pytest.mark.slow
def test_ctrl_c_ends_all_of_it_without_a_word(django_db_setup: None, tmp_path: Path) -> None:
    with empty_database(tmp_path) as shell:
        demo = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "demo", "--size", "tiny"],
            cwd=tmp_path, env=os.environ | {"DATABASE_URL": shell.url(), "DJANGO_SETTINGS_MODULE": "loyalty.settings.dev"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 - one system call, which needs no lock
        )  # fmt: skip
        assert demo.stdout
        next(line for line in demo.stdout if line.startswith("import"))  # the other process has been started, too
        os.killpg(demo.pid, signal.SIGINT)
        _, said = demo.communicate()  # both have ended: each holds what is read here

    assert (demo.returncode, said) == (128 + signal.SIGINT, "")


def _hear_ctrl_c() -> None:
    """Let what is begun hear it: a shell that begins tests in the background has them, and all that they begin, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
