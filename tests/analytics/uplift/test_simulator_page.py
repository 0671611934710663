import doctest

from tests.commands.conftest import ROOT

PAGE = ROOT / "docs" / "explanation" / "uplift-simulator.md"


def test_the_example_of_the_page_answers_as_it_says() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")

    assert (found.attempted, found.failed) == (10, 0)
