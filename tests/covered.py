"""
Tell how much of the code the tests reached, its branches too: of all of it, and of what decides.

What decides is what must know neither Django nor Celery, by its contract in pyproject.toml, and every file or folder that
is named for deciding. `make coverage` runs the tests and then this.
"""

import sys
import tomllib
from io import StringIO
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
NAMED_FOR_DECIDING = ["*/rules.py", "*/steps.py", "*/state.py", "*/states.py", "*/deciding/*", "loyalty/engine/*"]
CONTRACT = "Decisions know neither Django nor Celery"
GOALS = {"all": 90, "decisions": 95}  # percent
SHOWN = 15


def deciding() -> list[str]:
    """Return patterns of the paths of what decides."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in project["tool"]["importlinter"]["contracts"] if each["name"] == CONTRACT)
    paths = [module.replace(".", "/") for module in contract["source_modules"]]
    return NAMED_FOR_DECIDING + [f"{path}.py" for path in paths] + [f"{path}/*" for path in paths]


def main() -> int:
    """Print both shares and the files that are reached least; return 1 when a goal is missed."""
    measured = Coverage()
    measured.combine(keep=True)
    listed = StringIO()
    shares = {
        "all": measured.report(file=listed, sort="cover", skip_covered=True),
        "decisions": measured.report(file=StringIO(), include=deciding()),
    }
    print(*listed.getvalue().splitlines()[: SHOWN + 2], sep="\n")  # noqa: T201 - this is what it is for
    for name, share in shares.items():
        print(f"coverage of {name}, branches too: {share:.1f} % (goal {GOALS[name]} %)")  # noqa: T201
    return int(any(share < GOALS[name] for name, share in shares.items()))


if __name__ == "__main__":
    sys.exit(main())
