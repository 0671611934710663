"""Every reason and basis is a code that edges can word: none is made up on the way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import analytics.clv
from analytics.clv.statements import CODES

PACKAGE = Path(analytics.clv.__file__).parent
SPEAKERS = {"Statement", "DidNotConverge"}
BY_NAME = {"_capped": 2}  # functions that take a code, and where


def said() -> Iterator[str]:
    """Yield the codes in the package's source: of statements that are made, and of one of two."""
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                if node.func.id in SPEAKERS or node.func.id in BY_NAME:
                    yield from _strings(node.args[BY_NAME.get(node.func.id, 0)])
                elif node.func.id == "_of_margin":
                    yield from (f"{code}_{kind}" for code in _strings(node.args[0]) for kind in ("margin", "revenue"))


def _strings(node: ast.expr) -> Iterator[str]:
    """Yield a code, or both of a choice."""
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    for each in branches:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def test_every_code_that_is_said_is_known_and_every_known_one_is_said() -> None:
    assert set(said()) == set(CODES)
