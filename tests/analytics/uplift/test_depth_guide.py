import doctest

from tests.commands.conftest import ROOT

GUIDE = ROOT / "docs" / "how-to" / "offer-depths-from-python.md"


def test_every_example_of_the_guide_answers_as_it_says() -> None:
    found = doctest.testfile(
        str(GUIDE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE, encoding="utf-8"
    )

    assert found.attempted > 30
    assert found.failed == 0
