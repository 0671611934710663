"""The demo as `make demo` runs it, on one household of sixty."""

import re
from pathlib import Path

import pytest
from psycopg import sql

from tests.commands.conftest import Shell
from tests.conftest import _server, _template_name

WITH_PLANS = "Plus 1, Max 2"
CHALLENGES_MET = (
    "Three weeks in a row 121, Six departments in a month 245, Ten baskets with produce in a quarter 41, "
    "Spend in a month 203"
)
STORED = "✓ 3,070 baskets, 29,138 lines and 91,075.65 USD stored: none lost, none double (tiny)."

# Who is held out follows from the ids that customers got.
WRITTEN = r"Messages +│ ([\d,]+) in members' inboxes; ([\d,]+) of ([\d,]+) entries held out"
BESIDE = r"[\d,]+ orders of 200 drawn customers, of whom \d+ are not invited and \d+ are members, who spend 20% more"


@pytest.mark.slow
def test_the_demo_loads_decides_and_values_and_again_changes_nothing(django_db_setup: None, tmp_path: Path) -> None:
    shell = Shell(tmp_path, f"demo_{tmp_path.name}", {"COLUMNS": "160"})
    with _server("postgres") as server:
        name, template = sql.Identifier(shell.database), sql.Identifier(_template_name())
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        try:
            first, again = (shell.manage("demo", "--size", "tiny") for _ in range(2))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    assert [(done.returncode, done.stderr) for done in (first, again)] == [(0, "")] * 2
    assert all(STORED in done.stdout for done in (first, again))
    assert "Orders imported  │ 3,070 (" in first.stdout
    assert "Orders imported  │ 0 (nothing new)" in again.stdout
    having = [re.search(r"Paid plans +│ (.*?) *│", done.stdout) for done in (first, again)]
    assert [found and found[1] for found in having] == [WITH_PLANS] * 2
    met = [re.search(r"Challenges met +│ (.*?) *│", done.stdout) for done in (first, again)]
    assert [found and found[1] for found in met] == [CHALLENGES_MET] * 2
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
