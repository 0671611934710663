"""A program as a file, by command: out of one retailer, into another."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from loyalty.programs.models import Program, ProgramVersion
from tests import make

pytestmark = pytest.mark.django_db


def run(*given: str) -> str:
    out = StringIO()
    call_command("program", *given, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    club = make.program(tiers=[("bronze", "0", "1"), ("silver", "100", "1.5")], scheme={"window": "lifetime"})
    make.buys(make.member(club), "80.00")
    path = tmp_path / "club.yaml"
    path.write_text(run("export", club.slug, "--retailer", club.retailer.slug), encoding="utf-8")
    return path


def changed(file: Path, before: str, after: str) -> str:
    file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    return str(file)


def test_the_same_document_gives_another_retailer_the_same_program(file: Path) -> None:
    other = make.retailer()

    said = run("apply", str(file), "--retailer", other.slug, "--effective-from", "2026-01-01T00:00:00+01:00")

    program = Program.objects.get(retailer=other)
    assert "published" in said
    assert run("export", program.slug, "--retailer", other.slug) == file.read_text(encoding="utf-8")


def test_a_plan_says_what_would_change_and_keeps_nothing(file: Path) -> None:
    club = Program.objects.get()

    said = run("plan", changed(file, "threshold: '100'", "threshold: '80'"), "--retailer", club.retailer.slug)

    assert "tiers/silver/threshold: 100 -> 80" in said
    assert "1 members: bronze -> silver" in said
    assert ProgramVersion.objects.count() == 1


def test_a_check_says_what_is_wrong_and_exits_with_it(file: Path) -> None:
    retailer = Program.objects.get().retailer.slug
    assert "can be published" in run("check", str(file), "--retailer", retailer)

    with pytest.raises(CommandError):
        run("check", changed(file, "threshold: '100'", "threshold: '0'"), "--retailer", retailer)
    with pytest.raises(CommandError, match="cannot be applied"):
        run("apply", changed(file, "threshold: '0'", "threshold: many"), "--retailer", retailer)

    assert ProgramVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["export", "club", "--retailer", "nobody"], "There are: "),
        (["check", "nowhere.yaml", "--retailer", "nobody"], "nowhere.yaml"),
        (["apply", "FILE", "--retailer", "SHOP", "--effective-from", "tomorrow"], "no instant"),
    ],
)
def test_what_cannot_be_done_is_said(file: Path, given: list[str], words: str) -> None:
    shop: Any = Program.objects.get().retailer.slug

    with pytest.raises(CommandError, match=words):
        run(*(each.replace("FILE", str(file)).replace("SHOP", shop) for each in given))


def test_the_schema_is_written_out() -> None:
    assert '"urn:loyalty:program-version:1"' in run("schema")
