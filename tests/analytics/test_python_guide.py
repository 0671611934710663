import doctest

import pytest

from tests.commands.conftest import ROOT

GUIDE = ROOT / "docs" / "how-to" / "lifetime-value-from-python.md"


def test_every_example_of_the_guide_answers_as_it_says() -> None:
    pytest.importorskip("pandas")

    found = doctest.testfile(
        str(GUIDE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE, encoding="utf-8"
    )

    assert found.attempted > 40
    assert found.failed == 0
