"""What is written wrongly ends with 2 and what does not exist with 1, each with one line that says so; nothing is done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.core.management import ManagementUtility, get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import connections

from tests.commands.conftest import Shell, fill, write_files

OURS = sorted(name for name, app in get_commands().items() if app.startswith(("customers", "loyalty", "analytics")))
MAY_SAY = {"handle", "add_arguments", "help", "requires_system_checks", "requires_migrations_checks"}


@dataclass(frozen=True)
class Ended:
    """How a command line ended, and what it wrote."""

    status: int
    output: str
    errors: str


Typed = Callable[..., Ended]


@pytest.fixture
def typed(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """
    Return what runs a command line as manage.py does, but in this process, which a start of Python would slow.

    Its folder and its rows are as those of `shell`.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(connections, "close_all", lambda: None)  # a command line ends its process's connections
    write_files(tmp_path, fill())

    def run(*words: str) -> Ended:
        status = 0
        try:
            ManagementUtility(["manage.py", *words]).execute()
        except SystemExit as ending:
            status = int(ending.code or 0)
        said = capsys.readouterr()
        return Ended(status, said.out, said.err)

    return run


def _last_line(said: str) -> str:
    assert "Traceback" not in said
    return said.splitlines()[-1]


@pytest.mark.parametrize("name", OURS)
def test_a_command_replaces_nothing_of_djangos_by_accident(name: str) -> None:
    ours = [
        each
        for each in type(load_command_class(get_commands()[name], name)).__mro__
        if each.__module__.startswith(("customers.", "loyalty.", "analytics."))
    ]

    replaced = {
        word for each in ours for word in vars(each) if not word.startswith("__") and hasattr(BaseCommand, word)
    }

    assert replaced - MAY_SAY == set()


@pytest.mark.parametrize("name", OURS)
def test_help_says_what_a_command_does(name: str, typed: Typed) -> None:
    done = typed(name, "--help")

    assert (done.status, done.errors) == (0, "")
    assert done.output.startswith(f"usage: manage.py {name}")
    assert load_command_class(get_commands()[name], name).help in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("import_csv", "the following arguments are required: retailer, kind, file"),
        ("import_csv my-shop invoices customers.csv", "argument kind: invalid choice: 'invoices'"),
        ("import_csv my-shop orders missing.csv", "argument file: there is no file missing.csv."),
        ("import_csv my-shop orders .", "argument file: there is no file .."),
        ("import_csv my-shop orders orders.csv --problems no/bad.csv", "argument --problems: there is no folder no."),
        ("import_csv my-shop orders club.yaml", "CommandError: These columns are missing: net_amount or unit_price, "),
        ("import_csv my-shop orders orders.csv --dates later", "argument --dates: invalid choice: 'later'"),
        ("import_csv my-shop orders orders.csv --columns sku", "argument --columns: “sku” is not like THEIRS=OURS."),
        ("import_csv --template invoices", "argument --template: invalid choice: 'invoices'"),
        ("import_csv my-shop orders orders.csv --problems .", "argument --problems: . is a folder."),
        ("create_api_key my-shop --scopes everything", "argument --scopes: invalid choice: 'everything'"),
        ("month_end journey-club --month 2026-13", "'2026-13' is not a month such as 2026-10."),
        ("month_end journey-club --month 9999-12", "'9999-12' is not a month such as 2026-10."),
        ("month_end journey-club --journal no/x.csv", "argument --journal: there is no folder no."),
        ("reconcile now", "unrecognized arguments: now"),
        ("program", "the following arguments are required: verb"),
        ("program publish", "argument verb: invalid choice: 'publish'"),
        ("program check club.yaml", "the following arguments are required: --retailer"),
        ("program export journey-club --retailer my-shop --number one", "argument --number: invalid int value: 'one'"),
        ("program plan club.yaml --retailer my-shop --effective-from tomorrow", "“tomorrow” is no instant with a zone"),
        (
            "program apply club.yaml --retailer my-shop --effective-from 2027-01-01",
            "“2027-01-01” is no instant with a zone",
        ),
        (
            "program apply club.yaml --retailer my-shop --effective-from 2027-02-30T00:00:00Z",
            "is no instant with a zone",
        ),
        ("campaign", "the following arguments are required: verb"),
        ("campaign pause", "argument verb: invalid choice: 'pause'"),
        ("campaign check birthday.yaml", "the following arguments are required: --retailer"),
        ("offer", "the following arguments are required: verb"),
        ("offer check spring.yaml", "the following arguments are required: --retailer"),
        ("campaign new birthday --retailer my-shop", "the following arguments are required: --program"),
        ("roll_out shop Nantes --began 2026-02-30", "'2026-02-30' is no day such as 2026-05-31"),
        ("roll_out shop Nantes --began 2026-02-01 --draws 5", "'5' is no number of placebos from 20 on"),
        ("value --cut 2026-13-01", "'2026-13-01' is no day such as 2026-05-31"),
        ("value --horizon 0", "'0' is no number of days from 1 to 3653"),
        ("value --retailer my-shop --plan nowhere/plan.bin", "there is no folder nowhere."),
        ("value --discount-rate 2", "'2' is no rate from 0 to 1"),
        ("value --discount-rate NaN", "'NaN' is no rate from 0 to 1"),
        ("value --discount-rate 0.12345", "'0.12345' is no rate from 0 to 1, with up to 4 decimals"),
        ("demo --size huge", "argument --size: invalid choice: 'huge'"),
    ],
)
def test_what_is_written_wrongly_ends_with_two_and_says_so(command: str, says: str, typed: Typed) -> None:
    done = typed(*command.split())

    assert (done.status, done.output) == (2, "")
    assert says in _last_line(done.errors)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("import_csv nobody orders orders.csv", "There is no retailer nobody. There are: "),
        ("create_api_key nobody", "There is no retailer nobody. There are: "),
        ("program export journey-club --retailer nobody", "There is no retailer nobody. There are: "),
        ("program apply club.yaml --retailer nobody", "There is no retailer nobody. There are: "),
        ("program export nothing --retailer my-shop", "There is no program nothing."),
        ("program export journey-club --retailer corner-shop", "There is no program journey-club."),
        ("program export journey-club --retailer my-shop --number 9", "There is no version 9."),
        ("program check missing.yaml --retailer my-shop", "No such file or directory: 'missing.yaml'"),
        ("program check orders.csv --retailer my-shop", "The document cannot be published."),
        ("program apply orders.csv --retailer my-shop", "The document cannot be applied."),
        ("campaign check birthday.yaml --retailer nobody", "There is no retailer nobody. There are: "),
        ("campaign check orders.csv --retailer my-shop", "The document cannot be published."),
        ("campaign check missing.yaml --retailer my-shop", "No such file or directory: 'missing.yaml'"),
        ("campaign export nothing --retailer my-shop", "There is no campaign nothing. There are: -"),
        ("campaign new birthday --retailer my-shop --program nothing", "There is no program nothing."),
        ("campaign publish nothing --retailer my-shop", "There is no campaign nothing. There are: -"),
        ("offer check spring.yaml --retailer nobody", "There is no retailer nobody. There are: "),
        ("offer check orders.csv --retailer my-shop", "The offer cannot start."),
        ("offer check missing.yaml --retailer my-shop", "No such file or directory: 'missing.yaml'"),
        ("offer apply orders.csv --retailer my-shop", "The document has errors (1), the first: "),
        ("offer export nothing --retailer my-shop", "There is no offer nothing. There are: -"),
        ("offer start nothing --retailer my-shop", "There is no offer nothing. There are: -"),
        ("value --retailer nobody", "There is no retailer nobody. There are: "),
        ("value --retailer my-shop --cut 2099-01-01", "they cannot be cut on 2099-01-01, after it."),
        ("value --plan plan.bin", "A plan is of one retailer: name it by --retailer."),
        ("value_files my-shop orders.csv", "orders.csv is a file; name a folder."),
        ("value_files nobody facts", "There is no retailer nobody. There are: "),
        ("month_end nothing", "Name one program; there are: my-shop/journey-club."),
        ("month_end corner-shop/journey-club", "Name one program; there are: my-shop/journey-club."),
        ("month_end x/my-shop/journey-club", "Name one program; there are: my-shop/journey-club."),
        ("reconsile", "Type 'manage.py help' for usage."),
    ],
)
def test_what_does_not_exist_ends_with_one_and_says_so(command: str, says: str, typed: Typed) -> None:
    done = typed(*command.split())

    assert done.status == 1
    assert says in _last_line(done.errors)


