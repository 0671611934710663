"""Each command that a document names runs as it stands there."""

import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from tests.commands.conftest import ROOT, Shell

PAGES = [
    "README.md", "compose.yaml", "Dockerfile", *sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md")),
]  # fmt: skip
TABLE = ROOT / "docs" / "reference" / "commands.md"
BEGINS = re.compile(r"(?:manage\.py|^(?:\w+=\$\()?manage) +(?P<words>[a-z][^|)>`#&]*)(?:> *(?P<target>\S+))?")
STANDS_FOR = {"RETAILER": "my-shop", "PROGRAM": "journey-club", "REWARD": "cinema"}
# A year from which no promise is in the past, whenever this runs.
LATER = re.compile(r"\b2027-01-01T")
# What each prints, by its first words.
PRINTS = {
    "reconcile": r"\AThe ledger adds up: 1 wallets, 1 lots, 1 movements\.\n\Z",
    "reconcile --replay": r"\nThe pasts of 1 members come to the same; 0 wait for a night or the backlog, or have left\.\n\Z",
    "create_api_key": r"\A\w+\.\w+\n\Z",
    "import_csv my-shop customers": r"\n2 rows: 2 facts are new, 0 known already, 0 rows cannot be taken\.\n\Z",
    "import_csv my-shop orders --preview": r"\A1 rows: 1 facts would be new, 0 known already, 0 rows cannot be taken\.\nRead ",
    "import_csv my-shop orders": r"\n1 rows: 1 facts are new, 0 known already, 0 rows cannot be taken\.\n\Z",
    "import_csv --template": r"\A\ufefforder_number;occurred_at;sku;",
    "import_csv my-shop orders till.csv": r"\n1 rows: 1 facts are new, 0 known already, 0 rows cannot be taken\.\n\Z",
    "import_csv my-shop orders shopify.csv": r"\n4 rows: 2 facts are new, 0 known already, 0 rows cannot be taken\.\n1 row",
    "audit my-shop": r"\nCohorts: .*\n(.|\n)*\nRecommendations: ",
    "value_report": r"\Avalue\.html\n\Z",
    "export_person": r"\A\Z",
    "erase_person": r'\A\{\n "status": "would be erased",\n "orders": 1,',
    "import_codes": r"\A2 new, 0 known, 0 refused\n\Z",
    "month_end journey-club --close": r"Closed: \d{4}-\d{2}\n",
    "month_end journey-club --close --journal": r"\nJournal: october\.csv\nLots: october-lots\.csv\n\Z",
    "value --retailer my-shop": r"\n│ customers +│ 3 +│\n",
    "experiments my-shop": r"\Awinter-hold-out\n",
    "experiments my-shop --detectable": r"\A variant +customers +detects per customer",
    "experiments my-shop --again": r"\Awinter-hold-out, \d{4}-\d{2}-\d{2} \d{2}:\d{2}: the same to the digit\n\Z",
    "recommend --retailer my-shop": r"\n3 customers bought 3 products until .*\n.*: what is popular\nWhat is popular ",
    "roll_out my-shop": r"\A-: None of the \d+ orders names its store\.",
    "uplift --program": r"\n│ run +│ \d+ \(not measured\) +│\n│ answer +│ Not measured: ",
    "uplift_campaign": r"\n│ grade +│ C: a range only: not every check was passed +│\n",
    "campaign new": r"\Acampaign: 1\nprogram: journey-club\ncode: birthday\nname: ",
    "campaign check": r"\AThe document can be published\.\n\Z",
    "campaign plan": r"\Acampaign: - -> 1\nprogram: - -> journey-club\n(.|\n)*\nToday it finds 0 members\. 0 enter\.\n",
    "campaign apply": r"\nVersion 1 of birthday is published\.\n\Z",
    "offer check": r"\AThe offer can start\.\n\Z",
    "offer plan": r"\Aoffer: - -> 1\nprogram: - -> journey-club\n(.|\n)*\nEach reserves 9\.50 EUR at most: .* 94 times\.\n",
    "offer apply": r"\AThe offer spring: live\.\n\Z",
    "program export": r"\Aloyalty: 1\nprogram:\n  slug: journey-club\n",
    "program check": r"\AThe document can be published\.\n\Z",
    "program plan": r"\Apoints for the last 90 days' orders: \d+ -> \d+; liability: 0\.80 -> 0\.80 EUR\n\Z",
    "program apply": r"\AVersion 2 of journey-club is published\.\n\Z",
    "program schema": r"\A\{\n",
    "prune": r"\Adeliveries +\d+  kept for 30 days\nevents +\d+  kept for 90 days\n",
    "createsuperuser": r"\ASuperuser created successfully\.\n\Z",
    "migrate": r"No migrations to apply\.\n\Z",
    "collectstatic": r"\n\d+ static files? (copied|.*)",
}
UNATTENDED = {  # for who cannot be asked, or must not write here
    "createsuperuser": ["--no-input"],
    "collectstatic": ["--dry-run"],
}
OPTIONS_OF_ALL = {
    "help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks",
}  # fmt: skip


