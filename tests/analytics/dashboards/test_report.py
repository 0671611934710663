"""The report that is sent: one file with its charts in it, in the language of who reads it."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from analytics.dashboards.drawing import Drawing, Series
from analytics.reporting import draw, value_report, vegalite
from tests import make
from tests.analytics.dashboards import shops
from tests.make import NOON

pytestmark = pytest.mark.django_db


class Reader(HTMLParser):
    """What a browser would find in a file: its pictures, tables, texts, and what it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.svgs: list[str] = []
        self.tables = 0
        self.language = ""
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "svg":
            self.svgs.append(given["aria-label"] or "")
        self.tables += tag == "table"
        self.language = given.get("lang") or self.language
        self.fetched += [value for name, value in attrs if name in {"src", "href"} and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.replace("\u00a0", " ").replace("\u202f", " "))

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.mark.parametrize(
    ("language", "title", "numbers"),
    [
        ("en", "Where the value is: share of the first customers", ["200.00 EUR", "310.00 EUR", "75 %", "18.00"]),
        ("fr", "Valeur à risque par décile (EUR)", ["200,00 EUR", "310,00 EUR", "75 %", "18,00"]),
    ],
)
def test_a_report_has_its_pictures_tables_and_numbers(
    tmp_path: Path, language: str, title: str, numbers: list[str]
) -> None:
    shop, out = shops.shop(), tmp_path / "report.html"

    call_command("value_report", "--retailer", shop.slug, "--out", str(out), "--language", language)

    found = Reader(out.read_text(encoding="utf-8"))
    assert (found.language, len(found.svgs), found.tables, found.fetched) == (language, 4, 6, [])
    assert title in found.svgs
    assert [number for number in numbers if number not in found.text] == []
    assert shop.name in found.text


def test_a_report_is_in_the_retailers_language(tmp_path: Path) -> None:
    shop, out = shops.shop(language="fr"), tmp_path / "report.html"

    call_command("value_report", "--retailer", shop.slug, "--out", str(out))

    assert Reader(out.read_text(encoding="utf-8")).language == "fr"


def test_a_refused_run_has_its_reason_and_no_picture(tmp_path: Path) -> None:
    shop, out = make.retailer(language="en"), tmp_path / "report.html"
    shops.run_of(shop, status="refused", code="nothing_bought", total_value=None, model="", card={})

    call_command("value_report", "--retailer", shop.slug, "--out", str(out))

    found = Reader(out.read_text(encoding="utf-8"))
    assert found.svgs == []
    assert "No prediction: Nothing was ever bought." in found.text


def test_what_a_name_says_is_no_markup() -> None:
    shop = shops.shop(name="<script>x</script>", language="en")

    with translation.override("en"):
        page = value_report(shop, now=NOON)

    assert "<script" not in page
    assert "<script>x</script>" in Reader(page).text


def test_bars_lie_under_lines_and_are_named_where_there_are_two() -> None:
    drawn = vegalite(Drawing("t", ["a", "b"], [Series("said", [1, None], "line"), Series("seen", [2, 3])]))

    below, above = drawn["layer"]
    assert (below["mark"]["type"], above["mark"]["type"]) == ("bar", "line")
    assert [point["value"] for point in above["data"]["values"]] == [1, None]
    assert above["encoding"]["color"]["legend"] == {}


def test_a_long_name_of_a_row_is_never_cut() -> None:
    names = [
        "Étude d’événement de Callaway et Sant’Anna",
        "Étude d’événement par imputation, d’un an avant à un an après",
    ]

    picture = draw(Drawing("Two", ["1"], [Series(name, [1.0], "dots") for name in names]))

    assert [name for name in names if f">{name}</text>" in picture] == names


def test_without_the_packages_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, out = shops.shop(), tmp_path / "report.html"
    monkeypatch.setitem(sys.modules, "vl_convert", None)

    with pytest.raises(CommandError, match="extra “reports”"):
        call_command("value_report", "--retailer", shop.slug, "--out", str(out))

    assert not out.exists()