def test_a_document_comes_by_standard_input_as_well(shell: Shell) -> None:
    text = (shell.folder / "club.yaml").read_text(encoding="utf-8")

    checked = shell.manage("program", "check", "-", "--retailer", "my-shop", given=text)
    refused = shell.manage("program", "check", "-", "--retailer", "my-shop", given=text.replace("'100'", "'0'"))

    assert (checked.returncode, checked.stdout) == (0, "The document can be published.\n")
    assert (refused.returncode, refused.stderr) == (1, "CommandError: The document cannot be published.\n")
    assert "error: tiers/bronze: Nobody can stand on" in refused.stdout


@pytest.mark.parametrize("command", ["reconcile now", "program publish", "import_csv nobody orders orders.csv"])
def test_a_process_says_the_same(command: str, typed: Typed, shell: Shell) -> None:
    here = typed(*command.split())

    done = shell.manage(*command.split())

    assert (done.returncode, done.stdout) == (here.status, "")
    assert _last_line(done.stderr).split(".")[0] == _last_line(here.errors).split(".")[0]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "DATABASE_URL is not set."),
        ("sqlite:///x", "DATABASE_URL must name a PostgreSQL"),
        ("postgres://nobody:none@127.0.0.1:1/none", "The database that DATABASE_URL names failed: "),
    ],
)
def test_a_database_that_is_not_there_is_named(url: str, says: str, shell: Shell) -> None:
    shell.environ = {"DATABASE_URL": url}

    done = shell.manage("reconcile")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(says)
    assert "Traceback" not in done.stderr


def test_a_ledger_that_does_not_add_up_ends_with_one(shell: Shell) -> None:
    with psycopg.connect(shell.url(), autocommit=True) as owner:
        owner.execute("UPDATE points_wallet SET available = available + 1")

    done = shell.manage("reconcile")

    assert (done.returncode, done.stdout) == (1, "")
    assert _last_line(done.stderr) == "CommandError: The ledger does not add up in 2 places."


def test_a_file_of_bad_rows_is_told_in_a_file(shell: Shell) -> None:
    (shell.folder / "orders.csv").write_text(
        "order_number,customer,occurred_at,sku,quantity,net_amount\nN1,ada,soon,milk,1,3\n"
    )

    done = shell.manage("import_csv", "my-shop", "orders", "orders.csv", "--problems", "bad.csv")

    assert "1 rows cannot be taken" in done.stdout
    head, row = Path(shell.folder / "bad.csv").read_text(encoding="utf-8-sig").splitlines()
    assert head == "refusal;order_number;customer;occurred_at;sku;quantity;net_amount"
    assert row.startswith("2: occurred_at: “soon” is no date")
    assert row.endswith(";N1;ada;soon;milk;1;3")