def documented() -> list[str]:
    """Return the command lines of all pages, from the word after manage.py on; not where one is only mentioned."""
    return [line for line in named_lines() if " " in line or line in PRINTS]


def named_lines() -> list[str]:
    found = {}
    for page in PAGES:
        for text in _code((ROOT / page).read_text(encoding="utf-8"), whole=not page.endswith(".md")):
            match = BEGINS.search(text)
            if match is not None:
                words = " ".join(match["words"].split())
                found[words + (f" > {match['target']}" if match["target"] else "")] = page
    return sorted(found)


def _code(text: str, *, whole: bool) -> list[str]:
    """Return the lines of a text's code blocks, and what stands between single backticks elsewhere."""
    found: list[str] = []
    is_block = whole
    for line in text.splitlines():
        if line.startswith("```"):
            is_block = not is_block
        else:
            found += [line] if is_block else re.findall(r"`([^`]+)`", line)
    return found


def _kind(words: list[str]) -> str:
    text = " ".join(words)
    fitting = [
        kind for kind in PRINTS if all(word in words for word in kind.split()) and text.startswith(kind.split()[0])
    ]
    assert fitting, f"PRINTS says nothing of {text}"
    return max(fitting, key=lambda kind: len(kind.split()))


@pytest.mark.parametrize("line", documented())
def test_a_documented_command_does_what_it_says(line: str, shell: Shell) -> None:
    command, _, target = line.partition(" > ")
    command = LATER.sub(f"{datetime.now(UTC).year + 1}-01-01T", command)
    words = [STANDS_FOR.get(word, word) for word in shlex.split(command)]
    shell.environ = {f"DJANGO_SUPERUSER_{name}": "ada@example.org" for name in ("USERNAME", "EMAIL", "PASSWORD")}

    done = shell.manage(*words, *UNATTENDED.get(words[0], []))

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(PRINTS[_kind(words)], done.stdout), done.stdout
    if target:
        assert done.stdout == (shell.folder / target).read_text(encoding="utf-8")


def test_the_pages_name_commands() -> None:
    assert {line.split()[0] for line in named_lines()} <= set(get_commands())
    assert {_kind(line.split(" > ")[0].replace("RETAILER", "my-shop").split()) for line in documented()} == set(PRINTS)


def _rows() -> dict[str, str]:
    """Return the usages in the reference's table by the command's name."""
    cells = re.findall(r"^\| `([a-z_]+)([^`]*)`(?:, `[a-z]+`)* \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: rest for name, rest in cells if name != "make"}


def _ours() -> list[str]:
    return sorted(name for name, app in get_commands().items() if app.startswith(("customers", "loyalty", "analytics")))


@pytest.mark.parametrize("name", _ours())
def test_the_reference_names_each_option_of_a_command_and_no_other(name: str) -> None:
    text = TABLE.read_text(encoding="utf-8")
    if name in {"migrate", "shell"}:
        assert f"`{name}`" in text
        return

    options = _options(load_command_class(get_commands()[name], name).create_parser("manage.py", name))

    named = re.findall(r"--([a-z-]+)", _rows()[name])
    assert sorted(named) == sorted(options)


def _options(parser: Any) -> set[str]:
    """Return the long options of a command, but for those of its verbs and of all commands."""
    return {
        option.removeprefix("--")
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and action.dest not in OPTIONS_OF_ALL
    }


def test_each_documented_target_of_make_can_be_made() -> None:
    pages = [ROOT / page for page in PAGES if page.endswith(".md")]
    code = [text for page in pages for text in _code(page.read_text(encoding="utf-8"), whole=False)]
    named = {target for text in code for target in re.findall(r"(?:^|\s)make ([a-z-]+)", text)}
    benchmarks = {name for text in code for name in re.findall(r"NAME=([a-z]+)", text)}

    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert named == {line.split()[0] for line in listed.splitlines()}
    assert [name for name in benchmarks if not (ROOT / "benchmarks" / f"{name}.py").exists()] == []


def test_the_table_names_all_commands() -> None:
    assert set(_rows()) | {"shell"} == set(_ours())
    assert Path(TABLE).name == "commands.md"
