"""Environments of their own for what is compared with, so that none of it is mixed with what is ours."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def interpreter(name: str) -> Path | None:
    """
    Return the Python of an environment that holds what `benchmarks/NAME.lock` names, made on the first call.

    None where it cannot be installed; how that went stands in the log beside it.
    """
    folder = ROOT / ".state" / name
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    folder.parent.mkdir(exist_ok=True)
    lock = ROOT / "benchmarks" / f"{name}.lock"
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)],
    )
    with (folder.parent / f"{name}.log").open("w") as log:
        for command in commands:
            if subprocess.run(command, check=False, stdout=log, stderr=log).returncode:
                return None
    (folder / "ready").touch()
    return python
