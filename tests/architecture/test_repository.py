"""What must not be in the repository, and what must be complete in it."""

import re
import subprocess
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "loyalty" / "locale" / "fr" / "LC_MESSAGES" / "django.po"


@pytest.mark.parametrize("name", ["base", "demo", "dev", "push", "spark", "stripe"])
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()

    assert "--hash=sha256:" in text
    assert re.search(r"https?://|index-url|find-links", text) is None


def test_no_registry_is_named() -> None:
    hosts = re.compile(r"py" r"pi\.org|python" r"hosted\.org|npm" r"js\.(?:org|com)")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = {name: (ROOT / name).read_text(errors="ignore") for name in files if not name.endswith((".png", ".mo"))}

    assert [name for name, text in texts.items() if hosts.search(text)] == []


def test_every_text_is_translated_into_french() -> None:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="fr")

    untranslated = [message.id for message in catalogue if message.id and (not message.string or message.fuzzy)]

    assert untranslated == []


def test_every_text_of_the_code_is_in_the_catalogue() -> None:
    with CATALOGUE.open("rb") as file:
        known = {
            message.id if isinstance(message.id, str) else message.id[0] for message in read_po(file) if message.id
        }
    sources = [path for folder in ("customers", "loyalty", "analytics") for path in (ROOT / folder).rglob("*.py")]
    used = {
        text.replace('\\"', '"')
        for path in sources
        if "migrations" not in path.parts
        for text in re.findall(r'[^\w]_\(\s*"((?:[^"\\]|\\.)+)"\s*\)', path.read_text())
    }

    assert used - known == set()


def test_the_compiled_catalogue_is_the_written_one() -> None:
    from babel.messages.mofile import read_mo

    with CATALOGUE.open("rb") as written, CATALOGUE.with_suffix(".mo").open("rb") as compiled:
        texts, known = (
            {
                (_context(message.context), _plain(message.id)): _plain(message.string)
                for message in catalogue
                if message.id
            }
            for catalogue in (read_po(written, locale="fr"), read_mo(compiled))
        )

    assert known == texts


def _context(said: str | bytes | None) -> str | None:
    """Return a context as text, which one of the two readers does not."""
    return said.decode() if isinstance(said, bytes) else said


def _plain(text: object) -> tuple[str, ...]:
    """Return singular and plural forms alike, as the two readers do not."""
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type] # a list or tuple of texts


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
